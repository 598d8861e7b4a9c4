"""What Moodle's LTI services have in common: bearer tokens, media types, error bodies."""

import json
from typing import Any

from flask import Response, request

from demo import assertion
from demo.lms import lms

PREFIX = "/mod/lti/services.php"
REASON_LIMIT = 400


class Denied(Exception):
    """A service call ends with this status and reason phrase."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


def demand(*scopes: str) -> None:
    """Let the request pass if its token carries one of the scopes. :raises Denied: 401."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    with lms().store.read() as conn:
        good = kind == "Bearer" and assertion.allows(conn, token, scopes, lms().clock.now())
    if not good:
        raise Denied(401, "Unauthorized")


def body(media_type: str) -> dict[str, Any]:
    """Return the posted JSON object. :raises Denied: other media type, or no object."""
    if request.mimetype != media_type:
        path = request.path.removeprefix(PREFIX)
        raise Denied(400, f"No handler found for {path}  {request.mimetype}")
    try:
        document = json.loads(request.get_data())
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise Denied(400, "Bad Request")
    return document


def demand_accept(media_type: str) -> None:
    """Let pass who accepts the media type or says nothing. :raises Denied: 400, as Moodle does."""
    accept = request.headers.get("Accept")
    if accept == "*/*":
        raise Denied(400, "No context or unsupported content type")
    if accept is not None and media_type not in accept:
        path = request.path.removeprefix(PREFIX)
        raise Denied(400, f"No handler found for {path} {accept} ")


def answer(document: Any, media_type: str, status: int = 200) -> Response:
    text = "" if document is None else json.dumps(document)
    return Response(text, status, content_type=f"{media_type}; charset=utf-8")


def denial(denied: Denied) -> Response:
    """Return Moodle's error document with the reason in the status line."""
    told = {"method": request.method, "url": request.full_path.rstrip("?")}
    document = {"status": denied.status, "reason": denied.reason, "request": told}
    response = answer(document, "application/json")
    response.status = f"{denied.status} {_one_line(denied.reason)}"
    return response


def _one_line(reason: str) -> str:
    # Moodle repeats posted bodies here; a status line must stay one ASCII line.
    flat = " ".join(reason.split())[:REASON_LIMIT]
    return flat.encode("ascii", "replace").decode()
