"""What a learner does reaches the LRS: in Moodle's shape, and nothing of it is lost."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from demo import Config, create_app
from demo.lms import Lms
from tests.integration.demo.visits import press

CAPTURED = Path(__file__).parents[2] / "data" / "xapi" / "moodle-statements.json"
INFO = "http://lrs.learninglocker.net/define/extensions/info"
EXTERNAL_ID = "https://w3id.org/learning-analytics/learning-management-system/external-id"
COURSE = "/course/view.php?id=6"


def event(statement: dict[str, Any]) -> tuple[str, str, str]:
    info = statement["context"]["extensions"][INFO]
    return info["event_name"], statement["verb"]["id"], statement["object"]["definition"]["type"]


def keys(value: Any) -> Any:
    """Return the key structure of a statement; of numbers and texts only that they are there."""
    if isinstance(value, dict):
        return {key: keys(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [keys(inner) for inner in value]
    return "number" if isinstance(value, int | float) else type(value).__name__


def complete(browser: FlaskClient, cm: int = 21, done: str = "1") -> Any:
    return press(browser, COURSE, "/course/completion", cm=str(cm), done=done)


def verbs(peer: Any) -> list[str]:
    return [s["verb"]["display"]["en"] for s in peer.statements()]


def test_every_statement_has_the_key_structure_of_the_captured_one_of_its_event(
    gardener: FlaskClient, platform: Lms, peer: Any
) -> None:
    gardener.get(COURSE)
    gardener.get("/mod/lti/launch.php?id=101")
    gardener.get("/mod/page/view.php?id=21")
    gardener.get("/mod/quiz/view.php?id=22")
    complete(gardener)
    complete(gardener, done="0")
    quiz = "/mod/quiz/view.php?id=22"
    press(gardener, quiz, "/mod/quiz/attempt.php", cm="22", q0="True", q1="False")
    platform.cron.run_once()
    # The shape varies with mbox actors in the capture; ours are the default, accounts.
    moodle: dict[tuple[str, str, str], list[Any]] = {}
    for statement in json.loads(CAPTURED.read_text("utf-8")):
        moodle.setdefault(event(statement), []).append(keys(statement))
    made = {event(statement): keys(statement) for statement in peer.statements()}
    assert len(made) == 10
    for what, shape in made.items():
        assert shape in moodle[what], what


def test_a_completion_names_person_activity_and_site_like_moodle(
    gardener: FlaskClient, config: Config, platform: Lms, peer: Any
) -> None:
    complete(gardener)
    platform.cron.run_once()
    last = peer.statements()[-1]
    assert "id" not in last
    assert last["actor"]["account"] == {"homePage": config.issuer, "name": "4"}
    assert last["object"]["id"] == f"{config.base_url}/mod/page/view.php?id=21"
    assert last["object"]["definition"]["extensions"][EXTERNAL_ID] == "N1"
    assert last["timestamp"].endswith(".000Z")
    assert last["result"] == {"completion": True}
    assert peer.senders[-1] == config.secrets.lrs_key


def test_some_activities_publish_no_idnumber_but_the_mapping_table_knows_them(
    config: Config, platform: Lms
) -> None:
    table = (config.data / "activities.csv").read_text("utf-8").splitlines()
    activities = [a for c in platform.world.courses for a in c.activities]
    assert table[0] == "activity_iri,unit"
    assert len(table) == 1 + len(activities)
    assert f"{config.base_url}/mod/page/view.php?id=24,N6" in table
    assert {bool(a.idnumber) for a in activities} == {True, False}


def test_completing_twice_reports_once_and_resetting_takes_it_back(
    gardener: FlaskClient, platform: Lms, peer: Any
) -> None:
    complete(gardener)
    complete(gardener)
    complete(gardener, done="0")
    complete(gardener, done="0")
    platform.cron.run_once()
    assert [v for v in verbs(peer) if "omplete" in v] == ["Completed", "Uncompleted"]


def test_a_quiz_reports_raw_points_and_moodles_odd_scale(
    gardener: FlaskClient, platform: Lms, peer: Any
) -> None:
    quiz = "/mod/quiz/view.php?id=22"
    press(gardener, quiz, "/mod/quiz/attempt.php", cm="22", q0="True", q1="True")
    platform.cron.run_once()
    result = peer.statements()[-1]["result"]
    assert result["score"] == {"raw": 5, "min": 0, "max": 10, "scaled": 0}
    assert result["success"] is False
    press(gardener, quiz, "/mod/quiz/attempt.php", cm="22", q0="True", q1="False")
    platform.cron.run_once()
    assert verbs(peer)[-1] == "Completed"
    assert peer.statements()[-1]["object"]["id"].endswith("/mod/quiz/view.php?id=22")


def test_one_batch_shares_one_registration(gardener: FlaskClient, platform: Lms, peer: Any) -> None:
    gardener.get(COURSE)
    platform.cron.run_once()
    complete(gardener)
    platform.cron.run_once()
    batches = [{s["context"]["registration"] for s in batch} for batch in peer.batches]
    assert [len(registrations) for registrations in batches] == [1, 1]
    assert batches[0] != batches[1]


@pytest.mark.parametrize("status", [401, 429, 500, 503])
def test_the_queue_survives_an_outage_of_the_lrs(
    gardener: FlaskClient, platform: Lms, peer: Any, status: int
) -> None:
    peer.lrs_status = status
    complete(gardener)
    assert platform.cron.run_once() == 0
    waiting = platform.cron.waiting()
    assert waiting >= 2
    peer.lrs_status = 200
    assert platform.cron.run_once() == waiting
    assert platform.cron.waiting() == 0
    assert verbs(peer)[-1] == "Completed"


def test_the_queue_survives_a_restart(
    gardener: FlaskClient, config: Config, platform: Lms, peer: Any
) -> None:
    peer.lrs_status = 503
    complete(gardener)
    platform.cron.run_once()
    waiting = platform.cron.waiting()
    restarted = create_app(config).extensions["demo"]
    peer.lrs_status = 200
    assert restarted.cron.run_once() == waiting
    assert verbs(peer).count("Completed") == 1


def test_one_statement_the_lrs_calls_wrong_does_not_hold_up_the_rest(
    gardener: FlaskClient, platform: Lms, peer: Any
) -> None:
    with platform.store.begin() as conn:
        bad = json.dumps({"verb": "marked-bad", "context": {}})
        conn.execute("insert into queue(statement) values (?)", (bad,))
    complete(gardener)
    platform.cron.run_once()
    assert (platform.cron.waiting(), platform.cron.refused()) == (0, 1)
    assert verbs(peer)[-1] == "Completed"


def test_the_background_thread_delivers_and_comes_back_after_an_outage(
    gardener: FlaskClient, platform: Lms, peer: Any, until: Callable[[Callable[[], bool]], None]
) -> None:
    peer.lrs_status = 503
    platform.cron._pause_s = 0.01
    platform.cron.start()
    try:
        complete(gardener)
        time.sleep(0.1)
        assert platform.cron.waiting() > 0
        peer.lrs_status = 200
        until(lambda: platform.cron.waiting() == 0)
    finally:
        platform.cron.stop()
    assert verbs(peer)[-1] == "Completed"


def test_a_form_without_the_session_key_changes_nothing(
    gardener: FlaskClient, platform: Lms
) -> None:
    before = platform.cron.waiting()
    answer = gardener.post("/course/completion", data={"cm": "21", "done": "1"})
    assert answer.status_code == 403
    assert platform.cron.waiting() == before
