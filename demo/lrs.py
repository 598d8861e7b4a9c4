"""Read from the LRS what it holds about a person, with a key that can only read.

The path arrives as a pair of statements: one the learner is the actor of (`registered`), which
names the other (`recommended`) by id. Both are shown as they are; nothing here is secret from the
learner, and only the learner sees this page.
"""

import json
import logging
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import requests

from demo.config import Config
from demo.world import Person

REGISTERED = "http://adlnet.gov/expapi/verbs/registered"
HEADERS = {"X-Experience-API-Version": "1.0.3"}
#: What a statement says, in plain German; the senders' own words are English or stiff.
VERBS = {
    REGISTERED: "angenommen",
    "https://w3id.org/xapi/tla/verbs/recommended": "vorgeschlagen",
    "https://w3id.org/xapi/tla/verbs/deselected": "zurückgenommen",
    "http://id.tincanapi.com/verb/viewed": "angesehen",
    "http://adlnet.gov/expapi/verbs/completed": "abgeschlossen",
    "https://xapi.edlm/profiles/edlm-lms/concepts/verbs/uncompleted": "wieder geöffnet",
    "https://xapi.edlm/profiles/edlm-lms/concepts/verbs/login": "geöffnet (Anmeldung)",
    "http://activitystrea.ms/schema/1.0/start": "begonnen",
}
PATHS = 5
RECENT = 15

T = TypeVar("T")

log = logging.getLogger(__name__)


class LrsSilent(Exception):
    """The LRS cannot be reached or does not answer as one; a later try can help."""


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a path: where to learn, whether it is mandatory."""

    activity: str
    title: str
    mandatory: bool


@dataclass(frozen=True, slots=True)
class PathStatement:
    """One statement about a path, readable and raw."""

    verb: str
    title: str
    at: str
    due: str
    steps: tuple[Step, ...]
    raw: str


@dataclass(frozen=True, slots=True)
class Recorded:
    """One statement of the person's activity, as a German line."""

    text: str
    at: str


def paths(config: Config, person: Person) -> list[PathStatement]:
    """Return the path statements about a person, newest first. :raises LrsSilent:"""
    found = _query(config, agent=_agent(config, person), verb=REGISTERED, limit=PATHS)
    pairs = [s for own in found for s in (own, *_named_by(config, own))]
    return _readable(_path, pairs)


def recent(config: Config, person: Person) -> list[Recorded]:
    """Return the newest statements about a person. :raises LrsSilent:"""
    found = _query(config, agent=_agent(config, person), limit=RECENT)
    return _readable(_recorded, found)


def _recorded(statement: Mapping[str, Any]) -> Recorded:
    at = str(statement.get("timestamp", ""))
    return Recorded(f"„{_german(_title(statement['object']))}“ {_verb(statement)}", at)


def _readable(
    read: Callable[[Mapping[str, Any]], T], found: Iterable[Mapping[str, Any]]
) -> list[T]:
    """Return what can be read; a store may hold what is no statement, that is not our error."""
    out = []
    for statement in found:
        try:
            out.append(read(statement))
        except (AttributeError, KeyError, TypeError, ValueError):
            log.info("skipped what cannot be read as a statement")
    return out


def _agent(config: Config, person: Person) -> str:
    account = {"homePage": config.issuer, "name": str(person.id)}
    return json.dumps({"account": account})


def _named_by(config: Config, statement: Mapping[str, Any]) -> list[dict[str, Any]]:
    try:
        other = str(statement["context"]["statement"]["id"])
    except (KeyError, TypeError):
        return []
    found = _get(config, {"statementId": other})
    return [found] if "verb" in found else []


def _query(config: Config, **filters: str | int) -> list[dict[str, Any]]:
    found = _get(config, filters).get("statements")
    return [s for s in found if isinstance(s, dict)] if isinstance(found, list) else []


def _get(config: Config, filters: Mapping[str, str | int]) -> dict[str, Any]:
    try:
        answer = requests.get(
            f"{config.lrs}/statements",
            params=filters,
            headers=HEADERS,
            auth=(config.secrets.lrs_read_key, config.secrets.lrs_read_secret),
            timeout=config.timeout_s,
            allow_redirects=False,
        )
        answer.raise_for_status()
        document = answer.json()
    except (requests.RequestException, ValueError) as error:
        raise LrsSilent(str(error)) from error
    if not isinstance(document, dict):
        raise LrsSilent("no object")
    return document


def _path(statement: Mapping[str, Any]) -> PathStatement:
    context = statement.get("context", {})
    extensions = context.get("extensions", {})
    return PathStatement(
        verb=_verb(statement),
        title=_title(statement["object"]),
        at=str(statement.get("timestamp", "")),
        due=next((str(v) for k, v in extensions.items() if k.endswith("/due_date")), ""),
        steps=_steps(context),
        raw=json.dumps(statement, indent=2, ensure_ascii=False),
    )


def _steps(context: Mapping[str, Any]) -> tuple[Step, ...]:
    others = context.get("contextActivities", {}).get("other", [])
    titles = {other["id"]: _title(other) for other in others}
    named = next(
        (v for k, v in context.get("extensions", {}).items() if k.endswith("/ext/steps")), None
    )
    if named is None:
        return tuple(Step(address, title, mandatory=False) for address, title in titles.items())
    listed = sorted(named, key=lambda step: step.get("order", 0))
    return tuple(
        Step(s["activity"], titles.get(s["activity"], s["activity"]), bool(s.get("mandatory")))
        for s in listed
    )


def _german(title: str) -> str:
    """Return a title as people read it: the plugin names an attempt in English."""
    return re.sub(r" Attempt (\d+)$", r", Versuch \1", title)


def _verb(statement: Mapping[str, Any]) -> str:
    known = VERBS.get(str(statement["verb"]["id"]))
    return known or _best(statement["verb"].get("display", {})) or str(statement["verb"]["id"])


def _title(target: Mapping[str, Any]) -> str:
    return _best(target.get("definition", {}).get("name", {})) or str(target.get("id", ""))


def _best(texts: Mapping[str, str]) -> str:
    german = (text for language, text in texts.items() if language.startswith("de"))
    return next(german, next(iter(texts.values()), ""))
