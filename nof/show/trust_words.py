"""Sentences of one trust's briefing: the headline, where the score comes from, who is like it, or why it is absent.

Every number is computed. A trust is described by what the tables show of it: nothing here blames or praises.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from nof.common import Quarter
from nof.method import board
from nof.method.board import Trust
from nof.method.ranges import PUBLISHED
from nof.show.display import Card, Words, plain
from nof.show.trust_findings import SHOWN
from nof.show.trust_tables import number
from nof.show.words import SEGMENT_MEANING, day, listed, trusts, type_name

NAMED = 3  # most metrics named in a sentence


def label(quarter: str) -> str:
    """Name of a quarter: "Q4 2025/26"."""
    return Quarter.parse(quarter).label


def metric(row, form: str = "value") -> str:
    """A metric with its value, in a sentence: "Sickness absence rate (5.47%; the median trust 6.22%)"."""
    name = plain(row["description"])
    if pd.isna(row[form]) or pd.isna(row.get("median")):
        return name
    return f"{name} ({with_unit(row[form], row['units'])}; the median trust {with_unit(row['median'], row['units'])})"


def with_unit(value: float, units: object) -> str:
    """A value with its unit in words: "6.87 out of 10", "16.40 percentage points"."""
    return number(value, units) + ("" if not isinstance(units, str) or units in ("%", "") else f" {plain(units)}")


# --- the first page ---


def headline(trust: Trust) -> Words:
    """The first sentences: place, segment, average, what changed."""
    parts = [f"**{_place(trust)}**", _segment(trust), _change(trust)]
    return Words(" ".join(filter(None, parts)))


def _place(trust: Trust) -> str:
    own, name = board.place(trust), plain(board.name(trust))
    table = trusts(board.trusts(trust), board.trust_type(trust))
    if pd.isna(own["rank"]):
        return (
            f"{name} has an average score of {own['average_score']:.2f} in {board.label(trust)}; its place among "
            f"{table} cannot be told from these files."
        )
    span = (
        ""
        if pd.isna(own["rank_low"])
        else (
            f", and its likely range runs from place {own['rank_low']:.0f} to {own['rank_high']:.0f}"
            if own["rank_low"] < own["rank_high"]
            else ", which is also its whole likely range"
        )
    )
    return f"{name} stands at place {own['rank']:.0f} of {table} in {board.label(trust)}{span}."


def _redrawn(own) -> str:
    """Said of a likely range that is not NHS England's own figure."""
    return "" if own["range_source"] == PUBLISHED else ", redrawn here: NHS England’s own is not in these files"


def _segment(trust: Trust) -> str:
    own, goal = board.place(trust), board.goal(trust)
    average = (
        f"Its average score is {own['average_score']:.2f} (likely range {own['average_low']:.2f} to "
        f"{own['average_high']:.2f}{_redrawn(own)}; 1.00 is best)"
    )
    if goal.segment is None:
        return f"{average}; its segment is not known."
    final = (
        f" NHS England has placed it in segment {board.final_segment(trust)} after looking at its capability to improve."
        if board.final_segment(trust)
        else ""
    )
    if goal.held:
        return (
            f"The financial override holds it in segment {goal.segment}; its average alone would put it in segment "
            f"{goal.segment_unadjusted}. {average}.{final}"
        )
    flagged = ", and the financial override does not change that" if goal.in_deficit else ""
    return f"{average}, which puts it in segment {goal.segment}{flagged}.{final}"


def _change(trust: Trust) -> str:
    if board.previous(trust) is None:
        return f"No change can be shown: {trust.view.gap}."
    since = label(board.previous(trust))
    if board.change(trust) is None:
        return _no_change(trust, since)
    row, before, own = board.change(trust), board.before(trust), board.place(trust)
    average = (
        f"its average went from {row['average_before']:.2f} to {row['average_after']:.2f}"
        if abs(row["average_after"] - row["average_before"]) >= SHOWN
        else f"its average stayed at {row['average_after']:.2f}"
    )
    place = (
        ""
        if pd.isna(before["rank"]) or pd.isna(own["rank"])
        else f" and its place from {before['rank']:.0f} to {own['rank']:.0f}"
        if before["rank"] != own["rank"]
        else " and its place stayed the same"
    )
    return f"Since {since} {average}{place}. {verdict(row)}{_segment_change(row)}"


def verdict(row: dict) -> str:
    """Whether a change of the average is more than noise."""
    if pd.isna(row["q_value"]):
        return "Too few of its metrics have new data to say whether the average changed by more than noise."
    return (
        "The change of its average is **more than the noise** between quarters."
        if row["more_than_noise"]
        else "The change of its average is **no more than the noise** between quarters."
    )


def _segment_change(row: dict) -> str:
    first, last = row["segment_before"], row["segment_after"]
    if pd.isna(first) or pd.isna(last) or first == last:
        return ""
    by = "; the financial override alone did that" if row["by_override"] else ""
    return f" Its segment changed from {first:.0f} to {last:.0f}{by}."


def _no_change(trust: Trust, since: str) -> str:
    if "merger" in (board.why_not_compared(trust) or ""):
        return f"A merger lies between this quarter and {since}, so the two are not compared."
    return f"It had no place in the table of {since}, so no change can be shown."


def card(trust: Trust) -> Card:
    """Eight figures: place, average, segment, change; peers, metrics, way to the next segment, chance of this one."""
    own = board.place(trust)
    known = not pd.isna(own["rank"])
    items = (
        (
            "Place",
            f"{own['rank']:.0f} of {board.trusts(trust)}" if known else "not known",
            "" if pd.isna(own["rank_low"]) else f"likely range {own['rank_low']:.0f} to {own['rank_high']:.0f}",
        ),
        (
            "Average score",
            f"{own['average_score']:.2f}",
            f"likely range {own['average_low']:.2f} to {own['average_high']:.2f}",
        ),
        _segment_item(trust),
        _change_item(trust),
        _peer_item(trust),
        (
            "Metrics scored",
            f"{own['metrics_scored']:.0f}",
            f"in its type {trust.view.league['metrics_scored'].min()} to {trust.view.league['metrics_scored'].max()}",
        ),
        _next_item(trust),
        _chance_item(trust),
    )
    return Card(items)


def _segment_item(trust: Trust) -> tuple[str, str, str]:
    goal = board.goal(trust)
    if goal.segment is None:
        return "Segment", "not known", ""
    return (
        "Segment",
        f"{goal.segment}",
        (
            f"held by the override; average alone: {goal.segment_unadjusted}"
            if goal.held
            else "the override changes nothing"
            if goal.in_deficit
            else "no override"
        ),
    )


def _change_item(trust: Trust) -> tuple[str, str, str]:
    if board.change(trust) is None:
        why = (
            "a merger"
            if "merger" in (board.why_not_compared(trust) or "")
            else trust.view.gap.split(";")[0]
            if board.previous(trust) is None
            else "not in that table"
        )
        return "Average since last quarter", "not compared", why
    row = board.change(trust)
    noise = (
        "too little new data to judge"
        if pd.isna(row["q_value"])
        else "more than noise"
        if row["more_than_noise"]
        else "no more than noise"
    )
    return (
        f"Average since {label(board.previous(trust))}",
        f"{row['average_before']:.2f} to {row['average_after']:.2f}",
        noise,
    )


def _peer_item(trust: Trust) -> tuple[str, str, str]:
    row = board.subtype(trust)
    if pd.isna(row["rank_in_subtype"]):
        return "Among its subtype", "not known", ""
    place = f"{row['rank_in_subtype']:.0f} of {row['trusts_in_subtype']:.0f}"
    return "Among its subtype", place, str(row["trust_subtype"])


def _next_item(trust: Trust) -> tuple[str, str, str]:
    goal = board.goal(trust)
    held = "; the override would still hold it" if goal.blocked else ""
    if goal.target and not np.isnan(goal.gap):
        return f"To segment {goal.target}", points(goal.gap), f"points of the average{held}"
    if goal.segment_unadjusted == 1 and not np.isnan(goal.cushion):
        held = ", but for the override" if goal.held else ""
        return "Inside segment 1 by", points(goal.cushion), f"points of the average{held}"
    return "To the next segment", "not known", "the edge is not in these files"


def points(gap: float) -> str:
    """Points of the average: two decimals, but never nought for something."""
    return f"{gap:.2f}" if gap >= SHOWN else "below 0.01"


def _chance_item(trust: Trust) -> tuple[str, str, str]:
    chance = board.place(trust)["redraw_own"]
    if pd.isna(chance):
        return "Chance of this segment", "not known", ""
    return "Chance of this segment", percent(chance), "if its metrics were drawn again"


def percent(chance: float) -> str:
    """A chance in words."""
    return "above 99%" if 0.99 < chance < 1 else "below 1%" if 0 < chance < 0.01 else f"{100 * chance:.0f}%"


def opening(trust: Trust) -> Words:
    """What the briefing rests on, short."""
    publication = trust.national.publication
    what = (
        "an **illustrative publication, made up for this demonstration**"
        if publication.illustrative
        else (f"NHS England's {type_name(board.trust_type(trust))} trust files")
    )
    quarter = Quarter.parse(trust.quarter)
    recomputed, same = board.figures(trust)
    told = (
        f" Of the {recomputed:,} published figures of this trust that can be recomputed, {same:,} come out equal."
        if recomputed
        else ""
    )
    return Words(
        f"This rests on {what} for {quarter.label}, the quarter that ended on {day(quarter.last_day)}.{told} "
        f"{SEGMENT_MEANING} The likely range is NHS England's 95% interval."
    )


# --- where the score comes from ---


def score(trust: Trust) -> Words:
    """What the average is made of, and what weighs most on either side."""
    table, goal = board.contributions(trust), board.goal(trust)
    worse, better = table[table["contribution"] > SHOWN], table[table["contribution"] < -SHOWN].iloc[::-1]
    light = table.loc[table["weight"] < 1, "weight"]
    third = (
        f" ({len(light)} of them count {light.iloc[0]:.2f} each)"
        if len(light) and light.nunique() == 1
        else (" (some of them with less weight)" if len(light) else "")
    )
    count = f"{len(table)} metric score{'s' if len(table) > 1 else ''}"
    middle = (
        f"**Its average of {goal.average:.2f} is the mean of {count}{third}; the median trust of its type "
        f"would have {board.median_average(trust):.2f} on the same metrics.**"
    )
    sides = [_side(worse, "worse"), _side(better, "better")]
    return Words(" ".join([middle, *filter(None, sides), _domains(trust)]))


def _side(part: pd.DataFrame, which: str) -> str:
    if part.empty:
        return ""
    total = abs(part["contribution"].sum())
    most = [metric(row) for row in part.head(2).to_dict("records")]
    count = "1 metric" if len(part) == 1 else f"{len(part)} metrics"
    start = f"{count} {'makes' if len(part) == 1 else 'make'} it {which}, by {points(total)} in all"
    return f"{start}: {'most of all ' if len(part) > len(most) else ''}{listed(most)}."


def _domains(trust: Trust) -> str:
    table = board.domains(trust)[trust.quarter].sort_values()
    if len(table) < 2:
        return ""
    return (
        f"By domain its scores run from {table.iloc[0]:.2f} ({plain(table.index[0])}) to {table.iloc[-1]:.2f} "
        f"({plain(table.index[-1])})."
    )


# --- like for like ---


def near(trust: Trust) -> Words:
    """Where it stands among trusts like it."""
    row, table = board.subtype(trust), board.near(trust).iloc[1:]
    kind = plain(row["trust_subtype"]) if isinstance(row["trust_subtype"], str) and row["trust_subtype"] else ""
    if table.empty:
        return Words(
            f"No other trust of its type is of its subtype{f' ({kind})' if kind else ''}, so there are no "
            f"like-for-like peers to show."
        )
    apart = table[(table["high"] < 0) | (table["low"] > 0)]
    told = (
        "none of these differences is clear of nought"
        if apart.empty
        else f"{'one of these differences is' if len(apart) == 1 else f'{len(apart)} of these differences are'} clear "
        f"of nought, without allowing for how many are looked at"
    )
    place = (
        ""
        if pd.isna(row["rank_in_subtype"])
        else (
            f"**Among the {row['trusts_in_subtype']:.0f} trusts of its subtype ({kind}) it stands at place "
            f"{row['rank_in_subtype']:.0f}.** "
        )
    )
    few, many = int(table["shared"].min()), int(table["shared"].max())
    largest = table["group_size"].max()
    tied = f" {largest:.0f} of them are equally near, and their order says nothing." if largest > board.NEAR else ""
    shared = f"{few} to {many}" if few < many else f"{few}"
    return Words(f"{place}The {len(table)} nearest share {shared} metrics with it; {told}.{tied}")


# --- a trust without a place in the table ---


def absent(trust: Trust) -> Words:
    """Why there is no place, where it last stood, and who carries its services."""
    return Words("\n\n".join(filter(None, [f"**{_absent(trust)}**", _where_now(trust), _last(trust)])))


def _absent(trust: Trust) -> str:
    name = plain(board.name(trust))
    if board.first_listed_after(trust):
        return (
            f"{name} ({trust.code}) is not in the tables of {board.label(trust)}: these files list it from "
            f"{label(board.first_listed_after(trust))}."
        )
    if trust.quarter in set(board.listed(trust)["quarter"]):
        return (
            f"{name} ({trust.code}) is listed in {board.label(trust)}, but no metric of it is scored: it has no place in "
            "the table."
        )
    last = board.listed(trust).loc[board.listed(trust)["quarter"] < trust.quarter, "quarter"].iloc[-1]
    return f"{name} ({trust.code}) is not in the tables of {board.label(trust)}; it was last listed in {label(last)}."


def _where_now(trust: Trust) -> str:
    if board.first_listed_after(trust) or trust.quarter in set(board.listed(trust)["quarter"]):
        return ""
    table = board.carried_by(trust)
    if table.empty:
        return "No merger that explains this is known to this project, so what became of its services is not said here."
    when = f" since {day(board.ended(trust))}" if board.ended(trust) is not None else ""
    where = [
        f"{plain(row.trust_name)} ({row.trust_code}"
        + (
            ")"
            if pd.isna(row.rank)
            else f", place {row.rank:.0f} of {trusts(_count(trust, row.trust_type), row.trust_type)})"
        )
        for row in table.itertuples(index=False)
    ]
    read = "That trust's briefing is the one to read." if len(where) == 1 else "Their briefings are the ones to read."
    return f"Its services are with {listed(where)}{when}. {read}"


def _count(trust: Trust, trust_type: str) -> int:
    rows = trust.national.standings
    return int(((rows["quarter"] == trust.quarter) & (rows["trust_type"] == trust_type)).sum())


def _last(trust: Trust) -> str:
    row = board.last_stood(trust)
    if row is None:
        return ""
    place = (
        ""
        if pd.isna(row["rank"])
        else (
            f"stood at place {row['rank']:.0f} of "
            f"{trusts(row['trusts'], row['trust_type'])}, "
            f"in segment {row['segment']:.0f}, "
        )
    )
    return (
        f"In {label(row['quarter'])} it {place or 'stood in the table '}with an average score of "
        f"{row['average_score']:.2f} on {row['metrics_scored']} metrics."
    )
