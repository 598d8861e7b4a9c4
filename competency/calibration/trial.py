"""A replay of a bank on recorded answers: how well few answers predict those to other items.

The loss is the mean -ln of the predicted probability of every criterion answer that is there; it is
held against the same number of answers scored competence by competence, against items drawn at
random, and against how often each category is given at all. Source: contract, `items replay`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from competency.calibration.bank import Bank
from competency.calibration.curves import Array
from competency.calibration.hits import Codes, Index
from competency.calibration.panel import Panel
from competency.calibration.replay import Chooser, overall, replayed
from competency.calibration.start import mirrored
from competency.calibration.structure import NOISE, Structure, structured
from competency.calibration.table import GRADED, Answers
from competency.errors import NotCalibrated


@dataclass(frozen=True, eq=False)
class Predicted:
    """After so many answers, chances (P, criterion, C) of every code as it was given."""

    length: int
    rows: slice
    chances: Array
    asked: Index  # (P, length) items of the bank, -1: nothing left to ask


@dataclass(frozen=True, eq=False)
class Trial:
    """A bank, the answers of some persons, and which items are asked and predicted."""

    bank: Bank
    codes: Codes  # (P, J) in the bank's order, as given
    pool: Index
    criterion: Index

    @classmethod
    def of(
        cls, bank: Bank, answers: Answers, pool: Sequence[str], criterion: Sequence[str]
    ) -> "Trial":
        """Return it; :raises NotCalibrated: lists and bank do not go together."""
        for key in (*pool, *criterion):
            if key not in bank.position:
                raise NotCalibrated(f"the bank has no item {key}")
        if both := sorted(set(pool) & set(criterion)):
            raise NotCalibrated(f"asked and predicted at once: {', '.join(both[:5])}")
        if missing := sorted(set(pool) - set(answers.items)):
            raise NotCalibrated(f"no answers to items of the pool: {', '.join(missing[:5])}")
        codes = answers.columns([i.key for i in bank.items])
        at = [
            np.array([bank.position[k] for k in keys], dtype=np.intp) for keys in (pool, criterion)
        ]
        return cls(bank, codes, *at)

    @property
    def offered(self) -> Index:
        """How many codes each criterion item gets a chance for: what its competence uses."""
        size = self.bank.categories
        graded = np.array([i.kind == GRADED for i in self.bank.items])
        most = size.copy()
        for k in np.unique(self.bank.dimension):
            same = graded & (self.bank.dimension == k)
            most[same] = size[same].max(initial=2)
        return np.asarray(most[self.criterion])

    def adaptive(self, lengths: tuple[int, ...], seed: int) -> Iterator[Predicted]:
        """Yield what the adaptive test predicts; the seed only decides between equal items."""
        structure = self._structure(joint=True)
        choose = overall(self._wanted(structure))
        return self._predicted(structure, self.bank.style, choose, lengths, seed)

    def independent(self, lengths: tuple[int, ...], seed: int) -> Iterator[Predicted]:
        """Yield it with every competence scored for itself."""
        structure = self._structure(joint=False)
        return self._predicted(structure, 0.0, overall(self._wanted(structure)), lengths, seed)

    def random(self, lengths: tuple[int, ...], seed: int) -> Iterator[Predicted]:
        """Yield it for items drawn at random, scored like the adaptive ones."""
        structure = self._structure(joint=True)
        return self._predicted(structure, self.bank.style, _drawn(seed), lengths, seed)

    def marginal(self) -> Array:
        """Return how often each code is given, (criterion, C): the prediction without answers."""
        shares = np.zeros((len(self.criterion), int(self.offered.max())))
        for n, j in enumerate(self.criterion):
            counts = np.array(self.bank.items[j].counts, dtype=np.float64)
            shares[n, : len(counts)] = (counts + 0.5) / (counts.sum() + 0.5 * len(counts))
        return np.asarray(self._spared(shares[None])[0])

    def losses(self, predicted: Predicted) -> Array:
        """Return -ln of what each criterion answer that is there was given, in one row."""
        codes = self.codes[predicted.rows][:, self.criterion]
        there = codes >= 0
        at = np.minimum(np.maximum(codes, 0), predicted.chances.shape[2] - 1).astype(np.intp)
        chance = np.take_along_axis(predicted.chances, at[..., None], axis=2)[..., 0]
        return np.asarray(-np.log(np.maximum(chance[there], self._spare.min())))

    def used(self, predicted: Sequence[Predicted]) -> int:
        """Return how many different items were asked."""
        asked = [np.unique(p.asked) for p in predicted]
        return int((np.unique(np.concatenate(asked)) >= 0).sum())

    def _structure(self, *, joint: bool) -> Structure:
        bank = self.bank
        correlation = bank.correlation if joint else np.eye(len(bank.competencies))
        residual = bank.residual if joint else None
        return structured(bank.curves(), bank.dimension, correlation, residual)

    def _wanted(self, structure: Structure) -> Array:
        """Return what is to become sure: each competence, and each latent answer of the pool."""
        total = np.sqrt(np.diag(structure.items) + NOISE)
        answers = structure.items[self.pool] / total[self.pool, None]
        return np.concatenate([structure.competences, answers])

    def _predicted(
        self,
        structure: Structure,
        style: float,
        choose: Chooser,
        lengths: tuple[int, ...],
        seed: int,
    ) -> Iterator[Predicted]:
        backward = np.array([i.reversed for i in self.bank.items])
        size = self.bank.categories
        codes = mirrored(np.minimum(self.codes, size - 1), size, backward)
        pool = np.random.default_rng(seed).permutation(self.pool)
        for step in replayed(structure, style, codes, pool, self.criterion, lengths, choose):
            chances = np.zeros((*step.chances.shape[:2], int(self.offered.max())))
            for n, j in enumerate(self.criterion):
                own = step.chances[:, n, : size[j]]
                chances[:, n, : size[j]] = own[:, ::-1] if backward[j] else own
            yield Predicted(step.length, step.rows, self._spared(chances), step.crowd.usual.asked)

    @property
    def _spare(self) -> Array:
        """The chance of a code that an item's own answers never showed, (criterion,)."""
        answers = np.array([self.bank.items[j].answers for j in self.criterion], dtype=np.float64)
        return 0.5 / (answers + 2)

    def _spared(self, chances: Array) -> Array:
        """Return chances that add up to 1 and leave a little to codes nobody gave yet."""
        codes = np.arange(chances.shape[2])
        size = self.bank.categories[self.criterion]
        spare = (codes >= size[:, None]) & (codes < self.offered[:, None])
        chances = np.where(spare, self._spare[:, None], chances)
        return np.asarray(chances / chances.sum(axis=2, keepdims=True))


def _drawn(seed: int) -> Chooser:
    rng = np.random.default_rng(seed)

    def choose(panel: Panel, pool: Index) -> Array:
        return np.asarray(rng.random((len(panel.asked), len(pool))))

    return choose
