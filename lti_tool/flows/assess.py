"""assess: Learner + response -> next question, and at the end Evidence and a Profile.

Every answer is one transaction: the answer, the next question and its reason. A reload, a second
device or a double click therefore always finds the same question; none is scored twice.
Versions and Soll are frozen when the attempt starts. A task may be put off: the questions go
on, and its answer counts whenever it comes, also after the attempt has ended.
"""

import random
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from competency import scoring
from competency.assessment import Engine, Selection
from competency.because import Because, because
from competency.evidence import Evidence, Source
from competency.items import Item, Kind, Scene
from competency.posterior import Posterior
from competency.target import Target
from lti_tool.errors import Conflict
from lti_tool.flows import grades, measure, second, terms
from lti_tool.flows.observe import refold
from lti_tool.ports import Asked, Attempt, Learner, Services, Work

OPEN, FINISHED = "open", "finished"


@dataclass(frozen=True, slots=True)
class Question:
    """The question to show. `order` are option indices as shown; `about` is what it makes clear."""

    attempt_id: str
    position: int
    most: int
    item: Item
    order: tuple[int, ...]
    about: str
    because: Because
    scene: Scene
    bank: str  # the version of the items it is from
    feedback: str  # end | each: when it is explained, as the attempt began
    put_off: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    kind: str  # next | finished | already


@dataclass(frozen=True, slots=True)
class AttemptState:
    """Where the learner stands. `decided` of `required` topics have a verdict."""

    state: str  # none | open | finished
    answered: int = 0
    most: int = 0
    decided: int = 0
    required: int = 0
    touched: datetime | None = None
    position: int = 1  # of the question that comes next


def practice_item(s: Services) -> Item:
    """Return the question nobody is measured by: the easiest choice in a scene everybody knows."""
    return _practice(s.content.items)


def _practice(items: Iterable[Item]) -> Item:
    simple = [i for i in items if i.kind in (Kind.SINGLE_CHOICE, Kind.TRUE_FALSE)]
    return min(simple, key=lambda i: (not i.for_all, i.level, i.key))


def start(s: Services, learner: Learner, now: datetime) -> None:
    """Open an attempt and ask its first question, or continue the open one. Writes and commits."""
    with s.store.begin() as work:
        learner = work.learners.lock(learner.id)
        latest = work.attempts.latest(learner.id)
        if latest is None or latest.state != OPEN:
            _open(s, work, learner, now)


def restart(s: Services, learner: Learner, now: datetime) -> None:
    """Close the open attempt without a result and open a new one. Writes and commits."""
    with s.store.begin() as work:
        learner = work.learners.lock(learner.id)
        latest = work.attempts.latest(learner.id)
        if latest is not None and latest.state == OPEN:
            work.attempts.save(replace(latest, state=FINISHED, finished=now, touched=now))
        _open(s, work, learner, now)


def open_question(s: Services, learner: Learner, now: datetime) -> Question | None:
    """Return the question that waits for an answer; None if no attempt is open (or it is over).

    Asks the next one if a crash left the attempt between two questions.
    """
    with s.store.read() as work:
        attempt = work.attempts.latest(learner.id)
        if attempt is None or attempt.state != OPEN:
            return None
        asked = work.attempts.questions(attempt.id)
    if not _waiting(asked):
        with s.store.begin() as work:
            learner = work.learners.lock(learner.id)
            _next(s, work, learner, attempt, work.attempts.questions(attempt.id), now)
            asked = work.attempts.questions(attempt.id)
    waiting = _waiting(asked)
    return None if waiting is None else question_of(s, attempt, waiting)


def put_off(s: Services, learner: Learner, position: int, now: datetime) -> Outcome:
    """Leave a task for later and ask what comes next. Writes and commits.

    :raises Conflict: no such question was asked, or it is no task.
    """
    with s.store.begin() as work:
        learner = work.learners.lock(learner.id)
        attempt, asked = _asked_so_far(work, learner)
        question = _at(asked, position)
        item = measure.engine(s, attempt.versions).item(question.item)
        if item.kind is not Kind.PRACTICAL_TASK:
            raise Conflict("This question cannot be put off.", remedy="Answer it, or pause.")
        if attempt.state != OPEN or not work.attempts.put_off(attempt.id, position, now):
            return Outcome("already")
        attempt = replace(attempt, touched=now)
        work.attempts.save(attempt)
        return _next(s, work, learner, attempt, work.attempts.questions(attempt.id), now)


def answer(
    s: Services,
    learner: Learner,
    position: int,
    response: scoring.Response,
    now: datetime,
    shown: str = "",
) -> Outcome:
    """Store an answer and ask what comes next, in one transaction. `shown` is the wording.

    The answer to a task that was put off counts after the end of the attempt, too.

    :raises IncompleteResponse: something is missing; nothing was stored.
    :raises MalformedResponse: it is no answer to this question.
    :raises Conflict: no such question was asked.
    """
    with s.store.begin() as work:
        learner = work.learners.lock(learner.id)
        attempt, asked = _asked_so_far(work, learner)
        question = _at(asked, position)
        taken = attempt.state == OPEN or question.put_off is not None
        if question.answered is not None or not taken:
            return Outcome("already")
        bank = measure.engine(s, attempt.versions)
        item = bank.item(question.item)
        scoring.validate(item, response)
        done = replace(
            question,
            response=dict(response),
            category=scoring.score(item, response),
            answered=now,
            shown=shown,
        )
        if not work.attempts.answer(done):
            return Outcome("already")
        asked = tuple(done if q.position == position else q for q in asked)
        attempt = replace(attempt, answered=attempt.answered + 1, touched=now)
        work.attempts.save(attempt)
        if attempt.state == OPEN:
            return _next(s, work, learner, attempt, asked, now)
        _record(s, work, learner, attempt, asked)
        refold(s, work, learner, now)
        return Outcome("finished")


def finish(s: Services, learner: Learner, now: datetime) -> None:
    """End the open attempt early, with the result the answers allow. Writes and commits."""
    with s.store.begin() as work:
        learner = work.learners.lock(learner.id)
        attempt = work.attempts.latest(learner.id)
        if attempt is not None and attempt.state == OPEN:
            _finish(s, work, learner, attempt, work.attempts.questions(attempt.id), now)


def settle(s: Services, learner: Learner, now: datetime) -> None:
    """Make a result of the answers so far; the attempt stays open. Writes and commits."""
    with s.store.begin() as work:
        learner = work.learners.lock(learner.id)
        attempt = work.attempts.latest(learner.id)
        if attempt is not None:
            _record(s, work, learner, attempt, work.attempts.questions(attempt.id))
            refold(s, work, learner, now)


def state(s: Services, learner: Learner) -> AttemptState:
    with s.store.read() as work:
        attempt = work.attempts.latest(learner.id)
        if attempt is None:
            return AttemptState("none", most=s.limits.max_items)
        asked = work.attempts.questions(attempt.id)
    bank = measure.engine(s, attempt.versions)
    soll = target_from(attempt)
    return AttemptState(
        state=attempt.state,
        answered=attempt.answered,
        most=bank.config.max_items,
        decided=bank.decided(_posterior(s, bank, attempt, asked), soll),
        required=len(bank.required(soll)),
        touched=attempt.touched,
        position=min((q.position for q in asked if _waits(q)), default=len(asked) + 1),
    )


def target_from(attempt: Attempt) -> Target:
    """Return the Soll that was frozen with the attempt."""
    return measure.target_from(attempt.target)


def _open(s: Services, work: Work, learner: Learner, now: datetime) -> None:
    tenant, bank = work.tenants.get(learner.tenant_id), measure.engine(s)
    soll, practice = measure.target(s, work, learner, now), _practice(bank.items).key
    begun = {
        **measure.target_to(soll),
        "terms": terms.frozen(s, work, learner, bank, soll, practice, now),
        "start": second.start(s, work, learner, bank, now),
    }
    attempt = Attempt(
        id=str(uuid.uuid4()),
        tenant_id=learner.tenant_id,
        learner_id=learner.id,
        state=OPEN,
        versions={**measure.versions(s), "feedback": tenant.settings.feedback},
        target=begun,
        answered=0,
        started=now,
        touched=now,
    )
    work.attempts.save(attempt)
    _next(s, work, learner, attempt, (), now)


def _next(
    s: Services,
    work: Work,
    learner: Learner,
    attempt: Attempt,
    asked: tuple[Asked, ...],
    now: datetime,
) -> Outcome:
    """Ask the next question, or end the attempt."""
    if _waiting(asked):
        return Outcome("next")
    bank = measure.engine(s, attempt.versions)
    soll = target_from(attempt)
    # Of the practice question and of reviews the answers were shown.
    never = frozenset({_practice(bank.items).key, *work.attempts.explained(learner.id)})
    posterior, given = _posterior(s, bank, attempt, asked), [q.item for q in asked]
    chosen = bank.select(posterior, soll, given, terms.of(attempt, soll, never))
    if not isinstance(chosen, Selection):
        _finish(s, work, learner, attempt, asked, now)
        return Outcome("finished")
    question = Asked(
        attempt_id=attempt.id,
        position=len(asked) + 1,
        item=chosen.item.key,
        order=order_of(attempt.id, chosen.item),
        reason={**chosen.reason, "because": _because(bank, chosen, asked).value},
        asked=now,
    )
    work.attempts.ask(learner, question)
    return Outcome("next")


def _because(bank: Engine, chosen: Selection, asked: tuple[Asked, ...]) -> Because:
    answers = [(bank.item(q.item), q.category) for q in asked if q.category is not None]
    areas = bank.framework.areas_by_code
    about = bank.framework.measured(chosen.about) if chosen.about in areas else (chosen.about,)
    return because(about, chosen.certainty, answers)


def _finish(
    s: Services,
    work: Work,
    learner: Learner,
    attempt: Attempt,
    asked: tuple[Asked, ...],
    now: datetime,
) -> None:
    work.attempts.save(replace(attempt, state=FINISHED, finished=now, touched=now))
    _record(s, work, learner, attempt, asked)
    refold(s, work, learner, now)
    grades.assessed(work, learner, now)


def _record(
    s: Services, work: Work, learner: Learner, attempt: Attempt, asked: tuple[Asked, ...]
) -> None:
    """Here answers become evidence: those of this attempt replace those of an earlier one."""
    bank = measure.engine(s, attempt.versions)
    found = tuple(_evidence(bank, q) for q in asked if q.answered is not None)
    # What is there already stays as it is: the learner may have corrected it meanwhile.
    work.evidence.drop_assessment(learner.id, but=[e.id for e in found])
    work.evidence.add(learner, found)


def _evidence(bank: Engine, question: Asked) -> Evidence:
    item = bank.item(question.item)
    assert question.answered is not None
    assert question.category is not None
    return Evidence(
        id=evidence_id(question),
        source=Source.ASSESSMENT,
        competency=item.competency,
        kind=item.kind.value,
        a=item.a,
        b=item.b,
        category=question.category,
        at=question.answered,
        arrival=question.position,
        self_report=item.self_report,
        level=item.level,
    )


def evidence_id(question: Asked) -> str:
    """Return the id of the evidence that the answer to this question becomes."""
    return second.answer_id(question.attempt_id, question.position)


def _posterior(s: Services, bank: Engine, attempt: Attempt, asked: tuple[Asked, ...]) -> Posterior:
    """Return what is known after these answers, from what the attempt started with."""
    start = second.belief(s, attempt) or bank.prior()
    answers = ((q.item, q.category) for q in told(asked) if q.category is not None)
    states = bank.replay(answers, start)
    return states[-1] if states else start


def told(asked: tuple[Asked, ...]) -> list[Asked]:
    """Return what was answered, in the order of the answers: a task may have been put off."""
    moments = [(q.answered, q.position, q) for q in asked if q.answered is not None]
    return [q for _answered, _position, q in sorted(moments, key=lambda told: told[:2])]


def _waiting(asked: tuple[Asked, ...]) -> Asked | None:
    return next((q for q in asked if _waits(q)), None)


def _waits(question: Asked) -> bool:
    return question.answered is None and question.put_off is None


def _asked_so_far(work: Work, learner: Learner) -> tuple[Attempt, tuple[Asked, ...]]:
    """Return the newest attempt and its questions; :raises Conflict: there is none."""
    attempt = work.attempts.latest(learner.id)
    if attempt is None:
        raise Conflict("Nothing was asked yet.", remedy="Start with the first question.")
    return attempt, work.attempts.questions(attempt.id)


def _at(asked: tuple[Asked, ...], position: int) -> Asked:
    found = next((q for q in asked if q.position == position), None)
    if found is None:
        raise Conflict("This question was not asked.", remedy="Go on with the open question.")
    return found


def question_of(s: Services, attempt: Attempt, asked: Asked) -> Question:
    bank = measure.engine(s, attempt.versions)
    return Question(
        attempt_id=attempt.id,
        position=asked.position,
        most=bank.config.max_items,
        item=bank.item(asked.item),
        order=asked.order,
        about=str(asked.reason["about"]),
        because=Because(asked.reason.get("because", Because.UNSURE)),
        scene=Scene(asked.reason.get("chosen", {}).get("scene", Scene.UNSAID)),
        bank=attempt.versions["items"],
        feedback=attempt.versions.get("feedback", "end"),
        put_off=asked.put_off is not None,
    )


def order_of(attempt_id: str, item: Item) -> tuple[int, ...]:
    """Return the options' order for this attempt: the same after every reload.

    Ladders (self-rating, true/false) keep theirs. Steps to be put in order never start solved.
    """
    indices = list(range(len(item.options)))
    if item.kind in (Kind.SELF_RATING, Kind.TRUE_FALSE, Kind.PRACTICAL_TASK, Kind.HOTSPOT):
        return tuple(indices)
    # Not a secret: the seed only has to be the same for this attempt and item.
    random.Random(f"{attempt_id}:{item.key}").shuffle(indices)  # noqa: S311
    if item.kind is Kind.ORDERING and indices == sorted(indices):
        indices = indices[1:] + indices[:1]
    return tuple(indices)
