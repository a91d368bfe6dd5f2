"""Whose likely range is shown, and how much too narrow a percentile interval is."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from nof.method import ranges
from nof.rules import uncertainty

ENDS = list(ranges.ENDS)


def league(**changes) -> pd.DataFrame:
    rows = {"trust_code": ["ZZ1", "ZZ2"], "average_low": [1.2, 2.0], "average_high": [1.6, 2.9]}
    return pd.DataFrame(rows | {"rank_low": [1.0, 1.0], "rank_high": [1.0, 2.0]} | changes)


def test_the_published_range_is_shown_where_there_is_one():
    given = league(average_low=[1.19, 2.01]).iloc[::-1]
    table = ranges.with_published(league(), given)
    assert table["average_low"].tolist() == [1.19, 2.01] and table["range_source"].eq("published").all()
    assert table["average_low_recomputed"].tolist() == [1.2, 2.0]
    assert table["average_low_published"].tolist() == [1.19, 2.01]
    assert ranges.differing_ranges(table).to_dict() == {"trusts": 2, "average": 2, "rank": 0, "either": 2}
    assert "NHS England's own, as published" in ranges.source_note(table)


def test_without_a_published_range_ours_is_shown_and_labelled():
    table = ranges.with_published(league(), league().iloc[:0])
    assert table[ENDS].equals(league()[ENDS]) and table["range_source"].eq("recomputed").all()
    assert table[[f"{end}_published" for end in ENDS]].isna().all(axis=None)
    assert "redrawn here" in ranges.source_note(table)
    assert ranges.differing_ranges(table)["trusts"] == 0


def test_half_a_published_range_is_not_mixed_with_half_of_ours():
    given = league(average_low=[1.19, np.nan], rank_high=[np.nan, 2.0])
    table = ranges.with_published(league(), given)
    assert table["average_low"].tolist() == [1.19, 2.0] and table["average_high"].tolist() == [1.6, 2.9]
    assert table["range_source"].tolist() == ["partly published", "partly published"]
    assert "2 of 2 trusts" in ranges.source_note(table)


def test_a_trust_that_is_not_in_the_league_file_keeps_its_own():
    table = ranges.with_published(league(), league(rank_high=[1.0, 9.0]).iloc[1:])
    assert table["rank_high"].tolist() == [1.0, 9.0] and table["range_source"].tolist() == ["recomputed", "published"]
    assert "1 of 2 trusts" in ranges.source_note(table)


def test_order_of_both_tables_is_idle():
    given = league(average_low=[1.19, 2.01])
    first = ranges.with_published(league(), given)
    second = ranges.with_published(league().iloc[::-1], given.iloc[::-1])
    pd.testing.assert_frame_equal(first, second.iloc[::-1])


# --- narrowness ---


def test_the_reviewers_figures():
    table = ranges.narrowness([9, 7])
    assert table.loc[9].round(2).tolist() == [0.20, 0.90]
    assert table.loc[7].round(2).tolist() == [0.26, 0.88]


def test_coverage_of_the_real_interval_by_simulation():
    """`uncertainty.likely_range`, exact, over scores drawn around a known level; 95% promised, about 90% kept."""
    random, hits, width, runs = np.random.default_rng(0), 0, [], 1500
    for _ in range(runs):
        scores = np.clip(random.normal(2.5, 0.4, 9), 1, 4).round(2)
        low, high = uncertainty.likely_range(scores)
        hits += low - 0.005 <= 2.5 <= high + 0.005
        width.append((high - low) / (2 * 2.306 * scores.std(ddof=1) / 3))
    wanted = ranges.narrowness([9]).loc[9]
    assert hits / runs == pytest.approx(wanted["coverage"], abs=0.025)  # 3 standard errors
    assert 1 - np.mean(width) == pytest.approx(wanted["narrower"], abs=0.02)


def test_more_metrics_narrow_less():
    table = ranges.narrowness(range(2, 200))
    assert table["narrower"].is_monotonic_decreasing and table["coverage"].is_monotonic_increasing
    assert table.loc[199, "coverage"] == pytest.approx(0.95, abs=0.002)
    with pytest.raises(ValueError, match="fewer than two"):
        ranges.narrowness([1, 5])
