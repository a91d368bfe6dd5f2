"""How a number that somebody brings, such as a covariate of the trusts, goes with the average score (1.00 is best)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy

LEVEL = 0.95
CAVEAT = (
    "An association is not a cause: trusts differ in much else (kind of services, size, patients, place), the "
    "average rests on different metrics in different trusts, and a score is a position among others."
)


@dataclass(frozen=True)
class Association:
    """How a number goes with the average score (1.00 is best, so a negative association means better).

    Attributes
    ----------
    name : str
        Column of the covariate.
    trusts : int
        Trusts with both.
    spearman, spearman_low, spearman_high : float
        Rank correlation with its interval (Bonett and Wright).
    slope, slope_low, slope_high : float
        Change of the average per unit of the number (least squares, t interval).
    unmatched : tuple of str
        Codes in the file that are not among the trusts.
    missing : tuple of str
        Trusts that the file says nothing of.
    caveat : str
    """

    name: str
    trusts: int
    spearman: float
    spearman_low: float
    spearman_high: float
    slope: float
    slope_low: float
    slope_high: float
    unmatched: tuple[str, ...]
    missing: tuple[str, ...]
    caveat: str = CAVEAT


def covariate(numbers: pd.Series, averages: pd.Series, level: float = LEVEL) -> Association:
    """Association of a number with the average score; all intervals are NaN with fewer than four trusts.

    Parameters
    ----------
    numbers : Series on the trust codes
        As `read_covariate`.
    averages : Series on the trust codes
    """
    both = pd.concat([numbers.rename("x"), averages.rename("y")], axis=1, join="inner").dropna()
    unmatched, missing = numbers.index.difference(averages.index), averages.index.difference(both.index)
    return Association(
        str(numbers.name),
        len(both),
        *spearman_interval(both["x"], both["y"], level),
        *_slope(both["x"], both["y"], level),
        tuple(unmatched),
        tuple(missing),
    )


def spearman_interval(x: pd.Series, y: pd.Series, level: float = LEVEL) -> tuple[float, float, float]:
    """Spearman's correlation with a Fisher interval, standard error sqrt((1 + r^2 / 2) / (n - 3)).

    Source: Bonett and Wright, "Sample size requirements for estimating Pearson, Kendall and Spearman correlations",
    Psychometrika 65 (2000). All NaN with fewer than four pairs or a side that does not vary.

    Parameters
    ----------
    x, y : Series of n on the same index, nothing missing
    level : float
        Of the interval, 0 to 1.

    Returns
    -------
    correlation, low, high : float
        -1 to 1.
    """
    if len(x) < 4 or x.nunique() < 2 or y.nunique() < 2:
        return np.nan, np.nan, np.nan
    r = float(scipy.stats.spearmanr(x, y).statistic)
    if abs(r) > 1 - 1e-12:
        return r, r, r
    reach = scipy.special.ndtri((1 + level) / 2) * np.sqrt((1 + r**2 / 2) / (len(x) - 3))
    return r, float(np.tanh(np.arctanh(r) - reach)), float(np.tanh(np.arctanh(r) + reach))


def _slope(x: pd.Series, y: pd.Series, level: float) -> tuple[float, float, float]:
    if len(x) < 4 or x.nunique() < 2:
        return np.nan, np.nan, np.nan
    line = scipy.stats.linregress(x, y)
    reach = scipy.special.stdtrit(len(x) - 2, (1 + level) / 2) * line.stderr
    return float(line.slope), float(line.slope - reach), float(line.slope + reach)
