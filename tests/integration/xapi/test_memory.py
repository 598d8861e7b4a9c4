"""A first import may be a million statements: what a page needed goes with it."""

import gc
from collections.abc import Iterator

import pytest

from tests.doubles.lrs.store import Store
from tests.integration.xapi.site import MOODLE, Site, statement_of
from xapi_bridge.pull import PullReport

PAGE, PAGES = 20, 30
WARM = 10  # pages after which all that is kept for good is there


@pytest.fixture
def no_collector() -> Iterator[None]:
    """Nothing is collected by itself, as between two looks of the collector that are far apart."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collector")
def test_what_a_page_leaves_behind_is_gone_before_the_next(site: Site, store: Store) -> None:
    site.learner("4")
    for number in range(PAGE * PAGES):
        store.put(statement_of(activity=f"{MOODLE}/mod/page/view.php?id={number}"))
    objects: list[int] = []

    def watch(_report: PullReport) -> None:
        objects.append(len(gc.get_objects()))

    assert site.pull(page_size=PAGE, watch=watch).caught_up
    assert len(objects) >= PAGES
    assert objects[PAGES - 1] - objects[WARM] < 50 * (PAGES - WARM), objects
