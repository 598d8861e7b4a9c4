"""Response headers in one place: who may frame us, what may load, what may be kept.

A page of a launch may be framed by its own platform only; a page without any person's data by any
https origin, else an LMS that is not yet known shows an empty frame (decisions.md 4.6). Nothing
inline is ever allowed. Source: law.md L54, OWASP ASVS 5.0 3.4, reference/lti.md section 7.
"""

from collections.abc import Iterable
from functools import lru_cache

from flask import Flask, Response, g, request

from lti_tool.lti.addresses import origin
from lti_tool.settings import Settings

_LOOPBACK = ("http://localhost:*", "http://127.0.0.1:*")
_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; font-src 'self'; "
    "img-src 'self' data:; media-src 'self'; connect-src 'self'; form-action {targets}; "
    "base-uri 'none'; frame-ancestors {ancestors}"
)


def install(app: Flask, settings: Settings) -> None:
    """Add the headers to every response of the app."""

    @app.after_request
    def add(response: Response) -> Response:
        headers = response.headers
        headers.setdefault("Content-Security-Policy", _policy(settings))
        headers.setdefault("X-Content-Type-Options", "nosniff")
        headers.setdefault("Referrer-Policy", "same-origin")
        headers.setdefault(
            "Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=()"
        )
        if settings.server.secure:
            headers.setdefault("Strict-Transport-Security", "max-age=31536000")
        # A page of a launch, and every refusal, belongs to one person and one moment.
        if request.path.startswith(("/l/", "/lti/", "/admin")) and "Cache-Control" not in headers:
            headers["Cache-Control"] = "no-store"
        return response


def framed_by(urls: Iterable[str]) -> None:
    """Let only these platforms (and ourselves) frame the response of this request."""
    g.frame_ancestors = tuple(dict.fromkeys(found for url in urls if (found := _ascii(url))))


def sends_to(url: str) -> None:
    """Let the forms of this request's page be sent to this address, too (Deep Linking)."""
    g.form_targets = tuple(found for found in (_ascii(url),) if found)


def _policy(settings: Settings) -> str:
    allowed: tuple[str, ...] | None = g.get("frame_ancestors")
    if allowed is None:
        allowed = ("https:", *(_LOOPBACK if settings.development else ()))
    return _written(("'self'", *allowed), ("'self'", *g.get("form_targets", ())))


@lru_cache(maxsize=256)
def _written(ancestors: tuple[str, ...], targets: tuple[str, ...]) -> str:
    return _POLICY.format(ancestors=" ".join(ancestors), targets=" ".join(targets))


def _ascii(url: str) -> str:
    """Return the origin for a header, or "": a name that is not plain ASCII never gets in."""
    found = origin(url)
    plain = found.isascii() and not set(found) & set(" ;,'*")
    return found if plain else ""
