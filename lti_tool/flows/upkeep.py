"""Starting a job by hand: it is put into the queue, and the worker does it. Twice is harmless."""

from datetime import datetime

from lti_tool.errors import Conflict
from lti_tool.ports import Actor, Services

#: What the administration may start: for the whole installation, harmless at any time.
STARTABLE = ("deliver", "purge")


def start(s: Services, by: Actor, name: str, now: datetime) -> None:
    """Let a job run as soon as the worker can. Writes, commits, is audited."""
    if name not in STARTABLE:
        raise Conflict(
            f"The job {name!r} cannot be started here.", remedy="See `roadmap jobs run`."
        )
    with s.store.begin() as work:
        work.jobs.enqueue(name, "all", {}, now)
        work.audit.note(by.name, "jobs.run", {"job": name}, now, tenant_id=by.tenant_id)


def pull(s: Services, by: Actor, tenant_id: str, now: datetime) -> int:
    """Let every LRS of a municipality be asked as soon as the worker can; return how many."""
    with s.store.begin() as work:
        targets = work.outbox.lrs_targets(tenant_id)
        for target in targets:
            work.jobs.enqueue("pull", target.id, {}, now)
        detail = {"job": "pull", "count": len(targets)}
        work.audit.note(by.name, "jobs.run", detail, now, tenant_id=tenant_id)
    return len(targets)
