"""Steps among trusts that started nearby, regression to the mean, and edges as brackets."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from nof.demo import build
from nof.method import improvement, next_segment, steps
from nof.read import publication
from nof.rules import ranking, recompute, uncertainty

MHC = "mental-health-and-community"
Q4 = "2025-26-q4"


@pytest.fixture(scope="module")
def national(real):
    return recompute.recompute(publication.read(real))


@pytest.fixture(scope="module")
def demo():
    return recompute.recompute(build()[0])


def made_up(starts, changes, gains) -> pd.DataFrame:
    return pd.DataFrame({"value_before": starts, "change": changes, "gain": gains}, dtype=float)


# --- moves ---


def test_a_reviewers_counts_of_the_crisis_metric(national):
    """Counted without this code: 138 moves, 76 at least 1.58 up, of which 35 gained 0.144; starting at 72 to 82%, 6 of
    27; start and change correlate at -0.39."""
    own = steps.moves(national, MHC).query("metric_id == 'OF1016'")
    assert len(own) == 138 and (own["change"] >= 1.58 - 1e-9).sum() == 76
    assert (own.loc[own["change"] >= 1.58 - 1e-9, "gain"] >= 0.144).sum() == 35
    near = own["value_before"].between(72, 82)
    assert (near.sum(), (near & (own["gain"] >= 0.144)).sum()) == (27, 6)
    assert steps.start_change(own) == pytest.approx(-0.39, abs=0.005)


def test_moves_are_the_published_rows_joined_by_hand(national):
    table = steps.moves(national, MHC)
    rows = national.publication.metrics
    row = table.query("trust_code == 'RXG' and metric_id == 'OF1057' and quarter == '2025-26-q3'").iloc[0]
    raw = rows.query("trust_code == 'RXG' and metric_id == 'OF0057'").set_index("quarter")["value"]
    assert (row["value_before"], row["value"]) == (raw["2025-26-q2"], raw["2025-26-q3"])
    assert row["change"] == pytest.approx(row["value"] - row["value_before"])
    assert row["gain"] == pytest.approx(row["score_before"] - row["score"]) and row["gain"] < 0
    assert not table.duplicated(["trust_code", "metric_id", "quarter"]).any()


def test_a_survey_shown_again_has_not_moved(national):
    survey = steps.moves(national, MHC).query("metric_id == 'OF1084'")
    assert survey["quarter"].nunique() == 1


# --- how often ---


def test_how_often_by_hand():
    table = made_up([10, 11, 12, 20, 30], [2, -1, 1, 2, -3], [0.5, -0.2, 0.1, 0.6, -0.4])
    # The median size of a change is 2: nearby is 9 to 13.
    found = steps.how_often(steps.past(table), 11, 0.1)
    assert (found.starts_low, found.starts_high, found.nearby, found.nearby_made) == (9, 13, 3, 2)
    assert (found.every, found.every_made) == (5, 3)


def test_a_further_step_is_never_made_more_often(national):
    own = steps.moves(national, MHC).query("metric_id == 'OF1063'")
    made = [steps.how_often(steps.past(own), 25.0, gain) for gain in (0.0, 0.1, 0.3, 1.0)]
    for name in ("nearby_made", "every_made"):
        counts = [getattr(one, name) for one in made]
        assert counts == sorted(counts, reverse=True)


def test_the_unit_and_the_order_are_idle(national):
    own = steps.moves(national, MHC).query("metric_id == 'OF1063'")
    first = steps.how_often(steps.past(own), 25.0, 0.2)
    tenfold = own.assign(value_before=own["value_before"] * 10, change=own["change"] * 10).sample(
        frac=1, random_state=3
    )
    second = steps.how_often(steps.past(tenfold), 250.0, 0.2)
    assert first[2:6] == second[2:6] and first.start_change == pytest.approx(second.start_change)


def test_regression_to_the_mean_of_pure_noise():
    """Quarters drawn anew correlate at -sqrt(1/2) with their start; with r between quarters at -sqrt((1 - r) / 2)."""
    random = np.random.default_rng(0)
    for r in (0.0, 0.8):
        first, fresh = random.normal(size=(2, 40_000))
        second = r * first + np.sqrt(1 - r**2) * fresh
        table = made_up(first, second - first, 0 * first)
        assert steps.start_change(table) == pytest.approx(-np.sqrt((1 - r) / 2), abs=0.01)
    assert np.isnan(steps.start_change(made_up([1, 2], [1, 1], [0, 0])))


def test_step_chances_of_a_real_trust(national):
    table = steps.step_chances(national, Q4, "RX4").set_index("metric_id")
    old = improvement.steps(national, Q4, "RX4").set_index("metric_id")
    row = table.loc["OF1016"]
    assert row["gain_needed"] == pytest.approx(row["score"] - old.loc["OF1016", "score_needed"])
    own = steps.moves(national, MHC).query("metric_id == 'OF1016'")
    assert row["every"] == 138
    near = (own["value_before"] - row["value"]).abs() <= own["change"].abs().median() + 1e-9
    assert row["nearby"] == near.sum() == 26
    assert row["nearby_made"] == (near & (own["gain"] >= row["gain_needed"])).sum() == 5
    assert row["nearby_made_easiest"] >= row["nearby_made"] >= row["nearby_made_hardest"]
    assert (table["nearby"] <= table["every"]).all() and (table["nearby_made"] <= table["nearby"]).all()
    assert steps.step_chances(national, Q4, "RYY").empty  # in segment 1


def test_step_chances_with_the_whole_pool(demo):
    quarter = demo.publication.latest
    for trust_type in demo.publication.trust_types:
        code = recompute.standing(demo, quarter, trust_type)["average"].idxmax()
        table = steps.step_chances(demo, quarter, code)
        assert len(table) and (table["gain_easiest"] == table["gain_hardest"]).all()


# --- edges ---


def test_edges_are_brackets_where_the_pool_is_not_whole(national, demo):
    table = steps.segment_edges(national).set_index(["quarter", "edge"])
    # Worked out from the file without this code.
    assert table.loc[(Q4, "1/2"), ["edge_low", "edge_high"]].round(4).tolist() == [2.0185, 2.1073]
    assert table.loc[("2025-26-q1", "3/4"), ["edge_low", "edge_high"]].round(4).tolist() == [2.6026, 2.6535]
    assert not table["known"].any() and (table["width"] > 0).all()
    assert steps.segment_edges(demo)["known"].all()


def test_the_gap_is_a_range(national, demo):
    goal = next_segment.next_segment(national, Q4, "RX4")
    found = steps.gap_range(goal)
    assert found.gap_low < goal.gap < found.gap_high
    assert found.points_low == pytest.approx((goal.average - goal.edge_high) * 9)
    assert (round(found.points_low, 2), round(found.points_high, 2)) == (0.04, 0.27)
    code = recompute.standing(demo, demo.publication.latest, MHC)["average"].idxmax()
    known = steps.gap_range(next_segment.next_segment(demo, demo.publication.latest, code))
    assert known.gap_low == known.gap_high


def chances(national, quarter=Q4):
    drawn = recompute.redrawn(national, quarter, MHC, draws=2000)
    standing = recompute.standing(national, quarter, MHC)
    brackets = next_segment.edge_brackets(national, quarter)
    return drawn, standing, brackets, steps.segment_chance_ranges(drawn, brackets, standing["in_deficit"], 3)


def test_chances_at_the_middles_are_the_usual_ones(national):
    drawn, _, _, table = chances(national)
    usual = uncertainty.segment_chances(drawn)
    assert table[[f"chance_{one}" for one in (1, 2, 3, 4)]].to_numpy() == pytest.approx(usual.to_numpy())


def test_chance_ranges_hold_every_edge_in_the_brackets(national):
    """Edges drawn inside the brackets and segments counted by the ranking's own functions stay within the ranges."""
    drawn, standing, brackets, table = chances(national)
    random = np.random.default_rng(0)
    flags = standing["in_deficit"].to_numpy()
    corners = [brackets["above"].to_numpy(), brackets["below"].to_numpy() - 3e-9]
    inside = [random.uniform(*corners) for _ in range(20)]
    for cut in [*corners, *inside]:
        segments = ranking.override(ranking.segment_of(drawn.averages, cut), flags, 3)
        for one in (1, 2, 3, 4):
            share = (segments == one).mean(axis=0)
            assert (share >= table[f"chance_{one}_low"] - 1e-12).all()
            assert (share <= table[f"chance_{one}_high"] + 1e-12).all()


def test_the_edge_can_swing_a_chance_by_18_points(national):
    """A reviewer's figure for RW1, in segment 1, across the bracket of the first edge."""
    drawn = recompute.redrawn(national, Q4, MHC)
    standing = recompute.standing(national, Q4, MHC)
    table = steps.segment_chance_ranges(drawn, next_segment.edge_brackets(national, Q4), standing["in_deficit"], 3)
    own = steps.own_segment_chances(table, standing["segment"])
    swing = own["chance_own_high"] - own["chance_own_low"]
    assert swing["RW1"] == pytest.approx(0.18, abs=0.005)
    assert swing[own["segment"] == 1].idxmax() == "RW1"
    assert swing.max() > swing["RW1"]  # between two brackets, in segment 2, a chance swings further


def test_known_edges_leave_one_chance(demo):
    quarter = demo.publication.latest
    drawn = recompute.redrawn(demo, quarter, MHC, draws=500)
    standing = recompute.standing(demo, quarter, MHC)
    table = steps.segment_chance_ranges(drawn, next_segment.edge_brackets(demo, quarter), standing["in_deficit"], 3)
    own = steps.own_segment_chances(table, standing["segment"])
    assert (own["chance_own_high"] == own["chance_own_low"]).all()


def test_an_edge_that_no_trust_shows_leaves_all_open(national):
    drawn, standing, brackets, _ = chances(national)
    unknown = brackets.assign(above=brackets["above"].where(brackets.index != 3), below=brackets["below"])
    table = steps.segment_chance_ranges(drawn, unknown, standing["in_deficit"], 3)
    assert (table["chance_4_high"] >= 1 - 1e-12).all()
