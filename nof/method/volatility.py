"""What moves from quarter to quarter, and how much of it is more than noise.

A trust's score on a metric is a position, so it moves whenever anyone does. Three questions, in order: do trusts keep
their places (reliability, rank correlation, transitions), how many changes of segment would noise alone give, and has
this trust changed. Scores run from 1.00 (best) to 4.00 (worst): a negative change is an improvement.

A metric that is published once a year is copied into the quarters between. Such a copy says nothing about stability:
it is left out of reliability and correlation, and adds no evidence to the test of a change.

Sources
-------
Shrout and Fleiss, "Intraclass correlations", Psychological Bulletin 86 (1979): ICC(1,1) and its F interval.
Donner, "A review of inference procedures for the intraclass correlation coefficient in the one-way random effects
model", International Statistical Review 54 (1986): unbalanced groups.
van Houwelingen, Brand and Louis, "Empirical Bayes methods for monitoring health care quality" (2000); Lingsma et al.,
"Comparing and ranking hospitals based on outcome", QJM 103 (2010): rankability.
Paule and Mandel, "Consensus values and weighting factors", Journal of Research of the NBS 87 (1982): tau squared.
Benjamini and Hochberg, Journal of the Royal Statistical Society B 57 (1995): false discovery rate.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from scipy import stats

from nof.rules.ranking import override, segment_of
from nof.rules.scoring import matrix, round_half_up

# --- The trusts of two quarters side by side, and how they moved between segments ---


def side_by_side(
    standings: pd.DataFrame, before: str, after: str, trust_type: str, not_comparable: Collection[str]
) -> pd.DataFrame:
    """Standings of the trusts in both quarters, side by side on the trust code.

    Returns
    -------
    DataFrame
        On the trusts in both that a merger does not touch: the columns of `National.standings`, each with "_before" and
        "_after".
    """
    ours = standings[(standings["trust_type"] == trust_type) & ~standings["trust_code"].isin(list(not_comparable))]
    first, second = (ours[ours["quarter"] == quarter].set_index("trust_code") for quarter in (before, after))
    return first.merge(second, left_index=True, right_index=True, suffixes=("_before", "_after")).sort_index()


def excluded(
    standings: pd.DataFrame, before: str, after: str, trust_type: str, not_comparable: Collection[str] = ()
) -> pd.DataFrame:
    """Trusts that the comparison of two quarters leaves out; columns trust_code, reason.

    Parameters
    ----------
    standings : DataFrame
        As `recompute.National.standings`.
    before, after, trust_type : str
        Slugs.
    not_comparable : collection of str
        Trusts whose comparison a merger breaks.
    """
    ours = standings[standings["trust_type"] == trust_type]
    first, second = (set(ours.loc[ours["quarter"] == quarter, "trust_code"]) for quarter in (before, after))
    broken = (first | second) & set(not_comparable)
    reasons = [(code, "not comparable: merger") for code in broken]
    reasons += [(code, f"absent in {after}") for code in first - second - broken]
    reasons += [(code, f"absent in {before}") for code in second - first - broken]
    return pd.DataFrame(sorted(reasons), columns=["trust_code", "reason"])


def transitions(
    standings: pd.DataFrame,
    before: str,
    after: str,
    trust_type: str,
    adjusted: bool = True,
    not_comparable: Collection[str] = (),
) -> pd.DataFrame:
    """Segments of the trusts in two quarters, after the financial override or (adjusted=False) before it.

    Returns
    -------
    DataFrame
        segment_before, segment_after (1 to 4, every pair), trusts, share (of the trusts that were in segment_before;
        NaN where there were none).
    """
    both = side_by_side(standings, before, after, trust_type, not_comparable)
    name = "segment" if adjusted else "segment_unadjusted"
    steps = pd.MultiIndex.from_product([range(1, 5)] * 2, names=["segment_before", "segment_after"])
    pairs = both[[f"{name}_before", f"{name}_after"]].dropna().astype(int)
    counts = pairs.value_counts().rename_axis(steps.names).reindex(steps, fill_value=0).rename("trusts").reset_index()
    return counts.assign(share=counts["trusts"] / counts.groupby("segment_before")["trusts"].transform("sum"))


# --- One measure of one trust type as a table, trusts by quarters, and which of its quarters are copies ---


# Published scores have 2 decimals, and some quarters go in rounded: less than half a hundredth is no movement.
STILL = 0.005 - 1e-9
AVERAGE = "average"
RANK = "rank"
MOVING = "average of moving metrics"


def panels(scores: pd.DataFrame, standings: pd.DataFrame, trust_type: str) -> dict[str, pd.DataFrame]:
    """Every measure of one trust type as a table of trusts by quarters (NaN where absent).

    Parameters
    ----------
    scores, standings : DataFrame
        As in `recompute.National`.

    Returns
    -------
    dict of DataFrame
        "average" and "rank" (the aggregated metric ranking), "average of moving metrics" (over the metrics that moved
        in every step between quarters: the average without the annual metrics; absent if there are none), and one
        entry a metric id (its score).
    """
    ours = standings[standings["trust_type"] == trust_type]
    counted = scores[(scores["trust_type"] == trust_type) & (scores["weight"] > 0)]
    found = {name: ours.pivot(index="trust_code", columns="quarter", values=name) for name in (AVERAGE, RANK)}
    metrics = {
        metric: part.pivot(index="trust_code", columns="quarter", values="score").reindex(
            columns=found[AVERAGE].columns
        )
        for metric, part in counted.groupby("metric_id")
    }
    lively = [metric for metric, table in metrics.items() if len(releases(table)) == table.shape[1]]
    if lively:
        part = counted[counted["metric_id"].isin(lively)]
        part = part.assign(total=part["score"] * part["weight"]).groupby(["trust_code", "quarter"])
        found[MOVING] = (part["total"].sum() / part["weight"].sum()).unstack("quarter")
    return found | metrics


def releases(panel: pd.DataFrame) -> list[str]:
    """Quarters that bring something new: in a copy, no trust differs from the quarter before.

    Quarters without any value are no release. A trust in one of the two quarters only is no sign of movement.

    Parameters
    ----------
    panel : DataFrame, trusts by quarters
        NaN where absent; quarters in the order of time.
    """
    filled = panel.loc[:, panel.notna().any()]
    kept = list(filled.columns[:1])
    for before, after in pairwise(filled.columns):
        if ((filled[after] - filled[before]).abs() > STILL).any():
            kept.append(after)
    return kept


# --- The standard error of a weighted mean of metric scores, and how far an average is from a segment's edge in it ---


def weighted_errors(values: pd.DataFrame, weights: pd.Series) -> pd.DataFrame:
    """Weighted mean of each row with its standard error, the metrics taken as a random sample of metrics.

    The error of a ratio: sqrt(n / (n - 1) sum w^2 (x - mean)^2) / sum w, which with equal weights is sd / sqrt(n); NaN
    for fewer than two metrics. Degrees of freedom are (sum w)^2 / sum w^2 - 1 (Kish), with equal weights n - 1.

    Parameters
    ----------
    values : DataFrame, trusts by metrics (NaN where missing)
    weights : Series on the metrics

    Returns
    -------
    DataFrame
        On the trusts: mean, standard_error, freedom, metrics (how many).
    """
    present, weight = values.notna(), weights[values.columns].to_numpy(dtype=float)
    held = present.to_numpy() * weight
    count, total = present.sum(axis=1).to_numpy(), held.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = (values.fillna(0).to_numpy() * held).sum(axis=1) / total
        squares = (held**2 * values.sub(mean, axis=0).fillna(0).to_numpy() ** 2).sum(axis=1)
        error = np.where(count > 1, np.sqrt(squares * count / (count - 1)) / total, np.nan)
        freedom = total**2 / (held**2).sum(axis=1) - 1
    return pd.DataFrame({"mean": mean, "standard_error": error, "freedom": freedom, "metrics": count}, values.index)


def edge_distances(scores: pd.DataFrame, weights: pd.Series, edges: np.ndarray) -> pd.DataFrame:
    """Distance of each trust's average to every segment edge, in standard errors of the average.

    The standard error is the spread of the trust's metric scores over the square root of their number
    (`weighted_errors`): the same view as the likely range, the metrics taken as a random sample.

    Parameters
    ----------
    scores : DataFrame, trusts by metrics; weights : Series on the metrics; edges : array of 3

    Returns
    -------
    DataFrame
        On the trusts: average, standard_error, "1/2", "2/3", "3/4" (positive: on the worse side of that edge; NaN where
        the edge is not known or there is no standard error), nearest_edge, nearest (its distance without sign).
    """
    found = weighted_errors(scores, weights)
    error = found["standard_error"].where(found["standard_error"] > 1e-9).to_numpy()
    finite = np.where(np.isfinite(edges), edges, np.nan)
    away = pd.DataFrame(
        (found["mean"].to_numpy()[:, None] - finite) / error[:, None], found.index, columns=["1/2", "2/3", "3/4"]
    )
    nearest = away.abs().min(axis=1)
    which = away.abs().fillna(np.inf).idxmin(axis=1).where(nearest.notna(), None)
    return (
        found[["mean", "standard_error"]]
        .rename(columns={"mean": "average"})
        .join(away.assign(nearest_edge=which, nearest=nearest))
    )


# --- Has this trust changed: the test of each trust's change between two quarters, and its summary ---


FALSE_DISCOVERIES = 0.05


def changes(
    scores: pd.DataFrame,
    standings: pd.DataFrame,
    before: str,
    after: str,
    trust_type: str,
    *,
    test: str = "t",
    copied: Collection[str] = (),
    not_comparable: Collection[str] = (),
    level: float = FALSE_DISCOVERIES,
    no_better_than: int = 3,
) -> pd.DataFrame:
    """Change of each trust's average between two quarters, and whether it is more than noise.

    The test is paired over the metrics that a trust has in both quarters. A metric in which no trust of the type moved,
    or that the caller lists, is a copy: its difference is 0 for certain, so it counts in the size of the change but not
    in the evidence (n in the test = metrics that could move; counting copies would claim degrees of freedom that are
    not there). A metric that could move and did not is evidence, and stays in. NHS England's test is not published.

    Parameters
    ----------
    scores, standings : DataFrame
        As in `recompute.National`.
    test : {"t", "sign-flip"}
        Paired t-test (assumes roughly normal differences; with many small and a few large ones it errs on the side of
        no change) or the exact sign-flip test. The t-test is the default, as the other can never give p below 2 / 2^k
        with k metrics, so that one trust alone among many could never pass.
    copied : collection of str
        Score ids known to be copies (`timeliness.unmoved`), besides those that the scores show.
    not_comparable : collection of str
        Trusts whose comparison a merger breaks; left out, as are trusts absent in a quarter (see `excluded`).
    level : float
        False discovery rate (Benjamini and Hochberg) over the trusts of the type that can be tested.
    no_better_than : int
        Segment that the override allows at best.

    Returns
    -------
    DataFrame
        trust_code, average_before, average_after (as published, 2 decimals), change (over metrics in both quarters;
        negative is better), standard_error, metrics_compared, metrics_tested, p_value, q_value (NaN with fewer than two
        metrics to test or all alike), more_than_noise, segment_before, segment_after, by_override (the segment changed
        and, had the flag stayed as it was, would not have; a segment that moves by itself and further by the flag is
        not counted there).
    """
    if test not in ("t", "sign-flip"):
        raise ValueError(f'test is "t" or "sign-flip", not {test!r}')
    both = side_by_side(standings, before, after, trust_type, not_comparable)
    moved, weights = _differences(scores, before, after, trust_type)
    moved = moved.reindex(both.index)
    still = {metric for metric in moved if (moved[metric].abs().fillna(0) <= STILL).all()} | set(copied)
    lively = moved.drop(columns=[metric for metric in moved if metric in still])
    found = weighted_errors(lively, weights)
    share = (lively.notna() @ weights[lively.columns]) / (moved.notna() @ weights[moved.columns])
    p_value = _p_values(lively, weights, found, test)
    table = pd.DataFrame(
        {
            "average_before": both["average_score_before"],
            "average_after": both["average_score_after"],
            "change": (found["mean"] * share).mask(found["metrics"].eq(0) & moved.notna().any(axis=1), 0.0),
            "standard_error": found["standard_error"] * share,
            "metrics_compared": moved.notna().sum(axis=1),
            "metrics_tested": found["metrics"],
            "p_value": p_value,
            "q_value": adjusted_p_values(p_value),
        },
        index=both.index,
    )
    table["more_than_noise"] = table["q_value"].le(level)
    return table.join(_segment_change(both, no_better_than)).rename_axis("trust_code").reset_index()


def _differences(scores: pd.DataFrame, before: str, after: str, trust_type: str) -> tuple[pd.DataFrame, pd.Series]:
    """Score after less score before, trusts by metrics, and the weights (those of the later quarter)."""
    ours = scores[scores["trust_type"] == trust_type]
    (first, _), (second, weights) = (matrix(ours[ours["quarter"] == quarter]) for quarter in (before, after))
    metrics = first.columns.intersection(second.columns)
    return second[metrics] - first[metrics], weights[metrics]


def _p_values(lively: pd.DataFrame, weights: pd.Series, found: pd.DataFrame, test: str) -> pd.Series:
    testable = found["metrics"].ge(2) & found["standard_error"].gt(1e-9)
    if test == "t":
        ratio = (found["mean"] / found["standard_error"]).abs()
        return pd.Series(2 * stats.t.sf(ratio, found["freedom"]), lively.index).where(testable)
    every = weights[lively.columns].to_numpy()
    return pd.Series(
        {code: sign_flip(row.fillna(0), every) if testable[code] else np.nan for code, row in lively.iterrows()},
        dtype=float,
    ).reindex(lively.index)


def sign_flip(differences: Iterable[float], weights: Iterable[float]) -> float:
    """Exact two-sided p-value of the weighted sum of differences when each sign could as well have been the other.

    No assumption but symmetry; a difference of 0 plays no part. With k that differ, p is never below 2 / 2^k. Counted
    in 1/300 of a point: exact for scores at 2 decimals with weights of 1 and 1/3.

    Parameters
    ----------
    differences : iterable of float
        Change of each metric score, in points; none missing.
    weights : iterable of float
        Weight of each metric.
    """
    signed = np.rint(300 * np.asarray(list(differences)) * np.asarray(list(weights))).astype(int)
    steps, observed = np.abs(signed), abs(int(signed.sum()))
    top = int(steps.sum())
    chances = np.zeros(2 * top + 1)
    chances[top] = 1.0
    for step in steps[steps > 0]:
        chances = (np.roll(chances, step) + np.roll(chances, -step)) / 2
    return float(min(chances[np.abs(np.arange(-top, top + 1)) >= observed].sum(), 1.0))


def adjusted_p_values(p_values: pd.Series) -> pd.Series:
    """q-values of Benjamini and Hochberg over the p-values that are there.

    Parameters
    ----------
    p_values : Series
        NaN where there was nothing to test.

    Returns
    -------
    Series on the same index
        The smallest false discovery rate at which each would count as found; NaN where p is.
    """
    known = p_values.dropna()
    found = stats.false_discovery_control(known) if len(known) else known
    return pd.Series(found, known.index, dtype=float).reindex(p_values.index)


def _segment_change(both: pd.DataFrame, no_better_than: int) -> pd.DataFrame:
    first, second = both["segment_before"], both["segment_after"]
    flag_as_before = override(both["segment_unadjusted_after"], both["in_deficit_before"], no_better_than)
    by_override = (first != second) & (flag_as_before == first) & first.notna() & second.notna()
    return pd.DataFrame({"segment_before": first, "segment_after": second, "by_override": by_override})


def change_summary(table: pd.DataFrame, level: float | None = None) -> pd.DataFrame:
    """The changes in the form of NHS England's note on Q2 2025/26: every change of segment has one cause.

    Parameters
    ----------
    table : DataFrame
        As `changes`.
    level : float, optional
        If given, "significant" is p_value <= level without regard to how many trusts are tested (some will be by
        chance); if not, it is more_than_noise, which controls the false discovery rate.

    Returns
    -------
    DataFrame
        On the groups: trusts, better, worse (segment, or for trusts that kept theirs the average). The second to fourth
        group make up the first; a change by the override counts there, significant or not.
    """
    significant = table["more_than_noise"] if level is None else table["p_value"].le(level)
    step = table["segment_after"] - table["segment_before"]
    moved, flag = step.fillna(0).ne(0), table["by_override"]
    groups = {
        "changed segment": (moved, step),
        "by the financial override": (moved & flag, step),
        "by a significant change": (moved & ~flag & significant, step),
        "change not significant": (moved & ~flag & ~significant, step),
        "significant, same segment": (~moved & significant, table["change"]),
    }
    rows = {
        name: (int(chosen.sum()), int(by[chosen].lt(0).sum()), int(by[chosen].gt(0).sum()))
        for name, (chosen, by) in groups.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index", columns=["trusts", "better", "worse"]).rename_axis("group")


# --- How many changes of segment would noise alone give: by simulation and by formula ---


@dataclass(frozen=True)
class NoiseAlone:
    """How many trusts would change segment if none had truly changed.

    Attributes
    ----------
    trusts : int
        Trusts in the reckoning.
    noise_sd : float
        Pooled standard deviation of one metric's change, within trusts.
    expected, low, high : float
        Mean and central 95% of the simulated counts.
    analytic : float
        The mean by formula, without the rounding of averages.
    observed : int
        Trusts that did change.
    """

    trusts: int
    noise_sd: float
    expected: float
    low: float
    high: float
    analytic: float
    observed: int


def noise_alone(
    scores: pd.DataFrame,
    standings: pd.DataFrame,
    before: str,
    after: str,
    trust_type: str,
    edges: np.ndarray,
    *,
    adjusted: bool = True,
    copied: Collection[str] = (),
    not_comparable: Collection[str] = (),
    no_better_than: int = 3,
    draws: int = 10_000,
    seed: int = 0,
) -> NoiseAlone:
    """Changes of segment that noise alone would give, by simulation and by formula.

    The model: each trust stands in both quarters at the mean of its two averages; each quarter's average scatters
    around it with variance e^2 / 2, normal, e being the standard error of the trust's change. e rests on the scatter of
    metric changes around each trust's own mean change (so a true move of the whole trust is no noise, a true move of a
    single metric is), pooled over the trusts of the type; copied metrics have none. Edges and override flags stay.

    Parameters
    ----------
    edges : array of 3
        Edges between unadjusted segments, the same for both quarters (the mean of the two quarters' edges).
    adjusted : bool
        Segments after the override, with each trust's flag of the earlier quarter.
    """
    both = side_by_side(standings, before, after, trust_type, not_comparable)
    table = changes(
        scores,
        standings,
        before,
        after,
        trust_type,
        copied=copied,
        not_comparable=not_comparable,
        no_better_than=no_better_than,
    ).set_index("trust_code")
    noise_sd, errors = _pooled(table)
    both, errors = both[errors.notna()], errors.dropna().to_numpy()
    centre = both[["average_before", "average_after"]].mean(axis=1).to_numpy()
    flags = both["in_deficit_before"].to_numpy() if adjusted else np.zeros(len(both), dtype=bool)
    name = "segment" if adjusted else "segment_unadjusted"
    observed = int((both[f"{name}_before"] != both[f"{name}_after"]).sum())
    counts = np.concatenate(list(_simulated(centre, errors, edges, flags, no_better_than, draws, seed)))
    low, high = np.quantile(counts, [0.025, 0.975], method="inverted_cdf")
    expected = chance_of_change(centre, errors, edges, flags, no_better_than).sum()
    return NoiseAlone(len(both), noise_sd, float(counts.mean()), float(low), float(high), float(expected), observed)


def _pooled(table: pd.DataFrame) -> tuple[float, pd.Series]:
    """Pooled sd of a metric's change, and from it each trust's standard error of the change of its average."""
    tested = table["metrics_tested"].where(table["metrics_tested"] > 0)
    share = tested / table["metrics_compared"]
    variance = (table["standard_error"] / share) ** 2 * tested
    known = variance.notna()
    pooled = float(np.sqrt((variance * (tested - 1))[known].sum() / (tested - 1)[known].sum()))
    return pooled, pooled * share / np.sqrt(tested)


def _simulated(centre, errors, edges, flags, no_better_than: int, draws: int, seed: int) -> Iterator[np.ndarray]:
    """Numbers of trusts that change segment, a thousand draws at a time to keep memory small."""
    random = np.random.default_rng(seed)
    for start in range(0, draws, 1000):
        shape = (2, min(1000, draws - start), len(centre))
        averages = round_half_up(centre + random.standard_normal(shape) * errors / np.sqrt(2))
        first, second = override(segment_of(averages, edges), flags, no_better_than)
        yield (first != second).sum(axis=1)


def chance_of_change(
    centre: np.ndarray, errors: np.ndarray, edges: np.ndarray, flags: np.ndarray, no_better_than: int
) -> np.ndarray:
    """Chance that two independent draws of an average fall in different segments: 1 - sum of squared chances.

    Parameters
    ----------
    centre : array of n
        Where each trust truly stands on the scale of the average (1.00 is best).
    errors : array of n
        Standard error of the change of each average; one draw scatters by 1 / sqrt(2) of it.
    edges : array of 3
        Edges between unadjusted segments.
    flags : array of bool, n
        Trusts that the override allows no better segment than `no_better_than`.

    Returns
    -------
    array of n
        0 to 1.
    """
    reached = stats.norm.cdf((np.asarray(edges) - centre[:, None]) * np.sqrt(2) / errors[:, None])
    chances = np.diff(reached, axis=1, prepend=0.0, append=1.0)
    merged = np.column_stack([chances[:, :no_better_than].sum(axis=1), chances[:, no_better_than:]])
    return 1 - np.where(flags, (merged**2).sum(axis=1), (chances**2).sum(axis=1))
