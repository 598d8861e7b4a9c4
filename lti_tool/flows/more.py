"""A few more questions after the end: the attempt goes on where it stopped, about what is open.

Its Soll, items and parameters stay those it began with; only the rule when to stop is another.
"""

from dataclasses import replace
from datetime import datetime

from lti_tool.flows import measure, terms
from lti_tool.flows.assess import FINISHED, OPEN
from lti_tool.flows.second import FRESH
from lti_tool.ports import Attempt, Learner, Services, Work

QUESTIONS = 3


def possible(s: Services, learner: Learner, now: datetime) -> bool:
    """Return whether the newest attempt can go on: same items, same role, not long ago."""
    with s.store.read() as work:
        return _possible(s, work.attempts.latest(learner.id), learner, now)


def ask(s: Services, learner: Learner, now: datetime) -> None:
    """Let the newest attempt go on for a few questions, if that is possible. Writes and commits."""
    with s.store.begin() as work:
        learner = work.learners.lock(learner.id)
        attempt = work.attempts.latest(learner.id)
        if attempt is not None and _possible(s, attempt, learner, now):
            work.attempts.save(_going_on(work, attempt, now))


def _possible(s: Services, attempt: Attempt | None, learner: Learner, now: datetime) -> bool:
    return (
        attempt is not None
        and attempt.state == FINISHED
        and attempt.versions["items"] == s.content.versions["items"]
        and set(attempt.target["roles"]) == set(learner.roles)
        # Afterwards a new attempt tells more than the end of an old one.
        and now - attempt.touched < FRESH
        and not terms.is_form(attempt)
    )


def _going_on(work: Work, attempt: Attempt, now: datetime) -> Attempt:
    asked = len(work.attempts.questions(attempt.id))
    versions = measure.until(attempt.versions, asked + QUESTIONS)
    target = terms.without_blueprint(attempt.target)
    return replace(
        attempt, state=OPEN, finished=None, touched=now, versions=versions, target=target
    )
