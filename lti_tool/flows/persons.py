"""A person's rights: what is stored, a copy of all of it, and deleting it (DSGVO 15, 17, 20)."""

import html
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lti_tool.flows import withdrawal
from lti_tool.flows.grades import RESULT
from lti_tool.flows.withdrawal import Trace
from lti_tool.ports import Learner, Services, Work

#: The sections of the export that other programs rely on (design/contract.md).
SECTIONS = {
    "statements.json": ("statement", "xapi_statement"),
    "evidence.json": ("evidence",),
    "answers.json": ("attempt", "question", "reflection"),
    "profile.json": ("learner", "profile"),
    "path.json": ("path", "recommendation"),
}


EVERYBODY = 1_000_000


@dataclass(frozen=True, slots=True)
class StoredGroup:
    """A line of „Was ist gespeichert“; the words come from the purpose registry."""

    table: str
    what: Mapping[str, str]  # language -> words
    kept: Mapping[str, str]
    visible_to: str
    count: int


def stored(s: Services, learner: Learner) -> tuple[StoredGroup, ...]:
    with s.store.read() as work:
        counts = work.learners.counts(learner.id)
    return tuple(
        StoredGroup(p.table, p.shown, p.kept, p.visible_to, counts[p.table])
        for p in s.registry
        if counts.get(p.table)
    )


def export(s: Services, learner: Learner) -> bytes:
    """Return a ZIP with everything about this person: JSON per section, and one readable page."""
    with s.store.read() as work:
        rows = work.learners.rows(learner.id)
    sections = dict(SECTIONS)
    named = {table for tables in sections.values() for table in tables}
    sections["other.json"] = tuple(sorted(rows.keys() - named))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, tables in sections.items():
            archive.writestr(name, _json({t: rows.get(t, []) for t in tables}))
        archive.writestr("index.html", _page(s, rows))
    return buffer.getvalue()


def erase(
    s: Services, learner: Learner, actor: str, now: datetime, *, reason: str = ""
) -> Mapping[str, int]:
    """Delete everything about this person; return rows per table. Writes and commits.

    What was written after the person accepted a path is taken back: these rows have no learner
    any more, so that they survive the deletion and can be sent.

    :raises NotFound: another tab was faster.
    """
    with s.store.begin() as work:
        return _erase(s, work, work.learners.lock(learner.id), actor, now, reason)


def _erase(
    s: Services, work: Work, learner: Learner, actor: str, now: datetime, reason: str
) -> Mapping[str, int]:
    withdrawal.withdraw(s, work, learner, work.paths.accepted(learner.id), now)
    withdrawal.let_go(work, learner)
    # A backup from before still holds this person: by this mark a restore finds and erases her.
    detail: dict[str, Any] = {"mark": work.learners.mark(learner.id)}
    counts = work.learners.erase(learner.id)
    detail |= {"rows": sum(counts.values())} | ({"reason": reason} if reason else {})
    work.audit.note(actor, "person.erase", detail, now, tenant_id=learner.tenant_id)
    return counts


def written(s: Services, learner: Learner) -> frozenset[Trace]:
    """Return what an erasure takes back elsewhere, and what it cannot."""
    with s.store.read() as work:
        return withdrawal.traces(work, learner)


def written_of_the_path(s: Services, learner: Learner) -> frozenset[Trace]:
    """Return what an objection to proposals takes back elsewhere, and what it cannot."""
    with s.store.read() as work:
        return withdrawal.traces(work, learner, withdrawal.OF_THE_PATH)


def told_results(s: Services, learner: Learner) -> bool:
    """Return whether a grade book knows how an exam went, or that the assessment was done."""
    with s.store.read() as work:
        return bool(work.outbox.of(learner.id, (RESULT,)))


def erase_unseen(s: Services, before: datetime, now: datetime, most: int = EVERYBODY) -> int:
    """Erase who neither came nor showed any activity since; return how many. Commits each.

    Whoever left cannot ask for it; what is out there of them is taken back all the same.
    """
    gone = 0
    for _ in range(most):
        with s.store.begin() as work:
            unseen = work.learners.unseen_since(before, 1)
            if not unseen:
                break
            learner = work.learners.lock(unseen[0])
            if work.learners.unseen_since(before, 1) == unseen:  # not back at this very moment
                _erase(s, work, learner, "system", now, "retention")
                gone += 1
    return gone


def count_unseen(s: Services, before: datetime) -> int:
    """Return how many `erase_unseen` would erase."""
    with s.store.read() as work:
        return len(work.learners.unseen_since(before, EVERYBODY))


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1, default=str)


def _page(s: Services, rows: Mapping[str, list[Mapping[str, Any]]]) -> str:
    parts = [
        "<!DOCTYPE html><html lang='de'><head><meta charset='utf-8'><title>Meine Daten</title>"
        "</head><body><h1>Meine Daten</h1>"
    ]
    for purpose in s.registry:
        found = rows.get(purpose.table, [])
        parts.append(f"<h2>{html.escape(purpose.shown['de'])}</h2>")
        parts.append(
            f"<p>{len(found)} Einträge. Aufbewahrt: {html.escape(purpose.kept['de'])}.</p>"
        )
        for row in found:
            parts.append("<table border='1'>")
            for name, value in row.items():
                cell = html.escape(_json(value) if isinstance(value, dict | list) else str(value))
                parts.append(f"<tr><th>{html.escape(name)}</th><td>{cell}</td></tr>")
            parts.append("</table><br>")
    return "".join([*parts, "</body></html>"])
