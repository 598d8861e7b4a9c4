"""What differs per LMS, small and named; one module per kind, each quirk with a sentence."""

from lti_tool.lti.platforms import generic, ilias, moodle

KINDS = ("moodle", "ilias", "generic")
_LEEWAY = {"moodle": moodle.LEEWAY_S, "ilias": ilias.LEEWAY_S, "generic": generic.LEEWAY_S}


def leeway_s(kind: str) -> float:
    """Return how many seconds the clocks of this kind of LMS may differ from ours."""
    return _LEEWAY.get(kind, generic.LEEWAY_S)


def known_as(kind: str, subject: str, email: object) -> ilias.Known:
    """Return under which names this kind of LMS knows a person. Only ILIAS's `email` is read."""
    return ilias.known_as(subject, email) if kind == "ilias" else ilias.Known(subject, "")


def names_target_late(kind: str) -> bool:
    """Return whether only the token names the page, where the login named none (`/lti/launch`)."""
    return kind == "ilias" and ilias.NAMES_TARGET_LATE


def unusable_services(kind: str) -> frozenset[str]:
    """Return which addresses of a launch are of no use."""
    return ilias.UNUSABLE_SERVICES if kind == "ilias" else frozenset()


def token_failure(kind: str, status: int) -> str:
    """Return what this LMS means by refusing an access token, "" if it says what it means."""
    return ilias.token_failure(status) if kind == "ilias" else ""
