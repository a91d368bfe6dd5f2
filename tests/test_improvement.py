"""What it would take: gap arithmetic, value-to-score curves, steps, sets and what-ifs, each against recomputing."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pandas as pd
import pytest

from nof.common import InputError
from nof.method import contributions, curves, improvement, next_segment, whatif
from nof.method.improvement import _tried, cases_of
from nof.method.opening import open_publication
from nof.method.steps import step_chances
from nof.read.publication import METRIC_FIELDS, Publication
from nof.rules import framework as rules
from nof.rules import recompute, scoring

YEAR = ("2025-26-q1", "2025-26-q2", "2025-26-q3", "2025-26-q4")
Q3, Q4 = YEAR[2:]
MHC = "mental-health-and-community"


# --- a made-up publication of three types, so that the national pool is whole ---

TRUSTS = {"acute": 9, MHC: 8, "ambulance": 4}
# Value id: units, lowest, highest, decimals. All but sickness and cost are of some types only.
METRICS = {
    "OF0082": ("%", 3.0, 8.0, 1, tuple(TRUSTS)),
    "OF0086": ("%", 80.0, 130.0, 0, (MHC, "ambulance")),
    "OF0084": ("out of 10", 6.0, 7.5, 2, tuple(TRUSTS)),
    "OF0057": ("%", 55.0, 99.0, 1, ("acute", MHC)),
    "OF0020": ("count", 0.0, 6.0, 0, ("acute",)),
    "OF0010": ("%", 60.0, 90.0, 1, ("acute",)),
}
DATES = {"OF0084": {"2025-26-q1": "2024", "2025-26-q2": "2024", Q3: "2024", Q4: "2025"}}


def row(quarter, trust_type, code, metric_id, value, units, rank=np.nan, date=None):
    label = f"Q{quarter[-1]} 2025/26"
    known = dict.fromkeys(METRIC_FIELDS, np.nan) | {
        "quarter": quarter, "trust_type": trust_type, "trust_code": code, "metric_id": metric_id,
        "description": f"Made-up {metric_id}", "domain": "Made up", "sub_domain": "", "units": units, "value": value,
        "reporting_date": date or label, "rank": rank, "file": "made-up.csv", "row": 2}  # fmt: skip
    return known


def codes(trust_type):
    letter = {"acute": "A", "ambulance": "B", MHC: "M"}[trust_type]
    return [f"ZZ{letter}{number}" for number in range(TRUSTS[trust_type])]


def drawn(quarters, seed=3):
    """Values for each quarter, metric and trust; a staff survey that is new in Q4 only."""
    random = np.random.default_rng(seed)
    for metric_id, (units, low, high, places, types) in METRICS.items():
        for trust_type in types:
            base = random.uniform(low, high, TRUSTS[trust_type])
            for quarter in quarters:
                date = DATES.get(metric_id, {}).get(quarter)
                moves = date is None or quarter == Q4
                base = np.clip(base + moves * random.normal(0, (high - low) / 10, len(base)), low, high)
                for code, value in zip(codes(trust_type), base.round(places), strict=True):
                    yield row(quarter, trust_type, code, metric_id, value, units, date=date)


def with_scores(values: pd.DataFrame) -> pd.DataFrame:
    """Adds published scores (2 decimals) by the rules, and a made-up one for the metric without a rule."""
    framework = rules.load("2025/26")
    found = [values]
    for (metric_id, _), group in values.groupby(["metric_id", "quarter"]):
        metric = framework.by_value[metric_id]
        for _, pool in group.groupby("trust_type" if metric.pool == "type" else "quarter"):
            scores = (
                scoring.score_values(pool["value"], metric)
                if metric.recomputable
                else scoring.ranked(pool["value"], "high")
            )
            found.append(pool.assign(metric_id=metric.score_id, value=scoring.round_half_up(scores), units="score"))
    return pd.concat(found, ignore_index=True)


def publish(metrics: pd.DataFrame) -> Publication:
    trusts = metrics[["quarter", "trust_code", "trust_type"]].drop_duplicates()
    trusts = trusts.assign(trust_name="Made-up Trust", trust_subtype="", region="")
    return Publication(metrics, trusts, pd.DataFrame(), pd.DataFrame())


def made_up(quarters=(Q3, Q4), flagged=(), seed=3) -> Publication:
    metrics = with_scores(pd.DataFrame(drawn(quarters, seed)))
    flags = [
        row(quarter, trust_type, code, "OF5004", float(code in flagged), "flag")
        for quarter in quarters
        for trust_type in TRUSTS
        for code in codes(trust_type)
    ]
    return publish(pd.concat([metrics, pd.DataFrame(flags)], ignore_index=True))


@pytest.fixture(scope="module")
def whole():
    return recompute.recompute(made_up())


@pytest.fixture(scope="module")
def published(real):
    return open_publication(real)


@pytest.fixture(scope="module")
def published_steps(published):
    """The steps of every trust, by quarter and code."""
    return {
        (quarter, code): improvement.steps(published, quarter, code)
        for quarter in published.publication.quarters
        for code in trusts_of(published, quarter)
    }


def trusts_of(national, quarter):
    return national.standings.loc[national.standings["quarter"] == quarter, "trust_code"].tolist()


def with_values(given: Publication, asked):
    """Recomputed with one value of Q4 changed and every score made again, for each (trust, value id, value).

    A quarter is scored by itself, so four changes are recomputed together, one in each quarter of a year.

    Yields
    ------
    National, the quarter that stands for Q4 in it
    """
    rows = given.metrics[(given.metrics["quarter"] == Q4) & given.metrics["metric_id"].str.startswith(("OF0", "OF5"))]
    values = rows["metric_id"].str.startswith("OF0")
    for first in range(0, len(asked), len(YEAR)):
        part = dict(zip(YEAR, asked[first : first + len(YEAR)], strict=False))
        changed = [
            rows.assign(
                quarter=quarter,
                value=rows["value"].mask((rows["trust_code"] == code) & (rows["metric_id"] == value_id), value),
            )
            for quarter, (code, value_id, value) in part.items()
        ]
        scored = with_scores(pd.concat([one[values] for one in changed]))
        national = recompute.recompute(publish(pd.concat([scored, *(one[~values] for one in changed)])))
        yield from ((national, quarter) for quarter in part)


def scores_with(given: Publication, code: str, metric_id: str, values) -> list[float]:
    """The trust's score with each of these values, by recomputing a publication of that metric alone."""
    value_id = rules.value_id(metric_id)
    alone = publish(given.metrics[given.metrics["metric_id"] == value_id])
    found = with_values(alone, [(code, value_id, value) for value in values])
    return [score_of(national, quarter, code, metric_id) for national, quarter in found]


def score_of(national, quarter, code, metric_id) -> float:
    rows = national.scores[(national.scores["quarter"] == quarter) & (national.scores["metric_id"] == metric_id)]
    return rows.set_index("trust_code")["score"][code]


# --- contributions ---


@pytest.mark.parametrize("quarter", ["2025-26-q1", Q4])
def test_contributions_sum_to_the_distance_from_the_median_trust(published, quarter):
    for code in trusts_of(published, quarter):
        table = contributions.contributions(published, quarter, code)
        average = next_segment.next_segment(published, quarter, code).average
        medians = (table["median_score"] * table["weight"]).sum() / table["weight"].sum()
        assert table["contribution"].sum() == pytest.approx(average - medians, abs=1e-12)
        assert table["contribution"].is_monotonic_decreasing


def test_contributions_count_a_third_as_a_third(whole):
    table = contributions.contributions(whole, Q4, "ZZA0").set_index("metric_id")
    third = table.loc["OF1020"]
    assert third["weight"] == pytest.approx(1 / 3)
    assert third["contribution"] == pytest.approx((third["score"] - third["median_score"]) / 3 / (4 + 1 / 3))


def test_contributions_show_the_published_row(published):
    row = contributions.contributions(published, Q4, "RWR").set_index("metric_id").loc["OF1016"]
    assert (row["value"], row["median"], row["rank"], row["ranked"], row["units"]) == (74.36, 71.97, 21, 45, "%")
    assert round(row["score"], 2) == 2.30


def test_an_unknown_trust_is_an_error_that_names_it(published):
    with pytest.raises(InputError, match="ZZZ"):
        contributions.contributions(published, Q4, "ZZZ")


# --- the gap ---


def test_the_gap_by_hand(published):
    goal = next_segment.next_segment(published, Q4, "RXY")
    bracket = published.standings[published.standings["quarter"] == Q4]
    best_third = bracket.loc[bracket["segment_unadjusted"] == 2, "average"].max()
    assert (goal.segment, goal.target, goal.held, goal.blocked) == (3, 2, False, False)
    assert goal.edge == pytest.approx((best_third + goal.average) / 2)  # RXY is the best of segment 3
    assert goal.gap == pytest.approx(goal.average - goal.edge)
    assert goal.gap_points == pytest.approx(goal.gap * 9)
    assert goal.edge_low < goal.edge < goal.edge_high


def test_the_override_is_said_first_with_the_segment_behind_it(published):
    goal = next_segment.next_segment(published, Q4, "RWR")
    assert (goal.segment, goal.segment_unadjusted, goal.held, goal.blocked, goal.target) == (3, 2, True, True, 1)
    assert "holds this trust in segment 3" in goal.sentences[0] and "segment 2" in goal.sentences[0]


def test_a_flag_that_does_not_hold_now_blocks_the_way_to_segment_2(published):
    goal = next_segment.next_segment(published, Q4, "RT1")
    assert (goal.segment, goal.held, goal.blocked, goal.target) == (3, False, True, 2)
    assert "would leave it in segment 3" in goal.sentences[0]
    fourth = next_segment.next_segment(published, Q4, "RMY")
    assert (fourth.in_deficit, fourth.held, fourth.blocked, fourth.target) == (True, False, False, 3)


def test_segment_1_says_what_keeps_it_there(published):
    goal = next_segment.next_segment(published, Q4, "RYY")
    assert goal.target is None and np.isnan(goal.gap)
    assert goal.cushion == pytest.approx(next_segment.edge_brackets(published, Q4).loc[1, "edge"] - goal.average)
    assert improvement.steps(published, Q4, "RYY").empty and improvement.smallest_sets(published, Q4, "RYY").empty
    # The edge is known within a bracket only: its ends are given, here and in the cushion.
    assert "up to an average of between 2.02 and 2.11, 0.49 to 0.58 above its own" in goal.sentences[0]
    assert len(goal.sentences) == 2 and "cannot be told" in goal.sentences[1]


def test_a_gap_to_an_edge_within_a_bracket_is_a_range(published):
    goal = next_segment.next_segment(published, Q4, "RX4")
    told = " ".join(goal.sentences)
    assert "from 2.60 to between 2.57 and 2.60: by less than 0.01 to 0.03, or 0.04 to 0.27 points" in told
    assert "the middle" in told


def test_a_known_edge_is_one_figure(whole):
    for code in trusts_of(whole, Q4):
        goal = next_segment.next_segment(whole, Q4, code)
        told = " ".join(goal.sentences)
        assert "between" not in told and "cannot be told" not in told
        assert goal.target is None or f"to {goal.edge:.2f}: by" in told


def test_whole_pool_edges_are_the_quartiles(whole):
    averages = whole.standings.loc[whole.standings["quarter"] == Q4, "average"]
    brackets = next_segment.edge_brackets(whole, Q4)
    assert brackets["edge"].tolist() == pytest.approx(np.quantile(averages, [0.25, 0.5, 0.75]))
    assert (brackets["above"] == brackets["below"]).all()


def test_an_edge_that_no_trust_shows_is_not_made_up(whole):
    one_type = whole.publication.metrics
    one_type = one_type[one_type["trust_type"] == "acute"]
    lowest = [row(Q4, "acute", code, "OF5003", 3.0, "segment") for code in codes("acute")]
    national = recompute.recompute(publish(pd.concat([one_type, pd.DataFrame(lowest)])))
    goal = next_segment.next_segment(national, Q4, "ZZA0")
    assert goal.target == 2 and np.isnan(goal.edge) and "cannot be told" in goal.sentences[-1]
    assert improvement.steps(national, Q4, "ZZA0").empty
    unknown = next_segment.next_segment(national, Q3, "ZZA0")
    assert unknown.segment_unadjusted is None and unknown.target is None and "not known" in unknown.sentences[0]


# --- curves ---


@pytest.mark.parametrize("metric_id", ["OF1082", "OF1086", "OF1084"])
def test_a_ranked_curve_is_what_recomputing_gives(whole, metric_id):
    value_id = rules.value_id(metric_id)
    for code in ("ZZM0", "ZZM5", "ZZM7"):
        curve = curves.curves(whole, Q4, code)[metric_id]
        low, high, places = METRICS[value_id][1:4]
        values = np.linspace(low, high, 13).round(places)
        again = scores_with(whole.publication, code, metric_id, values)
        assert [curve.score(value) for value in values] == pytest.approx(again, abs=1e-9)


@pytest.mark.parametrize("metric_id", ["OF1057", "OF1020"])
def test_a_curve_beside_a_threshold_is_within_a_place_of_recomputing(whole, metric_id):
    value_id = rules.value_id(metric_id)
    for code in ("ZZA0", "ZZA4", "ZZA8"):
        curve = curves.curves(whole, Q4, code)[metric_id]
        low, high, places = METRICS[value_id][1:4]
        values = np.unique(np.linspace(low, high, 13).round(places))
        again = scores_with(whole.publication, code, metric_id, values)
        assert [curve.score(value) for value in values] == pytest.approx(again, abs=curve.place + 1e-9)


def test_a_published_floor_is_the_floor(published):
    curve = curves.curves(published, Q4, "RW4")["OF1057"]
    assert (curve.score(69.99), curve.score(70.0)) == (4.0, 3.0)
    assert curve.value(3.0) <= 71 and curve.score(curve.value(2.0)) <= 2.0


def test_curves_never_reward_a_worse_value_and_reach_the_published_peers(published):
    rows = contributions.scored(published, Q4)
    by_metric = dict(iter(rows[rows["value"].notna()].set_index("trust_code").groupby("metric_id")[["value", "score"]]))
    for code in trusts_of(published, Q4):
        for metric_id, curve in curves.curves(published, Q4, code).items():
            known = curve.scores[~np.isnan(curve.scores)]
            assert (np.diff(known) >= -1e-9).all()
            if metric_id == "OF1080":
                continue
            peers = by_metric[metric_id]
            own = peers["value"].get(code)
            ahead = peers[curve.sign * peers["value"] < curve.sign * own]
            alone = ahead[~ahead["value"].duplicated(keep=False)]
            told = alone["value"].map(curve.score)
            assert np.allclose(told.astype(float), alone["score"].astype(float), atol=1e-9)


def test_values_between_peers_are_in_order_and_on_the_ranking_grid(published):
    curve = curves.curves(published, Q4, "RMY")["OF1082"]
    values = np.linspace(curve.points[0], curve.points[-2], 400)
    scores = np.array([curve.score(curve.sign * one) for one in values])
    assert (np.diff(scores) >= -1e-9).all()
    places = (scores - 1) / curve.place
    assert np.allclose(places, places.round(), atol=1e-6)
    assert curve.place == pytest.approx(3 / 204)  # 205 trusts, though only 61 are in the file
    assert curve.basis == "published peers of its own trust type only"


def test_a_tie_is_not_interpolated_away():
    pairs = pd.DataFrame(
        {
            "value": [0.0, 0.0, 0.0, 1.0, 2.0],
            "score": [1.0, 1.0, 1.0, 3.25, 4.0],
            "level": 1,
            "published": [1.0, 1.0, 1.0, 3.25, 4.0],
            "trust_type": "acute",
            "trust_code": list("ABCDE"),
        }
    )
    metric = rules.load("2025/26").by_score["OF1005"]
    curve = curves._curve_of(curves._pairs(pairs, metric), "E")
    assert curve.score(0.5) == 3.25  # three share the first place, so nothing is gained before joining them
    assert curve.value(3.0) == 0.0
    assert 3.25 < curve.score(1.5) <= 4.0


def test_a_metric_without_a_rule_has_a_curve_only_if_values_order_its_scores(whole):
    rows = contributions.scored(whole, Q4)
    curve = curves.curves(whole, Q4, "ZZA0", rows)["OF1010"]
    assert curve.sign == -1 and curve.place is None and "rule unknown" in curve.basis
    any_order = np.resize([1.0, 4.0, 2.0], len(rows))
    mixed = rows.assign(score=rows["score"].where(rows["metric_id"] != "OF1010", any_order))
    assert "OF1010" not in curves.curves(whole, Q4, "ZZA0", mixed)


# --- steps ---


def test_the_suggested_value_crosses_the_edge_and_a_worse_one_does_not(published, published_steps):
    tried = 0
    for code in trusts_of(published, Q4):
        goal, table = next_segment.next_segment(published, Q4, code), published_steps[Q4, code]
        for one in table[table["closes"]].itertuples():
            there = whatif.whatif(published, Q4, code, {one.value_id: one.value_needed})
            short = one.value_needed - 0.01 * np.sign(one.change)
            before = whatif.whatif(published, Q4, code, {one.value_id: short})
            assert there.average <= goal.edge + 1e-9 and there.segment_unadjusted <= goal.target
            assert before.average > goal.edge
            tried += 1
    assert tried > 100


def test_the_suggested_value_crosses_the_edge_when_all_is_recomputed(whole):
    ranked = {"OF1082", "OF1084", "OF1086"}
    steps = {code: improvement.steps(whole, Q4, code) for code in trusts_of(whole, Q4)}
    tried = [
        (code, one)
        for code, table in steps.items()
        for one in table[table["closes"] & table["metric_id"].isin(ranked)].itertuples()
    ]
    asked = [(code, one.value_id, one.value_needed) for code, one in tried]
    for (code, one), (again, quarter) in zip(tried, with_values(whole.publication, asked), strict=True):
        average = again.standings.set_index(["quarter", "trust_code"])["average"][quarter, code]
        assert average <= next_segment.next_segment(whole, Q4, code).edge + 1e-9
        assert one.score_reached == pytest.approx(score_of(again, quarter, code, one.metric_id))
    assert len(tried) >= 10


def test_the_score_needed_closes_the_gap_exactly(whole):
    for code in trusts_of(whole, Q4):
        goal = next_segment.next_segment(whole, Q4, code)
        for one in improvement.steps(whole, Q4, code).itertuples():
            if one.score_needed >= 1:
                what = whatif.whatif(whole, Q4, code, {one.metric_id: one.score_needed})
                assert what.average == pytest.approx(goal.edge, abs=1e-12)
            else:
                assert not one.closes and "better than 1.00" in one.why_not


def test_trusts_passed_and_the_usual_move_are_those_of_the_file(published):
    table = improvement.steps(published, Q4, "RWR").set_index("metric_id")
    one = table.loc["OF1082"]
    values = published.publication.metrics.query("metric_id == 'OF0082'").pivot(
        index="trust_code", columns="quarter", values="value"
    )
    better = -values.diff(axis=1).iloc[:, 1:].to_numpy().ravel()
    assert one["trusts_passed"] == ((values[Q4] > one["value_needed"]) & (values[Q4] < 6.22)).sum()
    assert one["usual"] == pytest.approx(np.nanmedian(np.abs(better)))


def test_a_survey_counts_once_a_year_and_unpublished_values_are_said_to_be_so(published):
    table = improvement.steps(published, Q4, "RWR").set_index("metric_id")
    assert table.loc["OF1084", "updates"] == "yearly"
    often = step_chances(published, Q4, "RWR").set_index("metric_id")
    assert (often.loc["OF1084", "every"], often.loc["OF1082", "every"]) == (61, 183)
    assert (table.loc["OF1082", "updates"], table.loc["OF1086", "updates"]) == ("quarterly", "yearly")
    assert table.loc["OF1035", "basis"] == "not available" and "not available" in table.loc["OF1035", "why_not"]
    assert np.isnan(table.loc["OF1035", "value_needed"])


def test_the_finance_step_is_a_variance_with_the_plan_as_it_is(published):
    table = improvement.steps(published, Q4, "RWR").set_index("metric_id").loc["OF1080"]
    assert (table["value_id"], table["value"], table["closes"]) == ("OF0081", 0.67, False)
    assert "the plan being what it is" in table["why_not"]


def test_a_finance_variance_that_closes_the_gap_is_the_band_edge(published_steps):
    found = pd.concat([table for table in published_steps.values() if len(table)])
    found = found[found["closes"] & (found["metric_id"] == "OF1080")]
    assert len(found) and set(found["value_needed"]) <= {0.0, -0.5, -1.0}


# --- history ---


def test_changes_across_the_turn_of_the_year_and_old_data_do_not_count():
    quarters = ("2024-25-q4", "2025-26-q1", "2025-26-q2")
    survey = [row(one, "acute", "ZZA0", "OF0084", 6.5, "out of 10", date="2024") for one in quarters]
    beds = [
        row(one, "acute", "ZZA0", "OF0082", value, "%", date=f"Q{one[-1]} {one[:4]}/{one[5:7]}")
        for one, value in zip(quarters, (5.0, 4.0, 3.5), strict=True)
    ]
    blank = [
        row(one, "acute", "ZZA1", "OF0082", value, "%") for one, value in zip(quarters, (5.0, np.nan, 3.0), strict=True)
    ]
    past = contributions.history(publish(pd.DataFrame([*survey, *beds, *blank])))
    sickness = past[past["value_id"] == "OF0082"]
    assert sickness["change"].tolist() == [-0.5] and sickness["moved"].tolist() == [True]
    assert past.loc[past["value_id"] == "OF0084", "moved"].tolist() == [False]


def test_a_first_quarter_has_steps_but_no_history():
    national = recompute.recompute(made_up(quarters=(Q4,)))
    code = next(one for one in trusts_of(national, Q4) if next_segment.next_segment(national, Q4, one).target)
    table = improvement.steps(national, Q4, code)
    often = step_chances(national, Q4, code)
    assert len(table) and len(often) and (often[["every", "nearby", "nearby_made"]] == 0).all(axis=None)
    assert improvement.smallest_sets(national, Q4, code).empty
    assert len(improvement.movement_of_others(national, Q4, code).frame) == 1


def test_a_blank_value_leaves_the_change_unknown(whole):
    metrics = whole.publication.metrics
    code = next(one for one in codes(MHC) if next_segment.next_segment(whole, Q4, one).target)
    gone = (metrics["trust_code"] == code) & (metrics["metric_id"] == "OF0082")
    national = recompute.recompute(publish(metrics.assign(value=metrics["value"].mask(gone))))
    found = improvement.steps(national, Q4, code).set_index("metric_id").loc["OF1082"]
    assert np.isnan(found["value"]) and np.isnan(found["change"])
    assert "OF1082" not in set(step_chances(national, Q4, code)["metric_id"])


# --- sets ---


@pytest.mark.parametrize("code", ["RW4", "RWR", "RMY", "RNK", "RXY", "RGD", "RX4"])
def test_sets_close_the_gap_and_no_smaller_one_does(published, code):
    goal, table = next_segment.next_segment(published, Q4, code), improvement.smallest_sets(published, Q4, code)
    found = [set(one["metric_id"]) for _, one in table.groupby("set")]
    assert not any(a < b for a, b in itertools.permutations(found, 2))
    for _, one in table.groupby("set"):
        what = whatif.whatif(published, Q4, code, dict(zip(one["value_id"], one["value_needed"], strict=True)))
        assert what.average == pytest.approx(goal.average - one["gain"].sum(), abs=1e-9)
        assert what.average - goal.edge == pytest.approx(one["gap_left"].iloc[0], abs=1e-9) or one["closes"].all()
        assert (what.average <= goal.edge + 1e-9) == one["closes"].all()
    assert table.groupby("set")["size"].first().is_monotonic_increasing
    within = table.groupby("set")[["size", "furthest"]].first().groupby("size")["furthest"]
    assert within.apply(lambda steps: steps.is_monotonic_increasing).all()


def test_a_third_counts_as_a_third_in_a_realistic_step_too(whole):
    tried = 0
    for code in codes("acute"):
        goal = next_segment.next_segment(whole, Q4, code)
        cases = {one.row["metric_id"]: one for one in cases_of(whole, goal)}
        tried_one = _tried(cases["OF1020"], goal, realistic=0.9)
        for one in [] if tried_one is None else [tried_one.at(-1)]:
            what = whatif.whatif(whole, Q4, code, {"OF0020": one["value_needed"]})
            assert what.average == pytest.approx(goal.average - one["gain"], abs=1e-9)
            tried += 1
    assert tried


@pytest.mark.parametrize("code", ["RW4", "RWR", "RT2", "RNK", "RXY"])
def test_the_sets_are_all_the_smallest_ones(published, code):
    goal, found = next_segment.next_segment(published, Q4, code), curves.curves(published, Q4, code)
    rows = contributions.contributions(published, Q4, code).set_index("metric_id")
    gains = {}
    for metric_id, curve in found.items():
        one = rows.loc[metric_id]
        if metric_id == "OF1080":  # none of these trusts gains from a better variance
            continue
        past = contributions.improvements(published, MHC, one["value_id"], one["units"], curve.sign)
        step = max(np.quantile(past, improvement.REALISTIC), 0)
        scale = curve.sign * 100
        there = max(np.floor(one["value"] * scale - step * 100 + 1e-6), 100 * curve.points[0]) / scale
        gains[metric_id] = max(one["score"] - curve.score(there), 0) / len(rows)
    closing = [
        set(some)
        for size in (1, 2, 3)
        for some in itertools.combinations(gains, size)
        if sum(gains[one] for one in some) >= goal.gap - 1e-9
    ]
    smallest = {frozenset(some) for some in closing if not any(other < some for other in closing)}
    table = improvement.smallest_sets(published, Q4, code)
    assert table["closes"].all() == bool(smallest)
    if smallest:
        assert {frozenset(one["metric_id"]) for _, one in table.groupby("set")} == smallest


def test_no_step_of_a_set_is_longer_than_the_realistic_one(published):
    table = improvement.smallest_sets(published, Q4, "RMY", max_size=3)
    assert not table["closes"].any() and table["set"].nunique() == 1 and (table["gap_left"] > 0).all()
    for one in table.itertuples():
        sign = 1 if one.change < 0 else -1
        usual = contributions.improvements(published, MHC, one.value_id, one.units, sign)
        assert abs(one.change) <= np.quantile(usual, improvement.REALISTIC) + 0.01
    wider = improvement.smallest_sets(published, Q4, "RMY", realistic=0.95)
    assert wider["gap_left"].iloc[0] < table["gap_left"].iloc[0]


def test_more_metrics_in_a_set_never_close_less(published):
    for code in ("RT2", "RW5", "RYW"):
        one, three = (improvement.smallest_sets(published, Q4, code, max_size=size) for size in (1, 3))
        assert three["gap_left"].iloc[0] <= one["gap_left"].iloc[0]


# --- movement of others ---


def test_movement_is_the_gap_at_each_quarters_edge(published):
    moved = improvement.movement_of_others(published, Q4, "RNK")
    assert moved.frame["quarter"].tolist() == published.publication.quarters
    assert moved.frame["gap"].iloc[-1] == pytest.approx(next_segment.next_segment(published, Q4, "RNK").gap)
    average = next_segment.next_segment(published, Q4, "RNK").average
    ends = moved.frame[["edge_low", "edge_high"]]
    assert (moved.lowest, moved.highest) == (ends["edge_low"].min(), ends["edge_high"].max())
    assert moved.gap_at_lowest == average - moved.lowest and moved.gap_at_highest == average - moved.highest
    assert moved.gap_at_lowest >= moved.frame["gap"].max() and moved.gap_at_highest <= moved.frame["gap"].min()
    assert moved.gap_at_highest < 0 < moved.gap_at_lowest  # at the Q3 edge its average would do
    assert "not a forecast" in moved.label


def test_in_segment_1_movement_is_that_of_the_edge_to_keep(published):
    moved = improvement.movement_of_others(published, Q4, "RYY")
    assert (moved.frame["gap"] < 0).all()


# --- what if ---


def test_no_change_gives_the_trust_as_it_stands(published):
    for code in trusts_of(published, Q4):
        what = whatif.whatif(published, Q4, code, {})
        stands = recompute.standing(published, Q4, MHC).loc[code]
        assert what.average == pytest.approx(stands["average"])
        assert (what.segment_unadjusted, what.segment, what.rank) == (
            stands["segment_unadjusted"],
            stands["segment"],
            stands["rank"],
        )
    league = recompute.league(published, Q4, MHC, draws=10).set_index("trust_code")
    assert (what.average_low, what.average_high) == tuple(league.loc[code, ["average_low", "average_high"]])


def test_leaving_a_metric_out_is_the_mean_of_the_others(published):
    table = contributions.contributions(published, Q4, "RW4").set_index("metric_id")
    what = whatif.whatif(published, Q4, "RW4", {"OF1082": None})
    assert what.average == pytest.approx(table["score"].drop("OF1082").mean())
    same = whatif.whatif(published, Q4, "RW4", {"OF0082": None})
    assert same.average == what.average
    nothing = whatif.whatif(published, Q4, "RW4", dict.fromkeys(table.index))
    assert np.isnan(nothing.average) and nothing.segment is None


def test_finance_goes_through_its_bands(published):
    before = next_segment.next_segment(published, Q4, "RWR").average
    what = whatif.whatif(published, Q4, "RWR", {"OF0079": 0.1})
    assert what.average == pytest.approx(before - 1 / 9)
    both = whatif.whatif(published, Q4, "RWR", {"OF0079": -3.0, "OF0081": -2.0})
    assert both.average == pytest.approx(before + 2 / 9)
    with pytest.raises(InputError, match="no score can be told"):
        whatif.whatif(published, Q4, "RWR", {"OF0081": -0.7})  # plan 2 with variance 3 was never shown


def test_the_override_holds_in_a_what_if(published):
    what = whatif.whatif(published, Q4, "RWR", {"OF0082": 4.0})
    assert (what.segment_unadjusted, what.segment) == (1, 3)


def test_rank_moves_with_the_average(published):
    ranks = [whatif.whatif(published, Q4, "RGD", {"OF1082": score}).rank for score in (1.0, 2.0, 3.0, 4.0)]
    assert ranks == sorted(ranks) and ranks[0] < ranks[-1]


@pytest.mark.parametrize(("changes", "says"), [
    ({"OF9999": 1.0}, "OF9999"), ({"OF1082": 0.5}, "1.00 to 4.00"), ({"OF1035": 9.0}, "1.00 to 4.00"),
    ({"OF0082": float("inf")}, "no score can be told"),
])  # fmt: skip
def test_what_cannot_be_is_an_error(published, changes, says):
    with pytest.raises(InputError, match=says):
        whatif.whatif(published, Q4, "RW4", changes)


# --- every trust, and a year without rules ---


def test_every_trust_of_every_quarter_gets_an_answer(published, whole, published_steps):
    quarters = whole.publication.quarters
    made = {(one, code): improvement.steps(whole, one, code) for one in quarters for code in trusts_of(whole, one)[::3]}
    for national, steps in ((published, published_steps), (whole, made)):
        for quarter in national.publication.quarters:
            for code in trusts_of(national, quarter)[::3]:
                goal = next_segment.next_segment(national, quarter, code)
                table = steps[quarter, code]
                assert len(table) == (
                    0 if not goal.gap > 0 else len(contributions.contributions(national, quarter, code))
                )
                assert list(table.columns) == improvement.STEP_COLUMNS
                assert list(improvement.smallest_sets(national, quarter, code, 2).columns) == improvement.SET_COLUMNS


def test_a_year_without_rules_works_from_published_pairs(whole):
    new = {Q3: "2031-32-q3", Q4: "2031-32-q4"}
    metrics = whole.publication.metrics
    standings = whole.standings
    segments = [
        row(one.quarter, one.trust_type, one.trust_code, "OF5003", one.segment_unadjusted, "segment")
        for one in standings.itertuples()
    ]
    metrics = pd.concat([metrics, pd.DataFrame(segments)], ignore_index=True)
    national = recompute.recompute(publish(metrics.assign(quarter=metrics["quarter"].map(new))))
    code = next(
        one for one in trusts_of(national, new[Q4]) if next_segment.next_segment(national, new[Q4], one).gap > 0
    )
    table = improvement.steps(national, new[Q4], code)
    known = {one.score_id for one in national.framework(new[Q4]).metrics if one.recomputable}  # read off the scores
    unknown = table["basis"].str.contains("rule unknown|not available")
    assert len(table) and unknown.tolist() == [one not in known for one in table["metric_id"]] and unknown.any()


def test_flags_hold_made_up_trusts_too():
    national = recompute.recompute(made_up(flagged=[*codes("acute"), *codes(MHC)]))
    goals = [next_segment.next_segment(national, Q4, one) for one in [*codes("acute"), *codes(MHC)]]
    assert any(goal.held for goal in goals)
    for goal in goals:
        assert goal.held == (goal.segment_unadjusted < 3) and goal.segment == max(goal.segment_unadjusted, 3)
        assert goal.sentences[0].startswith("The financial override") or not goal.held


def test_the_dataclasses_cannot_be_changed(published):
    goal = next_segment.next_segment(published, Q4, "RW4")
    with pytest.raises(dataclasses.FrozenInstanceError):
        goal.segment = 1
