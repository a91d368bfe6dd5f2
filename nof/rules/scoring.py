"""From values to metric scores, domain scores and averages.

A score runs from 1.00 (best) to 4.00 (worst) and counts position, not distance. The three shapes are those of NHS
England's methodology manual for 2025/26, step 1; what was inferred is marked in data/frameworks/ and DEVIATIONS.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
import pandas as pd

from nof.read.sheets import matching
from nof.rules.framework import Band, Framework, Matrix, Metric, value_id

# Manual, step 1: the ends of the scale for each shape, and the fixed score of those outside the ranking.
SPAN = {"ranked": (1.0, 4.0), "standard": (2.0, 4.0), "floor": (1.0, 3.0)}
FIXED = {"standard": 1.0, "floor": 4.0}

SCORE_COLUMNS = ["quarter", "trust_type", "trust_code", "metric_id", "domain", "score", "published", "weight", "level"]
_KEY = ["quarter", "trust_code", "metric_id"]
_TINY = 1e-9  # float noise in a mean of a few scores; a real half is at least 1/2000 from its neighbours


def round_half_up(numbers: pd.Series | np.ndarray | float, decimals: int = 2):
    """Round as NHS England does: a half goes up (half-even fails on 16 published scores)."""
    scale = 10.0**decimals
    return np.floor(numbers * scale + 0.5 + _TINY) / scale


def competition_rank(values: pd.Series, better: str) -> pd.Series:
    """Rank 1 for the best; ties all take the best rank among them; missing values get none.

    Parameters
    ----------
    values : Series of float
    better : {"low", "high"}
    """
    return values.rank(method="min", ascending=better == "low")


def spread(rank: pd.Series | np.ndarray, pool: int, shape: str):
    """Score of a rank among `pool` ranked trusts: evenly spaced over the span of the shape.

    Source: manual, step 1; for "ranked" 1 + 3(rank - 1)/(n - 1).
    """
    low, high = SPAN[shape]
    return low + (high - low) * (rank - 1) / max(pool - 1, 1)


def ranked(values: pd.Series, better: str) -> pd.Series:
    """Scores of a metric in which every trust is ranked, unrounded."""
    return spread(competition_rank(values, better), int(values.notna().sum()), "ranked")


def standard(values: pd.Series, better: str, meets: float) -> pd.Series:
    """Scores with a standard: 1.00 for those that meet it, 2.00 to 4.00 by rank for the others."""
    met = values <= meets if better == "low" else values >= meets
    return _beside_fixed(values, better, met, "standard")


def floor(values: pd.Series, better: str, lowest: float) -> pd.Series:
    """Scores with a floor: 4.00 for those that miss it, 1.00 to 3.00 by rank for the others."""
    missed = values > lowest if better == "low" else values < lowest
    return _beside_fixed(values, better, missed, "floor")


def _beside_fixed(values: pd.Series, better: str, fixed: pd.Series, shape: str) -> pd.Series:
    others = values.where(~fixed)
    scores = spread(competition_rank(others, better), int(others.notna().sum()), shape)
    return scores.mask(fixed & values.notna(), FIXED[shape])


def banded(values: pd.Series, bands: tuple[Band, ...]) -> pd.Series:
    """Scores by thresholds: the first band that a value reaches, best band first."""
    amounts, scores = values.to_numpy(dtype=float), np.full(len(values), np.nan)
    for band in reversed(bands):
        start = -np.inf if band.start is None else band.start
        scores[amounts >= start if band.inclusive else amounts > start] = band.score
    return pd.Series(scores, index=values.index)


def combined(plan: pd.Series, variance: pd.Series, matrix: Matrix) -> pd.Series:
    """Combined finance score of a plan score and a variance score; missing where no rule is known."""
    table = np.array(matrix.scores, dtype=float)
    known = plan.notna() & variance.notna()
    rows, columns = plan[known].astype(int) - 1, variance[known].astype(int) - 1
    return pd.Series(table[rows, columns], index=plan.index[known]).reindex(plan.index)


def score_values(values: pd.Series, metric: Metric) -> pd.Series:
    """Unrounded scores of one pool of values by the metric's own rule."""
    if metric.shape == "ranked":
        return ranked(values, metric.better)
    if metric.shape == "standard":
        return standard(values, metric.better, metric.standard)  # type: ignore[arg-type]  # recomputable: it has one
    if metric.shape == "floor":
        return floor(values, metric.better, metric.floor)  # type: ignore[arg-type]  # recomputable: it has one
    return banded(values, metric.bands)


# --- the grid test: which pool could have given these scores, and the scores before rounding ---


def grid(pool: int, shape: str) -> np.ndarray:
    """Every unrounded score that a pool of this size can give, fixed score included."""
    points = spread(np.arange(1, pool + 1), pool, shape)
    return np.append(points, FIXED[shape]) if shape in FIXED else points


def pool_size(published: pd.Series | np.ndarray, shape: str, at_least: int = 1) -> int | None:
    """Smallest number of ranked trusts on whose grid every published score falls.

    NHS England does not publish the size of its ranking pools. From one score a hundredth on (301 ranked trusts,
    201 beside a standard or floor) any score falls on the grid, so None is returned instead.

    Parameters
    ----------
    published : Series or array of float
        Scores as published, 2 decimals.
    shape : {"ranked", "standard", "floor"}
    at_least : int
        Trusts that are known to have been ranked.
    """
    held = np.asarray(published, dtype=float)
    return _smallest_pool(frozenset(_hundredths(held[~np.isnan(held)]).tolist()), shape, at_least)


@lru_cache(maxsize=2048)
def _smallest_pool(wanted: frozenset[int], shape: str, at_least: int) -> int | None:
    low, high = SPAN[shape]
    for pool in range(max(at_least, 1), int((high - low) * 100) + 1):
        if wanted <= _rounded_grid(pool, shape):
            return pool
    return None


@lru_cache(maxsize=2048)
def _rounded_grid(pool: int, shape: str) -> frozenset[int]:
    """Every published score that a pool of this size can give, in hundredths."""
    return frozenset(_hundredths(grid(pool, shape)).tolist())


def recover(published: pd.Series, pool: int, shape: str) -> pd.Series:
    """Scores before rounding: the point of the grid that rounds to each published score."""
    rounded, exact = _points(pool, shape)
    wanted = _hundredths(published)
    place = np.searchsorted(rounded, wanted).clip(max=len(rounded) - 1)
    return pd.Series(np.where(rounded[place] == wanted, exact[place], published), index=published.index)


@lru_cache(maxsize=2048)
def _points(pool: int, shape: str) -> tuple[np.ndarray, np.ndarray]:
    """Published scores in hundredths, in order, and the first point of the grid that rounds to each."""
    points = grid(pool, shape)
    rounded, first = np.unique(_hundredths(points), return_index=True)
    return rounded, points[first]


def _hundredths(scores) -> np.ndarray:
    return np.rint(round_half_up(np.asarray(scores)) * 100).astype(int)


# --- frames ---


def published_scores(metrics: pd.DataFrame, framework: Framework) -> pd.DataFrame:
    """Metric scores as published, with weights; level 1.

    Parameters
    ----------
    metrics : DataFrame
        `Publication.metrics`.

    Returns
    -------
    DataFrame
        quarter, trust_type, trust_code, metric_id, domain, score, published, weight, level. One row a score that
        enters the average or that feeds one (the finance plan and variance scores carry weight 0).
    """
    rows = metrics[matching(metrics["metric_id"], r"OF1\d{3}") & metrics["value"].notna()]
    weights = {one: metric.weight if metric.averaged else 0.0 for one, metric in framework.by_score.items()}
    scores = rows.assign(
        score=rows["value"], published=rows["value"], level=1, weight=rows["metric_id"].map(weights).fillna(1.0)
    )
    return scores[SCORE_COLUMNS].reset_index(drop=True)


def pools(scores: pd.DataFrame, framework: Framework) -> pd.DataFrame:
    """Size of the ranking pool behind each published score, by the grid test.

    Returns
    -------
    DataFrame
        quarter, metric_id, pool ("national" or a trust type), published (scores seen), size (NaN: no grid fits).
    """
    columns = ["quarter", "metric_id", "pool", "published", "size"]
    published = scores["published"].to_numpy()
    rows = [
        (quarter, metric.score_id, name, len(places), _size(published[places], metric))
        for quarter, metric, name, places in _pool_groups(scores, framework)
    ]
    return pd.DataFrame(rows, columns=columns).astype({"size": "Float64"})


def recovered_scores(metrics: pd.DataFrame, framework: Framework) -> pd.DataFrame:
    """Level 1 scores with the digits that rounding took away, where the grid test gives them back."""
    scores = published_scores(metrics, framework)
    published, exact = scores["published"], scores["score"].to_numpy(copy=True)
    for quarter, metric, _, places in _pool_groups(scores, framework):
        size = _size(published.to_numpy()[places], metric)
        if size is not None and quarter not in metric.rounded_in:
            exact[places] = recover(published.iloc[places], size, metric.shape)
    return scores.assign(score=exact)


def _pool_groups(scores: pd.DataFrame, framework: Framework) -> Iterator[tuple[str, Metric, str, np.ndarray]]:
    """Each ranking pool with scores: quarter, metric, its name, and the places of its rows."""
    types = scores["trust_type"].to_numpy(dtype=object)
    for (quarter, metric_id), places in sorted(scores.groupby(["quarter", "metric_id"]).indices.items()):
        metric = framework.by_score.get(metric_id)
        if metric is None or not metric.ranked:
            continue
        own = types[places]
        parts = {name: own == name for name in sorted(set(own))} if metric.pool == "type" else {"national": own == own}
        for name, chosen in parts.items():
            yield quarter, metric, name, places[chosen]


def _size(published: np.ndarray, metric: Metric) -> int | None:
    in_ranking = published != FIXED.get(metric.shape, np.nan)
    return pool_size(published, metric.shape, at_least=int(in_ranking.sum()))


def scores_from_values(metrics: pd.DataFrame, framework: Framework) -> pd.DataFrame:
    """Metric scores recomputed from published values; level 2 where a rule and a whole pool are at hand.

    A national pool is whole when every trust type of `framework.national_pool` is in the quarter. Scores that have no
    rule, no published value or no whole pool stay as the published ones give them (level 1).

    Returns
    -------
    DataFrame
        As `published_scores`; `score` unrounded, or rounded in the quarters that the rules name.
    """
    scores = recovered_scores(metrics, framework).set_index(_KEY)
    scored = [pd.DataFrame(columns=[*_KEY, "score"]).astype({"score": float}), *_scored_pools(metrics, framework)]
    found = pd.concat(scored[1:] or scored).set_index(_KEY)["score"]
    found = pd.concat([found, *_combined_finance(found, framework)])
    here = scores.index.intersection(found.index)
    scores.loc[here, "score"] = found[here]
    scores.loc[here, "level"] = 2
    return scores.reset_index()[SCORE_COLUMNS]


def _scored_pools(metrics: pd.DataFrame, framework: Framework) -> Iterator[pd.DataFrame]:
    types = metrics.groupby("quarter")["trust_type"].unique()
    places = metrics.groupby("metric_id").indices
    for metric in framework.by_value.values():
        here = metrics.iloc[places.get(metric.value_id, [])] if metric.recomputable else metrics.iloc[:0]
        rows = value_rows(here, metric)
        for quarter, group in rows.groupby("quarter"):
            if metric.pool == "national" and not framework.pool_at_hand(types[quarter]):
                continue
            parts = [part for _, part in group.groupby("trust_type")] if metric.pool == "type" else [group]
            for part in parts:
                scores = score_values(_ordered(part, metric), metric)
                scores = round_half_up(scores) if quarter in metric.rounded_in else scores
                yield part[["quarter", "trust_code"]].assign(metric_id=metric.score_id, score=scores)


def value_rows(metrics: pd.DataFrame, metric: Metric) -> pd.DataFrame:
    """Rows with the values of a metric, in the units that are scored (some have a count beside a rate)."""
    rows = metrics[(metrics["metric_id"] == metric.value_id) & metrics["value"].notna()]
    return rows if metric.units is None else rows[rows["units"].str.casefold() == metric.units.casefold()]


def _ordered(part: pd.DataFrame, metric: Metric) -> pd.Series:
    """Values, or within one trust type their order, told apart by the published rank where rounding made a tie."""
    if metric.pool != "type" or part["rank"].isna().any():
        return part["value"]
    best_first = part["value"] if metric.better == "low" else -part["value"]
    _, order = np.unique(np.column_stack([best_first, part["rank"]]), axis=0, return_inverse=True)
    position = pd.Series(order.ravel(), index=part.index).rank(method="min")
    return position if metric.better == "low" else -position


def _combined_finance(found: pd.Series, framework: Framework) -> Iterator[pd.Series]:
    for metric in framework.metrics:
        if metric.matrix is None or found.empty:
            continue
        wide = found.unstack("metric_id").reindex(columns=[metric.matrix.plan, metric.matrix.variance])
        scores = combined(wide[metric.matrix.plan], wide[metric.matrix.variance], metric.matrix).dropna()
        yield pd.concat({metric.score_id: scores}, names=["metric_id"]).reorder_levels(_KEY)


def averages(scores: pd.DataFrame) -> pd.DataFrame:
    """Average metric score of each trust and quarter: the weighted mean of the scores it has.

    Returns
    -------
    DataFrame
        quarter, trust_type, trust_code, average (unrounded; 1.00 is best), average_score (2 decimals),
        metrics_scored (how many scores enter).
    """
    means = weighted_means(scores, ["quarter", "trust_type", "trust_code"])
    return means.assign(average_score=round_half_up(means["average"]))


def domain_scores(scores: pd.DataFrame) -> pd.DataFrame:
    """Score of each domain: the weighted mean of its metric scores; domains without a score have no row."""
    means = weighted_means(scores, ["quarter", "trust_type", "trust_code", "domain"])
    return means.assign(domain_score=round_half_up(means["average"]))


def weighted_means(scores: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Weighted mean of `score` within each group, with the number of scores that carry weight."""
    counted = scores[scores["weight"] > 0]
    parts = counted.assign(part=counted["score"] * counted["weight"]).groupby(keys)
    sums = parts[["part", "weight"]].sum()
    means = pd.DataFrame({"average": sums["part"] / sums["weight"], "metrics_scored": parts.size()}, index=sums.index)
    return means.reset_index()


def matrix(scores: pd.DataFrame) -> tuple[pd.DataFrame, pd.Series]:
    """Scores of one quarter as a table of trusts by metrics (NaN where not scored), and the metrics' weights."""
    counted = scores[scores["weight"] > 0]
    wide = counted.pivot(index="trust_code", columns="metric_id", values="score")
    return wide, counted.groupby("metric_id")["weight"].first()


def unknown_metrics(metrics: pd.DataFrame, framework: Framework) -> list[str]:
    """Ids that the rules do not know (their published scores are used all the same)."""
    ids = set(metrics["metric_id"].unique())
    related = {
        one for one in ids if one.startswith("OF0") and any(value_id(score) == one for score in framework.by_score)
    }
    return sorted(ids - framework.known_ids - related)
