"""Units set in another role's work are offered only where nothing else teaches what is missing."""

from competency.catalogue import Catalogue, LearningUnit
from recommender.filters import offered
from recommender.gaps import Need


def _unit(key: str, lifts: dict[str, tuple[int, int]], *roles: str) -> LearningUnit:
    return LearningUnit(key, key, key, lifts, (), roles=frozenset(roles))


KITA = _unit("kita", {"3.3": (1, 3)}, "ERZ")
RIGHTS = _unit("rights", {"3.3": (0, 3)})
YARD = _unit("yard", {"1.3": (0, 3)}, "GB", "HM")


def _keys(*units: LearningUnit, roles: str, soll: dict[str, int]) -> list[str]:
    need = Need.of_levels(dict.fromkeys(soll, 0), soll)
    return [u.key for u in offered(Catalogue("c", "1", units), [roles], need).units]


def test_a_unit_of_another_role_is_not_offered_where_another_teaches_the_same() -> None:
    assert _keys(KITA, RIGHTS, YARD, roles="GB", soll={"3.3": 3}) == ["rights", "yard"]


def test_a_unit_of_the_own_role_is_offered() -> None:
    assert _keys(KITA, RIGHTS, roles="ERZ", soll={"3.3": 3}) == ["kita", "rights"]


def test_it_is_offered_where_nothing_else_teaches_what_is_missing() -> None:
    assert _keys(KITA, YARD, roles="GB", soll={"3.3": 3}) == ["kita", "yard"]


def test_without_a_gap_nobody_needs_it() -> None:
    assert _keys(KITA, roles="GB", soll={"1.3": 3}) == []
