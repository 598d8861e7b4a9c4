"""What belongs together: the covariance of all items' latent answers, and with competences.

Item j is answered by P(X | eta_j). The competences give Cov(eta_i, eta_j) = a_i a_j S_kl; what two
items share beyond that (the same scene, the same wording) is local dependence, `residual`, in
correlations of the latent answers (logit total: slope and logistic noise). With no local dependence
this is exactly the multidimensional model of reference assessment 3.1 and 3.2.
"""

from dataclasses import dataclass, replace

import numpy as np

from competency.calibration.curves import Array, Curves
from competency.calibration.hits import Index

#: Variance of the logistic noise as a normal's: 1.702 squared.
NOISE = 1.702**2
#: Share of a latent answer that stays its own, even where two items are nearly the same.
OWN_SHARE = 0.1
DEFINITE = 1e-4


@dataclass(frozen=True, eq=False)
class Structure:
    """Normal prior of eta (J,) with mean 0, and its covariance with theta (D,)."""

    curves: Curves  # of eta: log a is 0
    items: Array  # (J, J) covariance of eta
    competences: Array  # (D, J) covariance of theta and eta
    correlation: Array  # (D, D) of theta


def structured(
    curves: Curves, dimension: Index, correlation: Array, residual: Array | None = None
) -> Structure:
    """Return the structure of these items; `residual` (J, J) has a zero diagonal."""
    total = np.sqrt(curves.a**2 + NOISE)
    share = curves.a / total
    shared = np.outer(share, share) * correlation[np.ix_(dimension, dimension)]
    noise = 1 - share**2
    if residual is not None and residual.any():
        shared, noise = _with_residual(shared, residual)
    scale = np.sqrt(NOISE / noise)
    d = np.where(curves.steps, curves.d * (scale / total)[:, None], -np.inf)
    loading = correlation[:, dimension] * share * scale
    flat = replace(curves, log_a=np.zeros_like(curves.log_a), d=d)
    return Structure(flat, shared * np.outer(scale, scale), loading, correlation)


def _with_residual(shared: Array, residual: Array) -> tuple[Array, Array]:
    """Return a definite shared part and what noise is left, in shares of the latent answer."""
    values, vectors = np.linalg.eigh(shared + residual)
    mixed = (vectors * np.maximum(values, DEFINITE)) @ vectors.T
    diagonal = np.diag(mixed).copy()
    noise = np.maximum(1 - diagonal, OWN_SHARE)
    size = np.sqrt(diagonal + noise)
    return mixed / np.outer(size, size), noise / size**2
