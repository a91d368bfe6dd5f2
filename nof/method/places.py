"""Which places a trust could hold, by the question that is asked: two models, two sets, and chances from the same model.

A place by average is known. What is not known is what it would be *on these metrics in another quarter* ("these") or
*on other metrics like these* ("other"). Each question has one model, and everything said of it comes from that model:

these   A trust's average is its level over the quarters plus the noise of one quarter. The noise of each metric, and how
        metrics move together, is pooled over the trusts (`components.quarter_noise`); trusts are independent.
other   A score is an effect of the trust, an effect of the metric, and a remainder with ONE variance for all. Trusts are
        compared by least squares, which allows for metrics that a trust does not have; the remainder's scatter over
        metrics is the error. Searle, "Linear Models" (1971), chapter 7.

The covariance of the trusts' estimates goes to `rank_sets.own_and_joint_sets` (Mogstad and others 2024). Pooling buys
degrees of freedom at a price: where trusts do not differ and their spreads do, sets cover less than they say (bench/coverage.py,
docs/explanation/uncertainty.md).
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy

from nof.method.components import quarter_noise
from nof.method.rank_sets import DRAWS, own_and_joint_sets, symmetric_root
from nof.rules.ranking import override, segment_of
from nof.rules.scoring import matrix, round_half_up

LEVEL = 0.95
TINY = 1e-12  # squared score points: no variance at all but for rounding
QUESTIONS = {"these": "these metrics, another quarter", "other": "other metrics like these"}


class Levels(NamedTuple):
    """What one model says of the trusts' levels; 1.00 is best.

    Attributes
    ----------
    estimate : Series on the trusts
    error : Series or DataFrame
        Standard errors of independent estimates, or their covariance.
    freedom : float
        Degrees of freedom of the pooled variance.
    """

    estimate: pd.Series
    error: pd.Series | pd.DataFrame
    freedom: float

    @property
    def standard_error(self) -> pd.Series:
        """Of each trust's estimate, in score points."""
        if isinstance(self.error, pd.Series):
            return self.error
        return pd.Series(np.sqrt(np.diag(self.error)), self.error.index)


def places(
    league: pd.DataFrame,
    scores: pd.DataFrame,
    history: pd.DataFrame,
    level: float = LEVEL,
    draws: int = DRAWS,
    seed: int = 0,
) -> pd.DataFrame:
    """The places that each trust could hold, on these metrics in another quarter and on other metrics like these.

    Parameters
    ----------
    league : DataFrame
        trust_code, average_score, ...: one row a trust of one type and quarter.
    scores : DataFrame
        quarter, trust_code, metric_id, score, weight of the same trusts in that quarter; weights of 0 are passed over.
    history : DataFrame
        The same of every quarter so far, that quarter among them; without trusts whose comparison a merger breaks.
    level : float
        0.95: each set holds the trust's own place with that confidence, the joint sets all places at once.
    draws, seed : int
        As `rank_sets.rank_confidence_sets`.

    Returns
    -------
    DataFrame
        `league` and: place_by_average (ties share the best place), others (n - 1), and by question, "these" and
        "other": these_low, these_high (the trust's own set, whole numbers, 1 is best), these_joint_low,
        these_joint_high (all trusts at once), told_apart_these (of the others, allowing for one trust's comparisons
        with all others: for a page about one trust), told_apart_these_joint (allowing for all pairs: for counts over
        the table). Also average_on_all_metrics, the least squares average behind "other". <NA> where a question cannot
        be answered: no second release of any metric, or trusts that share no metric.
    """
    found = league.set_index("trust_code")
    by_place = found["average_score"].rank(method="min").astype("Int64")
    found = found.assign(place_by_average=by_place, others=len(found) - 1)
    models = {"these": these_metrics(scores, history), "other": other_metrics(scores)}
    # Nearly all of it is numpy's, which leaves Python to another thread.
    with ThreadPoolExecutor(max_workers=2) as threads:
        pairs = threads.map(lambda one: _both_sets(one, found.index, level, draws, seed), models.values())
    for question, (own, joint) in zip(models, pairs, strict=True):
        found = found.join(_bounds(own, question)).join(_bounds(joint, f"{question}_joint"))
    other = models["other"]
    adjusted = other.estimate.reindex(found.index).round(9) if other else np.nan  # processors differ in the 15th place
    return found.assign(average_on_all_metrics=adjusted).reset_index()


def _bounds(sets: pd.DataFrame, name: str) -> pd.DataFrame:
    told = sets["lower"] - 1 + len(sets) - sets["upper"]
    named = {f"{name}_low": sets["lower"], f"{name}_high": sets["upper"], f"told_apart_{name}": told}
    return pd.DataFrame(named).astype("Int64")


def _both_sets(levels: Levels | None, trusts: pd.Index, level: float, draws: int, seed: int) -> list[pd.DataFrame]:
    """Each trust's own set, and the joint ones."""
    if levels is None:
        return [pd.DataFrame({"lower": pd.NA, "upper": pd.NA}, index=trusts)] * 2
    if len(trusts) < 2:
        return [pd.DataFrame({"lower": 1, "upper": 1}, index=trusts)] * 2
    both = own_and_joint_sets(
        levels.estimate, levels.error, level=level, freedom=levels.freedom, draws=draws, seed=seed
    )
    return [sets.reindex(trusts) for sets in both]


def these_metrics(scores: pd.DataFrame, history: pd.DataFrame) -> Levels | None:
    """Each trust's average with the noise of one quarter; None without a second release of any metric, or if none moved.

    Parameters
    ----------
    scores, history : DataFrame
        As `places`.
    """
    values, weights = matrix(scores)
    counted = history[history["weight"] > 0]
    noise, covariance = quarter_noise(counted)
    if noise["noise_sd"].isna().all():
        return None
    covariance = _like_a_covariance(covariance.reindex(index=values.columns, columns=values.columns))
    held = values.notna().to_numpy() * weights[values.columns].to_numpy()
    share = held / held.sum(axis=1, keepdims=True)
    average = pd.Series((values.fillna(0).to_numpy() * share).sum(axis=1), values.index)
    variance = np.einsum("im,mk,ik->i", share, covariance, share)
    if (variance < TINY).any():
        return None
    # By how much each metric counts: with the whole covariance estimated on f degrees of freedom, so is any average.
    noise = noise.set_index("metric_id").reindex(values.columns)
    counts = share.mean(axis=0) * noise["noise_sd"].to_numpy() ** 2 * ~noise["borrowed"].to_numpy(dtype=bool)
    with np.errstate(divide="ignore", invalid="ignore"):
        freedom = counts.sum() / np.where(counts > 0, counts / noise["freedom"].to_numpy(dtype=float), 0).sum()
    return Levels(average, pd.Series(np.sqrt(variance), values.index), float(freedom))


def _like_a_covariance(covariance: pd.DataFrame) -> np.ndarray:
    """Without negative eigenvalues, which pairwise covariances can have; metrics never seen before are no part of it."""
    roots, vectors = np.linalg.eigh(covariance.fillna(0).to_numpy())
    return (vectors * roots.clip(min=0)) @ vectors.T


def other_metrics(scores: pd.DataFrame) -> Levels | None:
    """Trusts' levels over metrics like these, by a two-way model of trust and metric with one residual variance.

    With scores x = trust + metric + remainder the estimates are weighted least squares (weights as the league's, so
    with no score missing they are the published averages); their covariance follows from one variance of the remainder,
    estimated by ordinary least squares on N - trusts - metrics + 1 degrees of freedom.

    Parameters
    ----------
    scores : DataFrame
        As `places`.

    Returns
    -------
    Levels or None
        None where some trusts share no metric with the others, directly or over others, or nothing is left to estimate
        the variance from (also where all profiles run exactly parallel, which says nothing of other metrics).
    """
    values, weights = matrix(scores)
    held = values.notna().to_numpy()
    trust, metric = np.nonzero(held)
    trusts, metrics = held.shape
    links = np.zeros((trusts + metrics, trusts + metrics))
    links[trust, trusts + metric] = 1
    freedom = len(trust) - trusts - metrics + 1
    if freedom < 1 or scipy.sparse.csgraph.connected_components(links, directed=False, return_labels=False) > 1:
        return None
    design = np.zeros((len(trust), trusts + metrics - 1))
    design[np.arange(len(trust)), trust] = 1
    later = metric > 0
    design[np.flatnonzero(later), trusts + metric[later] - 1] = 1
    response = values.to_numpy()[held]
    weight = weights[values.columns].to_numpy(dtype=float)
    plain, remainder, *_ = np.linalg.lstsq(design, response, rcond=None)
    variance = ((response - design @ plain) ** 2).sum() / freedom
    if variance < TINY:
        return None
    heavy = design * weight[metric][:, None]
    solver = np.linalg.solve(design.T @ heavy, heavy.T)
    # The trust's effect plus the metrics' mean effect: its average had it every metric.
    whole = np.hstack([np.eye(trusts), np.broadcast_to(weight[1:] / weight.sum(), (trusts, metrics - 1))])
    solver = whole @ solver
    covariance = pd.DataFrame(variance * solver @ solver.T, values.index, values.index)
    return Levels(pd.Series(solver @ response, values.index), covariance, float(freedom))


# --- chances from the same models ---


def drawn_levels(levels: Levels, draws: int = DRAWS, seed: int = 0) -> np.ndarray:
    """Levels that the estimates allow: each estimate plus drawn errors of the model (draws x trusts).

    The spread of an estimate about the truth read as that of the truth about the estimate (a flat prior); Goldstein and
    Spiegelhalter, JRSS A 159 (1996).
    """
    generator = np.random.default_rng(seed)
    if isinstance(levels.error, pd.Series):
        errors = generator.standard_normal((draws, len(levels.error))) * levels.error.to_numpy()
    else:
        root = symmetric_root(levels.error.to_numpy())
        errors = generator.standard_normal((draws, len(root))) @ root
    if np.isfinite(levels.freedom):
        errors /= np.sqrt(generator.chisquare(levels.freedom, draws) / levels.freedom)[:, None]
    return levels.estimate.to_numpy() + errors


def place_chances(levels: Levels, draws: int = 10_000, seed: int = 0) -> pd.DataFrame:
    """Chance of each place under a model: trusts x places 1 to n, rows sum to 1.

    The places outside a trust's set of the same model have, all together, a chance of about 1 - level at most: sets and
    chances cannot contradict each other.
    """
    drawn = drawn_levels(levels, draws, seed)
    ranks = drawn.argsort(axis=1).argsort(axis=1)
    n = ranks.shape[1]
    counts = np.bincount((ranks + np.arange(n) * n).ravel(), minlength=n * n).reshape(n, n)
    return pd.DataFrame(counts / draws, levels.estimate.index, range(1, n + 1))


def segment_chances(
    levels: Levels,
    average: pd.Series,
    edges: np.ndarray,
    in_deficit: pd.Series,
    no_better_than: int,
    draws: int = 10_000,
    seed: int = 0,
) -> pd.DataFrame:
    """Chance of each segment under a model: the published average plus the model's errors, against the edges.

    Not the share of redraws (`uncertainty.segment_chances`), which follows NHS England's likely range; this one belongs
    to the sets of the same question.

    Parameters
    ----------
    levels : Levels
        From `these_metrics` or `other_metrics`.
    average : Series on the trusts
    edges : array of 3
        Edges between unadjusted segments; they stay.
    in_deficit : Series of bool on the trusts
    no_better_than : int
        Segment that the override allows at best.

    Returns
    -------
    DataFrame
        On the trusts: chance_1 to chance_4, rows sum to 1. A trust that the override holds in `no_better_than` can be
        certain of its segment while its place by average is not.
    """
    trusts = levels.estimate.index
    moved = drawn_levels(levels, draws, seed) - levels.estimate.to_numpy() + average.reindex(trusts).to_numpy()
    segments = override(
        segment_of(round_half_up(moved), edges), in_deficit.reindex(trusts).to_numpy(dtype=bool), no_better_than
    )
    return pd.DataFrame({f"chance_{one}": (segments == one).mean(axis=0) for one in (1, 2, 3, 4)}, trusts)
