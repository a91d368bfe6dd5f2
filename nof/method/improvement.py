"""What it would take for one trust to reach the next segment.

Segments follow the average metric score, so the question is asked in that order: how far the average is from the
edge, what each metric would have to do alone, which few metrics could do it together, and how far the edge itself
moves. Nothing here is a forecast: edges and other trusts are held where they stand, and a step that other trusts made
in a quarter is not a promise that this one can.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from nof.common import Quarter, kept
from nof.method.contributions import improvements, scored, scored_of, updates, values
from nof.method.curves import TINY, Curve, curves
from nof.method.next_segment import NextSegment, edge_brackets, next_segment
from nof.rules.recompute import National

# --- The trust's metrics, each with its curve, its past and its peers: all that can be said of a step on it ---


@dataclass(frozen=True)
class Case:
    """One metric of the trust with all that can be said of a step on it.

    Attributes
    ----------
    row : dict
        As a row of `contributions.scored`.
    curve : Curve or None
        None where values do not put the scores in order.
    past : array
        Improvements of the type's trusts in one quarter, in the metric's units (above 0 is better).
    peers : array
        Values of the type's trusts.
    """

    row: dict
    curve: Curve | None
    past: np.ndarray
    peers: np.ndarray

    @property
    def usual(self) -> float:
        """Median size of a change in a quarter; NaN where there is no past or most trusts never change."""
        size = float(np.median(np.abs(self.past))) if len(self.past) else 0.0
        return size if size > 0 else np.nan


@kept
def cases_of(national: National, goal: NextSegment) -> tuple[Case, ...]:
    """The metrics of the trust in the order of their ids; without a curve where no values are published in order.

    Parameters
    ----------
    goal : NextSegment
        Says which trust and quarter.
    """
    found = curves(national, goal.quarter, goal.trust_code)
    own = scored_of(national, goal.quarter, goal.trust_code).sort_values("metric_id")
    own = with_variance(national, goal.quarter, own)
    return tuple(_case(national, goal, row, found.get(row["metric_id"])) for row in own.to_dict("records"))


def _case(national: National, goal: NextSegment, row: dict, curve: Curve | None) -> Case:
    if curve is None:
        return Case(row, None, np.array([]), np.array([]))
    past = improvements(national, goal.trust_type, row["value_id"], row["units"], curve.sign)
    beside = _peer_values(national, goal.quarter, goal.trust_type).get(row["metric_id"], np.array([]))
    return Case(row, curve, past, beside)


@kept
def _peer_values(national: National, quarter: str, trust_type: str) -> dict[str, np.ndarray]:
    """Values of every trust of a type by metric: of the combined finance score, the variances to plan."""
    rows = scored(national, quarter)
    rows = with_variance(national, quarter, rows[rows["trust_type"] == trust_type])
    return {metric_id: part.dropna().to_numpy() for metric_id, part in rows.groupby("metric_id")["value"]}


def with_variance(national: National, quarter: str, rows: pd.DataFrame) -> pd.DataFrame:
    """Puts the variance to plan beside the combined finance score: the part of it that moves within the year."""
    framework = national.framework(quarter)
    published = values(national.publication, quarter)
    for metric in framework.metrics:
        if metric.matrix is None or metric.matrix.variance not in framework.by_score:
            continue
        lever = framework.by_score[metric.matrix.variance].value_id
        found = published[published["value_id"] == lever].set_index("trust_code")
        here = rows["metric_id"] == metric.score_id
        if here.any() and len(found):
            told = {
                one: rows[one].mask(here, rows["trust_code"].map(found[one]))
                for one in ("value", "units", "reporting_date")
            }
            rows = rows.assign(**told, value_id=rows["value_id"].mask(here, lever))
    return rows


# --- One metric alone: the value that would carry the trust over the edge, and how often such a step is made ---


STEP_COLUMNS = [
    "metric_id", "value_id", "description", "domain", "units", "value", "value_needed", "change", "score",
    "score_needed", "score_reached", "weight", "closes", "why_not", "trusts_passed", "usual", "updates", "basis",
]  # fmt: skip


def steps(national: National, quarter: str, trust_code: str) -> pd.DataFrame:
    """For each metric alone: the value that would carry the trust over the edge. How often: `steps.step_chances`.

    Edges and other trusts are held where they stand; the trust's new score follows the ranking: see
    `curves.curves`. For the combined finance score the lever is the variance to plan, with the plan as it is.

    Returns
    -------
    DataFrame
        No rows in segment 1, or where the edge is not known. Else a row for each metric, those that can do it first, in
        the order of the ids: metric_id, value_id, description, domain, units, value, value_needed, change (in `units`), score,
        score_needed (may be below 1.00), score_reached (by value_needed), weight, closes (whether this metric alone can
        do it), why_not (where it cannot), trusts_passed (of the type), usual (median size of a change in a
        quarter), updates, basis (what the curve rests on).
    """
    goal = next_segment(national, quarter, trust_code)
    if not goal.gap > 0:
        return pd.DataFrame(columns=STEP_COLUMNS)
    table = pd.DataFrame([_step(case, goal) for case in cases_of(national, goal)], columns=STEP_COLUMNS)
    order = {"closes": False, "metric_id": True}
    return table.sort_values(list(order), ascending=list(order.values())).reset_index(drop=True)


def _step(case: Case, goal: NextSegment) -> dict:
    row, curve = case.row, case.curve
    needed = row["score"] - goal.gap_points / row["weight"]
    value = curve.value(needed) if curve is not None and needed >= 1 - TINY else np.nan
    told = {
        one: row[one] for one in ("metric_id", "value_id", "description", "domain", "units", "value", "score", "weight")
    }
    return told | {
        "value_needed": value, "change": value - row["value"], "score_needed": needed, "closes": not np.isnan(value),
        "score_reached": curve.score(value) if curve else np.nan, "why_not": _why_not(needed, curve, value),
        "usual": case.usual, "updates": updates(row["reporting_date"], goal.quarter),
        "basis": curve.basis if curve else "not available", "trusts_passed": _passed(case, value),
    }  # fmt: skip


def _why_not(needed: float, curve: Curve | None, value: float) -> str:
    if needed < 1 - TINY:
        return "it would need a score better than 1.00"
    if curve is None:
        return "not available: no published value puts this score in order"
    if not np.isnan(value):
        return ""
    return (
        "no value gives such a score, the plan being what it is"
        if "plan" in curve.basis
        else ("no published peer shows such a score")
    )


def _passed(case: Case, value: float) -> float:
    if np.isnan(value) or np.isnan(case.row["value"]):
        return np.nan
    points = case.curve.sign * case.peers
    there, here = case.curve.sign * value, case.curve.sign * case.row["value"]
    return float(((points > there + TINY) & (points < here - TINY)).sum())


# --- Several metrics together: the smallest sets that close the gap with steps that trusts do make ---


# "Realistic" is what the best quarter of the type's trusts did in one quarter: a convention of ours, not a target.
REALISTIC = 0.75
# Shares of a realistic step that are tried, smallest first.
SHARES = np.arange(1, 21) / 20
SET_COLUMNS = [
    "set", "size", "closes", "gap_left", "furthest", "metric_id", "value_id", "description", "units", "value",
    "value_needed", "change", "score", "score_reached", "gain", "in_usual", "updates", "basis",
]  # fmt: skip


def smallest_sets(
    national: National, quarter: str, trust_code: str, max_size: int = 3, realistic: float = REALISTIC
) -> pd.DataFrame:
    """The smallest sets of metrics that would carry the trust over the edge with steps that trusts do make.

    A realistic step of a metric is the improvement that the best quarter of the type's trusts made in one quarter (the
    `realistic` quantile of `improvements`), and never beyond the best published peer. Each metric of a set takes the
    same share of its realistic step, the smallest share that closes the gap. Sets that hold a smaller closing set are
    left out. Large steps are made most often by trusts that start far behind, so for a trust near the front a realistic
    step is generous.

    Parameters
    ----------
    max_size : int
        Most metrics in a set.
    realistic : float
        Quantile of the improvements, 0 to 1.

    Returns
    -------
    DataFrame
        A row for each metric of each set, best set first: fewest metrics, then the shortest longest step. set (1 is the
        best), size, closes, gap_left (points of the average that stay), furthest (the longest step of the set in usual
        quarterly changes), metric_id, value_id, description, units, value, value_needed, change (in `units`), score,
        score_reached, gain (points of the average), in_usual (the step in usual quarterly changes), updates, basis. If
        no set closes the gap there is one set, the one that comes nearest with whole realistic steps, and closes is
        False. No rows in segment 1, where the edge is not known, or where no metric has a step to take.
    """
    goal = next_segment(national, quarter, trust_code)
    if not goal.gap > 0:
        return pd.DataFrame(columns=SET_COLUMNS)
    cases = [case for case in cases_of(national, goal) if case.curve is not None]
    every = {case.row["metric_id"]: _tried(case, goal, realistic) for case in cases}
    tried = {metric_id: table for metric_id, table in every.items() if table is not None}
    parts = [_set_rows(chosen, tried, goal) for chosen in _chosen_sets(tried, goal.gap, max_size)]
    parts.sort(
        key=lambda part: (len(part), np.nan_to_num(part[0]["furthest"], nan=np.inf), [one["metric_id"] for one in part])
    )
    rows = [one | {"set": number} for number, part in enumerate(parts, 1) for one in part]
    return pd.DataFrame(rows, columns=SET_COLUMNS)


@dataclass(frozen=True)
class _Tried:
    """One metric at each share of its realistic step: value, score, gain of the average, usual quarterly changes."""

    told: dict
    value_needed: np.ndarray
    score_reached: np.ndarray
    gain: np.ndarray
    in_usual: np.ndarray

    def at(self, share: int) -> dict:
        """The metric at one of the shares, as a row of a set."""
        value = float(self.value_needed[share])
        return self.told | {
            "value_needed": value,
            "change": value - self.told["value"],
            "score_reached": float(self.score_reached[share]),
            "gain": float(self.gain[share]),
            "in_usual": float(self.in_usual[share]),
        }


def _tried(case: Case, goal: NextSegment, realistic: float) -> _Tried | None:
    """One metric at each share of its realistic step; None where no such step is known or nothing is gained by it."""
    row, curve = case.row, case.curve
    best = curve.points[0]
    start = curve.sign * row["value"]
    step = np.quantile(case.past, realistic) if len(case.past) else 0.0
    if not (step > 0 and start > best):
        return None
    scale = 10.0**curve.decimals
    points = np.maximum(np.floor((start - step * SHARES) * scale + 1e-6) / scale, best)
    reached = np.array([curve.score(value) for value in curve.sign * points + 0.0])
    gains = np.maximum(np.nan_to_num(row["score"] - reached), 0.0) * row["weight"] / goal.total_weight
    if not gains.max() > 0:
        return None
    told = {one: row[one] for one in ("metric_id", "value_id", "description", "units", "value", "score")}
    told |= {"basis": curve.basis, "updates": updates(row["reporting_date"], goal.quarter)}
    return _Tried(told, curve.sign * points + 0.0, reached, gains, (start - points) / case.usual)


def _chosen_sets(tried: dict[str, _Tried], gap: float, max_size: int) -> list[tuple[tuple[str, ...], int]]:
    """The smallest closing sets, each with the place of the smallest share that does it; else the nearest set."""
    gains = {metric_id: np.maximum.accumulate(table.gain) for metric_id, table in tried.items()}
    closing: list[tuple[tuple[str, ...], int]] = []
    for size in range(1, max_size + 1):
        smaller = [set(chosen) for chosen, _ in closing]
        for chosen in combinations(sorted(gains), size):
            enough = np.flatnonzero(sum(gains[one] for one in chosen) >= gap - TINY)
            if len(enough) and not any(part <= set(chosen) for part in smaller):
                closing.append((chosen, int(enough[0])))
    if closing or not gains:
        return closing
    most = sorted(gains, key=lambda one: -gains[one][-1])[:max_size]
    return [(tuple(most), len(SHARES) - 1)]


def _set_rows(chosen: tuple[tuple[str, ...], int], tried: dict[str, _Tried], goal: NextSegment) -> list[dict]:
    """The metrics of a set, the one that gains most first."""
    metrics, share = chosen
    part = sorted((tried[one].at(share) for one in metrics), key=lambda one: -one["gain"])
    left = max(goal.gap - sum(one["gain"] for one in part), 0.0)
    about = {
        "size": len(part),
        "closes": left <= TINY,
        "gap_left": left if left > TINY else 0.0,
        "furthest": float(np.max([one["in_usual"] for one in part])),
    }
    return [one | about for one in part]


# --- The others move too: how the edge that a trust has to reach moved over the quarters ---


ILLUSTRATION = "illustration from past edges, not a forecast"


@dataclass(frozen=True)
class Movement:
    """How the edge itself moved over the quarters of the framework year, and what that would do to the gap.

    Attributes
    ----------
    frame : DataFrame
        quarter, edge, edge_low, edge_high (the bracket), gap (the trust's average now less that quarter's edge).
    lowest, highest : float
        Of the edges, over the ends of their brackets where no more is known (the lowest is the hardest to reach); NaN
        where none is known.
    gap_at_lowest, gap_at_highest : float
        At or below 0: the trust would be over the edge as it stands.
    label : str
        What this is: an illustration from past edges, not a forecast.
    """

    frame: pd.DataFrame
    lowest: float
    highest: float
    gap_at_lowest: float
    gap_at_highest: float
    label: str = ILLUSTRATION


def movement_of_others(national: National, quarter: str, trust_code: str) -> Movement:
    """How the edge that a trust has to reach moved, since segments are quartiles: others' movement moves it.

    For a trust in segment 1 by its average the edge is the one that it has to keep (its gap is then below 0).

    Parameters
    ----------
    national, quarter, trust_code
        As for `contributions.contributions`.
    """
    goal = next_segment(national, quarter, trust_code)
    year = Quarter.parse(quarter).year
    quarters = [one for one in national.publication.quarters if Quarter.parse(one).year == year]
    rows = [{"quarter": one} | edge_brackets(national, one).loc[goal.target or 1].to_dict() for one in quarters]
    frame = pd.DataFrame(rows).rename(columns={"above": "edge_low", "below": "edge_high"})
    frame = frame.assign(gap=goal.average - frame["edge"])[["quarter", "edge", "edge_low", "edge_high", "gap"]]
    shown = frame.dropna(subset="edge")
    lowest, highest = float(shown["edge_low"].min()), float(shown["edge_high"].max())
    return Movement(frame, lowest, highest, goal.average - lowest, goal.average - highest)
