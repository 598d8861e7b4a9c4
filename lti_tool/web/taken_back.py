"""What an erasure or an objection takes back elsewhere, in sentences; and what it cannot."""

from collections.abc import Iterator, Set

from lti_tool.flows import persons
from lti_tool.flows.withdrawal import Trace
from lti_tool.web.services import services
from lti_tool.web.session import current_launch
from lti_tool.web.translate import gettext as _


def sentences() -> tuple[str, ...]:
    """Say it for whoever may delete her data; empty if nothing was ever written."""
    return tuple(_said(persons.written(services(), current_launch().learner)))


def of_the_path() -> tuple[str, ...]:
    """Say it for whoever may object to proposals, and what stays of the rest."""
    learner = current_launch().learner
    said = [*_said(persons.written_of_the_path(services(), learner), share_only=True)]
    if said and persons.told_results(services(), learner):
        said.append(_("What the portal knows of the assessment and of reviews stays there."))
    return tuple(said)


def _said(traces: Set[Trace], *, share_only: bool = False) -> Iterator[str]:
    if Trace.STATEMENTS in traces:
        yield _("We take the message about your learning path back.")
    if Trace.DOCUMENT in traces:
        yield _("We delete the list of your steps in the activity store (LRS).")
    if Trace.ASSERTED in traces:
        yield _("We take the results you shared back in the activity store (LRS).")
    if Trace.LEVELS in traces:
        yield _("We delete the list of your shared results there.")
    if Trace.PLAN in traces:
        yield _("We delete your learning plan in the learning portal.")
    if Trace.SCORE in traces and share_only:
        yield _("We delete your score for steps done in the learning portal.")
    elif Trace.SCORE in traces:
        yield _("We delete your score in the learning portal.")
    if Trace.SCORE_ASKED in traces:
        yield _("We ask the learning portal to delete your score.")
    if traces - {Trace.SCORE_STAYS}:
        yield _("That usually takes a few minutes.")
    if Trace.SCORE_STAYS in traces:
        yield _("We cannot delete your score in ILIAS. Please ask your course lead to do that.")
