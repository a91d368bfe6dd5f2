"""Figures of one trust's briefing: each one drawing on one axis in millimetres, as lean as they come."""

from __future__ import annotations

import textwrap
from contextlib import contextmanager
from typing import NamedTuple

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.collections import LineCollection

from nof import style
from nof.charts import figure
from nof.display import Chart
from nof.quarter import Quarter
from nof.trust import TrustView
from nof.words import short_name, trusts

WIDE = style.TEXT_WIDTH_MM
BEST, WORST = 1.0, 4.0
WORSE, BETTER = style.SEGMENT[3], style.SEGMENT[1]  # than the median trust; the sign beside each bar says the same
SMALL = 6.4


@contextmanager
def _sheet(height: float):
    """A figure with one axis over all of it, in millimetres from the top left."""
    with matplotlib.rc_context(style.rc()):
        drawing = figure(height)
        axes = drawing.add_axes((0, 0, 1, 1))
        axes.set_xlim(0, WIDE)
        axes.set_ylim(height, 0)
        axes.set_axis_off()
        yield drawing, axes


def shortened(text: str, longest: int) -> str:
    """A long description cut at a word, for a chart: the table near by has it whole."""
    return textwrap.shorten(text, longest, placeholder=" …")


# --- where it stands among its type ---

def strip(trust: TrustView) -> Chart:
    """Every trust's average on one line, with this trust's likely range and the segments."""
    league, own = trust.limits.league, trust.place
    low = min(league["average_score"].min(), own["average_low"])
    high = max(league["average_score"].max(), own["average_high"])
    low, high = max(BEST, np.floor(low * 10) / 10), min(WORST, np.ceil(high * 10) / 10)

    def across(score):
        return 2 + (WIDE - 4) * (np.asarray(score, dtype=float) - low) / (high - low)

    with _sheet(27) as (drawing, axes):
        _segment_bands(axes, trust.limits.view.edges, across, low, high)
        averages = across(league["average_score"].to_numpy())
        axes.add_collection(LineCollection([[(x, 9), (x, 14)] for x in averages], colors=style.QUIET, linewidths=0.7))
        x = float(across(own["average_score"]))
        axes.plot(across([own["average_low"], own["average_high"]]), [18, 18], color=style.INK, lw=2.2)
        axes.plot([x, x], [7.5, 18], color=style.INK, lw=1.4)
        axes.plot(x, 18, marker="D", ms=6.5, color=style.INK)
        said = f"{own['average_score']:.2f}, likely range {own['average_low']:.2f} to {own['average_high']:.2f}"
        axes.text(min(max(x, 26), WIDE - 26), 22.4, said, ha="center", va="center", fontweight=600)
        for score, align in ((low, "left"), (high, "right")):
            axes.text(float(across(score)), 26, f"{score:.1f}", ha=align, va="center", fontsize=SMALL,
                      color=style.QUIET)
        return Chart.from_figure(drawing, alt=_strip_alt(trust),
                                 caption=f"Average score and likely range among the "
                                         f"{trusts(trust.trusts, trust.trust_type)}")


def _segment_bands(axes, edges, across, low: float, high: float) -> None:
    """The segments by average, as bands with their numbers; nothing where the edges are not known."""
    if not np.isfinite(edges).all():
        return
    bounds = np.clip([low, *edges, high], low, high)
    for segment, (start, end) in enumerate(zip(bounds[:-1], bounds[1:], strict=True), 1):
        if end > start:
            left, right = float(across(start)), float(across(end))
            axes.fill_between([left, right], 6.5, 16, color=style.SEGMENT_WASH[segment], lw=0)
            name = f"Segment {segment}" if right - left > 16 else str(segment)
            axes.text((left + right) / 2, 4, name, ha="center", va="center", fontsize=7, color=style.QUIET)


def _strip_alt(trust: TrustView) -> str:
    own, averages = trust.place, trust.limits.league["average_score"]
    inside = int(averages.between(own["average_low"], own["average_high"]).sum()) - 1
    return (f"Strip of {len(averages)} average scores from {averages.min():.2f} to {averages.max():.2f}. "
            f"{short_name(trust.name)} stands at {own['average_score']:.2f}; its likely range, "
            f"{own['average_low']:.2f} to "
            f"{own['average_high']:.2f}, holds the averages of {inside} of the {len(averages) - 1} other trusts.")


# --- where the score comes from ---

def bars(trust: TrustView) -> Chart:
    """What each metric adds to the average against a median trust, as bars in order."""
    table = trust.contributions
    values = table["contribution"].to_numpy()
    step, top = 3.9, 5.5
    reach = np.array([min(values.min(), 0.0), max(values.max(), 0.0)])
    left, right = 84.0, WIDE - 12
    scale = (right - left) / max(reach[1] - reach[0], 1e-9)
    zero = left - reach[0] * scale
    rows = top + step * (np.arange(len(values)) + 0.5)
    with _sheet(top + step * len(values) + 1.5) as (drawing, axes):
        ends = zero + values * scale
        for chosen, colour in ((values > 0, WORSE), (values < 0, BETTER)):
            lines = [[(zero, y), (x, y)] for x, y in zip(ends[chosen], rows[chosen], strict=True)]
            axes.add_collection(LineCollection(lines, colors=colour, linewidths=0.62 * step * style.POINTS_PER_MM,
                                               capstyle="butt"))
        axes.plot([zero, zero], [top - 1, top + step * len(values)], color=style.QUIET, lw=0.7)
        for y, x, value, text in zip(rows, ends, values, table["description"], strict=True):
            axes.text(0, y, shortened(text, 56), va="center", fontsize=7.4)
            axes.text(x + (1 if value >= 0 else -1), y, signed(value), va="center",
                      ha="left" if value >= 0 else "right", fontsize=7.4)
        _bar_heads(axes, zero, reach)
        return Chart.from_figure(drawing, alt=_bars_alt(trust),
                                 caption="What each metric adds to the average, against a median trust of the type")


def _bar_heads(axes, zero: float, reach: np.ndarray) -> None:
    """Which side is which."""
    if reach[1] > 0:
        axes.text(zero + 1, 2.4, "worse than the median trust", va="center", fontsize=7, color=style.QUIET)
    if reach[0] < 0:
        axes.text(zero - 1, 2.4, "better", va="center", ha="right", fontsize=7, color=style.QUIET)


def signed(value: float) -> str:
    """A number with its sign, a real minus; nought has none."""
    text = f"{value:+.2f}"
    return "0.00" if text[1:] == "0.00" else text.replace("-", "−")


def _bars_alt(trust: TrustView) -> str:
    table = trust.contributions
    worse, better = (table["contribution"] > 0.005).sum(), (table["contribution"] < -0.005).sum()
    first, last = table.iloc[0], table.iloc[-1]
    parts = [f"Bars for {len(table)} metrics: {worse} make the average worse than a median trust's, {better} make it "
             f"better."]
    if first["contribution"] > 0.005:
        parts.append(f"The largest against the trust is {first['description']} ({signed(first['contribution'])}).")
    if last["contribution"] < -0.005:
        parts.append(f"The largest in its favour is {last['description']} ({signed(last['contribution'])}).")
    return " ".join(parts)


# --- the quarters ---

_HEAD_MM, _PLOT_MM = 6.6, 10.0
_ROW_MM = _HEAD_MM + _PLOT_MM + 1.4


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


def trend(trust: TrustView) -> Chart | None:
    """The average and each metric score over the quarters, a small panel each; None for a single quarter."""
    if len(trust.quarters) < 2:
        return None
    panels = [("Average score", trust.standings["average"], trust.medians.loc["average"])]
    names = trust.contributions.set_index("metric_id")["description"]
    panels += [(names[one], row, trust.medians.loc[one]) for one, row in trust.scores.iterrows()]
    grid = _grid(len(panels))
    rows = -(-len(panels) // grid.across)
    with _sheet(rows * _ROW_MM) as (drawing, axes):
        places = [_spot(axes, grid, number, panel) for number, panel in enumerate(panels)]
        frames = [[(left, y), (left + grid.lines + 2, y)] for left, base in places for y in (base, base + _PLOT_MM)]
        axes.add_collection(LineCollection(frames, colors=style.RULE, linewidths=0.5))
        axes.plot(*_joined(grid, places, [middle for _, _, middle in panels]), color=style.QUIET, lw=0.8,
                  ls=(0, (3, 2)))
        axes.plot(*_joined(grid, places, [own for _, own, _ in panels]), color=style.ACCENT, lw=1.3, marker="o", ms=2.6)
        return Chart.from_figure(drawing, alt=_trend_alt(trust), caption=_trend_caption(trust))


def _spot(axes, grid: _Grid, number: int, panel: tuple[str, pd.Series, pd.Series]) -> tuple[float, float]:
    """Name and last score of a panel; gives its left edge and the top of its plot."""
    name, own, _ = panel
    down, right = divmod(number, grid.across)
    left, top = right * grid.panel, down * _ROW_MM
    bold = number == 0
    for line, text in enumerate(textwrap.wrap(shortened(name, 2 * grid.letters - 4), grid.letters)[:2]):
        axes.text(left, top + 0.4 + 2.7 * line, text, va="top", fontsize=SMALL, fontweight=600 if bold else 400,
                  color=style.INK if bold else style.QUIET)
    known = np.flatnonzero(own.notna())
    if len(known):
        score = float(own.iloc[known[-1]])
        axes.text(left + 2.8 + grid.lines * known[-1] / (len(own) - 1), _height(score, top + _HEAD_MM), f"{score:.2f}",
                  va="center", fontsize=7.4, fontweight=600)
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


def _trend_caption(trust: TrustView) -> str:
    first, last = (Quarter.parse(one).label for one in (trust.quarters[0], trust.quarters[-1]))
    return f"Scores, {first} to {last}: top of a panel 1.00 (best), foot 4.00; dashed: median of the type"


def _trend_alt(trust: TrustView) -> str:
    averages = trust.standings["average_score"]
    known = [row.dropna() for _, row in trust.scores.round(2).iterrows()]
    steps = pd.Series([row.iloc[-1] - row.iloc[0] for row in known if len(row) > 1], dtype=float)
    better, worse = int((steps < 0).sum()), int((steps > 0).sum())
    return (f"Small line charts over {len(trust.quarters)} quarters. The average went from {averages.iloc[0]:.2f} to "
            f"{averages.iloc[-1]:.2f}; of {len(steps)} metrics scored more than once, {better} score better "
            f"than at first and {worse} worse. The table below gives the scores.")
