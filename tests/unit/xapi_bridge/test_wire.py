"""What leaves the house: the statement pair of a path, the same bytes every time."""

import json
from pathlib import Path
from typing import Any

import orjson
import pytest

from xapi_bridge.statement import parse
from xapi_bridge.wire import PLATFORM, statement_id, statements

TOOL = "https://kompetenz.example.de"
MOODLE = "https://moodle.stadt.example.de"
SAMPLE = Path(__file__).resolve().parents[2] / "data" / "xapi" / "path-statements.json"
PAGE, QUIZ = f"{MOODLE}/mod/page/view.php?id=12", f"{MOODLE}/mod/quiz/view.php?id=19"
STEPS = [
    {"order": 1, "activity": PAGE, "title": "Modul A", "mandatory": True},
    {"order": 2, "activity": QUIZ, "title": "Modul B", "mandatory": True},
]
EVENT: dict[str, Any] = {
    "kind": "assigned",
    "assignment": "3c1d7a52-2f0e-4a52-9d0a-6d0a5f3f1a11",
    "revision": 1,
    "home_page": MOODLE,
    "name": "p-7f3a",
    "course": f"{MOODLE}/course/view.php?id=7",
    "language": "de",
    "timestamp": "2026-11-22T06:40:00+01:00",
    "steps": STEPS,
    "title": {"de": "Lernpfad Digitale Kompetenz"},
    "due": "2027-01-31T23:59:59+01:00",
}
SHARED = [
    {"id": "digcomp-1.1", "title": "Recherchieren"},
    {"id": "digcomp-4.2", "title": "Datenschutz"},
]


def sample() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(SAMPLE.read_text(encoding="utf-8"))
    return found


def plain(value: Any) -> Any:
    """Drop what says nothing: objectType of activities, the text of the instant."""
    if isinstance(value, dict):
        activity = value.get("objectType") == "Activity"
        kept = {k: v for k, v in value.items() if not (activity and k == "objectType")}
        return {k: plain(v) for k, v in kept.items() if k != "timestamp"}
    return [plain(v) for v in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    ("position", "kind"), [(0, "recommended"), (1, "registered"), (2, "asserted:digcomp-1.1")]
)
def test_the_sample_s_ids_can_be_recomputed(position: int, kind: str) -> None:
    assert statement_id(TOOL, EVENT, kind) == sample()[position]["id"]


def test_a_path_whose_competences_were_shared_is_the_sample() -> None:
    recommended, registered = sample()[:2]
    for statement in (recommended, registered):
        statement["context"]["platform"] = PLATFORM  # the sample's tool has another name
    extensions = recommended["context"]["extensions"]
    del extensions[f"{TOOL}/xapi/ext/policy"]  # a confidence: never written
    for step in extensions[f"{TOOL}/xapi/ext/steps"]:
        del step["competency"]
    pair = statements(TOOL, EVENT | {"competencies": SHARED})
    assert plain(pair) == plain([recommended, registered])
    assert {s["timestamp"] for s in pair} == {"2026-11-22T05:40:00.000000Z"}


def test_nothing_but_steps_leaves_unless_it_was_shared() -> None:
    text = json.dumps(statements(TOOL, EVENT))
    for word in ("competency", "confidence", "policy", "grouping", "level", "verdict"):
        assert word not in text


def test_the_same_event_makes_the_same_bytes() -> None:
    assert orjson.dumps(statements(TOOL, EVENT)) == orjson.dumps(statements(TOOL, EVENT))


def test_another_revision_is_another_statement() -> None:
    first, second = statements(TOOL, EVENT), statements(TOOL, EVENT | {"revision": 2})
    assert not {s["id"] for s in first} & {s["id"] for s in second}


def test_a_withdrawal_refers_to_the_registration_and_repeats_no_step() -> None:
    (withdrawn,) = statements(TOOL, EVENT | {"kind": "withdrawn"})
    assert withdrawn["context"]["statement"]["id"] == statement_id(TOOL, EVENT, "registered")
    assert withdrawn["verb"]["id"].endswith("/deselected")
    assert "Modul" not in json.dumps(withdrawn)


def test_an_offer_without_an_address_gets_one_of_ours_so_that_stores_take_it() -> None:
    step = STEPS[0] | {"activity": "page-pw"}
    for statement in statements(TOOL, EVENT | {"steps": [step], "course": "7"}):
        read = parse(orjson.dumps(statement))
        (other,) = read.context["contextActivities"]["other"]
        assert other["id"] == f"{TOOL}/xapi/path/{EVENT['assignment']}/step/1"
        assert read.parents == ()
