"""What it would take one trust to reach the next segment, and the trusts that are like it: facts for its board.

Scores, averages, ranks and segments: 1 is best.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from nof.common import Quarter
from nof.method.facts import Facts, fact
from nof.method.improvement import Movement
from nof.method.next_segment import NextSegment
from nof.method.steps import gap_range

NEAR = 5  # like-for-like peers shown
SHOWN = 0.005  # points of the average below which a difference rounds to nothing


def number(value: Any) -> float | None:
    """The number; None where it is not known."""
    return None if value is None or pd.isna(value) else float(value)


def whole(value: Any) -> int | None:
    """The whole number; None where it is not known."""
    return None if value is None or pd.isna(value) else int(value)


# --- what it would take ---


class Step(NamedTuple):
    """What one metric alone would have to become, and how often trusts that started nearby bettered a score so far."""

    name: str
    value: float
    needed: float
    units: str
    nearby: int | None
    made: int | None
    made_low: int | None
    made_high: int | None
    start_change: float | None


@dataclass(frozen=True)
class Way(Facts):
    """How far the next better segment is, and what could carry the trust there."""

    target: int | None = fact("Next better segment by its scores", direction="1 is best")
    in_first: bool = fact("Whether its scores put it in segment 1")
    known: bool = fact("Whether the edge is known, at least within a bracket")
    average: float = fact("Average", "points", direction="1.00 is best", digits=2)
    gap_low: float | None = fact("Points the average must fall, at the easier end of the edge's bracket", "points")
    gap_high: float | None = fact("Points the average must fall, at the harder end", "points")
    edge_low: float | None = fact("Edge at its harder end", "points", digits=2)
    edge_high: float | None = fact("Edge at its easier end", "points", digits=2)
    cushion_low: float | None = fact("Points the average can rise before its segment is lost, at least", "points")
    cushion_high: float | None = fact("Points the average can rise before its segment is lost, at most", "points")
    bracketed: bool = fact("Whether the edge is known only within a bracket")
    alone: int = fact("Metrics that could close the gap alone", "metrics")
    metrics: int = fact("Metrics in the average", "metrics")
    unpublished: int = fact("Metrics whose way from value to score is not published", "metrics")
    step: Step | None = fact("The step made most often by trusts that started nearby")
    set_size: int | None = fact(
        "Metrics in the smallest set that closes the gap, or in the one nearest to it", "metrics"
    )
    set_closes: bool = fact("Whether that set closes the gap with realistic steps")
    set_names: tuple[str, ...] = fact("Its metrics")
    set_left: float | None = fact("What it leaves of the gap", "points")
    quartiles: bool = fact("Whether the edges are quartiles of all trusts, which move with them")
    first: str | None = fact("First quarter of the year with the edge")
    lowest: float | None = fact("Lowest the edge lay in the year", "points", digits=2)
    highest: float | None = fact("Highest the edge lay in the year", "points", digits=2)
    gap_easiest: float | None = fact("Gap of today's average to the easiest edge of the year", "points")
    gap_hardest: float | None = fact("Gap of today's average to the hardest edge of the year", "points")


def way(
    goal: NextSegment | None,
    steps: pd.DataFrame,
    sets: pd.DataFrame,
    others: Movement | None,
    names: Mapping[str, str],
    rule: str = "",
) -> Way | None:
    """Facts on the next segment.

    Parameters
    ----------
    goal : NextSegment or None
        As `board.goal`.
    steps, sets : DataFrame
        As `board.steps` and `board.sets`.
    others : Movement or None
        As `board.others`.
    names : mapping
        Short names on metric ids.
    rule : str
        How segments are cut, as in the framework's rules.
    """
    if goal is None or others is None:
        return None
    reach = gap_range(goal)
    closes = steps["closes"].astype(bool) if len(steps) else pd.Series(dtype=bool)
    unpublished = steps["why_not"].str.startswith("not available") if len(steps) else closes
    nearest = sets[sets["set"] == 1] if len(sets) else sets
    past = others.frame.dropna(subset="edge")
    several = len(past) > 1 and goal.segment_unadjusted is not None
    own = (goal.edge_low, goal.edge_high) if goal.target else (goal.edge_below_low, goal.edge_below_high)
    return Way(
        target=goal.target,
        in_first=goal.segment_unadjusted == 1,
        known=bool(np.isfinite(own).all()),
        average=goal.average,
        gap_low=number(reach.gap_low),
        gap_high=number(reach.gap_high),
        edge_low=number(own[0]),
        edge_high=number(own[1]),
        cushion_low=number(goal.edge_below_low - goal.average),
        cushion_high=number(goal.edge_below_high - goal.average),
        bracketed=bool(np.isfinite(own).all() and own[1] - own[0] >= SHOWN),
        alone=int(closes.sum()),
        metrics=len(steps),
        unpublished=int((unpublished & ~closes).sum()),
        step=_step(steps[closes], names) if closes.any() else None,
        set_size=len(nearest) or None,
        set_closes=bool(len(nearest) and nearest["closes"].iloc[0]),
        set_names=tuple(names.get(one, one) for one in nearest["metric_id"]) if len(nearest) else (),
        set_left=number(nearest["gap_left"].iloc[0]) if len(nearest) else None,
        quartiles=rule == "quartiles",
        first=Quarter.parse(past["quarter"].iloc[0]).label if several else None,
        lowest=number(others.lowest) if several else None,
        highest=number(others.highest) if several else None,
        gap_easiest=number(others.gap_at_highest) if several else None,
        gap_hardest=number(others.gap_at_lowest) if several else None,
    )


def _step(closing: pd.DataFrame, names: Mapping[str, str]) -> Step | None:
    """The first of the steps that can do it: the one made most often from nearby; None where no value is known."""
    rows = closing.dropna(subset=["value", "value_needed"])
    if rows.empty:
        return None
    row = rows.iloc[0].to_dict()
    counted = whole(row["nearby"]) or None
    ends = sorted(
        one for one in (whole(row["nearby_made_hardest"]), whole(row["nearby_made_easiest"])) if one is not None
    )
    units = row["units"] if isinstance(row["units"], str) else ""
    return Step(
        names.get(row["metric_id"], row["description"]), float(row["value"]), float(row["value_needed"]), units,
        counted, whole(row["nearby_made"]) if counted else None, ends[0] if counted and ends else None,
        ends[-1] if counted and ends else None, number(row["start_change"]),
    )  # fmt: skip


# --- like for like ---


@dataclass(frozen=True)
class Peers(Facts):
    """Where a trust stands among those like it."""

    subtype: str | None = fact("Its subtype")
    place: int | None = fact("Its place within the subtype", "place", direction="1 is best")
    trusts: int | None = fact("Trusts of the subtype", "trusts")
    near: int = fact("Trusts nearest to it in what they are scored on", "trusts")
    shared_low: int | None = fact("Metrics shared with them, at least", "metrics")
    shared_high: int | None = fact("Metrics shared with them, at most", "metrics")
    apart: int = fact("Differences from them whose 95% interval leaves out nought", "trusts")
    alike: int = fact("Size of the largest group of equally near trusts", "trusts")
    ahead: str | None = fact("Of these, the trust furthest ahead on shared metrics")
    ahead_by: float | None = fact("By how much", "points", digits=2)
    ahead_shared: int | None = fact("Metrics shared with it", "metrics")

    @property
    def near_shown(self) -> int:
        """Equally near trusts up to which each has a row of its own."""
        return NEAR


def peers(subtype: Mapping | None, near: pd.DataFrame) -> Peers | None:
    """Facts on the trusts like it.

    Parameters
    ----------
    subtype : mapping or None
        As `board.subtype`.
    near : DataFrame
        As `board.near`.
    """
    if subtype is None:
        return None
    table = near.iloc[1:]
    clear = (table["high"] < 0) | (table["low"] > 0)
    ahead = table[table["difference"] > SHOWN].sort_values("difference", ascending=False, kind="stable")
    kind = subtype["trust_subtype"]
    return Peers(
        subtype=kind if isinstance(kind, str) and kind else None,
        place=whole(subtype["rank_in_subtype"]),
        trusts=whole(subtype["trusts_in_subtype"]),
        near=len(table),
        shared_low=whole(table["shared"].min()) if len(table) else None,
        shared_high=whole(table["shared"].max()) if len(table) else None,
        apart=int(clear.sum()),
        alike=int(table["group_size"].max()) if len(table) else 0,
        ahead=str(ahead["trust_name"].iloc[0]) if len(ahead) else None,
        ahead_by=float(ahead["difference"].iloc[0]) if len(ahead) else None,
        ahead_shared=int(ahead["shared"].iloc[0]) if len(ahead) else None,
    )
