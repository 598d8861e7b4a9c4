"""What a mapping would do to the last statements: counted by rule, without persons, not done."""

import json
from pathlib import Path
from typing import Any

from lti_tool.cli.mapping import document
from lti_tool.store import mappings
from lti_tool.store.schema.xapi import statement
from tests.integration.xapi.site import (
    MOODLE,
    ROOT,
    Site,
    build_site,
    moodle_statements,
    now,
    statement_of,
)
from xapi_bridge import mapping as rules
from xapi_bridge.trial import Trial

PAGE, QUIZ = f"{MOODLE}/mod/page/view.php?id=1", f"{MOODLE}/mod/quiz/view.php?id=9"
REAL_QUIZ = "http://localhost:8145/mod/quiz/view.php?id=12"


def rehearsed(site: Site, most: int = 1000, **change: Any) -> Trial:
    with site.database.read() as conn:
        return mappings.rehearse(conn, site.meaning, site.tenant_id, most, **change)


def test_a_real_moodle_s_day_is_tried_by_rule_without_a_person_and_without_a_change(
    site: Site,
) -> None:
    moodle = build_site(site.database, site.origin, issuer="http://localhost:8145")
    moodle.learner("4")
    moodle.post(*moodle_statements())
    moodle.pull()
    before = moodle.rows()
    change = {"page-pw": "U1", REAL_QUIZ: "U1", "K-DIGI-101": "2.1@3"}
    found = rehearsed(moodle, change=change)
    assert (moodle.evidence(), moodle.rows()) == ([], before)
    assert found.looked == 36
    assert found.rules == {
        "moodle-logstore-1.0/module-completed": 4,
        "moodle-logstore-1.0/module-uncompleted": 3,
        "moodle-logstore-1.0/course-completed": 1,
        "moodle-logstore-1.0/quiz-attempt": 1,
    }
    assert (found.gained, found.lost, found.changed) == (9, 0, 0)
    assert not found.unmapped
    assert found.nothing["moodle-logstore-1.0/viewed"]
    course = next(e for e in found.examples if e.rule.endswith("course-completed"))
    assert (course.unit, course.competencies) == ("", ("2.1",))
    shown = json.dumps(document(found), ensure_ascii=False)
    for person in ("Jürgen", "Müller", "aenne", "oyilmaz", "urn:roadmap:actor"):
        assert person not in shown
    for pseudonym in {r.learner_id or r.actor_key for r in moodle.rows()} - {None}:
        assert pseudonym not in shown


def test_what_counts_now_and_would_count_no_longer_is_said(site: Site) -> None:
    site.learner("4")
    site.post(statement_of(), statement_of(activity=QUIZ))
    site.pull()
    gone = rehearsed(site, change={PAGE: ""})
    assert (gone.looked, gone.counting, gone.lost, gone.gained) == (2, 0, 1, 0)
    assert gone.unmapped == {PAGE: 1, QUIZ: 1}
    other = rehearsed(site, change={PAGE: "U2", QUIZ: "U1"})
    assert (other.changed, other.gained, other.lost) == (1, 1, 0)
    assert rehearsed(site, most=1).looked == 1


def test_other_tables_are_tried_beside_those_in_force(site: Site, tmp_path: Path) -> None:
    site.learner("4")
    site.post(statement_of())
    site.pull()
    source = ROOT / "content" / "mapping" / "generic-1.0" / "rules.toml"
    folder = tmp_path / "generic-1.1"
    folder.mkdir()
    text = source.read_text(encoding="utf-8").replace('version = "1.0"', 'version = "1.1"')
    completion = 'key = "completed"\nverb = "http://adlnet.gov/expapi/verbs/completed"\neffect = '
    assert completion in text
    stricter = text.replace(f'{completion}"completion"', f'{completion}"none"')
    (folder / "rules.toml").write_text(stricter, encoding="utf-8")
    found = rehearsed(site, tables=rules.load(tmp_path))
    assert (found.lost, found.nothing) == (1, {"generic-1.1/completed": 1})


def test_what_nobody_may_be_trusted_with_counts_in_a_trial_as_little_as_otherwise(
    site: Site,
) -> None:
    site.learner("4")
    site.post(statement_of())
    site.pull()
    (row,) = site.rows()
    with site.database.begin() as conn:
        conn.execute(
            statement.update().where(statement.c.lrs_id == row.lrs_id).values(flags="untrusted")
        )
    assert rehearsed(site).notes == {"authority not allowed": 1}


def test_a_competence_without_a_unit_becomes_evidence_and_no_unit_is_done(site: Site) -> None:
    site.learner("4")
    with site.database.begin() as conn:
        mappings.add(conn, site.tenant_id, {QUIZ: "2.1@3"}, now())
    site.post(statement_of(activity=QUIZ))
    site.pull()
    (piece,) = site.evidence()
    assert (piece.competency, piece.unit, piece.level, piece.revoked_by) == ("2.1", "", 2, None)
    assert (piece.a, list(piece.b)) == (0.6, [0.0])


def test_what_the_lms_calls_an_unmapped_activity_is_shown_to_whoever_maps_it(site: Site) -> None:
    site.learner("4")
    thing = {"id": QUIZ, "definition": {"name": {"en": "Quiz", "de": "Quiz Phishing"}}}
    site.post(statement_of(object=thing))
    site.pull()
    with site.database.read() as conn:
        assert mappings.names(conn, site.tenant_id) == {QUIZ: "Quiz Phishing"}
