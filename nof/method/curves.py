"""From value to metric score: what the published peers show of a rule.

NHS England publishes values and scores, but not what value earns which score. `curves` reads that off the published
peers. Where the whole ranking pool is at hand the curve is exact; where only one trust type is (the pools of 2025/26
are national), it is interpolated between the peers that can be seen, and says so in its `basis`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from nof.common import InputError, Problem, kept
from nof.method.contributions import scored, type_of, values
from nof.rules import scoring
from nof.rules.framework import Framework, Metric
from nof.rules.recompute import National

TINY = 1e-9
# A metric whose rule is unknown gets a curve only if its values put its scores in order at least this well (rank
# correlation), over at least so many trusts. Both are conventions of ours.
ORDERED = 0.9
FEWEST = 5


@dataclass(frozen=True)
class Curve:
    """Metric score by value, as the published peers of a quarter show it.

    Attributes
    ----------
    points : array
        Values times `sign`, ascending: the best first. The last is infinite: whatever is worse than the worst peer.
    scores : array
        Score of a trust with each value (1.00 is best); NaN where no rule is known.
    between : array of bool
        Whether a value between a point and the next may be interpolated. Where not, it scores as the next one does:
        nothing is gained before the better peer is reached.
    sign : int
        1 where low values are better, -1 where high ones are.
    place : float or None
        What one place in the ranking is worth, in score.
    decimals : int
        Decimals of the published values.
    basis : str
        What the curve rests on, in words.
    """

    points: np.ndarray
    scores: np.ndarray
    between: np.ndarray
    sign: int
    place: float | None
    decimals: int
    basis: str

    def score(self, value: float) -> float:
        """Score of a value. NaN for a missing value, or where no rule is known."""
        if np.isnan(value):
            return np.nan
        point = self.sign * value
        at = int(np.searchsorted(self.points, point - TINY))
        if at == 0 or abs(self.points[at] - point) <= TINY or not self.between[at - 1]:
            return float(self.scores[at])
        share = (self.points[at] - point) / (self.points[at] - self.points[at - 1])
        return float(self._places(at, share * (self.scores[at] - self.scores[at - 1]), np.floor))

    def value(self, score: float) -> float:
        """The nearest value that earns a score or better; NaN where no peer shows one."""
        earns = np.flatnonzero(self.scores <= score + TINY)
        if not len(earns):
            return np.nan
        at = int(earns[-1])
        point = self.points[at]
        if at + 1 < len(self.points) and self.between[at]:
            point = self._point_before(at + 1, score)
        return self.sign * float(point) + 0.0

    def _point_before(self, at: int, score: float) -> float:
        wanted = max(self._places(at, self.scores[at] - score, np.ceil), self.scores[at - 1])
        share = (self.scores[at] - wanted) / (self.scores[at] - self.scores[at - 1])
        point = self.points[at] - share * (self.points[at] - self.points[at - 1])
        scale = 10.0**self.decimals
        return max(np.floor(point * scale + 1e-6) / scale, self.points[at - 1])

    def _places(self, at: int, better: float, whole) -> float:
        """The score of a point made better by so much, in whole places of the ranking."""
        if self.place is None:
            return self.scores[at] - better
        tilt = TINY if whole is np.floor else -TINY
        return self.scores[at] - whole(better / self.place + tilt) * self.place


def curves(
    national: National, quarter: str, trust_code: str, rows: pd.DataFrame | None = None, newcomer: bool = False
) -> dict[str, Curve]:
    """Value-to-score curves of a trust's metrics, seen from that trust: other trusts stay where they are.

    A metric has a curve if its values are published and put its scores in order. Matching a better peer's value earns
    that peer's score; falling behind a worse peer earns its score less one place, since that peer moves up one. NHS
    England ranks unrounded values, so at equal published values a place either way stays open. A trust that enters or
    leaves a ranking beside a standard or floor changes the size of that ranking by one, which is ignored (less than one
    place).

    Parameters
    ----------
    rows : DataFrame, optional
        `scored` of the quarter or those of its metrics that are wanted, if at hand.
    newcomer : bool
        Also curves of the metrics of its type that the trust is not scored on, as it would join their ranking.

    Returns
    -------
    dict
        Curves by metric id (of the score).
    """
    trust_type, framework = type_of(national, quarter, trust_code), national.framework(quarter)
    pools = _pools(national, quarter, trust_type) if rows is None else _pooled(rows, framework, trust_type)
    found = {}
    for metric_id, pool in pools.items():
        metric = framework.by_score.get(metric_id)
        if trust_code not in pool.scored and not newcomer:
            continue
        if metric is not None and metric.matrix is not None:
            found[metric_id] = _finance_curve(national, quarter, trust_code, metric)
        elif metric is not None and metric.shape == "bands":
            found[metric_id] = _band_curve([band.score for band in metric.bands], metric, "rule")
        elif pool.pairs is not None:
            found[metric_id] = _curve_of(pool.pairs, trust_code)
    return {metric_id: curve for metric_id, curve in found.items() if curve is not None}


@dataclass(frozen=True, eq=False)
class _Pairs:
    """Published values with the scores that they earned, and what they tell of the rule; the same for every trust.

    Points are values times `sign`: the best first. `fixed` is the score beside a standard or floor (NaN: none), `last`
    that of whatever is worse than the worst peer.
    """

    metric: Metric | None
    codes: np.ndarray
    points: np.ndarray
    scores: np.ndarray
    sign: int
    whole: bool
    fixed: float
    last: float
    place: float | None
    decimals: int
    basis: str


@dataclass(frozen=True, eq=False)
class _Pool:
    """The trusts scored on a metric, and its pairs (None where values do not put the scores in order)."""

    scored: frozenset[str]
    pairs: _Pairs | None


@kept
def _pools(national: National, quarter: str, trust_type: str) -> dict[str, _Pool]:
    return _pooled(scored(national, quarter), national.framework(quarter), trust_type)


def _pooled(rows: pd.DataFrame, framework: Framework, trust_type: str) -> dict[str, _Pool]:
    """The pool of each metric of a trust type."""
    own = rows.loc[rows["trust_type"] == trust_type, "metric_id"].unique()
    found = {}
    for metric_id, part in rows[rows["metric_id"].isin(own)].groupby("metric_id"):
        metric, codes = framework.by_score.get(metric_id), frozenset(part["trust_code"])
        part = part[part["value"].notna()]
        part = part[part["trust_type"] == trust_type] if metric is not None and metric.pool == "type" else part
        found[metric_id] = _Pool(codes, _pairs(part, metric) if len(part) else None)
    return found


def _pairs(part: pd.DataFrame, metric: Metric | None) -> _Pairs | None:
    sign = direction(part, metric)
    if sign == 0:
        return None
    shape = metric.shape if metric is not None and metric.ranked else None
    whole = shape is not None and bool((part["level"] == 2).all())
    last = scoring.FIXED["floor"] if shape == "floor" else scoring.SPAN[shape][1] if whole else part["score"].max()
    found = part["value"].to_numpy(dtype=float)
    return _Pairs(
        metric,
        part["trust_code"].to_numpy(),
        sign * found,
        part["score"].to_numpy(dtype=float),
        sign,
        whole,
        scoring.FIXED.get(shape, np.nan),
        float(last),
        _place(part["published"].to_numpy(), shape, whole),
        decimals(found),
        _basis(part, metric, whole),
    )


def direction(pairs: pd.DataFrame, metric: Metric | None) -> int:
    """1 where low values are better, -1 where high ones are, 0 where values do not put the scores in order.

    Parameters
    ----------
    pairs : DataFrame
        value and score (1.00 is best) of the trusts of a pool.
    metric : Metric or None
        Its rule where that is known: a rule that can be recomputed decides, any other must not be contradicted.
    """
    if metric is not None and metric.recomputable:
        return 1 if metric.better == "low" else -1
    if len(pairs) < FEWEST or pairs["score"].nunique() == 1 or pairs["value"].nunique() == 1:
        return 0
    order = pairs["value"].rank().corr(pairs["score"].rank())
    sign = int(np.sign(order)) if abs(order) >= ORDERED else 0
    return sign if sign == {"low": 1, "high": -1}.get(metric.better if metric else "", sign) else 0


def _curve_of(pairs: _Pairs, trust_code: str) -> Curve:
    """The curve as it stands for one trust: see `curves`."""
    own = pairs.codes == trust_code
    seen = _seen_from(pairs.points, pairs.scores, own, pairs.place, pairs.fixed)
    points, scores, tied = _worst_at_each(pairs.points, seen)
    between = np.zeros(len(scores), bool) if pairs.whole else _smooth(scores, tied, pairs.fixed)
    points, scores, between = _with_threshold(points, scores, between, pairs.sign, pairs.metric)
    points, scores, between = np.append(points, np.inf), np.append(scores, pairs.last), np.append(between, False)
    return Curve(points, scores, between, pairs.sign, pairs.place, pairs.decimals, pairs.basis)


def _seen_from(points: np.ndarray, scores: np.ndarray, own: np.ndarray, place: float | None, fixed: float):
    """Scores as they stand for a trust that moves: the ranked peers behind it have one place less before them."""
    if place is None or not own.any() or scores[own][0] == fixed:
        return scores
    return scores - place * ((points > points[own][0]) & (scores != fixed))


def _worst_at_each(points: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points in order, the worst score at each (rounding may hide different ranks), and whether trusts tie there."""
    order = np.lexsort((scores, points))
    points, scores = points[order], scores[order]
    first = np.flatnonzero(np.diff(points, prepend=-np.inf) > 0)
    twice = (np.diff(points, prepend=-np.inf) == 0) & np.isclose(np.diff(scores, prepend=-np.inf), 0)
    worst = np.maximum.accumulate(np.maximum.reduceat(scores, first))
    return points[first], worst, np.logical_or.reduceat(twice, first)


def _smooth(scores: np.ndarray, tied: np.ndarray, fixed: float) -> np.ndarray:
    """Where to interpolate: not beside a tie, a level stretch or a fixed score, which are jumps of the rule."""
    same = np.isclose(np.diff(scores), 0)
    level = np.append(same, False) | np.insert(same, 0, False) | (scores == fixed)
    return np.append(~tied[:-1] & ~level[:-1] & ~level[1:], False)


def _with_threshold(points, scores, between, sign: int, metric: Metric | None):
    """Adds the standard (1.00 from there) or the floor (3.00 at worst from there), which the rules name."""
    if metric is None or metric.shape not in scoring.FIXED:
        return points, scores, between
    bound, score = (metric.standard, 1.0) if metric.shape == "standard" else (metric.floor, scoring.SPAN["floor"][1])
    if bound is None or np.isclose(points, sign * bound).any():  # a draft may not know the bound yet
        return points, scores, between
    at = int(np.searchsorted(points, sign * bound))
    return np.insert(points, at, sign * bound), np.insert(scores, at, score), np.insert(between, at, False)


def _place(published: np.ndarray, shape: str | None, whole: bool) -> float | None:
    if shape is None:
        return None
    in_ranking = int((published != scoring.FIXED.get(shape, np.nan)).sum())
    at_least = in_ranking if shape == "ranked" else 1
    size = in_ranking if whole else scoring.pool_size(published, shape, at_least)
    low, high = scoring.SPAN[shape]
    return None if size is None else (high - low) / max(size - 1, 1)


def _basis(pairs: pd.DataFrame, metric: Metric | None, whole: bool) -> str:
    if whole:
        return "the whole pool"
    types = pairs["trust_type"].nunique()
    seen = "its own trust type only" if types == 1 else f"{types} trust types"
    return f"published peers of {seen}" + ("" if metric is not None and metric.recomputable else ", rule unknown")


def decimals(numbers: np.ndarray, most: int = 4) -> int:
    """Decimals that published values show."""
    return next((places for places in range(most) if np.allclose(numbers, np.round(numbers, places), atol=1e-9)), most)


# --- rules with thresholds ---


def _band_curve(scores: list[float], metric: Metric, basis: str) -> Curve:
    """Curve of a banded metric: the first value of each band, then whatever is left."""
    starts = [np.inf if one.start is None else -one.start - (0.0 if one.inclusive else 0.01) for one in metric.bands]
    return Curve(np.array(starts), np.array(scores, dtype=float), np.zeros(len(starts), bool), -1, None, 2, basis)


def combined_score(national: National, quarter: str, trust_code: str, metric_id: str, changes: dict) -> float:
    """Combined finance score with the plan or the variance changed (`changes` by value id).

    Raises
    ------
    InputError
        No trust has shown that combination of bands, or one of the two values is missing.
    """
    framework = national.framework(quarter)
    matrix = framework.by_score[metric_id].matrix
    own = values(national.publication, quarter)
    own = own[own["trust_code"] == trust_code].set_index("value_id")["value"]
    parts = [framework.by_score[one] for one in (matrix.plan, matrix.variance)]
    asked = [changes.get(part.value_id, own.get(part.value_id)) for part in parts]
    scores = [scoring.banded(pd.Series([one], dtype=float), part.bands) for one, part in zip(asked, parts, strict=True)]
    plan, variance = scores
    found = float(scoring.combined(plan, variance, matrix).iloc[0])
    if np.isnan(found):
        raise InputError(
            Problem(
                "changes",
                "no score can be told for this plan and variance",
                column=metric_id,
                value=", ".join(str(one) for one in asked),
                expected="a combination that some trust has shown",
            )
        )
    return found


def _finance_curve(national: National, quarter: str, trust_code: str, metric: Metric) -> Curve | None:
    """Combined finance score by variance to plan, the plan being what it is."""
    plan = _scores(national, quarter, metric.matrix.plan).get(trust_code, np.nan)
    variance = national.framework(quarter).by_score.get(metric.matrix.variance)
    if np.isnan(plan) or variance is None or not variance.bands:
        return None
    row = metric.matrix.scores[int(plan) - 1]
    return _band_curve([row[int(band.score) - 1] for band in variance.bands], variance, "rule, with the plan as it is")


@kept
def _scores(national: National, quarter: str, metric_id: str) -> pd.Series:
    """One metric's scores in a quarter, by trust code; also of a metric that does not enter the average."""
    rows = national.scores[(national.scores["quarter"] == quarter) & (national.scores["metric_id"] == metric_id)]
    return rows.set_index("trust_code")["score"]
