"""Confidence sets for the ranks of categories by share, from counts: exact, after Bazylik et al. (2024)."""

from __future__ import annotations

import pandas as pd
from scipy import stats

from nof.rank_sets.bounds import closed_form, holm
from nof.rank_sets.inputs import checked_level, checked_values, oriented


def multinomial_rank_sets(
    counts: pd.Series, *, level: float = 0.95, simultaneous: bool = True, best: str = "high"
) -> pd.DataFrame:
    """Confidence sets for the ranks of categories by share, exact in finite samples.

    Given the m = a + b cases in two categories j and k, a is binomial (m, 1/2) if their shares
    are equal, so "k's share is no larger than j's" has p = P(B >= b), which is P(B <= a).
    Holm's procedure over j's 2(n - 1) comparisons (marginal) or all n(n - 1) (simultaneous).
    Source: Bazylik et al. (2024).

    Parameters
    ----------
    counts : Series of n whole numbers, 0 or more, of one multinomial sample
    level, simultaneous : as in `rank_confidence_sets`
    best : "high" (largest share first) or "low"

    Returns
    -------
    DataFrame on the index of `counts`: rank, lower, upper, unstable (always False: no draws).

    Raises
    ------
    ValueError
        Fewer than two categories, counts that are not whole numbers from 0, a level outside
        (0, 1), an unknown `best`.
    """
    count = checked_values(counts, "counts")
    if (count < 0).any() or (count % 1 != 0).any():
        raise ValueError("counts must be whole numbers, 0 or more")
    value = oriented(count, best)
    tails = stats.binom.cdf(count[:, None], count[:, None] + count[None, :], 0.5)
    tails = tails if best == "high" else tails.T
    above, below = holm(tails, 1 - checked_level(level), simultaneous)
    return closed_form(counts.index, value, above, below)
