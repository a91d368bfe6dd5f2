"""Figures of the limitations briefing that run along a time axis: periods of the data, and mergers."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import Any

import matplotlib
import matplotlib.dates as dates
import numpy as np
import pandas as pd

from nof.common import Quarter
from nof.method import limits, lineage
from nof.method.timeliness import AWARD, OPEN_AWARD, PLAN
from nof.method.view import View
from nof.show import limits_findings, style
from nof.show.charts import ROWS_A_PANEL, figure, head, panels, shortened, which_part
from nof.show.display import Chart
from nof.show.limits_words import happened
from nof.show.words import day, short_name

# --- Figures of the limitations briefing; caption and alt text state the finding ---


__all__ = ["changes", "mergers", "method", "places", "timeline", "widths"]

_ROW_MM = 3.35
_HEAD_MM, _FOOT_MM = 10.0, 11.0
_NAME_PT = 6.6
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">")  # shape beside colour
_COLOURS = (style.ACCENT, style.SEGMENT[3], style.SEGMENT[2], style.SEGMENT[4], style.QUIET, style.INK)


def _paneled(frame: pd.DataFrame, draw: Callable, caption: str, alt: Callable[[pd.DataFrame], str]) -> list[Chart]:
    """A figure for each panel of at most 67 rows; `draw` fills it, given its rows and its height."""
    parts = panels(frame, ROWS_A_PANEL)
    shown = []
    for number, part in enumerate(parts, 1):
        with matplotlib.rc_context(style.rc()):
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
        shown = shortened(short_name(name), 58)
        axes.annotate(shown, (0, row), (-19, 0), fontsize=min(_NAME_PT, _NAME_PT * 46 / max(len(shown), 1)), **look)
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
    axes.scatter(part[place], rows, s=10, color=style.INK, marker="D", zorder=3, lw=0)
    return axes, rows


# --- 1. uncertainty ---


def places(view: View) -> list[Chart]:
    """Likely range and confidence set of each place, and the chance of each segment."""
    table = limits.places(view)
    count = len(table)

    def draw(drawing: Any, part: pd.DataFrame, height: float) -> None:
        """One panel."""
        left, rows = _ranges(drawing, part, count, height, 0.33, "rank")
        left.hlines(rows, part["set_low"], part["set_high"], color=style.QUIET, lw=0.5, zorder=1)
        left.hlines(rows, part["rank_low"], part["rank_high"], color=style.SEGMENT[2], lw=2.6, zorder=2)
        left.set_xlabel("Place (1 is best)")
        head(left, "diamond: place; thick: likely range;\nthin: confidence set")
        _told_apart(left, part)
        _chances(_strip(drawing, 0.73, 0.25, len(part), height), part)

    return _paneled(
        table, draw, limits_findings.places_caption(view), lambda part: limits_findings.places_alt(part, view)
    )


def _told_apart(axes: Any, part: pd.DataFrame) -> None:
    """From how many others each trust can be told apart, as a column of numbers."""
    for row, (told, others) in enumerate(zip(part["told_apart"], part["others"], strict=True)):
        axes.text(
            1.10,
            row,
            f"{told} of {others}",
            transform=axes.get_yaxis_transform(),
            ha="center",
            va="center",
            fontsize=6.2,
            fontweight=600 if told else 400,
            color=style.INK if told else style.QUIET,
        )
    head(axes, "told apart\nfrom", 1.10, "center")


def _chances(axes: Any, part: pd.DataFrame) -> None:
    """Chance of each segment as a bar of four parts with their numbers; the trust's own segment is outlined."""
    start = np.zeros(len(part))
    for segment in (1, 2, 3, 4):
        width = part[f"chance_{segment}"].fillna(0).to_numpy()
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
    axes.set_xlabel("Chance of each segment")
    head(axes, "segments 1 to 4;\nthe trust's own is outlined")


# --- 2. volatility ---


def changes(view: View) -> Chart | None:
    """Averages of this quarter against the quarter before, with the band within which a change is noise."""
    if limits.last_step(view) is None or limits.change(view).empty:
        return None
    table, step = limits.change(view), limits.last_step(view)
    with matplotlib.rc_context(style.rc()):
        drawing = figure(104)
        axes = drawing.add_axes((0.08, 0.10, 0.60, 0.87))
        low, high = _square(axes, table)
        reach = _noise_band(axes, table, low, high)
        _edges(axes, view.edges, low, high)
        _marks(axes, table)
        axes.set_xlabel(f"Average score in {Quarter.parse(step.before).label} (1.00 is best)")
        axes.set_ylabel(f"Average score in {Quarter.parse(step.after).label}")
        axes.legend(loc="upper left", bbox_to_anchor=(1.03, 1.0), borderaxespad=0, handletextpad=0.3, labelspacing=0.8)
        _band_note(axes, reach)
        return Chart.from_figure(
            drawing, alt=limits_findings.changes_alt(table, step), caption=limits_findings.changes_caption(table)
        )


def _marks(axes: Any, table: pd.DataFrame) -> None:
    """A mark for each trust, its shape and filling by what the change was."""
    looks = (("D", style.SEGMENT[4], True), ("s", style.SEGMENT[3], False), ("o", style.ACCENT, True))
    for (label, chosen), (marker, colour, filled) in zip(limits_findings.kinds(table), looks, strict=True):
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
            ends, ends - reach, ends + reach, facecolor=style.SEGMENT_WASH[2], edgecolor=style.QUIET, lw=0.5, zorder=0
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


# --- 5. trust types ---


def widths(view: View) -> Chart:
    """Number of metrics against the width of the likely range of the average, by subtype."""
    table = view.league.assign(width=view.league["average_high"] - view.league["average_low"])
    with matplotlib.rc_context(style.rc()):
        drawing = figure(88)
        axes = drawing.add_axes((0.08, 0.13, 0.62, 0.83))
        _subtype_marks(axes, table)
        middles = table.groupby("metrics_scored")["width"].median()
        axes.hlines(
            middles,
            middles.index - 0.3,
            middles.index + 0.3,
            color=style.INK,
            lw=1.2,
            zorder=4,
            label="median of that number",
        )
        _count_axis(axes, table)
        axes.set_xlabel("Metrics scored")
        axes.set_ylabel("Width of the likely range of the average")
        axes.legend(loc="upper left", bbox_to_anchor=(1.02, 1.0), borderaxespad=0, handletextpad=0.3, labelspacing=0.7)
        return Chart.from_figure(
            drawing, alt=limits_findings.widths_alt(table), caption=limits_findings.widths_caption(view)
        )


def _subtype_marks(axes: Any, table: pd.DataFrame) -> None:
    """A mark for each trust, its shape, filling and colour by subtype."""
    across = _spread(table)
    for number, (subtype, part) in enumerate(table.groupby("trust_subtype", sort=True, dropna=False)):
        colour = _COLOURS[number % len(_COLOURS)]
        axes.scatter(
            across[part.index],
            part["width"],
            s=20,
            marker=_MARKERS[number % len(_MARKERS)],
            facecolor=style.PAPER if number % 2 else colour,
            edgecolor=colour,
            linewidth=0.9,
            zorder=3,
            label=textwrap.fill(f"{subtype} ({len(part)})", 26),
        )


def _count_axis(axes: Any, table: pd.DataFrame) -> None:
    counts = range(int(table["metrics_scored"].min()), int(table["metrics_scored"].max()) + 1)
    axes.set_xticks(list(counts))
    axes.set_xlim(counts[0] - 0.6, counts[-1] + 0.6)
    axes.set_ylim(0, (table["width"].max() or 1) * 1.08)


def _spread(table: pd.DataFrame) -> pd.Series:
    """Metrics scored, moved sideways by rank of width within the same number, so that marks do not hide each other."""
    place = table.groupby("metrics_scored")["width"].rank(method="first") - 1
    return table["metrics_scored"] + (place % 5 - 2) * 0.11


# --- 6. method ---


def method(view: View) -> list[Chart]:
    """Range of places of each trust over all combinations of choices."""
    table = limits.method(view)
    count = len(table)

    def draw(drawing: Any, part: pd.DataFrame, height: float) -> None:
        """One panel."""
        axes, rows = _ranges(drawing, part, count, height, 0.655, "rank_published")
        axes.hlines(rows, part["rank_best"], part["rank_worst"], color=style.QUIET, lw=0.8, zorder=1)
        axes.hlines(rows, part["rank_low"], part["rank_high"], color=style.SEGMENT[2], lw=3, zorder=2)
        axes.set_xlabel("Place under each combination of choices (1 is best)")
        head(
            axes,
            f"diamond: as published; thin: all {len(limits.multiverse(view).choices):,} combinations; thick: nine in ten of them",
        )

    return _paneled(
        table, draw, limits_findings.method_caption(view), lambda part: limits_findings.method_alt(part, view)
    )


# --- Figures of the limitations briefing that run along a time axis: periods of the data, and mergers ---


_AGES = {AWARD: "award dates", OPEN_AWARD: "award dates", PLAN: "a plan"}  # periods whose end is no age
_LEFT, _WIDE = 0.40, 0.46  # of the figure's width: names stand at the left of the axis, ages and dates at its right
_PERIOD_MM, _EVENT_MM = 6.2, 7.6
_HEAD_MM = 6.5


def _axes(drawing: Any, quarter: Quarter, row_mm: float, rows: int, foot_mm: float) -> Any:
    """An axis with a row for each thing, the first at the top, and the quarter as a named band."""
    height = foot_mm + row_mm * rows + _HEAD_MM
    axes = drawing.add_axes((_LEFT, foot_mm / height, _WIDE, row_mm * rows / height))
    axes.set_ylim(rows - 0.4, -0.6)
    axes.axvspan(
        quarter.first_day, quarter.last_day, facecolor=style.HIGHLIGHT, edgecolor=style.QUIET, lw=0.5, zorder=0.5
    )
    axes.annotate(
        quarter.label,
        (dates.date2num(quarter.last_day), 1),
        (0, 4),
        xycoords=axes.get_xaxis_transform(),
        textcoords="offset points",
        ha="right",
        va="bottom",
        fontsize=7,
        color=style.QUIET,
    )
    axes.xaxis.set_major_locator(dates.MonthLocator((1, 7)))
    axes.xaxis.set_major_formatter(dates.DateFormatter("%m/%Y"))
    axes.tick_params(axis="x", labelsize=6.8)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    return axes


def _name(axes: Any, row: int, text: str) -> None:
    """What a row is about, at the left of the axis."""
    axes.text(
        -0.015, row, text, transform=axes.get_yaxis_transform(), ha="right", va="center", fontsize=6.4, linespacing=1.0
    )


# --- data lags ---


def timeline(view: View) -> Chart:
    """The period behind each metric against the quarter."""
    table, quarter = limits.periods(view), Quarter.parse(view.quarter)
    with matplotlib.rc_context(style.rc()):
        drawing = figure(8.5 + _PERIOD_MM * len(table) + _HEAD_MM)
        axes = _axes(drawing, quarter, _PERIOD_MM, len(table), 8.5)
        for row, one in enumerate(table.itertuples()):
            _period(axes, row, one)
        _period_limits(axes, table, quarter)
        head(axes, "age at quarter end", 1.01)
        return Chart.from_figure(
            drawing, caption=limits_findings.timeline_caption(view), alt=limits_findings.timeline_alt(view)
        )


def _period(axes: Any, row: int, one: Any) -> None:
    """One metric: its period as a bar, the earlier period of a year-on-year metric as a hatched one."""
    colour = style.ACCENT if one.in_quarter else style.SEGMENT[3]
    if pd.notna(one.compared_first_day):
        _bar(
            axes,
            row,
            one.compared_first_day,
            one.compared_last_day,
            facecolor=style.PAPER,
            edgecolor=colour,
            hatch="/////",
        )
    if pd.notna(one.first_day) and pd.notna(one.last_day):
        _bar(
            axes,
            row,
            one.first_day,
            one.last_day,
            facecolor=colour if one.in_quarter else style.PAPER,
            edgecolor=colour,
        )
    _name(axes, row, textwrap.fill(shortened(one.description, 104), 54))
    axes.text(1.01, row, _age(one), transform=axes.get_yaxis_transform(), va="center", fontsize=6.8, color=style.INK)


def _age(one: Any) -> str:
    """How old a metric's data are, in words."""
    told = (
        "in quarter"
        if one.in_quarter
        else _AGES.get(one.kind, "not known")
        if (one.kind in _AGES or pd.isna(one.age_months))
        else f"{one.age_months:.0f} months"
    )
    return told + ("" if pd.isna(one.moved) or one.moved else ", not moved")


def _bar(axes: Any, row: int, first: pd.Timestamp, last: pd.Timestamp, **look: Any) -> None:
    axes.barh(row, last - first + pd.Timedelta(days=1), left=first, height=0.52, linewidth=0.9, **look)


def _period_limits(axes: Any, table: pd.DataFrame, quarter: Quarter) -> None:
    first = pd.concat([table["first_day"], table["compared_first_day"]]).min()
    axes.set_xlim(
        (first if pd.notna(first) else pd.Timestamp(quarter.first_day)) - pd.Timedelta(days=20),
        max(pd.Timestamp(quarter.last_day), table["last_day"].max()) + pd.Timedelta(days=15),
    )


# --- mergers ---


def mergers(view: View) -> Chart | None:
    """When the mergers that touch this table took place, against the time that its metrics cover."""
    table = limits.affected(view).drop_duplicates(["event_date", "trust_code"]).reset_index(drop=True)
    if table.empty:
        return None
    quarter = Quarter.parse(view.quarter)
    starts = pd.concat([limits.periods(view)["first_day"], limits.periods(view)["compared_first_day"]]).dropna()
    with matplotlib.rc_context(style.rc()):
        drawing = figure(12.5 + _EVENT_MM * len(table) + _HEAD_MM)
        axes = _axes(drawing, quarter, _EVENT_MM, len(table), 12.5)
        if len(starts):
            axes.axvspan(starts.min(), quarter.last_day, facecolor=style.WASH, edgecolor=style.QUIET, lw=0.5, zorder=0)
        _event_limits(axes, table, starts, quarter)
        for row, one in enumerate(table.itertuples()):
            _event(axes, row, one)
        axes.set_xlabel(
            "filled: up to the quarter's end; hollow: after it; grey: the time that the metrics cover",
            loc="right",
            fontsize=7,
        )
        return Chart.from_figure(
            drawing,
            caption=limits_findings.mergers_caption(table, len(view.league)),
            alt=limits_findings.mergers_alt(table, quarter),
        )


def _event(axes: Any, row: int, one: Any) -> None:
    later = one.timing == lineage.AFTER
    colour = style.SEGMENT[3] if later else style.ACCENT
    axes.scatter(
        [one.event_date],
        [row],
        marker="D",
        s=26,
        facecolor=style.PAPER if later else colour,
        edgecolor=colour,
        linewidth=1.1,
        zorder=3,
    )
    _name(axes, row, textwrap.fill(shortened(f"{short_name(one.trust_name)} {happened(one)}", 160), 56))
    axes.text(1.02, row, day(one.event_date), transform=axes.get_yaxis_transform(), va="center", fontsize=6.8)


def _event_limits(axes: Any, table: pd.DataFrame, starts: pd.Series, quarter: Quarter) -> None:
    first = min([*starts, table["event_date"].min(), pd.Timestamp(quarter.first_day)])
    last = max(table["event_date"].max(), pd.Timestamp(quarter.last_day))
    axes.set_xlim(first - pd.Timedelta(days=40), last + pd.Timedelta(days=40))
