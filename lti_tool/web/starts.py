"""A login and a launch as they go well: what came in -> where the browser goes next.

Two call this: the views of `lti`, which have a page for everything that does not go well, and
`shortcut`, which answers the good ones before Flask is asked. Nothing here knows Flask, and nothing
is written before a launch is accepted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, RequestRedirect

from lti_tool.flows.admit import admit
from lti_tool.logs import log
from lti_tool.lti import login as logins
from lti_tool.lti import parameters, state
from lti_tool.lti.keys import PlatformKeys
from lti_tool.lti.launch import Rules, Verified, verify
from lti_tool.lti.login import Redirect
from lti_tool.lti.parameters import Parameters
from lti_tool.lti.refusal import Code, Refused
from lti_tool.lti.state import Login
from lti_tool.lti.token import KeyLookup
from lti_tool.ports import Admitted, Arrival, Consumer, Door, Platform
from lti_tool.settings import Settings
from lti_tool.store import platforms
from lti_tool.web import cookies
from lti_tool.web.cookies import Header
from lti_tool.web.services import House

STATE_S = 600
LONGEST_STATE = 8192
LONGEST_TOKEN = 1 << 20


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as a WSGI server gives it, and its body."""

    environ: Mapping[str, Any]
    body: bytes

    @property
    def form(self) -> Parameters:
        """:raises Refused: no form, or one with too many fields."""
        kind = self.environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
        if kind != "application/x-www-form-urlencoded":
            raise Refused(Code.CONTENT_TYPE)
        return parameters.read(self.body)

    @property
    def address(self) -> Parameters:
        return parameters.read(self.environ.get("QUERY_STRING", "").encode("latin-1"))

    @property
    def given(self) -> Parameters:
        """Return the parameters of a login, which comes by POST or GET."""
        return self.form if self.environ["REQUEST_METHOD"] == "POST" else self.address


@dataclass(frozen=True, slots=True)
class Onward:
    """Where the browser goes, and the cookies it takes along."""

    status: int
    location: str
    headers: list[Header]


@dataclass(frozen=True)
class Starts:
    """What logins and launches need of the house."""

    house: House
    keys: PlatformKeys
    door: Door
    pages: Map  # of the app: where a link may lead

    @property
    def settings(self) -> Settings:
        return self.house.settings

    # --- login --------------------------------------------------------------------------------

    def registered(self, issuer: str) -> list[Platform]:
        with self.house.database.glance() as conn:
            return platforms.of_issuer(conn, issuer)

    def to_platform(self, begun: Redirect) -> Onward:
        proof = state.proof(begun.state, self.house.seal)
        return Onward(302, begun.url, self._state_cookie(begun.login, proof, STATE_S))

    # --- launch -------------------------------------------------------------------------------

    def check_secure(self, environ: Mapping[str, Any]) -> None:
        settings = self.settings
        # TLS that ends at a proxy we do not know would make every cookie a gift to the next reader.
        secure = environ["wsgi.url_scheme"] == "https"
        if settings.server.secure and not secure and not settings.development:
            raise Refused(Code.NOT_SECURE)

    def state_of(self, form: Parameters, now: datetime) -> tuple[str, Login]:
        """Return the state that came back, and the login it was for.

        State comes before the token: it names the registration whose keys may judge the token, and
        keeps strangers from making us fetch keys.
        """
        if form.raw("error") is not None:
            signed_out = form.text("error") in ("login_required", "interaction_required")
            raise Refused(Code.PLATFORM_LOGIN if signed_out else Code.PLATFORM_ERROR)
        brought = form.text("state", longest=LONGEST_STATE)
        if not brought:
            raise Refused(Code.STATE_MISSING)
        return brought, state.read(brought, self.house.seal, now)

    def cookie_of(self, environ: Mapping[str, Any], started: Login) -> str:
        return cookies.read(environ, started.cookie, cookies.HOST, self.settings)

    def platform_of(self, started: Login) -> Platform:
        """Return the registration that a login was for.

        :raises Refused: it is gone, or blocked.
        """
        registered = self.registered(started.issuer)
        found = next((p for p in registered if p.id == started.platform_id), None)
        if found is None or found.state != "active":
            raise Refused(Code.PLATFORM_BLOCKED)
        return found

    def fetching(self, platform: Platform, now: datetime) -> KeyLookup:
        """Return what finds the platform's keys, and fetches them where it must."""

        def key_of(kid: str) -> RSAPublicKey:
            return self.keys.key(platform.jwks_url, kid, now)

        return key_of

    def verified(
        self, form: Parameters, started: Login, platform: Platform, now: datetime, key_of: KeyLookup
    ) -> Verified:
        """:raises Refused: the launch is not good; says why."""
        id_token = form.text("id_token", longest=LONGEST_TOKEN)
        if not id_token:
            raise Refused(Code.TOKEN_MISSING)
        settings, base = self.settings, self.settings.server.base_url
        consumer = self._consumer(platform)
        local = settings.security.allow_local_http
        rules = Rules(base, logins.redirect_uri(base), local, consumer)
        return verify(id_token, key_of, started, platform, rules, now)

    def admitted(self, verified: Verified, now: datetime) -> Admitted | None:
        """Return the opened launch, or None if it was used before. Writes and commits."""
        admitted = admit(self.door, verified.arrival, now)
        if admitted is not None:
            log().info(
                "launch accepted",
                platform=verified.arrival.platform_id,
                kind=verified.arrival.message_type,
                skew_s=verified.skew_s,
            )
        return admitted

    def welcome(self, admitted: Admitted, verified: Verified, started: Login) -> Onward:
        page = self.page_of(admitted.launch_id, verified.arrival)
        taken_away = self._state_cookie(started, "", 0)
        return Onward(303, page, [*cookies.of_launch(admitted, self.settings), *taken_away])

    def page_of(self, launch_id: str, arrival: Arrival) -> str:
        """Return the launch's page that the target names, or the message, or the custom parameter
        `page` (ILIAS 8 to 10 know one target per tool); the start page if none names any of ours.
        """
        path = arrival.about if arrival.starts else arrival.page
        return f"/l/{launch_id}/{below(path, self.pages)}"

    def _consumer(self, platform: Platform) -> Consumer | None:
        if not platform.former_secret:
            return None
        return Consumer(platform.former_key, self.house.seal.open(platform.former_secret))

    def _state_cookie(self, started: Login, value: str, max_age: int) -> list[Header]:
        return cookies.written(
            started.cookie,
            value,
            prefix=cookies.HOST,
            path="/",
            max_age=max_age,
            settings=self.settings,
        )


@lru_cache(maxsize=256)  # the links of a town's courses name the same few pages
def below(path: str, pages: Map) -> str:
    """Return a page below a launch as an address has it; "", the start page, if it is none."""
    if path in ("", "start"):
        return ""
    try:
        pages.bind("").match(f"/l/any/{path}", method="GET")
    except RequestRedirect:
        return quote(path) + "/"
    except HTTPException:
        return ""
    return quote(path)
