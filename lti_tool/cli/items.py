"""`roadmap items`: item parameters from real answers, and what they are worth on other answers."""

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import click
import numpy as np

from competency.calibration import table
from competency.calibration.bank import Bank
from competency.calibration.calibrate import calibrated
from competency.calibration.table import Answers, ItemSpec
from competency.calibration.trial import Predicted, Trial
from competency.errors import CompetencyError, TableError
from competency.packs import Content
from lti_tool import settings
from lti_tool.cli.banks import bank_of
from lti_tool.cli.exchange import catquiz_give, catquiz_take, give, take
from lti_tool.cli.opening import as_json, dump, show
from lti_tool.cli.release import propose, release
from lti_tool.cli.whole import written
from lti_tool.errors import RoadmapError
from lti_tool.web.admin.report import report

T = TypeVar("T")
file = click.Path(exists=True, dir_okay=False, path_type=Path)
made = click.Path(dir_okay=False, writable=True, path_type=Path)


@click.group()
def items() -> None:
    """Item parameters from real answers. Nothing here learns at run time: it makes files."""


@items.command()
@click.argument("responses", type=file)
@click.option("--items", "items_file", required=True, type=file, help="item,competency,kind")
@click.option("--out", required=True, type=made, help="The bank, JSON")
@click.option("--groups", type=file, help="person,group: are items fair to each group?")
@click.option("--report", "report_file", type=made, help="HTML; beside the bank unless you say")
@click.option(
    "--language",
    type=click.Choice(["de", "en"]),
    default="de",
    show_default=True,
    help="Of the report",
)
@as_json
def calibrate(
    responses: Path,
    items_file: Path,
    out: Path,
    groups: Path | None,
    report_file: Path | None,
    language: str,
    as_json: bool,
) -> None:
    """Estimate item parameters and competence correlations from real answers.

    RESPONSES is a wide CSV: first column `person`, one column an item, empty = not answered, codes
    from 0; a column `group` is optional. ITEMS has the columns item, competency and kind (binary or
    graded); an expert's a and b (difficulties separated by blanks) and categories are optional.

    Writes the bank and, beside it, a report for people who do not calculate. Neither names anybody.

    Example: roadmap items calibrate answers.csv --items items.csv --out bank.json
    """
    answers = _read(responses, table.read_answers)
    specs = _read(items_file, table.read_items)
    if groups:
        answers = _grouped(answers, _read(groups, table.read_groups))
    _check(responses, answers, specs)
    done = calibrated(answers, specs)
    bank = _with_provenance(done.bank, responses, items_file)
    written(out, json.dumps(bank.document(), ensure_ascii=False, indent=1) + "\n")
    written(report_file or out.with_suffix(".html"), report(bank, language, _names(bank, language)))
    _say_calibrated(bank, done.rounds, done.converged, out, as_json)


def _names(bank: Bank, language: str) -> dict[str, str]:
    """Return what the installed content calls these questions and competences.

    Questions from elsewhere have no name here, and without content nothing has one.
    """
    try:
        content = Content.load(settings.load().content.dir)
    except (CompetencyError, RoadmapError):
        return {}
    known = {i.key: i for i in content.items}
    asked = [known[i.key] for i in bank.items if i.key in known]
    if not {i.competency for i in bank.items} <= content.framework.by_code.keys():
        return {}
    end = "_en" if language == "en" else ""
    topics = {i.key: str(getattr(i, f"topic{end}") or i.topic) for i in asked}
    titles = content.framework.by_code.items()
    return topics | {code: str(getattr(c, f"title{end}") or c.title) for code, c in titles}


def _check(responses: Path, answers: Answers, specs: tuple[ItemSpec, ...]) -> None:
    """:raises TableError: a binary item with another code; hints at what is left out."""
    known = {s.key: s for s in specs}
    for n, key in enumerate(answers.items):
        wrong = np.flatnonzero(answers.codes[:, n] > 1)
        if key in known and known[key].kind == table.BINARY and len(wrong):
            line = answers.lines[wrong[0]]
            raise TableError(
                f"{responses.name}, line {line}, column {key}: a binary item has 0 or 1"
            )
    for what, left in (
        ("columns that ITEMS does not name are left out", set(answers.items) - set(known)),
        ("items without a column have no answers", set(known) - set(answers.items)),
    ):
        if left:
            click.echo(f"Hint: {what}: {_some(sorted(left))}", err=True)


def _some(keys: list[str]) -> str:
    more = f" and {len(keys) - 5} more" if len(keys) > 5 else ""
    return ", ".join(keys[:5]) + more


def _grouped(answers: Answers, groups: dict[str, str]) -> Answers:
    return answers.grouped([groups.get(person, "") for person in answers.persons])


def _with_provenance(bank: Bank, responses: Path, items_file: Path) -> Bank:
    """Return it with where it comes from: enough to make it again, and nobody's name."""
    made = {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "program": version("roadmap-lti"),
        "numpy": np.__version__,
        "responses_sha256": hashlib.sha256(responses.read_bytes()).hexdigest(),
        "items_sha256": hashlib.sha256(items_file.read_bytes()).hexdigest(),
    }
    return replace(bank, provenance=made | dict(bank.provenance))


def _say_calibrated(bank: Bank, rounds: int, converged: bool, out: Path, as_json: bool) -> None:
    if not converged:
        click.echo(f"Hint: not settled after {rounds} rounds; too few answers?", err=True)
    if as_json:
        facts = {"persons": bank.persons, "items": len(bank.items), "rounds": rounds}
        dump(facts | {"converged": converged, "reliability": dict(bank.reliability)})
        return
    click.echo(f"{out}: {len(bank.items)} items, {bank.persons} persons.")


@items.command()
@click.argument("bank_file", metavar="BANK.json", type=file)
@click.argument("responses", metavar="RESPONSES.csv", type=file)
@click.option("--pool", required=True, type=file, help="Items that may be asked, one id a line")
@click.option("--criterion", required=True, type=file, help="Items to be predicted")
@click.option(
    "--lengths", default="3,5,10", show_default=True, help="Answers after which to predict"
)
@click.option("--seed", default=1, show_default=True, help="For what is drawn at random")
@click.option("--predict", "predict_file", type=made, help="Write every predicted probability")
@click.option("--compare/--no-compare", default=True, help="Also the simpler ways, for comparison")
@as_json
def replay(
    bank_file: Path,
    responses: Path,
    pool: Path,
    criterion: Path,
    lengths: str,
    seed: int,
    predict_file: Path | None,
    compare: bool,
    as_json: bool,
) -> None:
    """Replay an adaptive test on recorded answers and predict answers to other items.

    Only items of the pool that the person answered are asked; no Soll is given, so each item is the
    one that lowers the overall variance most. Answers to criterion items are used for the loss
    only, never for a prediction.

    Example: roadmap items replay bank.json answers.csv --pool pool.txt --criterion rest.txt --json
    """
    many = _lengths(lengths)
    answers = _read(responses, table.read_answers)
    if len(set(answers.persons)) < len(answers.persons):
        click.echo("Hint: a person is there twice; each line counts for itself.", err=True)
    keys = [_read(path, table.read_list) for path in (pool, criterion)]
    trial = Trial.of(bank_of(bank_file), answers, *keys)
    began, kept = time.perf_counter(), []
    for predicted in trial.adaptive(many, seed):
        kept.append(predicted)
    seconds = time.perf_counter() - began
    if predict_file:
        written(predict_file, "".join(_rows(trial, answers, keys[1], kept)))
    document = {
        "lengths": _losses(trial, many, kept, seed, compare),
        "items_used": trial.used(kept),
        "ms_per_selection": round(1000 * seconds / (len(answers.persons) * max(many)), 4),
        "persons": len(answers.persons),
    }
    dump(document) if as_json else _say_replayed(document)


def _lengths(text: str) -> tuple[int, ...]:
    try:
        found = tuple(sorted({int(part) for part in text.split(",")}))
    except ValueError:
        found = ()
    if not found or found[0] < 1 or found[-1] > 500:
        raise click.UsageError("--lengths: whole numbers from 1 to 500 with commas, like 3,5,10")
    return found


def _losses(
    trial: Trial, lengths: tuple[int, ...], kept: list[Predicted], seed: int, compare: bool
) -> dict[str, dict[str, Any]]:
    """Return the mean loss per length, and that of the simpler ways."""
    found = {str(n): {"log_loss": loss} for n, loss in _mean(trial, lengths, kept).items()}
    if not compare:
        return found
    others = {"independent": trial.independent, "random": trial.random}
    for name, way in others.items():
        for n, loss in _mean(trial, lengths, way(lengths, seed)).items():
            found[str(n)][f"log_loss_{name}"] = loss
    everybody = slice(0, len(trial.codes))
    marginal = np.broadcast_to(trial.marginal(), (len(trial.codes), *trial.marginal().shape))
    for n in lengths:
        row = trial.losses(Predicted(n, everybody, marginal, np.zeros((0, 0), dtype=np.intp)))
        found[str(n)]["log_loss_marginal"] = _rounded(row)
        found[str(n)]["responses"] = len(row)
    return found


def _mean(
    trial: Trial, lengths: tuple[int, ...], predicted: Iterable[Predicted]
) -> dict[int, float | None]:
    rows: dict[int, list[Any]] = {n: [] for n in lengths}
    for p in predicted:
        rows[p.length].append(trial.losses(p))
    return {n: _rounded(np.concatenate(parts)) for n, parts in rows.items()}


def _rounded(losses: Any) -> float | None:
    return round(float(losses.mean()), 6) if len(losses) else None


def _rows(
    trial: Trial, answers: Answers, criterion: tuple[str, ...], kept: list[Predicted]
) -> Iterator[str]:
    """Yield the lines of the predictions, person by person."""
    yield "person,length,item,category,probability\n"
    sizes = zip(criterion, trial.offered.tolist(), strict=True)
    cells = [[f"{_cell(key)},{c}," for c in range(size)] for key, size in sizes]
    for predicted in sorted(kept, key=lambda p: (p.rows.start, p.length)):
        for n, person in enumerate(answers.persons[predicted.rows]):
            head = f"{_cell(person)},{predicted.length},"
            for own, chances in zip(cells, predicted.chances[n].tolist(), strict=True):
                for cell, chance in zip(own, chances, strict=False):
                    yield f"{head}{cell}{chance:.7g}\n"


def _cell(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if any(c in text for c in ',;"\n\r') else text


def _say_replayed(document: dict[str, Any]) -> None:
    rows = [{"length": n} | values for n, values in document["lengths"].items()]
    show(rows, json_=False, key="lengths", empty="")
    click.echo(
        f"{document['persons']} persons, {document['items_used']} items asked, "
        f"{document['ms_per_selection']} ms per question.",
        err=True,
    )


def _read(path: Path, reader: Callable[[str, str], T]) -> T:
    return reader(path.name, table.decoded(path.name, path.read_bytes()))


for command in (propose, release, take, give, catquiz_give, catquiz_take):
    items.add_command(command)
