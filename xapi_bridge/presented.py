"""Statements as a reader asked for them: `ids` only, or `canonical` in one language.

(`exact` are the bytes as they were sent.) Source: xAPI 1.0.3 communication 2.1.3; RFC 4647 lookup.
Pure; the statements must have passed `rules`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from xapi_bridge.rules import IDENTIFIERS

Json = Any
Definitions = Mapping[str, Mapping[str, Json]]  # activity -> its canonical definition

_LISTS = ("choices", "scale", "source", "target", "steps")
_OF_OURS = ("de", "en")  # where the reader has no wish that can be fulfilled


# --- ids --------------------------------------------------------------------------------------


def ids(statement: Mapping[str, Json]) -> Json:
    """Return the statement with no more than what identifies agents, activities and verbs."""
    return mapped(statement, _ids_agent, _ids_activity, lambda verb: {"id": verb["id"]})


def _ids_agent(agent: Mapping[str, Json]) -> Json:
    kept = {k: agent[k] for k in ("objectType", *IDENTIFIERS) if k in agent}
    if "member" in agent and not any(name in agent for name in IDENTIFIERS):
        kept["member"] = [_ids_agent(member) for member in agent["member"]]
    return kept


def _ids_activity(activity: Mapping[str, Json]) -> Json:
    return {"id": activity["id"]}


# --- canonical --------------------------------------------------------------------------------


def canonical(statement: Mapping[str, Json], known: Definitions, wished: Sequence[str]) -> Json:
    """Return the statement with known definitions, and one language in every language map.

    `wished` are language ranges, best first (de-CH, de, *).
    """

    def activity(given: Mapping[str, Json]) -> Json:
        definition = known.get(given["id"], given.get("definition"))
        if definition is None:
            return given
        return {**given, "definition": _definition(definition, wished)}

    def verb(given: Mapping[str, Json]) -> Json:
        if "display" not in given:
            return given
        return {**given, "display": one_language(given["display"], wished)}

    return mapped(statement, lambda agent: agent, activity, verb)


def activities(statement: Mapping[str, Json]) -> Iterator[Mapping[str, Json]]:
    """Yield every activity a statement names, with its definition if it has one."""
    thing = statement["object"]
    kind = thing.get("objectType", "Activity")
    if kind == "Activity":
        yield thing
    elif kind == "SubStatement":
        yield from activities(thing)
    for found in statement.get("context", {}).get("contextActivities", {}).values():
        yield from [found] if isinstance(found, dict) else found


def one_language(texts: Mapping[str, str], wished: Sequence[str]) -> Mapping[str, str]:
    """Return the one text of a language map that fits the wishes best; an empty map stays so."""
    by_tag = {tag.lower(): tag for tag in texts}
    for wish in (*wished, *_OF_OURS):
        if found := _lookup(by_tag, wish.lower()):
            return {found: texts[found]}
    return dict(list(texts.items())[:1])


def _lookup(by_tag: Mapping[str, str], wish: str) -> str | None:
    """Return the tag for a range, which is cut from behind until something fits (RFC 4647)."""
    while wish and wish != "*":
        if wish in by_tag:
            return by_tag[wish]
        closer = next((tag for tag in by_tag if tag.startswith(f"{wish}-")), None)
        if closer:
            return by_tag[closer]
        wish = wish.rpartition("-")[0]
    return None


def _definition(given: Mapping[str, Json], wished: Sequence[str]) -> Json:
    made = dict(given)
    for name in ("name", "description"):
        if name in made:
            made[name] = one_language(made[name], wished)
    for name in _LISTS:
        if name in made:
            made[name] = [_component(component, wished) for component in made[name]]
    return made


def _component(given: Mapping[str, Json], wished: Sequence[str]) -> Json:
    if "description" not in given:
        return given
    return {**given, "description": one_language(given["description"], wished)}


# --- walking ----------------------------------------------------------------------------------

Change = Callable[[Mapping[str, Json]], Json]


def mapped(statement: Mapping[str, Json], agent: Change, activity: Change, verb: Change) -> Json:
    """Return the statement with every agent, activity and verb changed."""
    made = dict(statement)
    made["actor"], made["verb"] = agent(made["actor"]), verb(made["verb"])
    made["object"] = _thing(made["object"], agent, activity, verb)
    if "context" in made:
        made["context"] = _around(made["context"], agent, activity)
    if "authority" in made:
        made["authority"] = agent(made["authority"])
    return made


def _thing(given: Mapping[str, Json], agent: Change, activity: Change, verb: Change) -> Json:
    kind = given.get("objectType", "Activity")
    if kind == "SubStatement":
        return mapped(given, agent, activity, verb)
    if kind == "StatementRef":
        return given
    return activity(given) if kind == "Activity" else agent(given)


def _around(context: Mapping[str, Json], agent: Change, activity: Change) -> Json:
    made = dict(context)
    for name in ("instructor", "team"):
        if name in made:
            made[name] = agent(made[name])
    for name, who in (("contextAgents", "agent"), ("contextGroups", "group")):
        if name in made:
            made[name] = [{**entry, who: agent(entry[who])} for entry in made[name]]
    if "contextActivities" in made:
        made["contextActivities"] = {
            relation: activity(found) if isinstance(found, dict) else [*map(activity, found)]
            for relation, found in made["contextActivities"].items()
        }
    return made


def wishes(accept_language: str) -> tuple[str, ...]:
    """Return the ranges of an Accept-Language header, best first; what is no range is skipped."""
    ranked = list(_ranked(accept_language.split(",")))
    return tuple(tag for quality, _, tag in sorted(ranked) if quality < 0)


def _ranked(parts: Iterable[str]) -> Iterator[tuple[float, int, str]]:
    for place, part in enumerate(parts):
        tag, _, parameters = part.strip().partition(";")
        name, _, value = parameters.strip().partition("=")
        try:
            quality = float(value) if name.strip() == "q" else 1.0
        except ValueError:
            continue
        if tag.strip():
            yield -quality, place, tag.strip()
