"""The register of test providers: who they are, how their scale meets ours.

What was taken from a provider keeps the words and the numbers of that day; a change counts for what
comes later. Source: features R06.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from competency.provider import Fault, Provider, ProviderInvalid, provider_of
from competency.soll import Signed
from lti_tool.errors import Conflict, NotFound
from lti_tool.ports import Actor, Json, RegisteredProvider, Services, Work


@dataclass(frozen=True)
class Known:
    """A registered provider. `provider` is None if its document fits this framework no more."""

    registered: RegisteredProvider
    provider: Provider | None
    faults: tuple[Fault, ...] = ()

    @property
    def key(self) -> str:
        return self.registered.key

    @property
    def name(self) -> str:
        return self.provider.name if self.provider else str(self.registered.document.get("name"))


def overview(s: Services, tenant_id: str) -> tuple[Known, ...]:
    """Return all providers of a municipality; those that are not used any more last. Reads only."""
    with s.store.read() as work:
        return tuple(read(s, r) for r in work.providers.all(tenant_id))


def one(s: Services, tenant_id: str, key: str) -> Known:
    """:raises NotFound: there is none with this key here."""
    with s.store.read() as work:
        return found(s, work, tenant_id, key)


def found(s: Services, work: Work, tenant_id: str, key: str) -> Known:
    """:raises NotFound: there is none with this key here."""
    registered = work.providers.get(tenant_id, key)
    if registered is None:
        raise NotFound("There is no such test provider.", remedy="See `roadmap provider list`.")
    return read(s, registered)


def save(
    s: Services,
    by: Actor,
    tenant_id: str,
    document: Mapping[str, Json],
    now: datetime,
    *,
    after: int | None = None,
) -> RegisteredProvider:
    """Store a provider, or a new version of it; the same again changes nothing.

    `after` is the version that was looked at, 0 for a new provider: what somebody else has entered
    since is not overwritten. None overwrites any. Writes, commits, is audited.

    :raises ProviderInvalid: names every field that is wrong.
    """
    provider = provider_of(document, s.content.framework)
    with s.store.begin() as work:
        work.soll.lock(tenant_id)  # one writer of rules per municipality
        before = work.providers.get(tenant_id, provider.key)
        _require_unchanged(before, after)
        _require_own_activities(work, tenant_id, provider)
        plain = provider.document()
        if before is not None and before.document == plain and before.retired is None:
            return before
        number = before.version + 1 if before else 1
        made = RegisteredProvider(tenant_id, provider.key, number, plain, Signed(by.name, now))
        work.providers.put(made)
        detail = {"provider": provider.key, "version": number}
        work.audit.note(by.name, "provider.save", detail, now, tenant_id=tenant_id)
    return made


def use(s: Services, by: Actor, tenant_id: str, key: str, now: datetime, *, on: bool) -> None:
    """Let a provider be used no more, or again; what was taken stays. Writes, commits, is audited.

    :raises NotFound: there is none with this key here.
    """
    with s.store.begin() as work:
        work.soll.lock(tenant_id)
        registered = found(s, work, tenant_id, key).registered
        if (registered.retired is None) != on:
            work.providers.put(replace(registered, retired=None if on else now))
            action = "provider.use" if on else "provider.retire"
            work.audit.note(by.name, action, {"provider": key}, now, tenant_id=tenant_id)


def in_use(known: Known) -> Provider:
    """Return a provider whose results may be taken.

    :raises Conflict: says what is missing.
    """
    if known.provider is None or known.registered.retired is not None:
        raise Conflict(
            f"Nothing is taken from {known.name}.",
            remedy="It is not used any more, or its entry is wrong: look at the test providers.",
        )
    if known.provider.contract_on is None:
        raise Conflict(
            f"There is no data-processing contract with {known.name} yet.",
            remedy="Enter its date first.",
        )
    return known.provider


def _require_unchanged(before: RegisteredProvider | None, after: int | None) -> None:
    if after is not None and after != (before.version if before else 0):
        raise ProviderInvalid((Fault("key", "changed" if after else "exists"),))


def _require_own_activities(work: Work, tenant_id: str, provider: Provider) -> None:
    """One activity is the test of one provider."""
    for other in work.providers.all(tenant_id):
        if other.key != provider.key and other.retired is None:
            twice = set(other.document.get("activities", {})) & set(provider.activities)
            if twice:
                raise ProviderInvalid((Fault("activities", "taken", min(twice)),))


def read(s: Services, registered: RegisteredProvider) -> Known:
    """Return a stored provider, or what is wrong with it in this framework."""
    try:
        return Known(registered, provider_of(registered.document, s.content.framework))
    except ProviderInvalid as error:
        return Known(registered, None, error.faults)
