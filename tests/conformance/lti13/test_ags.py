"""4.12 AGS: the column is found before it is made, once; scores go where they belong."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lti_tool import senders
from lti_tool.flows import grades
from lti_tool.lti import scopes
from lti_tool.lti.lineitems import LineItemRefused, Place, find_or_make
from lti_tool.lti.services import LineItemGone, PlatformSilent
from lti_tool.ports import Delivery, DeliveryFailed, LaunchPlace
from lti_tool.store import gradebook as columns
from lti_tool.store import platforms
from lti_tool.store.database import Database
from tests.conftest import settings_for
from tests.integration.trust.town import come
from tests.pages.scene import Stage

from .gradebook import SCOPE, GradeBook

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture
def book() -> Iterator[GradeBook]:
    made = GradeBook()
    yield made
    made.close()


class Town:
    """A municipality whose LMS is the grade book."""

    def __init__(self, url: str, book: GradeBook, kind: str = "moodle") -> None:
        self.stage = Stage(settings_for(url, ROADMAP__SECURITY__ALLOW_LOCAL_HTTP="true"))
        self.book = book
        with self.stage.house.database.begin() as conn:
            self.platform = platforms.add(
                conn,
                tenant_id=self.stage.tenant.id,
                kind=kind,
                issuer=book.url,
                client_id="client-7",
                deployment_ids=["1"],
                auth_url=f"{book.url}/auth",
                token_url=f"{book.url}/token",
                jwks_url=f"{book.url}/jwks",
                now=self.stage.now,
            )

    def delivery(self, **changes: Any) -> Delivery:
        body = {
            "lineitems": self.book.lineitems,
            "lineitem": f"{self.book.lineitems}#l1",
            "context": "6",
            "link": "l1",
            "subject": "4",
            "score": 0.5,
            "done": 1,
            "of": 2,
            "timestamp": NOW.isoformat(),
            **changes,
        }
        return Delivery("d", self.stage.tenant.id, "", "score", self.platform.id, "d", body)

    def send(self, **changes: Any) -> None:
        senders.of(self.stage.house)["score"](self.delivery(**changes))

    def caller(self):
        return senders._caller(self.stage.house, self.delivery(), NOW)


@pytest.fixture
def town(database: Database, database_url: str, book: GradeBook) -> Iterator[Town]:
    made = Town(database_url, book)
    yield made
    made.stage.close()


def test_G01_the_score_goes_before_the_query(town: Town, book: GradeBook) -> None:
    town.send()
    assert book.scores[0][0] == "/course/6/lineitems/1/lineitem/scores"
    assert book.asked[-1][1].endswith("/lineitem/scores?type_id=1")


def test_G02_what_is_there_is_adopted_by_resource_and_tag(town: Town, book: GradeBook) -> None:
    address = f"{book.url}/course/6/lineitems/9/lineitem"
    book.items = [
        {"id": f"{book.url}/course/6/lineitems/8/lineitem", "resourceId": "l1", "tag": "other"},
        {"id": address, "resourceId": "l1", "tag": "roadmap"},
    ]
    town.send()
    assert book.made() == 0
    assert book.scores[0][0] == "/course/6/lineitems/9/lineitem/scores"


def test_G02_the_links_own_column_is_adopted(town: Town, book: GradeBook) -> None:
    book.items = [
        {"id": f"{book.url}/course/6/lineitems/3/lineitem", "resourceLinkId": "l1", "tag": ""}
    ]
    town.send()
    assert book.made() == 0


def test_G02_a_new_column_is_called_after_what_it_is_about(town: Town, book: GradeBook) -> None:
    told = {"label": "Kurzer Rückblick: A4", "most": 1, "comment": "Kurzer Rückblick: sitzt"}
    senders.of(town.stage.house)["result"](town.delivery(done=1, of=1, **told))
    (made,) = [item for item in book.items if item.get("tag") == "roadmap"]
    assert (made["label"], made["scoreMaximum"]) == ("Kurzer Rückblick: A4", 1)
    (_where, score) = book.scores[0]
    assert (score["scoreGiven"], score["scoreMaximum"]) == (1, 1)
    assert score["comment"] == "Kurzer Rückblick: sitzt"


def test_an_exam_that_does_not_sit_yet_is_a_grade_of_0_and_fully_graded(
    town: Town, book: GradeBook
) -> None:
    senders.of(town.stage.house)["result"](town.delivery(done=0, of=1))
    (_where, score) = book.scores[0]
    assert (score["scoreGiven"], score["gradingProgress"]) == (0, "FullyGraded")


def test_G02_a_platform_that_ignores_filters_gets_no_second_column(
    town: Town, book: GradeBook
) -> None:
    book.filters = False
    book.items = [
        {"id": f"{book.url}/course/6/lineitems/3/lineitem", "resourceId": "quiz", "tag": "roadmap"}
    ]
    town.send()
    assert book.made() == 1
    assert book.scores[0][0] == "/course/6/lineitems/2/lineitem/scores"


def test_G02_workers_at_the_same_moment_make_one_column(town: Town, book: GradeBook) -> None:
    book.slow_s = 0.3

    def try_it(_n: int) -> str:
        try:
            town.send()
        except DeliveryFailed as failure:
            return "later" if failure.retry else "never"
        return "sent"

    with ThreadPoolExecutor(5) as pool:
        said = list(pool.map(try_it, range(5)))
    assert book.made() == 1
    assert set(said) <= {"sent", "later"}
    assert "sent" in said
    town.send()
    assert (book.made(), len(book.items)) == (1, 1)


def test_G02_a_column_is_remembered(town: Town, book: GradeBook) -> None:
    town.send()
    before = len(book.asked)
    town.send(timestamp=(NOW + timedelta(seconds=1)).isoformat())
    assert [path for _, path, *_ in book.asked[before:]] == [
        "/course/6/lineitems/1/lineitem/scores?type_id=1"
    ]


def test_a_claim_that_was_left_behind_ends(town: Town, book: GradeBook) -> None:
    held = columns.Columns(town.stage.house.database, town.platform.id)
    now = datetime.now(UTC)
    assert held.claim("6", "l1", now - columns.CLAIM - timedelta(seconds=1))
    town.send()
    assert book.made() == 1


def test_media_types_are_exact(town: Town, book: GradeBook) -> None:
    town.send()
    for method, path, headers, _ in book.asked:
        if "lineitems?" in path and method == "GET":
            assert headers["accept"] == "application/vnd.ims.lis.v2.lineitemcontainer+json"
        if "lineitems?" in path and method == "POST":
            assert headers["content-type"] == "application/vnd.ims.lis.v2.lineitem+json"
        if "/scores" in path:
            assert headers["content-type"] == "application/vnd.ims.lis.v1.score+json"


def test_G14_each_task_has_a_token_of_its_own_with_the_least_scopes(
    town: Town, book: GradeBook
) -> None:
    town.send()
    assert sorted(book.tokens.values()) == [f"{SCOPE}lineitem", f"{SCOPE}score"]


def test_G09_a_bad_token_is_renewed_once(town: Town, book: GradeBook) -> None:
    town.send()
    given = dict(book.tokens)
    book.tokens.clear()
    book.tokens["unused"] = ""
    town.send(timestamp=(NOW + timedelta(seconds=1)).isoformat())
    assert len(book.scores) == 2
    assert given


@pytest.mark.parametrize(("status", "retry"), [(500, True), (503, True), (429, True), (403, False)])
def test_G12_a_list_that_fails_is_tried_again_or_said(
    town: Town, book: GradeBook, status: int, retry: bool
) -> None:
    book.status["GET lineitems"] = status
    with pytest.raises(DeliveryFailed) as caught:
        town.send()
    assert caught.value.retry is retry
    assert str(status) in str(caught.value)
    assert book.made() == 0


def test_a_link_that_the_platform_does_not_count_as_ours_gets_a_column_without_it(
    town: Town, book: GradeBook
) -> None:
    book.status["POST lineitems"] = 403
    with pytest.raises(LineItemRefused):
        find_or_make(town.caller(), Place(book.lineitems, "l1"), NOW)
    sent = [
        body for method, path, _, body in book.asked if method == "POST" and "lineitems" in path
    ]
    assert b"resourceLinkId" in sent[0]
    assert b"resourceLinkId" not in sent[1]


def test_G13_a_deleted_column_is_found_anew_and_not_for_ever(town: Town, book: GradeBook) -> None:
    town.send()
    for _ in range(5):
        book.items.clear()
        with pytest.raises(DeliveryFailed) as caught:
            town.send()
        if not caught.value.retry:
            break
        try:
            town.send()
        except LineItemGone:
            break
    assert book.made() == columns.MOST_MADE


def test_G13_the_launchs_own_column_that_was_deleted_is_reported(
    town: Town, book: GradeBook
) -> None:
    body = {"lineitem": f"{book.url}/course/6/lineitems/5/lineitem"}
    delivery = town.delivery(**body)
    plain = {k: v for k, v in delivery.body.items() if k not in ("lineitems", "context", "link")}
    with pytest.raises(LineItemGone) as caught:
        senders.of(town.stage.house)["score"](
            Delivery("d", delivery.tenant_id, "", "score", delivery.target_id, "d", plain)
        )
    assert not caught.value.retry


def test_a_withdrawal_without_any_column_asks_nobody(town: Town, book: GradeBook) -> None:
    senders.of(town.stage.house)["score-withdrawn"](town.delivery())
    assert book.asked == []


def test_an_answer_that_is_none_is_tried_later(town: Town, book: GradeBook) -> None:
    book.items = {"not": "a list"}  # type: ignore[assignment]
    book.filters = False
    with pytest.raises(PlatformSilent):
        town.send()


# --- what a launch lets us do


def place(town: Town, services: dict[str, object], *, instructor: bool = False) -> LaunchPlace:
    who = come(
        town.stage, "4", platform_id=town.platform.id, services=services, instructor=instructor
    )
    with town.stage.s.store.read() as work:
        return work.learners.places(who.learner_id)[0]


def test_G10_the_links_own_line_item_comes_first(town: Town, book: GradeBook) -> None:
    both = {"lineitem": "https://lms.example/li", "lineitems": book.lineitems}
    assert grades._column(place(town, both)) == {"lineitem": "https://lms.example/li"}


def test_G11_without_the_claim_there_is_no_column(town: Town) -> None:
    assert grades._column(place(town, {})) == {}


def test_G05_a_place_where_somebody_teaches_gets_no_score(town: Town, book: GradeBook) -> None:
    assert place(town, {"lineitem": "https://lms.example/li"}, instructor=True).instructor


def test_the_scopes_used_are_the_standards() -> None:
    assert f"{SCOPE}lineitem" == scopes.LINE_ITEM
    assert f"{SCOPE}score" == scopes.SCORE
