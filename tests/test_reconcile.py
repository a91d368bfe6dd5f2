"""The headline test: what NHS England published, recomputed; the counts that a right implementation reaches."""

from __future__ import annotations

import pandas as pd
import pytest

from nof.read.publication import read
from nof.rules import reconcile, scoring
from nof.rules.framework import load


@pytest.fixture(scope="module")
def compared(real):
    return reconcile.compare(read(real))


@pytest.fixture(scope="module")
def totals(compared):
    summary = reconcile.summarise(compared)
    return summary.groupby(["rule", "level"])[["published", "reproduced"]].sum()


@pytest.mark.parametrize(
    ("rule", "level", "published", "reproduced"),
    [
        ("OF5000", 1, 244, 244),
        ("OF5000.rank", 1, 244, 244),
        ("OF5002.rank", 1, 244, 244),
        ("OF5002", 1, 244, 244),
        ("OF4000", 1, 234, 234),
        ("OF4002", 1, 244, 244),
        ("OF4003", 1, 244, 244),
        ("OF4004", 1, 244, 244),
        ("OF4005", 1, 239, 239),
        ("OF1079", 2, 244, 244),
        ("OF1081", 2, 244, 244),
        ("OF1080", 2, 244, 244),
        ("OF1061", 2, 244, 244),
        ("OF1084", 2, 244, 244),
        ("OF1005.grid", 1, 165, 165),
        ("OF1016.grid", 1, 186, 186),
        ("OF1041.grid", 1, 195, 195),
        ("OF1057.grid", 1, 151, 151),
        ("OF1063.grid", 1, 188, 188),
        ("OF1082.grid", 1, 244, 244),
        ("OF1086.grid", 1, 243, 243),
        ("league.rank", 1, 61, 61),
        ("league.segment", 1, 61, 61),
        ("OF0005.rank", 2, 165, 160),
        ("OF0061.rank", 2, 244, 210),
        ("OF0084.rank", 2, 244, 165),
        ("OF0082.rank", 2, 244, 228),
        ("OF0016.rank", 2, 186, 186),
        ("OF0041.rank", 2, 195, 195),
        ("OF0057.rank", 2, 151, 151),
        ("OF0063.rank", 2, 188, 188),
        ("OF0079.rank", 2, 244, 244),
        ("OF0081.rank", 2, 244, 244),
        ("OF0086.rank", 2, 243, 243),
    ],
)
def test_what_the_real_files_reproduce(totals, rule, level, published, reproduced):
    assert totals.loc[(rule, level)].tolist() == [published, reproduced]


def test_medians_and_quartiles_130_of_132(totals):
    own = totals[totals.index.get_level_values("rule").str.contains("median|quartile")]
    assert own.sum().tolist() == [132, 130]


def test_averages_of_the_rounded_scores_reach_231_and_are_never_off_by_more_than_a_hundredth(real):
    metrics = read(real).metrics
    rounded = scoring.averages(scoring.published_scores(metrics, load("2025/26"))).set_index(["quarter", "trust_code"])
    published = metrics[metrics["metric_id"] == "OF5002"].set_index(["quarter", "trust_code"])["value"]
    gap = (rounded["average_score"] - published).abs().round(4)
    assert len(gap) == 244 and gap.max() == 0.01 and (gap == 0).sum() == 231


def test_limits_of_the_likely_ranges(compared):
    gap = compared.assign(gap=compared["difference"].abs().round(4)).groupby("rule")["gap"]
    assert gap.apply(lambda g: (g <= 0.01).sum())["league.average_low"] == 61
    assert gap.apply(lambda g: (g <= 0.01).sum())["league.average_high"] >= 54
    assert gap.apply(lambda g: (g <= 0.02).sum())["league.average_high"] >= 60
    assert gap.max()["league.rank_low"] <= 1 and gap.max()["league.rank_high"] <= 1


def test_summaries_and_mismatches_add_up(compared):
    summary = reconcile.summarise(compared)
    assert list(summary.columns) == reconcile.SUMMARY
    assert summary["published"].sum() == len(compared)
    assert len(reconcile.mismatches(compared)) == (summary["published"] - summary["reproduced"]).sum() > 0


def test_half_a_hundredth_is_equal_and_more_is_not():
    frame = pd.DataFrame({"difference": [0.0, 0.005, -0.005, 0.0051, -0.01, 1.0]})
    assert reconcile.equal(frame).tolist() == [True, True, True, False, False, False]
