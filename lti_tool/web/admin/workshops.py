"""Soll workshops for whoever moderates: invite, close the vote, settle, hand over a draft.

A manager sees and runs the own workshops; human resources see all. Nobody sees a vote before its
round is closed, and afterwards counts only.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from competency.scale import MAX_LEVEL
from competency.soll import Granularity
from competency.workshop import Group
from lti_tool.errors import Conflict, NotFound
from lti_tool.flows import role_list, workshop
from lti_tool.flows.role_list import day_of
from lti_tool.flows.soll import NotNow
from lti_tool.flows.workshop import Desk, NotSettled, Plan, StillVoting, TooFew
from lti_tool.ports import Workshop
from lti_tool.web import ballot_words
from lti_tool.web.admin import session, soll_words, words
from lti_tool.web.admin.soll_parts import tenant_id
from lti_tool.web.admin.workshop_parts import (
    come,
    done,
    found,
    invitation,
    is_mine,
    topic_lines,
    voted,
    wrong_of,
)
from lti_tool.web.formats import moment
from lti_tool.web.services import services
from lti_tool.web.translate import gettext as _
from lti_tool.web.wording import local


@dataclass(frozen=True, slots=True)
class Line:
    """A workshop in the list."""

    id: str
    title: str
    state: str  # open | done | dropped
    facts: tuple[tuple[str, str], ...]


def workshops() -> str:
    """List the workshops of this municipality."""
    s, now = services(), datetime.now(UTC)
    with s.store.read() as work:
        everyone = role_list.everyone(s, work, tenant_id(), day_of(now))
    titles = {r.key: local(r, "title") for r in everyone}
    found = [w for w in workshop.listed(s, tenant_id()) if is_mine(w)]
    page = {"workshops": [_line(w, titles) for w in found], "done": done()}
    return render_template("admin/workshops.html", page=page)


def new() -> str:
    """Show the form of a new workshop."""
    return _form(request.args.get("rolle", ""))


def start() -> Response | str:
    """Open a workshop and its first, blind vote."""
    form = request.form
    area = form.get("granularity") != Granularity.COMPETENCE
    plan = Plan(
        role=form.get("role", ""),
        granularity=Granularity.AREA if area else Granularity.COMPETENCE,
        scale=8 if form.get("scale") == "8" else MAX_LEVEL,
        invited=_invited(),
        lives=form.get("lives", ""),
    )
    try:
        made = workshop.start(services(), session.actor(), tenant_id(), plan, datetime.now(UTC))
    except TooFew:
        return _form(plan.role, wrong="few")
    except NotFound:
        return _form(plan.role, wrong="role")
    return redirect(url_for("admin.workshop", shop=made.id, getan="offen"), 303)


def desk(shop: str) -> str:
    """Show one workshop: who has come, what the votes say, what is settled, what comes next."""
    return _desk_page(found(shop))


def act(shop: str) -> Response | str:
    """Close the vote, vote again, settle what nobody disputes, end, give up, or make a code."""
    here, did = found(shop), request.form.get("do", "")
    s, by, now = services(), session.actor(), datetime.now(UTC)
    ours = (s, by, tenant_id(), here.workshop.id)
    try:
        if did == "close":
            sent = request.form.get("round", "")
            number = int(sent) if sent.isdecimal() and len(sent) < 5 else 0
            workshop.close_round(*ours, number, now)
        elif did == "again":
            workshop.vote_again(*ours, request.form.getlist("topic"), now)
        elif did == "undisputed":
            workshop.agree_undisputed(*ours, now)
        elif did == "code":
            workshop.invite(*ours, now, lives=request.form.get("lives", ""), invited=_invited())
        elif did == "nobody":
            workshop.invite(*ours, now, close=True)
        elif did == "drop":
            workshop.drop(*ours, now)
        elif did == "finish":
            made = workshop.finish(*ours, now)
            return redirect(
                url_for("admin.soll_version", work=made.role, version=made.number, getan="entwurf"),
                303,
            )
    except (StillVoting, NotSettled, NotNow) as error:
        return _desk_page(found(shop), wrong=wrong_of(error))
    except Conflict:
        if did != "again":
            raise
        return _desk_page(found(shop), wrong=_("Choose at least one topic for the second vote."))
    receipts = {
        "close": "zu",
        "again": "nochmal",
        "undisputed": "einig",
        "code": "code",
        "nobody": "code",
    }
    if did == "drop":
        return redirect(url_for("admin.workshops", getan="aus"), 303)
    return redirect(url_for("admin.workshop", shop=shop, getan=receipts.get(did)), 303)


def _line(one: Workshop, titles: Mapping[str, str]) -> Line:
    facts = [
        (_("Opened"), f"{moment(one.made.at)}, {words.said_of(one.made.by)}"),
        (_("Set"), str(soll_words.GRANULARITIES[one.granularity])),
    ]
    if one.ended is not None:
        facts.append((_("Ended"), moment(one.ended)))
    return Line(one.id, titles.get(one.role, one.role), one.state, tuple(facts))


def _form(role: str, wrong: str = "") -> str:
    s, now = services(), datetime.now(UTC)
    with s.store.read() as work:
        everyone = role_list.everyone(s, work, tenant_id(), day_of(now))
    form = request.form
    page = {
        "roles": [(r.key, local(r, "title")) for r in everyone if not r.retired and not r.general],
        "role": role,
        "granularities": [
            (Granularity.AREA.value, _("6 areas (about 45 minutes)")),
            (Granularity.COMPETENCE.value, _("26 topics, one by one (about 90 minutes)")),
        ],
        "granularity": form.get("granularity", Granularity.AREA.value),
        "scales": [("4", _("4 levels")), ("8", _("8 levels (DigComp 2.2)"))],
        "scale": form.get("scale", "4"),
        "lives": _lives(),
        "chosen": form.get("lives", "day"),
        "groups": [(g.value, t, form.get(g.value, "")) for g, t in ballot_words.groups().items()],
        "wrong": wrong,
    }
    return render_template("admin/workshop_new.html", page=page)


def _lives() -> list[tuple[str, str]]:
    return [("day", _("12 hours")), ("days", _("3 days")), ("weeks", _("14 days"))]


def _desk_page(here: Desk, wrong: str = "") -> str:
    one = here.workshop
    page = invitation(one) | {
        "shop": one.id,
        "role": local(here.role, "title"),
        "key": here.role.key,
        "state": one.state,
        "facts": _facts(here),
        "come": come(here),
        "voted": voted(here),
        "voting": here.voting.number if here.voting else 0,
        "topics": topic_lines(here),
        "settled": here.settled,
        "left": len(here.topics) - here.settled,
        "undisputed": sum(
            t.agreed is None and t.view is not None and t.view.common is not None
            for t in here.topics
        ),
        "lives": _lives(),
        "groups": [
            (g.value, t, str(one.invited.get(g, 0))) for g, t in ballot_words.groups().items()
        ],
        "small": any(0 < n < 3 for n in one.invited.values()),
        "wrong": wrong,
        "done": done(),
    }
    return render_template("admin/workshop.html", page=page)


def _facts(here: Desk) -> tuple[tuple[str, str], ...]:
    one = here.workshop
    facts = [
        (_("Opened"), f"{moment(one.made.at)}, {words.said_of(one.made.by)}"),
        (_("Set"), str(soll_words.GRANULARITIES[one.granularity])),
        (_("Scale"), _("%(number)s levels", number=one.scale)),
    ]
    if one.ended is not None:
        facts.append((_("Ended"), moment(one.ended)))
    return tuple(facts)


def _invited() -> dict[Group, int]:
    def number(name: str) -> int:
        sent = request.form.get(name, "").strip()
        return int(sent) if sent.isascii() and sent.isdigit() and len(sent) < 5 else 0

    return {group: number(group.value) for group in Group}
