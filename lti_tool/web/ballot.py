"""/soll: voting in a Soll workshop, by a code, without an account, on a phone.

Four pages: the code, the group, one vote a page, and what one has voted or what came out. Nothing
here knows a person, and no page shows a vote of somebody else before its round is closed.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from flask import current_app, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from competency.workshop import Group
from lti_tool.flows import ballot as flows
from lti_tool.flows.ballot import Ballot, CodeUnknown, Full, Invitation, SeatUnknown, VoteClosed
from lti_tool.lti.refusal import Code, Refused
from lti_tool.web import ballot_words as words
from lti_tool.web import headers, seat
from lti_tool.web.limits import RefusalLimit
from lti_tool.web.services import services
from lti_tool.web.session import check_characters, check_form, check_origin
from lti_tool.web.site import spoken_language
from lti_tool.web.translate import gettext as _
from lti_tool.web.wording import local

LONGEST_CODE = 40
NO_OPINION = "none"


@dataclass(frozen=True, slots=True)
class Mine:
    """One topic and what this device has voted about it."""

    code: str
    title: str
    vote: str


def guard() -> None:
    """Nobody frames these pages, and a form comes from our own ones."""
    headers.framed_by(())
    if request.method == "POST":
        spoken = spoken_language()
        check_origin(spoken)
        check_characters(spoken)


def door() -> ResponseReturnValue:
    """Ask for the code; whoever has a seat goes on where they were."""
    if seat.secret() and not request.args.get("code"):
        try:
            _here()
        except SeatUnknown:
            return _door(gone=True)
        return redirect(url_for("ballot.votes"), 303)
    return _door(typed=request.args.get("code", "")[:LONGEST_CODE])


def look() -> ResponseReturnValue:
    """Show what a code leads to, and ask which group somebody belongs to."""
    typed = request.form.get("code", "")[:LONGEST_CODE]
    try:
        found = flows.look(services(), typed, datetime.now(UTC))
    except CodeUnknown:
        return _refused(typed)
    return _group(found, typed)


def join() -> ResponseReturnValue:
    """Take a seat and go on to the first vote."""
    typed, chosen = request.form.get("code", "")[:LONGEST_CODE], request.form.get("group", "")
    now = datetime.now(UTC)
    try:
        found = flows.look(services(), typed, now)
        if chosen not in set(Group):
            return _group(found, typed, missing=True)
        secret = flows.join(services(), typed, Group(chosen), seat.secret(), now)
    except CodeUnknown:
        return _refused(typed)
    except Full:
        return _group(found, typed, full=True)
    answer = redirect(url_for("ballot.votes"), 303)
    seat.keep(answer, secret)
    return answer


def votes() -> ResponseReturnValue:
    """Show the next vote; when all are given, the own votes; when it is closed, what came out."""
    try:
        here = _here()
    except SeatUnknown:
        return redirect(url_for("ballot.door"), 303)
    late = request.args.get("spaet") == "1"
    if not here.voting:
        return _results(here, late=late)
    if here.left and request.args.get("ansicht") != "alle":
        return _vote(here, here.left[0])
    return _mine(here)


def vote(topic: str) -> ResponseReturnValue:
    """Show one vote again, to change it."""
    try:
        here = _here()
    except SeatUnknown:
        return redirect(url_for("ballot.door"), 303)
    if not here.voting or topic not in here.round.codes:
        return redirect(url_for("ballot.votes"), 303)
    return _vote(here, topic)


def cast() -> ResponseReturnValue:
    """Keep a vote and go on to the next."""
    secret = seat.secret()
    if not secret:
        return redirect(url_for("ballot.door"), 303)
    check_form(spoken_language())
    topic, sent = request.form.get("topic", ""), request.form.get("step", "")
    number = request.form.get("round", "")
    try:
        if not sent:
            return _vote(_here(), topic, missing=True)
        step = int(sent) if len(sent) == 1 and sent.isascii() and sent.isdigit() else None
        flows.vote(services(), secret, int(number) if number.isdecimal() else 0, topic, step)
    except SeatUnknown:
        return redirect(url_for("ballot.door"), 303)
    except VoteClosed:
        return redirect(url_for("ballot.votes", spaet=1), 303)
    return redirect(url_for("ballot.votes"), 303)


def leave() -> Response:
    """Free the device for somebody else; the votes stay."""
    if seat.secret():
        check_form(spoken_language())
    answer = redirect(url_for("ballot.door"), 303)
    seat.forget(answer)
    return answer


# --- pages ----------------------------------------------------------------------------------------


def _here() -> Ballot:
    return flows.ballot(services(), seat.secret(), datetime.now(UTC))


def _door(*, typed: str = "", wrong: bool = False, gone: bool = False) -> str:
    page = {"typed": typed, "wrong": wrong, "gone": gone}
    return render_template("soll/code.html", page=page)


def _refused(typed: str) -> ResponseReturnValue:
    """Count a code that is none: whoever guesses has to wait, a good code still opens."""
    limit: RefusalLimit = current_app.extensions["roadmap_refusals"]
    if limit.exceeded(request.remote_addr or "", datetime.now(UTC).timestamp()):
        raise Refused(Code.RATE, locale=spoken_language())
    return make_response(_door(typed=typed, wrong=True), 404)


def _group(
    found: Invitation, typed: str, *, missing: bool = False, full: bool = False
) -> ResponseReturnValue:
    choices = [
        (group.value, title, found.room[group])
        for group, title in words.groups().items()
        if found.workshop.invited.get(group, 0)
    ]
    page = {
        "typed": typed,
        "tenant": found.tenant,
        "role": local(found.role, "title"),
        "hint": local(found.role, "hint"),
        "choices": choices,
        "missing": missing,
        "full": full or not any(room for *_, room in choices),
    }
    return render_template("soll/group.html", page=page)


def _vote(here: Ballot, topic: str, *, missing: bool = False) -> ResponseReturnValue:
    if not here.voting or topic not in here.round.codes:
        return redirect(url_for("ballot.votes", spaet=1), 303)
    number = here.round.codes.index(topic) + 1
    page = {
        "topic": topic,
        "round": here.round.number,
        "about": words.about(services().content, here.role, topic),
        "role": local(here.role, "title"),
        "anchors": words.anchors(here.workshop.scale),
        "chosen": _chosen(here, topic),
        "number": number,
        "count": len(here.round.codes),
        "given": len(here.mine),
        "again": here.round.number > 1,
        "missing": missing,
        "none": NO_OPINION,
    }
    return render_template("soll/vote.html", page=page)


def _chosen(here: Ballot, topic: str) -> str:
    if topic not in here.mine:
        return ""
    step = here.mine[topic]
    return NO_OPINION if step is None else str(step)


def _mine(here: Ballot) -> str:
    content, scale = services().content, here.workshop.scale
    lines = [
        Mine(code, local(content.framework.topic(code), "title"), _said(here, code, scale))
        for code in here.round.codes
    ]
    page = {
        "lines": lines,
        "left": len(here.left),
        "role": local(here.role, "title"),
        "group": words.groups()[here.group],
    }
    return render_template("soll/votes.html", page=page)


def _said(here: Ballot, code: str, scale: int) -> str:
    if code not in here.mine:
        return _("no vote yet")
    step = here.mine[code]
    return _("no opinion") if step is None else words.said(step, scale)


def _results(here: Ballot, *, late: bool) -> str:
    framework, scale = services().content.framework, here.workshop.scale
    found = [
        (local(framework.topic(code), "title"), words.shown(view, scale))
        for code, view in here.results.items()
    ]
    page = {"results": found, "role": local(here.role, "title"), "late": late}
    return render_template("soll/results.html", page=page)
