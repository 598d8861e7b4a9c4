"""Which platforms and deployments may launch: approving and blocking, audited.

Blocking ends what runs from there at once: launches, and sessions of the administration.
"""

from datetime import datetime

from lti_tool.errors import Conflict, NotFound
from lti_tool.ports import Actor, Platform, Services

STATES = ("active", "blocked")


def set_platform(s: Services, by: Actor, platform_id: str, state: str, now: datetime) -> Platform:
    """Approve (`active`) or block a platform and return it. Writes, commits, is audited.

    :raises NotFound: there is none within the actor's reach.
    """
    _require_state(state)
    with s.store.begin() as work:
        found = _reached(by, work.platforms.get(platform_id))
        work.platforms.set_state(found.id, state)
        detail = {"platform": found.id, "issuer": found.issuer}
        work.audit.note(by.name, f"platform.{state}", detail, now, tenant_id=found.tenant_id)
        return work.platforms.get(found.id)


def set_deployment(
    s: Services, by: Actor, deployment_row: str, state: str, now: datetime
) -> Platform:
    """Approve or block a deployment; return its platform. Writes, commits, is audited."""
    _require_state(state)
    with s.store.begin() as work:
        found = _reached(by, work.platforms.platform_of(deployment_row))
        work.platforms.set_deployment_state(deployment_row, state)
        detail = {"platform": found.id, "issuer": found.issuer, "deployment": deployment_row}
        work.audit.note(by.name, f"deployment.{state}", detail, now, tenant_id=found.tenant_id)
        return work.platforms.get(found.id)


def _reached(by: Actor, found: Platform) -> Platform:
    if not by.reaches(found.tenant_id):
        raise NotFound("There is no such platform.", remedy="See `roadmap platform list`.")
    return found


def _require_state(state: str) -> None:
    if state not in STATES:
        raise Conflict(f"There is no state {state!r}.", remedy=f"States: {', '.join(STATES)}.")
