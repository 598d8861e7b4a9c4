"""AGS 2.0 with the manners of Moodle: exact media types, 409 on old scores, grades that vanish.

Source: observed answers of Moodle 4.5.5+. Notably a score whose progress is not `FullyGraded`
deletes an existing grade, a score without comment deletes the comment, and a second line item on
a link hides the `lineitem` claim of later launches.
"""

import sqlite3
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, request

from demo.claims import AGS_SCOPES, lineitem_url, lineitems_url
from demo.lms import lms
from demo.services import PREFIX, Denied, answer, body, demand, demand_accept, denial
from demo.store import note_removal
from demo.world import Course

grades = Blueprint("grades", __name__, url_prefix=PREFIX)
grades.register_error_handler(Denied, denial)

WRITE_ITEMS, READ_ITEMS, READ_RESULTS, WRITE_SCORES = AGS_SCOPES
CONTAINER = "application/vnd.ims.lis.v2.lineitemcontainer+json"
ITEM = "application/vnd.ims.lis.v2.lineitem+json"
SCORE = "application/vnd.ims.lis.v1.score+json"
RESULTS = "application/vnd.ims.lis.v2.resultcontainer+json"
FILTERS = {"resource_link_id": "link", "resource_id": "resource", "tag": "tag"}


@grades.get("/<int:course_id>/lineitems")
def read_items(course_id: int) -> Response:
    """List the line items of a course, filtered and paged as Moodle does."""
    demand(WRITE_ITEMS, READ_ITEMS)
    demand_accept(CONTAINER)
    course = _course(course_id)
    with lms().store.read() as conn:
        rows = conn.execute("select * from lineitem where course = ?", (course.id,)).fetchall()
    wanted = [row for row in rows if _fits(row)]
    start, limit = request.args.get("from", 0, int), request.args.get("limit", 0, int)
    page = wanted[start : start + limit] if limit else wanted
    response = answer([_item(row) for row in page], CONTAINER)
    if limit:
        response.headers["Link"] = _links(course, start, limit, len(wanted))
    return response


def _fits(row: sqlite3.Row) -> bool:
    asked = {FILTERS[name]: value for name, value in request.args.items() if name in FILTERS}
    return all(str(row[column]) == value for column, value in asked.items())


def _links(course: Course, start: int, limit: int, total: int) -> str:
    """Return Moodle's Link header: typographic quotes and `&amp;`, no parser reads it."""
    base = lineitems_url(lms().config.base_url, course.id) + f"&amp;limit={limit}&amp;from="
    parts = [("first", 0), ("canonical", start)]
    if start + limit < total:
        parts.append(("next", start + limit))
    header = ", ".join(f"<{base}{at}>; rel=“{name}”" for name, at in parts)
    return header.encode().decode("latin-1")  # WSGI carries bytes as Latin-1


@grades.post("/<int:course_id>/lineitems")
def make_item(course_id: int) -> Response:
    """Make a line item, standalone or on the course's own link."""
    demand(WRITE_ITEMS)
    sent, course = body(ITEM), _course(course_id)
    link = sent.get("resourceLinkId")
    if link is not None and str(link) != str(course.link.id):
        raise Denied(403, "Forbidden")
    values = (course.id, *_values(sent), course.link.id if link is not None else None)
    with lms().store.begin() as conn:
        made = conn.execute(
            "insert into lineitem(course, label, maximum, resource, tag, link)"
            " values (?, ?, ?, ?, ?, ?)",
            values,
        )
    address = lineitem_url(lms().config.base_url, course.id, int(made.lastrowid or 0))
    return answer({**sent, "id": address}, ITEM, 201)


@grades.route("/<int:course_id>/lineitems/<int:item>/lineitem", methods=["GET"])
def read_item(course_id: int, item: int) -> Response:
    demand(WRITE_ITEMS, READ_ITEMS)
    return answer(_item(_row(course_id, item)), ITEM)


@grades.put("/<int:course_id>/lineitems/<int:item>/lineitem")
def change_item(course_id: int, item: int) -> Response:
    demand(WRITE_ITEMS)
    sent, row = body(ITEM), _row(course_id, item)
    with lms().store.begin() as conn:
        conn.execute(
            "update lineitem set label = ?, maximum = ?, resource = ?, tag = ? where id = ?",
            (*_values(sent), row["id"]),
        )
    return answer({**sent, "id": lineitem_url(lms().config.base_url, course_id, item)}, ITEM)


@grades.delete("/<int:course_id>/lineitems/<int:item>/lineitem")
def drop_item(course_id: int, item: int) -> Response:
    demand(WRITE_ITEMS)
    row = _row(course_id, item)
    with lms().store.begin() as conn:
        conn.execute("delete from grade where lineitem = ?", (row["id"],))
        conn.execute("delete from lineitem where id = ?", (row["id"],))
    return answer(None, ITEM, 204)


@grades.post("/<int:course_id>/lineitems/<int:item>/lineitem/scores")
def score(course_id: int, item: int) -> Response:
    """Take a score: store, clamp, refuse the late ones, delete on unfinished progress."""
    demand(WRITE_SCORES)
    sent, row = body(SCORE), _row(course_id, item)
    person, at = _graded_person(sent), _second(sent.get("timestamp"))
    with lms().store.begin() as conn:
        _demand_newer(conn, row["id"], person, at)
        if sent.get("gradingProgress") == "FullyGraded" and "scoreGiven" in sent:
            _keep(conn, row, person, sent, min(at, lms().clock.now()))
        else:
            _delete(conn, row, person)
    return answer(None, SCORE)


def _graded_person(sent: dict[str, Any]) -> int:
    """Return the learner's id. :raises Denied: staff and strangers get no grade."""
    text = str(sent.get("userId", ""))
    person = lms().world.person(int(text)) if text.isdecimal() else None
    if person is None or person.admin:
        raw = request.get_data(as_text=True)
        raise Denied(400, f"Incorrect score received{raw}")
    return person.id


def _second(text: object) -> int:
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError as error:
        raise Denied(400, "Incorrect score received") from error
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp())


def _demand_newer(conn: sqlite3.Connection, item: int, person: int, at: int) -> None:
    key = (item, person)
    row = conn.execute("select * from grade where lineitem = ? and person = ?", key).fetchone()
    if lms().faults.score_conflict or (row is not None and at <= row["graded"]):
        reason = f"Refusing score with an earlier timestamp for item {item} and user {person}"
        raise Denied(409, reason)


def _keep(
    conn: sqlite3.Connection, row: sqlite3.Row, person: int, sent: dict[str, Any], at: int
) -> None:
    given, maximum = sent["scoreGiven"], sent.get("scoreMaximum")
    if not isinstance(given, int | float) or not isinstance(maximum, int | float) or maximum <= 0:
        raise Denied(400, "Incorrect score received")
    points = min(given / maximum, 1.0) * row["maximum"]
    conn.execute(
        "insert or replace into grade values (?, ?, ?, ?, ?)",
        (row["id"], person, points, sent.get("comment"), at),
    )


def _delete(conn: sqlite3.Connection, row: sqlite3.Row, person: int) -> None:
    key = (row["id"], person)
    done = conn.execute("delete from grade where lineitem = ? and person = ?", key)
    if done.rowcount:
        note_removal(conn, person, "grade", row["label"], lms().clock.now())


@grades.get("/<int:course_id>/lineitems/<int:item>/lineitem/results")
def results(course_id: int, item: int) -> Response:
    """List results; with `limit` Moodle answers an HTML error page."""
    demand(READ_RESULTS)
    if "limit" in request.args:
        return Response("<title>Error | musterstadt</title>", 404, content_type="text/html")
    row = _row(course_id, item)
    with lms().store.read() as conn:
        found = conn.execute("select * from grade where lineitem = ?", (row["id"],)).fetchall()
    wanted = request.args.get("user_id", type=int)
    shown = [_result(row, g) for g in found if wanted is None or g["person"] == wanted]
    return answer(shown, RESULTS)


def _result(row: sqlite3.Row, grade: sqlite3.Row) -> dict[str, Any]:
    address = lineitem_url(lms().config.base_url, row["course"], row["id"])
    results_url = address.replace("/lineitem?", "/lineitem/results?")
    comment = {"comment": grade["comment"]} if grade["comment"] else {}
    return {
        "id": f"{results_url}&user_id={grade['person']}",
        "userId": str(grade["person"]),
        "resultScore": _number(grade["score"]),
        "resultMaximum": _number(row["maximum"]),
        **comment,
        "scoreOf": address,
        "timestamp": datetime.fromtimestamp(grade["graded"], UTC).isoformat(),
    }


def _course(course_id: int) -> Course:
    course = lms().world.course(course_id)
    if course is None:
        raise Denied(404, "Not Found: Course not found")
    return course


def _row(course_id: int, item: int) -> sqlite3.Row:
    with lms().store.read() as conn:
        row: sqlite3.Row | None = conn.execute(
            "select * from lineitem where id = ? and course = ?", (item, course_id)
        ).fetchone()
    if row is None:
        raise Denied(404, f"Not Found: Grade item {item} doesn't exist")
    return row


def _values(sent: dict[str, Any]) -> tuple[str, float, str, str]:
    label, maximum = sent.get("label"), sent.get("scoreMaximum")
    if not isinstance(label, str) or not isinstance(maximum, int | float) or maximum <= 0:
        raise Denied(400, "Bad Request")
    return label, float(maximum), str(sent.get("resourceId", "")), str(sent.get("tag", ""))


def _item(row: sqlite3.Row) -> dict[str, Any]:
    link = str(row["link"])
    coupled = {"resourceLinkId": link, "ltiLinkId": link} if row["link"] is not None else {}
    return {
        "id": lineitem_url(lms().config.base_url, row["course"], row["id"]),
        "label": row["label"],
        "scoreMaximum": _number(row["maximum"]),
        "resourceId": row["resource"],
        "tag": row["tag"],
        **coupled,
    }


def _number(value: float) -> int | float:
    return int(value) if value == int(value) else value
