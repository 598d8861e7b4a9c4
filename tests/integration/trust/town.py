"""Two municipalities in one house, and everything a stranger could try in it.

The second one shares the house, the platform's issuer and even the persons' ids with the first:
only the registration differs, as when two towns use one LMS with a client each.
"""

import copy
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from competency.items import Item
from lti_tool.flows import reflecting
from lti_tool.ports import Arrival, TenantSettings
from lti_tool.store import platforms, tenants
from lti_tool.store.launches import SqlDoor
from tests.pages.scene import Stage, Visitor

GARDENER, CLERK = "GB", "VFA"
NUMBER = re.compile(r"\b[2-9A-Z]{2}-[2-9A-Z]{2}-[2-9A-Z]{2}\b")
CLOCK = re.compile(r"\d{1,2}[:.]\d{2} Uhr|\d{1,2}:\d{2}")


def neighbour(stage: Stage, key: str, **registration: object) -> Stage:
    """Return a stage of another tenant in the same house."""
    twin = copy.copy(stage)
    columns: dict[str, object] = {
        "kind": "moodle",
        "issuer": "https://lms.example",
        "client_id": f"client-{key}",
        "deployment_ids": ["1"],
        "auth_url": "https://lms.example/auth",
        "token_url": "https://lms.example/token",
        "jwks_url": "https://lms.example/jwks",
    }
    settings = TenantSettings(contact=f"Amt {key}")
    with stage.house.database.begin() as conn:
        twin.tenant = tenants.add(conn, key, f"Stadt {key}", "HE", settings, stage.now)
        twin.platform = platforms.add(
            conn,
            tenant_id=twin.tenant.id,
            now=stage.now,
            **(columns | registration),  # type: ignore[arg-type]
        )
    return twin


def come(stage: Stage, subject: str, *, instructor: bool = False, **more: object) -> Visitor:
    """Launch somebody by their id in the LMS; who came before is known again."""
    known: dict[str, object] = {
        "platform_id": stage.platform.id,
        "tenant_id": stage.tenant.id,
        "deployment_id": "1",
        "message_type": "LtiResourceLinkRequest",
        "subject": subject,
        "nonce": str(uuid.uuid4()),
        "instructor": instructor,
        "locale": "de",
        "target": f"{stage.settings.server.base_url}/",
        "context_id": "c1",
        "context_title": "Digital im Dienst",
        "link_id": "l1",
    }
    arrival = Arrival(**(known | more))  # type: ignore[arg-type]
    with SqlDoor(stage.house.database, stage.house.seal).begin() as entry:
        learner_id = entry.learner_of(arrival) or entry.welcome(arrival, stage.now)
        admitted = entry.open(arrival, learner_id, stage.now)
    return Visitor(learner_id, admitted.launch_id, admitted.secret)


@contextmanager
def arriving_as(stage: Stage, subject: str, **more: object) -> Iterator[Stage]:
    """Yield the stage; its next visitors are this person."""
    twin = copy.copy(stage)
    twin.visitor = lambda **_: come(stage, subject, **more)  # type: ignore[method-assign,assignment]
    yield twin


def reflect_all(stage: Stage, visitor: Visitor, choice: int = 0) -> tuple[Item, ...]:
    """Answer every private question; return them."""
    items = reflecting.private_items(stage.s)
    for item in items:
        reflecting.reflect(stage.s, stage.learner(visitor), item.key, {"choice": choice}, stage.now)
    return items


def without_clock(page: str) -> str:
    """Return a refusal page without its number and its time."""
    return CLOCK.sub("", NUMBER.sub("", page))
