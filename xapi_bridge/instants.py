"""Instants as integer microseconds since 1970 UTC, and flags for what had to be assumed.

Instants are compared as numbers, never as text: "…00Z" sorts after "…00.5Z".
"""

from datetime import UTC, datetime, timedelta

ZONE_ASSUMED = "ts_zone_assumed"
LEAP_SECOND = "ts_leap_second"
DATE_ONLY = "ts_date_only"
CLAMPED = "ts_clamped"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def instant_us(text: str) -> tuple[int, tuple[str, ...]]:
    """Return an instant in microseconds, and flags for what had to be assumed.

    More than six fraction digits are cut off, never rounded; no zone is UTC; second 60 is the
    last microsecond before it.

    :raises ValueError: not an ISO 8601 instant.
    """
    flags: list[str] = []
    if len(text) == 10:
        flags.append(DATE_ONLY)
    elif (leap := text[16:19]) == ":60":
        flags.append(LEAP_SECOND)
        text = f"{text[:16]}:59.999999{text[19:].lstrip('.0123456789')}"
    elif leap and text[11:16] == "24:00":
        raise ValueError("there is no hour 24")
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
        if not flags:
            flags.append(ZONE_ASSUMED)
    return (moment - _EPOCH) // _MICROSECOND, tuple(flags)


def text_of(instant: int) -> str:
    """Return an instant as stores understand it: YYYY-MM-DDTHH:MM:SS.ffffffZ."""
    moment = _EPOCH + instant * _MICROSECOND
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond:06d}Z"
