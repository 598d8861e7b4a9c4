"""What the pages of roles and Soll share: how a role and a version are told. Writes nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from flask import request

from competency.scale import MAX_LEVEL
from competency.soll import Granularity, SollVersion
from lti_tool.flows import role_list
from lti_tool.flows import soll as flows
from lti_tool.flows import staff as rights
from lti_tool.flows.soll import RoleSoll
from lti_tool.web.admin import session, soll_words, words
from lti_tool.web.formats import date_of, moment
from lti_tool.web.services import services
from lti_tool.web.translate import gettext as _
from lti_tool.web.wording import local

DONE = (
    *("entwurf", "eingereicht", "zurueck", "verworfen", "personalrat", "beschlossen"),
    *("rolle", "aus", "wieder", "gelesen"),
)


@dataclass(frozen=True, slots=True)
class RoleLine:
    """A role in the list."""

    key: str
    title: str
    state: str  # approved | proposal | none | retired
    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a version, with what it was before where that is asked for."""

    title: str
    after: str
    before: str = ""
    reason: str = ""


def role_soll(key: str) -> RoleSoll:
    return flows.of_role(services(), tenant_id(), key, datetime.now(UTC))


def line(found: RoleSoll) -> RoleLine:
    force, waiting, facts = found.force, found.open, []
    if force is not None and force.valid_from is not None:
        said = _(
            "version %(number)s since %(day)s",
            number=force.number,
            day=date_of(force.valid_from.isoformat()),
        )
        facts += [(_("In force"), said), (_("Approved by"), force.approved_as)]
    for version in found.coming:
        day = date_of(version.valid_from.isoformat()) if version.valid_from else ""
        facts.append(
            (_("Coming"), _("version %(number)s from %(day)s", number=version.number, day=day))
        )
    if waiting is not None:
        state = str(soll_words.STATES[waiting.state])
        facts.append((_("Being worked on"), f"{soll_words.name(waiting)}: {state}"))
    return RoleLine(found.role.key, local(found.role, "title"), _state(found), tuple(facts))


def _state(found: RoleSoll) -> str:
    if found.role.retired:
        return "retired"
    if found.force is not None:
        return "approved"
    return "proposal" if flows.proposed(services(), found.role) else "none"


def facts(version: SollVersion) -> tuple[tuple[str, str], ...]:
    facts = [
        (_("Where from"), str(soll_words.SOURCES.get(version.source, version.source))),
        (_("Set"), str(soll_words.GRANULARITIES[version.granularity])),
        (_("Drafted"), f"{moment(version.made.at)}, {words.said_of(version.made.by)}"),
    ]
    if signed := version.submitted:
        facts.append((_("Handed in"), f"{moment(signed.at)}, {words.said_of(signed.by)}"))
    if version.council is not None:
        facts.append((_("Staff council involved on"), date_of(version.council.isoformat())))
    if signed := version.approved:
        said = f"{moment(signed.at)}, {version.approved_as}, {words.said_of(signed.by)}"
        facts.append((_("Approved"), said))
    if version.valid_from is not None:
        facts.append((_("Counts from"), date_of(version.valid_from.isoformat())))
    return tuple(facts)


def values(steps: Mapping[str, int], version: SollVersion | None) -> list[Value]:
    framework = services().content.framework
    granularity = version.granularity if version else Granularity.COMPETENCE
    scale, reasons = (version.scale, version.reasons) if version else (MAX_LEVEL, {})
    titles = soll_words.titles(framework, granularity)
    return [
        Value(title, soll_words.said(steps.get(code), scale), reason=reasons.get(code, ""))
        for code, title in titles.items()
        if steps
    ]


def places() -> list[tuple[str, str]]:
    said = {
        "non_desk": _("Mostly on the move, outside or with people"),
        "mixed": _("Sometimes at a desk, sometimes not"),
        "desk": _("Mostly at a desk"),
    }
    return [(place, said[place]) for place in role_list.WORKPLACES]


def alike() -> list[tuple[str, str]]:
    return [(r.key, local(r, "title")) for r in services().content.roles if not r.general]


def tenant_id() -> str:
    return session.current().tenant.id


def may_change() -> bool:
    return rights.may_change(session.current().roles, "soll")


def done() -> str:
    done = request.args.get("getan", "")
    return done if done in DONE else ""
