"""The minutes of a Soll workshop: both groups, every count that may be shown, values and reasons.

One paper for Word and for the browser. No person is in it: what could pick somebody out was never
stored, or is said only coarsely (`competency.workshop`).
"""

from collections.abc import Iterator
from datetime import datetime

from competency.packs import Content
from competency.scale import MAX_LEVEL
from competency.soll import Granularity, SollVersion
from competency.workshop import Agreement
from lti_tool.flows.workshop import Desk, Topic
from lti_tool.papers import Block, Facts, Figure, Grid, Heading, Paper, Text
from lti_tool.web import ballot_words as words
from lti_tool.web import nets
from lti_tool.web.admin import soll_words
from lti_tool.web.ballot_words import Shown
from lti_tool.web.formats import date_of, language, moment
from lti_tool.web.translate import gettext as _
from lti_tool.web.wording import local

NO_BREAK = "\N{NO-BREAK SPACE}"
LANGUAGES = {"de": "de-DE", "en": "en-GB"}


def paper(
    desk: Desk, content: Content, tenant: str, version: SollVersion | None, now: datetime
) -> Paper:
    """Return the minutes; `version` is what the workshop ended in, None before."""
    role = local(desk.role, "title")
    blocks = [
        _facts(desk, tenant, version, now),
        Text(
            _("Votes are blind. When a vote is closed, single votes are deleted.")
            + " "
            + _("A group with fewer than three votes is not shown apart.")
            + " "
            + _("In brackets: how many voted for a value.")
        ),
        Heading(1, _("At a glance")),
        _glance(desk, content),
        *_net(desk, content),
        Heading(1, _("Topic by topic")),
        *(block for topic in desk.topics for block in _topic(desk, content, topic)),
    ]
    return Paper(
        title=_("Minutes: Soll workshop “%(role)s”", role=role),
        language=LANGUAGES[language()],
        blocks=blocks,
    )


def _facts(desk: Desk, tenant: str, version: SollVersion | None, now: datetime) -> Facts:
    one, groups = desk.workshop, words.groups()
    invited = ", ".join(f"{groups[g]}: {n}" for g, n in one.invited.items() if n)
    rows = [
        (_("Municipality"), tenant),
        (_("Role"), f"{local(desk.role, 'title')} ({desk.role.key})"),
        (_("Opened"), moment(one.made.at)),
        (_("Ended"), moment(one.ended) if one.ended else _("not yet")),
        (_("Invited"), invited),
        (_("Set"), str(soll_words.GRANULARITIES[one.granularity])),
        (_("Scale"), _("%(number)s levels", number=one.scale)),
        (_("Framework"), one.framework),
        (_("Result"), _result(version)),
        (_("Written"), moment(now)),
    ]
    return Facts(rows)


def _result(version: SollVersion | None) -> str:
    if version is None:
        return _("No draft yet")
    if version.approved is None or version.valid_from is None:
        said = _("Draft of version %(number)s. It counts when it is approved.")
        return said % {"number": version.number}
    return _(
        "Version %(number)s, approved by %(office)s, counts from %(day)s.",
        number=version.number,
        office=version.approved_as,
        day=date_of(version.valid_from.isoformat()),
    )


def _glance(desk: Desk, content: Content) -> Grid:
    scale = desk.workshop.scale
    rows = []
    for topic in desk.topics:
        shown = words.shown(topic.view, scale)
        value = words.said(topic.agreed.step, scale) if topic.agreed else _("open")
        rows.append((_title(content, topic), shown.word if shown else _("not voted"), value))
    return Grid(_("All values"), (_("Topic"), _("Votes"), _("Settled")), rows)


def _net(desk: Desk, content: Content) -> Iterator[Block]:
    """Yield the net of what was settled, from five areas on; per area its table stands above."""
    one = desk.workshop
    settled = {t.code: t.agreed.step if t.agreed else None for t in desk.topics}
    found = nets.of_soll(content.framework, settled, one.scale)
    if found is not None:
        apart = one.granularity is not Granularity.AREA
        grid = Grid(found.title, found.headings, found.rows) if apart else None
        names = (area for area, _value in found.rows)
        yield Figure(
            picture=found,
            grid=grid,
            text=f"{found.title}. {found.text}",
            key=found.key,
            points=[found.headings, *zip(names, found.values, strict=True)],
            top=len(found.net.rings) + len(found.net.fine),
            step=one.scale // MAX_LEVEL,
        )


def _topic(desk: Desk, content: Content, topic: Topic) -> Iterator[Block]:
    """Yield heading and facts of a topic: the short ones first, they share a line."""
    scale = desk.workshop.scale
    yield Heading(2, _title(content, topic))
    if topic.round > 1:
        yield Text(_("The counts are those of vote %(number)s.", number=topic.round))
    shown, facts = words.shown(topic.view, scale), []
    if topic.agreed is not None:
        facts.append((_("Settled"), words.said(topic.agreed.step, scale)))
    if topic.force is not None:
        facts.append((_("In force today"), words.said(topic.force, scale)))
    if topic.proposal is not None:
        facts.append((_("Proposal of roadMAP"), words.said(topic.proposal, scale)))
    if shown is not None:
        facts.extend(_votes(shown))
    if topic.agreed is not None:
        facts.append((_("Reason"), topic.agreed.reason))
    yield Facts(facts)


def _votes(shown: Shown) -> Iterator[tuple[str, str]]:
    """Yield how far the votes lie apart, and of each group what it chose and how often."""
    apart = "" if shown.sentence and shown.agreement == Agreement.UNKNOWN else shown.word
    yield _("Votes"), ". ".join(filter(None, (apart, shown.sentence)))
    for chart in shown.charts:
        group, _colon, number = chart.title.partition(": ")
        chosen = (f"{bar.label} ({bar.votes})" for bar in chart.bars if bar.votes)
        each = ", ".join(one.replace(" ", NO_BREAK) for one in chosen)
        yield group, f"{number}. {chart.median}. {each}."


def _title(content: Content, topic: Topic) -> str:
    return f"{topic.code} {local(content.framework.topic(topic.code), 'title')}"
