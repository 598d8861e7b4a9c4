"""The tables of reference assessment 6 as settings, and how each is run.

A preset is a list of rows; each row is run once per seed. What is fixed in a table (seed, persons,
competences, cuts) is the default and can be overridden from the command line.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from competency.simulation.draw import draw
from competency.simulation.figures import Run, curve
from competency.simulation.hybrid import HybridSetting, Mode, simulate_hybrid
from competency.simulation.setting import Order, Parameters, Setting
from competency.simulation.single_tables import (
    DecideSetting,
    MeasureSetting,
    deciding,
    measuring,
    simulate_decide,
    simulate_measure,
)
from competency.simulation.walk import walked

AnySetting = Setting | HybridSetting | MeasureSetting | DecideSetting

GOAL_SEEDS = (100, 101, 102, 103, 104, 105)
PRIORS = ((0.85, 0.75), (0.75, 0.60), (0.50, 0.30))
KINDS = {2: "2PL", 5: "GRM5"}
#: Positions of the competences two roles ask for (reference 7), of 0 to 20.
GARDENER = (0, 2, 3, 4, 13, 14, 17, 20)
EDUCATOR = tuple(n for n in range(21) if n not in (5, 10, 11, 12, 16, 18, 19))
BIASES = (0.3, 0.7, 1.0)


@dataclass(frozen=True)
class Preset:
    """A table: what it is, its rows, its seeds, and the question numbers to look at."""

    title: str
    rows: tuple[AnySetting, ...]
    seeds: tuple[int, ...]
    marks: tuple[int, ...] = (10, 20, 30, 60)


def simulate(setting: AnySetting) -> Run:
    """Return the quality of the verdicts after each question; the same setting gives the same."""
    if isinstance(setting, HybridSetting):
        return simulate_hybrid(setting)
    if isinstance(setting, MeasureSetting):
        return simulate_measure(setting)
    if isinstance(setting, DecideSetting):
        return simulate_decide(setting)
    sample = draw(setting)
    certain = walked(setting, sample).certain
    return Run(setting.document(), curve(certain, sample.scores, sample.wanted.cuts))


def runs(
    preset: Preset, seeds: Sequence[int] = (), persons: int = 0, rows: str = ""
) -> Iterator[Run]:
    """Yield one run per row and seed; `rows` keeps only those whose name or label contains it."""
    for row in preset.rows:
        if rows.lower() in f"{row.name} {row.label}".lower():
            for seed in seeds or preset.seeds:
                yield simulate(replace(row, seed=seed, persons=persons or row.persons))


def _comparators(setting: Setting) -> Iterator[Setting]:
    """Yield the engine and what it is held against, each with its name as label."""
    independent = replace(setting, assumed_within=0.0, assumed_between=0.0)
    fixed = replace(setting, order=Order.FIXED, questions=setting.form_length)
    yield replace(setting, label="joint")
    yield replace(independent, label="independent CAT", questions=130)
    yield replace(setting, label="random order", order=Order.RANDOM, questions=82)
    yield replace(fixed, label="fixed 82 jointly")
    yield replace(fixed, label="fixed 82 per competence", assumed_within=0.0, assumed_between=0.0)


def _correlated() -> Iterator[Setting]:
    for within, between in PRIORS:
        for categories, kind in KINDS.items():
            name = f"{within:.2f}/{between:.2f} {kind}"
            row = Setting(name=name, categories=categories, r_within=within, r_between=between)
            yield from _comparators(row)


def _joint_and_independent(setting: Setting) -> Iterator[Setting]:
    yield replace(setting, label="joint")
    yield replace(setting, label="independent CAT", assumed_within=0.0, assumed_between=0.0)


def _roles() -> Iterator[Setting]:
    base = Setting(persons=250)
    educator = replace(base, required=EDUCATOR, cuts=(-0.5, 0.0))
    scenarios: Mapping[str, Setting] = {
        "gardener": replace(base, required=GARDENER, cuts=(-1.0,)),
        "educator": educator,
        "5 areas, cut 0": _five_areas(0.0),
        "5 areas, cut -.5": _five_areas(-0.5),
        "educator, truth .5/.3 assumed .75/.60": wrong_correlations(educator),
        "educator, expert parameters": replace(educator, parameters=Parameters.EXPERT),
    }
    for name, setting in scenarios.items():
        for categories, kind in KINDS.items():
            yield from _joint_and_independent(
                replace(setting, name=f"{name} {kind}", categories=categories)
            )


def wrong_correlations(setting: Setting) -> Setting:
    """Return the setting in a population less correlated than the engine assumes."""
    return replace(
        setting, r_within=0.50, r_between=0.30, assumed_within=0.75, assumed_between=0.60
    )


def _five_areas(cut: float) -> Setting:
    return Setting(persons=250, areas=(5,), per=40, r_within=0.7, cuts=(cut,))


def _hybrid() -> Iterator[HybridSetting]:
    for sd in BIASES:
        for mode in Mode:
            name = f"bias SD {sd}"
            yield HybridSetting(name=name, label=mode.value, mode=mode, bias_sd=sd)
        for assumed, said in ((sd / 2, "SD halved"), (sd * 2, "SD doubled")):
            yield HybridSetting(
                name=f"bias SD {sd}",
                label=f"hybrid, bias misstated: {said}, mean 0",
                bias_sd=sd,
                assumed_bias_mean=0.0,
                assumed_bias_sd=assumed,
            )


def _goals() -> Iterator[AnySetting]:
    """Yield every row the issue sets a figure for."""
    for categories, kind in KINDS.items():
        everyone = Setting(name=f"21 competences {kind}", categories=categories, persons=300)
        yield from _comparators(everyone)
        lied_to = replace(everyone, label="joint")
        wrong = wrong_correlations(lied_to)
        yield replace(wrong, name=f"21, truth .5/.3 assumed .75/.60 {kind}")
        expert = replace(lied_to, parameters=Parameters.EXPERT)
        yield replace(expert, name=f"21, expert parameters {kind}")
        for cut in (0.0, -0.5):
            areas = replace(_five_areas(cut), categories=categories, label="joint")
            yield replace(areas, name=f"5 areas, cut {cut:g} {kind}")
    yield from (row for row in _hybrid() if row.bias_sd == 0.7)


def _day_one() -> Iterator[Setting]:
    """Yield what a town starts with, in a bank like the reference's: shrunk prior, guesses."""
    for categories, kind in KINDS.items():
        yield Setting(
            name=f"day one .50/.30, expert parameters {kind}",
            label="joint",
            persons=300,
            categories=categories,
            r_within=0.50,
            r_between=0.30,
            parameters=Parameters.EXPERT,
        )


def _preset(
    title: str, rows: Callable[[], Iterable[AnySetting]], seeds: Sequence[int], *marks: int
) -> Preset:
    return Preset(title, tuple(rows()), tuple(seeds), marks or (10, 20, 30, 60))


PRESETS: Mapping[str, Preset] = {
    "6.1": _preset("one competence, measured", measuring, [20261122]),
    "6.2": _preset("one competence, one cut", deciding, [4]),
    "6.3": _preset("21 competences, one bank", _correlated, [7]),
    "6.4": _preset("roles, areas, robustness", _roles, [11]),
    "6.5": _preset("self-report bias, by cost units", _hybrid, [3], 16, 40),
    "goals": _preset("what issue 6 asks for", _goals, GOAL_SEEDS, 6, 8, 10, 12, 14, 20, 25, 40, 82),
    "day-one": _preset("before any data", _day_one, GOAL_SEEDS, 10, 12, 20, 30, 60),
}
