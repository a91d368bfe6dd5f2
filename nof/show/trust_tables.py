"""Tables of one trust's briefing."""

from __future__ import annotations

import numpy as np
import pandas as pd

from nof.common import Quarter
from nof.method import board
from nof.method.board import Trust
from nof.show.display import Column, Table
from nof.show.tables import segment_tone
from nof.show.trust_findings import signed

STEPS = 5  # steps shown
SET_ROWS = 4  # rows of sets shown, so one set or two


def number(value: float, units: object = "", signs: bool = False) -> str | None:
    """A value, with its unit if that is short: "5.47%"; a change has its sign and no unit; None where missing."""
    if pd.isna(value):
        return None
    text = signed(value) if signs else f"{value:,.2f}".replace("-", "−")
    text = text.removesuffix(".00") if units == "count" else text
    return f"{text}%" if units == "%" and not signs else text


def named(description: str, units: object) -> str:
    """A metric with its unit, unless the unit stands beside each value."""
    return description if not isinstance(units, str) or units in ("%", "") else f"{description} ({units})"


def _numbers(table: pd.DataFrame, column: str, signs: bool = False) -> list[str | None]:
    return [number(value, units, signs) for value, units in zip(table[column], table["units"], strict=True)]


def _named(table: pd.DataFrame) -> list[str]:
    return [named(text, units) for text, units in zip(table["description"], table["units"], strict=True)]


def metrics(trust: Trust) -> Table:
    """Each metric: value, median and quartiles, rank, score, and what it adds to the average."""
    table = board.contributions(trust)
    half = [
        None if a is None or b is None else f"{a} to {b}"
        for a, b in zip(_numbers(table, "lower_quartile"), _numbers(table, "upper_quartile"), strict=True)
    ]
    rank = [None if pd.isna(a) else f"{a:.0f} of {b}" for a, b in zip(table["rank"], table["ranked"], strict=True)]
    shown = table.assign(
        name=_named(table),
        shown=_numbers(table, "value"),
        half=half,
        middle=_numbers(table, "median"),
        place=rank,
        adds=[signed(one) for one in table["contribution"]],
    )
    return Table(
        shown,
        "The metrics behind the average",
        (
            Column("name", "Metric", row_header=True),
            Column("shown", "Value", align="right"),
            Column("middle", "Median", align="right"),
            Column("half", "Middle half", align="right"),
            Column("place", "Rank", align="right"),
            Column("score", "Score", align="right", format=".2f"),
            Column("adds", "Adds", align="right"),
        ),
        note="Middle half: from the lower to the upper quartile of the trusts of this type. Adds: points that the "
        "metric adds to the average beside a median trust; a plus makes it worse." + _unvalued(table),
    )


def _unvalued(table: pd.DataFrame) -> str:
    return " Where only a score is published there is no value and no rank." if table["value"].isna().any() else ""


def quarters(trust: Trust) -> Table | None:
    """Average, place, domain and metric scores by quarter; None for a single quarter."""
    if len(board.quarters(trust)) < 2:
        return None
    labels = {one: Quarter.parse(one).label for one in board.quarters(trust)}
    summary = [
        ("Average score", board.standings(trust)["average_score"], ".2f"),
        ("Place in the table", board.standings(trust)["rank"], ".0f"),
        ("Segment", board.standings(trust)["segment"], ".0f"),
    ]
    summary += [(f"Domain: {name}", row[board.quarters(trust)], ".2f") for name, row in board.domains(trust).iterrows()]
    names = board.contributions(trust).set_index("metric_id")["description"]
    summary += [(names[one], row, ".2f") for one, row in board.scores(trust).iterrows()]
    rows = [
        {"name": name} | {one: _written(cell, form) for one, cell in zip(labels, row, strict=True)}
        for name, row, form in summary
    ]
    now = board.medians(trust)[trust.quarter]
    middle = [
        _written(now["average"]),
        None,
        None,
        *map(_written, board.domains(trust)["median"]),
        *map(_written, now[board.scores(trust).index]),
    ]
    shown = pd.DataFrame(rows).assign(middle=middle)
    return Table(
        shown,
        "The same quarter by quarter",
        (
            Column("name", "Average, domains and metrics", row_header=True),
            *(Column(one, label, align="right") for one, label in labels.items()),
            Column("middle", "Median now", align="right"),
        ),
        emphasis=(0,),
        note="A domain score is the average of the metric scores in that domain.",
    )


def _written(number: float, form: str = ".2f") -> str | None:
    return None if pd.isna(number) else f"{number:{form}}"


def domains(trust: Trust) -> Table | None:
    """Domain scores where there is no table by quarter."""
    if len(board.quarters(trust)) > 1:
        return None
    return Table(
        board.domains(trust).reset_index(),
        "Domain scores",
        (
            Column("domain", "Domain", row_header=True),
            Column(trust.quarter, "Score", align="right", format=".2f"),
            Column("median", "Type's median", align="right", format=".2f"),
        ),
    )


# --- what it would take ---


def steps(trust: Trust) -> Table | None:
    """What one metric alone would have to become; None where no metric can do it."""
    table = board.steps(trust)[board.steps(trust)["closes"].astype(bool)].head(STEPS)
    if table.empty:
        return None
    often = [
        None if pd.isna(made) or not nearby else f"{made:.0f} of {nearby:.0f}"
        for made, nearby in zip(table["nearby_made"], table["nearby"], strict=True)
    ]
    shown = table.assign(
        name=_named(table),
        now=_numbers(table, "value"),
        needed=_numbers(table, "value_needed"),
        by=_numbers(table, "change", True),
        often=often,
        usually=[_written(one) for one in table["usual"]],
    )
    return Table(
        shown,
        f"What one metric alone would have to become for segment {board.goal(trust).target}",
        (
            Column("name", "Metric", row_header=True),
            Column("now", "Now", align="right"),
            Column("needed", "Needed", align="right"),
            Column("by", "Change", align="right"),
            Column("usually", "Usual move", align="right"),
            Column("often", "Made from nearby", align="right"),
            Column("updates", "New data"),
        ),
        note="Changes are in the metric's own unit (of a percentage, in percentage points). Usual move: the median "
        "size of a change from one "
        "quarter to the next among trusts of this type. Made from nearby: of the trust-quarters that started within one "
        "usual move of its value, how many bettered their score by as much as it needs; the step made most often first.",
    )


def sets(trust: Trust) -> Table | None:
    """The smallest sets of metrics that would close the gap together; None where none does, or one metric is enough."""
    if board.sets(trust).empty or not board.sets(trust)["closes"].iloc[0] or board.sets(trust)["size"].iloc[0] == 1:
        return None
    table = board.sets(trust)[board.sets(trust)["set"] <= _sets_shown(trust)]
    shown = table.assign(
        name=_named(table),
        now=_numbers(table, "value"),
        needed=_numbers(table, "value_needed"),
        by=_numbers(table, "change", True),
        gained=[f"{one:.2f}" for one in table["gain"]],
    )
    return Table(
        shown,
        _sets_caption(trust),
        (
            Column("set", "Set", align="right", format=".0f"),
            Column("name", "Metric", row_header=True),
            Column("now", "Now", align="right"),
            Column("needed", "Needed", align="right"),
            Column("by", "Change", align="right"),
            Column("in_usual", "Usual moves", align="right", format=".1f"),
            Column("gained", "Average falls by", align="right"),
            Column("updates", "New data"),
        ),
    )


def _sets_caption(trust: Trust) -> str:
    count = int(board.sets(trust)["set"].max())
    several = _sets_shown(trust)
    shown = "set with the shortest steps" if several == 1 else f"{several} sets with the shortest steps"
    return "The smallest set that would do it" if count == 1 else f"The {shown}, of {count}"


def _sets_shown(trust: Trust) -> int:
    return min(int(board.sets(trust)["set"].max()), max(SET_ROWS // int(board.sets(trust)["size"].iloc[0]), 1))


# --- how firm this is ---


def segments(trust: Trust) -> Table | None:
    """Each segment's averages and the chance of it; None where segments are not known."""
    if board.chances(trust) is None:
        return None
    edges = trust.view.edges
    bounds = [None, *(f"{edge:.2f}" if np.isfinite(edge) else "not known" for edge in edges), None]
    spans = [
        f"up to {high}" if low is None else f"above {low}" if high is None else f"above {low} to {high}"
        for low, high in zip(bounds[:-1], bounds[1:], strict=True)
    ]
    flagged = bool(board.place(trust)["in_deficit"])
    shown = board.chances(trust).rename_axis("segment").reset_index().assign(averages=spans)
    own = int(board.place(trust)["segment"])
    chance = (
        Column("by_average", "By average" if flagged else "Chance", align="right", format=_percent),
        *((Column("after", "After override", align="right", format=_percent),) if flagged else ()),
    )
    draws = len(trust.view.redrawn.ranks)
    return Table(
        shown,
        f"The chance of each segment, in {draws:,} redraws of its own metric scores",
        (
            Column("segment", "Segment", format="d", row_header=True, tone=segment_tone),
            Column("averages", "Average score"),
            *chance,
        ),
        emphasis=(own - 1,) if own <= len(shown) else (),
    )


def _percent(share: float) -> str:
    """A share as a percentage; a small one is not nought, a large one not all."""
    return "below 1%" if 0 < share < 0.01 else "above 99%" if 0.99 < share < 1 else f"{100 * share:.0f}%"


def near(trust: Trust) -> Table | None:
    """The trust beside its like-for-like peers; None where it has none."""
    table = board.near_rows(trust)
    if len(table) < 2:
        return None
    span = [
        None
        if pd.isna(row.low)
        else f"{signed(row.low)} to {signed(row.high)}" + ("" if row.alone else " (all of them)")
        for row in table.itertuples()
    ]
    shown = table.assign(
        place=[None if pd.isna(low) else f"{low:.0f}" if low == high else f"{low:.0f} to {high:.0f}"
               for low, high in zip(table["rank_low"], table["rank_high"], strict=True)],
        apart=[None if pd.isna(one) else signed(one) for one in table["difference"]],
        span=span,
    )  # fmt: skip
    return Table(
        shown,
        "The trusts most like it in what they are scored on",
        (
            Column("name", "Trust", row_header=True),
            Column("place", "Place", align="right"),
            Column("average", "Average", align="right", format=".2f"),
            Column("segment", "Segment", align="right", format=".0f", tone=segment_tone),
            Column("shared", "Shared metrics", align="right", format=".0f"),
            Column("apart", "Difference", align="right"),
            Column("span", "95% range", align="right"),
        ),
        emphasis=(0,),
        note="Same subtype; then most metrics in common, the nearer number of metrics, the same region. Performance plays "
        "no part. Trusts alike in all of these are equally near: more than "
        f"{board.NEAR} of them are one row, with medians. Difference: over shared metrics; a minus means that this trust "
        "scores better.",
    )
