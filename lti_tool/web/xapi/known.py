"""What is known: of a person (agents), of an activity (activities), of this store (about).

Source: xAPI 1.0.3 communication 2.4, 2.5, 2.8. Names of a person are those in her newest
statements; nothing is kept for it.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson
from flask import Response

from lti_tool.store import xapi_activities, xapi_queries
from lti_tool.store.xapi_keys import Credential
from lti_tool.store.xapi_queries import Query
from lti_tool.web.services import house
from lti_tool.web.xapi import parameters
from lti_tool.web.xapi.asked import Asked
from lti_tool.web.xapi.refusal import Refusal
from lti_tool.web.xapi.senders import VERSIONS, require
from xapi_bridge import findable
from xapi_bridge.probe import OURS
from xapi_bridge.rules import IDENTIFIERS

NEWEST = 20  # statements that are looked through for names

Json = Any


def about() -> Response:
    """Say which versions are spoken; the extension is how our own bridge knows us."""
    body = {"version": list(VERSIONS), "extensions": {OURS: {"documents": True}}}
    return Response(orjson.dumps(body), mimetype="application/json")


def activities(asked: Asked, sender: Credential) -> Response:
    """Give an activity with all that statements have said about it."""
    require(sender, "documents/read")
    parameters.only(asked.args, {"activityId"})
    iri = parameters.iri(asked.args, "activityId")
    if not iri:
        raise Refusal(400, "The parameter activityId is missing.")
    with house().database.read() as conn:
        known = xapi_activities.known(conn, sender.tenant_id, [iri])
    found = {"objectType": "Activity", "id": iri}
    if iri in known:
        found["definition"] = known[iri]
    return Response(orjson.dumps(found), mimetype="application/json")


def agents(asked: Asked, sender: Credential) -> Response:
    """Give a Person: the identifier that was asked with, and the names that go with it."""
    require(sender, "documents/read")
    parameters.only(asked.args, {"agent"})
    agent = parameters.agent(asked.args, person=True)
    if agent is None:
        raise Refusal(400, "The parameter agent is missing.")
    person: Json = {name: [agent[name]] for name in IDENTIFIERS if name in agent}
    given = [agent["name"]] if "name" in agent else []
    names = dict.fromkeys([*given, *_names(sender.tenant_id, findable.identifier(agent) or "")])
    if names:
        person["name"] = list(names)
    body = orjson.dumps({"objectType": "Person", **person})
    return Response(body, mimetype="application/json")


def _names(tenant_id: str, identifier: str) -> Iterator[str]:
    query = Query(agent=identifier, limit=NEWEST)
    with house().database.read() as conn:
        found = xapi_queries.find(conn, tenant_id, query, None)
    for body, _ in found.rows:
        document = orjson.loads(body)
        for agent in (document["actor"], document["object"]):
            yield from _called(agent, identifier)


def _called(agent: Mapping[str, Json], identifier: str) -> Iterator[str]:
    for one in (agent, *agent.get("member", ())):
        if "name" in one and findable.identifier(one) == identifier:
            yield one["name"]
