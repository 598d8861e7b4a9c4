"""What we write: a path as the pair of statements that other systems can find, and its withdrawal.

And the path as it stands now, as an Agent Profile document; and, only where the learner shared it,
what she can do (`asserted`, and a document of levels), and its voiding. Only here: tincan, to
construct and never to read. Ids are UUIDv5 of tool, assignment, revision and kind and the timestamp
is given, so the same event always makes the same bytes and sending twice is harmless. Source: TLA
Master Object Model profile 0.16; reference/xapi.md section 9; our own profile in `profile`.
"""

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tincan import (
    Activity,
    ActivityDefinition,
    Agent,
    AgentAccount,
    Context,
    ContextActivities,
    Statement,
    StatementRef,
    Verb,
)

from xapi_bridge.instants import instant_us, text_of
from xapi_bridge.parts import is_iri

VERSION = "1.0.3"
SERVICE = "empfehlungsdienst"  # our own account name under the tool's address
PLATFORM = "roadMAP LTI"
TLA = "https://w3id.org/xapi/tla"
TLA_PROFILE = f"{TLA}/v0.16"
REGISTERED = "http://adlnet.gov/expapi/verbs/registered"
RECOMMENDED = f"{TLA}/verbs/recommended"
DESELECTED = f"{TLA}/verbs/deselected"
ASSERTED = f"{TLA}/verbs/asserted"
VOIDED = "http://adlnet.gov/expapi/verbs/voided"
CONTENT_SET = f"{TLA}/activity-types/content_set"
COMPETENCY = f"{TLA}/activity-types/competency"
MODULE = "http://adlnet.gov/expapi/activities/module"
COURSE = "https://w3id.org/xapi/cmi5/activitytype/course"
PROFILE = "http://adlnet.gov/expapi/activities/profile"
LEARNER, DUE_DATE = f"{TLA}/extensions/learner", f"{TLA}/extensions/due_date"
EVIDENCE, CONFIDENCE = f"{TLA}/extensions/evidence", f"{TLA}/extensions/confidence"

_DISPLAY = {
    RECOMMENDED: {"en": "recommended", "de": "empfahl"},
    REGISTERED: {"en": "registered", "de": "wurde angemeldet"},
    DESELECTED: {"en": "deselected", "de": "wurde abgemeldet"},
    ASSERTED: {"en": "asserted", "de": "belegte"},
    VOIDED: {"en": "voided", "de": "zurückgenommen"},
}
_LANGUAGE = {"de": "de-DE", "en": "en-US"}
_TITLE = {"de": "Lernpfad", "en": "Learning path"}

Json = Any
Event = Mapping[str, Json]


def statements(tool: str, event: Event) -> list[Json]:
    """Return the statements of an event as JSON documents, ready for any LRS.

    `event`: kind (assigned | withdrawn | asserted | voided), assignment (UUID), revision, home_page
    and name (the learner as the LMS names them), language, timestamp (ISO 8601); of a path also
    course (address, or anything else for none), steps (order, activity, title, mandatory, month),
    and optionally title, due, and competencies (id, title): shared ones only; of a result that was
    shared also competency (id, title), confidence (0 to 1), pieces (how many pieces of evidence)
    and evidence (ids of statements); of a voiding, which names no person, only statement (its id),
    language and timestamp.
    """
    return _KINDS[event["kind"]](tool, event)


def statement_id(tool: str, event: Event, kind: str) -> str:
    """Return the id that a statement of this kind has in every store and at every attempt."""
    name = f"{tool}|{event['assignment']}|{event['revision']}|{kind}"
    return str(uuid.uuid5(uuid.NAMESPACE_URL, name))


def path_document(tool: str, event: Event) -> Json:
    """Return the Agent Profile document of a path: what it is now, steps only, nobody's name.

    `event` as in `statements`, and assigned (since when), and a state for each step.
    """
    document = {
        "schema": f"{tool}/xapi/schema/learning-path/1",
        "assignment": event["assignment"],
        "revision": event["revision"],
        "status": "assigned",
        "title": event.get("title") or _TITLE,
        "assignedAt": instant(event["assigned"]),
        "assignedBy": "learner",  # a role: she accepted it
        "updated": instant(event["timestamp"]),
        "steps": [_present_step(tool, event, step) for step in event["steps"]],
    }
    return document | ({"due": event["due"]} if event.get("due") else {})


#: Every key of the document that is ours; others may stand beside them.
DOCUMENT_KEYS = frozenset(
    ("schema", "assignment", "revision", "status", "title", "assignedAt", "assignedBy")
) | {"updated", "steps", "due"}


def document_place(tool: str, event: Event) -> dict[str, str]:
    """Return the parameters that name the document: whose it is, and our id of it."""
    agent = json.dumps(_json(_learner(event)), sort_keys=True)
    return {"agent": agent, "profileId": f"{tool}/xapi/profile/learning-path"}


def instant(iso: str) -> str:
    """Return an instant as we write it everywhere: UTC, microseconds, Z."""
    return text_of(instant_us(iso)[0])


def levels_document(tool: str, event: Event) -> Json:
    """Return the Agent Profile document of the results that the learner shared, as they are now.

    `event`: share (UUID), revision, timestamp, until (ISO 8601), and results: code, title, low and
    high (levels 0 to 4), confidence (that the level is one of these), evidence (how many pieces).
    """
    return {
        "schema": f"{tool}/xapi/schema/competencies/1",
        "share": event["share"],
        "revision": event["revision"],
        "updated": instant(event["timestamp"]),
        "until": instant(event["until"]),
        "sharedBy": "learner",
        "competencies": [_level(tool, result) for result in event["results"]],
    }


#: Every key of the document of levels that is ours.
LEVELS_KEYS = frozenset(
    ("schema", "share", "revision", "updated", "until", "sharedBy", "competencies")
)


def levels_place(tool: str, event: Event) -> dict[str, str]:
    """Return the parameters that name the document of shared results."""
    return document_place(tool, event) | {"profileId": f"{tool}/xapi/profile/competencies"}


def _level(tool: str, result: Event) -> Json:
    return {
        "competency": f"{tool}/xapi/competency/{result['code']}",
        "title": {"de": result["title"]},
        "from": _LEVELS[result["low"]] | {"level": result["low"]},
        "to": _LEVELS[result["high"]] | {"level": result["high"]},
        "confidence": result["confidence"],
        "evidence": result["evidence"],
    }


#: Level words 0 to 4, as the pages say them.
_LEVELS = (
    {"de": "noch nicht", "en": "not yet"},
    {"de": "mit Hilfe", "en": "with help"},
    {"de": "selbstständig", "en": "on your own"},
    {"de": "sicher", "en": "confidently"},
    {"de": "leitet an", "en": "leading others"},
)


def _present_step(tool: str, event: Event, step: Mapping[str, Json]) -> Json:
    kept: Sequence[str] = ("order", "mandatory", "month", "state")
    named = {"activity": _address(tool, event, step), "title": {"de": step["title"]}}
    return named | {name: step[name] for name in kept if name in step}


def _recommendation(tool: str, event: Event) -> Json:
    context = _context(tool, event)
    steps = _steps(tool, event)
    context.extensions = {LEARNER: _json(_learner(event)), f"{tool}/xapi/ext/steps": steps}
    if due := event.get("due"):
        context.extensions[DUE_DATE] = due
    return _statement(tool, event, "recommended", _service(tool), RECOMMENDED, context)


def _registration(tool: str, event: Event) -> Json:
    context = _context(tool, event)
    context.statement = StatementRef(id=statement_id(tool, event, "recommended"))
    context.instructor = _service(tool)
    return _statement(tool, event, "registered", _learner(event), REGISTERED, context)


def _withdrawal(tool: str, event: Event) -> Json:
    context = _context(tool, {**event, "steps": (), "competencies": ()})
    context.statement = StatementRef(id=statement_id(tool, event, "registered"))
    context.instructor = _service(tool)
    return _statement(tool, event, "deselected", _learner(event), DESELECTED, context)


def _assertion(tool: str, event: Event) -> Json:
    known = event["competency"]
    about = _activity(f"{tool}/xapi/competency/{known['id']}", COMPETENCY, {"de": known["title"]})
    context = _context(tool, {**event, "steps": ()})
    context.instructor = _service(tool)
    context.extensions = {
        EVIDENCE: list(event["evidence"]),
        CONFIDENCE: event["confidence"],
        f"{tool}/xapi/ext/pieces": event["pieces"],
    }
    kind = f"asserted:{known['id']}"
    return _statement(tool, event, kind, _learner(event), ASSERTED, context, about)


def _voiding(tool: str, event: Event) -> Json:
    """Void a statement of ours; whoever it was about is not named again.

    No platform: xAPI allows that only about an activity (part 2, 2.4.6), and stores refuse it.
    """
    context = Context(
        language=_language(event),
        context_activities=ContextActivities(category=_category(tool)),
    )
    made = Statement(
        id=str(uuid.uuid5(uuid.NAMESPACE_URL, f"{tool}|{event['statement']}|voided")),
        actor=_service(tool),
        verb=Verb(id=VOIDED, display=_DISPLAY[VOIDED]),
        object=StatementRef(id=event["statement"]),
        context=context,
    )
    return _dated(made, event)


_KINDS: Mapping[str, Callable[[str, Event], list[Json]]] = {
    "assigned": lambda tool, event: [_recommendation(tool, event), _registration(tool, event)],
    "withdrawn": lambda tool, event: [_withdrawal(tool, event)],
    "asserted": lambda tool, event: [_assertion(tool, event)],
    "voided": lambda tool, event: [_voiding(tool, event)],
}


def _statement(
    tool: str,
    event: Event,
    kind: str,
    actor: Agent,
    verb: str,
    context: Context,
    about: Activity | None = None,
) -> Json:
    path = Activity(
        id=f"{tool}/xapi/path/{event['assignment']}",
        definition=ActivityDefinition(type=CONTENT_SET, name=event.get("title") or _TITLE),
    )
    made = Statement(
        id=statement_id(tool, event, kind),
        actor=actor,
        verb=Verb(id=verb, display=_DISPLAY[verb]),
        object=about or path,
        context=context,
    )
    return _dated(made, event)


def _dated(made: Statement, event: Event) -> Json:
    # The instant is written as it was fixed: tincan would change its text.
    return _json(made) | {"timestamp": instant(event["timestamp"]), "version": VERSION}


def _context(tool: str, event: Event) -> Context:
    return Context(
        registration=event["assignment"],
        platform=PLATFORM,
        language=_language(event),
        revision=str(event["revision"]),
        context_activities=ContextActivities(**_around(tool, event)),
    )


def _language(event: Event) -> str:
    return str(_LANGUAGE.get(event["language"], event["language"]))


def _category(tool: str) -> list[Activity]:
    return [_activity(TLA_PROFILE, PROFILE), _activity(f"{tool}/xapi/profile/v1", PROFILE)]


def _around(tool: str, event: Event) -> dict[str, list[Activity]]:
    found = {
        "grouping": [
            _activity(f"{tool}/xapi/competency/{c['id']}", COMPETENCY, {"de": c["title"]})
            for c in event.get("competencies", ())
        ],
        "other": [
            _activity(_address(tool, event, step), MODULE, {"de": step["title"]})
            for step in event["steps"]
        ],
        "category": _category(tool),
    }
    if is_iri(event.get("course")):
        found["parent"] = [_activity(event["course"], COURSE)]
    return {relation: activities for relation, activities in found.items() if activities}


def _activity(address: str, kind: str, name: Mapping[str, str] | None = None) -> Activity:
    definition = ActivityDefinition(type=kind)
    if name:
        definition.name = dict(name)
    return Activity(id=address, definition=definition)


def _steps(tool: str, event: Event) -> list[Json]:
    """Return the steps as data: addresses, order, Pflicht, month. No levels, no competences."""
    kept: Sequence[str] = ("order", "mandatory", "month")
    return [
        {"activity": _address(tool, event, step), **{k: step[k] for k in kept if k in step}}
        for step in event["steps"]
    ]


def _address(tool: str, event: Event, step: Mapping[str, Json]) -> str:
    """An offer known by its idnumber only gets an address of ours: stores refuse anything else."""
    given = step["activity"]
    if is_iri(given):
        return str(given)
    return f"{tool}/xapi/path/{event['assignment']}/step/{step['order']}"


def _learner(event: Event) -> Agent:
    return Agent(account=AgentAccount(home_page=event["home_page"], name=event["name"]))


def _service(tool: str) -> Agent:
    return Agent(account=AgentAccount(home_page=tool, name=SERVICE))


def _json(value: Any) -> Json:
    return json.loads(value.to_json(VERSION))
