"""`roadmap items` end to end: files in, files out, errors that say where."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from competency.guessing import GUESSING
from competency.packs import Content
from lti_tool.cli import cli, main
from lti_tool.settings import ROOT
from tests.unit.competency.calibration.people import population

TRUTH = population(40, persons=260, competencies=2, per=6, categories=3, r=0.7)
KEYS = [s.key for s in TRUTH.specs]
POOL, CRITERION = KEYS[:4] + KEYS[6:10], KEYS[4:6] + KEYS[10:]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Answers of 200 to learn from and of 60 to try on, as a German spreadsheet saves them."""
    folder = tmp_path_factory.mktemp("answers")
    codes = TRUTH.answers.codes
    _table(folder / "answers.csv", codes[:200], comma=";", mark="\ufeff")
    _table(folder / "others.csv", codes[200:], comma=",", mark="")
    rows = [f"{s.key},{s.competency},{s.kind}" for s in TRUTH.specs]
    (folder / "items.csv").write_text("item,competency,kind\n" + "\n".join(rows), encoding="utf-8")
    (folder / "pool.txt").write_text("\n".join(POOL), encoding="utf-8")
    (folder / "criterion.txt").write_text("\r\n".join(CRITERION) + "\r\n", encoding="utf-8")
    made = _run(folder, "calibrate", "answers.csv", "--items", "items.csv", "--out", "bank.json")
    assert made.exit_code == 0, made.output
    return folder


def _table(path: Path, codes: np.ndarray, comma: str, mark: str) -> None:
    lines = [comma.join(["person", *KEYS])]
    for n, row in enumerate(codes.tolist()):
        lines.append(comma.join([f"p{n}", *map(str, row)]))
    path.write_bytes((mark + "\r\n".join(lines) + "\r\n").encode())


def _run(folder: Path, command: str, *arguments: str) -> Result:
    files = [
        str(folder / a) if a.endswith((".csv", ".json", ".txt", ".html")) else a for a in arguments
    ]
    return CliRunner().invoke(cli, ["items", command, *files])


REPLAY = ("bank.json", "others.csv", "--pool", "pool.txt", "--criterion", "criterion.txt")


def test_a_bank_says_what_it_is_and_names_no_person(folder: Path) -> None:
    text = (folder / "bank.json").read_text(encoding="utf-8")
    bank = json.loads(text)
    assert bank["persons"] == 200
    assert [i["item"] for i in bank["items"]] == KEYS
    assert 0.3 < bank["correlations"][0][1] < 0.95
    assert {"made", "program", "responses_sha256", "items_sha256", "settings"} <= set(
        bank["provenance"]
    )
    assert "p17" not in text


def test_the_same_answers_make_the_same_bank(folder: Path) -> None:
    _run(folder, "calibrate", "answers.csv", "--items", "items.csv", "--out", "again.json")
    one, other = (
        json.loads((folder / name).read_text(encoding="utf-8"))
        for name in ("bank.json", "again.json")
    )
    for bank in (one, other):
        del bank["provenance"]["made"]
    assert one == other


def test_a_report_for_people_lies_beside_the_bank_in_german(folder: Path) -> None:
    page = (folder / "bank.html").read_text(encoding="utf-8")
    assert "200 Personen haben 12 Fragen beantwortet. In diesem Bericht steht keine Person." in page
    assert '<html lang="de">' in page
    assert all(key in page for key in KEYS)
    assert "p17" not in page


def test_the_report_is_there_in_english_and_where_one_says(folder: Path) -> None:
    made = _run(
        *(folder, "calibrate", "answers.csv", "--items", "items.csv", "--out", "b2.json"),
        *("--report", "said.html", "--language", "en"),
    )
    assert made.exit_code == 0, made.output
    assert "200 people answered 12 questions." in (folder / "said.html").read_text(encoding="utf-8")
    assert not (folder / "b2.html").exists()


def test_a_replay_has_the_keys_of_the_contract(folder: Path) -> None:
    done = _run(folder, "replay", *REPLAY, "--lengths", "2,4", "--seed", "1", "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert {"lengths", "items_used", "ms_per_selection", "persons"} <= set(found)
    assert set(found["lengths"]) == {"2", "4"}
    assert found["persons"] == 60
    assert 4 <= found["items_used"] <= len(POOL)
    four = found["lengths"]["4"]
    assert four["log_loss"] < four["log_loss_marginal"]
    assert four["responses"] == 60 * len(CRITERION)


def test_predictions_are_written_for_every_category_and_give_the_loss(folder: Path) -> None:
    done = _run(
        folder,
        "replay",
        *REPLAY,
        "--lengths",
        "3",
        "--predict",
        "out.csv",
        "--no-compare",
        "--json",
    )
    rows = list(csv.DictReader((folder / "out.csv").read_text(encoding="utf-8").splitlines()))
    assert list(rows[0]) == ["person", "length", "item", "category", "probability"]
    assert len(rows) == 60 * len(CRITERION) * 3
    chance = {(r["person"], r["item"], int(r["category"])): float(r["probability"]) for r in rows}
    given = TRUTH.answers.codes[200:]
    loss = [
        -np.log(chance[f"p{n}", key, int(given[n, KEYS.index(key)])])
        for n in range(60)
        for key in CRITERION
    ]
    assert json.loads(done.stdout)["lengths"]["3"]["log_loss"] == pytest.approx(
        np.mean(loss), abs=1e-5
    )


def test_answers_to_the_criterion_may_be_empty_or_not_there(folder: Path) -> None:
    codes = TRUTH.answers.codes[200:].copy()
    codes[:, [KEYS.index(k) for k in CRITERION]] = -1
    lines = ["person," + ",".join(POOL)]
    lines += [f"p{n}," + ",".join(str(r[KEYS.index(k)]) for k in POOL) for n, r in enumerate(codes)]
    (folder / "pool_only.csv").write_text("\n".join(lines), encoding="utf-8")
    for source, out in (("others.csv", "seen.csv"), ("pool_only.csv", "blind.csv")):
        done = _run(folder, "replay", "bank.json", source, *REPLAY[2:], "--predict", out, "--json")
        assert done.exit_code == 0, done.output
    assert (folder / "seen.csv").read_bytes() == (folder / "blind.csv").read_bytes()
    assert json.loads(done.stdout)["lengths"]["3"]["log_loss"] is None


def test_a_table_for_people_is_printed_without_json(folder: Path) -> None:
    done = _run(folder, "replay", *REPLAY, "--lengths", "3")
    assert "log_loss_independent" in done.output
    assert "60 persons" in done.output


@pytest.mark.parametrize(
    ("name", "content", "arguments", "said"),
    [
        (
            "bad.csv",
            "person,i000\np1,x\n",
            ("calibrate", "bad.csv"),
            "bad.csv, line 2, column i000",
        ),
        ("two.csv", "person,b\np1,2\n", ("calibrate", "two.csv"), "two.csv, line 2, column b"),
        ("few.csv", "person,i000\np1,1\n", ("calibrate", "few.csv"), "1 persons answered"),
        ("no.json", "{}", ("replay", "no.json"), "no.json: not a bank"),
        ("cut.json", '{"format"', ("replay", "cut.json"), "cut.json"),
        ("nix.txt", "i999\n", ("replay", "bank.json"), "no item i999"),
    ],
)
def test_errors_name_the_file_and_the_place(
    folder: Path,
    name: str,
    content: str,
    arguments: tuple[str, str],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (folder / name).write_text(content, encoding="utf-8")
    (folder / "binary.csv").write_text("item,competency,kind\nb,c,binary\ni000,c,graded\n")
    command, file = arguments
    line = ["roadmap", "items", command, str(folder / file)]
    if command == "calibrate":
        line += ["--items", str(folder / "binary.csv"), "--out", str(folder / "x.json")]
    else:
        pool = name if name.endswith(".txt") else "pool.txt"
        line += [str(folder / "others.csv"), "--pool", str(folder / pool)]
        line += ["--criterion", str(folder / "criterion.txt")]
    monkeypatch.setattr("sys.argv", line)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    assert said in capsys.readouterr().err
    assert not (folder / "x.json").exists()


@pytest.mark.parametrize("lengths", ["", "a", "0", "3,-1", "9999"])
def test_lengths_that_make_no_sense_are_wrong_use(folder: Path, lengths: str) -> None:
    assert _run(folder, "replay", *REPLAY, "--lengths", lengths).exit_code == 2


def test_a_calibration_that_fails_leaves_the_bank_of_before(folder: Path) -> None:
    before = (folder / "bank.json").read_bytes()
    (folder / "one.csv").write_text("person,i000\np1,1\n", encoding="utf-8")
    done = _run(folder, "calibrate", "one.csv", "--items", "items.csv", "--out", "bank.json")
    assert done.exit_code != 0
    assert (folder / "bank.json").read_bytes() == before


def test_wherever_numbers_are_estimated_the_guess_about_guessing_is_said(folder: Path) -> None:
    assert GUESSING == 0.5  # "die Hälfte" in the sentences below
    said = "Von denen, die nichts wissen, rät die Hälfte."
    assert said in Content.load(ROOT / "content").newest("items").note
    assert said in (folder / "bank.html").read_text(encoding="utf-8")
    small = ("--preset", "shipped", "--seed", "1", "--persons", "1", "--row", "as believed")
    done = CliRunner().invoke(cli, ["assessment", "simulate", *small, "--json"])
    assert done.exit_code == 0, done.output
    assert "of those who know nothing 50% guess" in json.loads(done.stdout)["assumes"]


def test_the_report_calls_our_own_questions_by_their_names(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    rows = [f"{n},{int(rng.random() < 0.5)},{int(rng.random() < 0.7)}" for n in range(60)]
    (tmp_path / "answers.csv").write_text("person,1.1-01,neu\n" + "\n".join(rows) + "\n")
    (tmp_path / "items.csv").write_text("item,competency,kind\n1.1-01,1.1,binary\nneu,1.2,binary\n")
    done = _run(
        *(tmp_path, "calibrate", "answers.csv", "--items", "items.csv", "--out", "own.json"),
    )
    assert done.exit_code == 0, done.output
    page = (tmp_path / "own.html").read_text(encoding="utf-8")
    assert '1.1-01 <span class="small">Anleitung suchen</span>' in page
    assert '1.2 <span class="small">Informationen prüfen</span>' in page
    assert ">neu</th>" in page
