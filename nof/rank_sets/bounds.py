"""From comparisons rejected to ranks with bounds, and Holm's procedure, which rejects from p-values alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats


def holm(tails: np.ndarray, alpha: float, simultaneous: bool, stepdown: bool = True):
    """Holm's procedure over all pairs (simultaneous), or over each unit's row and column.

    Parameters
    ----------
    tails : array, n x n
        p of "k (column) is no better than j (row)"; the diagonal is not looked at.
    alpha : float
        1 - level.
    stepdown : bool
        False divides alpha by all comparisons throughout (Bonferroni).

    Returns
    -------
    above, below : arrays of bool, n x n
        Which others (columns) are told apart as better, as worse than each unit (rows).
    """
    n = len(tails)
    off = ~np.eye(n, dtype=bool)
    rows = tails[off].reshape(n, n - 1), tails.T[off].reshape(n, n - 1)
    family = tails[off][None, :] if simultaneous else np.hstack(rows)
    ordered = np.sort(family, axis=1)
    size = family.shape[1]
    steps = np.arange(size, 0, -1) if stepdown else size
    passed = (ordered <= alpha / steps).cumprod(axis=1).sum(axis=1)
    bar = np.hstack([np.full((len(family), 1), -1.0), ordered])[np.arange(len(family)), passed]
    return (tails <= bar[:, None]) & off, (tails.T <= bar[:, None]) & off


def counted(order: np.ndarray, above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """Lower and upper bounds from the comparisons rejected, in the order of the input.

    Parameters
    ----------
    order : array of n
        Position in the input of each unit.
    above, below : arrays of bool, n x n
        Others (columns) told apart as better, as worse than each unit (rows).

    Returns
    -------
    array of whole numbers, shape (2, n)
        1 is best.
    """
    bounds = np.empty((2, len(order)), dtype=int)
    bounds[:, order] = 1 + above.sum(axis=1), len(order) - below.sum(axis=1)
    return bounds


def closed_form(index: pd.Index, value: np.ndarray, above, below) -> pd.DataFrame:
    """Ranks with bounds from comparisons rejected by a method without draws: nothing is unstable."""
    lower, upper = 1 + above.sum(axis=1), len(index) - below.sum(axis=1)
    return frame(index, value, lower=lower, upper=upper, unstable=False)


def frame(index: pd.Index, value: np.ndarray, **columns) -> pd.DataFrame:
    """Ranks (1 is best; larger values are better) beside the columns given."""
    rank = stats.rankdata(-value, method="min").astype(int)
    return pd.DataFrame({"rank": rank, **columns}, index=index)
