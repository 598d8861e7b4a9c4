"""A platform's grade book and member list over HTTP, well or badly behaved. Shares no code."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

FILTERS = {"resource_id": "resourceId", "tag": "tag", "resource_link_id": "resourceLinkId"}
SCOPE = "https://purl.imsglobal.org/spec/lti-ags/scope/"


class GradeBook:
    """Line items, scores and members of one course, with a token endpoint before them."""

    def __init__(self) -> None:
        self.items: list[dict[str, Any]] = []
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        self.scores: list[tuple[str, dict[str, Any]]] = []
        self.tokens: dict[str, str] = {}  # token -> scopes
        self.members: list[dict[str, Any]] = []
        self.page = 0  # members per page; 0: all at once
        self.filters = True
        self.slow_s = 0.0
        self.status: dict[str, int] = {}  # "METHOD kind" -> answer instead
        self.revoked = False
        self.next_host = ""
        self.loop = False
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer._answer(self, b"")

            def do_POST(self) -> None:
                outer._answer(self, self.rfile.read(int(self.headers.get("Content-Length", 0))))

            def log_message(self, *_: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.lock = threading.Lock()

    @property
    def lineitems(self) -> str:
        return f"{self.url}/course/6/lineitems?type_id=1"

    @property
    def memberships(self) -> str:
        return f"{self.url}/Course/6/Members?type=1"

    def made(self) -> int:
        return sum(
            1 for method, path, *_ in self.asked if method == "POST" and "lineitems?" in path
        )

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def _answer(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.asked.append((request.command, request.path, headers, body))
        parts = urlsplit(request.path)
        kind = parts.path.rsplit("/", 1)[1]
        if kind == "token":
            self._token(request, body)
            return
        token = headers.get("authorization", "").removeprefix("Bearer ")
        if token not in self.tokens:
            self._say(request, 401, {})
        elif forced := self.status.get(f"{request.command} {kind}"):
            self._say(request, forced, [])
        elif kind == "lineitems":
            self._items(request, parse_qs(parts.query), body)
        elif kind == "scores":
            self._score(request, parts.path, body)
        else:
            self._people(request, parse_qs(parts.query))

    def _token(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        scopes = parse_qs(body.decode())["scope"][0]
        token = f"t{len(self.tokens)}"
        self.tokens[token] = scopes
        self._say(request, 200, {"access_token": token, "expires_in": 3600, "token_type": "Bearer"})

    def _items(self, request: BaseHTTPRequestHandler, query: Any, body: bytes) -> None:
        if request.command == "POST":
            time.sleep(self.slow_s)
            with self.lock:
                made = json.loads(body)
                made["id"] = (
                    f"{self.url}/course/6/lineitems/{len(self.items) + 1}/lineitem?type_id=1"
                )
                self.items.append(made)
            self._say(request, 201, made)
            return
        found = self.items
        if self.filters:
            names = {
                "resource_id": "resourceId",
                "tag": "tag",
                "resource_link_id": "resourceLinkId",
            }
            for name, member in names.items():
                if name in query:
                    found = [item for item in found if item.get(member) == query[name][0]]
        self._say(request, 200, found)

    def _score(self, request: BaseHTTPRequestHandler, path: str, body: bytes) -> None:
        if not any(urlsplit(item["id"]).path + "/scores" == path for item in self.items):
            self._say(request, 404, [])
            return
        self.scores.append((path, json.loads(body)))
        self._say(request, 200, [])

    def _people(self, request: BaseHTTPRequestHandler, query: Any) -> None:
        start = int(query.get("from", ["0"])[0])
        shown = self.members[start : start + self.page] if self.page else self.members
        link = ""
        if self.page and start + self.page < len(self.members):
            host = self.next_host or self.url
            step = start if self.loop else start + self.page
            address = f"{host}/Course/6/Members?type=1&From={step}&from={step}"
            link = f'<{self.url}/first>; rel="first", <{address}>; rel="next"'
        self._say(request, 200, {"id": "x", "members": shown}, link)

    def _say(
        self, request: BaseHTTPRequestHandler, status: int, document: object, link: str = ""
    ) -> None:
        body = json.dumps(document).encode()
        request.send_response(status)
        if link:
            request.send_header("Link", link)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)
