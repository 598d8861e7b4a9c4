"""What every flow measures with: the engine and the Soll of one learner, by frozen versions."""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from competency.assessment import ENGINE_VERSION, Config, Engine
from competency.packs import Content
from competency.target import Target
from lti_tool.flows import role_list
from lti_tool.ports import Learner, Services, StoredProfile, Work

#: Settings that an attempt keeps to its end: name in `Limits`, name in `Config`, and what held for
#: attempts begun before there was such a setting. New ones go to the end.
FROZEN: tuple[tuple[str, str, int | float], ...] = (
    ("min_items", "min_items", 5),
    ("max_items", "max_items", 20),
    ("correlation_within", "r_within", 0.5),
    ("correlation_between", "r_between", 0.3),
    ("foreign_worth", "foreign_worth", 1.0),
    ("randomesque", "randomesque", 1),
    ("max_minutes", "max_minutes", 0.0),
)


def versions(s: Services) -> dict[str, str]:
    """Return what a result is made with now: packs, engine, and the engine's settings.

    The settings are among them because an attempt must end as it began, also if an operator
    changes them meanwhile, and because a replay needs them.
    """
    settings = (getattr(s.limits, name) for name, _field, _before in FROZEN)
    return {
        **s.content.versions,
        "engine": ENGINE_VERSION,
        "settings": "/".join(str(value) for value in settings),
    }


def until(frozen: Mapping[str, str], questions: int) -> dict[str, str]:
    """Return these versions with exactly so many questions, however long they take."""
    _fewest, _most, *rest = frozen["settings"].split("/")
    if len(rest) > 4:  # the limit of minutes, of attempts that have one
        rest[4] = "0.0"
    return {**frozen, "settings": "/".join((str(questions), str(questions), *rest))}


def engine(s: Services, frozen: Mapping[str, str] | None = None) -> Engine:
    """Return the engine of these frozen versions, by default of those in force."""
    chosen = frozen or versions(s)
    return _engine(s.content, tuple(sorted(chosen.items())))


@lru_cache(maxsize=8)
def _engine(content: Content, frozen: tuple[tuple[str, str], ...]) -> Engine:
    # Building an engine lays out the whole bank as arrays; a page must not do it again.
    chosen = dict(frozen)
    framework = content.framework_of(chosen["framework"])
    items, config = content.items_of(chosen["items"]), config_of(chosen["settings"])
    return Engine(framework, items, config, chosen)


def config_of(settings: str) -> Config:
    """Return the engine's settings as an attempt keeps them."""
    values = settings.split("/")
    known: dict[str, Any] = {}
    for n, (_name, field, before) in enumerate(FROZEN):
        known[field] = type(before)(values[n]) if n < len(values) else before
    return Config(**known)


def private(s: Services) -> frozenset[str]:
    """Return the competences that are self-reflection only (K.1)."""
    return frozenset(code for code, c in s.content.framework.by_code.items() if c.private)


def target(s: Services, work: Work, learner: Learner, now: datetime) -> Target:
    """Return the Soll of the learner's roles as it is in force now."""
    today = role_list.day_of(now)
    roles = role_list.some(s, work, learner.tenant_id, learner.roles, today)
    return Target.of(roles, private=private(s))


def judged_by(s: Services, work: Work, learner: Learner, stored: StoredProfile) -> Target:
    """Return the Soll that a stored profile was held against: also if another is in force since."""
    if "target" in stored.document:
        return target_from(stored.document["target"])
    return target(s, work, learner, stored.computed)  # folded before it was kept


def target_to(soll: Target) -> dict[str, Any]:
    return {
        "roles": list(soll.roles),
        "steps": dict(soll.steps),
        "sources": dict(soll.sources),
        "weights": dict(soll.weights),
        "approved": soll.approved,
        "version": soll.version,
        "areas": dict(soll.areas),
        "scenes": list(soll.scenes),
    }


def target_from(document: Mapping[str, Any]) -> Target:
    """Return a Soll that was frozen; older documents know no areas and no scenes."""
    return Target(
        roles=tuple(document["roles"]),
        steps=document["steps"],
        sources=document["sources"],
        weights=document["weights"],
        approved=document["approved"],
        version=document["version"],
        areas=document.get("areas", {}),
        scenes=tuple(document.get("scenes", document["roles"])),
    )


def month(now: datetime) -> str:
    """Return the month of an instant as "2026-11"."""
    return f"{now.year:04d}-{now.month:02d}"
