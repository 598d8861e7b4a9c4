"""Documents we keep in a foreign store: one per learner, with the path as it stands now.

A statement is history, this is the present. Others may write into the same document: what is not
ours stays as it is. Read with its ETag, written with If-Match (or If-None-Match where there is
none); who was overtaken reads again and merges again. What is newer than ours is left alone, so an
old try that comes late changes nothing. Source: xAPI 1.0.3 part 3, 3.1; reference/xapi.md 9.3.
"""

from collections.abc import Mapping
from typing import Any, Protocol

import orjson

from xapi_bridge.errors import BridgeError, RequestRefused, StatementConflict

AGENT_PROFILE = "agents/profile"
MOST_TRIES = 5
OVERTAKEN = (409, 412)
NOT_OFFERED = (404, 405, 501)  # a store without documents: its statements have to do

Json = Any
Where = Mapping[str, str]  # the parameters that name a document


class Documents(Protocol):
    """What is needed of a client."""

    def document(
        self, method: str, where: Where, body: bytes | None, condition: Mapping[str, str]
    ) -> tuple[bytes, str]:
        """Return the document and its ETag."""
        ...


class Overtaken(BridgeError):
    """Somebody else changed the document each time between our reading and writing it."""

    retry = True


def put(store: Documents, where: Where, ours: Mapping[str, Json]) -> bool:
    """Write our keys, keep all others; False if the store offers no documents."""

    def merged(there: Mapping[str, Json]) -> Mapping[str, Json]:
        return {**there, **ours}

    return _change(store, where, ours["updated"], merged)


def take_back(store: Documents, where: Where, keys: frozenset[str], at: str) -> bool:
    """Remove our keys as of this instant, and the document if nothing else is in it."""

    def without(there: Mapping[str, Json]) -> Mapping[str, Json]:
        return {name: value for name, value in there.items() if name not in keys}

    return _change(store, where, at, without)


def _change(store: Documents, where: Where, at: str, change: Any) -> bool:
    for _ in range(MOST_TRIES):
        there, etag = _read(store, where)
        wanted = change(there or {})
        if wanted == (there or {}) or _is_newer(there, at):
            return True
        try:
            _write(store, where, wanted, etag, known=there is not None)
        except (StatementConflict, RequestRefused) as refused:
            status = getattr(refused, "status", 409)
            if status in NOT_OFFERED:
                return False
            if status not in OVERTAKEN:
                raise
        else:
            return True
    raise Overtaken("Somebody else keeps changing the same document.", remedy="We try again.")


def _is_newer(there: Mapping[str, Json] | None, at: str) -> bool:
    # Both are our own texts of UTC instants: they compare as such.
    return bool(there) and str((there or {}).get("updated", "")) > at


def _read(store: Documents, where: Where) -> tuple[Mapping[str, Json] | None, str]:
    try:
        body, etag = store.document("GET", where, None, {})
        found = orjson.loads(body)
    except RequestRefused as refused:
        if refused.status in NOT_OFFERED:
            return None, ""
        raise
    except orjson.JSONDecodeError:
        return {}, etag  # nobody's JSON: the whole document is under our own id
    return found if isinstance(found, dict) else {}, etag


def _write(
    store: Documents, where: Where, wanted: Mapping[str, Json], etag: str, *, known: bool
) -> None:
    condition = {"If-None-Match": "*"} if not known else {"If-Match": etag} if etag else {}
    if wanted:
        store.document("PUT", where, orjson.dumps(wanted), condition)
    else:
        store.document("DELETE", where, None, condition)
