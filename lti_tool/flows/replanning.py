"""How the path follows the profile: done units are marked, and a changed need is a new proposal.

An accepted path is never changed behind the learner's back: only facts (a unit was completed)
are written into it. What the planner would do differently now is a draft beside it.
"""

import math
import uuid
from dataclasses import replace
from datetime import datetime

import numpy as np

from competency.judge import spread
from competency.path import LearningPath, PathState, StepState, Wishes
from competency.posterior import Posterior
from competency.profile import Profile
from competency.target import Target
from lti_tool import logs
from lti_tool.flows import departure, grades, measure
from lti_tool.ports import (
    Json,
    Learner,
    Recommendation,
    Services,
    StoredPath,
    TenantSettings,
    Work,
)
from recommender.explain import Mandate
from recommender.filters import offered
from recommender.gaps import Belief, Need
from recommender.plan import Plan, plan


def follow(s: Services, work: Work, learner: Learner, profile: Profile, now: datetime) -> None:
    """Bring the paths of a learner up to date with a new profile."""
    done = frozenset(work.evidence.completed_units(learner.id))
    accepted = work.paths.accepted(learner.id)
    if accepted is not None:
        accepted = _mark_done(work, accepted, done)
        grades.progress(work, learner, accepted, now)
        departure.present(s, work, learner, accepted, now)
    if learner.state != "objected":
        _propose(s, work, learner, profile, accepted, done, now)


def draft(
    s: Services,
    work: Work,
    learner: Learner,
    profile: Profile,
    now: datetime,
    *,
    afresh: bool = False,
) -> StoredPath:
    """Make, store and return a draft, replacing an earlier one.

    `afresh`: not close to the draft that is there. Who takes a wish back wants the plan from before
    the wish, not one near to what the wish had made of it. An accepted path is stayed close to
    anyway.
    """
    accepted = work.paths.accepted(learner.id)
    done = frozenset(work.evidence.completed_units(learner.id))
    # Close to what the learner has seen: a postponed step must not shuffle all the others.
    near = accepted or work.paths.current(learner.id)
    if afresh and accepted is None and near is not None:
        near = _only_done(near, done)
    made = solve(s, work, learner, profile, wishes_of(s, learner), near, done, now)
    return _store_draft(work, learner, made, now)


def _only_done(stored: StoredPath, done: frozenset[str]) -> StoredPath:
    """Return a path without what is ahead; its first month stays, wishes count months from it."""
    marked = stored.path.with_done(done)
    kept = tuple(step for step in marked.steps if step.state is StepState.DONE)
    return replace(stored, path=replace(marked, steps=kept))


def solve(
    s: Services,
    work: Work,
    learner: Learner,
    profile: Profile,
    wishes: Wishes,
    near: StoredPath | None,
    done: frozenset[str],
    now: datetime,
) -> Plan:
    """Return the best path for these wishes, close to `near`. Computes, writes nothing."""
    settings = work.tenants.get(learner.tenant_id).settings
    stored = work.profiles.get(learner.id)
    assert stored is not None  # a profile was folded before anything is planned
    soll = measure.judged_by(s, work, learner, stored)
    need = need_of(s, work, learner, profile, soll)
    return plan(
        need,
        offered(s.content.catalogue, soll.scenes, need),
        wishes,
        done=done,
        mandatory=duties(settings, learner),
        start=measure.month(now),
        versions=measure.versions(s) | {"soll": soll.version},
        previous=near.path if near else None,
    )


def duties(settings: TenantSettings, learner: Learner) -> dict[str, Mandate]:
    """Return what a named human made mandatory for one of the learner's roles (law L09)."""
    return {
        unit: Mandate(decided["by"], decided["at"])
        for role in learner.roles
        for unit, decided in settings.mandatory.get(role, {}).items()
    }


def need_of(s: Services, work: Work, learner: Learner, profile: Profile, soll: Target) -> Need:
    """Return what is missing, each open step weighed with the chance that it is missing."""
    stored = work.profiles.get(learner.id)
    assert stored is not None  # a profile was folded before anything is planned
    beliefs = {
        code: Belief(profile.mean[n], math.sqrt(stored.covariance[n][n]))
        for n, code in enumerate(s.content.framework.dimensions)
    }
    profile, soll = planned(s, profile, stored.covariance, soll)
    return Need.of_profile(profile, soll, beliefs, s.content.framework.cuts)


def planned(
    s: Services, profile: Profile, covariance: Json, soll: Target
) -> tuple[Profile, Target]:
    """Return profile and Soll with the Soll of areas spread over their competences."""
    if not soll.areas:
        return profile, soll
    posterior = Posterior(np.array(profile.mean), np.array(covariance))
    return spread(measure.engine(s), posterior, profile, soll)


def wishes_of(s: Services, learner: Learner) -> Wishes:
    return learner.wishes or Wishes(hours_per_month=s.limits.hours_per_month)


def _mark_done(work: Work, accepted: StoredPath, done: frozenset[str]) -> StoredPath:
    marked = replace(accepted, path=accepted.path.with_done(done))
    if marked.path != accepted.path:
        work.paths.save(marked)
    return marked


def _propose(
    s: Services,
    work: Work,
    learner: Learner,
    profile: Profile,
    accepted: StoredPath | None,
    done: frozenset[str],
    now: datetime,
) -> None:
    current = work.paths.current(learner.id)
    if current is None:
        return  # the first draft is made when the learner opens the path page
    made = solve(s, work, learner, profile, wishes_of(s, learner), accepted, done, now)
    waiting = current if current.path.state is PathState.DRAFT else None
    if accepted is not None and _ahead(made.path) == _ahead(accepted.path):
        if waiting is not None:
            work.paths.save(_withdrawn(waiting))
        return
    if waiting is None or waiting.path != made.path:
        _store_draft(work, learner, made, now)


def _ahead(path: LearningPath) -> frozenset[str]:
    return frozenset(step.unit for step in path.steps if step.state is not StepState.DONE)


def _store_draft(work: Work, learner: Learner, made: Plan, now: datetime) -> StoredPath:
    for problem in made.certificate.problems:
        # Which unit it is stays in the path, where the learner reads it.
        logs.log().info("plan reduced", reason=problem.key, tenant=learner.tenant_id)
    current = work.paths.current(learner.id)
    replaces = current if current and current.path.state is PathState.DRAFT else None
    logged = Recommendation(
        id=str(uuid.uuid4()),
        tenant_id=learner.tenant_id,
        learner_id=learner.id,
        input_hash=made.certificate.input_hash,
        versions=made.path.versions,
        value=made.path.value,
        bound=made.path.bound,
        solver=made.certificate.solver,
        ms=made.certificate.ms,
        output=[step.unit for step in made.path.steps],
        made=now,
    )
    work.paths.log(logged)
    stored = StoredPath(
        id=replaces.id if replaces else str(uuid.uuid4()),
        learner_id=learner.id,
        tenant_id=learner.tenant_id,
        revision=replaces.revision if replaces else work.paths.last_revision(learner.id) + 1,
        path=made.path,
        made=now,
        recommendation_id=logged.id,
    )
    work.paths.save(stored)
    return stored


def _withdrawn(stored: StoredPath) -> StoredPath:
    return replace(stored, path=replace(stored.path, state=PathState.WITHDRAWN))
