"""What fits, after an answer: in words of growth, never right or wrong, never a mark.

Shown after the practice question, and after each question where a municipality wants it so
(`feedback = "each"`); by default only the explanations are read, at the end.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from competency import scoring
from competency.items import Item, Kind, Option, Wording
from lti_tool.web.questions import DONT_KNOW, worded
from lti_tool.web.translate import gettext as _

Response = scoring.Response


@dataclass(frozen=True, slots=True)
class Explained:
    """`said` about the answer; `fits` are the parts of what fits, in order where `ordered`."""

    stem: str
    said: str
    fits_title: str
    fits: tuple[str, ...]
    ordered: bool
    feedback: str


def explained(item: Item, response: Response | None, wording: Wording) -> Explained:
    """Return what fits, whatever was answered; without the answer (it is gone) only that."""
    title, fits = _fitting(item, wording)
    return Explained(
        stem=worded(item, "stem", wording),
        said=_about(item, response, wording),
        fits_title=title,
        fits=fits,
        ordered=item.kind is Kind.ORDERING,
        feedback=worded(item, "feedback", wording) if item.feedback else "",
    )


def _about(item: Item, response: Response | None, wording: Wording) -> str:
    if item.self_report:
        return _("Thank you. This is your own view, and it is saved.")
    if response is None:
        return ""
    one = _one_best(item)
    if one is not None:
        return _about_choice(response.get("choice"), one, item, wording)
    if DONT_KNOW in response:
        return _("It is fine not to know something.")
    reached, most = scoring.score(item, response), scoring.categories(item) - 1
    if reached == most:
        return _("Your answer fits.")
    return (
        _("Some of it fits already.") if reached else _("If this is new, you have learned it now.")
    )


def _about_choice(chosen: object, best: int, item: Item, wording: Wording) -> str:
    text = worded(item.options[best], "text", wording)
    if chosen is None:
        return _("It is fine not to know something. “%(text)s” fits here.", text=text)
    if chosen == best:
        return _("Your answer “%(text)s” fits.", text=text)
    return _("“%(text)s” fits best here. If that is new, you have just learned it.", text=text)


def _one_best(item: Item) -> int | None:
    """Return the option that fits best where one is chosen."""
    if item.kind is Kind.SCENARIO:
        return max(range(len(item.options)), key=lambda n: item.options[n].points)
    if item.kind in (Kind.SINGLE_CHOICE, Kind.TRUE_FALSE):
        return next(n for n, option in enumerate(item.options) if option.correct)
    return None


def _fitting(item: Item, wording: Wording) -> tuple[str, tuple[str, ...]]:
    options = item.options
    match item.kind:
        case Kind.MULTIPLE_RESPONSE | Kind.HOTSPOT:
            right = [o for o in options if o.correct]
            return _("This belongs to it:"), _texts(right, wording)
        case Kind.ORDERING:
            return _("The order that fits:"), _texts(options, wording)
        case Kind.MATCHING | Kind.CATEGORIZE:
            return _("This is how it fits together:"), tuple(_pair(o, wording) for o in options)
    return "", ()


def _texts(options: Sequence[Option], wording: Wording) -> tuple[str, ...]:
    return tuple(worded(o, "text", wording) for o in options)


def _pair(option: Option, wording: Wording) -> str:
    text, target = worded(option, "text", wording), worded(option, "target", wording)
    return _("%(text)s: %(target)s", text=text, target=target)
