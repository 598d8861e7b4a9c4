"""What was asked so far, for the pages: one question again, tasks left for later, explanations."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from competency import scoring
from competency.items import Item
from lti_tool.flows import measure
from lti_tool.flows.assess import OPEN, Question, question_of, told
from lti_tool.ports import Asked, Attempt, Learner, Services

TAKEAWAYS = 3
#: A task that was put off is offered this long; its answer is taken later, too.
OFFERED = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Given:
    """A question that has its answer; `response` is gone after its retention."""

    position: int
    item: Item
    order: tuple[int, ...]
    response: scoring.Response | None
    feedback: str  # end | each


def left_for_later(s: Services, learner: Learner, now: datetime) -> tuple[Question, ...]:
    """Return the tasks of the newest attempt that were put off and wait, the oldest first."""
    attempt, asked = _newest(s, learner)
    waiting = [q for q in asked if q.answered is None and q.put_off and now - q.put_off < OFFERED]
    return () if attempt is None else tuple(question_of(s, attempt, q) for q in waiting)


def look_up(s: Services, learner: Learner, position: int) -> Question | Given | None:
    """Return what the newest attempt has at this position: a question, or an answered one."""
    attempt, asked = _newest(s, learner)
    found = next((q for q in asked if q.position == position), None)
    if attempt is None or found is None:
        return None
    if found.answered is None:
        return question_of(s, attempt, found) if attempt.state == OPEN or found.put_off else None
    item = measure.engine(s, attempt.versions).item(found.item)
    feedback = attempt.versions.get("feedback", "end")
    return Given(found.position, item, found.order, found.response, feedback)


def explained(s: Services, learner: Learner) -> tuple[Item, ...]:
    """Return what was answered and has something to explain, in the order of the answers."""
    return tuple(item for item, _news in _explained(s, learner))


def takeaways(s: Services, learner: Learner) -> tuple[Item, ...]:
    """Return a few of them: first where it may be news, then the last ones."""
    found = _explained(s, learner)[::-1]
    new = [item for item, news in found if news]
    return tuple(new + [item for item, news in found if not news])[:TAKEAWAYS]


def _explained(s: Services, learner: Learner) -> list[tuple[Item, bool]]:
    attempt, asked = _newest(s, learner)
    if attempt is None:
        return []
    bank = measure.engine(s, attempt.versions)
    found = [(bank.item(q.item), q.category) for q in told(asked)]
    return [(i, c != i.categories - 1) for i, c in found if i.feedback and not i.self_report]


def _newest(s: Services, learner: Learner) -> tuple[Attempt | None, tuple[Asked, ...]]:
    with s.store.read() as work:
        attempt = work.attempts.latest(learner.id)
        return attempt, () if attempt is None else work.attempts.questions(attempt.id)
