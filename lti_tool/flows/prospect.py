"""What a learner's path brings, what it leaves open and why; what a wish would take along.

Reads and computes, writes nothing. The words are the pages'.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from competency.path import LearningPath, Wishes
from competency.profile import Standing, Verdict
from lti_tool.errors import Conflict
from lti_tool.flows import measure, replanning
from lti_tool.flows.observe import profile_from
from lti_tool.ports import Learner, Services, StoredPath, Work
from recommender.explain import Mandate
from recommender.filters import offered
from recommender.gaps import Need
from recommender.outlook import Cause, Change, Circumstances, Topic, change, outlook

__all__ = ["Cause", "Change", "Prospect", "Topic", "duties", "of", "without"]


@dataclass(frozen=True)
class Prospect:
    """`counted`: unit -> topics it is evidence for; `excluded`: what is not wanted this year."""

    topics: tuple[Topic, ...] = ()  # with an open step
    standings: Mapping[str, Standing] = field(default_factory=dict)  # of what the role asks for
    duties: Mapping[str, Mandate] = field(default_factory=dict)
    excluded: tuple[str, ...] = ()
    counted: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    pending: Change | None = None  # from the path to the proposal beside it

    @property
    def short(self) -> tuple[Topic, ...]:
        """Return the topics with Lernbedarf that the path does not bring to the Soll.

        A topic that is still open is among them where the learner's own wish leaves it out.
        """
        below = (t for t in self.topics if t.cause is not None)
        return tuple(t for t in below if self._is_gap(t) or t.cause is Cause.WISH)

    @property
    def met_today(self) -> int:
        return sum(s.verdict is Verdict.MET for s in self.standings.values())

    @property
    def met_after(self) -> int:
        """Return how many topics are expected at their Soll when all steps are done."""
        return len(self.standings) - sum(t.after < t.soll for t in self.topics)

    def _is_gap(self, topic: Topic) -> bool:
        standing = self.standings.get(topic.competency)
        return standing is not None and standing.verdict is Verdict.GAP


def of(
    s: Services, learner: Learner, path: LearningPath, proposal: LearningPath | None = None
) -> Prospect:
    """Return what this path brings to the learner as she stands today."""
    with s.store.read() as work:
        stored = work.profiles.get(learner.id)
        if stored is None:
            return Prospect()
        profile = profile_from(stored.document)
        need, here = _position(s, work, learner)
        soll = measure.judged_by(s, work, learner, stored)
        profile, _ = replanning.planned(s, profile, stored.covariance, soll)
        wishes = replanning.wishes_of(s, learner)
        mandates = replanning.duties(work.tenants.get(learner.tenant_id).settings, learner)
        counted = _counted(work, learner)
    return Prospect(
        topics=outlook(need, path, here, proposal),
        standings={x.competency: x for x in profile.required},
        duties=mandates,
        excluded=tuple(sorted(wishes.excluded & s.content.catalogue.by_key.keys())),
        counted=counted,
        pending=None if proposal is None else change(need, path, proposal),
    )


def duties(s: Services, learner: Learner) -> Mapping[str, Mandate]:
    """Return the units that are required of the learner, and who decided it."""
    with s.store.read() as work:
        return replanning.duties(work.tenants.get(learner.tenant_id).settings, learner)


def without(s: Services, learner: Learner, unit: str, now: datetime) -> Change:
    """Return what the newest path would lose and gain if this unit was left out.

    :raises Conflict: there is no path, or a named human decided that the unit is required.
    """
    with s.store.read() as work:
        if unit in replanning.duties(work.tenants.get(learner.tenant_id).settings, learner):
            raise Conflict("This unit is required.", remedy="Postpone it instead.")
        newest = _newest(work, learner)
        wishes = replanning.wishes_of(s, learner)
        after = _solved(s, work, learner, _excluding(wishes, unit), newest, now)
        need, _ = _position(s, work, learner)
        return change(need, newest.path, after)


def _newest(work: Work, learner: Learner) -> StoredPath:
    newest = work.paths.current(learner.id)
    if newest is None:
        raise Conflict("There is no path yet.", remedy="Look at your path.")
    return newest


def _solved(
    s: Services, work: Work, learner: Learner, wishes: Wishes, newest: StoredPath, now: datetime
) -> LearningPath:
    # Close to the same path as the draft that a wish makes, or the page would foretell another.
    stored = work.profiles.get(learner.id)
    if stored is None:
        raise Conflict("Answer some questions first.", remedy="Start with the first question.")
    near = work.paths.accepted(learner.id) or newest
    done = frozenset(work.evidence.completed_units(learner.id))
    profile = profile_from(stored.document)
    return replanning.solve(s, work, learner, profile, wishes, near, done, now).path


def _excluding(wishes: Wishes, unit: str) -> Wishes:
    return replace(wishes, excluded=wishes.excluded | {unit}, included=wishes.included - {unit})


def _position(s: Services, work: Work, learner: Learner) -> tuple[Need, Circumstances]:
    stored = work.profiles.get(learner.id)
    assert stored is not None  # callers have looked
    settings = work.tenants.get(learner.tenant_id).settings
    soll = measure.judged_by(s, work, learner, stored)
    need = replanning.need_of(s, work, learner, profile_from(stored.document), soll)
    here = Circumstances(
        offers=offered(s.content.catalogue, soll.scenes, need),
        everything=s.content.catalogue,
        roles=frozenset(soll.scenes),
        done=frozenset(work.evidence.completed_units(learner.id)),
        excluded=replanning.wishes_of(s, learner).excluded,
        mandatory=frozenset(replanning.duties(settings, learner)),
    )
    return need, here


def _counted(work: Work, learner: Learner) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for evidence in (r.evidence for r in work.evidence.of(learner.id)):
        if evidence.unit and evidence.competency:
            found.setdefault(evidence.unit, []).append(evidence.competency)
    return {unit: tuple(dict.fromkeys(codes)) for unit, codes in found.items()}
