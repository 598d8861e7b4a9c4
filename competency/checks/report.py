"""A bank in figures: how many questions of which kind and level, for whom, and how easy to read.

For the two people who review a version, and for the staff council, which may read a bank before it
is put to use (law L22). Counts only; what is wrong is said by `check`.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from statistics import mean

from competency.checks.words_alone import WordsAlone, words_alone
from competency.framework import Framework
from competency.items import Item, Kind
from competency.readability import Ease, ease
from competency.scale import MAX_LEVEL
from competency.target import RoleProfile


@dataclass(frozen=True, slots=True)
class Row:
    """What the bank holds of one competence."""

    code: str
    title: str
    items: int
    levels: tuple[int, ...]  # how many on level 1, 2, 3, 4
    self_reports: int
    scenes: dict[str, int]  # role -> questions in its own or everybody's scenes, no self-reports


@dataclass(frozen=True, slots=True)
class Report:
    """A bank in figures. Readability: means over the questions, each with its options."""

    pack: str
    items: int
    kinds: dict[str, int]
    pictures: int
    easy_twins: int  # questions with a twin in Einfache Sprache; the others are easy themselves
    about_ai: int
    flesch: float
    wstf: float
    flesch_easy: float
    wstf_easy: float
    words_alone: WordsAlone
    rows: tuple[Row, ...]

    def document(self) -> dict[str, object]:
        """Return it as `roadmap content report --json` prints it."""
        return asdict(self)


def report(
    pack: str, framework: Framework, roles: Sequence[RoleProfile], items: Sequence[Item]
) -> Report:
    """Return the figures of a bank, its competences in the framework's order."""
    standard, easy = [], []
    for item in items:
        standard.append(_ease(item, simple=False))
        easy.append(_ease(item, simple=True))
    return Report(
        pack=pack,
        items=len(items),
        kinds=dict(Counter(i.kind.value for i in items).most_common()),
        pictures=sum(bool(i.picture) for i in items),
        easy_twins=sum(not i.plain for i in items),
        about_ai=sum(bool(i.ai_label) for i in items),
        flesch=round(mean(e.flesch for e in standard), 1),
        wstf=round(mean(e.wstf for e in standard), 1),
        flesch_easy=round(mean(e.flesch for e in easy), 1),
        wstf_easy=round(mean(e.wstf for e in easy), 1),
        words_alone=words_alone(items),
        rows=tuple(_rows(framework, roles, items)),
    )


def _ease(item: Item, *, simple: bool) -> Ease:
    stem = (item.stem_plain if simple else "") or item.stem
    if item.kind in (Kind.SELF_RATING, Kind.REFLECTION):  # the same steps everywhere
        return ease([stem])
    return ease([stem, *((simple and o.text_plain) or o.text for o in item.options)])


def _rows(
    framework: Framework, roles: Sequence[RoleProfile], items: Iterable[Item]
) -> Iterable[Row]:
    items = tuple(items)
    for code, competency in framework.by_code.items():
        mine = [i for i in items if i.competency == code]
        levels = Counter(i.level for i in mine)
        yield Row(
            code=code,
            title=competency.title,
            items=len(mine),
            levels=tuple(levels[n] for n in range(1, MAX_LEVEL + 1)),
            self_reports=sum(i.self_report for i in mine),
            scenes={
                r.key: sum(i.scene((r.key,)).familiar and not i.self_report for i in mine)
                for r in roles
            },
        )
