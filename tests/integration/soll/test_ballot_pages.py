"""/soll and the desk behind it: what people see, and what an attacker would try."""

import io
import re
import zipfile
from collections.abc import Iterator

import docx
import pytest
from docx.oxml.ns import qn
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from competency.soll import Granularity
from competency.workshop import Group
from lti_tool import sheets
from lti_tool.flows import workshop
from lti_tool.ports import Agreed, Workshop
from lti_tool.web.formats import ZONE
from tests.conftest import settings_for
from tests.integration.trust.test_routes import error_code
from tests.integration.trust.town import neighbour
from tests.pages import forum
from tests.pages.desk import Official, official
from tests.pages.scene import Stage

LEAD, STAFF = Group.LEAD, Group.STAFF


@pytest.fixture
def stage(tmp_path) -> Iterator[Stage]:
    url = f"sqlite:///{tmp_path / 'ballot.db'}"
    made = Stage(settings_for(url, ROADMAP__SECURITY__REFUSALS_PER_MINUTE="5"))
    yield made
    made.close()


class Device:
    """A browser without a name."""

    def __init__(self, stage: Stage, secret: str = "", address: str = "192.0.2.1") -> None:
        self.stage, self.address = stage, address
        self.client: FlaskClient = stage.app.test_client()
        if secret:
            self.client.set_cookie("seat", secret, path="/soll")

    @property
    def secret(self) -> str:
        cookie = self.client.get_cookie("seat", path="/soll")
        return cookie.value if cookie else ""

    @property
    def csrf(self) -> str:
        return self.stage.house.seal.digest("csrf", "seat", self.secret)

    def get(self, path: str = "") -> TestResponse:
        return self.client.get(f"/soll{path}")

    def post(self, path: str, headers: dict[str, str] | None = None, **form: str) -> TestResponse:
        here = {"REMOTE_ADDR": self.address}
        url = f"/soll{path}"
        return self.client.post(url, data=form, headers=headers or {}, environ_base=here)

    def join(self, code: str, group: str = "staff") -> TestResponse:
        return self.post("/platz", code=code, group=group)

    def vote(self, topic: str, step: str, number: str = "1", **more: str) -> TestResponse:
        form = {"csrf": self.csrf, "topic": topic, "step": step, "round": number}
        return self.post("/stimmen", **(form | more))


def desk(stage: Stage, who: Official, made: Workshop, path: str = "") -> TestResponse:
    return stage.client(who).get(f"/admin/workshops/{made.id}{path}")


def act(stage: Stage, who: Official, made: Workshop, path: str = "", **form: object):
    data = {"csrf": stage.csrf(who), **form}
    return stage.client(who).post(f"/admin/workshops/{made.id}{path}", data=data)


def main_of(answer: TestResponse) -> str:
    return answer.text.partition("<main")[2].partition("</main")[0]


# --- taking part ----------------------------------------------------------------------------------


def test_from_the_code_to_the_last_vote_and_back_to_change_one(stage: Stage):
    made, device = forum.opened(stage), Device(stage)
    typed = f"{made.code[:4].lower()} {made.code[4:].lower()}"
    asked = device.post("", code=typed)
    assert "Gärtner*in / Bauhof" in asked.text
    assert "Zu welcher Gruppe gehören Sie?" in asked.text
    assert device.join(typed).location == "/soll/stimmen"
    first = device.get("/stimmen")
    assert "Thema 1 von 6" in first.text
    assert "Zum Beispiel:" in first.text
    for code in ("1", "2", "3", "4", "5", "K"):
        assert device.vote(code, "3").status_code == 303
    done = device.get("/stimmen").text
    assert "Danke. Alle Ihre Stimmen sind gespeichert." in done
    assert done.count("2 Selbstständig") == 6
    device.vote("1", "none")
    assert "keine Meinung" in device.get("/stimmen").text
    assert 'value="none" checked' in device.get("/stimmen/1").text


def test_the_same_device_is_the_same_seat_however_often_it_comes(stage: Stage):
    made, device = forum.opened(stage), Device(stage)
    for group in ("staff", "lead", "staff"):
        device.join(made.code, group)
    device.vote("1", "3")
    device.vote("1", "7")
    here = workshop.desk(stage.s, stage.tenant.id, made.id, stage.now)
    assert dict(here.seats) == {LEAD: 0, STAFF: 1}
    assert device.get().location == "/soll/stimmen"  # coming again goes on
    forum.vote_all(stage, [device.secret], [3])
    forum.close(stage, made)
    assert "Weniger als drei Stimmen" in device.get("/stimmen").text


def test_a_device_that_is_passed_on_is_another_seat_and_the_first_votes_stay(stage: Stage):
    made, device = forum.opened(stage), Device(stage)
    device.join(made.code)
    device.vote("1", "3")
    first = device.secret
    device.post("/ende", csrf=device.csrf)
    assert device.secret == ""
    device.join(made.code)
    assert device.secret not in ("", first)
    here = workshop.desk(stage.s, stage.tenant.id, made.id, stage.now)
    assert here.seats[STAFF] == 2


def test_a_missing_choice_says_so_and_loses_nothing(stage: Stage):
    made, device = forum.opened(stage), Device(stage)
    assert (
        "Wählen Sie, zu welcher Gruppe Sie gehören." in device.post("/platz", code=made.code).text
    )
    device.join(made.code)
    device.vote("1", "3")
    missing = device.vote("2", "")
    assert missing.status_code == 200
    assert "Wählen Sie eine Antwort, oder „Keine Meinung“." in missing.text
    assert 'data-topic="2"' in missing.text


def test_before_the_round_is_closed_nobody_sees_anything_of_another_vote(stage: Stage):
    made = forum.opened(stage)
    secrets = forum.six(stage, made)
    forum.vote_all(stage, secrets[:5], [7, 7, 7, 7, 7])
    last, who = Device(stage, secrets[5]), official(stage, "hr")
    for page in (last.get("/stimmen"), last.get("/stimmen?ansicht=alle")):
        assert "Leitet an" not in main_of(page).replace("4 Leitet an", "")
        assert "checked" not in main_of(page)
    for path in ("", "/wand", "/wand/1", "/thema/1", "/protokoll"):
        shown = main_of(desk(stage, who, made, path))
        assert "data-agreement" not in shown, path
        assert "Mitte" not in shown, path
    assert "5 Personen haben alles beantwortet." in desk(stage, who, made, "/wand").text


def test_the_wall_names_no_voter_and_holds_no_form(stage: Stage):
    made, secrets = forum.voted(stage)
    who = official(stage, "hr")
    for path in ("/wand", "/wand/1"):
        answer = desk(stage, who, made, path)
        assert "<form" not in main_of(answer)
        assert not [s for s in secrets if s in answer.text]


def test_the_reason_stands_beside_the_votes_and_the_value_only_on_request(stage: Stage):
    made, _ = forum.voted(stage, granularity=Granularity.COMPETENCE)
    who = official(stage, "hr")
    first = desk(stage, who, made, "/wand/1.1").text
    role = next(r for r in stage.s.content.roles if r.key == "GB")
    assert role.reasons["1.1"] in first
    assert "Vorschlag von roadMAP" not in first
    shown = desk(stage, who, made, "/wand/1.1?vorschlag=1").text
    assert "Vorschlag von roadMAP: 1 Mit Hilfe" in shown


# --- attacks --------------------------------------------------------------------------------------


def test_who_guesses_codes_has_to_wait_and_a_good_code_still_opens(stage: Stage):
    made, device = forum.opened(stage), Device(stage, address="192.0.2.9")
    answers = [device.post("", code=f"2222222{n}").status_code for n in range(8)]
    assert answers == [404] * 5 + [429] * 3
    assert device.join("22222222").status_code == 429
    assert device.post("", code=made.code).status_code == 200
    assert device.join(made.code).status_code == 303


@pytest.mark.parametrize("code", ["", "x", "%00", "' OR 1=1 --", "A" * 5000, "０１２３４５６７"])
def test_a_code_that_is_none_opens_nothing(stage: Stage, code: str):
    forum.opened(stage)
    answer = Device(stage).post("", code=code)
    assert answer.status_code == 404
    assert "Dieser Code öffnet nichts" in answer.text


def test_a_code_after_its_time_opens_nothing(stage: Stage):
    made = forum.opened(stage)
    by = forum.moderator(stage)
    workshop.invite(stage.s, by, stage.tenant.id, made.id, stage.now, close=True)
    assert Device(stage).join(made.code).status_code == 404


@pytest.mark.parametrize(
    ("headers", "token", "code"),
    [
        ({"Origin": "https://evil.example"}, True, "form-origin"),
        ({"Origin": "null"}, True, "form-origin"),
        ({"Sec-Fetch-Site": "cross-site"}, True, "form-origin"),
        ({}, False, "form-token"),
    ],
)
def test_another_site_cannot_vote_from_this_device(
    stage: Stage, headers: dict[str, str], token: bool, code: str
):
    made, device = forum.opened(stage), Device(stage)
    device.join(made.code)
    csrf = device.csrf if token else ""
    form = {"csrf": csrf, "topic": "1", "step": "7", "round": "1"}
    answer = device.post("/stimmen", headers, **form)
    assert (answer.status_code, error_code(answer.text)) == (403, code)
    assert device.post("/ende", headers, csrf=csrf).status_code == 403
    assert device.get("/stimmen/1").text.count("checked") == 0


def test_the_token_of_one_device_is_no_use_on_another(stage: Stage):
    made, one, two = forum.opened(stage), Device(stage), Device(stage)
    one.join(made.code)
    two.join(made.code)
    answer = two.vote("1", "7", csrf=one.csrf)
    assert (answer.status_code, error_code(answer.text)) == (403, "form-token")


def test_another_site_cannot_make_a_device_take_part(stage: Stage):
    made, device = forum.opened(stage), Device(stage)
    headers = {"Origin": "https://evil.example"}
    answer = device.post("/platz", headers, code=made.code, group="staff")
    assert error_code(answer.text) == "form-origin"
    assert device.secret == ""


def test_a_vote_that_is_sent_again_after_the_end_counts_nowhere(stage: Stage):
    made = forum.opened(stage)
    secrets = forum.six(stage, made)
    forum.vote_all(stage, secrets, [3] * 6)
    forum.close(stage, made)
    before = workshop.desk(stage.s, stage.tenant.id, made.id, stage.now).topics
    for secret in secrets:
        answer = Device(stage, secret).vote("1", "7")
        assert answer.location == "/soll/stimmen?spaet=1"
        assert (
            "Ihre letzte Stimme kam zu spät." in Device(stage, secret).get("/stimmen?spaet=1").text
        )
    assert workshop.desk(stage.s, stage.tenant.id, made.id, stage.now).topics == before


@pytest.mark.parametrize(
    ("topic", "step", "number"),
    [("1", "8", "1"), ("1", "2", "1"), ("1.1", "3", "1"), ("K.1", "3", "1"), ("1", "3", "9")],
)
def test_what_the_page_did_not_offer_is_no_vote(stage: Stage, topic: str, step: str, number: str):
    made, device = forum.opened(stage), Device(stage)
    device.join(made.code)
    assert device.vote(topic, step, number).location == "/soll/stimmen?spaet=1"
    assert "noch keine Stimme" in device.get("/stimmen?ansicht=alle").text


def test_a_code_of_one_municipality_leads_to_its_own_workshop_only(stage: Stage):
    other = neighbour(stage, "nachbarstadt")
    theirs, ours = forum.opened(other, "ERZ"), forum.opened(stage, "GB")
    device = Device(stage)
    assert "Stadt nachbarstadt" in device.post("", code=theirs.code).text
    device.join(theirs.code)
    device.vote("1", "3")
    mine = workshop.desk(stage.s, stage.tenant.id, ours.id, stage.now)
    assert dict(mine.seats) == {LEAD: 0, STAFF: 0}
    hr = official(other, "hr")
    for path in ("", "/wand", "/wand/1", "/thema/1", "/protokoll", "/protokoll.docx"):
        assert desk(other, hr, ours, path).status_code == 404
    for did in ("close", "again", "undisputed", "finish", "drop", "code"):
        assert act(other, hr, ours, do=did, round="1").status_code == 404


def test_no_more_seats_than_invited_even_with_many_browsers(stage: Stage):
    made = forum.opened(stage)
    devices = [Device(stage) for _ in range(5)]
    answers = [device.join(made.code) for device in devices]
    assert [a.status_code for a in answers] == [303] * 3 + [200] * 2
    assert "Alle Plätze sind besetzt" in answers[-1].text
    assert devices[-1].secret == ""


def test_the_cookie_says_nothing_and_is_sent_to_these_pages_only(tmp_path):
    settings = settings_for(
        f"sqlite:///{tmp_path / 'https.db'}",
        ROADMAP__ENVIRONMENT="production",
        ROADMAP__SERVER__BASE_URL="https://roadmap.example",
        ROADMAP__SECURITY__ALLOW_LOCAL_HTTP="false",
        ROADMAP__SECURITY__SECRET_KEY="x7Qm" * 16,
    )
    safe = Stage(settings)
    joined = Device(safe).join(forum.opened(safe).code)
    safe.close()
    (cookie,) = joined.headers.getlist("Set-Cookie")
    name, *flags = cookie.split("; ")
    assert re.fullmatch(r"__Secure-seat=[\w-]{32}", name)
    assert {"Secure", "HttpOnly", "Path=/soll", "SameSite=Lax"} <= set(flags)


def test_the_pages_are_kept_by_nobody_and_framed_by_nobody(stage: Stage):
    made, device = forum.opened(stage), Device(stage)
    device.join(made.code)
    for path in ("", "/stimmen", "/stimmen/1"):
        answer = device.get(path)
        assert answer.headers["Cache-Control"] == "no-store"
        assert "frame-ancestors 'self'" in answer.headers["Content-Security-Policy"].split("; ")


def test_a_seat_opens_nothing_of_the_administration(stage: Stage):
    made, device = forum.opened(stage), Device(stage)
    device.join(made.code)
    assert device.client.get(f"/admin/workshops/{made.id}").status_code == 403


# --- the desk -------------------------------------------------------------------------------------


def test_a_manager_runs_the_own_workshop_and_does_not_see_that_of_another(stage: Stage):
    chief, other, hr = (official(stage, r) for r in ("manager", "manager", "hr"))
    form = {"role": "GB", "granularity": "area", "scale": "4", "lead": "3", "staff": "3"}
    data = {"csrf": stage.csrf(chief), **form}
    location = stage.client(chief).post("/admin/workshops/neu", data=data).location
    found = location.partition("?")[0]
    assert stage.client(chief).get(found).status_code == 200
    assert stage.client(hr).get(found).status_code == 200
    assert stage.client(other).get(found).status_code == 404
    assert found not in stage.client(other).get("/admin/workshops").text
    assert found in stage.client(hr).get("/admin/workshops").text
    denied = stage.client(other).post(found, data={"csrf": stage.csrf(other), "do": "drop"})
    assert denied.status_code == 404


@pytest.mark.parametrize(
    "form",
    [{"role": "GB", "lead": "1", "staff": "1"}, {"role": "GB"}, {"role": "XYZ", "staff": "5"}],
)
def test_a_workshop_that_cannot_be_held_says_why(stage: Stage, form: dict[str, str]):
    hr = official(stage, "hr")
    data = {"csrf": stage.csrf(hr), **form}
    answer = stage.client(hr).post("/admin/workshops/neu", data=data)
    assert "Das hat nicht geklappt" in answer.text


def test_from_the_desk_to_a_draft(stage: Stage):
    made, _ = forum.voted(stage)
    hr = official(stage, "hr")
    assert "4 Themen: Die Mitte ist in allen Gruppen gleich." in desk(stage, hr, made).text
    act(stage, hr, made, do="undisputed")
    early = act(stage, hr, made, do="finish")
    assert "Einige Themen haben noch keinen Wert." in early.text
    no_reason = act(stage, hr, made, "/thema/1", step="3", reason=" ")
    assert "Ein Wert braucht eine Begründung." in no_reason.text
    assert "Wählen Sie einen Wert." in act(stage, hr, made, "/thema/1", reason="weil").text
    for topic in ("1", "4"):
        act(stage, hr, made, f"/thema/{topic}", step="3", reason="Aufträge kommen aufs Tablet.")
    done = act(stage, hr, made, do="finish")
    assert done.location.startswith("/admin/soll/GB/1")
    page = stage.client(hr).get("/admin/soll/GB/1").text
    assert "Aufträge kommen aufs Tablet." in page
    assert "Workshop" in page


def test_a_second_vote_is_opened_for_what_was_chosen(stage: Stage):
    made, secrets = forum.voted(stage)
    hr = official(stage, "hr")
    assert "Wählen Sie mindestens ein Thema" in act(stage, hr, made, do="again").text
    act(stage, hr, made, do="again", topic=["1", "4"])
    page = Device(stage, secrets[0]).get("/stimmen").text
    assert "Zweite Abstimmung." in page
    assert "Thema 1 von 2" in page
    early = act(stage, hr, made, "/thema/1", step="3", reason="weil")
    assert "Gerade wird abgestimmt." in early.text


# --- minutes --------------------------------------------------------------------------------------


def minutes(stage: Stage, who: Official, made: Workshop) -> docx.document.Document:
    answer = desk(stage, who, made, "/protokoll.docx")
    assert answer.headers["Content-Disposition"].endswith('.docx"')
    return docx.Document(io.BytesIO(answer.data))


def chart_of(paper: docx.document.Document) -> tuple[dict[str, float], list[list[sheets.Cell]]]:
    """Return what Word draws, and what it opens when somebody wants to change the net."""
    placed = paper.element.body.find(f".//{qn('c:chart')}").get(qn("r:id"))
    part = paper.part.related_parts[placed]
    root = docx.oxml.parse_xml(part.blob)
    (radar,) = root.iter(qn("c:radarChart"))
    names, values = (
        [v.text for v in radar.find(f".//{qn(kind)}").iter(qn("c:v"))]
        for kind in ("c:cat", "c:val")
    )
    book = part.related_parts[root.find(qn("c:externalData")).get(qn("r:id"))]
    return dict(zip(names, map(float, values), strict=True)), sheets.read(book.blob)


def plain(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ")


def test_the_minutes_hold_both_groups_values_reasons_date_version_and_no_person(stage: Stage):
    made, secrets = forum.voted(stage)
    forum.settled(stage, made)
    by = forum.moderator(stage)
    workshop.finish(stage.s, by, stage.tenant.id, made.id, stage.now)
    hr = official(stage, "hr")
    paper, page = minutes(stage, hr, made), desk(stage, hr, made, "/protokoll").text
    cells = [c.text for t in paper.tables for r in t.rows for c in r.cells]
    in_word = "\n".join([*(p.text for p in paper.paragraphs), *cells])
    for text in (in_word, re.sub(r"<[^>]+>", "", page)):
        for said in (
            *("Führung: 3 Stimmen", "Berufsgruppe: 3 Stimmen", "Mitte", "2 Selbstständig"),
            *("So arbeiten wir jeden Tag.", "Entwurf der Fassung 1.", "Stadt Musterstadt"),
            *(
                "weit auseinander",
                "Vorschlag von roadMAP",
                f"{stage.now.astimezone(ZONE):%d.%m.%Y}",
            ),
        ):
            assert said in text, said
        assert not [s for s in secrets if s in text]
    assert by.name not in in_word
    assert page.count('<svg class="rm-spider"') == 1
    # The first area: leaders 5, 7, 7; staff 1, 1, 3. Values without a vote are left out.
    assert "Führung: 3 Stimmen. Mitte: 4 Leitet an. 3 Sicher (1), 4 Leitet an (2)." in plain(
        in_word
    )
    assert "(0)" not in in_word


def test_the_net_of_the_minutes_is_drawn_from_five_settled_areas_on(stage: Stage):
    made = forum.opened(stage, granularity=Granularity.COMPETENCE, scale=8)
    forum.vote_all(stage, forum.six(stage, made), forum.NEAR)
    forum.close(stage, made)
    hr, by = official(stage, "hr"), forum.moderator(stage)
    here = workshop.desk(stage.s, stage.tenant.id, made.id, stage.now)
    areas = ("1.", "2.", "3.", "4.", "5.")
    for n, topic in enumerate(t for t in here.topics if t.code.startswith(areas)):
        page = desk(stage, hr, made, "/protokoll").text
        assert "rm-spider" not in page
        given = Agreed(4 if topic.code == "1.1" else 3, f"Grund {n}")
        workshop.agree(stage.s, by, stage.tenant.id, made.id, topic.code, given, stage.now)
    page = desk(stage, hr, made, "/protokoll").text
    assert "rm-spider" in page
    assert "rm-band" not in page
    paper = minutes(stage, hr, made)
    [table] = [t for t in paper.tables if t.cell(0, 1).text.startswith("Soll (")]
    shown = {row.cells[0].text: row.cells[1].text for row in table.rows[1:]}
    assert list(shown.values()) == ["3,3", "3", "3", "3", "3"]
    assert all(f"{area}: {value}" in page for area, value in shown.items())
    drawn, numbers = chart_of(paper)
    assert drawn == {area: float(value.replace(",", ".")) for area, value in shown.items()}
    assert numbers[1:] == [[area, value] for area, value in drawn.items()]
    described = paper.element.body.find(f".//{qn('wp:docPr')}").get("descr")
    assert all(f"{area}: {value}" in described for area, value in shown.items())


def test_the_minutes_are_a_document_that_a_screen_reader_finds_its_way_in(stage: Stage):
    made, _ = forum.voted(stage)
    paper = minutes(stage, official(stage, "hr"), made)
    styles = [p.style.name for p in paper.paragraphs if p.style is not None]
    assert styles[0] == "Title"
    assert styles.count("Heading 1") == 2
    assert styles.count("Heading 2") == 6
    assert paper.core_properties.title == "Protokoll: Soll-Workshop „Gärtner*in / Bauhof“"
    assert paper.core_properties.language == "de-DE"
    assert not paper.core_properties.author
    assert all("w:tblHeader" in t.rows[0]._tr.xml for t in paper.tables)
    facts = [p for p in paper.paragraphs if p.text.startswith("Vorschlag von roadMAP")]
    assert all(p.paragraph_format.keep_with_next for p in facts)  # no topic is cut in two
    assert 'w:val="de-DE"' in paper.styles.element.xml
    assert [(round(s.page_width.mm), round(s.page_height.mm)) for s in paper.sections] == [
        (210, 297)
    ]


def test_of_too_few_votes_the_minutes_say_only_that(stage: Stage):
    made = forum.opened(stage, invited={LEAD: 1, STAFF: 2})
    secrets = [forum.come(stage, made, LEAD), forum.come(stage, made), forum.come(stage, made)]
    forum.vote_all(stage, secrets[:2], [7, 1])
    forum.close(stage, made)
    hr = official(stage, "hr")
    text = "\n".join(p.text for p in minutes(stage, hr, made).paragraphs)
    assert "\nStimmen: Weniger als drei Stimmen." in text
    assert "Führung: 1" not in desk(stage, hr, made, "/protokoll").text.replace("Führung: 1,", "")


def test_what_somebody_typed_is_text_in_the_minutes_and_never_markup(stage: Stage):
    made, _ = forum.voted(stage)
    hr, evil = official(stage, "hr"), '<script>alert(1)</script> & "x" \x0b\x1b ]]>'
    assert act(stage, hr, made, "/thema/1", step="3", reason=evil).status_code == 303
    assert "<script>alert" not in desk(stage, hr, made, "/protokoll").text
    answer = desk(stage, hr, made, "/protokoll.docx")
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        assert b"<script>" not in archive.read("word/document.xml")
