"""Scores of whole files, worked by hand: which rows are scored, against which pool, with which weight."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from metric_rows import QUARTER, TYPES, rows, together

from nof.rules import framework, scoring

RULES = framework.load("2025/26")


def scored(frame: pd.DataFrame, metric: str) -> dict[str, float]:
    part = frame[frame["metric_id"] == metric]
    return dict(zip(part["trust_code"], part["score"], strict=True))


def levels(frame: pd.DataFrame, metric: str) -> dict[str, int]:
    part = frame[frame["metric_id"] == metric]
    return dict(zip(part["trust_code"], part["level"], strict=True))


def national(metric: str, values: tuple[float, ...], scores: tuple[float, ...], **more) -> pd.DataFrame:
    """One trust of each type with a value and a published score: a whole national pool."""
    score_id = "OF1" + metric[3:]
    parts = [rows((f"T{place}", metric, values[place]), trust_type=kind, **more) for place, kind in enumerate(TYPES)]
    parts += [
        rows((f"T{place}", score_id, scores[place]), trust_type=kind, quarter=more.get("quarter", QUARTER))
        for place, kind in enumerate(TYPES)
    ]
    return together(*parts)


# --- published scores ---


def test_published_scores_are_the_metric_scores_with_a_value_and_nothing_else():
    frame = rows(
        ("A", "OF1005", 2.5),
        ("A", "OF0005", 0.4),
        ("A", "OF5002", 2.1),
        ("A", "OF4000", 2.2),
        ("B", "OF1005", np.nan),
        ("C", "OF1005", 1.0),
        domain="Access to services",
    )
    found = scoring.published_scores(frame, RULES)
    assert found.columns.tolist() == scoring.SCORE_COLUMNS
    assert found["trust_code"].tolist() == ["A", "C"] and found.index.tolist() == [0, 1]
    assert found["score"].tolist() == found["published"].tolist() == [2.5, 1.0]
    assert set(found["level"]) == {1} and set(found["domain"]) == {"Access to services"}
    assert set(found["quarter"]) == {QUARTER} and set(found["trust_type"]) == {"acute"}


def test_infections_weigh_a_third_the_parts_of_the_finance_score_nothing_and_a_score_without_rules_one():
    found = scoring.published_scores(
        rows(("A", "OF1020", 1), ("A", "OF1079", 2), ("A", "OF1081", 2), ("A", "OF1080", 2), ("A", "OF1999", 3)), RULES
    )
    assert found["weight"].tolist() == pytest.approx([1 / 3, 0, 0, 1, 1])


# --- the grid test over whole files ---


def test_pools_are_counted_in_each_type_or_over_all_of_them_as_the_rules_say():
    frame = together(
        rows(("A", "OF1061", 1), ("B", "OF1061", 2.5), ("C", "OF1061", 4), ("A", "OF1082", 1)),
        rows(
            ("D", "OF1061", 1),
            ("E", "OF1061", 4),
            ("D", "OF1082", 4),
            ("E", "OF1080", 3),
            ("E", "OF1999", 3),
            trust_type="ambulance",
        ),
    )
    found = scoring.pools(scoring.published_scores(frame, RULES), RULES)
    assert found.columns.tolist() == ["quarter", "metric_id", "pool", "published", "size"]
    assert found.drop(columns="quarter").to_numpy().tolist() == [
        ["OF1061", "acute", 3, 3],
        ["OF1061", "ambulance", 2, 2],
        ["OF1082", "national", 2, 2],
    ]


def test_a_pool_is_at_least_the_trusts_that_were_ranked_not_counting_those_under_the_floor():
    """Three on the grid of a floor of three, 1.00, 2.00 and 3.00, and two that miss it at 4.00."""
    frame = rows(*[(code, "OF1057", score) for code, score in zip("ABCDE", [1, 2, 3, 4, 4], strict=True)])
    assert scoring.pools(scoring.published_scores(frame, RULES), RULES)["size"].tolist() == [3]
    tied = rows(*[(code, "OF1082", 1) for code in "ABCD"])
    assert scoring.pools(scoring.published_scores(tied, RULES), RULES)["size"].tolist() == [4]


def test_scores_on_no_grid_have_a_pool_without_a_size_and_keep_their_two_decimals():
    frame = rows(*[(f"T{step:03d}", "OF1082", 1 + step / 100) for step in range(301)])
    scores = scoring.published_scores(frame, RULES)
    assert scoring.pools(scores, RULES)["size"].isna().all()
    assert scoring.recovered_scores(frame, RULES)["score"].equals(scores["score"])


def test_rounding_is_undone_where_the_grid_tells_but_not_in_a_quarter_that_averages_rounded_scores():
    """Seven trusts: the second of 1, 1.5, 2, ... is exact; of four trusts 1, 2, 3, 4; with 1.33 the pool is ten."""
    given = [("A", "OF1005", 1.0), ("B", "OF1005", 1.33), ("C", "OF1005", 4.0)]
    later = scoring.recovered_scores(rows(*given), RULES)
    assert scored(later, "OF1005") == pytest.approx({"A": 1, "B": 4 / 3, "C": 4})
    assert later["published"].tolist() == [1.0, 1.33, 4.0] and set(later["level"]) == {1}
    first = scoring.recovered_scores(rows(*given, quarter="2025-26-q1"), RULES)
    assert scored(first, "OF1005") == {"A": 1, "B": 1.33, "C": 4}


def test_each_quarter_is_its_own_pool():
    frame = together(
        rows(("A", "OF1082", 1), ("B", "OF1082", 2.5), ("C", "OF1082", 4)),
        rows(("A", "OF1082", 1), ("B", "OF1082", 4), quarter="2025-26-q3"),
    )
    sizes = scoring.pools(scoring.published_scores(frame, RULES), RULES).set_index("quarter")["size"]
    assert sizes.to_dict() == {"2025-26-q3": 2, "2025-26-q4": 3}


# --- from values ---


def test_a_whole_national_pool_is_scored_over_all_trust_types_and_rises_to_level_two():
    """Sickness of 4, 6 and 5 per cent, lower being better: 1.00, 4.00 and 2.50, whatever was published."""
    found = scoring.scores_from_values(national("OF0082", (4, 6, 5), (1.0, 3.99, 2.51)), RULES)
    assert found.columns.tolist() == scoring.SCORE_COLUMNS
    assert scored(found, "OF1082") == {"T0": 1, "T1": 4, "T2": 2.5} and set(found["level"]) == {2}
    assert found["published"].tolist() == [1.0, 3.99, 2.51]


def test_a_pool_that_lacks_a_trust_type_stays_at_the_published_scores():
    frame = national("OF0082", (4, 6, 5), (1.0, 3.0, 2.0))
    found = scoring.scores_from_values(frame[frame["trust_type"] != "ambulance"], RULES)
    assert scored(found, "OF1082") == {"T0": 1.0, "T1": 3.0} and set(found["level"]) == {1}


@pytest.mark.parametrize(("whole", "other"), [("2025-26-q3", "2025-26-q4"), ("2025-26-q4", "2025-26-q3")])
def test_one_whole_quarter_does_not_make_another_whole_nor_the_other_way_about(whole, other):
    frame = together(
        national("OF0082", (4, 6, 5), (1.0, 3.99, 2.51), quarter=whole),
        rows(("T0", "OF0082", 4), ("T0", "OF1082", 3.3), quarter=other),
    )
    found = scoring.scores_from_values(frame, RULES)
    assert found.groupby("quarter")["level"].first().to_dict() == {whole: 2, other: 1}
    assert found.loc[found["quarter"] == other, "score"].tolist() == [3.3]


def test_scores_are_rounded_before_averaging_in_the_quarter_that_the_rules_name():
    trusts = [(f"T{place}", "OF0005", float(place)) for place in range(8)]
    scores = [(f"T{place}", "OF1005", 1.0) for place in range(8)]
    others = together(*[rows((kind, "OF0082", 4), trust_type=kind, quarter="2025-26-q1") for kind in TYPES])
    first = scoring.scores_from_values(together(rows(*trusts, *scores, quarter="2025-26-q1"), others), RULES)
    assert scored(first, "OF1005")["T1"] == 1.43  # 1 + 3/7 = 1.428571
    later = scoring.scores_from_values(together(rows(*trusts, *scores), others.assign(quarter=QUARTER)), RULES)
    assert scored(later, "OF1005")["T1"] == pytest.approx(10 / 7, abs=1e-12)


def test_the_staff_survey_is_ranked_within_each_trust_type_and_needs_no_national_pool():
    frame = together(
        rows(("A", "OF0061", 6.0), ("B", "OF0061", 7.0), ("A", "OF1061", 4), ("B", "OF1061", 1)),
        rows(
            ("C", "OF0061", 6.5),
            ("D", "OF0061", 6.1),
            ("E", "OF0061", 6.3),
            *[(code, "OF1061", 2) for code in "CDE"],
            trust_type="ambulance",
        ),
    )
    found = scoring.scores_from_values(frame, RULES)
    assert scored(found, "OF1061") == {"A": 4, "B": 1, "C": 1, "D": 4, "E": 2.5} and set(found["level"]) == {2}


def test_values_that_rounding_made_equal_are_told_apart_by_the_published_rank():
    """NHS England ranks unrounded values: of three trusts at 6.50 one may stand before the others."""
    given = [("A", 6.5, 3), ("B", 6.5, 2), ("C", 6.5, 3), ("D", 7.0, 1), ("E", 6.0, 5)]
    frame = rows(
        *[(code, "OF0061", value, rank) for code, value, rank in given],
        *[(code, "OF1061", 2.5) for code, _, _ in given],
    )
    assert scored(scoring.scores_from_values(frame, RULES), "OF1061") == {"A": 2.5, "B": 1.75, "C": 2.5, "D": 1, "E": 4}


def test_a_rank_that_gainsays_the_values_does_not_reorder_them():
    frame = rows(("A", "OF0061", 7.0, 2), ("B", "OF0061", 6.0, 1), ("A", "OF1061", 1), ("B", "OF1061", 4))
    assert scored(scoring.scores_from_values(frame, RULES), "OF1061") == {"A": 1, "B": 4}


def test_without_the_rank_of_even_one_trust_equal_values_share_the_best_score():
    frame = rows(
        ("A", "OF0061", 6.5, 2),
        ("B", "OF0061", 6.5),
        ("C", "OF0061", 6.0, 3),
        *[(code, "OF1061", 2.5) for code in "ABC"],
    )
    assert scored(scoring.scores_from_values(frame, RULES), "OF1061") == {"A": 1, "B": 1, "C": 4}


def test_ranks_tell_values_apart_when_lower_is_better_too():
    rule = RULES.by_value["OF0082"].model_copy(update={"pool": "type"})
    rules = framework.Framework.model_validate(RULES.model_dump() | {"metrics": [rule.model_dump()]})
    frame = rows(
        ("A", "OF0082", 4.5, 2),
        ("B", "OF0082", 4.5, 1),
        ("C", "OF0082", 5.0, 3),
        *[(code, "OF1082", 2.5) for code in "ABC"],
    )
    assert scored(scoring.scores_from_values(frame, rules), "OF1082") == {"A": 2.5, "B": 1, "C": 4}


def test_ranks_within_a_type_are_no_rank_in_a_national_pool():
    """T0 is first among acute trusts and T1 first among its own type: equal values still share a score."""
    frame = national("OF0082", (4.5, 4.5, 5), (1, 1, 4))
    frame.loc[frame["metric_id"] == "OF0082", "rank"] = [2.0, 1.0, 1.0]
    assert scored(scoring.scores_from_values(frame, RULES), "OF1082") == {"T0": 1, "T1": 1, "T2": 4}


def test_only_the_units_that_are_scored_count_however_they_are_written():
    """E. coli comes as a count and as a rate against its threshold; the rate is scored: at or below 1.00 meets it."""
    rates = national("OF0048", (0.9, 1.2, 1.5), (1, 2, 4), units="Rate")
    counts = rows(("T0", "OF0048", 900), ("T1", "OF0048", 1), units="count")
    found = scoring.scores_from_values(together(counts, rates), RULES)
    assert scored(found, "OF1048") == {"T0": 1, "T1": 2, "T2": 4}


def test_rows_of_a_metric_are_those_with_a_value_in_its_units():
    frame = together(
        rows(("A", "OF0048", 1.1), ("B", "OF0048", np.nan), ("A", "OF0088", 2.2), units="RATE"),
        rows(("A", "OF0048", 3), units="count"),
    )
    assert scoring.value_rows(frame, RULES.by_value["OF0048"])["value"].tolist() == [1.1]
    assert scoring.value_rows(frame.assign(metric_id="OF0082"), RULES.by_value["OF0082"])["value"].tolist() == [
        1.1,
        2.2,
        3,
    ]


def test_the_finance_score_is_combined_from_plan_and_variance():
    """The manual's example has a variance of -0.73 %, which scores 3; a planned deficit of 2.5 % scores 4."""
    frame = rows(
        ("A", "OF0079", 0.5),
        ("A", "OF0081", -0.73),
        ("B", "OF0079", -2.5),
        ("B", "OF0081", 0.0),
        ("C", "OF0079", 0.0),
        *[(code, f"OF10{part}", 9) for code in "ABC" for part in (79, 80, 81)],
    )
    found = scoring.scores_from_values(frame, RULES)
    assert scored(found, "OF1079") == {"A": 1, "B": 4, "C": 1}
    assert scored(found, "OF1081") == {"A": 3, "B": 1, "C": 9} and levels(found, "OF1081") == {"A": 2, "B": 2, "C": 1}
    assert scored(found, "OF1080") == {"A": 2, "B": 2, "C": 9} and levels(found, "OF1080") == {"A": 2, "B": 2, "C": 1}


def test_a_finance_score_without_any_plan_or_variance_stays_as_published():
    found = scoring.scores_from_values(rows(("A", "OF0061", 6), ("A", "OF1061", 1), ("A", "OF1080", 3)), RULES)
    assert scored(found, "OF1080") == {"A": 3} and levels(found, "OF1080") == {"A": 1}


def test_a_metric_without_a_known_rule_keeps_its_published_score_beside_its_value():
    """The cancer waits have a standard that was not seen; nothing is made of their values."""
    frame = national("OF0010", (81.5, 80, 79), (1, 2, 4))
    found = scoring.scores_from_values(frame, RULES)
    assert scored(found, "OF1010") == {"T0": 1, "T1": 2, "T2": 4} and set(found["level"]) == {1}


def test_a_value_without_a_published_score_adds_no_row():
    found = scoring.scores_from_values(rows(("A", "OF0061", 6), ("B", "OF0061", 7), ("A", "OF1061", 3)), RULES)
    assert scored(found, "OF1061") == {"A": 4}


def test_files_of_published_scores_alone_stay_at_level_one():
    found = scoring.scores_from_values(rows(("A", "OF1082", 1), ("B", "OF1082", 4)), RULES)
    assert scored(found, "OF1082") == {"A": 1, "B": 4} and set(found["level"]) == {1}


def test_nothing_gives_a_frame_of_no_scores():
    found = scoring.scores_from_values(rows(), RULES)
    assert found.empty and found.columns.tolist() == scoring.SCORE_COLUMNS


# --- averages ---

SCORES = pd.DataFrame(
    [
        ("q4", "acute", "A", "OF1005", "access", 1.0, 1.0),
        ("q4", "acute", "A", "OF1016", "safety", 2.005, 1.0),
        ("q4", "acute", "A", "OF1079", "finance", 4.0, 0.0),
        ("q4", "acute", "B", "OF1005", "access", 4.0, 1.0),
        ("q4", "acute", "B", "OF1020", "safety", 1.0, 1 / 3),
        ("q3", "ambulance", "C", "OF1082", "people", 3.0, 1.0),
    ],
    columns=["quarter", "trust_type", "trust_code", "metric_id", "domain", "score", "weight"],
)


def test_averages_leave_out_what_carries_no_weight_and_round_a_half_up():
    found = scoring.averages(SCORES).set_index("trust_code")
    assert found.columns.tolist() == ["quarter", "trust_type", "average", "metrics_scored", "average_score"]
    assert found["average"].to_dict() == pytest.approx({"A": 3.005 / 2, "B": (4 + 1 / 3) / (4 / 3), "C": 3})
    assert found["average_score"].to_dict() == {"A": 1.5, "B": 3.25, "C": 3.0}
    assert found["metrics_scored"].to_dict() == {"A": 2, "B": 2, "C": 1}
    assert scoring.averages(SCORES)["trust_code"].tolist() == ["C", "A", "B"]  # by quarter, type, trust


def test_domain_scores_are_means_within_a_domain_and_a_domain_without_weight_has_none():
    found = scoring.domain_scores(SCORES)
    assert found.columns.tolist() == [
        "quarter",
        "trust_type",
        "trust_code",
        "domain",
        "average",
        "metrics_scored",
        "domain_score",
    ]
    pairs = found.set_index(["trust_code", "domain"])
    assert pairs["domain_score"].to_dict() == {
        ("C", "people"): 3.0,
        ("A", "access"): 1.0,
        ("A", "safety"): 2.01,
        ("B", "access"): 4.0,
        ("B", "safety"): 1.0,
    }
    assert pairs["average"]["A", "safety"] == 2.005


def test_the_matrix_has_trusts_by_metrics_with_gaps_and_the_metrics_weights():
    wide, weights = scoring.matrix(SCORES[SCORES["quarter"] == "q4"])
    assert wide.index.tolist() == ["A", "B"] and wide.columns.tolist() == ["OF1005", "OF1016", "OF1020"]
    np.testing.assert_array_equal(wide.to_numpy(), [[1.0, 2.005, np.nan], [4.0, np.nan, 1.0]])
    assert weights.to_dict() == pytest.approx({"OF1005": 1, "OF1016": 1, "OF1020": 1 / 3})


def test_ids_that_no_rule_knows_are_named_once_in_order():
    """OF1067 is a score whose value is not published: its value's id belongs to it all the same."""
    frame = rows(
        ("A", "OF1999", 1),
        ("B", "OF1999", 1),
        ("A", "OF0998", 1),
        ("A", "OF1005", 1),
        ("A", "OF0005", 1),
        ("A", "OF0067", 1),
        ("A", "OF4000", 1),
        ("A", "OF5002", 1),
        ("A", "OF2067", 1),
    )
    assert scoring.unknown_metrics(frame, RULES) == ["OF0998", "OF1999", "OF2067"]
