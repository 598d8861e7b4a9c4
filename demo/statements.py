"""xAPI statements in the shape of Moodle's logstore plugin (logstore_xapi 5.0.1). Pure.

They have no id, whole seconds, English display texts, and `scaled` mapped to -1…1: the quirks are
the point. `registration` is missing here: the plugin sets it per sending batch (see cron).
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from demo.world import Activity, Course, Person

Json = dict[str, Any]

VIEWED = ("http://id.tincanapi.com/verb/viewed", "Viewed")
COMPLETED = ("http://adlnet.gov/expapi/verbs/completed", "Completed")
UNCOMPLETED = ("https://xapi.edlm/profiles/edlm-lms/concepts/verbs/uncompleted", "Uncompleted")
LOGGED_IN = ("https://xapi.edlm/profiles/edlm-lms/concepts/verbs/login", "Logged In")
STARTED = ("http://activitystrea.ms/schema/1.0/start", "Started")

EXTERNAL_ID = "https://w3id.org/learning-analytics/learning-management-system/external-id"
INFO = "http://lrs.learninglocker.net/define/extensions/info"
SITE_TYPE = "http://id.tincanapi.com/activitytype/lms"
COURSE_TYPE = "https://w3id.org/xapi/cmi5/activitytype/course"
SECTION_TYPE = "http://id.tincanapi.com/activitytype/section"
ATTEMPT_TYPE = "http://adlnet.gov/expapi/activities/attempt"
KINDS = {
    "page": "https://w3id.org/xapi/acrossx/activities/page",
    "quiz": "http://adlnet.gov/expapi/activities/assessment",
    "lti": "http://adlnet.gov/expapi/activities/media",
}
QUIZ_MAXIMUM = 10
QUIZ_PASS = 6


@dataclass(frozen=True, slots=True)
class Event:
    """What happened to whom, when (unix seconds), on which site."""

    site: str
    person: Person
    at: int


def logged_in(event: Event) -> Json:
    context = _context(r"\core\event\user_loggedin", r"core\user_loggedin")
    return _statement(event, LOGGED_IN, _site(event.site), context)


def course_viewed(event: Event, course: Course) -> Json:
    context = _context(r"\core\event\course_viewed", r"core\course_viewed")
    context["contextActivities"] = {"category": [_site(event.site)]}
    return _statement(event, VIEWED, _course(event.site, course), context)


def module_viewed(event: Event, course: Course, activity: Activity) -> Json:
    name = rf"\mod_{activity.kind}\event\course_module_viewed"
    context = _inside(event, course, _context(name, r"all\course_module_viewed"))
    return _statement(event, VIEWED, _module(event.site, activity), context)


def link_viewed(event: Event, course: Course) -> Json:
    link = course.link
    context = _context(r"\mod_lti\event\course_module_viewed", r"all\course_module_viewed")
    target = _activity(f"{event.site}/mod/lti/view.php?id={link.cm}", KINDS["lti"], link.title)
    target["definition"]["extensions"] = {EXTERNAL_ID: ""}
    return _statement(event, VIEWED, target, _inside(event, course, context))


def completion_updated(event: Event, course: Course, activity: Activity, *, done: bool) -> Json:
    name = "course_module_completion_updated"
    context = _inside(event, course, _context(rf"\core\event\{name}", rf"core\{name}"))
    verb = COMPLETED if done else UNCOMPLETED
    statement = _statement(event, verb, _module(event.site, activity), context)
    return statement | ({"result": {"completion": True}} if done else {})


def attempt_started(event: Event, course: Course, quiz: Activity, attempt: int) -> Json:
    context = _context(r"\mod_quiz\event\attempt_started", r"mod_quiz\attempt_started")
    target = _attempt(event.site, quiz, attempt)
    return _statement(event, STARTED, target, _inside(event, course, context, quiz))


def attempt_submitted(
    event: Event, course: Course, quiz: Activity, attempt: int, raw: float
) -> Json:
    name = r"mod_quiz\attempt_submitted\handler"
    context = _context(r"\mod_quiz\event\attempt_submitted", name)
    target = _attempt(event.site, quiz, attempt)
    statement = _statement(event, COMPLETED, target, _inside(event, course, context, quiz))
    score = {"raw": raw, "min": 0, "max": QUIZ_MAXIMUM, "scaled": 2 * raw / QUIZ_MAXIMUM - 1}
    success = raw >= QUIZ_PASS
    result = {"score": score, "completion": True, "success": success, "duration": "PT6S"}
    return statement | {"result": result}


def _statement(event: Event, verb: tuple[str, str], target: Json, context: Json) -> Json:
    at = datetime.fromtimestamp(event.at, UTC)
    account = {"homePage": event.site, "name": str(event.person.id)}
    return {
        "context": context,
        "timestamp": at.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "actor": {"name": event.person.name, "account": account},
        "verb": {"id": verb[0], "display": {"en": verb[1]}},
        "object": target,
    }


def _context(event_name: str, function: str) -> Json:
    info = {
        "http://moodle.org": "4.5.5+ (Build: 20250613)",
        "https://github.com/xAPI-vle/moodle-logstore_xapi": "5.0.1",
        "event_name": event_name,
        "event_function": "\\src\\transformer\\events\\" + function,
    }
    return {"platform": "Moodle", "language": "en", "extensions": {INFO: info}}


def _inside(event: Event, course: Course, context: Json, quiz: Activity | None = None) -> Json:
    section = f"{event.site}/course/section.php?id={course.section}"
    parents = [
        _activity(section, SECTION_TYPE, f"{course.fullname} Section 0"),
        _course(event.site, course),
    ]
    first = [_module(event.site, quiz)] if quiz else []
    activities = {"parent": [*first, *parents], "category": [_site(event.site)]}
    return context | {"contextActivities": activities}


def _site(site: str) -> Json:
    return _activity(site, SITE_TYPE, "Demo-LMS Musterstadt")


def _course(site: str, course: Course) -> Json:
    activity = _activity(f"{site}/course/view.php?id={course.id}", COURSE_TYPE, course.fullname)
    activity["definition"]["extensions"] = {EXTERNAL_ID: course.idnumber}
    return activity


def _module(site: str, module: Activity) -> Json:
    activity = _activity(site + module.path, KINDS[module.kind], module.title)
    activity["definition"]["extensions"] = {EXTERNAL_ID: module.idnumber}
    return activity


def _attempt(site: str, quiz: Activity, attempt: int) -> Json:
    address = f"{site}/mod/quiz/attempt.php?attempt={attempt}&cmid={quiz.cm}"
    return _activity(address, ATTEMPT_TYPE, f"{quiz.title} Attempt {attempt}")


def _activity(address: str, kind: str, name: str) -> Json:
    definition: Json = {"type": kind, "name": {"en": name}}
    return {"objectType": "Activity", "id": address, "definition": definition}
