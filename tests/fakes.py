"""An in-memory store. Shipped test code, not a mock: it passes tests/integration/store as well.

`begin` works on a copy and keeps it only if nothing was raised, so a flow that fails half-way
leaves nothing behind, as in the real store.
"""

import copy
import uuid
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from competency.evidence import Evidence, Source
from competency.path import PathState
from competency.provider import PersonBy
from competency.soll import SollVersion, State
from competency.workshop import Group
from lti_tool.errors import NotFound
from lti_tool.ports import (
    Asked,
    Attempt,
    Delivery,
    LaunchPlace,
    Learner,
    LrsTarget,
    OwnRole,
    Recommendation,
    Recorded,
    Reflected,
    RegisteredProvider,
    Round,
    Seat,
    Share,
    StoredPath,
    StoredProfile,
    Tenant,
    TenantSettings,
    Workshop,
)


@dataclass
class Memory:
    """Everything that is stored, by area."""

    tenants: dict[str, Tenant] = field(default_factory=dict)
    activities: dict[str, dict[str, str]] = field(default_factory=dict)
    learners: dict[str, Learner] = field(default_factory=dict)
    places: dict[str, tuple[LaunchPlace, ...]] = field(default_factory=dict)
    attempts: list[Attempt] = field(default_factory=list)
    questions: dict[tuple[str, int], Asked] = field(default_factory=dict)
    reflections: dict[tuple[str, str], tuple[str, Reflected]] = field(default_factory=dict)
    evidence: dict[str, tuple[str, Recorded, bool]] = field(default_factory=dict)
    completions: dict[str, dict[str, datetime]] = field(default_factory=dict)
    tutorials: dict[str, dict[str, datetime]] = field(default_factory=dict)
    profiles: dict[str, StoredProfile] = field(default_factory=dict)
    paths: dict[str, StoredPath] = field(default_factory=dict)
    recommendations: list[Recommendation] = field(default_factory=list)
    outbox: dict[str, tuple[Delivery, str]] = field(default_factory=dict)
    shares: dict[str, Share] = field(default_factory=dict)
    targets: dict[str, tuple[LrsTarget, ...]] = field(default_factory=dict)
    jobs: dict[tuple[str, str], Any] = field(default_factory=dict)
    audit: list[tuple[str, str, Any]] = field(default_factory=list)
    soll: dict[str, SollVersion] = field(default_factory=dict)
    roles: dict[tuple[str, str], OwnRole] = field(default_factory=dict)
    workshops: dict[str, Workshop] = field(default_factory=dict)
    rounds: dict[tuple[str, int], Round] = field(default_factory=dict)
    seats: dict[str, Seat] = field(default_factory=dict)  # by secret
    votes: dict[tuple[str, int, str], int | None] = field(default_factory=dict)
    providers: dict[tuple[str, str], RegisteredProvider] = field(default_factory=dict)
    codes: dict[str, tuple[str, str]] = field(default_factory=dict)  # code -> tenant and learner
    accounts: dict[tuple[str, str, str, str], str] = field(default_factory=dict)


@dataclass
class FakeTenants:
    m: Memory

    def get(self, tenant_id: str) -> Tenant:
        return self.m.tenants[tenant_id]

    def change(self, tenant_id: str, settings: TenantSettings) -> None:
        self.m.tenants[tenant_id] = replace(self.m.tenants[tenant_id], settings=settings)

    def activities(self, tenant_id: str) -> Mapping[str, str]:
        return self.m.activities.get(tenant_id, {})


@dataclass
class FakeLearners:
    m: Memory

    def get(self, learner_id: str) -> Learner:
        if learner_id not in self.m.learners:
            raise NotFound("There is no such learner.")
        return self.m.learners[learner_id]

    def save(self, learner: Learner, now: datetime) -> None:
        self.m.learners[learner.id] = learner

    def lock(self, learner_id: str) -> Learner:
        return self.get(learner_id)  # there is one writer

    def places(self, learner_id: str) -> tuple[LaunchPlace, ...]:
        return self.m.places.get(learner_id, ())

    def mark(self, learner_id: str) -> str:
        return f"erased:{learner_id}"

    def erase(self, learner_id: str) -> Mapping[str, int]:
        gone = int(self.m.learners.pop(learner_id, None) is not None)
        mine = [a.id for a in self.m.attempts if a.learner_id == learner_id]
        self.m.attempts = [a for a in self.m.attempts if a.id not in mine]
        self.m.questions = {k: q for k, q in self.m.questions.items() if k[0] not in mine}
        self.m.evidence = {k: e for k, e in self.m.evidence.items() if e[0] != learner_id}
        self.m.paths = {k: p for k, p in self.m.paths.items() if p.learner_id != learner_id}
        self.m.profiles.pop(learner_id, None)
        self.m.shares = {k: s for k, s in self.m.shares.items() if s.learner_id != learner_id}
        self.m.outbox = {k: d for k, d in self.m.outbox.items() if d[0].learner_id != learner_id}
        return {"learner": gone}

    def unseen_since(self, before: datetime, most: int) -> tuple[str, ...]:
        return ()  # nobody's clock is kept in memory

    def counts(self, learner_id: str) -> Mapping[str, int]:
        return {table: len(rows) for table, rows in self.rows(learner_id).items()}

    def rows(self, learner_id: str) -> Mapping[str, list[Mapping[str, Any]]]:
        return {"learner": [vars(self.m.learners[learner_id])]}


@dataclass
class FakeAttempts:
    m: Memory

    def latest(self, learner_id: str) -> Attempt | None:
        return max(self.of(learner_id), key=lambda a: a.started, default=None)

    def of(self, learner_id: str) -> tuple[Attempt, ...]:
        return tuple(a for a in self._every(learner_id) if not a.unit)

    def exams(self, learner_id: str) -> tuple[Attempt, ...]:
        return tuple(a for a in self._every(learner_id) if a.unit)

    def explained(self, learner_id: str) -> frozenset[str]:
        mine = {a.id for a in self.exams(learner_id)}
        return frozenset(
            q.item for q in self.m.questions.values() if q.attempt_id in mine and q.answered
        )

    def shown(self, tenant_id: str, since: datetime) -> tuple[int, Mapping[str, int]]:
        town = [a for a in self.m.attempts if a.tenant_id == tenant_id and not a.unit]
        counted = {a.id for a in town if a.started >= since}
        asked = (q.item for q in self.m.questions.values() if q.attempt_id in counted)
        return len(counted), Counter(asked)

    def _every(self, learner_id: str) -> list[Attempt]:
        mine = [a for a in self.m.attempts if a.learner_id == learner_id]
        return sorted(mine, key=lambda a: a.started, reverse=True)

    def save(self, attempt: Attempt) -> None:
        self.m.attempts = [a for a in self.m.attempts if a.id != attempt.id] + [attempt]

    def questions(self, attempt_id: str) -> tuple[Asked, ...]:
        return tuple(q for (a, _), q in sorted(self.m.questions.items()) if a == attempt_id)

    def ask(self, learner: Learner, asked: Asked) -> None:
        self.m.questions.setdefault((asked.attempt_id, asked.position), asked)

    def answer(self, asked: Asked) -> bool:
        key = (asked.attempt_id, asked.position)
        if self.m.questions[key].answered is not None:
            return False
        self.m.questions[key] = asked
        return True

    def put_off(self, attempt_id: str, position: int, now: datetime) -> bool:
        found = self.m.questions[attempt_id, position]
        if found.answered is not None or found.put_off is not None:
            return False
        self.m.questions[attempt_id, position] = replace(found, put_off=now)
        return True

    def reflect(
        self, learner: Learner, attempt_id: str, item: str, response: Any, now: datetime
    ) -> None:
        kept = Reflected(attempt_id, item, response, now)
        self.m.reflections[attempt_id, item] = (learner.id, kept)

    def reflections(self, learner_id: str) -> tuple[Reflected, ...]:
        mine = [r for owner, r in self.m.reflections.values() if owner == learner_id]
        return tuple(sorted(mine, key=lambda r: r.answered, reverse=True))

    def forget_reflection(self, learner_id: str, attempt_id: str, item: str) -> bool:
        owner, _ = self.m.reflections.get((attempt_id, item), ("", None))
        if owner == learner_id:
            del self.m.reflections[attempt_id, item]
        return owner == learner_id


@dataclass
class FakeEvidence:
    m: Memory

    def of(self, learner_id: str) -> tuple[Recorded, ...]:
        rows = self.m.evidence.values()
        mine = [r for owner, r, revoked in rows if owner == learner_id and not revoked]
        return tuple(sorted(mine, key=lambda r: r.evidence.order()))

    def add(
        self,
        learner: Learner,
        evidence: tuple[Evidence, ...],
        origin: Mapping[str, Any] | None = None,
    ) -> None:
        for e in evidence:
            recorded = Recorded(e, statement_id=e.id, origin=origin or {})
            self.m.evidence.setdefault(e.id, (learner.id, recorded, False))

    def known(self, ids: Collection[str]) -> frozenset[str]:
        return frozenset(self.m.evidence).intersection(ids)

    def expired(self, now: datetime) -> tuple[str, ...]:
        computed = {owner: p.computed for owner, p in self.m.profiles.items()}
        over = [
            owner
            for owner, r, _ in self.m.evidence.values()
            if owner in computed and r.evidence.until and computed[owner] < r.evidence.until <= now
        ]
        return tuple(sorted(set(over)))

    def drop_assessment(self, learner_id: str, but: Collection[str] = ()) -> None:
        self.m.evidence = {
            k: row
            for k, row in self.m.evidence.items()
            if k in but or row[0] != learner_id or row[1].evidence.source is not Source.ASSESSMENT
        }

    def completed_units(self, learner_id: str) -> Mapping[str, datetime]:
        return self.m.completions.get(learner_id, {})

    def hold(self, learner: Learner, unit: str, at: datetime) -> None:
        self.m.tutorials.setdefault(learner.id, {})[unit] = at

    def held(self, learner_id: str) -> Mapping[str, datetime]:
        return self.m.tutorials.get(learner_id, {})

    def revoke(self, learner_id: str, evidence_id: str) -> bool:
        owner, recorded, _ = self.m.evidence.get(evidence_id, ("", None, False))
        if owner == learner_id and recorded is not None:
            self.m.evidence[evidence_id] = (owner, recorded, True)
        return owner == learner_id

    def revoked(self, learner_id: str) -> tuple[Recorded, ...]:
        rows = self.m.evidence.values()
        mine = [r for owner, r, revoked in rows if owner == learner_id and revoked]
        return tuple(sorted(mine, key=lambda r: r.evidence.order()))

    def restore(self, learner_id: str, evidence_id: str) -> bool:
        owner, recorded, _ = self.m.evidence.get(evidence_id, ("", None, False))
        if owner == learner_id and recorded is not None:
            again = replace(recorded, counter_statement="")
            self.m.evidence[evidence_id] = (owner, again, False)
        return owner == learner_id

    def counter(self, learner_id: str, evidence_id: str, text: str) -> bool:
        owner, recorded, revoked = self.m.evidence.get(evidence_id, ("", None, False))
        if owner == learner_id and recorded is not None:
            changed = replace(recorded, counter_statement=text)
            self.m.evidence[evidence_id] = (owner, changed, revoked)
        return owner == learner_id


@dataclass
class FakeProfiles:
    m: Memory

    def get(self, learner_id: str) -> StoredProfile | None:
        return self.m.profiles.get(learner_id)

    def save(self, learner: Learner, stored: StoredProfile) -> None:
        self.m.profiles[learner.id] = stored


@dataclass
class FakePaths:
    m: Memory

    def current(self, learner_id: str) -> StoredPath | None:
        return self._newest(learner_id, {PathState.DRAFT, PathState.ACCEPTED})

    def accepted(self, learner_id: str) -> StoredPath | None:
        return self._newest(learner_id, {PathState.ACCEPTED})

    def last_revision(self, learner_id: str) -> int:
        mine = [p.revision for p in self.m.paths.values() if p.learner_id == learner_id]
        return max(mine, default=0)

    def _newest(self, learner_id: str, states: set[PathState]) -> StoredPath | None:
        mine = [
            p
            for p in self.m.paths.values()
            if p.learner_id == learner_id and p.path.state in states
        ]
        return max(mine, key=lambda p: p.revision, default=None)

    def save(self, stored: StoredPath) -> None:
        self.m.paths[stored.id] = stored

    def log(self, recommendation: Recommendation) -> None:
        self.m.recommendations.append(recommendation)

    def withdraw(self, learner_id: str) -> None:
        for key, p in self.m.paths.items():
            if p.learner_id == learner_id:
                path = replace(p.path, state=PathState.WITHDRAWN)
                self.m.paths[key] = replace(p, path=path)


@dataclass
class FakeOutbox:
    m: Memory

    def put(self, delivery: Delivery, now: datetime) -> bool:
        if any(d.dedupe == delivery.dedupe for d, _ in self.m.outbox.values()):
            return False
        self.m.outbox[delivery.id] = (replace(delivery, next_try=now), "pending")
        return True

    def holds(self, dedupe: str) -> bool:
        return any(d.dedupe == dedupe for d, _ in self.m.outbox.values())

    def due(self, now: datetime, limit: int) -> tuple[Delivery, ...]:
        pending = [d for d, state in self.m.outbox.values() if state == "pending"]
        return tuple(d for d in pending if d.next_try and d.next_try <= now)[:limit]

    def claim(self, delivery: Delivery, until: datetime) -> Delivery | None:
        if not self.is_claimed(delivery):
            return None
        claimed = replace(delivery, attempts=delivery.attempts + 1, next_try=until)
        self.m.outbox[delivery.id] = (claimed, "pending")
        return claimed

    def is_claimed(self, delivery: Delivery) -> bool:
        d, state = self.m.outbox.get(delivery.id, (delivery, "gone"))
        return (d.attempts, state) == (delivery.attempts, "pending")

    def delivered(self, delivery_id: str, now: datetime) -> None:
        if delivery_id in self.m.outbox:  # or it was dropped meanwhile
            self.m.outbox[delivery_id] = (self.m.outbox[delivery_id][0], "delivered")

    def failed(
        self, delivery: Delivery, error: str, next_try: datetime | None, now: datetime
    ) -> None:
        if self.is_claimed(delivery):
            tried = replace(delivery, next_try=next_try or now, last_error=error)
            self.m.outbox[delivery.id] = (tried, "pending" if next_try else "dead")

    def supersede(self, learner_id: str, kind: str, target_id: str) -> None:
        old = (learner_id, kind, target_id)
        self.m.outbox = {
            key: (d, state)
            for key, (d, state) in self.m.outbox.items()
            if state == "delivered" or (d.learner_id, d.kind, d.target_id) != old
        }

    def of(self, learner_id: str, kinds: Collection[str]) -> tuple[Delivery, ...]:
        return tuple(
            replace(d, state=state)
            for d, state in self.m.outbox.values()
            if d.learner_id == learner_id and d.kind in kinds
        )

    def drop(self, delivery_id: str) -> None:
        self.m.outbox.pop(delivery_id, None)

    def release(self, learner_id: str, kinds: Collection[str]) -> None:
        for d in self.of(learner_id, kinds):
            if d.state != "delivered":
                self.m.outbox[d.id] = (replace(d, learner_id=""), d.state)

    def lrs_targets(self, tenant_id: str) -> tuple[LrsTarget, ...]:
        return self.m.targets.get(tenant_id, ())


@dataclass
class FakeShares:
    m: Memory

    def of(self, learner_id: str) -> tuple[Share, ...]:
        mine = [s for s in self.m.shares.values() if s.learner_id == learner_id]
        return tuple(sorted(mine, key=lambda s: (s.shared, s.id)))

    def save(self, share: Share) -> None:
        self.m.shares[share.id] = share

    def drop(self, share_id: str) -> None:
        self.m.shares.pop(share_id, None)

    def by_code(self, code: str, now: datetime) -> Share | None:
        good = [s for s in self.m.shares.values() if s.code == code and s.until > now]
        return good[0] if code and good else None

    def over(self, now: datetime) -> tuple[Share, ...]:
        return tuple(s for s in self.m.shares.values() if s.until <= now)


@dataclass
class FakeJobs:
    m: Memory

    def enqueue(
        self, name: str, key: str, payload: Any, now: datetime, run_after: datetime | None = None
    ) -> None:
        self.m.jobs[name, key] = payload


@dataclass
class FakeAudit:
    m: Memory

    def note(
        self, actor: str, action: str, detail: Any, now: datetime, tenant_id: str | None = None
    ) -> None:
        self.m.audit.append((actor, action, detail))


@dataclass
class FakeSoll:
    m: Memory

    def lock(self, tenant_id: str) -> None:
        """There is one writer."""

    def versions(
        self, tenant_id: str, roles: Collection[str] | None = None
    ) -> tuple[SollVersion, ...]:
        mine = [v for v in self.m.soll.values() if v.tenant_id == tenant_id]
        asked = [v for v in mine if roles is None or v.role in roles]
        return tuple(sorted(asked, key=lambda v: (v.role, v.number)))

    def get(self, tenant_id: str, version_id: str) -> SollVersion:
        found = self.m.soll.get(version_id)
        if found is None or found.tenant_id != tenant_id:
            raise NotFound("There is no such version.")
        return found

    def add(self, version: SollVersion) -> None:
        self.m.soll[version.id] = version

    def change(self, version: SollVersion, *, was: State) -> bool:
        stored = self.m.soll.get(version.id)
        if stored is None or stored.state is not was or was is State.APPROVED:
            return False
        self.m.soll[version.id] = version
        return True

    def roles(self, tenant_id: str) -> tuple[OwnRole, ...]:
        return tuple(r for (owner, _), r in sorted(self.m.roles.items()) if owner == tenant_id)

    def put_role(self, tenant_id: str, role: OwnRole) -> None:
        self.m.roles[tenant_id, role.key] = role

    def people(self, tenant_id: str, role: str) -> tuple[str, ...]:
        everybody = self.m.learners.values()
        return tuple(p.id for p in everybody if p.tenant_id == tenant_id and role in p.roles)


@dataclass
class FakeWorkshops:
    m: Memory

    def add(self, workshop: Workshop) -> None:
        self.m.workshops[workshop.id] = workshop

    def of(self, tenant_id: str) -> tuple[Workshop, ...]:
        mine = [w for w in self.m.workshops.values() if w.tenant_id == tenant_id]
        return tuple(sorted(mine, key=lambda w: w.made.at, reverse=True))

    def get(self, tenant_id: str, workshop_id: str) -> Workshop:
        found = self.m.workshops.get(workshop_id)
        if found is None or found.tenant_id != tenant_id:
            raise NotFound("There is no such workshop.")
        return found

    def lock(self, tenant_id: str, workshop_id: str) -> Workshop:
        return self.get(tenant_id, workshop_id)

    def save(self, workshop: Workshop) -> None:
        self.m.workshops[workshop.id] = workshop

    def by_code(self, code: str, now: datetime) -> Workshop | None:
        good = (w for w in self.m.workshops.values() if w.state == "open" and w.code == code)
        return next((w for w in good if code and w.expires and w.expires > now), None)

    def rounds(self, workshop_id: str) -> tuple[Round, ...]:
        return tuple(r for (owner, _), r in sorted(self.m.rounds.items()) if owner == workshop_id)

    def open_round(self, workshop_id: str, opened: Round) -> None:
        self.m.rounds[workshop_id, opened.number] = opened

    def close_round(self, workshop_id: str, number: int, now: datetime) -> bool:
        found = self.m.rounds[workshop_id, number]
        groups = {s.id: s.group for s in self.m.seats.values() if s.workshop_id == workshop_id}
        mine = [k for k in self.m.votes if k[0] in groups and k[1] == number]
        tally: dict[str, dict[Group, dict[int, int]]] = {}
        for seat, _, code in mine:
            step = self.m.votes.pop((seat, number, code))
            if step is not None:
                counts = tally.setdefault(code, {}).setdefault(groups[seat], {})
                counts[step] = counts.get(step, 0) + 1
        if found.closed is None:
            self.m.rounds[workshop_id, number] = replace(found, closed=now, tally=tally)
        return found.closed is None

    def take_seat(self, workshop: Workshop, group: Group) -> str:
        secret = str(uuid.uuid4())
        self.m.seats[secret] = Seat(str(uuid.uuid4()), workshop.id, group)
        return secret

    def seat(self, secret: str, *, voting: bool = False) -> tuple[Seat, Workshop] | None:
        found = self.m.seats.get(secret)
        return (found, self.m.workshops[found.workshop_id]) if found else None

    def seats(self, workshop_id: str) -> Mapping[Group, int]:
        taken = [s.group for s in self.m.seats.values() if s.workshop_id == workshop_id]
        return {group: taken.count(group) for group in Group}

    def clear(self, workshop_id: str) -> None:
        gone = {s.id for s in self.m.seats.values() if s.workshop_id == workshop_id}
        self.m.votes = {k: v for k, v in self.m.votes.items() if k[0] not in gone}
        self.m.seats = {k: s for k, s in self.m.seats.items() if s.id not in gone}

    def vote(self, seat: Seat, number: int, code: str, step: int | None) -> None:
        self.m.votes[seat.id, number, code] = step

    def votes(self, seat: Seat, number: int) -> Mapping[str, int | None]:
        found = self.m.votes.items()
        return {code: v for (who, n, code), v in found if (who, n) == (seat.id, number)}

    def finished(self, workshop_id: str, number: int, count: int) -> Mapping[Group, int]:
        here = [s for s in self.m.seats.values() if s.workshop_id == workshop_id]
        done = [s.group for s in here if len(self.votes(s, number)) >= count]
        return {group: done.count(group) for group in Group}


@dataclass
class FakeProviders:
    m: Memory

    def all(self, tenant_id: str) -> tuple[RegisteredProvider, ...]:
        mine = [r for r in self.m.providers.values() if r.tenant_id == tenant_id]
        return tuple(sorted(mine, key=lambda r: (r.retired is not None, r.key)))

    def get(self, tenant_id: str, key: str) -> RegisteredProvider | None:
        return self.m.providers.get((tenant_id, key))

    def put(self, registered: RegisteredProvider) -> None:
        self.m.providers[registered.tenant_id, registered.key] = registered

    def code(self, learner_id: str) -> str:
        return next((c for c, (_, owner) in self.m.codes.items() if owner == learner_id), "")

    def give_code(self, learner: Learner, code: str, now: datetime) -> None:
        self.m.codes = {c: o for c, o in self.m.codes.items() if o[1] != learner.id}
        self.m.codes[code] = (learner.tenant_id, learner.id)

    def people(
        self, tenant_id: str, by: PersonBy, issuer: str, names: Collection[str]
    ) -> Mapping[str, str]:
        if by is PersonBy.CODE:
            mine = {c: owner for c, (t, owner) in self.m.codes.items() if t == tenant_id}
            return {n: mine[n] for n in names if n in mine}
        known = self.m.accounts
        keys = {n: (tenant_id, issuer, by.value, n) for n in names}
        return {n: known[key] for n, key in keys.items() if key in known}


class FakeWork:
    def __init__(self, memory: Memory) -> None:
        self.tenants = FakeTenants(memory)
        self.learners = FakeLearners(memory)
        self.attempts = FakeAttempts(memory)
        self.evidence = FakeEvidence(memory)
        self.profiles = FakeProfiles(memory)
        self.paths = FakePaths(memory)
        self.outbox = FakeOutbox(memory)
        self.shares = FakeShares(memory)
        self.jobs = FakeJobs(memory)
        self.audit = FakeAudit(memory)
        self.soll = FakeSoll(memory)
        self.workshops = FakeWorkshops(memory)
        self.providers = FakeProviders(memory)


class FakeStore:
    """The store of `ports.Store`, in memory."""

    def __init__(self) -> None:
        self.memory = Memory()

    @contextmanager
    def begin(self) -> Iterator[FakeWork]:
        draft = copy.deepcopy(self.memory)
        yield FakeWork(draft)
        self.memory = draft

    @contextmanager
    def read(self) -> Iterator[FakeWork]:
        yield FakeWork(copy.deepcopy(self.memory))
