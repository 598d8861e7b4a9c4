"""Our cookies: how they are written to work inside a foreign frame, and how they are read.

A launch's secret lies in a cookie with the launch's own path, a login's proof in one of its own for
ten minutes. Source: decisions.md 4.4, reference/lti.md rules 14 and 16.
"""

from collections.abc import Mapping
from typing import Any

from lti_tool.ports import Admitted
from lti_tool.settings import Settings

Header = tuple[str, str]
LAUNCH = "launch"
HOST, SECURE = "__Host-", "__Secure-"


def written(
    name: str, value: str, *, prefix: str, path: str, max_age: int | None, settings: Settings
) -> list[Header]:
    """Return the headers that set (or with max_age 0 delete) a cookie.

    Name and value are ours: letters, digits, "-", "_" and ".". Without max_age it lasts as long as
    the browser.
    """
    until = "" if max_age is None else f" Max-Age={max_age};"
    kept = f"{name}={value};{until}"
    framed = f"{prefix}{kept} Secure; HttpOnly; Path={path}; SameSite=None; Partitioned"
    if not fallback_allowed(settings):
        return [("Set-Cookie", framed)]
    # Programs, and some browsers, keep no Secure cookie of a plain-http page.
    return [("Set-Cookie", framed), ("Set-Cookie", f"{kept} HttpOnly; Path={path}; SameSite=Lax")]


def of_launch(admitted: Admitted, settings: Settings) -> list[Header]:
    """Return the headers that give the launch's secret to the browser."""
    return written(
        LAUNCH,
        admitted.secret,
        prefix=SECURE,
        path=f"/l/{admitted.launch_id}/",
        max_age=settings.session.absolute_s,
        settings=settings,
    )


def read(environ: Mapping[str, Any], name: str, prefix: str, settings: Settings) -> str:
    """Return a cookie's value, or ""."""
    found = brought(environ)
    value = found.get(prefix + name)
    if not value and fallback_allowed(settings):
        value = found.get(name)
    return value or ""


def brought(environ: Mapping[str, Any]) -> dict[str, str]:
    """Return what the browser brought, by name; the first of a name is the one with our path."""
    found: dict[str, str] = {}
    for pair in environ.get("HTTP_COOKIE", "").split(";"):
        name, equals, value = pair.partition("=")
        if equals:
            found.setdefault(name.strip(), value.strip())
    return found


def fallback_allowed(settings: Settings) -> bool:
    server = settings.server
    return settings.development and server.loopback and not server.secure
