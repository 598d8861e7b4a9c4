"""Static files under addresses that carry a hash of their content, so browsers keep them a year.

Address: /static/<hash>/<name>. Relative addresses inside a style sheet (its fonts) inherit the
sheet's hash, which is why a foreign hash still finds the file; it is then cached for an hour only,
unless the file's own name carries a hash.
"""

import gzip
import hashlib
import mimetypes
from functools import lru_cache
from pathlib import Path

from flask import Blueprint, Response, request, send_from_directory, url_for
from werkzeug.security import safe_join

STATIC = Path(__file__).parent / "static"
YEAR_S = 365 * 24 * 3600
HOUR_S = 3600

assets = Blueprint("assets", __name__)


def static_url(name: str) -> str:
    """Return the address of a static file, with the hash of what it holds now."""
    return url_for("assets.serve", digest=digest_of(name), name=name)


def digest_of(name: str) -> str:
    path = STATIC / name
    return _digest(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=64)
def _digest(path: Path, _changed_ns: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


@assets.get("/static/<digest>/<path:name>")
def serve(digest: str, name: str) -> Response:
    """Send a file, compressed where that helps and the browser takes it."""
    response = _packed(name) if request.accept_encodings.quality("gzip") else None
    response = response or send_from_directory(STATIC, name, max_age=HOUR_S)
    response.headers["Vary"] = "Accept-Encoding"
    response.cache_control.public, response.cache_control.no_cache = True, None
    response.cache_control.max_age = HOUR_S
    if name.endswith(".woff2") or digest == digest_of(name):
        response.cache_control.max_age, response.cache_control.immutable = YEAR_S, True
    return response


def _packed(name: str) -> Response | None:
    kind = mimetypes.guess_type(name)[0]
    twin = safe_join(str(STATIC), f"{name}.gz")
    if twin is not None and Path(twin).is_file():
        response = send_from_directory(STATIC, f"{name}.gz", mimetype=kind, max_age=HOUR_S)
    elif packed := _text(name):
        response = Response(packed, mimetype=kind)
    else:
        return None
    response.headers["Content-Encoding"] = "gzip"
    return response


def _text(name: str) -> bytes:
    """Return a style sheet or script of ours, compressed; b"" where it is nothing of the kind."""
    path = safe_join(str(STATIC), name)
    if path is None or not name.endswith((".css", ".js")) or not Path(path).is_file():
        return b""
    return _compressed(Path(path), Path(path).stat().st_mtime_ns)


@lru_cache(maxsize=16)
def _compressed(path: Path, _changed_ns: int) -> bytes:
    return gzip.compress(path.read_bytes(), mtime=0)
