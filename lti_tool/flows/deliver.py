"""deliver: the outbox -> LRS, grade book, LMS plan; retried until it is there, or a dead letter.

Sending happens outside of any transaction and may happen twice: every row carries a stable id that
its receiver (or our own list-before-create) recognises. Each try is claimed first, so that a worker
that slept through its lease sends nothing any more, and its late failure changes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from lti_tool.errors import DatabaseError, RoadmapError
from lti_tool.ports import Delivery, DeliveryFailed, Sender, Services

BATCH = 50
LONGEST_WAIT_S, MOST_DOUBLINGS = 3600.0, 30


@dataclass(frozen=True, slots=True)
class Backoff:
    """First wait, doubled after each failure; after `attempts` tries a dead letter.

    A receiver that is not there at all is no reason to give up: it gets `away` tries more, which
    come an hour apart, so that a store that is down over the holidays loses nothing.
    """

    first_s: float
    attempts: int
    claim_s: float = 4.0  # how long a try is left alone by others
    away: int = 14 * 24

    def after(self, failure: DeliveryFailed, attempts: int, now: datetime) -> datetime | None:
        most = self.attempts + (self.away if failure.away else 0)
        if not failure.retry or attempts >= most:
            return None
        wait = min(self.first_s * 2.0 ** min(attempts - 1, MOST_DOUBLINGS), LONGEST_WAIT_S)
        return now + timedelta(seconds=max(wait, failure.wait_s or 0.0))


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    delivered: int
    failed: int
    dead: int


def deliver(
    s: Services, senders: Mapping[str, Sender], backoff: Backoff, now: datetime
) -> DeliveryReport:
    """Send what is due, each row on its own, and mark it. Sends; writes and commits per row."""
    with s.store.read() as work:
        due = work.outbox.due(now, BATCH)
    results = [_try(s, senders[d.kind], d, backoff, now) for d in due]
    return DeliveryReport(*(results.count(word) for word in ("delivered", "failed", "dead")))


def _try(s: Services, send: Sender, delivery: Delivery, backoff: Backoff, now: datetime) -> str:
    with s.store.begin() as work:
        claimed = work.outbox.claim(delivery, now + timedelta(seconds=backoff.claim_s))
    return _send(s, send, claimed, backoff, now) if claimed else "left to another"


def _send(s: Services, send: Sender, delivery: Delivery, backoff: Backoff, now: datetime) -> str:
    try:
        send(delivery)
    except DatabaseError:
        raise  # ours, not this row's: the job as a whole is tried again
    except DeliveryFailed as failure:
        return _failed(s, delivery, failure, backoff, now)
    except Exception as broken:
        # One row that breaks must not hold up the others. Only our own errors are written for
        # people; others may quote data, so their kind is kept.
        said = str(broken) if isinstance(broken, RoadmapError) else type(broken).__name__
        return _failed(s, delivery, DeliveryFailed(said, retry=True), backoff, now)
    with s.store.begin() as work:
        work.outbox.delivered(delivery.id, now)
    return "delivered"


def _failed(
    s: Services, delivery: Delivery, failure: DeliveryFailed, backoff: Backoff, now: datetime
) -> str:
    next_try = backoff.after(failure, delivery.attempts, now)
    with s.store.begin() as work:
        work.outbox.failed(delivery, str(failure), next_try, now)
    return "failed" if next_try else "dead"
