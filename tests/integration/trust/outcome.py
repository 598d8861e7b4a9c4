"""What a machine ends up with: everything about its persons that must not depend on what died.

Left out is what differs between any two runs: ids, instants, ports, and how often Moodle's plugin
sent a statement again (it sends without ids; what counts is what was concluded from them).
"""

import json
import sqlite3
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, select

from lti_tool.seal import Seal
from lti_tool.settings import load
from lti_tool.store import platforms
from lti_tool.store.database import Database
from lti_tool.store.launches import by_subject
from lti_tool.store.schema.core import attempt, evidence, outbox, path, profile, question
from lti_tool.store.schema.embedded import xapi_statement
from lti_tool.store.schema.xapi import statement
from tests.integration.trust.running import Machine

MOMENTS = ("timestamp", "assigned")  # of what leaves


@dataclass(frozen=True)
class Outcome:
    """About one person; every part can be compared."""

    answers: list[Any]
    evidence: Counter[Any]
    verdicts: dict[str, Any]
    path: list[Any]
    statements: Counter[Any]  # ours, in the LRS
    activity: set[Any]  # theirs, in the LRS
    pulled: set[Any]
    deliveries: dict[str, Any]
    plans: list[Any]  # in the LMS
    grades: list[Any]


class Looker:
    """Reads the databases of a machine; close it."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.config = load(machine.environ)
        self.database = Database(machine.environ["ROADMAP__DATABASE__URL"])

    def close(self) -> None:
        self.database.close()

    def rows(self, query: Select[Any]) -> list[Any]:
        with self.database.read() as conn:
            return list(conn.execute(query))

    def learner(self, subject: str) -> str:
        with self.database.read() as conn:
            (platform,) = platforms.listed(conn)
            seal = Seal(self.config.security.secret_key)
            found = by_subject(conn, seal, platform.tenant_id, platform.issuer, subject)
        assert found is not None
        return found

    def outcome(self, subject: str) -> Outcome:
        learner = self.learner(subject)
        accepted = self._accepted(learner)
        return Outcome(
            answers=self._answers(learner),
            evidence=self._evidence(learner),
            verdicts=self._verdicts(learner),
            path=[
                (step["unit"], step["obligation"], step["month"], step["state"])
                for step in accepted.document["steps"]
            ],
            statements=Counter(
                (s["verb"]["id"], self.placeless(s["object"]["id"]).replace(accepted.id, "PATH"))
                for s in self._in_the_lrs()
                if accepted.id in json.dumps(s)
            ),
            activity={
                (s["verb"]["id"], self.placeless(s["object"]["id"]))
                for s in self._in_the_lrs()
                if _actor(s) == subject and accepted.id not in json.dumps(s)
            },
            pulled={
                (r.verb, self.placeless(r.object))
                for r in self.rows(select(statement).where(statement.c.learner_id == learner))
                if accepted.id not in r.object
            },
            deliveries=self._deliveries(learner, accepted.id),
            plans=self._of_lms("select name, description, due from plan", subject),
            grades=self._of_lms("select score, comment from grade", subject),
        )

    def still(self) -> bool:
        """Return whether everything that leaves has left, once."""
        return {r.state for r in self.rows(select(outbox.c.state))} == {"delivered"}

    def placeless(self, text: str) -> str:
        places = self.machine.places
        return text.replace(places.tool, "TOOL").replace(places.lms, "LMS")

    def steps(self, subject: str) -> list[str]:
        """Return the units of a person's accepted path, in their order."""
        return [s["unit"] for s in self._accepted(self.learner(subject)).document["steps"]]

    def _accepted(self, learner: str) -> Any:
        query = select(path).where(path.c.learner_id == learner, path.c.state == "accepted")
        (found,) = self.rows(query)
        return found

    def _answers(self, learner: str) -> list[Any]:
        (only,) = self.rows(select(attempt).where(attempt.c.learner_id == learner))
        q = question.c
        query = select(q.position, q.item, q.response, q.category)
        asked = self.rows(query.where(q.attempt_id == only.id).order_by(q.position))
        assert only.state == "finished"
        assert [a.position for a in asked] == list(range(1, len(asked) + 1))
        return [tuple(a) for a in asked]

    def _evidence(self, learner: str) -> Counter[Any]:
        e = evidence.c
        columns = (e.source, e.unit, e.competency, e.rule_id, e.kind, e.level, e.a, e.b, e.category)
        query = select(*columns).where(e.learner_id == learner, e.revoked_by.is_(None))
        return Counter(repr(tuple(row)) for row in self.rows(query))

    def _verdicts(self, learner: str) -> dict[str, Any]:
        (found,) = self.rows(select(profile.c.document).where(profile.c.learner_id == learner))
        return {s["competency"]: s["verdict"] for s in found.document["standings"]}

    def _in_the_lrs(self) -> list[dict[str, Any]]:
        return [json.loads(r.raw) for r in self.rows(select(xapi_statement.c.raw))]

    def _deliveries(self, learner: str, path_id: str) -> dict[str, Any]:
        """Return the last of each kind and receiver: how many grades there were is chance."""
        query = select(outbox).where(outbox.c.learner_id == learner).order_by(outbox.c.created_us)
        last: dict[str, Any] = {}
        for row in self.rows(query):
            last[row.kind] = (row.state, self._content(row.body).replace(path_id, "PATH"))
        return last

    def _content(self, body: Any) -> str:
        if isinstance(body, list):  # statements: compared where they arrive
            return str(len(body))
        said = {name: value for name, value in body.items() if name not in MOMENTS}
        return self.placeless(json.dumps(said))

    def _of_lms(self, query: str, subject: str) -> list[Any]:
        conn = sqlite3.connect(self.machine.folder / "lms" / "lms.sqlite", timeout=10)
        try:
            found = conn.execute(f"{query} where person = ?", (int(subject),)).fetchall()
        finally:
            conn.close()
        return [tuple(self.placeless(str(value)) for value in row) for row in found]


def _actor(document: Mapping[str, Any]) -> str:
    return str(document["actor"].get("account", {}).get("name", ""))
