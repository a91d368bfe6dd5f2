"""A trust's result if some of its values were others, or were left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from nof.common import InputError, Problem
from nof.method.contributions import scored_of
from nof.method.curves import TINY, Curve, combined_score, curves
from nof.method.next_segment import NextSegment, next_segment
from nof.rules import ranking, recompute, scoring, uncertainty
from nof.rules.recompute import National


@dataclass(frozen=True)
class WhatIf:
    """A trust's result with some of its values changed or left out.

    Attributes
    ----------
    average, average_low, average_high : float
        Unrounded average, and its likely range at 2 decimals.
    segment_unadjusted, segment : int or None
    rank : float
        League rank within the type; NaN where segments are not known.
    metrics : DataFrame
        metric_id, value_id, description, units, weight, value, score, new_value, new_score (NaN: left out).
    """

    average: float
    average_low: float
    average_high: float
    segment_unadjusted: int | None
    segment: int | None
    rank: float
    metrics: pd.DataFrame


def whatif(national: National, quarter: str, trust_code: str, changes: Mapping[str, float | None]) -> WhatIf:
    """Average, likely range, segment and rank of a trust if some of its values were others.

    Approximation: the edges and all other trusts' scores are held where they stand. In truth each trust that is passed
    on a metric moves by one place, and quartile edges shift a little with the trust.

    Parameters
    ----------
    changes : dict
        By metric id: a value id (OF0005) with a value, or a score id (OF1005) with a score from 1.00 to 4.00. None
        leaves the metric out of the average. The plan and the variance of finance (OF0079, OF0081) go through their
        bands to the combined score. No changes give the trust as it stands.

    Raises
    ------
    InputError
        A metric that the trust is not scored on, a score off the scale, or a value with no known way to a score.
    """
    goal = next_segment(national, quarter, trust_code)
    own = scored_of(national, quarter, trust_code).sort_values("metric_id").set_index("metric_id", drop=False)
    own = own.assign(new_value=own["value"], new_score=own["score"])
    found = curves(national, quarter, trust_code)
    fed = levers(national, quarter)
    for asked, value in changes.items():
        metric_id = _metric_asked(asked, own, fed)
        if value is None:
            own.loc[metric_id, ["new_value", "new_score"]] = np.nan
        elif asked == metric_id:
            own.loc[metric_id, ["new_value", "new_score"]] = np.nan, _on_scale(asked, value)
        elif asked in fed:
            own.loc[metric_id, "new_score"] = combined_score(national, quarter, trust_code, metric_id, changes)
        else:
            own.loc[metric_id, ["new_value", "new_score"]] = value, _new_score(value, own.loc[metric_id], found)
    return _result(national, goal, own.reset_index(drop=True))


def levers(national: National, quarter: str) -> dict[str, str]:
    """Value ids of plan and variance of finance, with the id of the combined score that they feed."""
    known = national.framework(quarter).by_score
    fed = [one for one in known.values() if one.matrix]
    pairs = [(part, one.score_id) for one in fed for part in (one.matrix.plan, one.matrix.variance)]
    return {known[part].value_id: score_id for part, score_id in pairs if part in known}


def _metric_asked(asked: str, own: pd.DataFrame, fed: dict[str, str]) -> str:
    by_value = own.loc[own["value_id"] == asked, "metric_id"]
    found = by_value.iloc[0] if len(by_value) else fed.get(asked, asked)
    if found not in own.index:
        raise InputError(
            Problem(
                "changes",
                "is not a metric that this trust is scored on",
                column=asked,
                expected=f"one of {', '.join([*own.index, *own['value_id'].dropna()])}",
            )
        )
    return found


def _on_scale(asked: str, score: float) -> float:
    if not 1 <= score <= 4:
        raise InputError(Problem("changes", "is not a score", column=asked, value=str(score), expected="1.00 to 4.00"))
    return float(score)


def _new_score(value: float, row: pd.Series, found: dict[str, Curve]) -> float:
    curve = found.get(row["metric_id"])
    if abs(value - row["value"]) <= TINY:
        return row["score"]
    if curve is None or not np.isfinite(value):
        raise InputError(
            Problem(
                "changes",
                "no score can be told for this value",
                column=row["value_id"],
                value=str(value),
                expected="a number, for a metric whose published values put its scores in order",
            )
        )
    return curve.score(value)


def _result(national: National, goal: NextSegment, own: pd.DataFrame) -> WhatIf:
    columns = ["metric_id", "value_id", "description", "units", "weight", "value", "score", "new_value", "new_score"]
    kept = own[own["new_score"].notna()]
    if kept.empty:
        return WhatIf(np.nan, np.nan, np.nan, None, None, np.nan, own[columns])
    scores, weights = kept["new_score"].to_numpy(), kept["weight"].to_numpy()
    average = float((scores * weights).sum() / weights.sum())
    unadjusted, segment, rank = _place_in_league(national, goal, average)
    return WhatIf(average, *uncertainty.likely_range(scores, weights), unadjusted, segment, rank, own[columns])


def _place_in_league(national: National, goal: NextSegment, average: float) -> tuple[int | None, int | None, float]:
    if goal.segment_unadjusted is None:
        return None, None, np.nan
    unadjusted = int(ranking.segment_of(average, recompute.edges(national, goal.quarter)))
    best_allowed = national.framework(goal.quarter).override.no_better_than
    segment = int(ranking.override(unadjusted, goal.in_deficit, best_allowed))
    table = recompute.standing(national, goal.quarter, goal.trust_type)[["segment", "average_score"]].copy()
    table.loc[goal.trust_code] = segment, scoring.round_half_up(average)
    return unadjusted, segment, float(ranking.league_rank(table["segment"], table["average_score"])[goal.trust_code])
