"""What the pull loop needs from the outside, as protocols, and the values that cross here."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from xapi_bridge.statement import Page


@dataclass(frozen=True, slots=True)
class Fetched:
    """One answer of a store: the bytes as they came, and what it says about completeness."""

    body: bytes
    consistent_through_us: int | None = None


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far we are, in the store's own clock. `hwm_us` moves only at the end of a run."""

    hwm_us: int | None = None
    overlap_s: float = 60.0
    more: str | None = None  # a run is under way: resume here
    run_since_us: int | None = None
    run_max_us: int | None = None


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
    def first(self, since_us: int | None, limit: int) -> Fetched:
        """Return the oldest page stored after `since_us`."""
        ...

    def next(self, more: str) -> Fetched:
        """Return the page behind a `more` link; :raises MoreExpired: the store forgot it."""
        ...


class StatementSink(Protocol):
    def send(self, statements: list[dict[str, object]]) -> None: ...


class PullStore(Protocol):
    def lease(self) -> AbstractContextManager[Lease | None]:
        """Hold the lease while the block runs, or yield None: another puller has it."""
        ...

    def cursor(self) -> Cursor: ...

    def commit(self, lease: Lease, page: Page, after: Cursor) -> Written:
        """Write everything of a page and the cursor in one transaction.

        :raises LeaseLost: another puller took over; nothing was written.
        """
        ...

    def restart(self, lease: Lease) -> Cursor:
        """Forget `more` and return the cursor at the start of its window."""
        ...


Sleep = Callable[[float], None]
