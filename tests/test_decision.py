"""Which decision matters: Sobol shares by hand, against scipy and by slow averaging; cliffs of the real file."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from nof import common
from nof.demo import ensure
from nof.method import cliffs as edges
from nof.method import contributions, decision, setting, steps, timeliness
from nof.method.opening import open_publication
from nof.show.decision_chart import TOLD, decision_chart

MHC = "mental-health-and-community"
Q4 = "2025-26-q4"


@pytest.fixture(scope="module")
def national(real):
    return open_publication(real)


@pytest.fixture(scope="module")
def inside(national):
    return timeliness.in_quarter_metrics(national.publication.metrics, Q4)


@pytest.fixture(scope="module")
def found(national, inside):
    return decision.decisions(national, Q4, MHC, inside)


@pytest.fixture(scope="module")
def demo():
    return open_publication(ensure(common.demo()))


# --- the shares themselves ---


def test_shares_by_hand():
    """Y = a + b + ab with a and b at -1 or 1: variance 3; a alone moves 1 of it, a with its interaction 2; c nothing."""
    a, b, _ = np.meshgrid([-1, 1], [-1, 1], [0, 1, 2], indexing="ij")
    parts, variance = decision.sobol((a + b + a * b)[..., None].astype(float), {"a": (0,), "both": (0, 1), "c": (2,)})
    assert variance == pytest.approx([3])
    assert parts.set_index("group")[["first", "total"]].to_numpy() == pytest.approx(np.array([[1, 2], [3, 3], [0, 0]]))


def test_chances_weigh_as_repeated_alternatives_do():
    random = np.random.default_rng(0)
    outputs = random.normal(size=(2, 3, 4))
    repeated = outputs[[0, 0, 0, 1]]
    chances = [np.array([0.75, 0.25]), np.full(3, 1 / 3)]
    groups = {"first": (0,), "second": (1,)}
    heavy, variance = decision.sobol(outputs, groups, chances)
    plain, same = decision.sobol(repeated, groups)
    assert variance == pytest.approx(same)
    assert heavy[["first", "total"]].to_numpy() == pytest.approx(plain[["first", "total"]].to_numpy())


def test_shares_keep_to_sobols_inequalities(found):
    for table in (found.groups, found.choices):
        for name in ("", "_shift"):
            first, total = table[f"first_order{name}"], table[f"total{name}"]
            assert (first <= total + 1e-12).all() and first.sum() <= 1 <= total.sum()
    sums = found.trusts.groupby("trust_code")[["first_order", "total"]].sum()
    assert (sums["first_order"] <= 1 + 1e-12).all() and (sums["total"] >= 1 - 1e-12).all()


def outputs_of(national, inside):
    """The ranks behind the shares with their axes, of the trusts that are counted for the type."""
    here = setting.setting(national, Q4, MHC)
    rows = contributions.scored(national, Q4)
    rows = rows[rows["trust_type"] == MHC]
    other, _ = decision.scores_by_value(rows, here, national.framework(Q4))
    alternatives = decision.alternatives_of(here, inside, True)
    ranks, left = decision.every_rank(here, other, alternatives, inside)
    return ranks[..., left.min(axis=tuple(range(7))) >= 3], alternatives


def test_scipys_estimate_by_sampling_agrees(national, inside, found):
    """scipy.stats.sobol_indices, an independent estimator (Saltelli's), one input a group: Monte Carlo against exact."""
    ranks, alternatives = outputs_of(national, inside)
    shift = np.abs(ranks - ranks[(0,) * 7]).mean(axis=-1)
    sizes = [len(one) for one in alternatives.values()]
    first = int(np.prod(sizes[:5]))  # scoring and weights come first, then which metrics, then the date
    flat = shift.reshape(first, sizes[5], sizes[6])

    def drawn(x):
        at = [np.minimum((row * size).astype(int), size - 1) for row, size in zip(x, flat.shape, strict=True)]
        return flat[tuple(at)][None]

    sampled = stats.sobol_indices(func=drawn, n=2**13, dists=[stats.uniform()] * 3, rng=np.random.default_rng(1))
    exact = found.groups.set_index("group").loc[[decision.SCORING, decision.METRICS, decision.DATE]]
    assert sampled.first_order.ravel() == pytest.approx(exact["first_order_shift"].to_numpy(), abs=0.02)
    assert sampled.total_order.ravel() == pytest.approx(exact["total_shift"].to_numpy(), abs=0.02)


def test_shares_of_a_trust_by_slow_averaging(national, inside, found):
    ranks, alternatives = outputs_of(national, inside)
    frame = pd.MultiIndex.from_product(alternatives.values(), names=list(alternatives)).to_frame(index=False)
    own = found.trusts.drop_duplicates("trust_code")
    codes = own.loc[own["combinations"] == found.combinations, "trust_code"].to_list()
    for code in ("RDY", "RX4"):
        place = pd.Series(ranks[..., codes.index(code)].ravel())
        for group in (decision.SCORING, decision.METRICS, decision.DATE):
            names = [one for one in frame if decision.GROUPS[one] == group]
            others = [one for one in frame if one not in names]
            row = found.trusts.query("trust_code == @code and group == @group").iloc[0]
            first = place.groupby([frame[one] for one in names]).transform("mean").var(ddof=0)
            total = place.groupby([frame[one] for one in others]).var(ddof=0).mean()
            assert row["first_order"] == pytest.approx(first / place.var(ddof=0))
            assert row["total"] == pytest.approx(total / place.var(ddof=0))
            assert row["spread"] == pytest.approx(place.std(ddof=0))


def test_the_first_combination_is_the_published_table(national, inside):
    ranks, _ = outputs_of(national, inside)
    assert ranks.shape[:-1] == (2, 2, 2, 2, 2, 12, 2)
    rows = national.publication.metrics.query("metric_id == 'OF5000' and quarter == @Q4").set_index("trust_code")
    assert set(ranks[(0,) * 7]) <= set(rows["rank"])


def test_a_trust_with_too_few_metrics_of_the_quarter_is_not_asked_about_the_date(found):
    table = found.trusts.set_index(["trust_code", "group"])
    assert found.trusts_counted == 49 and found.combinations == 768
    assert np.isnan(table.loc[("RNK", decision.DATE), "total"])
    assert table.loc[("RNK", decision.METRICS), "combinations"] == 384
    assert found.trusts["metrics_fewest"].min() >= 3


# --- scoring by value ---


def test_scoring_by_value_keeps_level_and_spread_and_is_a_straight_line(national):
    here = setting.setting(national, Q4, MHC)
    rows = contributions.scored(national, Q4)
    rows = rows[rows["trust_type"] == MHC]
    scores, changed = decision.scores_by_value(rows, here, national.framework(Q4))
    assert "OF1080" not in changed and "OF1035" not in changed and len(changed) == 9
    for metric_id in changed:
        assert scores[metric_id].mean() == pytest.approx(here.scores[metric_id].mean())
        assert scores[metric_id].std() == pytest.approx(here.scores[metric_id].std())
        values = rows[rows["metric_id"] == metric_id].set_index("trust_code")["value"]
        assert abs(values.corr(scores[metric_id])) == pytest.approx(1)
        assert np.sign(values.corr(scores[metric_id])) == np.sign(values.corr(here.scores[metric_id], "spearman"))
    assert scores["OF1080"].equals(here.scores["OF1080"])


def test_the_unit_of_a_value_is_idle(national):
    here = setting.setting(national, Q4, MHC)
    rows = contributions.scored(national, Q4)
    rows = rows[rows["trust_type"] == MHC]
    first, _ = decision.scores_by_value(rows, here, national.framework(Q4))
    shares = rows.assign(value=rows["value"] * 10 + 3)
    second, _ = decision.scores_by_value(shares, here, national.framework(Q4))
    assert np.allclose(first, second, equal_nan=True)


# --- the whole pool ---


def test_every_type_of_a_whole_pool_has_shares(demo):
    for trust_type in demo.publication.trust_types:
        quarter = demo.publication.latest
        inside = timeliness.in_quarter_metrics(demo.publication.metrics, quarter)
        table = decision.decisions(demo, quarter, trust_type, inside)
        assert table.groups["total"].dropna().between(0, 1).all() and table.trusts_counted > 0
    assert trust_type == "ambulance" and np.isnan(table.groups.set_index("group").loc[decision.DATE, "total"])


def test_the_convention_of_equal_alternatives_is_open_to_another(national, inside, found):
    never = decision.decisions(national, Q4, MHC, inside, nothing_left_out=1.0)
    assert never.groups.set_index("group").loc[decision.METRICS, "total"] == pytest.approx(0, abs=1e-12)
    equal = decision.decisions(national, Q4, MHC, inside, nothing_left_out=1 / 12)
    assert equal.groups["total"].to_numpy() == pytest.approx(found.groups["total"].to_numpy())


# --- cliffs ---


def test_the_jump_comes_from_the_rules():
    assert edges.jump_of_the_rules() == 1.0


def test_the_real_files_cliffs(national):
    table = edges.cliffs(national, MHC)
    urgent = table[(table["trust_code"] == "RXG") & (table["metric_id"] == "OF1057")].sort_values("quarter")
    # Published: 1.07, 4.00, 1.24 under the floor of 70%. Its value did not move little: 97.91, 64.19, 95.40.
    assert urgent[["score_before", "score"]].round(2).to_numpy().tolist() == [[1.07, 4.0], [4.0, 1.24]]
    assert urgent[["value_before", "value"]].to_numpy().tolist() == [[97.91, 64.19], [64.19, 95.40]]
    assert urgent["kind"].eq("floor").all() and not urgent["little"].any()
    # 0.00 to 0.04% of patients waiting over 52 weeks: from 1.00, shared by all without any, to 2.06.
    row = table.query("trust_code == 'RW5' and metric_id == 'OF1005' and quarter == @Q4").iloc[0]
    assert (row["value_before"], row["value"], round(row["score"], 2)) == (0.0, 0.04, 2.06)
    assert row["kind"] == "tie" and row["little"]


def test_cliffs_are_what_their_definition_says(national):
    table, every = edges.cliffs(national, MHC), steps.moves(national, MHC)
    assert table["jump"].abs().ge(1 - 1e-9).all()
    usual = every.groupby(["metric_id", "units"])["change"].agg(lambda one: one.abs().median())
    for row in table.itertuples():
        assert row.usual == pytest.approx(usual[(row.metric_id, row.units)])
        assert row.little == (abs(row.change) <= row.usual + 1e-9)
        assert row.little or row.kind in ("standard", "floor", "band")
        floor = (row.score == 4) != (row.score_before == 4)
        assert row.kind != "floor" or floor
    assert len(edges.cliffs(national, MHC, Q4)) < len(table)


# --- the chart ---


def test_the_chart_states_its_finding(found):
    chart = decision_chart(found)
    first = found.groups.iloc[0]
    assert first["group"] == decision.DATE and "how old the data may be" in chart.caption
    assert "What moves places most is how old the data may be" in chart.alt and "768 combinations" in chart.alt
    assert f"{100 * first['total']:.0f}% together" in chart.alt
    for title, _ in TOLD.values():
        assert title in chart.svg


def test_the_chart_of_a_trust_and_of_none(found):
    chart = decision_chart(found, "RNK", "Tavistock and Portman")
    assert "384 combinations" in chart.alt and "how old" not in chart.alt
    assert set(TOLD) == {decision.SCORING, decision.METRICS, decision.DATE}
    assert decision_chart(found, "ZZZ") is None
