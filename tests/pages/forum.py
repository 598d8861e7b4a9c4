"""Workshops in every phase, made by the real flows: who moderates, who votes, what came out."""

from collections.abc import Mapping, Sequence

from competency.soll import Granularity
from competency.workshop import Group
from lti_tool.flows import ballot, workshop
from lti_tool.flows.workshop import Plan
from lti_tool.ports import Actor, Agreed, Workshop
from tests.pages.scene import Stage

LEAD, STAFF = Group.LEAD, Group.STAFF
SIX: Mapping[Group, int] = {LEAD: 3, STAFF: 3}
#: Steps of six people, three leaders first: alike, near, far apart, and one without an opinion.
ALIKE, NEAR, FAR = [3] * 6, [3, 3, 3, 3, 3, 5], [5, 7, 7, 1, 1, 3]


def moderator(stage: Stage) -> Actor:
    return Actor("cli", stage.tenant.id)


def opened(
    stage: Stage,
    role: str = "GB",
    granularity: Granularity = Granularity.AREA,
    scale: int = 4,
    invited: Mapping[Group, int] = SIX,
    by: Actor | None = None,
) -> Workshop:
    plan = Plan(role, granularity, scale, invited)
    return workshop.start(stage.s, by or moderator(stage), stage.tenant.id, plan, stage.now)


def come(stage: Stage, made: Workshop, group: Group = STAFF) -> str:
    """Return the secret of a new seat."""
    return ballot.join(stage.s, made.code, group, "", stage.now)


def six(stage: Stage, made: Workshop) -> list[str]:
    return [come(stage, made, group) for group in (LEAD,) * 3 + (STAFF,) * 3]


def vote(stage: Stage, secret: str, code: str, step: int | None) -> None:
    number = ballot.ballot(stage.s, secret, stage.now).round.number
    ballot.vote(stage.s, secret, number, code, step)


def vote_all(stage: Stage, secrets: Sequence[str], *patterns: Sequence[int]) -> None:
    """Let everybody vote on everything that is open; the patterns are used in turn."""
    codes = ballot.ballot(stage.s, secrets[0], stage.now).left
    for n, code in enumerate(codes):
        for secret, step in zip(secrets, patterns[n % len(patterns)], strict=True):
            vote(stage, secret, code, step)


def close(stage: Stage, made: Workshop, number: int = 1) -> None:
    by = Actor(made.made.by, stage.tenant.id)
    workshop.close_round(stage.s, by, stage.tenant.id, made.id, number, stage.now)


def voted(stage: Stage, *patterns: Sequence[int], **more: object) -> tuple[Workshop, list[str]]:
    """Return a workshop of six people whose vote is closed, and their seats."""
    made = opened(stage, **more)  # type: ignore[arg-type]
    secrets = six(stage, made)
    vote_all(stage, secrets, *(patterns or (FAR, NEAR, ALIKE)))
    close(stage, made)
    return made, secrets


def settled(
    stage: Stage, made: Workshop, step: int = 3, reason: str = "So arbeiten wir jeden Tag."
) -> None:
    """Settle every topic."""
    by = Actor(made.made.by, stage.tenant.id)
    here = workshop.desk(stage.s, stage.tenant.id, made.id, stage.now)
    for topic in here.topics:
        given = Agreed(step, reason)
        workshop.agree(stage.s, by, stage.tenant.id, made.id, topic.code, given, stage.now)
