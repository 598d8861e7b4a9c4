"""Results of other tests in words, for the person they are about."""

from competency.precedence import Aside
from lti_tool.flows.profiles import EvidenceLine
from lti_tool.web.formats import day
from lti_tool.web.translate import gettext as _
from lti_tool.web.wording import level


def name(line: EvidenceLine) -> str:
    """Return whose result it is, of which day, and what it says on which scale."""
    o = line.origin
    values = {"provider": o["name"], "day": day(line.at), "value": o["value"]}
    values |= {"lowest": o["lowest"], "highest": o["highest"]}
    if o["method"] == "self":
        return _(
            "Self-rating at “%(provider)s” of %(day)s: “%(value)s” on a scale from “%(lowest)s” to "
            "“%(highest)s”",
            **values,
        )
    return _(
        "Result of “%(provider)s” of %(day)s: “%(value)s” on a scale from “%(lowest)s” to "
        "“%(highest)s”",
        **values,
    )


def sentence(line: EvidenceLine) -> str:
    """Return a result with what it means here, and whether it counts."""
    means = _("Here this means: %(level)s.", level=level(int(line.origin["step"])))
    return f"{name(line)}. {means} {_counts(line)}"


def _counts(line: EvidenceLine) -> str:
    if line.aside is Aside.NEWER:
        return _("It does not count any more: there is a newer one.")
    if line.aside is Aside.OLD:
        return _("It does not count any more: it is too old.")
    assert line.until is not None
    return _("It counts until %(day)s.", day=day(line.until))
