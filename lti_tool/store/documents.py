"""Values <-> JSON documents: what is stored as one versioned document instead of columns."""

from collections.abc import Mapping
from typing import Any

from competency.catalogue import Obligation
from competency.path import (
    Closes,
    LearningPath,
    PathState,
    PathStep,
    Reason,
    StepState,
    Wishes,
)
from lti_tool.ports import TenantSettings

Json = Any


def wishes_to(wishes: Wishes) -> Json:
    return {
        "hours_per_month": wishes.hours_per_month,
        "blocked_months": list(wishes.blocked_months),
        "not_before": dict(wishes.not_before),
        "excluded": sorted(wishes.excluded),
        "included": sorted(wishes.included),
    }


def wishes_from(document: Mapping[str, Any]) -> Wishes:
    return Wishes(
        hours_per_month=document["hours_per_month"],
        blocked_months=tuple(document["blocked_months"]),
        not_before=dict(document["not_before"]),
        excluded=frozenset(document["excluded"]),
        included=frozenset(document["included"]),
    )


def path_to(path: LearningPath) -> Json:
    return {
        "steps": [_step_to(s) for s in path.steps],
        "value": path.value,
        "bound": path.bound,
        "start": path.start,
        "wishes": wishes_to(path.wishes),
        "versions": dict(path.versions),
        "unmet": list(path.unmet),
        "left_out": list(path.left_out),
        "state": path.state.value,
    }


def path_from(document: Mapping[str, Any]) -> LearningPath:
    return LearningPath(
        steps=tuple(_step_from(s) for s in document["steps"]),
        value=document["value"],
        bound=document["bound"],
        start=document["start"],
        wishes=wishes_from(document["wishes"]),
        versions=document["versions"],
        unmet=tuple(document["unmet"]),
        left_out=tuple(document["left_out"]),
        state=PathState(document["state"]),
    )


def _step_to(step: PathStep) -> Json:
    return {
        "unit": step.unit,
        "obligation": step.obligation.value,
        "hours": step.hours,
        "month": step.month,
        "state": step.state.value,
        "closes": [[c.competency, c.start, c.end] for c in step.closes],
        "reasons": [{"key": r.key, "values": dict(r.values)} for r in step.reasons],
        "until": step.until,
    }


def _step_from(document: Mapping[str, Any]) -> PathStep:
    return PathStep(
        unit=document["unit"],
        obligation=Obligation(document["obligation"]),
        hours=document["hours"],
        month=document["month"],
        state=StepState(document["state"]),
        closes=tuple(Closes(*c) for c in document["closes"]),
        reasons=tuple(Reason(r["key"], r["values"]) for r in document["reasons"]),
        until=document.get("until"),
    )


def tenant_settings_from(document: Mapping[str, Any]) -> TenantSettings:
    """Return the switches; what an older row does not have keeps its safe default."""
    known = {k: v for k, v in document.items() if k in TenantSettings.__dataclass_fields__}
    return TenantSettings(**known)


def tenant_settings_to(settings: TenantSettings) -> Json:
    return {name: getattr(settings, name) for name in TenantSettings.__dataclass_fields__}
