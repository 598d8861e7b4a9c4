"""A mixed-integer program in, a solution with a proven bound out. The only room that knows HiGHS.

Maximisation; all variables lie in [0, 1]. One thread and a fixed seed: the same problem gives the
same answer, on every machine with the same solver version.
"""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import highspy
import numpy as np

# The bare solver: highspy.Highs() prints a banner to stdout before it can be told to be quiet.
from highspy._core import _Highs as Bare

SEED = 0
LIMIT_S = 10.0


@dataclass
class Program:
    """Columns and rows, grown one by one; a row reads lower <= sum(coefficient x) <= upper."""

    objective: list[float] = field(default_factory=list)
    lower: list[float] = field(default_factory=list)
    upper: list[float] = field(default_factory=list)
    whole: list[bool] = field(default_factory=list)
    rows: list[tuple[dict[int, float], float, float]] = field(default_factory=list)

    def column(self, gain: float, *, whole: bool, fixed: float | None = None) -> int:
        """Add a variable; returns its index."""
        self.objective.append(gain)
        self.lower.append(0.0 if fixed is None else fixed)
        self.upper.append(1.0 if fixed is None else fixed)
        self.whole.append(whole)
        return len(self.objective) - 1

    def at_most(self, terms: Mapping[int, float], limit: float) -> None:
        self.rows.append((dict(terms), -highspy.kHighsInf, limit))

    def at_least(self, terms: Mapping[int, float], limit: float) -> None:
        self.rows.append((dict(terms), limit, highspy.kHighsInf))

    def implies(self, one: int, others: Iterable[int]) -> None:
        """Add x_one <= sum of the others."""
        terms = {one: 1.0}
        for other in others:
            terms[other] = terms.get(other, 0.0) - 1.0
        self.at_most(terms, 0.0)


@dataclass(frozen=True, slots=True)
class Solution:
    """`values` is None when nothing feasible is known; `proven`: the search was exhausted."""

    values: tuple[float, ...] | None
    bound: float
    proven: bool


class Solver(Protocol):
    name: str
    version: str

    def solve(self, program: Program) -> Solution: ...


class Highs:
    name = "HiGHS"
    version: str = Bare().version()

    def __init__(self, limit_s: float = LIMIT_S) -> None:
        self._limit_s = limit_s

    def solve(self, program: Program) -> Solution:
        if not program.objective:
            return _nothing_to_decide(program)
        highs = self._fresh()
        highs.passModel(_model(program))
        highs.run()
        return _solution(highs)

    def _fresh(self) -> Bare:
        highs = Bare()
        for option, value in (
            ("output_flag", False),
            ("threads", 1),
            ("random_seed", SEED),
            ("mip_rel_gap", 0.0),
            ("mip_abs_gap", 1e-9),
            ("time_limit", self._limit_s),
        ):
            highs.setOptionValue(option, value)
        return highs


def clock_ms() -> float:
    return time.perf_counter() * 1000


def _model(program: Program) -> highspy.HighsLp:
    lp = highspy.HighsLp()
    lp.sense_ = highspy.ObjSense.kMaximize
    lp.num_col_, lp.num_row_ = len(program.objective), len(program.rows)
    lp.col_cost_ = np.array(program.objective)
    lp.col_lower_, lp.col_upper_ = np.array(program.lower), np.array(program.upper)
    kinds = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
    lp.integrality_ = [kinds[whole] for whole in program.whole]
    lp.row_lower_ = np.array([lower for _, lower, _ in program.rows])
    lp.row_upper_ = np.array([upper for _, _, upper in program.rows])
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lengths = [len(terms) for terms, _, _ in program.rows]
    lp.a_matrix_.start_ = np.concatenate(([0], np.cumsum(lengths))).astype(np.int32)
    lp.a_matrix_.index_ = np.array([i for row in program.rows for i in row[0]], dtype=np.int32)
    lp.a_matrix_.value_ = np.array([v for row in program.rows for v in row[0].values()])
    return lp


def _nothing_to_decide(program: Program) -> Solution:
    possible = all(lower <= 0 <= upper for _, lower, upper in program.rows)
    return Solution(() if possible else None, 0.0, proven=True)


def _solution(highs: Bare) -> Solution:
    status = highs.getModelStatus()
    info = highs.getInfo()
    feasible = info.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible
    values = tuple(highs.getSolution().col_value) if feasible else None
    proven = status in (highspy.HighsModelStatus.kOptimal, highspy.HighsModelStatus.kInfeasible)
    return Solution(values, _bound(info), proven)


def _bound(info: highspy.HighsInfo) -> float:
    # A program without whole variables left (presolve) reports no MIP bound.
    bound = info.mip_dual_bound
    return bound if abs(bound) < highspy.kHighsInf else info.objective_function_value
