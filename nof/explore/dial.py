"""The picture of a "what if": drawn without matplotlib, so that it moves with the slider."""

from __future__ import annotations

from html import escape

import numpy as np
import pandas as pd

from nof.show import style
from nof.show.display import Chart

_WIDTH, _HEIGHT = 640.0, 118.0  # points of the drawing
_LEFT, _RIGHT = 96.0, 24.0
_TOP, _STEP = 42.0, 34.0  # first row, and from one row to the next
_FOOT = 100.0


def dial(cases: pd.DataFrame, edges: np.ndarray, caption: str) -> Chart:
    """Averages with likely ranges on the scale from 1.00 to 4.00, between the edges of the segments.

    Parameters
    ----------
    cases : DataFrame
        As `views.what_if`.
    edges : array of 3
        Edges between unadjusted segments; those that are not known are left out.
    """
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH:g} {_HEIGHT:g}" font-size="12" '
        f'font-family="{style.FONT}, sans-serif" fill="{style.INK}">',
        f'<rect width="{_WIDTH:g}" height="{_HEIGHT:g}" fill="{style.PAPER}"/>',
        *_segments(edges),
        *_scale(),
    ]
    for number, row in enumerate(cases.itertuples()):
        parts += _case(row, _TOP + _STEP * number, style.QUIET if number == 0 else style.SEGMENT[4])
    return Chart(
        style.tidy("".join(parts) + "</svg>"),
        finding(cases),
        caption,
        style.TEXT_WIDTH_MM,
        round(style.TEXT_WIDTH_MM * _HEIGHT / _WIDTH, 2),
    )


def _across(score: float) -> float:
    return _LEFT + (_WIDTH - _LEFT - _RIGHT) * (score - 1) / 3


def _segments(edges: np.ndarray) -> list[str]:
    known = [float(edge) for edge in edges]
    if not np.isfinite(known).all():
        return []
    bounds = [1.0, *known, 4.0]
    parts = []
    for segment, (start, end) in enumerate(zip(bounds[:-1], bounds[1:], strict=True), 1):
        left, right = _across(start), _across(end)
        parts.append(
            f'<rect x="{left:.2f}" y="18" width="{right - left:.2f}" height="{_FOOT - 18:g}" '
            f'fill="{style.SEGMENT_WASH[segment]}"/>'
            f'<text x="{(left + right) / 2:.2f}" y="13" text-anchor="middle" font-size="11">{segment}</text>'
        )
    return [
        f'<text x="{_LEFT - 8:g}" y="13" text-anchor="end" font-size="11" fill="{style.QUIET}">Segment</text>',
        *parts,
    ]


def _scale() -> list[str]:
    ticks = [
        f'<text x="{_across(score):.2f}" y="{_HEIGHT - 5:g}" text-anchor="middle" font-size="11" '
        f'fill="{style.QUIET}">{score:.2f}</text>'
        for score in (1, 1.5, 2, 2.5, 3, 3.5, 4)
    ]
    return [
        f'<text x="{_LEFT - 22:g}" y="{_HEIGHT - 5:g}" text-anchor="end" font-size="11" '
        f'fill="{style.QUIET}">Average</text>',
        *ticks,
    ]


def _case(row, y: float, colour: str) -> list[str]:
    name = f'<text x="{_LEFT - 8:g}" y="{y + 4:g}" text-anchor="end">{escape(row.case.capitalize())}</text>'
    if np.isnan(row.average):
        return [name, f'<text x="{_across(1):.2f}" y="{y + 4:g}">no metric is left</text>']
    low, high, middle = _across(row.average_low), _across(row.average_high), _across(row.average)
    return [
        name,
        f'<line x1="{low:.2f}" x2="{high:.2f}" y1="{y:g}" y2="{y:g}" stroke="{colour}" stroke-width="3"/>',
        f'<circle cx="{middle:.2f}" cy="{y:g}" r="6" fill="{colour}" stroke="{style.PAPER}" stroke-width="1.5"/>',
        f'<text x="{middle:.2f}" y="{y - 10:g}" text-anchor="middle" font-weight="600">{row.average_score:.2f}</text>',
    ]


def finding(cases: pd.DataFrame) -> str:
    """What a "what if" comes to, in one sentence."""
    before, after = cases.iloc[0], cases.iloc[1]
    if np.isnan(after["average"]):
        return "Every metric is left out, so there is no average."
    told = [
        f"the average goes from {before['average_score']:.2f} to {after['average_score']:.2f} (likely range "
        f"{after['average_low']:.2f} to {after['average_high']:.2f})",
        _moved("the segment", before["segment"], after["segment"]),
        _moved("the place", before["rank"], after["rank"]),
    ]
    same = before.drop("case").equals(after.drop("case"))
    if same:
        told = [
            f"as it stands: average {before['average_score']:.2f} (likely range {before['average_low']:.2f} to "
            f"{before['average_high']:.2f})",
            f"segment {_whole(before['segment'])}",
            f"place {_whole(before['rank'])}",
        ]
    text = ", ".join(told) + _override(after)
    return f"{text[0].upper()}{text[1:]}."


def _override(case: pd.Series) -> str:
    alone, segment = case["segment_unadjusted"], case["segment"]
    if np.isnan(alone) or np.isnan(segment) or alone == segment:
        return ""
    return f"; the financial override holds it there, its average alone gives segment {alone:.0f}"


def _moved(what: str, before: float, after: float) -> str:
    if np.isnan(before) or np.isnan(after):
        return f"{what} is not known"
    return (
        f"{what} stays {_whole(after)}" if before == after else f"{what} goes from {_whole(before)} to {_whole(after)}"
    )


def _whole(number: float) -> str:
    return "not known" if np.isnan(number) else f"{number:.0f}"
