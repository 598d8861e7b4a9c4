"""Tables of answers are read as people export them, and errors name file, line and column."""

import numpy as np
import pytest

from competency.calibration.table import (
    ItemSpec,
    decoded,
    read_answers,
    read_groups,
    read_items,
    read_list,
)
from competency.errors import TableError


@pytest.mark.parametrize("comma", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_separators_line_ends_and_byte_order_marks_do_not_matter(
    comma: str, end: str, mark: str
) -> None:
    text = mark + end.join(["person,A,B", "ä1,0,3", "x2,,NA", ""]).replace(",", comma)
    answers = read_answers("a.csv", decoded("a.csv", text.encode()))
    assert answers.persons == ("ä1", "x2")
    assert answers.items == ("A", "B")
    assert answers.codes.tolist() == [[0, 3], [-1, -1]]


def test_windows_letters_quotes_spaces_and_decimals_are_understood() -> None:
    text = decoded(
        "a.csv", 'person,"Fläche, 1" , group\n "M. Müller", 1.0 ,Bäder\n'.encode("cp1252")
    )
    answers = read_answers("a.csv", text)
    assert answers.items == ("Fläche, 1",)
    assert answers.groups == ("Bäder",)
    assert answers.codes.tolist() == [[1]]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1"),
        ("id,A\n1,0\n", "line 1, column 1: expected person"),
        ("person,A,A\n1,0,0\n", "line 1, column 3: A is there twice"),
        ("person,A,\n1,0,0\n", "line 1, column 3: the item has no name"),
        ("person,A\n", "no person"),
        ("person,A\n1,0\n\n2,x\n", "line 4, column A: expected a whole number"),
        ("person,A\n1,-1\n", "line 2, column A"),
        ("person,A\n1,1.5\n", "line 2, column A"),
        ("person,A\n1,inf\n", "line 2, column A"),
        ("person,A\n1,2024\n", "line 2, column A"),
        ("person,A\n,1\n", "line 2, column person"),
        ("person,A,B\n1,1\n", "line 2: 2 columns, the heading has 3"),
        ("person,A\n1,1,1\n", "line 2: 3 columns, the heading has 2"),
        ('person,A\n"1,1\n', "line 2"),
    ],
)
def test_what_cannot_be_meant_is_named(text: str, said: str) -> None:
    with pytest.raises(TableError, match=f"a.csv.*{said}"):
        read_answers("a.csv", text)


def test_a_file_that_is_no_text_is_refused() -> None:
    with pytest.raises(TableError, match="not a text file"):
        decoded("a.xlsx", b"PK\x03\x04\x00\x00")


def test_no_answer_is_in_an_error() -> None:
    with pytest.raises(TableError) as error:
        read_answers("a.csv", "person,A\nErika,geheim\n")
    assert "geheim" not in str(error.value)
    assert "Erika" not in str(error.value)


def test_items_come_with_an_experts_guess_or_without() -> None:
    text = "kind;item;competency;a;b;categories\nGraded;x;1.1;1.2;-1 0.5;\nbinary;y;1.2;;;\n"
    assert read_items("i.csv", text) == (
        ItemSpec("x", "1.1", "graded", 0, 1.2, (-1.0, 0.5)),
        ItemSpec("y", "1.2", "binary"),
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("item,kind\nx,binary\n", "line 1: the column competency is missing"),
        ("item,competency,kind\nx,1,often\n", "line 2, column kind"),
        ("item,competency,kind\nx,1,binary\nx,1,binary\n", "line 3, column item: x is there twice"),
        ("item,competency,kind\nx,,binary\n", "line 2, column competency"),
        ("item,competency,kind,a\nx,1,binary,-1\n", "line 2, column a"),
        ("item,competency,kind,b\nx,1,binary,?\n", "line 2, column b"),
        ("item,competency,kind\n", "no item"),
    ],
)
def test_what_items_cannot_be_is_named(text: str, said: str) -> None:
    with pytest.raises(TableError, match=f"i.csv.*{said}"):
        read_items("i.csv", text)


def test_lists_and_groups_are_read() -> None:
    assert read_list("p.txt", "a\r\n\r\n b \n") == ("a", "b")
    assert read_groups("g.csv", "person,group\n1,Bad\n2,\n") == {"1": "Bad", "2": ""}
    with pytest.raises(TableError, match=r"p.txt, line 2: a is there twice"):
        read_list("p.txt", "a\na\n")
    with pytest.raises(TableError, match="empty"):
        read_list("p.txt", "\n")
    with pytest.raises(TableError, match="expected the columns person and group"):
        read_groups("g.csv", "a,b\n")


def test_columns_come_in_the_order_asked_for() -> None:
    answers = read_answers("a.csv", "person,A,B\n1,0,1\n")
    assert np.array_equal(answers.columns(["B", "C", "A"]), [[1, -1, 0]])
