"""Figures of the limitations briefing, each with alt text that states the finding."""

from __future__ import annotations

import textwrap
from collections.abc import Callable

import matplotlib
import matplotlib.dates as dates
import numpy as np
import pandas as pd

from nof import lineage, style
from nof.charts import ROWS_A_PANEL, figure, panels
from nof.display import Chart
from nof.limit_words import happened
from nof.limits import Limits
from nof.quarter import Quarter
from nof.timeliness import AWARD, OPEN_AWARD, PLAN
from nof.words import day, share, short_name

_ROW_MM = 3.35
_HEAD_MM, _FOOT_MM = 10.0, 11.0
_NAME_PT = 6.6
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">")  # shape beside colour
_AGES = {AWARD: "award dates", OPEN_AWARD: "award dates", PLAN: "a plan"}  # periods whose end is no age
_COLOURS = (style.ACCENT, style.SEGMENT[3], style.SEGMENT[2], style.SEGMENT[4], style.QUIET, style.INK)


def _paneled(frame: pd.DataFrame, draw: Callable, caption: str, alt: Callable[[pd.DataFrame], str]) -> list[Chart]:
    """A figure for each panel of at most 67 rows; `draw` fills it, given its rows and its height."""
    parts = panels(frame, ROWS_A_PANEL)
    shown = []
    for number, part in enumerate(parts, 1):
        suffix = f" ({number} of {len(parts)})" if len(parts) > 1 else ""
        with matplotlib.rc_context(style.rc()):
            height = _HEAD_MM + _FOOT_MM + _ROW_MM * len(part)
            drawing = figure(height)
            draw(drawing, part, height)
            shown.append(Chart.from_figure(drawing, alt=alt(part), caption=caption + suffix))
    return shown


def _strip(drawing, left: float, width: float, rows: int, height: float):
    """Axes with one row a trust, best at the top, within the figure's head and foot."""
    axes = drawing.add_axes((left, _FOOT_MM / height, width, _ROW_MM * rows / height))
    axes.set_ylim(rows - 0.4, -0.6)
    axes.set_yticks([])
    for side in ("left", "top", "right"):
        axes.spines[side].set_visible(False)
    return axes


def _names(axes, part: pd.DataFrame, place: str = "rank") -> None:
    """Names and places at the left of the axes."""
    look = {"xycoords": axes.get_yaxis_transform(), "textcoords": "offset points", "ha": "right", "va": "center"}
    for row, (name, number) in enumerate(zip(part["trust_name"], part[place], strict=True)):
        shown = _shortened(short_name(name), 58)
        axes.annotate(shown, (0, row), (-19, 0), fontsize=min(_NAME_PT, _NAME_PT * 46 / max(len(shown), 1)), **look)
        axes.annotate(f"{number:.0f}", (0, row), (-4, 0), fontsize=_NAME_PT, fontweight=600, **look)


def _place_axis(axes, count: int, rows: int) -> None:
    axes.set_xlim(0.4, count + 0.6)
    step = max(1, round(count / 6 / 5) * 5) if count > 12 else 2
    ticks = sorted({1, *range(step, count - step // 2, step), count})
    axes.set_xticks(ticks)
    axes.vlines(ticks, -0.6, rows - 0.4, color=style.RULE, lw=0.4, zorder=0)


def _head(axes, text: str, x: float = 0.0, align: str = "left") -> None:
    axes.annotate(text, (x, 1), (0, 4), xycoords="axes fraction", textcoords="offset points", ha=align, va="bottom",
                  fontsize=7, color=style.QUIET, linespacing=1.1)


# --- 1. uncertainty ---


def places(limits: Limits) -> list[Chart]:
    """Likely range and confidence set of each place, and the chance of each segment."""
    table = limits.places
    count = len(table)

    def draw(drawing, part: pd.DataFrame, height: float) -> None:
        left = _strip(drawing, 0.33, 0.33, len(part), height)
        _names(left, part)
        _place_axis(left, count, len(part))
        rows = np.arange(len(part))
        left.hlines(rows, part["set_low"], part["set_high"], color=style.QUIET, lw=0.5, zorder=1)
        left.hlines(rows, part["rank_low"], part["rank_high"], color=style.SEGMENT[2], lw=2.6, zorder=2)
        left.scatter(part["rank"], rows, s=9, color=style.INK, marker="D", zorder=3, lw=0)
        left.set_xlabel("Place (1 is best)")
        _head(left, "diamond: place; thick: likely range;\nthin: confidence set")
        for row, (told, others) in enumerate(zip(part["told_apart"], part["others"], strict=True)):
            left.text(1.10, row, f"{told} of {others}", transform=left.get_yaxis_transform(), ha="center", va="center",
                      fontsize=6.2, fontweight=600 if told else 400, color=style.INK if told else style.QUIET)
        _head(left, "told apart\nfrom", 1.10, "center")
        _chances(_strip(drawing, 0.73, 0.25, len(part), height), part)

    return _paneled(table, draw, "How sure each place and each segment is", lambda part: _places_alt(part, limits))


def _chances(axes, part: pd.DataFrame) -> None:
    """Chance of each segment as a bar of four parts with their numbers; the trust's own segment is outlined."""
    start = np.zeros(len(part))
    for segment in (1, 2, 3, 4):
        width = part[f"chance_{segment}"].fillna(0).to_numpy()
        axes.barh(range(len(part)), width, left=start, height=0.84, color=style.SEGMENT_WASH[segment], edgecolor=style.QUIET,
                  linewidth=0.3)
        for row in np.flatnonzero(width >= 0.08):
            axes.text(start[row] + width[row] / 2, row, str(segment), ha="center", va="center", fontsize=5.8)
        own = (part["segment"] == segment).to_numpy() & (width > 0)
        axes.barh(np.flatnonzero(own), width[own], left=start[own], height=0.84, fill=False, edgecolor=style.INK,
                  linewidth=1.1, zorder=3)
        start = start + width
    axes.set_xlim(0, 1)
    axes.set_xticks([0, 0.5, 1], ["0", "50%", "100%"])
    axes.set_xlabel("Chance of each segment")
    _head(axes, "segments 1 to 4;\nthe trust's own is outlined")


def _places_alt(part: pd.DataFrame, limits: Limits) -> str:
    table = limits.places
    width = (table["rank_high"] - table["rank_low"] + 1).median()
    told = int((table["told_apart"] > 0).sum())
    range_text = f"the middle likely range covers {width:.0f} of {len(table)} places" if width == width else (
        "no likely range of the place is known")
    return (f"Range plot of places {part['rank'].min():.0f} to {part['rank'].max():.0f}: {range_text}; "
            f"{share(told, len(table))} trusts of the whole table can be told apart from at least one other, and most "
            "confidence sets run over the whole table. Bars beside it show the chance of each segment, spread over two or "
            "more segments for most trusts. The tables hold the numbers.")


# --- 2. volatility ---


def changes(limits: Limits) -> Chart | None:
    """Averages of this quarter against the quarter before, with the band within which a change is noise."""
    if limits.last_step is None or limits.change.empty:
        return None
    table, step = limits.change, limits.last_step
    with matplotlib.rc_context(style.rc()):
        drawing = figure(104)
        axes = drawing.add_axes((0.08, 0.10, 0.60, 0.87))
        low, high = _square(axes, table)
        reach = _noise_band(axes, table, low, high)
        _edges(axes, limits.view.edges, low, high)
        for (label, chosen), marker, colour, fill in zip(
                _kinds(table), ("D", "s", "o"), (style.SEGMENT[4], style.SEGMENT[3], style.ACCENT), (True, False, True),
                strict=True):
            axes.scatter(table["average_before"][chosen], table["average_after"][chosen], marker=marker,
                         s=20 if marker != "o" else 11, facecolor=colour if fill else style.PAPER, edgecolor=colour,
                         linewidth=0.9, zorder=3, label=f"{label}: {int(chosen.sum())}")
        axes.set_xlabel(f"Average score in {Quarter.parse(step.before).label} (1.00 is best)")
        axes.set_ylabel(f"Average score in {Quarter.parse(step.after).label}")
        axes.legend(loc="upper left", bbox_to_anchor=(1.03, 1.0), borderaxespad=0, handletextpad=0.3, labelspacing=0.8)
        _band_note(axes, reach)
        return Chart.from_figure(drawing, alt=_changes_alt(table, step), caption=(
            f"Average scores in {Quarter.parse(step.before).label} and {Quarter.parse(step.after).label}"))


def _square(axes, table: pd.DataFrame) -> tuple[float, float]:
    both = table[["average_before", "average_after"]].to_numpy()
    low, high = max(1.0, np.floor(both.min() * 10 - 1) / 10), min(4.0, np.ceil(both.max() * 10 + 1) / 10)
    axes.set_xlim(low, high)
    axes.set_ylim(high, low)  # best at the top, as in a table
    axes.plot([low, high], [low, high], color=style.QUIET, lw=0.7, zorder=1)
    return low, high


def _noise_band(axes, table: pd.DataFrame, low: float, high: float) -> float:
    """The band of a typical trust: 1.96 times the middle standard error of a change."""
    reach = float(1.96 * table["standard_error"].median())
    if np.isfinite(reach):
        ends = np.array([low, high])
        axes.fill_between(ends, ends - reach, ends + reach, facecolor=style.SEGMENT_WASH[2], edgecolor=style.QUIET, lw=0.5,
                          zorder=0)
    return reach


def _edges(axes, edges: np.ndarray, low: float, high: float) -> None:
    for number, edge in enumerate(edges, 1):
        if low < edge < high:
            axes.vlines(edge, low, high, color=style.QUIET, lw=0.5, ls=(0, (4, 3)), zorder=1)
            axes.hlines(edge, low, high, color=style.QUIET, lw=0.5, ls=(0, (4, 3)), zorder=1)
            axes.text(edge, low, f"{number} | {number + 1}", ha="center", va="bottom", fontsize=6.2, color=style.QUIET)
            axes.text(high, edge, f" {number}\n {number + 1}", ha="left", va="center", fontsize=6.2, color=style.QUIET)


def _kinds(table: pd.DataFrame) -> list[tuple[str, pd.Series]]:
    moved = table["segment_before"].ne(table["segment_after"]) & table[["segment_before", "segment_after"]].notna().all(axis=1)
    sure = table["more_than_noise"]
    return [("change is more than noise", sure), ("other change of segment", moved & ~sure),
            ("same segment", ~moved & ~sure)]


def _band_note(axes, reach: float) -> None:
    text = ("above the line: better than before\nbelow it: worse\n\ndashed: edges between segments\nof this quarter")
    if np.isfinite(reach):
        text += f"\n\nshaded: changes of up to {reach:.2f},\n1.96 typical standard errors"
    axes.text(1.04, 0.72, text, transform=axes.transAxes, va="top", fontsize=7.2, color=style.QUIET, linespacing=1.35)


def _changes_alt(table: pd.DataFrame, step) -> str:
    (_, sure), (_, moved), _ = _kinds(table)
    return (f"Scatter plot of {len(table)} trusts, average score of {Quarter.parse(step.before).label} against "
            f"{Quarter.parse(step.after).label}: nearly all lie in a band around the line of no change. "
            f"{int(moved.sum())} changed segment without a change that is more than noise; for {int(sure.sum())} the change "
            "is more than noise. The table below counts them.")


# --- 3. data lags ---


def timeline(limits: Limits) -> Chart:
    """The period behind each metric against the quarter."""
    table, quarter = limits.periods, Quarter.parse(limits.view.quarter)
    with matplotlib.rc_context(style.rc()):
        height = 15 + 6.2 * len(table)
        drawing = figure(height)
        axes = drawing.add_axes((0.40, 8.5 / height, 0.45, 6.2 * len(table) / height))
        axes.set_ylim(len(table) - 0.4, -0.6)
        axes.axvspan(quarter.first_day, quarter.last_day, facecolor=style.HIGHLIGHT, edgecolor=style.QUIET, lw=0.5, zorder=0)
        for row, one in enumerate(table.itertuples()):
            _period(axes, row, one)
        _timeline_axis(axes, table, quarter)
        return Chart.from_figure(drawing, caption=f"When the data behind each metric were made ({quarter.label} shaded)",
                                 alt=_timeline_alt(limits, quarter))


def _period(axes, row: int, one) -> None:
    """One metric: its period as a bar, the earlier period of a year-on-year metric as a hollow one."""
    colour = style.ACCENT if one.in_quarter else style.SEGMENT[3]
    if pd.notna(one.compared_first_day):
        _bar(axes, row, one.compared_first_day, one.compared_last_day, facecolor=style.PAPER, edgecolor=colour, hatch="/////")
    if pd.notna(one.first_day) and pd.notna(one.last_day):
        _bar(axes, row, one.first_day, one.last_day, facecolor=colour if one.in_quarter else style.PAPER, edgecolor=colour)
    name, across = textwrap.fill(_shortened(one.description, 104), 54), axes.get_yaxis_transform()
    axes.text(-0.015, row, name, transform=across, ha="right", va="center", fontsize=6.4, linespacing=1.0)
    told = "in quarter" if one.in_quarter else _AGES.get(one.kind, "not known") if (
        one.kind in _AGES or pd.isna(one.age_months)) else f"{one.age_months:.0f} months"
    still = "" if pd.isna(one.moved) or one.moved else ", not moved"
    axes.text(1.01, row, told + still, transform=across, va="center", fontsize=6.8, color=style.INK)


def _bar(axes, row: int, first, last, **look) -> None:
    axes.barh(row, last - first + pd.Timedelta(days=1), left=first, height=0.52, linewidth=0.9, **look)


def _shortened(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[:longest].rsplit(' ', 1)[0]} …"


def _timeline_axis(axes, table: pd.DataFrame, quarter: Quarter) -> None:
    first = pd.concat([table["first_day"], table["compared_first_day"]]).min()
    axes.set_xlim((first if pd.notna(first) else pd.Timestamp(quarter.first_day)) - pd.Timedelta(days=20),
                  max(pd.Timestamp(quarter.last_day), table["last_day"].max()) + pd.Timedelta(days=15))
    axes.xaxis.set_major_locator(dates.MonthLocator((1, 7)))
    axes.xaxis.set_major_formatter(dates.DateFormatter("%m/%Y"))
    axes.tick_params(axis="x", labelsize=6.8)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    _head(axes, "age at quarter end", 1.01)


def _timeline_alt(limits: Limits, quarter: Quarter) -> str:
    table = limits.periods
    known = table["age_months"].dropna()
    oldest = f"; the oldest ends {known.max():.0f} months before the quarter's end" if len(known) else ""
    return (f"Timeline of {len(table)} metric periods: {share(int(table['in_quarter'].sum()), len(table))} end in "
            f"{quarter.label}{oldest}. The table below gives each period.")


# --- 4. mergers ---


def mergers(limits: Limits) -> Chart | None:
    """When the mergers that touch this table took place, against the time that its metrics cover."""
    table = limits.affected.drop_duplicates(["event_date", "trust_code"]).reset_index(drop=True)
    if table.empty:
        return None
    quarter = Quarter.parse(limits.view.quarter)
    starts = pd.concat([limits.periods["first_day"], limits.periods["compared_first_day"]]).dropna()
    with matplotlib.rc_context(style.rc()):
        height = 15.5 + 8 * len(table)
        drawing = figure(height)
        axes = drawing.add_axes((0.02, 8.5 / height, 0.96, 8 * len(table) / height))
        axes.set_ylim(len(table) - 0.4, -0.6)
        if len(starts):
            axes.axvspan(starts.min(), quarter.last_day, facecolor=style.WASH, edgecolor=style.QUIET, lw=0.5, zorder=0)
        axes.axvspan(quarter.first_day, quarter.last_day, facecolor=style.HIGHLIGHT, edgecolor=style.QUIET, lw=0.5, zorder=0.5)
        for row, one in enumerate(table.itertuples()):
            _event(axes, row, one, quarter)
        _merger_axis(axes, table, starts, quarter)
        return Chart.from_figure(drawing, caption=f"Mergers that touch this table ({quarter.label} shaded)",
                                 alt=_mergers_alt(table, quarter))


def _event(axes, row: int, one, quarter: Quarter) -> None:
    later = one.timing == lineage.AFTER
    colour = style.SEGMENT[3] if later else style.ACCENT
    axes.scatter([one.event_date], [row], marker="D", s=26, facecolor=style.PAPER if later else colour, edgecolor=colour,
                 linewidth=1.1, zorder=3)
    text = f"{short_name(one.trust_name)} {happened(one)}"
    right = one.event_date > pd.Timestamp(quarter.last_day) - pd.Timedelta(days=300)
    axes.annotate(f"{textwrap.fill(_shortened(text, 150), 90)}\n{day(one.event_date)}", (one.event_date, row), (-8 if right else 8, 0),
                  textcoords="offset points", ha="right" if right else "left", va="center", linespacing=1.2,
                  fontsize=6.4)


def _merger_axis(axes, table: pd.DataFrame, starts: pd.Series, quarter: Quarter) -> None:
    first = min([*starts, table["event_date"].min(), pd.Timestamp(quarter.first_day)])
    last = max(table["event_date"].max(), pd.Timestamp(quarter.last_day))
    axes.set_xlim(first - pd.Timedelta(days=40), last + pd.Timedelta(days=40))
    axes.xaxis.set_major_locator(dates.MonthLocator((1, 7)))
    axes.xaxis.set_major_formatter(dates.DateFormatter("%m/%Y"))
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    _head(axes, "grey: the time that the metrics cover; filled: before or in the quarter; hollow: after it")


def _mergers_alt(table: pd.DataFrame, quarter: Quarter) -> str:
    later = int((table["timing"] == lineage.AFTER).sum())
    return (f"Timeline of mergers: {table['trust_code'].nunique()} trusts of this table are touched, "
            f"{len(table) - later} times before or in {quarter.label} and {later} times after it. The table lists them.")


# --- 5. trust types ---


def widths(limits: Limits) -> Chart:
    """Number of metrics against the width of the likely range of the average, by subtype."""
    table = limits.league.assign(width=limits.league["average_high"] - limits.league["average_low"])
    with matplotlib.rc_context(style.rc()):
        drawing = figure(88)
        axes = drawing.add_axes((0.08, 0.13, 0.62, 0.83))
        across = _spread(table)
        for number, (subtype, part) in enumerate(table.groupby("trust_subtype", sort=True, dropna=False)):
            axes.scatter(across[part.index], part["width"], s=20, marker=_MARKERS[number % len(_MARKERS)],
                         facecolor=style.PAPER if number % 2 else _COLOURS[number % len(_COLOURS)],
                         edgecolor=_COLOURS[number % len(_COLOURS)], linewidth=0.9, zorder=3, label=textwrap.fill(f"{subtype} ({len(part)})", 26))
        middles = table.groupby("metrics_scored")["width"].median()
        axes.hlines(middles, middles.index - 0.3, middles.index + 0.3, color=style.INK, lw=1.2, zorder=4,
                    label="median of that number")
        counts = range(int(table["metrics_scored"].min()), int(table["metrics_scored"].max()) + 1)
        axes.set_xticks(list(counts))
        axes.set_xlim(counts[0] - 0.6, counts[-1] + 0.6)
        axes.set_ylim(0, (table["width"].max() or 1) * 1.08)
        axes.set_xlabel("Metrics scored")
        axes.set_ylabel("Width of the likely range of the average")
        axes.legend(loc="upper left", bbox_to_anchor=(1.02, 1.0), borderaxespad=0, handletextpad=0.3, labelspacing=0.7)
        return Chart.from_figure(drawing, alt=_widths_alt(table, limits),
                                 caption="Metrics scored and width of the likely range")


def _spread(table: pd.DataFrame) -> pd.Series:
    """Metrics scored, moved sideways by rank of width within the same number, so that marks do not hide each other."""
    place = table.groupby("metrics_scored")["width"].rank(method="first") - 1
    return table["metrics_scored"] + (place % 5 - 2) * 0.11


def _widths_alt(table: pd.DataFrame, limits: Limits) -> str:
    few, many = table["metrics_scored"].min(), table["metrics_scored"].max()
    r = limits.widths.loc["average_width", "spearman"]
    ends = (f"trusts scored on {few} metrics have likely ranges with a median width of "
            f"{table.loc[table['metrics_scored'] == few, 'width'].median():.2f}, those on {many} metrics "
            f"{table.loc[table['metrics_scored'] == many, 'width'].median():.2f}") if few < many else (
                f"all trusts are scored on {few} metrics")
    return (f"Scatter plot of {len(table)} trusts: {ends}"
            f"{f'; rank correlation {r:.2f}' if np.isfinite(r) else ''}. The table gives the medians by subtype.")


# --- 6. method ---


def method(limits: Limits) -> list[Chart]:
    """Range of places of each trust over all combinations of choices."""
    table = limits.method
    count = len(table)

    def draw(drawing, part: pd.DataFrame, height: float) -> None:
        axes = _strip(drawing, 0.33, 0.655, len(part), height)
        _names(axes, part, "rank_published")
        _place_axis(axes, count, len(part))
        rows = np.arange(len(part))
        axes.hlines(rows, part["rank_best"], part["rank_worst"], color=style.QUIET, lw=0.8, zorder=1)
        axes.hlines(rows, part["rank_low"], part["rank_high"], color=style.SEGMENT[2], lw=3, zorder=2)
        axes.scatter(part["rank_published"], rows, s=11, color=style.INK, marker="D", zorder=3, lw=0)
        axes.set_xlabel("Place under each combination of choices (1 is best)")
        _head(axes, f"diamond: as published; thin: all {len(limits.multiverse.choices):,} combinations; thick: nine in ten of them")

    return _paneled(table, draw, "The places that each trust could have had", lambda part: _method_alt(part, limits))


def _method_alt(part: pd.DataFrame, limits: Limits) -> str:
    table = limits.method
    width = (table["rank_worst"] - table["rank_best"] + 1).median()
    return (f"Range plot of the {len(part)} trusts at places {part['rank_published'].min():.0f} to "
            f"{part['rank_published'].max():.0f}: over {len(limits.multiverse.choices):,} combinations of choices a typical "
            f"trust of the table could have stood anywhere within {width:.0f} of {len(table)} places. The tables hold the "
            "choices that move trusts most.")
