"""Figures of the limitations briefing; caption and alt text state the finding.

Figures of the limitations briefing: frames and facts go in; caption and alt text state the finding.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from nof.method.limits_data_facts import Method
from nof.method.limits_facts import Moves, Places
from nof.show import limits_findings, style
from nof.show.charts import ROWS_A_PANEL, figure, fitted, head, panels, which_part
from nof.show.decision_chart import decision_chart
from nof.show.display import Chart
from nof.show.limits_timelines import mergers, timeline
from nof.show.words import short_name

__all__ = ["changes", "decision_chart", "mergers", "method", "places", "timeline"]

_ROW_MM = 3.35
_HEAD_MM, _FOOT_MM = 10.0, 12.5
_NAME_PT = 6.6


def _paneled(frame: pd.DataFrame, draw: Callable, caption: str, alt: Callable[[pd.DataFrame], str]) -> list[Chart]:
    """A figure for each panel of at most 67 rows; `draw` fills it, given its rows and its height."""
    parts = panels(frame, ROWS_A_PANEL)
    shown = []
    for number, part in enumerate(parts, 1):
        with style.applied():
            height = _HEAD_MM + _FOOT_MM + _ROW_MM * len(part)
            drawing = figure(height)
            draw(drawing, part, height)
            shown.append(Chart.from_figure(drawing, alt=alt(part), caption=caption + which_part(number, len(parts))))
    return shown


def _strip(drawing: Any, left: float, width: float, rows: int, height: float) -> Any:
    """Axes with one row a trust, best at the top, within the figure's head and foot."""
    axes = drawing.add_axes((left, _FOOT_MM / height, width, _ROW_MM * rows / height))
    axes.set_ylim(rows - 0.4, -0.6)
    axes.set_yticks([])
    for side in ("left", "top", "right"):
        axes.spines[side].set_visible(False)
    return axes


def _names(axes: Any, part: pd.DataFrame, place: str = "rank") -> None:
    """Names and places at the left of the axes."""
    look = {"xycoords": axes.get_yaxis_transform(), "textcoords": "offset points", "ha": "right", "va": "center"}
    for row, (name, number) in enumerate(zip(part["trust_name"], part[place], strict=True)):
        shown, points = fitted(short_name(name), 138)
        axes.annotate(shown, (0, row), (-19, 0), fontsize=points, **look)
        axes.annotate(f"{number:.0f}", (0, row), (-4, 0), fontsize=_NAME_PT, fontweight=600, **look)


def _place_axis(axes: Any, count: int, rows: int) -> None:
    axes.set_xlim(0.4, count + 0.6)
    step = max(1, round(count / 6 / 5) * 5) if count > 12 else 2
    ticks = sorted({1, *range(step, count - step // 2, step), count})
    axes.set_xticks(ticks)
    axes.vlines(ticks, -0.6, rows - 0.4, color=style.RULE, lw=0.4, zorder=0)


def _ranges(
    drawing: Any, part: pd.DataFrame, count: int, height: float, width: float, place: str
) -> tuple[Any, np.ndarray]:
    """Axes of places, named and numbered, with a diamond at each trust's own; and the heights of the rows."""
    axes = _strip(drawing, 0.33, width, len(part), height)
    _names(axes, part, place)
    _place_axis(axes, count, len(part))
    rows = np.arange(len(part))
    axes.scatter(part[place], rows, s=10, color=style.INK, marker="D", zorder=4, lw=0)
    return axes, rows


# --- 1. uncertainty ---


def places(table: pd.DataFrame, sure: Places) -> list[Chart]:
    """Likely range and both rank sets of each place, and the chance of each segment on other metrics like these.

    Parameters
    ----------
    table : DataFrame
        As `limits.places`.
    sure : Places
        Facts of the same table.
    """

    def draw(drawing: Any, part: pd.DataFrame, height: float) -> None:
        """One panel."""
        left, rows = _ranges(drawing, part, sure.trusts, height, 0.37, "rank")
        for question, up, look in (("these", 0.0, "-"), ("other", 0.27, (0, (1, 1.2)))):
            known = part[f"{question}_low"].notna().to_numpy()
            ends = part.loc[known, [f"{question}_low", f"{question}_high"]].astype(float).to_numpy().T
            left.hlines(rows[known] + up, *ends, color=style.QUIET, lw=0.7, ls=look, zorder=1)
        left.hlines(rows, part["rank_low"], part["rank_high"], color=style.SOFT, lw=2.6, zorder=2)
        left.set_xlabel("Place (1 is best)")
        head(
            left,
            "diamond: place; thick: likely range; line: set for these metrics,\nanother quarter; dots: set for other metrics like these",
        )
        _chances(_strip(drawing, 0.73, 0.235, len(part), height), part)

    return _paneled(
        table, draw, limits_findings.places_caption(sure), lambda part: limits_findings.places_alt(part, sure)
    )


def _chances(axes: Any, part: pd.DataFrame) -> None:
    """Chance of each segment as a bar of four parts with their numbers; the trust's own segment is outlined."""
    start = np.zeros(len(part))
    for segment in (1, 2, 3, 4):
        width = part[f"other_segment_{segment}"].fillna(0).to_numpy()
        axes.barh(
            range(len(part)),
            width,
            left=start,
            height=0.84,
            color=style.SEGMENT_WASH[segment],
            edgecolor=style.QUIET,
            linewidth=0.3,
        )
        for row in np.flatnonzero(width >= 0.08):
            axes.text(start[row] + width[row] / 2, row, str(segment), ha="center", va="center", fontsize=5.8)
        own = (part["segment"] == segment).to_numpy() & (width > 0)
        axes.barh(
            np.flatnonzero(own),
            width[own],
            left=start[own],
            height=0.84,
            fill=False,
            edgecolor=style.INK,
            linewidth=1.1,
            zorder=3,
        )
        start = start + width
    axes.set_xlim(0, 1)
    axes.set_xticks([0, 0.5, 1], ["0", "50%", "100%"])
    axes.set_xlabel("Chance of each segment,\nother metrics like these")
    head(axes, "segments 1 to 4;\nthe trust's own is outlined")


# --- 2. volatility ---


def changes(table: pd.DataFrame, moves: Moves, edges: np.ndarray) -> Chart | None:
    """Averages of this quarter against the quarter before, with the band within which a change is noise; None without.

    Parameters
    ----------
    table : DataFrame
        As `limits.change`.
    moves : Moves
        Facts of the same step.
    edges : array of 3
        Edges between segments of this quarter.
    """
    if table.empty:
        return None
    with style.applied():
        drawing = figure(86)
        axes = drawing.add_axes((0.08, 0.12, 0.60, 0.85))
        low, high = _square(axes, table)
        reach = _noise_band(axes, table, low, high)
        _edges(axes, edges, low, high)
        _marks(axes, table)
        axes.set_xlabel(f"Average score in {moves.before} (1.00 is best)")
        axes.set_ylabel(f"Average score in {moves.after}")
        axes.legend(loc="upper left", bbox_to_anchor=(1.03, 1.0), borderaxespad=0, handletextpad=0.3, labelspacing=0.8)
        _band_note(axes, reach)
        return Chart.from_figure(
            drawing, alt=limits_findings.changes_alt(moves), caption=limits_findings.changes_caption(moves)
        )


def _kinds(table: pd.DataFrame) -> list[tuple[str, pd.Series]]:
    """Trusts by what their change was: told from noise, another change of segment, neither."""
    moved, sure = limits_findings.changed_segment(table), table["more_than_noise"].astype(bool)
    return [
        ("change told from noise", sure),
        ("other change of segment", moved & ~sure),
        ("same segment", ~moved & ~sure),
    ]


def _marks(axes: Any, table: pd.DataFrame) -> None:
    """A mark for each trust, its shape and filling by what the change was."""
    looks = (("D", style.SEGMENT[4], True), ("s", style.SEGMENT[3], False), ("o", style.ACCENT, True))
    for (label, chosen), (marker, colour, filled) in zip(_kinds(table), looks, strict=True):
        axes.scatter(
            table["average_before"][chosen],
            table["average_after"][chosen],
            marker=marker,
            s=20 if marker != "o" else 11,
            facecolor=colour if filled else style.PAPER,
            edgecolor=colour,
            linewidth=0.9,
            zorder=3,
            label=f"{label}: {int(chosen.sum())}",
        )


def _square(axes: Any, table: pd.DataFrame) -> tuple[float, float]:
    both = table[["average_before", "average_after"]].to_numpy()
    low, high = max(1.0, np.floor(both.min() * 10 - 1) / 10), min(4.0, np.ceil(both.max() * 10 + 1) / 10)
    axes.set_xlim(low, high)
    axes.set_ylim(high, low)  # best at the top, as in a table
    axes.plot([low, high], [low, high], color=style.QUIET, lw=0.7, zorder=1)
    return low, high


def _noise_band(axes: Any, table: pd.DataFrame, low: float, high: float) -> float:
    """The band of a typical trust: 1.96 times the middle standard error of a change."""
    reach = float(1.96 * table["standard_error"].median())
    if np.isfinite(reach):
        ends = np.array([low, high])
        axes.fill_between(
            ends, ends - reach, ends + reach, facecolor=style.BAND, edgecolor=style.QUIET, lw=0.5, zorder=0
        )
    return reach


def _edges(axes: Any, edges: np.ndarray, low: float, high: float) -> None:
    for number, edge in enumerate(edges, 1):
        if low < edge < high:
            axes.vlines(edge, low, high, color=style.QUIET, lw=0.5, ls=(0, (4, 3)), zorder=1)
            axes.hlines(edge, low, high, color=style.QUIET, lw=0.5, ls=(0, (4, 3)), zorder=1)
            axes.text(edge, low, f"{number} | {number + 1}", ha="center", va="bottom", fontsize=6.2, color=style.QUIET)
            axes.text(high, edge, f" {number}\n {number + 1}", ha="left", va="center", fontsize=6.2, color=style.QUIET)


def _band_note(axes: Any, reach: float) -> None:
    text = "above the line: better than before\nbelow it: worse\n\ndashed: edges between segments\nof this quarter"
    if np.isfinite(reach):
        text += f"\n\nshaded: changes of up to {reach:.2f},\n1.96 typical standard errors"
    axes.text(1.04, 0.72, text, transform=axes.transAxes, va="top", fontsize=7.2, color=style.QUIET, linespacing=1.35)


# --- 6. method ---


def method(table: pd.DataFrame, found: Method) -> list[Chart]:
    """Range of places of each trust by method alone, by one choice at a time, and by everything.

    Parameters
    ----------
    table : DataFrame
        As `limits.method`.
    found : Method
        Facts of the same table.
    """

    def draw(drawing: Any, part: pd.DataFrame, height: float) -> None:
        """One panel."""
        axes, rows = _ranges(drawing, part, found.trusts, height, 0.655, "rank_published")
        looks = (
            ("everything", style.QUIET, 0.7, 1),
            ("one_choice", style.SEGMENT[3], 1.6, 2),
            ("method", style.ACCENT, 3.2, 3),
        )
        for kind, colour, width, order in looks:
            axes.hlines(rows, part[f"{kind}_best"], part[f"{kind}_worst"], color=colour, lw=width, zorder=order)
        axes.set_xlabel("Place in other rankings (1 is best)")
        head(
            axes,
            "diamond: as published; thick: method alone; middle: one choice at a time;\nthin: every combination, metrics left out as well",
        )

    return _paneled(
        table, draw, limits_findings.method_caption(found), lambda part: limits_findings.method_alt(part, found)
    )
