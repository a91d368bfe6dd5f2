"""The figures of the analyst's notebook: a frame goes in, a captioned chart with alt text comes out."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from nof.common import Quarter
from nof.explore.measuring import Measure
from nof.show import style
from nof.show.charts import figure
from nof.show.display import Chart
from nof.show.words import listed, share, short_name

SHAPES = ("o", "s", "^", "D", "v")  # of trusts that are named; shape as well as colour
MOST_TICKS = 8  # quarters named below a line chart
COLOURS = (style.ACCENT, style.SEGMENT[3], style.SEGMENT[1], style.SEGMENT[4], style.QUIET)
_SEGMENT_SHAPES = {1: "o", 2: "s", 3: "^", 4: "D", 5: "X"}
_BETTER = {"low": "lower is better", "high": "higher is better"}


def _axis(measure: Measure) -> str:
    told = "" if "is best" in measure.units else _BETTER.get(measure.better, "")
    inside = "; ".join(filter(None, [measure.units, told]))
    name = measure.name if len(measure.name) <= 80 else measure.name[:79] + "…"
    return f"{name} ({inside})" if inside else name


def _bare(axes, *sides: str) -> None:
    for side in sides:
        axes.spines[side].set_visible(False)


def strip(rows: pd.DataFrame, column: str, measure: Measure, highlight: tuple[str, ...], caption: str) -> Chart:
    """Every trust's figure in order, best at the left, with the median and middle half of the whole type.

    Parameters
    ----------
    rows : DataFrame
        As `views.ranking`.
    column : {"value", "score"}
    """
    shown = rows.dropna(subset=column)
    shown = shown.sort_values([column, "trust_code"], ascending=[measure.better != "high", True]).reset_index(drop=True)
    with style.applied():
        drawing = figure(78)
        axes = drawing.add_axes((0.09, 0.15, 0.88, 0.78))
        middle = _middle_half(axes, shown) if column == "value" else None
        axes.scatter(shown.index + 1, shown[column], s=15, color=style.SEGMENT[2], zorder=3)
        axes.margins(x=0.02, y=0.12)
        _named(axes, shown.assign(x=shown.index + 1, y=shown[column]), highlight)
        axes.set_xlabel(f"Trusts in order, best at the left ({len(shown)})")
        axes.set_title(_axis(measure), fontsize=style.FIGURE_PT, color=style.QUIET, fontweight=400)
        return Chart.from_figure(drawing, caption=caption, alt=_strip_alt(shown, column, measure, middle))


def _middle_half(axes, shown: pd.DataFrame) -> float:
    lower, middle, upper = shown[["lower_quartile", "median", "upper_quartile"]].iloc[0]
    axes.axhspan(lower, upper, facecolor=style.BAND, edgecolor=style.QUIET, lw=0.5)
    axes.axhline(middle, color=style.ACCENT, lw=1)
    axes.annotate(
        f"median of the type {middle:,.2f}",
        (1, middle),
        xycoords=("axes fraction", "data"),
        xytext=(0, 2),
        textcoords="offset points",
        ha="right",
        va="bottom",
        fontsize=7,
        color=style.ACCENT,
    )
    return middle


def _strip_alt(shown: pd.DataFrame, column: str, measure: Measure, middle: float | None) -> str:
    best, worst = shown.iloc[0], shown.iloc[-1]
    said = (
        f"{measure.label} of {len(shown)} trusts, best first: from {best[column]:,.2f} "
        f"({short_name(best['trust_name'])}) to {worst[column]:,.2f} ({short_name(worst['trust_name'])})."
    )
    if middle is None:
        return said + " No value is published for this metric, only the score."
    better = int((shown[column] < middle).sum() if measure.better != "high" else (shown[column] > middle).sum())
    side = {"low": "below", "high": "above"}.get(measure.better, "below")
    return f"{said} {share(better, len(shown))} are {side} the median of the whole type, {middle:,.2f}."


def _named(axes, placed: pd.DataFrame, highlight: tuple[str, ...]) -> None:
    """Rings around the trusts that are asked for, with their names; `placed` has trust_code, trust_name, x, y."""
    found = placed[placed["trust_code"].isin(highlight)]
    if found.empty:
        return
    axes.scatter(found["x"], found["y"], s=46, facecolor="none", edgecolor=style.SEGMENT[4], linewidth=1.3, zorder=4)
    spots = axes.transData.transform(found[["x", "y"]].to_numpy(dtype=float))
    right = spots[:, 0] > axes.transAxes.transform((0.5, 0))[0]
    for row, spot, height, left in zip(found.itertuples(), spots, _apart(spots[:, 1] + 8, 10), right, strict=True):
        axes.annotate(
            short_name(row.trust_name),
            (row.x, row.y),
            xytext=(-12 if left else 12, height - spot[1]),
            textcoords="offset points",
            ha="right" if left else "left",
            va="center",
            fontsize=7,
            fontweight=600,
            color=style.SEGMENT[4],
            zorder=5,
            bbox={"facecolor": style.PAPER, "alpha": 0.75, "lw": 0, "pad": 0.5},
            arrowprops={"arrowstyle": "-", "color": style.SEGMENT[4], "lw": 0.5, "shrinkB": 4},
        )


def scatter(rows: pd.DataFrame, across: Measure, up: Measure, highlight: tuple[str, ...], caption: str) -> Chart:
    """Two measures against each other.

    Parameters
    ----------
    rows : DataFrame
        As `views.scatter`.
    """
    with style.applied():
        drawing = figure(112)
        axes = drawing.add_axes((0.09, 0.11, 0.88, 0.80))
        for segment, part in rows.groupby(rows["segment"].fillna(0)):
            axes.scatter(
                part["x"],
                part["y"],
                s=20,
                marker=_SEGMENT_SHAPES.get(int(segment), "P"),
                zorder=3,
                linewidth=0.4,
                color=style.SEGMENT.get(int(segment), style.QUIET),
                edgecolor=style.PAPER,
                label=f"Segment {segment:.0f}" if segment else "Segment not known",
            )
        for line, middle in ((axes.axvline, rows["x"].median()), (axes.axhline, rows["y"].median())):
            if len(rows):
                line(middle, color=style.RULE, lw=0.8, zorder=1)
        _named(axes, rows, highlight)
        axes.set_xlabel(_axis(across))
        axes.set_title(_axis(up), fontsize=style.FIGURE_PT, color=style.QUIET, fontweight=400, pad=18)
        if len(rows):
            axes.legend(loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=5, borderaxespad=0.1, handletextpad=0.1)
        return Chart.from_figure(drawing, caption=caption, alt=scatter_finding(rows, across, up))


# Words for a rank correlation: bands of convenience, ours.
_STRENGTH = ((0.2, "hardly any"), (0.4, "a weak"), (0.7, "a moderate"), (np.inf, "a strong"))


def scatter_finding(rows: pd.DataFrame, across: Measure, up: Measure) -> str:
    """What a scatter shows: the rank correlation (Spearman), and over how many trusts."""
    if len(rows) < 3 or rows["x"].nunique() < 2 or rows["y"].nunique() < 2:
        return f"{across.label} and {up.label}: too few different figures ({len(rows)} trusts) to speak of a relation."
    found = float(rows["x"].rank().corr(rows["y"].rank()))
    strength = next(name for top, name in _STRENGTH if abs(found) < top)
    way = (
        ""
        if abs(found) < 0.2
        else ": where one is higher the other tends to be " + ("higher" if found > 0 else "lower")
    )
    return (
        f"Scatter of {across.label} and {up.label} for {len(rows)} trusts: {strength} relation, rank correlation "
        f"{found:.2f}{way}."
    )


def lines(rows: pd.DataFrame, measure: Measure, quarters: list[str], caption: str) -> Chart:
    """One line a trust over time, better up, names at the right: each figure at the end of the period that it measures.

    Where that is not known (the average and the place are of several periods, an award has no end), a figure stands at the
    end of the quarter in which it was published.

    Parameters
    ----------
    rows : DataFrame
        As `views.trajectories`.
    quarters : list of str
        All quarters of the axis, oldest first.
    """
    rows = rows.assign(at=measured_at(rows, quarters[0]))
    groups = list(rows.groupby("trust_code", sort=True))
    ends = [0, len(quarters) - 1, *rows["at"]]
    first, last = math.floor(min(ends)), math.ceil(max(ends))
    with style.applied():
        drawing = figure(92)
        axes = drawing.add_axes((0.08, 0.09, 0.60, 0.82))
        for number, ((_, own), aside) in enumerate(zip(groups, asides(rows, len(groups)), strict=True)):
            _line(axes, own, number, aside)
        start, step = Quarter.parse(quarters[0]), -(-(last - first + 1) // MOST_TICKS)
        ticks = range(last, first - 1, -step)
        axes.set_xticks(list(ticks), [quarter_on(start, one).label for one in ticks])
        axes.set_xlim(first - 0.3, last + 0.3)
        axes.grid(axis="y")
        if measure.better == "low":
            axes.invert_yaxis()
        _end_labels(axes, [own for _, own in groups])
        up = {"low": "better is up: the axis is turned over", "high": "higher is better"}.get(measure.better, "")
        axes.set_title(
            _axis(measure).replace("lower is better", up), fontsize=style.FIGURE_PT, color=style.QUIET, fontweight=400
        )
        return Chart.from_figure(drawing, caption=caption, alt=_lines_alt([own for _, own in groups], measure))


def measured_at(rows: pd.DataFrame, first: str) -> pd.Series:
    """Where each figure stands on an axis of quarters: 0 is the end of the first quarter, 1 the end of the next.

    Parameters
    ----------
    rows : DataFrame
        With quarter (of publication) and last_day (NaT: the end of the quarter counts).
    first : str
        Slug of the first quarter.
    """
    published = pd.to_datetime(rows["quarter"].map(lambda one: Quarter.parse(one).last_day))
    days = rows["last_day"].fillna(published)
    start = pd.Timestamp(Quarter.parse(first).last_day)
    months = 12 * (days.dt.year - start.year) + days.dt.month - start.month
    return (months + days.dt.day / days.dt.days_in_month - 1) / 3


def quarter_on(first: Quarter, count: int) -> Quarter:
    """The quarter so many after the first; before it where the count is below 0."""
    number = 4 * first.year + first.number - 1 + count
    return Quarter(number // 4, number % 4 + 1)


def asides(rows: pd.DataFrame, count: int) -> np.ndarray:
    """How far each line's marks stand aside, so that ranges do not hide each other; nought where there are none."""
    return (0.07 if rows["low"].notna().any() else 0.0) * (np.arange(count) - (count - 1) / 2)


def _line(axes, own: pd.DataFrame, number: int, aside: float) -> None:
    colour, shape = COLOURS[number % len(COLOURS)], SHAPES[number % len(SHAPES)]
    order = np.argsort(own["at"].to_numpy(), kind="stable")
    own = own.iloc[order]
    places = [Quarter.parse(one) for one in own["quarter"]]
    across = own["at"].to_numpy() + aside
    axes.vlines(across, own["low"], own["high"], color=colour, lw=1, alpha=0.55)
    # A line is broken where a trust has no figure in a quarter in between.
    numbers = np.array([4 * one.year + one.number for one in places])
    gaps = np.flatnonzero(np.abs(np.diff(numbers)) > 1) + 1
    for part in np.split(np.arange(len(places)), gaps):
        axes.plot(across[part], own["value"].to_numpy()[part], color=colour, marker=shape, ms=4.5)


def _end_labels(axes, groups: list[pd.DataFrame]) -> None:
    """Names beside the ends of the lines, pushed apart where they would overlap."""
    ends = [(own["value"].iloc[-1], number, own) for number, own in enumerate(groups)]
    place = axes.transData.transform([(0, value) for value, _, _ in ends])[:, 1] if ends else np.array([])
    spots = _apart(place, 11)
    for (value, number, own), spot in zip(ends, spots, strict=True):
        across = own["at"].iloc[-1] + 0.07 * (number - (len(groups) - 1) / 2)
        axes.annotate(
            _wrapped(f"{short_name(own['trust_name'].iloc[-1])} {value:,.2f}".replace(".00", "")),
            (across, value),
            xytext=(1.02, axes.transAxes.inverted().transform((0, spot))[1]),
            textcoords="axes fraction",
            va="center",
            fontsize=7,
            color=COLOURS[number % len(COLOURS)],
            fontweight=600,
            arrowprops={"arrowstyle": "-", "color": style.RULE, "lw": 0.5},
        )


def _wrapped(text: str, width: int = 48) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def _apart(places: np.ndarray, least: float) -> np.ndarray:
    """The same places in the same order, no two nearer than `least`."""
    order = np.argsort(places, kind="stable")
    moved = places[order].astype(float)
    for number in range(1, len(moved)):
        moved[number] = max(moved[number], moved[number - 1] + least)
    if len(moved):
        moved -= (moved - places[order]).mean()
    spread = np.empty_like(moved)
    spread[order] = moved
    return spread


def _lines_alt(groups: list[pd.DataFrame], measure: Measure) -> str:
    if not groups:
        return f"{measure.label} over the quarters: none of these trusts has a figure."
    told = [
        f"{short_name(own['trust_name'].iloc[-1])} from {own['value'].iloc[0]:,.2f} in "
        f"{Quarter.parse(own['quarter'].iloc[0]).label} to {own['value'].iloc[-1]:,.2f} in "
        f"{Quarter.parse(own['quarter'].iloc[-1]).label}"
        for own in groups
    ]
    apart = periods_apart(pd.concat(groups))
    return (
        f"{measure.label} over the quarters: {listed(told)}. {apart}{' ' if apart else ''}The table gives every number."
    )


def periods_apart(rows: pd.DataFrame) -> str:
    """What each quarter's figures measure, where that is another time than the quarter of publication; else empty.

    Parameters
    ----------
    rows : DataFrame
        As `views.trajectories`.
    """
    ends = pd.to_datetime(rows["quarter"].map(lambda one: Quarter.parse(one).last_day))
    if rows["reporting_date"].isna().all() or (rows["last_day"] == ends).all():
        return ""
    said = rows.dropna(subset="reporting_date").sort_values("quarter").groupby("quarter")["reporting_date"].unique()
    told = [
        f"{Quarter.parse(quarter).label} publishes {' and '.join(map(str, texts))}" for quarter, texts in said.items()
    ]
    return f"Each figure stands at the end of the period that it measures, not at the quarter of publication: {listed(told)}."


def side_by_side(rows: pd.DataFrame, names: dict[str, str], caption: str) -> Chart:
    """Each metric a row, each trust a mark at its score; 1.00 (best) at the left.

    Parameters
    ----------
    rows : DataFrame
        The metrics of `views.compare`.
    names : dict
        Trust names by code, in the order of their marks.
    """
    height = 20 + 5.4 * len(rows) + 4 * len(names)
    with style.applied():
        drawing = figure(height)
        foot, top = 11 / height, (6 + 4 * len(names)) / height
        axes = drawing.add_axes((0.46, foot, 0.52, 1 - foot - top))
        scores = rows[list(names)].to_numpy(dtype=float)
        at = np.arange(len(rows))
        axes.hlines(at, np.nanmin(scores, axis=1), np.nanmax(scores, axis=1), color=style.RULE, lw=1, zorder=1)
        for number, (code, name) in enumerate(names.items()):
            axes.scatter(
                rows[code],
                at,
                s=26,
                marker=SHAPES[number],
                color=COLOURS[number],
                zorder=3,
                label=short_name(name),
                edgecolor=style.PAPER,
                linewidth=0.4,
            )
        axes.set_yticks(at, [_wrapped(one, 62) for one in rows["name"]], fontsize=7)
        axes.set_xlim(0.9, 4.1)
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_xlabel("Metric score (1.00 is best, 4.00 worst)")
        axes.tick_params(axis="y", length=0)
        _bare(axes, "left")
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=1, borderaxespad=0.2)
        return Chart.from_figure(drawing, caption=caption, alt=_side_alt(rows, names))


def _side_alt(rows: pd.DataFrame, names: dict[str, str]) -> str:
    scores = rows[list(names)].astype(float)
    whole = scores.dropna()
    if whole.empty:
        return f"{listed(map(short_name, names.values()))} side by side: no metric is scored for all of them."
    best = whole.eq(whole.min(axis=1), axis=0).sum()
    wide = whole.max(axis=1) - whole.min(axis=1)
    told = listed(f"{short_name(names[code])} on {count}" for code, count in best.items())
    return (
        f"Of {len(whole)} metrics on which all are scored, the best score, alone or shared, is that of {told}. "
        f"They lie furthest apart on {rows.loc[wide.idxmax(), 'name']} ({wide.max():.2f} points of score)."
    )
