"""Who may enter the administration: rights given by a named human, and the two ways in.

A right belongs to a person of one municipality, by id. Nothing of an LTI launch ever gives one:
the launch only says which person it is. The first admin comes by a one-time link that the operator
makes at the command line. Source: decisions.md 1.8, contract.md `roadmap admin`.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from lti_tool.errors import Conflict, NotFound
from lti_tool.ports import STAFF_ROLES, Actor, Admitted, Grant, Launch, Services, Work

LINK_LIVES = timedelta(minutes=15)
TICKET_LIVES = timedelta(minutes=10)

AREAS = (
    *("overview", "connection", "platforms", "own_lrs", "refusals", "mapping", "lrs", "jobs"),
    *("outbox", "quarantine", "soll", "workshops", "items", "tests", "retention", "log", "rights"),
)
#: Which pages a right opens. The others are recorded already and open their pages when these exist.
SEES: Mapping[str, frozenset[str]] = {
    "admin": frozenset(AREAS),
    "hr": frozenset(("soll", "workshops", "items", "tests")),
    "manager": frozenset(("soll", "workshops")),
    # Everything about rules, nothing about persons (days.md, Personalrat).
    "staff-council": frozenset(("soll", "items", "retention", "log")),
}
#: A manager's workshop ends with a draft; what counts is decided by human resources.
CHANGES: Mapping[str, frozenset[str]] = {
    "admin": frozenset(AREAS),
    "hr": frozenset(("soll", "workshops", "tests")),
    "manager": frozenset(("workshops",)),
}


class NoRight(NotFound):
    """This person has no right that opens the administration."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a launch page hands over to the window of the administration; good once."""

    number: str
    launch_id: str


def sees(roles: frozenset[str]) -> tuple[str, ...]:
    """Return the areas these roles may look at, in the order of the tabs."""
    opened = frozenset[str]().union(*(SEES.get(role, frozenset()) for role in roles))
    return tuple(area for area in AREAS if area in opened)


def may_change(roles: frozenset[str], area: str) -> bool:
    return any(area in CHANGES.get(role, frozenset()) for role in roles)


def grant(s: Services, by: Actor, learner_id: str, role: str, now: datetime) -> bool:
    """Give a right; False if the person has it already. Writes, commits, is audited.

    :raises NotFound: there is no such person within the actor's reach.
    """
    _require_role(role)
    with s.store.begin() as work:
        tenant_id = _person(work, by, learner_id)
        if role in work.staff.roles(learner_id):
            return False
        work.staff.give(Grant(str(uuid.uuid4()), tenant_id, learner_id, role, by.name, now))
        _note(work, by, "staff.grant", learner_id, role, tenant_id, now)
    return True


def revoke(s: Services, by: Actor, learner_id: str, role: str, now: datetime) -> bool:
    """Take a right away, at once; False if there was none. Writes, commits, is audited."""
    _require_role(role)
    with s.store.begin() as work:
        tenant_id = _person(work, by, learner_id)
        if not work.staff.take(learner_id, role, by.name, now):
            return False
        _note(work, by, "staff.revoke", learner_id, role, tenant_id, now)
    return True


def make_link(s: Services, by: Actor, tenant_id: str, now: datetime) -> str:
    """Return the code of a new one-time link. Writes, commits, is audited."""
    with s.store.begin() as work:
        code = work.staff.make_link(tenant_id, now, now + LINK_LIVES)
        work.audit.note(by.name, "staff.link", {}, now, tenant_id=tenant_id)
    return code


def enter_by_link(s: Services, code: str, language: str, now: datetime) -> Admitted | None:
    """Open a session for whoever brings the code; None: unknown, used or too old. Writes."""
    with s.store.begin() as work:
        tenant_id = work.staff.use_link(code, now)
        if tenant_id is None:
            return None
        admitted = work.staff.open(tenant_id, "", "", language, now)
        name = f"link:{admitted.launch_id[:8]}"
        work.audit.note(name, "staff.enter", {}, now, tenant_id=tenant_id)
    return admitted


def enter_by_launch(s: Services, launch: Launch, ticket: Ticket, now: datetime) -> Admitted | None:
    """Open a session for the person of a launch; None: the ticket was used before. Writes.

    :raises NoRight: the person has no right that opens a page.
    """
    learner = launch.learner
    with s.store.begin() as work:
        if not sees(work.staff.roles(learner.id)):
            raise NoRight("This person has no right here.", remedy="Ask your administration.")
        if not work.staff.use_ticket(ticket.number, now):
            return None
        platform, language = launch.platform_id, learner.language
        admitted = work.staff.open(launch.tenant_id, learner.id, platform, language, now)
        who = f"staff:{learner.id}"
        work.audit.note(who, "staff.enter", {}, now, tenant_id=launch.tenant_id)
    return admitted


def _require_role(role: str) -> None:
    if role not in STAFF_ROLES:
        raise Conflict(f"There is no role {role!r}.", remedy=f"Roles: {', '.join(STAFF_ROLES)}.")


def _person(work: Work, by: Actor, learner_id: str) -> str:
    """Return the tenant of a person within reach; who is elsewhere looks like nobody."""
    learner = work.learners.lock(learner_id)
    if not by.reaches(learner.tenant_id):
        raise NotFound("There is no such person here.", remedy="See `roadmap person find`.")
    return learner.tenant_id


def _note(
    work: Work, by: Actor, action: str, learner_id: str, role: str, tenant_id: str, now: datetime
) -> None:
    detail = {"person": learner_id, "role": role}
    work.audit.note(by.name, action, detail, now, tenant_id=tenant_id)
