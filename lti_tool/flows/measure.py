"""What every flow measures with: the engine and the Soll of one learner, by frozen versions."""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache

from competency.assessment import ENGINE_VERSION, Config, Engine
from competency.packs import Content
from competency.target import RoleProfile, Target
from lti_tool.ports import Learner, Services, TenantSettings


def versions(s: Services) -> dict[str, str]:
    """Return what a result is made with now: packs, engine, and the engine's settings.

    The settings are among them because an attempt must end as it began, also if an operator
    changes them meanwhile, and because a replay needs them.
    """
    limits = s.limits
    settings = (
        limits.min_items,
        limits.max_items,
        limits.correlation_within,
        limits.correlation_between,
        limits.foreign_worth,
    )
    return {
        **s.content.versions,
        "engine": ENGINE_VERSION,
        "settings": "/".join(str(value) for value in settings),
    }


def engine(s: Services, frozen: Mapping[str, str] | None = None) -> Engine:
    """Return the engine of these frozen versions, by default of those in force."""
    chosen = frozen or versions(s)
    return _engine(s.content, tuple(sorted(chosen.items())))


@lru_cache(maxsize=8)
def _engine(content: Content, frozen: tuple[tuple[str, str], ...]) -> Engine:
    # Building an engine lays out the whole bank as arrays; a page must not do it again.
    chosen = dict(frozen)
    fewest, most, within, between, *later = chosen["settings"].split("/")
    config = Config(
        min_items=int(fewest),
        max_items=int(most),
        r_within=float(within),
        r_between=float(between),
        # Attempts begun before this setting was there knew no such difference.
        foreign_worth=float(later[0]) if later else 1.0,
    )
    framework = content.framework_of(chosen["framework"])
    return Engine(framework, content.items_of(chosen["items"]), config, chosen)


def private(s: Services) -> frozenset[str]:
    """Return the competences that are self-reflection only (K.1)."""
    return frozenset(code for code, c in s.content.framework.by_code.items() if c.private)


def roles_of(s: Services, learner: Learner, settings: TenantSettings) -> tuple[RoleProfile, ...]:
    """Return the learner's roles; a role is approved where the tenant has decided its Soll."""
    known = {r.key: r for r in s.content.roles}
    chosen = [known[key] for key in learner.roles if key in known]
    return tuple(_confirmed(r, settings) for r in chosen)


def target(s: Services, learner: Learner, settings: TenantSettings) -> Target:
    roles = roles_of(s, learner, settings)
    return Target.of(roles, private=private(s), version=s.content.versions["roles"])


def month(now: datetime) -> str:
    """Return the month of an instant as "2026-11"."""
    return f"{now.year:04d}-{now.month:02d}"


def _confirmed(role: RoleProfile, settings: TenantSettings) -> RoleProfile:
    if role.key not in settings.confirmed_roles:
        return role
    return RoleProfile(
        **{name: getattr(role, name) for name in RoleProfile.__dataclass_fields__}
        | {"approved": True}
    )
