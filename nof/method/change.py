"""Has this trust changed: a test whose noise comes from every trust's changes, metric by metric.

A trust's average moves with its metric scores. How far a score moves when nothing has truly changed differs by metric, and
is seen in the changes of that metric of all trusts over all steps from one quarter to the next, each step's mean taken
off. The null distribution of a trust's change is the sum of one such draw for each metric that it has in both quarters.
It is computed exactly, as a convolution: no random numbers.

Assumptions: no more than a few trusts truly change in a step (true changes in the pool widen the noise, so the test errs
towards "cannot be told"); one distribution a metric for all trusts and steps; metrics move independently of each other,
except those whose changes go together (two scores of one staff survey), which are drawn as they occur. A trust's own
change stays in the pool: with a metric's changes as likely to fall to any trust, that is what makes the test exact, and
without it one wild value among heavy tails is called a finding too often. docs/explanation/uncertainty.md has size and power.

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

from nof.method.pooled_noise import GRID, PooledNoise, pooled_noise
from nof.method.score_changes import STEP
from nof.method.volatility import side_by_side
from nof.rules.ranking import override

FALSE_DISCOVERIES = 0.05
POWER = 0.8  # "in four of five cases"
COLUMNS = [
    *STEP,
    "trust_code",
    "average_before",
    "average_after",
    "change",
    "usual_change",
    "standard_error",
    "metrics_compared",
    "metrics_tested",
    "metrics_lost",
    "metrics_gained",
    "p_value",
    "q_value",
    "more_than_noise",
    "smallest_change_found",
    "segment_before",
    "segment_after",
    "by_override",
]


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
        part = part[part["trust_code"].isin(both.index)]
        tested = part.loc[part["moves"].astype(bool), "trust_code"].nunique()
        single = level / max(tested, 1)  # what one trust alone among them must reach
        found = judged(noise, (before, after), single, power).reindex(both.index)
        table = _step_table(part, both, found, level).join(_segments(both, no_better_than))
        parts.append(table.rename_axis("trust_code").reset_index().assign(quarter_before=before, quarter_after=after))
    if not parts:
        return pd.DataFrame(columns=COLUMNS)
    table = pd.concat(parts, ignore_index=True)
    return table[COLUMNS]


def _step_table(part: pd.DataFrame, both: pd.DataFrame, found: pd.DataFrame, level: float) -> pd.DataFrame:
    """The tested changes of one step on the trusts."""
    codes = part["trust_code"]
    weight = part["weight"].groupby(codes).sum().reindex(both.index)
    moved, usual = (
        (part[name].fillna(0) * part["weight"]).groupby(codes).sum().reindex(both.index) / weight
        for name in ("change", "usual")
    )
    compared = part.groupby("trust_code").size().reindex(both.index, fill_value=0)
    q_value = adjusted_p_values(found["p_value"])
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
            "smallest_change_found": found["smallest"] / weight,
        },
        index=both.index,
    )


def judged(noise: PooledNoise, step: tuple[str, str], single: float = np.nan, power: float = POWER) -> pd.DataFrame:
    """Every trust's sum of changes in one step beside what noise gives.

    Parameters
    ----------
    noise : PooledNoise
    step : (before, after)
    single : float
        The p-value that one trust alone must reach; for `smallest`.
    power : float
        The chance with which `smallest` is found.

    Returns
    -------
    DataFrame
        On the trusts with new data: metrics_tested; total (the sum, in weighted points) and spread (its
        standard deviation by noise); p_value (NaN where noise cannot move it); smallest (the least shift of the sum that
        is found with chance `power`, the larger of the two directions).
    """
    if step not in noise.units.index.droplevel("trust_code"):
        return pd.DataFrame(columns=["metrics_tested", "total", "spread", "p_value", "smallest"], dtype=float)
    units = noise.units.loc[step]
    present, total, parts = units.notna(), units.sum(axis=1), []
    patterns, which = np.unique(present.to_numpy(), axis=0, return_inverse=True)
    for place, held in enumerate(patterns):
        metrics, rows = present.columns[held], present.index[which.ravel() == place]
        chances, tail = noise.chances(metrics), noise.tail(metrics)
        mean = (chances * noise.sums).sum()
        spread = float(np.sqrt(max((chances * noise.sums**2).sum() - mean**2, 0.0)))
        found = pd.DataFrame(
            {"metrics_tested": len(metrics), "total": GRID * total[rows], "spread": spread}, index=rows
        )
        moving = spread > GRID
        found["p_value"] = tail[total[rows].abs().astype(int)] if moving else np.nan
        found["smallest"] = _smallest(noise.sums, chances, tail, single, power) if moving else np.nan
        parts.append(found)
    return pd.concat(parts)


def _smallest(sums: np.ndarray, chances: np.ndarray, tail: np.ndarray, single: float, power: float) -> float:
    reached = np.flatnonzero(tail <= single)
    if not len(reached):
        return np.nan
    low, high = np.interp([1 - power, power], np.cumsum(chances), sums)
    return float(GRID * reached[0] + max(-low, high))


def adjusted_p_values(p_values: pd.Series) -> pd.Series:
    """q-values of Benjamini and Hochberg over the p-values that are there (NaN where p is)."""
    known = p_values.dropna().sort_values()
    scaled = known.to_numpy() * (len(known) / np.arange(1, len(known) + 1))
    least = np.minimum.accumulate(scaled[::-1])[::-1].clip(0, 1)  # as scipy.stats does it, which takes a second to load
    return pd.Series(least, known.index, dtype=float).reindex(p_values.index)


def _segments(both: pd.DataFrame, no_better_than: int) -> pd.DataFrame:
    first, second = both["segment_before"], both["segment_after"]
    flag_as_before = override(both["segment_unadjusted_after"], both["in_deficit_before"], no_better_than)
    by_override = (first != second) & (flag_as_before == first) & first.notna() & second.notna()
    return pd.DataFrame({"segment_before": first, "segment_after": second, "by_override": by_override})


def change_summary(table: pd.DataFrame, level: float | None = None) -> pd.DataFrame:
    """The changes in the form of NHS England's note on Q2 2025/26: every change of segment has one cause.

    Parameters
    ----------
    table : DataFrame
        One step of `change_tests`.
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
