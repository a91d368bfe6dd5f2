"""One metric alone: the value that would carry the trust over the edge, and how often such a step is made."""

from __future__ import annotations

import numpy as np
import pandas as pd

from nof.contributions import updates
from nof.curves import TINY, Curve
from nof.improvement.cases import Case, cases_of
from nof.improvement.gap import NextSegment, next_segment
from nof.recompute import National

STEP_COLUMNS = [
    "metric_id", "value_id", "description", "domain", "units", "value", "value_needed", "change", "score",
    "score_needed", "score_reached", "weight", "closes", "why_not", "trusts_passed", "times", "of", "percentile",
    "usual", "updates", "basis",
]  # fmt: skip


def steps(national: National, quarter: str, trust_code: str) -> pd.DataFrame:
    """For each metric alone: the value that would carry the trust over the edge, and how often such a step is made.

    Edges and other trusts are held where they stand; the trust's new score follows the ranking: see
    `curves.curves`. For the combined finance score the lever is the variance to plan, with the plan as it is.
    How often: trust-quarters of the trust's type, within a framework year, in which the metric had new data.

    Returns
    -------
    DataFrame
        No rows in segment 1, or where the edge is not known. Else a row for each metric, steps that were made most
        often first: metric_id, value_id, description, domain, units, value, value_needed, change (in `units`), score,
        score_needed (may be below 1.00), score_reached (by value_needed), weight, closes (whether this metric alone can
        do it), why_not (where it cannot), trusts_passed (of the type), times and of (trust-quarters with at least that
        improvement, and all), percentile (share of them with a smaller one, 0 to 100), usual (median size of a change
        in a quarter), updates, basis (what the curve rests on).
    """
    goal = next_segment(national, quarter, trust_code)
    if not goal.gap > 0:
        return pd.DataFrame(columns=STEP_COLUMNS)
    table = pd.DataFrame([_step(case, goal) for case in cases_of(national, goal)], columns=STEP_COLUMNS)
    order = {"closes": False, "percentile": True, "metric_id": True}
    return table.sort_values(list(order), ascending=list(order.values())).reset_index(drop=True)


def _step(case: Case, goal: NextSegment) -> dict:
    row, curve = case.row, case.curve
    needed = row["score"] - goal.gap_points / row["weight"]
    value = curve.value(needed) if curve is not None and needed >= 1 - TINY else np.nan
    told = {
        one: row[one] for one in ("metric_id", "value_id", "description", "domain", "units", "value", "score", "weight")
    }
    step = told | {
        "value_needed": value, "change": value - row["value"], "score_needed": needed, "closes": not np.isnan(value),
        "score_reached": curve.score(value) if curve else np.nan, "why_not": _why_not(needed, curve, value),
        "usual": case.usual, "updates": updates(row["reporting_date"], goal.quarter),
        "basis": curve.basis if curve else "not available", "trusts_passed": _passed(case, value),
    }  # fmt: skip
    return step | _how_often(case, value)


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


def _how_often(case: Case, value: float) -> dict:
    if np.isnan(value) or np.isnan(case.row["value"]):
        return {"times": np.nan, "of": len(case.past), "percentile": np.nan}
    wanted = case.curve.sign * (case.row["value"] - value)
    times = int((case.past >= wanted - TINY).sum())
    share = 100 * (1 - times / len(case.past)) if len(case.past) else np.nan
    return {"times": times, "of": len(case.past), "percentile": share}
