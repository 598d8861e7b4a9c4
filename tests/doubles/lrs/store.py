"""An LRS with the habits of many: it stores what it is given and answers as its knobs say.

Unlike ours it checks nothing, so it can hold statements that only a lenient store delivers.
Statements resource, About and agent profiles, over WSGI.
"""

import base64
import json
import threading
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs

from xapi_bridge.instants import instant_us, text_of

VOIDED = "http://adlnet.gov/expapi/verbs/voided"
Start = Callable[..., Any]
Json = Any


@dataclass
class Knobs:
    """How this store is. As it stands: a good one that says nothing about consistency."""

    since: str = "stored"  # stored | timestamp | ignored
    order: str = "stored"  # stored | timestamp
    cap: int = 1000
    refuses_above: int = 0  # 0: it clamps `limit` silently
    default: int = 100
    more: str = "path"  # path | absolute | query | relative
    last_more: str = "empty"  # empty | missing
    versions: tuple[str, ...] = ("1.0.3",)
    about: bool = True
    documents: bool = True
    if_match: bool = True
    hides_voided: bool = True
    filters: bool = True
    consistent: str = "none"  # none | wall | backwards
    skew_s: float = 0.0  # its clock against ours
    says_date: bool = True
    may_write: bool = True
    document_key: str = "all"  # all | read | none: what our key may do with documents
    singles: bool = True  # our key may read a single statement
    busy: int = 0  # so many requests are answered with 429 before it takes one
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Row:
    raw: bytes
    id: str
    stored_us: int
    timestamp_us: int
    visible_us: int
    document: Mapping[str, Json]


class Store:
    """The WSGI app, and what tests do behind its back: `put`, `lose`."""

    def __init__(self, knobs: Knobs | None = None) -> None:
        self.knobs = knobs or Knobs()
        self.rows: list[Row] = []
        self.profiles: dict[str, tuple[bytes, str]] = {}
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        self._lock = threading.Lock()
        self._last_us = 0

    # --- behind its back ----------------------------------------------------------------------

    def now_us(self) -> int:
        return int((datetime.now(UTC) + timedelta(seconds=self.knobs.skew_s)).timestamp() * 1e6)

    def put(
        self, document: Json, *, stored_us: int | None = None, visible_in_s: float = 0.0
    ) -> str:
        """Store a statement as it is (bytes or a document); return its id."""
        with self._lock:
            now_us = max(self.now_us(), self._last_us + 1000)
            self._last_us = now_us
            given_us = _given_us(document) if stored_us is None else stored_us
            stored_us = now_us if given_us is None else given_us
            raw, parsed = _completed(document, stored_us)
            visible_us = self.now_us() + int(visible_in_s * 1e6)
            self.rows.append(
                Row(raw, _id(parsed), stored_us, _timestamp(parsed, stored_us), visible_us, parsed)
            )
            return _id(parsed)

    def lose(self, *ids: str) -> None:
        """Delete statements as an operator does in the database."""
        with self._lock:
            self.rows = [r for r in self.rows if r.id not in ids]

    # --- HTTP ---------------------------------------------------------------------------------

    def __call__(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
        query = {k: v[0] for k, v in parse_qs(environ.get("QUERY_STRING", "")).items()}
        self.asked.append((method, path, query))
        size = int(environ.get("CONTENT_LENGTH") or 0)
        body = environ["wsgi.input"].read(size)
        status, answer, more = self._answered(environ, method, path, query, body)
        headers = {"Content-Type": "application/json", **self._headers(environ), **more}
        start(f"{status} x", [*headers.items(), ("Content-Length", str(len(answer)))])
        return [answer]

    def _headers(self, environ: Mapping[str, Any]) -> dict[str, str]:
        spoken = environ.get("HTTP_X_EXPERIENCE_API_VERSION", "")
        found = {"X-Experience-API-Version": spoken, **self.knobs.headers}
        now_us = self.now_us()
        if self.knobs.says_date:
            found["Date"] = format_datetime(datetime.fromtimestamp(now_us // 10**6, UTC), True)
        if self.knobs.consistent != "none":
            back = len(self.asked) * 10**6 if self.knobs.consistent == "backwards" else 0
            found["X-Experience-API-Consistent-Through"] = text_of(now_us - back)
        return found

    def _answered(
        self, environ: Mapping[str, Any], method: str, path: str, query: dict[str, str], body: bytes
    ) -> tuple[int, bytes, dict[str, str]]:
        if self.knobs.busy:
            self.knobs.busy -= 1
            return 429, b"", {"Retry-After": "40"}
        if path == "/xapi/about":
            about = json.dumps({"version": list(self.knobs.versions)}).encode()
            return (200, about, {}) if self.knobs.about else (404, b"", {})
        if not self._speaks(environ.get("HTTP_X_EXPERIENCE_API_VERSION", "")):
            return 400, b'{"error":"version"}', {}
        if path == "/xapi/agents/profile" and self.knobs.documents:
            may = {"all": True, "read": method == "GET", "none": False}
            if not may[self.knobs.document_key]:
                return 403, b"", {}
            return self._profile(environ, method, query, body)
        if path != "/xapi/statements":
            return 404, b"", {}
        if method == "GET":
            return self._statements(environ, query)
        if not self.knobs.may_write:
            return 403, b"", {}
        return self._taken(method, query, json.loads(body or b"[]"))

    def _speaks(self, version: str) -> bool:
        return any(version[:3] == known[:3] for known in self.knobs.versions)

    def _taken(self, method: str, query: dict[str, str], body: Json) -> Any:
        listed = body if isinstance(body, list) else [body]
        if method == "PUT":
            listed = [body | {"id": query["statementId"]}]
        known = {r.id: r.document for r in self.rows}
        for s in listed:
            if s.get("id", "").lower() in known:
                same = known[s["id"].lower()].get("result") == s.get("result")
                if not same:
                    return 409, b"", {}
        ids = [self.put(s) for s in listed if s.get("id", "").lower() not in known]
        return (204, b"", {}) if method == "PUT" else (200, json.dumps(ids).encode(), {})

    def _statements(self, environ: Mapping[str, Any], query: dict[str, str]) -> Any:
        knobs = self.knobs
        for name in ("statementId", "voidedStatementId"):
            if name in query and not knobs.singles:
                return 403, b"", {}
            if name in query and not (name.startswith("voided") and not knobs.hides_voided):
                return self._one(query[name], voided=name.startswith("voided"))
        if "cursor" in query:
            query = json.loads(base64.urlsafe_b64decode(query["cursor"]))
        limit = int(query.get("limit", knobs.default))
        if knobs.refuses_above and limit > knobs.refuses_above:
            return 400, b"", {}
        limit = min(limit, knobs.cap)
        found = self._sorted(query)
        page, rest = found[:limit], found[limit:]
        answer = b'{"statements":[' + b",".join(r.raw for r in page) + b"]"
        if rest:
            more = self._more(environ, {**query, "limit": str(limit)}, page[-1])
            answer += b',"more":' + json.dumps(more).encode()
        elif knobs.last_more == "empty":
            answer += b',"more":""'
        return 200, answer + b"}", {}

    def _one(self, number: str, *, voided: bool) -> Any:
        row = next((r for r in self.rows if r.id == number.lower()), None)
        if row is None or ((row.id in self._voids()) != voided and self.knobs.hides_voided):
            return 404, b"", {}
        return 200, row.raw, {}

    def _voids(self) -> set[str]:
        return {
            r.document["object"]["id"].lower()
            for r in self.rows
            if (r.document.get("verb") or {}).get("id") == VOIDED
        }

    def _key(self, row: Row) -> tuple[int, str]:
        by = row.timestamp_us if self.knobs.order == "timestamp" else row.stored_us
        return by, row.id

    def _sorted(self, query: Mapping[str, str]) -> list[Row]:
        hidden = self._voids() if self.knobs.hides_voided else set()
        now_us = self.now_us()
        found = [r for r in self.rows if r.visible_us <= now_us and r.id not in hidden]
        found = [r for r in found if self._within(r, query) and self._matches(r, query)]
        ascending = query.get("ascending") == "true"
        found.sort(key=self._key, reverse=not ascending)
        if "behind" in query:
            behind = tuple(json.loads(query["behind"]))
            found = [
                r for r in found if (self._key(r) > behind) == ascending and self._key(r) != behind
            ]
        return found

    def _within(self, row: Row, query: Mapping[str, str]) -> bool:
        if self.knobs.since == "ignored":
            return True
        at = row.timestamp_us if self.knobs.since == "timestamp" else row.stored_us
        since = query.get("since")
        until = query.get("until")
        return (since is None or at > instant_us(since)[0]) and (
            until is None or at <= instant_us(until)[0]
        )

    def _matches(self, row: Row, query: Mapping[str, str]) -> bool:
        if not self.knobs.filters:
            return "verb" not in query and "activity" not in query
        s = row.document
        if "verb" in query and s["verb"]["id"] != query["verb"]:
            return False
        if "agent" in query:
            agent, actor = json.loads(query["agent"]), s["actor"]
            return all(actor.get(k) == v for k, v in agent.items() if k != "objectType")
        if "activity" in query:
            around = (s.get("context") or {}).get("contextActivities") or {}
            ids = {a["id"] for some in around.values() for a in some}
            related = ids if query.get("related_activities") == "true" else set()
            return query["activity"] in {s["object"].get("id"), *related}
        return True

    def _more(self, environ: Mapping[str, Any], query: Mapping[str, str], last: Row) -> str:
        behind = {**query, "behind": json.dumps(self._key(last))}
        token = base64.urlsafe_b64encode(json.dumps(behind).encode()).decode()
        path = f"/xapi/statements?cursor={token}"
        origin = f"http://{environ['HTTP_HOST']}"
        forms = {"absolute": origin + path, "query": f"?cursor={token}", "path": path}
        return forms.get(self.knobs.more, path.removeprefix("/xapi/"))

    def _profile(
        self, environ: Mapping[str, Any], method: str, query: dict[str, str], body: bytes
    ) -> Any:
        name = query.get("profileId")
        if name is None:
            return 200, json.dumps(list(self.profiles)).encode(), {}
        there = self.profiles.get(name)
        expected, fresh = environ.get("HTTP_IF_MATCH"), environ.get("HTTP_IF_NONE_MATCH")
        if self.knobs.if_match and (
            (expected and (there is None or there[1] != expected)) or (fresh and there)
        ):
            return 412, b"", {}
        if method == "GET":
            return (200, there[0], {"ETag": there[1]}) if there else (404, b"", {})
        if method == "DELETE":
            self.profiles.pop(name, None)
        else:
            self.profiles[name] = (body, f'"{uuid.uuid4().hex}"')
        return 204, b"", {}


def _completed(document: Json, stored_us: int) -> tuple[bytes, Mapping[str, Json]]:
    """Return bytes and document with id and `stored`, as far as they are no object already."""
    if isinstance(document, bytes):
        try:
            parsed = json.loads(document)
        except ValueError:
            parsed = {}
        return document, parsed if isinstance(parsed, dict) else {}
    given = dict(document)
    given.setdefault("id", str(uuid.uuid4()))
    given["stored"] = given.get("stored") or text_of(stored_us)
    given.setdefault("timestamp", given["stored"])
    return json.dumps(given).encode(), given


def _given_us(document: Json) -> int | None:
    try:
        return instant_us(document["stored"])[0]
    except (KeyError, ValueError, TypeError):
        return None


def _id(document: Mapping[str, Json]) -> str:
    return str(document.get("id", uuid.uuid4())).lower()


def _timestamp(document: Mapping[str, Json], stored_us: int) -> int:
    try:
        return instant_us(document["timestamp"])[0]
    except (KeyError, ValueError, TypeError):
        return stored_us
