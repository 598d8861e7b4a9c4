"""What is wrong with a provider's entry or with its file, in words."""

from collections.abc import Mapping

from flask_babel import lazy_gettext as _l

from competency.provider import Fault, Method
from competency.troubles import Trouble
from lti_tool.web.translate import gettext as _

FAULTS: Mapping[str, object] = {
    "missing": _l("It is missing."),
    "long": _l("It is too long."),
    "key": _l("2 to 32 small letters, digits and hyphens."),
    "value": _l("That does not belong here."),
    "choice": _l("None of the words that can stand here."),
    "range": _l("A number in this range."),
    "date": _l("This is no day."),
    "address": _l("An address begins with https://."),
    "number": _l("Points are numbers."),
    "step": _l("A step is a whole number from 0 to 8."),
    "order": _l("A higher value is never a lower step."),
    "twice": _l("It stands there twice."),
    "gap": _l("The bands begin at the lowest points and end within the highest."),
    "many": _l("These are too many."),
    "code": _l("There is no such topic or area."),
    "topic": _l("There is no such topic in this entry."),
    "exists": _l("There is a provider with this short name already."),
    "changed": _l("Somebody has changed this entry in the meantime. Open it anew."),
    "taken": _l("This activity belongs to another provider."),
}
TROUBLES: Mapping[str, object] = {
    "column-missing": _l("This column is missing."),
    "column-twice": _l("This column stands there twice."),
    "person-missing": _l("Nobody is named."),
    "date": _l("This is no day."),
    "future": _l("This day is still to come."),
    "topic": _l("This topic is not in the entry of the provider."),
    "value": _l("This value is not on the scale of the provider."),
    "value-missing": _l("The value is missing."),
    "empty": _l("There is no result in this file."),
}


def fault(found: Fault) -> str:
    return f"{found.field}: {what(found)}"


def what(found: Fault) -> str:
    """Return what is wrong with a field, without its name: on a form it stands there."""
    value = f" ({found.value})" if found.value else ""
    return f"{FAULTS[found.cause]}{value}"


def trouble(found: Trouble) -> str:
    """Return what is wrong where; never what stands in the cell: it is somebody's result."""
    return _(
        "Row %(row)s, column %(column)s: %(what)s",
        row=found.row, column=found.column, what=TROUBLES[found.cause],
    )  # fmt: skip


def methods() -> dict[Method, str]:
    return {
        Method.TEST: _("test"),
        Method.SELF: _("self-rating"),
        Method.OBSERVED: _("observed by others"),
    }
