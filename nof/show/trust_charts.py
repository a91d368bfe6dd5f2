"""Figures of a trust's briefing; caption and alt text state the finding.

Figures of one trust's briefing: facts go in, each drawing is laid out in millimetres.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from nof.method.movement_facts import OurDoing
from nof.method.trust_facts import Standing
from nof.show import movement as moves
from nof.show import style
from nof.show.charts import sheet
from nof.show.display import Chart
from nof.show.grammar import ordinal, plural

WIDE = style.TEXT_WIDTH_MM
_PHONE = 90.0  # millimetres: on a screen of 375 px type of 8 points is more than 10 px high
SMALL = 7.4
_LABELS, _ROW = 58.0, 6.0


# --- what they show, in words: captions that state the finding, and alt texts that say what a caption leaves out ---


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


# --- the drawings ---


def ranges(stands: Standing | None) -> Chart | None:
    """The ranges of a trust's place, one bar a question, from the best place to the worst; None where none is known."""
    if stands is None or not spans(stands):
        return None
    wide, narrow = _ranges(stands, False), _ranges(stands, True)
    return replace(wide, narrow=narrow.svg)


def _ranges(stands: Standing, narrow: bool) -> Chart:
    """The drawing with the questions beside their bars or, for a telephone, above them."""
    known = spans(stands)
    width, row_mm, small = (_PHONE, 10.5, 8.0) if narrow else (WIDE, _ROW, SMALL)
    left, right = (1.0, _PHONE - 17) if narrow else (_LABELS + 2, WIDE - 16)
    step = (right - left) / max(stands.trusts, 1)
    foot = 3 + row_mm * len(known)

    from matplotlib.lines import Line2D
    from matplotlib.patches import Rectangle

    with sheet(foot + 8, width) as (drawing, mm):
        for row, one in enumerate(known):
            middle = 3 + row_mm * (row + (0.72 if narrow else 0.5))
            start, end = left + step * (one.low - 1), left + step * one.high
            face = style.ACCENT if row == 0 else style.BAND
            corner, edge = (start, middle - 1.7), style.ACCENT
            drawing.add_artist(
                Rectangle(corner, end - start, 3.4, facecolor=face, edgecolor=edge, lw=0.7, transform=mm)
            )
            if narrow:
                drawing.text(left, middle - 4.6, one.question, va="center", transform=mm)
            else:
                drawing.text(_LABELS, middle, one.question, ha="right", va="center", transform=mm)
            drawing.text(end + 1.2, middle, f"{one.low} to {one.high}", va="center", fontsize=small, transform=mm)
            if one.place is not None:
                mark = Line2D(
                    [left + step * (one.place - 0.5)], [middle], marker="D" if one.by_average else "o", ms=4.6,
                    mfc=style.PAPER, mec=style.INK, mew=1.1, transform=mm,
                )  # fmt: skip
                drawing.add_artist(mark)
        drawing.add_artist(Line2D([left, right], [foot, foot], color=style.QUIET, lw=0.7, transform=mm))
        for place, align in ((1, "left"), (stands.trusts, "right")):
            word = "better" if place == 1 else "worse"
            at = left if place == 1 else right
            said = f"{ordinal(place)}, {word}"
            drawing.text(at, foot + 2.6, said, ha=align, va="center", fontsize=small, color=style.QUIET, transform=mm)
        key = "circle: its place; diamond: its place by average alone"
        drawing.text(
            left if narrow else (left + right) / 2, foot + 6, key, ha="left" if narrow else "center", va="center",
            fontsize=small if narrow else 6.8, color=style.QUIET, transform=mm,
        )  # fmt: skip
        return Chart.from_figure(drawing, alt=ranges_alt(stands), caption=ranges_caption(stands))


def movement(doing: OurDoing | None) -> Chart | None:
    """A change of place by its causes; None where it cannot be split or nothing played a part."""
    return moves.doing(doing) if doing is not None and doing.can_be_split and doing.largest else None
