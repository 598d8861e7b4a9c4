"""The second measurement: where it starts, and what has changed since the first.

An attempt that begins 30 days or more after the last answers were given is a second measurement:
it starts from what the first one left, faded with the time between, and asks other questions.
Sooner than that, answering again corrects the first: its answers are replaced, nothing is kept of
them. What was known, and what the first answers alone say, is frozen with the attempt, so that a
replay needs no row that may be gone by then. Source: docs/adr/0019-choosing-questions.md.
"""

import uuid
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from competency.assessment import Engine
from competency.evidence import Evidence, Source
from competency.growth import Change, Growth, drifted, growth, months_between
from competency.posterior import Posterior
from lti_tool.flows import measure
from lti_tool.ports import Attempt, Json, Learner, Services, Work

#: Answering again within this time is a correction, after it a second measurement.
FRESH = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Changes:
    """What the second measurement says beside the first; the order is the framework's."""

    since: datetime  # the last answer of the first
    found: tuple[Growth, ...]

    def document(self) -> dict[str, Any]:
        return {"since": self.since.isoformat(), "found": [asdict(g) for g in self.found]}

    @classmethod
    def of_document(cls, document: Mapping[str, Any]) -> "Changes":
        """Return what `document` wrote."""
        found = (Growth(**{**g, "change": Change(g["change"])}) for g in document["found"])
        return cls(datetime.fromisoformat(document["since"]), tuple(found))


def answer_id(attempt_id: str, position: int) -> str:
    """Return the id of the evidence that the answer at this position becomes."""
    return str(uuid.uuid5(uuid.UUID(attempt_id), str(position)))


def start(
    s: Services, work: Work, learner: Learner, bank: Engine, now: datetime
) -> dict[str, Json] | None:
    """Return what a new attempt starts from, JSON-able; None: from what is known of a stranger."""
    evidence = [r.evidence for r in work.evidence.of(learner.id)]
    answers = _answers(evidence)
    first = behind(work, learner.id, answers)
    if first is None or now - first.touched < FRESH:
        return None
    known = bank.fold(answers, belief(s, first))
    return {
        "first": first.id,
        "at": first.touched.isoformat(),
        "belief": drifted(known, bank.prior(), months_between(first.touched, now)).document(),
        "alone": bank.fold(answers).document(),
        "asked": dict(_asked(bank, answers)),
    }


def belief(s: Services, attempt: Attempt | None) -> Posterior | None:
    """Return what an attempt began with; None: with the prior, or of another framework."""
    if attempt is None or attempt.target.get("start") is None or not _same(s, attempt):
        return None
    return Posterior.of_document(attempt.target["start"]["belief"])


def behind(work: Work, learner_id: str, evidence: Sequence[Evidence]) -> Attempt | None:
    """Return the attempt that the answers among this evidence were given in."""
    answers = _answers(evidence)
    for attempt in work.attempts.of(learner_id) if answers else ():
        if any(answer_id(attempt.id, e.arrival) == e.id for e in answers):
            return attempt
    return None


def changes(
    s: Services, bank: Engine, attempt: Attempt | None, evidence: Iterable[Evidence]
) -> Changes | None:
    """Return what has changed since the first measurement, by the answers of both alone."""
    if attempt is None or belief(s, attempt) is None:
        return None
    begun, answers = attempt.target["start"], _answers(evidence)
    asked = Counter(begun["asked"]) + _asked(bank, answers)
    first = Posterior.of_document(begun["alone"])
    found = growth(bank, first, bank.fold(answers), asked)
    return Changes(datetime.fromisoformat(begun["at"]), found)


def _same(s: Services, attempt: Attempt) -> bool:
    return attempt.versions["framework"] == measure.versions(s)["framework"]


def _answers(evidence: Iterable[Evidence]) -> list[Evidence]:
    return [e for e in evidence if e.source is Source.ASSESSMENT]


def _asked(bank: Engine, answers: Iterable[Evidence]) -> Counter[str]:
    """Return how many direct answers each competence and each area has."""
    codes = [e.competency for e in answers if e.competency in bank.dimension]
    return Counter(codes) + Counter(bank.framework.area_of[c].code for c in codes)
