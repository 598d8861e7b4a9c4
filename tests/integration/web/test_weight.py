"""What a page weighs on a bad connection (gzip): the budgets of design/pages.md section 13."""

import gzip
import re
from collections.abc import Iterator

import pytest

from competency.items import Kind
from tests.conftest import settings_for
from tests.pages.scene import Stage, Visitor

KINDS = [k for k in Kind if k is not Kind.REFLECTION]
QUESTION, PROFILE, PICTURE, SCRIPTS = 3_000, 10_000, 25_000, 5_000
COLD, WARM = 110_000, 8_000
#: KERN unmodified, our own sheets, and three cuts of the font.
STYLES = {"kern.min.css": 36_000, "roadmap.css": 2_500, "profile.css": 1_200, "paper.css": 600}
FONTS = 60_000
MOST_TOPICS = 18


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    made = Stage(settings_for(f"sqlite:///{tmp_path_factory.mktemp('weight') / 'web.db'}"))
    yield made
    made.close()


def html(stage: Stage, visitor: Visitor, path: str) -> str:
    answer = stage.client(visitor).get(visitor.home + path)
    assert answer.status_code == 200
    return answer.text


def sent(stage: Stage, address: str) -> int:
    """Return how many bytes a browser gets for a static file."""
    with stage.client().get(address, headers={"Accept-Encoding": "gzip"}) as answer:
        assert answer.status_code == 200
        return len(answer.data)


def packed(text: str) -> int:
    return len(gzip.compress(text.encode()))


def parts(text: str) -> list[str]:
    return re.findall(r'(?:href|src)="(/static/[^"]+)"', text)


def fonts(stage: Stage, page: str) -> list[str]:
    """Return the addresses of the fonts that the page's sheet of fonts names."""
    sheet = next(a for a in parts(page) if a.endswith("basics.css"))
    with stage.client().get(sheet) as answer:
        names = re.findall(r"url\(['\"]?([^)'\"]+)", answer.text)
    return [f"{sheet.rpartition('/')[0]}/{name}" for name in names]


def asked(stage: Stage, kind: Kind) -> Visitor:
    visitor = stage.ready("GB")
    stage.ask(visitor, stage.item(kind))
    return visitor


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_a_question_is_light_whatever_its_kind(stage: Stage, kind: Kind) -> None:
    page = html(stage, asked(stage, kind), "frage")
    drawing = re.compile(r'<svg class="rm-pic".*?</svg>', re.S)  # it has a budget of its own
    assert packed(drawing.sub("", page)) <= QUESTION
    assert packed(page) <= WARM


def test_a_profile_of_many_topics_is_light(stage: Stage) -> None:
    text = html(stage, stage.assessed("GB", "ERZ"), "profil")
    assert text.count('data-test="competency-row"') >= MOST_TOPICS
    assert packed(text) <= PROFILE


def test_every_picture_of_a_question_is_light(stage: Stage) -> None:
    pack = stage.s.content.newest("items")
    drawn = [name for name in pack.files if name.startswith("pictures/")]
    heavy = {n: packed(pack.read(n).decode()) for n in drawn}
    assert drawn
    assert max(heavy.values()) <= PICTURE


def test_scripts_and_styles_keep_to_their_budgets(stage: Stage) -> None:
    pages = [html(stage, asked(stage, Kind.ORDERING), "frage")]
    pages.append(html(stage, stage.assessed("GB"), "profil"))
    for page in pages:
        assert sum(sent(stage, a) for a in parts(page) if a.endswith(".js")) <= SCRIPTS
        for name, most in STYLES.items():
            assert all(sent(stage, a) <= most for a in parts(page) if a.endswith(f"/{name}"))
    assert sum(sent(stage, a) for a in fonts(stage, pages[0])) <= FONTS


def test_everything_together_comes_quickly_at_the_first_time(stage: Stage) -> None:
    page = html(stage, asked(stage, Kind.HOTSPOT), "frage")
    files = [*parts(page), *fonts(stage, page)]
    assert packed(page) + sum(sent(stage, a) for a in files) <= COLD
