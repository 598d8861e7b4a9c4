"""One person in two learning portals: joined by herself with a code, or by an admin's list.

Nothing else ever joins persons: not a name, not a number that happens to be the same. What was
answered and planned where the code was shown stays; of the other one only identity and learning
activity come over. A right in the administration does not: it has to be given again.
Source: reference/ilias.md 7, decisions.md 1.8, issue 4 point 8.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from lti_tool.errors import Conflict, NotFound
from lti_tool.flows import withdrawal
from lti_tool.ports import Learner, Services, Work

CODE_LIVES = timedelta(minutes=15)
#: Nothing that is mistaken for something else when it is copied by hand.
ALPHABET = "2346789BCDFGHJKMPQRTVWXYZ"
LETTERS = 8


class CodeUnknown(NotFound):
    """No such code is good now."""


@dataclass(frozen=True, slots=True)
class Offer:
    """Whose code it is, said so that only that person recognises it."""

    learner: Learner
    issuer: str  # where the code was shown
    context: str  # title of the course there


def show_code(s: Services, learner: Learner, now: datetime) -> str:
    """Return a new code for this person, "ABCD EFGH"; an older one is dead. Writes."""
    code = "".join(secrets.choice(ALPHABET) for _ in range(LETTERS))
    with s.store.begin() as work:
        work.learners.lock(learner.id)
        work.links.offer(learner, code, now + CODE_LIVES)
    return f"{code[:4]} {code[4:]}"


def look(s: Services, here: Learner, typed: str, now: datetime) -> Offer:
    """Return whose code it is; it stays good.

    :raises CodeUnknown: there is none in this municipality, or it is too old.
    :raises Conflict: it is this person's own.
    """
    with s.store.read() as work:
        return _offer(work, here, typed, now)


def join(s: Services, here: Learner, typed: str, now: datetime) -> None:
    """Make this person the one who was shown the code. Writes, commits, is audited.

    :raises CodeUnknown: used meanwhile, or too old.
    """
    with s.store.begin() as work:
        found = _offer(work, here, typed, now)
        work.links.use(here.tenant_id, plain(typed))
        # Always in the same order: two people who join each other at once must not wait for ever.
        for learner_id in sorted((found.learner.id, here.id)):
            work.learners.lock(learner_id)
        merge(s, work, found.learner, here, now)
        _note(work, found.learner, "learner", now)


def merge(s: Services, work: Work, kept: Learner, gone: Learner, now: datetime) -> None:
    """Give identity, launches and activity of one to the other, and delete the rest of it."""
    withdrawal.withdraw(s, work, gone, work.paths.accepted(gone.id), now)
    withdrawal.let_go(work, gone)
    work.links.hand_over(gone.id, kept.id, now)
    work.learners.erase(gone.id)
    work.jobs.enqueue("refold", kept.id, {}, now)


def by_list(
    s: Services, kept: Learner, platform_id: str, subject: str, by: str, now: datetime
) -> str:
    """Make whoever has this id at this platform the same person; return what was done.

    known: nothing to do · ready: known from her first start on · joined.

    :raises Conflict: that person has answers of her own; she has to do it herself.
    """
    with s.store.begin() as work:
        other = work.links.known(platform_id, subject)
        if other == kept.id:
            return "known"
        if other is None:
            work.links.expect(kept, platform_id, subject, now)
        else:
            gone = work.learners.lock(other)
            if work.attempts.latest(gone.id) is not None:
                raise Conflict(
                    "This person has answers there already.",
                    remedy="She joins both herself: “My data”, “In another learning portal, too”.",
                )
            merge(s, work, work.learners.lock(kept.id), gone, now)
        _note(work, kept, by, now)
        return "ready" if other is None else "joined"


def plain(typed: str) -> str:
    """Return a code as it is stored, whatever spaces, hyphens and case it was typed with."""
    return "".join(c for c in typed.upper() if c in ALPHABET)


def _offer(work: Work, here: Learner, typed: str, now: datetime) -> Offer:
    learner_id = work.links.offered(here.tenant_id, plain(typed), now)
    if learner_id is None:
        raise CodeUnknown("No such code is good now.", remedy="Let a new one be shown.")
    if learner_id == here.id:
        raise Conflict("This is your own code.", remedy="Type it in the other learning portal.")
    learner = work.learners.get(learner_id)
    place = next(iter(work.learners.places(learner_id)), None)
    return Offer(learner, place.issuer if place else "", work.links.course(learner_id))


def _note(work: Work, kept: Learner, by: str, now: datetime) -> None:
    work.audit.note(by, "person.link", {"person": kept.id}, now, tenant_id=kept.tenant_id)
