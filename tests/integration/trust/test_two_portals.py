"""One person in two learning portals: joined by her own code or by a list, and never otherwise."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import func, select

from lti_tool.cli import cli
from lti_tool.errors import Conflict
from lti_tool.flows import linking, profiles, staff
from lti_tool.flows.linking import CodeUnknown
from lti_tool.ports import Actor, Delivery, Platform
from lti_tool.store import platforms, tenants
from lti_tool.store.database import Database
from lti_tool.store.schema import core
from lti_tool.web import notices
from tests.conftest import settings_for
from tests.integration.trust.town import come
from tests.pages.scene import Stage, Visitor

GARDENER = "GB"
LATER = timedelta(seconds=1)


@pytest.fixture
def stage(database: Database, database_url: str) -> Iterator[Stage]:
    made = Stage(settings_for(database_url))
    yield made
    made.close()


@pytest.fixture
def second(stage: Stage) -> Platform:
    """A second learning portal of the same municipality."""
    return _portal(stage, stage.tenant.id, "https://ilias.example")


def _portal(stage: Stage, tenant_id: str, issuer: str) -> Platform:
    with stage.house.database.begin() as conn:
        return platforms.add(
            conn,
            tenant_id=tenant_id,
            kind="ilias",
            issuer=issuer,
            client_id="c",
            deployment_ids=["1"],
            auth_url=f"{issuer}/auth",
            token_url=f"{issuer}/token",
            jwks_url=f"{issuer}/jwks",
            now=stage.now,
        )


def there(stage: Stage, portal: Platform, subject: str = "99") -> Visitor:
    return come(stage, subject, platform_id=portal.id, tenant_id=portal.tenant_id)


def informed(stage: Stage, visitor: Visitor) -> Visitor:
    version = notices.version(stage.tenant, stage.settings)
    profiles.read_notice(stage.s, stage.learner(visitor), version, stage.now)
    return visitor


def count(stage: Stage, table, learner_id: str) -> int:
    mine = select(func.count()).select_from(table).where(table.c.learner_id == learner_id)
    with stage.house.database.read() as conn:
        return int(conn.execute(mine).scalar_one())


def join(stage: Stage, first: Visitor, other: Visitor) -> None:
    code = linking.show_code(stage.s, stage.learner(first), stage.now)
    linking.join(stage.s, stage.learner(other), code, stage.now + LATER)


def test_the_same_number_in_two_portals_is_two_people_until_a_code_joins_them(
    stage: Stage, second: Platform
) -> None:
    here, other = come(stage, "99"), there(stage, second)
    assert here.learner_id != other.learner_id
    join(stage, here, other)
    assert there(stage, second).learner_id == here.learner_id == come(stage, "99").learner_id


def test_answers_stay_where_the_code_was_shown_and_learning_counts_from_both(
    stage: Stage, second: Platform
) -> None:
    first = stage.assessed(GARDENER)
    answers = count(stage, core.question, first.learner_id)
    other = stage.learned(there(stage, second), "A1")
    learned = count(stage, core.evidence, other.learner_id)
    before = count(stage, core.evidence, first.learner_id)
    join(stage, first, other)
    assert count(stage, core.question, first.learner_id) == answers
    assert count(stage, core.evidence, first.learner_id) == before + learned > before
    with stage.s.store.read() as work:
        assert "A1" in work.evidence.completed_units(first.learner_id)


def test_nothing_is_left_of_the_other_one_and_what_was_written_is_taken_back(
    stage: Stage, second: Platform
) -> None:
    with stage.house.database.begin() as conn:
        settings = replace(stage.tenant.settings, ags=True)
        tenants.change(conn, stage.tenant.id, settings)
    first, other = stage.assessed(GARDENER), there(stage, second)
    with stage.s.store.begin() as work:
        work.outbox.put(_score(stage, other, second), stage.now)
    join(stage, first, other)
    with stage.house.database.read() as conn:
        people = conn.execute(select(core.learner.c.id)).scalars().all()
        waiting = conn.execute(select(core.outbox.c.kind, core.outbox.c.learner_id)).all()
    assert other.learner_id not in people
    assert ("score", other.learner_id) not in [tuple(row) for row in waiting]


def _score(stage: Stage, who: Visitor, portal: Platform):
    body = {
        "lineitem": "https://ilias.example/li",
        "subject": "99",
        "score": 0.5,
        "done": 1,
        "of": 2,
        "timestamp": stage.now.isoformat(),
    }
    return Delivery("s", stage.tenant.id, who.learner_id, "score", portal.id, "s", body)


def test_the_open_page_goes_on_as_the_person_who_stays(stage: Stage, second: Platform) -> None:
    first, other = stage.assessed(GARDENER), informed(stage, there(stage, second))
    code = linking.show_code(stage.s, stage.learner(first), stage.now)
    client, form = stage.client(other), {"csrf": stage.csrf(other), "code": code.lower()}
    page = f"/l/{other.launch_id}/daten/verknuepfen"
    asked = client.post(page, data={**form, "do": "look"})
    assert "lms.example" in asked.text
    assert "Digital im Dienst" in asked.text
    assert first.learner_id not in asked.text
    done = client.post(page, data={**form, "do": "join"})
    assert done.status_code == 303
    me = client.get(f"/l/{other.launch_id}/api/me").get_json()
    assert me["learner"] == first.learner_id


def test_the_code_is_shown_once_and_kept_as_a_digest(stage: Stage) -> None:
    first = stage.ready(GARDENER)
    page = f"/l/{first.launch_id}/daten/verknuepfen"
    shown = stage.client(first).post(page, data={"csrf": stage.csrf(first), "do": "show"}).text
    found = re.search(r'data-test="link-code">([A-Z0-9]{4} [A-Z0-9]{4})<', shown)
    assert found
    assert found[1] not in stage.client(first).get(page).text
    with stage.house.database.read() as conn:
        rows = str(conn.execute(select(core.pairing)).all())
    assert linking.plain(found[1]) not in rows


def test_a_code_is_good_once_for_some_minutes_and_the_newest_only(
    stage: Stage, second: Platform
) -> None:
    first, other = stage.learner(stage.visitor()), stage.learner(there(stage, second))
    old = linking.show_code(stage.s, first, stage.now)
    code = linking.show_code(stage.s, first, stage.now)
    for wrong, at in ((old, stage.now), (code, stage.now + linking.CODE_LIVES), ("", stage.now)):
        with pytest.raises(CodeUnknown):
            linking.join(stage.s, other, wrong, at)
    linking.join(stage.s, other, f" {code.lower()}-", stage.now)
    third = stage.learner(there(stage, second, "100"))
    with pytest.raises(CodeUnknown):
        linking.join(stage.s, third, code, stage.now)


def test_ones_own_code_joins_nobody(stage: Stage) -> None:
    first = stage.learner(stage.visitor())
    with pytest.raises(Conflict):
        linking.join(stage.s, first, linking.show_code(stage.s, first, stage.now), stage.now)


def test_a_code_of_another_municipality_is_none(stage: Stage) -> None:
    with stage.house.database.begin() as conn:
        other = tenants.add(conn, "nachbar", "Nachbar", "HE", stage.tenant.settings, stage.now)
    neighbour = there(stage, _portal(stage, other.id, "https://nachbar.example"))
    code = linking.show_code(stage.s, stage.learner(stage.visitor()), stage.now)
    with pytest.raises(CodeUnknown):
        linking.join(stage.s, stage.learner(neighbour), code, stage.now)


def test_a_right_in_the_administration_does_not_come_over(stage: Stage, second: Platform) -> None:
    first, other = stage.visitor(), there(stage, second)
    staff.grant(stage.s, Actor("cli"), other.learner_id, "admin", stage.now)
    join(stage, first, other)
    with stage.s.store.read() as work:
        assert work.staff.roles(first.learner_id) == frozenset()


def test_the_guard_wants_a_confirmation_from_our_own_page(stage: Stage, second: Platform) -> None:
    first, other = stage.visitor(), there(stage, second)
    code = linking.show_code(stage.s, stage.learner(first), stage.now)
    page = f"/l/{other.launch_id}/daten/verknuepfen"
    sent = stage.client(other).post(page, data={"code": code, "do": "join"})
    assert sent.status_code == 403
    assert there(stage, second).learner_id == other.learner_id


# --- an admin's list


def listed(stage: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *rows: str):
    file = tmp_path / "list.csv"
    header = "issuer,subject,same_issuer,same_subject"
    file.write_text("\n".join((header, *rows)) + "\n", encoding="utf-8")
    monkeypatch.setenv("ROADMAP__DATABASE__URL", stage.settings.database.url)
    arguments = ["person", "link", str(file), "--tenant", stage.tenant.key, "--reason", "Umzug"]
    return CliRunner().invoke(cli, arguments)


MOODLE, ILIAS = "https://lms.example", "https://ilias.example"


def test_whoever_is_on_the_list_is_known_at_the_first_start(
    stage: Stage, second: Platform, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first = come(stage, "4")
    row = f"{MOODLE},4,{ILIAS},p17"
    assert "ready: 1" in listed(stage, monkeypatch, tmp_path, row).output
    assert there(stage, second, "p17").learner_id == first.learner_id
    assert "known: 1" in listed(stage, monkeypatch, tmp_path, row).output


def test_whoever_came_to_both_is_joined_unless_there_are_answers(
    stage: Stage, second: Platform, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first = come(stage, "4")
    there(stage, second, "p17")
    assert "joined: 1" in listed(stage, monkeypatch, tmp_path, f"{MOODLE},4,{ILIAS},p17").output
    assert there(stage, second, "p17").learner_id == first.learner_id
    answered = stage.assessed(GARDENER)
    _take_over(stage, answered, second, "p19")
    said = listed(stage, monkeypatch, tmp_path, f"{MOODLE},4,{ILIAS},p19")
    assert said.exit_code == 1
    assert "line 2: This person has answers there already." in str(said.exception)


def _take_over(stage: Stage, who: Visitor, portal: Platform, subject: str) -> None:
    with stage.s.store.begin() as work:
        work.links.expect(work.learners.get(who.learner_id), portal.id, subject, stage.now)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("https://lms.example,nobody,https://ilias.example,p", "line 2: This person never"),
        ("https://lms.example,4,https://other.example,p", "line 2: There is no LMS"),
        ("https://lms.example,4,https://ilias.example,", "line 2: same_subject is empty"),
    ],
)
def test_a_line_that_cannot_be_done_is_named_and_the_others_are_done(
    stage: Stage,
    second: Platform,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    row: str,
    said: str,
) -> None:
    come(stage, "4")
    answer = listed(stage, monkeypatch, tmp_path, row, f"{MOODLE},4,{ILIAS},p17")
    assert answer.exit_code == 1
    assert said in str(answer.exception)
    assert "ready: 1" in answer.output


def test_a_list_without_its_header_is_refused(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "list.csv"
    file.write_text("issuer,subject\n", encoding="utf-8")
    monkeypatch.setenv("ROADMAP__DATABASE__URL", stage.settings.database.url)
    arguments = ["person", "link", str(file), "--tenant", stage.tenant.key, "--reason", "x"]
    answer = CliRunner().invoke(cli, arguments)
    assert "same_issuer is missing" in str(answer.exception)
