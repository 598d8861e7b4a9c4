"""How plain a text is: quotations, abbreviations and dates must not be miscounted."""

import pytest

from competency.wording import forbidden, long_sentences, sentences, words


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("Das geht.", 1),
        ("Erst dies. Dann das? Fertig!", 3),
        ("Die SMS sagt: „Ihr Paket ist da. Bitte hier tippen.“ Was tun Sie?", 2),
        ("Tippen Sie auf „Erledigt“. Danach ist Schluss.", 2),
        ("Nehmen Sie z. B. Ihr Handy.", 1),
        ("Die Frist endet am 3. Mai im Rathaus.", 1),
        ("", 0),
    ],
)
def test_a_quotation_or_abbreviation_makes_no_sentence(text: str, count: int):
    assert len(sentences(text)) == count


def test_a_word_with_a_hyphen_or_a_number_with_a_dot_is_one():
    assert words("Die E-Mail zu Punkt 4.1 ist da") == 7


def test_a_quotation_counts_as_one_word():
    quoted = "Sie lesen „" + "sehr " * 30 + "lang“ am Handy."
    assert list(long_sentences(quoted)) == []
    assert [n for n, _ in long_sentences("Wort " * 16)] == [16]


def test_words_about_people_are_found_and_tools_are_not():
    assert forbidden("Ihre Schwächen: nicht bestanden, Note 4") == [
        "Schwächen",
        "bestanden",
        "Note",
    ]
    assert forbidden("Der Mängelmelder zeigt den Notendurchschnitt nicht an") == []
