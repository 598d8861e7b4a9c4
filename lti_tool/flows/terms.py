"""What binds the questions of one attempt beside its Soll: frozen as JSON when it starts.

Which questions are avoided (asked the time before, or shown too often elsewhere), the language, the
fixed form where the municipality wants one, and the content blueprint where one is set.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from competency.assessment import Engine, Terms
from competency.blueprint import Blueprint
from competency.form import fixed_form
from competency.target import Target
from lti_tool.ports import Attempt, Json, Learner, Services, Work

#: Over which time it is counted how often a question was shown.
EXPOSED = timedelta(days=365)


def frozen(
    s: Services,
    work: Work,
    learner: Learner,
    bank: Engine,
    soll: Target,
    practice: str,
    now: datetime,
) -> dict[str, Json]:
    """Return the terms of a new attempt, JSON-able; `practice` is the question nobody counts."""
    told = set(work.attempts.explained(learner.id))
    if work.tenants.get(learner.tenant_id).settings.fixed_form:
        common = Terms(roles=soll.scenes, never=frozenset({practice}), language=learner.language)
        form = fixed_form(bank, soll, common, bank.config.max_items)
        # What was explained to this person in a review is no question any more.
        return {"language": learner.language, "form": [key for key in form if key not in told]}
    plan = s.limits.blueprint
    return {
        "language": learner.language,
        "seen": sorted(_seen(work, learner)),
        "barred": sorted(_barred(s, work, learner, now)),
        "blueprint": None if plan is None else plan.document(),
    }


def of(attempt: Attempt, soll: Target, never: frozenset[str]) -> Terms:
    """Return the terms of an attempt; older ones froze none."""
    kept: Mapping[str, Any] = attempt.target.get("terms", {})
    plan = kept.get("blueprint")
    return Terms(
        roles=soll.scenes,
        seed=attempt.id,
        never=never,
        language=kept.get("language", "de"),
        seen=frozenset(kept.get("seen", ())),
        barred=frozenset(kept.get("barred", ())),
        form=tuple(kept.get("form", ())),
        blueprint=None if plan is None else Blueprint.of_document(plan),
    )


def is_form(attempt: Attempt) -> bool:
    return bool(attempt.target.get("terms", {}).get("form"))


def without_blueprint(target: Mapping[str, Json]) -> dict[str, Json]:
    """Return what was frozen, without the blueprint: it was for the questions up to the end."""
    return {**target, "terms": {**target.get("terms", {}), "blueprint": None}}


def _seen(work: Work, learner: Learner) -> set[str]:
    """Return what the person was asked in the newest attempt that had an answer."""
    answered = (a for a in work.attempts.of(learner.id) if a.answered)
    latest = next(answered, None)
    return set() if latest is None else {q.item for q in work.attempts.questions(latest.id)}


def _barred(s: Services, work: Work, learner: Learner, now: datetime) -> set[str]:
    """Return what would pass the cap of a municipality's attempts if it were shown once more."""
    cap = s.limits.exposure_cap
    if cap >= 1:
        return set()
    attempts, shown = work.attempts.shown(learner.tenant_id, now - EXPOSED)
    return {key for key, count in shown.items() if count + 1 > cap * (attempts + 1)}
