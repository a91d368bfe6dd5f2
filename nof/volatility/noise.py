"""How many changes of segment would noise alone give: by simulation and by formula."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from nof.ranking import override, segment_of
from nof.scoring import round_half_up
from nof.volatility.change import changes
from nof.volatility.pairing import side_by_side


@dataclass(frozen=True)
class NoiseAlone:
    """How many trusts would change segment if none had truly changed.

    Attributes
    ----------
    trusts : int
        Trusts in the reckoning.
    noise_sd : float
        Pooled standard deviation of one metric's change, within trusts.
    expected, low, high : float
        Mean and central 95% of the simulated counts.
    analytic : float
        The mean by formula, without the rounding of averages.
    observed : int
        Trusts that did change.
    """

    trusts: int
    noise_sd: float
    expected: float
    low: float
    high: float
    analytic: float
    observed: int


def noise_alone(
    scores: pd.DataFrame,
    standings: pd.DataFrame,
    before: str,
    after: str,
    trust_type: str,
    edges: np.ndarray,
    *,
    adjusted: bool = True,
    copied: Collection[str] = (),
    not_comparable: Collection[str] = (),
    no_better_than: int = 3,
    draws: int = 10_000,
    seed: int = 0,
) -> NoiseAlone:
    """Changes of segment that noise alone would give, by simulation and by formula.

    The model: each trust stands in both quarters at the mean of its two averages; each quarter's average scatters
    around it with variance e^2 / 2, normal, e being the standard error of the trust's change. e rests on the scatter of
    metric changes around each trust's own mean change (so a true move of the whole trust is no noise, a true move of a
    single metric is), pooled over the trusts of the type; copied metrics have none. Edges and override flags stay.

    Parameters
    ----------
    edges : array of 3
        Edges between unadjusted segments, the same for both quarters (the mean of the two quarters' edges).
    adjusted : bool
        Segments after the override, with each trust's flag of the earlier quarter.
    """
    both = side_by_side(standings, before, after, trust_type, not_comparable)
    table = changes(
        scores,
        standings,
        before,
        after,
        trust_type,
        copied=copied,
        not_comparable=not_comparable,
        no_better_than=no_better_than,
    ).set_index("trust_code")
    noise_sd, errors = _pooled(table)
    both, errors = both[errors.notna()], errors.dropna().to_numpy()
    centre = both[["average_before", "average_after"]].mean(axis=1).to_numpy()
    flags = both["in_deficit_before"].to_numpy() if adjusted else np.zeros(len(both), dtype=bool)
    name = "segment" if adjusted else "segment_unadjusted"
    observed = int((both[f"{name}_before"] != both[f"{name}_after"]).sum())
    counts = np.concatenate(list(_simulated(centre, errors, edges, flags, no_better_than, draws, seed)))
    low, high = np.quantile(counts, [0.025, 0.975], method="inverted_cdf")
    expected = chance_of_change(centre, errors, edges, flags, no_better_than).sum()
    return NoiseAlone(len(both), noise_sd, float(counts.mean()), float(low), float(high), float(expected), observed)


def _pooled(table: pd.DataFrame) -> tuple[float, pd.Series]:
    """Pooled sd of a metric's change, and from it each trust's standard error of the change of its average."""
    tested = table["metrics_tested"].where(table["metrics_tested"] > 0)
    share = tested / table["metrics_compared"]
    variance = (table["standard_error"] / share) ** 2 * tested
    known = variance.notna()
    pooled = float(np.sqrt((variance * (tested - 1))[known].sum() / (tested - 1)[known].sum()))
    return pooled, pooled * share / np.sqrt(tested)


def _simulated(centre, errors, edges, flags, no_better_than: int, draws: int, seed: int) -> Iterator[np.ndarray]:
    """Numbers of trusts that change segment, a thousand draws at a time to keep memory small."""
    random = np.random.default_rng(seed)
    for start in range(0, draws, 1000):
        shape = (2, min(1000, draws - start), len(centre))
        averages = round_half_up(centre + random.standard_normal(shape) * errors / np.sqrt(2))
        first, second = override(segment_of(averages, edges), flags, no_better_than)
        yield (first != second).sum(axis=1)


def chance_of_change(
    centre: np.ndarray, errors: np.ndarray, edges: np.ndarray, flags: np.ndarray, no_better_than: int
) -> np.ndarray:
    """Chance that two independent draws of an average fall in different segments: 1 - sum of squared chances.

    Parameters
    ----------
    centre : array of n
        Where each trust truly stands on the scale of the average (1.00 is best).
    errors : array of n
        Standard error of the change of each average; one draw scatters by 1 / sqrt(2) of it.
    edges : array of 3
        Edges between unadjusted segments.
    flags : array of bool, n
        Trusts that the override allows no better segment than `no_better_than`.

    Returns
    -------
    array of n
        0 to 1.
    """
    reached = stats.norm.cdf((np.asarray(edges) - centre[:, None]) * np.sqrt(2) / errors[:, None])
    chances = np.diff(reached, axis=1, prepend=0.0, append=1.0)
    merged = np.column_stack([chances[:, :no_better_than].sum(axis=1), chances[:, no_better_than:]])
    return 1 - np.where(flags, (merged**2).sum(axis=1), (chances**2).sum(axis=1))
