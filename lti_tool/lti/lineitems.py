"""Line items (AGS 2.0): find the column of a placed link in the grade book, else make one.

Looked for before it is made, because Moodle makes a second one without a word, and then names none
at the next launch. What a platform filters is filtered again here: some ignore a filter. Never
called for ILIAS, which answers 400 (reference/ilias.md 5.2).
Source: AGS 2.0 section 3.2, reference/lti.md G02, reference/moodle.md 4.2.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lti_tool.lti import scopes
from lti_tool.lti.addresses import is_linkable, with_query
from lti_tool.lti.paging import pages
from lti_tool.lti.services import Caller, PlatformSilent, authorized, later
from lti_tool.ports import DeliveryFailed

CONTAINER = "application/vnd.ims.lis.v2.lineitemcontainer+json"
ITEM = "application/vnd.ims.lis.v2.lineitem+json"
TAG = "roadmap"
LABEL = "Mein Lernweg"
MAXIMUM = 100
MOST_PAGES = 20
Query = list[tuple[str, str | bytes]]


class LineItemRefused(DeliveryFailed):
    """The platform gives us no column."""

    def __init__(self, status: int) -> None:
        super().__init__(f"The platform refused a line item (status {status}).", retry=False)
        self.remedy = "Allow the tool to manage line items, or give the activity a grade."


@dataclass(frozen=True, slots=True)
class Place:
    """A placed link whose launch named the course's line items, but none of its own."""

    lineitems: str
    link_id: str
    label: str = LABEL
    maximum: int = MAXIMUM


def find_or_make(caller: Caller, place: Place, now: datetime) -> str:
    """Return the address of this link's line item. May send; hold the lock of the place.

    :raises DeliveryFailed: named per cause; `retry` says whether later it may work.
    """
    ours: Query = [("resource_id", place.link_id), ("tag", TAG)]
    found = _find(caller, place, ours, now) or _find(
        caller, place, [("resource_link_id", place.link_id)], now
    )
    return found or _make(caller, place, now)


def _find(caller: Caller, place: Place, query: Query, now: datetime) -> str:
    url = with_query(place.lineitems, query)
    for answer in pages(url, lambda page: _get(caller, page, now), MOST_PAGES):
        for item in _listed(answer):
            if _is_ours(item, place) and (address := _address(caller, item)):
                return address
    return ""


def _is_ours(item: Mapping[str, Any], place: Place) -> bool:
    if str(item.get("resourceLinkId") or "") == place.link_id:
        return True
    return item.get("resourceId") == place.link_id and item.get("tag") == TAG


def _make(caller: Caller, place: Place, now: datetime) -> str:
    item = {
        "label": place.label,
        "scoreMaximum": place.maximum,
        "resourceId": place.link_id,
        "tag": TAG,
        "resourceLinkId": place.link_id,
    }
    answer = _post(caller, place, item, now)
    if answer.status == 403:  # a link that this platform does not count as ours
        del item["resourceLinkId"]
        answer = _post(caller, place, item, now)
    if answer.status not in (200, 201):
        _refuse(answer)
    address = _address(caller, _document(answer))
    if not address:
        raise PlatformSilent("The platform's answer names no line item.")
    return address


def _get(caller: Caller, url: str, now: datetime) -> Any:
    answer = authorized(caller, "GET", url, [scopes.LINE_ITEM], now, headers={"Accept": CONTAINER})
    if answer.status != 200:
        _refuse(answer)
    return answer


def _post(caller: Caller, place: Place, item: Mapping[str, Any], now: datetime) -> Any:
    headers = {"Content-Type": ITEM, "Accept": ITEM}
    body = json.dumps(item).encode()
    return authorized(
        caller, "POST", place.lineitems, [scopes.LINE_ITEM], now, body=body, headers=headers
    )


def _refuse(answer: Any) -> None:
    if later(answer.status):
        raise PlatformSilent(f"The platform cannot name line items now (status {answer.status}).")
    raise LineItemRefused(answer.status)


def _listed(answer: Any) -> list[Mapping[str, Any]]:
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError):
        raise PlatformSilent("The platform's list of line items is no JSON.") from None
    if not isinstance(document, list):
        raise PlatformSilent("The platform's list of line items is no list.")
    return [item for item in document if isinstance(item, dict)]


def _document(answer: Any) -> Mapping[str, Any]:
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _address(caller: Caller, item: Mapping[str, Any]) -> str:
    url = item.get("id")
    local = caller.outbound.allow_local_http
    return str(url) if is_linkable(url, allow_local_http=local) else ""
