"""Members of a course (NRPS 2.0): how many learners take part. Nobody's name is read or kept.

Off until a municipality switches it on (decisions.md 1.4). Roles are compared by their word:
Moodle sends bare words and forgets a role filter on its second page, so everything is filtered
here. Source: NRPS 2.0 section 2, reference/moodle.md 5, reference/lti.md 4.11.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from lti_tool.lti import scopes
from lti_tool.lti.addresses import with_query
from lti_tool.lti.outbound import Answer
from lti_tool.lti.paging import pages
from lti_tool.lti.services import Caller, PlatformSilent, authorized, later
from lti_tool.ports import DeliveryFailed

CONTAINER = "application/vnd.ims.lti-nrps.v2.membershipcontainer+json"
MOST_PAGES = 100
MOST_MEMBERS = 50_000
GONE = ("inactive", "deleted")


class MembersRefused(DeliveryFailed):
    """The platform does not tell us who takes part."""

    def __init__(self, status: int) -> None:
        super().__init__(f"The platform does not list members (status {status}).", retry=False)
        self.remedy = "Allow the tool to read names and roles, or switch nrps off."


def count_learners(caller: Caller, url: str, now: datetime, *, link_id: str = "") -> int:
    """Return how many active learners a course has. Sends.

    `link_id` asks for those who may open one link (`rlid`).

    :raises DeliveryFailed: named per cause; `retry` says whether later it may work.
    """
    asked = with_query(url, [("rlid", link_id)]) if link_id else url
    people = {m["user_id"] for m in _members(caller, asked, now) if _learns(m)}
    return len(people)


def _members(caller: Caller, url: str, now: datetime) -> Iterator[Mapping[str, Any]]:
    number = 0
    for answer in pages(url, lambda page: _get(caller, page, now), MOST_PAGES):
        for member in _listed(answer):
            number += 1
            if number > MOST_MEMBERS:
                return
            yield member


def _learns(member: Mapping[str, Any]) -> bool:
    status, roles = member.get("status", "Active"), member.get("roles")
    if not isinstance(member.get("user_id"), str) or not isinstance(roles, list):
        return False
    if isinstance(status, str) and status.lower() in GONE:
        return False
    return any(isinstance(r, str) and r.rpartition("#")[2] == "Learner" for r in roles)


def _get(caller: Caller, url: str, now: datetime) -> Answer:
    answer = authorized(caller, "GET", url, [scopes.MEMBERS], now, headers={"Accept": CONTAINER})
    if later(answer.status):
        raise PlatformSilent(f"The platform cannot list members now (status {answer.status}).")
    if answer.status != 200:
        raise MembersRefused(answer.status)
    return answer


def _listed(answer: Answer) -> list[Mapping[str, Any]]:
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError):
        raise PlatformSilent("The platform's list of members is no JSON.") from None
    listed = document.get("members") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        raise PlatformSilent("The platform's list of members is no list.")
    return [member for member in listed if isinstance(member, dict)]
