"""4.11 NRPS: how many learners a course has; nobody's name, nothing kept but a number."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from lti_tool import courses, jobs
from lti_tool.flows import profiles, roles
from lti_tool.lti.members import MembersRefused, count_learners
from lti_tool.lti.paging import next_page
from lti_tool.ports import DeliveryFailed
from lti_tool.store import gradebook as sizes
from lti_tool.store import tenants
from lti_tool.store.database import Database
from lti_tool.web import notices
from tests.integration.trust.town import come
from tests.pages.scene import Visitor

from .gradebook import GradeBook
from .test_ags import Town

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
MEMBERSHIP = "http://purl.imsglobal.org/vocab/lis/v2/membership#"


def member(number: int, role: str = "Learner", **more: object) -> dict[str, object]:
    return {"user_id": str(number), "roles": [role], "status": "Active", **more}


@pytest.fixture
def book() -> Iterator[GradeBook]:
    made = GradeBook()
    made.members = [member(n) for n in range(20)] + [member(99, "Instructor")]
    yield made
    made.close()


@pytest.fixture
def town(database: Database, database_url: str, book: GradeBook) -> Iterator[Town]:
    made = Town(database_url, book)
    yield made
    made.stage.close()


def count(town: Town, book: GradeBook, **more: str) -> int:
    caller = courses.caller(town.stage.house, town.platform.id, NOW)
    return count_learners(caller, book.memberships, NOW, **more)


def test_R01_media_type_and_the_one_scope(town: Town, book: GradeBook) -> None:
    assert count(town, book) == 20
    accept = book.asked[-1][2]["accept"]
    assert accept == "application/vnd.ims.lti-nrps.v2.membershipcontainer+json"
    (scope,) = book.tokens.values()
    assert scope.endswith("/lti-nrps/scope/contextmembership.readonly")


def test_R02_pages_are_followed_with_their_case(town: Town, book: GradeBook) -> None:
    book.page = 6
    assert count(town, book) == 20
    assert any("From=6" in path for _, path, *_ in book.asked)


def test_R02_a_page_that_leads_to_itself_ends(town: Town, book: GradeBook) -> None:
    book.page, book.loop = 6, True
    assert count(town, book) == 6
    assert len(book.asked) < 6


def test_R02_the_token_follows_to_no_other_host(town: Town, book: GradeBook) -> None:
    other = GradeBook()
    book.page, book.next_host = 6, other.url
    assert count(town, book) == 6
    assert other.asked == []
    other.close()


def test_R04_who_is_gone_does_not_count(town: Town, book: GradeBook) -> None:
    book.members = [member(1), member(2, status="Inactive"), member(3, status="Deleted")]
    assert count(town, book) == 1


@pytest.mark.parametrize("role", ["Learner", MEMBERSHIP + "Learner"])
def test_roles_are_known_by_word_and_by_address(town: Town, book: GradeBook, role: str) -> None:
    book.members = [member(1, role), member(2, MEMBERSHIP + "Instructor"), member(1, role)]
    assert count(town, book) == 1


def test_R05_a_bad_token_is_renewed_once(town: Town, book: GradeBook) -> None:
    count(town, book)
    book.tokens.clear()
    book.tokens["unused"] = ""
    assert count(town, book) == 20


def test_R06_a_platform_that_does_not_want_to_is_not_asked_again(
    town: Town, book: GradeBook
) -> None:
    book.status["GET Members"] = 403
    with pytest.raises(MembersRefused) as caught:
        count(town, book)
    assert not caught.value.retry
    assert caught.value.remedy
    courses.ask_size(town.stage.house, town.platform.id, "6", book.memberships, NOW)
    with town.stage.house.database.read() as conn:
        size = sizes.size_of(conn, town.platform.id, "6")
    assert size == sizes.Size(None, NOW)


def test_R07_members_without_name_or_mail_or_sense_are_fine(town: Town, book: GradeBook) -> None:
    odd = [{}, {"user_id": 5, "roles": ["Learner"]}, {"user_id": "6", "roles": "Learner"}, 7]
    book.members = [member(1), *odd]  # type: ignore[list-item]
    assert count(town, book) == 1


def test_R08_rlid_is_joined_to_a_query(town: Town, book: GradeBook) -> None:
    count(town, book, link_id="l&1")
    assert book.asked[-1][1] == "/Course/6/Members?type=1&rlid=l%261"


@pytest.mark.parametrize(
    ("header", "page"),
    [
        ('<https://a.de/X?b=C>; rel="next"', "https://a.de/X?b=C"),
        ("<https://a.de/x>; rel=next", "https://a.de/x"),
        ('<https://a.de/1>; rel="first", <https://a.de/2>; rel="next"', "https://a.de/2"),
        ('<https://a.de/2>; title="x"; rel="prev next"', "https://a.de/2"),
        ("<https://a.de/2>; rel=“next”", ""),  # Moodle's line items
        ('<javascript:x>; rel="next"', ""),
        ("", ""),
    ],
)
def test_what_a_link_header_says(header: str, page: str) -> None:
    assert next_page(header) == page


def instructor(town: Town, book: GradeBook) -> Visitor:
    who = come(
        town.stage,
        "50",
        platform_id=town.platform.id,
        instructor=True,
        context_id="6",
        services={"members": book.memberships},
    )
    with town.stage.s.store.read() as now:
        tenant = now.tenants.get(town.stage.tenant.id)
    version = notices.version(tenant, town.stage.settings)
    profiles.read_notice(town.stage.s, town.stage.learner(who), version, town.stage.now)
    roles.choose(town.stage.s, town.stage.learner(who), ("GB",), town.stage.now)
    profiles.remember_practice(town.stage.s, town.stage.learner(who), town.stage.now)
    return who


def switch(town: Town, *, on: bool, least: int = 8) -> None:
    settings = replace(town.stage.tenant.settings, nrps=on, min_group_size=least)
    with town.stage.house.database.begin() as conn:
        tenants.change(conn, town.stage.tenant.id, settings)


def start(town: Town, who: Visitor) -> str:
    return town.stage.client(who).get(who.home).text


def work(town: Town) -> None:
    jobs.Worker(town.stage.house).run_until_idle()


def test_off_by_default_nobody_is_asked(town: Town, book: GradeBook) -> None:
    who = instructor(town, book)
    start(town, who)
    work(town)
    assert book.asked == []


def test_the_instructor_reads_a_number_and_the_start_waits_for_nothing(
    town: Town, book: GradeBook
) -> None:
    switch(town, on=True)
    who = instructor(town, book)
    assert 'data-test="course-size"' not in start(town, who)
    work(town)
    assert "In diesem Kurs sind 20 Lernende." in start(town, who)
    asked = len(book.asked)
    start(town, who)
    work(town)
    assert len(book.asked) == asked


def test_a_small_group_stays_a_small_group(town: Town, book: GradeBook) -> None:
    switch(town, on=True, least=30)
    who = instructor(town, book)
    start(town, who)
    work(town)
    assert "weniger als 30 Lernende" in start(town, who)


def test_learners_are_told_nothing_of_it(town: Town, book: GradeBook) -> None:
    switch(town, on=True)
    who = come(
        town.stage,
        "51",
        platform_id=town.platform.id,
        context_id="6",
        services={"members": book.memberships},
    )
    start(town, who)
    work(town)
    assert book.asked == []


def test_a_platform_that_is_down_breaks_no_page(town: Town, book: GradeBook) -> None:
    switch(town, on=True)
    book.status["GET Members"] = 500
    who = instructor(town, book)
    start(town, who)
    work(town)
    assert town.stage.client(who).get(who.home).status_code == 200
    with pytest.raises(DeliveryFailed):
        count(town, book)


def test_nobody_who_never_launched_is_stored(town: Town, book: GradeBook) -> None:
    switch(town, on=True)
    book.members = [member(n, name="Frau Kanarienvogel", email="k@x.de") for n in range(20)]
    who = instructor(town, book)
    start(town, who)
    work(town)
    with town.stage.house.database.read() as conn:
        rows = str(conn.exec_driver_sql("SELECT * FROM course_size").all())
        people = conn.exec_driver_sql("SELECT count(*) FROM learner").scalar()
    assert "Kanarienvogel" not in rows
    assert people == 1


def test_an_old_number_is_asked_for_again(town: Town, book: GradeBook) -> None:
    switch(town, on=True)
    who = instructor(town, book)
    with town.stage.house.database.begin() as conn:
        old = datetime.now(UTC) - timedelta(hours=2)
        sizes.keep_size(conn, town.platform.id, "6", 11, old)
    assert "11 Lernende" in start(town, who)
    work(town)
    assert "20 Lernende" in start(town, who)
