"""plan: Profile + Soll + catalogue -> a path; on acceptance path and outbox in one commit."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from competency.catalogue import LearningUnit
from competency.path import LearningPath, PathState, Reason, Wishes
from competency.target import Target
from lti_tool.errors import Conflict
from lti_tool.flows import departure, measure, prospect, replanning, withdrawal
from lti_tool.flows.observe import profile_from
from lti_tool.ports import Learner, Services, StoredPath, Work
from recommender.filters import offered
from recommender.match import alternatives as other_units

MONTHS_TO_CHOOSE = 3


@dataclass(frozen=True)
class PathView:
    """The path that counts, or the proposal; `proposal` is a new draft beside an accepted path."""

    path: LearningPath | None
    path_id: str
    state: str  # none | draft | accepted
    units: Mapping[str, LearningUnit]
    target: Target
    links: Mapping[str, str]  # unit -> LMS address
    start: str
    made: datetime | None = None
    proposal: LearningPath | None = None
    offered: str = ""  # names exactly the draft that waits for a yes


@dataclass(frozen=True, slots=True)
class Alternative:
    unit: LearningUnit
    reasons: tuple[Reason, ...]
    missing: tuple[str, ...]  # topics that end lower with it
    later: bool  # the path ends later with it


def current(s: Services, learner: Learner, now: datetime) -> PathView:
    """Return the accepted path, or the draft; makes the first draft. May write and commit."""
    with s.store.read() as work:
        accepted, newest = work.paths.accepted(learner.id), work.paths.current(learner.id)
        profiled = work.profiles.get(learner.id) is not None
    if newest is None and profiled and learner.state == "active":
        with s.store.begin() as work:
            learner = work.learners.lock(learner.id)
            newest = work.paths.current(learner.id)
            if newest is None and learner.state == "active":
                newest = _draft(s, work, learner, now)
    with s.store.read() as work:
        stored = work.profiles.get(learner.id)
        soll = measure.judged_by(s, work, learner, stored) if stored else Target((), {})
        links = work.tenants.activities(learner.tenant_id)
    shown = accepted or newest
    waiting = newest if accepted and newest and newest.id != accepted.id else None
    return PathView(
        path=shown.path if shown else None,
        path_id=shown.id if shown else "",
        state=shown.path.state.value if shown else "none",
        units=s.content.catalogue.by_key,
        target=soll,
        links=links,
        start=shown.path.start if shown else measure.month(now),
        made=shown.made if shown else None,
        proposal=waiting.path if waiting else None,
        offered=newest.recommendation_id if newest else "",
    )


def accept(s: Services, learner: Learner, now: datetime, *, offered: str = "") -> None:
    """Make the draft count, and put it into the outbox, in one commit.

    `offered` names the draft that was shown: a yes is a yes to that one only.

    :raises Conflict: there is no draft (somebody accepted or withdrew it in another tab), or it
        is no longer the one that was shown.
    """
    with s.store.begin() as work:
        learner = work.learners.lock(learner.id)
        stored = _waiting_draft(work, learner)
        if offered and offered != stored.recommendation_id:
            raise Conflict("The proposal has changed.", remedy="Look at your path.")
        before = work.paths.accepted(learner.id)
        if before is not None:
            work.paths.save(replace(before, path=replace(before.path, state=PathState.WITHDRAWN)))
            # Plan and score have one place that the new ones take; statements stay, both of them.
            departure.withdrawn(s, work, learner, before, now)
        kept = replace(stored, path=replace(stored.path, state=PathState.ACCEPTED), accepted=now)
        work.paths.save(kept)
        departure.accepted(s, work, learner, kept, now)
        work.jobs.enqueue("deliver", "all", {}, now)
        work.audit.note(
            f"learner:{learner.id}",
            "path.accept",
            {"path": kept.id, "revision": kept.revision},
            now,
            tenant_id=learner.tenant_id,
        )


def postpone(s: Services, learner: Learner, unit: str, month: int, now: datetime) -> None:
    """Move a unit to this month (0 = the path's first) or later. Writes and commits."""
    if not 0 <= month <= 11:
        raise Conflict("This month is not part of the plan.", remedy="Choose one of the list.")

    def later(wishes: Wishes) -> Wishes:
        return replace(wishes, not_before={**wishes.not_before, unit: month})

    _wish(s, learner, unit, later, now)


def exclude(s: Services, learner: Learner, unit: str, now: datetime) -> None:
    """Leave a unit out this year, and with it whatever builds on it. Writes and commits.

    :raises Conflict: the unit is required; it would stay whatever was wished.
    """

    def without(wishes: Wishes) -> Wishes:
        return replace(wishes, excluded=wishes.excluded | {unit}, included=wishes.included - {unit})

    _refuse_required(s, learner, unit)
    _wish(s, learner, unit, without, now)


def swap(s: Services, learner: Learner, unit: str, other: str, now: datetime) -> None:
    """Take another unit instead. Writes and commits. :raises Conflict: the unit is required."""

    def instead(wishes: Wishes) -> Wishes:
        return replace(
            wishes,
            excluded=(wishes.excluded | {unit}) - {other},
            included=(wishes.included | {other}) - {unit},
        )

    if other not in s.content.catalogue.by_key:
        raise Conflict("There is no such offer.", remedy="Choose one of the list.")
    _refuse_required(s, learner, unit)
    _wish(s, learner, unit, instead, now)


def undo(s: Services, learner: Learner, unit: str, now: datetime, *, other: str = "") -> None:
    """Forget what was wished about a unit, and about the one it was swapped for. Writes."""

    def forgotten(wishes: Wishes) -> Wishes:
        return replace(
            wishes,
            excluded=wishes.excluded - {unit},
            included=wishes.included - {unit, other},
            not_before={u: m for u, m in wishes.not_before.items() if u != unit},
        )

    _wish(s, learner, unit, forgotten, now, afresh=True)


def alternatives(
    s: Services, learner: Learner, unit: str, now: datetime
) -> tuple[Alternative, ...]:
    """Return up to four other units for a step. Computes, writes nothing."""
    with s.store.read() as work:
        stored = work.profiles.get(learner.id)
        shown = work.paths.current(learner.id)
        if stored is None or shown is None:
            return ()
        profile = profile_from(stored.document)
        settings = work.tenants.get(learner.tenant_id).settings
        soll = measure.judged_by(s, work, learner, stored)
        need = replanning.need_of(s, work, learner, profile, soll)
        done = frozenset(work.evidence.completed_units(learner.id))
    found = other_units(
        unit,
        shown.path,
        need,
        offered(s.content.catalogue, soll.scenes, need),
        now=measure.month(now),
        done=done,
        mandatory=replanning.duties(settings, learner),
    )
    units = s.content.catalogue.by_key
    return tuple(Alternative(units[a.unit], a.reasons, a.missing, a.later > 0) for a in found)


def what_if(s: Services, learner: Learner, wishes: Wishes, now: datetime) -> LearningPath | None:
    """Return the path these wishes would give. Computes, writes nothing."""
    with s.store.read() as work:
        stored = work.profiles.get(learner.id)
        if stored is None:
            return None
        profile = profile_from(stored.document)
        done = frozenset(work.evidence.completed_units(learner.id))
        near = work.paths.accepted(learner.id) or work.paths.current(learner.id)
        return replanning.solve(s, work, learner, profile, wishes, near, done, now).path


def take(s: Services, learner: Learner, wishes: Wishes, now: datetime) -> None:
    """Plan with these wishes from now on; the result is a draft. Writes and commits."""
    _plan_anew(s, learner, lambda _: wishes, now)


def wishes(s: Services, learner: Learner) -> Wishes:
    return replanning.wishes_of(s, learner)


def object_to_proposals(s: Services, learner: Learner, now: datetime) -> None:
    """Stop proposing: drafts and the path are withdrawn, the profile stays. Writes and commits.

    What was written of the path is taken back everywhere.
    """
    with s.store.begin() as work:
        learner = work.learners.lock(learner.id)
        accepted = work.paths.accepted(learner.id)
        work.paths.withdraw(learner.id)
        withdrawal.withdraw(s, work, learner, accepted, now, withdrawal.OF_THE_PATH)
        work.learners.save(replace(learner, state="objected"), now)
        work.audit.note(
            f"learner:{learner.id}", "proposals.object", {}, now, tenant_id=learner.tenant_id
        )


def allow_proposals(s: Services, learner: Learner, now: datetime) -> None:
    with s.store.begin() as work:
        learner = work.learners.lock(learner.id)
        work.learners.save(replace(learner, state="active"), now)


def _refuse_required(s: Services, learner: Learner, unit: str) -> None:
    if unit in prospect.duties(s, learner):
        raise Conflict("This unit is required.", remedy="Postpone it instead.")


def _wish(
    s: Services,
    learner: Learner,
    unit: str,
    change: Callable[[Wishes], Wishes],
    now: datetime,
    *,
    afresh: bool = False,
) -> None:
    if unit not in s.content.catalogue.by_key:
        raise Conflict("There is no such offer.", remedy="Go back to your path.")
    _plan_anew(s, learner, change, now, afresh=afresh)


def _plan_anew(
    s: Services,
    learner: Learner,
    change: Callable[[Wishes], Wishes],
    now: datetime,
    *,
    afresh: bool = False,
) -> None:
    """:raises Conflict: the person objected to proposals, perhaps in another tab just now."""
    with s.store.begin() as work:
        learner = work.learners.lock(learner.id)
        if learner.state == "objected":
            raise Conflict("There are no proposals.", remedy="Look at your path.")
        changed = replace(learner, wishes=change(replanning.wishes_of(s, learner)))
        work.learners.save(changed, now)
        _draft(s, work, changed, now, afresh=afresh)


def _draft(
    s: Services, work: Work, learner: Learner, now: datetime, *, afresh: bool = False
) -> StoredPath:
    stored = work.profiles.get(learner.id)
    if stored is None:
        raise Conflict("Answer some questions first.", remedy="Start with the first question.")
    profile = profile_from(stored.document)
    return replanning.draft(s, work, learner, profile, now, afresh=afresh)


def _waiting_draft(work: Work, learner: Learner) -> StoredPath:
    newest = work.paths.current(learner.id)
    if newest is None or newest.path.state is not PathState.DRAFT:
        raise Conflict("There is no proposal to accept.", remedy="Look at your path.")
    return newest
