"""What the frames of the limitations and trust briefings say by NHS England's real file, after a review of the statistics."""

from __future__ import annotations

import numpy as np
import pytest
from trust_page import Page

from nof.method import board, limits
from nof.method.view import open_view, view_of
from nof.show import limits_data_tables, tables, trust_tables

QUARTER, TYPE = "2025-26-q4", "mental-health-and-community"


@pytest.fixture(scope="module")
def view(real):
    return open_view(real, QUARTER, TYPE)


def trust(view, code) -> board.Trust:
    return board.trust_of(view.national, QUARTER, code)


def test_likely_ranges_are_nhs_englands_wherever_they_are_shown(view):
    """Published: RYY 1.20 to 1.89, RV3 at place 1 to 9, RWR 26 to 39; recomputed 1.21 to 1.90, 1 to 10, 25 to 39."""
    for table in (view.league, limits.places(view)):
        table = table.set_index("trust_code")
        assert table.loc["RYY", ["average_low", "average_high"]].tolist() == [1.20, 1.89]
        assert table.loc["RV3", ["rank_low", "rank_high"]].tolist() == [1, 9]
        assert table.loc["RWR", ["rank_low", "rank_high"]].tolist() == [26, 39]
        assert table.loc["RYY", ["average_low_recomputed", "average_high_recomputed"]].tolist() == [1.21, 1.90]
    assert limits.ranges_published(view)
    # Of earlier quarters these files hold no league table: ours stand in, and say so.
    earlier = view_of(view.national, "2025-26-q3", TYPE)
    assert earlier.league["range_source"].eq("recomputed").all() and not limits.ranges_published(earlier)
    assert "redrawn here" in tables.league_table(earlier.league).data()["note"]
    assert "NHS England's own, as published" in tables.league_table(view.league).data()["note"]
    told = [Page(board.trust_of(view.national, one, "RYY")).text for one in (QUARTER, "2025-26-q3")]
    assert "redrawn here" not in told[0] and "redrawn here" in told[1]
    assert "No likely range is published here" not in told[0] and "No likely range is published here" in told[1]


def test_widths_by_subtype_are_those_published_and_count_both_ends(view):
    table = limits.by_subtype(view).set_index("trust_subtype")
    assert table.loc["Mental Health and Learning Disability", "rank_width"] == 41
    assert table.loc["Community", "rank_width"] == 43
    assert table.loc["Care Trust", "rank_median"] == 34.5
    assert "34.5" in str(limits_data_tables.subtypes(limits.by_subtype(view), TYPE).data())


def test_the_csv_tables_hold_the_new_frames(view):
    found = limits.tables(view)
    for name in ("spans", "decisions", "decisions_by_trust", "cliffs", "edges", "narrowness"):
        assert len(found[f"limits_{name}"]), name
    places = found["limits_places"]
    assert {"range_source", "rank_low_published", "redraw_own_low", "redraw_own_high"} <= set(places.columns)
    assert (places["redraw_own_low"] <= places["redraw_own"]).all()
    assert (places["redraw_own"] <= places["redraw_own_high"]).all()
    assert set(found["limits_edges"]["quarter"]) <= {
        quarter for quarter in view.publication.quarters if quarter <= QUARTER
    }


def test_a_trusts_step_is_judged_by_those_that_started_nearby(view):
    own = trust(view, "RX4")
    table = board.steps(own).set_index("metric_id")
    assert table.loc["OF1016", ["nearby", "nearby_made"]].tolist() == [26, 5]
    told = Page(own).section("What it would take")
    assert "trust-quarters" in told and "regression to the mean" in told and "fall by up to 0.03 points" in told
    first = table[table["closes"]]
    made = (first["nearby_made"] / first["nearby"]).astype(float)
    assert made.dropna().is_monotonic_decreasing


def test_equally_near_peers_are_one_row(view):
    for code, alike in (("RXG", 20), ("RDY", 19)):
        own = trust(view, code)
        rows = board.near_rows(own)
        assert rows["trusts"].iloc[0] == 1 and rows["alone"].iloc[0] and not rows["alone"].iloc[-1]
        assert rows.iloc[-1]["name"] == f"{alike} trusts, equally near" and rows["trusts"].sum() == 22
        every = board.near(own)
        assert len(every) == 22 and every["group_size"].max() == alike
        whole = every[every["group"] == every["group"].max()]
        assert rows.iloc[-1]["rank_low"] == whole["rank"].min() and rows.iloc[-1]["rank_high"] == whole["rank"].max()
        assert np.isclose(rows.iloc[-1]["difference"], whole["difference"].median())
    assert "equally near" in str(trust_tables.near(board.near_rows(own)).data())
