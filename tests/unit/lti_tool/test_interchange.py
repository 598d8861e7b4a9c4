"""Questions to other formats and back: the same rows, and nothing left out in silence."""

import csv
import html
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from competency.items import Item, Kind, Model, Option
from competency.manifest import read_manifest
from competency.readers import read_items
from lti_tool.cli import cli
from lti_tool.interchange import catquiz, gift, limesurvey, moodle, qti
from lti_tool.interchange.row import OWN, OWN_OF_OPTIONS, InterchangeRefused, Row, Written
from lti_tool.settings import ROOT

PACK = ROOT / "content" / "items" / "kommunal-de-1.2"
ROWS: list[Row] = json.loads((PACK / "items.json").read_text(encoding="utf-8"))
FORMATS: dict[str, tuple[Any, Callable[..., Written]]] = {
    "gift": (gift, gift.write),
    "moodle": (moodle, moodle.write),
    "qti": (qti, qti.write),
}


def cut(row: Row) -> Row:
    """Return what every format can hold of a row."""
    kept = {k: v for k, v in row.items() if k in OWN and v not in (None, "", [], False)}
    options = [
        {k: v for k, v in o.items() if k in OWN_OF_OPTIONS and (v or k in ("correct", "points"))}
        for o in row["options"]
    ]
    return kept | {"options": options}


@pytest.mark.parametrize("name", FORMATS)
def test_the_shipped_questions_come_back_as_they_went(name: str) -> None:
    module, write = FORMATS[name]
    done = write(ROWS)
    back = module.read(done.data)
    sent = [cut(r) for r in ROWS if r["kind"] in module.KINDS]
    assert [cut(r) for r in back.rows] == sent
    assert done.count == len(sent)
    assert back.notes == ()


@pytest.mark.parametrize("name", FORMATS)
def test_every_question_and_field_that_does_not_travel_is_listed(name: str) -> None:
    module, write = FORMATS[name]
    notes = {n.where: n.what for n in write(ROWS).notes}
    for row in ROWS:
        if row["kind"] not in module.KINDS:
            assert notes[row["key"]].startswith("not written")
            continue
        lost = [f for f in row if f not in OWN and row[f] not in (None, "", [])]
        assert all(f in notes[row["key"]] for f in lost)


words = st.text(st.sampled_from("aäß =~#{}:\\%[]<>&\"'-/\u201e1"), min_size=1, max_size=20)
words = words.map(lambda t: " ".join(t.split())).filter(bool)
rows = st.builds(
    lambda stem, texts, right, feedback: {
        "key": "k-1", "kind": "multiple_response" if len(right) > 1 else "single_choice",
        "stem": stem, "feedback": feedback,
        "options": [{"text": t, "correct": n in right} for n, t in enumerate(texts)],
    },
    words, st.lists(words, min_size=3, max_size=5, unique=True),
    st.sets(st.integers(0, 2), min_size=1), words,
)  # fmt: skip


@pytest.mark.parametrize("name", FORMATS)
@settings(deadline=None, derandomize=True, max_examples=60)
@given(row=rows)
def test_signs_that_mean_something_in_a_format_come_back_as_text(name: str, row: Row) -> None:
    module, write = FORMATS[name]
    (back,) = module.read(write([row]).data).rows
    assert cut(back) == cut(row)


GIFT = """// a comment
$CATEGORY: Haus/Hof

::Q1:: [html]<p>Was ist <b>richtig</b>?</p>{=Ja#gut ~%50%Fast ~Nein ####Weil es so ist.}

Die Sonne ist warm.{TRUE}

Wer {=schreibt ~liest} Bücher?

Welche Hauptstadt?{=Berlin =berlin}

Wie viele?{#3:1}

Erzählen Sie.{}

Nur ein Text.
"""


def test_gift_of_others_is_read_and_what_has_no_place_is_named_by_line() -> None:
    found = gift.read(GIFT.encode())
    first, second, third = found.rows
    assert (first["stem"], first["topic"], first["feedback"]) == (
        *("Was ist richtig?", "Q1", "Weil es so ist."),
    )
    assert first["kind"] == "scenario"
    assert [o["points"] for o in first["options"]] == [100, 50, 0]
    assert (second["kind"], second["options"][0]) == (
        *("true_false", {"text": "Richtig", "correct": True}),
    )
    assert third["stem"] == "Wer _____ Bücher?"
    assert [str(n) for n in found.notes] == [
        "line 2: category Haus/Hof is not kept",
        "line 4: without feedback of single answers",
        "line 10: not taken: a word to be typed as the answer",
        "line 12: not taken: a number as the answer",
        "line 14: not taken: an essay",
        "line 16: not taken: a description without a question",
    ]


def test_the_same_foreign_question_gets_the_same_key_each_time() -> None:
    one, two = (gift.read(GIFT.encode()).rows for _ in range(2))
    assert [r["key"] for r in one] == [r["key"] for r in two]
    assert len({r["key"] for r in one}) == 3


MOODLE = """\
<?xml version="1.0"?><quiz>
<question type="shortanswer"><name><text>x</text></name></question>
<question type="multichoice"><name><text>Bild</text></name><idnumber>b-1</idnumber>
<questiontext format="html">
<text>&lt;p&gt;Was? &lt;img src="@@PLUGINFILE@@/a.png"&gt;&lt;/p&gt;</text>
<file name="a.png" encoding="base64">AAAA</file></questiontext><single>false</single>
<answer fraction="66.66667"><text>A</text></answer>
<answer fraction="33.33333"><text>B</text></answer>
<answer fraction="-50"><text>C</text></answer></question></quiz>"""


def test_moodle_questions_of_others_lose_nothing_in_silence() -> None:
    found = moodle.read(MOODLE.encode())
    (row,) = found.rows
    assert (row["key"], row["stem"]) == ("b-1", "Was?")
    assert [o["correct"] for o in row["options"]] == [True, True, False]
    assert {n.what for n in found.notes} == {
        "not taken: there is no place for the type shortanswer",
        "without its picture, sound or film",
        "without weights of the answers",
    }


LAUGHS = """\
<?xml version="1.0"?><!DOCTYPE quiz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>
<quiz><question type="multichoice"><name><text>&b;</text></name></question></quiz>"""
OUTSIDE = """\
<?xml version="1.0"?><!DOCTYPE quiz [<!ENTITY a SYSTEM "file:///etc/passwd">]>
<quiz><question type="multichoice"><name><text>&a;</text></name></question></quiz>"""


@pytest.mark.parametrize("text", [LAUGHS, OUTSIDE, LAUGHS.replace("<!ENTITY", "<!ELEMENT")])
@pytest.mark.parametrize("module", [moodle, qti])
def test_xml_with_entities_or_a_dtd_is_not_read(module: Any, text: str) -> None:
    with pytest.raises(InterchangeRefused, match="DTD"):
        module.read(text.encode())


def test_broken_xml_says_where_it_breaks() -> None:
    with pytest.raises(InterchangeRefused, match="line 1, column"):
        moodle.read(b"<quiz><question></quiz>")


def package(**files: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name.replace("__", "/"), text)
    return buffer.getvalue()


def test_a_package_that_reaches_outside_or_unpacks_without_end_is_refused() -> None:
    with pytest.raises(InterchangeRefused, match="outside"):
        qti.read(package(**{"..__evil.xml": "<a/>"}))
    with pytest.raises(InterchangeRefused, match="unpacks"):
        qti.read(package(**{f"a{n}.xml": f"<a>{' ' * 6_000_000}</a>" for n in range(4)}))


#: An item of ours in QTI 2.1, as `qti-convert upgrade` (citolab-qti-convert 0.2.0) wrote it.
UPGRADED = """\
<?xml version="1.0" encoding="UTF-8"?>
<?xml-model href="https://purl.imsglobal.org/spec/qti/v3p0/schema/xsd/imsqti_asiv3p0_v1p0.xsd" \
type="application/xml" schematypens="http://purl.oclc.org/dsdl/schematron"?>
<qti-assessment-item xmlns="http://www.imsglobal.org/xsd/imsqtiasi_v3p0" \
xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" identifier="paare" title="Was wohin" \
adaptive="false" time-dependent="false">
<qti-response-declaration identifier="RESPONSE" cardinality="multiple" base-type="directedPair">\
<qti-correct-response><qti-value>L K</qti-value><qti-value>U P</qti-value></qti-correct-response>\
<qti-mapping default-value="0"><qti-map-entry map-key="L K" mapped-value="1"/>\
<qti-map-entry map-key="U P" mapped-value="1"/></qti-mapping></qti-response-declaration>
<qti-outcome-declaration identifier="SCORE" cardinality="single" base-type="float"/>
<qti-item-body><qti-match-interaction response-identifier="RESPONSE" shuffle="false" \
max-associations="2"><qti-prompt>Was gehört wohin?</qti-prompt><qti-simple-match-set>\
<qti-simple-associable-choice identifier="L" match-max="1">Urlaubsliste mit Namen\
</qti-simple-associable-choice><qti-simple-associable-choice identifier="U" match-max="1">\
Plakat zum Sommerfest</qti-simple-associable-choice></qti-simple-match-set><qti-simple-match-set>\
<qti-simple-associable-choice identifier="K" match-max="2">Geschützter Ordner\
</qti-simple-associable-choice><qti-simple-associable-choice identifier="P" match-max="2">\
Schwarzes Brett</qti-simple-associable-choice></qti-simple-match-set></qti-match-interaction>\
</qti-item-body>
<qti-response-processing template="\
https://purl.imsglobal.org/spec/qti/v3p0/rptemplates/map_response.xml"/></qti-assessment-item>"""


def test_a_question_of_qti_2_arrives_as_the_converter_of_the_guide_writes_it() -> None:
    read = qti.read(package(**{"paare.xml": UPGRADED}))
    (row,) = read.rows
    assert (row["kind"], row["stem"]) == ("matching", "Was gehört wohin?")
    pairs = {o["text"]: o["target"] for o in row["options"]}
    assert pairs == {
        "Urlaubsliste mit Namen": "Geschützter Ordner",
        "Plakat zum Sommerfest": "Schwarzes Brett",
    }
    assert read.notes == ()


ANSWERS = """<qti-simple-choice identifier="a"><p>Ich lade ihn</p><p>im Bau<b>hof</b>.</p>\
<qti-feedback-inline outcome-identifier="F" identifier="a">Ja!</qti-feedback-inline>\
</qti-simple-choice><qti-simple-choice identifier="b">Ich nehme Benzin.</qti-simple-choice>"""


def qti_item(inside: str, *, more: str = "", right: str = "a", attributes: str = "") -> str:
    """Return an item as editors write them: words beside the interaction, scoring by conditions."""
    return f"""<qti-assessment-item xmlns="{qti.SPACE}" identifier="akku" {attributes}>
<qti-response-declaration identifier="R" cardinality="single" base-type="identifier">
<qti-default-value><qti-value>b</qti-value></qti-default-value>
<qti-correct-response><qti-value>{right}</qti-value></qti-correct-response>
<qti-mapping default-value="0"><qti-map-entry map-key="b" mapped-value="1"/></qti-mapping>
</qti-response-declaration>{more}<qti-item-body>{inside}</qti-item-body>
<qti-response-processing><qti-response-condition><qti-response-if><qti-match>
<qti-variable identifier="R"/><qti-correct identifier="R"/></qti-match></qti-response-if>
</qti-response-condition></qti-response-processing>
<qti-modal-feedback identifier="f" outcome-identifier="F" title="RICHTIG!"><qti-content-body>
<p>Gut so.</p></qti-content-body></qti-modal-feedback></qti-assessment-item>"""


def asked(answers: str = ANSWERS, kind: str = "choice", more: str = "") -> str:
    return (
        f'<qti-{kind}-interaction response-identifier="R" max-choices="1" {more}>{answers}'
        f"</qti-{kind}-interaction>"
    )


def test_an_item_of_onyx_or_tao_keeps_its_words_and_shows_nothing_that_comes_after() -> None:
    """ONYX writes words straight into the body, TAO into the same grid cell as the question."""
    rubric = '<qti-rubric-block view="scorer"><p>Richtig ist a.</p></qti-rubric-block>'
    cell = f"<p>Der Akku</p><p>ist leer.</p>{rubric}{asked()}<p>Was tun Sie?</p>"
    for inside in (
        f"Der Akku ist leer.{asked()}Was tun Sie?{rubric}",
        f"<div><div>{cell}</div></div>",
    ):
        found = qti.read(qti_item(inside).encode())
        (row,) = found.rows
        assert row["stem"] == "Der Akku ist leer. Was tun Sie?"
        assert "feedback" not in row  # or who was wrong reads "Gut so."
        # Marked by the right answer: neither what was ticked before nor the unused mapping counts.
        assert row["options"] == [
            {"text": "Ich lade ihn im Bauhof.", "correct": True},
            {"text": "Ich nehme Benzin.", "correct": False},
        ]
        assert [str(n) for n in found.notes] == [
            "akku: without feedback of single answers",
            "akku: without notes for those who mark it",
            "akku: without 1 of its feedbacks: they depend on the answer",
        ]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (qti_item(asked()), "it has no words that ask something"),
        (qti_item("?" + asked(), right="c"), "the right answer c is none of its answers"),
        (qti_item("?" + asked() + asked()), "qti-choice-interaction, 2 in one item"),
        (qti_item("?" + asked(kind="hotspot")), "qti-hotspot-interaction, 1 in one item"),
        (qti_item("?" + asked(), attributes='adaptive="true"'), '(adaptive="true")'),
        (
            qti_item("?" + asked(), more='<qti-template-declaration identifier="t"/>'),
            "made anew each time (qti-template-declaration)",
        ),
        (
            qti_item("?" + asked(ANSWERS.replace("Ich nehme Benzin.", '<img src="b.png"/>'))),
            "an answer has no words",
        ),
        (
            qti_item("?" + asked()).replace('mapped-value="1"', 'mapped-value="viel"'),
            'mapped-value="viel" is no number',
        ),
    ],
)  # fmt: skip
def test_an_item_that_has_no_place_is_named_with_its_file_and_why(text: str, why: str) -> None:
    found = qti.read(package(**{"items/i1.xml": text, "items/._i1.xml": "\0Mac"}))
    assert found.rows == ()
    (note,) = found.notes
    assert note.where == "items/i1.xml"
    assert note.what.startswith("not taken: ")
    assert why in note.what


def test_a_question_of_pictures_only_or_with_its_text_elsewhere_says_so_in_every_format() -> None:
    picture = '<img src="b.png">'
    options = f"<answer fraction='100'><text>{html.escape(picture)}</text></answer>"
    asks = f"<question type='multichoice'><questiontext><text>?</text></questiontext>{options}"
    for found in (
        moodle.read(f"<quiz>{asks}</question></quiz>".encode()),
        gift.read(b'[html]?{=<img src\\="b.png"> ~Nein}'),
    ):
        assert found.rows == ()
        assert found.notes[-1].what == "not taken: an answer has no words"
    elsewhere = '<qti-assessment-stimulus-ref identifier="s" href="s.xml"/>'
    notes = qti.read(qti_item("?<include/>" + asked(), more=elsewhere).encode()).notes
    assert sum("another file" in n.what for n in notes) == 2


def test_a_broken_file_of_a_package_is_named_and_the_others_are_read() -> None:
    found = qti.read(package(**{"a.xml": qti_item("?" + asked()), "b.xml": "<p>1 < 2</p>"}))
    assert len(found.rows) == 1
    assert "b.xml: not taken: b.xml is no XML: line 1, column 6." in map(str, found.notes)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("<questestinterop/>", "QTI 1.2, which is not read. .*Moodle XML"),
        (package(**{"assets/note.txt": "x"}), "has no QTI item"),
    ],
)
def test_what_is_no_package_of_ours_says_what_to_do(data: str | bytes, said: str) -> None:
    with pytest.raises(InterchangeRefused, match=said):
        qti.read(data.encode() if isinstance(data, str) else data)


def test_gift_of_an_old_windows_with_an_order_and_formats_of_its_own_is_read() -> None:
    text = """\
::Laub::[html]Was kommt zuerst?{>2 ALL VERTICAL RELATIVE_ALL_PREVIOUS_AND_NEXT SHOW none
Hörschutz auf
Gerät <b>prüfen</b>
}

Was passt?{
=[plain]<Strg> -> [html]<i>Taste</i>
=[plain]Maus -> Zeiger
}

Ohne Zeichen?{ja}
"""
    found = gift.read(text.encode("cp1252"))
    order, pairs = found.rows
    assert (order["kind"], [o["text"] for o in order["options"]]) == (
        *("ordering", ["Hörschutz auf", "Gerät prüfen"]),
    )
    assert pairs["options"] == [
        {"text": "<Strg>", "target": "Taste"},
        {"text": "Maus", "target": "Zeiger"},
    ]
    assert [str(n) for n in found.notes] == [
        "the file: read as Windows-1252: it is no UTF-8",
        "line 1: graded by neighbours in the right order, not as Moodle was set",
        "line 11: not taken: answers without = or ~",
    ]


def test_moodle_s_hints_and_words_for_right_and_wrong_are_named_and_a_share_is_a_number() -> None:
    question = """<question type="multichoice"><questiontext><text>Wie oft?</text></questiontext>
<single>true</single><correctfeedback><text>Gut.</text></correctfeedback>
<answer fraction="{}"><text>Täglich</text></answer><answer fraction="0"><text>Nie</text></answer>
<hint><text>Denken Sie an den Akku.</text></hint></question>"""
    text = "".join(
        question.format(share).replace("oft", share) for share in ("100,0", "viel", "nan")
    )
    found = moodle.read(f"<quiz>{text}</quiz>".encode())
    assert [r["options"][0]["correct"] for r in found.rows] == [True]
    assert [str(n) for n in found.notes] == [
        "question 1: without feedback for right and wrong",
        "question 1: without hints",
        'question 2: not taken: fraction="viel" is no number',
        'question 3: not taken: fraction="nan" is no number',
    ]


def test_qti_2_names_the_way_it_gets_here() -> None:
    old = '<assessmentItem xmlns="http://www.imsglobal.org/xsd/imsqti_v2p1" identifier="i"/>'
    with pytest.raises(InterchangeRefused, match="qti-convert upgrade"):
        qti.read(old.encode())


def item(key: str, b: tuple[float, ...], kind: Kind = Kind.SCENARIO, **more: Any) -> Item:
    options = (Option("x", correct=True), Option("y"))
    return Item(key, "1.1", 1, kind, "?", options, "", a=1.3, b=b, **more)


def test_catquiz_gets_the_numbers_back_that_it_was_given() -> None:
    items = [
        item("one", (0.25,)),
        item("more", (-1.0, 0.5, 1.5)),
        item("self", (0.0,), Kind.SELF_RATING),
    ]
    items.append(item("partial", (0.0, 1.0), model=Model.GPCM))
    done = catquiz.write(items)
    assert (done.count, sorted(n.where for n in done.notes)) == (2, ["partial", "self"])
    found = catquiz.read(done.data)
    assert {k: (p.a, p.b) for k, p in found.parameters.items()} == {
        "one": (1.3, (0.25,)),
        "more": (1.3, (-1.0, 0.5, 1.5)),
    }


def test_catquiz_rows_that_mean_something_else_are_named() -> None:
    table = (
        "componentid;status;model;difficulty;discrimination;guessing;label;json\n"
        "1;4;rasch;0.5;0;0;r;\n2;4;mixedraschbirnbaum;0.5;1;0.2;g;\n3;4;pcm;0.5;1;0;p;{}\n"
        "4;4;raschbirnbaum;x;1;0;n;\n5;4;raschbirnbaum;1;2;0;r;\n"
    )
    found = catquiz.read(table.encode())
    assert set(found.parameters) == {"r"}
    assert [n.where for n in found.notes] == ["line 3", "line 4", "line 5", "line 6"]
    with pytest.raises(InterchangeRefused, match="label"):
        catquiz.read(b"a;b\n1;2\n")


def run(*arguments: object) -> Any:
    return CliRunner().invoke(cli, ["items", *map(str, arguments)])


def test_an_export_becomes_a_draft_that_the_program_reads(tmp_path: Path) -> None:
    out = tmp_path / "fragen.zip"
    assert run("export", PACK, "--format", "qti", "--out", out, "--json").exit_code == 0
    done = run("import", out, "--format", "qti", "--to", tmp_path, "--id", "neu", "--json")
    said = json.loads(done.stdout)
    assert (said["lacking"], said["notes"]) == ([], [])
    items = read_items(read_manifest(tmp_path / "neu-0.1"))
    assert len(items) == said["items"] == sum(r["kind"] in qti.KINDS for r in ROWS)


def test_questions_without_a_competence_wait_for_one(tmp_path: Path) -> None:
    source = tmp_path / "a.gift"
    source.write_text(GIFT, encoding="utf-8")
    arguments = ("import", source, "--format", "gift", "--to", tmp_path, "--json")
    said = json.loads(run(*arguments, "--id", "ohne").stdout)
    assert len(said["lacking"]) == 3
    done = run(*arguments, "--id", "mit", "--competency", "1.1", "--level", "2")
    assert json.loads(done.stdout)["lacking"] == []
    assert {i.level for i in read_items(read_manifest(tmp_path / "mit-0.1"))} == {2}


def test_catquiz_parameters_make_a_proposal_that_is_not_in_force(tmp_path: Path) -> None:
    out = tmp_path / "p.csv"
    assert run("catquiz-export", PACK, "--out", out).exit_code == 0
    with out.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    with out.open("w", encoding="utf-8") as file:
        table = csv.DictWriter(file, rows[0].keys(), delimiter=";")
        table.writeheader()
        table.writerows(row | {"discrimination": "1.7"} for row in rows)
    arguments = ("--pack", PACK, "--version", "1.9.1", "--to", tmp_path)
    done = run("catquiz-import", out, *arguments, "--json")
    assert done.exit_code == 0, done.output
    target = tmp_path / "kommunal-de-1.9.1"
    assert read_manifest(target).proposed_from == "kommunal-de-1.2"
    changed = [i for i in read_items(read_manifest(target)) if i.a == 1.7]
    assert len(changed) == json.loads(done.stdout)["items"] > 200
    assert "local_catquiz" in changed[0].basis


STEPS = ("Das kenne ich noch nicht", "Das geht mit Hilfe", "Das mache ich allein")


def survey(*, texts_apart: bool, values: bool) -> bytes:
    """Return a survey of ours as LimeSurvey 3 writes it, or (`texts_apart`) as 4 and later do."""

    def rows(name: str, *found: dict[str, object]) -> str:
        cells = ("".join(f"<{k}><![CDATA[{v}]]></{k}>" for k, v in row.items()) for row in found)
        return f"<{name}><rows>{''.join(f'<row>{c}</row>' for c in cells)}</rows></{name}>"

    said = {
        1: "<p>Wie gut können Sie das?</p>", 11: "Ein Foto an den Auftrag hängen",
        12: "Eine Pause im Dienstplan eintragen", 2: "Was fehlt Ihnen?", 3: "Wo arbeiten Sie?",
    }  # fmt: skip

    def text(number: int) -> dict[str, object]:
        return {} if texts_apart else {"question": said[number], "language": "de"}

    order = list(reversed(list(enumerate(STEPS)))) if values else list(enumerate(STEPS))
    answers = [
        {"aid": f"{qid}{n}", "qid": qid, "code": f"A{n}", "sortorder": place}
        | {"assessment_value": n if values and qid == 1 else 0}
        | ({} if texts_apart else {"answer": step, "language": "de"})
        for qid in (1, 3)
        for place, (n, step) in enumerate(order)
    ]
    asked = ((1, "F", "koennen"), (2, "T", "wunsch"), (3, "L", "ort"))
    parts = [
        rows("answers", *answers),
        rows("questions", *(
            {"qid": q, "parent_qid": 0, "gid": 1, "type": t, "title": n, "question_order": q}
            | text(q) for q, t, n in asked
        )),
        rows("subquestions", *(
            {"qid": q, "parent_qid": 1, "gid": 1, "title": f"SQ{q}", "question_order": q} | text(q)
            for q in (11, 12)
        )),
    ]  # fmt: skip
    if texts_apart:
        foreign = {"qid": 11, "question": "A photo", "language": "en"}
        own = ({"qid": q, "question": t, "language": "de"} for q, t in said.items())
        parts.append(rows("question_l10ns", foreign, *own))
        words = (
            {"aid": a["aid"], "answer": STEPS[int(str(a["aid"])[1:])], "language": "de"}
            for a in answers
        )
        parts.append(rows("answer_l10ns", *words))
    head = "<LimeSurveyDocType>Survey</LimeSurveyDocType><languages><language>de</language>"
    return (
        f"<document>{head}<language>en</language></languages>{''.join(parts)}</document>".encode()
    )


@pytest.mark.parametrize("texts_apart", [False, True], ids=["LimeSurvey 3", "4 and later"])
@pytest.mark.parametrize("values", [False, True])
def test_an_array_of_a_survey_becomes_a_self_rating_for_each_of_its_lines(
    texts_apart: bool, values: bool
) -> None:
    found = limesurvey.read(survey(texts_apart=texts_apart, values=values))
    assert [r["key"] for r in found.rows] == ["koennen-SQ11", "koennen-SQ12"]
    assert found.rows[0] == {
        "key": "koennen-SQ11",
        "kind": "self_rating",
        "stem": "Wie gut können Sie das? Ein Foto an den Auftrag hängen",
        "options": [{"text": step} for step in STEPS],  # the lowest first, whatever their order
    }
    said = [str(n) for n in found.notes]
    assert "wunsch: not taken: type T is no self-rating with anchors" in said
    assert "ort: not taken: no assessment values say which answer is more" in said
    assert any(STEPS[0] in line for line in said) is not values


def test_a_survey_makes_a_pack_of_self_reports_by_the_command(tmp_path: Path) -> None:
    source = tmp_path / "umfrage.lss"
    source.write_bytes(survey(texts_apart=True, values=True))
    where = ("--to", tmp_path, "--id", "umfrage", "--competency", "2.1", "--level", "2")
    done = run("import", source, "--format", "limesurvey", *where)
    assert done.exit_code == 0, done.output
    items = read_items(read_manifest(tmp_path / "umfrage-0.1"))
    assert [(i.kind, i.self_report, len(i.b)) for i in items] == [(Kind.SELF_RATING, True, 2)] * 2
    with pytest.raises(InterchangeRefused, match="no survey of LimeSurvey"):
        limesurvey.read(b"<quiz/>")
