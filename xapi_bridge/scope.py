"""What a narrowed connection reads: some courses, some verbs. Without a scope it is everything.

Asked of the store where the probe saw its filters work, and always once more by ourselves: stores
filter differently, and a filtered answer also holds what only refers to a match. What voids a
statement is never outside. Pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from xapi_bridge.ports import Query
from xapi_bridge.statement import VOIDED, Statement

MOST_QUERIES = 12  # more walks per pull than this cost more than they spare


@dataclass(frozen=True, slots=True)
class Scope:
    """Courses by the address of their activity, verbs by theirs; empty: all."""

    courses: frozenset[str] = frozenset()
    verbs: frozenset[str] = frozenset()

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> "Scope | None":
        """Return the scope in a connection's settings; None: everything."""
        found = cls(frozenset(settings.get("courses", ())), frozenset(settings.get("verbs", ())))
        return found if found.courses or found.verbs else None

    def covers(self, statement: Statement) -> bool:
        if self.verbs and statement.verb not in self.verbs:
            return False
        return not self.courses or self._in_a_course(statement)

    def queries(self) -> Sequence[Query]:
        """Return what to ask a store whose filters work, one walk each; [{}]: everything.

        Voids are asked for by themselves: not every store returns them with what they void.
        """
        courses = [
            {"activity": course, "related_activities": "true"} for course in sorted(self.courses)
        ] or [{}]
        verbs = [{"verb": verb} for verb in sorted(self.verbs)] or [{}]
        found = [course | verb for course, verb in product(courses, verbs)]
        return [*found, {"verb": VOIDED}] if len(found) < MOST_QUERIES else [{}]

    def _in_a_course(self, statement: Statement) -> bool:
        if statement.is_activity and statement.object_id in self.courses:
            return True
        around = statement.context.get("contextActivities") or {}
        listed = (found if isinstance(found, list) else [found] for found in around.values())
        return any(activity.get("id") in self.courses for some in listed for activity in some)
