"""Content packs: what is shipped loads and passes; what is broken is named by file and field."""

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from competency.assessment import Engine, Selection, Terms
from competency.checks import check
from competency.errors import ChecksumMismatch, PackError, UnknownPack
from competency.expert import BASIS, expert_parameters
from competency.items import Model, Scene
from competency.packs import Content, checksum, read_manifest, seal
from competency.scoring import categories
from competency.target import Target
from tests.unit.competency.copied import PACKS, SHIPPED, change, checksums_only, choice


@pytest.fixture(scope="module")
def content() -> Content:
    return Content.load(SHIPPED)


def test_a_role_may_ask_for_areas_on_the_eight_levels_of_the_workshops(copy: Path):
    def by_area(roles: list[dict[str, Any]]) -> None:
        del roles[2]["levels"]
        roles[2].update(areas={"1": 2, "2": 6, "3": 0, "4": 5, "5": 3, "K": 1}, steps={"4.1": 4})

    change(copy, "roles", by_area)
    content = Content.load(copy)
    erzieher = next(r for r in content.roles if r.key == "ERZ")
    target = Target.of([erzieher])
    assert target.areas == {"1": 2, "2": 6, "4": 5, "5": 3, "K": 1}
    assert target.steps == {"4.1": 4}
    assert [f for f in check(copy) if "ERZ" in str(f)] == []


# --- what is shipped ------------------------------------------------------------------------------


def test_the_shipped_content_passes_every_check():
    assert check(SHIPPED) == []


def test_the_shipped_content_measures_26_competences_for_thirteen_roles_and_a_general_one(
    content: Content,
):
    assert len(content.framework.dimensions) == 26
    assert "K.1" not in content.framework.dimensions
    assert [r.key for r in content.roles if r.general] == ["ALLG"]
    assert len(content.roles) == 14
    assert {len(r.levels) for r in content.roles} == {27}
    assert not any(r.approved for r in content.roles)
    assert len(content.catalogue.units) == 37


def test_the_general_profile_asks_what_nine_of_twelve_roles_need(content: Content):
    (general,) = (r for r in content.roles if r.general)
    work = [r for r in content.roles if not r.general and not r.additional]
    assert len(work) == 12
    for code, level in general.levels.items():
        assert sum(r.levels[code] >= level for r in work) >= 9
        assert sum(r.levels[code] >= level + 1 for r in work) < 9


def test_a_unit_begins_where_the_next_lower_one_ends(content: Content):
    assert content.catalogue.by_key["A1"].lifts["K.2"][1] == 3
    taught = {u.lifts["K.2"] for u in content.catalogue.units if "K.2" in u.lifts}
    assert {begin for begin, _ in taught} <= {0} | {end for _, end in taught}
    assert content.catalogue.by_key["A1"].lifts["K.1"] == (0, 1)


def test_every_question_says_whom_its_scene_is_from(content: Content):
    assert [i.key for i in content.items if i.scene(()) is Scene.UNSAID] == []
    assert not any(i.for_all and i.roles for i in content.items)


def test_a_question_that_names_nobody_is_pointed_out(copy: Path):
    change(copy, "items", choice(roles=[]))
    found = [f for f in check(copy) if "nobody yet" in f.message]
    assert [f.severity for f in found] == ["warning"]


@pytest.mark.parametrize("key", ["ERZ", "GB", "HM", "RB", "OA", "PFL"])
def test_work_without_a_desk_has_a_question_of_its_own_for_everything_it_needs(
    content: Content, key: str
):
    role = next(r for r in content.roles if r.key == key)
    asked = {
        (i.competency, i.level)
        for i in content.items
        if i.scene((key,)).familiar and not i.self_report
    }
    private = {code for code, c in content.framework.by_code.items() if c.private}
    needed = {(c, level) for c, level in role.levels.items() if level and c not in private}
    assert needed - asked == set()


def test_every_scored_item_has_provisional_parameters_for_its_categories(content: Content):
    for item in content.items:
        if item.scored:
            assert item.basis == BASIS
            assert item.categories == categories(item)
            assert (item.a, item.b) == expert_parameters(item)


@pytest.mark.parametrize("role", ["GB", "ERZ", "RB", "BB", "FK"])
def test_every_role_is_assessed_to_an_end_in_its_own_work(content: Content, role: str):
    engine = Engine(content.framework, content.items, versions=content.versions)
    target = Target.of([r for r in content.roles if r.key == role])
    posterior, asked = engine.prior(), []
    terms = Terms(roles=target.roles)
    while isinstance(step := engine.select(posterior, target, asked, terms), Selection):
        assert step.item.scene((role,)).familiar
        asked.append(step.item.key)
        posterior = engine.answered(posterior, step.item, step.item.categories - 1)
    assert 5 <= len(asked) <= 20


# --- versions -------------------------------------------------------------------------------------


def test_the_newest_version_is_in_force_and_an_attempt_keeps_its_own(copy: Path):
    old = copy / PACKS["items"]
    new = old.with_name("kommunal-de-1.10")
    shutil.copytree(old, new)
    manifest = new / "pack.toml"
    manifest.write_text(manifest.read_text().replace('version = "1.2"', 'version = "1.10"'))
    rows = json.loads((new / "items.json").read_text())
    (new / "items.json").write_text(json.dumps(rows[1:]))
    seal(new)
    content = Content.load(copy)
    assert content.versions["items"] == "kommunal-de-1.10"
    assert len(content.items) == len(rows) - 1
    assert len(content.items_of("kommunal-de-1.2")) == len(rows)
    with pytest.raises(UnknownPack):
        content.items_of("kommunal-de-0.9")


def test_two_packs_of_one_kind_with_different_names_are_refused(copy: Path):
    other = copy / "roles" / "andere-1.1"
    shutil.copytree(copy / PACKS["roles"], other)
    manifest = other / "pack.toml"
    manifest.write_text(manifest.read_text().replace('id = "kommunal"', 'id = "andere"'))
    with pytest.raises(PackError, match="more than one pack of kind roles: andere, kommunal"):
        Content.load(copy)


def test_a_pack_in_the_folder_of_another_kind_is_refused(copy: Path):
    shutil.move(copy / PACKS["roles"], copy / "items" / "kommunal-1.1")
    with pytest.raises(PackError, match="a pack of roles belongs in that folder"):
        Content.load(copy)


def test_a_missing_kind_is_named(tmp_path: Path):
    with pytest.raises(UnknownPack, match="framework"):
        Content.load(tmp_path)


def test_texts_are_packs_too_but_no_result_carries_their_version(content: Content):
    assert content.newest("texts").ref == "hinweis-1.1"
    assert "texts" not in content.versions


def test_a_text_pack_without_a_manifest_or_changed_after_sealing_is_found(copy: Path):
    texts = copy / "texts" / "hinweis-1.1"
    shutil.copytree(SHIPPED / "texts" / "hinweis-1.1", texts)
    (texts / "notice.json").write_text("{}")
    assert any("notice.json: changed since" in f.message for f in check(copy) if f.error)
    (texts / "pack.toml").unlink()
    assert any("no pack of this kind" in f.message for f in check(copy) if f.error)


# --- seal -----------------------------------------------------------------------------------------


def test_a_file_that_changed_since_it_was_sealed_is_refused(copy: Path):
    change(copy, "catalogue", lambda d: d["units"].pop(), sealed=False)
    with pytest.raises(ChecksumMismatch, match=r"catalogue\.json"):
        Content.load(copy)
    assert any("changed since it was sealed" in f.message for f in check(copy))


def test_sealing_again_changes_nothing(copy: Path):
    for pack in PACKS.values():
        before = {p: p.read_bytes() for p in (copy / pack).rglob("*") if p.is_file()}
        assert seal(copy / pack).files == checksum(copy / pack)
        assert {p: p.read_bytes() for p in (copy / pack).rglob("*") if p.is_file()} == before


def test_sealing_leaves_calibrated_parameters_alone(copy: Path):
    path = copy / PACKS["items"] / "parameters.json"
    calibrated = json.loads(path.read_text()) | {"basis": "kalibriert an 900 Antworten"}
    path.write_text(json.dumps(calibrated))
    seal(copy / PACKS["items"])
    assert json.loads(path.read_text()) == calibrated
    assert {i.basis for i in Content.load(copy).items if i.scored} == {calibrated["basis"]}


def test_only_files_of_the_manifest_are_handed_out(content: Content):
    pack = content.newest("items")
    assert pack.file("items.json").is_file()
    with pytest.raises(UnknownPack):
        pack.file("../../../pyproject.toml")


# --- what is broken -------------------------------------------------------------------------------


def on_item(n: int, **fields: object) -> Callable[[Any], None]:
    return lambda rows: rows[n].update(fields)


@pytest.mark.parametrize(
    ("kind", "edit", "message"),
    [
        ("items", on_item(4, kind="quiz"), r"items\.json\[4\] \(1\.1-05\): kind: unknown"),
        ("items", on_item(0, level=5), r"level: expected a whole number from 1 to 4"),
        ("items", on_item(0, level=True), r"level: expected a whole number"),
        ("items", on_item(0, stem="  "), r"stem: expected a text"),
        ("items", on_item(0, options=[]), r"options: expected at least one entry"),
        ("items", on_item(0, options=[{"text": 3}]), r"options\[0\]: text: expected a text"),
        ("items", on_item(0, roles="GB"), r"roles: expected a list"),
        ("items", on_item(0, spots=[[1]]), r"spots: expected a list of \[x, y\]"),
        ("items", on_item(0, plain="ja"), r"plain: expected true or false"),
        ("items", on_item(0, ai_label="KI"), r"ai_label: expected AI-Explicit or AI-Implicit"),
        (
            "items",
            on_item(0, learning_outcomes=["CS1.1.01"]),
            r"learning_outcomes: expected ids like LO4\.1\.06, not CS1\.1\.01",
        ),
        ("items", on_item(0, key="1.1-02"), r"items\.json: not unique: 1\.1-02"),
        ("items", on_item(0, competency="9.9"), r"1\.1-01: no competence 9\.9"),
        ("items", on_item(0, competency="K.1"), r"1\.1-01: K\.1 is private"),
        ("roles", on_item(0, workplace="home"), r"roles\.json\[0\] \(VFA\): workplace"),
        ("roles", lambda d: d[2]["levels"].update({"1.1": 5}), r"\(ERZ\): levels: 1\.1"),
        ("roles", lambda d: d[2]["levels"].update({"9.9": 1}), r"ERZ: no competence 9\.9"),
        ("roles", lambda d: d[2].update(areas={"1": 9}), r"\(ERZ\): areas: 1"),
        ("roles", lambda d: d[2].update(areas={"7": 1}), r"ERZ: no area 7"),
        ("roles", lambda d: d[2].update(steps={"9.9": 1}), r"ERZ: no competence 9\.9"),
        ("roles", lambda d: d[2].pop("levels"), r"\(ERZ\): levels: expected a Soll"),
        (
            "catalogue",
            lambda d: d["units"][1]["phases"][0].update(minutes=0),
            r"units\[1\] \(A2\): phases\[0\]: minutes",
        ),
        (
            "catalogue",
            lambda d: d["units"][1]["teaches"].update({"1.1": 0}),
            r"\(A2\): teaches: 1\.1: expected a whole number from 1 to 4",
        ),
        ("framework", lambda d: d.update(cuts=[0.0, 1.0]), r"cuts: expected 8 strictly increasing"),
        ("framework", lambda d: d["areas"][0].pop("short"), r"areas\[0\] \(1\): short"),
    ],
)
def test_a_broken_pack_is_refused_with_file_place_and_field(
    copy: Path, kind: str, edit: Callable[[Any], None], message: str
):
    change(copy, kind, edit, sealed=False)
    checksums_only(copy / PACKS[kind])
    with pytest.raises(PackError, match=message):
        Content.load(copy)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('kind = "roles"', 'kind = "people"', "kind: expected one of"),
        ('version = "1.1"', 'version = "one"', "version: expected numbers"),
        ('version = "1.1"', 'version = "1.2"', "expected the directory's name, kommunal-1.1"),
        ('licence = "CC-BY-4.0"\n', "", "licence: expected a text"),
        ('"roles.json"', '"../roles.json"', "expected a name inside the pack"),
        ('id = "kommunal"', "id = ", "pack.toml"),
    ],
)
def test_a_broken_manifest_is_refused(copy: Path, old: str, new: str, message: str):
    path = copy / PACKS["roles"] / "pack.toml"
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(PackError, match=message):
        read_manifest(path.parent)


def test_data_that_is_not_json_is_refused(copy: Path):
    (copy / PACKS["roles"] / "roles.json").write_text("[{")
    checksums_only(copy / PACKS["roles"])
    with pytest.raises(PackError, match=r"roles\.json: not JSON"):
        Content.load(copy)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"a": 0, "b": [0.0]}, "a: expected a number from"),
        ({"b": [0.0]}, "a: expected a number above 0"),
        ({"a": 1.2, "b": []}, "b: expected at least one"),
        ({"a": 1.2, "b": [0.0], "model": "3pl"}, "model: unknown"),
        (None, r"1\.1-01: expected an object"),
    ],
)
def test_an_item_without_sound_parameters_is_refused(
    copy: Path, parameters: Mapping[str, object] | None, message: str
):
    path = copy / PACKS["items"] / "parameters.json"
    data = json.loads(path.read_text())
    data["items"]["1.1-01"] = parameters
    path.write_text(json.dumps(data))
    checksums_only(path.parent)
    with pytest.raises(PackError, match=message):
        Content.load(copy)


def test_an_item_may_be_of_the_partial_credit_model(copy: Path):
    path = copy / PACKS["items"] / "parameters.json"
    data = json.loads(path.read_text())
    data["items"]["1.1-01"] = {"a": 1.2, "b": [0.5, -0.5], "model": "gpcm"}
    path.write_text(json.dumps(data))
    checksums_only(path.parent)
    item = next(i for i in Content.load(copy).items if i.key == "1.1-01")
    assert (item.model, item.b) == (Model.GPCM, (0.5, -0.5))


def test_a_question_may_say_itself_in_easy_words_and_where_it_touches_digcomp(copy: Path):
    def edit(rows: Any) -> None:
        rows[0].update(
            plain=False,
            stem_plain="Leichter gefragt?",
            learning_outcomes=["LO1.1.05"],
            ai_label="AI-Explicit",
        )
        rows[0]["options"][1]["text_plain"] = "leicht"
        rows[1].update(plain=True)

    change(copy, "items", edit)
    first, second = Content.load(copy).items[:2]
    assert (first.stem_plain, first.plain) == ("Leichter gefragt?", False)
    assert [o.text_plain for o in first.options] == ["", "leicht", "", ""]
    assert (first.learning_outcomes, first.ai_label) == (("LO1.1.05",), "AI-Explicit")
    assert (second.stem_plain, second.plain) == ("", True)
