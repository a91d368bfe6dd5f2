"""The chart of a move, the table of segments under other bands, the table of planning standards."""

from __future__ import annotations

import re

import pandas as pd
import pytest

from nof.method import two_methods
from nof.method.movement import CAUSES
from nof.method.movement_facts import CAUSE_NAMES, OurDoing
from nof.show import movement as room
from nof.show import tables
from nof.show.display import SVG_MIME


def moved(**parts) -> OurDoing:
    given = dict.fromkeys(CAUSES, 0.0) | parts
    change = sum(given.values())
    return OurDoing("2025-26-q3", "2025-26-q4", 32.0, 32.0 - change, change, True, "", True, **given, told_apart=0.3)


def texts(chart) -> str:
    data, _ = chart._repr_mimebundle_()
    return " ".join(re.findall(r">([^<>]+)<", data[SVG_MIME]))


def test_every_cause_that_moved_it_is_a_bar_and_the_others_are_named():
    chart = room.doing(moved(own=-3.4, override=13.8, others=3.6))
    drawn = texts(chart)
    for part in ("Its own scores", "−3.4", "+13.8", "Together", "+14", "down", "up the table"):
        assert part in drawn, part
    assert "The edges between segments" not in drawn and "the edges between segments" in chart.caption
    assert "from place 32 to 18" in chart.caption and "Q3 2025/26 to Q4 2025/26" in chart.caption
    assert all(name in chart.alt for name in (CAUSE_NAMES["own"], CAUSE_NAMES["others"])) and "+14 places" in chart.alt


def test_a_move_of_nothing_is_drawn_too():
    chart = room.doing(moved())
    assert "Together" in texts(chart) and "no cause" in chart.alt and "up the table" not in texts(chart)


def test_the_transition_table_says_how_many_and_how_sure():
    counts = pd.DataFrame(
        [[8, 6, 0, 0], [0, 16, 0, 0], [0, 1, 16, 0], [0, 0, 6, 8]], index=[1, 2, 3, 4], columns=[1, 2, 3, 4]
    )
    counts = counts.rename_axis("segment")
    facts = two_methods.UnderBands(61, 13, 7, 6, 13, 2, "segment 1 below 1.94", "2026/27", "reported", "BP")
    data = room.transition_table(counts, facts).data()
    assert (
        "13 of 61 trusts" in data["caption"]
        and "reported" in data["caption"]
        and data["rows"][3] == ["Segment 4", "0", "0", "6", "8"]
    )


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"standard": 65.0, "better": "high", "below": False, "by": "March 2026", "each": "each trust more"},
         "at least 65% by March 2026; each trust more"),
        ({"standard": 1.0, "better": "low", "below": True, "by": "", "each": ""}, "below 1%"),
        ({"standard": float("nan"), "better": "low", "below": False, "by": "", "each": "less than last year"}, "less than last year"),
    ],
)  # fmt: skip
def test_a_standard_is_told_in_words(row, said):
    frame = pd.DataFrame(
        [{"description": "Waits", "value": 64.0, "units": "%", "verdict": "unknown", "source": "PG"} | row]
    )
    assert tables.asked(next(frame.itertuples())) == said
