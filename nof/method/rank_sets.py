"""Which ranks the data allow: confidence sets for ranks, and joint intervals in closed form.

A rank is 1 + the number of units strictly better, so tied units share the best rank of the tie.
Every set here rests on the same idea: unit k is told apart from unit j where a test rejects
"k is no better than j"; the rank of j is then at least 1 + the units told apart as better and
at most n - the units told apart as worse. What differs is the test:

Sources
-------
Mogstad, Romano, Shaikh and Wilhelm, "Inference for Ranks with Applications to Mobility across
Neighbourhoods and Academic Achievement across Countries", Review of Economic Studies 91 (2024).
Bazylik, Mogstad, Romano, Shaikh and Wilhelm, "Finite- and Large-Sample Inference for Ranks using
Multinomial Data", arXiv:2402.00192 (2024).
Klein, Wright and Wieczorek, "A Joint Confidence Region for an Overall Ranking of Populations",
Journal of the Royal Statistical Society C 69 (2020).
Written from the published methods; the code of csranks (GPL) was not read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

# --- Checks of what the rank sets are given: labels, finite numbers, errors above 0, levels between 0 and 1 ---


def oriented(value: np.ndarray, best: str) -> np.ndarray:
    """Turn values so that larger is better."""
    if best not in ("low", "high"):
        raise ValueError(f'best must be "low" or "high", not {best!r}')
    return value if best == "high" else -value


def checked_values(values: pd.Series, name: str) -> np.ndarray:
    """The numbers of a Series of two units or more, labels unique, nothing missing; else a ValueError."""
    if not isinstance(values, pd.Series):
        raise ValueError(f"{name} must be a pandas Series")  # noqa: TRY004
    if len(values) < 2:
        raise ValueError(f"{name} has {len(values)} value(s); a rank needs two or more")
    if not values.index.is_unique:
        raise ValueError(f"{name} has labels that repeat")
    return _finite(values.to_numpy(dtype=float, na_value=np.nan), name)


def _finite(array: np.ndarray, name: str) -> np.ndarray:
    if not np.isfinite(array).all():
        raise ValueError(f"{name} has missing or infinite values")
    return array


def checked_errors(errors: pd.Series, labels: pd.Index, name: str) -> np.ndarray:
    """Standard errors or margins in the order of `labels`, all above 0; else a ValueError."""
    checked_values(errors, name)
    if len(errors) != len(labels) or not errors.index.isin(labels).all():
        raise ValueError(f"{name} and estimate do not have the same labels")
    array = errors.reindex(labels).to_numpy(dtype=float)
    if (array <= 0).any():
        raise ValueError(f"{name} must be above 0 everywhere")
    return array


def checked_matrix(matrix: pd.DataFrame, labels: pd.Index, name: str, symmetric: bool = True) -> np.ndarray:
    """A symmetric matrix (or one that its mirror image reverses) in the order of `labels`, rounding evened out.

    Raises
    ------
    ValueError
        No DataFrame, other labels, a number missing, or the two halves do not agree.
    """
    if not isinstance(matrix, pd.DataFrame):
        raise ValueError(f"{name} must be a DataFrame with the labels of estimate")  # noqa: TRY004
    for axis in matrix.axes:
        if len(axis) != len(labels) or not axis.is_unique or not axis.isin(labels).all():
            raise ValueError(f"{name} and estimate do not have the same labels")
    array = _finite(matrix.loc[labels, labels].to_numpy(dtype=float), name)
    mirrored = array.T if symmetric else -array.T
    if not np.allclose(array, mirrored, rtol=1e-6, atol=1e-9 * np.abs(array).max()):
        raise ValueError(f"{name} is not {'symmetric' if symmetric else 'the reverse of its mirror image'}")
    return (array + mirrored) / 2


def checked_level(level: float, name: str = "level") -> float:
    """A level between 0 and 1, both left out; else a ValueError."""
    if not 0 < level < 1:
        raise ValueError(f"{name} must be between 0 and 1, not {level}")
    return level


def checked_k(k: int, units: np.ndarray) -> int:
    """A number of units from 1 to all of them; else a ValueError."""
    if not 1 <= k <= units.size:
        raise ValueError(f"k must be between 1 and the number of units, {units.size}, not {k}")
    return k


# --- From comparisons rejected to ranks with bounds, and Holm's procedure, which rejects from p-values alone ---


def holm(tails: np.ndarray, alpha: float, simultaneous: bool, stepdown: bool = True):
    """Holm's procedure over all pairs (simultaneous), or over each unit's row and column.

    Parameters
    ----------
    tails : array, n x n
        p of "k (column) is no better than j (row)"; the diagonal is not looked at.
    alpha : float
        1 - level.
    stepdown : bool
        False divides alpha by all comparisons throughout (Bonferroni).

    Returns
    -------
    above, below : arrays of bool, n x n
        Which others (columns) are told apart as better, as worse than each unit (rows).
    """
    n = len(tails)
    off = ~np.eye(n, dtype=bool)
    rows = tails[off].reshape(n, n - 1), tails.T[off].reshape(n, n - 1)
    family = tails[off][None, :] if simultaneous else np.hstack(rows)
    ordered = np.sort(family, axis=1)
    size = family.shape[1]
    steps = np.arange(size, 0, -1) if stepdown else size
    passed = (ordered <= alpha / steps).cumprod(axis=1).sum(axis=1)
    bar = np.hstack([np.full((len(family), 1), -1.0), ordered])[np.arange(len(family)), passed]
    return (tails <= bar[:, None]) & off, (tails.T <= bar[:, None]) & off


def counted(order: np.ndarray, above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """Lower and upper bounds from the comparisons rejected, in the order of the input.

    Parameters
    ----------
    order : array of n
        Position in the input of each unit.
    above, below : arrays of bool, n x n
        Others (columns) told apart as better, as worse than each unit (rows).

    Returns
    -------
    array of whole numbers, shape (2, n)
        1 is best.
    """
    bounds = np.empty((2, len(order)), dtype=int)
    bounds[:, order] = 1 + above.sum(axis=1), len(order) - below.sum(axis=1)
    return bounds


def closed_form(index: pd.Index, value: np.ndarray, above, below) -> pd.DataFrame:
    """Ranks with bounds from comparisons rejected by a method without draws: nothing is unstable."""
    lower, upper = 1 + above.sum(axis=1), len(index) - below.sum(axis=1)
    return frame(index, value, lower=lower, upper=upper, unstable=False)


def frame(index: pd.Index, value: np.ndarray, **columns) -> pd.DataFrame:
    """Ranks (1 is best; larger values are better) beside the columns given."""
    rank = stats.rankdata(-value, method="min").astype(int)
    return pd.DataFrame({"rank": rank, **columns}, index=index)


# --- Every pair of units compared: the difference over its standard error, under each way of giving the errors ---


# A standard error of a difference below this share of the largest is rounding, hence zero.
ROUNDING = 1e-7


class Comparison(NamedTuple):
    """Every pair compared; units in canonical order, so that the order of the input is idle."""

    order: np.ndarray  # position in the input of each unit
    evidence: np.ndarray  # (n, n): by how many standard errors k (column) beats j (row)
    loadings: np.ndarray  # (n, r): times r standard normals gives the estimation errors
    scale: np.ndarray  # (n, n): 1 / standard deviation of the drawn differences, 0 if that is 0


def compare(value, index, standard_error, covariance, difference_error) -> Comparison:
    """Put units into canonical order and work out evidence and how to draw its null.

    Parameters
    ----------
    value : array of n
        Estimates, larger being better.
    index : Index of n
        Labels of the estimates.
    standard_error, covariance, difference_error
        As for `rank_confidence_sets`.
    """
    order = np.lexsort(([str(label) for label in index], value))
    value, labels = value[order], index[order]
    loadings, error = _error_model(labels, standard_error, covariance, difference_error)
    difference = value[None, :] - value[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        evidence = np.where(difference == 0, 0.0, difference / error)
    return Comparison(order, evidence, loadings, _inverse(_spread(loadings @ loadings.T)))


def with_differences(comparison, difference, difference_error, index, best) -> Comparison:
    """The evidence from differences as given, each over its own error.

    Parameters
    ----------
    comparison : Comparison
        As `compare` gives it; only its evidence is replaced.
    difference, difference_error : DataFrame n x n
        As for `rank_confidence_sets`, in the units of the estimates.
    index : Index of n
        Labels of the estimates, in the order of the input.
    """
    labels = index[comparison.order]
    gap = checked_matrix(difference, labels, "difference", symmetric=False)
    error = _without_rounding(checked_matrix(difference_error, labels, "difference_error"))
    gap = gap if best == "low" else -gap  # by how much k (column) is better than j (row)
    with np.errstate(divide="ignore", invalid="ignore"):
        return comparison._replace(evidence=np.where(gap == 0, 0.0, gap / error))


def _error_model(labels, standard_error, covariance, difference_error):
    """Loadings that draw the estimation errors, and the standard error of each difference."""
    if covariance is not None and difference_error is not None:
        raise ValueError("give covariance or difference_error, not both")
    if difference_error is not None:
        error = checked_matrix(difference_error, labels, "difference_error")
        if (error < 0).any() or np.diag(error).any():
            raise ValueError("difference_error must be 0 on the diagonal and nowhere negative")
        return np.diag(_own_errors(error**2)), _without_rounding(error)
    if covariance is not None:
        matrix = checked_matrix(covariance, labels, "covariance")
        if np.linalg.eigvalsh(matrix)[0] < -ROUNDING * np.abs(matrix).max():
            raise ValueError("covariance has a negative eigenvalue, so it is no covariance")
        return _root(matrix), _spread(matrix)
    if standard_error is None:
        raise ValueError("standard_error is needed unless covariance or difference_error is given")
    error = checked_errors(standard_error, labels, "standard_error")
    return np.diag(error), np.hypot(error[:, None], error[None, :])


def _own_errors(square: np.ndarray) -> np.ndarray:
    """Least squares fit of o_j^2 + o_k^2 to the squared errors of differences: the o_j."""
    n, rows = len(square), square.sum(axis=1)
    own = (rows - rows.sum() / (2 * (n - 1))) / (n - 2) if n > 2 else rows / 2
    # A unit's own share can come out negative by chance; keep it a small part of the typical one.
    return np.sqrt(np.maximum(own, 1e-3 * square.mean()))


def _root(matrix: np.ndarray) -> np.ndarray:
    """Loadings L with L L' = `matrix`, a covariance but for rounding."""
    values, vectors = np.linalg.eigh(matrix)
    return vectors * np.sqrt(values.clip(min=0))


def _spread(matrix: np.ndarray) -> np.ndarray:
    """Standard deviation of every difference under a covariance."""
    variance = np.diag(matrix)
    square = variance[:, None] + variance[None, :] - 2 * matrix
    return _without_rounding(np.sqrt(square.clip(min=0)))


def _without_rounding(error: np.ndarray) -> np.ndarray:
    return np.where(error > ROUNDING * error.max(), error, 0.0)


def _inverse(spread: np.ndarray) -> np.ndarray:
    return np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 0)


def t_tails(comparison: Comparison, freedom, index: pd.Index) -> np.ndarray:
    """p of "k (column) is no better than j (row)", units in canonical order.

    Parameters
    ----------
    freedom : float or DataFrame n x n
        Degrees of freedom of each difference's standard error, above 0.
    index : Index of n
        Labels of the estimates, in the order of the input.

    Returns
    -------
    array, n x n
    """
    labels = index[comparison.order]
    if isinstance(freedom, pd.DataFrame):
        freedom = checked_matrix(freedom, labels, "degrees_of_freedom")
        freedom = np.where(np.eye(len(labels), dtype=bool), 1.0, freedom)
    if not (np.asarray(freedom) > 0).all():
        raise ValueError("degrees_of_freedom must be above 0")
    return stats.t.sf(comparison.evidence, freedom)


# --- Critical values by simulation, taken again over what is not yet rejected until nothing new is: the stepdown ---


# How many Monte Carlo standard errors of the critical value's level count as "another seed could
# move it": two seeds differ by sqrt(2) standard errors, and 2.576 is the two-sided 99% point.
SEED_ERRORS = 2**0.5 * 2.576
CHUNK_CELLS = 65_536  # units x draws held at once: fits a processor's cache
PILOT_DRAWS = 2_000


class _Found(NamedTuple):
    """The drawn differences above a floor, one element each: the only ones a quantile needs."""

    draw: np.ndarray
    worse: np.ndarray
    better: np.ndarray
    size: np.ndarray
    floor: float


def simulated_bounds(comparison: Comparison, level, simultaneous, stepdown, draws, seed):
    """Lower and upper bounds at the level, at its low end and its high end: shape (3, 2, n).

    Parameters
    ----------
    comparison : Comparison
    level, simultaneous, stepdown, draws, seed
        As for `rank_confidence_sets`.

    Returns
    -------
    array of whole numbers, shape (3, 2, n)
        In the order of the input; 1 is best.
    """
    n = len(comparison.order)
    family = np.zeros(n, dtype=int) if simultaneous else np.arange(n)
    slack = SEED_ERRORS * (level * (1 - level) / draws) ** 0.5
    levels = np.array([level, level - slack, level + slack])
    floor = _floor(comparison, draws, seed, levels[1], family)
    found = _large_differences(comparison, draws, seed, floor)
    result = np.empty((3, 2, n), dtype=int)
    for place, wanted in enumerate(np.ceil(levels * draws - 1e-9).astype(int) - 1):
        told = _rejected(comparison.evidence, found, max(wanted, 0), draws, family, stepdown)
        result[place] = counted(comparison.order, *told)
    return result


def _rejected(evidence, found: _Found, wanted: int, draws: int, family, stepdown: bool):
    """Which others (columns) are told apart as above, as below each unit (rows)."""
    above = below = np.zeros(evidence.shape, dtype=bool)
    while True:
        critical = _critical_values(found, ~above, ~below, wanted, draws, family)[family][:, None]
        more = above | (evidence > critical), below | (evidence.T > critical)
        settled = (more[0] == above).all() and (more[1] == below).all()
        above, below = more
        if settled or not stepdown:
            return above, below


def _critical_values(found: _Found, open_above, open_below, wanted, draws, family) -> np.ndarray:
    """Order statistic `wanted` of each family's largest open difference, draw by draw."""
    if wanted >= draws:  # too few draws for this level: only a difference known for sure counts
        return np.full(family[-1] + 1, np.finfo(float).max)
    largest = np.full((family[-1] + 1, draws), found.floor)
    for own, open_ in (
        (found.worse, open_above[found.worse, found.better]),
        (found.better, open_below[found.better, found.worse]),
    ):
        np.maximum.at(largest, (family[own[open_]], found.draw[open_]), found.size[open_])
    return np.partition(largest, wanted, axis=1)[:, wanted]


def _floor(comparison: Comparison, draws, seed, level, family) -> float:
    """A value below every critical value that the stepdown can reach.

    Of "k beats j" and "j beats k" at most one is ever rejected, so what stays open holds, up to
    mirroring, half of each family: its largest difference exceeds any c at least half as often
    as the whole family's. The quantile at 1 - 2 (1 - level) of the whole is thus a floor; a
    pilot estimates it, less four of its standard errors.
    """
    size = min(draws, PILOT_DRAWS)
    wanted = 2 * level - 1
    wanted -= 4 * (max(wanted * (1 - wanted), 1 / size) / size) ** 0.5
    if wanted <= 0:
        return 0.0
    largest = np.zeros((family[-1] + 1, size))
    for start, errors in drawn_errors(comparison, size, seed):
        columns = slice(start, start + errors.shape[1])
        for unit, own in enumerate(family):
            gaps = np.abs((errors - errors[unit]) * comparison.scale[unit][:, None]).max(axis=0)
            np.maximum(largest[own, columns], gaps, out=largest[own, columns])
    return float(np.quantile(largest, wanted, axis=1).min())


def drawn_errors(comparison: Comparison, draws, seed) -> Iterator[tuple[int, np.ndarray]]:
    """Estimation errors, units x some draws at a time, with the number of the first draw.

    Yields
    ------
    start : int
        Number of the first draw of this part.
    errors : array, n units in canonical order x draws of this part
    """
    generator = np.random.default_rng(seed)
    n, sources = comparison.loadings.shape
    step = max(1, CHUNK_CELLS // n)
    for start in range(0, draws, step):
        normals = generator.standard_normal((step, sources))[: draws - start]
        yield start, comparison.loadings @ normals.T


def _large_differences(comparison: Comparison, draws, seed, floor: float) -> _Found:
    """Every standardised difference of two drawn errors above `floor`."""
    parts = []
    for start, errors in drawn_errors(comparison, draws, seed):
        for unit in range(len(errors) - 1):
            gaps = errors[unit + 1 :] - errors[unit]
            gaps *= comparison.scale[unit, unit + 1 :, None]
            place = np.flatnonzero(np.abs(gaps) > floor)
            other, draw = np.divmod(place, errors.shape[1])
            size = gaps.ravel()[place]
            pair = np.full(place.size, unit), other + unit + 1
            worse, better = np.where(size > 0, pair, pair[::-1])
            parts.append((draw + start, worse, better, np.abs(size)))
    draw, worse, better, size = (np.concatenate(column) for column in zip(*parts, strict=True))
    return _Found(draw, worse, better, size, floor)


# --- Confidence sets for ranks, and what follows from them, after Mogstad, Romano, Shaikh and Wilhelm (2024) ---


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


# --- Joint intervals for all ranks in closed form, after Klein, Wright and Wieczorek (2020) ---


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


# --- Confidence sets for the ranks of categories by share, from counts: exact, after Bazylik et al. (2024) ---


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
