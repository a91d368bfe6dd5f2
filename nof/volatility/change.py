"""Has this trust changed: the test of each trust's change between two quarters, and its summary."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import numpy as np
import pandas as pd
from scipy import stats

from nof.ranking import override
from nof.scoring import matrix
from nof.volatility.pairing import side_by_side
from nof.volatility.quarters import STILL
from nof.volatility.standard_errors import weighted_errors

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
