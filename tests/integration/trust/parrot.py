"""A neighbour that repeats whatever it hears: in the status line, in headers, in every body.

It can play LRS, token endpoint, grade book and plan service; `mood` says how it answers. Real ones
do all of this: Moodle quotes the posted score, proxies quote the request, LRSs quote the statement.
"""

import json
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

MOODS = ("friendly", "400", "401", "404", "409", "500", "503", "html", "elsewhere", "torn", "odd")
WORDS = {"html": 200, "elsewhere": 302, "torn": 200, "odd": 200, "friendly": 200}


@dataclass
class Parrot:
    token: str  # the access token that it gives
    statements: list[Any] = field(default_factory=list)  # given to whoever asks
    mood: str = "friendly"
    heard: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                outer._answer(self, self.rfile.read(length).decode(errors="replace"))

            do_PUT = do_GET = do_POST

            def log_message(self, *_: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def becomes(self, mood: str) -> str:
        """Return the address that puts it into a mood."""
        return f"{self.url}/mood/{mood}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, to: BaseHTTPRequestHandler, body: str) -> None:
        kind = urlsplit(to.path).path.split("/")[1]
        if kind == "mood":
            self.mood = to.path.rpartition("/")[2]
            to.send_response(204)
            to.end_headers()
            return
        heard = f"{to.command} {to.path}\n{to.headers}\n{body}\n{self.token}"
        self.heard.append(heard)
        mood = "friendly" if kind == "token" and self.mood != "400" else self.mood
        status = WORDS.get(mood) or int(mood)
        told = " ".join(heard.split())
        sent = self._document(kind, mood, heard, body).encode()
        to.send_response(status, told.encode("ascii", "replace").decode()[:3000])
        for name in ("Warning", "X-Error", "WWW-Authenticate"):
            to.send_header(name, told.encode("ascii", "replace").decode()[:3000])
        to.send_header("Retry-After", "0" if mood == "503" else told[:50].encode().hex())
        if mood == "elsewhere":
            to.send_header("Location", f"{self.url}/{told[:1000].encode().hex()}?{self.token}")
        to.send_header("Content-Length", str(len(sent) * (2 if mood == "torn" else 1)))
        to.end_headers()
        to.wfile.write(sent)

    def _document(self, kind: str, mood: str, heard: str, body: str) -> str:
        if mood == "html":
            return f"<!doctype html><title>{heard}</title><pre>{heard}</pre>"
        if mood != "friendly":
            quoted = dict.fromkeys(("error", "message", "debuginfo", "errorcode"), heard)
            return json.dumps(quoted | {"exception": heard, "statements": heard, "more": heard})
        if kind == "token":
            return json.dumps({"access_token": self.token, "expires_in": 3600, "said": heard})
        if kind == "plan":
            listing = "list_user_plans" in parse_qs(body).get("wsfunction", [""])[0]
            return json.dumps([] if listing else {"id": 1, "warnings": heard})
        if kind == "xapi" and not body:
            # A store that knows nothing of `since` is not connected at all.
            stored = [] if _ahead(heard) else self.statements
            return json.dumps({"statements": stored, "more": "", "version": ["1.0.3", heard[:99]]})
        return json.dumps([heard])


def _ahead(heard: str) -> bool:
    """Return whether something of the future is asked for."""
    query = parse_qs(urlsplit(heard.split()[1]).query)
    since = query.get("since", [""])[0]
    return bool(since) and datetime.fromisoformat(since) > datetime.now(UTC) + timedelta(days=1)
