"""What the pull loop needs from the outside, as protocols, and the values that cross here."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from xapi_bridge.statement import Page

Query = Mapping[str, str]  # filters of the statements resource


@dataclass(frozen=True, slots=True)
class Fetched:
    """One answer of a store: the bytes as they came, and what its headers say."""

    body: bytes
    consistent_through_us: int | None = None
    date_us: int | None = None  # the store's clock, cut to whole seconds
    version: str = ""  # of xAPI, as the store names it


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far we are, in the store's own clock. `hwm_us` moves only at the end of a run.

    The rest is the run that is under way: resume from `more`, or begin its `part` again.
    """

    hwm_us: int | None = None
    overlap_s: float = 60.0
    more: str | None = None
    part: int = 0  # which of the queries of a narrowed connection
    run_since_us: int | None = None
    run_max_us: int | None = None
    run_began_us: int | None = None  # the store's clock when the run began

    @property
    def under_way(self) -> bool:
        return self.more is not None or self.part > 0 or self.run_max_us is not None


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to pull one store. A page commits only under the newest token."""

    owner: str
    token: int


@dataclass(frozen=True, slots=True)
class Written:
    """What one page came to: statement ids that were new here."""

    received: int = 0
    stored: int = 0


class StatementSource(Protocol):
    def first(self, since_us: int | None, limit: int, query: Query) -> Fetched:
        """Return the oldest page after `since_us` of what the query asks for."""
        ...

    def next(self, more: str) -> Fetched:
        """Return the page behind a `more` link; :raises MoreExpired: the store forgot it."""
        ...


class StatementSink(Protocol):
    def send(self, statements: list[dict[str, object]]) -> None: ...


class PullStore(Protocol):
    """Where one walk (the pull itself, or a sweep) is remembered, and where its pages go."""

    def lease(self) -> AbstractContextManager[Lease | None]:
        """Hold the lease while the block runs, or yield None: another puller has it."""
        ...

    def cursor(self) -> Cursor: ...

    def commit(self, lease: Lease, page: Page, after: Cursor, *, last: bool) -> Written:
        """Write everything of a page and the cursor in one transaction.

        `last`: the walk has come to its end with this page.

        :raises LeaseLost: another puller took over; nothing was written.
        """
        ...

    def keep(self, lease: Lease, cursor: Cursor) -> None:
        """Write the cursor alone: a window has to be walked again.

        :raises LeaseLost: another puller took over; nothing was written.
        """
        ...


Sleep = Callable[[float], None]
