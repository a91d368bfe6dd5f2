"""Likely ranges, as NHS England makes them: a bootstrap over each trust's own metric scores.

What that measures: how broad a trust's performance is over its metrics, taken as if they were a random sample of
metrics. It holds no sampling error of the metrics, no quarter-to-quarter noise and no case mix. The official
description was not seen; the rule was inferred from Q4 2025/26 and is checked in DEVIATIONS.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import accumulate, repeat
from math import comb, gcd, lcm

import numpy as np
import pandas as pd
import scipy

from nof.rules.ranking import override, segment_of
from nof.rules.scoring import round_half_up

LEVEL = 0.95
DRAWS = 10_000
SEED = 0


def mean_distribution(scores: np.ndarray, weights: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Exact distribution of a bootstrap mean: n scores drawn n times with replacement.

    Scores count in hundredths, so the sum of n draws lies on a grid and its distribution is an n-fold convolution: no
    random numbers. With weights, a drawn score brings its weight along: the mean is sum(w s) / sum(w).

    Parameters
    ----------
    scores : array of float, shape (n,)
        Metric scores at 2 decimals; 1.00 is best.
    weights : array of float, shape (n,), optional
        Positive weights; all 1 if not given.

    Returns
    -------
    means, chances : arrays
        Possible means, ascending, and their probabilities (they sum to 1).
    """
    hundredths = np.rint(np.asarray(scores) * 100).astype(int)
    weights = np.ones(len(hundredths)) if weights is None else np.asarray(weights)
    means, chances = (np.concatenate(part) for part in zip(*_compositions(hundredths, weights), strict=True))
    order = np.argsort(means, kind="stable")
    return means[order], chances[order]


def _compositions(hundredths: np.ndarray, weights: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """One part of the mixture for each way to split n draws among the weights that occur (one, most often)."""
    n, shares = len(hundredths), {Fraction(weight).limit_denominator(60) for weight in weights}
    whole = lcm(*(share.denominator for share in shares))
    common = gcd(*(int(share * whole) for share in shares))
    # By what one draw of a weight counts, in the largest unit that divides all weights: the scores, so much larger.
    groups = {
        int(share * whole) // common: hundredths[np.isclose(weights, float(share))]
        for share in sorted(shares, reverse=True)
    }
    length = scipy.fft.next_fast_len(n * max(size * int(group.max()) for size, group in groups.items()) + 1, real=True)
    powers = {size: _powers(group * size, n, length) for size, group in groups.items()}
    for split in _splits(n, len(groups)):
        chance, left, spectrum, counted = 1.0, n, np.ones(1), 0
        for (size, group), times in zip(groups.items(), split, strict=True):
            chance *= comb(left, times) * (len(group) / n) ** times
            left -= times
            spectrum = spectrum * powers[size][times]
            counted += size * times
        sums = scipy.fft.irfft(spectrum, length)
        kept = np.flatnonzero(sums > 1e-15)
        yield kept / (100.0 * counted), sums[kept] * chance


def _powers(group: np.ndarray, draws: int, length: int) -> list[np.ndarray]:
    """Spectrum of the sum of 0, 1, ... draws from a group."""
    single = scipy.fft.rfft(np.bincount(group) / len(group), length)
    return list(accumulate(repeat(single, draws), np.multiply, initial=np.ones(len(single))))


def _splits(draws: int, groups: int) -> Iterator[tuple[int, ...]]:
    """Every way to split some draws among some groups."""
    if groups == 1:
        yield (draws,)
        return
    for first in range(draws + 1):
        yield from ((first, *rest) for rest in _splits(draws - first, groups - 1))


def likely_range(scores: np.ndarray, weights: np.ndarray | None = None, level: float = LEVEL) -> tuple[float, float]:
    """Likely range of one trust's average: the central `level` of the bootstrap, exact, at 2 decimals."""
    means, chances = mean_distribution(scores, weights)
    reached = np.cumsum(chances) / chances.sum()
    tails = np.array([(1 - level) / 2, (1 + level) / 2])
    low, high = means[np.searchsorted(reached, tails - 1e-12)]
    return float(round_half_up(low)), float(round_half_up(high))


def likely_ranges(scores: pd.DataFrame, weights: pd.Series, level: float = LEVEL) -> pd.DataFrame:
    """Likely range of the average for each trust.

    Parameters
    ----------
    scores : DataFrame, trusts by metrics
        Unrounded or published scores, NaN where not scored.
    weights : Series on the metrics

    Returns
    -------
    DataFrame
        On the trusts: average_low (better end), average_high.
    """
    rounded, heavy = round_half_up(scores).to_numpy(), weights.reindex(scores.columns).to_numpy()
    ranges = {
        code: _remembered(tuple(row[held]), tuple(heavy[held]), level)
        for code, row, held in zip(scores.index, rounded, ~np.isnan(rounded), strict=True)
    }
    return pd.DataFrame.from_dict(ranges, orient="index", columns=["average_low", "average_high"]).reindex(scores.index)


@lru_cache(maxsize=2000)
def _remembered(scores: tuple[float, ...], weights: tuple[float, ...], level: float) -> tuple[float, float]:
    """The same scores come again: at level 1 and 2, in the reconciliation and in the league table."""
    return likely_range(np.array(scores), np.array(weights), level)


@dataclass(frozen=True)
class Redraw:
    """All trusts of a type redrawn together, many times.

    Attributes
    ----------
    hundredths : array of small integers, shape (draws, trusts)
        Average in each draw, in hundredths (they are many, and small integers take a quarter of the room).
    averages : array of float, shape (draws, trusts)
        The same at 2 decimals; 1.00 is best.
    segments, ranks : arrays of small integers, shape (draws, trusts)
        Segment after the override, league rank.
    segments_unadjusted : array of small integers, shape (draws, trusts)
    trusts : Index
    """

    trusts: pd.Index
    hundredths: np.ndarray
    segments_unadjusted: np.ndarray
    segments: np.ndarray
    ranks: np.ndarray

    @property
    def averages(self) -> np.ndarray:
        """Average in each draw at 2 decimals."""
        return self.hundredths / 100.0


def redraw(
    scores: pd.DataFrame,
    weights: pd.Series,
    edges: np.ndarray,
    in_deficit: pd.Series,
    no_better_than: int,
    draws: int = DRAWS,
    seed: int = SEED,
) -> Redraw:
    """Redraw the metric scores of every trust of a type, and rank all of them again in each draw.

    Each trust's n scores are drawn n times with replacement; averages are rounded to 2 decimals, segments follow fixed
    edges and the override, ranks follow segment then average.

    Parameters
    ----------
    scores : DataFrame, trusts by metrics
    weights : Series on the metrics
    edges : array of 3
        Edges between unadjusted segments.
    in_deficit : Series of bool on the trusts
    no_better_than : int
        Segment that the override allows at best.
    """
    random = np.random.default_rng(seed)
    drawn = [_bootstrap_means(row, weights.to_numpy(), draws, random) for row in scores.to_numpy()]
    averages = round_half_up(np.column_stack(drawn))
    unadjusted = segment_of(averages, edges)
    segments = override(unadjusted, in_deficit.reindex(scores.index).to_numpy(), no_better_than)
    hundredths = np.rint(averages * 100).astype(int)
    ranks = _row_ranks(segments * 1000 + hundredths)
    return Redraw(scores.index, *(part.astype(np.int16) for part in (hundredths, unadjusted, segments, ranks)))


def _bootstrap_means(row: np.ndarray, weights: np.ndarray, draws: int, random: np.random.Generator) -> np.ndarray:
    own = ~np.isnan(row)
    scores, shares = row[own], weights[own]
    picks = random.integers(0, len(scores), (draws, len(scores)))
    sums = (scores * shares)[picks].sum(axis=1)
    return sums / (len(scores) if (shares == 1).all() else shares[picks].sum(axis=1))


def _row_ranks(keys: np.ndarray) -> np.ndarray:
    """Competition rank of each whole key (0 or more) within its row, smallest first: 1 + how many are smaller."""
    order = keys.astype(np.int16).argsort(kind="stable")  # numbers of two bytes are sorted by their digits
    first = np.diff(np.take_along_axis(keys, order, axis=1), prepend=-1) > 0
    places = first * np.arange(1, keys.shape[1] + 1)
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.maximum.accumulate(places, axis=1), axis=1)
    return ranks


def rank_ranges(drawn: Redraw, level: float = LEVEL) -> pd.DataFrame:
    """Likely range of the rank: percentiles of the redrawn ranks; columns rank_low (better end), rank_high."""
    tails = [(1 - level) / 2, (1 + level) / 2]
    low, high = np.quantile(drawn.ranks, tails, axis=0, method="inverted_cdf")
    return pd.DataFrame({"rank_low": low, "rank_high": high}, index=drawn.trusts)


def segment_chances(drawn: Redraw, adjusted: bool = True) -> pd.DataFrame:
    """Share of draws in which each trust falls in segments 1 to 4 (columns); rows sum to 1."""
    segments = drawn.segments if adjusted else drawn.segments_unadjusted
    shares = {segment: (segments == segment).mean(axis=0) for segment in (1, 2, 3, 4)}
    return pd.DataFrame(shares, index=drawn.trusts)
