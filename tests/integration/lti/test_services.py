"""Scores and learning plans over real HTTP, against a server that answers like Moodle and ILIAS."""

import base64
import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from lti_tool.lti.outbound import Outbound
from lti_tool.lti.plans import (
    Plan,
    PlanRefused,
    PlanService,
    PlanServiceSilent,
    delete_plan,
    write_plan,
)
from lti_tool.lti.services import (
    SCORE_SCOPE,
    Caller,
    LineItemGone,
    PlatformSilent,
    Score,
    ScoreRefused,
    ScoreStays,
    TokenRefused,
    post_score,
    withdraw_score,
)
from lti_tool.ports import Platform, TenantSettings, ToolKey
from lti_tool.seal import Seal
from lti_tool.store import platforms, tenants
from lti_tool.store.database import Database
from lti_tool.store.schema import metadata
from lti_tool.store.tokens import SqlTokenShelf

NOW = datetime(2026, 11, 23, 9, 0, 0, 123000, tzinfo=UTC)
_PRIVATE = rsa.generate_private_key(public_exponent=65537, key_size=2048)
_PEM = _PRIVATE.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
).decode()

Answers = Callable[[str, dict[str, str], bytes], tuple[int, dict[str, str], bytes]]


class Lms:
    """Answers with whatever `answer` says, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str], bytes]] = []
        self.answer: Answers = lambda _path, _headers, _body: (200, {}, b"")
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                asked = (self.path, {k.lower(): v for k, v in self.headers.items()}, body)
                outer.asked.append(asked)
                status, headers, answer = outer.answer(*asked)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def paths(self) -> list[str]:
        return [path for path, _, _ in self.asked]


@pytest.fixture
def lms() -> Iterator[Lms]:
    made = Lms()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    file = tmp_path / "t.db"
    file.touch()  # opening alone makes none
    made = Database(f"sqlite:///{file}")
    metadata.create_all(made.engine)
    yield made
    made.close()


def platform(database: Database, lms: Lms, client_id: str = "client-1") -> Platform:
    with database.begin() as conn:
        known = tenants.listed(conn)
        tenant = known[0] if known else tenants.add(conn, "m", "M", "HE", TenantSettings(), NOW)
        return platforms.add(
            conn,
            tenant_id=tenant.id,
            kind="moodle",
            issuer=lms.url,
            client_id=client_id,
            deployment_ids=["1"],
            auth_url=f"{lms.url}/auth",
            token_url=f"{lms.url}/token",
            jwks_url=f"{lms.url}/jwks",
            now=NOW,
        )


def caller(database: Database, of: Platform) -> Caller:
    shelf = SqlTokenShelf(database, Seal("x" * 32), of.id)
    return Caller(of, Outbound(allow_local_http=True), ToolKey("kid-t", _PEM), shelf)


def score(lms: Lms, *, given: float = 1, maximum: float = 4) -> Score:
    item = f"{lms.url}/mod/lti/services.php/6/lineitems/9/lineitem?type_id=1"
    return Score(item, "4", given, maximum, given >= maximum, NOW, "1 von 4 Schritten")


def token(value: str = "t-1", **more: object) -> tuple[int, dict[str, str], bytes]:
    document = {"access_token": value, "token_type": "Bearer", "expires_in": 3600, **more}
    return 200, {}, json.dumps(document).encode()


def moodle(status: int = 200, headers: dict[str, str] | None = None) -> Answers:
    return lambda path, _h, _b: token() if path == "/token" else (status, headers or {}, b"[]")


def test_a_score_goes_beside_the_line_items_query(lms: Lms, database: Database) -> None:
    lms.answer = moodle()
    post_score(caller(database, platform(database, lms)), score(lms), NOW)
    path, headers, body = lms.asked[-1]
    assert path == "/mod/lti/services.php/6/lineitems/9/lineitem/scores?type_id=1"
    assert headers["content-type"] == "application/vnd.ims.lis.v1.score+json"
    assert headers["authorization"] == "Bearer t-1"
    assert json.loads(body) == {
        "userId": "4",
        "scoreGiven": 1,
        "scoreMaximum": 4,
        "activityProgress": "InProgress",
        "gradingProgress": "FullyGraded",
        "timestamp": "2026-11-23T09:00:00.123+00:00",
        "comment": "1 von 4 Schritten",
    }


def test_the_assertion_is_ours_and_asks_for_the_least(lms: Lms, database: Database) -> None:
    lms.answer = moodle()
    of = platform(database, lms)
    post_score(caller(database, of), score(lms), NOW)
    form = parse_qs(lms.asked[0][2].decode())
    assert form["scope"] == [SCORE_SCOPE]
    assert form["grant_type"] == ["client_credentials"]
    header, claims, _ = form["client_assertion"][0].split(".")
    pad = lambda part: json.loads(base64.urlsafe_b64decode(part + "=="))  # noqa: E731
    assert pad(header)["kid"] == "kid-t"
    assert pad(claims) | {"jti": ""} == {
        "iss": "client-1",
        "sub": "client-1",
        "aud": of.token_url,
        "iat": int(NOW.timestamp()),
        "exp": int(NOW.timestamp()) + 300,
        "jti": "",
    }


def test_a_token_is_shared_until_a_minute_before_it_ends(lms: Lms, database: Database) -> None:
    lms.answer = moodle()
    of = platform(database, lms)
    for moment in (NOW, NOW + timedelta(minutes=58)):
        post_score(caller(database, of), score(lms), moment)
    assert lms.paths().count("/token") == 1
    post_score(caller(database, of), score(lms), NOW + timedelta(minutes=59, seconds=1))
    assert lms.paths().count("/token") == 2


def test_G14_two_clients_of_one_issuer_have_their_own_tokens(lms: Lms, database: Database) -> None:
    names = iter(("t-a", "t-b"))
    lms.answer = lambda path, _h, _b: token(next(names)) if path == "/token" else (200, {}, b"")
    for client in ("client-a", "client-b"):
        post_score(caller(database, platform(database, lms, client)), score(lms), NOW)
    used = [h["authorization"] for p, h, _ in lms.asked if "scores" in p]
    assert used == ["Bearer t-a", "Bearer t-b"]


def test_G09_a_bad_token_is_renewed_once(lms: Lms, database: Database) -> None:
    of = platform(database, lms)
    lms.answer = lambda path, _h, _b: token("old") if path == "/token" else (200, {}, b"")
    post_score(caller(database, of), score(lms), NOW)

    def revoked(path: str, headers: dict[str, str], _b: bytes) -> tuple[int, dict[str, str], bytes]:
        if path == "/token":
            return token("new")
        return (401 if headers["authorization"] == "Bearer old" else 200), {}, b""

    lms.answer = revoked
    post_score(caller(database, of), score(lms), NOW)
    assert lms.paths().count("/token") == 2


def test_a_platform_that_refuses_every_token_is_asked_twice_at_most(
    lms: Lms, database: Database
) -> None:
    lms.answer = moodle(401)
    of = platform(database, lms)
    for _ in range(2):
        with pytest.raises(ScoreRefused):
            post_score(caller(database, of), score(lms), NOW)
    assert len(lms.asked) == 2 + 3


@pytest.mark.parametrize(
    ("status", "error", "retry"),
    [
        (400, ScoreRefused, False),
        (403, ScoreRefused, False),
        (302, ScoreRefused, False),
        (404, LineItemGone, False),
        (429, PlatformSilent, True),
        (500, PlatformSilent, True),
        (503, PlatformSilent, True),
    ],
)
def test_a_refused_score_says_whether_later_can_help(
    lms: Lms, database: Database, status: int, error: type[Exception], retry: bool
) -> None:
    lms.answer = moodle(status, {"Retry-After": "17"})
    with pytest.raises(error) as caught:
        post_score(caller(database, platform(database, lms)), score(lms), NOW)
    assert caught.value.retry is retry  # type: ignore[attr-defined]
    assert caught.value.wait_s == (17.0 if retry else None)  # type: ignore[attr-defined]


@pytest.mark.parametrize("status", [200, 201, 204, 409])
def test_G03_a_score_that_is_there_already_is_delivered(
    lms: Lms, database: Database, status: int
) -> None:
    lms.answer = moodle(status)
    post_score(caller(database, platform(database, lms)), score(lms), NOW)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((400, {}, b'{"error":"invalid_client"}'), TokenRefused),
        ((401, {}, b""), TokenRefused),
        ((500, {}, b'{"error":"ERROR_OPEN_SSL_CONF"}'), PlatformSilent),
        ((200, {}, b"<html>"), PlatformSilent),
        ((200, {}, b"[]"), PlatformSilent),
        ((200, {}, b'{"access_token": 5}'), PlatformSilent),
        ((200, {}, b'{"access_token": "a\\nb"}'), PlatformSilent),
    ],
)
def test_a_token_that_does_not_come_is_named(
    lms: Lms, database: Database, answer: tuple[int, dict[str, str], bytes], error: type[Exception]
) -> None:
    lms.answer = lambda _p, _h, _b: answer
    with pytest.raises(error):
        post_score(caller(database, platform(database, lms)), score(lms), NOW)
    assert lms.paths() == ["/token"]


def test_G06_a_score_above_the_maximum_is_clamped(lms: Lms, database: Database) -> None:
    lms.answer = moodle()
    post_score(caller(database, platform(database, lms)), score(lms, given=9, maximum=4), NOW)
    assert json.loads(lms.asked[-1][2])["scoreGiven"] == 4


def take_back(lms: Lms, database: Database, written: datetime = NOW) -> None:
    item = f"{lms.url}/mod/lti/services.php/6/lineitems/9/lineitem?type_id=1"
    withdraw_score(caller(database, platform(database, lms)), item, "4", written, NOW)


def test_a_score_is_taken_back_by_one_without_points_in_a_later_second(
    lms: Lms, database: Database
) -> None:
    lms.answer = moodle()
    take_back(lms, database)
    path, headers, body = lms.asked[-1]
    assert path == "/mod/lti/services.php/6/lineitems/9/lineitem/scores?type_id=1"
    assert headers["content-type"] == "application/vnd.ims.lis.v1.score+json"
    assert json.loads(body) == {
        "userId": "4",
        "activityProgress": "Initialized",
        "gradingProgress": "NotReady",
        "timestamp": "2026-11-23T09:00:01.123+00:00",
    }


def test_a_withdrawal_sent_hours_later_says_when_it_is_sent(lms: Lms, database: Database) -> None:
    lms.answer = moodle()
    take_back(lms, database, NOW - timedelta(hours=5))
    assert json.loads(lms.asked[-1][2])["timestamp"] == "2026-11-23T09:00:00.123+00:00"


def test_a_line_item_that_is_gone_has_taken_the_score_with_it(lms: Lms, database: Database) -> None:
    lms.answer = moodle(404)
    take_back(lms, database)


@pytest.mark.parametrize(
    ("status", "error", "retry"),
    [(409, ScoreStays, True), (400, ScoreRefused, False), (503, PlatformSilent, True)],
)
def test_a_score_that_stays_is_no_success(
    lms: Lms, database: Database, status: int, error: type[Exception], retry: bool
) -> None:
    lms.answer = moodle(status)
    with pytest.raises(error) as caught:
        take_back(lms, database)
    assert caught.value.retry is retry  # type: ignore[attr-defined]


def test_a_dead_platform_is_worth_another_try(lms: Lms, database: Database) -> None:
    of = platform(database, lms)
    lms.server.shutdown()
    lms.server.server_close()
    with pytest.raises(PlatformSilent) as caught:
        post_score(caller(database, of), score(lms), NOW)
    assert caught.value.retry


class PlanDouble:
    """Moodle's plan functions, by the behaviour in reference/moodle.md 6."""

    def __init__(self) -> None:
        self.plans: dict[int, dict[str, str]] = {}
        self.calls: list[str] = []

    def __call__(self, _p: str, _h: object, body: bytes) -> tuple[int, dict[str, str], bytes]:
        form = {k: v[0] for k, v in parse_qs(body.decode(), True).items()}
        self.calls.append(form["wsfunction"])
        fields = {k[5:-1]: v for k, v in form.items() if k.startswith("plan[")}
        if form["wstoken"] != "secret":
            wrong = {"exception": "x", "errorcode": "invalidtoken", "message": "secret body"}
            return 200, {}, json.dumps(wrong).encode()
        if form["wsfunction"] == "core_competency_list_user_plans":
            mine = [{"id": i, **p} for i, p in self.plans.items() if p["userid"] == form["userid"]]
            return 200, {}, json.dumps(mine).encode()
        if form["wsfunction"] == "core_competency_delete_plan":
            del self.plans[int(form["id"])]
            return 200, {}, b"true"
        number = int(fields.pop("id", len(self.plans) + 1))
        self.plans[number] = self.plans.get(number, {}) | fields
        answer = {"id": number} if form["wsfunction"] == "core_competency_create_plan" else True
        return 200, {}, json.dumps(answer).encode()


def plan(**changes: object) -> Plan:
    values = {"user_id": "4", "name": "Mein Lernpfad", "description_html": "<ol></ol>"} | changes
    return Plan(**values)  # type: ignore[arg-type]


def test_a_plan_is_created_once_and_then_updated(lms: Lms) -> None:
    lms.answer = double = PlanDouble()
    service = PlanService(f"{lms.url}/rest", "secret", Outbound(allow_local_http=True))
    first = write_plan(service, plan(due=NOW + timedelta(days=30)), NOW)
    again = write_plan(service, plan(description_html="<ol><li>Größe</li></ol>"), NOW)
    assert first == again == 1
    assert double.plans[1]["description"] == "<ol><li>Größe</li></ol>"
    assert double.plans[1]["status"] == "1"
    assert write_plan(service, plan(user_id="5"), NOW) == 2
    assert "secret" not in "".join(lms.paths())


def test_a_date_that_has_passed_is_left_out(lms: Lms) -> None:
    lms.answer = double = PlanDouble()
    service = PlanService(f"{lms.url}/rest", "secret", Outbound(allow_local_http=True))
    write_plan(service, plan(due=NOW - timedelta(days=1)), NOW)
    assert double.plans[1]["duedate"] == "0"


def test_errors_of_the_plan_service_are_named_and_say_nothing_of_the_body(lms: Lms) -> None:
    lms.answer = PlanDouble()
    service = PlanService(f"{lms.url}/rest", "wrong", Outbound(allow_local_http=True))
    with pytest.raises(PlanRefused, match="invalidtoken") as caught:
        write_plan(service, plan(), NOW)
    assert "secret body" not in str(caught.value)
    assert not caught.value.retry
    with pytest.raises(PlanRefused, match="invaliduser"):
        write_plan(service, plan(user_id="jmueller"), NOW)


@pytest.mark.parametrize(
    "answer", [(500, b""), (200, b"<html>"), (200, b"{}"), (200, b'[{"name": "Mein Lernpfad"}]')]
)
def test_an_answer_that_is_none_is_worth_another_try(lms: Lms, answer: tuple[int, bytes]) -> None:
    lms.answer = lambda _p, _h, _b: (answer[0], {}, answer[1])
    service = PlanService(f"{lms.url}/rest", "secret", Outbound(allow_local_http=True))
    with pytest.raises(PlanServiceSilent) as caught:
        write_plan(service, plan(), NOW)
    assert caught.value.retry


def test_plans_of_our_name_are_deleted_doubles_too_and_nothing_else(lms: Lms) -> None:
    lms.answer = double = PlanDouble()
    service = PlanService(f"{lms.url}/rest", "secret", Outbound(allow_local_http=True))
    double.plans = {
        1: {"userid": "4", "name": "Mein Lernpfad"},
        2: {"userid": "4", "name": "Jahresgespräch"},
        3: {"userid": "4", "name": "Mein Lernpfad"},
        4: {"userid": "5", "name": "Mein Lernpfad"},
    }
    assert delete_plan(service, "4", "Mein Lernpfad") == 2
    assert set(double.plans) == {2, 4}
    assert delete_plan(service, "4", "Mein Lernpfad") == 0
    assert delete_plan(service, "jmueller", "Mein Lernpfad") == 0


@pytest.mark.parametrize("errorcode", ["invalidrecord", "invaliduser"])
def test_a_plan_or_a_person_that_is_gone_is_what_was_wanted(lms: Lms, errorcode: str) -> None:
    gone = json.dumps({"exception": "x", "errorcode": errorcode, "message": "m"}).encode()
    lms.answer = lambda _p, _h, _b: (200, {}, gone)
    service = PlanService(f"{lms.url}/rest", "secret", Outbound(allow_local_http=True))
    assert delete_plan(service, "4", "Mein Lernpfad") == 0


@pytest.mark.parametrize(
    ("errorcode", "named"),
    [
        ("nopermissions", "moodle/competency:planmanage"),
        ("accessexception", "core_competency_list_user_plans"),
    ],
)
def test_a_right_that_is_missing_is_named(lms: Lms, errorcode: str, named: str) -> None:
    no = json.dumps({"exception": "x", "errorcode": errorcode, "message": "m"}).encode()
    lms.answer = lambda _p, _h, _b: (200, {}, no)
    service = PlanService(f"{lms.url}/rest", "secret", Outbound(allow_local_http=True))
    with pytest.raises(PlanRefused, match=named) as caught:
        delete_plan(service, "4", "Mein Lernpfad")
    assert not caught.value.retry


def test_who_was_overtaken_while_looking_deletes_nothing(lms: Lms) -> None:
    lms.answer = double = PlanDouble()
    double.plans = {1: {"userid": "4", "name": "Mein Lernpfad"}}
    service = PlanService(f"{lms.url}/rest", "secret", Outbound(allow_local_http=True))

    def overtaken() -> None:
        raise PlanServiceSilent("Another worker has taken over.")

    with pytest.raises(PlanServiceSilent):
        delete_plan(service, "4", "Mein Lernpfad", overtaken)
    assert double.plans
