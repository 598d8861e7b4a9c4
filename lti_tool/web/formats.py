"""Dates, times, months and numbers as people read them. Stored is UTC; shown is Europe/Berlin.

German: 22.11.2026, 06:24 Uhr and 1,5. English: 22 November 2026, 06:24 and 1.5.
"""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from babel.dates import format_date
from babel.numbers import format_decimal
from flask_babel import get_locale

ZONE = ZoneInfo("Europe/Berlin")
_DAY = {"de": "dd.MM.yyyy", "en": "d MMMM yyyy"}
_TIME = {"de": "%H:%M Uhr", "en": "%H:%M"}


def language() -> str:
    """Return "de" or "en": the language this request is answered in."""
    locale = get_locale()
    return "en" if locale is not None and locale.language == "en" else "de"


def day(at: datetime) -> str:
    """Return the day in Germany, such as 22.11.2026."""
    return str(format_date(at.astimezone(ZONE).date(), _DAY[language()], locale=language()))


def date_of(iso: str) -> str:
    """Return a date given as 2026-11-22; a text that is no date is returned as it is."""
    try:
        found = date.fromisoformat(iso[:10])
    except ValueError:
        return iso
    return str(format_date(found, _DAY[language()], locale=language()))


def time_of(at: datetime) -> str:
    """Return the time in Germany, such as 06:24 Uhr."""
    return at.astimezone(ZONE).strftime(_TIME[language()])


def moment(at: datetime) -> str:
    """Return day and time in Germany, such as 22.11.2026, 06:24 Uhr."""
    return f"{day(at)}, {time_of(at)}"


def months_after(start: str, offset: int) -> str:
    """Return the month `offset` months after `start`, both as "2026-11"."""
    year, number = (int(part) for part in start.split("-"))
    years, rest = divmod(number - 1 + offset, 12)
    return f"{year + years:04d}-{rest + 1:02d}"


def month(key: str) -> str:
    """Return the name of a month given as "2026-11", such as November 2026."""
    year, number = (int(part) for part in key.split("-"))
    return str(format_date(date(year, number, 1), "LLLL yyyy", locale=language()))


def number(value: float) -> str:
    """Return a number with at most one decimal, such as 1,5."""
    return str(format_decimal(value, "0.#", locale=language()))


def precise(value: float) -> str:
    """Return a number with one or two decimals, such as -0,75."""
    return str(format_decimal(value, "0.0#", locale=language()))
