"""The words of a Soll workshop: anchors of both scales, examples from the work, what votes say."""

from collections.abc import Mapping
from dataclasses import dataclass

from competency.items import Item, Kind
from competency.packs import Content
from competency.scale import MAX_LEVEL, level_of_step, mark_of_step
from competency.target import RoleProfile
from competency.workshop import Agreement, Detail, Group, View
from lti_tool.flows import ballot
from lti_tool.web.formats import language, number
from lti_tool.web.translate import gettext as _
from lti_tool.web.translate import ngettext, pgettext
from lti_tool.web.wording import local, quoted


@dataclass(frozen=True, slots=True)
class Anchor:
    """One answer of a vote: the step, its mark on the scale, a word and what it means."""

    step: int
    mark: str
    word: str
    meaning: str = ""


@dataclass(frozen=True, slots=True)
class About:
    """What a vote is about."""

    title: str
    plain: str
    example: str


@dataclass(frozen=True, slots=True)
class Bar:
    """How many chose one answer: in words, and as a share of the widest bar in per cent."""

    label: str
    votes: int
    width: str


@dataclass(frozen=True, slots=True)
class Chart:
    """The votes of one group, or of all."""

    group: str  # lead | staff | all
    title: str
    median: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """What a page says of the votes about one topic."""

    detail: str
    agreement: str  # same | close | apart | unknown
    word: str
    sentence: str
    charts: tuple[Chart, ...]


def groups() -> dict[Group, str]:
    return {Group.LEAD: _("Leaders"), Group.STAFF: _("Staff of this job")}


def anchors(scale: int) -> tuple[Anchor, ...]:
    """Return the answers of a scale, from "not needed" up."""
    words = _four() if scale == MAX_LEVEL else _eight()
    return tuple(
        Anchor(step, number(mark_of_step(step, scale)), word, meaning)
        for step, (word, meaning) in words.items()
    )


def _four() -> dict[int, tuple[str, str]]:
    return {
        0: (pgettext("vote", "Not needed"), _("This work does not need it.")),
        1: (pgettext("vote", "With help"), _("It is enough if somebody helps.")),
        3: (pgettext("vote", "On your own"), _("In everyday work, alone.")),
        5: (pgettext("vote", "Confidently"), _("Also when something is new. Helps others.")),
        7: (pgettext("vote", "Leads others"), _("Shapes it and shows it to others.")),
    }


def _eight() -> dict[int, tuple[str, str]]:
    help_, own = pgettext("vote", "With help"), pgettext("vote", "On your own")
    sure, leads = pgettext("vote", "Confidently"), pgettext("vote", "Leads others")
    return {
        0: (pgettext("vote", "Not needed"), _("This work does not need it.")),
        1: (help_, _("Very simple tasks, with somebody beside.")),
        2: (help_, _("Simple tasks, with help where it is needed.")),
        3: (own, _("What is always the same.")),
        4: (own, _("Also what does not happen every day.")),
        5: (sure, _("Different tasks. Helps others.")),
        6: (sure, _("Finds the best way, also when it is new.")),
        7: (leads, _("Solves what is difficult, and shows it to others.")),
        8: (leads, _("Develops new ways for all.")),
    }


def said(step: int, scale: int) -> str:
    """Return a step in words: "2 On your own"."""
    mark = number(mark_of_step(step, scale))
    near = min(anchors(scale), key=lambda a: (abs(a.step - step), a.step))
    return f"{mark} {near.word}"


def about(content: Content, role: RoleProfile, code: str) -> About:
    """Return title, one plain sentence and an example from the work of the role."""
    topic = content.framework.topic(code)
    inside = content.framework.areas_by_code.get(code)
    if inside is not None:
        titles = (local(content.framework.by_code[c], "title") for c in _measured(content, code))
        plain = _("In it: %(topics)s.", topics=", ".join(titles))
    else:
        plain = local(topic, "plain")
    found = ballot.example(content, role, code)
    return About(local(topic, "title"), plain, _example(found) if found else "")


def _measured(content: Content, area: str) -> tuple[str, ...]:
    return content.framework.measured(area)


def _example(item: Item) -> str:
    """Return a scene in one line: what a self-rating asks about, else a question's topic."""
    stem = local(item, "stem")
    if item.kind is Kind.SELF_RATING and "? " in stem:
        return stem.partition("? ")[2]
    return local(item, "topic")


def reason(role: RoleProfile, code: str) -> str:
    """Return why the pack proposes its value; of an area, and without one, the role's reason."""
    english = role.reasons_en if language() == "en" else {}
    return english.get(code) or role.reasons.get(code) or local(role, "reason")


def shown(found: View | None, scale: int) -> Shown | None:
    """Return what is said of votes; None while nobody may know anything."""
    if found is None:
        return None
    words = {
        Agreement.SAME: _("all say the same"),
        Agreement.CLOSE: _("close together"),
        Agreement.APART: _("far apart"),
        Agreement.UNKNOWN: _("too few votes"),
    }
    return Shown(
        detail=found.detail.value,
        agreement=found.agreement.value,
        word=words[found.agreement],
        sentence=_sentence(found),
        charts=_charts(found, scale),
    )


def _sentence(found: View) -> str:
    if found.detail is Detail.HIDDEN:
        return _("Fewer than three votes: they are not shown, so that nobody is recognised.")
    if found.detail is Detail.COARSE:
        level = _four()[max(0, 2 * found.level - 1)][0]
        return _(
            "In the middle: %(level)s. There are too few votes for more.", level=quoted([level])
        )
    if found.detail is Detail.TOGETHER:
        return _("One group is too small. So all votes are shown together.")
    return ""


def _charts(found: View, scale: int) -> tuple[Chart, ...]:
    return tuple(
        Chart(
            group=spread.group.value if spread.group else "all",
            title=f"{_who(spread.group)}: {votes(spread.votes)}",
            median=median(spread.median, scale),
            bars=_bars(spread.counts, scale),
        )
        for spread in found.spreads
    )


def _who(group: Group | None) -> str:
    return groups()[group] if group else _("All together")


def votes(count: int) -> str:
    return ngettext("%(num)d vote", "%(num)d votes", count)


def median(middle: tuple[int, int], scale: int) -> str:
    """Return the middle in words; between two where they differ."""
    low, high = (said(step, scale) for step in middle)
    if low == high:
        return _("In the middle: %(level)s", level=low)
    return _("In the middle: between %(low)s and %(high)s", low=low, high=high)


def _bars(counts: Mapping[int, int], scale: int) -> tuple[Bar, ...]:
    """Return one bar per answer of the scale; what lies between two answers gets its own."""
    steps = sorted({a.step for a in anchors(scale)} | counts.keys())
    widest = max(counts.values(), default=1)
    return tuple(
        Bar(said(step, scale), n, f"{round(100 * n / widest)}%")
        for step in steps
        for n in (counts.get(step, 0),)
    )


def level_word(step: int) -> str:
    """Return the word of the four levels a step lies in."""
    return _four()[max(0, 2 * level_of_step(step) - 1)][0]
