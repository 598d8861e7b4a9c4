"""Private questions (K.1): kept for their owner, never measured, never compared (decisions 1.6)."""

from datetime import datetime

from competency import scoring
from competency.items import Item, Kind
from lti_tool.errors import Conflict
from lti_tool.ports import Learner, Reflected, Services


def private_items(s: Services) -> tuple[Item, ...]:
    """Return the private questions (K.1): answered for oneself, never measured."""
    return tuple(i for i in s.content.items if i.kind is Kind.REFLECTION)


def reflect(
    s: Services, learner: Learner, item_key: str, response: scoring.Response, now: datetime
) -> None:
    """Keep a private answer where only its owner finds it. Writes and commits."""
    item = next((i for i in private_items(s) if i.key == item_key), None)
    if item is None:
        raise Conflict("There is no such question.", remedy="Go back to your page.")
    scoring.validate(item, response)
    with s.store.begin() as work:
        learner = work.learners.lock(learner.id)
        attempt = work.attempts.latest(learner.id)
        if attempt is None:
            raise Conflict("Answer some questions first.", remedy="Start with the first question.")
        work.attempts.reflect(learner, attempt.id, item_key, dict(response), now)


def reflections(s: Services, learner: Learner) -> tuple[Reflected, ...]:
    """Return the private answers there are, the newest first."""
    with s.store.read() as work:
        return work.attempts.reflections(learner.id)


def forget(s: Services, learner: Learner, attempt_id: str, item: str) -> None:
    """Delete one private answer; what is gone already is fine. Writes and commits.

    Nothing is noted in the audit: no log knows who answered these questions.
    """
    with s.store.begin() as work:
        learner = work.learners.lock(learner.id)
        work.attempts.forget_reflection(learner.id, attempt_id, item)
