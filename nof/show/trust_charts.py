"""Figures of one trust's briefing: each one drawing on one axis in millimetres, as lean as they come."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.collections import LineCollection

from nof.method import board
from nof.method.board import Trust
from nof.show import style, trust_findings
from nof.show.charts import figure, shortened
from nof.show.display import Chart
from nof.show.trust_findings import signed

WIDE = style.TEXT_WIDTH_MM
BEST, WORST = 1.0, 4.0
WORSE, BETTER = style.SEGMENT[3], style.SEGMENT[1]  # than the median trust; the sign beside each bar says the same
SMALL = 6.4


@contextmanager
def _sheet(height: float) -> Iterator[tuple[Any, Any]]:
    """A figure with one axis over all of it, in millimetres from the top left."""
    with matplotlib.rc_context(style.rc()):
        drawing = figure(height)
        axes = drawing.add_axes((0, 0, 1, 1))
        axes.set_xlim(0, WIDE)
        axes.set_ylim(height, 0)
        axes.set_axis_off()
        yield drawing, axes


# --- where it stands among its type ---


def strip(trust: Trust) -> Chart:
    """Every trust's average on one line, with this trust's likely range and the segments."""
    averages, own = trust.view.league["average_score"], board.place(trust)
    low, high = (float(np.nan_to_num(own[end], nan=own["average_score"])) for end in ("average_low", "average_high"))
    first = max(BEST, np.floor(min(averages.min(), low) * 10) / 10)
    last = min(WORST, np.ceil(max(averages.max(), high) * 10) / 10)

    def across(score: Any) -> np.ndarray:
        """Where a score stands from left to right."""
        return 2 + (WIDE - 4) * (np.asarray(score, dtype=float) - first) / (last - first)

    with _sheet(24) as (drawing, axes):
        _segment_bands(axes, trust.view.edges, across, first, last)
        axes.add_collection(
            LineCollection([[(x, 9), (x, 14)] for x in across(averages)], colors=style.QUIET, linewidths=0.7)
        )
        _own_place(axes, across([own["average_score"], low, high]), trust_findings.range_words(own))
        for score, align in ((first, "left"), (last, "right")):
            axes.text(
                float(across(score)), 22.2, f"{score:.1f}", ha=align, va="center", fontsize=SMALL, color=style.QUIET
            )
        return Chart.from_figure(
            drawing, alt=trust_findings.strip_alt(trust), caption=trust_findings.strip_caption(trust)
        )


def _own_place(axes: Any, places: np.ndarray, said: str) -> None:
    """The trust's own average as a diamond on its likely range, with both in words."""
    place, low, high = places
    axes.plot([low, high], [18, 18], color=style.INK, lw=2.2)
    axes.plot([place, place], [7.5, 18], color=style.INK, lw=1.4)
    axes.plot(place, 18, marker="D", ms=6.5, color=style.INK)
    axes.text(min(max(place, 34), WIDE - 34), 22.2, said, ha="center", va="center", fontweight=600)


def _segment_bands(axes: Any, edges: np.ndarray, across: Any, low: float, high: float) -> None:
    """The segments by average, as bands with a line at each edge and their numbers; nothing where edges are not known."""
    if not np.isfinite(edges).all():
        return
    bounds = np.clip([low, *edges, high], low, high)
    for segment, (start, end) in enumerate(zip(bounds[:-1], bounds[1:], strict=True), 1):
        if end > start:
            left, right = float(across(start)), float(across(end))
            axes.fill_between(
                [left, right], 6.5, 16, facecolor=style.SEGMENT_WASH[segment], edgecolor=style.QUIET, lw=0.7
            )
            name = f"Segment {segment}" if right - left > 16 else str(segment)
            axes.text((left + right) / 2, 4, name, ha="center", va="center", fontsize=7, color=style.QUIET)


# --- where the score comes from ---


def bars(trust: Trust) -> Chart:
    """What each metric adds to the average against a median trust, as bars in order."""
    table = board.contributions(trust)
    values = table["contribution"].to_numpy()
    step, top = 3.6, 5.0
    reach = np.array([min(values.min(), 0.0), max(values.max(), 0.0)])
    left, right = 84.0, WIDE - 12
    scale = (right - left) / max(reach[1] - reach[0], 1e-9)
    zero = left - reach[0] * scale
    rows = top + step * (np.arange(len(values)) + 0.5)
    with _sheet(top + step * len(values) + 1.5) as (drawing, axes):
        ends = zero + values * scale
        for chosen, colour in ((values > 0, WORSE), (values < 0, BETTER)):
            lines = [[(zero, y), (x, y)] for x, y in zip(ends[chosen], rows[chosen], strict=True)]
            axes.add_collection(
                LineCollection(lines, colors=colour, linewidths=0.62 * step * style.POINTS_PER_MM, capstyle="butt")
            )
        axes.plot([zero, zero], [top - 1, top + step * len(values)], color=style.QUIET, lw=0.7)
        for y, x, value, text in zip(rows, ends, values, table["description"], strict=True):
            axes.text(0, y, shortened(text, 56), va="center", fontsize=7.4)
            axes.text(
                x + (1 if value >= 0 else -1),
                y,
                signed(value),
                va="center",
                ha="left" if value >= 0 else "right",
                fontsize=7.4,
            )
        _bar_heads(axes, zero, reach)
        return Chart.from_figure(
            drawing, alt=trust_findings.bars_alt(trust), caption=trust_findings.bars_caption(trust)
        )


def _bar_heads(axes: Any, zero: float, reach: np.ndarray) -> None:
    """Which side is which, in full on the side that has the room."""
    room = WIDE - zero > 38
    for side, align, shift, word, full in (
        (reach[1], "left", 1, "worse", room),
        (-reach[0], "right", -1, "better", not room),
    ):
        if side > 0:
            text = f"{word} than the median trust" if full else word
            axes.text(zero + shift, 2.4, text, va="center", ha=align, fontsize=7, color=style.QUIET)


# --- the quarters ---

_HEAD_MM, _PLOT_MM = 6.2, 9.0
_ROW_MM = _HEAD_MM + _PLOT_MM + 1.2
_KEY_MM = 3.8
_KEY = "Top line of a panel: 1.00, the best score; foot: 4.00, the worst. Dashed: the median trust of the type."


class _Grid(NamedTuple):
    """Panels across; width of one, and of its lines, in mm; letters in a line of its name."""

    across: int
    panel: float
    lines: float
    letters: int


def _grid(panels: int) -> _Grid:
    """Six panels in a row, seven where six would need a fourth row."""
    across = 6 if panels <= 18 else 7
    return _Grid(across, WIDE / across, WIDE / across - 11, 25 if across == 6 else 21)


def trend(trust: Trust) -> Chart | None:
    """The average and each metric score over the quarters, a small panel each; None for a single quarter."""
    if len(board.quarters(trust)) < 2:
        return None
    panels = [("Average score", board.standings(trust)["average"], board.medians(trust).loc["average"])]
    names = board.contributions(trust).set_index("metric_id")["description"]
    panels += [(names[one], row, board.medians(trust).loc[one]) for one, row in board.scores(trust).iterrows()]
    grid = _grid(len(panels))
    rows = -(-len(panels) // grid.across)
    with _sheet(_KEY_MM + rows * _ROW_MM) as (drawing, axes):
        axes.text(0, 0.4, _KEY, va="top", fontsize=7, color=style.QUIET)
        places = [_spot(axes, grid, number, panel) for number, panel in enumerate(panels)]
        frames = [[(left, y), (left + grid.lines + 2, y)] for left, base in places for y in (base, base + _PLOT_MM)]
        axes.add_collection(LineCollection(frames, colors=style.RULE, linewidths=0.5))
        axes.plot(
            *_joined(grid, places, [middle for _, _, middle in panels]), color=style.QUIET, lw=0.8, ls=(0, (3, 2))
        )
        axes.plot(*_joined(grid, places, [own for _, own, _ in panels]), color=style.ACCENT, lw=1.3, marker="o", ms=2.6)
        return Chart.from_figure(
            drawing, alt=trust_findings.trend_alt(trust), caption=trust_findings.trend_caption(trust)
        )


def _spot(axes: Any, grid: _Grid, number: int, panel: tuple[str, pd.Series, pd.Series]) -> tuple[float, float]:
    """Name and last score of a panel; gives its left edge and the top of its plot."""
    name, own, _ = panel
    down, right = divmod(number, grid.across)
    left, top = right * grid.panel, _KEY_MM + down * _ROW_MM
    bold = number == 0
    for line, text in enumerate(textwrap.wrap(name, grid.letters, max_lines=2, placeholder=" …")):
        axes.text(
            left,
            top + 0.4 + 2.7 * line,
            text,
            va="top",
            fontsize=SMALL,
            fontweight=600 if bold else 400,
            color=style.INK if bold else style.QUIET,
        )
    known = np.flatnonzero(own.notna())
    if len(known):
        score = float(own.iloc[known[-1]])
        axes.text(
            left + 2.8 + grid.lines * known[-1] / (len(own) - 1),
            _height(score, top + _HEAD_MM),
            f"{score:.2f}",
            va="center",
            fontsize=7.4,
            fontweight=600,
        )
    return left, top + _HEAD_MM


def _joined(grid: _Grid, places: list[tuple[float, float]], rows: list[pd.Series]) -> tuple[np.ndarray, np.ndarray]:
    """The lines of all panels as one, with gaps between them: one line is drawn much faster than twenty."""
    parts = []
    for (left, base), row in zip(places, rows, strict=True):
        x = left + 1 + grid.lines * np.arange(len(row)) / (len(row) - 1)
        parts += [np.column_stack([x, _height(row.to_numpy(dtype=float), base)]), [[np.nan, np.nan]]]
    return tuple(np.concatenate(parts).T)


def _height(scores: np.ndarray, base: float) -> np.ndarray:
    """1.00 at the top of a panel, 4.00 at its foot."""
    return base + _PLOT_MM * (scores - BEST) / (WORST - BEST)
