"""Bad weather between a puller and a store: `python -m … ORIGIN SEED SKEW_S`. Prints its port.

A foreign process on real sockets. What may happen to a request is in WEATHER, each with its share
of a hundred. Besides, some statements are seen late (as when a transaction commits late), some
pages hold one twice or under an id in capitals, and the store's clock is SKEW_S seconds off.
SIGUSR1 brings calm: no faults any more, and nothing is hidden.
"""

import gzip
import json
import random
import re
import signal
import socket
import struct
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from xapi_bridge.instants import instant_us, text_of

WEATHER = {
    "busy": 4,
    "busy-until": 2,
    "busy-past": 1,
    "unavailable": 3,
    "broken": 2,
    "reset": 4,
    "reset-in-the-middle": 3,
    "chunk-cut": 3,
    "short": 2,
    "html": 2,
    "half-a-page": 2,
    "slow": 5,
    "trickle": 3,
    "link-gone": 1,  # the walk begins anew: with 4 one of a hundred pages never came to its end
    "twice": 4,
    "capitals": 4,
    "packed": 10,
    "absolute-link": 8,
}
#: Of so many statements one is seen this much later than it was stored, in seconds.
LATE = ((7, 1.5), (41, 8.0), (97, float("inf")))  # the last ones: when it is calm
PASSED_ON = ("authorization", "content-type", "x-experience-api-version", "if-match")
STORED = re.compile(rb'"stored":\s*"([^"]+)"')


class Storm(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, origin: str, seed: int, skew_s: float) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.store = urlsplit(origin)
        self.skew_us = int(skew_s * 1e6)
        self.chance, self.lock = random.Random(seed), threading.Lock()
        self.calm = False

    def word(self) -> str:
        if self.calm:
            return ""
        with self.lock:
            number = self.chance.uniform(0, 100)
        for word, share in WEATHER.items():
            number -= share
            if number < 0:
                return word
        return ""

    def handle_error(self, *_: Any) -> None:
        """Whoever was talked to has gone away: pullers are killed."""


class Handler(BaseHTTPRequestHandler):
    server: Storm
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        word = self.server.word()
        if word in REFUSALS:
            status, header = REFUSALS[word]
            return self.say(status, b"later", {"Retry-After": header()} if header() else {})
        if word == "reset":
            return self.reset()
        if word == "html":
            return self.say(200, b"<!doctype html><title>Wartung</title>")
        if word == "link-gone" and self.follows_link():
            return self.say(410, b"")
        if word == "slow":
            time.sleep(self.server.chance.uniform(0.2, 1.0))
        status, body, headers = self.ask()
        return self.tell(word, status, self.page(word, body) if status == 200 else body, headers)

    def do_POST(self) -> None:
        status, body, headers = self.ask()
        self.say(status, body, headers)

    do_PUT = do_DELETE = do_POST

    def ask(self) -> tuple[int, bytes, dict[str, str]]:
        """Return the store's own answer; `since` in its own time."""
        store, size = self.server.store, int(self.headers.get("Content-Length") or 0)
        connection = HTTPConnection(store.hostname or "", store.port, timeout=30)
        sent = {k: v for k, v in self.headers.items() if k.lower() in PASSED_ON}
        body = self.rfile.read(size) if size else None
        connection.request(self.command, self.path_there(), body, sent)
        answer = connection.getresponse()
        read = answer.read()
        kept = {k: v for k, v in answer.headers.items() if k.lower().startswith("x-experience")}
        kept = {k: self.shifted(v) if "Through" in k else v for k, v in kept.items()}
        date = parsedate_to_datetime(answer.headers["Date"])
        kept["Date"] = format_datetime(date + timedelta(microseconds=self.server.skew_us), True)
        connection.close()
        return answer.status, read, kept

    def path_there(self) -> str:
        parts = urlsplit(self.path)
        query = parse_qsl(parts.query, keep_blank_values=True)
        if not self.follows_link():  # links are in the store's own time
            query = [(k, self.back(v) if k in ("since", "until") else v) for k, v in query]
        return f"{parts.path}?{urlencode(query)}" if query else parts.path

    def follows_link(self) -> bool:
        return "more=" in self.path or "cursor=" in self.path

    def shifted(self, text: str) -> str:
        return text_of(instant_us(text)[0] + self.server.skew_us)

    def back(self, text: str) -> str:
        return text_of(instant_us(text)[0] - self.server.skew_us)

    def page(self, word: str, body: bytes) -> bytes:
        if b'"statements"' not in body:
            return body
        document = json.loads(body)
        document["statements"] = [s for s in document["statements"] if self.visible(s)]
        if word in ("twice", "capitals") and document["statements"]:
            again = dict(document["statements"][-1])
            again["id"] = again["id"].upper() if word == "capitals" else again["id"]
            document["statements"].append(again)
        if word == "absolute-link" and document.get("more"):
            document["more"] = f"http://{self.headers['Host']}{document['more']}"
        body = json.dumps(document).encode()
        if self.server.skew_us:
            body = STORED.sub(
                lambda m: f'"stored": "{self.shifted(m.group(1).decode())}"'.encode(), body
            )
        return body

    def visible(self, statement: dict[str, Any]) -> bool:
        number = int(statement["id"][-12:].replace("-", ""), 16)
        stored_us = instant_us(statement["stored"])[0]
        age_s = time.time() - stored_us / 1e6
        late = next((seconds for every, seconds in LATE if number % every == 0), 0.0)
        return self.server.calm or age_s >= late

    # --- answering ----------------------------------------------------------------------------

    def tell(self, word: str, status: int, body: bytes, headers: dict[str, str]) -> None:
        half = body[: len(body) // 2]
        if word == "half-a-page":
            return self.say(status, half, headers)
        if word == "packed":
            return self.say(status, gzip.compress(body), headers | {"Content-Encoding": "gzip"})
        if word == "reset-in-the-middle":
            self.begin(status, headers | {"Content-Length": str(len(body))})
            self.wfile.write(half)
            return self.reset()
        if word == "short":
            self.begin(status, headers | {"Content-Length": str(len(body) + 10)})
            self.wfile.write(body)
            return self.finish_early()
        if word == "chunk-cut":
            self.begin(status, headers | {"Transfer-Encoding": "chunked"})
            self.wfile.write(b"%x\r\n" % len(body) + half)
            return self.finish_early()
        if word == "trickle":
            self.begin(status, headers | {"Content-Length": str(len(body))})
            for n in range(0, len(body), max(1, len(body) // 10)):
                self.wfile.write(body[n : n + max(1, len(body) // 10)])
                self.wfile.flush()
                time.sleep(0.05)
            return None
        return self.say(status, body, headers)

    def begin(self, status: int, headers: dict[str, str]) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def say(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.begin(status, {**(headers or {}), "Content-Length": str(len(body))})
        self.wfile.write(body)

    def finish_early(self) -> None:
        self.wfile.flush()
        self.close_connection = True

    def reset(self) -> None:
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.connection.close()
        self.close_connection = True

    def log_message(self, *_: Any) -> None:
        return


def _in(seconds: float) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), True)


REFUSALS = {
    "busy": (429, lambda: "0"),
    "busy-until": (429, lambda: _in(1.0)),
    "busy-past": (429, lambda: _in(-60.0)),
    "unavailable": (503, lambda: ""),
    "broken": (500, lambda: ""),
}


def main(origin: str, seed: str, skew_s: str) -> None:
    storm = Storm(origin, int(seed), float(skew_s))
    signal.signal(signal.SIGUSR1, lambda *_: setattr(storm, "calm", True))
    print(storm.server_address[1], flush=True)
    storm.serve_forever(0.05)


if __name__ == "__main__":
    main(*sys.argv[1:])
