"""The scoring shapes against hand-worked numbers, their invariants, and NHS England's published scores."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nof.read.publication import read
from nof.rules import framework, scoring

VALUES = st.lists(st.integers(-500, 500).map(lambda n: n / 4), min_size=1, max_size=40).map(
    lambda v: pd.Series(v, dtype=float)
)
BETTER = st.sampled_from(["low", "high"])
RULES = framework.load("2025/26")


def test_ranked_runs_from_one_to_four_and_ties_take_the_best_rank():
    assert scoring.ranked(pd.Series([5.0, 1.0, 3.0, 3.0]), "low").tolist() == [4.0, 1.0, 2.0, 2.0]
    assert scoring.ranked(pd.Series([5.0, 1.0, 3.0, 3.0]), "high").tolist() == [1.0, 4.0, 2.0, 2.0]


def test_standard_gives_one_to_those_that_meet_it_and_two_to_four_to_the_rest():
    scores = scoring.standard(pd.Series([0.0, 0.0, 1.0, 2.0, 5.0]), "low", 0)
    assert scores.tolist() == [1.0, 1.0, 2.0, 3.0, 4.0]


def test_floor_gives_four_below_and_one_to_three_above_where_only_those_above_count():
    scores = scoring.floor(pd.Series([69.99, 70.0, 80.0, 90.0, 10.0]), "high", 70)
    assert scores.tolist() == [4.0, 3.0, 2.0, 1.0, 4.0]


@pytest.mark.parametrize(
    ("value", "score"), [(0, 1), (0.1, 1), (-0.01, 2), (-0.99, 2), (-1.12, 3), (-1.96, 3), (-2.52, 4)]
)
def test_planned_deficit_bands_at_the_nearest_observed_values(value, score):
    assert scoring.score_values(pd.Series([float(value)]), RULES.by_value["OF0079"]).tolist() == [score]


@pytest.mark.parametrize(
    ("value", "score"), [(0, 1), (-0.48, 2), (-0.53, 3), (-0.73, 3), (-0.80, 3), (-0.97, 3), (-1.05, 4)]
)
def test_variance_bands_at_the_nearest_observed_values_and_the_manuals_example(value, score):
    assert scoring.score_values(pd.Series([float(value)]), RULES.by_value["OF0081"]).tolist() == [score]


def test_the_combined_finance_score_follows_the_matrix_and_is_missing_where_no_rule_is_known():
    plan, variance = pd.Series([1.0, 4.0, 2.0, 3.0, np.nan]), pd.Series([4.0, 1.0, 3.0, 2.0, 1.0])
    scores = scoring.combined(plan, variance, RULES.by_score["OF1080"].matrix)
    assert scores.tolist()[:2] == [3, 2] and np.isnan(scores[2]) and scores[3] == 3 and np.isnan(scores[4])


@pytest.mark.parametrize(
    ("number", "rounded"), [(1.005, 1.01), (2.675, 2.68), (1.0049, 1.0), (-0.125, -0.12), (3.0, 3.0)]
)
def test_a_half_is_rounded_up(number, rounded):
    assert scoring.round_half_up(number) == pytest.approx(rounded, abs=1e-12)
    assert scoring.round_half_up(pd.Series([number]))[0] == pytest.approx(rounded, abs=1e-12)


@given(VALUES, BETTER)
def test_scores_stay_on_the_scale_and_follow_the_order_of_the_values(values, better):
    scores = scoring.ranked(values, better)
    assert scores.between(1, 4).all() and (values.size == 0 or scores.min() == 1)
    sign = 1 if better == "low" else -1
    for first in range(len(values)):
        worse = sign * values > sign * values[first]
        assert (scores[worse] > scores[first]).all() and (scores[values == values[first]] == scores[first]).all()


@given(VALUES, BETTER, st.randoms(use_true_random=False))
def test_order_of_rows_changes_nothing_and_a_constant_changes_nothing(values, better, random):
    order = list(range(len(values)))
    random.shuffle(order)
    scores = scoring.ranked(values, better)
    pd.testing.assert_series_equal(scoring.ranked(values.iloc[order], better).sort_index(), scores)
    pd.testing.assert_series_equal(scoring.ranked(values + 17, better), scores)
    pd.testing.assert_series_equal(scoring.ranked(-values, "low" if better == "high" else "high"), scores)


@given(VALUES, BETTER, st.integers(-100, 100))
def test_standard_and_floor_keep_their_fixed_scores_apart(values, better, cut):
    met = values <= cut if better == "low" else values >= cut
    standard, floor = scoring.standard(values, better, cut), scoring.floor(values, better, cut)
    assert (standard[met] == 1).all() and standard[~met].between(2, 4).all()
    assert (floor[~met] == 4).all() and floor[met].between(1, 3).all()


@given(st.integers(2, 200), st.sampled_from(["ranked", "standard", "floor"]))
def test_every_score_of_a_pool_is_recovered_from_its_rounded_form(pool, shape):
    points = pd.Series(scoring.grid(pool, shape))
    published = scoring.round_half_up(points)
    assert np.allclose(scoring.recover(published, pool, shape), points)
    assert scoring.pool_size(published, shape, at_least=pool) == pool


def test_scores_that_fit_no_pool_have_no_size():
    assert scoring.pool_size(pd.Series(np.arange(1, 4.001, 0.01)), "standard") is None


def test_weights_of_a_third_count_a_third():
    scores = pd.DataFrame(
        {
            "quarter": "2025-26-q3",
            "trust_type": "acute",
            "trust_code": "X",
            "metric_id": list("abcd"),
            "domain": "d",
            "score": [1.0, 4.0, 4.0, 4.0],
            "weight": [1, 1 / 3, 1 / 3, 1 / 3],
        }
    )
    row = scoring.averages(scores).iloc[0]
    assert row["average"] == pytest.approx(2.5) and row["metrics_scored"] == 4


def test_nhs_englands_worked_average():
    given_scores = [1.00, 2.62, 1.00, 1.00, 1.00, 1.40, 1.00, 3.00, 1.36, 1.45, 2.00]
    scores = pd.DataFrame(
        {
            "quarter": "q",
            "trust_type": "t",
            "trust_code": "X",
            "metric_id": range(11),
            "domain": "d",
            "score": given_scores,
            "weight": 1.0,
        }
    )
    assert scoring.averages(scores)["average_score"].tolist() == [1.53]


@pytest.fixture(scope="module")
def published(real):
    return read(real).metrics


def test_pool_sizes_found_in_the_real_files(published):
    sizes = scoring.pools(scoring.published_scores(published, RULES), RULES)
    found = sizes.pivot(index="metric_id", columns="quarter", values="size")
    assert found.loc["OF1005"].tolist() == [121, 120, 118, 120] and found.loc["OF1016"].tolist() == [46, 50, 49, 47]
    assert found.loc["OF1041"].tolist() == [68, 70, 70, 70] and found.loc["OF1057"].tolist() == [80, 83, 80, 84]
    assert (found.loc[["OF1061", "OF1084"]] == 61).all(axis=None) and (found.loc["OF1082"] == 205).all()
    assert (found.loc["OF1063"] == 48).all() and found.loc["OF1086"].tolist() == [70, 71, 71, 71]


def test_finance_and_staff_survey_scores_come_from_the_files_values(published):
    scores = scoring.scores_from_values(published, RULES)
    done = scores[scores["level"] == 2]
    same = (scoring.round_half_up(done["score"]) - done["published"]).abs() < 0.005
    counts = same.groupby(done["metric_id"]).agg(["sum", "size"])
    assert counts.loc[["OF1079", "OF1080", "OF1081", "OF1061", "OF1084"]].eq(244).all(axis=None)


def test_permuting_the_rows_of_the_files_changes_no_average(published):
    shuffled = published.sample(frac=1, random_state=3)
    first, second = (scoring.averages(scoring.scores_from_values(part, RULES)) for part in (published, shuffled))
    pd.testing.assert_frame_equal(first, second)


def test_rounding_keeps_to_the_decimals_asked_for_and_to_the_trusts():
    series = scoring.round_half_up(pd.Series([1.25, 2.349], index=["A", "B"]), 1)
    assert series.to_dict() == {"A": 1.3, "B": 2.3}
    assert scoring.round_half_up(2.5, 0) == 3 and scoring.round_half_up(np.array([1.2345]), 3).tolist() == [1.235]


def test_the_float_noise_of_a_mean_does_not_cost_a_hundredth():
    """The mean of 1.00 and 1.01 is 1.005 by hand; as floats the sum of tenths and thirds falls a hair short of it."""
    assert scoring.round_half_up(1.005 - 1e-13) == 1.01 and scoring.round_half_up(1.0049) == 1.0


def test_one_trust_alone_scores_best_and_two_stand_at_the_ends():
    assert scoring.ranked(pd.Series([7.0]), "low").tolist() == [1.0]
    assert scoring.ranked(pd.Series([7.0, 6.0]), "low").tolist() == [4.0, 1.0]
    assert scoring.standard(pd.Series([0.0, 3.0]), "low", 0).tolist() == [1.0, 2.0]
    assert scoring.floor(pd.Series([80.0, 3.0]), "high", 70).tolist() == [1.0, 4.0]


@pytest.mark.parametrize(
    "score",
    [
        lambda values: scoring.ranked(values, "low"),
        lambda values: scoring.standard(values, "low", 1),
        lambda values: scoring.floor(values, "low", 3),
        lambda values: scoring.score_values(values, RULES.by_value["OF0079"]),
    ],
)
def test_a_trust_without_a_value_has_no_score_and_does_not_count_in_the_pool(score):
    with_gap, without = (
        pd.Series([1.0, np.nan, 2.0, 5.0], index=list("ABCD")),
        pd.Series([1.0, 2.0, 5.0], index=list("ACD")),
    )
    pd.testing.assert_series_equal(score(with_gap), score(without).reindex(list("ABCD")))


def test_a_standard_that_low_values_meet_and_one_that_high_values_meet():
    values = pd.Series([1.0, 2.0, 3.0, 4.0])
    assert scoring.standard(values, "low", 2).tolist() == [1, 1, 2, 4]
    assert scoring.standard(values, "high", 3).tolist() == [4, 2, 1, 1]
    assert scoring.floor(values, "low", 2).tolist() == [1, 3, 4, 4]
    assert scoring.floor(values, "high", 3).tolist() == [4, 4, 3, 1]


def test_each_metric_is_scored_by_the_shape_and_limits_of_its_own_rule():
    assert scoring.score_values(pd.Series([0.0, 1.0, 2.0]), RULES.by_value["OF0020"]).tolist() == [1, 2, 4]
    assert scoring.score_values(pd.Series([69.0, 70.0, 90.0]), RULES.by_value["OF0057"]).tolist() == [4, 3, 1]
    low = RULES.by_value["OF0057"].model_copy(update={"better": "low"})
    assert scoring.score_values(pd.Series([71.0, 70.0, 10.0]), low).tolist() == [4, 3, 1]
    assert scoring.score_values(pd.Series([5.0, 4.0, 6.0]), RULES.by_value["OF0082"]).tolist() == [2.5, 1, 4]
    assert scoring.score_values(pd.Series([5.0, 4.0, 6.0]), RULES.by_value["OF0061"]).tolist() == [2.5, 4, 1]


def test_a_band_begins_at_its_limit_or_just_above_it_as_the_rules_say():
    bands = (
        framework.Band(score=1, start=2.0, inclusive=False),
        framework.Band(score=2, start=1.0),
        framework.Band(score=3),
    )
    values = pd.Series([2.1, 2.0, 1.0, 0.9, -50.0, np.nan], index=list("ABCDEF"))
    found = scoring.banded(values, bands)
    assert found.dropna().to_dict() == {"A": 1, "B": 2, "C": 2, "D": 3, "E": 3} and found.dtype == float


def test_every_cell_of_the_finance_matrix_stands_where_the_method_notes_put_it():
    """Plan down, variance across; (plan 2, variance 3) was never seen when the notes were made."""
    table = [[1, 1, 2, 3], [2, 2, 3, 4], [2, 3, 3, 4], [2, 3, 4, 4]]
    pairs = [(plan, variance) for plan in range(1, 5) for variance in range(1, 5) if (plan, variance) != (2, 3)]
    plan, variance = (
        pd.Series([float(pair[side]) for pair in pairs], index=[str(pair) for pair in pairs]) for side in (0, 1)
    )
    found = scoring.combined(plan, variance, RULES.by_score["OF1080"].matrix)
    assert found.to_dict() == {str(pair): table[pair[0] - 1][pair[1] - 1] for pair in pairs}


def test_the_grid_is_every_score_that_a_pool_can_give_the_fixed_one_included():
    assert scoring.grid(4, "ranked").tolist() == [1, 2, 3, 4]
    assert scoring.grid(3, "standard").tolist() == [2, 3, 4, 1]
    assert scoring.grid(3, "floor").tolist() == [1, 2, 3, 4]


def test_the_smallest_pool_is_found_but_none_smaller_than_the_trusts_known_to_be_ranked():
    published = pd.Series([1.0, 4.0, np.nan])
    assert scoring.pool_size(published, "ranked") == 2
    assert scoring.pool_size(published, "ranked", at_least=5) == 5
    assert scoring.pool_size(pd.Series([1.0, 1.0]), "ranked") == 1
    assert scoring.pool_size(pd.Series([1.0, 1.0]), "ranked", at_least=0) == 1


@pytest.mark.parametrize(("shape", "largest"), [("ranked", 300), ("standard", 200), ("floor", 200)])
def test_from_one_score_a_hundredth_on_any_score_falls_on_the_grid_so_no_size_is_told(shape, largest):
    published = pd.Series(scoring.round_half_up(scoring.grid(largest, shape)))
    assert scoring.pool_size(published, shape, at_least=largest) == largest
    assert scoring.pool_size(published, shape, at_least=largest + 1) is None


def test_a_score_that_is_on_no_point_of_the_grid_is_kept_as_published():
    found = scoring.recover(pd.Series([1.0, 1.33, 1.34, 9.0], index=list("ABCD")), 10, "ranked")
    assert found.to_dict() == pytest.approx({"A": 1.0, "B": 4 / 3, "C": 1.34, "D": 9.0})
