"""What the learner shares: worked out, written to an LRS, kept up to date, and taken back.

Only what she chose leaves, as an `asserted` statement a topic and one document of levels; each
through the outbox, in the transaction that decides it. The outbox is also the memory of what was
written: taking back voids exactly that. A person whom she gave a code reads our own row, and
nothing is written anywhere. Source: decisions.md 1.2.
"""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from competency.evidence import Source
from competency.judge import between
from competency.posterior import Posterior
from competency.profile import Profile, Standing
from competency.scale import level_of_step
from lti_tool.flows import grades, measure, withdrawal
from lti_tool.flows.grades import WITHDRAWN
from lti_tool.flows.withdrawal import ASSERTED, LEVELS
from lti_tool.ports import Delivery, LaunchPlace, Learner, Said, Services, Share, Work

LRS, PERSON = "lrs", "person"
HIGHEST = 4
NEWS = 0.05  # of the confidence


def said(
    s: Services,
    work: Work,
    learner: Learner,
    profile: Profile,
    covariance: Sequence[Sequence[float]],
) -> dict[str, Said]:
    """Return what can be said of each topic, by code; what nobody can know yet is left out.

    A topic needs evidence of its own, and an end of its levels that is sure. K.1 has no dimension
    and never appears.
    """
    standings = (*profile.required, *(a for a in profile.areas if a not in profile.required))
    if sum(x.evidence for x in profile.standings) < s.limits.min_items:
        return {}
    engine = measure.engine(s)
    belief = Posterior.of_document({"mean": profile.mean, "cov": covariance})
    proofs = _statements(work, learner)
    found = {}
    for standing in standings:
        low, high = _levels(standing)
        if standing.evidence and (low, high) != (0, HIGHEST):
            code = standing.competency
            sure = min(round(between(engine, belief, code, low, high), 2), 0.99)
            codes = (code, *_topics(s, code))
            own = tuple(i for c in codes for i in proofs.get(c, ()))
            found[code] = Said(code, low, high, sure, standing.evidence, own)
    return found


def _levels(standing: Standing) -> tuple[int, int]:
    """Return the lowest and the highest level somebody may have; a wide span keeps its sure end."""
    low, high = level_of_step(standing.low), level_of_step(standing.high)
    if high - low < 2:
        return low, high
    return (low, HIGHEST) if low else (0, high if high < HIGHEST else HIGHEST)


def _topics(s: Services, code: str) -> tuple[str, ...]:
    area = s.content.framework.areas_by_code.get(code)
    return tuple(c.code for c in area.competencies) if area else ()


def _statements(work: Work, learner: Learner) -> dict[str, tuple[str, ...]]:
    """Return the ids of the statements that are evidence of a competence, by its code."""
    found: dict[str, tuple[str, ...]] = {}
    for r in work.evidence.of(learner.id):
        if r.evidence.source is Source.LRS and r.statement_id:
            code = r.evidence.competency
            found[code] = (*found.get(code, ()), r.statement_id)
    return found


def follow(
    s: Services,
    work: Work,
    learner: Learner,
    profile: Profile,
    covariance: Sequence[Sequence[float]],
    now: datetime,
) -> None:
    """Share a new measurement where the learner chose that; the rest stays as it was."""
    following = [share for share in work.shares.of(learner.id) if share.follow]
    if not following:
        return
    known = said(s, work, learner, profile, covariance)
    for share in following:
        before = {x.code: x for x in share.said}
        fresh = tuple(_calm(before.get(c), known[c]) for c in share.topics if c in known)
        if fresh != share.said:
            put(s, work, learner, replace(share, said=fresh, revision=share.revision + 1), now)


def _calm(before: Said | None, now: Said) -> Said:
    """Return what was said as long as the news is only how sure: each answer moves every topic."""
    if before is None or abs(before.confidence - now.confidence) >= NEWS:
        return now
    return before if replace(before, confidence=now.confidence) == now else now


def put(s: Services, work: Work, learner: Learner, share: Share, now: datetime) -> None:
    """Keep a share, and enqueue what is new in it; what is no longer said is taken back."""
    work.shares.save(share)
    if share.recipient == LRS:
        place = work.learners.places(learner.id)[0]
        _put_statements(s, work, learner, share, place, now)
        _put_document(s, work, learner, share, place, now)
        work.jobs.enqueue("deliver", "all", {}, now)


def take_back(s: Services, work: Work, learner: Learner, share: Share, now: datetime) -> None:
    """Delete a share, and enqueue that what was written of it is voided and deleted."""
    work.shares.drop(share.id)
    if share.recipient == LRS:
        withdrawal.take(s, work, learner, _of(work, share, (ASSERTED, LEVELS)), now)
        work.jobs.enqueue("deliver", "all", {}, now)


def events(
    s: Services, learner: Learner, share: Share, place: LaunchPlace, now: datetime
) -> list[dict[str, Any]]:
    """Return the neutral words of what an LRS is told, one topic after the other."""
    return [_event(s, learner, share, place, result, now) for result in share.said]


def document(s: Services, share: Share, place: LaunchPlace, now: datetime) -> dict[str, Any]:
    """Return the neutral words of the document of levels."""
    return {
        "share": share.id,
        "revision": share.revision,
        "home_page": place.issuer,
        "name": place.subject,
        "timestamp": now.isoformat(),
        "until": share.until.isoformat(),
        "results": [
            {name: value for name, value in asdict(result).items() if name != "statements"}
            | {"title": s.content.framework.topic(result.code).title}
            for result in share.said
        ],
    }


def _put_statements(
    s: Services, work: Work, learner: Learner, share: Share, place: LaunchPlace, now: datetime
) -> None:
    before = {d.body["code"]: d for d in _of(work, share, (ASSERTED,))}
    wanted = {result.code: _plain(result) for result in share.said}
    same = {code for code, d in before.items() if d.body["said"] == wanted.get(code)}
    withdrawal.take(s, work, learner, [d for c, d in before.items() if c not in same], now)
    for event in events(s, learner, share, place, now):
        code = event["competency"]["id"]
        if code not in same:
            body = {
                "share": share.id,
                "code": code,
                "said": wanted[code],
                "statements": s.statements(event),
            }
            work.outbox.put(_delivery(learner, share, ASSERTED, code, body), now)


def _put_document(
    s: Services, work: Work, learner: Learner, share: Share, place: LaunchPlace, now: datetime
) -> None:
    # What waits is older than this: neither it nor a withdrawal may come after it.
    work.outbox.supersede(learner.id, LEVELS + WITHDRAWN, share.to)
    for older in _of(work, share, (LEVELS,)):
        work.outbox.drop(older.id)
    body = document(s, share, place, now)
    work.outbox.put(_delivery(learner, share, LEVELS, "", body), now)


def _event(
    s: Services, learner: Learner, share: Share, place: LaunchPlace, result: Said, now: datetime
) -> dict[str, Any]:
    title = s.content.framework.topic(result.code).title
    return {
        "kind": "asserted",
        "assignment": share.id,
        "revision": share.revision,
        "home_page": place.issuer,
        "name": place.subject,
        "course": "",
        "language": learner.language,
        "timestamp": now.isoformat(),
        "competency": {"id": result.code, "title": title},
        "confidence": result.confidence,
        "pieces": result.evidence,
        "evidence": list(result.statements),
    }


def _plain(result: Said) -> dict[str, Any]:
    return asdict(result) | {"statements": list(result.statements)}


def _of(work: Work, share: Share, kinds: Iterable[str]) -> list[Delivery]:
    found = work.outbox.of(share.learner_id, tuple(kinds))
    return [d for d in found if d.body["share"] == share.id]


def _delivery(learner: Learner, share: Share, kind: str, code: str, body: Any) -> Delivery:
    name = f"{share.id}|{share.revision}|{kind}|{share.to}|{code}"
    key = str(uuid.uuid5(grades.NAMESPACE, name))
    return Delivery(
        id=key,
        tenant_id=learner.tenant_id,
        learner_id=learner.id,
        kind=kind,
        target_id=share.to,
        dedupe=key,
        body=body,
    )
