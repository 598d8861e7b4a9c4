"""The embedded LRS at /xapi: the statements resource of xAPI 1.0.3, per tenant, behind Basic auth.

What it is sent it stores verbatim; the bridge reads a filtered copy over HTTP like from any other
LRS. Not offered yet (404): state, agents, activities and profile documents; bodies of attachments.
Errors are one plain sentence. Source: xAPI 1.0.3 part 3; reference/xapi.md section 10.
"""

import base64
import hashlib
import hmac
import secrets
import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, cast

import orjson
from flask import Blueprint, Response, current_app, g, request
from werkzeug.exceptions import HTTPException

from lti_tool.errors import DatabaseError
from lti_tool.store import xapi_statements as records
from lti_tool.store.xapi_statements import Credential, Incoming, Query
from lti_tool.web.services import house
from lti_tool.web.xapi_intake import incoming
from xapi_bridge.errors import MalformedPage, MalformedStatement
from xapi_bridge.instants import instant_us, text_of
from xapi_bridge.probe import OURS
from xapi_bridge.slices import members, spans
from xapi_bridge.statement import (
    MAX_STATEMENT_BYTES,
    VOIDED,
    Statement,
    actor_key,
    canonical,
    is_iri,
    is_uuid,
    parse,
)

LARGEST_BODY_BYTES = 16 << 20
LARGEST_BATCH = 20_000  # the one writer is not kept busy for longer than others may wait
PAGE, LARGEST_PAGE = 100, 1000
VERSIONS = ("1.0.0", "1.0.1", "1.0.2", "1.0.3", "2.0.0")
_SINGLE = {"statementId", "voidedStatementId"}
_FILTERS = {"agent", "verb", "activity", "registration", "since", "until", "limit"} | {
    "related_agents",
    "related_activities",
    "ascending",
}
_FORMS = {"format", "attachments"}

blueprint = Blueprint("xapi", __name__, url_prefix="/xapi")


class Refusal(Exception):
    """What the sender did wrong, and the status that says so."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@blueprint.before_request
def let_large_bodies_in() -> None:
    request.max_content_length = LARGEST_BODY_BYTES


@blueprint.after_request
def say_version(response: Response) -> Response:
    asked = request.headers.get("X-Experience-API-Version", "")
    response.headers["X-Experience-API-Version"] = "2.0.0" if asked.startswith("2") else "1.0.3"
    response.headers.setdefault("Cache-Control", "no-store")
    return response


@blueprint.errorhandler(Refusal)
def refused(error: Refusal) -> Response:
    response = _plain(error.status, str(error))
    if error.status == 401:
        response.headers["WWW-Authenticate"] = 'Basic realm="xAPI", charset="UTF-8"'
    return response


@blueprint.errorhandler(DatabaseError)
def database_busy(_error: DatabaseError) -> Response:
    response = _plain(503, "The store is busy; send it again.")
    response.headers["Retry-After"] = "2"
    return response


@blueprint.errorhandler(HTTPException)
def http_refused(error: HTTPException) -> Response:
    return _plain(error.code or 400, error.description or error.name)


@blueprint.get("/about")
def about() -> Response:
    body = {"version": list(VERSIONS), "extensions": {OURS: {"documents": False}}}
    return Response(orjson.dumps(body), mimetype="application/json")


@blueprint.route("/statements", methods=["GET", "PUT", "POST", "DELETE", "PATCH"])
def statements() -> Response:
    _require_version()
    sender = _sender()
    answers: Mapping[str, Callable[[Credential], Response]] = {
        "GET": _get,
        "HEAD": _get,
        "PUT": _put,
        "POST": _post,
    }
    if request.method not in answers:
        raise Refusal(405, "Statements are written with PUT or POST and never changed.")
    return answers[request.method](sender)


@blueprint.route("/<path:rest>", methods=["GET", "PUT", "POST", "DELETE", "PATCH"])
def not_offered(rest: str) -> Response:  # noqa: ARG001
    """Documents, agents and activities are not offered yet."""
    return _plain(404, "This LRS offers statements and about; documents are not offered yet.")


# --- who asks ---------------------------------------------------------------------------------


def _require_version() -> None:
    asked = request.headers.get("X-Experience-API-Version", "")
    if asked not in ("1.0", "2.0") and not asked.startswith(("1.0.", "2.0.")):
        raise Refusal(400, "Send the header X-Experience-API-Version: 1.0.3 (or 2.0.0).")


def _sender() -> Credential:
    """Return whose key this is; unknown keys and wrong secrets cannot be told apart."""
    given = request.authorization
    if given is None or given.type != "basic" or not given.username:
        raise Refusal(401, "Send key and secret by Basic authentication.")
    if "\0" in given.username:  # PostgreSQL would not even look for it
        raise Refusal(401, "Key and secret do not fit.")
    with house().database.read() as conn:
        found = records.credential(conn, given.username)
    if found is None or not _verified(found, given.password or ""):
        raise Refusal(401, "Key and secret do not fit.")
    if not found.enabled:
        raise Refusal(403, "The embedded LRS is not switched on for this tenant.")
    g.sender = found
    return found


def _verified(found: Credential, secret: str) -> bool:
    """Check a secret: slowly once, then by a digest that lives in this process only.

    The stored hash is part of what is remembered: a changed or deleted secret counts at once.
    """
    seen = current_app.extensions.setdefault("xapi-verified", (secrets.token_bytes(32), {}))
    process_key, good = cast(tuple[bytes, dict[str, bytes]], seen)
    said = f"{found.secret_hash}\n{secret}".encode()
    digest = hmac.new(process_key, said, hashlib.sha256).digest()
    if hmac.compare_digest(good.get(found.id, b""), digest):
        return True
    if not records.fits(secret, found.secret_hash):
        return False
    good[found.id] = digest
    return True


# --- writing ----------------------------------------------------------------------------------


def _put(sender: Credential) -> Response:
    _require(sender.may_write, "This key may not write.")
    _only({"statementId"})
    wanted = _uuid("statementId", request.args.get("statementId", ""))
    raw = _body()
    read = _read(raw)
    if read.id not in ("", wanted):
        raise Refusal(400, "The statement has another id than the address says.")
    _store(sender, [_incoming(read, wanted, sender)])
    return Response(status=204)


def _post(sender: Credential) -> Response:
    _require(sender.may_write, "This key may not write.")
    _only(set())
    raw = _body()
    read = [_read(piece) for piece in _pieces(raw)]
    found = [_incoming(s, s.id or str(uuid.uuid4()), sender) for s in read]
    if len({s.id for s in found}) < len(found):
        raise Refusal(400, "Two statements of the batch have the same id.")
    _store(sender, found)
    return Response(orjson.dumps([s.id for s in found]), mimetype="application/json")


def _store(sender: Credential, found: list[Incoming]) -> None:
    if not found:
        return
    try:
        with house().database.begin() as conn:
            # The instant is taken with the write lock in hand, so that `stored` is honest.
            records.store(conn, sender.tenant_id, found, _now())
    except records.IdTaken as error:
        raise Refusal(409, str(error)) from None
    except records.VoidRefused as error:
        raise Refusal(400, str(error)) from None


def _body() -> bytes:
    if request.mimetype != "application/json":
        raise Refusal(
            400, "Send application/json; bodies of attachments (multipart) are not taken yet."
        )
    return request.get_data(cache=False)


def _pieces(raw: bytes) -> list[bytes]:
    if not raw.lstrip().startswith(b"["):
        return [raw]
    try:
        cuts = spans(raw, b"[")
    except MalformedPage:
        raise Refusal(400, "The body is not valid JSON.") from None
    if len(cuts) > LARGEST_BATCH:
        raise Refusal(413, f"Send at most {LARGEST_BATCH} statements at once.")
    return [raw[start:end] for start, end in cuts]


def _read(raw: bytes) -> Statement:
    """Return a checked statement; an LRS takes nothing that had to be guessed at."""
    raw = raw.strip()
    if len(raw) > MAX_STATEMENT_BYTES:
        raise Refusal(413, "A statement is larger than 1 MiB.")
    try:
        read = parse(raw, id_required=False)
        canonical(read.document)
    except MalformedStatement as error:
        raise Refusal(400, f"A statement is not valid: {error}.") from None
    names = [name for name, _ in members(raw)]
    if len(set(names)) < len(names):
        raise Refusal(400, "A statement has a property twice; which one counts would be a guess.")
    if read.flags:
        raise Refusal(400, "A statement is not valid: its timestamp needs date, time and zone.")
    if read.verb == VOIDED and not read.voids:
        raise Refusal(400, "A voiding statement needs a StatementRef as its object.")
    version = read.document.get("version", "1.0.0")
    if not str(version).startswith(("1.0.", "2.0.")) and version not in ("1.0", "2.0"):
        raise Refusal(400, "A statement has a version that this LRS does not know.")
    return read


def _incoming(read: Statement, statement_id: str, sender: Credential) -> Incoming:
    return incoming(read, statement_id, _authority(sender), _now())


def _authority(sender: Credential) -> dict[str, Any]:
    """Who vouches: the sender's key, never what the sender says."""
    home = house().settings.server.base_url
    return {"objectType": "Agent", "account": {"homePage": home, "name": sender.key}}


# --- reading ----------------------------------------------------------------------------------


def _get(sender: Credential) -> Response:
    _require(sender.may_read, "This key may not read.")
    if "more" in request.args:
        _only({"more"})
        query, behind = _continued(request.args["more"], sender)
        return _page(sender, query, behind)
    _form()
    if asked := _SINGLE & request.args.keys():
        if len(asked) > 1:
            raise Refusal(400, "Ask for statementId or voidedStatementId, not both.")
        return _one(sender, asked.pop())
    return _page(sender, _query(), None)


def _one(sender: Credential, name: str) -> Response:
    _only({name} | _FORMS)
    wanted = _uuid(name, request.args[name])
    with house().database.read() as conn:
        voided = name == "voidedStatementId"
        row = records.one(conn, sender.tenant_id, wanted, voided=voided)
        through = records.consistent_through_us(conn)
    if row is None:
        raise Refusal(404, "There is no such statement.")
    response = Response(_finished(*row), mimetype="application/json")
    response.last_modified = datetime.fromtimestamp(row[1] / 1e6, UTC)
    return _with_consistency(response, through)


def _page(sender: Credential, query: Query, behind_us: int | None) -> Response:
    with house().database.read() as conn:
        through = records.consistent_through_us(conn)
        found = records.find(conn, sender.tenant_id, query, behind_us)
    more = "" if found.last_us is None else _more(query, found.last_us, sender)
    listed = b",".join(_finished(*row) for row in found.rows)
    body = b'{"statements":[' + listed + b'],"more":' + orjson.dumps(more) + b"}"
    return _with_consistency(Response(body, mimetype="application/json"), through)


def _with_consistency(response: Response, through_us: int) -> Response:
    response.headers["X-Experience-API-Consistent-Through"] = text_of(through_us)
    return response


def _finished(body: bytes, stored_us: int) -> bytes:
    return body[:-1] + b',"stored":"' + text_of(stored_us).encode() + b'"}'


def _more(query: Query, behind_us: int, sender: Credential) -> str:
    """Return a link that holds all there is to know: no state here, and it never expires."""
    payload = base64.urlsafe_b64encode(orjson.dumps({"q": asdict(query), "behind": behind_us}))
    text = payload.decode().rstrip("=")
    return f"{request.script_root}{request.path}?more={text}.{_signature(text, sender)}"


def _continued(token: str, sender: Credential) -> tuple[Query, int]:
    text, _, signature = token.partition(".")
    if not hmac.compare_digest(signature.encode(), _signature(text, sender).encode()):
        raise Refusal(400, "This link to the next page is not one of ours.")
    document = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return Query(**document["q"]), document["behind"]


def _signature(text: str, sender: Credential) -> str:
    return house().seal.digest("xapi-more", sender.tenant_id, text)[:32]


def _query() -> Query:
    _only(_FILTERS | _FORMS)
    return Query(
        agent=_agent(),
        verb=_iri("verb"),
        activity=_iri("activity"),
        registration=_uuid("registration", request.args.get("registration")),
        related_agents=_boolean("related_agents"),
        related_activities=_boolean("related_activities"),
        since_us=_instant("since"),
        until_us=_instant("until"),
        ascending=_boolean("ascending"),
        limit=_limit(),
    )


def _agent() -> str:
    if (given := request.args.get("agent")) is None:
        return ""
    try:
        key = actor_key(orjson.loads(given))
    except (orjson.JSONDecodeError, MalformedStatement):
        key = None
    if key is None:
        raise Refusal(400, "agent is not an Agent or identified Group as JSON.")
    return key.text


def _iri(name: str) -> str:
    given = request.args.get(name, "")
    if given and not is_iri(given):
        raise Refusal(400, f"{name} is not an IRI.")
    return given


def _uuid(name: str, given: str | None) -> str:
    if given is None:
        return ""
    if not is_uuid(given):
        raise Refusal(400, f"{name} is not a UUID.")
    return given.lower()


def _boolean(name: str) -> bool:
    given = request.args.get(name, "false")
    if given not in ("true", "false"):
        raise Refusal(400, f"{name} is true or false.")
    return given == "true"


def _instant(name: str) -> int | None:
    if (given := request.args.get(name)) is None:
        return None
    try:
        return instant_us(given)[0]
    except (ValueError, OverflowError):
        raise Refusal(400, f"{name} is not an instant.") from None


def _limit() -> int:
    given = request.args.get("limit", str(PAGE))
    if not given.isdecimal() or not given.isascii() or len(given) > 9:
        raise Refusal(400, "limit is a whole number, zero or more.")
    return min(int(given) or LARGEST_PAGE, LARGEST_PAGE)


def _form() -> None:
    if request.args.get("format", "exact") != "exact":
        raise Refusal(400, "This LRS gives statements in the format exact only.")
    if request.args.get("attachments", "false") != "false":
        raise Refusal(400, "This LRS does not give bodies of attachments yet.")


def _only(known: set[str]) -> None:
    if strange := request.args.keys() - known:
        raise Refusal(400, f"There is no parameter {sorted(strange)[0][:40]!r} here.")


def _require(allowed: bool, message: str) -> None:
    if not allowed:
        raise Refusal(403, message)


def _plain(status: int, message: str) -> Response:
    return Response(message + "\n", status=status, mimetype="text/plain")


def _now() -> datetime:
    return datetime.now(UTC)
