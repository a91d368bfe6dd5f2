"""What the figures of the limitations briefing show, in words: captions that state the finding, and alt texts.

A screen reader speaks both, one after the other, so a figure's alt text says what its caption leaves out.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from nof.common import Quarter
from nof.method import limits, lineage
from nof.method.limits import Step
from nof.method.view import View
from nof.show.words import day, listed, share, short_name, trusts

HALF = 0.5  # chance from which a segment is likelier than not


def _label(quarter: str) -> str:
    return Quarter.parse(quarter).label


def _lengths(table: pd.DataFrame, low: str, high: str) -> pd.Series:
    """Places from one end of each trust's range to the other, both counted; unknown ones left out."""
    return (table[high] - table[low] + 1).dropna()


def _span(low: float, high: float) -> str:
    """Places of a part of the table: "places 1 to 61"."""
    return f"place {low:.0f}" if low == high else f"places {low:.0f} to {high:.0f}"


def _have(number: int, one: str, several: str) -> str:
    """The verb that goes with a number; nought takes the plural."""
    return one if number == 1 else several


# --- 1. uncertainty ---


def places_caption(view: View) -> str:
    """How many places the likely range of a typical trust covers."""
    lengths, count = _lengths(limits.places(view), "rank_low", "rank_high"), len(limits.places(view))
    if lengths.empty:
        return f"The likely ranges of the {count} places are not known"
    return f"A typical likely range covers {lengths.median():.0f} of {count} places"


def places_alt(part: pd.DataFrame, view: View) -> str:
    """The ranges at their narrowest and widest, who can be told apart, and how sure segments are."""
    table = limits.places(view)
    told = int((table["told_apart"] > 0).sum())
    return " ".join(
        filter(
            None,
            [
                f"Range plot of {_span(part['rank'].min(), part['rank'].max())}, best at the top.",
                _extremes(table),
                f"{share(told, len(table))} trusts can be told apart from at least one other; "
                f"{_whole(table)} of the confidence sets run over the whole table.",
                _sure(table),
                "The tables hold the numbers.",
            ],
        )
    )


def _extremes(table: pd.DataFrame) -> str:
    lengths = _lengths(table, "rank_low", "rank_high")
    return (
        ""
        if lengths.empty
        else (f"The shortest likely range of a place spans {lengths.min():.0f}, the longest {lengths.max():.0f}.")
    )


def _whole(table: pd.DataFrame) -> int:
    return int(((table["set_low"] <= 1) & (table["set_high"] >= len(table))).sum())


def _sure(table: pd.DataFrame) -> str:
    chance = table["chance_own"].dropna()
    if chance.empty:
        return "The chances of the segments are not known."
    likely = int((chance > HALF).sum())
    return f"Bars beside the ranges: {share(likely, len(chance))} trusts land in their own segment more often than not."


# --- 2. volatility ---


def kinds(table: pd.DataFrame) -> list[tuple[str, pd.Series]]:
    """Trusts by what their change was: more than noise, another change of segment, neither."""
    moved = _moved(table)
    sure = table["more_than_noise"].astype(bool)
    return [
        ("change is more than noise", sure),
        ("other change of segment", moved & ~sure),
        ("same segment", ~moved & ~sure),
    ]


def _moved(table: pd.DataFrame) -> pd.Series:
    both = ["segment_before", "segment_after"]
    return table["segment_before"].ne(table["segment_after"]) & table[both].notna().all(axis=1)


def changes_caption(table: pd.DataFrame) -> str:
    """How many trusts changed segment, and for how many of them the average changed by more than noise.

    Parameters
    ----------
    table : DataFrame
        As `volatility.changes`.
    """
    if table[["segment_before", "segment_after"]].isna().all(axis=None):
        return f"Segments are not known; {_beyond_noise(table)}"
    moved = _moved(table)
    count = int(moved.sum())
    if count == 0:
        return f"No trust changed segment; {_beyond_noise(table)}"
    start = f"{count} of {trusts(len(table))} changed segment"
    if table["q_value"].isna().all():
        return f"{start}; too few new data to say whether any change is more than noise"
    sure = int((moved & table["more_than_noise"].astype(bool)).sum())
    if count == 1:
        return f"{start}; its change is {'' if sure else 'no '}more than noise"
    return f"{start}; for {f'{sure} the change is' if sure else 'none is the change'} more than noise"


def _beyond_noise(table: pd.DataFrame) -> str:
    if table["q_value"].isna().all():
        return "too few new data to say whether any change is more than noise"
    sure = int(table["more_than_noise"].sum())
    return f"{sure or 'no'} average{_have(sure, '', 's') if sure else ''} changed by more than noise"


def changes_alt(table: pd.DataFrame, step: Step) -> str:
    """How far averages moved, in which direction, and by how much the farthest."""
    away = table["average_after"] - table["average_before"]
    better, worse = int((away < 0).sum()), int((away > 0).sum())
    far = table.loc[away.abs().idxmax()]
    farthest = (
        ""
        if not away.any()
        else (
            f", the typical one moving by {away.abs().median():.2f} points, the farthest from "
            f"{far['average_before']:.2f} to {far['average_after']:.2f}"
        )
    )
    return (
        f"Scatter plot of averages in {_label(step.before)} against {_label(step.after)}: {better or 'none'} became better "
        f"and {worse or 'none'} worse{farthest}. The table below counts changes of segment by their cause."
    )


# --- 3. data lags ---


def timeline_caption(view: View) -> str:
    """How many metric periods end in the quarter."""
    table, quarter = limits.periods(view), _label(view.quarter)
    within, count = int(table["in_quarter"].sum()), len(table)
    if count == 1:
        return f"The one metric period {'ends' if within else 'does not end'} in {quarter}"
    if within in (0, count):
        return f"{'All' if within else 'None of the'} {count} metric periods {'end' if within else 'ends'} in {quarter}"
    return f"{within} of {count} metric periods {_have(within, 'ends', 'end')} in {quarter}"


def timeline_alt(view: View) -> str:
    """Which period is oldest, and how many have not moved."""
    table = limits.periods(view)
    known, still = table.dropna(subset="age_months"), int((~table["moved"].dropna().astype(bool)).sum())
    oldest = known.loc[known["age_months"].idxmax()] if len(known) else None
    parts = ["Timeline with a bar for the period behind each metric."]
    if oldest is not None and oldest["age_months"] > 0:
        parts.append(
            f"The oldest, {oldest['description']}, is {oldest['age_months']:.0f} months old at the quarter's end."
        )
    if table["moved"].notna().any():
        parts.append(
            f"{still or 'None'} of {len(table)} {_have(still, 'covers', 'cover')} the same time as in the quarter "
            "before."
        )
    return " ".join([*parts, f"The table below gives all {len(table)} periods."])


# --- 4. mergers ---


def mergers_caption(table: pd.DataFrame, count: int) -> str:
    """How many trusts of the table a merger touches.

    Parameters
    ----------
    table : DataFrame
        As `lineage.affected`.
    count : int
        Trusts in the league table.
    """
    touched = table["trust_code"].nunique()
    later = table.loc[table["timing"] == lineage.AFTER, "trust_code"].nunique()
    start = f"{touched} of {trusts(count)} {_have(touched, 'is', 'are')} touched by a merger"
    return start + (
        "" if not later else " after the quarter" if later == touched else f", {later} of them after the quarter"
    )


def mergers_alt(table: pd.DataFrame, quarter: Quarter) -> str:
    """Before or after the quarter, and the first and last date."""
    later = int((table["timing"] == lineage.AFTER).sum())
    dates = [day(one) for one in (table["event_date"].min(), table["event_date"].max())]
    names = listed(short_name(one) for one in dict.fromkeys(table["trust_name"]))
    start = (
        f"Timeline with one event, on {dates[0]}"
        if len(table) == 1
        else f"Timeline with {len(table)} events from {dates[0]} to {dates[1]}"
        if dates[0] != dates[1]
        else f"Timeline with {len(table)} events on {dates[0]}"
    )
    when = "after" if later == len(table) else "none after" if not later else f"{later} after"
    return f"{start}, {when} the end of {quarter.label}: {names}. The table below says what happened."


# --- 5. trust types ---


def widths_caption(view: View) -> str:
    """Whether the number of metrics goes with the width of the likely range."""
    row = limits.widths(view).loc["average_width"]
    counts = view.league["metrics_scored"]
    if counts.nunique() == 1:
        return f"Every trust is scored on {counts.iloc[0]} metrics, so their number cannot explain the width of a range"
    if not np.isfinite(row["spearman"]):
        return "Whether the number of metrics goes with the width of the likely range cannot be told here"
    found = f"(rank correlation {row['spearman']:.2f})".replace("-", "−")
    if row["spearman_high"] < 0:
        return f"Few metrics go with a wide likely range {found}"
    if row["spearman_low"] > 0:
        return f"Many metrics go with a wide likely range {found}"
    return f"The number of metrics does not clearly go with the width of the likely range {found}"


def widths_alt(table: pd.DataFrame) -> str:
    """Median widths at both ends of the scale.

    Parameters
    ----------
    table : DataFrame
        The league table with `width`, of the likely range of the average.
    """
    few, many = table["metrics_scored"].min(), table["metrics_scored"].max()
    middle = table.groupby("metrics_scored")["width"].median()
    if few == many:
        ends = f"the median width is {_points(middle[few])}"
    else:
        ends = (
            f"the median width is {_points(middle[few])} for trusts scored on {few} metrics and {_points(middle[many])} "
            f"for those scored on {many}"
        )
    return (
        f"Scatter plot of {len(table)} trusts by number of metrics scored and width of the likely range of the average: "
        f"{ends}. The table gives the medians by subtype."
    )


def _points(width: float) -> str:
    return f"{width:.2f} points" if np.isfinite(width) else "not known"


# --- 6. method ---


def method_caption(view: View) -> str:
    """How far a typical trust's place depends on choices of method."""
    lengths, count = _lengths(limits.method(view), "rank_best", "rank_worst"), len(limits.method(view))
    if lengths.empty or lengths.max() == 1:
        return "No choice of method tried here moves a trust"
    if lengths.median() < 2:
        return f"Choices of method do not move the typical trust; one could stand anywhere within {lengths.max():.0f} places"
    return f"By method alone a typical trust could stand anywhere within {lengths.median():.0f} of {count} places"


def method_alt(part: pd.DataFrame, view: View) -> str:
    """The firmest and the least firm place, and who stays in one half of the table."""
    table, half = limits.method(view), len(limits.method(view)) / 2
    lengths = _lengths(table, "rank_best", "rank_worst")
    stay = int(((table["rank_worst"] <= half) | (table["rank_best"] > half)).sum())
    ends = (
        ""
        if lengths.empty
        else (f"The firmest trust keeps within {lengths.min():.0f}, the least firm within {lengths.max():.0f}; ")
    )
    return (
        f"Range plot of {_span(part['rank_published'].min(), part['rank_published'].max())} over "
        f"{len(limits.multiverse(view).choices):,} combinations of choices. {ends}{share(stay, len(table))} trusts stay in the "
        "same half of the table under all of them. The tables hold the choices that move trusts most."
    )
