"""Figures: caterpillar(league, edges), distribution(ranking, ...), metric_sections(view).

Figures: a frame goes in, a captioned chart with alt text comes out. Lean matplotlib, fixed sizes, no global state.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from nof.method.movement_facts import beside_standards
from nof.method.view import View
from nof.rules.framework import value_id
from nof.show import style, tables
from nof.show.display import Card, Chart, Table, Words
from nof.show.fonts import text_width
from nof.show.say import say
from nof.show.words import share, short_name

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.transforms import Transform

# --- Figures: a frame goes in, a captioned chart with alt text comes out. Lean matplotlib, fixed sizes, no global state ---


ROWS_A_PANEL = 67  # as many as read well on one A4 page
_ROW_MM = 3.35
_NAME_PT = 6.6
_MARKERS = {1: "o", 2: "s", 3: "^", 4: "D", 5: "X"}  # shape as well as colour, and the number beside it


def panels(frame: pd.DataFrame, rows: int = ROWS_A_PANEL) -> list[pd.DataFrame]:
    """Cut a long frame into panels of about equal length, none longer than `rows`."""
    count = max(1, -(-len(frame) // rows))
    return [frame.iloc[part] for part in np.array_split(np.arange(len(frame)), count)]


def figure(height_mm: float, width_mm: float = style.TEXT_WIDTH_MM) -> Figure:
    """An empty figure of the house's size; call within `style.applied()`."""
    from matplotlib.figure import Figure  # here: whoever draws nothing does without it

    return Figure(figsize=style.size(width_mm, height_mm))


@contextmanager
def sheet(height_mm: float, width_mm: float = style.TEXT_WIDTH_MM) -> Iterator[tuple[Figure, Transform]]:
    """A figure without axes, which cost more than what a small drawing shows; and the transform of its artists.

    That takes millimetres from the top left.
    """
    from matplotlib.transforms import Affine2D

    with style.applied():
        drawing = figure(height_mm, width_mm)
        yield drawing, Affine2D().scale(1, -1).translate(0, height_mm).scale(1 / 25.4) + drawing.dpi_scale_trans


def which_part(number: int, of: int) -> str:
    """What a caption adds where a figure comes in several panels: " (part 1 of 2)"."""
    return f" (part {number} of {of})" if of > 1 else ""


def shortened(text: str, longest: int) -> str:
    """A long description cut at a word, for a chart: the table near by has it whole."""
    return textwrap.shorten(text, longest, placeholder=" …")


def fitted(text: str, points: float, size: float = _NAME_PT, least: float = 5.0) -> tuple[str, float]:
    """A name and the type size at which it takes at most so many points; it is cut only where `least` would not do."""
    while text_width(text) * least > points and len(text) > 12:
        text = shortened(text, len(text) - 1)
    return text, min(size, points / max(text_width(text), 1e-9))


def head(axes: Any, text: str, x: float = 0.0, align: str = "left") -> None:
    """A quiet line above axes that says what stands below it; x in fractions of the axes' width."""
    axes.annotate(
        text,
        (x, 1),
        (0, 4),
        xycoords="axes fraction",
        textcoords="offset points",
        ha=align,
        va="bottom",
        fontsize=7,
        color=style.QUIET,
        linespacing=1.1,
    )


def caterpillar(league: pd.DataFrame, edges: np.ndarray | None = None) -> list[Chart]:
    """Average scores with their likely ranges, one row a trust, in panels.

    Parameters
    ----------
    league : DataFrame
        As `recompute.league`.
    edges : array of 3, optional
        Edges between unadjusted segments, drawn as dashed lines.
    """
    parts = panels(league)
    return [_caterpillar(part, league, edges, which_part(number, len(parts))) for number, part in enumerate(parts, 1)]


def _caterpillar(part: pd.DataFrame, league: pd.DataFrame, edges, suffix: str) -> Chart:
    body, foot = _ROW_MM * len(part), 11.5
    height = foot + body + 8
    with style.applied():
        drawing = figure(height)
        axes = drawing.add_axes((0.46, foot / height, 0.53, body / height))
        _rows(axes, part)
        _segment_marks(axes, part)
        _edge_lines(axes, edges, len(part))
        axes.set_xlim(_limits(league))
        axes.set_xlabel(
            "Average score with likely range (1.00 is best)\nhollow mark: held at segment 3 by the override",
            loc="right",
            fontsize=7,
        )
        return Chart.from_figure(drawing, alt=_caterpillar_alt(part, league), caption=_overlap(league) + suffix)


def _rows(axes, part: pd.DataFrame) -> None:
    """Names and places at the left, one row a trust, best at the top."""
    axes.set_ylim(len(part) - 0.4, -0.6)
    axes.set_yticks([])
    for side in ("left", "top", "right"):
        axes.spines[side].set_visible(False)
    axes.vlines(np.arange(1, 4.01, 0.5), -0.6, len(part) - 0.4, color=style.RULE, lw=0.4, zorder=0)
    for row, (place, name) in enumerate(zip(part["rank"], part["trust_name"], strict=True)):
        shown, points = fitted(short_name(name), 204)
        across = axes.get_yaxis_transform()
        axes.text(-0.05, row, shown, transform=across, ha="right", va="center", fontsize=points)
        axes.text(-0.01, row, f"{place:.0f}", transform=across, ha="right", va="center", fontsize=6.6, fontweight=600)


def _segment_marks(axes, part: pd.DataFrame) -> None:
    """Range, mark and segment number of each trust; a hollow mark is a trust held at segment 3 by the override."""
    rows = np.arange(len(part))
    for segment in sorted(part["segment"].dropna().unique()):
        own = (part["segment"] == segment).to_numpy()
        colour = style.SEGMENT[int(segment)]
        axes.hlines(rows[own], part["average_low"][own], part["average_high"][own], color=colour, lw=1.1)
        held = own & (part["segment"] > part["segment_unadjusted"]).to_numpy()
        for chosen, face in ((own & ~held, colour), (held, style.PAPER)):
            axes.scatter(
                part["average_score"][chosen],
                rows[chosen],
                marker=_MARKERS[int(segment)],
                s=13,
                zorder=3,
                facecolor=face,
                edgecolor=colour,
                linewidth=0.9,
            )
        for row in rows[own]:
            axes.text(
                part["average_high"].iloc[row] + 0.03, row, f"{segment:.0f}", va="center", fontsize=6.2, fontweight=600
            )


def _edge_lines(axes, edges, rows: int) -> None:
    for number, edge in enumerate([] if edges is None else edges, 1):
        if np.isfinite(edge):
            axes.vlines(edge, -0.6, rows - 0.4, color=style.QUIET, lw=0.6, ls=(0, (4, 3)), zorder=1)
            axes.text(edge, -0.7, f"{number} | {number + 1}", ha="center", va="bottom", fontsize=6.2, color=style.QUIET)


def _limits(league: pd.DataFrame) -> tuple[float, float]:
    return (
        max(1.0, np.floor(league["average_low"].min() * 10) / 10) - 0.05,
        min(4.0, np.ceil(league["average_high"].max() * 10) / 10) + 0.12,
    )


def _overlap(league: pd.DataFrame) -> str:
    """The finding: how many likely ranges include the middle of the table."""
    known, middle = league.dropna(subset=["average_low", "average_high"]), league["average_score"].median()
    if known.empty:
        return f"The middle average is {middle:.2f}; no likely range is known"
    covers = int(((known["average_low"] <= middle) & (known["average_high"] >= middle)).sum())
    return f"The likely ranges of {share(covers, len(known))} trusts include the middle average of {middle:.2f}"


def _caterpillar_alt(part: pd.DataFrame, league: pd.DataFrame) -> str:
    return (
        f"Dot and range plot of places {part['rank'].min():.0f} to {part['rank'].max():.0f}: averages run from "
        f"{part['average_score'].min():.2f} to {part['average_score'].max():.2f}. {_overlap(league)}. "
        "The league table gives every number."
    )


def distribution(ranking: pd.DataFrame, title: str, better: str = "unknown") -> Chart:
    """Every trust's value on one metric, with the median and quartiles of the trust type.

    Parameters
    ----------
    ranking : DataFrame
        As `View.ranking`, with values.
    title : str
        Name of the metric.
    better : {"low", "high", "unknown"}
    """
    import seaborn  # here, not above: it brings scipy.stats along, which the per-trust briefings do without

    known = ranking.dropna(subset="value")
    unit = known["units"].iloc[0]
    with style.applied():
        drawing = figure(44)
        axes = drawing.add_axes((0.02, 0.25, 0.96, 0.57))
        lower, middle, upper = known[["lower_quartile", "median", "upper_quartile"]].iloc[0]
        axes.axvspan(lower, upper, facecolor=style.BAND, edgecolor=style.QUIET, lw=0.5)
        axes.axvline(middle, color=style.ACCENT, lw=1.4)
        seaborn.swarmplot(x=known["value"], ax=axes, size=3.6, color=style.QUIET, warn_thresh=1)
        _distribution_labels(axes, known, middle)
        axes.set_xlabel(f"{unit} ({_direction(better)})")
        for side in ("left", "top", "right"):
            axes.spines[side].set_visible(False)
        axes.set_yticks([])
        return Chart.from_figure(
            drawing,
            alt=_distribution_alt(known, title, unit),
            caption=(f"{title}: half of {len(known)} trusts lie between {lower:,.2f} and {upper:,.2f} ({unit})"),
        )


def _direction(better: str) -> str:
    return {"low": "lower is better", "high": "higher is better"}.get(better, "direction not known")


def _distribution_labels(axes, known: pd.DataFrame, middle: float) -> None:
    top = axes.get_xaxis_transform()
    axes.text(
        middle,
        1.03,
        f"median {middle:,.2f}",
        transform=top,
        ha="center",
        va="bottom",
        color=style.ACCENT,
        fontweight=600,
    )
    for value, side, across in ((known["value"].min(), "left", 0.0), (known["value"].max(), "right", 1.0)):
        own = known.loc[known["value"] == value, "trust_name"]
        who = short_name(own.iloc[0]) if len(own) == 1 else f"{len(own)} trusts"
        axes.text(
            across,
            1.18,
            f"{value:,.2f}: {who}",
            transform=axes.transAxes,
            ha=side,
            va="bottom",
            fontsize=7,
            color=style.QUIET,
        )


def _distribution_alt(known: pd.DataFrame, title: str, unit: str) -> str:
    row = known.iloc[0]
    return (
        f"Dot plot of {title} for {len(known)} trusts: half lie between {row['lower_quartile']:,.2f} and "
        f"{row['upper_quartile']:,.2f} {unit}, the median is {row['median']:,.2f}, the whole span runs from "
        f"{known['value'].min():,.2f} to {known['value'].max():,.2f}. The table below gives every value."
    )


# --- Several things from one cell: runs of headings, figures and tables ---


def metric_sections(view: View) -> Iterator[Chart | Table | Words]:
    """For each scored metric: a heading, the distribution of its values, and the ranking, beside a planning standard."""
    known = beside_standards(view)
    for metric in view.metrics.itertuples():
        ranking = view.ranking(metric.metric_id)
        yield say("### {{ name | capitalize }}", {"name": metric.short_name})
        if ranking["value"].notna().any():
            yield distribution(ranking, metric.description, metric.better)
        about = f"{metric.domain}; period: {metric.reporting_date}; {metric.trusts} trusts."
        yield tables.metric_ranking(
            ranking, metric.description, about, known[known["value_id"] == value_id(metric.metric_id)]
        )


def show(*shown: Card | Chart | Table | Words | None) -> None:
    """Show several things from one notebook cell, in order; None is passed over."""
    from IPython.display import display  # here: whoever shows nothing does without

    for one in shown:
        if one is not None:
            display(one)
