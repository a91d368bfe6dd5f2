"""Every pair of units compared: the difference over its standard error, under each way of giving the errors."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from nof.rank_sets.inputs import checked_errors, checked_matrix

# A standard error of a difference below this share of the largest is rounding, hence zero.
ROUNDING = 1e-7


class Comparison(NamedTuple):
    """Every pair compared; units in canonical order, so that the order of the input is idle."""

    order: np.ndarray  # position in the input of each unit
    evidence: np.ndarray  # (n, n): by how many standard errors k (column) beats j (row)
    loadings: np.ndarray  # (n, r): times r standard normals gives the estimation errors
    scale: np.ndarray  # (n, n): 1 / standard deviation of the drawn differences, 0 if that is 0


def compare(value, index, standard_error, covariance, difference_error) -> Comparison:
    """Put units into canonical order and work out evidence and how to draw its null.

    Parameters
    ----------
    value : array of n
        Estimates, larger being better.
    index : Index of n
        Labels of the estimates.
    standard_error, covariance, difference_error
        As for `rank_confidence_sets`.
    """
    order = np.lexsort(([str(label) for label in index], value))
    value, labels = value[order], index[order]
    loadings, error = _error_model(labels, standard_error, covariance, difference_error)
    difference = value[None, :] - value[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        evidence = np.where(difference == 0, 0.0, difference / error)
    return Comparison(order, evidence, loadings, _inverse(_spread(loadings @ loadings.T)))


def with_differences(comparison, difference, difference_error, index, best) -> Comparison:
    """The evidence from differences as given, each over its own error.

    Parameters
    ----------
    comparison : Comparison
        As `compare` gives it; only its evidence is replaced.
    difference, difference_error : DataFrame n x n
        As for `rank_confidence_sets`, in the units of the estimates.
    index : Index of n
        Labels of the estimates, in the order of the input.
    """
    labels = index[comparison.order]
    gap = checked_matrix(difference, labels, "difference", symmetric=False)
    error = _without_rounding(checked_matrix(difference_error, labels, "difference_error"))
    gap = gap if best == "low" else -gap  # by how much k (column) is better than j (row)
    with np.errstate(divide="ignore", invalid="ignore"):
        return comparison._replace(evidence=np.where(gap == 0, 0.0, gap / error))


def _error_model(labels, standard_error, covariance, difference_error):
    """Loadings that draw the estimation errors, and the standard error of each difference."""
    if covariance is not None and difference_error is not None:
        raise ValueError("give covariance or difference_error, not both")
    if difference_error is not None:
        error = checked_matrix(difference_error, labels, "difference_error")
        if (error < 0).any() or np.diag(error).any():
            raise ValueError("difference_error must be 0 on the diagonal and nowhere negative")
        return np.diag(_own_errors(error**2)), _without_rounding(error)
    if covariance is not None:
        matrix = checked_matrix(covariance, labels, "covariance")
        if np.linalg.eigvalsh(matrix)[0] < -ROUNDING * np.abs(matrix).max():
            raise ValueError("covariance has a negative eigenvalue, so it is no covariance")
        return _root(matrix), _spread(matrix)
    if standard_error is None:
        raise ValueError("standard_error is needed unless covariance or difference_error is given")
    error = checked_errors(standard_error, labels, "standard_error")
    return np.diag(error), np.hypot(error[:, None], error[None, :])


def _own_errors(square: np.ndarray) -> np.ndarray:
    """Least squares fit of o_j^2 + o_k^2 to the squared errors of differences: the o_j."""
    n, rows = len(square), square.sum(axis=1)
    own = (rows - rows.sum() / (2 * (n - 1))) / (n - 2) if n > 2 else rows / 2
    # A unit's own share can come out negative by chance; keep it a small part of the typical one.
    return np.sqrt(np.maximum(own, 1e-3 * square.mean()))


def _root(matrix: np.ndarray) -> np.ndarray:
    """Loadings L with L L' = `matrix`, a covariance but for rounding."""
    values, vectors = np.linalg.eigh(matrix)
    return vectors * np.sqrt(values.clip(min=0))


def _spread(matrix: np.ndarray) -> np.ndarray:
    """Standard deviation of every difference under a covariance."""
    variance = np.diag(matrix)
    square = variance[:, None] + variance[None, :] - 2 * matrix
    return _without_rounding(np.sqrt(square.clip(min=0)))


def _without_rounding(error: np.ndarray) -> np.ndarray:
    return np.where(error > ROUNDING * error.max(), error, 0.0)


def _inverse(spread: np.ndarray) -> np.ndarray:
    return np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 0)


def t_tails(comparison: Comparison, freedom, index: pd.Index) -> np.ndarray:
    """p of "k (column) is no better than j (row)", units in canonical order.

    Parameters
    ----------
    freedom : float or DataFrame n x n
        Degrees of freedom of each difference's standard error, above 0.
    index : Index of n
        Labels of the estimates, in the order of the input.

    Returns
    -------
    array, n x n
    """
    labels = index[comparison.order]
    if isinstance(freedom, pd.DataFrame):
        freedom = checked_matrix(freedom, labels, "degrees_of_freedom")
        freedom = np.where(np.eye(len(labels), dtype=bool), 1.0, freedom)
    if not (np.asarray(freedom) > 0).all():
        raise ValueError("degrees_of_freedom must be above 0")
    return stats.t.sf(comparison.evidence, freedom)
