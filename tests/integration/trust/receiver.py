"""Everything a path can be sent to, on one small server: LRS, token, grade book and plan service.

It keeps what arrives, by what it is, and can be out of order in any way: `trouble[kind]` is the
status it answers with instead. It judges like the real ones: an LRS stores an id once
and refuses what is no statement, Moodle's plan service knows plans by number, its grade book
refuses an older timestamp.
"""

import hashlib
import json
import threading
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from xapi_bridge import rules
from xapi_bridge.errors import MalformedStatement

CONFLICT, MALFORMED = "conflict", "malformed"
STATUS = {CONFLICT: 409, MALFORMED: 400}
BUSY_S = 60  # what a busy LRS asks for; longer than a sender waits on the spot


@dataclass
class Receiver:
    statements: dict[str, Any] = field(default_factory=dict)
    scores: list[dict[str, Any]] = field(default_factory=list)
    grades: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)  # item, user
    documents: dict[tuple[str, str], bytes] = field(default_factory=dict)  # agent, profileId
    plans: list[dict[str, str]] = field(default_factory=list)
    asked: list[tuple[str, bytes]] = field(default_factory=list)  # kind and body of every request
    trouble: dict[str, int] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)  # web-service function -> errorcode

    def __post_init__(self) -> None:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                outer._answer(self, self.rfile.read(length))

            do_PUT = do_GET = do_DELETE = do_POST

            def log_message(self, *_: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def seen(self, kind: str) -> int:
        return sum(name == kind for name, _ in self.asked)

    def _answer(self, to: BaseHTTPRequestHandler, body: bytes) -> None:
        kind = urlsplit(to.path).path.split("/")[1]
        if to.path.startswith("/xapi/agents/profile"):
            return self._document(to, body)
        self.asked.append((kind, body))
        status = self.trouble.get(kind, 200)
        document = getattr(self, f"_{kind}")(to.path, body) if status == 200 else {}
        status = STATUS.get(document, status) if isinstance(document, str) else status
        sent = json.dumps(document).encode()
        to.send_response(status)
        to.send_header("Content-Length", str(len(sent)))
        to.send_header("Retry-After", str(BUSY_S))
        to.end_headers()
        to.wfile.write(sent)

    def _xapi(self, _path: str, body: bytes) -> Any:
        found = json.loads(body)
        batch = found if isinstance(found, list) else [found]
        try:
            for statement in batch:
                rules.require(statement)
        except MalformedStatement:
            return MALFORMED
        for statement in batch:
            self.statements.setdefault(statement["id"], statement)
        return [s["id"] for s in batch]

    def _document(self, to: BaseHTTPRequestHandler, body: bytes) -> None:
        """Answer like a store with documents and their concurrency rules."""
        named = parse_qs(urlsplit(to.path).query)
        key = (named["agent"][0], named["profileId"][0])
        there = self.documents.get(key)
        etag = None if there is None else f'"{hashlib.sha1(there).hexdigest()}"'
        self.asked.append(("documents", body))
        status = self.trouble.get("documents", 204)
        if status == 204 and to.command == "GET":
            status = 404 if there is None else 200
        elif status == 204 and not _may(to, etag):
            status = 412
        elif status == 204:
            _ = self.documents.pop(key, None)
            self.documents |= {key: body} if to.command == "PUT" else {}
        sent = there if status == 200 and there else b""
        to.send_response(status)
        to.send_header("Content-Length", str(len(sent)))
        to.send_header("ETag", etag or '""')
        to.end_headers()
        to.wfile.write(sent)

    def _token(self, _path: str, _body: bytes) -> Any:
        return {"access_token": "t0ken", "token_type": "Bearer", "expires_in": 3600}

    def _scores(self, path: str, body: bytes) -> Any:
        score = json.loads(body)
        key = (path, score["userId"])
        if key in self.grades and _second(score) <= _second(self.grades[key]):
            return CONFLICT
        self.scores.append(score)
        if score["gradingProgress"] == "FullyGraded":
            self.grades[key] = score
        else:
            self.grades.pop(key, None)
        return {}

    def _plan(self, _path: str, body: bytes) -> Any:
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        if errorcode := self.refused.get(form["wsfunction"]):
            return {"exception": "moodle_exception", "errorcode": errorcode, "message": "Nein."}
        made = {n[5:-1]: v for n, v in form.items() if n.startswith("plan[")}
        if form["wsfunction"] == "core_competency_list_user_plans":
            mine = form["userid"]
            known = enumerate(self.plans, start=1)
            return [{"id": n, "name": p["name"]} for n, p in known if p.get("userid") == mine]
        if form["wsfunction"] == "core_competency_create_plan":
            self.plans.append(made)
            return {"id": len(self.plans)}
        if form["wsfunction"] == "core_competency_delete_plan":
            self.plans[int(form["id"]) - 1] = {}
            return True
        self.plans[int(made["id"]) - 1].update(made)
        return True


def _may(to: BaseHTTPRequestHandler, etag: str | None) -> bool:
    if etag is None:
        return to.headers.get("If-None-Match") == "*" or to.command == "DELETE"
    return to.headers.get("If-Match") == etag


def _second(score: dict[str, Any]) -> int:
    return int(datetime.fromisoformat(score["timestamp"]).timestamp())
