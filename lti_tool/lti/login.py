"""The login that a platform starts (OIDC third-party initiated login): parameters -> redirect.

Pure: registrations come as a function, the time as `now`. Everything a login names is resolved
before the redirect, so that what cannot end in a launch is refused at once; only an unknown
deployment passes, because it may be recorded only when it comes signed (decisions.md 4.3).
Source: IMS Security Framework 1.0 section 5.1.1.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from urllib.parse import urlencode

from lti_tool.lti.addresses import is_ours, with_query
from lti_tool.lti.parameters import Parameters
from lti_tool.lti.refusal import Code, Refused
from lti_tool.lti.state import Login, new_nonce, sign
from lti_tool.ports import Platform
from lti_tool.seal import Seal

Find = Callable[[str], Sequence[Platform]]  # issuer -> its registrations
_STATES = {"pending": Code.PLATFORM_PENDING, "blocked": Code.PLATFORM_BLOCKED}


@dataclass(frozen=True, slots=True)
class Redirect:
    """Where the browser goes, and the state it has to bring back."""

    url: str
    state: str
    login: Login


def begin(
    parameters: Parameters,
    find: Find,
    base_url: str,
    seal: Seal,
    now: datetime,
    *,
    storage: str = "",
) -> Redirect:
    """Return the authorization request for a login.

    `storage`: the platform's frame that keeps the state's proof, where no cookie can.

    :raises Refused: a required parameter is missing, or it names what we do not know.
    """
    issuer = _required(parameters, "iss", Code.ISS_MISSING)
    if not parameters.raw("login_hint"):
        raise Refused(Code.HINT_MISSING)
    target = _required(parameters, "target_link_uri", Code.TARGET_MISSING)
    if not is_ours(target, base_url):
        raise Refused(Code.TARGET_FOREIGN)
    platform = _resolve(parameters, find(issuer))
    login = Login(
        platform.id,
        platform.issuer,
        platform.client_id,
        new_nonce(),
        target,
        now.timestamp(),
        storage,
    )
    state = sign(login, seal)
    return Redirect(_authorization(platform, parameters, login, state, base_url), state, login)


def redirect_uri(base_url: str) -> str:
    """Return the one address platforms post launches to; they compare it byte by byte."""
    return f"{base_url}/lti/launch"


def _required(parameters: Parameters, name: str, missing: Code) -> str:
    value = parameters.text(name)
    if not value:
        raise Refused(missing)
    return value


def _resolve(parameters: Parameters, registered: Sequence[Platform]) -> Platform:
    if not registered:
        raise Refused(Code.ISSUER_UNKNOWN)
    platform = _choose(parameters, registered)
    if platform.state != "active":
        raise Refused(_STATES.get(platform.state, Code.PLATFORM_BLOCKED))
    return platform


def _choose(parameters: Parameters, registered: Sequence[Platform]) -> Platform:
    if client_id := parameters.text("client_id"):
        named = [p for p in registered if p.client_id == client_id]
        if not named:
            raise Refused(Code.CLIENT_UNKNOWN)
        return named[0]
    deployment = parameters.text("lti_deployment_id")
    fitting = [p for p in registered if deployment in p.deployments] or list(registered)
    if len(fitting) > 1:
        raise Refused(Code.CLIENT_AMBIGUOUS)
    return fitting[0]


def _authorization(
    platform: Platform, parameters: Parameters, login: Login, state: str, base_url: str
) -> str:
    hints = {"login_hint": parameters.raw("login_hint") or b""}
    if (hint := parameters.raw("lti_message_hint")) is not None:
        hints["lti_message_hint"] = hint
    # Letters, digits, "-", "_" and "." only: nothing in them to quote.
    once = f"&state={state}&nonce={login.nonce}&"
    always = _always(platform.auth_url, platform.client_id, redirect_uri(base_url))
    return always + once + urlencode(hints)


@lru_cache(maxsize=256)
def _always(auth_url: str, client_id: str, redirect: str) -> str:
    """Return what the authorization requests of a registration begin with."""
    request: list[tuple[str, str | bytes]] = [
        ("scope", "openid"),
        ("response_type", "id_token"),
        ("response_mode", "form_post"),
        ("prompt", "none"),
        ("client_id", client_id),
        ("redirect_uri", redirect),
    ]
    return with_query(auth_url, request)
