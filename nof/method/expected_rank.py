"""The place that a trust can expect in the next quarter, from all quarters so far, with how sure that is.

A hierarchical model of the averages of one trust type, trusts by quarters:

    average = mean of the quarter + deviation of the trust
    variance of a deviation = s^2 m / n for n metrics scored (m: the median number)
    correlation of a trust's deviations over k quarters = (1 - fresh) rho^k

`fresh` is the share of the variance that is new in every quarter, `rho` how much of the rest is left after one quarter. With
rho = 1 this is the model of random trust effects; that correlations fall with the lag is what rho < 1 is for. The forecast
draws every trust towards the mean, the more the less its past says: a trust with a short history or few metrics more than
one with a long record.

Fully Bayesian on a grid, without sampling of parameters: rho and fresh uniform on 0 to 1, the means flat, s^2 as 1 / s^2;
the posterior of each grid point is known in closed form. Places come from draws of all trusts together.

Assumptions: normal deviations; one model for all trusts of the type; the metrics and their number stay; no other news than
the averages. Means of quarters are taken as estimated (their error is common to all trusts and hardly touches places).

Sources
-------
Laird and Louis, "Empirical Bayes ranking methods", Journal of Educational Statistics 14 (1989): the expected rank.
Goldstein and Spiegelhalter, "League tables and their limitations", JRSS A 159 (1996): ranks with intervals.
Lin, Louis, Paddock and Ridgeway, "Loss function based ranking in two-stage, hierarchical models", Bayesian Analysis 1
(2006): chances of the best and worst part of a table.
Diggle, Heagerty, Liang and Zeger, "Analysis of longitudinal data" (2002), chapter 5: serial correlation with fresh error.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from nof.common import Quarter

LEVEL = 0.95
DRAWS = 10_000
RHO = (np.arange(60) + 0.5) / 60
FRESH = ((np.arange(24) + 0.5) / 24) ** 2  # denser near nought, where it often lies
FRESH_WIDTH = np.diff((np.arange(25) / 24) ** 2)
BANDS = (0.0, 0.05, 0.2, 0.5, 0.8, 0.95, 1.0)


@dataclass(frozen=True)
class Panel:
    """Averages of one trust type up to a quarter.

    Attributes
    ----------
    averages : DataFrame, trusts by quarters
        Unrounded; 1.00 is best; NaN where absent or not comparable with the newest quarter.
    metrics : DataFrame, trusts by quarters
        Number of metrics scored.
    """

    averages: pd.DataFrame = field(repr=False)
    metrics: pd.DataFrame = field(repr=False)

    @property
    def times(self) -> np.ndarray:
        """Place of each quarter in time, in quarters."""
        found = [Quarter.parse(one) for one in self.averages.columns]
        return np.array([4 * one.year + one.number for one in found])


def average_panel(
    standings: pd.DataFrame,
    trust_type: str,
    quarter: str,
    *,
    not_comparable: Mapping[str, Collection[str]] | None = None,
) -> Panel:
    """The averages of one trust type up to a quarter.

    Parameters
    ----------
    standings : DataFrame
        As `recompute.National.standings`.
    quarter : str
        The newest quarter that counts.
    not_comparable : mapping of slug to collection of str
        For a quarter: trusts that a merger sets apart from the quarter before; what they were before does not count.
    """
    ours = standings[(standings["trust_type"] == trust_type) & (standings["quarter"] <= quarter)]
    averages, metrics = (
        ours.pivot(index="trust_code", columns="quarter", values=name).sort_index(axis=1).astype(float)
        for name in ("average", "metrics_scored")
    )
    for start, codes in (not_comparable or {}).items():
        averages.loc[averages.index.isin(list(codes)), averages.columns < start] = np.nan
    return Panel(averages, metrics.where(averages.notna()))


@dataclass(frozen=True)
class Posterior:
    """What the quarters say of the model's parameters, on the grid of rho and fresh.

    Attributes
    ----------
    rho, fresh, chance : array of cells
        The grid, and the posterior probability of each cell.
    squares : array of cells
        Weighted residual sum of squares; s^2 given the cell is squares / chi-square with `freedom`.
    freedom : int
    means : array, cells by quarters
        Estimated means of the quarters.
    """

    rho: np.ndarray
    fresh: np.ndarray
    chance: np.ndarray
    squares: np.ndarray
    freedom: int
    means: np.ndarray

    @property
    def summary(self) -> pd.Series:
        """Posterior means: rho, fresh, s (standard deviation of an average over a median number of metrics)."""
        variance = self.squares / max(self.freedom - 2, 1)
        values = {"rho": self.rho, "fresh": self.fresh, "s": np.sqrt(variance)}
        return pd.Series({name: float((self.chance * one).sum()) for name, one in values.items()})


def posterior(
    panel: Panel, rho: np.ndarray = RHO, fresh: np.ndarray = FRESH, width: np.ndarray = FRESH_WIDTH
) -> Posterior:
    """The posterior of the model's parameters; raises ValueError where no trust has two quarters.

    Parameters
    ----------
    panel : Panel
    rho, fresh : array
        Grid points of each parameter.
    width : array
        Prior weight of each point of `fresh`.
    """
    if not (panel.averages.notna().sum(axis=1) >= 2).any():
        raise ValueError("no trust has an average in two quarters")
    one_rho, one_fresh = (part.ravel() for part in np.meshgrid(rho, fresh, indexing="ij"))
    scaled, inverse, design = _whitened(panel)
    quarters = panel.averages.shape[1]
    cells = len(one_rho)
    determinant, normal = np.zeros(cells), np.zeros((cells, quarters, quarters))
    right, total = np.zeros((cells, quarters)), np.zeros(cells)
    for held in np.unique(inverse, axis=0):
        rows = (inverse == held).all(axis=1)
        seen = np.flatnonzero(held)
        correlation = _correlation(panel.times[seen], one_rho, one_fresh)
        precision = np.linalg.inv(correlation)
        determinant += rows.sum() * np.linalg.slogdet(correlation)[1]
        values, weights = scaled[rows][:, seen], design[rows][:, seen]
        normal[:, seen[:, None], seen] += np.einsum("ij,ik,cjk->cjk", weights, weights, precision)
        right[:, seen] += np.einsum("ij,ik,cjk->cj", weights, values, precision)
        total += np.einsum("ij,ik,cjk->c", values, values, precision)
    means = np.linalg.solve(normal, right[..., None])[..., 0]
    squares = np.maximum(total - (means * right).sum(axis=1), 1e-12)
    freedom = int(inverse.sum()) - quarters
    log = -0.5 * (determinant + np.linalg.slogdet(normal)[1] + freedom * np.log(squares))
    log += np.log(np.broadcast_to(width, (len(rho), len(fresh))).ravel())
    chance = np.exp(log - log.max())
    return Posterior(one_rho, one_fresh, chance / chance.sum(), squares, freedom, means)


def _whitened(panel: Panel) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Averages over their standard deviation relative to s, which of them are there, and one over that deviation."""
    values, count = panel.averages.to_numpy(), panel.metrics.to_numpy()
    held = ~np.isnan(values)
    design = np.sqrt(np.where(held, count, 1.0) / np.nanmedian(count))
    return np.where(held, values, 0.0) * design, held, design


def _correlation(times: np.ndarray, rho: np.ndarray, fresh: np.ndarray) -> np.ndarray:
    """Correlations of a trust's deviations at some times, one matrix a cell."""
    lag = np.abs(np.subtract.outer(times, times))
    return (1 - fresh)[:, None, None] * rho[:, None, None] ** lag + fresh[:, None, None] * np.eye(len(times))


def forecast(
    panel: Panel, at: int | None = None, draws: int = DRAWS, seed: int = 0, found: Posterior | None = None
) -> pd.DataFrame:
    """Draws of the averages of all trusts in a quarter that the panel does not hold.

    Parameters
    ----------
    panel : Panel
    at : int, optional
        Place of that quarter in time as `Panel.times` counts; by default the quarter after the newest.
    found : Posterior, optional
        Of the same panel; by default `posterior`.

    Returns
    -------
    DataFrame, trusts by draws
        Averages up to a constant that is common to all trusts of a draw (the mean of that quarter is not known). Trusts
        that the newest quarter of the panel holds, with as many metrics as there.
    """
    found, random = found or posterior(panel), np.random.default_rng(seed)
    at = int(panel.times[-1]) + 1 if at is None else at
    chosen = np.sort(random.choice(len(found.chance), draws, p=found.chance))
    cells, back = np.unique(chosen, return_inverse=True)
    spread = np.sqrt(found.squares[chosen] / random.chisquare(found.freedom, draws))
    scaled, held, design = _whitened(panel)
    means = found.means[cells]
    expected, left = np.zeros((len(scaled), len(cells))), np.ones((len(scaled), len(cells)))
    for pattern in np.unique(held, axis=0):
        rows, seen = (held == pattern).all(axis=1), np.flatnonzero(pattern)
        correlation = _correlation(panel.times[seen], found.rho[cells], found.fresh[cells])
        lag = np.abs(panel.times[seen] - at)
        shared = (1 - found.fresh[cells])[:, None] * found.rho[cells][:, None] ** lag
        weight = np.linalg.solve(correlation, shared[..., None])[..., 0]
        residual = scaled[rows][:, None, seen] - design[rows][:, None, seen] * means[None, :, seen]
        expected[rows] = (residual * weight).sum(axis=2)
        left[rows] = 1 - (weight * shared).sum(axis=1)
    now = held[:, -1]
    last = design[now, -1][:, None]
    noise = random.standard_normal((int(now.sum()), draws)) * np.sqrt(left[now][:, back]) * spread
    return pd.DataFrame((expected[now][:, back] + noise) / last, panel.averages.index[now])


def expected_places(panel: Panel, *, level: float = LEVEL, draws: int = DRAWS, seed: int = 0) -> pd.DataFrame:
    """The place by average, among the trusts of the type, that each trust can expect in the next quarter.

    Parameters
    ----------
    panel : Panel
        Up to the newest quarter.
    level : float
        Of expected_low to expected_high.
    draws, seed : int
        Of the forecast.

    Returns
    -------
    DataFrame
        On the trusts of the newest quarter: expected_rank (mean place, 1 is best), expected_low, expected_high (its
        interval for the place itself), chance_best_quarter, chance_worst_quarter (of a place in the best and the worst
        quarter of the table: places up to n / 4, and beyond 3 n / 4). All NaN with fewer than two quarters.
    """
    try:
        drawn = forecast(panel, draws=draws, seed=seed)
    except ValueError:
        now = panel.averages.index[panel.averages.iloc[:, -1].notna()] if panel.averages.shape[1] else []
        return pd.DataFrame(np.nan, pd.Index(now, name="trust_code"), COLUMNS)
    return _places(drawn, level)


COLUMNS = ["expected_rank", "expected_low", "expected_high", "chance_best_quarter", "chance_worst_quarter"]


def _places(drawn: pd.DataFrame, level: float) -> pd.DataFrame:
    count = len(drawn)
    places = drawn.to_numpy().argsort(axis=0).argsort(axis=0) + 1
    low, high = np.quantile(places, [(1 - level) / 2, (1 + level) / 2], axis=1, method="inverted_cdf")
    columns = [
        places.mean(axis=1),
        low,
        high,
        (4 * places <= count).mean(axis=1),
        (4 * places > 3 * count).mean(axis=1),
    ]
    return pd.DataFrame(dict(zip(COLUMNS, columns, strict=True)), drawn.index.rename("trust_code"))


def held_out(panel: Panel, *, ahead_only: bool = False, draws: int = DRAWS, seed: int = 0) -> pd.DataFrame:
    """Forecasts of quarters that are known, from the other quarters: what the calibration rests on.

    Parameters
    ----------
    panel : Panel
    ahead_only : bool
        Only from the quarters before (needs two of them): the way the forecast is used. If not, each quarter from all
        others, which gives more cases.

    Returns
    -------
    DataFrame
        quarter (held out), trust_code, the columns of `expected_places`, place (by average, as it came), best_quarter,
        worst_quarter (bool: as it came).
    """
    parts = []
    for spot, quarter in enumerate(panel.averages.columns):
        rest = [one for one in panel.averages.columns if (one < quarter if ahead_only else one != quarter)]
        if len(rest) < 2:
            continue
        known = panel.averages[quarter].dropna()
        known = known[panel.averages.loc[known.index, rest[-1]].notna()]
        part = Panel(panel.averages.loc[known.index, rest], panel.metrics.loc[known.index, rest])
        drawn = forecast(part, int(panel.times[spot]), draws, seed)
        place = known.rank(method="first")
        came = {"place": place, "best_quarter": 4 * place <= len(place), "worst_quarter": 4 * place > 3 * len(place)}
        parts.append(_places(drawn, LEVEL).assign(**came, quarter=quarter).reset_index())
    columns = ["quarter", "trust_code", *COLUMNS, "place", "best_quarter", "worst_quarter"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def calibration(held: pd.DataFrame, which: str = "worst_quarter", bands: tuple[float, ...] = BANDS) -> pd.DataFrame:
    """How often what was forecast came, by how sure the forecast was.

    Parameters
    ----------
    held : DataFrame
        As `held_out`.
    which : {"worst_quarter", "best_quarter"}
    bands : tuple of float
        Ends of the bands of the chance, ascending.

    Returns
    -------
    DataFrame
        One row a band with cases: from, to (of the chance), cases, said (mean chance), came (share), low and high (95%
        interval of the share, Wilson; cases of one trust are not independent, so it is if anything too narrow).
    """
    chance, came = held[f"chance_{which}"], held[which].astype(bool)
    band = pd.cut(chance, list(bands), include_lowest=True)
    rows = []
    for one, part in chance.groupby(band, observed=True):
        hits, cases = int(came[part.index].sum()), len(part)
        low, high = wilson(hits, cases)
        rows.append((max(one.left, 0.0), one.right, cases, part.mean(), hits / cases, low, high))
    return pd.DataFrame(rows, columns=["from", "to", "cases", "said", "came", "low", "high"])


def wilson(hits: int, cases: int, z: float = 1.96) -> tuple[float, float]:
    """95% interval of a share (Wilson, JASA 22, 1927)."""
    share, extra = hits / cases, z**2 / cases
    middle, half = share + extra / 2, z * np.sqrt(share * (1 - share) / cases + extra / (4 * cases))
    return float((middle - half) / (1 + extra)), float((middle + half) / (1 + extra))
