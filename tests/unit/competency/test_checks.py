"""`roadmap content check`: every rule is shown a pack that breaks it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from competency.checks import ERROR, WARNING, check
from competency.items import Kind
from tests.unit.competency.copied import PACKS, Edit, change, checksums_only, choice, first

# --- errors: nobody could answer, or the page or the law forbids it -------------------------------


def drop_items_of(code: str) -> Edit:
    def edit(rows: Any) -> None:
        rows[:] = [r for r in rows if r["competency"] != code or r["key"].endswith(("01", "02"))]

    return edit


def second_right(rows: Any) -> None:
    for option in first(rows, Kind.SINGLE_CHOICE)["options"]:
        option["correct"] = True


def all_at_the_desk(rows: Any) -> None:
    for row in rows:
        row.update(setting="desk", roles=[])


def no_best_answer(rows: Any) -> None:
    for n, option in enumerate(first(rows, Kind.SCENARIO)["options"]):
        option["points"] = 2 if n else 0


def ring(data: Any) -> None:
    data["units"][0]["requires"] = [data["units"][1]["key"]]
    data["units"][1]["requires"] = [data["units"][0]["key"]]


@pytest.mark.parametrize(
    ("kind", "edit", "message"),
    [
        ("items", choice(stem="Eins. Zwei. Drei. Vier?"), "stem has 4 sentences"),
        ("items", choice(stem_plain="A. B. C. D. E?"), "stem_plain has 5 sentences"),
        ("items", choice(stem="Wort " * 19 + "?"), "19 words in a sentence"),
        ("items", choice(feedback="Das ist keine Schwäche."), "forbidden word Schwäche"),
        (
            "items",
            choice(stem="Sie sind müde. Was nun?"),
            "own health: Sie sind müde",
        ),
        ("items", choice(stem="Ihr Rücken schmerzt?"), "the learner's own health: Ihr Rücken"),
        ("items", choice(feedback=""), "feedback is missing"),
        ("items", choice(stem_en=""), "stem_en is missing"),
        ("items", choice(source=""), "source is missing"),
        ("items", choice(roles=["XYZ"]), "no role XYZ"),
        ("items", choice(picture="fehlt.svg"), "no picture fehlt.svg"),
        ("items", choice(setting="moon"), "unknown setting moon"),
        ("items", second_right, "options are correct, exactly one must be"),
        ("items", no_best_answer, "exactly one option must have the most points"),
        ("items", drop_items_of("2.3"), "2 items, at least 3"),
        ("items", all_at_the_desk, "at least half must be"),
        ("roles", lambda d: d[0].update(title="x" * 61), "title over 60 characters"),
        ("roles", lambda d: d[0]["levels"].pop("1.1"), "no Soll for 1.1"),
        ("roles", lambda d: d[0]["levels"].update({"1.1": 1}), "says 3, roles say 1"),
        ("roles", lambda d: d[0]["levels"].update({"4.2": 0}), "4.2 is needed in every role"),
        ("framework", lambda d: d["areas"][0].update(short="x" * 12), "over 11 letters"),
        ("catalogue", lambda d: d["units"][0].update(requires=["Z9"]), "requires: no unit Z9"),
        ("catalogue", ring, "units require each other: "),
        ("catalogue", lambda d: d["modules"][0].update(elective=["Z9"]), "no unit Z9"),
        ("catalogue", lambda d: d["units"][0].update(teaches={"9.9": 1}), "no competence 9.9"),
    ],
)
def test_the_check_finds_what_the_shape_does_not_show(
    copy: Path, kind: str, edit: Edit, message: str
):
    change(copy, kind, edit)
    assert any(message in f.message for f in check(copy) if f.severity == ERROR)


def test_parameters_that_do_not_fit_the_options_are_found(copy: Path):
    path = copy / PACKS["items"] / "parameters.json"
    data = json.loads(path.read_text())
    data["items"]["1.1-01"]["b"] = [0.0, -1.0]
    path.write_text(json.dumps(data))
    checksums_only(path.parent)
    messages = [f.message for f in check(copy) if f.where == "items: 1.1-01"]
    assert messages == ["b does not rise strictly", "b has 2 numbers, its options need 1"]


def test_a_file_beside_the_manifest_is_found(copy: Path):
    (copy / PACKS["roles"] / "notes.txt").write_text("neu")
    assert [f.message for f in check(copy)] == [
        "notes.txt: not in pack.toml (roadmap content seal)"
    ]


def test_a_pack_that_cannot_be_read_does_not_hide_the_others(copy: Path):
    change(copy, "framework", lambda d: d["areas"][0].pop("short"))
    change(copy, "roles", lambda d: d[0].update(workplace="home"))
    assert len([f for f in check(copy) if f.severity == ERROR]) == 2


# --- warnings: for the two people who review ------------------------------------------------------


def options(*texts: str, **fields: object) -> Edit:
    """Return an edit that gives the first choice these options, the first of them right."""
    made = [{"text": t, "text_en": "x", "correct": not n} for n, t in enumerate(texts)]
    return choice(**{"options": made, "stem": "Was tun Sie im Freibad?", **fields})


def right_always(longest: bool) -> Edit:
    """Return an edit after which the right option is the longest or shortest of every choice."""

    def edit(rows: Any) -> None:
        for row in rows:
            if row["kind"] == Kind.SINGLE_CHOICE:
                for option in row["options"]:
                    tail = " und dann noch etwas" if option["correct"] is longest else ""
                    option["text"] = option["text"].rstrip(".") + tail

    return edit


def right_first(rows: Any) -> None:
    for row in rows:
        if row["kind"] == Kind.SINGLE_CHOICE:
            row["options"].sort(key=lambda o: not o["correct"])


def right_joins_two(rows: Any) -> None:
    for row in [r for r in rows if r["kind"] == Kind.SINGLE_CHOICE]:
        for option in row["options"]:
            text = option["text"].replace(" und ", " oder ")
            option["text"] = f"{text} und mehr" if option["correct"] else text


def right_says_at_once(rows: Any) -> None:
    for row in [r for r in rows if r["kind"] == Kind.SINGLE_CHOICE][:20]:
        right = next(o for o in row["options"] if o["correct"])
        right["text"] = f"Sofort: {right['text']}"


def names_exchanged(rows: Any) -> None:
    """The photo of a fence becomes one of a gate; nothing else changes."""
    old = next(r for r in rows if r["key"] == "3.1-01")
    new = json.loads(
        json.dumps(old, ensure_ascii=False)
        .replace("Loch im Gehweg", "Riss im Radweg")
        .replace("Auftrags-App", "Meldungs-App")
        .replace("Kollegin", "Firma")
    )
    rows.append(new | {"key": "3.1-99"})


def without_level_four(rows: Any) -> None:
    rows[:] = [r for r in rows if (r["competency"], r["level"]) != ("2.4", 4)]


def seven_left(rows: Any) -> None:
    mine = [r for r in rows if r["competency"] == "2.5"]
    rows[:] = [r for r in rows if r not in mine[7:]]


def nothing_for_pools(rows: Any) -> None:
    rows[:] = [
        r
        for r in rows
        if r["competency"] != "K.3" or (r["roles"] != "all" and "RB" not in r["roles"])
    ]


@pytest.mark.parametrize(
    ("kind", "edit", "message"),
    [
        ("items", choice(roles=[]), "nobody yet"),
        ("items", choice(feedback="Das wäre besser."), "not what might be: wäre"),
        ("items", choice(feedback="Das Ende der Frist der Stadt."), "two genitives in a row: Ende"),
        ("items", choice(plain=False), "plain: say true, or give stem_plain"),
        ("items", choice(stem_plain="Zu viel?"), "plain: say true, or give stem_plain"),
        ("items", choice(stem_plain="Was?", stem="Was?"), "an easy twin that says the same"),
        (
            "items",
            options("Zum Becken.", "Zum Haus.", "Zum Amt.", stem_plain="Was tun Sie am Becken?"),
            "in easy words: only the right option takes up",
        ),
        ("items", choice(stem="Wo steht die Urkunde?"), "not easy: Urkunde (hard word)"),
        ("items", choice(feedback="Wort " * 12 + "Ende."), "not easy: 13 words, at most 12"),
        (
            "items",
            choice(stem="Haushaltskonsolidierungsmaßnahmen kommunizieren Verwaltungsbehörden?"),
            "not easy: Wiener Sachtextformel",
        ),
        ("items", choice(learning_outcomes=[]), "learning_outcomes: none named"),
        ("items", choice(learning_outcomes=["LO2.1.01"]), "LO2.1.01 is not of 1.1"),
        ("items", choice(learning_outcomes=["LO1.1.22"]), "DigComp 3.0 has no LO1.1.22"),
        (
            "items",
            options("Ich sperre das ganze Becken ab und rufe die Leitung an.", "Ich gehe.", "Ja."),
            "the right option is much longer",
        ),
        (
            "items",
            options("Ich gehe in das Freibad.", "Ich bleibe hier.", "Ich frage nach."),
            "takes up the question's word: freiba",
        ),
        (
            "items",
            options("Zum Becken.", "Zum Haus.", "Zum Amt.", topic="Am Becken", stem="Wohin?"),
            "takes up the question's word: becken",
        ),
        (
            "items",
            options("Ich frage nach.", "Ich mache das immer so.", "Ich warte ab."),
            "a wrong option gives itself away by 'immer'",
        ),
        (
            "items",
            options("„Ja, gern.“", "Ich sage es.", "Ich schweige."),
            "only the right option is (or is not) a quotation",
        ),
        (
            "items",
            options("Den Chef fragen.", "Den Plan lesen", "Den Raum verlassen"),
            "ends (or does not end) like a sentence",
        ),
        (
            "items",
            options("Wir fragen nach.", "Ich warte ab.", "Ich gehe heim."),
            "only the right option begins with another word",
        ),
        ("items", right_always(longest=True), "the longest option is right in"),
        ("items", right_always(longest=False), "the shortest option is right in"),
        ("items", right_first, "option 1 of 4 is right in"),
        ("items", right_joins_two, "the only option with 'und' is right in"),
        ("items", right_says_at_once, "'sofort' stands in"),
        ("items", names_exchanged, "says the same as 3.1-99, with other words or names"),
        ("items", without_level_four, "no item on level 4"),
        ("items", seven_left, "7 items, at least 8"),
        ("items", nothing_for_pools, "0 questions in RB's own or everybody's scenes"),
        ("roles", lambda d: d[0]["reasons"].pop("1.1"), "reasons: none for 1.1"),
        ("roles", lambda d: d[0]["reasons_en"].pop("4.2"), "reasons_en: none for 4.2"),
    ],
)
def test_what_two_reviewers_must_look_at_is_pointed_out(
    copy: Path, kind: str, edit: Edit, message: str
):
    change(copy, kind, edit)
    assert any(message in f.message for f in check(copy) if f.severity == WARNING)


# --- pictures -------------------------------------------------------------------------------------

GOOD = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 320 240">{}</svg>'
RECT = '<rect class="rm-cell" x="1" y="1" width="9" height="9"/>'


def drawn(svg: str) -> Callable[[Path], None]:
    def draw(root: Path) -> None:
        pack = root / PACKS["items"]
        (pack / "pictures" / "1.1-02-treffer.svg").write_text(svg)
        checksums_only(pack)

    return draw


@pytest.mark.parametrize(
    ("svg", "message"),
    [
        ("<svg", "not SVG"),
        (GOOD.format(RECT).replace("0 0 320", "0 9 320"), 'expected a viewBox "0 0 width height"'),
        (GOOD.format("<script>1</script>"), "<script> is not drawn"),
        (GOOD.format('<image href="x.png"/>'), "<image> is not drawn"),
        (GOOD.format('<g onclick="x()"/>'), "attribute onclick is not needed"),
        (GOOD.format('<g style="fill:red"/>'), "attribute style is not needed"),
        (GOOD.format('<rect fill="#f00"/>'), "<rect> without a class that has a colour"),
        (GOOD.format('<rect class="red"/>'), "<rect> without a class that has a colour"),
        (GOOD.format('<text class="rm-st" font-size="9">x</text>'), "type of 9, at least 13"),
        (GOOD.format(RECT * 600), "bytes, at most 25000"),
    ],
)
def test_a_picture_that_is_not_safe_small_and_right_in_the_dark_is_refused(
    copy: Path, svg: str, message: str
):
    drawn(svg)(copy)
    assert any(message in f.message for f in check(copy) if f.severity == ERROR)


@pytest.mark.parametrize(
    ("alt", "message"),
    [
        ("", "picture_alt is missing"),
        ("Wort " * 60, "picture_alt: 300 characters, at most 260"),
        (
            "Drei Treffer. Den zweiten, denn er kommt von der Stadt.",
            "picture_alt: says the right option",
        ),
    ],
)
def test_a_description_tells_what_is_seen_and_not_which_option_is_right(
    copy: Path, alt: str, message: str
):
    def describe(rows: Any) -> None:
        next(r for r in rows if r["key"] == "1.1-02")["picture_alt"] = alt

    change(copy, "items", describe)
    assert any(message in f.message for f in check(copy) if f.severity == ERROR)
