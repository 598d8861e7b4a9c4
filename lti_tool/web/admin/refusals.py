"""Refused logins and launches: how often, why, and what to do. No person, no address."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from flask import render_template, request

from lti_tool.store import platforms, tenants
from lti_tool.store import refusals as store
from lti_tool.store.refusals import Refusal
from lti_tool.web.admin import session
from lti_tool.web.admin.remedies import needs_admin, remedy_of
from lti_tool.web.formats import date_of, language
from lti_tool.web.services import house
from lti_tool.web.translate import gettext as _

PERIODS = (7, 30)


@dataclass(frozen=True, slots=True)
class Kind:
    """All refusals with one code."""

    code: str
    cause: str
    remedy: str
    count: int
    last: str
    days: tuple[tuple[str, str, str], ...]  # day, learning portal, count
    skew: str
    setting: bool  # somebody has to change something


def refusals() -> str:
    """List refusals by code, those that need somebody first."""
    days = 30 if request.args.get("tage") == "30" else 7
    first = (datetime.now(UTC) - timedelta(days=days)).date().isoformat()
    tenant_id = session.current().tenant.id
    with house().database.read() as conn:
        names = {p.id: p.name or p.issuer for p in platforms.listed(conn, tenant_id)}
        alone = len(tenants.listed(conn)) == 1
        found = store.rows(conn, first)
    if alone:
        # Before a platform is known nobody can say whose start it was: with several
        # municipalities only the operator sees these (`roadmap platform refusals`).
        names[""] = _("unknown learning portal")
    by_code: dict[str, list[Refusal]] = defaultdict(list)
    for row in found:
        if row.platform_id in names:
            by_code[row.code].append(row)
    kinds = [_kind(code, rows, names) for code, rows in by_code.items()]
    kinds.sort(key=lambda k: (not k.setting, -k.count, k.code))
    page = {"kinds": kinds, "days": days, "periods": PERIODS, "alone": alone}
    return render_template("admin/refusals.html", page=page)


def _kind(code: str, rows: list[Refusal], names: dict[str, str]) -> Kind:
    cause, remedy = remedy_of(code, language())
    newest = sorted(rows, key=lambda r: r.day, reverse=True)
    skews = [r.skew_s for r in newest if r.skew_s is not None]
    return Kind(
        code=code,
        cause=cause,
        remedy=remedy,
        count=sum(r.count for r in rows),
        last=date_of(newest[0].day),
        days=tuple((date_of(r.day), names[r.platform_id], str(r.count)) for r in newest),
        skew=str(round(skews[0])) if skews else "",
        setting=needs_admin(code),
    )
