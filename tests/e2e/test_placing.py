"""An instructor places parts in a course: by script at once, without script by one more button."""

import uuid
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.integration.trust.town import come
from tests.pages.scene import Stage, Visitor
from tests.pages.serving import served

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with served(tmp_path_factory.mktemp("placing")) as made:
        yield made


def instructor(stage: Stage) -> tuple[Visitor, str]:
    """Somebody who was asked to choose; the answer goes to an address of ours, for the test."""
    back = f"{stage.settings.server.base_url}/zurueck"
    wanted = {"return_url": back, "links": True, "multiple": True, "grades": True}
    who = come(
        stage,
        f"teacher-{uuid.uuid4()}",
        message_type="LtiDeepLinkingRequest",
        instructor=True,
        placing=wanted,
    )
    return who, back


@pytest.mark.parametrize("script", [True, False])
def test_what_was_chosen_is_taken_to_the_learning_portal(
    browser: Browser, stage: Stage, script: bool
) -> None:
    who, back = instructor(stage)
    context = browser.new_context(java_script_enabled=script, locale="de-DE")
    name, value = who.cookie
    cookie = {"name": name, "value": value, "domain": "localhost", "path": who.home}
    context.add_cookies([cookie])  # type: ignore[list-item]
    page, sent = context.new_page(), list[str]()
    page.on("request", lambda r: sent.append(r.post_data or "") if r.url == back else None)
    page.goto(f"{stage.settings.server.base_url}{who.home}einsetzen")
    page.locator("[data-test=place-option]").first.check(force=True)
    page.locator("[data-test=place]").click()
    if not script:
        page.locator("[data-test=placed]").click()
    page.wait_for_url(back)
    assert len(sent) == 1
    assert sent[0].startswith("JWT=")
    context.close()
