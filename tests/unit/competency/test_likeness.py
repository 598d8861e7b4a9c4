"""Near-duplicates: a question with its names exchanged is found, another question is not."""

from dataclasses import replace

import pytest

from competency.items import Item, Kind, Option
from competency.likeness import alike


def question(key: str, stem: str, *texts: str, kind: Kind = Kind.SINGLE_CHOICE) -> Item:
    options = tuple(Option(t, correct=not n) for n, t in enumerate(texts))
    return Item(key, "1.3", 1, kind, stem, options, "", 1.2, (0.0,))


FENCE = question(
    "a",
    "Sie speichern ein Foto vom kaputten Zaun der Kita Nord. Welcher Dateiname hilft allen?",
    "Datum, Ort und Sache zuerst",
    "Nur ein Wort für alle Fotos",
    "Der Name von der Kamera bleibt",
)


@pytest.mark.parametrize(
    "other",
    [
        replace(FENCE, key="b"),
        # Nouns exchanged.
        question(
            "b",
            "Sie speichern ein Bild vom kaputten Tor der Schule Süd. Welcher Titel hilft allen?",
            "Tag, Platz und Thema zuerst",
            "Nur ein Begriff für alle Bilder",
            "Der Titel von der Maschine bleibt",
        ),
        # The question with other options around the same sentence.
        question("b", FENCE.stem, "Datum, Ort und Sache zuerst", "Gar keiner", "Ein langer"),
    ],
)
def test_a_question_whose_things_were_exchanged_counts_as_the_same(other: Item):
    (pair,) = alike([FENCE, other])
    assert (pair.first, pair.second) == ("a", "b")


def test_two_questions_that_only_begin_and_end_alike_are_two():
    other = question(
        "b",
        "Sie speichern einen Bericht über ein Kind. Wer darf ihn lesen?",
        "Wer das Kind betreut",
        "Alle in der Gruppe",
        "Die Eltern von anderen Kindern",
    )
    assert list(alike([FENCE, other])) == []


def test_the_sentences_of_one_scale_share_their_frame_on_purpose():
    scale = [
        question("a", "Wie sehr stimmt das? „Neues probiere ich gern.“", "gar nicht", "genau"),
        question("b", "Wie sehr stimmt das? „Sorgen spreche ich aus.“", "gar nicht", "genau"),
    ]
    reflections = [replace(i, kind=Kind.REFLECTION) for i in scale]
    assert list(alike(reflections)) == []
