"""What real content said (tests/data/xapi/h5p.json, cmi5.json) by our LRS, the pull and a trial."""

import json
from itertools import chain
from typing import Any

from lti_tool.store import mappings
from tests.integration.xapi.site import ROOT, Site, build_site, now

PERSON = "ayse.oeztuerk@stadt.example"
LMS, COURSE = "https://lms.stadt.example", "https://inhalte.stadt.example/kurs/sicher-arbeiten"


def runs_of(name: str) -> list[dict[str, Any]]:
    file = ROOT / "tests" / "data" / "xapi" / name
    found: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))["runs"]
    return found


def activity(number: int) -> str:
    return f"{LMS}/mod/hvp/view.php?id={number}"


def test_h5p_content_counts_once_for_each_attempt_after_our_lrs_and_the_pull(site: Site) -> None:
    runs = runs_of("h5p.json")
    site.learner(PERSON, "mail")
    with site.database.begin() as conn:
        mappings.add(conn, site.tenant_id, {activity(n): "U1" for n in range(11, 32)}, now())
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
    first |= {25: 0, 26: 0, 28: 1, 29: 1, 31: 1}
    assert counting == {(activity(n), category) for n, category in first.items()}
    with site.database.read() as conn:
        tried = mappings.rehearse(conn, site.meaning, site.tenant_id, 1000)
    # Accounts that no platform of this town is the home of: one is a number a browser made up.
    foreign = sum("account" in d["actor"] for r in runs for d in r["statements"])
    assert (tried.looked, tried.unmapped, tried.unknown) == (len(rows) - foreign, {}, {})
    assert tried.nothing["h5p-1.1/part-without-id"] == 10


def test_cmi5_content_counts_for_whom_the_player_launched_it(site: Site) -> None:
    """Mapped by what the publisher calls it; the player's own addresses differ with each import."""
    town = build_site(site.database, site.origin, issuer=LMS)
    runs = runs_of("cmi5.json")
    who = {town.learner(f"p{n}"): runs[n - 1]["name"] for n in range(1, len(runs) + 1)}
    units = {f"{COURSE}/kennwoerter": "U1", f"{COURSE}/mails": "U2", COURSE: "K"}
    with town.database.begin() as conn:
        mappings.add(conn, town.tenant_id, units, now())
    for run in runs:
        if run["statements"]:
            assert town.post(*run["statements"]).status_code == 200
    town.pull()
    counting: dict[str, set[str]] = {}
    for e in town.evidence():
        if e.revoked_by is None:
            counting.setdefault(who[e.learner_id], set()).add(f"{e.unit} {e.kind}")
    assert counting == {
        "all-passed": {"U1 passed", "U2 passed", "K completion"},
        "failed-then-passed": {"U2 passed"},
        "passed-without-score": {"U1 passed"},
        "completed-only": {"U1 completion"},
        "abandoned": {"U1 completion"},
        "lower-mastery-at-launch": {"U1 passed"},
        "move-on": {"U2 passed"},
    }
    with town.database.read() as conn:
        unmapped = {row["activity"] for row in mappings.still_unmapped(conn, town.tenant_id)}
    assert f"{COURSE}/pruefen" in unmapped
