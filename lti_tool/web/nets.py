"""The net of the areas where only the Soll or only the level is known: minutes, shared results.

The drawing is that of the profile (`charts.net`). It is made from five areas on, as the towns draw
it; an area is the mean of its topics, or the area's own value where that was set.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from competency.framework import Framework
from competency.profile import Verdict
from competency.scale import MAX_LEVEL, mark_of_step, on_scale
from lti_tool.ports import Said
from lti_tool.web import ballot_words, charts, wording
from lti_tool.web.charts import AreaStanding, Net
from lti_tool.web.formats import number
from lti_tool.web.translate import gettext as _
from lti_tool.web.translate import ngettext
from lti_tool.web.wording import local

AREAS = 5


@dataclass(frozen=True)
class Picture:
    """A net with what it says: in a sentence, in a key, and as the rows of a table."""

    net: Net
    title: str
    text: str
    key: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    values: tuple[float, ...] = ()  # of what is needed, on the net's own scale


def of_soll(framework: Framework, settled: Mapping[str, int | None], scale: int) -> Picture | None:
    """Return the net of what was settled, topic -> step; an area with an open topic is not known.

    None where fewer than five areas are known.
    """
    places, rows, values = {}, [], []
    for area, codes in _members(framework, settled).items():
        steps = [s for c in codes if (s := settled[c]) is not None]
        if len(steps) == len(codes):
            places[area] = (mark := _mean(mark_of_step(s, MAX_LEVEL) for s in steps),) * 2
            values.append(round(on_scale(mark, scale), 1))
            rows.append((_short(framework, area), number(values[-1])))
    net = _net(framework, places, scale)
    if net is None:
        return None
    return Picture(
        net=replace(net, band=""),
        title=_("Net: what the role needs"),
        text=_sentence(rows),
        key=_("Dashed line with diamonds: what is needed.")
        + " "
        + _key(net, _votes(scale), settled),
        headings=(_("Area"), _("Needed (mean of its topics)")),
        rows=tuple(rows),
        values=tuple(values),
    )


def of_shared(framework: Framework, said: Iterable[Said]) -> Picture | None:
    """Return the net of a shared result; it says no more than the topics that are shared."""
    by_code, places, rows = {x.code: x for x in said}, {}, []
    for area, codes in _members(framework, by_code).items():
        low = _mean(by_code[c].low for c in codes)
        high = _mean(by_code[c].high for c in codes)
        places[area] = (low, high + 1)  # a level is a cell as wide as one
        # Outwards: the words must not say more than the topics do.
        word = wording.from_to(math.floor(low), math.ceil(high))
        rows.append((_short(framework, area), f"{word} ({_from(area, codes)})"))
    net = _net(framework, places, MAX_LEVEL)
    if net is None:
        return None
    words = dict(enumerate(wording.levels()))
    return Picture(
        net=replace(net, soll="", marks=()),
        title=_("Net: the shared areas"),
        text=_sentence(rows),
        key=_("Striped: the level lies here. The wider, the less sure.")
        + " "
        + _key(net, words, by_code),
        headings=(_("Area"), _("Level")),
        rows=tuple(rows),
    )


def _from(area: str, codes: Sequence[str]) -> str:
    if codes == [area]:
        return _("the whole area")
    return ngettext("%(num)d topic", "%(num)d topics", len(codes))


def _members(framework: Framework, codes: Iterable[str]) -> dict[str, list[str]]:
    """Return the codes by area, in the framework's order; an area's own value stands alone."""
    there = set(codes)
    grouped = (
        (a.code, [a.code] if a.code in there else [c.code for c in a.competencies])
        for a in framework.areas
    )
    found = ((area, [c for c in members if c in there]) for area, members in grouped)
    return {area: members for area, members in found if members}


def _net(framework: Framework, places: Mapping[str, tuple[float, float]], scale: int) -> Net | None:
    if len(places) < AREAS:
        return None
    areas = [
        AreaStanding(code, low, high, high, Verdict.NONE, {})
        for code, (low, high) in places.items()
    ]
    return charts.net(areas, {a.code: local(a, "short") for a in framework.areas}, scale)


def _mean(values: Iterable[float]) -> float:
    numbers = tuple(values)
    return math.fsum(numbers) / len(numbers)


def _short(framework: Framework, area: str) -> str:
    return local(framework.areas_by_code[area], "short")


def _sentence(rows: Sequence[Sequence[str]]) -> str:
    return "; ".join(f"{area}: {value}" for area, value in rows) + "."


def _votes(scale: int) -> dict[int, str]:
    """Return the words of the vote by level 1 to 4."""
    return {math.ceil(a.step / 2): a.word for a in ballot_words.anchors(scale)}


def _key(net: Net, words: Mapping[int, str], codes: Iterable[str]) -> str:
    """Return what the rings mean, and that areas are means where not each has its own value."""
    said = (f"{wording.rings(n, net.scale)} = {words[n]}" for n in range(1, len(net.rings) + 1))
    rings = _("Rings: %(rings)s.", rings=", ".join(said))
    if {a.area for a in net.areas} <= set(codes):
        return rings
    return _("Each area is the mean of its topics.") + " " + rings
