"""Where trusts that merge would have stood as one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from nof.scoring import round_half_up


@dataclass(frozen=True)
class MergedPosition:
    """Where a merged trust would have stood: arithmetic on published scores, not a prediction.

    Attributes
    ----------
    predecessors : DataFrame
        Side by side: trust_code, trust_name, rank and segment (of the league table),
        average_score, place_by_average, metrics_scored.
    shared, either : int
        Metrics scored for all predecessors, and for at least one.
    average_best, average_worst : float
        Bounds of the average, 2 decimal places (1.00 is best).
    place_best, place_worst : int
        Places by average alone among the other trusts and the merged one.
    of : int
        Trusts in that table: the others and the merged one.
    """

    predecessors: pd.DataFrame
    shared: int
    either: int
    average_best: float
    average_worst: float
    place_best: int
    place_worst: int
    of: int


def merged_position(league: pd.DataFrame, scores: pd.DataFrame, codes: Iterable[str]) -> MergedPosition | None:
    """Bound the place that trusts would have had as one.

    Each metric that several of them have is taken to score between their lowest and highest
    score; a metric that one of them has keeps its score. The average then lies between the
    weighted mean of the lowest and that of the highest scores. Its place is 1 + the number of
    other trusts with a better average. Segments and the financial override are left out, since
    the merged trust's finances are not known; so the places are by average, not league ranks.

    Parameters
    ----------
    league : DataFrame
        One quarter and trust type: trust_code, trust_name, rank, segment, average_score.
    scores : DataFrame
        The same quarter: trust_code, metric_id, score (1.00 is best), weight.
    codes : iterable of str
        The trusts that merge, the successor too if it stands in the table.

    Returns
    -------
    MergedPosition or None
        None if not all codes stand in this table: trusts of different types cannot be placed.
    """
    codes = sorted(set(codes))
    if len(codes) < 2 or not set(codes) <= set(league["trust_code"]):
        return None
    mine = scores[scores["trust_code"].isin(codes)]
    by_metric = mine.groupby("metric_id").agg(
        low=("score", "min"), high=("score", "max"), weight=("weight", "max"), held=("score", "count")
    )
    best, worst = (_average(by_metric[end], by_metric["weight"]) for end in ("low", "high"))
    others = league.loc[~league["trust_code"].isin(codes), "average_score"]
    side_by_side = league[league["trust_code"].isin(codes)].assign(
        place_by_average=league["average_score"].rank(method="min"),
        metrics_scored=lambda frame: frame["trust_code"].map(mine.groupby("trust_code").size()),
    )
    columns = ["trust_code", "trust_name", "rank", "segment", "average_score", "place_by_average", "metrics_scored"]
    return MergedPosition(
        side_by_side[columns].reset_index(drop=True),
        int((by_metric["held"] == len(codes)).sum()),
        len(by_metric),
        best,
        worst,
        int((others < best).sum()) + 1,
        int((others < worst).sum()) + 1,
        len(others) + 1,
    )


def _average(score: pd.Series, weight: pd.Series) -> float:
    """Weighted mean at 2 decimals, rounded as the published averages are (method note, section 1.1)."""
    return float(round_half_up(float((score * weight).sum() / weight.sum())))
