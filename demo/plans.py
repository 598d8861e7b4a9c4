"""The learning-plan web service, answering like Moodle's REST server.

Errors are HTTP 200 with `{exception, errorcode, message}`. A plan made twice is there twice:
whoever writes has to look first. Source: observed answers of Moodle 4.5.5+.
"""

import re
import secrets
import sqlite3
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, jsonify, request

from demo.lms import Lms, lms, locale_of
from demo.store import note_removal
from demo.world import Person

plans = Blueprint("plans", __name__)

SERVICE_USER = 9
STATUS_NAMES = {0: "Draft", 1: "Active", 2: "Complete", 3: "Waiting for review", 4: "In review"}
# Flags of Moodle's plan record that depend on a workflow which this platform does not have.
NEVER = (
    "isreopenallowed",
    "isunlinkallowed",
    "isrequestreviewallowed",
    "iscancelreviewrequestallowed",
    "isstartreviewallowed",
    "isstopreviewallowed",
    "isapproveallowed",
    "canrequestreview",
    "isbasedontemplate",
)
Params = Mapping[str, Any]


class WebServiceError(Exception):
    """Moodle's way to say no: an exception class, a code to decide by, a text for people."""

    def __init__(self, exception: str, errorcode: str, message: str) -> None:
        super().__init__(message)
        self.document = {"exception": exception, "errorcode": errorcode, "message": message}


@plans.route("/webservice/rest/server.php", methods=["POST"])
def serve() -> Response:
    """Run one web-service function."""
    form = request.form
    if form.get("moodlewsrestformat") != "json":
        # Without this parameter Moodle answers XML; a client that forgets it must notice.
        return Response("<EXCEPTION>JSON only</EXCEPTION>", content_type="application/xml")
    try:
        return jsonify(_run(form.get("wstoken", ""), form.get("wsfunction", "")))
    except WebServiceError as error:
        return jsonify(error.document)


def _run(token: str, name: str) -> Any:
    if not secrets.compare_digest(token.encode(), lms().config.secrets.plan_token.encode()):
        raise WebServiceError(
            "core\\exception\\moodle_exception", "invalidtoken", "Invalid token - token not found"
        )
    function = FUNCTIONS.get(name)
    if function is None:
        raise WebServiceError(
            "dml_missing_record_exception",
            "invalidrecord",
            "Can't find data record in database table external_functions.",
        )
    if code := lms().faults.web_service.get(name):
        raise WebServiceError("core\\exception\\moodle_exception", code, "Refused on request.")
    params = nested(request.form)
    with lms().store.begin() as conn:
        return function(lms(), conn, params)


def nested(form: Mapping[str, str]) -> dict[str, Any]:
    """Return PHP-style form names (`plan[name]`, `values[0]`) as nested dictionaries."""
    out: dict[str, Any] = {}
    for name, value in form.items():
        head, *keys = re.findall(r"[^\[\]]+", name) or [name]
        place = out
        for key in keys:
            place = place.setdefault(head, {})
            if not isinstance(place, dict):
                raise _bad_parameter()
            head = key
        place[head] = value
    return out


def _bad_parameter() -> WebServiceError:
    return WebServiceError(
        "invalid_parameter_exception", "invalidparameter", "Invalid parameter value detected"
    )


def _number(params: Params, name: str, default: int | None = None) -> int:
    try:
        return int(str(params.get(name, default)))
    except ValueError as error:
        raise _bad_parameter() from error


def _person(params: Params, name: str) -> Person:
    person = lms().world.person(_number(params, name))
    if person is None:
        raise WebServiceError("dml_missing_record_exception", "invaliduser", "Invalid user")
    return person


def _site_info(platform: Lms, _conn: sqlite3.Connection, _params: Params) -> dict[str, Any]:
    return {
        "sitename": "Demo-LMS Musterstadt",
        "username": "ws_lernpfad",
        "firstname": "Dienst",
        "lastname": "Lernpfad",
        "fullname": "Dienst Lernpfad",
        "lang": "de",
        "userid": SERVICE_USER,
        "siteurl": platform.config.base_url,
        "userpictureurl": "",
        "functions": [{"name": name, "version": "2024100705.01"} for name in sorted(FUNCTIONS)],
        "release": "4.5.5+ (Build: 20250613)",
        "version": "2024100705.01",
    }


def _users(_platform: Lms, conn: sqlite3.Connection, params: Params) -> list[dict[str, Any]]:
    field, values = params.get("field"), params.get("values", {})
    if field not in ("id", "idnumber", "username", "email") or not isinstance(values, dict):
        raise _bad_parameter()
    wanted = {str(value) for value in values.values() if value}
    people = [p for p in lms().world.persons if str(getattr(p, field)) in wanted]
    return [_user(conn, person) for person in people]


def _user(conn: sqlite3.Connection, person: Person) -> dict[str, Any]:
    return {
        "id": person.id,
        "username": person.username,
        "firstname": person.given_name,
        "lastname": person.family_name,
        "fullname": person.name,
        "email": person.email,
        "department": person.work,
        "idnumber": person.idnumber,
        "auth": "manual",
        "suspended": False,
        "confirmed": True,
        "lang": locale_of(conn, person),
        "city": "Musterstadt",
        "country": "DE",
    }


def _list(platform: Lms, conn: sqlite3.Connection, params: Params) -> list[dict[str, Any]]:
    person = _person(params, "userid")
    rows = conn.execute("select * from plan where person = ? order by id", (person.id,))
    return [_plan(platform, row) for row in rows.fetchall()]


def _create(platform: Lms, conn: sqlite3.Connection, params: Params) -> dict[str, Any]:
    sent, now = _sent(params), platform.clock.now()
    due, person = _due(sent, 0, now), _person(sent, "userid")
    if "templateid" in sent:
        raise WebServiceError(
            "core\\exception\\coding_exception",
            "codingerror",
            "Coding error detected, it must be fixed by a programmer: To create a plan from a "
            "template use api::create_plan_from_template().",
        )
    name, text = str(sent.get("name", "")), str(sent.get("description", ""))
    if not name:
        raise _bad_parameter()
    made = conn.execute(
        "insert into plan(person, name, description, format, status, due, made, changed)"
        " values (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            person.id,
            name,
            text,
            _number(sent, "descriptionformat", 1),
            _status(sent, 0),
            due,
            now,
            now,
        ),
    )
    return _plan(platform, _row(conn, int(made.lastrowid or 0)))


def _update(platform: Lms, conn: sqlite3.Connection, params: Params) -> dict[str, Any]:
    sent, now = _sent(params), platform.clock.now()
    row = _row(conn, _number(sent, "id"))
    conn.execute(
        "update plan set name = ?, description = ?, status = ?, due = ?, changed = ? where id = ?",
        (
            str(sent.get("name", row["name"])),
            str(sent.get("description", row["description"])),
            _status(sent, row["status"]),
            _due(sent, row["due"], now),
            now,
            row["id"],
        ),
    )
    return _plan(platform, _row(conn, row["id"]))


def _delete(platform: Lms, conn: sqlite3.Connection, params: Params) -> bool:
    row = _row(conn, _number(params, "id"))
    conn.execute("delete from plan where id = ?", (row["id"],))
    note_removal(conn, row["person"], "plan", row["name"], platform.clock.now())
    return True


def _sent(params: Params) -> dict[str, Any]:
    sent = params.get("plan")
    if not isinstance(sent, dict):
        raise _bad_parameter()
    return sent


def _status(sent: Params, default: int) -> int:
    status = _number(sent, "status", default)
    if status not in STATUS_NAMES:
        raise _bad_parameter()
    return status


def _due(sent: Params, kept: int, now: int) -> int:
    due = _number(sent, "duedate", kept)
    if due and due != kept and due < now:
        text = "Error: The due date cannot be set in the past."
        raise WebServiceError("core\\invalid_persistent_exception", "invalidpersistenterror", text)
    return due


def _row(conn: sqlite3.Connection, plan: int) -> sqlite3.Row:
    row: sqlite3.Row | None = conn.execute("select * from plan where id = ?", (plan,)).fetchone()
    if row is None:
        raise WebServiceError(
            "dml_missing_record_exception",
            "invalidrecord",
            "Can't find data record in database table competency_plan.",
        )
    return row


def _plan(platform: Lms, row: sqlite3.Row) -> dict[str, Any]:
    status = row["status"]
    return {
        "name": row["name"],
        "description": row["description"],
        "descriptionformat": row["format"],
        "userid": row["person"],
        "templateid": None,
        "origtemplateid": None,
        "status": status,
        "duedate": row["due"],
        "reviewerid": None,
        "id": row["id"],
        "timecreated": row["made"],
        "timemodified": row["changed"],
        "usermodified": SERVICE_USER,
        "statusname": STATUS_NAMES[status],
        "canmanage": True,
        "canreview": True,
        "canbeedited": True,
        "isactive": status == 1,
        "isdraft": status == 0,
        "iscompleted": status == 2,
        "isinreview": status == 4,
        "iswaitingforreview": status == 3,
        "iscompleteallowed": status == 1,
        "isunapproveallowed": status == 1,
        **dict.fromkeys(NEVER, False),
        "duedateformatted": _long_date(row["due"]),
        "commentarea": {"component": "competency", "commentarea": "plan", "itemid": row["id"]},
        "url": f"{platform.config.base_url}/admin/tool/lp/plan.php?id={row['id']}",
    }


def _long_date(seconds: int) -> str:
    # Without a due date Moodle really says "1 January 1970".
    at = datetime.fromtimestamp(seconds, UTC)
    return f"{at:%A}, {at.day} {at:%B %Y}, {at:%I:%M %p}"


FUNCTIONS: dict[str, Callable[[Lms, sqlite3.Connection, Params], Any]] = {
    "core_webservice_get_site_info": _site_info,
    "core_user_get_users_by_field": _users,
    "core_competency_list_user_plans": _list,
    "core_competency_create_plan": _create,
    "core_competency_update_plan": _update,
    "core_competency_delete_plan": _delete,
}
