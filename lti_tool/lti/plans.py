"""Learning plans in the LMS through Moodle's web service (reference/moodle.md section 6).

Plans are not idempotent there, so we look first: a plan of ours is known by its name. Errors come
as HTTP 200 with `{exception, errorcode, message}`; the message depends on the language, so only
`errorcode` decides. The service token travels in the body, never in an address.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from lti_tool.lti.outbound import Outbound, Unreachable
from lti_tool.ports import DeliveryFailed

_HTML = 1  # Moodle's FORMAT_HTML
_ACTIVE = 1
# Somebody deleted the plan, or the whole account with its plans: just what we wanted.
_GONE = ("invalidrecord", "invaliduser")
_NO_RIGHT, _WRONG_VALUE = "nopermissions", "invalidpersistenterror"
PROBE = "roadMAP: Verbindungstest"
NEEDED = (
    "core_competency_list_user_plans",
    "core_competency_create_plan",
    "core_competency_update_plan",
    "core_competency_delete_plan",  # an objection and an erasure take plans back
)
_REMEDY = {
    "invalidtoken": "Make a new token in Moodle for the service user.",
    "accessexception": "Add {function} to the external service the token belongs to.",
    "nopermissions": "Give the service user moodle/competency:planmanage.",
    "requireloginerror": "Let the service user's role use webservice/rest:use.",
}


class PlanServiceSilent(DeliveryFailed):
    """No usable answer: later it may work."""

    def __init__(self, what: str) -> None:
        super().__init__(what, retry=True)


class PlanRefused(DeliveryFailed):
    """The LMS does not do it; the error code names the cause for its administrator."""

    def __init__(self, errorcode: str, function: str = "the function") -> None:
        super().__init__(f"The learning platform refused a plan ({errorcode}).", retry=False)
        self.remedy = _REMEDY.get(errorcode, "").format(function=function)
        self.errorcode = errorcode


@dataclass(frozen=True, slots=True)
class PlanService:
    """The web service of one LMS."""

    url: str
    token: str = field(repr=False)
    outbound: Outbound


@dataclass(frozen=True, slots=True)
class Plan:
    """What is written: a name that is ours alone, and the steps as HTML."""

    user_id: str  # Moodle's numeric id, which is also the `sub` of its launches
    name: str
    description_html: str
    due: datetime | None = None


def write_plan(
    service: PlanService,
    plan: Plan,
    now: datetime,
    before_writing: Callable[[], None] = lambda: None,
) -> int:
    """Create the plan, or update the one of this name; return its id. Safe to repeat. Sends.

    `before_writing` is called when it is known what is there, and may raise: whoever slept since
    would make a second plan, or put an old one in the place of a new one.

    :raises DeliveryFailed: refused (`PlanRefused`) or no answer (`PlanServiceSilent`).
    """
    if not _is_number(plan.user_id):
        raise PlanRefused("invaliduser")
    existing = min(_existing(service, plan.user_id, plan.name), default=None)
    before_writing()
    fields = {
        "name": plan.name,
        "userid": plan.user_id,
        "description": plan.description_html,
        "descriptionformat": _HTML,
        "duedate": _due(plan, now),
    }
    if existing is None:
        made = _call(service, "core_competency_create_plan", _plan(fields | {"status": _ACTIVE}))
        return _id(made)
    _call(service, "core_competency_update_plan", _plan(fields | {"id": existing}))
    return existing


def delete_plan(
    service: PlanService,
    user_id: str,
    name: str,
    before_writing: Callable[[], None] = lambda: None,
) -> int:
    """Delete every plan of this name; return how many. None there is success. Sends.

    `before_writing`: as in `write_plan`; the plan found may by now be one that was made anew.

    :raises DeliveryFailed: refused (`PlanRefused`) or no answer (`PlanServiceSilent`).
    """
    if not _is_number(user_id):
        return 0  # never written: `write_plan` refuses it, too
    deleted = 0
    with _gone_is_fine():
        existing = _existing(service, user_id, name)
        before_writing()
        for plan_id in existing:
            with _gone_is_fine():
                _call(service, "core_competency_delete_plan", {"id": plan_id})
                deleted += 1
    return deleted


def missing_functions(service: PlanService) -> tuple[str, ...]:
    """Return which of our functions the token may not call. Sends; changes nothing there.

    :raises DeliveryFailed: refused (`PlanRefused`) or no answer (`PlanServiceSilent`).
    """
    site = _call(service, "core_webservice_get_site_info", {})
    listed = site.get("functions") if isinstance(site, dict) else None
    if not isinstance(listed, list):
        raise PlanServiceSilent("The plan service does not list its functions.")
    allowed = {entry.get("name") for entry in listed if isinstance(entry, dict)}
    return tuple(name for name in NEEDED if name not in allowed)


def may_manage(service: PlanService) -> bool:
    """Return whether the token's user may make plans. Sends; makes none.

    Asked for is one that no Moodle makes: active, and due in 1970. Who may make plans is told that
    of the date, who may not is told that of the right, and both are told before anything is written
    (core_competency, api::create_plan; seen in 4.1 and 4.5).

    :raises DeliveryFailed: refused for another reason (`PlanRefused`), or no answer.
    """
    site = _call(service, "core_webservice_get_site_info", {})
    fields = {"name": PROBE, "userid": _user(site), "status": _ACTIVE, "duedate": 1}
    try:
        made = _call(service, "core_competency_create_plan", _plan(fields))
    except PlanRefused as refused:
        if refused.errorcode == _NO_RIGHT:
            return False
        if refused.errorcode == _WRONG_VALUE:
            return True
        raise
    _call(service, "core_competency_delete_plan", {"id": _id(made)})
    return True


def _user(site: Any) -> int:
    found = site.get("userid") if isinstance(site, dict) else None
    if not isinstance(found, int):
        raise PlanServiceSilent("The plan service does not say whose token it is.")
    return found


@contextmanager
def _gone_is_fine() -> Iterator[None]:
    """Let pass that somebody deleted the plan, or the whole account with its plans."""
    try:
        yield
    except PlanRefused as refused:
        if refused.errorcode not in _GONE:
            raise


def _is_number(user_id: str) -> bool:
    return user_id.isascii() and user_id.isdigit()


def _due(plan: Plan, now: datetime) -> int:
    # Moodle refuses a date that has passed; none is shown as no date.
    return int(plan.due.timestamp()) if plan.due and plan.due > now else 0


def _existing(service: PlanService, user_id: str, name: str) -> list[int]:
    listed = _call(service, "core_competency_list_user_plans", {"userid": user_id})
    if not isinstance(listed, list):
        raise PlanServiceSilent("The list of plans is not a list.")
    return [_id(p) for p in listed if isinstance(p, dict) and p.get("name") == name]


def _plan(fields: Mapping[str, object]) -> dict[str, object]:
    return {f"plan[{name}]": value for name, value in fields.items()}


def _id(document: Any) -> int:
    found = document.get("id") if isinstance(document, dict) else None
    if not isinstance(found, int):
        raise PlanServiceSilent("A plan came back without its id.")
    return found


def _call(service: PlanService, function: str, parameters: Mapping[str, object]) -> Any:
    form = {
        "wstoken": service.token,
        "wsfunction": function,
        "moodlewsrestformat": "json",
        **parameters,
    }
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    try:
        answer = service.outbound.post(service.url, urlencode(form).encode(), headers)
    except Unreachable as error:
        raise PlanServiceSilent(f"The plan service cannot be reached: {error}.") from None
    if answer.status >= 500 or answer.status in (408, 429):
        raise PlanServiceSilent(f"The plan service answers with status {answer.status}.")
    if answer.status != 200:
        raise PlanRefused(f"status {answer.status}", function)
    return _document(answer.body, function)


def _document(body: bytes, function: str) -> Any:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise PlanServiceSilent("The plan service's answer is no JSON.") from None
    if isinstance(document, dict) and "exception" in document:
        code = document.get("errorcode")
        plain = isinstance(code, str) and code.isascii() and code.isalnum() and len(code) < 60
        raise PlanRefused(str(code) if plain else "unknown", function)
    return document
