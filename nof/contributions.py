"""Where a trust's average comes from: what each metric adds to it, and the curve from value to metric score.

NHS England publishes values and scores, but not what value earns which score. `curves` reads that off the published
peers. Where the whole ranking pool is at hand the curve is exact; where only one trust type is (the pools of 2025/26
are national), it is interpolated between the peers that can be seen, and says so in its `basis`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd

from nof import framework as rules
from nof import recompute, scoring, timeliness
from nof.errors import InputError, Problem
from nof.framework import Framework, Metric
from nof.quarter import Quarter
from nof.recompute import National

TINY = 1e-9
YEARLY = ("calendar year", "financial year", timeliness.PLAN)
# A metric whose rule is unknown gets a curve only if its values put its scores in order at least this well (rank
# correlation), over at least so many trusts. Both are conventions of ours.
ORDERED = 0.9
FEWEST = 5
CONTRIBUTION_COLUMNS = [
    "metric_id", "value_id", "description", "domain", "value", "units", "median", "lower_quartile", "upper_quartile",
    "rank", "ranked", "score", "weight", "median_score", "contribution", "reporting_date",
]  # fmt: skip


# --- the trust's metrics ---

def contributions(national: National, quarter: str, trust_code: str) -> pd.DataFrame:
    """What each scored metric adds to a trust's average, against a median trust of its type.

    A contribution is weight x (score - median score) / sum of the trust's weights. The contributions sum to the
    average less the weighted mean of the median scores on the same metrics.

    Parameters
    ----------
    national : National
    quarter : str
        Slug, as "2025-26-q4".
    trust_code : str

    Returns
    -------
    DataFrame
        A row for each metric in the average, the one that worsens it most first: metric_id (of the score), value_id
        (None where no value is published), description, domain, value (in `units`), median, lower_quartile,
        upper_quartile (of the type, as published), rank (in the type, by value; 1 is best), ranked (how many of the
        type have one), score (1.00 is best), weight, median_score (of the type's trusts with that metric),
        contribution (points of the average; above 0 is worse than the median), reporting_date.

    Raises
    ------
    InputError
        No such trust in that quarter.
    """
    trust_type = type_of(national, quarter, trust_code)
    peers = recompute.select(scored(national, quarter), quarter, trust_type)
    by_metric = peers.groupby("metric_id")
    own = peers[peers["trust_code"] == trust_code].set_index("metric_id")
    own = own.assign(median_score=by_metric["score"].median(), ranked=by_metric["rank"].count())
    above = own["score"] - own["median_score"]
    own = own.assign(contribution=own["weight"] * above / own["weight"].sum()).reset_index()
    own = own.sort_values(["contribution", "metric_id"], ascending=[False, True])
    return own[CONTRIBUTION_COLUMNS].reset_index(drop=True)


def type_of(national: National, quarter: str, trust_code: str) -> str:
    """Type slug of a trust in a quarter; an InputError where it has no average in that quarter."""
    rows = national.standings[national.standings["quarter"] == quarter]
    found = rows.loc[rows["trust_code"] == trust_code, "trust_type"]
    if found.empty:
        raise InputError(Problem("trust", f"has no metric score in {quarter}", value=trust_code,
                                 expected=f"one of {rows['trust_code'].nunique()} trust codes of that quarter"))
    return found.iloc[0]


def scored(national: National, quarter: str) -> pd.DataFrame:
    """Every score that enters an average in a quarter, of all trust types, beside the value that earned it.

    Returns
    -------
    DataFrame
        `National.scores` of the quarter with weight above 0, and value_id, value, units, median, lower_quartile,
        upper_quartile, rank, reporting_date (NaN or None where no value is published) and description.
    """
    scores = national.scores[(national.scores["quarter"] == quarter) & (national.scores["weight"] > 0)]
    framework = national.framework(quarter)
    ids = {one: published_value_id(one, framework) for one in scores["metric_id"].unique()}
    rows = scores.assign(value_id=scores["metric_id"].map(ids))
    rows = rows.merge(values(national.publication, quarter), on=["trust_code", "value_id"], how="left")
    texts = _texts(national.publication, quarter)
    dated = rows["reporting_date"].fillna(rows["metric_id"].map(texts["reporting_date"]))
    return rows.assign(description=rows["metric_id"].map(texts["description"]), reporting_date=dated)


def published_value_id(score_id: str, framework: Framework) -> str | None:
    """Id of the value behind a score; by NHS England's pattern where the rules do not know the metric."""
    metric = framework.by_score.get(score_id)
    if metric is None or metric.value_id == rules.UNKNOWN:
        return rules.value_id(score_id)
    return None if metric.value_id == rules.NOT_PUBLISHED else metric.value_id


@lru_cache(maxsize=64)
def values(publication, quarter: str) -> pd.DataFrame:
    """One published value for each trust and metric of a quarter: the units that are scored.

    A metric published in two units (a count beside a rate) of which the rules name neither is left out: which of them
    is scored is not known.

    Returns
    -------
    DataFrame
        trust_code, value_id, value, units, median, lower_quartile, upper_quartile, rank, reporting_date.
    """
    rows = publication.metrics
    rows = rows[(rows["quarter"] == quarter) & rows["metric_id"].str.fullmatch(r"OF0\d{3}")]
    framework = rules.load(Quarter.parse(quarter).year_label)
    named = {one.value_id: one.units.casefold() for one in framework.metrics if one.units}
    wanted = rows["metric_id"].map(named)
    rows = rows[wanted.isna() | (rows["units"].str.casefold() == wanted)]
    rows = rows.drop_duplicates(["trust_code", "metric_id"], keep=False).rename(columns={"metric_id": "value_id"})
    return rows[["trust_code", "value_id", "value", "units", "median", "lower_quartile", "upper_quartile", "rank",
                 "reporting_date"]]


@lru_cache(maxsize=64)
def _texts(publication, quarter: str) -> pd.DataFrame:
    rows = publication.metrics[publication.metrics["quarter"] == quarter]
    return rows.drop_duplicates("metric_id").set_index("metric_id")[["description", "reporting_date"]]


# --- from value to score ---

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


def curves(national: National, quarter: str, trust_code: str, rows: pd.DataFrame | None = None) -> dict[str, Curve]:
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

    Returns
    -------
    dict
        Curves by metric id (of the score).
    """
    rows = scored(national, quarter) if rows is None else rows
    trust_type = type_of(national, quarter, trust_code)
    framework = national.framework(quarter)
    found = {}
    own = set(rows.loc[rows["trust_code"] == trust_code, "metric_id"])
    for metric_id, part in rows[rows["metric_id"].isin(own)].groupby("metric_id"):
        metric = framework.by_score.get(metric_id)
        part = part[part["value"].notna()]
        part = part[part["trust_type"] == trust_type] if metric is not None and metric.pool == "type" else part
        if metric is not None and metric.matrix is not None:
            found[metric_id] = _finance_curve(national, quarter, trust_code, metric)
        elif metric is not None and metric.shape == "bands":
            found[metric_id] = _band_curve([band.score for band in metric.bands], metric, "rule")
        elif len(part):
            found[metric_id] = _peer_curve(part, metric, trust_code)
    return {metric_id: curve for metric_id, curve in found.items() if curve is not None}


def direction(pairs: pd.DataFrame, metric: Metric | None) -> int:
    """1 where low values are better, -1 where high ones are, 0 where values do not put the scores in order."""
    if metric is not None and metric.recomputable:
        return 1 if metric.better == "low" else -1
    if len(pairs) < FEWEST or pairs["score"].nunique() == 1 or pairs["value"].nunique() == 1:
        return 0
    order = pairs["value"].rank().corr(pairs["score"].rank())
    sign = int(np.sign(order)) if abs(order) >= ORDERED else 0
    return sign if sign == {"low": 1, "high": -1}.get(metric.better if metric else "", sign) else 0


def _peer_curve(pairs: pd.DataFrame, metric: Metric | None, trust_code: str) -> Curve | None:
    sign = direction(pairs, metric)
    if sign == 0:
        return None
    shape = metric.shape if metric is not None and metric.ranked else None
    whole = shape is not None and bool((pairs["level"] == 2).all())
    place = _place(pairs["published"].to_numpy(), shape, whole)
    points, fixed = sign * pairs["value"].to_numpy(), scoring.FIXED.get(shape, np.nan)
    own = (pairs["trust_code"] == trust_code).to_numpy()
    points, scores, tied = _worst_at_each(points, _seen_from(points, pairs["score"].to_numpy(), own, place, fixed))
    between = np.zeros(len(scores), bool) if whole else _smooth(scores, tied, fixed)
    points, scores, between = _with_threshold(points, scores, between, sign, metric)
    last = scoring.FIXED["floor"] if shape == "floor" else scoring.SPAN[shape][1] if whole else pairs["score"].max()
    points, scores, between = np.append(points, np.inf), np.append(scores, last), np.append(between, False)
    places = decimals(pairs["value"].to_numpy())
    return Curve(points, scores, between, sign, place, places, _basis(pairs, metric, whole))


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
    size = in_ranking if whole else _pool_size(tuple(np.unique(published)), shape, at_least)
    low, high = scoring.SPAN[shape]
    return None if size is None else (high - low) / max(size - 1, 1)


@lru_cache(maxsize=512)
def _pool_size(published: tuple[float, ...], shape: str, at_least: int) -> int | None:
    return scoring.pool_size(pd.Series(published), shape, at_least)


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
    found = float(scoring.combined(*scores, matrix).iloc[0])
    if np.isnan(found):
        raise InputError(Problem("changes", "no score can be told for this plan and variance", column=metric_id,
                                 value=", ".join(str(one) for one in asked),
                                 expected="a combination that some trust has shown"))
    return found


def _finance_curve(national: National, quarter: str, trust_code: str, metric: Metric) -> Curve | None:
    """Combined finance score by variance to plan, the plan being what it is."""
    rows = national.scores[(national.scores["quarter"] == quarter) & (national.scores["trust_code"] == trust_code)]
    plan = rows.set_index("metric_id")["score"].get(metric.matrix.plan, np.nan)
    variance = national.framework(quarter).by_score.get(metric.matrix.variance)
    if np.isnan(plan) or variance is None or not variance.bands:
        return None
    row = metric.matrix.scores[int(plan) - 1]
    return _band_curve([row[int(band.score) - 1] for band in variance.bands], variance, "rule, with the plan as it is")


def finance_bands(national: National, quarter: str, trust_code: str) -> pd.DataFrame:
    """Which change of finance band gives which combined finance score, the other part staying as it is.

    Returns
    -------
    DataFrame
        metric_id (of the combined score), lever ("plan" or "variance"), value_id, value (the trust's own), band_score,
        band_from (lowest value of the band; NaN for the last), combined_score (NaN where no trust has shown it),
        current (the trust's own band), average_change (what it does to the average; below 0 is better). No rows where
        the rules or the published scores do not tell.
    """
    framework = national.framework(quarter)
    own = national.scores[(national.scores["quarter"] == quarter) & (national.scores["trust_code"] == trust_code)]
    scores = own.set_index("metric_id")["score"]
    matrices = [one for one in framework.metrics if one.matrix is not None and one.score_id in scores.index]
    parts = [_lever_bands(lever, metric, scores, framework) for metric in matrices for lever in ("plan", "variance")]
    columns = ["metric_id", "lever", "value_id", "band_score", "band_from", "combined_score", "current", "gain"]
    table = pd.DataFrame([row for part in parts for row in part], columns=columns)
    known = values(national.publication, quarter)
    known = known[known["trust_code"] == trust_code].set_index("value_id")["value"]
    weights = table["metric_id"].map(own.set_index("metric_id")["weight"])
    change = 0.0 - table["gain"] * weights / own["weight"].sum()
    return table.assign(value=table["value_id"].map(known), average_change=change).drop(columns="gain")


def _lever_bands(lever: str, metric: Metric, scores: pd.Series, framework: Framework) -> list[dict]:
    """The bands of the plan or the variance, with the combined score that each gives beside the other as it is."""
    plan, variance = (scores.get(one, np.nan) for one in (metric.matrix.plan, metric.matrix.variance))
    banded = framework.by_score.get(getattr(metric.matrix, lever))
    if np.isnan(plan) or np.isnan(variance) or banded is None:
        return []
    table = np.array(metric.matrix.scores, dtype=float)
    now, combined = (plan, table[:, int(variance) - 1]) if lever == "plan" else (variance, table[int(plan) - 1])
    told = {"metric_id": metric.score_id, "lever": lever, "value_id": banded.value_id}
    return [told | {"band_score": band.score, "band_from": np.nan if band.start is None else band.start,
                    "combined_score": combined[int(band.score) - 1], "current": band.score == now,
                    "gain": scores[metric.score_id] - combined[int(band.score) - 1]} for band in banded.bands]


# --- what trusts usually do in a quarter ---

@lru_cache(maxsize=4)
def history(publication) -> pd.DataFrame:
    """Every change of a published value from one quarter to the next within a framework year.

    Changes across the turn of the year are left out: definitions may differ and year-to-date figures start anew.

    Returns
    -------
    DataFrame
        quarter (the later one), trust_type, trust_code, value_id, units, change (in `units`), moved (whether the
        period behind the value is a new one: a staff survey counts once a year).
    """
    rows = publication.metrics
    rows = rows[rows["metric_id"].str.fullmatch(r"OF0\d{3}") & rows["value"].notna()]
    rows = rows.rename(columns={"metric_id": "value_id"})
    following = {one: _next_in_year(one) for one in publication.quarters}
    before = rows.assign(quarter=rows["quarter"].map(following))
    keys = ["quarter", "trust_code", "value_id", "units"]
    pairs = rows.merge(before[[*keys, "value", "reporting_date"]], on=keys, suffixes=("", "_before"))
    dates = pairs[["quarter", "reporting_date", "reporting_date_before"]]
    new = {key: _is_new(*key) for key in dates.drop_duplicates().itertuples(index=False, name=None)}
    moved = [new[key] for key in dates.itertuples(index=False, name=None)]
    pairs = pairs.assign(change=pairs["value"] - pairs["value_before"], moved=np.array(moved, dtype=bool))
    return pairs[["quarter", "trust_type", "trust_code", "value_id", "units", "change", "moved"]]


def _next_in_year(quarter: str) -> str | None:
    now = Quarter.parse(quarter)
    return now.next.slug if now.next.year == now.year else None


def _is_new(quarter: str, now: str, before: str) -> bool:
    previous = Quarter.parse(quarter)
    previous = Quarter(previous.year, previous.number - 1)
    periods = timeliness.parse(now, quarter), timeliness.parse(before, previous)
    return now != before if None in periods else periods[0].days != periods[1].days


def improvements(national: National, trust_type: str, value_id: str, units: str, sign: int) -> np.ndarray:
    """Improvements (above 0 is better) of a metric in one quarter, one for each trust-quarter with new data."""
    return -sign * _changes(national.publication).get((trust_type, value_id, units), np.array([]))


@lru_cache(maxsize=4)
def _changes(publication) -> dict[tuple[str, str, str], np.ndarray]:
    past = history(publication)
    groups = past[past["moved"]].groupby(["trust_type", "value_id", "units"])["change"]
    return {key: group.to_numpy() for key, group in groups}


def updates(reporting_date: object, quarter: str) -> str:
    """How often a metric's data are renewed: "quarterly", "yearly", "when awarded" or "unknown"."""
    period = timeliness.parse(reporting_date, quarter)
    if period is None:
        return "unknown"
    if period.kind in (timeliness.AWARD, timeliness.OPEN_AWARD):
        return "when awarded"
    return "yearly" if period.kind in YEARLY else "quarterly"
