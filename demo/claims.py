"""The claims of a launch, key for key what Moodle 4.5 sends. Pure: no clock, no I/O.

Custom parameters are lines of configuration with `$variables`; what Moodle does not know it sends
unresolved, and mixed-case names arrive twice. Source: captured launches of a Moodle 4.5.5+.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from demo.config import Config
from demo.world import Course, Link, Person

LTI = "https://purl.imsglobal.org/spec/lti/claim/"
AGS_SCOPES = tuple(
    f"https://purl.imsglobal.org/spec/lti-ags/scope/{name}"
    for name in ("lineitem", "lineitem.readonly", "result.readonly", "score")
)
NRPS_SCOPE = "https://purl.imsglobal.org/spec/lti-nrps/scope/contextmembership.readonly"
MEMBERSHIP = "http://purl.imsglobal.org/vocab/lis/v2/membership#"
INSTITUTION = "http://purl.imsglobal.org/vocab/lis/v2/institution/person#"
SYSTEM = "http://purl.imsglobal.org/vocab/lis/v2/system/person#"

LIFETIME_S = 60
TYPE_ID = 1  # the tool's number among the platform's external tools
COURSE_STARTED = "1795237639"

# What the administrator typed into the tool's settings.
REGISTRATION_CUSTOM = {
    "ctx": "$Context.id",
    "uname": "$User.username",
    "bad": "$Nope.nope",
    "uid": "$User.id",
    "groups": "$Moodle.Person.userGroupIds",
    "TimeFrame": "$Context.timeFrame.begin",
    "idn": "$Person.sourcedId",
    "hist": "$Context.id.history",
}


@dataclass(frozen=True, slots=True)
class Launch:
    """Who opens which link, where; `lineitem` is the link's line item if it has exactly one."""

    person: Person
    course: Course
    link: Link
    locale: str
    window: bool
    lineitem: int | None
    sesskey: str


def claims(config: Config, launch: Launch, nonce: str, now: int) -> dict[str, Any]:
    """Return the claims of the id_token for a resource link launch."""
    return {
        "nonce": nonce,
        "iat": now,
        "exp": now + LIFETIME_S,
        "iss": config.issuer,
        "aud": config.secrets.client_id,
        LTI + "deployment_id": config.secrets.deployment_id,
        LTI + "target_link_uri": config.redirect_uris[0],
        "sub": str(launch.person.id),
        **_person(config, launch.person),
        **_place(config, launch),
        **_outcome(config, launch),
        LTI + "custom": _custom(config, launch),
        "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint": _ags(config.base_url, launch),
        "https://purl.imsglobal.org/spec/lti-nrps/claim/namesroleservice": {
            "context_memberships_url": memberships_url(config.base_url, launch.course.id),
            "service_versions": ["1.0", "2.0"],
        },
    }


def roles(person: Person) -> list[str]:
    """Return the roles of a person in any course."""
    if not person.admin:
        return [MEMBERSHIP + "Learner"]
    return [INSTITUTION + "Administrator", MEMBERSHIP + "Instructor", SYSTEM + "Administrator"]


def lineitems_url(base_url: str, course: int) -> str:
    return f"{base_url}/mod/lti/services.php/{course}/lineitems?type_id={TYPE_ID}"


def lineitem_url(base_url: str, course: int, item: int) -> str:
    path = f"/mod/lti/services.php/{course}/lineitems/{item}/lineitem"
    return f"{base_url}{path}?type_id={TYPE_ID}"


def memberships_url(base_url: str, course: int) -> str:
    path = f"/mod/lti/services.php/CourseSection/{course}/bindings/{TYPE_ID}/memberships"
    return base_url + path


def result_sourcedid(config: Config, person: int, link: int) -> str:
    """Return Moodle's basic-outcome handle: JSON text with a hash."""
    data = {"instanceid": str(link), "userid": str(person), "typeid": str(TYPE_ID)}
    text = json.dumps(data, separators=(",", ":"))
    digest = hashlib.sha256((config.secrets.guid + text).encode()).hexdigest()
    return json.dumps({"data": data, "hash": digest}, separators=(",", ":"))


def _person(config: Config, person: Person) -> dict[str, Any]:
    named: dict[str, Any] = {LTI + "roles": roles(person)}
    if not config.share_names:
        return {**named, LTI + "ext": {"lms": "moodle-2"}}
    return {
        **named,
        LTI + "ext": {"user_username": person.username, "lms": "moodle-2"},
        "given_name": person.given_name,
        "family_name": person.family_name,
        "name": person.name,
        "email": person.email,
    }


def _place(config: Config, launch: Launch) -> dict[str, Any]:
    course, link = launch.course, launch.link
    container = 4 if launch.window else 3
    return {
        LTI + "lis": {
            "person_sourcedid": launch.person.idnumber,
            "course_section_sourcedid": course.idnumber,
        },
        LTI + "context": {
            "id": str(course.id),
            "label": course.shortname,
            "title": course.fullname,
            "type": ["CourseSection"],
        },
        LTI + "message_type": "LtiResourceLinkRequest",
        LTI + "resource_link": {
            "title": link.title,
            "description": link.description,
            "id": str(link.id),
        },
        LTI + "launch_presentation": {
            "locale": launch.locale,
            "document_target": "window" if launch.window else "iframe",
            "return_url": f"{config.base_url}/mod/lti/return.php?course={course.id}"
            f"&launch_container={container}&instanceid={link.id}&sesskey={launch.sesskey}",
        },
        LTI + "tool_platform": {
            "product_family_code": "moodle",
            "version": "2024100705.01",
            "guid": config.secrets.guid,
            "name": "musterstadt",
            "description": "Demo-LMS Musterstadt",
        },
        LTI + "version": "1.3.0",
    }


def _outcome(config: Config, launch: Launch) -> dict[str, Any]:
    return {
        "https://purl.imsglobal.org/spec/lti-bo/claim/basicoutcome": {
            "lis_result_sourcedid": result_sourcedid(config, launch.person.id, launch.link.id),
            "lis_outcome_service_url": f"{config.base_url}/mod/lti/service.php",
        }
    }


def _ags(base_url: str, launch: Launch) -> dict[str, Any]:
    endpoint: dict[str, Any] = {
        "scope": list(AGS_SCOPES),
        "lineitems": lineitems_url(base_url, launch.course.id),
    }
    if launch.lineitem is not None:
        endpoint["lineitem"] = lineitem_url(base_url, launch.course.id, launch.lineitem)
    return endpoint


def _custom(config: Config, launch: Launch) -> dict[str, str]:
    services = f"{config.base_url}/mod/lti/services.php"
    course = launch.course.id
    return {
        **_resolved(launch.link.custom, launch),
        **_resolved(REGISTRATION_CUSTOM, launch),
        "context_memberships_url": memberships_url(config.base_url, course),
        "system_setting_url": f"{services}/tool/{TYPE_ID}/custom",
        "context_setting_url": f"{services}/CourseSection/{course}/bindings/tool/{TYPE_ID}/custom",
        # Moodle really sends the braces.
        "link_setting_url": services + "/links/{link_id}/custom",
    }


def _resolved(configured: Mapping[str, str], launch: Launch) -> dict[str, str]:
    known = {
        "$Context.id": str(launch.course.id),
        "$Context.id.history": "",
        "$Context.timeFrame.begin": COURSE_STARTED,
        "$Moodle.Person.userGroupIds": launch.person.groups,
        "$Person.sourcedId": launch.person.idnumber,
        "$User.id": str(launch.person.id),
        "$User.username": launch.person.username,
    }
    lower = {name.lower(): known.get(value, value) for name, value in configured.items()}
    return lower | {name: known.get(value, value) for name, value in configured.items()}
