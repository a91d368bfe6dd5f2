"""The trusts of two quarters side by side, and how they moved between segments."""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd


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
