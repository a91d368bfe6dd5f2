"""The real table under the reported bands of 2026/27, and moves across the change of method."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from nof.method import movement_facts as facts
from nof.method import two_methods as room
from nof.method.movement import CAUSES
from nof.method.view import open_view
from nof.read.publication import read
from nof.rules.framework import load
from nof.rules.ranking import override
from nof.rules.recompute import recompute
from nof.rules.scoring import round_half_up
from nof.show import movement as shown

BEFORE, AFTER = load("2025/26"), load("2026/27")


def standings(averages, segments=None, flags=()):
    codes = [f"T{one}" for one in range(len(averages))]
    own = pd.DataFrame({"quarter": "2025-26-q4", "trust_type": "acute", "trust_code": codes, "average": averages})
    raw = np.array(segments if segments is not None else [1.0] * len(averages), dtype=float)
    flag = own["trust_code"].isin([f"T{one}" for one in flags])
    return own.assign(
        average_score=round_half_up(own["average"]), segment_unadjusted=raw, in_deficit=flag,
        segment=override(raw, flag, 3),
    )  # fmt: skip


def test_bands_hold_at_two_decimals():
    """1.94 is segment 2 (Central and North West London's board paper), and so is what rounds to it."""
    averages = [1.93, 1.9349, 1.935, 1.94, 2.33, 2.3349, 2.335, 2.34, 2.77, 2.7749, 2.775, 2.78]
    table = room.under_bands(standings(averages), AFTER)
    assert table["unadjusted_under"].tolist() == [1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4]


def test_the_flag_holds_a_trust_at_segment_3_under_the_bands_too():
    table = room.under_bands(standings([1.5, 1.5, 3.0], [1, 1, 4], flags=(1, 2)), AFTER)
    assert table["segment_under"].tolist() == [1, 3, 4] and table["unadjusted_under"].tolist() == [1, 1, 4]
    found = room.facts(table, AFTER)
    assert (found.trusts, found.change, found.held, found.certainty) == (3, 0, 1, "reported")


def test_a_trust_without_an_average_or_segment_is_not_counted():
    table = room.under_bands(standings([np.nan, 3.0, 1.0], [1, np.nan, 2]), AFTER)
    assert np.isnan(table["segment_under"].iloc[0]) and not table["changes"].iloc[:2].any()
    assert room.facts(table, AFTER).trusts == 1 and int(room.transition(table).to_numpy().sum()) == 1


def test_rules_without_thresholds_are_refused():
    with pytest.raises(ValueError, match="2025/26 name no thresholds"):
        room.under_bands(standings([2.0]), BEFORE)


def test_the_real_q4_under_the_reported_bands(real):
    """Counted once more from the published rows alone, with the bands as the board papers word them."""
    publication = read(real)
    rows = publication.metrics[publication.metrics["quarter"] == "2025-26-q4"]
    wide = rows[rows["metric_id"].str.startswith("OF500")].pivot(
        index="trust_code", columns="metric_id", values="value"
    )
    hundredths = (wide["OF5002"] * 100).round().astype(int)
    raw = 1 + (hundredths >= 194).astype(int) + (hundredths >= 234) + (hundredths > 277)
    under = raw.where(~((wide["OF5004"] == 1) & (raw < 3)), 3)
    national = recompute(publication)
    table = room.under_bands(national.standings[national.standings["quarter"] == "2025-26-q4"], AFTER)
    assert table.set_index("trust_code")["segment_under"].astype(int).to_dict() == under.to_dict()
    counted = pd.crosstab(wide["OF5000"].astype(int), under)
    for was in room.SEGMENTS:
        for now in room.SEGMENTS:
            told = int(counted.loc[was, now]) if was in counted.index and now in counted.columns else 0
            assert room.transition(table).loc[was, now] == told
    found = room.facts(table, AFTER)
    assert (found.trusts, found.change, found.better, found.worse) == (61, 13, 7, 6)
    assert room.transition(table).to_numpy().tolist() == [[8, 6, 0, 0], [0, 16, 0, 0], [0, 1, 16, 0], [0, 0, 6, 8]]


def test_what_limits_it_is_said():
    said = list(room.limits(BEFORE, AFTER))
    assert said[0] == "The bands of 2026/27 are reported, not read in NHS England's own text."
    assert len(said) == 5 and "not which segment the trust will be in" in said[-1]


# --- facts ---


@pytest.fixture(scope="module")
def view(request):
    return open_view(request.getfixturevalue("real"), "2025-26-q4", "mental-health-and-community")


def test_each_trusts_facts_are_those_of_the_table(view):
    table = facts.beside_bands(view)
    assert len(table) == 61 and table["trust_name"].notna().all()
    moving = table[table["changes"]].iloc[0]
    own = facts.trust_under_bands(view, moving["trust_code"])
    assert (own.segment, own.segment_under, own.changes, own.certainty) == (
        moving["segment"], moving["segment_under"], True, "reported",
    )  # fmt: skip
    assert facts.trust_under_bands(view, "XXX") is None
    assert set(own.definitions()) == set(own.values()) and "below 1.94" in own.bands


def test_our_doing_in_one_decimal_adds_up(view):
    national, kind = view.national, view.trust_type
    for code in view.league["trust_code"]:
        own = facts.our_doing(national, "2025-26-q3", "2025-26-q4", kind, code)
        parts = [getattr(own, cause) for cause in CAUSES]
        assert sum(parts) == pytest.approx(own.change) and all(round(one, 1) == one for one in parts)
        assert own.beyond_us == pytest.approx(own.change - own.own - own.override)
    assert facts.our_doing(national, "2025-26-q3", "2025-26-q4", kind, "RAT").largest == "its own financial flag"
    whole = facts.type_moves(national, "2025-26-q3", "2025-26-q4", kind)
    assert whole.trusts == 61 and 0 < whole.mostly_own <= whole.moved <= 61 and whole.own > whole.rest
    assert facts.our_doing(national, "2025-26-q3", "2025-26-q4", kind, "XXX") is None


def test_no_standard_is_shown_where_there_is_none(view):
    assert facts.beside_standards(view).empty


def test_the_page_names_who_would_stand_elsewhere_and_says_that_the_bands_are_reported(view):
    table, bands, _ = facts.next_bands(view)
    data = shown.under_bands_table(table, bands).data()
    assert len(data["rows"]) == bands.change > 0 and "(reported)" in data["caption"]
    assert all(row[2] != row[3] for row in data["rows"]) and len(set(data["codes"])) == bands.change
    assert shown.under_bands_table(table.assign(changes=False), bands) is None
    assert facts.type_moves_of(view) == facts.type_moves(view.national, "2025-26-q3", view.quarter, view.trust_type)
    assert facts.novelties_of(view).empty  # the year before has no rules file: nothing can be called new
    assert shown.novelties_table(facts.novelties_of(view)) is None
