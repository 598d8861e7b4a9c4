"""Picture and word of the profile page say the same."""

import random

import pytest

from competency.framework import Area, Competency, Framework
from competency.profile import Standing, Verdict
from lti_tool.web import charts


def _standing(code: str, low: float, high: float, soll: float) -> Standing:
    return Standing(
        competency=code, soll=3, ist=1, low=0, high=4, low_pos=low, high_pos=high, soll_pos=soll,
        p=0.5, verdict=charts.shown(low, high, soll), inferred=False, evidence=1,
    )  # fmt: skip


def _framework(areas: int) -> Framework:
    def area(n: int) -> Area:
        c = Competency(f"{n}.1", f"Thema {n}", "", f"Topic {n}", "")
        return Area(str(n), f"Bereich {n}", f"B{n}", f"Area {n}", f"A{n}", (c,))

    return Framework("f", "1", tuple(area(n) for n in range(1, areas + 1)))


def _number(percent: str) -> float:
    return float(percent.removesuffix("%")) / 20


@pytest.mark.parametrize("seed", range(200))
def test_a_bar_s_field_lies_where_its_verdict_says(seed: int) -> None:
    dice = random.Random(seed)
    low, high = sorted((dice.uniform(0, 5), dice.uniform(0, 5)))
    standing = _standing("1.1", low, high, dice.choice((1.0, 2.0, 3.0, 4.0)))
    bar = charts.bar(standing)
    left, right = _number(bar.field_x), _number(bar.field_x) + _number(bar.field_width)
    seen = charts.shown(round(left, 3), round(right, 3), _number(bar.soll))
    assert seen is standing.verdict


def test_a_bar_without_a_soll_has_no_line() -> None:
    standing = Standing("1.1", 0, 1, 0, 2, 0.5, 1.5, 0.0, 1.0, Verdict.NONE, False, 1)
    assert charts.bar(standing).soll == ""


def test_what_is_sure_ends_where_the_hatched_field_begins() -> None:
    bar = charts.bar(_standing("1.1", 1.3, 2.6, 2.0))
    assert (bar.sure, bar.field_x, bar.field_width, bar.soll) == ("26%", "26%", "26%", "40%")


def test_areas_in_which_nothing_is_required_are_not_in_the_net() -> None:
    framework = _framework(4)
    standings = [_standing(f"{n}.1", 0.4, 1.2, 2.0) for n in (1, 2, 4)]
    assert [a.area for a in charts.by_area(framework, standings)] == ["1", "2", "4"]


def test_two_areas_make_no_net() -> None:
    areas = charts.by_area(_framework(2), [_standing(f"{n}.1", 1, 2, 2) for n in (1, 2)])
    assert charts.net(areas, {"1": "B1", "2": "B2"}) is None


@pytest.mark.parametrize("count", [3, 4, 5, 6])
def test_every_label_of_the_net_stays_inside_the_picture(count: int) -> None:
    framework = _framework(count)
    areas = charts.by_area(framework, [_standing(f"{n + 1}.1", 1, 2, 3) for n in range(count)])
    net = charts.net(areas, {a.area: "Austauschen" for a in areas})
    assert net is not None
    for label in net.labels:
        width, x = len(label.text) * charts.LETTER, float(label.x)
        start = {"start": x, "middle": x - width / 2, "end": x - width}[label.anchor]
        assert start >= 0
        assert start + width <= 320
        assert charts.TOP + 15 <= float(label.y) <= charts.TOP + float(net.height) - 5


def test_the_net_s_points_lie_at_the_soll_of_the_table() -> None:
    areas = charts.by_area(_framework(3), [_standing(f"{n}.1", 0.5, 1.5, n) for n in (1, 2, 3)])
    net = charts.net(areas, {a.area: a.area for a in areas})
    assert net is not None
    for (x, y), area in zip(net.marks, net.areas, strict=True):
        distance = ((float(x) - 160) ** 2 + (float(y) - 140) ** 2) ** 0.5
        assert distance / charts.RADIUS * 3 == pytest.approx(area.soll_pos, abs=0.01)


def test_on_eight_levels_the_net_has_the_rings_and_the_places_of_digcomp_2_2() -> None:
    """The golden rows of the scale: entered steps 1, 3, 5, 7 and one inside a level, step 4."""
    places = {"1": 1.0, "2": 2.0, "3": 3.0, "4": 4.0, "5": 2.5}
    areas = charts.by_area(
        _framework(5), [_standing(f"{c}.1", 0.5, 5.0, soll) for c, soll in places.items()]
    )
    net = charts.net(areas, {a.area: a.area for a in areas}, scale=8)
    assert net is not None
    assert (len(net.rings), len(net.fine), [n.text for n in net.numbers]) == (4, 4, list("2468"))
    reach = [
        ((float(x) - 160) ** 2 + (float(y) - 140) ** 2) ** 0.5 / charts.RADIUS * 8
        for x, y in net.marks
    ]
    assert reach == pytest.approx([1, 3, 5, 7, 4], abs=0.02)
    assert charts.net(areas, {a.area: a.area for a in areas}).areas == net.areas  # type: ignore[union-attr]
