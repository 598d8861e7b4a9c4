"""What a grade book's column is told when it appears after the fact.

Grades are told when something happens: a step is done, the assessment ends, an exam sits. A link
that is opened for the first time afterwards would stay empty; so what is true already is told once.
"""

from datetime import datetime

from competency.path import StepState
from lti_tool.flows import exams, grades
from lti_tool.flows.assess import FINISHED
from lti_tool.ports import Learner, Services, Work


def catch_up(s: Services, learner: Learner, page: str, now: datetime) -> None:
    """Enqueue what the column of a link for this page does not know yet. May write and commit."""
    about = grades.about(page)
    if about is None:
        return
    with s.store.read() as work:
        if about not in grades.untold(work, learner) or not _is_true(work, learner, about):
            return
    with s.store.begin() as work:
        _tell(s, work, work.learners.lock(learner.id), about, now)


def _is_true(work: Work, learner: Learner, about: str) -> bool:
    if about == grades.ASSESSMENT:
        return any(a.state == FINISHED for a in work.attempts.of(learner.id))
    if about:
        unit = about.rpartition("/")[2]
        runs = work.attempts.exams(learner.id)
        return any(a.unit == unit and a.state == FINISHED for a in runs)
    accepted = work.paths.accepted(learner.id)
    return accepted is not None and any(x.state is StepState.DONE for x in accepted.path.steps)


def _tell(s: Services, work: Work, learner: Learner, about: str, now: datetime) -> None:
    if about == grades.ASSESSMENT:
        grades.assessed(work, learner, now)
    elif about:
        exams.tell(s, work, learner, about.rpartition("/")[2], now)
    elif (accepted := work.paths.accepted(learner.id)) is not None:
        grades.progress(work, learner, accepted, now)
