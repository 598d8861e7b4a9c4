"""Workshops: rows <-> values. Votes are counted and forgotten when their round is closed.

A seat is a random secret in a cookie; only its keyed digest is kept, with no clock beside it, so
that nobody can say later who sat there. Codes are kept as digest and sealed: the moderator's page
shows them again.
"""

import secrets
import uuid
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from competency.soll import Granularity, Signed
from competency.workshop import Counts, Group
from lti_tool.errors import NotFound
from lti_tool.ports import Agreed, Round, Seat, Workshop
from lti_tool.seal import Seal
from lti_tool.store.database import at, upsert, us
from lti_tool.store.schema.soll import soll_round, soll_seat, soll_vote, soll_workshop

OPEN, CLOSED = "open", "closed"


@dataclass(frozen=True, slots=True)
class SqlWorkshops:
    """Implements ports.Workshops."""

    conn: Connection
    seal: Seal

    def add(self, workshop: Workshop) -> None:
        self.conn.execute(
            insert(soll_workshop).values(
                id=workshop.id,
                tenant_id=workshop.tenant_id,
                role=workshop.role,
                granularity=workshop.granularity.value,
                scale=workshop.scale,
                framework=workshop.framework,
                made_by=workshop.made.by,
                made_us=us(workshop.made.at),
                **self._changing(workshop),
            )
        )

    def of(self, tenant_id: str) -> tuple[Workshop, ...]:
        mine = select(soll_workshop).where(soll_workshop.c.tenant_id == tenant_id)
        newest = mine.order_by(soll_workshop.c.made_us.desc(), soll_workshop.c.id)
        return tuple(self._value(row) for row in self.conn.execute(newest))

    def get(self, tenant_id: str, workshop_id: str) -> Workshop:
        return self._found(self.conn.execute(_mine(tenant_id, workshop_id)).first())

    def lock(self, tenant_id: str, workshop_id: str) -> Workshop:
        mine = _mine(tenant_id, workshop_id).with_for_update()
        return self._found(self.conn.execute(mine).first())

    def save(self, workshop: Workshop) -> None:
        mine = update(soll_workshop).where(soll_workshop.c.id == workshop.id)
        self.conn.execute(mine.values(**self._changing(workshop)))

    def by_code(self, code: str, now: datetime) -> Workshop | None:
        good = select(soll_workshop).where(
            soll_workshop.c.code_digest == self._code(code),
            soll_workshop.c.expires_us > us(now),
            soll_workshop.c.state == OPEN,
        )
        row = self.conn.execute(good).first()
        return self._value(row) if row else None

    def rounds(self, workshop_id: str) -> tuple[Round, ...]:
        mine = select(soll_round).where(soll_round.c.workshop_id == workshop_id)
        rows = self.conn.execute(mine.order_by(soll_round.c.number))
        return tuple(_round(row) for row in rows)

    def open_round(self, workshop_id: str, opened: Round) -> None:
        self.conn.execute(
            insert(soll_round).values(
                workshop_id=workshop_id,
                number=opened.number,
                codes=list(opened.codes),
                state=OPEN,
                tally={},
                opened_us=us(opened.opened),
            )
        )

    def close_round(self, workshop_id: str, number: int, now: datetime) -> bool:
        tally = self._counted(workshop_id, number)
        done = self.conn.execute(
            update(soll_round)
            .where(
                soll_round.c.workshop_id == workshop_id,
                soll_round.c.number == number,
                soll_round.c.state == OPEN,
            )
            .values(state=CLOSED, tally=tally, closed_us=us(now))
        )
        seats = select(soll_seat.c.id).where(soll_seat.c.workshop_id == workshop_id)
        gone = delete(soll_vote).where(soll_vote.c.seat_id.in_(seats), soll_vote.c.round == number)
        self.conn.execute(gone)
        return done.rowcount > 0

    def take_seat(self, workshop: Workshop, group: Group) -> str:
        secret = secrets.token_urlsafe(24)
        self.conn.execute(
            insert(soll_seat).values(
                id=str(uuid.uuid4()),
                workshop_id=workshop.id,
                digest=self._secret(secret),
                group_name=group.value,
            )
        )
        return secret

    def seat(self, secret: str, *, voting: bool = False) -> tuple[Seat, Workshop] | None:
        mine = (
            select(soll_workshop, soll_seat.c.id.label("seat_id"), soll_seat.c.group_name)
            .join(soll_seat, soll_seat.c.workshop_id == soll_workshop.c.id)
            .where(soll_seat.c.digest == self._secret(secret))
        )
        if voting:  # locked for reading: many vote at once, and none while votes are counted
            mine = mine.with_for_update(read=True, of=soll_workshop)
        row = self.conn.execute(mine).first()
        if row is None:
            return None
        return Seat(row.seat_id, row.id, Group(row.group_name)), self._value(row)

    def seats(self, workshop_id: str) -> Mapping[Group, int]:
        rows = self.conn.execute(
            select(soll_seat.c.group_name, func.count())
            .where(soll_seat.c.workshop_id == workshop_id)
            .group_by(soll_seat.c.group_name)
        )
        return _by_group({row[0]: row[1] for row in rows})

    def clear(self, workshop_id: str) -> None:
        seats = select(soll_seat.c.id).where(soll_seat.c.workshop_id == workshop_id)
        self.conn.execute(delete(soll_vote).where(soll_vote.c.seat_id.in_(seats)))
        self.conn.execute(delete(soll_seat).where(soll_seat.c.workshop_id == workshop_id))

    def vote(self, seat: Seat, number: int, code: str, step: int | None) -> None:
        row = {"seat_id": seat.id, "round": number, "code": code, "step": step}
        upsert(self.conn, soll_vote, row, "seat_id", "round", "code")

    def votes(self, seat: Seat, number: int) -> Mapping[str, int | None]:
        mine = select(soll_vote).where(soll_vote.c.seat_id == seat.id, soll_vote.c.round == number)
        return {row.code: row.step for row in self.conn.execute(mine)}

    def finished(self, workshop_id: str, number: int, count: int) -> Mapping[Group, int]:
        done = (
            select(soll_seat.c.id, soll_seat.c.group_name)
            .join(soll_vote, soll_vote.c.seat_id == soll_seat.c.id)
            .where(soll_seat.c.workshop_id == workshop_id, soll_vote.c.round == number)
            .group_by(soll_seat.c.id, soll_seat.c.group_name)
            .having(func.count() >= count)
            .subquery()
        )
        counted = select(done.c.group_name, func.count()).group_by(done.c.group_name)
        return _by_group({row[0]: row[1] for row in self.conn.execute(counted)})

    def _counted(self, workshop_id: str, number: int) -> dict[str, dict[str, dict[str, int]]]:
        rows = self.conn.execute(
            select(soll_vote.c.code, soll_seat.c.group_name, soll_vote.c.step)
            .join(soll_seat, soll_seat.c.id == soll_vote.c.seat_id)
            .where(soll_seat.c.workshop_id == workshop_id, soll_vote.c.round == number)
        )
        found: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
        for row in rows:
            if row.step is not None:
                found[row.code][row.group_name][str(row.step)] += 1
        return {
            code: {group: dict(sorted(counts.items())) for group, counts in sorted(groups.items())}
            for code, groups in found.items()
        }

    def _changing(self, workshop: Workshop) -> dict[str, Any]:
        agreed = {c: {"step": a.step, "reason": a.reason} for c, a in workshop.agreed.items()}
        code = workshop.code
        return {
            "invited": {group.value: number for group, number in workshop.invited.items()},
            "agreed": agreed,
            "state": workshop.state,
            "code_digest": self._code(code) if code else None,
            "code_sealed": self.seal.seal(code) if code else None,
            "expires_us": us(workshop.expires) if workshop.expires else None,
            "version_id": workshop.version_id or None,
            "ended_us": us(workshop.ended) if workshop.ended else None,
        }

    def _found(self, row: Row[Any] | None) -> Workshop:
        if row is None:
            raise NotFound("There is no such workshop.", remedy="See the list of workshops.")
        return self._value(row)

    def _value(self, row: Row[Any]) -> Workshop:
        return Workshop(
            id=row.id,
            tenant_id=row.tenant_id,
            role=row.role,
            granularity=Granularity(row.granularity),
            scale=row.scale,
            framework=row.framework,
            invited=_by_group(row.invited),
            made=Signed(row.made_by, at(row.made_us)),
            state=row.state,
            code=self.seal.open(row.code_sealed) if row.code_sealed else "",
            expires=at(row.expires_us) if row.expires_us is not None else None,
            agreed={c: Agreed(a["step"], a["reason"]) for c, a in row.agreed.items()},
            version_id=row.version_id or "",
            ended=at(row.ended_us) if row.ended_us is not None else None,
        )

    def _code(self, code: str) -> str:
        return self.seal.digest("soll-code", code)

    def _secret(self, secret: str) -> str:
        return self.seal.digest("soll-seat", secret)


def _mine(tenant_id: str, workshop_id: str) -> Any:
    return select(soll_workshop).where(
        soll_workshop.c.tenant_id == tenant_id, soll_workshop.c.id == workshop_id
    )


def _by_group(numbers: Mapping[str, int]) -> dict[Group, int]:
    return {group: numbers.get(group.value, 0) for group in Group}


def _round(row: Row[Any]) -> Round:
    return Round(
        number=row.number,
        codes=tuple(row.codes),
        opened=at(row.opened_us),
        closed=at(row.closed_us) if row.closed_us is not None else None,
        tally={code: _tally(groups) for code, groups in row.tally.items()},
    )


def _tally(groups: Mapping[str, Mapping[str, int]]) -> dict[Group, Counts]:
    return {Group(name): {int(s): n for s, n in counts.items()} for name, counts in groups.items()}
