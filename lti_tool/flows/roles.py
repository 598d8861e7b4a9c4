"""Which work a learner does: the Soll to compare with. Chosen by the learner, changed any time."""

from dataclasses import replace
from datetime import datetime

from competency.target import RoleProfile
from lti_tool.errors import Conflict
from lti_tool.flows import measure
from lti_tool.flows.observe import refold
from lti_tool.ports import Learner, Services

MOST_ROLES = 2


def choices(s: Services, learner: Learner, suggested: str = "") -> tuple[RoleProfile, ...]:
    """Return all roles, the one the portal suggests first, additional roles last."""
    with s.store.read() as work:
        settings = work.tenants.get(learner.tenant_id).settings
    everyone = measure.roles_of(
        s, replace(learner, roles=tuple(r.key for r in s.content.roles)), settings
    )
    return tuple(sorted(everyone, key=lambda r: (r.key != suggested, r.additional)))


def known(s: Services, key: str) -> bool:
    return any(r.key == key for r in s.content.roles)


def choose(s: Services, learner: Learner, keys: tuple[str, ...], now: datetime) -> Learner:
    """Set the roles, main role first, and judge the profile by the new Soll. Writes and commits.

    :raises Conflict: a role does not exist, or there is none.
    """
    keys = tuple(dict.fromkeys(keys))[:MOST_ROLES]
    if not keys or not all(known(s, key) for key in keys):
        raise Conflict("There is no such role.", remedy="Choose one of the list.")
    with s.store.begin() as work:
        changed = replace(work.learners.lock(learner.id), roles=keys)
        work.learners.save(changed, now)
        if work.profiles.get(learner.id) is not None:
            refold(s, work, changed, now)
    return changed
