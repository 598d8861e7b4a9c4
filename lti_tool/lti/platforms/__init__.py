"""What differs per LMS, small and named; one module per kind, each quirk with a sentence."""

from lti_tool.lti.platforms import generic, ilias, moodle

KINDS = ("moodle", "ilias", "generic")
_LEEWAY = {"moodle": moodle.LEEWAY_S, "ilias": ilias.LEEWAY_S, "generic": generic.LEEWAY_S}


def leeway_s(kind: str) -> float:
    """Return how many seconds the clocks of this kind of LMS may differ from ours."""
    return _LEEWAY.get(kind, generic.LEEWAY_S)
