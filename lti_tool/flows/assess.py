"""assess: Learner + response -> next question, and at the end Evidence and a Profile.

Every answer is one transaction: the answer, the next question and its reason. A reload, a second
device or a double click therefore always finds the same question; none is scored twice.
Versions and Soll are frozen when the attempt starts.
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
from lti_tool.flows import measure
from lti_tool.flows.observe import refold
from lti_tool.ports import Asked, Attempt, Learner, Reflected, Services, Work

OPEN, FINISHED = "open", "finished"
TAKEAWAYS = 3


@dataclass(frozen=True, slots=True)
class Question:
    """The question to show. `order` are option indices as shown; `about` is what it makes clear."""

    attempt_id: str
    position: int
    most: int
    item: Item
    order: tuple[int, ...]
    about: str
    given: int
    because: Because
    scene: Scene


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
    takeaways: tuple[Item, ...] = ()


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
    return None if waiting is None else _question(s, attempt, waiting)


def answer(
    s: Services, learner: Learner, position: int, response: scoring.Response, now: datetime
) -> Outcome:
    """Store an answer and ask what comes next, in one transaction.

    :raises IncompleteResponse: something is missing; nothing was stored.
    :raises MalformedResponse: it is no answer to this question.
    :raises Conflict: no such question was asked.
    """
    with s.store.begin() as work:
        learner = work.learners.lock(learner.id)
        attempt = work.attempts.latest(learner.id)
        if attempt is None:
            raise Conflict("Nothing was asked yet.", remedy="Start with the first question.")
        asked = work.attempts.questions(attempt.id)
        question = next((q for q in asked if q.position == position), None)
        if question is None:
            raise Conflict("This question was not asked.", remedy="Go on with the open question.")
        if question.answered is not None or attempt.state != OPEN:
            return Outcome("already")
        bank = measure.engine(s, attempt.versions)
        item = bank.item(question.item)
        scoring.validate(item, response)
        done = replace(
            question,
            response=dict(response),
            category=scoring.score(item, response),
            answered=now,
        )
        if not work.attempts.answer(done):
            return Outcome("already")
        asked = tuple(done if q.position == position else q for q in asked)
        attempt = replace(attempt, answered=attempt.answered + 1, touched=now)
        work.attempts.save(attempt)
        return _next(s, work, learner, attempt, asked, now)


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
        decided=bank.decided(_posterior(bank, asked), soll),
        required=len(bank.required(soll)),
        touched=attempt.touched,
        takeaways=_takeaways(bank, asked),
    )


def reflection_items(s: Services) -> tuple[Item, ...]:
    """Return the private questions (K.1): answered for oneself, never measured."""
    return tuple(i for i in s.content.items if i.kind is Kind.REFLECTION)


def reflect(
    s: Services, learner: Learner, item_key: str, response: scoring.Response, now: datetime
) -> None:
    """Keep a private answer where only its owner finds it. Writes and commits."""
    item = next((i for i in reflection_items(s) if i.key == item_key), None)
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


def forget_reflection(s: Services, learner: Learner, attempt_id: str, item: str) -> None:
    """Delete one private answer; what is gone already is fine. Writes and commits.

    Nothing is noted in the audit: no log knows who answered these questions.
    """
    with s.store.begin() as work:
        learner = work.learners.lock(learner.id)
        work.attempts.forget_reflection(learner.id, attempt_id, item)


def target_from(attempt: Attempt) -> Target:
    """Return the Soll that was frozen with the attempt."""
    t = attempt.target
    return Target(
        roles=tuple(t["roles"]),
        steps=t["steps"],
        sources=t["sources"],
        weights=t["weights"],
        approved=t["approved"],
        version=t["version"],
        areas=t.get("areas", {}),  # attempts begun earlier asked for competences only
    )


def _open(s: Services, work: Work, learner: Learner, now: datetime) -> None:
    tenant = work.tenants.get(learner.tenant_id)
    soll = measure.target(s, learner, tenant.settings)
    attempt = Attempt(
        id=str(uuid.uuid4()),
        tenant_id=learner.tenant_id,
        learner_id=learner.id,
        state=OPEN,
        versions=measure.versions(s),
        target={
            "roles": list(soll.roles),
            "steps": dict(soll.steps),
            "sources": dict(soll.sources),
            "weights": dict(soll.weights),
            "approved": soll.approved,
            "version": soll.version,
            "areas": dict(soll.areas),
        },
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
    posterior = _posterior(bank, asked)
    chosen = bank.select(
        posterior,
        soll,
        [q.item for q in asked],
        soll.roles,
        seed=attempt.id,
        never=(_practice(bank.items).key,),  # its answer was shown
    )
    if not isinstance(chosen, Selection):
        _finish(s, work, learner, attempt, asked, now)
        return Outcome("finished")
    question = Asked(
        attempt_id=attempt.id,
        position=len(asked) + 1,
        item=chosen.item.key,
        order=_order(attempt.id, chosen.item),
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
    return str(uuid.uuid5(uuid.UUID(question.attempt_id), str(question.position)))


def _posterior(bank: Engine, asked: tuple[Asked, ...]) -> Posterior:
    answers = [(q.item, q.category) for q in asked if q.category is not None]
    states = bank.replay(answers)
    return states[-1] if states else bank.prior()


def _waiting(asked: tuple[Asked, ...]) -> Asked | None:
    return next((q for q in asked if q.answered is None), None)


def _question(s: Services, attempt: Attempt, asked: Asked) -> Question:
    bank = measure.engine(s, attempt.versions)
    return Question(
        attempt_id=attempt.id,
        position=asked.position,
        most=bank.config.max_items,
        item=bank.item(asked.item),
        order=asked.order,
        about=str(asked.reason["about"]),
        given=attempt.answered,
        because=Because(asked.reason.get("because", Because.UNSURE)),
        scene=Scene(asked.reason.get("chosen", {}).get("scene", Scene.UNSAID)),
    )


def _order(attempt_id: str, item: Item) -> tuple[int, ...]:
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


def _takeaways(bank: Engine, asked: tuple[Asked, ...]) -> tuple[Item, ...]:
    """Return the last few items with a feedback text, whatever was answered."""
    items = [bank.item(q.item) for q in asked if q.answered is not None]
    return tuple(i for i in reversed(items) if i.feedback and not i.self_report)[:TAKEAWAYS]
