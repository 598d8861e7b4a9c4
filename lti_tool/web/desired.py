"""The desired role on the profile page: what it needs, apart from the Soll of today.

Nothing of it is counted, planned with or shown to anybody else (features R64).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from flask import redirect, request, url_for
from werkzeug.wrappers import Response

from competency.framework import Framework
from competency.profile import Standing, Verdict
from lti_tool.flows import profiles, roles
from lti_tool.flows.profiles import DesiredView
from lti_tool.ports import Learner
from lti_tool.web import wording
from lti_tool.web.services import services
from lti_tool.web.session import current_launch
from lti_tool.web.translate import gettext as _
from lti_tool.web.translate import ngettext
from lti_tool.web.wording import local

_ORDER = (Verdict.GAP, Verdict.OPEN, Verdict.MET)


@dataclass(frozen=True, slots=True)
class DesiredPage:
    """`choices` are the roles there are, without her own; the rest is empty without a wish."""

    choices: tuple[tuple[str, str], ...]
    chosen: str = ""
    title: str = ""
    counts: str = ""
    soll: str = ""
    groups: tuple[tuple[str, tuple[str, ...]], ...] = ()  # what is to learn, open, met


def wish() -> Response:
    """Set the desired role, or with none forget it."""
    here = current_launch()
    roles.wish(services(), here.learner, request.form.get("desired", ""), datetime.now(UTC))
    return redirect(url_for("learner.profile", _anchor="s-wish"), 303)


def page(learner: Learner) -> DesiredPage:
    """Return the desired role of a learner as the profile page shows it."""
    s, now = services(), datetime.now(UTC)
    offered = roles.choices(s, learner, now)
    choices = tuple(
        (r.key, local(r, "title")) for r in offered if r.key not in learner.roles and not r.general
    )
    view = profiles.desired(s, learner, now)
    if view is None or learner.desired_role in learner.roles:
        return DesiredPage(choices)
    return _page(view, choices, s.content.framework)


def _page(
    view: DesiredView, choices: tuple[tuple[str, str], ...], framework: Framework
) -> DesiredPage:
    found = view.profile.required
    return DesiredPage(
        choices=choices,
        chosen=view.role.key,
        title=local(view.role, "title"),
        counts=_counts(found, local(view.role, "title")),
        soll=wording.soll(approved=view.target.approved),
        groups=_groups(found, framework),
    )


def _counts(found: Sequence[Standing], title: str) -> str:
    of = {v: sum(s.verdict is v for s in found) for v in _ORDER}
    said = [
        _(
            "For “%(role)s” you meet %(met)s of %(count)s topics today.",
            role=title,
            met=of[Verdict.MET],
            count=len(found),
        )
    ]
    if gap := of[Verdict.GAP]:
        said.append(ngettext("%(num)d topic is to learn.", "%(num)d topics are to learn.", gap))
    if still := of[Verdict.OPEN]:
        said.append(
            ngettext("%(num)d topic is still open.", "%(num)d topics are still open.", still)
        )
    return " ".join(said)


def _groups(
    found: Sequence[Standing], framework: Framework
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    titles = {
        Verdict.GAP: _("You learn this for it"),
        Verdict.OPEN: _("Still open"),
        Verdict.MET: _("Met"),
    }
    lines = {v: tuple(_line(s, framework) for s in found if s.verdict is v) for v in _ORDER}
    return tuple((titles[v], lines[v]) for v in _ORDER if lines[v])


def _line(s: Standing, framework: Framework) -> str:
    title = local(framework.topic(s.competency), "title")
    return _("%(topic)s: needed “%(level)s”", topic=title, level=wording.level(s.soll))
