"""Sharing results on purpose: the learner chooses what, with whom and until when, and looks first.

Nothing leaves without it, and it can be taken back at any time. With an LRS it is one share that
changes; a person reads a share by a code that the learner passes on herself. Nobody gets a list of
who shares anything (decisions.md 1.1).
"""

import hashlib
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from lti_tool.errors import Conflict, NotFound
from lti_tool.flows import shared
from lti_tool.flows.linking import ALPHABET, plain
from lti_tool.flows.observe import profile_from
from lti_tool.flows.shared import LRS, PERSON
from lti_tool.ports import Json, Learner, LrsTarget, Said, Services, Share, Tenant, Work

#: Who may be chosen beside an LRS; only words, nobody is told.
PEOPLE = ("lotse", "teacher", "manager", "other")
WEEKS = (4, 13, 26, 52)
CODE_LETTERS = 12  # of 30: nobody guesses one in a year of tries


class Changed(Conflict):
    """What would be shared is no longer what was shown."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the learner chose on the page."""

    recipient: str  # lrs | person
    to: str
    topics: tuple[str, ...]
    weeks: int
    follow: bool = False


@dataclass(frozen=True)
class Choice:
    """What can be shared, with which LRSs, and what is shared already."""

    said: Mapping[str, Said]
    targets: tuple[LrsTarget, ...]
    shares: tuple[Share, ...]


@dataclass(frozen=True)
class Preview:
    """Exactly what would leave; `mark` stands for it, so that a yes is a yes to just that."""

    share: Share
    mark: str
    statements: tuple[Json, ...] = ()


@dataclass(frozen=True)
class Opened:
    """What somebody reads who was given a code."""

    share: Share
    tenant: Tenant


def choice(s: Services, learner: Learner) -> Choice:
    with s.store.read() as work:
        targets = work.outbox.lrs_targets(learner.tenant_id)
        return Choice(_said(s, work, learner), targets, work.shares.of(learner.id))


def preview(s: Services, learner: Learner, wish: Wish, now: datetime) -> Preview:
    """Return what a wish would share. Computes, writes nothing.

    :raises Conflict: it names nothing, or nobody, that can be chosen.
    """
    with s.store.read() as work:
        return _preview(s, work, learner, wish, now)


def share(s: Services, learner: Learner, wish: Wish, seen: str, now: datetime) -> Share:
    """Share it, and enqueue what an LRS is told, in one commit. Is audited.

    :raises Changed: it is no longer what was seen.
    :raises Conflict: it names nothing, or nobody, that can be chosen.
    """
    with s.store.begin() as work:
        learner = work.learners.lock(learner.id)
        found = _preview(s, work, learner, wish, now)
        if found.mark != seen:
            raise Changed("Your result has changed since.", remedy="Look at it again.")
        made = found.share
        if made.recipient == PERSON:
            code = "".join(secrets.choice(ALPHABET) for _ in range(CODE_LETTERS))
            made = replace(made, code=code)
        shared.put(s, work, learner, made, now)
        detail = {"recipient": made.recipient, "topics": len(made.topics), "share": made.id}
        _note(work, learner, "share.give", detail, now)
    return made


def take_back(s: Services, learner: Learner, share_id: str, now: datetime) -> Share:
    """Take one share back: statements are voided, documents and codes deleted. Is audited.

    :raises NotFound: it is not this learner's, or is taken back already.
    """
    with s.store.begin() as work:
        learner = work.learners.lock(learner.id)
        mine = next((x for x in work.shares.of(learner.id) if x.id == share_id), None)
        if mine is None:
            raise NotFound("This is not shared any more.", remedy="Look at what you share.")
        shared.take_back(s, work, learner, mine, now)
        detail = {"recipient": mine.recipient, "share": mine.id}
        _note(work, learner, "share.take_back", detail, now)
    return mine


def end_what_is_over(s: Services, now: datetime) -> int:
    """Take back whatever was shared until now; return how much. Commits each."""
    with s.store.read() as work:
        over = work.shares.over(now)
    return sum(_end(s, learner_id, now) for learner_id in dict.fromkeys(x.learner_id for x in over))


def _end(s: Services, learner_id: str, now: datetime) -> int:
    with s.store.begin() as work:
        try:
            learner = work.learners.lock(learner_id)
        except NotFound:
            return 0  # she has erased everything meanwhile
        over = [x for x in work.shares.of(learner.id) if x.until <= now]
        for mine in over:
            shared.take_back(s, work, learner, mine, now)
    return len(over)


def open_code(s: Services, typed: str, now: datetime) -> Opened:
    """Return what a code opens now.

    :raises NotFound: nothing; it was taken back, is over, or never was.
    """
    with s.store.read() as work:
        found = work.shares.by_code(plain(typed), now)
        if found is None:
            raise NotFound("This code opens nothing.", remedy="Ask whoever gave it to you.")
        return Opened(found, work.tenants.get(found.tenant_id))


def _said(s: Services, work: Work, learner: Learner) -> dict[str, Said]:
    stored = work.profiles.get(learner.id)
    if stored is None:
        return {}
    return shared.said(s, work, learner, profile_from(stored.document), stored.covariance)


def _preview(s: Services, work: Work, learner: Learner, wish: Wish, now: datetime) -> Preview:
    known, targets = _said(s, work, learner), work.outbox.lrs_targets(learner.tenant_id)
    people = {LRS: [t.id for t in targets], PERSON: PEOPLE}.get(wish.recipient, ())
    topics = tuple(code for code in known if code in wish.topics)
    places = work.learners.places(learner.id)
    if not topics or wish.to not in people or wish.weeks not in WEEKS or not places:
        raise Conflict("Nothing, or nobody, was chosen.", remedy="Choose in each list.")
    before = [x for x in work.shares.of(learner.id) if (x.recipient, x.to) == (LRS, wish.to)]
    made = Share(
        id=before[0].id if before else str(uuid.uuid4()),
        tenant_id=learner.tenant_id,
        learner_id=learner.id,
        recipient=wish.recipient,
        to=wish.to,
        topics=topics,
        follow=wish.follow,
        said=tuple(known[code] for code in topics),
        shared=now,
        until=now + timedelta(weeks=wish.weeks),
        revision=before[0].revision + 1 if before else 1,
    )
    statements: tuple[Json, ...] = ()
    if made.recipient == LRS:
        told = shared.events(s, learner, made, places[0], now)
        statements = tuple(x for event in told for x in s.statements(event))
    return Preview(made, _mark(made, wish), statements)


def _mark(made: Share, wish: Wish) -> str:
    return hashlib.sha256(repr((made.said, wish)).encode()).hexdigest()[:32]


def _note(work: Work, learner: Learner, what: str, detail: Json, now: datetime) -> None:
    work.audit.note(f"learner:{learner.id}", what, detail, now, tenant_id=learner.tenant_id)
