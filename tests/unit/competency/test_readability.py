"""Readability: two published formulas, held against texts whose values are known by hand."""

import pytest

from competency.readability import ease, syllables, words_of


@pytest.mark.parametrize(
    ("word", "count"),
    [
        ("Haus", 1),
        ("Bäume", 2),
        ("Leiter", 2),
        ("Passwort", 2),
        ("Dienstplan", 2),
        ("Kollegin", 3),
        ("Onlinezugangsgesetz", 7),
        ("pH", 1),
    ],
)
def test_syllables_are_groups_of_vowels_and_every_word_has_one(word: str, count: int):
    assert syllables(word) == count


def test_the_figures_follow_the_formulas():
    # 4 words of 1 syllable, one sentence: 180 - 4 - 58.5; 0.1672 * 4 - 3.27 - 0.875.
    assert ease(["Das Haus ist alt."]).flesch == pytest.approx(117.5)
    assert ease(["Das Haus ist alt."]).wstf == pytest.approx(-3.4762)
    # Of 2 words one has 3 syllables and more than 6 letters; 4 syllables in all.
    assert ease(["Die Kollegin."]).flesch == pytest.approx(180 - 2 - 117)
    assert ease(["Die Kollegin."]).wstf == pytest.approx(9.675 + 0.3344 + 6.485 - 1.635 - 0.875)


def test_each_text_is_at_least_one_sentence_and_a_compound_with_a_hyphen_two_words_to_read():
    assert ease(["Ja", "Nein"]).flesch == ease(["Ja.", "Nein."]).flesch
    assert ease(["Team-Chat"]).flesch > ease(["Teamchat"]).flesch - 60
    assert words_of("Team-Chat um 7:30 auf musterstadt.example") == ["Team-Chat", "um", "auf"]


def test_an_office_letter_reads_harder_than_a_note():
    note = ease(["Der Zaun ist kaputt. Bitte kommen Sie morgen."])
    letter = ease(
        ["Die Instandsetzung der Einfriedung erfolgt vorbehaltlich haushaltsrechtlicher Freigabe."]
    )
    assert note.wstf < 4 < 12 < letter.wstf
    assert note.flesch > 70 > 10 > letter.flesch


def test_a_text_without_words_has_no_figure():
    with pytest.raises(ValueError, match="no words"):
        ease(["7,30"])
