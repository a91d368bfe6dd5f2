"""What the figures of the limitations briefing show, in words: captions that state the finding, and alt texts.

A screen reader speaks both, one after the other, so a figure's alt text says what its caption leaves out. Every number
is a fact of `nof.method.limits_facts`.
"""

from __future__ import annotations

import pandas as pd

from nof.common import Quarter
from nof.method import lineage
from nof.method.limits_data_facts import Ages, Mergers, Method
from nof.method.limits_facts import Moves, Places
from nof.show.grammar import number, percent
from nof.show.words import day, listed, share, short_name, trusts


def _span(low: float, high: float) -> str:
    """Places of a part of the table: "places 1 to 61"."""
    return f"place {low:.0f}" if low == high else f"places {low:.0f} to {high:.0f}"


def have(count: int, one: str, several: str) -> str:
    """The verb that goes with a number; nought takes the plural."""
    return one if count == 1 else several


# --- 1. how sure a place is ---


def places_caption(sure: Places) -> str:
    """How many places a typical trust's range and sets cover."""
    if sure.range_width is None:
        return f"The likely ranges of the {sure.trusts} places are not known"
    return f"A typical likely range covers {sure.range_width:.0f} of {sure.trusts} places"


def places_alt(part: pd.DataFrame, sure: Places) -> str:
    """The ranges at their narrowest and widest, who can be told apart, and how sure segments are."""
    level = percent(sure.level)
    ranges = (
        ""
        if sure.range_shortest is None
        else f"The shortest likely range of a place spans {sure.range_shortest:.0f}, the longest {sure.range_longest:.0f}."
    )
    sets = [
        f"on {question} {share(told, sure.trusts)} trusts can be told apart from at least one other and the typical set "
        f"covers {width:.0f}"
        for question, told, width in (
            ("these metrics in another quarter", sure.these_told, sure.these_width),
            ("other metrics like these", sure.other_told, sure.other_width),
        )
        if told is not None and width is not None
    ]
    segments = (
        "The chances of the segments are not known."
        if not sure.segments
        else f"Bars beside the ranges: {share(sure.segments - sure.odds_against, sure.segments)} trusts land in their own "
        "segment more often than not when their scores are redrawn."
    )
    first = f"Range plot of {_span(part['rank'].min(), part['rank'].max())}, best at the top."
    middle = f"At {level}, {listed(sets)}." if sets else ""
    return " ".join(filter(None, [first, ranges, middle, segments, "The tables hold the numbers."]))


# --- 2. how much of a move is noise ---


def changed_segment(table: pd.DataFrame) -> pd.Series:
    """Whether each trust changed segment; not where a segment is not known."""
    both = ["segment_before", "segment_after"]
    return table["segment_before"].ne(table["segment_after"]) & table[both].notna().all(axis=1)


def changes_caption(moves: Moves) -> str:
    """How many trusts changed segment, and for how many the change of the average can be told from noise."""
    start = (
        "Segments are not known"
        if not moves.segments
        else "No trust changed segment"
        if not moves.moved
        else f"{moves.moved} of {trusts(moves.trusts)} changed segment"
    )
    if not moves.tested:
        return f"{start}; too few new data to tell any change from noise"
    return f"{start}; {moves.told or 'no'} {have(moves.told, 'change', 'changes')} of an average can be told from noise"


def changes_alt(moves: Moves) -> str:
    """How far averages moved, in which direction, and by how much the farthest."""
    far = (
        ""
        if moves.farthest is None or moves.typical is None
        else f", the typical one moving by {number(moves.typical, 2)} points, the farthest from "
        f"{moves.farthest[0]:.2f} to {moves.farthest[1]:.2f}"
    )
    return (
        f"Scatter plot of averages in {moves.before} against {moves.after}: {moves.better or 'none'} became better "
        f"and {moves.worse or 'none'} worse{far}. The table of changes counts changes of segment by their cause."
    )


# --- 3. how old the data are ---


def timeline_caption(ages: Ages) -> str:
    """How many metric periods end in the quarter."""
    within, count, quarter = ages.within, ages.periods, ages.quarter
    if count == 1:
        return f"The one metric period {'ends' if within else 'does not end'} in {quarter}"
    if within in (0, count):
        return f"{'All' if within else 'None of the'} {count} metric periods {'end' if within else 'ends'} in {quarter}"
    return f"{within} of {count} metric periods {have(within, 'ends', 'end')} in {quarter}"


def timeline_alt(ages: Ages) -> str:
    """Which period is oldest, and how many have not moved."""
    parts = ["Timeline with a bar for the period behind each metric."]
    if ages.oldest is not None:
        parts.append(f"The oldest, {ages.oldest}, is {ages.oldest_months:.0f} months old at the quarter's end.")
    if ages.unmoved is not None:
        still = len(ages.unmoved)
        parts.append(
            f"{still or 'None'} of {ages.metrics} {have(still, 'covers', 'cover')} the same time as in the quarter before."
        )
    return " ".join([*parts, f"The table of periods gives all {ages.periods}."])


# --- 4. what mergers break ---


def mergers_caption(found: Mergers) -> str:
    """How many trusts of the table a merger touches."""
    start = f"{found.touched} of {trusts(found.trusts)} {have(found.touched, 'is', 'are')} touched by a merger"
    after = " after the quarter" if found.later == found.touched else f", {found.later} of them after the quarter"
    return start + (after if found.later else "")


def mergers_alt(table: pd.DataFrame, quarter: Quarter) -> str:
    """Before or after the quarter, and the first and last date.

    Parameters
    ----------
    table : DataFrame
        As `lineage.affected`, one row a mark of the figure.
    """
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
    return f"{start}, {when} the end of {quarter.label}: {names}. The table of mergers says what happened."


# --- 6. how much the method decides ---


def method_caption(method: Method) -> str:
    """How far a typical trust's place depends on the method alone, one choice, or everything."""
    if method.everything is None or method.everything < 2 and (method.one_choice or 0) < 2:
        return "No choice tried here moves the typical trust"
    return (
        f"A typical trust's place spans {method.by_method:.0f} of {method.trusts} places by method, {method.one_choice:.0f} by "
        f"one choice at a time, {method.everything:.0f} if metrics are left out as well"
    )


def method_alt(part: pd.DataFrame, method: Method) -> str:
    """Who stays in one half of the table."""
    return (
        f"Range plot of {_span(part['rank_published'].min(), part['rank_published'].max())} over "
        f"{number(method.combinations)} rankings. {share(method.same_half, method.trusts)} trusts stay in the same half of the "
        "table in all of them. The tables hold the choices that move trusts most."
    )
