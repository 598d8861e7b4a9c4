"""Which evidence counts when there are several pieces about one thing. The one place that decides.

1. What the learner objected to ("that was not me") does not count. It never gets here.
2. New answers to our own questions replace those of an earlier attempt, which never get here.
3. A result of another test provider counts until its date; after that it is too old.
4. Of one provider and competence the newest result counts, also if it is lower.
5. Of one activity in the learning portal and competence the newest result counts, and a completion
   only where there is no result. Whoever does the same again has seen the solutions, and ten tries
   are not ten observations: counted together they would promise far more than is known.
6. Everything else counts together. No source overrules another: what is more exact weighs more,
   and a self-report only as much as is known of how people rate themselves (`assessment`).

The profile page says these rules (`web.wording.precedence`), docs/how-to/testanbieter.md explains
them. Pure; the same evidence at the same moment gives the same answer.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum

from competency.evidence import Evidence

COMPLETION = "completion"  # kind of evidence: done, and nobody said how well


class Aside(StrEnum):
    """Why a piece does not count."""

    OLD = "old"
    NEWER = "newer"  # there is a newer one of the same provider
    SAME = "same"  # another piece about the same activity counts


def set_aside(evidence: Iterable[Evidence], now: datetime) -> Mapping[str, Aside]:
    """Return the pieces that do not count now, by id, and why."""
    pieces = sorted(evidence, key=Evidence.order)
    aside = {e.id: Aside.OLD for e in pieces if e.until is not None and e.until <= now}
    results = [e for e in pieces if e.provider and e.id not in aside]
    done = [e for e in pieces if e.activity and not e.provider]
    done.sort(key=lambda e: e.kind != COMPLETION)  # what says how well comes last, each in order
    return {
        **aside,
        **_but_the_last(results, Aside.NEWER, lambda e: (e.provider, e.competency)),
        **_but_the_last(done, Aside.SAME, lambda e: (e.activity, e.competency)),
    }


def _but_the_last(
    pieces: Sequence[Evidence], why: Aside, of: Callable[[Evidence], tuple[str, str]]
) -> dict[str, Aside]:
    """Return all but the last piece of each thing."""
    last = {of(e): e.id for e in pieces}
    return {e.id: why for e in pieces if last[of(e)] != e.id}


def counting(evidence: Iterable[Evidence], now: datetime) -> tuple[Evidence, ...]:
    """Return the pieces that count now, in the order they came in."""
    pieces = tuple(evidence)
    aside = set_aside(pieces, now)
    return tuple(e for e in pieces if e.id not in aside)
