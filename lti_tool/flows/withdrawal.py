"""Where it is taken back: statements, learning plan and grades, when the person asks for it.

A withdrawal leaves through the outbox like everything else. What was written is read from the
outbox itself: nothing is withdrawn that was never put there, and each receiver gets back exactly
what it got. When the person is erased, her withdrawals belong to nobody, sealed, until they arrive.

What a grade book can take back (reference/moodle.md 4.3, ilias.md 5.3): Moodle deletes a grade.
ILIAS has no way to delete one before 12, and a 0 would be a new and wrong result, so nothing is
sent there. AGS asks any other platform to clear the score; whether it does is its own affair.
"""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from lti_tool.flows import departure, grades
from lti_tool.flows.grades import RESULT, SHARE, WITHDRAWN
from lti_tool.ports import Delivery, Learner, Services, StoredPath, Work

ASSERTED, LEVELS = "asserted", "levels"  # what the learner shared: see `flows.shared`
OF_THE_PATH = ("document", "plan", SHARE)  # what is deleted again of what was sent
EVERYTHING = (*OF_THE_PATH, RESULT, ASSERTED, LEVELS)
WITHDRAWALS = tuple(kind + WITHDRAWN for kind in ("statements", *EVERYTHING))


class Trace(StrEnum):
    """What is left of a person in foreign systems, by what we can do about it."""

    STATEMENTS = "statements"  # withdrawn by a further statement
    DOCUMENT = "document"  # deleted
    PLAN = "plan"  # deleted
    ASSERTED = "asserted"  # voided
    LEVELS = "levels"  # deleted
    SCORE = "score"  # deleted
    SCORE_ASKED = "score asked"  # the platform is asked to clear it
    SCORE_STAYS = "score stays"  # only the course lead can delete it


_SCORE_AT = {"moodle": Trace.SCORE, "ilias": Trace.SCORE_STAYS}


def withdraw(
    s: Services,
    work: Work,
    learner: Learner,
    accepted: StoredPath | None,
    now: datetime,
    what: tuple[str, ...] = EVERYTHING,
) -> None:
    """Enqueue the withdrawal of what was written about this person; what waits is not sent.

    Who objects to proposals wants the path gone; what she showed in an exam stays where it is.
    """
    if accepted is not None:
        departure.withdrawn(s, work, learner, accepted, now)
    take(s, work, learner, work.outbox.of(learner.id, what), now)
    work.jobs.enqueue("deliver", "all", {}, now)


def take(
    s: Services, work: Work, learner: Learner, written: Sequence[Delivery], now: datetime
) -> None:
    """Enqueue the withdrawal of these, and forget them; what was never tried is just not sent."""
    kinds = _platform_kinds(work, learner)
    gone = [d for d in written if d.state != "delivered" or _can_be_withdrawn(d, kinds)]
    for delivery in _last_per_place(gone, kinds):
        work.outbox.put(_withdrawal(s, learner, delivery, now), now)
    for delivery in gone:
        # A later path starts anew: its first score is no setback against one that is gone.
        work.outbox.drop(delivery.id)


def let_go(work: Work, learner: Learner) -> None:
    """Let the withdrawals that wait outlive the person, who is erased next."""
    work.outbox.release(learner.id, WITHDRAWALS)


def traces(work: Work, learner: Learner, what: tuple[str, ...] = EVERYTHING) -> frozenset[Trace]:
    """Return what `withdraw` has to do with now, and what still waits to be withdrawn."""
    kinds = _platform_kinds(work, learner)
    accepted = work.paths.accepted(learner.id)
    found = {Trace.STATEMENTS} if accepted and departure.told(work, learner, accepted) else set()
    taken = tuple(kind + WITHDRAWN for kind in ("statements", *what))
    waiting = [d for d in work.outbox.of(learner.id, taken) if d.state != "delivered"]
    for delivery in (*work.outbox.of(learner.id, what), *waiting):
        trace = _trace(delivery, kinds)
        # What was never tried leaves nothing where we could not take it back.
        if trace is not Trace.SCORE_STAYS or delivery.state == "delivered" or delivery.attempts:
            found.add(trace)
    return frozenset(found)


def _trace(delivery: Delivery, kinds: Mapping[str, str]) -> Trace:
    kind = delivery.kind.removesuffix(WITHDRAWN)
    if kind in (SHARE, RESULT):
        return _SCORE_AT.get(kinds.get(delivery.target_id, ""), Trace.SCORE_ASKED)
    return Trace(kind)


def _can_be_withdrawn(delivery: Delivery, kinds: Mapping[str, str]) -> bool:
    return _trace(delivery, kinds) is not Trace.SCORE_STAYS


def _last_per_place(deliveries: Sequence[Delivery], kinds: Mapping[str, str]) -> Iterator[Delivery]:
    # Also what still waits: it may have arrived without our having noted it.
    places = {
        (d.kind, d.target_id, d.body.get("lineitem"), d.body.get("name"), _statement(d)): d
        for d in deliveries
        if _can_be_withdrawn(d, kinds) and not (d.kind == ASSERTED and _never_tried(d))
    }
    yield from places.values()


def _statement(written: Delivery) -> str:
    return str(written.body["statements"][0]["id"]) if written.kind == ASSERTED else ""


def _never_tried(written: Delivery) -> bool:
    return written.state != "delivered" and not written.attempts


def _withdrawal(s: Services, learner: Learner, written: Delivery, now: datetime) -> Delivery:
    key = str(uuid.uuid5(grades.NAMESPACE, f"{written.dedupe}{WITHDRAWN}"))
    return Delivery(
        id=key,
        tenant_id=written.tenant_id,
        learner_id=written.learner_id,
        kind=written.kind + WITHDRAWN,
        target_id=written.target_id,
        dedupe=key,
        body=_voided(s, learner, written, now)
        if written.kind == ASSERTED
        else _least(written, now),
    )


def _voided(s: Services, learner: Learner, written: Delivery, now: datetime) -> dict[str, Any]:
    event = {"kind": "voided", "language": learner.language, "timestamp": now.isoformat()}
    return {"statements": s.statements(event | {"statement": _statement(written)})}


def _least(written: Delivery, now: datetime) -> dict[str, Any]:
    """Return only what the receiver needs to find what it was given."""
    if written.kind == "plan":
        return {name: written.body[name] for name in ("user", "name")}
    if written.kind in (departure.DOCUMENT, LEVELS):
        found = {name: written.body[name] for name in ("home_page", "name")}
        return found | {"timestamp": max(now, _at(written)).isoformat()}
    needed = ("lineitem", "subject", "lineitems", "context", "link")
    found = {name: written.body[name] for name in needed if name in written.body}
    return found | {"timestamp": max(now, _at(written)).isoformat()}


def _at(score: Delivery) -> datetime:
    return datetime.fromisoformat(score.body["timestamp"])


def _platform_kinds(work: Work, learner: Learner) -> Mapping[str, str]:
    return {place.platform_id: place.platform_kind for place in work.learners.places(learner.id)}
