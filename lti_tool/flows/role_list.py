"""The roles of a municipality: those of the pack and its own, each with the Soll in force.

A role of the pack can be retired, not changed; an own role has a key, a title and one line about
the work, and asks its questions in the work of a role that is alike. What it needs is versioned
(`flows.soll`), its title is not.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from competency.soll import Signed, SollVersion, in_force
from competency.target import RoleProfile
from lti_tool.errors import Conflict, NotFound
from lti_tool.ports import Actor, OwnRole, Services, Work

ZONE = ZoneInfo("Europe/Berlin")
KEY = re.compile(r"[A-Z0-9][A-Z0-9-]{1,15}")
WORKPLACES = ("non_desk", "mixed", "desk")
LONGEST_TITLE, LONGEST_HINT = 80, 200


class RoleInvalid(Conflict):
    """A role that cannot be made like this; `field` names what is wrong."""

    def __init__(self, field: str, message: str, *, remedy: str) -> None:
        super().__init__(message, remedy=remedy)
        self.field = field


@dataclass(frozen=True, slots=True)
class RoleDraft:
    """What somebody typed about an own role."""

    key: str
    title: str
    hint: str = ""
    workplace: str = "mixed"
    additional: bool = False
    alike: str = ""


def day_of(now: datetime) -> date:
    """Return the day in Germany: a Soll counts from a day on."""
    return now.astimezone(ZONE).date()


def everyone(s: Services, work: Work, tenant_id: str, today: date) -> tuple[RoleProfile, ...]:
    """Return all roles, retired ones too: the pack's in its order, then the own ones by key."""
    own = {role.key: role for role in work.soll.roles(tenant_id)}
    decided = in_force(work.soll.versions(tenant_id), today)
    return _joined(s, own, decided)


def some(
    s: Services, work: Work, tenant_id: str, keys: Collection[str], today: date
) -> tuple[RoleProfile, ...]:
    """Return the roles of these keys that exist, in the order of the keys."""
    if not keys:
        return ()
    own = {role.key: role for role in work.soll.roles(tenant_id)}
    decided = in_force(work.soll.versions(tenant_id, keys), today)
    known = {r.key: r for r in _joined(s, own, decided)}
    return tuple(known[key] for key in keys if key in known)


def one(s: Services, work: Work, tenant_id: str, key: str, today: date) -> RoleProfile:
    """Return a role; :raises NotFound: there is none."""
    for role in some(s, work, tenant_id, (key,), today):
        return role
    raise NotFound("There is no such role.", remedy="See `roadmap soll list`.")


def _joined(
    s: Services, own: Mapping[str, OwnRole], decided: Mapping[str, SollVersion]
) -> tuple[RoleProfile, ...]:
    proposal = s.content.versions["roles"]
    packed = {r.key: replace(r, version=proposal) for r in s.content.roles}
    added = {k: _profile(r) for k, r in sorted(own.items()) if k not in packed and r.title}
    retired = {key for key, role in own.items() if role.retired is not None}
    return tuple(
        replace(_decided(r, decided.get(r.key)), retired=r.key in retired)
        for r in (*packed.values(), *added.values())
    )


def _profile(own: OwnRole) -> RoleProfile:
    return RoleProfile(
        key=own.key,
        title=own.title,
        title_en="",
        hint=own.hint,
        hint_en="",
        workplace=own.workplace,
        levels={},
        additional=own.additional,
        alike=own.alike,
    )


def _decided(role: RoleProfile, version: SollVersion | None) -> RoleProfile:
    if version is None:
        return role
    return replace(role.with_soll(version.soll, approved=True), version=str(version.number))


# --- own roles ------------------------------------------------------------------------------------


def add(s: Services, by: Actor, tenant_id: str, draft: RoleDraft, now: datetime) -> OwnRole:
    """Add an own role. Writes, commits, is audited.

    :raises RoleInvalid: key or title cannot be used, or the key is taken.
    """
    with s.store.begin() as work:
        work.soll.lock(tenant_id)
        return put_new(s, work, by, tenant_id, draft, now)


def put_new(
    s: Services, work: Work, by: Actor, tenant_id: str, draft: RoleDraft, now: datetime
) -> OwnRole:
    """Do what `add` does, in a transaction that is open already."""
    draft = replace(draft, key=draft.key.strip().upper())
    require(draft)
    if draft.key in {r.key for r in everyone(s, work, tenant_id, day_of(now))}:
        raise RoleInvalid(
            "taken", f"There is a role {draft.key} already.", remedy="Choose another short name."
        )
    return _put(s, work, by, tenant_id, draft, now)


def change(s: Services, by: Actor, tenant_id: str, draft: RoleDraft, now: datetime) -> OwnRole:
    """Change the words of an own role. Writes, commits, is audited.

    :raises NotFound: it is no role of this municipality's own.
    """
    with s.store.begin() as work:
        work.soll.lock(tenant_id)
        known = {r.key: r for r in work.soll.roles(tenant_id) if r.title}
        if draft.key not in known:
            raise NotFound("There is no such role.", remedy="Only own roles can be changed.")
        return _put(s, work, by, tenant_id, draft, now, retired=known[draft.key].retired)


def retire(
    s: Services, by: Actor, tenant_id: str, key: str, now: datetime, *, back: bool = False
) -> None:
    """Let nobody new choose a role, or (`back`) let it be chosen again. Writes, is audited.

    Who has the role keeps it, with the Soll in force.
    """
    with s.store.begin() as work:
        work.soll.lock(tenant_id)
        one(s, work, tenant_id, key, day_of(now))
        own = {r.key: r for r in work.soll.roles(tenant_id)}
        role = own.get(key) or OwnRole(key, Signed(by.name, now))
        work.soll.put_role(tenant_id, replace(role, retired=None if back else now))
        action = "role.restore" if back else "role.retire"
        work.audit.note(by.name, action, {"work": key}, now, tenant_id=tenant_id)


def _put(
    s: Services,
    work: Work,
    by: Actor,
    tenant_id: str,
    draft: RoleDraft,
    now: datetime,
    *,
    retired: datetime | None = None,
) -> OwnRole:
    require(draft)
    _require_alike(s, draft)
    role = OwnRole(
        key=draft.key,
        made=Signed(by.name, now),
        title=draft.title.strip(),
        hint=draft.hint.strip(),
        workplace=draft.workplace,
        additional=draft.additional,
        alike=draft.alike,
        retired=retired,
    )
    work.soll.put_role(tenant_id, role)
    work.audit.note(by.name, "role.put", {"work": draft.key}, now, tenant_id=tenant_id)
    return role


def require(draft: RoleDraft) -> None:
    """Check the words of an own role. :raises RoleInvalid: one of them cannot be used."""
    if not KEY.fullmatch(draft.key):
        raise RoleInvalid(
            "key",
            f"{draft.key!r} cannot be the short name of a role.",
            remedy="Use 2 to 16 capital letters, digits and hyphens, e.g. BAD.",
        )
    if not 0 < len(draft.title.strip()) <= LONGEST_TITLE:
        remedy = f"At most {LONGEST_TITLE} characters."
        raise RoleInvalid("title", f"The role {draft.key} needs a title.", remedy=remedy)
    if len(draft.hint) > LONGEST_HINT:
        remedy = f"At most {LONGEST_HINT} characters."
        raise RoleInvalid("hint", "The line about the work is too long.", remedy=remedy)
    if draft.workplace not in WORKPLACES:
        remedy = f"One of {', '.join(WORKPLACES)}."
        raise RoleInvalid("workplace", "There is no such place of work.", remedy=remedy)


def _require_alike(s: Services, draft: RoleDraft) -> None:
    if draft.alike and draft.alike not in {r.key for r in s.content.roles}:
        remedy = "Choose one of the pack's roles, or none."
        raise RoleInvalid("alike", "There is no such role to be alike.", remedy=remedy)
