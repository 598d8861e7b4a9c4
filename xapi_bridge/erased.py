"""A statement without a person who is named in it beside others. Pure; after `rules` only."""

from collections.abc import Mapping
from typing import Any

from xapi_bridge.findable import identifier
from xapi_bridge.presented import mapped

Json = Any
ERASED: Mapping[str, Json] = {
    "objectType": "Agent",
    "account": {"homePage": "urn:roadmap:erased", "name": "erased"},
}


def without_agents(statement: Mapping[str, Json], gone: frozenset[str]) -> Json:
    """Return the statement with each agent whose identifier is among these made nobody."""

    def agent(given: Mapping[str, Json]) -> Json:
        if identifier(given) in gone:
            return dict(ERASED) | {"objectType": given.get("objectType", "Agent")}
        if "member" in given:
            return {**given, "member": [agent(member) for member in given["member"]]}
        return given

    return mapped(statement, agent, lambda activity: activity, lambda verb: verb)
