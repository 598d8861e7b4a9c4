"""From the body of a request to statements the store can take: cut, checked, finished, verbatim.

The bytes stay as they were sent; only what an LRS has to set is added (id, timestamp, authority,
version; `stored` is stamped by the store), and a single context activity gets the brackets it has
to be returned with. Source: xAPI 1.0.3 communication 1.5, 2.1.1, 2.1.2; data 2.4.6.2.
"""

import hashlib
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from lti_tool.store.xapi_attachments import Attachment
from lti_tool.store.xapi_statements import Batch, Incoming
from lti_tool.web.xapi import multipart
from lti_tool.web.xapi.asked import Asked
from lti_tool.web.xapi.refusal import Refusal
from xapi_bridge import presented, rules, signature
from xapi_bridge.errors import MalformedPage, MalformedStatement
from xapi_bridge.findable import findable
from xapi_bridge.slices import Slice, elements, fields, joined, repeats_a_name
from xapi_bridge.statement import MAX_STATEMENT_BYTES

LARGEST_BATCH = 20_000  # the one writer is not kept busy for longer than others may wait

Json = Any
_HASHES = {56: hashlib.sha224, 64: hashlib.sha256, 96: hashlib.sha384, 128: hashlib.sha512}
_SET_BY_US = ("stored", "authority")


@dataclass(frozen=True, slots=True)
class Arrival:
    """What is the same for all statements of a request."""

    authority: Mapping[str, Json]
    version: str  # of statements that name none
    timestamp: str  # as well


@dataclass(frozen=True, slots=True)
class Sent:
    """One statement as it came."""

    id: str  # lower case; "": the sender gave none
    raw: bytes
    document: dict[str, Json]


def read(asked: Asked) -> tuple[list[Sent], bool, dict[str, bytes]]:
    """Return the statements of a request, whether they came as a list, and bytes by their SHA-2.

    :raises Refusal: nothing of it is stored.
    """
    body, given = _body(asked)
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Refusal(400, "The body is not valid JSON.") from None
    is_list = isinstance(found, list)
    documents = found if is_list else [found]
    pieces = _cut(body, is_list)
    sent = [_checked(raw, one) for raw, one in zip(pieces, documents, strict=True)]
    _require_unique_names(body, found)
    _require_attached([one.document for one in sent], given)
    return sent, is_list, given


def batch(sent: Sequence[Sent], given: Mapping[str, bytes], arrival: Arrival) -> Batch:
    """Return what the store takes."""
    documents = [one.document for one in sent]
    types = {
        file["sha2"].lower(): multipart.as_header(file["contentType"])
        for document in documents
        for file in _files(document)
    }
    return Batch(
        statements=[incoming(one, arrival) for one in sent],
        attachments=[Attachment(sha2, types[sha2], content) for sha2, content in given.items()],
        definitions=[
            (activity["id"], activity["definition"])
            for document in documents
            for activity in presented.activities(document)
            if activity.get("definition")
        ],
    )


def incoming(sent: Sent, arrival: Arrival) -> Incoming:
    """Return what the store keeps of a checked statement, and by what it is found."""
    document, thing = sent.document, sent.document["object"]
    statement_id = sent.id or str(uuid.uuid4())
    return Incoming(
        id=statement_id,
        assigned=not sent.id,
        given=document,
        verb=document["verb"]["id"],
        registration=document.get("context", {}).get("registration", "").lower(),
        target_id=thing["id"].lower() if thing.get("objectType") == "StatementRef" else "",
        found_by=findable({**document, "authority": arrival.authority}),
        files=frozenset(file["sha2"].lower() for file in _files(document)),
        body=_verbatim(sent, statement_id, arrival),
    )


def _verbatim(sent: Sent, statement_id: str, arrival: Arrival) -> bytes:
    """Return the bytes as sent, with what the LRS has to set: id, timestamp, authority, version."""
    raw, there = _listed(sent.raw, sent.document), sent.document
    if any(name in there for name in _SET_BY_US):
        raw = joined({k: v for k, v in fields(raw).items() if k not in _SET_BY_US})
    added: dict[str, Json] = {"authority": arrival.authority}
    for name, value in (
        ("id", statement_id),
        ("timestamp", arrival.timestamp),
        ("version", arrival.version),
    ):
        if name not in there:
            added[name] = value
    # A statement is never empty: it has an actor.
    return raw[:-1] + b"," + orjson.dumps(added)[1:]


def _listed(raw: bytes, said: Mapping[str, Json]) -> bytes:
    """Return a statement or SubStatement in which all context activities are lists."""
    inner = said["object"]
    if inner.get("objectType") == "SubStatement":
        raw = _changed(raw, "object", lambda thing: _listed(thing, inner))
    around = said.get("context", {}).get("contextActivities", {})
    single = [relation for relation, found in around.items() if isinstance(found, dict)]

    def listed(activities: bytes) -> bytes:
        for relation in single:
            activities = _changed(activities, relation, lambda one: b"[" + one + b"]")
        return activities

    if not single:
        return raw
    return _changed(raw, "context", lambda c: _changed(c, "contextActivities", listed))


def _changed(raw: bytes, name: str, change: Callable[[bytes], bytes]) -> bytes:
    """Return the object with one member changed; all other bytes stay."""
    found = fields(raw)
    if name in found:
        found[name] = Slice(change(bytes(found[name])))
    return joined(found)


# --- the body ---------------------------------------------------------------------------------


def _body(asked: Asked) -> tuple[bytes, dict[str, bytes]]:
    if asked.mimetype == "application/json":
        return asked.body, {}
    if asked.mimetype != "multipart/mixed":
        raise Refusal(400, "Send application/json, or multipart/mixed with attachments.")
    first, *others = multipart.parts(asked.body, asked.content_type)
    if first.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise Refusal(400, "The first part has to hold the statements, as application/json.")
    return first.content, dict(map(_attached, others))


def _attached(part: multipart.Part) -> tuple[str, bytes]:
    if part.headers.get("content-transfer-encoding", "binary").lower() != "binary":
        raise Refusal(400, "The Content-Transfer-Encoding of an attachment has to be binary.")
    sha2 = part.headers.get(multipart.HASH, "").lower()
    if not sha2:
        raise Refusal(400, "The part of an attachment has no X-Experience-API-Hash.")
    hashed = _HASHES.get(len(sha2))
    if hashed is None or hashed(part.content).hexdigest() != sha2:
        raise Refusal(400, "The X-Experience-API-Hash of an attachment does not fit its bytes.")
    return sha2, part.content


def _cut(body: bytes, is_list: bool) -> Iterable[bytes]:
    if not is_list:
        return [body.strip()]
    try:
        pieces = elements(body)
    except MalformedPage:
        raise Refusal(400, "The body is not valid JSON.") from None
    if len(pieces) > LARGEST_BATCH:
        raise Refusal(413, f"Send at most {LARGEST_BATCH} statements at once.")
    return [piece.strip() for piece in pieces]


# --- checks -----------------------------------------------------------------------------------


def _checked(raw: bytes, document: Json) -> Sent:
    if len(raw) > MAX_STATEMENT_BYTES:
        raise Refusal(413, "A statement is larger than 1 MiB.")
    try:
        rules.require(document)
    except MalformedStatement as error:
        raise Refusal(400, f"A statement is not valid: {error}.") from None
    return Sent(document.get("id", "").lower(), raw, document)


def _require_unique_names(body: bytes, found: Json) -> None:
    """Refuse a name that comes twice in one object.

    Else one reader finds (and erases) by the last actor what another shows by the first.
    """
    try:
        twice = repeats_a_name(body, found)
    except (TypeError, ValueError):  # a recursion limit of about 250
        raise Refusal(400, "A statement is nested too deeply.") from None
    if twice:
        raise Refusal(400, "A property comes twice in one object; which one counts is a guess.")


def _require_attached(documents: Sequence[Json], given: Mapping[str, bytes]) -> None:
    """Check that every attachment is here or has an address, and that nothing else came."""
    wanted = set()
    for document in documents:
        for file in _files(document):
            sha2 = file["sha2"].lower()
            wanted.add(sha2)
            if sha2 not in given and ("fileUrl" not in file or _signs(file)):
                raise Refusal(400, "An attachment has neither a fileUrl nor a part with its bytes.")
            if _signs(file):
                _require_signed(document, given[sha2])
    if given.keys() - wanted:
        raise Refusal(400, "A part of the body belongs to no attachment of a statement.")


def _require_signed(document: Json, content: bytes) -> None:
    try:
        signature.require_signed(document, content)
    except MalformedStatement as error:
        raise Refusal(400, f"A statement is not signed as it has to be: {error}.") from None


def _signs(file: Mapping[str, Json]) -> bool:
    return bool(file["usageType"] == rules.SIGNATURE)


def _files(document: Mapping[str, Json]) -> Sequence[Mapping[str, Json]]:
    """Return the attachments of a statement, and of a statement inside it."""
    own = document.get("attachments", [])
    inner = document["object"]
    if inner.get("objectType") == "SubStatement":
        return [*own, *inner.get("attachments", [])]
    return list(own)
