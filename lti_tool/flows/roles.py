"""Which work a learner does: the Soll to compare with. Chosen by the learner, changed any time.

Beside today's roles there may be a desired one: its Soll is looked at on its own and never counts.
"""

from dataclasses import replace
from datetime import datetime

from competency.target import RoleProfile
from lti_tool.errors import Conflict
from lti_tool.flows import role_list
from lti_tool.flows.observe import refold
from lti_tool.ports import Learner, Services, Work

MOST_ROLES = 3


def choices(
    s: Services, learner: Learner, now: datetime, suggested: str = ""
) -> tuple[RoleProfile, ...]:
    """Return the roles to choose from: the suggested one first, additional roles last.

    A retired role is among them only for whoever has it.
    """
    with s.store.read() as work:
        offered = _offered(s, work, learner, now)
    return tuple(sorted(offered, key=lambda r: (r.key != suggested, r.additional)))


def choose(s: Services, learner: Learner, keys: tuple[str, ...], now: datetime) -> Learner:
    """Set the roles, main role first, and judge the profile by the new Soll. Writes and commits.

    :raises Conflict: a role does not exist, or there is none.
    """
    keys = tuple(dict.fromkeys(keys))[:MOST_ROLES]
    with s.store.begin() as work:
        known = {r.key for r in _offered(s, work, learner, now)}
        if not keys or not known.issuperset(keys):
            raise Conflict("There is no such role.", remedy="Choose one of the list.")
        changed = replace(work.learners.lock(learner.id), roles=keys)
        work.learners.save(changed, now)
        if work.profiles.get(learner.id) is not None:
            refold(s, work, changed, now)
    return changed


def wish(s: Services, learner: Learner, key: str, now: datetime) -> Learner:
    """Set the desired role, or with "" forget it. Nothing else changes. Writes and commits.

    :raises Conflict: there is no such role to choose.
    """
    with s.store.begin() as work:
        if key and key not in {r.key for r in _offered(s, work, learner, now)}:
            raise Conflict("There is no such role.", remedy="Choose one of the list.")
        changed = replace(work.learners.lock(learner.id), desired_role=key)
        work.learners.save(changed, now)
    return changed


def _offered(s: Services, work: Work, learner: Learner, now: datetime) -> list[RoleProfile]:
    everyone = role_list.everyone(s, work, learner.tenant_id, role_list.day_of(now))
    hers = {*learner.roles, learner.desired_role}
    # An own role asks for nothing before its first Soll was approved: nobody could be judged by it.
    ready = [r for r in everyone if r.soll.competencies or r.soll.areas]
    return [r for r in ready if not r.retired or r.key in hers]
