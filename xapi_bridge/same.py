"""Whether two statements say the same, as a store compares them.

Left out is what stores set (stored, authority, version, a timestamp that was not given) and what is
not part of a statement (display of verbs, definitions of activities). Instants are compared as
instants, durations to the hundredth of a second, members of groups in any order. Source: xAPI 1.0.3
data 2.3.1 and 4.6. Pure; both must have passed `rules`.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from xapi_bridge.instants import instant_us
from xapi_bridge.statement import STORE_FIELDS

Json = Any

_SECONDS = re.compile(r"([0-9]+)[.,]([0-9]+)S$")


def same(one: Mapping[str, Json], other: Mapping[str, Json], *, without: str = "") -> bool:
    """Return whether two statements say the same; `without` is a property to leave out as well."""
    left, right = _said(one, without), _said(other, without)
    if "timestamp" not in left or "timestamp" not in right:
        left.pop("timestamp", None), right.pop("timestamp", None)
    if "id" not in left or "id" not in right:
        left.pop("id", None), right.pop("id", None)
    return _bytes(left) == _bytes(right)


def _bytes(said: Json) -> bytes:
    return orjson.dumps(said, option=orjson.OPT_SORT_KEYS)


def _said(document: Mapping[str, Json], without: str) -> dict[str, Json]:
    left_out = STORE_FIELDS | {without, "attachments"}
    said = {k: _PARTS.get(k, _as_it_is)(v) for k, v in document.items() if k not in left_out}
    if files := [] if without == "attachments" else document.get("attachments", []):
        said["attachments"] = [file["sha2"].lower() for file in files]
    return said


def _as_it_is(value: Json) -> Json:
    return value


def _lower(value: str) -> str:
    return value.lower()


def _when(value: str) -> int:
    return instant_us(value)[0]


def _verb(value: Mapping[str, Json]) -> Json:
    return value["id"]


def _agent(value: Mapping[str, Json]) -> Json:
    said = {k: v for k, v in value.items() if k not in ("objectType", "member")}
    if mbox := value.get("mbox"):
        local, _, domain = mbox.rpartition("@")
        said["mbox"] = f"{local}@{domain.lower()}"
    if value.get("objectType") == "Group":
        said["member"] = sorted(map(_agent, value.get("member", ())), key=_bytes)
    return said


def _thing(value: Mapping[str, Json]) -> Json:
    kind = value.get("objectType", "Activity")
    if kind == "SubStatement":
        return _said(value, "objectType")
    if kind in ("Agent", "Group"):
        return _agent(value)
    return [kind, value["id"].lower() if kind == "StatementRef" else value["id"]]


def _result(value: Mapping[str, Json]) -> Json:
    if (duration := value.get("duration")) is None:
        return value
    return {**value, "duration": _SECONDS.sub(_hundredths, duration)}


def _hundredths(found: re.Match[str]) -> str:
    fraction = found[2][:2].rstrip("0")
    return f"{found[1]}.{fraction}S" if fraction else f"{found[1]}S"


def _context(value: Mapping[str, Json]) -> Json:
    return {key: _AROUND.get(key, _as_it_is)(inner) for key, inner in value.items()}


def _activities(value: Mapping[str, Json]) -> Json:
    listed = {k: [v] if isinstance(v, dict) else v for k, v in value.items()}
    return {k: [activity["id"] for activity in found] for k, found in listed.items()}


def _involved(value: list[Mapping[str, Json]]) -> Json:
    return [{k: _agent(v) if k in ("agent", "group") else v for k, v in e.items()} for e in value]


_PARTS: dict[str, Callable[[Json], Json]] = {
    "id": _lower,
    "actor": _agent,
    "verb": _verb,
    "object": _thing,
    "result": _result,
    "context": _context,
    "timestamp": _when,
}
_AROUND: dict[str, Callable[[Json], Json]] = {
    "registration": _lower,
    "instructor": _agent,
    "team": _agent,
    "contextActivities": _activities,
    "contextAgents": _involved,
    "contextGroups": _involved,
    "statement": _thing,
}
