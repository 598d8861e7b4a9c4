"""A platform that lets tools register themselves; can be wrong in every way. Shares no code."""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote

TOOL = "https://purl.imsglobal.org/spec/lti-tool-configuration"
PLATFORM = "https://purl.imsglobal.org/spec/lti-platform-configuration"


_PORTS: set[int] = set()


def _on_a_new_port(handler: type[BaseHTTPRequestHandler]) -> ThreadingHTTPServer:
    """Return a server on a port no former one had: its tool would know the platform already."""
    while True:
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        if server.server_port not in _PORTS:
            _PORTS.add(server.server_port)
            return server
        server.server_close()


class Registrar:
    """One platform with Dynamic Registration. `document` and `answer` may be changed by a test."""

    def __init__(self, family: str = "moodle") -> None:
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        self.status = 200
        self.raw: bytes | None = None
        self.configuration_status = 200
        self.location = ""
        self.manages = False
        self.keys: list[object] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer._note(self, b"")
                if self.path.startswith("/config"):
                    self._say(outer.configuration_status, outer.document)
                elif self.path.startswith("/jwks"):
                    self._say(200, {"keys": outer.keys})
                else:
                    self._say(200, outer.registered)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                outer._note(self, body)
                if outer.raw is not None:
                    self._say(outer.status, outer.raw)
                    return
                outer.registered = outer.answer(json.loads(body))
                self._say(outer.status, outer.registered)

            do_PUT = do_POST

            def _say(self, status: int, document: object) -> None:
                body = document if isinstance(document, bytes) else json.dumps(document).encode()
                self.send_response(status)
                if outer.location:
                    self.send_header("Location", outer.location)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                return

        self.server = _on_a_new_port(Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.registered: Any = {}
        self.client_id: Any = f"client-{self.server.server_address[1]}"
        self.deployment_id: Any = "1"
        self.document: Any = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/auth",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/jwks",
            "registration_endpoint": f"{self.url}/register",
            "scopes_supported": [
                "https://purl.imsglobal.org/spec/lti-ags/scope/score",
                "https://purl.imsglobal.org/spec/lti-nrps/scope/contextmembership.readonly",
            ],
            PLATFORM: {"product_family_code": family, "version": "2024100705.01"},
        }
        self.answer: Callable[[dict[str, Any]], Any] = self._good

    def _good(self, sent: dict[str, Any]) -> dict[str, Any]:
        tool = {**sent[TOOL], "deployment_id": self.deployment_id}
        answer = {**sent, "client_id": self.client_id, TOOL: tool}
        if self.manages:
            answer |= {
                "registration_client_uri": f"{self.url}/manage/7",
                "registration_access_token": "manage-token",
            }
        return answer

    def _note(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.requests.append((request.command, request.path, headers, body))

    @property
    def sent(self) -> dict[str, Any]:
        """The registration we were asked for last."""
        bodies = [body for method, _, _, body in self.requests if method in ("POST", "PUT")]
        document: dict[str, Any] = json.loads(bodies[-1])
        return document

    def address(self, token: str = "reg-token", **more: str) -> str:
        """What the platform opens in its frame."""
        query = f"openid_configuration={quote(self.url + '/config', safe='')}"
        query += f"&registration_token={token}" if token else ""
        return query + "".join(f"&{name}={value}" for name, value in more.items())

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
