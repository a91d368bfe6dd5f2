"""What if some of a trust's values were others: the frames, and a picture drawn without matplotlib, so that it moves with
the slider.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

import numpy as np
import pandas as pd

from nof.common import Quarter, kept
from nof.explore.measuring import Data, opened
from nof.explore.views import published_ranges
from nof.method.whatif import WhatIf, whatif
from nof.rules import recompute, scoring
from nof.rules.recompute import National
from nof.show import style
from nof.show.display import Chart

_WIDTH, _HEIGHT = 640.0, 118.0  # points of the drawing
_LEFT, _RIGHT = 96.0, 24.0
_TOP, _STEP = 42.0, 34.0  # first row, and from one row to the next
_FOOT = 100.0


# --- the frames ---


def what_if(data: Data, quarter: str | None, trust: str, changes: Mapping[str, float | None]) -> pd.DataFrame:
    """A trust as it stands and as it would stand if some of its values were others, or were left out.

    Parameters
    ----------
    trust : str
        Code.
    changes : dict
        A value by value id (OF0005), a score from 1.00 to 4.00 by score id (OF1005), or None to leave a metric out.

    Returns
    -------
    DataFrame
        Two rows, "as it stands" and "changed": case, average (unrounded; 1.00 is best), average_score (2 decimals),
        average_low, average_high (likely range), segment_unadjusted, segment, rank (in the league table), metrics (how
        many are counted). Other trusts and the edges of the segments are held where they stand: see `whatif.whatif`.
    """
    cases = {"as it stands": {}, "changed": changes}
    table = pd.DataFrame([_told(case, what_would_be(data, quarter, trust, made)) for case, made in cases.items()])
    national = opened(data)
    published = published_ranges(national, recompute.choose_quarter(national.publication, quarter))
    if trust in published.index and published.loc[trust].notna().all():
        table.loc[0, ["average_low", "average_high"]] = published.loc[trust]
    return table


def _told(case: str, found: WhatIf) -> dict:
    names = ("average", "average_low", "average_high", "segment_unadjusted", "segment", "rank")
    facts = {name: np.nan if getattr(found, name) is None else float(getattr(found, name)) for name in names}
    return (
        {"case": case, "average": facts["average"], "average_score": scoring.round_half_up(facts["average"])}
        | {name: facts[name] for name in names[1:]}
        | {"metrics": int(found.metrics["new_score"].notna().sum())}
    )


def what_if_metrics(data: Data, quarter: str | None, trust: str, changes: Mapping[str, float | None]) -> pd.DataFrame:
    """The metrics behind `what_if`.

    Returns
    -------
    DataFrame
        metric_id, value_id, description, units, weight, value, score, new_value, new_score (both NaN: left out).
    """
    return what_would_be(data, quarter, trust, changes).metrics.copy()


def what_if_chart(data: Data, quarter: str | None, trust: str, changes: Mapping[str, float | None]) -> Chart:
    """`what_if` drawn: both averages with their likely ranges, between the edges of the segments."""
    national = opened(data)
    slug = recompute.choose_quarter(national.publication, quarter)
    made_up = " (illustrative data)" if national.publication.illustrative else ""
    cases = what_if(national, slug, trust, changes)
    rows = national.publication.trusts
    name = rows.loc[(rows["quarter"] == slug) & (rows["trust_code"] == trust), "trust_name"].iloc[0]
    return dial(cases, recompute.edges(national, slug), f"What if: {name}, {Quarter.parse(slug).label}{made_up}")


def what_would_be(data: Data, quarter: str | None, trust: str, changes: Mapping[str, float | None]) -> WhatIf:
    """The result behind `what_if`, worked out once for the functions that tell parts of it."""
    national = opened(data)
    slug = recompute.choose_quarter(national.publication, quarter)
    return _what_would_be(national, slug, trust, tuple(changes.items()))


@kept
def _what_would_be(
    national: National, quarter: str, trust: str, changes: tuple[tuple[str, float | None], ...]
) -> WhatIf:
    return whatif(national, quarter, trust, dict(changes))


# --- the picture ---


def dial(cases: pd.DataFrame, edges: np.ndarray, caption: str) -> Chart:
    """Averages with likely ranges on the scale from 1.00 to 4.00, between the edges of the segments.

    Parameters
    ----------
    cases : DataFrame
        As `what_if`.
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
