"""observe: Evidence -> Profile, and what that does to the path.

Statements become evidence in the bridge's mapping, in the transaction of the page they came in;
the learner's state is a fold over all evidence in order, computed here, never updated in place.
"""

from contextlib import suppress
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from competency.evidence import Source
from competency.judge import profile_of
from competency.precedence import counting
from competency.profile import Profile, SelfImage, Standing, Verdict
from competency.target import Target
from lti_tool.errors import NotFound
from lti_tool.flows import measure, replanning, second, shared
from lti_tool.flows.second import Changes
from lti_tool.ports import Learner, Services, StoredProfile, Work


def refold_learner(s: Services, learner_id: str, now: datetime) -> None:
    """Compute profile and path of one learner anew from all evidence. Writes and commits."""
    # Who has erased everything while the job waited needs no profile any more.
    with suppress(NotFound), s.store.begin() as work:
        refold(s, work, work.learners.lock(learner_id), now)


def refold(s: Services, work: Work, learner: Learner, now: datetime) -> Profile:
    """Fold the evidence into a profile, store it, and let the path follow."""
    soll = measure.target(s, work, learner, now)
    profile, covariance, changes = compute(s, work, learner, soll, now)
    document = profile_to(profile) | {"target": measure.target_to(soll)}
    document["changes"] = None if changes is None else changes.document()
    work.profiles.save(learner, StoredProfile(document, covariance, now))
    replanning.follow(s, work, learner, profile, now)
    shared.follow(s, work, learner, profile, covariance, now)
    return profile


def compute(
    s: Services, work: Work, learner: Learner, soll: Target, now: datetime
) -> tuple[Profile, list[list[float]], Changes | None]:
    """Return all evidence that counts held against a Soll, the covariance behind it, and what has
    changed since a first measurement."""
    bank = measure.engine(s)
    evidence = counting((r.evidence for r in work.evidence.of(learner.id)), now)
    attempt = second.behind(work, learner.id, evidence)
    posterior = bank.fold(evidence, second.belief(s, attempt))
    versions = measure.versions(s) | {"soll": soll.version}
    profile = profile_of(bank, posterior, soll, evidence, versions)
    answers = sum(e.source is Source.ASSESSMENT for e in evidence)
    changes = second.changes(s, bank, attempt, evidence)
    return replace(profile, answers=answers), posterior.cov.tolist(), changes


def profile_to(profile: Profile) -> dict[str, Any]:
    return {
        "standings": [_standing_to(x) for x in profile.standings],
        "areas": [_standing_to(x) for x in profile.areas],
        "mean": list(profile.mean),
        "versions": dict(profile.versions),
        "answers": profile.answers,
        "self_images": [asdict(i) for i in profile.self_images],
    }


def profile_from(document: dict[str, Any]) -> Profile:
    return Profile(
        standings=tuple(_standing_from(x) for x in document["standings"]),
        # Profiles stored before areas had a verdict have none; the next fold writes them.
        areas=tuple(_standing_from(x) for x in document.get("areas", ())),
        mean=tuple(document["mean"]),
        versions=document["versions"],
        answers=document["answers"],
        self_images=tuple(SelfImage(**i) for i in document["self_images"]),
    )


def _standing_to(standing: Standing) -> dict[str, Any]:
    return asdict(standing) | {"verdict": standing.verdict.value}


def _standing_from(document: dict[str, Any]) -> Standing:
    return Standing(**(document | {"verdict": Verdict(document["verdict"])}))
