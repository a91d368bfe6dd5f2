"""Where the differences between metric scores come from: variance components over trust, metric and quarter.

Generalizability theory after Brennan, "Generalizability Theory" (2001): a score is a grand mean plus random effects of
trust, metric, quarter, of each two together, and a remainder. For hospital composites and what they can carry: Hofstede
and others, BMJ Quality and Safety 28 (2019).

Assumption: trusts, metrics and quarters are like draws from more of their kind, and quarters are exchangeable. They are
not quite: scores of neighbouring quarters agree more than those of distant ones, so the components are an average over
the distances at hand. An annual figure that is shown again brings nothing new and is left out (`fresh`).
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import scipy

from nof.method.volatility import STILL

FACETS = ("trust", "metric", "quarter")
# Axes of each effect in an array of trusts x metrics x quarters, in the order of the table; () is the grand mean.
EFFECTS = {
    "trust": (0,),
    "metric": (1,),
    "quarter": (2,),
    "trust x metric": (0, 1),
    "trust x quarter": (0, 2),
    "metric x quarter": (1, 2),
    "remainder": (0, 1, 2),
}
RESAMPLES = 1_000
FEWEST = 4.0  # degrees of freedom below which a chi-square has no useful upper end
LEVEL = 0.95


def fresh(history: pd.DataFrame) -> pd.DataFrame:
    """Rows of new releases: a metric in a quarter in which no trust differs from the quarter before is a copy.

    Parameters
    ----------
    history : DataFrame
        quarter (slug), trust_code, metric_id, score; one trust type.

    Returns
    -------
    DataFrame
        Some rows of `history`, in its order. A metric's first quarter always counts as new.
    """
    if history.empty:
        return history
    wide = history.pivot(index=["metric_id", "trust_code"], columns="quarter", values="score").sort_index(axis=1)
    moved = wide.diff(axis=1).abs().gt(STILL).groupby("metric_id").any()
    held = wide.notna().groupby("metric_id").any()
    first = held & (held.cumsum(axis=1) == 1)
    # A metric whose quarter before is absent, or shares no trust with it, cannot be seen to be a copy.
    compared = wide.diff(axis=1).notna().groupby("metric_id").any()
    new = (held & (moved | first | ~compared)).stack()
    keys = pd.MultiIndex.from_frame(history[["metric_id", "quarter"]])
    return history[new.reindex(keys).to_numpy(dtype=bool)]


def variance_components(
    history: pd.DataFrame, level: float = LEVEL, resamples: int = RESAMPLES, seed: int = 0
) -> pd.DataFrame:
    """Variance of metric scores by source, from all quarters of one trust type.

    Unbalanced and with missing scores, by Brennan's analogous-ANOVA equations (2001, section 7.1): sums of squared
    totals of each effect, set equal to what they are expected to be. Unbiased whatever the distribution.

    Parameters
    ----------
    history : DataFrame
        quarter (slug), trust_code, metric_id, score (1.00 is best) of one trust type; every weight counts alike.
    level : float
        Of the intervals, by Satterthwaite (Brennan 2001, section 6.2): the estimate counts as a chi-square with
        2 (estimate / standard error)^2 degrees of freedom, the standard error from trusts redrawn with replacement
        `resamples` times; normal, from 0, where that leaves fewer than 4. They hold for the metrics and quarters at
        hand. Sources without trusts have none: trusts redrawn say nothing of other metrics and quarters.

    Returns
    -------
    DataFrame
        source, variance (squared score points, not below 0), low, high, share (of the sum of variances), levels (how
        many trusts, pairs ... it rests on). NaN where a source cannot be told from another: with one quarter, or where
        every metric came once.
    """
    rows = fresh(history)
    held, scores, counts = _cube(rows)
    levels = [int(held.any(axis=_others(axes)).sum()) for axes in EFFECTS.values()]
    one_each = np.ones((1, len(held)))
    if min(counts) < 2 or not _solvable(design := _design(one_each, held)):
        return pd.DataFrame({"source": list(EFFECTS), "levels": levels}).reindex(
            columns=["source", "variance", "low", "high", "share", "levels"]
        )
    estimate = _solved(design, _totals(one_each, held, scores))[0]
    low, high = _satterthwaite(estimate, _redrawn(held, scores, resamples, seed).std(axis=0), level)
    of_trusts = np.array([0 in axes for axes in EFFECTS.values()])
    low, high = np.where(of_trusts, (low, high), np.nan)
    variance = estimate.clip(min=0)
    return pd.DataFrame(
        {
            "source": list(EFFECTS),
            "variance": variance,
            "low": low,
            "high": high,
            "share": variance / variance.sum(),
            "levels": levels,
        }
    )


def generalizability(components: pd.DataFrame, metrics: float, quarters: float = 1) -> pd.DataFrame:
    """How far an average of so many metrics keeps trusts apart, by the question that is asked.

    Relative generalizability coefficients (Brennan 2001, section 4.1): variance between trusts that the question counts
    as true, over that and the error.

    Parameters
    ----------
    components : DataFrame
        As `variance_components`.
    metrics : float
        Metrics in the average (a trust's own number, or the mean of the type).
    quarters : float
        Quarters averaged; 1 for one league table.

    Returns
    -------
    DataFrame
        question, true and error (squared score points), coefficient (0 to 1).
    """
    part = components.set_index("source")["variance"]
    trust, by_metric = part["trust"], part["trust x metric"] / metrics
    by_quarter, rest = part["trust x quarter"] / quarters, part["remainder"] / (metrics * quarters)
    rows = {
        "these metrics, another quarter": (trust + by_metric, by_quarter + rest),
        "other metrics like these, this quarter": (trust + by_quarter, by_metric + rest),
        "other metrics like these, another quarter": (trust, by_metric + by_quarter + rest),
    }
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["true", "error"]).rename_axis("question")
    return table.assign(coefficient=table["true"] / (table["true"] + table["error"])).reset_index()


def _cube(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, tuple[int, ...]]:
    """Which scores are held, and the scores about their mean (0 where not), as trusts x metrics x quarters."""
    codes = [pd.factorize(rows[name], sort=True)[0] for name in ("trust_code", "metric_id", "quarter")]
    shape = tuple(int(code.max()) + 1 if len(code) else 0 for code in codes)
    held, scores = np.zeros(shape), np.zeros(shape)
    held[tuple(codes)] = 1
    scores[tuple(codes)] = rows["score"] - rows["score"].mean()
    return held, scores, shape


def _others(axes: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(axis for axis in range(3) if axis not in axes)


def _within(array: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """Sums over the metrics and quarters not in `axes`, trust by trust, dimensions kept."""
    return array.sum(axis=tuple(axis for axis in (1, 2) if axis not in axes), keepdims=True)


def _weighed(counts: np.ndarray, array: np.ndarray) -> np.ndarray:
    """Sums over trusts, each counted so many times: resamples x metrics x quarters."""
    return np.tensordot(counts, array, axes=1)


def _over(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    return np.divide(numerator, denominator, out=np.zeros(numerator.shape), where=denominator > 0)


def _totals(counts: np.ndarray, held: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Sum over each effect's levels of (total of the level) squared over its scores; resamples x 8, grand mean last."""
    found = []
    for axes in (*EFFECTS.values(), ()):
        total, number = _within(scores, axes), _within(held, axes)
        if 0 in axes:
            found.append(counts @ _over(total**2, number).sum(axis=(1, 2)))
        else:
            found.append(_over(_weighed(counts, total) ** 2, _weighed(counts, number)).sum(axis=(1, 2)))
    return np.stack(found, axis=1)


def _design(counts: np.ndarray, held: np.ndarray) -> np.ndarray:
    """What each total is expected to hold of each variance and of the squared mean: resamples x 8 x 8."""
    effects = [*EFFECTS.values(), ()]
    design = np.empty((len(counts), len(effects), len(effects)))
    for row, axes in enumerate(effects):
        levels = tuple(axis for axis in axes if axis)
        number = _within(held, axes)
        for column, other in enumerate(effects):
            common = _within(held, tuple({*levels, *other} - {0}))
            if 0 in axes:
                shared = (common**2).sum(axis=tuple({1, 2} - set(levels)), keepdims=True)
                design[:, row, column] = counts @ _over(shared, number).sum(axis=(1, 2))
                continue
            both = _weighed(counts, common**2) if 0 in other else _weighed(counts, common) ** 2
            shared = both.sum(axis=tuple({1, 2} - set(levels)), keepdims=True)
            design[:, row, column] = _over(shared, _weighed(counts, number)).sum(axis=(1, 2))
    return design


def _solvable(design: np.ndarray) -> bool:
    return bool(np.linalg.matrix_rank(design[0] / design[0].max()) == design.shape[1])


def _solved(design: np.ndarray, totals: np.ndarray) -> np.ndarray:
    return np.linalg.solve(design, totals[..., None])[:, :-1, 0]


def _satterthwaite(estimate: np.ndarray, error: np.ndarray, level: float) -> np.ndarray:
    """Interval of each variance, shape (2, components); see `variance_components`."""
    tails = np.array([(1 + level) / 2, (1 - level) / 2])[:, None]
    ratio = np.divide(estimate, error, out=np.zeros_like(estimate), where=error > 0)
    freedom = np.maximum(2 * ratio**2, FEWEST)
    skewed = freedom * estimate / (2 * scipy.special.gammaincinv(freedom / 2, tails))
    normal = (estimate - scipy.special.ndtri(tails) * error).clip(min=0)
    return np.where((ratio > 0) & (2 * ratio**2 >= FEWEST), skewed, normal)


def _redrawn(held: np.ndarray, scores: np.ndarray, resamples: int, seed: int) -> np.ndarray:
    """The components with trusts redrawn, each redrawn trust a trust of its own; only redraws that can be solved."""
    trusts = len(held)
    counts = np.random.default_rng(seed).multinomial(trusts, np.full(trusts, 1 / trusts), size=resamples).astype(float)
    design = _design(counts, held)
    good = np.linalg.cond(design) < 1e12
    return _solved(design[good], _totals(counts[good], held, scores))


def quarter_noise(history: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """How far each metric's score scatters from quarter to quarter within a trust, pooled over the trusts.

    Every two quarters between which a metric was released anew give each trust's change, less the mean change; half
    its mean square is the variance of one quarter about the trust's level over these quarters. Two metrics that move
    together (both staff survey scores do) keep their covariance.

    Parameters
    ----------
    history : DataFrame
        quarter (slug), trust_code, metric_id, score of one trust type.

    Returns
    -------
    table : DataFrame
        metric_id, noise_sd (score points), releases, freedom ((trusts - 1) x (releases - 1)), borrowed: True where
        there is one release only, and the mean variance of the other metrics stands in. NaN throughout without any
        second release.
    covariance : DataFrame, metrics x metrics
    """
    wide = _wide(history)
    metrics = sorted(history["metric_id"].unique())
    new = fresh(history).groupby(["metric_id", "quarter"]).size().unstack().reindex(metrics).notna()
    products, numbers = np.zeros((2, len(metrics), len(metrics)))
    for before, after in combinations(sorted(wide), 2):
        between = [quarter for quarter in new.columns if before < quarter <= after]
        change = (wide[after] - wide[before]).reindex(columns=metrics)
        change = change.loc[:, new[between].any(axis=1).reindex(metrics)].reindex(columns=metrics)
        held = change.notna().to_numpy(dtype=float)
        gap = (change - change.mean()).fillna(0).to_numpy()
        products += gap.T @ gap
        numbers += (held.T @ held - 1).clip(min=0)
    covariance = np.divide(products, 2 * numbers, out=np.zeros_like(products), where=numbers > 0)
    seen = np.diag(numbers) > 0
    borrowed = ~seen & seen.any()
    variance = np.where(borrowed, np.diag(covariance)[seen].mean() if seen.any() else np.nan, np.diag(covariance))
    covariance[np.diag_indices(len(metrics))] = variance if seen.any() else np.nan
    trusts = history.groupby("metric_id")["trust_code"].nunique().reindex(metrics)
    releases = new.sum(axis=1)
    table = pd.DataFrame(
        {
            "metric_id": metrics,
            "noise_sd": np.sqrt(np.diag(covariance)),
            "releases": releases.to_numpy(),
            "freedom": ((trusts - 1) * (releases - 1)).to_numpy(),
            "borrowed": borrowed,
        }
    )
    return table, pd.DataFrame(covariance, metrics, metrics)


def _wide(history: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Scores of each quarter as trusts x metrics."""
    return {
        quarter: part.pivot(index="trust_code", columns="metric_id", values="score")
        for quarter, part in history.groupby("quarter")
    }
