"""The tool and a learning portal over TLS on two sites, as a browser sees a town's own servers.

`localhost` and `127.0.0.1` are different sites. The tool is the shipped application; in front of it
stands what makes a browser one without CHIPS (it takes `Partitioned` off our cookies, so that the
browser itself blocks them in a frame). The portal signs launches, takes each start once as Moodle
does, and can offer storage by postMessage (LTI postMessage Storage). It shares no code with us.
"""

import base64
import json
import secrets
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from wsgiref.types import StartResponse, WSGIEnvironment

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from lti_tool import settings as settings_module
from lti_tool.app import create_app
from lti_tool.ports import TenantSettings
from lti_tool.store import migrations, platforms, tenants
from lti_tool.store.database import Database
from tests.conformance.lti13.platform import KeyServer, Platform, Reply
from tests.integration.faults.tls import Authority

DL = "https://purl.imsglobal.org/spec/lti-dl/claim/"
CONTACT = "Lernportal-Team, Zimmer 14"

STORE = """
const kept = new Map();
const hear = (event) => {
  const { subject, message_id, key, value } = event.data || {};
  const answer = (more) => event.source.postMessage(
    { subject: subject + ".response", message_id, ...more }, event.origin);
  if (subject === "lti.capabilities") answer({ supported_messages: CAPABLE });
  if (event.origin !== "TOOL") return;
  if (subject === "lti.put_data") {
    if (REFUSES) return answer({ error: { code: "storage_exhaustion", message: "full" } });
    kept.set(key, value);
    answer({ key, value });
  }
  if (subject === "lti.get_data") answer({ key, value: kept.get(key) ?? null });
};
const listen = () => addEventListener("message", hear);
// A portal's listener may stand only after our frame has asked.
if (LATE) document.addEventListener("submit", () => setTimeout(listen, 1500)); else listen();
"""
# As Moodle's: the page of the answer looks for what takes it in the page around the frame.
RETURN = """<!DOCTYPE html><html lang="de"><meta charset="utf-8"><title>Auswahl</title>
<script>(window === top ? window : parent).takeChoice({choice})</script></html>"""
PAGE = """<!DOCTYPE html><html lang="de"><meta charset="utf-8"><title>Lernportal</title>
<h1>Kurs</h1>{store}
<form method="post" action="{tool}/lti/login" target="tool">{fields}
<button id="go">Los</button></form>
<iframe name="tool" title="Mein Lernweg" width="{width}" height="700"></iframe>
<output id="taken"></output>
<script>window.takeChoice = (c) => {{ document.getElementById("taken").textContent = c; }};</script>
</html>"""
POST = """<!DOCTYPE html><html lang="de"><meta charset="utf-8"><title>Weiter</title>
<form method="post" action="{tool}/lti/launch">{fields}<button id="go">Weiter</button></form>
<script>document.forms[0].submit()</script></html>"""


class Front:
    """In front of the tool: a browser without CHIPS, and pages that set and show plain cookies."""

    def __init__(self) -> None:
        self.app: Callable[..., Iterable[bytes]] | None = None
        self.without_chips = False

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        path = str(environ["PATH_INFO"])
        if path == "/test/set":
            common = "; Secure; SameSite=None; Path=/"
            cookies = [
                ("Set-Cookie", f"plain=1{common}"),
                ("Set-Cookie", f"chips=1{common}; Partitioned"),
            ]
            start("302 Found", [("Location", "/test/seen"), *cookies])
            return []
        if path == "/test/seen":
            start("200 OK", [("Content-Type", "text/plain")])
            return [str(environ.get("HTTP_COOKIE", "")).encode()]
        assert self.app is not None
        return self.app(environ, self._without(start))

    def _without(self, start: StartResponse) -> StartResponse:
        def began(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            if self.without_chips:
                headers = [(n, v.replace("; Partitioned", "")) for n, v in headers]
            return start(status, headers, *more)

        return began  # type: ignore[return-value]


@dataclass
class Sites:
    """Both sites, and what was asked of the portal."""

    tool: str
    lms: str
    front: Front
    platform: Platform
    custom: dict[str, str] = field(default_factory=dict)
    claims: dict[str, object] = field(
        default_factory=dict
    )  # of the next launches, beside the usual
    hints: set[str] = field(default_factory=set)  # starts that were not taken yet
    asked: list[dict[str, str]] = field(default_factory=list)

    def course(self, storage: str = "") -> str:
        return f"{self.lms}/course?storage={storage}"


class _Quiet(WSGIRequestHandler):
    def log_request(self, *_: object) -> None:
        return


def _portal(sites: Sites) -> type[BaseHTTPRequestHandler]:
    class Portal(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = {k: v[0] for k, v in parse_qs(parts.query, keep_blank_values=True).items()}
            if parts.path == "/course":
                self._send(_course(sites, query.get("storage", ""), query.get("width", "700")))
            elif parts.path == "/store":
                self._send(f"<!DOCTYPE html><title>s</title>{_script(sites)}")
            elif parts.path == "/cookies":
                self._send(
                    f'<!DOCTYPE html><title>c</title><iframe src="{sites.tool}/test/set"></iframe>'
                )
            elif parts.path == "/jwks":
                keys = {"keys": [sites.platform.key.jwk()]}
                self._send(json.dumps(keys), kind="application/json")
            elif parts.path == "/auth":
                self._authorize(query)
            else:
                self._send("Lernportal", status=200 if parts.path == "/back" else 404)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            claims = parse_qs(body)["JWT"][0].split(".")[1]
            found = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
            titles = [item["title"] for item in found[f"{DL}content_items"]]
            self._send(RETURN.replace("{choice}", json.dumps(", ".join(titles))))

        def _authorize(self, query: dict[str, str]) -> None:
            sites.asked.append(query)
            if query["lti_message_hint"] not in sites.hints:
                return self._send("Invalid request", status=400)  # as Moodle: each start once
            sites.hints.discard(query["lti_message_hint"])
            begun = Reply(302, [("Location", self.path)], "")
            changes: dict[str, object] = {
                "sub": query["lti_message_hint"],  # somebody new with every start
                "launch_presentation": {"locale": "de", "return_url": f"{sites.lms}/back"},
                "custom": sites.custom,
                **sites.claims,
            }
            token = sites.platform.token(begun, **changes)
            fields = _fields({"state": query["state"], "id_token": token})
            return self._send(POST.format(tool=sites.tool, fields=fields))

        def _send(self, body: str, *, kind: str = "text/html", status: int = 200) -> None:
            data = body.encode()
            self.send_response(status)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            return

    return Portal


def _course(sites: Sites, storage: str, width: str) -> str:
    hint = secrets.token_hex(8)
    sites.hints.add(hint)
    form = sites.platform.login_form(lti_message_hint=hint)
    store = ""
    if storage == "named":
        form["lti_storage_target"] = "lti_store"
        store = '<iframe name="lti_store" src="/store" title="Speicher" hidden></iframe>'
    elif storage:
        form["lti_storage_target"] = "_parent"
        refuses, late = storage == "full", storage == "late"
        store = "" if storage == "silent" else _script(sites, refuses=refuses, late=late)
    fields = _fields({name: str(value) for name, value in form.items()})
    return PAGE.format(tool=sites.tool, fields=fields, store=store, width=width)


def _script(sites: Sites, *, refuses: bool = False, late: bool = False) -> str:
    offered = '[{subject: "lti.put_data"}, {subject: "lti.get_data"}]'
    code = STORE.replace("TOOL", sites.tool).replace("REFUSES", str(refuses).lower())
    code = code.replace("LATE", str(late).lower())
    return f"<script>{code.replace('CAPABLE', offered)}</script>"


def _fields(values: dict[str, str]) -> str:
    return "".join(f'<input type="hidden" name="{n}" value="{v}">' for n, v in values.items())


@contextmanager
def two_sites(folder: Path, **changes: str) -> Iterator[Sites]:
    """Yield tool and portal, running; `changes` are settings of the tool."""
    authority = Authority(folder)
    front = Front()
    tool = _tool_server(front, authority)
    sites = Sites(f"https://localhost:{tool.port}", "", front, Platform("", None))  # type: ignore[arg-type]
    portal = ThreadingHTTPServer(("127.0.0.1", 0), _portal(sites))
    portal.daemon_threads = True
    portal.socket = _context(authority, "127.0.0.1").wrap_socket(portal.socket, server_side=True)
    sites.lms = f"https://127.0.0.1:{portal.server_port}"
    sites.platform = Platform(sites.tool, KeyServer.__new__(KeyServer), issuer=sites.lms)
    app = _application(folder, authority, sites, changes)
    front.app = app.wsgi_app
    for server in (tool, portal):
        threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield sites
    finally:
        for server in (portal, tool):
            server.shutdown()
            server.server_close()
        app.extensions["roadmap"].close()


def _tool_server(front: Front, authority: Authority) -> BaseWSGIServer:
    context = _context(authority, "localhost")
    return make_server(
        "localhost", 0, front, threaded=True, request_handler=_Quiet, ssl_context=context
    )


def _context(authority: Authority, host: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.issue(host, 30))
    return context


def _application(folder: Path, authority: Authority, sites: Sites, changes: dict[str, str]) -> Any:
    loaded = settings_module.load(
        {
            "ROADMAP__DATABASE__URL": f"sqlite:///{folder / 'tool.db'}",
            "ROADMAP__SECURITY__ALLOW_LOCAL_HTTP": "true",
            "ROADMAP__SECURITY__CA_BUNDLE": str(authority.bundle),
            **changes,
        }
    )
    loaded = replace(loaded, server=replace(loaded.server, base_url=sites.tool))
    database = Database(loaded.database.url)
    migrations.upgrade(database)
    now = datetime.now(UTC)
    with database.begin() as conn:
        town = TenantSettings(contact=CONTACT)
        tenant = tenants.add(conn, "musterstadt", "Stadt Musterstadt", "HE", town, now)
        platforms.add(
            conn,
            tenant_id=tenant.id,
            kind="generic",
            issuer=sites.lms,
            client_id=sites.platform.client_id,
            deployment_ids=[sites.platform.deployment_id],
            auth_url=f"{sites.lms}/auth",
            token_url=f"{sites.lms}/token",
            jwks_url=f"{sites.lms}/jwks",
            now=now,
        )
    database.close()
    return create_app(loaded)
