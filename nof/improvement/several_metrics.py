"""Several metrics together: the smallest sets that close the gap with steps that trusts do make."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from nof.contributions import updates
from nof.curves import TINY
from nof.improvement.cases import Case, cases_of
from nof.improvement.gap import NextSegment, next_segment
from nof.recompute import National

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
