"""Joint intervals for all ranks in closed form, after Klein, Wright and Wieczorek (2020)."""

from __future__ import annotations

import pandas as pd
from scipy import stats

from nof.rank_sets.bounds import closed_form
from nof.rank_sets.inputs import checked_errors, checked_level, checked_values, oriented


def joint_rank_intervals(
    estimate: pd.Series,
    margin_of_error: pd.Series,
    *,
    level: float = 0.90,
    best: str = "low",
    decimals: int | None = None,
    margin_level: float = 0.90,
) -> pd.DataFrame:
    r"""Joint intervals for all ranks in closed form, after Klein, Wright and Wieczorek (2020).

    Each estimate's interval is widened to :math:`x \pm m z'/z`, z being the normal point of
    `margin_level` and z' that of :math:`level^{1/n}` (both two-sided), so that all n intervals
    hold at once with probability `level` if the errors are normal and independent (at least
    that if not independent, by Sidak's inequality). Two units are told apart where their
    intervals do not overlap; intervals that only touch do not overlap.

    Parameters
    ----------
    estimate, margin_of_error : Series of n on the same labels, same unit; margins above 0
    level : joint level of all n rank intervals
    best : "low" or "high"
    decimals : round the intervals' limits to so many decimals before comparing, as the paper
        does with published figures; None compares them as they are
    margin_level : level of each margin as published (0.90 in the American Community Survey)

    Returns
    -------
    DataFrame on the index of `estimate`: rank, lower, upper, unstable (always False: no draws).

    Raises
    ------
    ValueError
        As `rank_confidence_sets`.
    """
    value = oriented(checked_values(estimate, "estimate"), best)
    margin = checked_errors(margin_of_error, estimate.index, "margin_of_error")
    joint = (1 + checked_level(level) ** (1 / value.size)) / 2
    single = (1 + checked_level(margin_level, "margin_level")) / 2
    half = margin * stats.norm.ppf(joint) / stats.norm.ppf(single)
    low, high = value - half, value + half
    if decimals is not None:
        low, high = low.round(decimals), high.round(decimals)
    # The second condition matters only where rounding has made an interval a point.
    above = (low[None, :] >= high[:, None]) & (value[None, :] > value[:, None])
    return closed_form(estimate.index, value, above, above.T)
