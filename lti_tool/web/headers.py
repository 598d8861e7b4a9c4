"""Response headers in one place: who may frame us, what may load, what may be kept.

A page of a launch may be framed by its own platform only; a page without any person's data by any
https origin, else an LMS that is not yet known shows an empty frame (decisions.md 4.6). Nothing
inline is ever allowed. Source: law.md L54, OWASP ASVS 5.0 3.4, reference/lti.md section 7.
"""

from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import urlsplit, urlunsplit

from flask import Flask, Response, g, request

from lti_tool.lti.addresses import origin
from lti_tool.settings import Settings

_LOOPBACK = ("http://localhost:*", "http://127.0.0.1:*")
_EVERYWHERE = (
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=()"),
)
_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; font-src 'self'; "
    "img-src 'self' data:; media-src 'self'; connect-src 'self'; form-action {targets}; "
    "base-uri 'none'; frame-ancestors {ancestors}"
)


def install(app: Flask, settings: Settings) -> None:
    """Add the headers to every response of the app."""

    everywhere = _everywhere(settings.server.secure)

    @app.after_request
    def add(response: Response) -> Response:
        headers = response.headers
        if response.status_code == 308:
            _stay_here(response)
        for name, value in everywhere:
            headers.setdefault(name, value)
        headers.setdefault("Content-Security-Policy", _policy(settings))
        # A page of a launch, and every refusal, belongs to one person and one moment.
        if request.path.startswith(("/l/", "/lti/", "/admin", "/soll", "/geteilt")):
            headers.setdefault("Cache-Control", "no-store")
        return response


def _stay_here(response: Response) -> None:
    """Make a redirect of the routing (a slash too many or too few) one within this site.

    It is built of the host that the request names, and anybody can name any.
    """
    where = urlsplit(response.headers["Location"])
    path = "/" + where.path.lstrip("/\\")
    response.headers["Location"] = urlunsplit(("", "", path, where.query, ""))
    response.set_data("")


def of_start(settings: Settings) -> list[tuple[str, str]]:
    """Return what `install` adds to the answer to a login or launch that shows no page."""
    return _of_start(settings.server.secure, settings.development)


@lru_cache(maxsize=4)
def _of_start(secure: bool, development: bool) -> list[tuple[str, str]]:
    policy = _written(("'self'", *_anybody(development)), ("'self'",))
    return [
        *_everywhere(secure),
        ("Content-Security-Policy", policy),
        ("Cache-Control", "no-store"),
        ("Content-Type", "text/html; charset=utf-8"),
    ]


def _everywhere(secure: bool) -> tuple[tuple[str, str], ...]:
    strict = (("Strict-Transport-Security", "max-age=31536000"),) if secure else ()
    return (*_EVERYWHERE, *strict)


def framed_by(urls: Iterable[str]) -> None:
    """Let only these platforms (and ourselves) frame the response of this request."""
    g.frame_ancestors = tuple(dict.fromkeys(found for url in urls if (found := _ascii(url))))


def sends_to(*urls: str) -> None:
    """Let the forms of this request's page be sent to these sites, too (Deep Linking)."""
    g.form_targets = tuple(dict.fromkeys(found for url in urls if (found := _ascii(url))))


def _policy(settings: Settings) -> str:
    allowed: tuple[str, ...] | None = g.get("frame_ancestors")
    if allowed is None:
        allowed = _anybody(settings.development)
    return _written(("'self'", *allowed), ("'self'", *g.get("form_targets", ())))


def _anybody(development: bool) -> tuple[str, ...]:
    return ("https:", *(_LOOPBACK if development else ()))


@lru_cache(maxsize=256)
def _written(ancestors: tuple[str, ...], targets: tuple[str, ...]) -> str:
    return _POLICY.format(ancestors=" ".join(ancestors), targets=" ".join(targets))


def _ascii(url: str) -> str:
    """Return the origin for a header, or "": a name that is not plain ASCII never gets in."""
    found = origin(url)
    plain = found.isascii() and not set(found) & set(" ;,'*")
    return found if plain else ""
