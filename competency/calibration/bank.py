"""A bank: what calibration found out about items and competences. Values and their JSON; no person.

Everything a replay needs is in it, and where it comes from (`provenance`). Difficulties `b` and
discrimination `a` > 0 are on theta, N(0, 1) in the population that answered. An item that runs
backwards has `reversed`: its parameters are those of the mirrored codes.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from competency.calibration.curves import Array, Curves
from competency.calibration.hits import Index
from competency.errors import NotCalibrated

FORMAT = "roadmap-bank/1"
#: Residual correlations below this are rounding; they are not written.
WORTH_WRITING = 5e-4


@dataclass(frozen=True, slots=True)
class Fit:
    """How well an item goes with the rest, each person judged by the other answers only."""

    infit: float  # 1 is as expected; above: noisier near its difficulty
    outfit: float  # the same, far from it too
    rest: float  # correlation with what the other answers lead to expect
    told: float  # share of the item's surprise (log-loss) that the other answers take away
    misfit_p: float  # probability of so bent a curve if the model were right


@dataclass(frozen=True, slots=True)
class Difference:
    """An item that is easier (+) or harder (-) for a group than its ability explains, logits."""

    group: str
    persons: int
    shift: float
    se: float
    size: str  # none | moderate | large


@dataclass(frozen=True, slots=True)
class BankItem:
    key: str
    competency: str
    kind: str
    model: str  # grm | gpcm
    a: float
    b: tuple[float, ...]
    a_se: float
    b_se: tuple[float, ...]
    counts: tuple[int, ...]  # answers per code, as they were given
    reversed: bool = False
    expert: bool = False  # an expert's estimate was the prior
    fit: Fit | None = None
    differences: tuple[Difference, ...] = ()

    @property
    def answers(self) -> int:
        return sum(self.counts)


@dataclass(frozen=True, eq=False)
class Bank:
    """Items in the order of the file; competences in the order of the correlations."""

    items: tuple[BankItem, ...]
    competencies: tuple[str, ...]
    correlation: Array  # (D, D)
    reliability: Mapping[str, float]  # share of a competence's variance that the answers tell
    residual: Array  # (J, J) local dependence, zero diagonal
    spread: tuple[float, float]  # of local dependence: in one competence, across
    persons: int
    style: float = 0.0  # spread of how persons use scales, see `style`
    provenance: Mapping[str, Any] = field(default_factory=dict)

    @property
    def position(self) -> dict[str, int]:
        return {item.key: n for n, item in enumerate(self.items)}

    @property
    def dimension(self) -> Index:
        at = {code: n for n, code in enumerate(self.competencies)}
        return np.array([at[i.competency] for i in self.items], dtype=np.intp)

    @property
    def categories(self) -> Index:
        return np.array([len(i.b) + 1 for i in self.items], dtype=np.intp)

    def curves(self) -> Curves:
        d = np.full((len(self.items), max(len(i.b) for i in self.items)), -np.inf)
        for n, item in enumerate(self.items):
            d[n, : len(item.b)] = -item.a * np.array(item.b)
        log_a = np.log([i.a for i in self.items])
        return Curves(log_a, d, np.array([i.model == "gpcm" for i in self.items]))

    def document(self) -> dict[str, Any]:
        """Return it as JSON-able values; `of_document` reads it back."""
        keys, where = [i.key for i in self.items], np.argwhere(np.triu(self.residual, 1))
        pairs = [(int(i), int(j), float(self.residual[i, j])) for i, j in where]
        return {
            "format": FORMAT,
            "provenance": dict(self.provenance),
            "persons": self.persons,
            "style": self.style,
            "competencies": list(self.competencies),
            "correlations": np.round(self.correlation, 6).tolist(),
            "reliability": dict(self.reliability),
            "items": [_item_document(i) for i in self.items],
            "local_dependence": {
                "within": self.spread[0],
                "between": self.spread[1],
                "pairs": [
                    [keys[i], keys[j], round(r, 4)] for i, j, r in pairs if abs(r) >= WORTH_WRITING
                ],
            },
        }

    @classmethod
    def of_document(cls, document: Mapping[str, Any]) -> "Bank":
        """Return what `document` wrote; :raises NotCalibrated: it is none, or from elsewhere."""
        if document.get("format") != FORMAT:
            raise NotCalibrated(f"not a bank of the format {FORMAT}")
        try:
            return _read(document)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise NotCalibrated(f"the bank is damaged: {type(error).__name__}: {error}") from None


def _item_document(item: BankItem) -> dict[str, Any]:
    row = asdict(item)
    row["item"] = row.pop("key")
    row["b"], row["b_se"], row["counts"] = list(item.b), list(item.b_se), list(item.counts)
    return row


def _read(document: Mapping[str, Any]) -> Bank:
    items = tuple(_read_item(row) for row in document["items"])
    at = {item.key: n for n, item in enumerate(items)}
    local = document["local_dependence"]
    residual = np.zeros((len(items), len(items)))
    for one, other, r in local["pairs"]:
        residual[at[one], at[other]] = residual[at[other], at[one]] = float(r)
    return Bank(
        items=items,
        competencies=tuple(document["competencies"]),
        correlation=np.array(document["correlations"], dtype=np.float64),
        reliability=document["reliability"],
        residual=residual,
        spread=(float(local["within"]), float(local["between"])),
        persons=int(document["persons"]),
        style=float(document["style"]),
        provenance=document["provenance"],
    )


def _read_item(row: Mapping[str, Any]) -> BankItem:
    fit, differences = row["fit"], row["differences"]
    numbers = {name: tuple(float(x) for x in row[name]) for name in ("b", "b_se")}
    if not (row["a"] > 0 and numbers["b"]):
        raise ValueError(f"{row['item']}: a and b")
    return BankItem(
        key=str(row["item"]),
        competency=str(row["competency"]),
        kind=str(row["kind"]),
        model=str(row["model"]),
        a=float(row["a"]),
        a_se=float(row["a_se"]),
        counts=tuple(int(n) for n in row["counts"]),
        reversed=bool(row["reversed"]),
        expert=bool(row["expert"]),
        fit=Fit(**fit) if fit else None,
        differences=tuple(Difference(**d) for d in differences),
        **numbers,
    )
