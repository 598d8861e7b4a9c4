"""Another try: for what could not be sent (outbox), and for what could not be read (quarantine)."""

from datetime import datetime

from lti_tool.ports import Actor, Services


def resend(s: Services, by: Actor, now: datetime, kind: str = "", target_id: str = "") -> int:
    """Make dead letters pending, all within reach or of one kind and receiver; return how many.

    Writes, commits, is audited.
    """
    with s.store.begin() as work:
        number = work.outbox.retry_dead(now, by.tenant_id, kind, target_id)
        if number:
            work.jobs.enqueue("deliver", "all", {}, now)
            detail = {"count": number} | ({"kind": kind} if kind else {})
            work.audit.note(by.name, "outbox.retry", detail, now, tenant_id=by.tenant_id)
    return number


def reread(s: Services, by: Actor, number: str, now: datetime) -> str:
    """Read a statement of the quarantine again; return "", or why it still cannot be used.

    Writes, commits, is audited.

    :raises NotFound: there is none within the actor's reach.
    """
    with s.store.begin() as work:
        found = work.quarantine.find(number, by.tenant_id)
        reason = work.quarantine.retry(found, now)
        detail = {"statement": found.number[:12], "lrs": found.lrs, "taken_in": not reason}
        work.audit.note(by.name, "quarantine.retry", detail, now, tenant_id=found.tenant_id)
    return reason


def drop(s: Services, by: Actor, number: str, now: datetime) -> None:
    """Throw a statement of the quarantine away. Writes, commits, is audited."""
    with s.store.begin() as work:
        found = work.quarantine.find(number, by.tenant_id)
        work.quarantine.drop(found)
        detail = {"statement": found.number[:12], "lrs": found.lrs}
        work.audit.note(by.name, "quarantine.drop", detail, now, tenant_id=found.tenant_id)
