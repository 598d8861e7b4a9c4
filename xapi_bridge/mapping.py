"""From a statement to evidence, by rules that are versioned data (content/mapping/).

Pure: the tenant's map of activities and what each unit teaches are passed in. Levels are steps 0
to 8, difficulties are theta. Source: reference/xapi.md section 7; each trap has a named test.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from competency.scale import cut_of_step, level_of_step
from xapi_bridge.aims import Aim, Lifts
from xapi_bridge.errors import RulesBroken
from xapi_bridge.parts import Activity, Actor
from xapi_bridge.statement import Statement

RULES_FILE = "rules.toml"
EFFECTS = (
    *("completion", "done", "uncompletion", "score", "done-score", "passed", "failed"),
    "none",
)
SCALINGS = ("minus-one-to-one", "zero-to-one")
WEIGHTS = ("completion", "completion_passed", "failed", "passed", "scored")
LAUNCH_MODE = "https://w3id.org/xapi/cmi5/context/extensions/launchmode"
MASTERY_SCORE = "https://w3id.org/xapi/cmi5/context/extensions/masteryscore"


@dataclass(frozen=True, slots=True)
class Weight:
    a: float
    offsets: tuple[float, ...]  # theta, from the cut of the step the unit teaches to
    bands: tuple[float, ...] = ()  # shares of the points that separate the categories


@dataclass(frozen=True, slots=True)
class Rule:
    key: str
    verb: str = ""  # "" = any
    effect: str = "none"
    event: str = ""
    type: str = ""
    category: str = ""  # a context category that must be there
    address: str = ""  # what the address of the object must contain
    own_parent: bool = False  # its parent must be the object's own address, and nothing more
    activity: str = ""  # type of the parent whose mapping counts; "" = the object's own

    def fits(self, statement: Statement, event: str) -> bool:
        return (
            (not self.verb or self.verb == statement.verb)
            and (not self.event or self.event == event)
            and (not self.type or self.type == statement.activity.type)
            and (not self.category or self.category in statement.categories)
            and self.address in statement.object_id
            and (not self.own_parent or Activity(statement.object_id) in statement.parents)
        )


@dataclass(frozen=True, slots=True)
class Signs:
    """By what the statements of a source are known: any one of these. None at all: the rest."""

    extension: str = ""  # a context extension that has `key`, whose value is the event's name
    key: str = ""
    category: str = ""  # how the address of a context category begins
    category_end: str = ""  # … or ends
    object_extension: str = ""  # an extension of the activity's definition
    context_extension: str = ""  # an extension of the context, whatever its value
    address: str = ""  # a part of the object's address

    def __bool__(self) -> bool:
        said = self.extension or self.category or self.category_end or self.address
        return bool(said or self.object_extension or self.context_extension)

    def event(self, statement: Statement) -> str | None:
        """Return the source's name of the event ("": it has none), or None: another source."""
        info = statement.extension(self.extension) if self.extension else None
        if isinstance(info, dict) and isinstance(name := info.get(self.key), str):
            return name
        return "" if self._seen(statement) else None

    def _seen(self, statement: Statement) -> bool:
        begins, ends, categories = self.category, self.category_end, statement.categories
        return bool(
            (begins and any(c.startswith(begins) for c in categories))
            or (ends and any(c.endswith(ends) for c in categories))
            or (self.address and self.address in statement.object_id)
            or (self.object_extension and self.object_extension in _described(statement))
            or (self.context_extension and statement.extension(self.context_extension) is not None)
        )


@dataclass(frozen=True, slots=True)
class Table:
    """One source's rules. `ref` is part of every rule id in the evidence."""

    ref: str
    title: str
    signs: Signs
    scaling: str
    weights: Mapping[str, Weight]
    rules: tuple[Rule, ...]
    by_verb: Mapping[str, tuple[Rule, ...]]  # the same, for each verb that is named
    others: tuple[Rule, ...]  # for every other verb
    grouping: bool  # an activity's lasting address is its only grouping, not the object's

    def rule(self, statement: Statement, event: str) -> Rule | None:
        """Return the first rule that fits."""
        named = self.by_verb.get(statement.verb, self.others)
        return next((r for r in named if r.fits(statement, event)), None)


@dataclass(frozen=True, slots=True)
class Trust:
    """What an LRS connection says about its statements."""

    authorities: frozenset[str] = frozenset()  # actor texts; empty: whoever the store accepts
    scaling: str = ""  # "" = as the table says
    blackened: bool = False

    def allows(self, statement: Statement) -> bool:
        """Content launched by a learner holds credentials: a learner could forge a pass."""
        who = statement.authority
        if who is None:
            return not self.authorities
        if self.authorities:
            return any(key.text in self.authorities for key in _application(who))
        return who.key is None or who.key != statement.actor.key


@dataclass(frozen=True, slots=True)
class Draft:
    """One row of evidence to be, without learner and time."""

    rule_id: str
    kind: str  # completion | uncompletion | passed | failed | scored
    unit: str
    activity: str  # the activity that groups attempts and completions of one thing
    competency: str | None = None  # None: about the unit itself (done, or done no longer)
    level: int = 0
    a: float = 0.0
    b: tuple[float, ...] = ()
    category: int = 0


@dataclass(frozen=True, slots=True)
class Reading:
    """What a statement came to: drafts, or why there are none."""

    drafts: tuple[Draft, ...] = ()
    unmapped: str = ""  # the activity that would have counted, were it mapped to a unit
    unknown: str = ""  # "verb type" that no rule knows
    note: str = ""
    rule: str = field(default="", compare=False)  # which rule decided, "table/key"


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What a rule makes of a statement. `done`: kind of the piece about the unit itself, or ""."""

    kind: str
    weight: str = ""  # "" = says nothing about a competence
    category: int = 0
    done: str = ""


_DONE = _Outcome("completion", done="completion")
_DONE_WELL = _Outcome("completion", "completion_passed", 1, "completion")
_FAILED = _Outcome("failed", "failed")
_OUTCOMES = {
    "completion": _Outcome("completion", "completion", 1, "completion"),
    "uncompletion": _Outcome("uncompletion", done="uncompletion"),
    "passed": _Outcome("passed", "passed", 1, "passed"),
    "failed": _FAILED,
}


def load(root: Path) -> tuple[Table, ...]:
    """Return the newest version of each table below content/mapping in their turn.

    The catch-all comes last.

    :raises RulesBroken: a file cannot be used.
    """
    tables: dict[str, tuple[tuple[int, ...], Table]] = {}
    for path in sorted(root.glob(f"*/{RULES_FILE}")):
        table = read(path.read_text(encoding="utf-8"), str(path))
        name, version = table.ref.rsplit("-", 1)
        number = tuple(int(part) for part in version.split("."))
        if name not in tables or tables[name][0] < number:
            tables[name] = (number, table)
    if not tables:
        raise RulesBroken(f"{root}: there are no mapping tables.")
    return tuple(sorted((t for _, t in tables.values()), key=_turn))


def _turn(table: Table) -> tuple[bool, bool, str]:
    # What is known by an extension is the most frequent (Moodle) and the quickest to recognise.
    return (not table.signs, not table.signs.extension, table.ref)


def read(text: str, where: str = "rules") -> Table:
    """Return one table; :raises RulesBroken: names the place."""
    try:
        data = tomllib.loads(text)
        table = _table(data)
    except tomllib.TOMLDecodeError as error:
        raise RulesBroken(f"{where}: not valid TOML: {error}") from None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RulesBroken(f"{where}: {type(error).__name__} {error}") from None
    _checked(table, where)
    return table


def understand(
    statement: Statement, tables: Iterable[Table], activities: Mapping[str, str], lifts: Lifts,
    trust: Trust = Trust(),
) -> Reading:  # fmt: skip
    """Return the evidence a statement holds.

    `activities` maps activity addresses and idnumbers to what they stand for (`Aim.text`).
    """
    if (why := _unfit(statement, trust)) is not None:
        return Reading(note=why)
    table, event = _source(statement, tables)
    rule = table.rule(statement, event)
    if rule is None:
        return Reading(unknown=f"{statement.verb} {statement.activity.type}".strip())
    ref = f"{table.ref}/{rule.key}"
    if rule.effect == "none":
        return Reading(rule=ref)
    found = _drafts(statement, table, rule, activities, lifts, trust)
    if isinstance(found, Reading):
        return found
    return Reading(found, rule=ref)


def proportion(score: Mapping[str, Any], scaling: str) -> float | None:
    """Return the share of points, 0 to 1; None without a usable score.

    (raw - min) / (max - min) comes first; `scaled` by the source's own scaling only where that is
    missing. min == max is no score; a share outside of 0 to 1 is none either.
    """
    raw, low, high = score.get("raw"), score.get("min", 0), score.get("max")
    if raw is not None and high is not None:
        return _share((raw - low) / (high - low)) if high > low else None
    if (scaled := score.get("scaled")) is None:
        return None
    return _share((scaled + 1) / 2 if scaling == "minus-one-to-one" else scaled)


def _share(value: float) -> float | None:
    return value if 0 <= value <= 1 else None


def _unfit(statement: Statement, trust: Trust) -> str | None:
    """Return why a statement can be no evidence whatever it says, or None."""
    if statement.actor.group or not statement.is_activity:
        return "not a person doing something"
    if not trust.allows(statement):
        return "authority not allowed"
    if statement.extension(LAUNCH_MODE) not in (None, "Normal"):
        return "not done for credit"
    return None


def _source(statement: Statement, tables: Iterable[Table]) -> tuple[Table, str]:
    for table in tables:
        if not table.signs:
            return table, ""
        if (event := table.signs.event(statement)) is not None:
            return table, event
    raise RulesBroken("There is no table for statements of unknown sources.")


def _described(statement: Statement) -> Mapping[str, Any]:
    if not statement.is_activity:
        return {}
    return (statement.what.value.get("definition") or {}).get("extensions") or {}


def _drafts(
    statement: Statement, table: Table, rule: Rule, activities: Mapping[str, str], lifts: Lifts,
    trust: Trust,
) -> tuple[Draft, ...] | Reading:  # fmt: skip
    """Return the evidence, or a reading that says why there is none."""
    if statement.result.get("completion") is False and rule.effect != "uncompletion":
        return Reading(note="not completed")  # Moodle's abandoned attempt says "completed"
    candidates = _candidates(statement, rule, table)
    if not candidates:
        return Reading(note="no parent activity")
    found = next(((a, u) for a in candidates if (u := _unit(a, activities))), None)
    if found is None:
        return Reading(unmapped=candidates[0].id)
    outcome = _outcome(statement, table, rule, trust)
    if isinstance(outcome, str):
        return Reading(note=outcome)
    activity, aim = found[0], Aim.of(found[1])
    name = f"{table.ref}/{rule.key}"
    # Without a unit nothing can be done, but a completion can be taken back.
    done = outcome.done if aim.unit or outcome.done == "uncompletion" else ""
    drafts = [Draft(name, done, aim.unit, activity.id)] if done else []
    if outcome.weight:
        base = Draft(name, outcome.kind, aim.unit, activity.id)
        weight = table.weights[outcome.weight]
        drafts += _per_competency(base, weight, outcome.category, aim.lifts(lifts))
    return tuple(drafts)


def _candidates(statement: Statement, rule: Rule, table: Table) -> tuple[Activity, ...]:
    if rule.activity:
        return tuple(p for p in statement.parents if p.type == rule.activity)
    return (*(_grouping(statement) if table.grouping else ()), statement.activity)


def _grouping(statement: Statement) -> tuple[Activity, ...]:
    """With several it is not known which is the activity itself, and which its course."""
    listed = statement.context.get("contextActivities", {}).get("grouping", ())
    some = (listed,) if isinstance(listed, dict) else listed
    return tuple(Activity(a["id"]) for a in some) if len(some) == 1 else ()


def _unit(activity: Activity, activities: Mapping[str, str]) -> str | None:
    """The idnumber an LMS admin gave comes first: it survives a move to another address."""
    by_number = activities.get(activity.external_id) if activity.external_id else None
    return by_number or activities.get(activity.id)


def _outcome(statement: Statement, table: Table, rule: Rule, trust: Trust) -> _Outcome | str:
    """Return what a rule makes of it, or why nothing."""
    effect, success = rule.effect, statement.result.get("success")
    scaling = trust.scaling or table.scaling
    share = proportion(statement.result.get("score") or {}, scaling)
    if effect in ("passed", "failed") and _contradicted(statement, effect, share):
        return "points and mastery score contradict the verb"
    if effect == "score" and share is None:
        return "no usable score"
    if effect in ("score", "done-score") and share is not None:
        category = sum(share >= band for band in table.weights["scored"].bands)
        return _Outcome("scored", "scored", category, "completion" if effect != "score" else "")
    if effect == "completion" and success is not None:
        return _DONE_WELL if success else _FAILED
    return _OUTCOMES.get(effect, _DONE)  # done-score without points is done


def _contradicted(statement: Statement, effect: str, share: float | None) -> bool:
    """Whether cmi5 content passes somebody below its own mastery score, or fails her above it."""
    mastery = statement.extension(MASTERY_SCORE)
    if share is None or not isinstance(mastery, int | float) or isinstance(mastery, bool):
        return False
    return (share < mastery) == (effect == "passed")


def _per_competency(
    base: Draft, weight: Weight, category: int, lifts: Mapping[str, tuple[int, int]]
) -> list[Draft]:
    return [
        Draft(
            rule_id=f"{base.rule_id}/{competency}",
            kind=base.kind,
            unit=base.unit,
            activity=base.activity,
            competency=competency,
            level=level_of_step(to),
            a=weight.a,
            b=tuple(cut_of_step(to) + offset for offset in weight.offsets),
            category=category,
        )
        for competency, (_, to) in sorted(lifts.items())
        if to > 0
    ]


def _application(authority: Actor) -> tuple[Any, ...]:
    # Three-legged OAuth names application and user; only the application can be trusted, and the
    # specification puts it first.
    return (authority.key,) if authority.key else authority.members[:1]


def _table(data: Mapping[str, Any]) -> Table:
    rules = tuple(Rule(**row) for row in data["rule"])
    return Table(
        ref=f"{data['id']}-{data['version']}",
        title=data["title"],
        signs=Signs(**data.get("recognise", {})),
        scaling=data["score"]["scaling"],
        weights={name: _weight(data["weights"][name]) for name in WEIGHTS},
        rules=rules,
        by_verb={v: tuple(r for r in rules if r.verb in ("", v)) for v in {r.verb for r in rules}},
        others=tuple(r for r in rules if not r.verb),
        grouping=data.get("activities", {}).get("grouping", False),
    )


def _weight(data: Mapping[str, Any]) -> Weight:
    return Weight(float(data["a"]), tuple(data["offsets"]), tuple(data.get("bands", ())))


def _checked(table: Table, where: str) -> None:
    problems = [
        f"rule {r.key}: effect {r.effect!r}" for r in table.rules if r.effect not in EFFECTS
    ]
    if table.scaling not in SCALINGS:
        problems.append(f"score.scaling {table.scaling!r}")
    if len({r.key for r in table.rules}) < len(table.rules):
        problems.append("a rule key twice")
    if len(table.weights["scored"].bands) != len(table.weights["scored"].offsets):
        problems.append("weights.scored: as many bands as offsets")
    if problems:
        raise RulesBroken(f"{where}: {'; '.join(problems)}")
