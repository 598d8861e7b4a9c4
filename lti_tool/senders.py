"""Who takes an outbox row to its receiver: kind -> sender. The last room before the door.

Each sender says by `DeliveryFailed.retry` whether trying again can help. Bodies were fixed when the
row was written; here they are only put on the wire.
"""

from calendar import monthrange
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from html import escape
from typing import Any

from lti_tool import courses
from lti_tool.bootstrap import House
from lti_tool.errors import NotFound
from lti_tool.lti import plans
from lti_tool.lti.lineitems import Place, find_or_make
from lti_tool.lti.outbound import Outbound
from lti_tool.lti.platforms import ilias
from lti_tool.lti.services import Caller, LineItemGone, Score, post_score, withdraw_score
from lti_tool.ports import Delivery, DeliveryFailed, Sender
from lti_tool.store import lrs, platforms
from lti_tool.store.gradebook import Columns
from lti_tool.store.outbox import opened
from lti_tool.store.pull import client_of, deliver_statements
from xapi_bridge import documents, wire
from xapi_bridge.errors import BridgeError, StoreBusy, StoreUnreachable
from xapi_bridge.profile import profile
from xapi_bridge.templates import violations

MOST_NAMES = 3  # of one person, tried one after the other


def of(house: House) -> Mapping[str, Sender]:
    """Return the sender of each kind of delivery."""
    kinds = {
        "statements": _statements,
        "statements-withdrawn": _statements,
        "document": _document,
        "document-withdrawn": _no_document,
        "asserted": _shared,
        "asserted-withdrawn": _shared,
        "levels": _levels,
        "levels-withdrawn": _no_levels,
        "score": _score,
        "score-withdrawn": _no_score,
        "result": _score,
        "result-withdrawn": _no_score,
        "plan": _plan,
        "plan-withdrawn": _no_plan,
    }
    return {kind: partial(_sent, house, send) for kind, send in kinds.items()}


def _sent(house: House, send: Callable[[House, Delivery], None], delivery: Delivery) -> None:
    send(house, opened(house.seal, delivery))


def _statements(house: House, delivery: Delivery) -> None:
    _send_statements(house, delivery, delivery.body)


def _send_statements(house: House, delivery: Delivery, statements: list[dict[str, Any]]) -> None:
    """Send what follows our own xAPI profile; what does not is a mistake of ours, and stays here.

    :raises DeliveryFailed: it says more or less than the profile says, and names which rule.
    """
    said = profile(house.settings.server.base_url)
    if wrong := [v for statement in statements for v in violations(said, statement)]:
        raise DeliveryFailed(f"Not as our xAPI profile says: {wrong[0]}.", retry=False)
    with _lrs(house, delivery) as connection:
        deliver_statements(connection, statements)


def _document(house: House, delivery: Delivery) -> None:
    """Write the path as it stands. A store without documents has the statements."""
    tool, body = house.settings.server.base_url, delivery.body
    with _lrs(house, delivery) as connection, client_of(connection, writing=True) as client:
        _require_claim(house, delivery)
        documents.put(client, wire.document_place(tool, body), wire.path_document(tool, body))


def _no_document(house: House, delivery: Delivery) -> None:
    tool, body = house.settings.server.base_url, delivery.body
    with _lrs(house, delivery) as connection, client_of(connection, writing=True) as client:
        where, at = wire.document_place(tool, body), wire.instant(body["timestamp"])
        documents.take_back(client, where, wire.DOCUMENT_KEYS, at)


def _shared(house: House, delivery: Delivery) -> None:
    """Write a result that the learner shared, or void it."""
    _send_statements(house, delivery, delivery.body["statements"])


def _levels(house: House, delivery: Delivery) -> None:
    tool, body = house.settings.server.base_url, delivery.body
    with _lrs(house, delivery) as connection, client_of(connection, writing=True) as client:
        _require_claim(house, delivery)
        documents.put(client, wire.levels_place(tool, body), wire.levels_document(tool, body))


def _no_levels(house: House, delivery: Delivery) -> None:
    tool, body = house.settings.server.base_url, delivery.body
    with _lrs(house, delivery) as connection, client_of(connection, writing=True) as client:
        where, at = wire.levels_place(tool, body), wire.instant(body["timestamp"])
        documents.take_back(client, where, wire.LEVELS_KEYS, at)


@contextmanager
def _lrs(house: House, delivery: Delivery) -> Iterator[lrs.LrsConnection]:
    """Say of what goes wrong there whether trying again can help."""
    try:
        with house.database.read() as conn:
            connection = lrs.get(conn, house.seal, delivery.target_id)
        yield connection
    except NotFound:
        raise DeliveryFailed("The LRS was removed.", retry=False) from None
    except BridgeError as error:
        wait_s = error.wait_s if isinstance(error, StoreBusy) else None
        away = isinstance(error, StoreBusy | StoreUnreachable)
        raise DeliveryFailed(str(error), retry=error.retry, wait_s=wait_s, away=away) from error


def _score(house: House, delivery: Delivery) -> None:
    body, now = delivery.body, datetime.now(UTC)
    caller = _caller(house, delivery, now)
    column = _Column.of(house, delivery)
    score = Score(
        lineitem=column.found(caller, now),
        subject=body["subject"],
        given=body["done"],
        maximum=body["of"],
        completed=body["done"] == body["of"],
        at=datetime.fromisoformat(body["timestamp"]),
        comment=_comment(body),
    )
    try:
        _post_by_any_name(caller, score, body.get("idents", []), now)
    except LineItemGone:
        column.gone(score.lineitem)


def _comment(body: Mapping[str, Any]) -> str:
    # What was put into the outbox before comments were has none.
    return str(body.get("comment") or f"{body['done']} von {body['of']} Schritten im Lernpfad")


def _post_by_any_name(caller: Caller, score: Score, others: list[str], now: datetime) -> None:
    """Send a score; ILIAS answers 404 to a name it does not know, and knows one of these."""
    for name in (score.subject, *others[:MOST_NAMES]):
        try:
            return post_score(caller, replace(score, subject=name), now)
        except LineItemGone:
            if caller.platform.kind != "ilias":
                raise
    raise ilias.NobodyThere


def _no_score(house: House, delivery: Delivery) -> None:
    body, now = delivery.body, datetime.now(UTC)
    written = datetime.fromisoformat(body["timestamp"])
    lineitem = _Column.of(house, delivery).known()
    if lineitem:  # where no column was ever found, nothing can stand in it
        withdraw_score(_caller(house, delivery, now), lineitem, body["subject"], written, now)


@dataclass(frozen=True, slots=True)
class _Column:
    """Where a score goes: the line item the launch named, or one that is found or made."""

    body: Mapping[str, Any]
    columns: Columns

    @classmethod
    def of(cls, house: House, delivery: Delivery) -> "_Column":
        return cls(delivery.body, Columns(house.database, delivery.target_id))

    def known(self) -> str:
        if "lineitems" not in self.body:
            return str(self.body["lineitem"])
        return self.columns.look(self.body["context"], self.body["link"]).url

    def found(self, caller: Caller, now: datetime) -> str:
        if url := self.known():
            return url
        context, link = self.body["context"], self.body["link"]
        if self.columns.look(context, link).given_up:
            raise LineItemGone
        if not self.columns.claim(context, link, now):
            raise DeliveryFailed("Another worker looks for the line item.", retry=True, wait_s=2)
        url = find_or_make(caller, self._place(link), now)
        self.columns.keep(context, link, url)
        return url

    def _place(self, link: str) -> Place:
        place, body = Place(str(self.body["lineitems"]), link), self.body
        if "label" not in body:  # put into the outbox before columns had a name of their own
            return place
        return replace(place, label=str(body["label"]), maximum=int(body["most"]))

    def gone(self, url: str) -> None:
        if "lineitems" not in self.body:
            raise LineItemGone
        self.columns.forget(self.body["context"], self.body["link"], url)
        raise DeliveryFailed("The line item was deleted; it is looked for anew.", retry=True)


def _caller(house: House, delivery: Delivery, now: datetime) -> Caller:
    return courses.caller(house, delivery.target_id, now)


def _plan(house: House, delivery: Delivery) -> None:
    body, service = delivery.body, _plan_service(house, delivery)
    plan = plans.Plan(
        user_id=body["user"],
        name=body["name"],
        description_html=_steps_html(body["steps"]),
        due=_end_of_month(body["due"]),
    )
    plans.write_plan(service, plan, datetime.now(UTC), lambda: _require_claim(house, delivery))


def _no_plan(house: House, delivery: Delivery) -> None:
    plans.delete_plan(
        _plan_service(house, delivery),
        delivery.body["user"],
        delivery.body["name"],
        lambda: _require_claim(house, delivery),
    )


def _plan_service(house: House, delivery: Delivery) -> plans.PlanService:
    with house.database.read() as conn:
        platform = platforms.get(conn, delivery.target_id)
        token = platforms.plan_token(conn, platform.id)
    if token is None or not platform.plan_url:
        raise DeliveryFailed("The plan service was switched off.", retry=False)
    return plans.PlanService(platform.plan_url, house.seal.open(token), _outbound(house))


def _require_claim(house: House, delivery: Delivery) -> None:
    with house.store.read() as work:
        if not work.outbox.is_claimed(delivery):
            raise DeliveryFailed("Another worker has taken over.", retry=True)


def _outbound(house: House) -> Outbound:
    return Outbound.of(house.settings.security)


def _steps_html(steps: list[dict[str, Any]]) -> str:
    """Return the steps as the LMS shows them: title with link, Pflicht or Wahl, month."""
    rows = []
    for step in steps:
        title = escape(step["title"])
        linked = f'<a href="{escape(step["url"])}">{title}</a>' if step["url"] else title
        duty = "Pflicht" if step["mandatory"] else "Wahl"
        year, month = step["month"].split("-")
        rows.append(f"<li>{linked} ({duty}, {month}/{year})</li>")
    return f"<ol>{''.join(rows)}</ol>"


def _end_of_month(month: str) -> datetime:
    """Return noon of the month's last day: the same day in every European time zone."""
    year, number = (int(part) for part in month.split("-"))
    return datetime(year, number, monthrange(year, number)[1], 12, tzinfo=UTC)
