"""From real answers to a bank: read the items' directions, estimate, check, and put it together.

Order: directions -> graded curves and correlations -> partial credit where it fits better -> local
dependence -> habits of using a scale -> standard errors, fit, differences between groups.
Deterministic: the same answers give the same bank.
Source: reference assessment 3.7, docs/adr/0012-calibration.md.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from competency.calibration.bank import Bank, BankItem
from competency.calibration.curves import Array, Curves, Mask
from competency.calibration.dif import differences
from competency.calibration.em import Estimate, Settings, estimated
from competency.calibration.fit import alignments, covariances, fits, surprises
from competency.calibration.habits import found_style
from competency.calibration.hits import Codes, Data
from competency.calibration.local import local_dependence
from competency.calibration.start import (
    SURELY,
    directions,
    first_curves,
    first_prior,
    mirrored,
    sizes,
    twins,
)
from competency.calibration.structure import structured
from competency.calibration.table import Answers, ItemSpec
from competency.errors import NotCalibrated

#: Fewer persons are no calibration, whatever the prior.
FEWEST_PERSONS = 30
#: By how much partial credit must foretell better (log-likelihood) to be taken, not graded.
BETTER = 3.0
#: How often items may be turned.
TURNS = 3


USUAL = Settings()


@dataclass(frozen=True, eq=False)
class Calibration:
    """A bank and how the estimation went."""

    bank: Bank
    rounds: int
    converged: bool


def calibrated(
    answers: Answers, specs: Sequence[ItemSpec], settings: Settings = USUAL
) -> Calibration:
    """Return the bank of these items.

    :raises NotCalibrated: too few persons, or codes that an item's kind does not allow.
    """
    specs = sorted(specs, key=lambda s: (s.competency, s.key))
    codes = answers.columns([s.key for s in specs])
    codes = codes[(codes >= 0).any(axis=1)]
    if len(codes) < FEWEST_PERSONS:
        raise NotCalibrated(f"{len(codes)} persons answered; at least {FEWEST_PERSONS} are needed")
    names, dimension = np.unique([s.competency for s in specs], return_inverse=True)
    categories = sizes(codes, specs)
    raw = Data(codes, dimension.astype(np.intp), categories)
    data, backward, estimate = _directed(raw, specs, settings)
    bank = _bank(data, codes, specs, [str(n) for n in names], backward, estimate)
    groups = _groups(answers, specs)
    found = differences(data, estimate.curves, estimate.correlation, estimate.sites, groups)
    items = tuple(replace(i, differences=d) for i, d in zip(bank.items, found, strict=True))
    provenance = {"settings": asdict(settings), "rounds": estimate.rounds}
    bank = replace(bank, items=items, provenance=provenance)
    return Calibration(bank, estimate.rounds, estimate.converged)


def _groups(answers: Answers, specs: Sequence[ItemSpec]) -> list[str]:
    if not answers.groups:
        return []
    there = (answers.columns([s.key for s in specs]) >= 0).any(axis=1)
    return [answers.groups[n] for n in np.flatnonzero(there)]


def _directed(
    raw: Data, specs: Sequence[ItemSpec], settings: Settings
) -> tuple[Data, Mask, Estimate]:
    """Return mirrored answers, which items run backwards, and the estimate.

    What the items share at first sight is not always what the competence turns out to be: where an
    item runs against the estimate, it is turned once more and all is estimated again.
    """
    fixed = np.array([s.a is not None for s in specs])  # an expert has said which way
    backward = directions(raw.codes, raw.dimension, fixed)
    for turn in range(TURNS):
        data = replace(raw, codes=mirrored(raw.codes, raw.categories, backward))
        estimate = _with_twins(data, specs, settings)
        along = alignments(data, estimate.curves, estimate.correlation, estimate.sites)
        wrong = (along < -SURELY) & ~fixed
        if not wrong.any() or turn == TURNS - 1:
            break
        backward = backward ^ wrong
    return data, backward, estimate


def _with_twins(data: Data, specs: Sequence[ItemSpec], settings: Settings) -> Estimate:
    """Return the estimate, an item that repeats another taking over its curve."""
    doubled = twins(data)
    if not doubled:
        return _fitted(data, specs, settings)
    codes, later = data.codes.copy(), list(doubled)
    codes[:, later] = -1
    found = _fitted(replace(data, codes=codes), specs, settings)
    at = np.arange(len(specs))
    at[later] = list(doubled.values())
    c = found.curves
    curves = Curves(c.log_a[at], c.d[at], c.partial[at])
    return replace(found, curves=curves)


def _fitted(data: Data, specs: Sequence[ItemSpec], settings: Settings) -> Estimate:
    """Return graded curves, and partial credit for items whose answers it foretells better."""
    prior, several = first_prior(specs, data), data.categories > 2
    graded = estimated(data, first_curves(data), prior, settings)
    if not several.any():
        return graded
    partial = estimated(data, _turned(graded.curves, several), prior, settings)
    better = several & (_surprise(data, graded) - _surprise(data, partial) > BETTER)
    if not better.any():
        return graded
    if (better == several).all():
        return partial
    mixed = replace(
        graded.curves,
        partial=better,
        d=np.where(better[:, None], partial.curves.d, graded.curves.d),
    )
    return estimated(data, mixed, prior, settings)


def _turned(curves: Curves, partial: Mask) -> Curves:
    """Return a start for partial credit: its steps lie nearer to each other."""
    return replace(curves, partial=partial, d=np.where(partial[:, None], curves.d * 0.7, curves.d))


def _surprise(data: Data, estimate: Estimate) -> Array:
    """Return per item the summed -ln of its answers as the other answers foretell them."""
    return surprises(data, estimate.curves, estimate.correlation, estimate.sites)


def _bank(
    data: Data,
    codes: Codes,
    specs: Sequence[ItemSpec],
    names: Sequence[str],
    backward: Mask,
    estimate: Estimate,
) -> Bank:
    curves, correlation, sites = estimate.curves, estimate.correlation, estimate.sites
    cov = covariances(data, curves, estimate.prior, correlation, sites)
    fit = fits(data, curves, correlation, sites)
    local = local_dependence(data, curves, correlation)
    structure = structured(curves, data.dimension, correlation, local.residual)
    items = []
    for j, spec in enumerate(specs):
        item = _item(spec, curves, cov[j], j, int(data.categories[j]))
        counts = np.bincount(codes[codes[:, j] >= 0, j], minlength=data.categories[j])
        item = replace(item, counts=tuple(int(n) for n in counts), reversed=bool(backward[j]))
        items.append(replace(item, fit=fit[j]))
    return Bank(
        items=tuple(items),
        competencies=tuple(names),
        correlation=correlation,
        reliability=dict(zip(names, estimate.reliability.round(4).tolist(), strict=True)),
        residual=local.residual,
        spread=(round(local.within, 4), round(local.between, 4)),
        persons=len(codes),
        style=found_style(structure, data.codes),
    )


def _item(spec: ItemSpec, curves: Curves, cov: Array, j: int, categories: int) -> BankItem:
    """Return a and b with standard errors by the delta method: b = -d / a."""
    a, d = float(curves.a[j]), curves.d[j, : categories - 1]
    variance_d = np.diag(cov)[1:categories]
    covariance = cov[0, 1:categories]
    b = -d / a
    b_variance = variance_d / a**2 + b**2 * cov[0, 0] + 2 * b * covariance / a
    return BankItem(
        key=spec.key,
        competency=spec.competency,
        kind=spec.kind,
        model="gpcm" if curves.partial[j] else "grm",
        a=round(a, 6),
        b=tuple(round(float(x), 6) for x in b),
        a_se=round(a * float(np.sqrt(cov[0, 0])), 4),
        b_se=tuple(round(float(np.sqrt(max(x, 0.0))), 4) for x in b_variance),
        counts=(),
        expert=spec.a is not None,
    )
