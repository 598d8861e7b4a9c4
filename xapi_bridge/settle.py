"""Which pieces of evidence of one learner and one activity count: a fold over all of them.

The answer depends only on the set of claims, never on the order in which they reached us, so late
statements and voids that come before their target need no special case.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

GROUP_US = 2 * 60 * 1_000_000
UNCOMPLETION = "uncompletion"  # the kind that takes back
LEARNER = "learner"  # disputed by the learner: stays so, whatever else arrives
MARKER = "marker"  # an uncompletion is a fact about another piece of evidence, never one itself
GROUP = "group"  # a stronger piece of the same attempt counts instead


@dataclass(frozen=True, slots=True)
class Claim:
    id: str
    statement_id: str
    competency: str | None
    kind: str
    a: float
    eff_us: int
    stored_us: int
    arrival_us: int
    revoked_by: str | None

    @property
    def order(self) -> tuple[int, int, int, str]:
        return (self.eff_us, self.stored_us, self.arrival_us, self.id)


def settle(claims: Iterable[Claim], voided: Mapping[str, str]) -> dict[str, str | None]:
    """Return claim id -> by what it is revoked (None: it counts).

    `voided` maps a statement to the statement that voids it.
    """
    ordered = sorted(claims, key=lambda c: c.order)
    verdict = {c.id: _alone(c, voided) for c in ordered}
    _uncomplete(ordered, verdict)
    for competency in {c.competency for c in ordered}:
        same = [c for c in ordered if c.competency == competency]
        _strongest(same, verdict)
    return verdict


def _alone(claim: Claim, voided: Mapping[str, str]) -> str | None:
    if claim.statement_id in voided:
        return voided[claim.statement_id]
    if claim.revoked_by == LEARNER:
        return LEARNER
    return MARKER if claim.kind == UNCOMPLETION else None


def _uncomplete(ordered: list[Claim], verdict: dict[str, str | None]) -> None:
    """An uncompletion takes back every earlier completion; what comes after it counts again."""
    last = ""
    for claim in reversed(ordered):
        if claim.kind == UNCOMPLETION:
            last = claim.statement_id if verdict[claim.id] == MARKER else last
        elif claim.kind == "completion" and last and verdict[claim.id] is None:
            verdict[claim.id] = last


def _strongest(claims: list[Claim], verdict: dict[str, str | None]) -> None:
    """Of one attempt (within two minutes) the strongest piece counts; of equals the first.

    What the learner disputed keeps its place: a weaker piece of the same attempt does not step in.
    """
    kept: list[int] = []  # instants of the pieces that count, in order
    standing = [c for c in claims if verdict[c.id] in (None, LEARNER)]
    for claim in sorted(standing, key=lambda c: (-c.a, c.order)):
        near = bisect_left(kept, claim.eff_us - GROUP_US)
        if near < len(kept) and kept[near] <= claim.eff_us + GROUP_US:
            verdict[claim.id] = verdict[claim.id] or GROUP
        else:
            insort(kept, claim.eff_us)
