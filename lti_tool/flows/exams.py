"""The exam of a unit ("Kurzer Rückblick", R71): it opens some days after the tutorial, and can be
done again and again.

When the tutorial was is noted by the link of a course (`hold`), or else it is the day on which the
unit was completed. Right and wrong are told after every answer, so only the first answer that a
person ever gives to a question in an exam is evidence, and what was explained is asked again only
where the bank has nothing else.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time

from competency import exam as exams
from competency import scoring
from competency.catalogue import LearningUnit
from competency.evidence import Evidence, Source
from competency.exam import Dates, Standing
from competency.items import Item
from lti_tool.errors import Conflict, NotFound
from lti_tool.flows import assess, grades, measure
from lti_tool.flows.observe import refold
from lti_tool.ports import Asked, Attempt, Learner, Services, Work

NAMESPACE = uuid.UUID("7d5a3f0e-61f4-5b7a-8e0f-0f7f3c5e2a94")
OPEN, FINISHED = "open", "finished"


@dataclass(frozen=True, slots=True)
class Result:
    """How a finished run went."""

    asked: int
    fitting: int
    needed: int
    at: datetime

    @property
    def sits(self) -> bool:
        return self.fitting >= self.needed


@dataclass(frozen=True, slots=True)
class Exam:
    """The exam of one unit, for one person, now."""

    unit: LearningUnit
    days: int  # after the tutorial
    dates: Dates | None  # None: nobody told us when the tutorial was
    standing: Standing | None
    results: tuple[Result, ...]  # the newest first
    answered: int  # of the run that is open
    count: int  # questions of that run, or of the next one
    running: bool
    told: bool  # a grade book gets to know whether it sits

    @property
    def needed(self) -> int:
        return exams.needed(self.count)

    @property
    def sits(self) -> bool:
        """Whether any run sat: it need not be done again."""
        return any(r.sits for r in self.results)

    @property
    def due(self) -> bool:
        """Whether it is this person's turn."""
        return self.standing is Standing.OPEN and not self.results


@dataclass(frozen=True, slots=True)
class Question:
    """A question of a run, with the answer if there is one."""

    unit: LearningUnit
    position: int
    count: int
    item: Item
    order: tuple[int, ...]
    bank: str  # version of the items
    category: int | None = None
    response: scoring.Response | None = None  # gone after its retention

    @property
    def fits(self) -> bool:
        return self.category is not None and exams.fits(self.item, self.category)


@dataclass(frozen=True, slots=True)
class _Past:
    """What is known about a person that an exam depends on, read once."""

    days: int  # as the municipality chose, 0: as the catalogue says
    held: Mapping[str, datetime]  # unit -> when its tutorial was
    runs: tuple[Attempt, ...] = ()  # through exams, the newest first
    explained: frozenset[str] = frozenset()  # questions whose answer was told
    asked: frozenset[str] = frozenset()  # in the assessment
    waiting: frozenset[str] = frozenset()  # for an answer there, now
    columns: frozenset[str] = frozenset()  # in grade books, see `grades.columns`

    def of(self, unit: str) -> tuple[Attempt, ...]:
        return tuple(a for a in self.runs if a.unit == unit)


@dataclass(frozen=True, slots=True)
class Review:
    """A finished run, question by question."""

    exam: Exam
    result: Result
    questions: tuple[Question, ...]


def of_unit(s: Services, learner: Learner, key: str, now: datetime) -> Exam:
    """Return the exam of a unit. :raises NotFound: there is no such unit, or it has none."""
    unit = _unit(s, key)
    with s.store.read() as work:
        past = _past(s, work, learner)
    return _exam(s, learner, unit, past, now)


def every(s: Services, learner: Learner, now: datetime) -> tuple[Exam, ...]:
    """Return the exams whose date is known, the earliest first."""
    with s.store.read() as work:
        held = _held(work, learner)
        units = [s.content.catalogue.by_key.get(key) for key in held]
        known = [u for u in units if u is not None and exams.has_exam(u)]
        past = _past(s, work, learner) if known else None
    found = [_exam(s, learner, unit, past, now) for unit in known] if past else []
    return tuple(sorted((e for e in found if e.count), key=_opens))


def hold(s: Services, learner: Learner, key: str, day: date) -> None:
    """Note on which day the tutorial of a unit is, as a course says. Writes and commits."""
    at = datetime.combine(day, time(12), exams.ZONE)  # noon: the same day wherever it is read
    _unit(s, key)
    with s.store.read() as work:
        if work.evidence.held(learner.id).get(key) == at:
            return
    with s.store.begin() as work:
        learner = work.learners.lock(learner.id)
        work.evidence.hold(learner, key, at)


def start(s: Services, learner: Learner, key: str, now: datetime) -> None:
    """Put the questions of a new run, or go on with the open one. Writes and commits.

    :raises Conflict: it is not open yet.
    """
    unit = _unit(s, key)
    with s.store.begin() as work:
        learner = work.learners.lock(learner.id)
        if _running(work, learner, key):
            return
        past = _past(s, work, learner)
        found = _exam(s, learner, unit, past, now)
        if found.standing is None or not found.standing.answerable:
            raise Conflict("This exam is not open yet.", remedy="Come back when it is.")
        if found.count:
            _ask(s, work, learner, unit, past, now)


def question(s: Services, learner: Learner, key: str) -> Question | None:
    """Return the question that waits for an answer; None if no run is open."""
    unit = _unit(s, key)
    with s.store.read() as work:
        run = _running(work, learner, key)
        asked = work.attempts.questions(run.id) if run else ()
    waiting = next((q for q in asked if q.answered is None), None)
    if run is None or waiting is None:
        return None
    return _shown(s, unit, run, waiting, len(asked))


def answer(
    s: Services,
    learner: Learner,
    key: str,
    position: int,
    response: scoring.Response,
    now: datetime,
) -> bool:
    """Store an answer; the last one ends the run. Return False if it was answered before.

    :raises IncompleteResponse: something is missing; nothing was stored.
    :raises MalformedResponse: it is no answer to this question.
    :raises Conflict: no such question was asked.
    """
    unit = _unit(s, key)
    with s.store.begin() as work:
        learner = work.learners.lock(learner.id)
        run = _running(work, learner, key)
        asked = work.attempts.questions(run.id) if run else ()
        waiting = next((q for q in asked if q.answered is None), None)
        if run is None or waiting is None or position > waiting.position:
            raise Conflict("This question was not asked.", remedy="Go on with the open question.")
        if position < waiting.position:
            return False
        item = measure.engine(s, run.versions).item(waiting.item)
        done = replace(
            waiting,
            response=dict(response),
            category=scoring.score(item, response),
            answered=now,
        )
        work.attempts.answer(done)
        if item.key not in _told_in_the_assessment(work, learner):
            _prove(work, learner, unit, item, done)
        run = replace(run, answered=run.answered + 1, touched=now)
        if position < len(asked):
            work.attempts.save(run)
            # What is known now counts also if the rest is never answered.
            work.jobs.enqueue("refold", learner.id, {}, now)
        else:
            _finish(s, work, learner, unit, run, (*asked[:-1], done), now)
    return True


def answered(s: Services, learner: Learner, key: str, position: int) -> Question | None:
    """Return an answered question of the newest run, or None; to say what is right."""
    unit = _unit(s, key)
    with s.store.read() as work:
        run = next((a for a in work.attempts.exams(learner.id) if a.unit == key), None)
        asked = work.attempts.questions(run.id) if run else ()
    found = next((q for q in asked if q.position == position and q.answered), None)
    if run is None or found is None:
        return None
    return _shown(s, unit, run, found, len(asked))


def review(s: Services, learner: Learner, key: str, now: datetime) -> Review | None:
    """Return the newest finished run; None if there is none."""
    unit = _unit(s, key)
    with s.store.read() as work:
        past = _past(s, work, learner)
        run = next((a for a in past.of(key) if a.state == FINISHED), None)
        asked = work.attempts.questions(run.id) if run else ()
    if run is None:
        return None
    shown = tuple(_shown(s, unit, run, q, len(asked)) for q in asked)
    return Review(_exam(s, learner, unit, past, now), _result(run), shown)


def tell(s: Services, work: Work, learner: Learner, key: str, now: datetime) -> None:
    """Enqueue how the best run through a unit's exam went, if there is one."""
    runs = [a for a in work.attempts.exams(learner.id) if a.unit == key and a.state == FINISHED]
    unit = s.content.catalogue.by_key.get(key)
    if runs and unit is not None:
        sits = any(_result(run).sits for run in runs)
        grades.examined(work, learner, key, unit.title, now, sits=sits)


def evidence_id(learner_id: str, item: str) -> str:
    """Return the id of the evidence that a person's first answer to a question becomes."""
    return str(uuid.uuid5(NAMESPACE, f"{learner_id}|{item}"))


def _unit(s: Services, key: str) -> LearningUnit:
    unit = s.content.catalogue.by_key.get(key)
    if unit is None or not exams.has_exam(unit):
        raise NotFound("There is no such exam.", remedy="Go back to your path.")
    return unit


def _held(work: Work, learner: Learner) -> Mapping[str, datetime]:
    """Return unit -> when its tutorial was; what a course says comes before what followed."""
    return {**work.evidence.completed_units(learner.id), **work.evidence.held(learner.id)}


def _opens(found: Exam) -> datetime:
    assert found.dates is not None
    return found.dates.opens


def _past(s: Services, work: Work, learner: Learner) -> _Past:
    runs = work.attempts.exams(learner.id)
    attempts = work.attempts.of(learner.id)
    asked = [q for a in attempts for q in work.attempts.questions(a.id)]
    still = {a.id for a in attempts if a.state == OPEN}
    waiting = [q for q in asked if q.attempt_id in still and q.answered is None]
    practice = assess.practice_item(s).key  # its answer was shown
    return _Past(
        days=work.tenants.get(learner.tenant_id).settings.exam_days,
        held=_held(work, learner),
        runs=runs,
        explained=work.attempts.explained(learner.id)
        | _told_in_the_assessment(work, learner)
        | {practice},
        asked=frozenset(q.item for q in asked),
        waiting=frozenset(q.item for q in waiting),
        columns=grades.columns(work, learner),
    )


def _told_in_the_assessment(work: Work, learner: Learner) -> frozenset[str]:
    """Return the questions whose answer was explained there, where a municipality wants it so."""
    told = [a for a in work.attempts.of(learner.id) if a.versions.get("feedback") == "each"]
    asked = [q for a in told for q in work.attempts.questions(a.id)]
    return frozenset(q.item for q in asked if q.answered is not None)


def _exam(s: Services, learner: Learner, unit: LearningUnit, past: _Past, now: datetime) -> Exam:
    days, runs = exams.days_after(unit, past.days), past.of(unit.key)
    found = exams.dates(past.held[unit.key], days) if unit.key in past.held else None
    running = next((a for a in runs if a.state == OPEN), None)
    count = running.target["asked"] if running else len(_chosen(s, learner, unit, past))
    return Exam(
        unit=unit,
        days=days,
        dates=found,
        standing=found.standing(now) if found else None,
        results=tuple(_result(a) for a in runs if a.state == FINISHED),
        answered=running.answered if running else 0,
        count=int(count),
        running=running is not None,
        told=grades.exam_page(unit.key) in past.columns,
    )


def _result(run: Attempt) -> Result:
    told = run.target
    return Result(told["asked"], told["fitting"], told["needed"], run.finished or run.touched)


def _running(work: Work, learner: Learner, key: str) -> Attempt | None:
    runs = work.attempts.exams(learner.id)
    return next((a for a in runs if a.unit == key and a.state == OPEN), None)


def _chosen(s: Services, learner: Learner, unit: LearningUnit, past: _Past) -> tuple[Item, ...]:
    return exams.questions(
        unit,
        s.content.items,
        learner.roles,
        seed=f"{learner.id}|{unit.key}|{len(past.of(unit.key))}",
        explained=past.explained,
        asked=past.asked,
        never=past.waiting,
    )


def _ask(
    s: Services, work: Work, learner: Learner, unit: LearningUnit, past: _Past, now: datetime
) -> None:
    chosen = _chosen(s, learner, unit, past)
    run = Attempt(
        id=str(uuid.uuid4()),
        tenant_id=learner.tenant_id,
        learner_id=learner.id,
        state=OPEN,
        versions=measure.versions(s),
        target={"asked": len(chosen), "needed": exams.needed(len(chosen)), "fitting": 0},
        answered=0,
        started=now,
        touched=now,
        unit=unit.key,
    )
    work.attempts.save(run)
    for position, item in enumerate(chosen, start=1):
        order = assess.order_of(run.id, item)
        reason = {"exam": unit.key, "about": item.competency}
        work.attempts.ask(learner, Asked(run.id, position, item.key, order, reason, now))


def _shown(s: Services, unit: LearningUnit, run: Attempt, asked: Asked, count: int) -> Question:
    return Question(
        unit=unit,
        position=asked.position,
        count=count,
        item=measure.engine(s, run.versions).item(asked.item),
        order=asked.order,
        bank=run.versions["items"],
        category=asked.category,
        response=asked.response,
    )


def _prove(work: Work, learner: Learner, unit: LearningUnit, item: Item, done: Asked) -> None:
    assert done.answered is not None
    assert done.category is not None
    piece = Evidence(
        id=evidence_id(learner.id, item.key),
        source=Source.EXAM,
        competency=item.competency,
        kind=item.kind.value,
        a=item.a,
        b=item.b,
        category=done.category,
        at=done.answered,
        arrival=done.position,
        unit=unit.key,
        level=item.level,
    )
    work.evidence.add(learner, (piece,))  # a second answer changes nothing: the first one stays


def _finish(
    s: Services,
    work: Work,
    learner: Learner,
    unit: LearningUnit,
    run: Attempt,
    asked: Sequence[Asked],
    now: datetime,
) -> None:
    bank = measure.engine(s, run.versions)
    fitting = sum(exams.fits(bank.item(q.item), q.category or 0) for q in asked)
    told = {**run.target, "fitting": fitting}
    done = replace(run, state=FINISHED, finished=now, target=told)
    work.attempts.save(done)
    grades.examined(work, learner, unit.key, unit.title, now, sits=_result(done).sits)
    refold(s, work, learner, now)
