"""The whole bank: is every competence covered on every level, for every role, and nothing twice?"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from competency.checks.findings import ERROR, WARNING, Finding
from competency.framework import Framework
from competency.items import Item
from competency.likeness import alike
from competency.scale import MAX_LEVEL
from competency.target import RoleProfile

#: With fewer scored questions of a competence the engine can decide nothing there.
FEWEST_ITEMS = 3
#: Scored questions of a competence in a bank for every role, with every level among them.
ENOUGH_ITEMS = 8
#: Questions a role needs in scenes of its own or of everybody's, per competence it requires: with
#: fewer, an assessment that goes on asking there runs dry. Self-reports do not count.
SCENES_PER_COMPETENCY = 3


def check_bank(
    framework: Framework, roles: Sequence[RoleProfile], items: Sequence[Item]
) -> Iterator[Finding]:
    """Yield what is wrong with the questions together."""
    yield from _covered(framework, items)
    yield from _settings(roles, items)
    yield from _scenes(framework, roles, items)
    for pair in alike(items):
        message = f"says the same as {pair.second}, with other words or names"
        yield Finding(WARNING, f"items: {pair.first}", message)


def _covered(framework: Framework, items: Iterable[Item]) -> Iterator[Finding]:
    levels: dict[str, Counter[int]] = defaultdict(Counter)
    for item in items:
        if item.scored:
            levels[item.competency][item.level] += 1
    for code in framework.dimensions:
        where, count = f"items: competence {code}", levels[code]
        if (total := count.total()) < ENOUGH_ITEMS:
            few = total < FEWEST_ITEMS
            message = f"{total} items, at least {FEWEST_ITEMS if few else ENOUGH_ITEMS}"
            yield Finding(ERROR if few else WARNING, where, message)
        for level in range(1, MAX_LEVEL + 1):
            if not count[level]:
                yield Finding(WARNING, where, f"no item on level {level}")


def _settings(roles: Iterable[RoleProfile], items: Iterable[Item]) -> Iterator[Finding]:
    by_key = {r.key: r for r in roles}
    scored = [i for i in items if i.scored]
    away = sum(_away_from_desk(i, by_key) for i in scored)
    if 2 * away < len(scored):
        message = f"{away} of {len(scored)} are set in work without a desk, at least half must be"
        yield Finding(ERROR, "items", message)


def _away_from_desk(item: Item, roles: Mapping[str, RoleProfile]) -> bool:
    workplaces = {roles[key].workplace for key in item.roles if key in roles}
    return item.setting == "no_desk" or (bool(workplaces) and "desk" not in workplaces)


def _scenes(
    framework: Framework, roles: Iterable[RoleProfile], items: Iterable[Item]
) -> Iterator[Finding]:
    asked = [i for i in items if i.scored and not i.self_report]
    for role in roles:
        familiar = [i for i in asked if i.scene((role.key,)).familiar]
        needed = role.soll.competencies
        for code in (c for c in framework.dimensions if needed.get(c)):
            count = sum(i.competency == code for i in familiar)
            if count < SCENES_PER_COMPETENCY:
                message = f"{count} questions in {role.key}'s own or everybody's scenes"
                yield Finding(WARNING, f"items: competence {code}", message)
