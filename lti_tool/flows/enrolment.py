"""Enrolment: a learning platform that registered itself -> a registration that waits for a human.

Registering again is no second registration. Addresses of a platform that may launch already change
only when a human approves: whoever can put a file onto its host could else take it over.
"""

from datetime import datetime

from lti_tool.ports import Actor, Application, Platform, Services

MOST_WAITING = 50  # of one municipality; the rest would hide the one that counts


def has_room(s: Services, tenant_id: str) -> bool:
    """Return whether one more registration may wait there."""
    with s.store.read() as work:
        return work.platforms.waiting(tenant_id) < MOST_WAITING


def add(s: Services, by: Actor, tenant_id: str, given: Application, now: datetime) -> Platform:
    """Keep a registration that a named human made by hand: it may launch at once. Writes.

    :raises Conflict: this issuer and client are registered already.
    """
    with s.store.begin() as work:
        made = work.platforms.add(tenant_id, given, now)
        work.platforms.add_place(made.id, given.deployment_id, "active", now)
        work.platforms.set_state(made.id, "active")
        detail = {"platform": made.id, "issuer": made.issuer}
        work.audit.note(by.name, "platform.add", detail, now, tenant_id)
        return work.platforms.get(made.id)


def enrol(s: Services, tenant_id: str, given: Application, now: datetime) -> tuple[Platform, str]:
    """Keep an application; return its platform and what it is: new, same or changed. Writes."""
    with s.store.begin() as work:
        known = work.platforms.of_client(given.issuer, given.client_id)
        what = "new" if known is None else "same"
        if known is None:
            known = work.platforms.add(tenant_id, given, now)
        elif given.addresses != known.addresses:
            what = "changed"
            work.platforms.propose(known.id, given.addresses)
        if given.deployment_id:
            # With a new platform its place waits, too: approving the one approves the other.
            state = "active" if what == "new" else "pending"
            work.platforms.add_place(known.id, given.deployment_id, state, now)
        if given.manage_url:
            work.platforms.keep_manager(known.id, given.manage_url, given.manage_token)
        detail = {"platform": known.id, "issuer": known.issuer, "what": what}
        work.audit.note("registration", "platform.register", detail, now, known.tenant_id)
        return work.platforms.get(known.id), what
