"""`roadmap assessment`: what the engine is worth, on simulated people."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import click

from competency.guessing import GUESSING
from competency.simulation import tables
from competency.simulation.figures import Run, summary
from competency.simulation.setting import CUT_CHOICES, Order, Parameters, Setting
from competency.simulation.town import TownSetting, simulate_town
from lti_tool import settings
from lti_tool.bootstrap import build
from lti_tool.cli.opening import as_json, dump
from lti_tool.flows import assess, measure

MARKS = (5, 10, 20, 30, 60)
SHIPPED, SHIPPED_MARKS = "shipped", (5, 8, 10, 12, 15, 20)
ASSUMES = (
    f"Assumed, not measured: of those who know nothing {GUESSING:.0%} guess, in the numbers of the "
    "questions and in the simulated answers (ADR 0023)."
)
PRESETS = {**{name: p.title for name, p in tables.PRESETS.items()}, SHIPPED: "what a town gets"}


@click.group()
def assessment() -> None:
    """The adaptive assessment."""


def _numbers(_context: click.Context, _option: click.Parameter, value: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in value.split(",") if part.strip())
    except ValueError:
        raise click.BadParameter(f"{value!r} are not numbers with commas between them") from None


@assessment.command("simulate")
@click.option(
    "--preset",
    type=click.Choice(list(PRESETS)),
    help="A table of the reference with all its rows and comparators: "
    + "; ".join(f"{name}: {title}" for name, title in PRESETS.items())
    + ". Of the options below it takes --seed, --persons and --row.",
)
@click.option("--row", default="", help="Only rows of the preset whose name contains this.")
@click.option("--seed", "seeds", multiple=True, type=int, help="One run each; repeat for more.")
@click.option("--persons", type=int, help="Examinees per run.")
@click.option("--questions", default=60, show_default=True, help="Questions per examinee.")
@click.option("--within", default=0.75, show_default=True, help="True correlation in an area.")
@click.option("--between", default=0.60, show_default=True, help="True correlation across areas.")
@click.option("--assumed-within", type=float, help="What the engine believes, if not the truth.")
@click.option("--assumed-between", type=float, help="The same across areas; 0 and 0: independent.")
@click.option(
    "--areas",
    default="3,6,4,4,4",
    show_default=True,
    callback=_numbers,
    help="Competences in each area.",
)
@click.option("--categories", default=2, show_default=True, help="2 (2PL) or more (graded).")
@click.option("--per", default=10, show_default=True, help="Items per competence.")
@click.option("--discrimination", default=1.4, show_default=True, help="Median of the items' a.")
@click.option(
    "--cuts",
    default=",".join(map(str, CUT_CHOICES)),
    show_default=True,
    callback=_numbers,
    help="Each competence's cut is drawn from these.",
)
@click.option("--required", default="", callback=_numbers, help="Positions with a Soll; else all.")
@click.option(
    "--order",
    type=click.Choice([o.value for o in Order]),
    default="adaptive",
    show_default=True,
    help="How questions are found; fixed: 82 questions, the same for all.",
)
@click.option(
    "--parameters",
    type=click.Choice([p.value for p in Parameters]),
    default="true",
    show_default=True,
    help="What the engine knows of the items; expert: a constant a, b off by N(0, .5).",
)
@as_json
def simulate(
    preset: str | None,
    row: str,
    seeds: tuple[int, ...],
    persons: int | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Simulate examinees; the figures of the assessment reference.

    far: right verdicts of persons more than .3 SD from the Soll. n90, n95: questions until far is
    .90, .95. decided: p >= .9 or <= .1; promised: the mean of these p.

    Example: roadmap assessment simulate --preset goals --row "21 competences 2PL" --json
    """
    assumes = ""
    runs: Iterable[Run]
    marks: Sequence[int]
    if preset == SHIPPED:
        runs, marks = shipped_runs(seeds or tables.GOAL_SEEDS, persons or 0, row), SHIPPED_MARKS
        assumes = ASSUMES
    elif preset:
        found = tables.PRESETS[preset]
        runs, marks = tables.runs(found, seeds, persons or 0, row), found.marks
    else:
        settings = (_setting(seed, persons or 150, options) for seed in seeds or (100,))
        runs, marks = (tables.simulate(setting) for setting in settings), MARKS
    _print(runs, marks, assumes, as_json=as_json)


def shipped_runs(seeds: Sequence[int], persons: int, row: str) -> Iterator[Run]:
    """Yield what the installed content gives: a run per role and seed, and one for all roles."""
    house = build(settings.load())
    engine, roles = measure.engine(house.flows), house.flows.content.roles
    never = frozenset({assess.practice_item(house.flows).key})
    pack = engine.versions["items"]
    for name, within, between in (("as believed", 0.50, 0.30), ("closer related", 0.75, 0.60)):
        for seed in seeds:
            title = f"{pack}, {name} ({within:.2f}/{between:.2f})"
            setting = TownSetting(title, "", seed, persons or 25, within, between)
            found = simulate_town(engine, roles, measure.private(house.flows), setting, never)
            yield from (r for r in found if row.lower() in f"{title} {r.setting['label']}".lower())


def _setting(seed: int, persons: int, options: dict[str, Any]) -> Setting:
    return Setting(
        seed=seed,
        persons=persons,
        questions=options["questions"],
        areas=tuple(int(n) for n in options["areas"]),
        per=options["per"],
        categories=options["categories"],
        discrimination=options["discrimination"],
        r_within=options["within"],
        r_between=options["between"],
        assumed_within=options["assumed_within"],
        assumed_between=options["assumed_between"],
        required=tuple(int(n) for n in options["required"]),
        cuts=options["cuts"],
        order=Order(options["order"]),
        parameters=Parameters(options["parameters"]),
    )


def _print(runs: Iterable[Run], marks: Sequence[int], assumes: str, *, as_json: bool) -> None:
    done = []
    for run in runs:
        done.append(run)
        name = f"{run.setting['name']} {run.setting['label']}".strip() or "run"
        click.echo(f"{name}, seed {run.setting['seed']}", err=True)
    rows = summary(done, marks)
    if as_json:
        told = {"assumes": assumes} if assumes else {}
        dump({"runs": [run.document() for run in done], "summary": rows} | told)
        return
    for found in rows:
        click.echo(_line(found))
    if assumes:
        click.echo(assumes)


def _line(row: dict[str, Any]) -> str:
    """Return one row of a table: means over seeds, with standard errors in brackets."""
    title = f"{row['name']} · {row['label']}" if row["name"] else "run"
    firsts = ", ".join(f"{n} {_first(row[n], row['seeds'])}" for n in ("n90", "n95"))
    more = ", ".join(f"{n.replace('_', ' ')} {v:.3f}" for n, v in row["more"].items())
    said = [part for part in (firsts if any(row["at"].values()) else "", more) if part]
    lines = [f"{title} ({row['seeds']} seeds): {', '.join(said)}"]
    for n, at in row["at"].items():
        if not at:
            continue
        lines.append(
            f"  @{n}: {_share(at, 'accuracy')} far {_share(at, 'far')} "
            f"decided {_share(at, 'decided')} right {_share(at, 'decided_accuracy')} "
            f"promised {_share(at, 'decided_certainty')} "
            f"calibration error {_share(at, 'calibration_error')}"
        )
    return "\n".join(lines)


def _first(found: dict[str, Any], seeds: int) -> str:
    if not found["reached"]:
        return "never"
    error = f" ±{found['se']:.1f}" if found["se"] is not None else ""
    missed = "" if found["reached"] == seeds else f" ({seeds - found['reached']} never)"
    return f"{found['mean']:.1f}{error}{missed}"


def _share(at: dict[str, Any], field: str) -> str:
    if field not in at:
        return "–"
    error = at[f"{field}_se"]
    return f"{at[field]:.3f}" + (f" ±{error:.3f}" if error is not None else "")
