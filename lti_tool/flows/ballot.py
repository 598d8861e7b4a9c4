"""Voting in a Soll workshop: by a code, without an account, without a name.

A device has one seat, known by a secret in its cookie; coming again with the code is the same seat.
A vote can be changed until the round is closed, and nobody sees any vote before that. Source:
docs/adr/0013-votes-nobody-cast.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from competency.items import Item, Kind
from competency.packs import Content
from competency.scale import steps_on
from competency.target import RoleProfile
from competency.workshop import Group, View, view
from lti_tool.errors import Conflict, NotFound
from lti_tool.flows import role_list
from lti_tool.flows.linking import plain
from lti_tool.flows.role_list import day_of
from lti_tool.ports import Round, Seat, Services, Work, Workshop


class CodeUnknown(NotFound):
    """No workshop is open under this code now."""


class SeatUnknown(NotFound):
    """This device has no seat (any more)."""


class Full(Conflict):
    """As many have come as were invited."""


class VoteClosed(Conflict):
    """The vote is closed; this one came too late and counts nowhere."""


@dataclass(frozen=True)
class Invitation:
    """What a code leads to: about which role, for whom, and which groups still have room."""

    workshop: Workshop
    tenant: str
    role: RoleProfile
    room: Mapping[Group, bool]


@dataclass(frozen=True)
class Ballot:
    """Where somebody stands: what is asked now, what was voted, or what came out."""

    workshop: Workshop
    tenant: str
    role: RoleProfile
    group: Group
    round: Round  # the newest
    mine: Mapping[str, int | None]  # own votes of the open round
    results: Mapping[str, View]  # of the closed rounds, as far as they may be shown

    @property
    def voting(self) -> bool:
        return self.round.closed is None and self.workshop.state == "open"

    @property
    def left(self) -> tuple[str, ...]:
        """Return what is still to be voted on, in order."""
        return tuple(c for c in self.round.codes if c not in self.mine) if self.voting else ()


def look(s: Services, typed: str, now: datetime) -> Invitation:
    """Return what a code leads to; :raises CodeUnknown: there is none, or it is too old."""
    with s.store.read() as work:
        found = work.workshops.by_code(plain(typed), now)
        if found is None:
            raise CodeUnknown("No such code is good now.", remedy="Ask whoever moderates.")
        seats = work.workshops.seats(found.id)
        return Invitation(
            workshop=found,
            tenant=work.tenants.get(found.tenant_id).name,
            role=_role(s, work, found, now),
            room={g: seats.get(g, 0) < found.invited.get(g, 0) for g in Group},
        )


def join(s: Services, typed: str, group: Group, secret: str, now: datetime) -> str:
    """Take a seat, or return to the one this device has; return its secret. Writes.

    :raises CodeUnknown: there is no such code, or it is too old.
    :raises Full: as many of this group have come as were invited.
    """
    with s.store.begin() as work:
        found = work.workshops.by_code(plain(typed), now)
        if found is None:
            raise CodeUnknown("No such code is good now.", remedy="Ask whoever moderates.")
        work.workshops.lock(found.tenant_id, found.id)
        here = work.workshops.seat(secret) if secret else None
        if here is not None and here[1].id == found.id:
            return secret
        if work.workshops.seats(found.id).get(group, 0) >= found.invited.get(group, 0):
            raise Full("As many have come as were invited.", remedy="Tell whoever moderates.")
        return work.workshops.take_seat(found, group)


def ballot(s: Services, secret: str, now: datetime) -> Ballot:
    """Return where somebody stands; :raises SeatUnknown: this device has no seat."""
    with s.store.read() as work:
        seat, found = _seated(work, secret)
        rounds = work.workshops.rounds(found.id)
        last = rounds[-1]
        return Ballot(
            workshop=found,
            tenant=work.tenants.get(found.tenant_id).name,
            role=_role(s, work, found, now),
            group=seat.group,
            round=last,
            mine=work.workshops.votes(seat, last.number) if last.closed is None else {},
            results=_results(rounds),
        )


def vote(s: Services, secret: str, number: int, code: str, step: int | None) -> None:
    """Keep a vote; the last one of a seat counts. Writes and commits.

    :raises SeatUnknown: this device has no seat.
    :raises VoteClosed: the round is closed, or was never about this.
    """
    with s.store.begin() as work:
        seat, found = _seated(work, secret, voting=True)
        last = work.workshops.rounds(found.id)[-1]
        if found.state != "open" or last.closed is not None or last.number != number:
            raise VoteClosed("The vote is closed.", remedy="Look at the result.")
        if code not in last.codes or step not in (None, *steps_on(found.scale)):
            raise VoteClosed("There is no such vote.", remedy="Go on with the open one.")
        work.workshops.vote(seat, number, code, step)


def example(content: Content, role: RoleProfile, code: str) -> Item | None:
    """Return a question whose scene shows what a competence (or area) means in this work."""
    area = content.framework.areas_by_code.get(code)
    codes = content.framework.measured(code) if area else (code,)
    about = [i for i in content.items if i.competency in codes and i.scored]
    own = [i for i in about if role.scene in i.roles] or [i for i in about if i.for_all]
    return min(own, key=lambda i: (i.kind is not Kind.SELF_RATING, i.level, i.key), default=None)


def _results(rounds: tuple[Round, ...]) -> dict[str, View]:
    """Return what the newest closed round about each says."""
    found: dict[str, View] = {}
    for round_ in rounds:
        for code in round_.codes:
            if round_.closed is None:
                found.pop(code, None)
            else:
                found[code] = view(round_.tally.get(code, {}))
    return found


def _seated(work: Work, secret: str, *, voting: bool = False) -> tuple[Seat, Workshop]:
    here = work.workshops.seat(secret, voting=voting) if secret else None
    if here is None:
        raise SeatUnknown("This device has no seat here.", remedy="Type in the code.")
    return here


def _role(s: Services, work: Work, found: Workshop, now: datetime) -> RoleProfile:
    return role_list.one(s, work, found.tenant_id, found.role, day_of(now))
