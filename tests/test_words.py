"""Sentences of the national briefings against tables worked by hand, and what they say when something is not known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from page_facts import said

from nof.method import league_facts, reconcile_facts
from nof.show import reconcile, tables, words

LEAGUE = pd.DataFrame(
    {
        "trust_name": ["Ash Trust", "Birch & Co", "Cedar Trust", "Dogwood Trust"],
        "rank": [1.0, 2, 3, 4],
        "trust_subtype": ["Large", "Small", "Specialist", "Large"],
        "average_score": [1.5, 2.0, 1.6, 3.25],
        "average_low": [1.2, 1.7, 1.4, 3.0],
        "average_high": [1.8, 2.3, 1.9, 3.5],
        "rank_low": [1.0, 1, 3, 4],
        "rank_high": [2.0, 3, 3, 4],
        "segment": [1.0, 2, 3, 4],
        "segment_unadjusted": [1.0, 2, 1, 4],
        "in_deficit": [False, False, True, True],
        "metrics_scored": [8, 9, 10, 11],
    }
)


@pytest.mark.parametrize(
    ("part", "whole", "told"),
    [
        (0, 0, "0 of 0"),
        (49, 61, "49 of 61 (80%)"),
        (61, 61, "61 of 61 (100%)"),
        (9999, 10000, "9,999 of 10,000 (99.9%)"),
        (199, 200, "199 of 200 (99.5%)"),
        (99_999, 100_000, "99,999 of 100,000 (99.9%)"),
    ],
)
def test_a_share_is_never_rounded_up_to_all(part, whole, told):
    assert words.share(part, whole) == told


@pytest.mark.parametrize(
    ("names", "told"), [([], "none"), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")]
)
def test_lists_read_as_a_sentence(names, told):
    assert words.listed(iter(names)) == told


def test_a_place_without_a_range_says_so():
    assert words.places(3, 1, 19) == "3 (1 to 19)"
    assert words.places(3, np.nan, 19) == words.places(3, 1, np.nan) == "3 (likely range not known)"


def test_figures_made_up_are_called_so_and_real_ones_have_their_source():
    assert "No figure and no trust in it is real" in words.source_line(True, "2025-26-q4")
    assert "NHS England" in words.source_line(False, "2025-26-q4") and "Q4 2025/26" in words.source_line(
        False, "2025-26-q4"
    )


def table(league: pd.DataFrame = LEAGUE, ends: int = 2) -> str:
    """What the league table's notebook says of a table."""
    return said("league_table", "table", league_facts.league(league, ends))


def test_the_headline_gives_first_and_last_with_their_ranges_and_counts_the_wide_ones():
    """Four trusts: a range of one place is already a quarter of the table."""
    told = table()
    assert "**Ash Trust** stands first with an average score of 1.50" in told and "from place 1 to 2" in told
    assert "**Dogwood Trust** stands last with 3.25 (place 4 to 4)" in told and "For 4 of 4 (100%)" in told


def test_without_ranges_the_headline_makes_no_claim_about_them():
    told = table(LEAGUE.assign(rank_low=np.nan, rank_high=np.nan))
    assert "Likely ranges of the places cannot be told" in told and "nan" not in told and "3.25" in told
    card = tables.league_card(league_facts.league(LEAGUE.assign(rank_low=np.nan)))
    assert dict((label, value) for label, value, _ in card.items)["A typical rank spans"] == "not known"


def test_the_override_is_told_by_the_best_trust_that_it_holds():
    told = table()
    assert "2 trusts reported a deficit" in told and "holds 1 of them" in told
    assert "Cedar Trust, 1.60, whose scores alone give segment 1 and which stands at place 3" in told


def test_an_override_that_changed_nothing_or_cannot_be_seen_says_so():
    same = LEAGUE.assign(segment_unadjusted=LEAGUE["segment"])
    assert "the financial override changed no segment." in table(same)
    unknown = table(LEAGUE.assign(segment_unadjusted=np.nan))
    assert "are not published, so what it changed cannot be told" in unknown


def test_the_ends_of_the_table_count_who_could_be_among_the_best():
    told = table()
    assert "2 trusts could be among the best 2" in told
    assert "- Ash Trust: place 1 (1 to 2), average 1.50, 8 metrics" in told
    assert "- Birch & Co: place 2" in told.replace("\\&", "&").replace("&amp;", "&")
    assert "Dogwood Trust: place 4 (4 to 4), average 3.25, 11 metrics" in told
    unknown = table(LEAGUE.assign(rank_low=np.nan))
    assert "could be among" not in unknown and "place 1 (likely range not known)" in unknown


MOVED = pd.DataFrame(
    {
        "trust_name": ["Ash", "Birch", "Cedar", "Dogwood", "Elder", "Fir", "Gorse"],
        "places": [3.0, 2, -2, -4, 0, np.nan, np.nan],
        "rank_before": [4.0, 4, 1, 1, 5, np.nan, 5],
        "segment": [1.0, 2, 2, 3, 3, 3, 3],
        "segment_before": [2.0, 2, 1, 3, 3, np.nan, 3],
        "not_comparable": [False] * 6 + [True],
    }
)


def changes(moved: pd.DataFrame, before: str | None, gap: str = "") -> str:
    """What the league table's notebook says of moves."""
    return said("league_table", "changes", league_facts.moves(moved, before, gap))


def test_movement_counts_up_down_and_kept_and_names_the_new_and_the_merged():
    told = changes(MOVED, "2025-26-q3")
    assert "Since Q3 2025/26, 2 trusts moved up, 2 moved down and 1 kept their place" in told
    assert "the typical move is 2 places" in told and "2 trusts changed segment" in told
    assert "Not in the table before: Fir." in told and "because of a merger between the two: Gorse." in told


def test_movement_without_an_earlier_quarter_or_newcomers_says_no_more_than_it_knows():
    told = changes(MOVED, None, "Q3 2025/26 is not in these files; the last one held is Q2 2025/26")
    assert told == "No movement can be shown: Q3 2025/26 is not in these files; the last one held is Q2 2025/26."
    told = changes(MOVED.iloc[:5], "2025-26-q3")
    assert "Not in the table before" not in told and "merger" not in told


def test_metrics_are_counted_with_those_whose_rule_is_known_and_the_one_scored_for_fewest():
    metrics = pd.DataFrame(
        {
            "shape": ["ranked", "not recomputable", "floor"],
            "trusts": [61, 5, 38],
            "description": ["Sickness", "CQC safe", "UCR"],
        }
    )
    found = league_facts.metrics(metrics, pd.DataFrame({"trusts": [38, 0]}))
    told = said("metric_rankings", "found", found, {"base": {"trusts": 61}})
    assert "**3 metrics enter" in told and "known for 2 of them" in told
    assert "5 trusts, are scored on “CQC safe”" in told and found.standards == 1


COMPARED = pd.DataFrame(
    {
        "rule": ["average", "average", "segment", "likely range: lower end"],
        "level": [1, 2, 2, 2],
        "published": [2.0, 2.0, 3.0, 1.9],
        "difference": [0.0, 0.0, 0.0, 0.0],
    }
)


class Held:
    """A publication and its rules, as far as the reconciliation's facts ask."""

    illustrative, quarters, trust_types = False, ["2025-26-q4"], ["acute"]
    framework_year, draft = "2025/26", False
    publication = property(lambda self: self)

    def framework(self, quarter):
        return self

    def pool_at_hand(self, types):
        return False


def test_a_reconciliation_without_a_miss_says_so_and_one_with_a_miss_counts_the_rules():
    whole = reconcile_facts.reconciliation(Held(), COMPARED, "2025-26-q4")
    rules = {"framework": {"metrics": [1]}}
    assert "**Every figure that can be recomputed comes out equal as published.**" in said(
        "reconciliation", "found", whole, rules
    )
    missed = COMPARED.assign(difference=[0.0, -0.5, 0.0, 0.004])
    found = reconcile_facts.reconciliation(Held(), missed, "2025-26-q4")
    assert "2 of 3 rules are reproduced without exception" in said("reconciliation", "found", found, rules)
    items = dict((label, (value, note)) for label, value, note in reconcile.card(found).items)
    assert items["Figures compared"] == ("4", "") and items["Equal as published"] == ("3", "75.0%")
    assert items["Level 1"][0] == "1 of 1" and items["Level 2"][0] == "2 of 3"
