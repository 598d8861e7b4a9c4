"""Each hand-made hard statement, pulled from a lenient store, does what its index says.

One test per file of tests/data/xapi/hard, on SQLite and PostgreSQL, through HTTP, parsing, dedupe,
evidence and settling. A file without a line in EXPECTED is a failing test.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from lti_tool.store import lrs as connections
from lti_tool.store import mappings
from lti_tool.store.arrivals import ID_CONFLICT
from lti_tool.store.database import at
from lti_tool.store.schema.xapi import lrs, quarantine
from tests.doubles.lrs.store import Store
from tests.integration.xapi.site import MOODLE, Site, now, statement_of

HARD = Path(__file__).resolve().parents[2] / "data" / "xapi" / "hard"
INDEX: dict[str, dict[str, Any]] = {
    entry["file"]: entry
    for entry in json.loads((HARD / "index.json").read_text(encoding="utf-8"))["statements"]
}
QUIZ = f"{MOODLE}/mod/quiz/view.php?id=12"
UMLAUT = f"{MOODLE}/kurs/datenschutz-für-anfänger?id=7"
APPLICATION = "account|https://lrs.example.de/oauth|consumer-1"
IDENT = (
    "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
    "@0123456789abcdef0123456789abcdef.ilias"
)


@dataclass(frozen=True)
class Outcome:
    """What must be there after the pull. `evidence`: statements of which some evidence counts."""

    stored: int = 1
    evidence: int = 1
    parked: int = 0
    quarantined: int = 0
    voided: int = 0
    flags: str = ""
    happened: str = ""  # the effective time of the first statement
    kinds: frozenset[str] | None = None
    before: tuple[str, ...] = ()  # files that are there already
    settings: Mapping[str, Any] = field(default_factory=dict)
    alias: tuple[str, str] | None = None  # under which the learner is known besides


KEPT = Outcome()
IGNORED = Outcome(evidence=0)
PARKED = Outcome(stored=0, evidence=0, parked=1)
SET_ASIDE = Outcome(stored=0, evidence=0, quarantined=1)
COMPLETION = frozenset({"completion"})
STORED = "2026-11-02T08:16:00"

EXPECTED: dict[str, Outcome] = {
    "01-uuid-v7.json": KEPT,
    "02-uuid-uppercase.json": KEPT,
    "03-authority-group.json": Outcome(settings={"authorities": [APPLICATION]}),
    "04-context-agents-2.0.json": KEPT,
    "05-timestamp-no-zone.json": Outcome(
        flags="ts_zone_assumed", happened="2026-11-02T08:15:30.250000"
    ),
    "06-timestamp-nanoseconds.json": Outcome(happened="2026-11-02T08:15:30.123456"),
    "07-timestamp-offset.json": Outcome(happened="2026-11-01T10:10:00"),
    "08-timestamp-leap-second.json": Outcome(
        flags="ts_leap_second", happened="2016-12-31T23:59:59.999999"
    ),
    "09-timestamp-date-only.json": Outcome(flags="ts_date_only", happened="2026-11-02T00:00:00"),
    "10-timestamp-future.json": Outcome(flags="ts_clamped", happened=STORED),
    "11-timestamp-blackened.json": Outcome(flags="ts_clamped", happened=STORED),
    "12-mbox-sha1sum.json": Outcome(
        alias=("mail_sha1", "3f777437bd6180772c83e85f72fa3502a21e495a")
    ),
    "13-openid.json": PARKED,
    "14-actor-mbox-case.json": replace(PARKED, alias=("mail", "aenne.gross@musterstadt.example")),
    "15-actor-ilias-ident.json": Outcome(alias=("ident", IDENT)),
    "16-actor-identified-group.json": IGNORED,
    "17-actor-anonymous-group.json": IGNORED,
    "18-actor-account-unicode.json": PARKED,
    "19-substatement.json": IGNORED,
    "20-void-target-first.json": Outcome(stored=2, evidence=0, voided=1),
    "21-void-before-target.json": Outcome(stored=2, evidence=0, voided=1),
    "22-void-of-void.json": Outcome(
        stored=3, evidence=0, voided=1, before=("20-void-target-first.json",)
    ),
    "23-attachment-fileurl.json": KEPT,
    "24-extensions-huge.json": KEPT,
    "25-extensions-deep.json": KEPT,
    "26-extensions-null.json": KEPT,
    "27-duplicate-id-different-body.json": Outcome(quarantined=1),
    "28-duplicate-id-same-content.json": KEPT,
    "29-no-id-resent.json": Outcome(stored=2),
    "30-score-scaled-minus-one-to-one.json": Outcome(kinds=frozenset({"scored"})),
    "31-score-negative-scaled.json": Outcome(kinds=COMPLETION),
    "32-score-scaled-out-of-range.json": SET_ASIDE,
    "33-score-min-equals-max.json": Outcome(kinds=COMPLETION),
    "34-completed-not-completed.json": IGNORED,
    "35-duration-years-weeks.json": Outcome(stored=2, evidence=1),
    "36-unknown-property.json": SET_ASIDE,
    "37-forged-self-pass.json": Outcome(evidence=0, settings={"authorities": [APPLICATION]}),
    "38-uncompleted-completed-same-second.json": Outcome(stored=2, evidence=1, kinds=COMPLETION),
    "39-context-statement-ref.json": IGNORED,
    "40-iri-unicode.json": KEPT,
    "41-cmi5-browse.json": IGNORED,
}


def statements(file: str) -> list[dict[str, Any]]:
    found = json.loads((HARD / file).read_text(encoding="utf-8"))
    return found if isinstance(found, list) else [found]


def put(store: Store, file: str) -> list[str]:
    """Let the store deliver a file as it is; it adds only what every store adds."""
    listed = statements(file)
    if file.startswith("30-"):
        # A real one names the quiz it belongs to; the file leaves it out.
        parent = {"contextActivities": {"parent": [{"id": QUIZ, "definition": {"type": ASSESSED}}]}}
        info = {"extensions": {LOGSTORE: {"event_name": SUBMITTED}}}
        listed = [s | {"context": parent | info} for s in listed]
    return [store.put(s) for s in listed]


ASSESSED = "http://adlnet.gov/expapi/activities/assessment"
LOGSTORE = "http://lrs.learninglocker.net/define/extensions/info"
SUBMITTED = r"\mod_quiz\event\attempt_submitted"


def test_every_file_has_an_expectation() -> None:
    assert EXPECTED.keys() == INDEX.keys()


@pytest.mark.parametrize("file", sorted(EXPECTED))
def test_a_hard_statement_does_what_its_index_says(site: Site, store: Store, file: str) -> None:
    expected = EXPECTED[file]
    prepare(site, store, expected, INDEX[file]["version"])
    for earlier in expected.before:
        put(store, earlier)
    number = put(store, file)[0]
    beside = store.put(statement_of())  # another one in the same page: it lives
    for _ in range(2):  # the second pull changes nothing
        assert site.pull().caught_up
    look(site, expected, beside)
    told(site, file, number)


def prepare(site: Site, store: Store, expected: Outcome, version: str) -> None:
    store.knobs = replace(store.knobs, versions=(version,), hides_voided=False)
    site.leads_to(site.connection.endpoint, version=version)
    learner = site.learner("4")
    if expected.alias is not None:
        kind, value = expected.alias
        site.identify(learner, value, kind)
    with site.database.begin() as conn:
        mappings.add(conn, site.tenant_id, {QUIZ: "U1", UMLAUT: "U1"}, now())
        authorities = expected.settings.get("authorities")
        if authorities:
            # What lies beside it comes from an authority of the list, too.
            settings = {"authorities": authorities}
            mine = lrs.c.id == site.connection.id
            conn.execute(update(lrs).where(mine).values(settings=settings))


def look(site: Site, expected: Outcome, beside: str) -> None:
    counts = site.counts()
    found = {name: counts[name] for name in ("stored", "parked", "quarantined", "voided")}
    assert found == {
        "stored": expected.stored + 1,
        "parked": expected.parked,
        "quarantined": expected.quarantined,
        "voided": expected.voided,
    }
    counting = [e for e in site.evidence() if e.revoked_by is None and e.statement_id != beside]
    assert len({e.statement_id for e in counting}) == expected.evidence
    if expected.kinds is not None:
        assert {e.kind for e in counting} == expected.kinds
    rows = [r for r in site.rows() if r.statement_id != beside]
    assert expected.flags in (rows[0].flags if rows else "")
    if expected.happened:
        happened = datetime.fromisoformat(expected.happened).replace(tzinfo=UTC)
        assert at(rows[0].eff_us) == happened


def told(site: Site, file: str, number: str) -> None:
    """Look at what is special about a file, as its comment in the index says."""
    by_id = {r.statement_id: r for r in site.rows()}
    row = by_id.get(number)
    special = {
        "02": lambda: row.statement_id == number.lower() and b"2B3C4D" in row.raw,
        "04": lambda: b"contextAgents" not in row.raw and b"contextGroups" not in row.raw,
        "15": lambda: b".ilias" not in row.raw and b"mailto" not in row.raw,
        "16": lambda: row.learner_id is None and b"Bauamt" not in row.raw,
        "19": lambda: row.learner_id is not None and b"scaled" not in row.raw,
        "24": lambda: len(row.raw) > 100_000,
        "26": lambda: {e.activity for e in site.evidence() if e.statement_id == number} == {QUIZ},
        "27": lambda: reasons(site) == [ID_CONFLICT],
        "30": lambda: {e.category for e in site.evidence() if e.kind == "scored"} == {1},
        "32": lambda: "scaled" in reasons(site)[0],
        "35": lambda: not any(b"P4W" in r.raw or b"P1Y" in r.raw for r in by_id.values()),
        "36": lambda: reasons(site) == ["unknown property"],
        "37": lambda: "untrusted" in row.flags,
    }
    assert special.get(file[:2], lambda: True)(), file


def reasons(site: Site) -> list[str]:
    with site.database.read() as conn:
        mine = quarantine.c.lrs_id == site.connection.id
        return list(conn.execute(select(quarantine.c.reason).where(mine)).scalars())


def test_a_parked_openid_is_attached_when_the_very_same_one_is_known(
    site: Site, store: Store
) -> None:
    prepare(site, store, PARKED, "1.0.3")
    put(store, "13-openid.json")
    site.pull()
    learner = site.learner("4711")  # never by the number in it
    site.pull()
    assert site.counts()["parked"] == 1
    site.identify(learner, "https://id.example.de/nutzer/4711", "openid")
    site.pull()
    assert site.counts()["parked"] == 0
    assert {e.learner_id for e in site.evidence()} == {learner}


def test_without_the_alias_a_hashed_mail_waits(site: Site, store: Store) -> None:
    prepare(site, store, PARKED, "1.0.3")
    put(store, "12-mbox-sha1sum.json")
    site.pull()
    assert site.counts()["parked"] == 1


def test_the_user_in_an_authority_of_three_legs_is_no_application(site: Site, store: Store) -> None:
    user = {"authorities": ["mbox||mailto:nutzerin@stadt.example.de"]}
    prepare(site, store, Outcome(settings=user), "1.0.3")
    put(store, "03-authority-group.json")
    site.pull()
    assert (site.counts()["stored"], site.counts()["evidence"]) == (1, 0)


def test_another_statement_under_one_id_in_two_lrss_is_a_conflict(site: Site, store: Store) -> None:
    """Pulled from two LRSs the first stays, the second is set aside, evidence counts once."""
    prepare(site, store, KEPT, "1.0.3")
    first, second = statements("27-duplicate-id-different-body.json")
    store.put(first)
    site.pull()
    with site.database.begin() as conn:
        other = connections.add(
            conn,
            site.seal,
            tenant_id=site.tenant_id,
            name="zweiter",
            endpoint=site.connection.endpoint,
            key="k",
            secret="s",
            now=now(),
        )
    store.rows.clear()
    store.put(second)
    there = replace(site, connection=other)
    for _ in range(2):
        there.pull()
    assert (site.counts()["stored"], site.counts()["evidence"]) == (1, 1)
    counts = there.counts()
    assert (counts["received"], counts["stored"], counts["quarantined"]) == (1, 0, 1)
    assert reasons(there) == [ID_CONFLICT]
    assert len({e.statement_id for e in site.evidence()}) == 1


def test_attachments_by_address_are_never_fetched(site: Site, store: Store) -> None:
    prepare(site, store, KEPT, "1.0.3")
    (sent,) = statements("23-attachment-fileurl.json")
    attachment = sent["attachments"][0] | {"fileUrl": f"{site.connection.endpoint}/secret"}
    store.put(sent | {"attachments": [attachment]})
    site.pull()
    assert site.counts()["evidence"] == 1
    assert {path for _, path, _ in store.asked} == {"/xapi/statements"}
