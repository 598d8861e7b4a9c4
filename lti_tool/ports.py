"""What the flows need from the outside, as protocols, and the values that cross these doors.

A flow opens one unit of work, reads, computes with pure functions, and writes once:

    with s.store.begin() as work:
        learner = work.learners.get(learner_id)

`lti_tool.store.work` implements it on SQLite and PostgreSQL, `tests/fakes.py` in memory; the same
contract tests run on all three.
"""

from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from competency.blueprint import Blueprint
from competency.evidence import Evidence
from competency.packs import Content
from competency.path import LearningPath, Wishes
from competency.provider import PersonBy
from competency.soll import Granularity, Signed, SollVersion, State
from competency.workshop import Counts, Group
from lti_tool.errors import RoadmapError
from lti_tool.privacy import PersonData

RESOURCE_LINK = "LtiResourceLinkRequest"
Json = Any  # a JSON document: dict, list, str, int, float, bool, None


@dataclass(frozen=True, slots=True)
class TenantSettings:
    """Switches and texts of a municipality; everything that leaves the house is off by default."""

    ags: bool = False  # grades: path share and assessment done, never a level
    nrps: bool = False  # how many learners a course has, for its instructor; nobody's name
    lrs_embedded: bool = False
    write_back: bool = True  # path statements to the tenant's LRSs
    plan_service: bool = False  # learning plan in the LMS
    shared_devices: bool = False  # every launch is on a tablet that others use next
    feedback: str = "end"  # what fits is explained at the end, or after "each" question
    min_group_size: int = 8
    contact: str = ""  # whom to ask
    controller: str = ""
    officer: str = ""  # Datenschutzbeauftragte*r
    accessibility_contact: str = ""
    council_required: bool = True  # no Soll in force without "Personalrat beteiligt am"
    fixed_form: bool = False  # the same questions for all of one role; answers change only results
    four_eyes: bool = False  # who approves a Soll is not who handed it in
    exam_days: int = 0  # from a tutorial to its exam, 7 to 28; 0: as the catalogue says
    # role -> {unit: {"by": whom, "at": ISO date}}; set by a named human, never by a rule (law L09)
    mandatory: Mapping[str, Mapping[str, Mapping[str, str]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tenant:
    id: str
    key: str
    name: str
    land: str
    settings: TenantSettings = TenantSettings()


@dataclass(frozen=True, slots=True)
class Learner:
    """A person as we know them: an id. No name, no mail."""

    id: str
    tenant_id: str
    language: str = "de"
    state: str = "active"  # active | objected (no proposals) | restricted
    notice_version: str | None = None
    practised: bool = False
    plain: bool = False  # questions in Einfache Sprache, where there is such a text
    roles: tuple[str, ...] = ()  # role keys, the main role first
    wishes: Wishes | None = None
    excluded_tests: frozenset[str] = frozenset()  # providers whose test is not wanted in the path
    desired_role: str = ""  # a role she would like to have; never mixed with the Soll of today


@dataclass(frozen=True, slots=True)
class Launch:
    """One launch: who, from where, into which course. Its secret is not here."""

    id: str
    tenant: Tenant
    learner: Learner
    platform_id: str
    platform_kind: str
    context_id: str
    context_title: str
    link_id: str
    instructor: bool
    locale: str
    role: str  # custom parameter `role`, or ""
    target: str
    services: Mapping[str, Json]  # AGS and NRPS addresses of this link
    created: datetime
    page: str = ""  # which of our pages it is for, "" for the start
    staff: bool = False  # has a granted right; the LTI role says nothing about it
    shared: bool = False  # on a device that several people use: shorter, and logged out for good

    @property
    def tenant_id(self) -> str:
        return self.tenant.id


@dataclass(frozen=True, slots=True)
class Attempt:
    """One run through the questions. Versions and Soll are frozen when it starts.

    `unit` makes it the exam of a Lerneinheit; its target says how many have to fit, and at last
    how many did.
    """

    id: str
    tenant_id: str
    learner_id: str
    state: str  # open | finished
    versions: Mapping[str, str]
    target: Mapping[str, Json]
    answered: int
    started: datetime
    touched: datetime
    finished: datetime | None = None
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that was put, and its answer if there is one."""

    attempt_id: str
    position: int  # from 1
    item: str
    order: tuple[int, ...]  # option indices as shown
    reason: Mapping[str, Json]  # why this question
    asked: datetime
    response: Json = None  # None: not answered yet, or erased after its retention
    category: int | None = None
    answered: datetime | None = None
    shown: str = ""  # which wording was answered, a `competency.items.Wording`; "": not known
    put_off: datetime | None = None  # a task to be done later: asked, but nobody waits for it


@dataclass(frozen=True, slots=True)
class Reflected:
    """A private answer (K.1), as its owner finds it again."""

    attempt_id: str
    item: str
    response: Json
    answered: datetime


@dataclass(frozen=True, slots=True)
class Recorded:
    """A piece of evidence with what the learner's own page shows beside it."""

    evidence: Evidence
    statement_id: str = ""
    counter_statement: str = ""
    origin: Mapping[str, Json] = field(default_factory=dict)  # `competency.external.origin_of`


@dataclass(frozen=True, slots=True)
class StoredProfile:
    """The last fold: JSON of the profile and when it was computed."""

    document: Json
    covariance: Json
    computed: datetime


@dataclass(frozen=True, slots=True)
class StoredPath:
    id: str  # also the assignment UUID
    learner_id: str
    tenant_id: str
    revision: int
    path: LearningPath
    made: datetime
    accepted: datetime | None = None
    recommendation_id: str = ""


@dataclass(frozen=True, slots=True)
class Recommendation:
    """The log row of one plan (law L34): inputs as versions and a hash, never raw answers."""

    id: str
    tenant_id: str
    learner_id: str
    input_hash: str
    versions: Mapping[str, str]
    value: float
    bound: float
    solver: str
    ms: float
    output: Json
    made: datetime


@dataclass(frozen=True, slots=True)
class Delivery:
    """An outbox row: one thing to send, safe to send twice."""

    id: str
    tenant_id: str
    learner_id: str
    # statements | document | asserted | levels | score | result | plan, and each with "-withdrawn"
    kind: str
    target_id: str  # an LRS or a platform
    dedupe: str  # unique: the same thing is enqueued once
    body: Json
    attempts: int = 0
    next_try: datetime | None = None
    last_error: str = ""
    state: str = "pending"  # pending | delivered | dead


@dataclass(frozen=True, slots=True)
class Said:
    """What is said of one competence or area when it is shared: never more than this."""

    code: str
    low: int  # levels 0 to 4: it is one from low to high
    high: int
    confidence: float  # P(it is one of these), to two decimals
    evidence: int  # how many pieces
    statements: tuple[str, ...] = ()  # ids of statements in an LRS that are among them


@dataclass(frozen=True, slots=True)
class Share:
    """What a learner shares on purpose, with whom and until when. Taken back, it is deleted."""

    id: str
    tenant_id: str
    learner_id: str
    recipient: str  # lrs | person
    to: str  # an LRS by id, or who the person is: one of flows.sharing.PEOPLE
    topics: tuple[str, ...]  # competences and areas she chose
    follow: bool  # a new measurement is shared too
    said: tuple[Said, ...]
    shared: datetime
    until: datetime
    revision: int = 1  # grows with each change of what is said
    code: str = field(default="", repr=False)  # of a person


@dataclass(frozen=True, slots=True)
class LaunchPlace:
    """Where a learner may be reached in an LMS: platform, sub and the services of the last link."""

    platform_id: str
    platform_kind: str
    issuer: str
    subject: str
    context_id: str
    link_id: str
    services: Mapping[str, Json]
    plan_url: str
    idents: tuple[str, ...] = ()  # ILIAS's other names of this person, the newest first
    instructor: bool = False  # came last as one: Moodle refuses a score for a teacher
    page: str = ""  # which of our pages the link is for, "" for the start


@dataclass(frozen=True, slots=True)
class LrsTarget:
    id: str
    name: str


#: Rights that a named human gives to a person; never read from an LTI launch (decisions.md 1.8).
STAFF_ROLES = ("admin", "hr", "manager", "lotse", "provider", "staff-council", "evaluator")


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something that is audited, and how far it may reach."""

    name: str  # cli, staff:<learner id>, link:<number>
    tenant_id: str | None = None  # None: the whole installation, at the command line

    def reaches(self, tenant_id: str) -> bool:
        return self.tenant_id is None or self.tenant_id == tenant_id


@dataclass(frozen=True, slots=True)
class Grant:
    """A right in force: a person by id, and who gave it."""

    id: str
    tenant_id: str
    learner_id: str
    role: str  # one of STAFF_ROLES
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class StaffSession:
    """Somebody in the administration of one municipality. `learner_id` is "" behind a link."""

    id: str
    tenant: Tenant
    learner_id: str
    platform_id: str
    roles: frozenset[str]
    language: str
    created: datetime

    @property
    def actor(self) -> Actor:
        name = f"staff:{self.learner_id}" if self.learner_id else f"link:{self.id[:8]}"
        return Actor(name, self.tenant.id)


@dataclass(frozen=True, slots=True)
class OwnRole:
    """A role that a municipality added to the pack's, or one of the pack's that it retired."""

    key: str
    made: Signed
    title: str = ""  # "": as in the pack
    hint: str = ""
    workplace: str = "mixed"
    additional: bool = False
    alike: str = ""  # role of the pack whose scenes fit
    retired: datetime | None = None


@dataclass(frozen=True, slots=True)
class Agreed:
    """What a workshop settled on for one competence or area, and why."""

    step: int
    reason: str


@dataclass(frozen=True)
class Workshop:
    """A workshop about one role. `code` is "" once nobody can come in any more."""

    id: str
    tenant_id: str
    role: str
    granularity: Granularity
    scale: int
    framework: str
    invited: Mapping[Group, int]
    made: Signed
    state: str = "open"  # open | done | dropped
    code: str = field(default="", repr=False)
    expires: datetime | None = None
    agreed: Mapping[str, Agreed] = field(default_factory=dict)
    version_id: str = ""
    ended: datetime | None = None


@dataclass(frozen=True)
class Round:
    """One blind vote. `tally`: code -> group -> votes; empty as long as it is open."""

    number: int
    codes: tuple[str, ...]
    opened: datetime
    closed: datetime | None = None
    tally: Mapping[str, Mapping[Group, Counts]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RegisteredProvider:
    """A test provider as it is stored; `document` is of `competency.provider`."""

    tenant_id: str
    key: str
    version: int
    document: Mapping[str, Json]
    made: Signed
    retired: datetime | None = None


@dataclass(frozen=True, slots=True)
class Seat:
    """Somebody who votes: a number, and what kind of people they belong to."""

    id: str
    workshop_id: str
    group: Group


class Tenants(Protocol):
    def get(self, tenant_id: str) -> Tenant: ...
    def change(self, tenant_id: str, settings: TenantSettings) -> None: ...
    def activities(self, tenant_id: str) -> Mapping[str, str]:
        """Return the LMS address of each Lerneinheit that is mapped to an activity."""
        ...


class Learners(Protocol):
    def get(self, learner_id: str) -> Learner: ...
    def save(self, learner: Learner, now: datetime) -> None: ...
    def lock(self, learner_id: str) -> Learner:
        """Let whatever else writes about this person wait until this transaction ends.

        Returns the person as she is now: what was read before may be old.

        :raises NotFound: she was deleted meanwhile.
        """
        ...

    def places(self, learner_id: str) -> tuple[LaunchPlace, ...]: ...
    def mark(self, learner_id: str) -> str:
        """Return a keyed digest that tells this person in a backup, and nothing to anybody else."""
        ...

    def erase(self, learner_id: str) -> Mapping[str, int]: ...
    def unseen_since(self, before: datetime, most: int) -> tuple[str, ...]:
        """Return who neither came nor showed any activity since, the longest unseen first."""
        ...

    def counts(self, learner_id: str) -> Mapping[str, int]:
        """Return how many rows with this person's data there are, by table."""
        ...

    def rows(self, learner_id: str) -> Mapping[str, list[Mapping[str, Json]]]:
        """Return every row with this person's data by table, for the export."""
        ...


class Links(Protocol):
    """One person in two learning portals."""

    def offer(self, learner: Learner, code: str, until: datetime) -> None:
        """Keep a code, by its digest, in place of an older one."""
        ...

    def offered(self, tenant_id: str, code: str, now: datetime) -> str | None:
        """Return whose code it is, if it is good now."""
        ...

    def use(self, tenant_id: str, code: str) -> None: ...
    def course(self, learner_id: str) -> str:
        """Return the title of the course of the newest launch."""
        ...

    def hand_over(self, gone_id: str, kept_id: str, now: datetime) -> None:
        """Let identities, launches, statements and what was learned belong to the other."""
        ...

    def known(self, platform_id: str, subject: str) -> str | None:
        """Return who has this id at this platform."""
        ...

    def expect(self, kept: Learner, platform_id: str, subject: str, now: datetime) -> None:
        """Let whoever first comes with this id be that person."""
        ...


class Attempts(Protocol):
    def latest(self, learner_id: str) -> Attempt | None: ...
    def of(self, learner_id: str) -> tuple[Attempt, ...]:
        """Return every attempt of the assessment, the newest first."""
        ...

    def exams(self, learner_id: str) -> tuple[Attempt, ...]:
        """Return every run through an exam, the newest first."""
        ...

    def explained(self, learner_id: str) -> frozenset[str]:
        """Return the questions of exams that were answered: it was told what is right."""
        ...

    def shown(self, tenant_id: str, since: datetime) -> tuple[int, Mapping[str, int]]:
        """Return how many attempts a municipality had since then, and in how many of them each
        question was shown; reviews do not count."""
        ...

    def save(self, attempt: Attempt) -> None: ...
    def questions(self, attempt_id: str) -> tuple[Asked, ...]: ...
    def ask(self, learner: Learner, asked: Asked) -> None: ...
    def answer(self, asked: Asked) -> bool:
        """Store the answer; False if this position already has one (nothing is changed)."""
        ...

    def put_off(self, attempt_id: str, position: int, now: datetime) -> bool:
        """Let nobody wait for this answer; False if it is there, or was put off before."""
        ...

    def reflect(
        self, learner: Learner, attempt_id: str, item: str, response: Json, now: datetime
    ) -> None: ...
    def reflections(self, learner_id: str) -> tuple[Reflected, ...]:
        """Return every private answer, the newest first."""
        ...

    def forget_reflection(self, learner_id: str, attempt_id: str, item: str) -> bool: ...


class EvidenceStore(Protocol):
    def of(self, learner_id: str) -> tuple[Recorded, ...]:
        """Return the evidence that counts, in order."""
        ...

    def add(
        self,
        learner: Learner,
        evidence: tuple[Evidence, ...],
        origin: Mapping[str, Json] | None = None,
    ) -> None:
        """Store what is not there yet. `origin`: of a result of another test."""
        ...

    def known(self, ids: Collection[str]) -> frozenset[str]:
        """Return which of these ids are stored, counting or not."""
        ...

    def expired(self, now: datetime) -> tuple[str, ...]:
        """Return whose profile still rests on a result that holds no more, by id."""
        ...

    def drop_assessment(self, learner_id: str, but: Collection[str] = ()) -> None:
        """Forget the evidence of answers, but for these ids."""
        ...

    def completed_units(self, learner_id: str) -> Mapping[str, datetime]: ...
    def hold(self, learner: Learner, unit: str, at: datetime) -> None:
        """Note when the tutorial of a unit is, in place of what was noted before."""
        ...

    def held(self, learner_id: str) -> Mapping[str, datetime]:
        """Return when the tutorials of units are that were noted."""
        ...

    def revoke(self, learner_id: str, evidence_id: str) -> bool: ...
    def counter(self, learner_id: str, evidence_id: str, text: str) -> bool: ...
    def revoked(self, learner_id: str) -> tuple[Recorded, ...]:
        """Return the evidence that the learner took out of the count."""
        ...

    def restore(self, learner_id: str, evidence_id: str) -> bool:
        """Take back what the learner said against it: it counts, with no words beside it."""
        ...


class Profiles(Protocol):
    def get(self, learner_id: str) -> StoredProfile | None: ...
    def save(self, learner: Learner, stored: StoredProfile) -> None: ...


class Paths(Protocol):
    def current(self, learner_id: str) -> StoredPath | None:
        """Return the newest path that is a draft or accepted."""
        ...

    def accepted(self, learner_id: str) -> StoredPath | None: ...
    def last_revision(self, learner_id: str) -> int:
        """Return the highest revision there ever was, withdrawn ones too; 0 without a path."""
        ...

    def save(self, stored: StoredPath) -> None: ...
    def log(self, recommendation: Recommendation) -> None: ...
    def withdraw(self, learner_id: str) -> None: ...


class Outbox(Protocol):
    def put(self, delivery: Delivery, now: datetime) -> bool: ...
    def holds(self, dedupe: str) -> bool:
        """Return whether this was put before, delivered or not."""
        ...

    def due(self, now: datetime, limit: int) -> tuple[Delivery, ...]: ...
    def claim(self, delivery: Delivery, until: datetime) -> Delivery | None:
        """Take it for one try, counted now; None if somebody else took it since it was read.

        Whoever reads later finds it again after `until`.
        """
        ...

    def is_claimed(self, delivery: Delivery) -> bool:
        """Return whether a claim still holds: nobody else has taken it since."""
        ...

    def delivered(self, delivery_id: str, now: datetime) -> None: ...
    def failed(
        self, delivery: Delivery, error: str, next_try: datetime | None, now: datetime
    ) -> None:
        """Note the failure of a claimed try; of a try that was taken over it says nothing."""
        ...

    def supersede(self, learner_id: str, kind: str, target_id: str) -> None:
        """Drop what of this kind has not been delivered: something newer takes its place."""
        ...

    def of(self, learner_id: str, kinds: Collection[str]) -> tuple[Delivery, ...]:
        """Return what was put of these kinds for this person, sent or not, oldest first."""
        ...

    def drop(self, delivery_id: str) -> None:
        """Forget this: it is not sent any more, and that it was is not known any more."""
        ...

    def release(self, learner_id: str, kinds: Collection[str]) -> None:
        """Let what waits of these kinds belong to nobody, sealed: it outlives the person."""
        ...

    def retry_dead(
        self, now: datetime, tenant_id: str | None = None, kind: str = "", target_id: str = ""
    ) -> int:
        """Make dead letters pending again, all or of one kind and receiver; return how many."""
        ...

    def lrs_targets(self, tenant_id: str) -> tuple[LrsTarget, ...]: ...


class DeliveryFailed(RoadmapError):
    """Something could not be sent; `retry` says whether trying again can help.

    `away`: the receiver was not there or busy, so that nothing is known against what we send.
    """

    def __init__(
        self, message: str, *, retry: bool, wait_s: float | None = None, away: bool = False
    ) -> None:
        super().__init__(message)
        self.retry = retry
        self.away = away
        self.wait_s = wait_s  # what the other side asked for (Retry-After)


Sender = Callable[[Delivery], None]


class Shares(Protocol):
    def of(self, learner_id: str) -> tuple[Share, ...]:
        """Return what this person shares, the oldest first."""
        ...

    def save(self, share: Share) -> None: ...
    def drop(self, share_id: str) -> None: ...
    def by_code(self, code: str, now: datetime) -> Share | None:
        """Return what a code opens now."""
        ...

    def over(self, now: datetime) -> tuple[Share, ...]:
        """Return what was shared until a moment that is past."""
        ...


class Jobs(Protocol):
    def enqueue(
        self, name: str, key: str, payload: Json, now: datetime, run_after: datetime | None = None
    ) -> None: ...


class Audit(Protocol):
    def note(
        self, actor: str, action: str, detail: Json, now: datetime, tenant_id: str | None = None
    ) -> None: ...


class Staff(Protocol):
    """Rights, one-time links and sessions of the administration."""

    def grants(self, tenant_id: str) -> tuple[Grant, ...]:
        """Return the rights in force, the oldest first."""
        ...

    def roles(self, learner_id: str) -> frozenset[str]: ...
    def give(self, grant: Grant) -> None: ...
    def take(self, learner_id: str, role: str, by: str, now: datetime) -> bool:
        """Revoke; False if the person does not have it."""
        ...

    def make_link(self, tenant_id: str, now: datetime, until: datetime) -> str:
        """Return a new secret code; only its digest is kept."""
        ...

    def use_link(self, code: str, now: datetime) -> str | None:
        """Return the tenant of a link that is good now, and is used by this."""
        ...

    def use_ticket(self, number: str, now: datetime) -> bool:
        """Return whether this ticket was not used before; now it is."""
        ...

    def open(
        self, tenant_id: str, learner_id: str, platform_id: str, language: str, now: datetime
    ) -> "Admitted": ...


class SollStore(Protocol):
    """Versions of the Soll and a municipality's own roles."""

    def lock(self, tenant_id: str) -> None:
        """Let whatever else decides about a Soll here wait until this transaction ends."""
        ...

    def versions(
        self, tenant_id: str, roles: Collection[str] | None = None
    ) -> tuple[SollVersion, ...]:
        """Return all versions, or those of these roles, by role and number."""
        ...

    def get(self, tenant_id: str, version_id: str) -> SollVersion:
        """:raises NotFound: there is none in this municipality."""
        ...

    def add(self, version: SollVersion) -> None: ...
    def change(self, version: SollVersion, *, was: State) -> bool:
        """Write a version that is still in the state `was`; False if not, or if it is approved."""
        ...

    def roles(self, tenant_id: str) -> tuple[OwnRole, ...]: ...
    def put_role(self, tenant_id: str, role: OwnRole) -> None: ...
    def people(self, tenant_id: str, role: str) -> tuple[str, ...]:
        """Return who has chosen this role, by id."""
        ...


class Providers(Protocol):
    """Test providers of a municipality, and how their files name people."""

    def all(self, tenant_id: str) -> "tuple[RegisteredProvider, ...]":
        """Return them by key, those that are not used any more last."""
        ...

    def get(self, tenant_id: str, key: str) -> "RegisteredProvider | None": ...
    def put(self, registered: "RegisteredProvider") -> None: ...
    def code(self, learner_id: str) -> str:
        """Return a person's code for other tests, "" if she has none."""
        ...

    def give_code(self, learner: Learner, code: str, now: datetime) -> None:
        """Keep a code in place of an older one."""
        ...

    def people(
        self, tenant_id: str, by: PersonBy, issuer: str, names: Collection[str]
    ) -> Mapping[str, str]:
        """Return who is meant by each name, by id; of nobody and of several people: not there."""
        ...


class Workshops(Protocol):
    """Workshops, their rounds, and the votes of people whom nobody knows."""

    def add(self, workshop: Workshop) -> None: ...
    def of(self, tenant_id: str) -> tuple[Workshop, ...]:
        """Return the workshops of a municipality, the newest first."""
        ...

    def get(self, tenant_id: str, workshop_id: str) -> Workshop:
        """:raises NotFound: there is none in this municipality."""
        ...

    def lock(self, tenant_id: str, workshop_id: str) -> Workshop:
        """Return it as it is now; votes and whoever moderates wait for each other."""
        ...

    def save(self, workshop: Workshop) -> None:
        """Write everything that may change. Without a code nobody comes in any more."""
        ...

    def by_code(self, code: str, now: datetime) -> Workshop | None:
        """Return the open workshop whose code this is, if it is good now."""
        ...

    def rounds(self, workshop_id: str) -> tuple[Round, ...]:
        """Return the rounds in order."""
        ...

    def open_round(self, workshop_id: str, opened: Round) -> None: ...
    def close_round(self, workshop_id: str, number: int, now: datetime) -> bool:
        """Count the votes of a round and forget them; False if it is closed already."""
        ...

    def take_seat(self, workshop: Workshop, group: Group) -> str:
        """Return the secret of a new seat; only its digest is kept."""
        ...

    def seat(self, secret: str, *, voting: bool = False) -> tuple[Seat, Workshop] | None:
        """Return whose secret it is; `voting`: nobody closes the round meanwhile."""
        ...

    def seats(self, workshop_id: str) -> Mapping[Group, int]: ...
    def clear(self, workshop_id: str) -> None:
        """Forget seats and votes."""
        ...

    def vote(self, seat: Seat, number: int, code: str, step: int | None) -> None:
        """Keep a vote in place of the seat's former one; None: no opinion."""
        ...

    def votes(self, seat: Seat, number: int) -> Mapping[str, int | None]:
        """Return what this seat has voted in a round, by code."""
        ...

    def finished(self, workshop_id: str, number: int, count: int) -> Mapping[Group, int]:
        """Return how many seats have voted on all `count` codes of a round."""
        ...


class Platforms(Protocol):
    def get(self, platform_id: str) -> "Platform": ...
    def set_state(self, platform_id: str, state: str) -> None:
        """Approve or block; approving takes proposed addresses into use."""
        ...

    def waiting(self, tenant_id: str) -> int:
        """Return how many of a municipality wait for approval."""
        ...

    def of_client(self, issuer: str, client_id: str) -> "Platform | None": ...
    def add(self, tenant_id: str, given: "Application", now: datetime) -> "Platform":
        """Store an application as a platform that waits."""
        ...

    def propose(self, platform_id: str, addresses: Mapping[str, str]) -> None:
        """Keep new addresses until somebody approves them."""
        ...

    def add_place(self, platform_id: str, deployment_id: str, state: str, now: datetime) -> None:
        """Store a deployment unless it is known."""
        ...

    def keep_manager(self, platform_id: str, url: str, sealed_token: bytes) -> None:
        """Keep where the platform lets us change our registration."""
        ...

    def platform_of(self, deployment_row: str) -> "Platform":
        """Return the platform of a deployment, by our id of the deployment."""
        ...

    def set_deployment_state(self, deployment_row: str, state: str) -> None: ...


class Quarantine(Protocol):
    """Single statements that could not be used."""

    def find(self, number: str, tenant_id: str | None) -> "Aside":
        """:raises NotFound: there is none, or several begin so."""
        ...

    def retry(self, aside: "Aside", now: datetime) -> str:
        """Read it again; return "" if it was taken in, else why not."""
        ...

    def drop(self, aside: "Aside") -> None: ...


class Mappings(Protocol):
    """What each LMS activity stands for: activity -> text of an aim (`xapi_bridge.aims`)."""

    def all(self, tenant_id: str) -> Mapping[str, str]: ...
    def put(self, tenant_id: str, mapping: Mapping[str, str], now: datetime) -> None:
        """Add or change."""
        ...

    def remove(self, tenant_id: str, activities: frozenset[str]) -> None: ...
    def unmapped(self, tenant_id: str) -> Mapping[str, int]:
        """Return completed activities that stand for nothing yet and how often, most first."""
        ...


@dataclass(frozen=True, slots=True)
class LrsKey:
    """A key of the embedded LRS as an admin sees it; its secret is shown once, when it is made."""

    key: str
    scope: str  # write | mine | read | all
    name: str  # which system has it, in words
    created: datetime
    used: datetime | None  # to the day
    revoked: datetime | None


class LrsKeys(Protocol):
    def make(self, tenant_id: str, scope: str, name: str, now: datetime) -> tuple[str, str]:
        """Store a new key; return it and its secret."""
        ...

    def listed(self, tenant_id: str) -> tuple[LrsKey, ...]:
        """Return the keys of a municipality, revoked ones too, the oldest first."""
        ...

    def revoke(self, tenant_id: str, key: str, now: datetime) -> None:
        """Take a key out of use, at once and for good.

        :raises NotFound: the municipality has no such key in use.
        """
        ...


class Work(Protocol):
    """One transaction, by area."""

    @property
    def tenants(self) -> Tenants: ...
    @property
    def learners(self) -> Learners: ...
    @property
    def links(self) -> Links: ...
    @property
    def attempts(self) -> Attempts: ...
    @property
    def evidence(self) -> EvidenceStore: ...
    @property
    def profiles(self) -> Profiles: ...
    @property
    def paths(self) -> Paths: ...
    @property
    def outbox(self) -> Outbox: ...
    @property
    def shares(self) -> Shares: ...
    @property
    def jobs(self) -> Jobs: ...
    @property
    def audit(self) -> Audit: ...
    @property
    def staff(self) -> Staff: ...
    @property
    def soll(self) -> SollStore: ...
    @property
    def workshops(self) -> Workshops: ...
    @property
    def providers(self) -> Providers: ...
    @property
    def platforms(self) -> Platforms: ...
    @property
    def quarantine(self) -> Quarantine: ...
    @property
    def mappings(self) -> Mappings: ...
    @property
    def lrs_keys(self) -> LrsKeys: ...


class Store(Protocol):
    def begin(self) -> AbstractContextManager[Work]: ...
    def read(self) -> AbstractContextManager[Work]: ...


Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Limits:
    """What the assessment and the planner may ask of a person."""

    max_items: int = 20
    min_items: int = 5
    correlation_within: float = 0.5
    correlation_between: float = 0.3
    foreign_worth: float = 0.2
    randomesque: int = 1
    max_minutes: float = 10.0
    exposure_cap: float = 1.0
    blueprint: Blueprint | None = None
    hours_per_month: float = 4.0


@dataclass(frozen=True)
class Services:
    """All that a flow may use. Built once per process by `lti_tool.bootstrap`."""

    store: Store
    content: Content
    registry: PersonData
    base_url: str
    # Turns the neutral words of an event into xAPI statements (`xapi_bridge.wire`): the body
    # is fixed when it is put into the outbox, not when it is sent.
    statements: Callable[[Mapping[str, Json]], list[Json]]
    limits: Limits = Limits()


@dataclass(frozen=True, slots=True)
class Platform:
    """An LMS as it is registered: one issuer and client, any number of deployments."""

    id: str
    tenant_id: str
    kind: str  # moodle | ilias | generic
    name: str
    issuer: str
    client_id: str
    auth_url: str
    token_url: str
    jwks_url: str
    state: str  # active | pending | blocked
    deployments: Mapping[str, str]  # deployment id -> active | pending | blocked
    plan_url: str = ""
    proposed: Mapping[str, str] = field(default_factory=dict)  # addresses that wait for approval
    trusted: str = ""  # attribute that tells its people at other platforms, too: see lti.identity
    former_key: str = ""  # consumer key of LTI 1.1
    former_secret: bytes = field(default=b"", repr=False)  # sealed
    aliases: tuple[str, ...] = ()  # other issuers it speaks as: ILIAS, for each of its host names

    def under(self, issuer: str) -> "Platform":
        """Return it as it is seen under one of its names.

        People sign in there: a cookie of one host name is unknown at the other.
        """
        home = f"{self.issuer}/"
        moved = self.auth_url.startswith(home) and issuer != self.issuer
        auth_url = f"{issuer}/{self.auth_url.removeprefix(home)}" if moved else self.auth_url
        return replace(self, issuer=issuer, auth_url=auth_url)

    @property
    def addresses(self) -> dict[str, str]:
        return {name: getattr(self, name) for name in ADDRESSES}


ADDRESSES = ("auth_url", "token_url", "jwks_url")


@dataclass(frozen=True, slots=True)
class Consumer:
    """The LTI 1.1 key that a platform had before, opened."""

    key: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Application:
    """What a platform that registered itself and we agreed on, to be approved."""

    kind: str
    name: str
    issuer: str
    client_id: str
    deployment_id: str  # "" if it names none: the first launch will
    addresses: Mapping[str, str]  # by the names of ADDRESSES
    manage_url: str = ""
    manage_token: bytes = field(default=b"", repr=False)  # sealed


@dataclass(frozen=True, slots=True)
class Aside:
    """A statement that was set aside. Its bytes stay in the store, sealed."""

    number: str  # the digest of its bytes
    lrs_id: str
    lrs: str  # name of the connection
    tenant_id: str
    reason: str
    since: datetime


@lru_cache(maxsize=256)  # the links of a town's courses name the same few pages
def _path_of(target: str) -> str:
    return unquote(urlsplit(target).path).strip("/")


@dataclass(frozen=True, slots=True)
class Arrival:
    """What a verified launch says, cut to what we keep. Names and addresses never get here."""

    platform_id: str
    tenant_id: str
    deployment_id: str
    message_type: str
    subject: str
    nonce: str
    instructor: bool
    locale: str  # de | en
    target: str
    context_id: str = ""
    context_title: str = ""
    link_id: str = ""
    role: str = ""  # custom parameter `role`
    ident: str = ""  # ILIAS's other name of this person, in its statements and grade books
    page: str = ""  # which of our pages a message is for that opens no link
    placed: str = (
        ""  # custom parameter `page`: what the link stands for, where its target is silent
    )
    services: Mapping[str, Json] = field(default_factory=dict)
    attribute: str = field(default="", repr=False)  # a trusted one: see lti.identity
    former: str = field(default="", repr=False)  # her id of LTI 1.1, if signed
    placing: Mapping[str, Json] | None = None  # Deep Linking: what may be placed, and where to
    shared: bool | None = None  # custom parameter `tablet`; None: as the municipality has it

    @property
    def about(self) -> str:
        """Return the page of ours that the link stands for, "" for the start page."""
        named = _path_of(self.target) if self.starts else ""
        page = self.placed if not named or named.startswith("lti/") else named
        return "" if page == "start" else page

    @property
    def starts(self) -> bool:
        """Whether somebody opened a link, and not a review, a choice or a request about data."""
        return self.message_type == RESOURCE_LINK


@dataclass(frozen=True, slots=True)
class Admitted:
    """The launch that was opened; the secret is known to the browser only."""

    launch_id: str
    secret: str = field(repr=False)


class Entry(Protocol):
    """One admission, in one transaction."""

    def consume(self, nonce: str, now: datetime) -> bool:
        """Return True if this nonce was not used before; now it is."""
        ...

    def learner_of(self, arrival: Arrival) -> str | None:
        """Return the learner with this sub at this platform, by id."""
        ...

    def recognise(self, arrival: Arrival, now: datetime) -> str | None:
        """Return who came before under an LTI 1.1 id or a trusted attribute; now known here."""
        ...

    def remember(self, arrival: Arrival, learner_id: str) -> None:
        """Keep the digest of the trusted attribute, if there is one."""
        ...

    def welcome(self, arrival: Arrival, now: datetime) -> str:
        """Create the learner, replay what was parked for this person, return the id."""
        ...

    def know(self, arrival: Arrival, learner_id: str, now: datetime) -> None:
        """Keep the other name; what was parked under it is replayed."""
        ...

    def open(self, arrival: Arrival, learner_id: str, now: datetime) -> Admitted: ...


class Door(Protocol):
    """Where launches come in."""

    def begin(self) -> AbstractContextManager[Entry]: ...


@dataclass(frozen=True, slots=True)
class ShelvedKeys:
    """The last good key set of an address: kid, n and e of each key.

    `tried` is the last fetch that an unknown kid or an outage caused; the first does not count.
    """

    entries: tuple[Mapping[str, str], ...]
    fetched: datetime | None
    tried: datetime | None


@dataclass(frozen=True, slots=True)
class ToolKey:
    """One of our own signing keys, opened."""

    kid: str
    pem: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A platform's service token, opened."""

    value: str = field(repr=False)
    expires: datetime
