"""Roles and Soll: what each role asks for, and in which version.

Readable for human resources, managers and the staff council; what counts is decided by human
resources (`soll_version`). No page here knows a person's result.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

from flask import render_template

from competency.scale import MAX_LEVEL
from competency.soll import Granularity, SollVersion
from lti_tool.flows import soll as flows
from lti_tool.flows import staff as rights
from lti_tool.flows.soll import RoleSoll
from lti_tool.web.admin import session, soll_words
from lti_tool.web.admin.soll_parts import (
    alike,
    done,
    facts,
    line,
    may_change,
    places,
    role_soll,
    tenant_id,
    values,
)
from lti_tool.web.services import services
from lti_tool.web.translate import gettext as _
from lti_tool.web.wording import local


def soll() -> str:
    """List the roles with their Soll in force, and all values as a table."""
    found = flows.overview(services(), tenant_id(), datetime.now(UTC))
    page = {
        "roles": [line(r) for r in found],
        "tables": _tables(found),
        "done": done(),
        "may_change": may_change(),
    }
    return render_template("admin/soll.html", page=page)


def role(work: str) -> str:
    """Show one role: its Soll with the reasons, its versions, its words."""
    found = role_soll(work)
    version = found.force
    steps = version.steps if version else flows.proposed(services(), found.role)
    page = {
        "role": line(found),
        "hint": local(found.role, "hint"),
        "reason": local(found.role, "reason"),
        "own": not any(r.key == work for r in services().content.roles),
        "given": found.role,
        "values": values(steps, version),
        "versions": [_version_line(v) for v in found.versions],
        "open": found.open,
        "places": places(),
        "alike": alike(),
        "done": done(),
        "may_change": may_change(),
        "may_invite": rights.may_change(session.current().roles, "workshops"),
    }
    return render_template("admin/soll_role.html", page=page)


def _tables(found: tuple[RoleSoll, ...]) -> list[tuple[str, list[str], list[list[str]]]]:
    """Return caption, headings and rows: topics down, roles across; areas on their own."""
    framework, tables = services().content.framework, []
    for granularity, caption in (
        (Granularity.COMPETENCE, _("Soll topic by topic")),
        (Granularity.AREA, _("Soll area by area")),
    ):
        columns = [c for c in map(_column, found) if c is not None and c[1] is granularity]
        if not columns:
            continue
        titles = soll_words.titles(framework, granularity)
        rows = [
            [title, *(soll_words.mark(steps.get(code), scale) for _, _, steps, scale in columns)]
            for code, title in titles.items()
        ]
        tables.append((caption, [_("Topic"), *(key for key, *_ in columns)], rows))
    return tables


def _column(found: RoleSoll) -> tuple[str, Granularity, Mapping[str, int], int] | None:
    if found.role.retired:
        return None
    if found.force is not None:
        v = found.force
        return found.role.key, v.granularity, v.steps, v.scale
    steps = flows.proposed(services(), found.role)
    return (found.role.key, Granularity.COMPETENCE, steps, MAX_LEVEL) if steps else None


def _version_line(version: SollVersion) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    """Return number, state and facts of a version."""
    return str(version.number), str(soll_words.STATES[version.state]), facts(version)
