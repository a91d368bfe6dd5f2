"""Do trusts keep their places: reliability, rankability and correlation over the quarters."""

from __future__ import annotations

from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy

from nof.method.volatility import RANK, STILL, releases

LEVEL = 0.95


class Components(NamedTuple):
    """One-way random effects of a panel.

    Attributes
    ----------
    trusts, values : int
        Trusts with a value, and values in all.
    mean_group : float
        k0: values per trust, corrected for imbalance.
    between, within : float
        Variance between trusts (tau squared, not below 0) and within a trust over quarters.
    icc, icc_low, icc_high : float
        Reliability of one quarter, with its interval.
    """

    trusts: int
    values: int
    mean_group: float
    between: float
    within: float
    icc: float
    icc_low: float
    icc_high: float


def components(panel: pd.DataFrame, level: float = LEVEL) -> Components:
    """Variance between trusts against variance within a trust over quarters, ICC(1,1) with its F interval.

    With a trusts and N values, n_i in trust i: k0 = (N - sum n_i^2 / N) / (a - 1);
    icc = (MSB - MSW) / (MSB + (k0 - 1) MSW); F = MSB / MSW, divided and multiplied by the F quantiles, gives the limits
    (F - 1) / (F + k0 - 1). Exact for a full normal panel (Shrout and Fleiss), approximate with missing quarters
    (Donner). Trusts with one value count towards the mean, as they should. NaN where nothing can be estimated.

    Parameters
    ----------
    panel : DataFrame, trusts by quarters
    """
    values = panel.to_numpy(dtype=float)
    values = values[~np.isnan(values).all(axis=1)]
    sizes = (~np.isnan(values)).sum(axis=1)
    trusts, total = len(sizes), int(sizes.sum())
    if trusts < 2 or total <= trusts:
        return Components(trusts, total, *[np.nan] * 6)
    means = np.nanmean(values, axis=1)
    within = np.nansum((values - means[:, None]) ** 2) / (total - trusts)
    between = (sizes * (means - np.nansum(values) / total) ** 2).sum() / (trusts - 1)
    group = (total - (sizes**2).sum() / total) / (trusts - 1)
    return Components(
        trusts,
        total,
        group,
        max((between - within) / group, 0.0),
        within,
        *_icc(between, within, group, trusts - 1, total - trusts, level),
    )


def _icc(between: float, within: float, group: float, above: int, below: int, level: float) -> tuple[float, ...]:
    if between + within == 0:
        return np.nan, np.nan, np.nan
    if within == 0:
        return 1.0, 1.0, 1.0
    tail, ratio = (1 + level) / 2, between / within
    lowered, raised = ratio / scipy.special.fdtri(above, below, tail), ratio * scipy.special.fdtri(below, above, tail)
    return tuple((one - 1) / (one + group - 1) for one in (ratio, lowered, raised))


def spearman_brown(icc: float, quarters: float) -> float:
    """Reliability of the mean of k quarters: k icc / (1 + (k - 1) icc); ICC(1,k) of Shrout and Fleiss.

    Parameters
    ----------
    icc : float
        Reliability of one quarter, at most 1.
    quarters : float
        How many are averaged (k).
    """
    return quarters * icc / (1 + (quarters - 1) * icc)


def tau_squared(estimate: pd.Series, standard_error: pd.Series) -> float:
    """Variance between trusts beyond what their standard errors explain (Paule and Mandel), never below 0.

    Parameters
    ----------
    estimate, standard_error : Series on the same index
        In the same units; trusts without an estimate, or with an error that is missing or 0, are left out.

    Returns
    -------
    float
        In squared units; NaN with fewer than two trusts.
    """
    known = estimate.notna() & standard_error.gt(0)
    value, variance = estimate[known].to_numpy(), standard_error[known].to_numpy() ** 2
    if len(value) < 2:
        return np.nan

    def excess(tau: float) -> float:
        """Weighted sum of squares beyond its expectation, falling in tau squared."""
        weight = 1 / (variance + tau)
        return (weight * (value - (weight * value).sum() / weight.sum()) ** 2).sum() - (len(value) - 1)

    # As each weight is below 1 / tau, the excess is negative at the sum of squares: the root lies before it.
    top = ((value - value.mean()) ** 2).sum() + variance.max()
    return 0.0 if excess(0.0) <= 0 else float(scipy.optimize.brentq(excess, 0.0, top))


def rankability(estimate: pd.Series, standard_error: pd.Series) -> float:
    """Share of the differences between trusts that is not uncertainty: tau^2 / (tau^2 + median s^2).

    Source: van Houwelingen et al. (2000), Lingsma et al. (2010); van Dishoeck et al., BMJ Quality and Safety 20 (2011),
    call less than 0.50 poor and 0.50 to 0.75 moderate. tau^2 by `tau_squared`; s the standard error of each estimate.
    With `weighted_errors` over a trust's metrics, it is the rankability of the average within one quarter.

    Parameters
    ----------
    estimate, standard_error : Series on the same index
        As for `tau_squared`.

    Returns
    -------
    float
        0 (all noise) to 1.
    """
    noise = float((standard_error[estimate.notna() & standard_error.gt(0)] ** 2).median())
    tau = tau_squared(estimate, standard_error)
    return tau / (tau + noise)


def reliability(tables: dict[str, pd.DataFrame], level: float = LEVEL) -> pd.DataFrame:
    """How far trusts keep their places over the quarters, for the average and each metric score.

    Parameters
    ----------
    tables : dict
        As `panels` gives them.

    Returns
    -------
    DataFrame
        On the measures: trusts, quarters (with values), releases (quarters that are not a copy of the one before),
        copies, between (tau^2) and within variance, icc with icc_low and icc_high (reliability of one release),
        icc_of_mean (of the mean of all releases, Spearman-Brown), and icc_with_copies (what the quarters as published
        would suggest). A measure with one release has no reliability. No rankability by measure: with two to four values
        a trust, the median of the trusts' own variances lies far below their mean, whatever the measure.
    """
    rows = {name: _reliability_row(panel, level) for name, panel in tables.items() if name != RANK}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("measure")


def _reliability_row(panel: pd.DataFrame, level: float) -> dict:
    fresh = releases(panel)
    found, every = components(panel[fresh], level), components(panel, level)
    quarters = int(panel.notna().any().sum())
    return {
        "trusts": found.trusts,
        "quarters": quarters,
        "releases": len(fresh),
        "copies": quarters - len(fresh),
        "between": found.between,
        "within": found.within,
        "icc": found.icc,
        "icc_low": found.icc_low,
        "icc_high": found.icc_high,
        "icc_of_mean": spearman_brown(found.icc, len(fresh)),
        "icc_with_copies": every.icc,
    }


def rank_correlations(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Spearman and Kendall (tau-b) correlation of every measure between every two quarters.

    Returns
    -------
    DataFrame
        measure, quarter_before, quarter_after, trusts (with both), spearman, kendall, is_copy (nothing moved between
        the two, so that the correlation is no evidence of stability).
    """
    rows = [
        (name, before, after, *_correlation(panel[[before, after]].dropna()))
        for name, panel in tables.items()
        for before, after in combinations(sorted(panel.columns), 2)
    ]
    columns = ["measure", "quarter_before", "quarter_after", "trusts", "spearman", "kendall", "is_copy"]
    return pd.DataFrame(rows, columns=columns)


def _correlation(pair: pd.DataFrame) -> tuple[int, float, float, bool]:
    first, second = pair.to_numpy().T
    is_copy = bool(len(pair)) and bool((np.abs(second - first) <= STILL).all())
    if len(pair) < 3 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return len(pair), np.nan, np.nan, is_copy
    return (
        len(pair),
        float(scipy.stats.spearmanr(first, second).statistic),
        float(scipy.stats.kendalltau(first, second).statistic),
        is_copy,
    )


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
        """Weighted sums of squares beyond their expectation, falling in tau squared."""
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
