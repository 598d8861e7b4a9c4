"""The one module that imports pylti1p3: words and wire shapes, never decisions.

Our values go in, our values come out. Which checks are ours, and why: reference/lti.md section 2.
"""

from datetime import datetime
from importlib.metadata import version

from pylti1p3.grade import Grade
from pylti1p3.roles import (
    AbstractRole,
    DesignerRole,
    ObserverRole,
    RoleType,
    StudentRole,
    TeacherRole,
)

from lti_tool.errors import RoadmapError

PINNED = "2.0.0"
_MEMBERSHIP = f"{AbstractRole._base_prefix}/{RoleType.CONTEXT}"
# Sub-roles of the LIS vocabulary that teach (LTI 1.3 appendix A.2.3.1); the library has only one.
_TEACHING = (
    "ExternalInstructor",
    "Grader",
    "GuestInstructor",
    "Lecturer",
    "PrimaryInstructor",
    "SecondaryInstructor",
    "TeachingAssistant",
    "TeachingAssistantGroup",
    "TeachingAssistantOffering",
    "TeachingAssistantSection",
    "TeachingAssistantSectionAssociation",
    "TeachingAssistantTemplate",
)


def _context(names: tuple[str, ...]) -> frozenset[str]:
    """Return the exact URIs of context roles and their short names."""
    return frozenset(names) | {f"{_MEMBERSHIP}#{name}" for name in names}


_ADMINISTRATOR = _context(("Administrator",))
# The library counts an administrator of a context as a teacher; we do not: ILIAS 11 sends that
# role for every system administrator (reference/ilias.md 3.4).
TEACHERS = (_context(tuple(TeacherRole._context_roles)) - _ADMINISTRATOR) | {
    f"{_MEMBERSHIP}/Instructor#{name}" for name in _TEACHING
}
#: Who looks after people's data at a platform. It shows them nothing of anybody (decisions.md 1.1).
ADMINISTRATORS = _ADMINISTRATOR | {
    f"{AbstractRole._base_prefix}/{kind}#{name}"
    for kind in ("institution/person", "system/person")
    for name in ("Administrator", "SysAdmin")
}
DESIGNERS = _context(tuple(DesignerRole._context_roles))
PLACERS = TEACHERS | DESIGNERS | _ADMINISTRATOR
KNOWN = PLACERS | _context(tuple(StudentRole._context_roles) + tuple(ObserverRole._context_roles))


def check_pin() -> None:
    """Refuse to run with another pylti1p3: a fork installs itself under the same import name.

    :raises RoadmapError: it is not the pinned version.
    """
    if (found := version("PyLTI1p3")) != PINNED:
        raise RoadmapError(
            f"PyLTI1p3 is {found}, not {PINNED}.", remedy="Install from requirements/run.txt."
        )


def score_body(
    *, subject: str, given: float, maximum: float, completed: bool, at: datetime, comment: str
) -> str:
    """Return the JSON of an AGS score (AGS 2.0 section 3.4.6).

    Always FullyGraded: Moodle deletes a grade that is reported in any other progress. Clamped to
    the maximum; sub-second timestamp, because Moodle refuses an equal second.
    """
    grade = (
        Grade()
        .set_user_id(subject)
        .set_score_given(min(max(given, 0.0), maximum))
        .set_score_maximum(maximum)
        .set_activity_progress("Completed" if completed else "InProgress")
        .set_grading_progress("FullyGraded")
        .set_timestamp(at.isoformat(timespec="milliseconds"))
    )
    if comment:
        grade.set_comment(comment)
    return grade.get_value()


def no_score_body(*, subject: str, at: datetime) -> str:
    """Return the JSON that takes a score back: one without `scoreGiven` (AGS 2.0, section
    “scoreGiven and scoreMaximum”: the platform should clear the score it has).

    Moodle deletes the grade on any progress but FullyGraded (seen on 4.5), which is why
    `score_body` never sends another.
    """
    grade = (
        Grade()
        .set_user_id(subject)
        .set_activity_progress("Initialized")
        .set_grading_progress("NotReady")
        .set_timestamp(at.isoformat(timespec="milliseconds"))
    )
    value: str = grade.get_value()
    return value
