"""Reliability, transitions and changes, against published worked examples, scipy and simulation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from nof.method import change, score_changes, volatility
from nof.method.persistence import components, rank_correlations, rankability, reliability, spearman_brown, tau_squared
from nof.read import publication
from nof.rules import recompute

MHC = "mental-health-and-community"
QUARTERS = ["2025-26-q1", "2025-26-q2", "2025-26-q3", "2025-26-q4"]
# Shrout and Fleiss (1979), table 2: six targets, four judges. Table 4: ICC(1,1) = .17, ICC(1,4) = .44.
SHROUT_FLEISS = pd.DataFrame([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]])


@pytest.fixture(scope="module")
def national(real):
    return recompute.recompute(publication.read(real))


def made(
    tables: dict[str, pd.DataFrame],
    segments: pd.DataFrame | None = None,
    flags: pd.DataFrame | None = None,
    weights: dict[str, float] | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tidy scores and standings of one made-up type from a table of trusts by metrics for each quarter."""
    parts, standings = [], []
    for quarter, table in tables.items():
        wide = table.rename_axis("trust_code").reset_index()
        tidy = wide.melt("trust_code", var_name="metric_id", value_name="score")
        parts.append(tidy.dropna().assign(quarter=quarter, trust_type="acute"))
        weight = pd.Series(weights or {}, dtype=float).reindex(table.columns).fillna(1.0)
        average = (table * weight).sum(axis=1) / (table.notna() * weight).sum(axis=1)
        unadjusted = segments[quarter] if segments is not None else pd.Series(2.0, table.index)
        flag = flags[quarter] if flags is not None else pd.Series(False, table.index)
        standings.append(
            pd.DataFrame(
                {
                    "quarter": quarter,
                    "trust_type": "acute",
                    "trust_code": table.index,
                    "average": average.to_numpy(),
                    "average_score": average.round(2).to_numpy(),
                    "metrics_scored": table.notna().sum(axis=1).to_numpy(),
                    "segment_unadjusted": unadjusted[table.index].to_numpy(),
                    "in_deficit": flag[table.index].to_numpy(),
                    "segment": np.where(
                        flag[table.index], np.maximum(unadjusted[table.index], 3), unadjusted[table.index]
                    ),
                    "rank": average.rank().to_numpy(),
                }
            )
        )
    scores = pd.concat(parts, ignore_index=True)
    scores["weight"] = scores["metric_id"].map(weights or {}).fillna(1.0)
    return scores, pd.concat(standings, ignore_index=True)


def judge(scores: pd.DataFrame, standings: pd.DataFrame, **options) -> pd.DataFrame:
    """The tested changes of the first step."""
    moved = score_changes.score_changes(scores, "acute", [(QUARTERS[0], QUARTERS[1])], **options)
    return change.change_tests(moved, standings, "acute", **options)


def random_scores(random: np.random.Generator, trusts: int, metrics: int) -> pd.DataFrame:
    codes = [f"ZZ{one:03}" for one in range(trusts)]
    ids = [f"OF1{one:03}" for one in range(metrics)]
    return pd.DataFrame(random.uniform(1, 4, (trusts, metrics)).round(2), codes, ids)


# --- reliability ---


def test_icc_is_that_of_shrout_and_fleiss():
    found = components(SHROUT_FLEISS)
    assert round(found.icc, 2) == 0.17
    assert round(spearman_brown(found.icc, 4), 2) == 0.44
    # Interval as the R package psych prints it for this example: -0.13 to 0.72.
    assert (round(found.icc_low, 2), round(found.icc_high, 2)) == (-0.13, 0.72)


def test_icc_ignores_order_shift_and_scale():
    found = components(SHROUT_FLEISS)
    changed = components(SHROUT_FLEISS.iloc[::-1, [2, 0, 3, 1]] * 3 - 7)
    assert changed.icc == pytest.approx(found.icc)
    assert changed.within == pytest.approx(9 * found.within)


def test_unbalanced_components_agree_with_scipys_analysis_of_variance():
    random = np.random.default_rng(1)
    panel = pd.DataFrame(random.normal(size=(30, 1)) + random.normal(size=(30, 4)))
    panel = panel.mask(random.uniform(size=panel.shape) < 0.2)
    groups = [row.dropna().to_numpy() for _, row in panel.iterrows() if row.notna().any()]
    ratio = stats.f_oneway(*groups).statistic
    found = components(panel)
    assert 1 + found.mean_group * found.between / found.within == pytest.approx(ratio)
    assert found.values == sum(map(len, groups))


@pytest.mark.parametrize("missing", [0.0, 0.15])
def test_icc_interval_covers_the_true_reliability(missing):
    random, true, hits = np.random.default_rng(2), 0.6, 0
    for _ in range(600):
        panel = pd.DataFrame(random.normal(0, np.sqrt(true), (40, 1)) + random.normal(0, np.sqrt(1 - true), (40, 4)))
        found = components(panel.mask(random.uniform(size=panel.shape) < missing))
        hits += found.icc_low <= true <= found.icc_high
    # 95% +- 3 standard errors of a share over 600 panels
    assert 0.923 <= hits / 600 <= 0.977


def test_components_of_a_panel_that_cannot_tell_are_missing():
    assert np.isnan(components(SHROUT_FLEISS[[0]]).icc)
    assert np.isnan(components(SHROUT_FLEISS.iloc[:1]).icc)
    assert np.isnan(components(SHROUT_FLEISS * 0).icc)


def test_tau_squared_is_paule_and_mandels_as_statsmodels_has_it():
    meta = pytest.importorskip("statsmodels.stats.meta_analysis")
    random = np.random.default_rng(3)
    error = pd.Series(random.uniform(0.2, 0.6, 25))
    estimate = pd.Series(random.normal(0, 0.5, 25) + random.normal(size=25) * error)
    expected = meta.combine_effects(estimate, error**2, method_re="iterated").tau2
    assert tau_squared(estimate, error) == pytest.approx(expected, rel=1e-3)
    assert rankability(estimate, error) == pytest.approx(expected / (expected + np.median(error**2)), rel=1e-3)


def test_rankability_is_zero_for_equals_and_near_one_without_noise():
    assert rankability(pd.Series([2.0, 2.01, 1.99]), pd.Series([0.5, 0.5, 0.5])) == 0
    assert rankability(pd.Series([1.0, 2.0, 3.0]), pd.Series([0.01, 0.01, 0.01])) > 0.99


def test_copies_are_no_evidence_of_stability():
    random = np.random.default_rng(4)
    first, second = random.normal(size=(2, 200))  # two releases that have nothing to do with each other
    panel = pd.DataFrame(dict(zip(QUARTERS, [first, first, first, second], strict=True)))
    assert volatility.releases(panel) == [QUARTERS[0], QUARTERS[3]]
    row = reliability({"OF1061": panel}).loc["OF1061"]
    assert row["copies"] == 2 and row["releases"] == 2
    assert row["icc_with_copies"] > 0.3
    assert abs(row["icc"]) < 0.2


def test_a_metric_published_once_has_no_reliability():
    row = reliability({"OF1061": pd.DataFrame({one: [1.0, 2.0, 3.0] for one in QUARTERS})}).loc["OF1061"]
    assert row["releases"] == 1 and np.isnan(row["icc"])


def test_panels_hold_the_average_without_annual_metrics():
    random = np.random.default_rng(5)
    first, second = random_scores(random, 20, 3), random_scores(random, 20, 3)
    second["OF1002"] = first["OF1002"]
    tables = volatility.panels(*made({QUARTERS[0]: first, QUARTERS[1]: second}), "acute")
    moving = tables[volatility.MOVING]
    assert moving[QUARTERS[1]].to_numpy() == pytest.approx(second[["OF1000", "OF1001"]].mean(axis=1).to_numpy())
    found = rank_correlations(tables).set_index("measure")
    assert found["is_copy"].to_dict() == {
        "average": False,
        "rank": False,
        volatility.MOVING: False,
        "OF1000": False,
        "OF1001": False,
        "OF1002": True,
    }
    assert found.loc["OF1000", "spearman"] == pytest.approx(stats.spearmanr(first["OF1000"], second["OF1000"])[0])
    assert found.loc["OF1000", "kendall"] == pytest.approx(stats.kendalltau(first["OF1000"], second["OF1000"])[0])


# --- segments ---


def test_transitions_count_by_hand():
    table = random_scores(np.random.default_rng(6), 4, 3)
    segments = pd.DataFrame({QUARTERS[0]: [1, 1, 2, 4], QUARTERS[1]: [1, 2, 2, 3]}, table.index, dtype=float)
    flags = pd.DataFrame({QUARTERS[0]: [True, False, False, False], QUARTERS[1]: [False] * 4}, table.index)
    _, standings = made({one: table for one in QUARTERS[:2]}, segments, flags)
    plain = volatility.transitions(standings, *QUARTERS[:2], "acute", adjusted=False).set_index(
        ["segment_before", "segment_after"]
    )
    assert plain.loc[(1, 1), "trusts"] == 1 and plain.loc[(1, 2), "share"] == 0.5
    assert plain["trusts"].sum() == 4 and len(plain) == 16
    assert plain.loc[3, "share"].isna().all()
    adjusted = volatility.transitions(standings, *QUARTERS[:2], "acute")
    assert adjusted.set_index(["segment_before", "segment_after"]).loc[(3, 1), "trusts"] == 1


def test_real_transitions_are_those_of_the_published_segments(national):
    published = national.publication.metrics.query("metric_id == 'OF5000'").pivot(
        index="trust_code", columns="quarter", values="value"
    )
    for before, after in zip(QUARTERS, QUARTERS[1:], strict=False):
        found = volatility.transitions(national.standings, before, after, MHC)
        assert found["trusts"].sum() == 61
        stayed = found.loc[found["segment_before"] == found["segment_after"], "trusts"].sum()
        assert 61 - stayed == (published[before] != published[after]).sum()


# --- the change of each trust ---


def test_weighted_errors_with_equal_weights_are_standard_errors_of_the_mean():
    table = random_scores(np.random.default_rng(8), 6, 8).mask(lambda frame: frame > 3.6)
    found = volatility.weighted_errors(table, pd.Series(0.7, table.columns))
    assert found["mean"].to_numpy() == pytest.approx(table.mean(axis=1).to_numpy())
    assert found["standard_error"].to_numpy() == pytest.approx(table.sem(axis=1).to_numpy())
    assert found["freedom"].to_numpy() == pytest.approx(table.notna().sum(axis=1).to_numpy() - 1)


def test_absent_and_merged_trusts_are_left_out_and_named():
    random = np.random.default_rng(12)
    first, second = random_scores(random, 6, 5), random_scores(random, 6, 5)
    scores, standings = made({QUARTERS[0]: first.iloc[1:], QUARTERS[1]: second.iloc[:-1]})
    left = volatility.excluded(standings, *QUARTERS[:2], "acute", not_comparable={"ZZ002", "NONE"})
    assert dict(left.to_numpy()) == {
        "ZZ000": "absent in 2025-26-q1",
        "ZZ002": "not comparable: merger",
        "ZZ005": "absent in 2025-26-q2",
    }
    found = judge(scores, standings, not_comparable={QUARTERS[1]: {"ZZ002"}})
    assert list(found["trust_code"]) == ["ZZ001", "ZZ003", "ZZ004"]


def test_override_is_the_cause_only_if_the_old_flag_would_have_kept_the_segment():
    table = random_scores(np.random.default_rng(13), 6, 4)
    # The flag falls away; comes; decides though both move; the segment moves by itself; the flag changes nothing; the
    # segment would have moved by itself, the flag only moves it further.
    segments = pd.DataFrame({QUARTERS[0]: [2, 1, 2, 2, 4, 1], QUARTERS[1]: [2, 1, 1, 4, 4, 2]}, table.index) * 1.0
    flags = pd.DataFrame(
        {QUARTERS[0]: [True, False, True, False, True, False], QUARTERS[1]: [False, True, False, True, False, True]},
        table.index,
    )
    scores, standings = made({one: table for one in QUARTERS[:2]}, segments, flags)
    found = judge(scores, standings)
    assert list(found["segment_before"]) == [3, 1, 3, 2, 4, 1]
    assert list(found["segment_after"]) == [2, 3, 1, 4, 4, 3]
    assert list(found["by_override"]) == [True, True, True, False, False, False]


def test_summary_has_one_cause_for_each_change_of_segment():
    table = pd.DataFrame(
        {
            "change": [-0.5, 0.5, 0.1, -0.6, 0.0],
            "p_value": [0.01, 0.01, 0.6, 0.01, 0.9],
            "more_than_noise": [True, False, False, True, False],
            "segment_before": [2.0, 2, 1, 2, 4],
            "segment_after": [1.0, 3, 3, 2, 4],
            "by_override": [False, False, True, False, False],
        }
    )
    found = change.change_summary(table)
    assert found.to_numpy().tolist() == [[3, 1, 2], [1, 0, 1], [1, 1, 0], [1, 0, 1], [1, 1, 0]]
    unadjusted = change.change_summary(table, level=0.05)
    assert unadjusted["trusts"].tolist() == [3, 1, 2, 0, 1]


def test_staff_survey_is_a_copy_until_the_fourth_quarter(national):
    found = reliability(volatility.panels(national.scores, national.standings, MHC))
    assert found.loc[["OF1061", "OF1084"], "copies"].tolist() == [2, 2]
    assert (found.loc[["OF1061", "OF1084"], "icc"] < found.loc[["OF1061", "OF1084"], "icc_with_copies"]).all()
    assert found.loc[volatility.MOVING, "icc"] < found.loc["average", "icc"]


# --- distances ---


def test_edge_distances_by_hand():
    table = pd.DataFrame([[1.0, 2.0, 3.0], [2.0, 2.0, 2.0], [4.0, np.nan, np.nan]], ["A", "B", "C"], list("xyz"))
    found = volatility.edge_distances(table, pd.Series(1.0, list("xyz")), np.array([1.8, 2.1, np.inf]))
    error = 1 / np.sqrt(3)
    assert found.loc["A", ["1/2", "2/3"]].tolist() == pytest.approx([0.2 / error, -0.1 / error])
    assert found["3/4"].isna().all()
    assert found.loc["A", "nearest_edge"] == "2/3" and found.loc["A", "nearest"] == pytest.approx(0.1 / error)
    assert found.loc[["B", "C"], "nearest"].isna().all()
