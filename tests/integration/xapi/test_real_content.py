"""What real H5P content said (tests/data/xapi/h5p.json) by our LRS, the pull and a trial."""

import json
from itertools import chain

from lti_tool.store import mappings
from tests.integration.xapi.site import ROOT, Site, now

PERSON = "ayse.oeztuerk@stadt.example"


def activity(number: int) -> str:
    return f"https://lms.stadt.example/mod/hvp/view.php?id={number}"


def test_h5p_content_counts_once_for_each_attempt_after_our_lrs_and_the_pull(site: Site) -> None:
    file = ROOT / "tests" / "data" / "xapi" / "h5p.json"
    runs = json.loads(file.read_text(encoding="utf-8"))["runs"]
    site.learner(PERSON, "mail")
    with site.database.begin() as conn:
        mappings.add(conn, site.tenant_id, {activity(n): "U1" for n in range(11, 25)}, now())
    for run in runs:
        if run["statements"]:
            assert site.post(*run["statements"]).status_code == 200
    site.pull()
    rows = site.rows()
    assert len(rows) == len(list(chain.from_iterable(r["statements"] for r in runs)))
    counting = {
        (e.activity, e.category)
        for e in site.evidence()
        if e.competency == "4.1" and e.revoked_by is None
    }
    # One for each content, the first of several attempts; none for what was only read.
    first = {11: 2, 12: 0, 13: 1, 14: 2, 15: 0, 16: 0, 18: 2, 19: 1, 20: 1, 21: 1, 22: 0, 24: 0}
    assert counting == {(activity(n), category) for n, category in first.items()}
    with site.database.read() as conn:
        tried = mappings.rehearse(conn, site.meaning, site.tenant_id, 1000)
    foreign = 4  # a browser's made-up number: no platform of ours is that actor's home
    assert (tried.looked, tried.unmapped, tried.unknown) == (len(rows) - foreign, {}, {})
    assert tried.nothing["h5p-1.1/part-without-id"] == 10
