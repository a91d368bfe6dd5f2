"""Likely ranges: exact where they can be, and NHS England's published limits reproduced."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from nof.read.publication import read
from nof.rules import recompute, scoring, uncertainty

QUARTER, TYPE = "2025-26-q4", "mental-health-and-community"


@pytest.mark.parametrize(
    ("scores", "weights"),
    [
        ([1.0, 2.0, 4.0], [1, 1, 1]),
        ([1.25, 3.1, 3.1, 4.0], [1, 1, 1 / 3, 1 / 3]),
        ([2.5], [1]),
        ([1.0, 1.0, 1.0], [1, 1, 1]),
        ([1.0, 2.0, 3.0, 3.45, 1.2], [1, 1 / 2, 1 / 3, 1 / 3, 1]),
        ([1.0, 2.17, 3.0, 4.0], [1, 1 / 2, 1 / 3, 2]),
    ],
)
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


def test_the_exact_range_agrees_with_many_draws_for_sixteen_weighted_metrics():
    random = np.random.default_rng(5)
    scores, weights = random.integers(100, 401, 16) / 100, np.array([1.0] * 13 + [1 / 3] * 3)
    picks = random.integers(0, 16, (200_000, 16))
    means = (scores[picks] * weights[picks]).sum(axis=1) / weights[picks].sum(axis=1)
    assert uncertainty.likely_range(scores, weights) == pytest.approx(
        tuple(np.quantile(means, [0.025, 0.975])), abs=0.012
    )


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
    one, two = (
        uncertainty.redraw(scores, weights, np.array([1.5, 2, 3]), deficit, 3, draws=500, seed=7) for _ in range(2)
    )
    assert (one.ranks == two.ranks).all()
    keys = one.segments * 1000 + one.averages * 100
    expected = np.array([[1 + (row < value).sum() for value in row] for row in keys])
    assert (one.ranks == expected).all()
    assert np.allclose(uncertainty.segment_chances(one).sum(axis=1), 1)


def test_flagged_trusts_are_never_better_than_the_override_allows():
    scores = pd.DataFrame({"a": [1.0, 1.0], "b": [1.2, 1.2]}, index=["x", "y"])
    drawn = uncertainty.redraw(
        scores,
        pd.Series(1.0, index=["a", "b"]),
        np.array([2, 2.5, 3]),
        pd.Series([True, False], index=["x", "y"]),
        3,
        draws=200,
    )
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


# --- worked by hand ---


def test_two_scores_redrawn_give_three_means_with_chances_of_a_quarter_a_half_and_a_quarter():
    means, chances = uncertainty.mean_distribution(np.array([1.0, 2.0]))
    assert means.tolist() == [1.0, 1.5, 2.0] and chances == pytest.approx([0.25, 0.5, 0.25])


def test_a_drawn_score_brings_its_weight_along():
    """1.00 with weight 1 and 4.00 with weight 1/3, drawn twice: both (1 + 4/3) / (4/3) = 1.75."""
    means, chances = uncertainty.mean_distribution(np.array([1.0, 4.0]), np.array([1, 1 / 3]))
    assert means == pytest.approx([1.0, 1.75, 4.0]) and chances == pytest.approx([0.25, 0.5, 0.25])


@pytest.mark.parametrize(("level", "limits"), [(0.95, (1.0, 2.0)), (0.5, (1.0, 1.5)), (0.4, (1.5, 1.5))])
def test_a_likely_range_runs_from_the_first_mean_that_reaches_the_lower_tail_to_the_first_that_reaches_the_upper(
    level, limits
):
    """The means 1.0, 1.5 and 2.0 are reached by 25, 75 and 100 in a hundred draws."""
    assert uncertainty.likely_range(np.array([1.0, 2.0]), level=level) == limits


def test_a_range_for_all_draws_ends_at_the_best_and_the_worst_score():
    assert uncertainty.likely_range(np.array([1.0, 2.0, 4.0]), level=1.0) == (1.0, 4.0)


def test_a_range_for_all_draws_of_sixteen_metrics_leaves_out_only_what_is_never_drawn():
    scores = np.round(np.linspace(1, 4, 16), 2)
    means, chances = uncertainty.mean_distribution(scores)
    low, high = uncertainty.likely_range(scores, level=1.0)
    assert chances.min() > 0 and chances.sum() == pytest.approx(1, abs=1e-13)
    assert chances[(means < low - 0.005) | (means > high + 0.005)].sum() < 1e-11


def test_the_limits_are_rounded_half_up_to_two_decimals():
    """Of 1.00 and 1.01 the middle mean is 1.005, and it is both limits of the central forty in a hundred."""
    assert uncertainty.likely_range(np.array([1.0, 1.01]), level=0.4) == (1.01, 1.01)


def test_ranges_of_a_table_are_those_of_each_trusts_own_scores_with_the_weights_of_their_metrics():
    scores = pd.DataFrame(
        {"a": [1.0, 2.0], "b": [4.0, np.nan], "c": [2.004, 3.0]}, index=pd.Index(["Y", "X"], name="trust_code")
    )
    weights = pd.Series({"c": 1 / 3, "z": 7.0, "a": 1.0, "b": 1.0})
    found = uncertainty.likely_ranges(scores, weights, level=0.8)
    assert found.index.tolist() == ["Y", "X"] and found.index.name == "trust_code"
    assert found.columns.tolist() == ["average_low", "average_high"]
    assert tuple(found.loc["Y"]) == uncertainty.likely_range(np.array([1.0, 4.0, 2.0]), np.array([1, 1, 1 / 3]), 0.8)
    assert tuple(found.loc["X"]) == uncertainty.likely_range(np.array([2.0, 3.0]), np.array([1, 1 / 3]), 0.8)
    usual = uncertainty.likely_ranges(scores, weights)
    assert tuple(usual.loc["Y"]) == uncertainty.likely_range(np.array([1.0, 4.0, 2.0]), np.array([1, 1, 1 / 3]), 0.95)


@pytest.fixture(scope="module")
def table():
    """Three trusts with gaps, a metric that weighs a third, and flags in another order, one of them of a stranger."""
    scores = pd.DataFrame(
        {"a": [1.0, 4.0, np.nan], "b": [2.0, 2.0, 1.5], "c": [3.0, np.nan, 2.5], "d": [1.4, 3.3, 1.0]},
        index=["X", "Y", "Z"],
    )
    weights = pd.Series({"a": 1.0, "b": 1.0, "c": 1.0, "d": 1 / 3})
    return scores, weights, pd.Series({"S": True, "Z": True, "Y": False, "X": False})


def test_redrawn_averages_are_spread_as_the_exact_distribution_says(table):
    scores, weights, deficit = table
    drawn = uncertainty.redraw(scores, weights, np.array([1.8, 2.2, 2.6]), deficit, 3, draws=40_000)
    for place, code in enumerate(scores.index):
        held = scores.loc[code].notna()
        means, chances = uncertainty.mean_distribution(scores.loc[code, held].to_numpy(), weights[held].to_numpy())
        assert drawn.averages[:, place].mean() == pytest.approx(means @ chances, abs=0.02)
        for limit in (1.5, 2.0, 2.5, 3.0):
            share = (drawn.averages[:, place] <= limit + 0.005).mean()
            assert share == pytest.approx(chances[means <= limit + 0.005].sum(), abs=0.02)


def test_a_redraw_holds_what_its_averages_rank_and_segment_to(table):
    scores, weights, deficit = table
    drawn = uncertainty.redraw(scores, weights, np.array([1.8, 2.2, 2.6]), deficit, 3, draws=300)
    assert drawn.trusts.tolist() == ["X", "Y", "Z"] and drawn.averages.shape == drawn.ranks.shape == (300, 3)
    assert (drawn.averages == scoring.round_half_up(drawn.averages)).all()
    assert (drawn.segments_unadjusted == 1 + (drawn.averages[..., None] > np.array([1.8, 2.2, 2.6])).sum(axis=-1)).all()
    assert (drawn.segments[:, :2] == drawn.segments_unadjusted[:, :2]).all()
    assert (drawn.segments[:, 2] == np.maximum(drawn.segments_unadjusted[:, 2], 3)).all()
    assert {part.dtype.itemsize for part in (drawn.segments_unadjusted, drawn.segments, drawn.ranks)} == {2}


def test_another_seed_gives_other_draws_and_each_trust_has_draws_of_its_own():
    scores = pd.DataFrame({"a": [1.0, 1.0], "b": [2.0, 2.0], "c": [4.0, 4.0]}, index=["X", "Y"])
    one, two = (
        uncertainty.redraw(
            scores,
            pd.Series(1.0, index=list("abc")),
            np.array([2, 2.5, 3]),
            pd.Series(False, index=["X", "Y"]),
            3,
            draws=200,
            seed=seed,
        )
        for seed in (0, 1)
    )
    assert (one.averages != two.averages).any() and (one.averages[:, 0] != one.averages[:, 1]).any()


def test_without_being_asked_ten_thousand_draws_are_made():
    scores = pd.DataFrame({"a": [1.0], "b": [2.0]}, index=["X"])
    drawn = uncertainty.redraw(
        scores, pd.Series(1.0, index=["a", "b"]), np.array([2, 2.5, 3]), pd.Series(False, index=["X"]), 3
    )
    assert drawn.averages.shape == (10_000, 1)


@pytest.mark.parametrize(
    "keys", [[[0, 5, 0], [5, 0, 1], [0, 0, 0]], [[1400, 3100, 1100]], [[0], [0]], [[1, 4, 4, 2, 4, 9, 9]]]
)
def test_ranks_within_a_row_count_the_smaller_keys(keys):
    keys = np.array(keys)
    expected = [[1 + sum(other < key for other in row) for key in row] for row in keys]
    assert uncertainty._row_ranks(keys).tolist() == expected


def ranks_drawn() -> uncertainty.Redraw:
    """Fifty draws: X ranks 1 to 50 in them, Y always 7; X is in segments 1 and 2 in turn, and in 3 by the override."""
    ranks = np.column_stack([np.arange(50, 0, -1), np.full(50, 7)])
    unadjusted = np.column_stack([np.tile([1, 2], 25), np.full(50, 4)])
    return uncertainty.Redraw(pd.Index(["X", "Y"]), ranks / 10, unadjusted, np.maximum(unadjusted, 3), ranks)


def test_the_likely_range_of_a_rank_is_between_ranks_that_were_drawn():
    """The 2.5th in a hundred of 50 draws is the second, the 97.5th the forty-ninth; at 0.5 the 13th and the 38th."""
    found = uncertainty.rank_ranges(ranks_drawn())
    assert found.to_dict("index") == {"X": {"rank_low": 2, "rank_high": 49}, "Y": {"rank_low": 7, "rank_high": 7}}
    assert uncertainty.rank_ranges(ranks_drawn(), 0.5).loc["X"].tolist() == [13, 38]


def test_chances_of_segments_after_the_override_and_before_it():
    after, before = (
        uncertainty.segment_chances(ranks_drawn()),
        uncertainty.segment_chances(ranks_drawn(), adjusted=False),
    )
    assert after.columns.tolist() == [1, 2, 3, 4] and after.index.tolist() == ["X", "Y"]
    assert after.loc["X"].tolist() == [0, 0, 1, 0] and after.loc["Y"].tolist() == [0, 0, 0, 1]
    assert before.loc["X"].tolist() == [0.5, 0.5, 0, 0] and before.loc["Y"].tolist() == [0, 0, 0, 1]
