"""NRPS 2.0 as Moodle answers it: bare role words, a next link that forgets the role filter."""

from typing import Any

from flask import Blueprint, Response, request

from demo.claims import NRPS_SCOPE, TYPE_ID, memberships_url, result_sourcedid
from demo.lms import lms
from demo.services import PREFIX, Denied, answer, demand, denial
from demo.world import Course, Person

members = Blueprint("members", __name__, url_prefix=PREFIX)
members.register_error_handler(Denied, denial)

CONTAINER = "application/vnd.ims.lti-nrps.v2.membershipcontainer+json"
WORDS = ("Learner", "Instructor")


@members.get(f"/CourseSection/<int:course_id>/bindings/{TYPE_ID}/memberships")
def read(course_id: int) -> Response:
    """List who takes part in a course."""
    demand(NRPS_SCOPE)
    course = lms().world.course(course_id)
    if course is None:
        raise Denied(404, "Not Found")
    people = _wanted(list(lms().world.persons))
    start, limit = request.args.get("from", 0, int), request.args.get("limit", 0, int)
    page = people[start : start + limit] if limit else people
    response = answer(_container(course, page), CONTAINER)
    if limit and start + limit < len(people):
        response.headers["Link"] = _next(course, start + limit, limit)
    return response


def _wanted(people: list[Person]) -> list[Person]:
    # An unknown role is ignored, so that everybody comes back.
    asked = request.args.get("role", "").rpartition("#")[2]
    return [p for p in people if _word(p) == asked] if asked in WORDS else people


def _word(person: Person) -> str:
    return "Instructor" if person.admin else "Learner"


def _container(course: Course, page: list[Person]) -> dict[str, Any]:
    return {
        "id": memberships_url(lms().config.base_url, course.id),
        "context": {
            "id": str(course.id),
            "label": course.shortname,
            "title": course.fullname,
        },
        "members": [_member(person, course) for person in page],
    }


def _member(person: Person, course: Course) -> dict[str, Any]:
    config = lms().config
    member = {
        "status": "Active",
        "roles": [_word(person)],
        **_message(person, course),
        "user_id": str(person.id),
        "lis_person_sourcedid": person.idnumber,
    }
    if not config.share_names:
        return member
    return member | {
        "name": person.name,
        "given_name": person.given_name,
        "family_name": person.family_name,
        "email": person.email,
        "ext_user_username": person.username,
    }


def _message(person: Person, course: Course) -> dict[str, Any]:
    if request.args.get("rlid") != str(course.link.id):
        return {}
    config = lms().config
    outcome = {
        "lis_result_sourcedid": result_sourcedid(config, person.id, course.link.id),
        "lis_outcome_service_url": f"{config.base_url}/mod/lti/service.php",
    }
    kind = "https://purl.imsglobal.org/spec/lti/claim/message_type"
    claim = "https://purl.imsglobal.org/spec/lti-bo/claim/basicoutcome"
    return {"message": [{kind: "LtiResourceLinkRequest", claim: outcome}]}


def _next(course: Course, start: int, limit: int) -> str:
    url = memberships_url(lms().config.base_url, course.id)
    rlid = f"&rlid={request.args['rlid']}" if "rlid" in request.args else ""
    return f'<{url}?limit={limit}&from={start}{rlid}>; rel="next"'
