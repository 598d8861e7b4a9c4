"""Einfache Sprache: a switch beside the question, kept with the person.

It lies in a form of its own, so that Enter in an answer never presses it; a script takes along what
is chosen already. Offered in German only, and where the bank has such texts.
"""

from datetime import UTC, datetime

from flask import request

from competency.items import Wording
from lti_tool.flows import profiles
from lti_tool.web.formats import language
from lti_tool.web.services import services
from lti_tool.web.session import current_launch

ON, OFF = "plain", "standard"


def switch(*, easy: bool) -> str:
    """Return what pressing the switch asks for; "" where it is not offered."""
    if language() != "de" or not services().content.has_plain:
        return ""
    return OFF if easy else ON


def chosen() -> bool:
    return current_launch().learner.plain


def pressed() -> bool | None:
    """Return what the switch was set to by this form and keep it; None: another button was used."""
    do = request.form.get("do")
    if do not in (ON, OFF):
        return None
    profiles.prefer_plain(services(), current_launch().learner, do == ON, datetime.now(UTC))
    return do == ON


def shown() -> str:
    """Return the wording that a submitted question says it was put in; "" if it says none."""
    said = request.form.get("shown", "")
    return said if said in list(Wording) else ""
