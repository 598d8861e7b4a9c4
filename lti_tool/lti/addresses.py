"""URLs that others gave us, judged before we link, redirect, post or fetch.

Only scheme, host, port and path decide; what a parser and a browser could read differently
(user names, backslashes, spaces, control characters) is refused, not repaired.
"""

import re
from functools import lru_cache
from urllib.parse import SplitResult, urlencode, urlsplit, urlunsplit

from lti_tool.settings import is_loopback

_DEFAULT_PORT = {"https": 443, "http": 80}
MAX_LENGTH = 2048
# A parser and a browser could read these differently. Lone surrogates can come out of JSON.
_UNSAFE = re.compile(r'[\x00-\x20\x7f\\<>"{}|^`\ud800-\udfff]')


def parse(url: object) -> SplitResult | None:
    """Return the parts of an absolute http(s) URL, or None if it is anything else."""
    return _parse(url) if isinstance(url, str) and len(url) <= MAX_LENGTH else None


@lru_cache(maxsize=1024)  # every launch from a course names the same few
def _parse(url: str) -> SplitResult | None:
    if _UNSAFE.search(url):
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    good = parts.scheme in _DEFAULT_PORT and parts.hostname and "@" not in parts.netloc
    return parts if good and port != 0 else None


def origin(url: object) -> str:
    """Return `scheme://host[:port]` in lower case without the default port; "" if there is none."""
    return _origin(url) if isinstance(url, str) and len(url) <= MAX_LENGTH else ""


@lru_cache(maxsize=1024)
def _origin(url: str) -> str:
    parts = parse(url)
    if parts is None:
        return ""
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    port = parts.port
    named = port is not None and port != _DEFAULT_PORT[parts.scheme]
    return f"{parts.scheme}://{host}:{port}" if named else f"{parts.scheme}://{host}"


def is_ours(url: object, base_url: str) -> bool:
    """Return whether the URL lies under our public origin."""
    return bool(found := origin(url)) and found == origin(base_url)


def is_linkable(url: object, *, allow_local_http: bool) -> bool:
    """Return whether a page of ours may link or post there: https, in development also loopback."""
    if not isinstance(url, str) or len(url) > MAX_LENGTH:
        return False
    scheme, loopback = _scheme_and_loopback(url)
    return scheme == "https" or (allow_local_http and loopback)


@lru_cache(maxsize=1024)
def _scheme_and_loopback(url: str) -> tuple[str, bool]:
    parts = parse(url)
    return (parts.scheme, is_loopback(parts.hostname or "")) if parts else ("", False)


def with_query(url: str, pairs: list[tuple[str, str | bytes]]) -> str:
    """Return the URL with the pairs appended to whatever query it already has."""
    parts = urlsplit(url)
    added = urlencode(pairs)
    query = f"{parts.query}&{added}" if parts.query else added
    return urlunsplit(parts._replace(query=query, fragment=""))


def with_path_suffix(url: str, suffix: str) -> str:
    """Return the URL with the suffix after its path and before its query (AGS: `/scores`)."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=parts.path.rstrip("/") + suffix, fragment=""))
