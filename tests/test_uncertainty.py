"""Likely ranges: exact where they can be, and NHS England's published limits reproduced."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from nof import recompute, scoring, uncertainty
from nof.publication import read

QUARTER, TYPE = "2025-26-q4", "mental-health-and-community"


@pytest.mark.parametrize(("scores", "weights"), [([1.0, 2.0, 4.0], [1, 1, 1]), ([1.25, 3.1, 3.1, 4.0], [1, 1, 1 / 3, 1 / 3]),
                                                 ([2.5], [1]), ([1.0, 1.0, 1.0], [1, 1, 1])])
def test_the_distribution_equals_counting_every_resample(scores, weights):
    scores, weights = np.array(scores), np.array(weights)
    counted: dict[float, float] = {}
    for picks in itertools.product(range(len(scores)), repeat=len(scores)):
        mean = round(float((scores * weights)[list(picks)].sum() / weights[list(picks)].sum()), 9)
        counted[mean] = counted.get(mean, 0) + len(scores) ** -len(scores)
    means, chances = uncertainty.mean_distribution(scores, weights)
    found = pd.Series(chances, index=means.round(9)).groupby(level=0).sum()
    found = found[found > 1e-12]
    assert np.allclose(found, pd.Series(counted).sort_index()) and np.allclose(found.index, sorted(counted))


def test_three_different_weights_are_refused():
    with pytest.raises(ValueError, match="two different weights"):
        uncertainty.mean_distribution(np.array([1.0, 2.0, 3.0]), np.array([1, 1 / 2, 1 / 3]))


def test_the_exact_range_agrees_with_many_draws_for_sixteen_weighted_metrics():
    random = np.random.default_rng(5)
    scores, weights = random.integers(100, 401, 16) / 100, np.array([1.0] * 13 + [1 / 3] * 3)
    picks = random.integers(0, 16, (200_000, 16))
    means = (scores[picks] * weights[picks]).sum(axis=1) / weights[picks].sum(axis=1)
    assert uncertainty.likely_range(scores, weights) == pytest.approx(tuple(np.quantile(means, [0.025, 0.975])), abs=0.012)


def test_one_metric_gives_a_range_of_one_point():
    assert uncertainty.likely_range(np.array([2.37])) == (2.37, 2.37)


@pytest.fixture(scope="module")
def beside(real):
    """Recomputed league table beside the published one."""
    national = recompute.recompute(read(real))
    published = national.publication.league.set_index("trust_code")
    return recompute.league(national, QUARTER, TYPE).set_index("trust_code").join(published.add_suffix("_published"))


def test_the_likely_range_of_the_average_as_published(beside):
    low = (beside["average_low"] - beside["average_low_published"]).abs().round(4)
    high = (beside["average_high"] - beside["average_high_published"]).abs().round(4)
    assert (low <= 0.01).sum() == 61
    assert (high <= 0.01).sum() >= 54 and (high <= 0.02).sum() >= 60


def test_the_likely_range_of_the_rank_is_within_a_place_for_all_122_limits(beside):
    gaps = [(beside[f"rank_{end}"] - beside[f"rank_{end}_published"]).abs() for end in ("low", "high")]
    assert sum((gap <= 1).sum() for gap in gaps) == 122


def test_the_same_seed_gives_the_same_draws_and_ranks_are_competition_ranks():
    scores = pd.DataFrame({"a": [1.0, 2.0, np.nan], "b": [2.0, 2.0, 4.0], "c": [3.0, 1.0, 4.0]}, index=["x", "y", "z"])
    weights, deficit = pd.Series(1.0, index=scores.columns), pd.Series(False, index=scores.index)
    one, two = (uncertainty.redraw(scores, weights, np.array([1.5, 2, 3]), deficit, 3, draws=500, seed=7) for _ in range(2))
    assert (one.ranks == two.ranks).all()
    keys = one.segments * 1000 + one.averages * 100
    expected = np.array([[1 + (row < value).sum() for value in row] for row in keys])
    assert (one.ranks == expected).all()
    assert np.allclose(uncertainty.segment_chances(one).sum(axis=1), 1)


def test_flagged_trusts_are_never_better_than_the_override_allows():
    scores = pd.DataFrame({"a": [1.0, 1.0], "b": [1.2, 1.2]}, index=["x", "y"])
    drawn = uncertainty.redraw(scores, pd.Series(1.0, index=["a", "b"]), np.array([2, 2.5, 3]),
                               pd.Series([True, False], index=["x", "y"]), 3, draws=200)
    assert (drawn.segments[:, 0] == 3).all() and (drawn.segments[:, 1] == 1).all() and (drawn.ranks[:, 0] == 2).all()


def test_coverage_of_the_likely_range_of_an_average_when_metrics_are_a_random_sample():
    """Scores drawn from a wide pool of metrics: the range holds the pool's mean somewhat less often than 95% says,
    as a percentile bootstrap of few numbers does; the briefing says so."""
    random = np.random.default_rng(11)
    pool = scoring.round_half_up(1 + 3 * random.random(100_000))
    hits = 0
    for _ in range(400):
        low, high = uncertainty.likely_range(random.choice(pool, 11))
        hits += low - 0.005 <= pool.mean() <= high + 0.005
    assert 0.85 <= hits / 400 <= 0.97
