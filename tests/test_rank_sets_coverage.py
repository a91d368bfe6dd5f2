"""Coverage by simulation of every interval that rank_sets offers. Run with -rP to see the figures.

The truth of a rank with ties is the whole run of ranks that the tie could take, so a set covers
only if it holds all of them: the hardest case is when all units are equal.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from nof.method.rank_sets import joint_rank_intervals, multinomial_rank_sets, rank_confidence_sets

TRUTHS = {
    "all equal": np.zeros(8),
    "two groups": np.array([0, 0, 0, 0, 3, 3, 3, 3.0]),
    "spread": np.array([0, 0.3, 0.6, 1, 1.5, 2.5, 4, 8]),
}
ERRORS = np.array([0.5, 1.5, 0.7, 1.0, 1.0, 0.4, 1.2, 0.8])
DRAWS = 1_000


def true_ranks(truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First and last rank of each unit (highest is best), ties in any order."""
    first = 1 + (truth[None, :] > truth[:, None]).sum(axis=1)
    return first, len(truth) - (truth[None, :] < truth[:, None]).sum(axis=1)


def covers(sets: pd.DataFrame, truth: np.ndarray) -> np.ndarray:
    first, last = true_ranks(truth)
    return ((sets["lower"] <= first) & (sets["upper"] >= last)).to_numpy()


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


@pytest.mark.parametrize("name", TRUTHS)
@pytest.mark.parametrize("level", [0.95, 0.75])
def test_marginal_sets_cover_each_unit(name, level, record_property):
    truth, error, runs = TRUTHS[name], pd.Series(ERRORS), 600
    hits = [
        covers(
            rank_confidence_sets(value, error, best="high", level=level, draws=DRAWS, seed=run),
            truth,
        )
        for run, value in normal_samples(truth, runs)
    ]
    for unit, share in enumerate(np.mean(hits, axis=0)):
        check(record_property, f"marginal set, {name}, unit {unit}", [share], level, runs)


@pytest.mark.parametrize("name", TRUTHS)
@pytest.mark.parametrize("stepdown", [True, False])
@pytest.mark.parametrize("level", [0.95, 0.75])
def test_simultaneous_sets_cover_all_units(name, stepdown, level, record_property):
    truth, error, runs = TRUTHS[name], pd.Series(ERRORS), 400
    options = {"best": "high", "level": level, "simultaneous": True, "stepdown": stepdown}
    hits = [
        covers(rank_confidence_sets(value, error, draws=DRAWS, seed=run, **options), truth).all()
        for run, value in normal_samples(truth, runs)
    ]
    kind = "stepdown" if stepdown else "single step"
    check(record_property, f"simultaneous sets, {kind}, {name}", hits, level, runs)
    if name == "all equal":  # the single step is exact here: too high a coverage is wrong too
        assert np.mean(hits) <= level + 3 * (level * (1 - level) / runs) ** 0.5


@pytest.mark.parametrize("worst", [False, True])
def test_simultaneous_sets_hold_every_true_member_of_the_best_and_worst(worst, record_property):
    truth, error, runs, k = TRUTHS["two groups"], pd.Series(ERRORS), 250, 4
    first, last = true_ranks(truth)
    member = last > truth.size - k if worst else first <= k
    hits = []
    for run, value in normal_samples(truth, runs):
        sets = rank_confidence_sets(value, error, best="high", simultaneous=True, draws=DRAWS, seed=run)
        possible = sets["upper"] > truth.size - k if worst else sets["lower"] <= k
        hits.append(possible[member].all())
    check(record_property, f"among the {'worst' if worst else 'best'} 4", hits, 0.95, runs)


@pytest.mark.parametrize("simultaneous", [True, False])
def test_a_variance_estimated_on_few_degrees_of_freedom_is_allowed_for(simultaneous, record_property):
    truth, runs, freedom = np.zeros(8), 400, 10
    generator = np.random.default_rng(22)
    hits, plain = [], []
    for run, value in normal_samples(truth, runs):
        error = pd.Series(ERRORS * (generator.chisquare(freedom) / freedom) ** 0.5)
        options = {"best": "high", "simultaneous": simultaneous, "draws": DRAWS, "seed": run}
        for found, given in ((hits, freedom), (plain, np.inf)):
            held = covers(rank_confidence_sets(value, error, freedom=given, **options), truth)
            found.append(held.all() if simultaneous else held.mean())
    check(record_property, f"variance on 10 degrees of freedom, simultaneous {simultaneous}", hits, 0.95, runs)
    assert np.mean(plain) < np.mean(hits), "without them, sets are too narrow"


@pytest.mark.parametrize("decimals", [None, 1])
def test_joint_intervals_cover_all_units(decimals, record_property):
    runs, level = 500, 0.90
    margin = pd.Series(ERRORS * 1.6448536269514722)  # 90% margins, as in the census survey
    for name, truth in TRUTHS.items():
        hits = [
            covers(joint_rank_intervals(value, margin, best="high", decimals=decimals), truth).all()
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
            found = covers(multinomial_rank_sets(counts, simultaneous=simultaneous), share)
            hits.append(found.all() if simultaneous else found)
        kind = "simultaneous" if simultaneous else "marginal, least covered unit"
        least = np.min(np.mean(hits, axis=0))
        check(record_property, f"multinomial, {kind}, {name}", [least], 0.95, runs)
