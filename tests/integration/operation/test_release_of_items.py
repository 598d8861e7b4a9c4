"""New parameters: proposed as a next version, released by a named person, never by themselves."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from competency import packs
from competency.calibration.calibrate import calibrated
from competency.calibration.curves import Array
from competency.calibration.table import ItemSpec
from competency.packs import Content
from lti_tool import settings
from lti_tool.bootstrap import build
from lti_tool.checking import shipped
from lti_tool.cli import cli, release
from lti_tool.store import tenants
from lti_tool.store.audit import page
from tests.unit.competency.calibration.people import answered, of

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bank of the shipped items of one competence, from people who find them easier."""
    items = [i for i in Content.load(ROOT / "content").items if i.scored]
    some = [i for i in items if i.competency == "1.1"] + [i for i in items if i.self_report][:1]
    specs = tuple(ItemSpec(i.key, i.competency, "graded", categories=i.categories) for i in some)
    rng, steps = np.random.default_rng(50), max(len(i.b) for i in some)
    b: Array = np.array([[*i.b, *[np.inf] * (steps - len(i.b))] for i in some]) - 0.7
    theta = np.repeat(rng.normal(size=(900, 1)), len(some), axis=1)
    codes = answered(rng, np.full(len(some), 1.6), b, theta)
    made = calibrated(of(codes, specs), specs).bank
    facts = {"made": "2026-11-28T10:00:00+00:00", "program": "0", "responses_sha256": "0" * 64}
    path = tmp_path_factory.mktemp("bank") / "bank.json"
    document = replace(made, provenance=dict(made.provenance) | facts).document()
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of content of its own, and a database with two municipalities."""
    content = tmp_path / "content"
    shutil.copytree(ROOT / "content", content)
    monkeypatch.setenv("ROADMAP__CONTENT__DIR", str(content))
    monkeypatch.setenv("ROADMAP__DATABASE__URL", f"sqlite:///{tmp_path / 'roadmap.db'}")
    assert _run("db", "upgrade").exit_code == 0
    for key in ("eins", "zwei"):
        assert _run("tenant", "add", key, "--name", key).exit_code == 0
    return tmp_path


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


def _pack(house: Path) -> Path:
    return Content.load(house / "content").newest("items").path


def _proposed(house: Path, bank: Path) -> Path:
    done = _run(
        *("items", "propose", str(bank), "--pack", str(_pack(house))),
        *("--version", "9.0.1", "--to", str(house)),
    )
    assert done.exit_code == 0, done.output
    return house / "kommunal-de-9.0.1"


def test_a_proposal_is_a_next_version_that_is_not_in_force(house: Path, bank: Path) -> None:
    before = {p: p.read_bytes() for p in _pack(house).rglob("*") if p.is_file()}
    proposal = _proposed(house, bank)
    document = json.loads((proposal / "parameters.json").read_text(encoding="utf-8"))
    assert document["basis"].startswith("kalibriert: 900 Personen")
    assert "self-report" in " ".join(document["kept"].values())
    assert all(p.read_bytes() == content for p, content in before.items())
    assert Content.load(house / "content").newest("items").version != "9.0.1"


def test_a_release_names_who_and_when_and_is_in_every_audit_log(house: Path, bank: Path) -> None:
    proposal = _proposed(house, bank)
    asked = ("items", "release", str(proposal), "--by", "M. Beispiel", "--council", "2026-11-20")
    done = _run(*asked, "--yes")
    assert done.exit_code == 0, done.output
    content = Content.load(house / "content")
    assert content.newest("items").version == "9.0.1"
    manifest = (content.newest("items").path / "pack.toml").read_text(encoding="utf-8")
    assert 'released_by = "M. Beispiel"' in manifest
    assert 'council_involved_on = "2026-11-20"' in manifest
    _audited("9.0.1")
    assert "never change" in str(_run(*asked, "--yes").exception)


def test_running_attempts_keep_the_parameters_they_began_with(house: Path, bank: Path) -> None:
    old = Content.load(house / "content").versions["items"]
    before = {i.key: i.b for i in Content.load(house / "content").items}
    asked = ("--by", "M. Beispiel", "--council", "2026-11-20", "--yes")
    proposal = _proposed(house, bank)
    _run("items", "release", str(proposal), *asked)
    content = Content.load(house / "content")
    assert {i.key: i.b for i in content.items_of(old)} == before
    changed = [i.key for i in content.items if i.b != before[i.key]]
    assert changed
    # Who kept the old values also says what they are known from.
    kept = json.loads((proposal / "parameters.json").read_text(encoding="utf-8"))["kept"]
    scored = [i for i in content.items if i.scored]
    assert {i.key for i in scored if not i.basis.startswith("kalibriert")} == set(kept)


def test_nothing_is_released_without_a_name_a_day_and_a_yes(house: Path, bank: Path) -> None:
    proposal = str(_proposed(house, bank))
    for arguments in (
        ("--council", "2026-11-20", "--yes"),
        ("--by", "M. Beispiel", "--yes"),
        ("--by", " ", "--council", "2026-11-20", "--yes"),
        ("--by", "M. Beispiel", "--council", "2999-01-01", "--yes"),
        ("--by", "M. Beispiel", "--council", "2026-11-20"),
    ):
        assert _run("items", "release", proposal, *arguments).exit_code != 0
    assert Content.load(house / "content").newest("items").version != "9.0.1"


def test_a_proposal_changed_after_it_was_read_is_not_released(house: Path, bank: Path) -> None:
    proposal = _proposed(house, bank)
    path = proposal / "parameters.json"
    path.write_text(path.read_text(encoding="utf-8").replace("900", "901"), encoding="utf-8")
    done = _run(
        *("items", "release", str(proposal), "--by", "M. Beispiel"),
        *("--council", "2026-11-20", "--yes"),
    )
    assert "changed since it was sealed" in str(done.exception)
    assert Content.load(house / "content").newest("items").version != "9.0.1"


def test_a_proposal_is_always_a_later_version(house: Path, bank: Path) -> None:
    for version, code in (("0.1.1", 1), ("neu", 2)):
        done = _run(
            *("items", "propose", str(bank), "--pack", str(_pack(house))),
            *("--version", version, "--to", str(house)),
        )
        assert done.exit_code == code


def test_a_proposal_never_has_a_name_that_roadmap_could_ship_one_day(
    house: Path, bank: Path
) -> None:
    asked = ("items", "propose", str(bank), "--pack", str(_pack(house)), "--to", str(house))
    refused = _run(*asked, "--version", "1.3")
    assert refused.exit_code == 1
    assert "versions of 2 numbers are kept" in str(refused.exception)
    assert "take three numbers: 1.2.1" in str(getattr(refused.exception, "remedy", ""))
    for expected in ("kommunal-de-1.2.1", "kommunal-de-1.2.2"):
        assert _run(*asked).exit_code == 0
        assert (house / expected).is_dir()


def test_a_pack_made_here_is_not_loaded_under_a_name_that_roadmap_could_ship(house: Path) -> None:
    copy = house / "kommunal-de-1.3"
    shutil.copytree(_pack(house), copy)
    release.put_head(copy / "pack.toml", version="1.3")
    packs.seal(copy)
    released = ("--by", "M. Beispiel", "--council", "2026-11-20", "--yes")
    for asked in (("content", "load", str(copy)), ("items", "release", str(copy), *released)):
        done = _run(*asked)
        assert done.exit_code == 1
        assert "this name is kept for what comes with roadMAP" in str(done.exception)
    assert _pack(house).name == "kommunal-de-1.2"


def test_what_comes_with_roadmap_is_loaded_into_an_own_folder_of_content(house: Path) -> None:
    shipped = ROOT / "content" / "items" / "kommunal-de-1.2"
    shutil.rmtree(house / "content" / "items" / "kommunal-de-1.2")
    assert _run("content", "load", str(shipped)).exit_code == 0


def test_the_check_names_two_packs_of_one_name_and_says_which_questions_are_asked(
    house: Path, bank: Path
) -> None:
    ours, content = house / "ours", house / "content"
    shutil.copytree(content, ours)
    proposal = _proposed(house, bank)
    _run("items", "release", str(proposal), "--by", "M. B.", "--council", "2026-11-20", "--yes")
    assert shipped.look(content, ours).message == "all packs are complete"
    later = content / "items" / "kommunal-de-10.0"
    shutil.copytree(_pack(house), later)
    release.put_head(later / "pack.toml", version="10.0", released_by="")
    packs.seal(later)
    shutil.copytree(later, ours / "items" / later.name)
    found = shipped.look(content, ours)
    assert found.ok
    assert "no longer kommunal-de-9.0.1, released by M. B." in found.message
    release.put_head(later / "pack.toml", title="Unsere")
    clash = shipped.look(content, ours)
    assert not clash.ok
    assert "it has the name of what comes with roadMAP" in clash.message
    assert "copy it as kommunal-de-10.0.1" in clash.remedy
    mine = content / "items" / "kommunal-de-10.0.1"
    shutil.copytree(later, mine)
    release.put_head(mine / "pack.toml", version="10.0.1")
    packs.seal(mine)
    assert shipped.look(content, ours).ok


def _audited(version: str) -> None:
    house = build(settings.load())
    try:
        with house.database.read() as conn:
            for tenant in tenants.listed(conn):
                done = [e for e in page(conn, tenant.id, 20) if e.action == "items.release"]
                assert [e.detail["pack"] for e in done] == [f"kommunal-de-{version}"]
                assert done[0].detail["released_by"] == "M. Beispiel"
    finally:
        house.close()
