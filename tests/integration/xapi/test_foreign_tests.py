"""A provider's test in the LMS: its statements become results of that provider only."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from competency.provider import provider_of
from competency.soll import Signed
from lti_tool.ports import RegisteredProvider
from lti_tool.store.providers import SqlProviders
from tests.integration.external.test_results import DOCUMENT
from tests.integration.xapi.site import MOODLE, VOIDED, Site, now, statement_of
from tests.unit.flows.test_the_arrows import CONTENT

TEST = f"{MOODLE}/mod/lti/view.php?id=9"
POINTS = {
    "shape": "points",
    "lowest": 0,
    "highest": 100,
    "bands": [{"points": 0, "step": 0}, {"points": 50, "step": 3}],
}


@pytest.fixture
def town(site: Site) -> Site:
    site.meaning = replace(site.meaning, framework=CONTENT.framework)
    document = DOCUMENT | {"scale": POINTS, "activities": {TEST: "Suchen"}}
    plain = provider_of(document, CONTENT.framework).document()
    with site.database.begin() as conn:
        made = RegisteredProvider(site.tenant_id, "digicheck", 3, plain, Signed("cli", now()))
        SqlProviders(conn, site.seal).put(made)
    site.learner("4")
    return site


def result_of(raw: float, **more: Any) -> dict[str, Any]:
    score = {"raw": raw, "min": 0, "max": 100}
    return statement_of(activity=TEST, result={"score": score, "completion": True}, **more)


def test_a_result_comes_by_xapi_with_its_provider_and_its_last_day(town: Site) -> None:
    town.map(a1="U1")
    town.post(result_of(72), statement_of())
    town.pull()
    found = [e for e in town.evidence() if e.source == "external"]
    (one,) = found
    assert (one.competency, one.category, one.revoked_by, one.unit) == ("1.1", 1, None, None)
    assert (one.origin["name"], one.origin["value"], one.origin["version"]) == (
        "DigiCheck",
        "72",
        3,
    )
    assert one.until_us > one.eff_us
    assert {e.source for e in town.evidence()} == {"external", "lrs"}


def test_a_test_is_never_unmapped_and_says_nothing_without_a_usable_value(town: Site) -> None:
    beyond = statement_of(activity=TEST, result={"score": {"raw": 720}})
    town.post(beyond, statement_of(activity=TEST))
    town.pull()
    assert town.evidence() == []
    assert town.counts()["stored"] == 2
    assert town.counts()["unmapped"] == 0


def test_a_voided_result_counts_no_more_and_an_old_one_is_not_kept(town: Site) -> None:
    sent = result_of(72)
    old = result_of(72, timestamp=(now() - timedelta(days=700)).isoformat())
    town.post(sent, old)
    town.pull()
    assert len(town.evidence()) == 1
    ref = {"objectType": "StatementRef", "id": sent["id"]}
    tool = {"account": {"homePage": "https://tool.example", "name": "service"}}
    town.post(statement_of(actor=tool, verb={"id": VOIDED}, object=ref))
    town.pull()
    assert town.evidence()[0].revoked_by is not None
