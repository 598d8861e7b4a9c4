"""What mapping tables and a map of activities would make of statements, without doing it. Pure.

Counts by rule and a few examples; nothing about persons is in it: verbs, addresses of activities,
rules, units and competences. `gained` and `lost` compare with what holds now.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from xapi_bridge.aims import Lifts
from xapi_bridge.mapping import Reading, Table, Trust, understand
from xapi_bridge.statement import Statement

EXAMPLES = 8


@dataclass(frozen=True)
class Rules:
    """What statements are read by."""

    tables: tuple[Table, ...]
    activities: Mapping[str, str]
    lifts: Lifts

    def read(self, statement: Statement, trust: Trust) -> Reading:
        return understand(statement, self.tables, self.activities, self.lifts, trust)


@dataclass(frozen=True, slots=True)
class Example:
    """One statement of a rule: what was done, and what that would be evidence for."""

    rule: str
    verb: str
    activity: str
    kind: str
    unit: str  # "" = a competence without a unit
    competencies: tuple[str, ...]


@dataclass
class Trial:
    """Counts of statements; `pieces` are rows of evidence."""

    looked: int = 0
    counting: int = 0
    pieces: int = 0
    gained: int = 0  # count then, and do not now
    lost: int = 0
    changed: int = 0  # count now and then, for something else
    rules: Counter[str] = field(default_factory=Counter)  # rule -> statements that count by it
    nothing: Counter[str] = field(default_factory=Counter)  # known, and proves nothing: rule
    unmapped: Counter[str] = field(default_factory=Counter)  # activity
    unknown: Counter[str] = field(default_factory=Counter)  # "verb type"
    notes: Counter[str] = field(default_factory=Counter)  # why not
    examples: list[Example] = field(default_factory=list)

    def add(self, statement: Statement, now: Reading, then: Reading) -> None:
        self.looked += 1
        self.gained += bool(then.drafts) and not now.drafts
        self.lost += bool(now.drafts) and not then.drafts
        self.changed += bool(now.drafts and then.drafts) and now.drafts != then.drafts
        if then.drafts:
            self._counts(statement, then)
        elif then.unmapped:
            self.unmapped[then.unmapped] += 1
        elif then.unknown:
            self.unknown[then.unknown] += 1
        elif then.note:
            self.notes[then.note] += 1
        else:
            self.nothing[then.rule] += 1

    def _counts(self, statement: Statement, then: Reading) -> None:
        self.counting += 1
        self.pieces += len(then.drafts)
        self.rules[then.rule] += 1
        first = then.drafts[0]
        if len(self.examples) < EXAMPLES and not any(
            (e.rule, e.activity) == (then.rule, first.activity) for e in self.examples
        ):
            topics = tuple(d.competency for d in then.drafts if d.competency)
            kind = then.drafts[-1].kind
            said = Example(then.rule, statement.verb, first.activity, kind, first.unit, topics)
            self.examples.append(said)


def tried(statements: Iterable[tuple[Statement, Trust]], now: Rules, then: Rules) -> Trial:
    """Return what `then` would make of the statements, beside `now`."""
    trial = Trial()
    for statement, trust in statements:
        before = now.read(statement, trust)
        trial.add(statement, before, before if then is now else then.read(statement, trust))
    return trial
