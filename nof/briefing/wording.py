"""The fixed words of a briefing, the same in HTML and PDF."""

from __future__ import annotations

import datetime as dt

from nof import words

INDEPENDENT = "Independent analysis, not NHS England"
ILLUSTRATIVE = "Illustrative data"
ILLUSTRATIVE_WORDS = (
    "Made-up trusts and made-up figures, for showing what a briefing looks like. Nothing here describes a real trust."
)


def dateline(day: dt.date | None) -> str:
    """The day that a briefing's figures run to, whatever the machine's language: "Figures to 31 March 2026"."""
    return f"Figures to {words.day(day)}" if day else ""
