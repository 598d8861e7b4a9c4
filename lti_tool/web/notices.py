"""First information, privacy, accessibility and help: a text pack, filled with what is configured.

The texts are data (content/texts/<pack>/notice.json), because municipalities decide them; the
placeholders come from the tenant and from the settings in force, so the page cannot promise another
retention than the purge job keeps. A changed text or fact is a new version and is shown once more.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from markupsafe import Markup, escape

from lti_tool.errors import NotFound
from lti_tool.ports import Launch, Tenant
from lti_tool.settings import Settings
from lti_tool.web.formats import date_of, language
from lti_tool.web.translate import ngettext

LONGEST_VERSION = 32
_VERSION = re.compile(r"[a-z0-9.]+-[0-9a-f]{8}")
DAYS_A_MONTH = 30.44
FEW_DAYS = 60


@dataclass(frozen=True, slots=True)
class Section:
    title: str
    texts: tuple[str, ...]
    id: str = ""


@dataclass(frozen=True, slots=True)
class Statement:
    """A page of headings and paragraphs."""

    title: str
    sections: tuple[Section, ...]


@dataclass(frozen=True, slots=True)
class NoticePage:
    title: str
    intro: tuple[str, ...]
    facts: tuple[tuple[str, str, str], ...]  # icon, heading, text
    article13_title: str
    article13: tuple[tuple[str, str], ...]
    button: str
    note: str
    version: str
    first: bool  # not yet seen in this version
    news_title: str  # "" unless an earlier version was seen
    news: tuple[str, ...]


def version(tenant: Tenant, settings: Settings) -> str:
    """Return the version of the first information: the text's, and a hash of what it says.

    The same in every language: whoever switches has not been told anything new.
    """
    texts, own = _texts(settings.content.dir), tenant.settings
    times = (settings.session.idle_s, settings.session.shared_idle_s, settings.session.absolute_s)
    kept = (settings.retention, times)
    facts = (tenant.name, own.controller, own.officer, own.min_group_size, own.ags, *kept)
    said = json.dumps(texts["notice"], sort_keys=True) + repr(facts)
    return f"{texts['version']}-{hashlib.sha256(said.encode()).hexdigest()[:8]}"


def is_version(text: str) -> bool:
    """Return whether this may be a version of ours: a form can hold anything."""
    return len(text) <= LONGEST_VERSION and _VERSION.fullmatch(text) is not None


def notice(launch: Launch, settings: Settings) -> NoticePage:
    """Return the first information for the learner of this launch."""
    texts, spoken = _texts(settings.content.dir), language()
    said = _filled(texts["notice"][spoken], _values(texts, launch.tenant, settings, spoken))
    current, seen = version(launch.tenant, settings), launch.learner.notice_version
    again = seen is not None and seen != current
    return NoticePage(
        title=said["title"],
        intro=tuple(said["intro"]),
        facts=tuple((f["symbol"], f["title"], f["text"]) for f in said["facts"]),
        article13_title=said["article13_title"],
        article13=tuple((entry["title"], entry["text"]) for entry in said["article13"]),
        button=said["continue"],
        note=said["continue_note"],
        version=current,
        first=seen != current,
        news_title=said["changes_title"] if again else "",
        news=_news(texts, seen or "", spoken) if again else (),
    )


def _news(texts: Mapping[str, Any], seen: str, spoken: str) -> tuple[str, ...]:
    """Return a sentence for each change since the version that was seen."""
    known = _order(seen.partition("-")[0])
    later = [c for c in texts["changes"] if _order(c["version"]) > known]
    return tuple(sentence for change in later for sentence in change[spoken])


def statement(kind: str, tenant: Tenant, settings: Settings) -> Statement:
    """Return "privacy", "accessibility" or "help" of a tenant."""
    texts, spoken = _texts(settings.content.dir), language()
    said = _filled(texts[kind][spoken], _values(texts, tenant, settings, spoken))
    sections = (Section(s["title"], tuple(s["texts"]), s.get("id", "")) for s in said["sections"])
    return Statement(said["title"], tuple(sections))


def _values(
    texts: Mapping[str, Any], tenant: Tenant, settings: Settings, spoken: str
) -> dict[str, str]:
    """Return what the placeholders stand for. What a tenant has not set falls back to defaults."""
    own, kept = tenant.settings, settings.retention
    land = texts["laender"].get(tenant.land, texts["laender"]["*"])[spoken]
    contact = _own(own.contact, spoken) or texts["defaults"][spoken]["contact"]
    given = {
        "tenant": tenant.name,
        "controller": _own(own.controller, spoken) or tenant.name,
        "officer": _own(own.officer, spoken) or contact,
        "grades": texts["grades"]["on" if own.ags else "off"][spoken],
        "contact": contact,
        "accessibility_contact": _own(own.accessibility_contact, spoken) or contact,
        "k": str(max(own.min_group_size, settings.privacy.min_group_size)),
        "retention_answers": _time(kept.answers),
        "retention_evidence": _time(kept.evidence),
        "retention_recommendations": _time(kept.recommendations),
        "retention_raw": _time(kept.raw_statements),
        "idle": _minutes(settings.session.idle_s),
        "shared_idle": _minutes(settings.session.shared_idle_s),
        "absolute": _hours(settings.session.absolute_s),
        "version": texts["version"],
        "date": date_of(texts["date"]),
    }
    values: dict[str, str] = texts["defaults"][spoken] | land | given
    return values


def _own(text: str, spoken: str) -> str:
    """Return what a municipality wrote; on a page in another language it is marked as German."""
    if not text or spoken == "de":
        return text
    return Markup('<span lang="de">{}</span>').format(text)


def _time(days: int) -> str:
    if days < FEW_DAYS:
        return ngettext("%(num)d day", "%(num)d days", days)
    return ngettext("%(num)d month", "%(num)d months", round(days / DAYS_A_MONTH))


def _minutes(seconds: int) -> str:
    return ngettext("%(num)d minute", "%(num)d minutes", round(seconds / 60))


def _hours(seconds: int) -> str:
    hours = round(seconds / 3600)
    return ngettext("%(num)d hour", "%(num)d hours", hours) if hours else _minutes(seconds)


def _filled(value: Any, values: Mapping[str, str]) -> Any:
    """Return the texts with every placeholder replaced."""
    if isinstance(value, str):
        # As markup: what a municipality wrote may carry its language, all else is escaped here.
        return escape(value).format_map(values)
    if isinstance(value, list):
        return [_filled(entry, values) for entry in value]
    return {key: _filled(entry, values) for key, entry in value.items()}


def _texts(content: Path) -> Mapping[str, Any]:
    """Return the newest text pack.

    :raises NotFound: there is none.
    """
    found = sorted(content.glob("texts/*/notice.json"), key=lambda p: _order(p.parent.name))
    if not found:
        raise NotFound("There are no texts.", remedy=f"Put a pack into {content / 'texts'}.")
    return _read(found[-1], found[-1].stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _read(path: Path, _changed_ns: int) -> Mapping[str, Any]:
    document: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document


def _order(name: str) -> tuple[int, ...]:
    return tuple(int(part) for part in name.rpartition("-")[2].split(".") if part.isdecimal())
