"""Critical values by simulation, taken again over what is not yet rejected until nothing new is: the stepdown.

Only differences above a floor that no critical value can fall below are kept, so memory stays small.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from nof.rank_sets.bounds import counted
from nof.rank_sets.comparison import Comparison

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
