"""A Soll workshop as whoever moderates sees it: invite, close the vote, settle, hand over a draft.

The first vote is blind: nothing of it can be read before its round is closed, and a closed round is
never opened again. What is settled becomes a draft of the Soll, nothing more (`flows.soll`).
Source: features R03, design/days.md (Führungskraft), docs/adr/0013-votes-nobody-cast.md.
"""

import secrets
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from competency.scale import MAX_LEVEL, MAX_STEP, level_of_step, step_on, steps_on
from competency.soll import Granularity, Signed, SollVersion, codes_of, in_force
from competency.target import RoleProfile
from competency.workshop import FLOOR, Group, View, view
from lti_tool.errors import Conflict
from lti_tool.flows import role_list, soll
from lti_tool.flows.linking import ALPHABET, LETTERS
from lti_tool.flows.role_list import day_of
from lti_tool.flows.soll import Wanted
from lti_tool.ports import Actor, Agreed, Round, Services, Work, Workshop

OPEN, DONE, DROPPED = "open", "done", "dropped"
#: How long people may come in with a code.
LIVES: Mapping[str, timedelta] = {
    "day": timedelta(hours=12),
    "days": timedelta(days=3),
    "weeks": timedelta(days=14),
}
MOST_INVITED = 500
LONGEST_REASON = soll.LONGEST_REASON
#: The reason of what nobody argued about; it stands in the minutes, which are German.
NO_DISPUTE = "Die Stimmen lagen nah beieinander."


class TooFew(Conflict):
    """A blind vote needs at least three people."""


class NotSettled(Conflict):
    """Something has no agreed value yet."""


class ReasonMissing(Conflict):
    """A value is agreed with a reason."""


class StillVoting(Conflict):
    """Nothing is shown or settled while people vote."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What somebody wants to hold a workshop about, and with how many."""

    role: str
    granularity: Granularity
    scale: int
    invited: Mapping[Group, int]
    lives: str = "day"


@dataclass(frozen=True)
class Topic:
    """One competence or area: the votes as far as they may be shown, and what is settled."""

    code: str
    view: View | None  # None: nobody was asked yet, or is being asked
    round: int  # in which the votes were cast
    proposal: int | None  # of the pack, in steps; for an area the mean of its competences
    force: int | None  # what counts today
    agreed: Agreed | None


@dataclass(frozen=True)
class Desk:
    """Everything whoever moderates sees. `voted` have answered all of the open round."""

    workshop: Workshop
    role: RoleProfile
    rounds: tuple[Round, ...]
    seats: Mapping[Group, int]
    voted: Mapping[Group, int]
    topics: tuple[Topic, ...]

    @property
    def voting(self) -> Round | None:
        return next((r for r in self.rounds if r.closed is None), None)

    @property
    def settled(self) -> int:
        return sum(t.agreed is not None for t in self.topics)


def start(s: Services, by: Actor, tenant_id: str, plan: Plan, now: datetime) -> Workshop:
    """Open a workshop and its first, blind vote. Writes, commits, is audited.

    :raises NotFound: there is no such role. :raises TooFew: a blind vote needs more people.
    """
    invited = {group: _number(plan.invited.get(group, 0)) for group in Group}
    if sum(invited.values()) < FLOOR:
        raise TooFew("A blind vote needs at least three people.", remedy="Invite more.")
    if plan.scale not in (MAX_LEVEL, MAX_STEP):
        raise Conflict("There are scales of 4 and of 8 levels.", remedy="Choose one of them.")
    with s.store.begin() as work:
        role_list.one(s, work, tenant_id, plan.role, day_of(now))
        made = Workshop(
            id=str(uuid.uuid4()),
            tenant_id=tenant_id,
            role=plan.role,
            granularity=plan.granularity,
            scale=plan.scale,
            framework=s.content.versions["framework"],
            invited=invited,
            made=Signed(by.name, now),
            code=_new_code(),
            expires=now + LIVES.get(plan.lives, LIVES["day"]),
        )
        work.workshops.add(made)
        codes = codes_of(s.content.framework_of(made.framework), made.granularity)
        work.workshops.open_round(made.id, Round(1, codes, now))
        _note(work, by, "workshop.open", made, now)
    return made


def listed(s: Services, tenant_id: str) -> tuple[Workshop, ...]:
    """Return the workshops of a municipality, the newest first."""
    with s.store.read() as work:
        return work.workshops.of(tenant_id)


def desk(s: Services, tenant_id: str, workshop_id: str, now: datetime) -> Desk:
    """Return what whoever moderates sees; :raises NotFound: there is no such workshop here."""
    with s.store.read() as work:
        found = work.workshops.get(tenant_id, workshop_id)
        rounds = work.workshops.rounds(workshop_id)
        seats = work.workshops.seats(workshop_id)
        open_ = next((r for r in rounds if r.closed is None), None)
        voted = (
            work.workshops.finished(workshop_id, open_.number, len(open_.codes)) if open_ else {}
        )
        role = role_list.one(s, work, tenant_id, found.role, day_of(now))
        versions = work.soll.versions(tenant_id, (found.role,))
    force = in_force(versions, day_of(now)).get(found.role)
    topics = tuple(_topic(s, found, rounds, role, force, code) for code in rounds[0].codes)
    return Desk(found, role, rounds, seats, voted, topics)


def close_round(
    s: Services, by: Actor, tenant_id: str, workshop_id: str, number: int, now: datetime
) -> None:
    """Count the votes of the open round and forget who gave which. Writes, is audited.

    A round that is closed already (a second tab) stays as it is.
    """
    with s.store.begin() as work:
        found = _open(work, tenant_id, workshop_id)
        if work.workshops.close_round(found.id, number, now):
            _note(work, by, "workshop.close", found, now)


def vote_again(
    s: Services,
    by: Actor,
    tenant_id: str,
    workshop_id: str,
    codes: Collection[str],
    now: datetime,
) -> None:
    """Let everybody vote anew about some of it; what was settled there is open again. Writes.

    :raises StillVoting: the last vote is not closed yet.
    :raises Conflict: nothing was chosen.
    """
    with s.store.begin() as work:
        found = _open(work, tenant_id, workshop_id)
        rounds = work.workshops.rounds(found.id)
        _require_closed(rounds)
        chosen = tuple(code for code in rounds[0].codes if code in codes)
        if not chosen:
            raise Conflict("Nothing was chosen.", remedy="Choose at least one topic.")
        work.workshops.open_round(found.id, Round(rounds[-1].number + 1, chosen, now))
        kept = {code: agreed for code, agreed in found.agreed.items() if code not in chosen}
        work.workshops.save(replace(found, agreed=kept))
        _note(work, by, "workshop.again", found, now)


def agree(
    s: Services,
    by: Actor,
    tenant_id: str,
    workshop_id: str,
    code: str,
    agreed: Agreed,
    now: datetime,
) -> None:
    """Settle a value with its reason. Writes, commits, is audited.

    :raises StillVoting: people are voting. :raises ReasonMissing: there is no reason.
    """
    reason = " ".join(agreed.reason.split())[:LONGEST_REASON]
    if not reason:
        raise ReasonMissing("A value needs a reason.", remedy="One sentence is enough.")
    with s.store.begin() as work:
        found = _open(work, tenant_id, workshop_id)
        rounds = work.workshops.rounds(found.id)
        _require_closed(rounds)
        if code not in rounds[0].codes or agreed.step not in steps_on(found.scale):
            raise Conflict("There is no such value.", remedy="Choose one of the list.")
        settled = {**found.agreed, code: Agreed(agreed.step, reason)}
        work.workshops.save(replace(found, agreed=settled))
        _note(work, by, "workshop.agree", found, now, topic=code)


def agree_undisputed(
    s: Services, by: Actor, tenant_id: str, workshop_id: str, now: datetime
) -> int:
    """Settle what nobody argues about: the common middle vote; return how many. Writes."""
    view_of_it = desk(s, tenant_id, workshop_id, now)
    with s.store.begin() as work:
        found = _open(work, tenant_id, workshop_id)
        _require_closed(work.workshops.rounds(found.id))
        plain = {
            t.code: Agreed(t.view.common, NO_DISPUTE)
            for t in view_of_it.topics
            if t.view is not None and t.view.common is not None and t.code not in found.agreed
        }
        work.workshops.save(replace(found, agreed={**found.agreed, **plain}))
        _note(work, by, "workshop.agree", found, now, count=len(plain))
    return len(plain)


def finish(s: Services, by: Actor, tenant_id: str, workshop_id: str, now: datetime) -> SollVersion:
    """End the workshop: what is settled becomes the draft of the role. Writes, is audited.

    :raises NotSettled: something has no value yet.
    :raises NotNow: a version of this role is being checked; it has to be decided first.
    """
    with s.store.begin() as work:
        found = _open(work, tenant_id, workshop_id)
        rounds = work.workshops.rounds(found.id)
        _require_closed(rounds)
        if missing := [code for code in rounds[0].codes if code not in found.agreed]:
            raise NotSettled(f"{len(missing)} topics have no value yet.", remedy="Settle them.")
        made = soll.put_draft(s, work, by, tenant_id, found.role, _wanted(found), now)
        ended = replace(found, state=DONE, code="", expires=now, version_id=made.id, ended=now)
        work.workshops.save(ended)
        work.workshops.clear(found.id)
        _note(work, by, "workshop.finish", found, now)
    return made


def drop(s: Services, by: Actor, tenant_id: str, workshop_id: str, now: datetime) -> None:
    """Give a workshop up; seats and votes are forgotten. Writes, commits, is audited."""
    with s.store.begin() as work:
        found = _open(work, tenant_id, workshop_id)
        work.workshops.clear(found.id)
        ended = replace(found, state=DROPPED, code="", expires=now, ended=now)
        work.workshops.save(ended)
        _note(work, by, "workshop.drop", found, now)


def invite(
    s: Services,
    by: Actor,
    tenant_id: str,
    workshop_id: str,
    now: datetime,
    *,
    lives: str = "day",
    invited: Mapping[Group, int] | None = None,
    close: bool = False,
) -> None:
    """Make a new code in place of the old one, or (`close`) let nobody in any more. Writes.

    `invited` changes how many of each group may come; who has a seat keeps it.
    """
    with s.store.begin() as work:
        found = _open(work, tenant_id, workshop_id)
        code = "" if close else _new_code()
        until = now if close else now + LIVES.get(lives, LIVES["day"])
        numbers = {g: _number((invited or found.invited).get(g, 0)) for g in Group}
        work.workshops.save(replace(found, code=code, expires=until, invited=numbers))
        _note(work, by, "workshop.invite", found, now)


def _wanted(found: Workshop) -> Wanted:
    return Wanted(
        granularity=found.granularity,
        scale=found.scale,
        steps={code: agreed.step for code, agreed in found.agreed.items()},
        reasons={code: agreed.reason for code, agreed in found.agreed.items()},
        source="workshop",
        workshop_id=found.id,
    )


def _topic(
    s: Services,
    found: Workshop,
    rounds: tuple[Round, ...],
    role: RoleProfile,
    force: SollVersion | None,
    code: str,
) -> Topic:
    asked = [r for r in rounds if code in r.codes]
    last = asked[-1]
    same = force is not None and force.granularity is found.granularity
    return Topic(
        code=code,
        view=view(last.tally.get(code, {})) if last.closed is not None else None,
        round=last.number,
        proposal=_proposal(s, role, found, code),
        force=force.steps.get(code) if force is not None and same else None,
        agreed=found.agreed.get(code),
    )


def _proposal(s: Services, role: RoleProfile, found: Workshop, code: str) -> int | None:
    """Return what the pack proposes, on the workshop's scale; for an area the mean of it."""
    steps = soll.proposed(s, role)
    if not steps:
        return None
    if found.granularity is Granularity.COMPETENCE:
        return steps.get(code)
    inside = [steps[c] for c in s.content.framework.measured(code) if c in steps]
    if not inside:
        return None
    if found.scale == MAX_STEP:
        return round(sum(inside) / len(inside))
    levels = [level_of_step(step) for step in inside]
    return step_on(found.scale, round(sum(levels) / len(levels)))


def _open(work: Work, tenant_id: str, workshop_id: str) -> Workshop:
    found = work.workshops.lock(tenant_id, workshop_id)
    if found.state != OPEN:
        raise Conflict("This workshop is over.", remedy="Look at the list of workshops.")
    return found


def _require_closed(rounds: tuple[Round, ...]) -> None:
    if rounds[-1].closed is None:
        raise StillVoting("People are voting.", remedy="Close the vote first.")


def _number(given: int) -> int:
    return max(0, min(MOST_INVITED, given))


def _new_code() -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(LETTERS))


def _note(
    work: Work, by: Actor, action: str, found: Workshop, now: datetime, **more: str | int
) -> None:
    detail = {"work": found.role, **more}
    work.audit.note(by.name, action, detail, now, tenant_id=found.tenant_id)
