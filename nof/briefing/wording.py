"""The fixed words of a briefing, the same in HTML and PDF."""

from __future__ import annotations

import datetime as dt

INDEPENDENT = "Independent analysis, not NHS England"
ILLUSTRATIVE = "Illustrative data"
ILLUSTRATIVE_WORDS = (
    "Made-up trusts and made-up figures, for showing what a briefing looks like. Nothing here describes a real trust."
)
_MONTHS = "January February March April May June July August September October November December".split()


def dateline(day: dt.date | None) -> str:
    """A date in words, whatever the machine's language: "11 June 2026"; empty for None."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}" if day else ""
