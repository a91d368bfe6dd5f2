"""Subtypes, peers and paired differences, by hand, against scipy and on the real file."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from nof.method import peers
from nof.method.volatility import weighted_errors
from nof.read import publication
from nof.rules import recompute, scoring

MHC = "mental-health-and-community"
SUBTYPES = pd.Series({"A": "Large", "B": "Specialist", "C": "Large", "D": "Small", "E": "Acute Specialist"})
STANDING = pd.DataFrame({"rank": [2.0, 1.0, 4.0, 2.0, 5.0]}, index=list("ABCDE"))


@pytest.fixture(scope="module")
def q4(real):
    national = recompute.recompute(publication.read(real))
    scores, weights = scoring.matrix(recompute.select(national.scores, "2025-26-q4", MHC))
    return recompute.league(national, "2025-26-q4", MHC, draws=500), scores, weights


def some_scores(seed: int, trusts: int = 12, metrics: int = 9, missing: float = 0.25) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    table = pd.DataFrame(random.uniform(1, 4, (trusts, metrics)), [f"ZZ{i:02}" for i in range(trusts)])
    return table.mask(random.uniform(size=table.shape) < missing)


def test_ranks_within_subtype_by_hand():
    found = peers.subtype_ranks(STANDING, SUBTYPES)
    assert found["rank_in_subtype"].tolist() == [1, 1, 2, 1, 1]
    assert found["trusts_in_subtype"].tolist() == [2, 1, 2, 1, 1]
    assert found["specialist"].tolist() == [False, True, False, False, True]


def test_specialists_apart_keep_the_order_and_free_the_places():
    found = peers.without_specialists(STANDING, SUBTYPES)
    assert found["rank_apart"].tolist() == [1, 1, 3, 1, 2]
    assert found["trusts_apart"].tolist() == [3, 2, 3, 3, 2]
    assert found["places"].tolist() == [1, 0, 1, 1, 3]


def test_widths_by_subtype_by_hand():
    league = pd.DataFrame(
        {
            "trust_code": list("ABC"),
            "trust_subtype": ["x", "x", "y"],
            "metrics_scored": [5, 7, 11],
            "average_score": [2.0, 2.4, 2.6],
            "average_low": [1.5, 2.0, 2.5],
            "average_high": [2.5, 2.8, 2.7],
            "rank": [1.0, 2, 3],
            "rank_low": [1.0, 1, 2],
            "rank_high": [3.0, 3, 3],
        }
    )
    found = peers.metrics_by_subtype(league)
    assert found.loc["x", ["trusts", "metrics_fewest", "metrics_median", "metrics_most"]].tolist() == [2, 5, 6, 7]
    assert found.loc["x", "average_width"] == pytest.approx(0.9)
    assert peers.width_correlations(league)["spearman"].isna().all()  # three trusts are too few


def test_peers_are_of_the_subtype_and_nearest_by_shared_metrics():
    has = pd.DataFrame(
        [[1, 1, 1, 0], [1, 1, 1, 0], [1, 1, 0, 0], [1, 1, 1, 1], [0, 0, 0, 1], [1, 1, 1, 0]],
        list("ABCDEF"),
        list("wxyz"),
    )
    scores = has.where(has == 1) * 2.0
    kinds = pd.Series(["s", "s", "s", "s", "s", "other"], list("ABCDEF"))
    found = peers.peers("A", scores, kinds, 3)
    assert list(found.index) == ["B", "D", "C"]
    assert found["in_common"].tolist() == pytest.approx([1, 3 / 4, 2 / 3])
    assert not found["tied"].any() and found["group"].tolist() == [1, 2, 3]
    assert list(peers.peers("F", scores, kinds).index) == []
    with pytest.raises(KeyError):
        peers.peers("Z", scores, kinds)


def test_peers_do_not_depend_on_performance():
    scores = some_scores(1)
    kinds = pd.Series("s", scores.index)
    turned = 5 - scores.sample(frac=1, random_state=0)
    assert peers.peers("ZZ03", scores, kinds).equals(peers.peers("ZZ03", turned, kinds))


def test_every_tie_is_shown_and_none_is_cut():
    scores = pd.DataFrame(2.0, list("ABCDEFG"), list("xyz"))
    scores.loc["G", "z"] = np.nan
    kinds, regions = pd.Series("s", scores.index), pd.Series(list("NSNSSNN"), scores.index)
    table = peers.peers("A", scores, kinds, 1, regions)
    assert list(table.index) == ["C", "F"] and table["group_size"].tolist() == [2, 2] and table["tied"].all()
    table = peers.peers("A", scores, kinds, 3, regions)
    assert list(table.index) == ["C", "F", "B", "D", "E"] and table["group"].tolist() == [1, 1, 2, 2, 2]
    assert list(peers.peers("A", scores, kinds, 6, regions).index)[-1] == "G"  # metrics first, then the region
    assert len(peers.peers("A", scores, kinds, 1)) == 5  # without regions all with the same metrics are equally near


def test_new_codes_move_no_trust_to_another_group():
    """Codes decide nothing: with all codes changed, each trust's groups hold the same trusts."""
    scores = some_scores(7)
    kinds = pd.Series("s", scores.index)
    regions = pd.Series(np.random.default_rng(8).choice(list("NSE"), len(scores)), scores.index)
    new = dict(
        zip(scores.index, np.random.default_rng(9).permutation([f"Q{i}" for i in range(len(scores))]), strict=True)
    )
    table = peers.peers("ZZ03", scores, kinds, 5, regions)
    renamed = peers.peers(new["ZZ03"], scores.rename(new), kinds.rename(new), 5, regions.rename(new))
    assert table["group"].rename(new).sort_index().equals(renamed["group"].sort_index())


def test_unknown_regions_are_no_tie_break():
    scores = pd.DataFrame(2.0, list("ABC"), list("xy"))
    table = peers.peers("A", scores, pd.Series("s", scores.index), 1, pd.Series([np.nan, "N", "S"], scores.index))
    assert table["same_region"].isna().all() and len(table) == 2 and table["tied"].all()


def test_real_ties_are_groups(q4):
    """RXG shares all its 11 metrics with 21 trusts, and so does RDY: no five of them are nearer than the others."""
    league, scores, weights = q4
    table = league.set_index("trust_code")
    for code in ("RXG", "RDY"):
        alike = peers.peers(code, scores, table["trust_subtype"], 5)
        assert len(alike) == 21 and alike["group"].eq(1).all() and alike["in_common"].eq(1).all()
        near = peers.peers(code, scores, table["trust_subtype"], 1, table["region"])
        assert set(table.loc[near.index, "region"]) == {table.loc[code, "region"]} and near["same_region"].all()


def test_paired_differences_are_scipys_paired_t_test():
    scores = some_scores(2)
    found = peers.paired_difference_errors(scores, pd.Series(1.0, scores.columns))
    for first, second in [("ZZ00", "ZZ01"), ("ZZ04", "ZZ09"), ("ZZ11", "ZZ02")]:
        pair = scores.loc[[first, second]].dropna(axis=1)
        expected = stats.ttest_rel(pair.loc[first], pair.loc[second])
        difference, error = found.difference.loc[first, second], found.standard_error.loc[first, second]
        assert difference / error == pytest.approx(expected.statistic)
        assert found.shared.loc[first, second] == pair.shape[1] == found.freedom.loc[first, second] + 1
    assert np.allclose(found.difference, -found.difference.T)
    assert np.allclose(found.standard_error, found.standard_error.T)


def test_weighted_paired_errors_agree_with_each_pair_on_its_own():
    scores = some_scores(3)
    weights = pd.Series(np.where(np.arange(9) < 3, 1 / 3, 1.0), scores.columns)
    found = peers.paired_difference_errors(scores, weights)
    own = weighted_errors((scores.loc["ZZ00"] - scores.loc["ZZ05"]).to_frame().T, weights).iloc[0]
    assert found.difference.loc["ZZ00", "ZZ05"] == pytest.approx(own["mean"])
    assert found.standard_error.loc["ZZ00", "ZZ05"] == pytest.approx(own["standard_error"])
    assert found.freedom.loc["ZZ00", "ZZ05"] == pytest.approx(own["freedom"])


def test_pairs_with_too_little_in_common_have_no_error():
    scores = pd.DataFrame([[1, 2, np.nan], [np.nan, 3, 2], [np.nan, np.nan, 1], [1, 2, 2]], list("ABCD"), dtype=float)
    found = peers.paired_difference_errors(scores, pd.Series(1.0, scores.columns))
    assert np.isnan(found.standard_error.loc["A", "B"]) and found.difference.loc["A", "B"] == -1
    assert np.isnan(found.difference.loc["A", "C"])
    assert found.standard_error.loc["A", "D"] == 0  # alike on all they share


def test_paired_interval_covers_the_true_difference():
    random, hits = np.random.default_rng(4), 0
    for _ in range(300):
        metric = random.normal(0, 0.8, 10)  # what all trusts share on a metric cancels in pairs
        scores = pd.DataFrame(2.5 + np.arange(4)[:, None] * 0.2 + metric + random.normal(0, 0.6, (4, 10)))
        found = peers.paired_difference_errors(scores, pd.Series(1.0, scores.columns))
        reach = stats.t.ppf(0.975, found.freedom.loc[3, 0]) * found.standard_error.loc[3, 0]
        hits += abs(found.difference.loc[3, 0] - 0.6) <= reach
    assert 0.912 <= hits / 300 <= 0.988  # 95% +- 3 standard errors


def test_real_subtypes_have_fewer_metrics_and_wider_ranges(q4):
    league, scores, weights = q4
    found = peers.metrics_by_subtype(league)
    assert found["trusts"].to_dict() == {"Care Trust": 2, "Community": 14, "Mental Health and Learning Disability": 45}
    metrics = found["metrics_median"]
    assert metrics["Community"] < metrics["Mental Health and Learning Disability"]
    assert peers.width_correlations(league).loc["average_width", "spearman_high"] < 0
    assert found.loc["Care Trust", "rank_median"] == 34.5


def test_real_peers_of_a_community_trust_are_community_trusts(q4):
    league, scores, weights = q4
    kinds = league.set_index("trust_code")["trust_subtype"]
    found = peers.peers("RYY", scores, kinds)
    assert len(found) >= 10 and set(found["trust_subtype"]) == {"Community"}
    ranks = peers.subtype_ranks(league.set_index("trust_code"), kinds)
    assert ranks.loc["RYY", ["rank", "rank_in_subtype"]].tolist() == [1, 1]
    assert not ranks["specialist"].any()
