"""What the pages of a workshop share: whose it is, how to come in, what its topics say."""

from dataclasses import dataclass
from datetime import UTC, datetime

from flask import request

from lti_tool.errors import Conflict, NotFound
from lti_tool.flows import workshop
from lti_tool.flows.soll import NotNow
from lti_tool.flows.workshop import Desk, NotSettled, StillVoting
from lti_tool.ports import Workshop
from lti_tool.web import ballot_words, qr
from lti_tool.web.admin import session
from lti_tool.web.admin.soll_parts import tenant_id
from lti_tool.web.formats import moment
from lti_tool.web.services import house, services
from lti_tool.web.translate import gettext as _
from lti_tool.web.translate import ngettext
from lti_tool.web.wording import local

EVERYBODYS = frozenset(("admin", "hr"))
DONE = ("offen", "zu", "nochmal", "wert", "einig", "code", "aus")


@dataclass(frozen=True, slots=True)
class TopicLine:
    """One topic on the desk."""

    code: str
    title: str
    shown: ballot_words.Shown | None
    agreed: str


def found(shop: str) -> Desk:
    """Return a workshop that this person may see; :raises NotFound: there is none."""
    here = workshop.desk(services(), tenant_id(), shop, datetime.now(UTC))
    if not is_mine(here.workshop):
        raise NotFound("There is no such workshop.")
    return here


def is_mine(one: Workshop) -> bool:
    here = session.current()
    return bool(here.roles & EVERYBODYS) or one.made.by == here.actor.name


def invitation(one: Workshop) -> dict[str, object]:
    """Return how to come in, or that nobody can any more."""
    good = one.code and one.expires is not None and one.expires > datetime.now(UTC)
    base = house().settings.server.base_url
    code = one.code if good else ""
    return {
        "code": f"{code[:4]} {code[4:]}" if code else "",
        "address": f"{base.partition('://')[2]}/soll",
        "qr": qr.drawn(f"{base}/soll?code={code}") if code else "",
        "until": moment(one.expires) if code and one.expires else "",
    }


def come(here: Desk) -> list[tuple[str, str]]:
    """Return per group how many have come, of how many."""
    return [
        (title, _("%(here)s of %(all)s", here=here.seats.get(group, 0), all=invited))
        for group, title in ballot_words.groups().items()
        if (invited := here.workshop.invited.get(group, 0))
    ]


def voted(here: Desk) -> str:
    if here.voting is None:
        return ""
    return ngettext(
        "%(num)d person has answered everything.",
        "%(num)d people have answered everything.",
        sum(here.voted.values()),
    )


def topic_lines(here: Desk) -> list[TopicLine]:
    """Return the topics: what is far apart first, what is settled last."""
    framework, scale = services().content.framework, here.workshop.scale
    order = {"apart": 0, "unknown": 1, "close": 2, "same": 3}
    lines = [
        TopicLine(
            t.code,
            local(framework.topic(t.code), "title"),
            ballot_words.shown(t.view, scale),
            ballot_words.said(t.agreed.step, scale) if t.agreed else "",
        )
        for t in here.topics
    ]
    if here.voting is not None:
        return lines
    return sorted(lines, key=lambda n: (bool(n.agreed), order[n.shown.agreement] if n.shown else 0))


def wrong_of(error: Conflict) -> str:
    said: dict[type[Conflict], str] = {
        StillVoting: _("People are voting. Close the vote first."),
        NotSettled: _("Some topics have no value yet."),
        NotNow: _("A version of this role is being checked. Decide it first."),
    }
    return said[type(error)]


def done() -> str:
    done = request.args.get("getan", "")
    return done if done in DONE else ""
