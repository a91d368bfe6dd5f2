"""Reliability beside its limits: how correlations fall with time, and how sure a rankability is.

To be folded into the room's module on persistence.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd

LEVEL = 0.95


def lag_correlations(panel: pd.DataFrame) -> pd.DataFrame:
    """How the correlation between two quarters falls with the time between them.

    An intraclass correlation takes quarters as exchangeable: any two correlate alike. Where this table falls, they do
    not, and the intraclass correlation says too much of quarters far apart.

    Parameters
    ----------
    panel : DataFrame, trusts by quarters
        One measure (see `panels`), every quarter of a run in order.

    Returns
    -------
    DataFrame
        One row a distance: quarters_apart, pairs (of quarters), correlation (Pearson, mean over the pairs), lowest,
        highest, from_first (of the first quarter with the one that far from it); NaN where nothing can be told.
    """
    known = panel.corr(min_periods=3)
    by_lag: dict[int, list[float]] = {}
    for (place, before), (other, after) in combinations(enumerate(panel.columns), 2):
        by_lag.setdefault(other - place, []).append(float(known.loc[before, after]))
    rows = []
    for lag, found in sorted(by_lag.items()):
        told = [one for one in found if np.isfinite(one)]
        ends = (float(np.mean(told)), min(told), max(told)) if told else (np.nan,) * 3
        rows.append((lag, len(told), *ends, found[0]))
    columns = ["quarters_apart", "pairs", "correlation", "lowest", "highest", "from_first"]
    return pd.DataFrame(rows, columns=columns)


def rankability_interval(
    estimate: pd.Series, standard_error: pd.Series, level: float = LEVEL, draws: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """Percentile interval of `rankability`, the trusts drawn anew with replacement (Efron and Tibshirani 1993).

    Parameters
    ----------
    estimate, standard_error : Series on the same index
        As for `rankability`.

    Returns
    -------
    low, high : float
        0 (all noise) to 1; NaN with fewer than three trusts, which nothing can be drawn from.
    """
    known = estimate.notna() & standard_error.gt(0)
    value, variance = estimate[known].to_numpy(), standard_error[known].to_numpy() ** 2
    if len(value) < 3:
        return np.nan, np.nan
    rows = np.random.default_rng(seed).integers(len(value), size=(draws, len(value)))
    tau = _paule_mandel(value[rows], variance[rows])
    drawn = tau / (tau + np.median(variance[rows], axis=1))
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _paule_mandel(value: np.ndarray, variance: np.ndarray, halvings: int = 60) -> np.ndarray:
    """tau squared of every row at once, by bisection; see `tau_squared`."""

    def excess(tau: np.ndarray) -> np.ndarray:
        weight = 1 / (variance + tau[:, None])
        centre = (weight * value).sum(axis=1) / weight.sum(axis=1)
        return (weight * (value - centre[:, None]) ** 2).sum(axis=1) - (value.shape[1] - 1)

    low = np.zeros(len(value))
    high = ((value - value.mean(axis=1, keepdims=True)) ** 2).sum(axis=1) + variance.max(axis=1)
    none = excess(low) <= 0
    for _ in range(halvings):
        middle = (low + high) / 2
        above = excess(middle) > 0
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return np.where(none, 0.0, low)
