"""Which ranks the data allow: confidence sets for ranks by simulation, joint intervals and counts in closed form.

A rank is 1 + the number of units strictly better, so tied units share the best rank of the tie. Every set here rests on
one idea: where a test rejects "k is no better than j", k is told apart from j as better; the rank of j is then at least
1 + the units told apart as better and at most n - the units told apart as worse. What differs is the test.

Sources
-------
Mogstad, Romano, Shaikh and Wilhelm, "Inference for Ranks with Applications to Mobility across Neighbourhoods and
Academic Achievement across Countries", Review of Economic Studies 91 (2024); its stepdown is that of Romano and Wolf,
"Exact and Approximate Stepdown Methods for Multiple Hypothesis Testing", JASA 100 (2005).
Bazylik, Mogstad, Romano, Shaikh and Wilhelm, "Finite- and Large-Sample Inference for Ranks using Multinomial Data",
arXiv:2402.00192 (2024).
Klein, Wright and Wieczorek, "A Joint Confidence Region for an Overall Ranking of Populations", JRSS C 69 (2020).
Written from the papers; the code of csranks (GPL) was not read.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy

DRAWS = 100_000
LOWEST_LEVEL = 0.6  # below it nearly every drawn difference would have to be kept, and nobody asks
# How many Monte Carlo standard errors of the level count as "another seed could move it": two seeds differ by sqrt(2)
# standard errors, and 2.576 is the two-sided 99% point.
SEED_ERRORS = 2**0.5 * 2.576
# A standard error of a difference below this share of the largest is rounding, hence zero.
ROUNDING = 1e-7
PILOT_DRAWS = 2_000
PART = 10_000  # draws made together
BLOCK = 1_500  # draws looked at together
GROUPS = 6  # of units with like errors, to pass over draws that cannot matter


def rank_confidence_sets(
    estimate: pd.Series,
    error: pd.Series | pd.DataFrame,
    *,
    best: str = "low",
    level: float = 0.95,
    simultaneous: bool = False,
    stepdown: bool = True,
    freedom: float = np.inf,
    draws: int = DRAWS,
    seed: int = 0,
) -> pd.DataFrame:
    r"""Confidence sets for ranks after Mogstad, Romano, Shaikh and Wilhelm (2024).

    With :math:`t_{jk} = (x_k - x_j) / s_{jk}`, where a larger x is better, "k is no better than j" is rejected if
    :math:`t_{jk} > c`; c is the `level` quantile of the largest :math:`(e_l - e_i) / s_{il}` over the family of
    comparisons, e being normal with the covariance of the estimates. The family is j's own 2(n - 1) one-sided
    comparisons (marginal: each unit's set covers its own rank with probability `level`) or all n(n - 1) (simultaneous:
    all sets at once). The stepdown takes c again over what is not yet rejected, until nothing new is.

    Parameters
    ----------
    estimate : Series of n, any unit, labels unique
    error : Series or DataFrame on the same labels
        Standard errors, above 0, of independent estimates; or their covariance, n x n, of any kind.
    best : {"low", "high"}
        "low": 1.00 is best, as in NHS England's scores.
    level : float
        From 0.6 to below 1.
    simultaneous : bool
        One statement about all units instead of one for each.
    stepdown : bool
        False gives the wider single-step sets.
    freedom : float
        Degrees of freedom of one variance that scales `error` and was itself estimated (a pooled residual variance):
        the drawn errors then share one chi-square, so differences are multivariate t.
    draws, seed : int
        Monte Carlo draws of all n errors.

    Returns
    -------
    DataFrame on the index of `estimate`
        rank, lower, upper (whole numbers, 1 is best) and unstable: True where a bound changes if c is taken at the ends
        of the interval in which another seed's would lie, `level` +/- 3.64 sqrt(level (1 - level) / draws) (99%, two
        runs of `draws`); such a bound may differ in another run.

    Raises
    ------
    ValueError
        Fewer than two units, labels that repeat or do not match, values missing or not finite, errors not above 0, a
        matrix that is no covariance, a level, `best`, `freedom` or `draws` outside its range.

    Notes
    -----
    A difference without error (a covariance allows it) is known: told apart if the estimates differ. The same seed
    draws the same normals for every call of the same size. Memory is 4 bytes x n x draws and a part of that
    again (about 110 MB at 205 units); the n^2 x draws differences are never held. The order of the rows is idle, and best="low" on
    -x equals best="high" on x exactly.
    """
    return _sets(estimate, error, best, level, (simultaneous,), stepdown, freedom, draws, seed)[0]


def own_and_joint_sets(
    estimate: pd.Series,
    error: pd.Series | pd.DataFrame,
    *,
    best: str = "low",
    level: float = 0.95,
    freedom: float = np.inf,
    draws: int = DRAWS,
    seed: int = 0,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Both kinds of `rank_confidence_sets`, marginal and simultaneous, from one drawing: as two calls give them."""
    own, joint = _sets(estimate, error, best, level, (False, True), True, freedom, draws, seed)
    return own, joint


def _sets(estimate, error, best, level, kinds: tuple[bool, ...], stepdown, freedom, draws, seed) -> list[pd.DataFrame]:
    """The sets of each kind (simultaneous or not)."""
    value = _oriented(_values(estimate, "estimate"), best)
    if not LOWEST_LEVEL <= level < 1:
        raise ValueError(f"level must be between {LOWEST_LEVEL} and 1, not {level}")
    if draws < 1:
        raise ValueError("draws must be at least 1")
    if not freedom > 0:
        raise ValueError("freedom must be above 0")
    order = np.lexsort((np.array([str(label) for label in estimate.index]), value))
    comparison = _compare(value[order], _covariance(error, estimate.index[order]))
    errors = _drawn(comparison.loadings, freedom, draws, seed)
    frames = []
    for found in _bounds(comparison, errors, level, kinds, stepdown):
        bounds = np.empty_like(found)
        bounds[:, :, order] = found
        unstable = (bounds[1] != bounds[2]).any(axis=0)
        frames.append(_frame(estimate.index, value, lower=bounds[0, 0], upper=bounds[0, 1], unstable=unstable))
    return frames


class _Comparison(NamedTuple):
    """Every pair of units, in canonical order so that the order of the input is idle."""

    evidence: np.ndarray  # (n, n): by how many standard errors k (column) beats j (row)
    scale: np.ndarray  # (n, n): 1 / standard deviation of each difference, 0 where that is 0
    loadings: np.ndarray  # (n, n): times n standard normals gives the errors


def _compare(value: np.ndarray, covariance: np.ndarray) -> _Comparison:
    """Evidence of every pair, and how to draw it where nothing differs."""
    variance = np.diag(covariance)
    spread = np.sqrt((variance[:, None] + variance[None, :] - 2 * covariance).clip(min=0))
    spread = np.where(spread > ROUNDING * spread.max(), spread, 0.0)
    difference = value[None, :] - value[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        evidence = np.where(difference == 0, 0.0, difference / spread)
    if np.count_nonzero(covariance) == np.count_nonzero(variance):
        loadings = np.diag(np.sqrt(variance))
    else:
        loadings = symmetric_root(covariance)
    return _Comparison(evidence, np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 0), loadings)


def symmetric_root(covariance: np.ndarray) -> np.ndarray:
    """What, times itself, gives a covariance (n x n), which may be singular, as those of least squares are.

    There is one alone. Eigenvectors of like eigenvalues, or a Cholesky factor of a singular matrix, turn with the last
    digit, which differs with the processor and the number of threads: the same normals would become other errors.

    Raises
    ------
    ValueError
        The matrix has a negative eigenvalue.
    """
    roots, vectors = np.linalg.eigh(covariance)
    if roots[0] < -ROUNDING * np.abs(covariance).max():
        raise ValueError("error has a negative eigenvalue, so it is no covariance")
    return (vectors * np.sqrt(roots.clip(min=0))) @ vectors.T


def _drawn(loadings: np.ndarray, freedom: float, draws: int, seed: int) -> np.ndarray:
    """Errors of all units, draws x units in single precision: its rounding is far below what another seed does."""
    generator = np.random.default_rng(seed)
    mixed = loadings.T.astype(np.float32)
    errors = np.empty((draws, mixed.shape[1]), dtype=np.float32)
    for start in range(0, draws, PART):
        part = errors[start : start + PART]
        np.matmul(generator.standard_normal((len(part), len(mixed)), dtype=np.float32), mixed, out=part)
    if np.isfinite(freedom):
        errors /= np.sqrt(generator.chisquare(freedom, draws) / freedom).astype(np.float32)[:, None]
    return errors


def _bounds(comparison: _Comparison, errors: np.ndarray, level: float, kinds: tuple[bool, ...], stepdown: bool):
    """For each kind lower and upper bounds at the level and at both ends of its Monte Carlo interval: shape (3, 2, n)."""
    evidence, draws, n = comparison.evidence, len(errors), errors.shape[1]
    slack = SEED_ERRORS * (level * (1 - level) / draws) ** 0.5
    # How many draws may lie above the critical value; below 0 where there are too few draws for such a level.
    above = [draws - int(np.ceil(at * draws - 1e-9)) for at in (level, level - slack, level + slack)]
    floors = _floors(comparison, errors, level - slack)
    rows = _Rows(errors, comparison.scale)
    found = {simultaneous: np.empty((3, 2, n), dtype=int) for simultaneous in kinds}
    joint = []
    for unit in range(n):
        # The joint floor is no lower than any unit's own, so what lies above it is a part of what is kept for the unit.
        draw, code, size = rows.above(unit, min(floors[one][unit] for one in kinds), both_ways=False in kinds)
        if False in kinds:
            family = _Family(draw, code, size, floors[False][unit])
            own = np.concatenate([evidence[unit], -evidence[unit]])
            for place, many in enumerate(above):
                better, worse = _rejected(family, own, many, stepdown).reshape(2, n).sum(axis=1)
                found[False][place, :, unit] = 1 + better, n - worse
        if True in kinds:
            kept = (size > floors[True][unit]) & (code < n)
            joint.append((draw[kept], unit * n + code[kept], size[kept]))
    if True in kinds:
        draw, code, size = (np.concatenate(part) for part in zip(*joint, strict=True))
        order = np.argsort(draw, kind="stable")
        family = _Family(draw[order], code[order], size[order], floors[True][0])
        for place, many in enumerate(above):
            told = _rejected(family, evidence.ravel(), many, stepdown).reshape(n, n)
            found[True][place] = 1 + told.sum(axis=1), n - told.sum(axis=0)
    return [found[simultaneous] for simultaneous in kinds]


def _floors(comparison: _Comparison, errors: np.ndarray, level: float) -> dict[bool, np.ndarray]:
    """For each unit a value below every critical value that the stepdown can reach, for its own set and the joint ones.

    Only what exceeds it is kept. Of "k beats j" and "j beats k" at most one is ever rejected, so what stays open holds,
    up to mirroring, half of each family: its largest difference exceeds any c at least half as often as the whole
    family's. The quantile at 1 - 2 (1 - level) of the whole is thus a floor; a pilot estimates it, less four of its
    standard errors.
    """
    pilot = np.ascontiguousarray(errors[:PILOT_DRAWS].T)
    n, draws = pilot.shape
    wanted = 2 * level - 1
    wanted -= 4 * (max(wanted * (1 - wanted), 1 / draws) / draws) ** 0.5
    if wanted <= 0:
        return {False: np.zeros(n), True: np.zeros(n)}
    scale = comparison.scale.astype(np.float32)
    largest = np.array([np.abs((pilot - pilot[unit]) * scale[unit][:, None]).max(axis=0) for unit in range(n)])
    return {
        False: np.quantile(largest, wanted, axis=1),
        True: np.full(n, np.quantile(largest.max(axis=0), wanted)),
    }


class _Rows:
    """The drawn differences of one unit to all others that exceed a floor, without making all the others.

    Units with like errors form a group. In one draw no member of a group can be further from a unit than the group's
    furthest member, over the smallest standard error of a difference to that group; most draws need no closer look.
    """

    def __init__(self, errors: np.ndarray, scale: np.ndarray) -> None:
        self.errors, self.scale = errors, scale.astype(np.float32)
        # The median difference of a unit tells its own error; equal errors fall into one group by themselves.
        groups = np.array_split(np.argsort(np.median(scale, axis=1), kind="stable"), min(GROUPS, len(scale)))
        self.highest = np.stack([errors[:, group].max(axis=1) for group in groups])
        self.lowest = np.stack([errors[:, group].min(axis=1) for group in groups])
        self.largest_scale = np.stack([self.scale[:, group].max(axis=1) for group in groups], axis=1)

    def above(self, unit: int, floor: float, both_ways: bool = True):
        """draw, code and size of each difference above `floor`.

        The code is the other unit where it comes out better, and n + the other unit where worse (`both_ways` only).
        """
        own = self.errors[:, unit].copy()
        scale = self.largest_scale[unit][:, None]
        near = ((self.highest - own) * scale > floor).any(axis=0)
        if both_ways:
            near |= ((own - self.lowest) * scale > floor).any(axis=0)
        near = np.flatnonzero(near)
        parts = [self._close(unit, near[start : start + BLOCK], floor) for start in range(0, len(near), BLOCK)]
        draw, other, gap = (np.concatenate(part) for part in zip(*parts, strict=True)) if parts else (near,) * 3
        if not both_ways:
            better = gap > 0
            return draw[better], other[better], gap[better]
        return draw, np.where(gap > 0, other, other + len(self.scale)), np.abs(gap)

    def _close(self, unit: int, draws: np.ndarray, floor: float):
        """Draw, other unit and difference wherever it exceeds `floor` either way, in a part that fits the cache."""
        gaps = self.errors[draws]
        gaps -= gaps[:, [unit]]
        gaps *= self.scale[unit]
        place = np.flatnonzero(np.abs(gaps) > floor)
        draw, other = np.divmod(place, gaps.shape[1])
        return draws[draw], other, gaps.ravel()[place]


class _Family:
    """The drawn differences of a family of comparisons above a floor.

    Parameters
    ----------
    draw, code, size : arrays
        Which draw (ascending), which comparison (its place in the evidence), and how large.
    floor : float
        What stands for a critical value that lies below all of them.
    """

    def __init__(self, draw: np.ndarray, code: np.ndarray, size: np.ndarray, floor: float) -> None:
        self.first, self.code, self.size = np.flatnonzero(np.diff(draw, prepend=-1)), code, size
        self.floor = floor
        self.known: dict[bytes, np.ndarray] = {}  # the three levels ask for the same, but where an edge is near

    def critical(self, told: np.ndarray, many: int) -> float:
        """The value that so many draws exceed by a comparison that is not yet told."""
        key = told.tobytes()
        if key not in self.known:
            largest = np.maximum.reduceat(np.where(told[self.code], 0, self.size), self.first)
            self.known[key] = np.sort(largest[largest > 0])[::-1]
        largest = self.known[key]
        return largest[many] if many < len(largest) else self.floor


def _rejected(family: _Family, evidence: np.ndarray, many: int, stepdown: bool) -> np.ndarray:
    """Which comparisons of a family are rejected, where so many draws may lie above the critical value."""
    if many < 0:  # too few draws for this level: only a difference known for sure counts
        return evidence == np.inf
    told = np.zeros(len(evidence), dtype=bool)
    while True:
        more = told | (evidence > family.critical(told, many))
        if not stepdown or (more == told).all():
            return more
        told = more


# --- in closed form ---


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

    Each estimate's interval is widened to :math:`x \pm m z'/z`, z being the normal point of `margin_level` and z' that
    of :math:`level^{1/n}` (both two-sided), so that all n intervals hold at once with probability `level` if the errors
    are normal and independent (at least that if not independent, by Sidak's inequality). Two units are told apart where
    their intervals do not overlap; intervals that only touch do not overlap.

    Parameters
    ----------
    estimate, margin_of_error : Series of n on the same labels, same unit; margins above 0
    level : joint level of all n rank intervals
    best : {"low", "high"}
    decimals : int, optional
        Round the limits to so many decimals before comparing, as the paper does with published figures.
    margin_level : level of each margin as published (0.90 in the American Community Survey)

    Returns
    -------
    DataFrame on the index of `estimate`
        rank, lower, upper.

    Raises
    ------
    ValueError
        As `rank_confidence_sets`.
    """
    value = _oriented(_values(estimate, "estimate"), best)
    margin = _errors(margin_of_error, estimate.index, "margin_of_error")
    joint, single = (1 + _level(level) ** (1 / value.size)) / 2, (1 + _level(margin_level, "margin_level")) / 2
    half = margin * scipy.special.ndtri(joint) / scipy.special.ndtri(single)
    low, high = value - half, value + half
    if decimals is not None:
        low, high = low.round(decimals), high.round(decimals)
    # The second condition matters only where rounding has made an interval a point.
    above = (low[None, :] >= high[:, None]) & (value[None, :] > value[:, None])
    return _frame(estimate.index, value, lower=1 + above.sum(axis=1), upper=value.size - above.sum(axis=0))


def multinomial_rank_sets(
    counts: pd.Series, *, level: float = 0.95, simultaneous: bool = True, best: str = "high"
) -> pd.DataFrame:
    """Confidence sets for the ranks of categories by share, exact in finite samples, after Bazylik et al. (2024).

    Given the m = a + b cases in two categories j and k, a is binomial (m, 1/2) if their shares are equal, so "k's share
    is no larger than j's" has p = P(B >= b), which is P(B <= a). Holm's procedure over j's 2(n - 1) comparisons
    (marginal) or all n(n - 1) (simultaneous).

    Parameters
    ----------
    counts : Series of n whole numbers, 0 or more, of one multinomial sample
    level, simultaneous : as in `rank_confidence_sets`
    best : {"low", "high"}
        "high": largest share first.

    Returns
    -------
    DataFrame on the index of `counts`
        rank, lower, upper.

    Raises
    ------
    ValueError
        Fewer than two categories, counts that are not whole numbers from 0, a level outside (0, 1), an unknown `best`.
    """
    count = _values(counts, "counts")
    if (count < 0).any() or (count % 1 != 0).any():
        raise ValueError("counts must be whole numbers, 0 or more")
    value = _oriented(count, best)
    tails = scipy.stats.binom.cdf(count[:, None], count[:, None] + count[None, :], 0.5)
    above, below = _holm(tails if best == "high" else tails.T, 1 - _level(level), simultaneous)
    return _frame(counts.index, value, lower=1 + above.sum(axis=1), upper=value.size - below.sum(axis=1))


def _holm(tails: np.ndarray, alpha: float, simultaneous: bool) -> tuple[np.ndarray, np.ndarray]:
    """Holm's procedure over all pairs, or over each unit's row and column: told apart as better, as worse."""
    n = len(tails)
    off = ~np.eye(n, dtype=bool)
    rows = tails[off].reshape(n, n - 1), tails.T[off].reshape(n, n - 1)
    ordered = np.sort(tails[off][None, :] if simultaneous else np.hstack(rows), axis=1)
    passed = (ordered <= alpha / np.arange(ordered.shape[1], 0, -1)).cumprod(axis=1).sum(axis=1)
    bar = np.hstack([np.full((len(ordered), 1), -1.0), ordered])[np.arange(len(ordered)), passed]
    return (tails <= bar[:, None]) & off, (tails.T <= bar[:, None]) & off


# --- what is refused ---


def _frame(index: pd.Index, value: np.ndarray, **columns) -> pd.DataFrame:
    rank = 1 + (value[None, :] > value[:, None]).sum(axis=1)
    return pd.DataFrame({"rank": rank, **columns}, index=index)


def _oriented(value: np.ndarray, best: str) -> np.ndarray:
    if best not in ("low", "high"):
        raise ValueError(f'best must be "low" or "high", not {best!r}')
    return value if best == "high" else -value


def _level(level: float, name: str = "level") -> float:
    if not 0 < level < 1:
        raise ValueError(f"{name} must be between 0 and 1, not {level}")
    return level


def _values(values: pd.Series, name: str) -> np.ndarray:
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


def _errors(errors: pd.Series, labels: pd.Index, name: str) -> np.ndarray:
    array, places = _values(errors, name), errors.index.get_indexer(labels)
    if len(errors) != len(labels) or (places < 0).any():
        raise ValueError(f"{name} and estimate do not have the same labels")
    array = array[places]
    if (array <= 0).any():
        raise ValueError(f"{name} must be above 0 everywhere")
    return array


def _covariance(error: pd.Series | pd.DataFrame, labels: pd.Index) -> np.ndarray:
    """The covariance in the order of `labels`, from standard errors or as given."""
    if not isinstance(error, pd.DataFrame):
        return np.diag(_errors(error, labels, "error") ** 2)
    for axis in error.axes:
        if len(axis) != len(labels) or not axis.is_unique or not axis.isin(labels).all():
            raise ValueError("error and estimate do not have the same labels")
    array = _finite(error.loc[labels, labels].to_numpy(dtype=float), "error")
    if not np.allclose(array, array.T, rtol=1e-6, atol=1e-9 * np.abs(array).max()):
        raise ValueError("error is not symmetric, so it is no covariance")
    if (np.diag(array) < 0).any():
        raise ValueError("error has a negative variance, so it is no covariance")
    return (array + array.T) / 2
