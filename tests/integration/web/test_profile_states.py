"""The profile page in each of its states (design/pages.md 7): honest, never an empty heading."""

import re
import uuid
from collections.abc import Iterator
from datetime import timedelta

import pytest

from competency import precedence
from competency.evidence import Evidence, Source
from competency.profile import SelfImage, Verdict
from lti_tool.flows import assess, profiles
from lti_tool.flows.observe import refold
from lti_tool.web import profile_page
from tests.conftest import settings_for
from tests.integration.web.test_pages import GARDENER, get, post
from tests.pages.scene import Stage, Visitor

SHOWN_AT_ONCE = 6
WORDS = {"met": "erfüllt", "gap": "Lernbedarf", "open": "noch offen"}


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    made = Stage(settings_for(f"sqlite:///{tmp_path_factory.mktemp('states') / 'web.db'}"))
    yield made
    made.close()


def heading(text: str) -> str:
    found = re.search(r"<h1[^>]*>([^<]*)</h1>", text)
    assert found is not None
    return found[1]


def groups(text: str) -> list[str]:
    """Return the titles of the groups of topics, without their numbers."""
    titles = re.findall(r'<h2[^>]*id="s-(?:met|gap|open)"[^>]*>([^<:]*)', text)
    assert all(title.strip() for title in titles)
    return titles


def verdicts(text: str) -> list[str]:
    return re.findall(
        r'data-test="competency-row" data-competency="[^"]+" data-verdict="(\w+)"', text
    )


def sure_of(stage: Stage, visitor: Visitor, category: int) -> Visitor:
    """Let much be known about every topic: passed with ease (1), or not at all (0)."""
    learner = stage.learner(visitor)
    view = profiles.current(stage.s, learner)
    assert view is not None
    found = tuple(
        Evidence(
            id=str(uuid.uuid4()),
            source=Source.LRS,
            competency=s.competency,
            kind="passed",
            a=2.5,
            b=(3.0 if category else -2.0,),
            category=category,
            at=stage.now,
            arrival=n,
        )
        for s in view.profile.required
        for n in range(4)
    )
    with stage.s.store.begin() as work:
        work.evidence.add(learner, found)
        refold(stage.s, work, learner, stage.now)
    return visitor


def test_without_an_answer_there_is_one_thing_to_do(stage: Stage) -> None:
    text = get(stage, stage.ready(GARDENER), "profil")
    assert heading(text) == "Noch kein Profil"
    assert "Beantworten Sie zuerst ein paar Fragen." in text
    assert text.count("kern-btn--primary") == 1
    assert groups(text) == []


def test_with_fewer_than_five_answers_everything_is_open_and_there_is_no_net(stage: Stage) -> None:
    visitor = stage.assessed(GARDENER, luck=1.0, most=4)
    assess.finish(stage.s, stage.learner(visitor), stage.now)
    text = get(stage, visitor, "profil")
    assert heading(text) == "Das ist Ihr Stand"
    assert set(verdicts(text)) == {"open"}
    assert "rm-spider" not in text


def test_with_nothing_met_the_heading_promises_nothing_and_no_group_is_empty(stage: Stage) -> None:
    visitor = sure_of(stage, stage.assessed(GARDENER, luck=0.0), 0)
    text = get(stage, visitor, "profil")
    assert heading(text) == "Das ist Ihr Stand"
    assert groups(text) == ["Das lernen Sie als Nächstes"]
    assert set(verdicts(text)) == {"gap"}


def test_with_everything_met_it_says_so_and_offers_more(stage: Stage) -> None:
    visitor = sure_of(stage, stage.assessed(GARDENER, luck=1.0), 1)
    text = get(stage, visitor, "profil")
    topics = len(verdicts(text))
    assert heading(text) == "Das können Sie schon"
    assert f"Sie erfüllen das Soll in allen {topics} Themen." in text
    assert "Angebote für mehr ansehen" in text
    assert "Lernpfad ansehen" not in text
    assert groups(text) == ["Erfüllt"]


def test_a_quiz_that_was_done_again_counts_once_and_the_page_says_which(stage: Stage) -> None:
    visitor = stage.assessed(GARDENER, luck=0.5, most=6)
    learner, at = stage.learner(visitor), stage.now
    quiz = "https://lms.example/mod/quiz/view.php?id=12"
    tries = tuple(
        Evidence(
            id=str(uuid.uuid4()), source=Source.LRS, competency="1.1", kind="scored",
            a=1.2, b=(0.0,), category=category, at=at - timedelta(days=ago), arrival=0,
            activity=quiz,
        )
        for ago, category in ((9, 1), (2, 0))
    )  # fmt: skip
    with stage.s.store.begin() as work:
        work.evidence.add(learner, tries)
        refold(stage.s, work, learner, at)
        again = [r.evidence for r in work.evidence.of(learner.id) if r.evidence.activity]
        assert [e.activity for e in again] == [quiz, quiz]
    text = get(stage, visitor, "profil")
    assert text.count("Das zählt nicht: Von einer Aktivität zählt ein Ergebnis.") == 1
    assert "Von einer Aktivität im Lernportal zählt nur das neueste Ergebnis." in text
    only = [e for e in again if e.category == 0]
    assert precedence.counting(again, at) == tuple(only)


def test_what_one_can_do_comes_first_then_what_is_next_then_what_is_open(stage: Stage) -> None:
    for luck in (0.2, 0.5, 0.9):
        text = get(stage, stage.assessed(GARDENER, luck=luck), "profil")
        order = ["Erfüllt", "Das lernen Sie als Nächstes", "Noch offen"]
        assert groups(text) == [title for title in order if title in groups(text)]
        shown = verdicts(text)
        assert shown == sorted(shown, key=list(WORDS).index)


def test_a_second_measurement_says_what_has_surely_changed_and_a_first_says_nothing(
    stage: Stage,
) -> None:
    assert "Damals und heute" not in get(stage, stage.assessed(GARDENER), "profil")
    visitor = stage.measured_twice(GARDENER, first=0.0, then=1.0)
    for page in ("profil", "profil?ansicht=druck"):
        text = get(stage, visitor, page)
        assert "Damals und heute" in text
        assert "Sie haben schon einmal Fragen beantwortet" in text
        assert "Hier können Sie jetzt mehr" in text
        assert "Beim ersten Mal zeigten" not in text


def test_six_topics_of_a_group_are_seen_at_once_and_the_rest_is_counted(stage: Stage) -> None:
    text = get(stage, sure_of(stage, stage.assessed(GARDENER, luck=1.0), 1), "profil")
    topics = len(verdicts(text))
    folded = text.index(f"{topics - SHOWN_AT_ONCE} weitere Themen")
    assert len(verdicts(text[:folded])) == SHOWN_AT_ONCE


def test_under_what_is_open_three_more_questions_are_offered(stage: Stage) -> None:
    visitor = stage.assessed(GARDENER)
    before = assess.state(stage.s, stage.learner(visitor)).answered
    text = get(stage, visitor, "profil")
    assert "3 Fragen mehr beantworten" in text
    _status, address, _text = post(stage, visitor, "anfangen", how="more")
    assert address == f"{visitor.home}frage/{before + 1}"
    assert f"Frage {before + 1} von höchstens {before + 3}" in get(
        stage, visitor, address.removeprefix(visitor.home)
    )
    assert "3 Fragen mehr beantworten" not in get(stage, visitor, "profil")


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("fits", "Ihr Selbstbild und die Fragen passen gut zusammen."),
        ("higher", "schätzen Sie sich höher ein"),
        ("lower", "können Sie mehr, als Sie denken."),
        ("unknown", "Dazu wissen wir noch zu wenig."),
    ],
)
def test_the_self_image_is_put_kindly_and_beside_the_questions(
    stage: Stage, word: str, said: str
) -> None:
    visitor = stage.assessed(GARDENER)
    area = stage.s.content.framework.areas[0].code
    with stage.s.store.begin() as work:
        stored = work.profiles.get(visitor.learner_id)
        assert stored is not None
        image = SelfImage(area, word, self_pos=2.0, test_pos=1.0)
        stored.document["self_images"] = [
            {name: getattr(image, name) for name in SelfImage.__dataclass_fields__}
        ]
        work.profiles.save(stage.learner(visitor), stored)
    text = get(stage, visitor, "profil")
    assert said in text
    assert "überschätz" not in text
    assert ("rm-pair" in text) == (word != "unknown")


def test_the_net_says_in_words_what_it_shows_and_the_table_has_the_same(stage: Stage) -> None:
    visitor = stage.assessed(GARDENER)
    view = profiles.current(stage.s, stage.learner(visitor))
    assert view is not None
    page = profile_page.charts.by_area(stage.s.content.framework, view.profile.required)
    text = get(stage, visitor, "profil")
    described = re.search(r'<desc id="netz-b">([^<]*)</desc>', text)
    table = re.search(r"<caption[^>]*>Bereiche.*?</table>", text, re.S)
    assert described is not None
    assert table is not None
    shorts = {a.code: a.short for a in stage.s.content.framework.areas}
    titles = {a.code: a.title for a in stage.s.content.framework.areas}
    for area in page:
        assert shorts[area.area] in described[1]
        row = table[0][table[0].index(titles[area.area]) :]
        assert WORDS[area.verdict.value] in row[: row.index("</tr>")]
    assert {a.verdict for a in page} <= {Verdict.MET, Verdict.GAP, Verdict.OPEN}
