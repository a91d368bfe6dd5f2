"""Confidence sets for ranks, and what follows from them, after Mogstad, Romano, Shaikh and Wilhelm (2024)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from nof.rank_sets.bounds import counted, frame, holm
from nof.rank_sets.comparison import compare, t_tails, with_differences
from nof.rank_sets.inputs import checked_k, checked_level, checked_values, oriented
from nof.rank_sets.stepdown import simulated_bounds


def rank_confidence_sets(
    estimate: pd.Series,
    standard_error: pd.Series | None,
    *,
    best: str = "low",
    level: float = 0.95,
    simultaneous: bool = False,
    stepdown: bool = True,
    covariance: pd.DataFrame | None = None,
    difference_error: pd.DataFrame | None = None,
    difference: pd.DataFrame | None = None,
    degrees_of_freedom: float | pd.DataFrame | None = None,
    draws: int = 20_000,
    seed: int = 0,
) -> pd.DataFrame:
    r"""Confidence sets for ranks after Mogstad, Romano, Shaikh and Wilhelm (2024).

    With :math:`t_{jk} = (x_k - x_j) / s_{jk}`, where a larger x is better, "k is no better than
    j" is rejected if :math:`t_{jk} > c`; c is the ``level`` quantile of the largest
    :math:`(e_l - e_i) / s_{il}` over the family of comparisons, e being normal with the
    estimates' covariance. The family is j's 2(n - 1) one-sided comparisons (marginal: each
    unit's own set covers its own rank with probability ``level``) or all n(n - 1) (simultaneous:
    all sets at once). The stepdown takes c again over what is not yet rejected, until nothing new
    is.

    Parameters
    ----------
    estimate : Series of n, any unit, labels unique
    standard_error : Series of n on the same labels, same unit, above 0; errors independent.
        May be None where `covariance` or `difference_error` is given, and is not used then.
    best : "low" (1.00 is best, as in NHS England's scores) or "high"
    level : between 0 and 1
    simultaneous : one statement about all units instead of one for each
    stepdown : False gives the wider single-step sets
    covariance : DataFrame n x n of the estimates: s_jk^2 = v_jj + v_kk - 2 v_jk
    difference_error : DataFrame n x n of s_jk itself, 0 on the diagonal, for paired differences
        (say of two trusts on the metrics that both have). The t_jk use it as given; the draws
        need a joint distribution, and take independent errors o with o_j^2 + o_k^2 fitted to
        s_jk^2 by least squares: a correlation matrix of n units estimated from few
        metrics would look far less rich than it is and make c too small.
    difference : DataFrame n x n, row less column, used in place of the differences of the
        estimates: of two trusts on the metrics that both have, which belongs to that
        `difference_error`. Needs `difference_error` and `degrees_of_freedom`. Such differences
        need not add up over three units, so a set may leave out its unit's own rank.
    degrees_of_freedom : number or DataFrame n x n, if s_jk is itself estimated from few values
        (metrics in common - 1). Then no draws: t tests with Holm's procedure (Bonferroni if not
        `stepdown`), which hold whatever the dependence between pairs. Without it, sets from
        some 15 metrics cover far too little (tests/test_rank_sets_coverage.py has the figures).
    draws : Monte Carlo draws of all n errors
    seed : of the draws

    Returns
    -------
    DataFrame on the index of `estimate`: rank, lower, upper (whole numbers, 1 is best) and
    unstable: True where a bound changes if the critical values are taken at the ends of the
    interval in which another seed's would lie, `level` +/- 3.64 sqrt(level (1 - level) / draws)
    (99%, two runs of `draws`); such a bound may differ by a place in another run.

    Raises
    ------
    ValueError
        Fewer than two units, labels that repeat or do not match, values missing or not finite,
        errors not above 0, a level outside (0, 1), an unknown `best`.

    Notes
    -----
    A difference whose standard error is 0 (only `covariance` and `difference_error` allow it) is
    taken as known: told apart if the estimates differ, never if they are equal. Memory grows with
    n^2 + n x draws; the n^2 x draws differences are never held. The order of the rows
    is idle, and best="low" on -x equals best="high" on x exactly.
    """
    value, ((lower, upper), *ends) = _solve(
        estimate, standard_error, best=best, level=level, simultaneous=simultaneous,
        stepdown=stepdown, covariance=covariance, difference_error=difference_error,
        difference=difference, degrees_of_freedom=degrees_of_freedom, draws=draws, seed=seed,
    )  # fmt: skip
    unstable = (ends[0] != ends[1]).any(axis=0)
    return frame(estimate.index, value, lower=lower, upper=upper, unstable=unstable)


def possible_best(estimate: pd.Series, standard_error: pd.Series | None, k: int, **options) -> pd.DataFrame:
    """Which units could be among the best k.

    The units whose simultaneous lower bound is k or better: with probability `level` this set
    holds every unit that truly is among the best k. The one-sided lower bounds for all
    units use all n(n - 1) comparisons, the same family as the two-sided simultaneous sets, so
    the bounds are the same.

    Parameters
    ----------
    estimate, standard_error : as in `rank_confidence_sets`
    k : from 1 to n
    **options : the keywords of `rank_confidence_sets`, without `simultaneous`

    Returns
    -------
    DataFrame on the index of `estimate`: rank, possible (bool), unstable (bool: another seed
    could decide otherwise).
    """
    value, bounds = _solve(estimate, standard_error, simultaneous=True, **options)
    possible, tight, loose = bounds[:, 0] <= checked_k(k, value)
    return frame(estimate.index, value, possible=possible, unstable=tight != loose)


def possible_worst(estimate: pd.Series, standard_error: pd.Series | None, k: int, **options) -> pd.DataFrame:
    """Which units could be among the worst k: `possible_best` from the other end.

    The units whose simultaneous upper bound is n - k + 1 or worse.

    Parameters
    ----------
    estimate, standard_error, k, **options : as in `possible_best`

    Returns
    -------
    DataFrame as of `possible_best`.
    """
    value, bounds = _solve(estimate, standard_error, simultaneous=True, **options)
    possible, tight, loose = bounds[:, 1] > value.size - checked_k(k, value)
    return frame(estimate.index, value, possible=possible, unstable=tight != loose)


def told_apart(estimate: pd.Series, standard_error: pd.Series | None, **options) -> pd.DataFrame:
    """How many of the n - 1 others each unit can be told apart from.

    Counts the rejected comparisons behind `rank_confidence_sets`, so multiplicity is handled as
    there: marginal (the default) means that for any one unit, the chance of even one false
    "better" or "worse" among its n - 1 comparisons is at most 1 - level; simultaneous=True means
    that for all pairs of the table together. The marginal form answers "my trust against
    each other"; two units may then disagree about their own pair.

    Parameters
    ----------
    estimate, standard_error, **options : as in `rank_confidence_sets`

    Returns
    -------
    DataFrame on the index of `estimate`: better and worse (number of others told apart as
    better, as worse than this one), told_apart (their sum), others (n - 1), unstable.
    """
    sets = rank_confidence_sets(estimate, standard_error, **options)
    better, worse = sets["lower"] - 1, len(sets) - sets["upper"]
    counts = {"better": better, "worse": worse, "told_apart": better + worse}
    return pd.DataFrame({**counts, "others": len(sets) - 1, "unstable": sets["unstable"]})


def _solve(
    estimate, standard_error, *, best="low", level=0.95, simultaneous=False, stepdown=True,
    covariance=None, difference_error=None, difference=None, degrees_of_freedom=None, draws=20_000, seed=0,
):  # fmt: skip
    """Oriented values, and bounds at the level and at both ends of its Monte Carlo interval."""
    value = oriented(checked_values(estimate, "estimate"), best)
    checked_level(level)
    if draws < 1:
        raise ValueError("draws must be at least 1")
    comparison = compare(value, estimate.index, standard_error, covariance, difference_error)
    if difference is not None:
        if difference_error is None or degrees_of_freedom is None:
            raise ValueError("difference needs difference_error and degrees_of_freedom")
        comparison = with_differences(comparison, difference, difference_error, estimate.index, best)
    if degrees_of_freedom is None:
        return value, simulated_bounds(comparison, level, simultaneous, stepdown, draws, seed)
    tails = t_tails(comparison, degrees_of_freedom, estimate.index)
    bounds = counted(comparison.order, *holm(tails, 1 - level, simultaneous, stepdown))
    return value, np.stack([bounds] * 3)
