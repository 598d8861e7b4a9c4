"""Starting a job by hand: it is put into the queue, and the worker does it. Twice is harmless."""

from datetime import datetime

from lti_tool.errors import Conflict, NotFound
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


def pull(s: Services, by: Actor, tenant_id: str, now: datetime, lrs_id: str = "") -> int:
    """Let every LRS of a municipality (or one) be asked as soon as the worker can.

    Returns how many; also one that wants to be left alone is asked.
    """
    with s.store.begin() as work:
        targets = [t for t in work.outbox.lrs_targets(tenant_id) if lrs_id in ("", t.id)]
        for target in targets:
            work.jobs.enqueue("pull", target.id, {"asked": True}, now)
        detail = {"job": "pull", "count": len(targets)}
        work.audit.note(by.name, "jobs.run", detail, now, tenant_id=tenant_id)
    return len(targets)


def probe(s: Services, by: Actor, tenant_id: str, lrs_id: str, now: datetime) -> None:
    """Let the worker find out anew what an LRS can do. Writes, commits, is audited.

    :raises NotFound: the municipality has no such LRS.
    """
    with s.store.begin() as work:
        target = next((t for t in work.outbox.lrs_targets(tenant_id) if t.id == lrs_id), None)
        if target is None:
            raise NotFound("There is no such LRS.", remedy="See `roadmap lrs list`.")
        work.jobs.enqueue("probe", target.id, {}, now)
        work.audit.note(by.name, "lrs.probe", {"lrs": target.name}, now, tenant_id=tenant_id)
