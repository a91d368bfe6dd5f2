"""Fixed words of every page: what a segment and a likely range are, where figures come from, the licence."""

from __future__ import annotations

import datetime as dt

from nof.common import Quarter
from nof.show.grammar import bodies, day, listed, places, share, short_name, trusts, type_name  # noqa: F401

SEGMENT_MEANING = "Segment 1 is the best and 4 the worst; a score of 1.00 is the best and 4.00 the worst."
LIKELY_RANGE = (
    "The likely range is NHS England's 95% interval. It shows how much a trust's average depends on which of its own "
    "metrics are counted; it leaves out the sampling error of each metric and the ups and downs between quarters."
)

INDEPENDENT = "Independent analysis, not NHS England"
LICENCE_LINE = "Contains public sector information licensed under the Open Government Licence v3.0. Crown copyright."
ILLUSTRATIVE = "Illustrative data"
ILLUSTRATIVE_WORDS = "Made-up organisations and made-up figures, for showing what a briefing looks like. Nothing here describes a real one."
COMMENTARY = "The trust's own commentary"
COMMENTARY_WORDS = "Written by the trust. It is no part of this analysis, and nothing in it was checked here."


def dateline(last_day: dt.date | None) -> str:
    """The day that the figures of a page run to, whatever the machine's language: "Figures to 31 March 2026"."""
    return f"Figures to {day(last_day)}" if last_day else ""


def source_line(illustrative: bool, quarter: str) -> str:
    """Where the figures come from."""
    if illustrative:
        return f"{ILLUSTRATIVE}: a made-up publication. No figure and no trust in it is real."
    return (
        f"Source: NHS England, NHS Oversight Framework trust data and league tables, {Quarter.parse(quarter).label}; "
        "recomputed."
    )
