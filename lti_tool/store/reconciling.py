"""What was deleted in an LRS without a word: found once a month, person by person.

A statement that its LRS no longer holds proves nothing any more: it is treated like a voided one,
its text goes, and should the LRS hold it again, it counts again. Where a store has lost more than
half of what a sample asks for, something else has happened (another database, an empty backup):
then nothing is taken back, and the admin is told. Sends; one transaction per person.
"""

import random
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Select, delete, exists, select, update

from lti_tool.seal import Seal
from lti_tool.store import lrs as connections
from lti_tool.store import rounds
from lti_tool.store.database import Database, insert_missing
from lti_tool.store.jobs import SqlJobs
from lti_tool.store.leasing import PullLease
from lti_tool.store.lrs import LrsConnection
from lti_tool.store.pull import client_of, utc_now
from lti_tool.store.schema.core import evidence, identity
from lti_tool.store.schema.xapi import lrs_round, statement, void
from lti_tool.store.settling import settle_groups
from xapi_bridge.client import Client
from xapi_bridge.errors import BridgeError, LeaseLost
from xapi_bridge.identity import Alias, Bindings, actors
from xapi_bridge.parts import ActorKey
from xapi_bridge.ports import Lease
from xapi_bridge.presence import listed, there

DELETED = rounds.DELETED  # also what stands in `void.voided_by`
SAMPLE = 20
NO_FILTER, ALL_GONE = "no-agent-filter", "all-gone"


@dataclass(frozen=True, slots=True)
class Looked:
    """`complete`: everybody was looked at; `busy`: a puller holds the LRS."""

    complete: bool = False
    busy: bool = False
    gone: int = 0


def look_for_deleted(
    database: Database,
    seal: Seal,
    lrs_id: str,
    *,
    page_size: int,
    patience_s: float,
    budget_s: float,
    clock: Callable[[], datetime] = utc_now,
) -> Looked:
    """Take back what the LRS no longer holds, as far as the time reaches; later calls go on.

    :raises BridgeError: the store cannot be used now; noted as the connection's last error.
    """
    with database.read() as conn:
        connection = connections.get(conn, seal, lrs_id)
    try:
        with (
            PullLease(database, lrs_id).hold() as lease,
            client_of(connection, patience_s) as client,
        ):
            if lease is None:
                return Looked(busy=True)
            look = _Look(database, seal, connection, lease, client, page_size, clock)
            return look.run(time.monotonic() + budget_s)
    except LeaseLost:
        return Looked(busy=True)
    except BridgeError as error:
        with database.begin() as conn:
            connections.failed(conn, lrs_id, error, clock())
        raise


@dataclass
class _Look:
    database: Database
    seal: Seal
    connection: LrsConnection
    lease: Lease
    client: Client
    page_size: int
    clock: Callable[[], datetime]

    def run(self, until: float) -> Looked:
        if why := self._begin():
            self._end(why)
            return Looked(complete=True)
        gone = 0
        for learner_id in self._learners():
            gone += self._look_at(learner_id)
            if time.monotonic() > until:
                return Looked(gone=gone)
        self._end("")
        return Looked(complete=True, gone=gone)

    def _begin(self) -> str:
        """Begin a round, or go on with one; return why it makes no sense, or ""."""
        with self.database.begin() as conn:
            self._fence(conn)
            new = rounds.begin(conn, self.connection.id, DELETED, self.clock())
        if self.connection.capabilities.get("agents") == "unusable":
            return NO_FILTER
        return ALL_GONE if new and self._lost_too_much() else ""

    def _end(self, note: str) -> None:
        with self.database.begin() as conn:
            self._fence(conn)
            rounds.finish(conn, self.connection.id, DELETED, self.clock(), note)

    def _lost_too_much(self) -> bool:
        with self.database.read() as conn:
            sample = _sample(conn, self.connection.id)
        if len(sample) < SAMPLE // 2:
            return False  # of a few, most may well have been deleted on purpose
        gone = sum(not there(self.client, number) for number in sample)
        return 2 * gone > len(sample)

    def _learners(self) -> Iterator[str]:
        """Yield whose statements came from this LRS, behind where the round stands, in order."""
        while True:
            with self.database.read() as conn:
                found = conn.execute(_next_learner(conn, self.connection.id)).scalar()
            if found is None:
                return
            yield found

    def _look_at(self, learner_id: str) -> int:
        with self.database.read() as conn:
            ours = _counting(conn, self.connection.id, learner_id)
            taken_back = _taken_back(conn, self.connection.id, learner_id)
            keys = self._keys(conn, learner_id)
        theirs = listed(self.client, keys, self.page_size)
        gone = [number for number in ours - theirs if not there(self.client, number)]
        again = [number for number in taken_back if number in theirs]
        with self.database.begin() as conn:
            self._fence(conn)
            self._take_back(conn, gone)
            self._give_back(conn, again)
            self._settle(conn, [*gone, *again])
            seen = len(ours) + len(taken_back)
            rounds.count(conn, self.connection.id, DELETED, seen, len(gone), 0.0)
            rounds.go_on_behind(conn, self.connection.id, DELETED, learner_id)
        return len(gone)

    def _keys(self, conn: Connection, learner_id: str) -> list[ActorKey]:
        """Return every form in which an LRS may name this person."""
        bindings: Bindings = connections.bindings(conn, self.connection)
        rows = conn.execute(select(identity).where(identity.c.learner_id == learner_id))
        names = [Alias(r.platform_id, r.kind, self.seal.open(r.sealed)) for r in rows]
        found = {key for alias in names for key in actors(alias, bindings)}
        slashed = {ActorKey(k.kind, k.value, f"{k.home}/") for k in found if k.home}
        return sorted(found | slashed, key=lambda k: k.text)

    def _take_back(self, conn: Connection, gone: Sequence[str]) -> None:
        rows = [
            {
                "lrs_id": self.connection.id,
                "tenant_id": self.connection.tenant_id,
                "target_id": number,
                "voided_by": DELETED,
            }
            for number in gone
        ]
        insert_missing(conn, void, rows)
        mine = (statement.c.lrs_id == self.connection.id) & statement.c.statement_id.in_(gone)
        conn.execute(update(statement).where(mine).values(raw=None))

    def _give_back(self, conn: Connection, again: Sequence[str]) -> None:
        mine = (void.c.lrs_id == self.connection.id) & void.c.target_id.in_(again)
        conn.execute(delete(void).where(mine, void.c.voided_by == DELETED))

    def _settle(self, conn: Connection, numbers: Sequence[str]) -> None:
        tenant_id = self.connection.tenant_id
        mine = (evidence.c.tenant_id == tenant_id) & evidence.c.statement_id.in_(numbers)
        groups = set(conn.execute(select(evidence.c.group_key).where(mine)).scalars())
        changed = settle_groups(conn, groups)
        SqlJobs(conn).enqueue_all("refold", sorted(changed), self.clock())

    def _fence(self, conn: Connection) -> None:
        PullLease(self.database, self.connection.id).fence(conn, self.lease)


def _sample(conn: Connection, lrs_id: str) -> list[str]:
    """Return some statements that count, wherever they lie."""
    begin = str(uuid.UUID(int=random.getrandbits(128)))
    query = _kept(lrs_id).order_by(statement.c.statement_id).limit(SAMPLE)
    behind = list(conn.execute(query.where(statement.c.statement_id >= begin)).scalars())
    first = list(conn.execute(query).scalars())
    return list(dict.fromkeys([*behind, *first]))[:SAMPLE]


def _kept(lrs_id: str) -> Select[str]:
    voided = exists().where(
        void.c.lrs_id == statement.c.lrs_id, void.c.target_id == statement.c.statement_id
    )
    return select(statement.c.statement_id).where(
        statement.c.lrs_id == lrs_id,
        statement.c.state == "kept",
        statement.c.learner_id.is_not(None),
        ~voided,
    )


def _counting(conn: Connection, lrs_id: str, learner_id: str) -> set[str]:
    mine = _kept(lrs_id).where(statement.c.learner_id == learner_id)
    return set(conn.execute(mine).scalars())


def _taken_back(conn: Connection, lrs_id: str, learner_id: str) -> set[str]:
    query = (
        select(void.c.target_id)
        .join(
            statement,
            (statement.c.lrs_id == void.c.lrs_id) & (statement.c.statement_id == void.c.target_id),
        )
        .where(void.c.lrs_id == lrs_id, void.c.voided_by == DELETED)
        .where(statement.c.learner_id == learner_id)
    )
    return set(conn.execute(query).scalars())


def _next_learner(conn: Connection, lrs_id: str) -> Select[str]:
    mine = (lrs_round.c.lrs_id == lrs_id) & (lrs_round.c.kind == DELETED)
    place = conn.execute(select(lrs_round.c.place).where(mine)).scalar()
    query = select(statement.c.learner_id).where(
        statement.c.lrs_id == lrs_id, statement.c.learner_id.is_not(None)
    )
    if place is not None:
        query = query.where(statement.c.learner_id > place)
    return query.order_by(statement.c.learner_id).limit(1)
