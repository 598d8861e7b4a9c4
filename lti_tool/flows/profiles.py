"""The learner's own view of the profile: Ist against Soll, with the evidence behind each word."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from competency.errors import UnknownPack
from competency.evidence import Source
from competency.items import Item
from competency.precedence import Aside, set_aside
from competency.profile import Profile
from competency.target import RoleProfile, Target
from lti_tool.errors import NotFound
from lti_tool.flows import exams, measure, role_list
from lti_tool.flows.assess import evidence_id
from lti_tool.flows.observe import compute, profile_from, refold
from lti_tool.flows.second import Changes
from lti_tool.ports import Json, Learner, Recorded, Services, Work

LONGEST_STATEMENT = 500
NEWS = 3


@dataclass(frozen=True, slots=True)
class EvidenceLine:
    """A line of "Woher kommt das?"."""

    id: str
    kind: str
    at: datetime
    unit: str  # Lerneinheit, or ""
    self_report: bool
    counter_statement: str  # "better: own words", or ""
    counts: bool = True  # False: the learner has said "that was not me"
    item: Item | None = None  # the question that was answered, as long as its pack is there
    review: bool = False  # asked some time after the tutorial of the unit
    lms: bool = False  # done in the learning portal
    origin: Mapping[str, Json] = field(default_factory=dict)  # of a result of another test
    until: datetime | None = None  # it counts no more from then on
    aside: Aside | None = None  # why it does not count although nobody objected

    @property
    def disputed(self) -> bool:
        return bool(self.counter_statement) or not self.counts


@dataclass(frozen=True)
class ProfileView:
    profile: Profile
    target: Target
    roles: Mapping[str, RoleProfile]  # of the target, by key
    at: datetime
    evidence: dict[str, tuple[EvidenceLine, ...]]  # by competence, what was taken out as well
    news: tuple[str, ...]  # units whose completion moved the profile lately
    changes: Changes | None = None  # since a first measurement


def current(s: Services, learner: Learner) -> ProfileView | None:
    """Return the profile of the last fold, or None if nothing was answered yet."""
    with s.store.read() as work:
        stored = work.profiles.get(learner.id)
        if stored is None:
            return None
        soll = measure.judged_by(s, work, learner, stored)
        roles = role_list.some(
            s, work, learner.tenant_id, soll.roles, role_list.day_of(stored.computed)
        )
        recorded = work.evidence.of(learner.id)
        revoked = work.evidence.revoked(learner.id)
        asked = _asked(s, work, learner)
    return ProfileView(
        profile=profile_from(stored.document),
        target=soll,
        roles={r.key: r for r in roles},
        at=stored.computed,
        evidence=_lines(recorded, revoked, asked, stored.computed),
        news=_news(recorded),
        changes=_changes(stored.document.get("changes")),
    )


def _changes(document: Mapping[str, Any] | None) -> Changes | None:
    return None if document is None else Changes.of_document(document)


@dataclass(frozen=True)
class DesiredView:
    """What the learner stands like in a role she would like to have; it counts nowhere."""

    role: RoleProfile
    target: Target
    profile: Profile


def desired(s: Services, learner: Learner, now: datetime) -> DesiredView | None:
    """Return the desired role's Soll held against all evidence; None: no wish, or no profile."""
    with s.store.read() as work:
        if not learner.desired_role or work.profiles.get(learner.id) is None:
            return None
        today, key = role_list.day_of(now), learner.desired_role
        found = role_list.some(s, work, learner.tenant_id, (key,), today)
        if not found:
            return None
        soll = Target.of(found, private=measure.private(s))
        profile, _covariance, _changes = compute(s, work, learner, soll, now)
    return DesiredView(found[0], soll, profile)


def dispute(
    s: Services, learner: Learner, evidence_id: str, kind: str, text: str, now: datetime
) -> None:
    """Let the learner correct a piece of evidence. Writes and commits.

    `kind` "not_me" takes it out of the count; "better" and "worse" keep it with the learner's own
    words beside it (law L07).

    :raises NotFound: it is not this learner's.
    """
    with s.store.begin() as work:
        learner = work.learners.lock(learner.id)
        if kind == "not_me":
            found = work.evidence.revoke(learner.id, evidence_id)
        else:
            found = work.evidence.counter(
                learner.id, evidence_id, f"{kind}: {text.strip()[:LONGEST_STATEMENT]}"
            )
        if not found:
            raise NotFound("There is no such entry.", remedy="Go back to your profile.")
        work.audit.note(
            f"learner:{learner.id}", f"evidence.{kind}", {}, now, tenant_id=learner.tenant_id
        )
        refold(s, work, learner, now)


def withdraw_dispute(s: Services, learner: Learner, evidence_id: str, now: datetime) -> None:
    """Take back what the learner said against a piece of evidence. Writes and commits.

    :raises NotFound: it is not this learner's.
    """
    with s.store.begin() as work:
        learner = work.learners.lock(learner.id)
        if not work.evidence.restore(learner.id, evidence_id):
            raise NotFound("There is no such entry.", remedy="Go back to your profile.")
        actor = f"learner:{learner.id}"
        work.audit.note(actor, "evidence.restore", {}, now, tenant_id=learner.tenant_id)
        refold(s, work, learner, now)


def remember_practice(s: Services, learner: Learner, now: datetime) -> None:
    with s.store.begin() as work:
        learner = work.learners.lock(learner.id)
        work.learners.save(replace(learner, practised=True), now)


def has_accepted(s: Services, learner: Learner) -> bool:
    """Return whether an accepted path is in force: then its steps left the house."""
    with s.store.read() as work:
        return work.paths.accepted(learner.id) is not None


def read_notice(s: Services, learner: Learner, version: str, now: datetime) -> None:
    """Remember which version of the first information was shown (law L04). Writes and commits."""
    with s.store.begin() as work:
        learner = work.learners.lock(learner.id)
        work.learners.save(replace(learner, notice_version=version), now)


def speak(s: Services, learner: Learner, language: str, now: datetime) -> None:
    with s.store.begin() as work:
        learner = work.learners.lock(learner.id)
        work.learners.save(replace(learner, language=language), now)


def prefer_plain(s: Services, learner: Learner, plain: bool, now: datetime) -> None:
    """Keep whether questions come in Einfache Sprache, where there is such a text."""
    with s.store.begin() as work:
        learner = work.learners.lock(learner.id)
        work.learners.save(replace(learner, plain=plain), now)


def _lines(
    counting: tuple[Recorded, ...],
    revoked: tuple[Recorded, ...],
    asked: Mapping[str, Item],
    at: datetime,  # when the profile was computed: page and profile must agree
) -> dict[str, tuple[EvidenceLine, ...]]:
    lines: dict[str, tuple[EvidenceLine, ...]] = {}
    counted = {r.evidence.id for r in counting}
    aside = set_aside((r.evidence for r in counting), at)
    for r in sorted((*counting, *revoked), key=lambda r: r.evidence.order()):
        e = r.evidence
        line = EvidenceLine(
            id=e.id,
            kind=e.kind,
            at=e.at,
            unit=e.unit,
            self_report=e.self_report,
            counter_statement=r.counter_statement,
            counts=e.id in counted,
            item=asked.get(e.id),
            review=e.source is Source.EXAM,
            lms=e.source is Source.LRS,
            origin=r.origin,
            until=e.until,
            aside=aside.get(e.id),
        )
        lines[e.competency] = (*lines.get(e.competency, ()), line)
    return lines


def _asked(s: Services, work: Work, learner: Learner) -> dict[str, Item]:
    """Return the questions that became evidence, by its id, in the words they were put in."""
    found: dict[str, Item] = {}
    for attempt in (*work.attempts.of(learner.id), *work.attempts.exams(learner.id)):
        with suppress(UnknownPack):
            items = {i.key: i for i in s.content.items_of(attempt.versions["items"])}
            for question in work.attempts.questions(attempt.id):
                if item := items.get(question.item):
                    review = exams.evidence_id(learner.id, question.item)
                    found[review if attempt.unit else evidence_id(question)] = item
    return found


def _news(recorded: tuple[Recorded, ...]) -> tuple[str, ...]:
    learnt = [r.evidence for r in recorded if r.evidence.source is Source.LRS and r.evidence.unit]
    return tuple(dict.fromkeys(e.unit for e in reversed(learnt)))[:NEWS]
