"""The two ways into the administration, and the way out.

From a launch: a page in the LMS's frame hands a ticket to a window of its own, because a cookie of
the frame is not sent there. By a one-time link: its page asks for a tap first, so that whatever
looks at links beforehand (mail scanners, previews) does not use it up.
"""

import json
import uuid
from datetime import UTC, datetime

from flask import Response as FlaskResponse
from flask import make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from lti_tool.flows import staff as rights
from lti_tool.flows.staff import NoRight, Ticket
from lti_tool.lti.refusal import Code, Refused
from lti_tool.ports import Admitted, Launch
from lti_tool.seal import SealBroken
from lti_tool.store import launches
from lti_tool.store import staff as store
from lti_tool.web import headers
from lti_tool.web.admin import session
from lti_tool.web.services import house, services
from lti_tool.web.session import check_characters, check_origin, current_launch, running
from lti_tool.web.site import LANGUAGES, spoken_language

LONGEST_CODE = 100
LONGEST_TICKET = 1000


def administration() -> str:
    """Offer the administration in a window of its own to whoever has a right."""
    here = current_launch()
    with services().store.read() as work:
        opens = rights.sees(work.staff.roles(here.learner.id))
    ticket = _ticket(here, datetime.now(UTC)) if opens else ""
    page = {"ticket": ticket, "number": here.learner.id}
    return render_template("admin/offer.html", page=page)


def door() -> FlaskResponse:
    """Show the button behind a one-time link; looking at it uses nothing up."""
    headers.framed_by(())
    code = request.args.get("code", "")[:LONGEST_CODE]
    answer = make_response(render_template("admin/door.html", page={"code": code}))
    # Its address holds the code: no log shall get it as the page that a style sheet came from. The
    # origin stays, because a form without one is refused.
    answer.headers["Referrer-Policy"] = "strict-origin"
    return answer


def enter() -> Response:
    """Open a session with a ticket or a one-time code, once."""
    headers.framed_by(())
    spoken = spoken_language()
    check_origin(spoken)
    check_characters(spoken)
    now = datetime.now(UTC)
    ticket = request.form.get("ticket", "")
    admitted = _by_ticket(ticket, now) if ticket else _by_code(spoken, now)
    if admitted is None:
        raise Refused(Code.STAFF_ENTRY, locale=spoken)
    answer = redirect(url_for("admin.first"), 303)
    session.set_cookie(answer, admitted)
    return answer


def first() -> Response:
    """Lead to the first page that this person may see."""
    areas = rights.sees(session.current().roles)
    return redirect(url_for(f"admin.{areas[0]}"), 303)


def language() -> Response:
    """Set the language of this session and go back to the same page."""
    wanted = request.form.get("language", "")
    with house().database.begin() as conn:
        store.speak(conn, session.current().id, wanted if wanted in LANGUAGES else "de")
    back = request.form.get("back", "")
    inside = back.startswith(f"{session.PATH}/") and "\\" not in back and "//" not in back
    inside = inside and back.isprintable()
    return redirect(back if inside else url_for("admin.first"), 303)


def leave() -> FlaskResponse:
    """End the session of the administration; a launch goes on."""
    answer = make_response("")
    session.end(answer)
    answer.set_data(render_template("admin/left.html"))
    return answer


def _ticket(here: Launch, now: datetime) -> str:
    until = (now + rights.TICKET_LIVES).isoformat()
    return house().seal.seal(json.dumps([here.id, str(uuid.uuid4()), until])).decode()


def _by_ticket(sealed: str, now: datetime) -> Admitted | None:
    try:
        opened = house().seal.open(sealed[:LONGEST_TICKET].encode())
        launch_id, number, until = json.loads(opened)
    except (SealBroken, ValueError):
        return None
    launch = _running(launch_id, now)
    if launch is None or now > datetime.fromisoformat(until):
        return None
    try:
        return rights.enter_by_launch(services(), launch, Ticket(number, launch_id), now)
    except NoRight:
        raise Refused(Code.STAFF_RIGHT, locale=launch.learner.language) from None


def _running(launch_id: str, now: datetime) -> Launch | None:
    with house().database.read() as conn:
        opened = launches.find(conn, launch_id)
    return opened.launch if opened and running(opened, now) else None


def _by_code(spoken: str, now: datetime) -> Admitted | None:
    code = request.form.get("code", "")[:LONGEST_CODE]
    return rights.enter_by_link(services(), code, spoken, now) if code else None
