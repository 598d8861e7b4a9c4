"""Every page of the administration in a real browser, full and empty, in German and English."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.conftest import missing
from tests.e2e.test_pages_look import AXE, COUNTS, DESK, PHONE, RUN_AXE, SMALL_TARGETS, TAGS
from tests.pages.bank import PROPOSAL, TOPIC, proposals
from tests.pages.desk import Official, busy, by_link, lively, new_town, official, twins, with_right
from tests.pages.scene import Stage
from tests.pages.serving import served

pytestmark = pytest.mark.browser

PAGES = (
    *("uebersicht", "verbindung", "lernportale", "ablehnungen", "auftraege", "ausgang"),
    *("lrs", "quarantaene", "aufbewahrung", "protokoll", "rechte", "lernportale/neu"),
    "eigener-lrs",
    *("zuordnung", "zuordnung/aktivitaet", "zuordnung/probe", "zuordnung/personen"),
    *("andere-tests", "andere-tests/eintrag"),
    *("soll", "soll/neu", "soll/datei", "soll/ERZ", "soll/ERZ/entwurf", "soll/GB"),
    *("fragen", f"fragen/{PROPOSAL}", f"fragen/{PROPOSAL}/{TOPIC}"),
)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    if not AXE.is_file():
        missing("axe-core", "tools/build_assets.py")
    folder = tmp_path_factory.mktemp("desk")
    with served(folder, ROADMAP__CONTENT__PROPOSALS=str(proposals(folder))) as made:
        busy(made)
        lively(made)
        twins(made)
        with_right(made, "lotse")
        yield made


def opened(browser: Browser, stage: Stage, who: Official, width: int, scheme: str) -> Page:
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, locale="de-DE"
    )
    context.add_init_script(path=AXE)  # once, instead of sending it with every page
    name, value = who.cookie
    context.add_cookies([{"name": name, "value": value, "domain": "localhost", "path": "/admin"}])
    return context.new_page()


#: A full town on a phone and on a desk; the rest of the combinations in `make test-all`.
LOOKS = [
    ("full", PHONE, "light"),
    ("full", DESK, "dark"),
    ("empty", PHONE, "light"),
    pytest.param("empty", DESK, "dark", marks=pytest.mark.slow),
    pytest.param("English", PHONE, "light", marks=pytest.mark.slow),
    pytest.param("English", DESK, "dark", marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("town", "width", "scheme"), LOOKS)
def test_every_page_of_the_administration_is_accessible_and_fits(
    browser: Browser, stage: Stage, town: str, width: int, scheme: str
) -> None:
    if town == "empty":
        who = by_link(stage, new_town(stage, f"leer-{width}"))
    elif town == "English":
        who = official(stage, visitor=stage.visitor(language="en"))
    else:
        who = official(stage)
    page, wrong = opened(browser, stage, who, width, scheme), {}
    for name in (*PAGES, *(() if town == "empty" else ("andere-tests/eintrag/digicheck",))):
        answer = page.goto(f"{stage.settings.server.base_url}/admin/{name}")
        assert answer is not None
        assert answer.status == 200
        counts = page.evaluate(COUNTS)
        found = [
            *page.evaluate(RUN_AXE, TAGS),
            *page.evaluate(SMALL_TARGETS),
            *(
                ["too wide"]
                if page.evaluate("document.documentElement.scrollWidth") > width
                else []
            ),
            *([str(counts)] if counts["h1"] != 1 or counts["inline"] or counts["handlers"] else []),
        ]
        if found:
            wrong[name] = found
    page.context.close()
    assert not wrong, wrong
