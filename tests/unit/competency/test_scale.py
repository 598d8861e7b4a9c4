"""One scale: every row of the table in decisions 3, and how it meets the axis of the pictures."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from competency.scale import (
    CUTS,
    axis_position,
    cut_of_step,
    level_of_step,
    step_of_level,
    taught_steps,
)


@pytest.mark.parametrize(
    ("step", "level"), [(0, 0), (1, 1), (2, 1), (3, 2), (4, 2), (5, 3), (6, 3), (7, 4), (8, 4)]
)
def test_a_step_lies_in_its_level(step: int, level: int):
    assert level_of_step(step) == level


@pytest.mark.parametrize(("level", "step"), [(0, 0), (1, 1), (2, 3), (3, 5), (4, 7)])
def test_a_soll_level_means_having_entered_it(level: int, step: int):
    assert step_of_level(level) == step
    assert level_of_step(step_of_level(level)) == level


@pytest.mark.parametrize(("level", "steps"), [(1, (0, 1)), (2, (2, 3)), (3, (4, 5)), (4, (6, 7))])
def test_a_unit_teaches_from_below_its_level_to_entering_it(level: int, steps: tuple[int, int]):
    assert taught_steps(level) == steps


@pytest.mark.parametrize(
    ("step", "cut"),
    [(1, -1.0), (2, -0.5), (3, 0.0), (4, 0.5), (5, 1.0), (6, 1.5), (7, 2.0), (8, 2.5)],
)
def test_a_step_is_reached_at_its_cut(step: int, cut: float):
    assert cut_of_step(step) == cut


def test_cuts_rise_strictly():
    assert all(x < y for x, y in pairwise(CUTS))


@pytest.mark.parametrize("level", [1, 2, 3, 4])
def test_soll_l_stands_at_the_left_edge_of_cell_l(level: int):
    assert axis_position(cut_of_step(step_of_level(level))) == level


@given(st.floats(-50, 50), st.floats(0, 10))
def test_the_axis_keeps_the_order_and_its_ends(theta: float, more: float):
    assert 0.0 <= axis_position(theta) <= axis_position(theta + more) <= 5.0


@pytest.mark.parametrize(("step", "level"), [(-1, -1), (9, 5)])
def test_what_is_off_the_scale_is_refused(step: int, level: int):
    with pytest.raises(ValueError, match="not between"):
        level_of_step(step)
    with pytest.raises(ValueError, match="not between"):
        step_of_level(level)
