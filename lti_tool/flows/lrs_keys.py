"""Keys of the embedded LRS: which system may send to it, which may read from it."""

from dataclasses import replace
from datetime import datetime

from lti_tool.ports import Actor, LrsKey, Services


def make(
    s: Services, by: Actor, tenant_id: str, scope: str, name: str, now: datetime
) -> tuple[str, str]:
    """Make a key and switch the LRS on; return key and secret, which is shown this once. Writes."""
    with s.store.begin() as work:
        tenant = work.tenants.get(tenant_id)
        if not tenant.settings.lrs_embedded:
            work.tenants.change(tenant_id, replace(tenant.settings, lrs_embedded=True))
        key, secret = work.lrs_keys.make(tenant_id, scope, name, now)
        detail = {"key": key, "scope": scope}
        work.audit.note(by.name, "lrs.key", detail, now, tenant_id)
    return key, secret


def listed(s: Services, tenant_id: str) -> tuple[LrsKey, ...]:
    with s.store.read() as work:
        return work.lrs_keys.listed(tenant_id)


def revoke(s: Services, by: Actor, tenant_id: str, key: str, now: datetime) -> None:
    """Take a key out of use. What was sent with it stays. Writes.

    :raises NotFound: the municipality has no such key in use.
    """
    with s.store.begin() as work:
        work.lrs_keys.revoke(tenant_id, key, now)
        work.audit.note(by.name, "lrs.key.revoke", {"key": key}, now, tenant_id)
