"""Segments, override and ranks, against hand-worked cases and NHS England's published ones."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from metric_rows import QUARTER, rows, together

from nof.read.publication import read
from nof.rules import framework, ranking
from nof.rules.recompute import recompute

RULES = framework.load("2025/26")


def test_an_average_on_an_edge_is_in_the_better_segment():
    assert ranking.segment_of(np.array([1.0, 2.0, 2.01, 2.5, 3.0, 3.01]), np.array([2.0, 2.5, 3.0])).tolist() == [
        1,
        1,
        2,
        2,
        3,
        4,
    ]


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
    poorer = ranking.ranked(
        ranking.segmented(
            national.standings[["quarter", "trust_type", "trust_code", "average", "metrics_scored", "average_score"]],
            metrics[~gone],
            RULES,
        )
    )
    pd.testing.assert_series_equal(poorer["rank"], national.standings["rank"])


def test_a_metric_ranking_equals_the_published_ranks_where_values_are_told_apart(national):
    metrics = national.publication.metrics
    found = ranking.metric_ranking(metrics, RULES.by_value["OF0063"], "2025-26-q4")
    published = metrics[(metrics["metric_id"] == "OF0063") & (metrics["quarter"] == "2025-26-q4")].set_index(
        "trust_code"
    )
    assert found.set_index("trust_code")["rank"].eq(published["rank"]).sum() == len(found) == 47


def test_reversing_the_direction_mirrors_the_ranks(national):
    metrics, rule = national.publication.metrics, RULES.by_value["OF0063"]
    turned = ranking.metric_ranking(metrics, rule.model_copy(update={"better": "high"}), "2025-26-q4")
    first = ranking.metric_ranking(metrics, rule, "2025-26-q4")
    assert turned["value"].tolist() == first["value"].tolist()[::-1]


# --- worked by hand ---


def summary(code: str, unadjusted=None, flag=None, adjusted=None, **more) -> pd.DataFrame:
    """What NHS England says of one trust; what is None is not published."""
    known = [("OF5003", unadjusted), ("OF5004", flag), ("OF5000", adjusted)]
    return rows(*[(code, metric, value) for metric, value in known if value is not None], **more)


def averaged(*given: tuple[str, float], trust_type: str = "acute", quarter: str = QUARTER) -> pd.DataFrame:
    table = pd.DataFrame(given, columns=["trust_code", "average"])
    return table.assign(quarter=quarter, trust_type=trust_type, average_score=table["average"].round(2))


def placed(table: pd.DataFrame, *more: pd.DataFrame, rules=RULES) -> pd.DataFrame:
    return ranking.segmented(table, together(*more), rules).set_index("trust_code")


def test_what_nhs_england_says_of_a_trust_is_read_by_its_ids_and_silence_is_kept_apart_from_no():
    found = ranking.flags(
        together(summary("A", 1, 1, 3), summary("B", 2, 0), summary("C", 4), rows(("A", "OF5002", 9))), RULES
    ).loc[QUARTER]
    assert found["segment_unadjusted"].to_dict() == {"A": 1, "B": 2, "C": 4}
    assert found["in_deficit"].to_dict() == {"A": True, "B": False, "C": False}
    assert found["flag_published"].to_dict() == {"A": True, "B": True, "C": False}
    assert found["segment_published"]["A"] == 3 and found["segment_published"][["B", "C"]].isna().all()


def test_a_summary_row_in_two_units_is_taken_once_the_first_of_them():
    found = ranking.flags(together(summary("A", 1, 0, 1), summary("A", 2, units="other")), RULES)
    assert found["segment_unadjusted"].tolist() == [1]


def test_the_published_unadjusted_segment_stands_where_the_national_pool_is_not_whole_and_the_override_is_applied():
    table = placed(
        averaged(("A", 1.5), ("B", 1.6), ("C", 3.5)),
        summary("A", 1, 0, 1),
        summary("B", 1, 1, 3),
        summary("C", 4, 1, 4),
    )
    assert table["segment_unadjusted"].tolist() == [1, 1, 4] and table["segment"].tolist() == [1, 3, 4]
    assert table["in_deficit"].tolist() == [False, True, True] and set(table["edges_from"]) == {"published"}
    assert "segment_published" not in table and "flag_published" not in table


def test_the_override_is_worked_out_not_copied():
    assert placed(averaged(("A", 1.5)), summary("A", 1, 1, 1))["segment"].tolist() == [3]


def test_where_flag_or_unadjusted_segment_is_left_out_the_published_adjusted_segment_tells():
    table = placed(
        averaged(("A", 1.5), ("B", 1.6), ("C", 1.7)),
        summary("A", 2, None, 3),
        summary("B", None, 1, 3),
        summary("C", 2),
    )
    assert table["segment"].tolist() == [3, 3, 2]


def test_a_trust_of_which_nothing_is_said_keeps_its_average_and_has_no_segment():
    table = placed(averaged(("A", 1.5), ("B", 1.6)), summary("A", 1, 0, 1))
    assert table.index.tolist() == ["A", "B"] and table["segment"].tolist()[0] == 1 and np.isnan(table["segment"]["B"])
    assert table["in_deficit"].dtype == bool and not table["in_deficit"].any()


def test_files_without_summary_rows_have_no_segments_and_no_trusts_give_no_rows():
    table = placed(averaged(("A", 1.5), ("B", 1.6)), rows(("A", "OF1005", 1.5)))
    assert table["segment"].isna().all() and table["segment"].dtype == float and not table["in_deficit"].any()
    none = ranking.segmented(averaged(), summary("A", 1, 0, 1), RULES)
    assert none.empty and {"segment", "segment_unadjusted", "in_deficit", "edges_from"} <= set(none)


WHOLE = [
    averaged(("A", 1.0), ("B", 2.0)),
    averaged(("C", 3.0), trust_type="ambulance"),
    averaged(("D", 4.0), ("E", 5.0), trust_type="mental-health-and-community"),
]


def test_a_whole_national_pool_is_cut_at_its_quartiles_over_all_types_whatever_was_published():
    """Averages 1 to 5: quartiles 2, 3 and 4; an average on an edge is in the better segment."""
    table = placed(together(*WHOLE), *[summary(code, 4, 0, 4) for code in "ABCDE"])
    assert table["segment_unadjusted"].to_dict() == {"A": 1, "B": 1, "C": 2, "D": 3, "E": 4}
    assert table["segment"].tolist() == [1, 1, 2, 3, 4] and set(table["edges_from"]) == {"recomputed"}
    assert table["segment_unadjusted"].dtype == float


def test_each_quarter_is_cut_for_itself_and_the_override_stays_with_its_trust():
    """The later quarter stands first, and only the earlier one has a whole pool."""
    later, earlier = averaged(("A", 1.5), ("B", 2.5)), together(*WHOLE).assign(quarter="2025-26-q3")
    told = [
        summary("A", 2, 1, 3),
        summary("B", 4, 0, 4),
        summary("B", 2, 1, 3, quarter="2025-26-q3"),
        summary("D", 1, 0, 1, quarter="2025-26-q3"),
    ]
    table = ranking.segmented(together(later, earlier), together(*told), RULES).set_index(["quarter", "trust_code"])
    assert table.loc[QUARTER, "segment"].to_dict() == {"A": 3, "B": 4}
    assert table.loc[QUARTER, "edges_from"].tolist() == ["published"] * 2
    assert table.loc["2025-26-q3", "segment_unadjusted"].to_dict() == {"A": 1, "B": 1, "C": 2, "D": 3, "E": 4}
    assert table.loc[("2025-26-q3", "B"), "segment"] == 3 and table.loc[("2025-26-q3", "B"), "in_deficit"]


def rules_with(**segments):
    return RULES.model_copy(update={"segments": RULES.segments.model_copy(update=segments)})


def test_edges_come_from_thresholds_or_the_whole_national_pool_else_are_not_known():
    whole = together(*WHOLE, averaged(("X", 9.0), trust_type="integrated-care-board"))
    assert ranking.known_edges(whole, RULES).tolist() == [2, 3, 4]  # the board is no trust: it is not in the pool
    assert ranking.known_edges(WHOLE[0], RULES) is None
    assert ranking.known_edges(whole, rules_with(rule="unknown")) is None
    assert ranking.known_edges(whole, rules_with(pool="type")) is None
    assert ranking.known_edges(WHOLE[0], rules_with(rule="thresholds", thresholds=(1.5, 2.0, 2.5))).tolist() == [
        1.5,
        2,
        2.5,
    ]
    assert ranking.known_edges(WHOLE[0], rules_with(rule="thresholds", thresholds=())) is None
    assert ranking.known_edges(whole, rules_with(thresholds=(1.5, 2.0, 2.5))).tolist() == [2, 3, 4]


def test_edges_to_judge_by_are_the_known_ones_else_the_middles_of_the_published_brackets():
    whole = together(*WHOLE).assign(segment_unadjusted=[1, 2, 3, 4, 4])
    assert ranking.edges_for(whole, RULES).tolist() == [2, 3, 4]
    assert ranking.edges_for(whole.iloc[:4].assign(trust_type="acute"), RULES).tolist() == [1.5, 2.5, 3.5]


def test_an_edge_that_no_trust_stands_before_lies_before_every_average():
    brackets = ranking.bracketed_edges(pd.Series([2.0, 3.0, 9.0]), pd.Series([2.0, 4.0, np.nan]))
    assert brackets.index.tolist() == ["1/2", "2/3", "3/4"] and brackets["edge"].tolist() == [-np.inf, 2.5, 2.5]
    assert np.isnan(brackets["above"]["1/2"]) and brackets["below"]["1/2"] == 2.0


def test_ranks_are_kept_within_quarter_and_type_and_the_segment_counts_before_the_average():
    table = together(
        averaged(("A", 1.5), ("B", 1.6), ("C", 1.6)),
        averaged(("D", 1.0), trust_type="ambulance"),
        averaged(("A", 9.0), quarter="2025-26-q3"),
    ).assign(segment=[3.0, 1.0, 1.0, 4.0, 4.0])
    found = ranking.ranked(table)
    assert found["rank"].tolist() == [3, 1, 1, 1, 1] and found["rank_by_average"].tolist() == [1, 2, 2, 1, 1]


def test_a_type_without_any_segment_is_ranked_by_average_and_a_single_trust_without_one_is_not_ranked():
    none = averaged(("A", 1.7), ("B", 1.6), trust_type="ambulance").assign(segment=np.nan)
    some = averaged(("C", 1.7), ("D", 1.6)).assign(segment=[1.0, np.nan])
    found = ranking.ranked(together(none, some)).set_index("trust_code")["rank"]
    assert found[["A", "B", "C"]].tolist() == [2, 1, 1] and np.isnan(found["D"])


def test_a_metric_ranking_is_worked_out_in_each_type_with_its_median_and_quartiles():
    frame = together(
        rows(
            *[(code, "OF0082", value) for code, value in zip("EDCBA", [5, 4, 3, 2, 2], strict=True)], ("A", "OF1082", 1)
        ),
        rows(("Z", "OF0082", 9), trust_type="ambulance"),
        rows(("A", "OF0082", 1), quarter="2025-26-q3"),
    )
    found = ranking.metric_ranking(frame, RULES.by_value["OF0082"], QUARTER)
    assert found.columns.tolist() == [
        "quarter",
        "trust_type",
        "rank",
        "trust_code",
        "value",
        "units",
        "median",
        "lower_quartile",
        "upper_quartile",
        "reporting_date",
    ]
    assert found.index.tolist() == list(range(6)) and found["trust_code"].tolist() == list("ABCDEZ")
    assert found["rank"].tolist() == [1, 1, 3, 4, 5, 1]
    assert found.loc[0, ["lower_quartile", "median", "upper_quartile"]].tolist() == [2, 3, 4]
    assert found.loc[5, ["lower_quartile", "median", "upper_quartile"]].tolist() == [9, 9, 9]
    best_high = ranking.metric_ranking(frame, RULES.by_value["OF0082"].model_copy(update={"better": "high"}), QUARTER)
    assert best_high["trust_code"].tolist() == list("EDCABZ")


def test_a_metric_without_values_in_the_quarter_has_an_empty_ranking():
    found = ranking.metric_ranking(rows(("A", "OF0082", 5)), RULES.by_value["OF0082"], "2025-26-q1")
    assert (
        found.empty
        and found.columns.tolist()[:4] == ["quarter", "trust_type", "rank", "trust_code"]
        and "median" in found
    )
    assert len(found.columns) == 10


def test_the_edges_of_a_pool_with_gaps_leave_out_the_gaps():
    assert ranking.quartile_edges(pd.Series([np.nan, 0.0, 4.0])).tolist() == [1, 2, 3]
