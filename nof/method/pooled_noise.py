"""How far scores move by noise alone, metric by metric, and how many trusts that would move to another segment.

How far a score moves when nothing has truly changed is seen in the changes of that metric of all trusts over all steps,
each step's mean taken off. Metrics move independently of each other, except those whose changes go together (two scores
of one staff survey): these are drawn as they occur. The sum over a trust's metrics is convolved exactly.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd
import scipy

from nof.method.score_changes import STEP
from nof.method.volatility import side_by_side
from nof.rules.ranking import override, segment_of
from nof.rules.scoring import round_half_up

TOGETHER = 0.7  # correlation of changes from which half of their variance is shared: drawn jointly
FEWEST = 20  # pairs of changes on which a correlation, and a joint draw, may rest
GRID = 0.005  # of a weighted point: scores are published at 0.01


def moving_together(
    changes: pd.DataFrame, least: float = TOGETHER, fewest: int = FEWEST
) -> tuple[tuple[str, ...], ...]:
    """Metrics whose changes go together, in groups: they are not independent evidence.

    Parameters
    ----------
    changes : DataFrame
        As `score_changes`.
    least : float
        Correlation (of either sign) of the changes of two metrics from which they belong together; chains are joined.
    fewest : int
        Pairs of changes on which a correlation must rest.
    """
    wide = _wide(changes)
    related = wide.corr(min_periods=fewest).abs() >= least
    groups: list[set[str]] = []
    for metric in related:
        linked = {metric, *related.index[related[metric]]}
        apart = [group for group in groups if not group & linked]
        groups = [*apart, linked.union(*(group for group in groups if group & linked))]
    return tuple(sorted(tuple(sorted(group)) for group in groups if len(group) > 1))


def _wide(changes: pd.DataFrame) -> pd.DataFrame:
    """Weighted changes beyond the usual, steps and trusts by metrics; copies are missing."""
    moving = changes[changes["moves"].astype(bool)]
    moving = moving.assign(weighted=moving["beyond"] * moving["weight"])
    return moving.pivot(index=[*STEP, "trust_code"], columns="metric_id", values="weighted").astype(float)


@dataclass(frozen=True)
class PooledNoise:
    """How far a sum of metric scores moves by noise alone, from the changes of all trusts.

    Attributes
    ----------
    units : DataFrame
        Weighted changes beyond the usual in whole grid units (float, NaN where none), on step and trust by metric.
    together : tuple of tuple of str
        Groups of metrics drawn jointly.
    """

    units: pd.DataFrame = field(repr=False)
    together: tuple[tuple[str, ...], ...] = ()
    _known: dict = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def length(self) -> int:
        """Points of the grid of sums, from the lowest possible sum to the highest."""
        return scipy.fft.next_fast_len(2 * int(self.units.abs().max().fillna(0).sum()) + 1, real=True)

    @cached_property
    def sums(self) -> np.ndarray:
        """The sums on the grid, in weighted points, ascending; nought stands in the middle."""
        return GRID * (np.arange(self.length) - self.length // 2)

    def chances(self, metrics: Iterable[str]) -> np.ndarray:
        """Chance of each of `sums` for a trust with these metrics, if nothing but noise moves them."""
        key = tuple(sorted(metrics))
        if key not in self._known:
            spectrum = np.ones(self.length // 2 + 1, dtype=complex)
            for part in self._parts(key):
                spectrum = spectrum * self._spectrum(part)
            self._known[key] = np.maximum(np.roll(scipy.fft.irfft(spectrum, self.length), self.length // 2), 0.0)
        return self._known[key]

    def tail(self, metrics: Iterable[str]) -> np.ndarray:
        """Chance that noise gives a sum at least k grid units from nought, either way, for k = 0, 1, 2 ..."""
        distance = np.abs(np.arange(self.length) - self.length // 2)
        return np.minimum(np.cumsum(np.bincount(distance, self.chances(metrics))[::-1])[::-1], 1.0)

    def _parts(self, metrics: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
        """The metrics split into those drawn together and those drawn alone."""
        joint = [tuple(one for one in group if one in metrics) for group in self.together]
        joint = [part for part in joint if len(part) > 1 and len(self._pool(part)) >= FEWEST]
        taken = {one for part in joint for one in part}
        return (*joint, *((one,) for one in metrics if one not in taken))

    def _pool(self, part: tuple[str, ...]) -> np.ndarray:
        return self.units[list(part)].dropna().sum(axis=1).to_numpy().astype(int)

    def _spectrum(self, part: tuple[str, ...]) -> np.ndarray:
        key = ("spectrum", *part)
        if key not in self._known:
            pool = self._pool(part)
            self._known[key] = scipy.fft.rfft(np.bincount(pool % self.length, minlength=self.length) / len(pool))
        return self._known[key]


def pooled_noise(changes: pd.DataFrame, together: tuple[tuple[str, ...], ...] | None = None) -> PooledNoise:
    """The noise of every metric from all trusts and steps at hand.

    Parameters
    ----------
    changes : DataFrame
        As `score_changes`.
    together : tuple of tuple of str, optional
        Groups of metrics drawn jointly; by default as `moving_together` finds them.
    """
    groups = moving_together(changes) if together is None else together
    return PooledNoise(np.rint(_wide(changes) / GRID), groups)


@dataclass(frozen=True)
class NoiseMoves:
    """How many trusts would change segment if none had truly changed.

    Attributes
    ----------
    trusts : int
        Trusts in the reckoning.
    expected, low, high : float
        Mean and central 95% of the simulated counts.
    observed, observed_by_average : int
        Trusts that did change segment; those that would have, had every override flag stayed as it was.
    """

    trusts: int
    expected: float
    low: float
    high: float
    observed: int
    observed_by_average: int


def noise_moves(
    changes: pd.DataFrame,
    standings: pd.DataFrame,
    step: tuple[str, str],
    trust_type: str,
    edges_before: np.ndarray,
    edges_after: np.ndarray,
    *,
    not_comparable: Collection[str] = (),
    noise: PooledNoise | None = None,
    no_better_than: int = 3,
    draws: int = 10_000,
    seed: int = 0,
) -> NoiseMoves | None:
    """Trusts that noise alone would move to another segment in one step, with the noise that `change_tests` uses.

    Each trust truly stands at the mean of its two averages, shifted in each quarter by half the usual change of its
    metrics (the edges move with it). Each quarter's average scatters around that by 1 / sqrt(2) of a draw of the pooled
    noise, so that the change between them has the variance of the noise. Segments by each quarter's own edges; override
    flags stay as they were before the step.

    Parameters
    ----------
    changes : DataFrame
        As `score_changes`: all steps at hand.
    step : (before, after)
    edges_before, edges_after : array of 3
        Edges between unadjusted segments in each quarter.

    Returns
    -------
    NoiseMoves or None
        None where an edge or every segment is unknown, or no trust has new data.
    """
    noise = pooled_noise(changes) if noise is None else noise
    both = side_by_side(standings, *step, trust_type, not_comparable)
    part = changes[(changes["quarter_before"] == step[0]) & (changes["quarter_after"] == step[1])]
    part = part[part["trust_code"].isin(both.index)]
    both = both[both.index.isin(part.loc[part["moves"].astype(bool), "trust_code"])]
    known = both["segment_before"].notna() & both["segment_after"].notna()
    both, edges = both[known], [np.asarray(edges_before, dtype=float), np.asarray(edges_after, dtype=float)]
    if both.empty or not np.isfinite(edges).all():
        return None
    random, flags = np.random.default_rng(seed), both["in_deficit_before"].to_numpy(dtype=bool)
    drawn, usual = _drawn(part, both.index, noise, draws, random)
    centre = both[["average_before", "average_after"]].mean(axis=1).to_numpy()
    before, after = (
        override(segment_of(round_half_up(centre + half * usual + scatter / np.sqrt(2)), edge), flags, no_better_than)
        for half, scatter, edge in zip((-0.5, 0.5), drawn, edges, strict=True)
    )
    counts = (before != after).sum(axis=1)
    low, high = np.quantile(counts, [0.025, 0.975], method="inverted_cdf")
    kept = override(both["segment_unadjusted_after"], flags, no_better_than)
    observed = [int((both["segment_before"] != one).sum()) for one in (both["segment_after"], kept)]
    return NoiseMoves(len(both), float(counts.mean()), float(low), float(high), *observed)


def _drawn(part: pd.DataFrame, codes: pd.Index, noise: PooledNoise, draws: int, random: np.random.Generator):
    """Two draws of the noise of each trust's average (2 x draws x trusts), and the usual change of its metrics."""
    weight = part.groupby("trust_code")["weight"].sum()
    usual = (part["usual"].fillna(0) * part["weight"]).groupby(part["trust_code"]).sum() / weight
    moving = part[part["moves"].astype(bool)].groupby("trust_code")["metric_id"].agg(tuple)
    drawn = np.empty((2, draws, len(codes)))
    for place, code in enumerate(codes):
        reached = np.cumsum(noise.chances(moving[code]))
        spots = np.searchsorted(reached, random.random((2, draws)) * reached[-1], side="right")
        drawn[:, :, place] = noise.sums[np.minimum(spots, len(reached) - 1)] / weight[code]
    return drawn, usual.reindex(codes).to_numpy()
