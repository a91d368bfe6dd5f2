"""What the figures of one trust's briefing show, in words: captions that state the finding, and alt texts.

A screen reader speaks both, one after the other, so a figure's alt text says what its caption leaves out.
"""

from __future__ import annotations

from typing import NamedTuple

from nof.method.trust_facts import Standing
from nof.show.grammar import ordinal, plural


class Span(NamedTuple):
    """One range of places: what it answers, its ends, and the place it is drawn about."""

    question: str
    low: int
    high: int
    place: int | None
    by_average: bool


def spans(stands: Standing) -> tuple[Span, ...]:
    """The ranges of a trust's place that are known, each named by its question."""
    likely = "NHS England's likely range" if stands.published else "Likely range, redrawn here"
    every = (
        (likely, stands.rank_low, stands.rank_high, stands.rank, False),
        ("These metrics, another quarter", stands.these_low, stands.these_high, stands.by_average, True),
        ("Other metrics like these", stands.other_low, stands.other_high, stands.by_average, True),
        ("Other reasonable rules", stands.method_low, stands.method_high, stands.rank, False),
    )
    return tuple(
        Span(question, low, high, place, average)
        for question, low, high, place, average in every
        if low is not None and high is not None
    )


def ranges_caption(stands: Standing) -> str:
    """How many places the likely range covers."""
    if stands.rank is None:
        return f"Its place among {stands.trusts} trusts is not known"
    if stands.rank_low is None or stands.rank_high is None:
        return f"{str(ordinal(stands.rank))} of {stands.trusts}: no likely range is known"
    count = stands.rank_high - stands.rank_low + 1
    return f"Its likely range covers {count} of {stands.trusts} {plural(stands.trusts, 'place')}"


def ranges_alt(stands: Standing) -> str:
    """Every range with its ends."""
    told = "; ".join(f"{one.question}: place {one.low} to {one.high}" for one in spans(stands))
    averaged = any(one.by_average for one in spans(stands)) and stands.by_average != stands.rank
    beside = ""
    if averaged and stands.by_average is not None:
        beside = f" By its average alone it would be {ordinal(stands.by_average)}."
    where = "not known" if stands.rank is None else str(ordinal(stands.rank))
    return f"Bars from better to worse. The place is {where}. {told or 'No range is known'}.{beside}"
