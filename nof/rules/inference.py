"""What can be worked out from a publication alone about the rules of its framework year.

For a year whose technical annex is not to be had: pools by the grid test, shapes that give every published score,
weights that give every published average, segment edges as brackets, the override. Nothing is assumed that the figures do
not show; `inferred.draft` writes it down as a draft rules file for a person to confirm. Method: notes on 2025/26,
sections 1.2, 2, 3.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from nof.common import InputError, Problem, Quarter
from nof.read.publication import Publication
from nof.read.sheets import matching
from nof.rules import ranking, scoring, shapes
from nof.rules.averages import (
    KEY,
    Count,
    compared,
    domains_of,
    exact_scores,
    published,
    rounded_in,
    targets,
    weights_of,
    with_rounding,
)
from nof.rules.framework import Summary
from nof.rules.shapes import POOL_COLUMNS, Fit

# NHS England's ids of the summary rows, as in 2025/26; a year that names them otherwise shows nothing here.
IDS = Summary(
    adjusted_segment="OF5000",
    average="OF5002",
    unadjusted_segment="OF5003",
    override_flag="OF5004",
    final_segment="OF5005",
    recovery_support_flag="OF5007",
)
EDGES = ("1/2", "2/3", "3/4")


@dataclass(frozen=True)
class SegmentRule:
    """What the published segments say of their rule.

    Attributes
    ----------
    rule : {"quartiles", "thresholds", "unknown"}
    pool : {"national", "type", "none"}
        Whose averages are cut by the same edges.
    edges : DataFrame
        quarter, trust_type ("national" where one set serves all), edge ("1/2"), above (highest average in the better
        segments), below (lowest in the worse ones); NaN on a side that no trust shows.
    brackets : tuple of (above, below)
        The three limits that fit all quarters at once; empty where none do.
    why : str
        The evidence, in a sentence.
    proven : bool
        Whether the rule gives every published segment, not merely is the one left over.
    """

    rule: str
    pool: str
    edges: pd.DataFrame
    brackets: tuple[tuple[float, float], ...]
    why: str
    proven: bool = False


@dataclass(frozen=True)
class Inference:
    """Everything worked out for one framework year; `metrics` and `names` by score id.

    Attributes
    ----------
    year : str
        As "2026/27".
    metrics : dict of str to Fit
    facts : DataFrame
        On the score ids: description, domain, sub_domain.
    pools : DataFrame
        quarter, metric_id, pool, published, ranked, reproduced, size: the grid test, metric by metric.
    weights : dict of str to float
        Weight of each score in the average; 0 does not enter.
    rounded_in : dict of str to tuple of quarters
        Where a score must be rounded before averaging for the published averages to come out.
    average : Count
    equal_weights : Count
        The same with every score at weight 1.
    segments : SegmentRule
    no_better_than : int or None
        Segment that the override allows at best; None where the figures do not tell.
    override, league_rank : Count
    domains : DataFrame
        name, score_id, segment_id (None if not published), published, reproduced.
    national_pool : tuple of str
        Trust types, where those at hand make up every pool; else empty.
    trust_types, quarters : tuple of str
    """

    year: str
    metrics: dict[str, Fit]
    facts: pd.DataFrame
    pools: pd.DataFrame
    weights: dict[str, float]
    rounded_in: dict[str, tuple[str, ...]]
    average: Count
    equal_weights: Count
    segments: SegmentRule
    no_better_than: int | None
    override: Count
    league_rank: Count
    domains: pd.DataFrame
    national_pool: tuple[str, ...]
    trust_types: tuple[str, ...]
    quarters: tuple[str, ...]


def infer(publication: Publication, year: str | None = None) -> Inference:
    """Work out what a publication gives away of the rules of one framework year.

    Parameters
    ----------
    publication : Publication
    year : str, optional
        As "2026/27"; the year of the latest quarter if not given.

    Raises
    ------
    InputError
        The publication holds no quarter of that year, or no metric score (OF1xxx) in it.
    """
    year, metrics = _of_year(publication, year)
    fits = _fits(metrics)
    pools = _pools(fits)
    scores = exact_scores(metrics, fits, pools)
    averages = published(metrics, IDS.average)
    weights, equal = weights_of(scores, averages)
    rounded = rounded_in(scores, targets(metrics, averages), weights)
    scores = with_rounding(scores.assign(weight=scores["metric_id"].map(weights)), rounded)
    found = scoring.averages(scores)
    whole = _whole(fits, pools)
    no_better_than, override = _override(metrics)
    types = tuple(one for one in publication.trust_types if one in set(metrics["trust_type"]))
    return Inference(
        year,
        fits,
        _facts(metrics, list(fits)),
        pools,
        weights,
        rounded,
        compared(found.set_index(KEY)["average_score"], averages),
        equal,
        segment_rule(found, metrics, whole),
        no_better_than,
        override,
        _league_rank(metrics),
        domains_of(metrics, scores),
        types if whole else (),
        types,
        tuple(sorted(metrics["quarter"].unique())),
    )


def _of_year(publication: Publication, year: str | None) -> tuple[str, pd.DataFrame]:
    years = publication.metrics["quarter"].map({one: Quarter.parse(one).year_label for one in publication.quarters})
    year = years.max() if year is None else year
    metrics = publication.metrics[years == year]
    if not matching(metrics["metric_id"], r"OF1\d{3}").any():
        held = ", ".join(sorted(years.unique()))
        raise InputError(
            Problem("publication", "no metric score (OF1xxx) of this framework year", value=year, expected=held)
        )
    return year, metrics


def _fits(metrics: pd.DataFrame) -> dict[str, Fit]:
    ids = sorted(
        one for one in metrics["metric_id"].unique() if one.startswith("OF1") and one[2:].isdigit() and len(one) == 6
    )
    ids = [one for one in ids if metrics.loc[metrics["metric_id"] == one, "value"].notna().any()]
    fits = {one: shapes.fit(metrics, one) for one in ids}
    banded = [one for one, found in fits.items() if found.shape == "bands"]
    for one, found in fits.items():
        if found.shape == "not recomputable":
            fits[one] = shapes.combined(metrics, one, banded) or found
    return fits


def _pools(fits: dict[str, Fit]) -> pd.DataFrame:
    rows = [
        (row[0], one, *row[1:]) for one, found in fits.items() for row in found.pools if found.shape in scoring.SPAN
    ]
    return pd.DataFrame(rows, columns=POOL_COLUMNS)


def _facts(metrics: pd.DataFrame, ids: list[str]) -> pd.DataFrame:
    rows = metrics[metrics["metric_id"].isin(ids)].sort_values("quarter")
    return rows.groupby("metric_id")[["description", "domain", "sub_domain"]].last().reindex(ids)


def _whole(fits: dict[str, Fit], pools: pd.DataFrame) -> bool:
    """Whether every national pool is no larger than the trusts at hand, so that nothing of it is missing."""
    national = pools[pools["pool"] == "national"]
    return not national.empty and bool((national["size"] == national["ranked"]).all())


# --- segments ---


def segment_rule(averages: pd.DataFrame, metrics: pd.DataFrame, whole: bool) -> SegmentRule:
    """Whether one list of thresholds fits all quarters, or the edges must move.

    Parameters
    ----------
    averages : DataFrame
        As `scoring.averages`.
    metrics : DataFrame
        `Publication.metrics`.
    whole : bool
        Whether the national pool is at hand, so that quartiles can be tried.
    """
    segments = published(metrics, IDS.unadjusted_segment)
    known = averages.set_index(KEY)["average"].reindex(segments.index).dropna()
    segments = segments[known.index]
    if segments.empty:
        nothing = pd.DataFrame(columns=["quarter", "trust_type", "edge", "above", "below"])
        return SegmentRule(
            "unknown", "none", nothing, (), f"no unadjusted segment ({IDS.unadjusted_segment}) is published"
        )
    for pool in ("national", "type"):
        edges = _edges(known, segments, pool)
        if not (edges["above"] >= edges["below"]).any():
            return _rule_of(edges, pool, known, segments, whole)
    return SegmentRule("unknown", "none", edges, (), "segments do not follow the order of the averages")


def _edges(averages: pd.Series, segments: pd.Series, pool: str) -> pd.DataFrame:
    keys = ["quarter"] if pool == "national" else ["quarter", "trust_type"]
    parts = []
    for key, part in averages.groupby(level=keys):
        found = (
            ranking.bracketed_edges(part, segments[part.index]).drop(columns="edge").rename_axis("edge").reset_index()
        )
        parts.append(found.assign(quarter=key[0], trust_type="national" if pool == "national" else key[1]))
    return pd.concat(parts, ignore_index=True)[["quarter", "trust_type", "edge", "above", "below"]]


def _rule_of(edges: pd.DataFrame, pool: str, averages: pd.Series, segments: pd.Series, whole: bool) -> SegmentRule:
    joint = edges.groupby("edge").agg(above=("above", "max"), below=("below", "min")).reindex(EDGES)
    moving = [one for one in EDGES if joint.loc[one, "above"] >= joint.loc[one, "below"]]
    periods = edges["quarter"].nunique()
    quartiles = _quartiles(averages, segments) if whole and pool == "national" else Count(0, 0)
    tried = f"; national quartiles of the unrounded averages give {quartiles} segments" if quartiles.published else ""
    if moving:
        why = f"no one threshold fits all {periods} quarters at {' and '.join(moving)}, so the edges move{tried}"
        possible = quartiles.whole or not quartiles.published
        return SegmentRule("quartiles" if possible else "unknown", pool, edges, (), why, quartiles.whole)
    brackets = tuple((float(a), float(b)) for a, b in joint.to_numpy())
    if periods < 2:
        return SegmentRule(
            "unknown", pool, edges, brackets, "one quarter cannot tell thresholds from quartiles" + tried
        )
    if quartiles.whole:
        return SegmentRule(
            "unknown",
            pool,
            edges,
            brackets,
            f"one list of thresholds fits all {periods} quarters{tried}: both rules fit",
        )
    why = f"one list of thresholds fits all {len(segments)} segments of {periods} quarters{tried}"
    return SegmentRule("thresholds", pool, edges, brackets, why, proven=True)


def _quartiles(averages: pd.Series, segments: pd.Series) -> Count:
    same = [
        (ranking.segment_of(part.to_numpy(), ranking.quartile_edges(part)) == segments[part.index]).sum()
        for _, part in averages.groupby(level="quarter")
    ]
    return Count(len(segments), int(sum(same)))


def _override(metrics: pd.DataFrame) -> tuple[int | None, Count]:
    """The best segment that a flagged trust is published with, if it explains every adjusted segment."""
    raw, flag, adjusted = (
        published(metrics, one) for one in (IDS.unadjusted_segment, IDS.override_flag, IDS.adjusted_segment)
    )
    both = raw.index.intersection(flag.index).intersection(adjusted.index)
    raw, flag, adjusted = (one[both] for one in (raw, flag, adjusted))
    counts = {
        level: compared(pd.Series(ranking.override(raw, flag == 1, level), both), adjusted) for level in (1, 2, 3, 4)
    }
    fitting = [level for level, count in counts.items() if count.whole]
    most = max(counts, key=lambda level: counts[level].reproduced)
    return (fitting[0], counts[fitting[0]]) if len(fitting) == 1 else (None, counts[most])


def _league_rank(metrics: pd.DataFrame) -> Count:
    """Ranks by adjusted segment, then by published average, within a type."""
    segments, averages = published(metrics, IDS.adjusted_segment), published(metrics, IDS.average)
    both = segments.index.intersection(averages.index)
    parts = [ranking.league_rank(part, averages[part.index]) for _, part in segments[both].groupby(KEY[:2])]
    return compared(pd.concat(parts) if parts else segments, published(metrics, IDS.adjusted_segment, "rank"))


def table(found: Inference) -> pd.DataFrame:
    """One row a score, for the terminal and for a person who checks.

    Returns
    -------
    DataFrame
        metric_id, description, shape, pool, better, weight, published, reproduced, pools (sizes by quarter), limits.
    """
    rows = [
        {
            "metric_id": one,
            "description": found.facts.loc[one, "description"],
            "shape": fit.shape,
            "pool": fit.pool,
            "better": fit.better,
            "weight": found.weights.get(one, 1.0),
            "published": fit.published,
            "reproduced": fit.reproduced,
            "pools": sizes(found, one),
            "limits": "; ".join(limits(fit)) or fit.note,
        }
        for one, fit in found.metrics.items()
    ]
    return pd.DataFrame(rows)


def sizes(found: Inference, score_id: str) -> str:
    """Pool sizes of a metric, quarter by quarter: "121, 120, 118, 120", types apart."""
    own = found.pools[found.pools["metric_id"] == score_id]
    return "; ".join(
        ("" if name == "national" or len(found.trust_types) == 1 else f"{name} ")
        + ", ".join(f"{size:.0f}" for size in part["size"])
        for name, part in own.groupby("pool")
    )


def limits(fit: Fit) -> Iterator[str]:
    """Cuts in words: "floor between 69.99 and 71.43"; a point only where the figures leave no room."""
    if fit.cut:
        yield f"{fit.shape} {between(fit.cut)}"
    for (score, cut), (after, _) in zip(fit.bands, fit.bands[1:], strict=False):
        yield f"{score:g} | {after:g} {between(cut)}"


def between(cut: shapes.Cut) -> str:
    """A limit in words."""
    if cut.point is not None:
        return f"at {cut.point:g}"
    return f"{'moves ' if cut.moves else ''}between {cut.low:g} and {cut.high:g}"
