"""One version of a Soll: drafted in a form, compared with the last, decided by a named human."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from competency.scale import MAX_LEVEL
from competency.soll import Granularity, SollVersion, State, codes_of, difference
from lti_tool.errors import Conflict, NotFound
from lti_tool.flows import soll as flows
from lti_tool.flows.role_list import day_of
from lti_tool.flows.soll import (
    CouncilMissing,
    Decision,
    FourEyes,
    NobodyNamed,
    RoleSoll,
    Wanted,
    WrongDay,
)
from lti_tool.web.admin import session, soll_words
from lti_tool.web.admin.soll_parts import (
    Value,
    done,
    facts,
    line,
    may_change,
    role_soll,
    tenant_id,
    values,
)
from lti_tool.web.services import services
from lti_tool.web.translate import gettext as _
from lti_tool.web.translate import ngettext


@dataclass(frozen=True, slots=True)
class Row:
    """One value to choose."""

    code: str
    title: str
    choices: tuple[tuple[str, str], ...]
    chosen: str
    reason: str


def version(work: str, version: str) -> str:
    """Show one version: what it changes, all its values, and what can be decided about it."""
    return _version_page(role_soll(work), version)


def decide(work: str, version: str) -> Response | str:
    """Hand a version in, take it back, give it up, record the council, or approve it."""
    found = role_soll(work)
    chosen, did = _chosen(found, version), request.form.get("do", "")
    s, by, now = services(), session.actor(), datetime.now(UTC)
    try:
        if did in ("submit", "recall"):
            flows.submit(s, by, tenant_id(), chosen.id, now, back=did == "recall")
        elif did == "drop":
            flows.drop(s, by, tenant_id(), chosen.id, now)
            return redirect(url_for("admin.soll_role", work=work, getan="verworfen"), 303)
        elif did == "council":
            flows.involve_council(s, by, tenant_id(), chosen.id, _day("on"), now)
        elif did == "approve":
            first = _day("first") if request.form.get("first") else None
            decision = Decision(request.form.get("office", ""), first)
            flows.approve(s, by, tenant_id(), chosen.id, decision, now)
    except (CouncilMissing, FourEyes, NobodyNamed, WrongDay) as error:
        return _version_page(found, version, wrong=_wrong(error))
    done = {
        "submit": "eingereicht",
        "recall": "zurueck",
        "council": "personalrat",
        "approve": "beschlossen",
    }
    return redirect(
        url_for("admin.soll_version", work=work, version=version, getan=done.get(did)), 303
    )


def draft(work: str) -> str:
    """Show the form of a draft, filled with what is there."""
    found = role_soll(work)
    base = found.open or found.force
    granularity, scale = _shape(base)
    same = base is not None and base.granularity is granularity
    steps = (base.steps if same else {}) if base else flows.proposed(services(), found.role)
    reasons = base.reasons if base and same else {}
    page = {
        "role": line(found),
        "rows": _rows(granularity, scale, steps, reasons),
        "granularity": granularity.value,
        "scale": str(scale),
        "granularities": [(g.value, str(w)) for g, w in soll_words.GRANULARITIES.items()],
        "scales": _scales(),
        "blocked": found.open is not None and found.open.state is State.REVIEW,
    }
    return render_template("admin/soll_draft.html", page=page)


def save_draft(work: str) -> Response:
    """Save a draft; it can still be changed."""
    found = role_soll(work)
    granularity, scale = _sent_shape()
    codes = codes_of(services().content.framework, granularity)
    wanted = Wanted(
        granularity=granularity,
        scale=scale,
        steps={code: _step(f"v-{code}") for code in codes},
        reasons={code: request.form.get(f"r-{code}", "") for code in codes},
    )
    made = flows.draft(
        services(), session.actor(), tenant_id(), found.role.key, wanted, datetime.now(UTC)
    )
    return redirect(
        url_for("admin.soll_version", work=work, version=made.number, getan="entwurf"), 303
    )


def _version_page(found: RoleSoll, number: str, wrong: str = "") -> str:
    chosen = _chosen(found, number)
    before = flows.before(found, chosen)
    old = before.steps if before else flows.proposed(services(), found.role)
    changes = difference(old, chosen.steps)
    titles = soll_words.titles(services().content.framework, Granularity.COMPETENCE)
    titles |= soll_words.titles(services().content.framework, Granularity.AREA)
    settings = session.current().tenant.settings
    page = {
        "role": line(found),
        "number": chosen.number,
        "state": chosen.state.value,
        "word": str(soll_words.STATES[chosen.state]),
        "facts": facts(chosen),
        "against": soll_words.name(before) if before else _("the proposal"),
        "counts": _counts(len(changes), len(chosen.steps)),
        "changes": [
            Value(
                titles.get(c.code, c.code),
                soll_words.said(c.after, chosen.scale),
                soll_words.said(c.before, chosen.scale),
                chosen.reasons.get(c.code, ""),
            )
            for c in changes
        ],
        "values": values(chosen.steps, chosen),
        "today": day_of(datetime.now(UTC)).isoformat(),
        "council_required": settings.council_required,
        "council": chosen.council is not None,
        "by_link": not session.current().learner_id,
        "office": request.form.get("office", ""),
        "wrong": wrong,
        "done": done(),
        "may_change": may_change(),
    }
    return render_template("admin/soll_version.html", page=page)


def _rows(
    granularity: Granularity, scale: int, steps: Mapping[str, int], reasons: Mapping[str, str]
) -> list[Row]:
    titles = soll_words.titles(services().content.framework, granularity)
    return [
        Row(
            code,
            title,
            soll_words.choices(scale, steps.get(code, 0)),
            str(steps.get(code, 0)),
            reasons.get(code, ""),
        )
        for code, title in titles.items()
    ]


def _counts(changed: int, number: int) -> str:
    if not changed:
        return _("No value changes.")
    return ngettext(
        "%(num)d of %(all)s values changes.",
        "%(num)d of %(all)s values change.",
        changed,
        all=number,
    )


def _wrong(error: Conflict) -> str:
    said: dict[type[Conflict], str] = {
        CouncilMissing: _("Record first when the staff council was involved."),
        FourEyes: _("Whoever handed it in cannot approve it. Let somebody else approve it."),
        NobodyNamed: _("Name the office or function that approves. A one-time link is not enough."),
        WrongDay: _(
            "Look at the day. A Soll begins today or later; the council was asked by today."
        ),
    }
    return said[type(error)]


def _chosen(found: RoleSoll, number: str) -> SollVersion:
    for version in found.versions:
        if str(version.number) == number:
            return version
    raise NotFound("There is no such version.")


def _shape(base: SollVersion | None) -> tuple[Granularity, int]:
    """Return how the form asks: as it was chosen, or as the newest version was set."""
    asked, scale = request.args.get("art", ""), request.args.get("skala", "")
    granularity = base.granularity if base else Granularity.COMPETENCE
    if asked in set(Granularity):
        granularity = Granularity(asked)
    return granularity, int(scale) if scale in ("4", "8") else (base.scale if base else MAX_LEVEL)


def _sent_shape() -> tuple[Granularity, int]:
    area = request.form.get("granularity") == Granularity.AREA
    scale = 8 if request.form.get("scale") == "8" else MAX_LEVEL
    return Granularity.AREA if area else Granularity.COMPETENCE, scale


def _step(name: str) -> int:
    sent = request.form.get(name, "")
    return int(sent) if len(sent) == 1 and sent.isascii() and sent.isdigit() else 0


def _day(name: str) -> date:
    """Return a day as a browser sends it, or as it is written in Germany.

    :raises WrongDay: it is none.
    """
    sent = request.form.get(name, "").strip()
    for form in ("%Y-%m-%d", "%d.%m.%Y"):
        try:
            return datetime.strptime(sent, form).replace(tzinfo=UTC).date()
        except ValueError:
            continue
    raise WrongDay("This is no day.")


def _scales() -> tuple[tuple[str, str], ...]:
    return ("4", _("4 levels")), ("8", _("8 levels (DigComp 2.2)"))
