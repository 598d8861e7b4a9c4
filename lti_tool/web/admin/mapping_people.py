"""Whose messages are: known, unknown, foreign, and those that fit several people. No person.

Counts, kinds of names, and how each ILIAS names people; what fits two is shown and never guessed.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import render_template
from flask_babel import lazy_gettext as _l
from sqlalchemy import Connection

from lti_tool.lti.platforms.ilias import Known, modes
from lti_tool.store import identities, lrs, platforms
from lti_tool.store.identities import Conflict
from lti_tool.store.lrs import LrsConnection
from lti_tool.web.admin import session
from lti_tool.web.admin.tested import MODES
from lti_tool.web.formats import date_of, moment
from lti_tool.web.services import house
from lti_tool.web.translate import gettext as _
from lti_tool.web.translate import ngettext

#: Names under which a person may be known: `xapi_bridge.identity`.
KINDS: Mapping[str, object] = {
    "sub": _l("id of the start"),
    "ident": _l("address that ILIAS makes up"),
    "mail_sha1": _l("hashed address"),
    "mail": _l("e-mail address"),
    "username": _l("login"),
    "usr_id": _l("ILIAS user id"),
    "openid": "OpenID",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """One identifier that fits several people."""

    title: str
    lrs: str
    since: str
    fits: tuple[str, ...]


def people() -> str:
    """Show how many messages are whose, and what could be two people's."""
    here, tenant_id, now = house(), session.current().tenant.id, datetime.now(UTC)
    with here.database.read() as conn:
        connected = lrs.listed(conn, tenant_id=tenant_id)
        counts = {row["id"]: row for row in lrs.status(conn, now)}
        portals = platforms.listed(conn, tenant_id)
        names = {p.id: p.name or p.issuer for p in portals}
        stores = [(c.name, list(_facts(conn, c, counts[c.id]))) for c in connected]
        found = [x for c in connected for x in identities.conflicts(conn, here.seal, c)]
        seen = {
            names[p.id]: identities.newest(conn, here.seal, p) for p in portals if p.kind == "ilias"
        }
    page = {
        "stores": stores,
        "conflicts": [_shown(c, names) for c in found],
        "naming": [(name, _naming(people)) for name, people in seen.items()],
        "cloned": cloned(seen),
    }
    return render_template("admin/mapping_people.html", page=page)


def _facts(
    conn: Connection, connection: LrsConnection, counts: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    yield _("Of people we know"), str(counts["stored"])
    waits = identities.waiting(conn, connection)
    if connection.strict:
        yield _("Of unknown people"), _("are not kept (strict setting)")
    elif waits.since is not None:
        kept = timedelta(days=house().settings.retention.parked)
        said = _(
            "%(messages)s of %(people)s; the oldest are deleted on %(day)s",
            messages=waits.messages,
            people=_persons(waits.people),
            day=date_of((waits.since + kept).date().isoformat()),
        )
        yield _("Of unknown people, waiting"), said
    else:
        yield _("Of unknown people, waiting"), "0"
    yield _("Foreign, not kept"), str(counts["foreign"])


def cloned(seen: Mapping[str, Sequence[tuple[str, str]]]) -> list[str]:
    """Return the learning portals that call themselves the same ILIAS: one is a copy."""
    homes = {
        name: {ident.rpartition("@")[2] for _subject, ident in people if ident.endswith(".ilias")}
        for name, people in seen.items()
    }
    return [n for n, mine in homes.items() if any(mine & homes[o] for o in homes if o != n)]


def _naming(seen: Sequence[tuple[str, str]]) -> str:
    """Return how an ILIAS names people, told from those who came last."""
    found = modes(Known(subject, ident) for subject, ident in seen)
    if not found:
        return _("Nobody has started from here yet.")
    return ", ".join(str(MODES.get(mode, mode)) for mode in found)


def _persons(number: int) -> str:
    return ngettext("%(num)d person", "%(num)d persons", number)


def _shown(conflict: Conflict, names: Mapping[str, str]) -> Shown:
    return Shown(
        title=ngettext(
            "%(num)d message fits several people",
            "%(num)d messages fit several people",
            conflict.count,
        ),
        lrs=conflict.lrs,
        since=moment(conflict.since),
        fits=tuple(
            f"{names.get(platform, '–')}: {KINDS.get(kind, kind)}"
            for platform, kind in conflict.fits
        ),
    )
