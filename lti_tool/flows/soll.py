"""How a Soll comes into force: draft, review, council, approval by a named human, first day.

Nothing here is decided by a rule. A version that was approved is never changed; whoever has a role
is judged anew from the first day of its new version on, and a running attempt ends with the Soll
it began with. Source: features R04, law L09, L22; decisions.md 1.8.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta

from competency.scale import MAX_LEVEL, MAX_STEP
from competency.soll import (
    Granularity,
    Signed,
    SollVersion,
    State,
    complete,
    in_force,
    predecessor,
)
from competency.target import RoleProfile
from lti_tool.errors import Conflict
from lti_tool.flows import role_list
from lti_tool.flows.role_list import day_of
from lti_tool.ports import Actor, Services, Work

LONGEST_REASON, LONGEST_OFFICE = 600, 120
LATEST_START = timedelta(days=731)
EFFECT = "soll"  # the job that judges anew


class CouncilMissing(Conflict):
    """The municipality wants the staff council to be involved first."""


class FourEyes(Conflict):
    """Who handed it in cannot approve it here."""


class NobodyNamed(Conflict):
    """An approval needs a person: not a one-time link, and with an office or function."""


class WrongDay(Conflict):
    """A first day in the past, or years ahead; or a day of the council in the future."""


class NotNow(Conflict):
    """The version is in another state meanwhile, perhaps by a second tab."""


@dataclass(frozen=True)
class Wanted:
    """The content of a draft, in steps."""

    granularity: Granularity
    scale: int
    steps: Mapping[str, int]
    reasons: Mapping[str, str] = field(default_factory=dict)
    source: str = "hand"
    workshop_id: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """What whoever approves says."""

    office: str  # office or function, as the minutes name it
    valid_from: date | None = None  # None: from today on


@dataclass(frozen=True)
class RoleSoll:
    """A role with what is in force, what comes, and what is being worked on."""

    role: RoleProfile
    force: SollVersion | None
    coming: tuple[SollVersion, ...]
    open: SollVersion | None  # draft or in review
    versions: tuple[SollVersion, ...]  # all but what was dropped, the newest first


def overview(s: Services, tenant_id: str, now: datetime) -> tuple[RoleSoll, ...]:
    """Return every role of a municipality with its versions."""
    today = day_of(now)
    with s.store.read() as work:
        roles = role_list.everyone(s, work, tenant_id, today)
        versions = work.soll.versions(tenant_id)
    force = in_force(versions, today)
    return tuple(_role_soll(role, versions, force.get(role.key), today) for role in roles)


def of_role(s: Services, tenant_id: str, key: str, now: datetime) -> RoleSoll:
    """Return one role with its versions; :raises NotFound: there is none."""
    today = day_of(now)
    with s.store.read() as work:
        role = role_list.one(s, work, tenant_id, key, today)
        versions = work.soll.versions(tenant_id, (key,))
    return _role_soll(role, versions, in_force(versions, today).get(key), today)


def before(view: RoleSoll, version: SollVersion) -> SollVersion | None:
    """Return the approved version that this one follows; None: only the proposal was there."""
    return predecessor(view.versions, version)


def proposed(s: Services, role: RoleProfile) -> dict[str, int]:
    """Return what the pack proposes for a role, in steps; empty for an own role."""
    packed = next((r.soll.competencies for r in s.content.roles if r.key == role.key), {})
    return {code: packed.get(code, 0) for code in s.content.framework.dimensions} if packed else {}


def draft(
    s: Services, by: Actor, tenant_id: str, key: str, wanted: Wanted, now: datetime
) -> SollVersion:
    """Write the draft of a role, in place of an older draft. Writes, commits, is audited.

    :raises NotFound: there is no such role.
    :raises SollInvalid: a value is missing or out of range.
    :raises NotNow: a version of this role is being checked; it has to be decided first.
    """
    with s.store.begin() as work:
        return put_draft(s, work, by, tenant_id, key, wanted, now)


def put_draft(
    s: Services,
    work: Work,
    by: Actor,
    tenant_id: str,
    key: str,
    wanted: Wanted,
    now: datetime,
) -> SollVersion:
    """Do what `draft` does, in a transaction that is open already."""
    work.soll.lock(tenant_id)
    role_list.one(s, work, tenant_id, key, day_of(now))
    versions = work.soll.versions(tenant_id, (key,))
    if any(v.state is State.REVIEW for v in versions):
        raise NotNow("A version of this role is being checked.", remedy="Decide it first.")
    older = next((v for v in versions if v.state is State.DRAFT), None)
    made = _drafted(s, by, tenant_id, key, wanted, now)
    if older is None:
        number = max((v.number for v in versions), default=0) + 1
        made = replace(made, number=number)
        work.soll.add(made)
    else:
        made = replace(made, id=older.id, number=older.number)
        _change(work, made, State.DRAFT)
    _note(work, by, "soll.draft", made, now)
    return made


def submit(
    s: Services, by: Actor, tenant_id: str, version_id: str, now: datetime, *, back: bool = False
) -> SollVersion:
    """Hand a draft in to be checked: it is fixed from now on; or (`back`) let it be changed again.

    Writes, commits, is audited. :raises NotNow: it is in another state meanwhile.
    """
    was, becomes = (State.REVIEW, State.DRAFT) if back else (State.DRAFT, State.REVIEW)
    with s.store.begin() as work:
        found = work.soll.get(tenant_id, version_id)
        signed = None if back else Signed(by.name, now)
        # What the council saw is not what somebody changes afterwards.
        council = None if back else found.council
        made = replace(found, state=becomes, submitted=signed, council=council)
        _change(work, made, was)
        _note(work, by, "soll.recall" if back else "soll.submit", made, now)
    return made


def drop(s: Services, by: Actor, tenant_id: str, version_id: str, now: datetime) -> None:
    """Give a draft up. Writes, commits, is audited."""
    with s.store.begin() as work:
        found = work.soll.get(tenant_id, version_id)
        _change(work, replace(found, state=State.DROPPED), State.DRAFT)
        _note(work, by, "soll.drop", found, now)


def involve_council(
    s: Services, by: Actor, tenant_id: str, version_id: str, on: date, now: datetime
) -> None:
    """Record when the staff council was involved. Writes, commits, is audited.

    :raises WrongDay: that day is yet to come.
    """
    if on > day_of(now):
        raise WrongDay("This day is yet to come.", remedy="Enter it when it has been.")
    with s.store.begin() as work:
        found = replace(work.soll.get(tenant_id, version_id), council=on)
        _change(work, found, State.REVIEW)
        _note(work, by, "soll.council", found, now, day=on.isoformat())


def approve(
    s: Services,
    by: Actor,
    tenant_id: str,
    version_id: str,
    decision: Decision,
    now: datetime,
) -> SollVersion:
    """Approve a version that was checked; it counts from its first day on. Writes, is audited.

    :raises CouncilMissing, FourEyes, NobodyNamed, WrongDay, NotNow: see there.
    """
    first = decision.valid_from or day_of(now)
    if not day_of(now) <= first <= day_of(now) + LATEST_START:
        raise WrongDay("A Soll begins today or later.", remedy="At most two years ahead.")
    office = _office(by, decision)
    with s.store.begin() as work:
        work.soll.lock(tenant_id)
        found = work.soll.get(tenant_id, version_id)
        _require_procedure(work, by, found)
        made = replace(
            found,
            state=State.APPROVED,
            approved=Signed(by.name, now),
            approved_as=office,
            valid_from=first,
        )
        _change(work, made, State.REVIEW)
        begins = max(now, datetime.combine(first, time(), role_list.ZONE))
        work.jobs.enqueue(EFFECT, made.id, {"tenant": tenant_id}, now, begins)
        _note(work, by, "soll.approve", made, now, day=first.isoformat())
    return made


def take_effect(s: Services, tenant_id: str, version_id: str, now: datetime) -> int:
    """Let everybody in this role be judged anew; return how many. Writes and commits."""
    with s.store.begin() as work:
        version = work.soll.get(tenant_id, version_id)
        people = work.soll.people(tenant_id, version.role)
        for learner_id in people:
            work.jobs.enqueue("refold", learner_id, {}, now)
    return len(people)


def as_proposed(s: Services, role: RoleProfile) -> Wanted:
    """Return the pack's proposal as a draft. :raises Conflict: an own role has none."""
    steps = proposed(s, role)
    if not steps:
        raise Conflict(
            f"There is no proposal for {role.key}.", remedy="Hold a workshop, or import a file."
        )
    return Wanted(Granularity.COMPETENCE, MAX_LEVEL, steps, source="proposal")


def _role_soll(
    role: RoleProfile,
    versions: tuple[SollVersion, ...],
    force: SollVersion | None,
    today: date,
) -> RoleSoll:
    mine = [v for v in versions if v.role == role.key and v.state is not State.DROPPED]
    return RoleSoll(
        role=role,
        force=force,
        coming=tuple(v for v in mine if v.valid_from is not None and v.valid_from > today),
        open=next((v for v in mine if v.state in (State.DRAFT, State.REVIEW)), None),
        versions=tuple(reversed(mine)),
    )


def _drafted(
    s: Services, by: Actor, tenant_id: str, key: str, wanted: Wanted, now: datetime
) -> SollVersion:
    if wanted.scale not in (MAX_LEVEL, MAX_STEP):
        raise Conflict("There are scales of 4 and of 8 levels.", remedy="Choose one of them.")
    steps = complete(s.content.framework, wanted.granularity, wanted.steps)
    reasons = {c: text.strip()[:LONGEST_REASON] for c, text in wanted.reasons.items() if c in steps}
    return SollVersion(
        id=str(uuid.uuid4()),
        tenant_id=tenant_id,
        role=key,
        number=0,
        granularity=wanted.granularity,
        scale=wanted.scale,
        steps=steps,
        state=State.DRAFT,
        source=wanted.source,
        framework=s.content.versions["framework"],
        made=Signed(by.name, now),
        reasons={c: text for c, text in reasons.items() if text},
        workshop_id=wanted.workshop_id,
    )


def _require_procedure(work: Work, by: Actor, version: SollVersion) -> None:
    settings = work.tenants.get(version.tenant_id).settings
    if settings.council_required and version.council is None:
        raise CouncilMissing(
            "The staff council was not involved yet.",
            remedy="Record the day, or switch council_required off: `roadmap tenant switch`.",
        )
    if settings.four_eyes and version.submitted and version.submitted.by == by.name:
        raise FourEyes(
            "Who handed it in cannot approve it.", remedy="Let somebody else approve it."
        )


def _office(by: Actor, decision: Decision) -> str:
    office = decision.office.strip()[:LONGEST_OFFICE]
    if by.name.startswith("link:"):
        raise NobodyNamed(
            "A one-time link is nobody.", remedy="Come in from the learning portal to approve."
        )
    if not office:
        raise NobodyNamed("Who approves this?", remedy="Name the office or function.")
    return office


def _change(work: Work, version: SollVersion, was: State) -> None:
    if not work.soll.change(version, was=was):
        raise NotNow("This version has changed meanwhile.", remedy="Look at it once more.")


def _note(
    work: Work, by: Actor, action: str, version: SollVersion, now: datetime, **more: str
) -> None:
    detail = {"work": version.role, "version": version.number, **more}
    work.audit.note(by.name, action, detail, now, tenant_id=version.tenant_id)
