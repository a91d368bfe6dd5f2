"""The trust's metrics, each with its curve, its past and its peers: all that can be said of a step on it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd

from nof.contributions import improvements, scored, scored_of, values
from nof.curves import Curve, curves
from nof.improvement.gap import NextSegment
from nof.recompute import National


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


@lru_cache(maxsize=8)
def cases_of(national: National, goal: NextSegment) -> tuple[Case, ...]:
    """The metrics of the trust in the order of their ids; without a curve where no values are published in order.

    Parameters
    ----------
    goal : NextSegment
        Says which trust and quarter.
    """
    found = curves(national, goal.quarter, goal.trust_code)
    own = scored_of(national, goal.quarter, goal.trust_code).sort_values("metric_id")
    own = _with_variance(national, goal.quarter, own)
    return tuple(_case(national, goal, row, found.get(row["metric_id"])) for row in own.to_dict("records"))


def _case(national: National, goal: NextSegment, row: dict, curve: Curve | None) -> Case:
    if curve is None:
        return Case(row, None, np.array([]), np.array([]))
    past = improvements(national, goal.trust_type, row["value_id"], row["units"], curve.sign)
    beside = _peer_values(national, goal.quarter, goal.trust_type).get(row["metric_id"], np.array([]))
    return Case(row, curve, past, beside)


@lru_cache(maxsize=64)
def _peer_values(national: National, quarter: str, trust_type: str) -> dict[str, np.ndarray]:
    """Values of every trust of a type by metric: of the combined finance score, the variances to plan."""
    rows = scored(national, quarter)
    rows = _with_variance(national, quarter, rows[rows["trust_type"] == trust_type])
    return {metric_id: part.dropna().to_numpy() for metric_id, part in rows.groupby("metric_id")["value"]}


def _with_variance(national: National, quarter: str, rows: pd.DataFrame) -> pd.DataFrame:
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
