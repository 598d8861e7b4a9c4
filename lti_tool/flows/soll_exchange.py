"""The Soll of all roles as a table: written for people, read back as drafts after a preview.

What is read never comes into force by itself: it makes drafts, and the same file again makes
nothing. Source: design/days.md (HR), terms.md section 1.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from competency.scale import MAX_LEVEL
from competency.soll import Change, Granularity, SollVersion, State, difference
from competency.soll_table import Entry, Line, read_rows, rows_of
from competency.troubles import Trouble
from lti_tool.errors import Conflict
from lti_tool.flows import role_list, soll
from lti_tool.flows.role_list import RoleDraft, RoleInvalid, day_of
from lti_tool.flows.soll import RoleSoll, Wanted
from lti_tool.ports import Actor, Services, Work

Rows = list[list[str | float]]
NEW, CHANGED, SAME, BLOCKED = "new", "changed", "same", "blocked"
STATES = {
    State.DRAFT: "Entwurf",
    State.REVIEW: "in Prüfung",
    State.APPROVED: "beschlossen",
    State.DROPPED: "verworfen",
}
PROPOSAL = "Vorschlag, noch nicht beschlossen"


@dataclass(frozen=True)
class Reading:
    """What a row of the table would do. `new_role`: the role itself is added, too."""

    entry: Entry
    kind: str  # new | changed | same | blocked (a version of this role is being checked)
    changes: tuple[Change, ...]
    new_role: bool = False


@dataclass(frozen=True)
class Preview:
    """With troubles nothing can be taken."""

    readings: tuple[Reading, ...]
    troubles: tuple[Trouble, ...]

    @property
    def counts(self) -> dict[str, int]:
        kinds = [r.kind for r in self.readings]
        return {kind: kinds.count(kind) for kind in (NEW, CHANGED, SAME, BLOCKED)}


def export(
    s: Services,
    tenant_id: str,
    now: datetime,
    *,
    scale: int = 0,
    roles: Sequence[str] = (),
    drafts: bool = False,
) -> Rows:
    """Return the table of what is in force, or proposed where nothing is; Reads only.

    `scale` 4 or 8 writes everything on that scale, else each role on its own; `drafts` takes what
    is being worked on where there is something.
    """
    found = [r for r in soll.overview(s, tenant_id, now) if not roles or r.role.key in roles]
    with s.store.read() as work:
        tenant = work.tenants.get(tenant_id).name
    lines = [_line(s, r, drafts=drafts) for r in found if not r.role.retired or roles]
    comment = (
        f"Zweck: Soll-Profile der Rollen, keine Angaben zu Personen. {tenant}, "
        f"{day_of(now):%d.%m.%Y}. Rahmen: {s.content.versions['framework']}."
    )
    return rows_of(s.content.framework, lines, comment, scale)


def preview(
    s: Services, tenant_id: str, rows: Sequence[Sequence[object]], now: datetime
) -> Preview:
    """Return what a table would do, or what is wrong with it. Reads only."""
    table = read_rows(s.content.framework, rows)
    known = {r.role.key: r for r in soll.overview(s, tenant_id, now)}
    unknown = tuple(t for e in table.entries if (t := _trouble_with(e, known)) is not None)
    readings = tuple(_reading(s, e, known.get(e.role)) for e in table.entries)
    troubles = tuple(sorted((*table.troubles, *unknown), key=lambda t: (t.row, t.column)))
    return Preview(() if troubles else readings, troubles)


def take(s: Services, by: Actor, tenant_id: str, found: Preview, now: datetime) -> Preview:
    """Write the drafts of a preview, and return what was done. Writes, commits, is audited.

    :raises Conflict: there are troubles in it.
    """
    if found.troubles:
        raise Conflict("This table cannot be taken.", remedy="Mend what the preview names.")
    with s.store.begin() as work:
        work.soll.lock(tenant_id)
        for reading in found.readings:
            if reading.kind in (NEW, CHANGED):
                _take(s, work, by, tenant_id, reading, now)
        detail = {"count": found.counts[NEW] + found.counts[CHANGED]}
        work.audit.note(by.name, "soll.import", detail, now, tenant_id=tenant_id)
    return found


def _take(
    s: Services, work: Work, by: Actor, tenant_id: str, reading: Reading, now: datetime
) -> None:
    entry = reading.entry
    if reading.new_role:
        draft = RoleDraft(entry.role, entry.title, entry.hint)
        role_list.put_new(s, work, by, tenant_id, draft, now)
    soll.put_draft(s, work, by, tenant_id, entry.role, _wanted(entry), now)


def _line(s: Services, found: RoleSoll, *, drafts: bool) -> Line:
    version = (found.open if drafts else None) or found.force
    base = Line(
        role=found.role.key,
        title=found.role.title,
        hint=found.role.hint,
        granularity=Granularity.COMPETENCE,
        scale=MAX_LEVEL,
        steps=soll.proposed(s, found.role),
        state=PROPOSAL if found.role.soll.competencies else "",
    )
    if version is None:
        return base
    return replace(
        base,
        granularity=version.granularity,
        scale=version.scale,
        steps=version.steps,
        reasons=version.reasons,
        state=f"{STATES[version.state]}, Fassung {version.number}",
        since=version.valid_from,
    )


def _trouble_with(entry: Entry, known: Mapping[str, RoleSoll]) -> Trouble | None:
    """Return what is wrong with a role that does not exist yet."""
    if entry.role in known:
        return None
    try:
        role_list.require(RoleDraft(entry.role, entry.title, entry.hint))
    except RoleInvalid as error:
        column = {"key": "Rolle", "title": "Titel", "hint": "Tätigkeit"}.get(error.field, "Rolle")
        return Trouble(entry.row, column, f"role-{error.field}", entry.role)
    return None


def _reading(s: Services, entry: Entry, known: RoleSoll | None) -> Reading:
    if known is None:
        return Reading(entry, NEW, difference({}, entry.steps), new_role=True)
    base = known.open or _last(known)
    steps = base.steps if base else soll.proposed(s, known.role)
    entry = replace(entry, reasons=_reasons(entry, base))
    changes = difference(steps, entry.steps)
    if _says_the_same(s, known, base, entry):
        return Reading(entry, SAME, ())
    if known.open is not None and known.open.state is State.REVIEW:
        return Reading(entry, BLOCKED, changes)
    return Reading(entry, CHANGED if base else NEW, changes)


def _last(known: RoleSoll) -> SollVersion | None:
    """Return what was approved last, whether it counts already or not yet."""
    return next((v for v in known.versions if v.state is State.APPROVED), None)


def _reasons(entry: Entry, base: SollVersion | None) -> Mapping[str, str]:
    """Return the reasons of the table; without a column for them those there are already."""
    if entry.reasons is not None:
        return entry.reasons
    return base.reasons if base and base.granularity is entry.granularity else {}


def _says_the_same(s: Services, known: RoleSoll, base: SollVersion | None, entry: Entry) -> bool:
    if base is None:
        return not entry.reasons and dict(entry.steps) == soll.proposed(s, known.role)
    mine = replace(
        base,
        granularity=entry.granularity,
        scale=entry.scale,
        steps=entry.steps,
        reasons=entry.reasons or {},
    )
    # The same values written on the other scale are the same Soll.
    return replace(mine, scale=base.scale).content() == base.content()


def _wanted(entry: Entry) -> Wanted:
    return Wanted(
        granularity=entry.granularity,
        scale=entry.scale,
        steps=entry.steps,
        reasons=entry.reasons or {},
        source="import",
    )
