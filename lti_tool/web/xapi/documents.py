"""Documents: state of an activity, activity profile, agent profile; PUT, POST, GET, HEAD, DELETE.

Nothing is overwritten unseen: a change says which document it means by If-Match (its ETag), or that
there is none by If-None-Match: *. Where profiles need that, and in 2.0 states too, a change without
is refused. Source: xAPI 1.0.3 communication 2.2, 2.3, 2.6, 2.7, 3.1; IEEE 9274.1.1 4.1.4.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

import orjson
from flask import Response, g

from lti_tool.store import xapi_documents as store
from lti_tool.store.database import us
from lti_tool.store.xapi_documents import Document, Place
from lti_tool.store.xapi_keys import Credential
from lti_tool.web.services import house
from lti_tool.web.xapi import parameters
from lti_tool.web.xapi.asked import Asked
from lti_tool.web.xapi.multipart import as_header
from lti_tool.web.xapi.refusal import Refusal
from lti_tool.web.xapi.senders import require
from xapi_bridge.errors import MalformedPage
from xapi_bridge.slices import fields, joined

JSON = "application/json"
Handler = Callable[[Asked, Credential], Response]


@dataclass(frozen=True, slots=True)
class Kind:
    """One of the three resources."""

    name: str
    parameters: tuple[str, ...]  # that name a place, without registration
    id: str
    registration: bool = False  # an optional parameter
    guarded: bool = True  # a PUT needs a condition in 1.0.x, too
    removes_all: bool = False


STATE = Kind(
    store.STATE,
    ("activityId", "agent"),
    "stateId",
    registration=True,
    guarded=False,
    removes_all=True,
)
ACTIVITY_PROFILE = Kind(store.ACTIVITY_PROFILE, ("activityId",), "profileId")
AGENT_PROFILE = Kind(store.AGENT_PROFILE, ("agent",), "profileId")


def resource(kind: Kind) -> Mapping[str, Handler]:
    """Return what answers which method."""
    answers = {"GET": _get, "HEAD": _get, "PUT": _put, "POST": _post, "DELETE": _delete}
    return {method: partial(answer, kind) for method, answer in answers.items()}


# --- reading ----------------------------------------------------------------------------------


def _get(kind: Kind, asked: Asked, sender: Credential) -> Response:
    require(sender, "documents/read")
    place, document_id = _place(kind, asked, "since")
    if document_id is None:
        return _ids(asked, sender, place)
    if "since" in asked.args:
        raise Refusal(400, f"since is for lists: leave {kind.id} out.")
    with house().database.read() as conn:
        found = store.get(conn, sender.tenant_id, place, document_id)
    if found is None:
        raise Refusal(404, "There is no such document.")
    if _names(asked.headers.get("if-none-match", ""), found):
        response = Response(status=304)
    else:
        response = Response(found.content, content_type=found.content_type)
        response.last_modified = datetime.fromtimestamp(found.updated_us / 1e6, UTC)
    response.set_etag(found.etag)
    return response


def _ids(asked: Asked, sender: Credential, place: Place) -> Response:
    since = parameters.instant(asked.args, "since")
    with house().database.read() as conn:
        found, newest = store.ids(conn, sender.tenant_id, _anywhere(place), since)
    response = Response(orjson.dumps(found), mimetype=JSON)
    if newest:
        response.last_modified = datetime.fromtimestamp(newest / 1e6, UTC)
    return response


# --- writing ----------------------------------------------------------------------------------


def _put(kind: Kind, asked: Asked, sender: Credential) -> Response:
    def change(_there: Document | None, given: Document) -> Document:
        return given

    return _write(kind, asked, sender, change, guarded=kind.guarded)


def _post(kind: Kind, asked: Asked, sender: Credential) -> Response:
    return _write(kind, asked, sender, _merged, guarded=None)


def _write(
    kind: Kind,
    asked: Asked,
    sender: Credential,
    change: Callable[[Document | None, Document], Document],
    *,
    guarded: bool | None,
) -> Response:
    """Change a document. `guarded`: see `_require_unchanged`."""
    require(sender, "documents/write")
    place, document_id = _place(kind, asked)
    if document_id is None:
        raise Refusal(400, f"The parameter {kind.id} is missing.")
    given = Document(asked.body, as_header(asked.content_type), us(datetime.now(UTC)))
    if given.content_type.partition(";")[0].strip().lower() == JSON:
        _require_json(given)
    with house().database.begin() as conn:
        there = store.lock(conn, sender.tenant_id, place, document_id)
        _require_unchanged(asked, there, guarded)
        made = change(there, given)
        if there is not None:  # what was changed later is never listed as older
            made = replace(made, updated_us=max(made.updated_us, there.updated_us + 1))
        store.put(conn, sender.tenant_id, place, document_id, made)
    return Response(status=204)


def _delete(kind: Kind, asked: Asked, sender: Credential) -> Response:
    require(sender, "documents/write")
    place, document_id = _place(kind, asked)
    if document_id is None and not kind.removes_all:
        raise Refusal(400, f"The parameter {kind.id} is missing.")
    with house().database.begin() as conn:
        if document_id is None:
            store.remove(conn, sender.tenant_id, _anywhere(place), None)
        else:
            there = store.lock(conn, sender.tenant_id, place, document_id)
            _require_unchanged(asked, there, None)
            store.remove(conn, sender.tenant_id, place, document_id)
    return Response(status=204)


def _merged(there: Document | None, given: Document) -> Document:
    """Return what a POST makes of two JSON objects: its properties replace those of that name."""
    if there is None:
        return given
    if not _is_json(there) or not _is_json(given):
        raise Refusal(400, "Only JSON documents can be merged; replace it by PUT.")
    try:
        pairs = {**fields(there.content), **fields(given.content)}
    except MalformedPage:
        raise Refusal(400, "Only JSON objects can be merged; replace it by PUT.") from None
    return replace(given, content=joined(pairs))


def _require_json(given: Document) -> None:
    try:
        orjson.loads(given.content)
    except orjson.JSONDecodeError:
        raise Refusal(400, "The document is not valid JSON, but says so.") from None


def _is_json(document: Document) -> bool:
    return document.content_type.partition(";")[0].strip().lower() == JSON


def _require_unchanged(asked: Asked, there: Document | None, guarded: bool | None) -> None:
    """Check the conditions of a change.

    `guarded`: whether a change needs one even where there is no document yet; None: it never does.
    """
    match, none_match = (asked.headers.get(n, "") for n in ("if-match", "if-none-match"))
    if match and (there is None or not _names(match, there)):
        raise Refusal(412, "The document is not the one you mean: read it again.")
    if none_match and there is not None and _names(none_match, there):
        raise Refusal(412, "There is such a document already.")
    if match or none_match or guarded is None:
        return
    if there is not None and (guarded or g.version == "2"):
        raise Refusal(
            409,
            "There is a document already. Read it, and send its ETag as If-Match; "
            "or send If-None-Match: * to write only where there is none.",
        )
    if there is None and guarded:
        raise Refusal(400, "Send If-None-Match: * to make a document, or If-Match to change one.")


def _names(header: str, document: Document) -> bool:
    """Return whether a list of ETags, or *, means this document."""
    tags = {tag.strip().removeprefix("W/").strip('"') for tag in header.split(",")}
    return "*" in tags or document.etag in tags


# --- where ------------------------------------------------------------------------------------


def _place(kind: Kind, asked: Asked, *more: str) -> tuple[Place, str | None]:
    """Return where the document is, and its id (None: all that are there)."""
    args = asked.args
    optional = {kind.id, *more} | ({"registration"} if kind.registration else set())
    parameters.only(args, kind.parameters, optional)
    if missing := [name for name in kind.parameters if not args.get(name)]:
        raise Refusal(400, f"The parameter {missing[0]} is missing.")
    place = Place(
        kind.name,
        activity=parameters.iri(args, "activityId"),
        agent=parameters.identifier(args),
        registration=parameters.uuid(args, "registration"),
    )
    return place, parameters.document_id(args, kind.id)


def _anywhere(place: Place) -> Place:
    """Without a registration, many documents are those of all registrations."""
    return replace(place, registration=place.registration or None)
