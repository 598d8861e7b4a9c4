"""A proxy between puller and LRS that makes the weather: busy, broken, slow, cut off, forgetful.

Speaks plain WSGI, so that faults happen on real connections.
"""

from collections.abc import Callable, Iterable
from typing import Any

import orjson
import requests

Start = Callable[..., Any]


class Weather:
    """Passes everything on to `origin`; `plan` says what happens to the next requests, in order.

    Words: "429" (Retry-After 0), "503", "reset", "html", "more-gone" (410), "ok".
    `rewrite` may change a page's parsed document.
    """

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.plan: list[str] = []
        self.rewrite: Callable[[dict[str, Any]], dict[str, Any]] | None = None
        self.asked: list[str] = []

    def __call__(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        query = environ.get("QUERY_STRING", "")
        self.asked.append(query)
        word = self.plan.pop(0) if self.plan else "ok"
        if word in ("429", "503"):
            return self._answer(start, f"{word} Busy", b"later", [("Retry-After", "0")])
        if word == "html":
            return self._answer(start, "200 OK", b"<html>Wartung</html>", [])
        if word == "more-gone" and "more=" in query:
            return self._answer(start, "410 Gone", b"gone", [])
        if word == "reset":
            start("200 OK", [("Content-Length", "1000000")])
            return [b'{"statements":[']  # and then the connection ends
        return self._pass_on(environ, start, query)

    def _pass_on(self, environ: dict[str, Any], start: Start, query: str) -> Iterable[bytes]:
        path = environ["PATH_INFO"] + (f"?{query}" if query else "")
        names = {"HTTP_AUTHORIZATION": "Authorization", "CONTENT_TYPE": "Content-Type"}
        headers = {name: environ[key] for key, name in names.items() if environ.get(key)}
        version = "X-Experience-API-Version"
        headers[version] = environ.get("HTTP_X_EXPERIENCE_API_VERSION", "1.0.3")
        size = int(environ.get("CONTENT_LENGTH") or 0)
        answer = requests.request(
            environ["REQUEST_METHOD"],
            self.origin + path,
            headers=headers,
            data=environ["wsgi.input"].read(size),
            timeout=20,
        )
        body = answer.content
        if self.rewrite and answer.ok and b'"statements"' in body[:20]:
            body = orjson.dumps(self.rewrite(orjson.loads(body)))
        through = "X-Experience-API-Consistent-Through"
        kept = [(through, answer.headers[through])] if through in answer.headers else []
        return self._answer(start, f"{answer.status_code} x", body, kept)

    def _answer(
        self, start: Start, status: str, body: bytes, headers: list[tuple[str, str]]
    ) -> Iterable[bytes]:
        start(status, [("Content-Length", str(len(body))), *headers])
        return [body]
