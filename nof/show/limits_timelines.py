"""Figures of the limitations briefing that run along a time axis: periods of the data, and mergers."""

from __future__ import annotations

import textwrap
from typing import Any

import pandas as pd

from nof.common import Quarter
from nof.method import lineage
from nof.method.limits_data_facts import Ages, Mergers
from nof.method.reporting_dates import AWARD, OPEN_AWARD, PLAN
from nof.show import limits_findings, style
from nof.show.charts import figure, head, shortened
from nof.show.display import Chart
from nof.show.limits_data_tables import happened
from nof.show.words import day, short_name

_AGES = {AWARD: "award dates", OPEN_AWARD: "award dates", PLAN: "a plan"}  # periods whose end is no age
_LEFT, _WIDE = 0.40, 0.46  # of the figure's width: names stand at the left of the axis, ages and dates at its right
_PERIOD_MM, _EVENT_MM = 6.2, 7.6
_HEAD_MM = 6.5


def _axes(drawing: Any, quarter: Quarter, row_mm: float, rows: int, foot_mm: float) -> Any:
    """An axis with a row for each thing, the first at the top, and the quarter as a named band."""
    from matplotlib import dates

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


def timeline(table: pd.DataFrame, quarter: str, ages: Ages) -> Chart:
    """The period behind each metric against the quarter.

    Parameters
    ----------
    table : DataFrame
        As `limits.periods`.
    quarter : str
        Slug.
    ages : Ages
        Facts of the same periods.
    """
    now = Quarter.parse(quarter)
    with style.applied():
        drawing = figure(8.5 + _PERIOD_MM * len(table) + _HEAD_MM)
        axes = _axes(drawing, now, _PERIOD_MM, len(table), 8.5)
        for row, one in enumerate(table.itertuples()):
            _period(axes, row, one)
        _period_limits(axes, table, now)
        head(axes, "age at quarter end", 1.01)
        return Chart.from_figure(
            drawing, caption=limits_findings.timeline_caption(ages), alt=limits_findings.timeline_alt(ages)
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


def mergers(affected: pd.DataFrame, periods: pd.DataFrame, quarter: str, found: Mergers) -> Chart | None:
    """When the mergers that touch a table took place, against the time that its metrics cover; None without any.

    Parameters
    ----------
    affected, periods : DataFrame
        As `limits.affected` and `limits.periods`.
    quarter : str
        Slug.
    found : Mergers
        Facts of the same mergers.
    """
    table = affected.drop_duplicates(["event_date", "trust_code"]).reset_index(drop=True)
    if table.empty:
        return None
    now = Quarter.parse(quarter)
    starts = pd.concat([periods["first_day"], periods["compared_first_day"]]).dropna()
    with style.applied():
        drawing = figure(12.5 + _EVENT_MM * len(table) + _HEAD_MM)
        axes = _axes(drawing, now, _EVENT_MM, len(table), 12.5)
        if len(starts):
            axes.axvspan(starts.min(), now.last_day, facecolor=style.WASH, edgecolor=style.QUIET, lw=0.5, zorder=0)
        _event_limits(axes, table, starts, now)
        for row, one in enumerate(table.itertuples()):
            _event(axes, row, one)
        axes.set_xlabel(
            "filled: up to the quarter's end; hollow: after it; grey: the time that the metrics cover",
            loc="right",
            fontsize=7,
        )
        return Chart.from_figure(
            drawing,
            caption=limits_findings.mergers_caption(found),
            alt=limits_findings.mergers_alt(table, now),
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
