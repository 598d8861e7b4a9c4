"""The statements resource: PUT, POST and GET (HEAD). Source: xAPI 1.0.3 communication 2.1.

Pages are walked by links that hold all there is to know, signed: no state here, no expiry.
"""

import base64
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime

import orjson
from flask import Response, g, request
from sqlalchemy import Connection

from lti_tool.store import xapi_activities, xapi_attachments, xapi_clock, xapi_queries
from lti_tool.store import xapi_statements as records
from lti_tool.store.database import us
from lti_tool.store.xapi_attachments import Attachment
from lti_tool.store.xapi_keys import Credential
from lti_tool.store.xapi_queries import LARGEST_PAGE_BYTES, Found, Query, Row
from lti_tool.web.services import house
from lti_tool.web.xapi import intake, multipart, parameters
from lti_tool.web.xapi.asked import Asked
from lti_tool.web.xapi.intake import Arrival, Sent
from lti_tool.web.xapi.refusal import Refusal
from lti_tool.web.xapi.senders import require
from xapi_bridge import presented
from xapi_bridge.instants import text_of

PAGE, LARGEST_PAGE = 100, 1000
THROUGH = "X-Experience-API-Consistent-Through"
_SINGLE = {"statementId", "voidedStatementId"}
_FILTERS = {"agent", "verb", "activity", "registration", "since", "until", "limit"} | {
    "related_agents",
    "related_activities",
    "ascending",
}
_FORMS = {"format", "attachments"}


@dataclass(frozen=True, slots=True)
class Form:
    """How statements are to be given back."""

    format: str = "exact"  # exact | ids | canonical
    attachments: bool = False
    wished: tuple[str, ...] = ()  # languages, best first


# --- writing ----------------------------------------------------------------------------------


def put(asked: Asked, sender: Credential) -> Response:
    require(sender, "statements/write")
    parameters.only(asked.args, {"statementId"})
    wanted = parameters.uuid(asked.args, "statementId")
    if not wanted:
        raise Refusal(400, "PUT needs the parameter statementId.")
    sent, is_list, given = intake.read(asked)
    if is_list:
        raise Refusal(400, "PUT takes one statement; send a list by POST.")
    (one,) = sent
    if one.id not in ("", wanted):
        raise Refusal(400, "The statement has another id than the address says.")
    _store(sender, [replace(one, id=wanted)], given)
    return Response(status=204)


def post(asked: Asked, sender: Credential) -> Response:
    require(sender, "statements/write")
    parameters.only(asked.args)
    sent, _, given = intake.read(asked)
    named = [one.id for one in sent if one.id]
    if len(set(named)) < len(named):
        raise Refusal(400, "Two statements of the batch have the same id.")
    ids = _store(sender, sent, given)
    return Response(orjson.dumps(ids), mimetype="application/json")


def _store(sender: Credential, sent: Sequence[Sent], given: dict[str, bytes]) -> list[str]:
    if not sent:
        return []
    version = "2.0.0" if g.version == "2" else "1.0.0"
    arrival = Arrival(_authority(sender), version, text_of(us(datetime.now(UTC))))
    batch = replace(intake.batch(sent, given, arrival), sender=_own_only(sender))
    try:
        with house().database.begin_straight() as straight:
            records.store(straight.whole, sender.tenant_id, batch)
    except records.IdTaken as error:
        raise Refusal(409, str(error)) from None
    except records.VoidRefused as error:
        raise Refusal(400, str(error)) from None
    return [s.id for s in batch.statements]


def _authority(sender: Credential) -> dict[str, object]:
    """Who vouches: the sender's key, never what the sender says."""
    home = house().settings.server.base_url
    return {"objectType": "Agent", "account": {"homePage": home, "name": sender.key}}


def _own_only(sender: Credential) -> str:
    """Return the key of a sender that may read its own statements only."""
    own = sender.may("statements/read/mine") and not sender.may("statements/read")
    return sender.key if own else ""


# --- reading ----------------------------------------------------------------------------------


def get(asked: Asked, sender: Credential) -> Response:
    require(sender, "statements/read", "statements/read/mine")
    if "more" in asked.args:
        parameters.only(asked.args, {"more"})
        return _page(sender, *_continued(asked, sender))
    form = _form(asked)
    if named := _SINGLE & asked.args.keys():
        if len(named) > 1:
            raise Refusal(400, "Ask for statementId or voidedStatementId, not both.")
        return _one(asked, sender, named.pop(), form)
    return _page(sender, _query(asked), form, None)


def consistent_through(sender: Credential) -> str:
    """Return up to when an answer that shows nothing is complete: what a refusal says."""
    database = house().database
    idle = xapi_clock.idle_us(database, sender.tenant_id)
    with database.read() as conn:
        return text_of(max(idle, xapi_clock.newest_us(conn, sender.tenant_id)))


def _one(asked: Asked, sender: Credential, name: str, form: Form) -> Response:
    parameters.only(asked.args, {name}, _FORMS)
    wanted = parameters.uuid(asked.args, name)
    database = house().database
    idle = xapi_clock.idle_us(database, sender.tenant_id)
    with database.read() as conn:
        row = xapi_queries.one(
            conn,
            sender.tenant_id,
            wanted,
            voided=name == "voidedStatementId",
            sender=_own_only(sender),
        )
        if row is None:
            raise Refusal(404, "There is no such statement.")
        through = max(idle, xapi_clock.newest_us(conn, sender.tenant_id))
        (body,) = _presented(conn, sender.tenant_id, [row], form)
        files = _files(conn, sender.tenant_id, [row[1]]) if form.attachments else None
    response = _response(body, files, through)
    response.last_modified = datetime.fromtimestamp(row[1] / 1e6, UTC)
    return response


def _page(sender: Credential, query: Query, form: Form, behind_us: int | None) -> Response:
    database, tenant_id = house().database, sender.tenant_id
    idle = xapi_clock.idle_us(database, tenant_id)
    with database.read() as conn:
        found = xapi_queries.find(conn, tenant_id, query, behind_us, _own_only(sender))
        if form.attachments:
            found = _carried(conn, tenant_id, found)
        files = _files(conn, tenant_id, [r[1] for r in found.rows]) if form.attachments else None
        listed = b",".join(_presented(conn, tenant_id, found.rows, form))
        through = max(idle, xapi_clock.newest_us(conn, tenant_id))
    more = "" if found.last_us is None else _more(query, form, found.last_us, sender)
    body = b'{"statements":[' + listed + b'],"more":' + orjson.dumps(more) + b"}"
    response = _response(body, files, through)
    if found.rows:
        newest = max(found.rows[0][1], found.rows[-1][1])
        response.last_modified = datetime.fromtimestamp(newest / 1e6, UTC)
    return response


def _response(body: bytes, files: Sequence[Attachment] | None, through_us: int) -> Response:
    content_type = "application/json"
    if files is not None:
        body, content_type = multipart.written(body, files)
    response = Response(body, content_type=content_type)
    response.headers[THROUGH] = text_of(through_us)
    return response


def _presented(
    conn: Connection, tenant_id: str, rows: Sequence[Row], form: Form
) -> Iterable[bytes]:
    exact = (body[:-1] + b',"stored":"' + text_of(at).encode() + b'"}' for body, at in rows)
    if form.format == "exact":
        return exact
    documents = [orjson.loads(body) for body in exact]
    if form.format == "ids":
        return [orjson.dumps(presented.ids(document)) for document in documents]
    named = {activity["id"] for d in documents for activity in presented.activities(d)}
    known = xapi_activities.known(conn, tenant_id, named)
    return [orjson.dumps(presented.canonical(d, known, form.wished)) for d in documents]


# --- attachments ------------------------------------------------------------------------------


def _carried(conn: Connection, tenant_id: str, found: Found) -> Found:
    """Return as much of a page as fits with the bytes of its attachments: at least one."""
    sizes = xapi_attachments.sizes(conn, tenant_id, [at for _, at in found.rows])
    total, seen = 0, set[str]()
    for number, (_, at) in enumerate(found.rows):
        total += sum(size for file, size in sizes.get(at, {}).items() if file not in seen)
        seen |= sizes.get(at, {}).keys()
        if number and total > LARGEST_PAGE_BYTES:
            return Found(found.rows[:number], found.rows[number - 1][1])
    return found


def _files(conn: Connection, tenant_id: str, stamps: Sequence[int]) -> list[Attachment]:
    sizes = xapi_attachments.sizes(conn, tenant_id, stamps)
    return xapi_attachments.get(conn, tenant_id, {file for of in sizes.values() for file in of})


# --- what is looked for -----------------------------------------------------------------------


def _query(asked: Asked) -> Query:
    args = asked.args
    parameters.only(args, _FILTERS, _FORMS)
    return Query(
        agent=parameters.identifier(args),
        verb=parameters.iri(args, "verb"),
        activity=parameters.iri(args, "activity"),
        registration=parameters.uuid(args, "registration"),
        related_agents=parameters.boolean(args, "related_agents"),
        related_activities=parameters.boolean(args, "related_activities"),
        since_us=parameters.instant(args, "since"),
        until_us=parameters.instant(args, "until"),
        ascending=parameters.boolean(args, "ascending"),
        limit=_limit(asked),
    )


def _limit(asked: Asked) -> int:
    if "limit" not in asked.args:
        return PAGE
    # 0 asks for as many as we allow.
    return min(parameters.whole_number(asked.args, "limit") or LARGEST_PAGE, LARGEST_PAGE)


def _form(asked: Asked) -> Form:
    return Form(
        format=parameters.one_of(asked.args, "format", "exact", "ids", "canonical"),
        attachments=parameters.boolean(asked.args, "attachments"),
        wished=presented.wishes(asked.headers.get("accept-language", "")),
    )


def _more(query: Query, form: Form, behind_us: int, sender: Credential) -> str:
    said = {"query": asdict(query), "form": asdict(form), "behind": behind_us}
    text = base64.urlsafe_b64encode(orjson.dumps(said)).decode().rstrip("=")
    return f"{request.script_root}{request.path}?more={text}.{_signature(text, sender)}"


def _continued(asked: Asked, sender: Credential) -> tuple[Query, Form, int]:
    text, _, signature = asked.args["more"].partition(".")
    if not hmac.compare_digest(signature.encode(), _signature(text, sender).encode()):
        raise Refusal(400, "This link to the next page is not one of ours.")
    said = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    form = said["form"] | {"wished": tuple(said["form"]["wished"])}
    return Query(**said["query"]), Form(**form), said["behind"]


def _signature(text: str, sender: Credential) -> str:
    return house().seal.digest("xapi-more", sender.tenant_id, text)[:32]
