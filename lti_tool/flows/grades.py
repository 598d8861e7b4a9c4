"""What a grade book is told, and only where a municipality switched grades on (decisions.md 1.3).

Three things, each in the column of the link that stands for it: the share of accepted steps done
("Mein Lernweg", the path), that the assessment was done, and whether an exam sits. Never a level.
A grade is never lowered, and each is later than the one before it.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from competency.path import StepState
from lti_tool.ports import Delivery, LaunchPlace, Learner, StoredPath, Work

SHARE, RESULT = "score", "result"  # kinds of outbox rows: of the path, and all else
WITHDRAWN = "-withdrawn"  # after the kind of what is taken back
NAMESPACE = uuid.UUID("6f0d1a5e-3c5e-5c58-9b8e-0d2f3a9c7e11")

ASSESSMENT = "frage"
_EXAM, _UNIT = "rueckblick/", "einheit/"


@dataclass(frozen=True, slots=True)
class Grade:
    """Points, and what they are about; `comment` and `label` are what the course lead reads."""

    kind: str
    about: str
    done: int
    of: int
    comment: str
    label: str = "Mein Lernweg"


def progress(work: Work, learner: Learner, stored: StoredPath, now: datetime) -> None:
    """Enqueue the share of accepted steps done.

    Nothing before the first step is done: “0 of 100” in a grade book reads like a failed test,
    and a score without points would delete a grade that is there (Moodle) or set it to 0 (ILIAS
    8 to 10).
    """
    done, of = sum(s.state is StepState.DONE for s in stored.path.steps), len(stored.path.steps)
    if done:
        comment = f"{done} von {of} Schritten im Lernpfad"
        grade = Grade(SHARE, f"{stored.id}|{stored.revision}", done, of, comment)
        _tell(work, learner, "", grade, now)


def assessed(work: Work, learner: Learner, now: datetime) -> None:
    """Enqueue that the assessment was done, for links that stand for it; never how it went."""
    grade = Grade(RESULT, ASSESSMENT, 1, 1, "Einstufung gemacht", "Einstufung")
    _tell(work, learner, ASSESSMENT, grade, now)


def examined(
    work: Work, learner: Learner, unit: str, title: str, now: datetime, *, sits: bool
) -> None:
    """Enqueue whether the exam of a unit sits: 1 of 1, or 0 until it does."""
    comment = "Kurzer Rückblick: sitzt" if sits else "Kurzer Rückblick: gemacht"
    grade = Grade(RESULT, exam_page(unit), int(sits), 1, comment, f"Kurzer Rückblick: {title}")
    _tell(work, learner, exam_page(unit), grade, now)


def columns(work: Work, learner: Learner) -> frozenset[str]:
    """Return for what a grade book has a column that we may write: pages, "" for the path."""
    return frozenset(page for page, _ in _columns(work, learner))


def untold(work: Work, learner: Learner) -> frozenset[str]:
    """Return for what there is a column that was never told anything: pages, "" for the path."""
    if not (found := _columns(work, learner)):
        return frozenset()
    told = {d.body["lineitem"] for d in work.outbox.of(learner.id, (SHARE, RESULT))}
    return frozenset(page for page, lineitem in found if lineitem not in told)


def _columns(work: Work, learner: Learner) -> list[tuple[str, str]]:
    if not work.tenants.get(learner.tenant_id).settings.ags:
        return []
    # Moodle refuses a score for who teaches.
    places = [p for p in work.learners.places(learner.id) if not p.instructor]
    found = ((about(p.page), _column(p)) for p in places)
    return [(page, at["lineitem"]) for page, at in found if page is not None and at]


def exam_page(unit: str) -> str:
    """Return the page of a unit's exam, as placed links name it."""
    return f"{_EXAM}{unit}"


def about(page: str) -> str | None:
    """Return what the column of a link is about: "", an exam, the assessment; None: nothing."""
    if page.startswith(_EXAM):
        return exam_page(page.split("/")[1])
    if page.startswith(_UNIT):
        return None
    return ASSESSMENT if page == ASSESSMENT else ""


def _tell(work: Work, learner: Learner, page: str, grade: Grade, now: datetime) -> None:
    if not work.tenants.get(learner.tenant_id).settings.ags:
        return
    for place in work.learners.places(learner.id):
        # Moodle refuses a score for who teaches.
        if about(place.page) == page and not place.instructor and (at := _column(place)):
            _put(work, learner, place, at, grade, now)


def _column(place: LaunchPlace) -> dict[str, str]:
    """Return where a score of this place goes: its line item, or what is needed to find one."""
    if lineitem := str(place.services.get("lineitem", "")):
        return {"lineitem": lineitem}
    lineitems = str(place.services.get("lineitems", ""))
    if not (lineitems and place.link_id):
        return {}
    found = {"lineitems": lineitems, "context": place.context_id, "link": place.link_id}
    # No address, but as good for telling columns apart until one is found.
    return found | {"lineitem": f"{lineitems}#{place.link_id}"}


def _put(
    work: Work,
    learner: Learner,
    place: LaunchPlace,
    column: Mapping[str, str],
    grade: Grade,
    now: datetime,
) -> None:
    waiting = work.outbox.of(learner.id, (grade.kind, grade.kind + WITHDRAWN))
    here = [d for d in waiting if d.body["lineitem"] == column["lineitem"]]
    before = [d.body for d in here if d.kind == grade.kind]
    share = grade.done / grade.of
    # A grade is never lowered: a new path with more steps must not look like a setback.
    if before and share <= max(b["score"] for b in before):
        return
    for delivery in here:
        # ILIAS takes an older score for a newer one, and a withdrawal would delete this one.
        if delivery.state != "delivered":
            work.outbox.drop(delivery.id)
    body: dict[str, Any] = {
        **column,
        "subject": place.subject,
        "score": share,
        "done": grade.done,
        "of": grade.of,
        "comment": grade.comment,
        "label": grade.label,
        "most": 1 if grade.kind == RESULT else 100,
        "timestamp": _later(before, now).isoformat(),
    }
    if others := [name for name in place.idents if name != place.subject]:
        body["idents"] = others
    if work.outbox.put(_delivery(learner, grade, place.platform_id, body), now):
        work.jobs.enqueue("deliver", "all", {}, now)


def _later(before: Sequence[Mapping[str, Any]], now: datetime) -> datetime:
    """Return now, or a second after the last score: Moodle refuses two in one second."""
    told = (datetime.fromisoformat(b["timestamp"]) + timedelta(seconds=1) for b in before)
    return max((now, *told))


def _delivery(learner: Learner, grade: Grade, platform_id: str, body: dict[str, Any]) -> Delivery:
    # A path has an id of its own; all else is told apart by whose it is.
    whose = grade.about if grade.kind == SHARE else f"{learner.id}|{grade.about}"
    what = f"{grade.kind}|{platform_id}|{body['lineitem']}:{grade.done}/{grade.of}"
    key = str(uuid.uuid5(NAMESPACE, f"{whose}|{what}"))
    return Delivery(
        id=key,
        tenant_id=learner.tenant_id,
        learner_id=learner.id,
        kind=grade.kind,
        target_id=platform_id,
        dedupe=key,
        body=body,
    )
