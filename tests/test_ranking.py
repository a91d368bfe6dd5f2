"""Segments, override and ranks, against hand-worked cases and NHS England's published ones."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from nof import framework, ranking
from nof.publication import read
from nof.recompute import recompute

RULES = framework.load("2025/26")


def test_an_average_on_an_edge_is_in_the_better_segment():
    assert ranking.segment_of(np.array([1.0, 2.0, 2.01, 2.5, 3.0, 3.01]), np.array([2.0, 2.5, 3.0])).tolist() == [
        1, 1, 2, 2, 3, 4]


def test_the_override_moves_only_flagged_trusts_that_stand_better_than_three():
    assert ranking.override([1, 2, 3, 4, 1], [True, True, True, True, False], 3).tolist() == [3, 3, 3, 4, 1]


def test_the_league_rank_goes_by_segment_then_average_and_ties_share_the_best():
    rank = ranking.league_rank(pd.Series([3, 1, 2, 1, 2]), pd.Series([2.1, 1.9, 2.3, 1.9, 2.2]))
    assert rank.tolist() == [5, 1, 4, 1, 3]


def test_quartile_edges_are_linear_percentiles_of_all_averages():
    assert ranking.quartile_edges(pd.Series([1.0, 2.0, 3.0, 4.0, np.nan])).tolist() == [1.75, 2.5, 3.25]


def test_brackets_stand_between_neighbouring_segments_and_are_open_where_a_segment_is_empty():
    averages = pd.Series([1.5, 1.8, 2.2, 2.6])
    brackets = ranking.bracketed_edges(averages, pd.Series([1, 1, 2, 3]))
    assert brackets["edge"].tolist() == [2.0, 2.4000000000000004, np.inf]
    assert brackets.loc["1/2", ["above", "below"]].tolist() == [1.8, 2.2]


@pytest.fixture(scope="module")
def national(real):
    return recompute(read(real))


def test_segments_and_ranks_equal_the_published_ones_for_all_244(national):
    metrics = national.publication.metrics.set_index(["metric_id", "quarter", "trust_code"]).sort_index()
    table = national.standings.set_index(["quarter", "trust_code"])
    assert (table["segment"] == metrics.loc["OF5000", "value"]).sum() == 244
    assert (table["rank"] == metrics.loc["OF5000", "rank"]).sum() == 244
    assert (table["rank_by_average"] == metrics.loc["OF5002", "rank"]).sum() == 244
    assert ((table["average_score"] - metrics.loc["OF5002", "value"]).abs() < 0.005).sum() == 244


def test_the_brackets_of_the_edges_are_those_of_the_method_notes(national):
    table = national.standings[national.standings["quarter"] == "2025-26-q4"]
    brackets = ranking.bracketed_edges(table["average"], table["segment_unadjusted"]).round(4)
    assert brackets[["above", "below"]].to_numpy().tolist() == [[2.0185, 2.1073], [2.2881, 2.3101], [2.5719, 2.5980]]


def test_without_summary_rows_and_league_table_the_answer_is_the_same(national):
    metrics = national.publication.metrics
    gone = metrics["metric_id"].str.fullmatch("OF4.*|OF5000|OF5002")
    poorer = ranking.ranked(ranking.segmented(
        national.standings[["quarter", "trust_type", "trust_code", "average", "metrics_scored", "average_score"]],
        metrics[~gone], RULES))
    pd.testing.assert_series_equal(poorer["rank"], national.standings["rank"])


def test_a_metric_ranking_equals_the_published_ranks_where_values_are_told_apart(national):
    metrics = national.publication.metrics
    found = ranking.metric_ranking(metrics, RULES.by_value["OF0063"], "2025-26-q4")
    published = metrics[(metrics["metric_id"] == "OF0063") & (metrics["quarter"] == "2025-26-q4")].set_index("trust_code")
    assert found.set_index("trust_code")["rank"].eq(published["rank"]).sum() == len(found) == 47


def test_reversing_the_direction_mirrors_the_ranks(national):
    metrics, rule = national.publication.metrics, RULES.by_value["OF0063"]
    turned = ranking.metric_ranking(metrics, rule.model_copy(update={"better": "high"}), "2025-26-q4")
    first = ranking.metric_ranking(metrics, rule, "2025-26-q4")
    assert turned["value"].tolist() == first["value"].tolist()[::-1]
