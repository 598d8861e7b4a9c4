"""Which of ILIAS's two names of a person are kept, by privacy mode (reference/ilias.md 7)."""

import pytest

from lti_tool.lti.platforms import known_as
from lti_tool.lti.platforms.ilias import Known, Mode, mode_of, modes

U = "5c3deadf48e019d97b92794cff93107f"
H = "c3c11a20bede86d8c891454856cb4f8050b5e3b0054553907dc7ef3d34ba7cc5"
RANDOM, OTHER = "0123456789abcdef0123456789abcdef", "f" * 32


@pytest.mark.parametrize(
    ("subject", "email", "kept"),
    [
        ("6", f"6@{U}.ilias", f"6@{U}.ilias"),
        ("ext-6", f"ext-6@{U}.ilias", f"ext-6@{U}.ilias"),
        ("mg", f"mg@{U.upper()}.ILIAS", f"mg@{U}.ilias"),
        (H, f"{H}@{U}.ilias", f"{H}@{U}.ilias"),
        (H, f"{H[7:]}@ilias.landkreis.de", f"{H[7:]}@ilias.landkreis.de"),
        # Older installations have a dashed id.
        ("6", "6@5c3deadf-48e0-19d9-7b92-794cff93107f.ilias", None),
    ],
)
def test_a_pseudo_address_is_kept_as_a_name(subject: str, email: str, kept: str | None) -> None:
    assert known_as("ilias", subject, email) == Known(subject, kept or email)


@pytest.mark.parametrize(
    "email",
    [
        *("m.gaertner@musterstadt.de", "m@musterstadt.ilias", f"@{U}.ilias", f"{H}@", "@", "", "-"),
        *(f"a@b@{U}.ilias", f"{'x' * 260}@{U}.ilias", f"a\n@{U}.ilias", f"{RANDOM}@ilias.de"),
        *(None, 7, ["a"], {}, True),
        f"{'a' * 64}@ilias.landkreis.de",  # hexadecimal, but not of this `sub`
    ],
)
def test_what_may_be_a_real_address_or_is_none_is_dropped(email: object) -> None:
    assert known_as("ilias", H, email) == Known(H, "")


def test_a_random_name_that_changes_is_replaced_by_the_one_that_stays() -> None:
    ident = f"{RANDOM}@{U}.ilias"
    assert known_as("ilias", OTHER, ident) == Known(ident, ident)
    # 12 sends the part of the ident that stays.
    assert known_as("ilias", RANDOM, ident) == Known(RANDOM, ident)


@pytest.mark.parametrize("kind", ["moodle", "generic"])
def test_no_other_lms_s_mail_is_even_looked_at(kind: str) -> None:
    assert known_as(kind, "6", f"6@{U}.ilias") == Known("6", "")


@pytest.mark.parametrize(
    ("subject", "ident", "mode"),
    [
        ("6", f"6@{U}.ilias", Mode.NUMBER),
        ("hm.gaertner", f"hm.gaertner@{U}.ilias", Mode.NAME),
        ("realemail6", "", Mode.REAL_MAIL),
        (f"{RANDOM}@{U}.ilias", f"{RANDOM}@{U}.ilias", Mode.RANDOM),  # 8 to 11
        (RANDOM, f"{RANDOM}@{U}.ilias", Mode.RANDOM),  # 12
        (H, f"{H}@{U}.ilias", Mode.SHA256),
        (H, f"{H[-60:]}@ilias.stadt.example", Mode.SHA256_URL),
        (H, "", Mode.UNKNOWN),
    ],
)
def test_the_identification_is_told_from_the_names(subject: str, ident: str, mode: Mode) -> None:
    assert mode_of(Known(subject, ident)) is mode


def test_two_identifications_are_both_named_the_frequent_one_first() -> None:
    people = [Known(H, f"{H}@{U}.ilias")] * 2 + [Known("6", f"6@{U}.ilias"), Known("x", "")]
    assert modes(people) == (Mode.SHA256, Mode.NUMBER)
