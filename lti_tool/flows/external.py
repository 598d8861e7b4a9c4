"""Results of other tests become evidence: from a file, after a preview that changes nothing.

People are found by their own code for tests, or by their id in a learning portal; never by a name,
never by what looks alike. Who is not known stays a row number in the preview. Which result then
counts is decided in `competency.precedence`. Source: features R05, R06; decisions.md 1.
"""

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from competency.evidence import Evidence
from competency.external import Result, evidence_of, origin_of, read_rows
from competency.profile import Verdict
from competency.provider import PersonBy, Provider
from competency.troubles import Trouble
from lti_tool.errors import Conflict
from lti_tool.flows import linking, providers
from lti_tool.flows.observe import profile_from
from lti_tool.flows.providers import Known
from lti_tool.flows.role_list import day_of
from lti_tool.ports import Actor, Learner, RegisteredProvider, Services, Work


@dataclass(frozen=True)
class Preview:
    """What a file would do. With troubles nothing can be taken; rows count as a spreadsheet does.

    Whose result it is and what it says is in none of what is shown: `matched` is for `take` only.
    """

    troubles: tuple[Trouble, ...] = ()
    new: int = 0  # results
    known: int = 0  # results that are here already
    people: int = 0  # of the new results
    unknown: tuple[int, ...] = ()  # rows of nobody we know
    old: tuple[int, ...] = ()  # rows that hold no more
    matched: tuple[tuple[str, Result], ...] = field(default=(), repr=False)


def preview(
    s: Services, tenant_id: str, key: str, rows: Sequence[Sequence[object]], now: datetime
) -> Preview:
    """Return what a provider's file would do, or what is wrong with it. Reads only.

    :raises Conflict: nothing may be taken from this provider.
    """
    with s.store.read() as work:
        return _preview(s, work, tenant_id, key, rows, now)


def take(
    s: Services,
    by: Actor,
    tenant_id: str,
    key: str,
    rows: Sequence[Sequence[object]],
    now: datetime,
) -> Preview:
    """Take a file over as it is now, and return what was done. Writes, commits, is audited.

    :raises Conflict: there are troubles in it, or nothing may be taken from this provider.
    """
    with s.store.begin() as work:
        done = _preview(s, work, tenant_id, key, rows, now)
        if done.troubles:
            raise Conflict("This file cannot be taken.", remedy="Mend what the preview names.")
        known = providers.found(s, work, tenant_id, key)
        for learner_id, results in _by_person(done).items():
            _add(s, work, known, learner_id, results, now)
        detail = {"provider": key, "count": done.new, "unknown": len(done.unknown)}
        work.audit.note(by.name, "provider.import", detail, now, tenant_id=tenant_id)
    return done


def code(s: Services, learner: Learner) -> str:
    """Return this person's code for other tests, "ABCD EFGH"; "" if she has none. Reads only."""
    with s.store.read() as work:
        found = work.providers.code(learner.id)
    return f"{found[:4]} {found[4:]}".strip()


def make_code(s: Services, learner: Learner, now: datetime) -> str:
    """Return a new code; an older one is worthless. It names her to a provider only. Writes."""
    made = "".join(secrets.choice(linking.ALPHABET) for _ in range(linking.LETTERS))
    with s.store.begin() as work:
        work.learners.lock(learner.id)
        work.providers.give_code(learner, made, now)
    return f"{made[:4]} {made[4:]}"


def forget_expired(s: Services, now: datetime) -> int:
    """Have profiles computed anew that rest on what holds no more; return how many. Writes."""
    with s.store.begin() as work:
        found = work.evidence.expired(now)
        for learner_id in found:
            work.jobs.enqueue("refold", learner_id, {}, now)
    return len(found)


def _preview(
    s: Services,
    work: Work,
    tenant_id: str,
    key: str,
    rows: Sequence[Sequence[object]],
    now: datetime,
) -> Preview:
    known = providers.found(s, work, tenant_id, key)
    provider = providers.in_use(known)
    if provider.columns is None:
        raise Conflict(
            f"No file of {provider.name} is described yet.", remedy="Enter its columns first."
        )
    table = read_rows(provider, rows, day_of(now))
    if table.troubles:
        return Preview(troubles=table.troubles)
    named = {r.person: _plain(r.person, provider.columns.by) for r in table.rows}
    owners = work.providers.people(
        tenant_id, provider.columns.by, provider.columns.platform, set(named.values())
    )
    matched = [(owners[named[r.person]], r.result) for r in table.rows if named[r.person] in owners]
    unknown = dict.fromkeys(r.number for r in table.rows if named[r.person] not in owners)
    fresh = _fresh(s, work, provider, tenant_id, matched)
    return Preview(
        new=len(fresh),
        known=len(set(matched)) - len(fresh),
        people=len({learner_id for learner_id, _ in fresh}),
        unknown=tuple(unknown),
        old=table.old,
        matched=tuple(fresh),
    )


def _plain(name: str, by: PersonBy) -> str:
    return linking.plain(name) if by is PersonBy.CODE else name


def _fresh(
    s: Services, work: Work, provider: Provider, tenant_id: str,
    matched: Sequence[tuple[str, Result]],
) -> list[tuple[str, Result]]:  # fmt: skip
    """Return what is not here yet, each once."""
    ids = {
        (owner, result): evidence_of(
            provider, s.content.framework, result, _owner(tenant_id, owner), 0
        )[0].id
        for owner, result in matched
    }
    there = work.evidence.known(list(ids.values()))
    return [pair for pair, first in ids.items() if first not in there]


def _by_person(done: Preview) -> dict[str, list[Result]]:
    found: dict[str, list[Result]] = {}
    for learner_id, result in done.matched:
        found.setdefault(learner_id, []).append(result)
    return dict(sorted(found.items()))  # whoever takes two files at once waits in the same order


def _add(
    s: Services, work: Work, known: Known, learner_id: str, results: Sequence[Result], now: datetime
) -> None:
    provider = providers.in_use(known)
    learner = work.learners.lock(learner_id)
    arrival = int(now.timestamp() * 1_000_000)
    for result in results:
        owner = _owner(learner.tenant_id, learner.id)
        pieces = evidence_of(provider, s.content.framework, result, owner, arrival)
        work.evidence.add(learner, pieces, origin_of(provider, known.registered.version, result))
    work.jobs.enqueue("refold", learner.id, {}, now)


def _owner(tenant_id: str, learner_id: str) -> str:
    return f"{tenant_id}|{learner_id}"


@dataclass(frozen=True, slots=True)
class TestStep:
    """A test of another provider as a step of a path, until its result has come."""

    provider: Provider
    topics: tuple[str, ...]  # codes that are open; of a done one those it was about, Soll's order
    done: datetime | None = None  # the newest day of its results
    instead: tuple[Provider, ...] = ()  # whose tests would stand there without this one


def steps(s: Services, learner: Learner, start: str) -> tuple[TestStep, ...]:
    """Return the tests that belong into a path that starts in this month ("2026-11"). Reads only.

    Done are those whose results came since then. Of the others as few as cover what is open, the
    one with most open topics first, without those the learner has left out. They are never part of
    the stored path: they count no hours, and that one stands there says that something is open, so
    it must not leave the house.
    """
    with s.store.read() as work:
        stored = work.profiles.get(learner.id)
        if stored is None:
            return ()
        registered = work.providers.all(learner.tenant_id)
        since = [r.evidence for r in work.evidence.of(learner.id) if _month(r.evidence) >= start]
    required = profile_from(stored.document).required
    still = [x.competency for x in required if x.verdict is Verdict.OPEN]
    codes, done, left = [x.competency for x in required], [], {}
    for p in _openable(s, registered):
        results = [e for e in since if e.provider == p.key]
        shown = _about(s, _measured(s, p, codes), results)
        ahead = [c for c in _measured(s, p, still) if c not in shown]
        if ahead and p.key not in learner.excluded_tests:
            left[p.key] = (p, ahead)
        elif shown:
            done.append(TestStep(p, shown, max(e.at for e in results)))
    few = tuple(_fewest(left))
    return (*done, *(replace(x, instead=_instead(x, few, left)) for x in few))


def excluded(s: Services, learner: Learner) -> tuple[Provider, ...]:
    """Return whose tests this person has left out and could bring back. Reads only."""
    return tuple(p for p in openable(s, learner) if p.key in learner.excluded_tests)


def openable(s: Services, learner: Learner) -> tuple[Provider, ...]:
    """Return whose tests can be a step of a path here. Reads only."""
    with s.store.read() as work:
        return tuple(_openable(s, work.providers.all(learner.tenant_id)))


def exclude(s: Services, learner: Learner, key: str, now: datetime, *, on: bool = True) -> None:
    """Leave the test of a provider out of every path, or (`on` False) no longer. Writes, commits.

    :raises NotFound: the municipality has no such provider.
    """
    with s.store.begin() as work:
        learner = work.learners.lock(learner.id)
        providers.found(s, work, learner.tenant_id, key)
        keys = learner.excluded_tests | {key} if on else learner.excluded_tests - {key}
        work.learners.save(replace(learner, excluded_tests=keys), now)


Left = dict[str, tuple[Provider, list[str]]]  # key -> test, open topics it measures


def _instead(step: TestStep, ahead: Sequence[TestStep], left: Left) -> tuple[Provider, ...]:
    """Return the providers whose tests come when this one is left out."""
    others = {k: found for k, found in left.items() if k != step.provider.key}
    here = {x.provider.key for x in ahead}
    return tuple(x.provider for x in _fewest(others) if x.provider.key not in here)


def _fewest(left: Left) -> Iterator[TestStep]:
    """Yield tests until nothing open is left that one of them measures."""
    left = dict(left)
    while left:
        key = max(left, key=lambda k: len(left[k][1]))  # of equals the first by its key
        provider, topics = left.pop(key)
        yield TestStep(provider, tuple(topics))
        rest = {k: (p, [c for c in ahead if c not in topics]) for k, (p, ahead) in left.items()}
        left = {k: found for k, found in rest.items() if found[1]}


def _month(evidence: Evidence) -> str:
    return f"{evidence.at:%Y-%m}"


def _about(s: Services, codes: Sequence[str], results: Sequence[Evidence]) -> tuple[str, ...]:
    """Return the topics that results are about; of an area one of its competences is enough."""
    areas, said = s.content.framework.areas_by_code, {e.competency for e in results}
    parts = {c: {c, *(x.code for x in areas[c].competencies)} if c in areas else {c} for c in codes}
    return tuple(c for c in codes if said & parts[c])


def _openable(s: Services, registered: Sequence[RegisteredProvider]) -> list[Provider]:
    used = (providers.read(s, r).provider for r in registered if r.retired is None)
    return [p for p in used if p and p.contract_on and p.address]


def _measured(s: Services, provider: Provider, codes: Sequence[str]) -> list[str]:
    measured = set(provider.topics.values())
    area_of = s.content.framework.area_of
    return [
        code
        for code in codes
        if code in measured or (code in area_of and area_of[code].code in measured)
    ]
