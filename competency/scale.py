"""One scale: steps 0-8, the four levels, and the cut scores that join them to theta.

Steps are what is stored; levels L (0-4, DigComp 3.0) are what is shown and set in workshops.
Source: docs/adr/0003-one-scale.md (the project's decision 3); cut scores are a convention until
a standard setting replaces them.
"""

from collections.abc import Sequence

import numpy as np

MAX_STEP = 8
MAX_LEVEL = 4

#: theta at which step e = 1..8 is reached, N(0, 1) in the reference population.
CUTS: tuple[float, ...] = (-1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0, 2.5)


def level_of_step(step: int) -> int:
    """Return the level L = ceil(step / 2) a step lies in, 0 to 4."""
    _check(step, MAX_STEP, "step")
    return (step + 1) // 2


def step_of_level(level: int) -> int:
    """Return the step at which a level is entered, 2L - 1; level 0 is step 0."""
    _check(level, MAX_LEVEL, "level")
    return max(0, 2 * level - 1)


def step_on(scale: int, value: int) -> int:
    """Return the step that a Soll of this value means on the four- or the eight-level scale.

    On eight levels (DigComp 2.2) the value is the step; on four it is the step entered, 2L - 1.
    """
    check_scale(scale)
    if scale == MAX_LEVEL:
        return step_of_level(value)
    _check(value, MAX_STEP, "level")
    return value


def value_on(scale: int, step: int) -> int:
    """Return a step on the four- or the eight-level scale; four levels are coarser."""
    check_scale(scale)
    if scale == MAX_LEVEL:
        return level_of_step(step)
    _check(step, MAX_STEP, "step")
    return step


def steps_on(scale: int) -> tuple[int, ...]:
    """Return the steps that can be chosen on a scale, 0 first."""
    check_scale(scale)
    return tuple(step_on(scale, value) for value in range(scale + 1))


def mark_of_step(step: int, scale: int) -> float:
    """Return a step as it is written on the scale of four or eight levels; 0 is 0 on both.

    On four levels a step inside a level is written with a half: 2 is entered at step 3, step 4 is
    2.5. So nothing is lost on the way out and back (`step_of_mark`).
    """
    check_scale(scale)
    _check(step, MAX_STEP, "step")
    return float(step) if scale == MAX_STEP or step == 0 else (step + 1) / 2


def step_of_mark(mark: float, scale: int) -> int:
    """Return the step of what is written on the scale of four or eight levels.

    :raises ValueError: it is not on the scale.
    """
    check_scale(scale)
    step = mark if scale == MAX_STEP or mark == 0 else 2 * mark - 1
    if step != int(step) or (scale == MAX_LEVEL and 0 < mark < 1):
        raise ValueError(f"{mark:g} is not on the scale of {scale} levels")
    _check(int(step), MAX_STEP, "step")
    return int(step)


def cut_of_step(step: int, cuts: Sequence[float] = CUTS) -> float:
    """Return theta at which a step of 1 to 8 is reached."""
    if step < 1:
        raise ValueError("step 0 has no cut: it asks for nothing")
    _check(step, MAX_STEP, "step")
    return cuts[step - 1]


def taught_steps(level: int) -> tuple[int, int]:
    """Return (from, to) of a unit that teaches up to a level: 2(L - 1) to 2L - 1."""
    _check(level, MAX_LEVEL, "level")
    if level == 0:
        raise ValueError("a unit cannot teach level 0")
    return 2 * (level - 1), 2 * level - 1


def axis_position(theta: float, cuts: Sequence[float] = CUTS) -> float:
    """Return where theta stands on the axis of five equal level cells, 0.0 to 5.0.

    "Soll L" stands at the left edge of cell L; between the cuts theta is mapped linearly. The two
    outer half-open cells are as wide as their neighbours, and what lies beyond stands at the end.
    """
    places = [1.0 + 0.5 * n for n in range(len(cuts))]
    knots = [cuts[0] - (cuts[2] - cuts[0]), *cuts, 2 * cuts[-1] - cuts[-2]]
    return float(np.interp(theta, knots, [0.0, *places, places[-1] + 0.5]))


def on_scale(position: float, scale: int) -> float:
    """Return a place on the axis 0.0 to 5.0 in levels of the scale of four or of eight.

    A whole number is where that level is entered. Up to level 1 both are the same; level 5 of
    eight is entered where level 3 of four is.
    """
    check_scale(scale)
    return position if scale == MAX_LEVEL or position < 1 else 2 * position - 1


def check_scale(scale: int) -> None:
    """:raises ValueError: a scale has four or eight levels."""
    if scale not in (MAX_LEVEL, MAX_STEP):
        raise ValueError(f"a scale has {MAX_LEVEL} or {MAX_STEP} levels, not {scale}")


def _check(value: int, highest: int, name: str) -> None:
    if not 0 <= value <= highest:
        raise ValueError(f"{name} {value} is not between 0 and {highest}")
