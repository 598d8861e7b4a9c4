"""The real tables, the real statements of a Moodle, and the hand-made hard ones."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from xapi_bridge import mapping
from xapi_bridge.mapping import Table
from xapi_bridge.statement import Bad, Statement, parse, parse_page

ROOT = Path(__file__).resolve().parents[3]
DATA = ROOT / "tests" / "data" / "xapi"


@pytest.fixture(scope="session")
def tables() -> tuple[Table, ...]:
    return mapping.load(ROOT / "content" / "mapping")


@pytest.fixture(scope="session")
def moodle() -> list[Statement]:
    """36 statements as Moodle 4.5 with logstore_xapi 5.0.1 sent them: without ids."""
    documents = json.loads((DATA / "moodle-statements.json").read_text(encoding="utf-8"))
    return [parse(orjson.dumps(d), id_required=False) for d in documents]


@pytest.fixture(scope="session")
def hard() -> Callable[[str], list[Statement | Bad]]:
    """Return the entries of a hard file, by its number, as a page would bring them."""

    def read(number: str) -> list[Statement | Bad]:
        path = next(DATA.glob(f"hard/{number}-*.json"))
        body = path.read_bytes().strip()
        listed = body if body.startswith(b"[") else b"[" + body + b"]"
        return list(parse_page(b'{"statements":' + listed + b',"more":""}').entries)

    return read


@pytest.fixture
def make() -> Callable[..., Statement]:
    """Return a statement: a completion by account 4, with what the test changes."""

    def made(**change: Any) -> Statement:
        document = {
            "id": "00000000-0000-4000-8000-00000000aaaa",
            "actor": {"account": {"homePage": "https://lms.example", "name": "4"}},
            "verb": {"id": "http://adlnet.gov/expapi/verbs/completed"},
            "object": {"id": "https://lms.example/a"},
            "timestamp": "2026-11-02T08:15:30Z",
            **change,
        }
        kept = {k: v for k, v in document.items() if v is not ...}
        return parse(orjson.dumps(kept))

    return made
