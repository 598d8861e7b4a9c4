"""How a person walks through the pages: by what is on them, answering every kind of question."""

from playwright.sync_api import Frame, FrameLocator, Locator, Page, expect

Place = Page | Frame | FrameLocator
#: Whatever somebody would have to type into.
TYPED = "input:not([type=radio], [type=checkbox], [type=hidden]), textarea"


def into_the_tool(page: Page, lms: str, person: str, course: int = 0) -> FrameLocator:
    """Log in to the demo LMS as somebody and open "Mein Lernweg" in its frame."""
    page.goto(lms)
    if page.locator("[data-test=person]").count() == 0:
        page.get_by_role("button", name="Person wechseln").click()
    page.locator(f"[data-person={person}]").click()
    page.locator("[data-test=course]").nth(course).click()
    page.locator("[data-test=launch-tool]").click()
    return page.frame_locator("[data-test=tool-frame]")


def first_visit(place: Place, role: str) -> None:
    """Read the notice, choose a role, skip the practice; ends on the first question."""
    _go_on(place, place.locator("[data-test=notice-continue]"))
    choose_role(place, role)
    to_the_questions(place)


def choose_role(place: Place, role: str) -> None:
    option = place.locator(f"[data-test=role-option][value={role}]")
    option.wait_for(state="attached")
    # The label lies over the whole box, as for a finger.
    place.locator(f"label[for={option.get_attribute('id')}]").click()
    _go_on(place, place.locator("main [data-test=continue]").first)


def _go_on(place: Place, button: Locator) -> None:
    """Click, and wait until the next page is there."""
    heading = place.locator("h1").first.inner_text()
    button.click()
    expect(place.locator("h1").first).not_to_have_text(heading)


def to_the_questions(place: Place) -> None:
    for _ in range(6):
        place.locator("h1").first.wait_for()
        if place.locator("[data-test=question]").count():
            return
        _go_on(place, place.locator("[data-test=continue], [data-test=start-assessment]").first)
    raise AssertionError("the first question never came")


def answer_all(place: Place, choose: int = 0, most: int = 60) -> int:
    """Answer until the assessment ends by itself; return how many questions there were."""
    given = len(answer_some(place, most, choose))
    assert given < most, "the assessment did not end by itself"
    return given


def answer_some(place: Place, most: int, choose: int = 0) -> list[str]:
    """Answer at most so many questions, of which there is one; return the items they were."""
    items: list[str] = []
    place.locator("[data-test=question]").wait_for()
    while len(items) < most:
        place.locator("h1").first.wait_for()
        form = place.locator("[data-test=question]")
        if form.count() == 0:
            break
        position = form.locator("[name=position]").get_attribute("value")
        items.append(form.get_attribute("data-item") or "")
        assert place.locator(TYPED).count() == 0, f"{items[-1]} wants something typed"
        answer_one(place, choose)
        gone = f"[data-test=question] [name=position][value='{position}']"
        expect(place.locator(gone)).to_have_count(0)
    return items


def answer_one(place: Place, choose: int = 0) -> None:
    """Answer the open question with the `choose`-th option, whatever kind it is."""
    form = place.locator("[data-test=question]")
    radios = form.locator("input[type=radio]:not([data-test=dont-know])")
    boxes = form.locator("input[type=checkbox]:not([data-test=dont-know])")
    selects = form.locator("select")
    if selects.count():
        for n in range(selects.count()):
            selects.nth(n).select_option(index=1 + n % 2)
    elif radios.count():
        names = {radios.nth(n).get_attribute("name") for n in range(radios.count())}
        for name in sorted(filter(None, names)):
            group = form.locator(f"input[name='{name}']:not([data-test=dont-know])")
            group.nth(min(choose, group.count() - 1)).check(force=True)
    elif boxes.count():
        boxes.nth(min(choose, boxes.count() - 1)).check(force=True)
    form.locator("[data-test=answer]").click()
