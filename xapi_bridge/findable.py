"""By what a statement can be found: its agents and activities, near (actor, object) and around.

Identifiers are text, the same for whoever is the same: `kind|home page|value`. Pure; statements
must have passed `rules`. Source: xAPI 1.0.3 communication 2.1.3 (agent, activity, related_…).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from xapi_bridge.parts import ActorKey

Json = Any


@dataclass(frozen=True, slots=True)
class Findable:
    agents: frozenset[str]  # actor and object, and members of these groups
    agents_around: frozenset[str]  # all others
    activities: frozenset[str]
    activities_around: frozenset[str]


def findable(statement: Mapping[str, Json]) -> Findable:
    """Return by whom and what a statement is found; what is near is not repeated as around."""
    agents, activities = set(_near_agents(statement)), set(_near_activities(statement))
    return Findable(
        frozenset(agents),
        frozenset(set(_agents_around(statement)) - agents),
        frozenset(activities),
        frozenset(set(_activities_around(statement)) - activities),
    )


def identifier(agent: Mapping[str, Json]) -> str | None:
    """Return what identifies an agent or group; None for an anonymous group."""
    if account := agent.get("account"):
        return ActorKey("account", account["name"], account["homePage"]).text
    if mbox := agent.get("mbox"):
        local, _, domain = mbox.rpartition("@")
        return ActorKey("mbox", f"{local}@{domain.lower()}").text
    if digest := agent.get("mbox_sha1sum"):
        return ActorKey("mbox_sha1sum", digest.lower()).text
    return ActorKey("openid", agent["openid"]).text if "openid" in agent else None


def identifiers(agent: Mapping[str, Json]) -> Iterator[str]:
    """Yield what identifies an agent or group, and the members of a group."""
    if (own := identifier(agent)) is not None:
        yield own
    for member in agent.get("member", ()):
        if (theirs := identifier(member)) is not None:
            yield theirs


def _near_agents(statement: Mapping[str, Json]) -> Iterator[str]:
    yield from identifiers(statement["actor"])
    if statement["object"].get("objectType") in ("Agent", "Group"):
        yield from identifiers(statement["object"])


def _agents_around(statement: Mapping[str, Json]) -> Iterator[str]:
    if "authority" in statement:
        yield from identifiers(statement["authority"])
    context = statement.get("context", {})
    for name in ("instructor", "team"):
        if name in context:
            yield from identifiers(context[name])
    for entry in context.get("contextAgents", ()):
        yield from identifiers(entry["agent"])
    for entry in context.get("contextGroups", ()):
        yield from identifiers(entry["group"])
    if statement["object"].get("objectType") == "SubStatement":
        yield from _near_agents(statement["object"])
        yield from _agents_around(statement["object"])


def _near_activities(statement: Mapping[str, Json]) -> Iterator[str]:
    if statement["object"].get("objectType", "Activity") == "Activity":
        yield statement["object"]["id"]


def _activities_around(statement: Mapping[str, Json]) -> Iterator[str]:
    for found in statement.get("context", {}).get("contextActivities", {}).values():
        for activity in [found] if isinstance(found, dict) else found:
            yield activity["id"]
    if statement["object"].get("objectType") == "SubStatement":
        yield from _near_activities(statement["object"])
        yield from _activities_around(statement["object"])
