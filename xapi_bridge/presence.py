"""What a store still holds of an agent: deleting in a store leaves no statement behind to tell it.

Lists by agent are cheap but may miss (another spelling of a mail address, a store that filters
oddly), so whatever is missing there is asked for by its id before it is called gone. Pure but for
the source it is given. Source: reference/xapi.md section 5.4.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from xapi_bridge.errors import RequestRefused
from xapi_bridge.parts import ActorKey
from xapi_bridge.ports import Fetched, Query
from xapi_bridge.statement import Statement, parse_page

MOST_PAGES = 2000  # of one agent: a link that leads in circles ends somewhere


class Lister(Protocol):
    def first(self, since_us: int | None, limit: int, query: Query) -> Fetched: ...
    def next(self, more: str) -> Fetched: ...
    def ids(self, query: Mapping[str, str]) -> set[str]:
        """Return the ids in the answer to a query; none where the store says 404."""
        ...


def agent(key: ActorKey) -> dict[str, object]:
    """Return an actor as a query names it."""
    if key.kind == "account":
        return {"account": {"homePage": key.home, "name": key.value}}
    return {key.kind: key.value}


def listed(store: Lister, keys: Iterable[ActorKey], page_size: int) -> set[str]:
    """Return the ids of all statements that a store lists for these actors. Sends."""
    found: set[str] = set()
    for key in keys:
        for page in _pages(store, json.dumps(agent(key), ensure_ascii=False), page_size):
            found |= page
    return found


def there(store: Lister, statement_id: str) -> bool:
    """Return whether a store still holds a statement, voided or not. Sends."""
    names = ("statementId", "voidedStatementId")
    return any(statement_id in store.ids({name: statement_id}) for name in names)


def _pages(store: Lister, agent_text: str, page_size: int) -> Iterator[set[str]]:
    fetched = store.first(None, page_size, {"agent": agent_text})
    for _ in range(MOST_PAGES):
        page = parse_page(fetched.body)
        yield {e.id for e in page.entries if isinstance(e, Statement)}
        if not page.more:
            return
        fetched = store.next(page.more)
    raise RequestRefused(
        "The store's list of one agent does not end.",
        status=200,
        remedy="Report this to whoever runs the store.",
    )
