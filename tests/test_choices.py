"""Three spans of places, and league tables under rules of one's own: against published figures and slow recomputing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from nof.common import InputError
from nof.demo import build
from nof.method import choices, sensitivity, setting, timeliness
from nof.read import publication
from nof.rules import recompute

MHC = "mental-health-and-community"
QUARTERS = ["2025-26-q1", "2025-26-q2", "2025-26-q3", "2025-26-q4"]
Q4 = QUARTERS[3]


@pytest.fixture(scope="module")
def national(real):
    return recompute.recompute(publication.read(real))


@pytest.fixture(scope="module")
def universe(national):
    inside = timeliness.in_quarter_metrics(national.publication.metrics, Q4)
    return sensitivity.multiverse(setting.setting(national, Q4, MHC), inside)


@pytest.fixture(scope="module")
def demo():
    """The made-up publication of all three types: its national pool is whole."""
    return recompute.recompute(build()[0])


def place(national, code, **rules) -> float:
    table, _ = choices.own_rules(national, Q4, MHC, **rules)
    return table.set_index("trust_code").loc[code, "place"]


# --- three spans ---


def test_the_reviewers_three_spans_of_the_real_file(universe):
    """Recomputed without this code by a reviewer: 12, 22 and 708 rankings; typical spans 7, 20 and 42 of 61."""
    table = choices.typical_spans(universe).set_index("kind")
    assert table["combinations"].tolist() == [12, 22, 708]
    assert table["typical"].tolist() == [7, 20, 42]
    assert table["trusts"].eq(61).all()


def test_spans_are_those_of_the_ranks_by_hand(universe):
    table = choices.spans(universe)
    method = universe.choices[["left_out", "finance", "data"]].eq(["nothing", "with", "all metrics"]).all(axis=1)
    for code in ("RDY", "RYY", "RX4"):
        own = universe.ranks[:, universe.summary.index.get_loc(code)]
        assert table.loc[code, "method_places"] == own[method].max() - own[method].min() + 1
        assert table.loc[code, "everything_places"] == np.nanmax(own) - np.nanmin(own) + 1
        assert table.loc[code, "one_choice_best"] == np.nanmin(own[universe.choices["differs"] <= 1])


def test_a_narrower_question_never_has_the_wider_span(universe):
    table = choices.spans(universe)
    assert (table["method_places"] <= table["everything_places"]).all()
    assert (table["one_choice_places"] <= table["everything_places"]).all()
    for kind in ("method", "one_choice", "everything"):
        assert table["place_published"].between(table[f"{kind}_best"], table[f"{kind}_worst"]).all()


# --- rules of one's own ---


@pytest.mark.parametrize("quarter", QUARTERS)
def test_nhs_englands_rules_give_the_published_table(national, quarter):
    table, rules = choices.own_rules(national, quarter, MHC)
    rows = national.publication.metrics.query("metric_id == 'OF5000' and quarter == @quarter").set_index("trust_code")
    assert (
        table.set_index("trust_code")["place"].equals(rows.loc[table["trust_code"], "rank"].rename("place"))
        and len(table) == 61
    )
    assert (table["moved"] == 0).all() and (table["segment"] == table["segment_published"]).all()
    assert rules.told == "" and rules.notes == ()


def test_nhs_englands_rules_give_the_whole_pools_table(demo):
    for trust_type in demo.publication.trust_types:
        table, _ = choices.own_rules(demo, demo.publication.latest, trust_type)
        assert (table["moved"] == 0).all() and (table["segment"] == table["segment_published"]).all()


def test_without_finance_all_trusts_lose_it(national):
    """RDY: 24th as published; 21st without the domain (and 53 of 61 move); still 24th without the combined score.

    OF1079 and OF1081 carry no weight: they are the two halves of OF1080.
    """
    table, rules = choices.own_rules(national, Q4, MHC, leave_out=["OF1080", "of1086"])
    assert table.set_index("trust_code").loc["RDY", ["place_published", "place", "moved"]].tolist() == [24, 21, 3]
    assert (table["moved"] != 0).sum() == 53
    assert rules.told == "not NHS England's rules: without OF1080, OF1086"
    assert place(national, "RDY", leave_out=["finance and productivity"]) == 21
    halves, told = choices.own_rules(national, Q4, MHC, leave_out=["OF1079", "OF1081"])
    whole, _ = choices.own_rules(national, Q4, MHC, leave_out=["OF1080"])
    assert halves.equals(whole) and halves.set_index("trust_code").loc["RDY", "place"] == 24
    assert told.left_out == ("OF1080",) and "made from OF1079 and OF1081" in told.notes[0]


def slow(national, quarter, left_out, weights, statistic, with_override) -> pd.Series:
    """Places by plain pandas, segments by the published numbers of trusts in each."""
    rows = national.scores.query("quarter == @quarter and trust_type == @MHC and weight > 0")
    rows = rows[~rows["metric_id"].isin(left_out)]
    rows = rows.assign(weight=rows["metric_id"].map(weights).fillna(rows["weight"]))
    if statistic == "median":  # whole weights: a score of weight 2 stands twice
        rows = rows.loc[rows.index.repeat(rows["weight"].astype(int))]
        average = rows.groupby("trust_code")["score"].median()
    else:
        average = (rows["score"] * rows["weight"]).groupby(rows["trust_code"]).sum()
        average /= rows.groupby("trust_code")["weight"].sum()
    standing = recompute.standing(national, quarter, MHC)
    average = average.reindex(standing.index)
    edges = [average.sort_values().iloc[int((standing["segment_unadjusted"] <= one).sum()) - 1] for one in (1, 2, 3)]
    segment = 1 + sum((average > edge + 1e-9).astype(int) for edge in edges)
    if with_override:
        segment = segment.mask(standing["in_deficit"] & (segment < 3), 3)
    return (segment * 1000 + np.floor(average * 100 + 0.5 + 1e-7) / 100).rank(method="min")


@pytest.mark.parametrize("seed", range(6))
def test_random_rules_agree_with_slow_recomputing(national, seed):
    random = np.random.default_rng(seed)
    metrics = setting.setting(national, Q4, MHC).scores.columns
    out = list(random.choice(metrics, 2, replace=False))
    weights = {one: float(random.integers(2, 4)) for one in random.choice(metrics.difference(out), 2, replace=False)}
    statistic, with_override = ("mean", "median")[seed % 2], bool(random.integers(2))
    table, _ = choices.own_rules(
        national, Q4, MHC, leave_out=out, weights=weights, statistic=statistic, override=with_override
    )
    wanted = slow(national, Q4, out, weights, statistic, with_override)
    found = table.set_index("trust_code")["place"]
    assert found.eq(wanted[found.index]).all()


def test_weights_mean_proportions(national, demo):
    """All weights twice as heavy change nothing; weight 0 is leaving out; a domain's weight is that of its metrics."""
    metrics = setting.setting(national, Q4, MHC).scores.columns
    table, _ = choices.own_rules(national, Q4, MHC, weights=dict.fromkeys(metrics, 2.0))
    assert (table["moved"] == 0).all()
    nought, rules = choices.own_rules(national, Q4, MHC, weights={"OF1086": 0})
    without, _ = choices.own_rules(national, Q4, MHC, leave_out=["OF1086"])
    assert nought.equals(without) and rules.left_out == ("OF1086",)
    domain, _ = choices.own_rules(national, Q4, MHC, weights={"People and workforce": 3})
    both, _ = choices.own_rules(national, Q4, MHC, weights={"OF1082": 3, "OF1084": 3})
    assert domain.equals(both) and (domain["moved"] != 0).any()


def test_a_metric_of_another_type_cannot_be_left_out(demo):
    acute = setting.setting(demo, demo.publication.latest, "acute")
    only = acute.scores.columns[~acute.scores.loc[acute.scores.index.isin(_codes(demo, "ambulance"))].notna().any()][0]
    with pytest.raises(InputError, match=only):
        choices.own_rules(demo, demo.publication.latest, "ambulance", leave_out=[only])


def _codes(national, trust_type):
    return recompute.standing(national, national.publication.latest, trust_type).index


def test_one_subtype_is_ranked_among_itself(national):
    table, rules = choices.own_rules(national, Q4, MHC, trust_subtype="community")
    assert rules.told == "not NHS England's rules: Community trusts only"
    assert set(table["trust_subtype"]) == {"Community"} and table["place"].max() <= len(table) < 61
    everyone, _ = choices.own_rules(national, Q4, MHC)
    order = everyone[everyone["trust_subtype"] == "Community"].set_index("trust_code")["place"].rank(method="min")
    assert table.set_index("trust_code")["place"].eq(order).all() and (table["moved"] == 0).all()


def test_the_rules_are_told_in_words(national):
    _, rules = choices.own_rules(
        national, Q4, MHC, leave_out=["OF1035"], weights={"OF1005": 2}, statistic="median", override=False
    )
    assert rules.told == (
        "not NHS England's rules: without OF1035; OF1005 with weight 2; median of the metric scores instead of their "
        "mean; without the financial override"
    )


def test_every_unusable_rule_is_named(national):
    with pytest.raises(InputError) as caught:
        choices.own_rules(
            national, Q4, MHC, leave_out=["OF1999", "Finance"], weights={"OF1005": -2, "OF1016": float("nan")},
            statistic="mode", trust_subtype="Acute",
        )  # fmt: skip
    text = str(caught.value)
    assert len(caught.value.problems) == 6
    assert all(
        one in text for one in ("OF1999", "Finance and productivity", "-2", "nan", "mean or median", "Community")
    )
    with pytest.raises(InputError, match="leaves no metric"):
        choices.own_rules(national, Q4, MHC, leave_out=setting.setting(national, Q4, MHC).scores.columns)
