"""Coverage by simulation of every interval that rank_sets offers. Run with -rP to see the figures.

The truth of a rank with ties is the whole run of ranks that the tie could take, so a set covers
only if it holds all of them: the hardest case is when all units are equal.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest

from nof.method.rank_sets import (
    joint_rank_intervals,
    multinomial_rank_sets,
    own_and_joint_sets,
    rank_confidence_sets,
)

TRUTHS = {
    "all equal": np.zeros(8),
    "two groups": np.array([0, 0, 0, 0, 3, 3, 3, 3.0]),
    "spread": np.array([0, 0.3, 0.6, 1, 1.5, 2.5, 4, 8]),
}
ERRORS = np.array([0.5, 1.5, 0.7, 1.0, 1.0, 0.4, 1.2, 0.8])
DRAWS, RUNS = 1_000, 600


def true_ranks(truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First and last rank of each unit (highest is best), ties in any order."""
    first = 1 + (truth[None, :] > truth[:, None]).sum(axis=1)
    return first, len(truth) - (truth[None, :] < truth[:, None]).sum(axis=1)


def bounds(sets: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    return sets["lower"].to_numpy(), sets["upper"].to_numpy()


def covers(found, truth: np.ndarray) -> np.ndarray:
    """Which units are covered by these bounds, or by those of many runs (runs x units)."""
    (lower, upper), (first, last) = found, true_ranks(truth)
    return (lower <= first) & (upper >= last)


def check(record_property, name: str, hits: list[float], level: float, runs: int) -> None:
    """Coverage at least the level, less three Monte Carlo standard errors."""
    found = float(np.mean(hits))
    tolerance = 3 * (level * (1 - level) / runs) ** 0.5
    record_property(name, found)
    print(f"coverage of {name}: {found:.4f} (level {level}, {runs} runs)")
    assert found >= level - tolerance


def normal_samples(truth: np.ndarray, runs: int):
    generator = np.random.default_rng(20)
    for run in range(runs):
        yield run, pd.Series(truth + ERRORS * generator.standard_normal(truth.size))


@cache
def simulated(name: str, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Bounds of the marginal and of the simultaneous sets of many samples, each 2 x runs x units."""
    pairs = (
        own_and_joint_sets(value, pd.Series(ERRORS), best="high", level=level, draws=DRAWS, seed=run)
        for run, value in normal_samples(TRUTHS[name], RUNS)
    )
    marginal, simultaneous = zip(*([bounds(sets) for sets in pair] for pair in pairs), strict=True)
    return np.swapaxes(marginal, 0, 1), np.swapaxes(simultaneous, 0, 1)


@pytest.mark.parametrize("name", TRUTHS)
@pytest.mark.parametrize("level", [0.95, 0.75])
def test_marginal_sets_cover_each_unit(name, level, record_property):
    marginal, _ = simulated(name, level)
    for unit, share in enumerate(covers(marginal, TRUTHS[name]).mean(axis=0)):
        check(record_property, f"marginal set, {name}, unit {unit}", [share], level, RUNS)


@pytest.mark.parametrize("name", TRUTHS)
@pytest.mark.parametrize("stepdown", [True, False])
@pytest.mark.parametrize("level", [0.95, 0.75])
def test_simultaneous_sets_cover_all_units(name, stepdown, level, record_property):
    truth, error, runs = TRUTHS[name], pd.Series(ERRORS), RUNS if stepdown else 400
    if stepdown:
        hits = covers(simulated(name, level)[1], truth).all(axis=1)
    else:
        options = {"best": "high", "level": level, "simultaneous": True, "stepdown": False, "draws": DRAWS}
        hits = [
            covers(bounds(rank_confidence_sets(value, error, seed=run, **options)), truth).all()
            for run, value in normal_samples(truth, runs)
        ]
    kind = "stepdown" if stepdown else "single step"
    check(record_property, f"simultaneous sets, {kind}, {name}", hits, level, runs)
    if name == "all equal":  # the single step is exact here: too high a coverage is wrong too
        assert np.mean(hits) <= level + 3 * (level * (1 - level) / runs) ** 0.5


@pytest.mark.parametrize("worst", [False, True])
def test_simultaneous_sets_hold_every_true_member_of_the_best_and_worst(worst, record_property):
    truth, k = TRUTHS["two groups"], 4
    first, last = true_ranks(truth)
    member = last > truth.size - k if worst else first <= k
    lower, upper = simulated("two groups", 0.95)[1]
    possible = upper > truth.size - k if worst else lower <= k
    hits = possible[:, member].all(axis=1)
    check(record_property, f"among the {'worst' if worst else 'best'} 4", hits, 0.95, RUNS)


def test_a_variance_estimated_on_few_degrees_of_freedom_is_allowed_for(record_property):
    truth, runs, freedom = np.zeros(8), 400, 10
    generator = np.random.default_rng(22)
    hits, plain = [], []
    for run, value in normal_samples(truth, runs):
        error = pd.Series(ERRORS * (generator.chisquare(freedom) / freedom) ** 0.5)
        for found, given in ((hits, freedom), (plain, np.inf)):
            pair = own_and_joint_sets(value, error, best="high", freedom=given, draws=DRAWS, seed=run)
            own, joint = (covers(bounds(sets), truth) for sets in pair)
            found.append((own.mean(), joint.all()))
    kinds = zip(("marginal", "simultaneous"), zip(*hits, strict=True), zip(*plain, strict=True), strict=True)
    for kind, allowed, ignored in kinds:
        check(record_property, f"variance on 10 degrees of freedom, {kind}", allowed, 0.95, runs)
        assert np.mean(ignored) < np.mean(allowed), "without them, sets are too narrow"


@pytest.mark.parametrize("decimals", [None, 1])
def test_joint_intervals_cover_all_units(decimals, record_property):
    runs, level = 500, 0.90
    margin = pd.Series(ERRORS * 1.6448536269514722)  # 90% margins, as in the census survey
    for name, truth in TRUTHS.items():
        hits = [
            covers(bounds(joint_rank_intervals(value, margin, best="high", decimals=decimals)), truth).all()
            for _, value in normal_samples(truth, runs)
        ]
        check(record_property, f"joint intervals, {name}, {decimals} decimals", hits, level, runs)


@pytest.mark.parametrize("simultaneous", [True, False])
def test_multinomial_sets_cover(simultaneous, record_property):
    runs, generator = 500, np.random.default_rng(21)
    for name, share in {
        "equal": np.full(5, 0.2),
        "uneven": np.array([0.3, 0.3, 0.2, 0.15, 0.05]),
    }.items():
        hits = []
        for _ in range(runs):
            counts = pd.Series(generator.multinomial(150, share))
            found = covers(bounds(multinomial_rank_sets(counts, simultaneous=simultaneous)), share)
            hits.append(found.all() if simultaneous else found)
        kind = "simultaneous" if simultaneous else "marginal, least covered unit"
        least = np.min(np.mean(hits, axis=0))
        check(record_property, f"multinomial, {kind}, {name}", [least], 0.95, runs)
