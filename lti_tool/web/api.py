"""The learner's own data as JSON: the same as the pages, for the same launch and nobody else."""

from datetime import UTC, datetime
from typing import Any

from flask import Response, jsonify

from competency.path import LearningPath, PathStep
from competency.profile import Standing
from lti_tool.flows import external, plan, profiles
from lti_tool.flows.external import TestStep
from lti_tool.flows.plan import PathView
from lti_tool.web import path_months
from lti_tool.web.formats import months_after
from lti_tool.web.services import services
from lti_tool.web.session import current_launch, ending, touch
from lti_tool.web.wording import local


def me() -> Response:
    here = current_launch()
    return jsonify(
        learner=here.learner.id,
        tenant=here.tenant.key,
        course=here.context_id,
        role=next(iter(here.learner.roles), None),
        roles=list(here.learner.roles),
        language=here.learner.language,
    )


def session() -> Response:
    """Say how long the session lasts, without prolonging it."""
    return _session()


def keep_session() -> Response:
    """Prolong the session: a tap on "Keep working", or work in an open page."""
    touch()
    return _session()


def _session() -> Response:
    left = ending()
    assert left is not None
    return jsonify(ends_s=left.left_s, last=left.absolute_s <= left.idle_s)


def profile() -> Response:
    """Return Ist and Soll in steps 0 to 8."""
    view = profiles.current(services(), current_launch().learner)
    if view is None:
        return jsonify(competencies=[], versions={})
    return jsonify(
        competencies=[_standing(s) for s in view.profile.standings],
        sources=dict(view.target.sources),
        approved=view.target.approved,
        versions=dict(view.profile.versions),
        computed=view.at.isoformat(),
    )


def _standing(s: Standing) -> dict[str, Any]:
    return {
        "id": s.competency,
        "soll": s.soll,
        "ist": s.ist,
        "low": s.low,
        "high": s.high,
        "verdict": s.verdict.value,
        "inferred": s.inferred,
        "evidence": s.evidence,
    }


def path() -> Response:
    view = plan.current(services(), current_launch().learner, datetime.now(UTC))
    if view.path is None:
        return jsonify(state="none", steps=[], tests=[], value=0.0, bound=0.0, versions={})
    return jsonify(_path(view, view.path) | {"tests": _tests(view.path.start)})


def _path(view: PathView, path: LearningPath) -> dict[str, Any]:
    return {
        "id": view.path_id,
        "state": view.state,
        "steps": [_step(view, path, s) for s in path.steps],
        "value": path.value,
        "bound": path.bound,
        "unmet": list(path.unmet),
        "left_out": list(path.left_out),
        "proposal": view.proposal is not None,
        "versions": dict(path.versions),
    }


def _step(view: PathView, path: LearningPath, s: PathStep) -> dict[str, Any]:
    return {
        "offer": s.unit,
        "title": local(view.units[s.unit], "title"),
        "obligation": s.obligation.value,
        "hours": s.hours,
        "month": months_after(path.start, s.month),
        "until": months_after(path.start, s.last),
        "state": s.state.value,
        "closes": [{"id": c.competency, "from": c.start, "to": c.end} for c in s.closes],
        "why": " ".join(path_months.reasons(s, services().content)),
    }


def _tests(start: str) -> list[dict[str, Any]]:
    """Return the tests of other providers as the page shows them; no stored path holds them."""
    s, learner = services(), current_launch().learner
    left_out = (TestStep(p, ()) for p in external.excluded(s, learner))
    return [
        *(_test(x, "done" if x.done else "planned") for x in external.steps(s, learner, start)),
        *(_test(x, "excluded") for x in left_out),
    ]


def _test(step: TestStep, state: str) -> dict[str, Any]:
    return {
        "provider": step.provider.key,
        "title": step.provider.name,
        "state": state,
        "topics": list(step.topics),
        "address": step.provider.address,
    }
