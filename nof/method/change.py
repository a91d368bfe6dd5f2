"""Has this trust changed: a test whose noise comes from every trust's changes, metric by metric.

A trust's average moves with its metric scores. How far a score moves when nothing has truly changed differs by metric, and
is seen in the changes of that metric of all trusts over all steps from one quarter to the next, each step's mean taken
off. The null distribution of a trust's change is the sum of one such draw for each metric that it has in both quarters.
It is computed exactly, as a convolution: no random numbers.

Assumptions: no more than a few trusts truly change in a step (true changes in the pool widen the noise, so the test errs
towards "cannot be told"); one distribution a metric for all trusts and steps; metrics move independently of each other,
except those whose changes go together (two scores of one staff survey), which are drawn as they occur. A trust's own
change stays in the pool: with a metric's changes as likely to fall to any trust, that is what makes the test exact, and
without it one wild value among heavy tails is called a finding too often (docs/explanation/uncertainty.md has the counts).

Scores run from 1.00 (best) to 4.00 (worst): a negative change is an improvement. A metric without new data in a step
(copied, such as an annual survey) counts in the size of the change, and neither as evidence nor as noise.

Sources
-------
Davison and Hinkley, "Bootstrap methods and their application" (1997), chapter 4: resampled null distributions.
Vovk, Gammerman and Shafer, "Algorithmic learning in a random world" (2005): the own value stays in the pool.
Benjamini and Hochberg, Journal of the Royal Statistical Society B 57 (1995): false discovery rate.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd
from scipy import stats

from nof.method.pooled_noise import GRID, PooledNoise, pooled_noise
from nof.method.score_changes import STEP
from nof.ranking import override
from nof.volatility.pairing import side_by_side

FALSE_DISCOVERIES = 0.05
POWER = 0.8  # "in four of five cases"


def change_tests(
    changes: pd.DataFrame,
    standings: pd.DataFrame,
    trust_type: str,
    *,
    not_comparable: Mapping[str, Collection[str]] | None = None,
    noise: PooledNoise | None = None,
    level: float = FALSE_DISCOVERIES,
    power: float = POWER,
    no_better_than: int = 3,
) -> pd.DataFrame:
    """Whether each trust's average changed by more than noise would move it, for every step.

    Two-sided, on the sum of the trust's changes beyond the usual over the metrics that moved; p is the chance that noise
    gives a sum at least as far from nought. NHS England's own test is not published.

    Parameters
    ----------
    changes : DataFrame
        As `score_changes`: all steps at hand, whichever are asked about.
    standings : DataFrame
        As `recompute.National.standings`.
    not_comparable
        As for `score_changes`; these trusts, and those absent in a quarter, have no row (see `volatility.excluded`).
    noise : PooledNoise, optional
        By default from the same changes.
    level : float
        False discovery rate (Benjamini and Hochberg) over the trusts of a step that can be tested.
    power : float
        For smallest_change_found.
    no_better_than : int
        Segment that the override allows at best.

    Returns
    -------
    DataFrame
        quarter_before, quarter_after, trust_code; average_before, average_after (as published, 2 decimals); change (of
        the average over the metrics of both quarters; negative is better) and usual_change (the type's mean change on
        the same metrics); standard_error (of the change, by noise alone); metrics_compared, metrics_tested (with new
        data), metrics_lost, metrics_gained (scored in one of the two quarters only); p_value, q_value (NaN with nothing
        to test); more_than_noise (q_value at most `level`); smallest_change_found (points of the average beyond the
        usual change: the least that this test, were no other trust to change, would find with chance `power`, whichever
        its direction); segment_before, segment_after, by_override (the segment changed and, had the flag stayed as it
        was, would not have).
    """
    noise = pooled_noise(changes) if noise is None else noise
    parts = []
    for (before, after), part in changes.groupby(STEP, sort=True):
        both = side_by_side(standings, before, after, trust_type, (not_comparable or {}).get(after, ()))
        table = _step_table(part, both, noise, level, power)
        table = table.join(_segments(both, no_better_than)).rename_axis("trust_code").reset_index()
        parts.append(table.assign(quarter_before=before, quarter_after=after))
    if not parts:
        return pd.DataFrame(columns=[*STEP, "trust_code"])
    table = pd.concat(parts, ignore_index=True)
    return table[[*STEP, *table.columns.drop(STEP)]]


def _step_table(part: pd.DataFrame, both: pd.DataFrame, noise: PooledNoise, level: float, power: float) -> pd.DataFrame:
    """The tested changes of one step on the trusts."""
    part = part[part["trust_code"].isin(both.index)]
    weight = part["weight"].groupby(part["trust_code"]).sum().reindex(both.index)
    moved, usual = (
        (part[name].fillna(0) * part["weight"]).groupby(part["trust_code"]).sum().reindex(both.index) / weight
        for name in ("change", "usual")
    )
    compared = part.groupby("trust_code").size().reindex(both.index, fill_value=0)
    found = _judged(part, noise).reindex(both.index)
    q_value = adjusted_p_values(found["p_value"])
    single = level / max(int(found["p_value"].notna().sum()), 1)  # what one trust alone among them must reach
    return pd.DataFrame(
        {
            "average_before": both["average_score_before"],
            "average_after": both["average_score_after"],
            "change": moved,
            "usual_change": usual,
            "standard_error": found["spread"] / weight,
            "metrics_compared": compared,
            "metrics_tested": found["metrics_tested"].fillna(0).astype(int),
            "metrics_lost": both["metrics_scored_before"] - compared,
            "metrics_gained": both["metrics_scored_after"] - compared,
            "p_value": found["p_value"],
            "q_value": q_value,
            "more_than_noise": q_value.le(level),
            "smallest_change_found": [
                _smallest(noise, metrics, single, power) if known else np.nan
                for metrics, known in zip(found["metrics"], found["p_value"].notna(), strict=True)
            ]
            / weight,
        },
        index=both.index,
    )


def _judged(part: pd.DataFrame, noise: PooledNoise) -> pd.DataFrame:
    """On the trusts of a step: the metrics with new data, spread of the noise of their sum, and p."""
    sums, rows = noise.sums, {}
    units = noise.units.loc[(part["quarter_before"].iloc[0], part["quarter_after"].iloc[0])] if len(part) else None
    for code, own in part[part["moves"].astype(bool)].groupby("trust_code"):
        metrics = tuple(own["metric_id"])
        chances = noise.chances(metrics)
        spread = float(np.sqrt((chances * sums**2).sum() - (chances * sums).sum() ** 2))
        seen = GRID * units.loc[code, list(metrics)].sum()
        p_value = chances[np.abs(sums) >= abs(seen) - GRID / 2].sum() if spread > GRID else np.nan
        rows[code] = (metrics, len(metrics), spread, min(p_value, 1.0))
    return pd.DataFrame.from_dict(rows, orient="index", columns=["metrics", "metrics_tested", "spread", "p_value"])


def _smallest(noise: PooledNoise, metrics: tuple[str, ...], single: float, power: float) -> float:
    """Least shift of the sum that is found with chance `power`: the larger of the two directions, in weighted points."""
    order = np.argsort(noise.sums)
    sums, chances = noise.sums[order], noise.chances(metrics)[order]
    size = np.argsort(np.abs(sums), kind="stable")
    beyond = np.cumsum(chances[size][::-1])[::-1]  # chance of a sum at least as far out
    reached = np.abs(sums)[size][beyond <= single]
    if not len(reached):
        return np.nan
    low, high = np.interp([1 - power, power], np.cumsum(chances), sums)
    return float(reached.min() + max(-low, high))


def adjusted_p_values(p_values: pd.Series) -> pd.Series:
    """q-values of Benjamini and Hochberg over the p-values that are there (NaN where p is)."""
    known = p_values.dropna()
    found = stats.false_discovery_control(known) if len(known) else known
    return pd.Series(found, known.index, dtype=float).reindex(p_values.index)


def _segments(both: pd.DataFrame, no_better_than: int) -> pd.DataFrame:
    first, second = both["segment_before"], both["segment_after"]
    flag_as_before = override(both["segment_unadjusted_after"], both["in_deficit_before"], no_better_than)
    by_override = (first != second) & (flag_as_before == first) & first.notna() & second.notna()
    return pd.DataFrame({"segment_before": first, "segment_after": second, "by_override": by_override})
