"""Places by question: by hand, against statsmodels and scipy, covered by simulation, and never against the chances."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from test_rank_sets_coverage import bounds, covers

from nof.method.opening import open_publication
from nof.method.places import (
    Levels,
    drawn_levels,
    other_metrics,
    place_chances,
    places,
    segment_chances,
    these_metrics,
)
from nof.method.rank_sets import own_and_joint_sets, rank_confidence_sets

SETS = ["these_low", "these_high", "other_low", "other_high"]


def tidy(values: pd.DataFrame, quarter: str = "2025-26-q4", weights=None) -> pd.DataFrame:
    rows = values.rename_axis(index="trust_code", columns="metric_id").stack().rename("score").reset_index()
    weight = 1.0 if weights is None else rows["metric_id"].map(weights)
    return rows.assign(quarter=quarter, weight=weight)


def made(seed: int = 0, trusts: int = 14, metrics: int = 9, missing: float = 0.2, spread: float = 0.5):
    """A league table, its scores and four quarters of history, with metrics missing."""
    random = np.random.default_rng(seed)
    codes, ids = [f"T{one:02d}" for one in range(trusts)], [f"OF1{one:03d}" for one in range(metrics)]
    level = random.normal(2.5, spread, (trusts, 1)) + random.normal(0, 0.4, metrics)
    fixed = level + random.normal(0, 0.7, (trusts, metrics))
    held = random.random(fixed.shape) >= missing
    held[:, 0] = True
    quarters = [
        tidy(pd.DataFrame(fixed + random.normal(0, 0.3, fixed.shape), codes, ids).where(held), f"2025-26-q{number}")
        for number in (1, 2, 3, 4)
    ]
    average = quarters[-1].groupby("trust_code")["score"].mean().round(2)
    league = average.rename("average_score").reset_index().sort_values("average_score", ignore_index=True)
    return league, quarters[-1], pd.concat(quarters, ignore_index=True)


# --- by hand and by others ---


def test_two_way_levels_are_those_of_statsmodels():
    api = pytest.importorskip("statsmodels.formula.api")
    _, scores, _ = made(1)
    weights = dict.fromkeys(scores["metric_id"].unique(), 1.0) | {"OF1001": 1 / 3, "OF1002": 1 / 3}
    for chosen in (None, weights):
        given = scores if chosen is None else scores.assign(weight=scores["metric_id"].map(chosen))
        found = other_metrics(given)
        model = api.wls("score ~ 0 + trust_code + metric_id", given, weights=given["weight"]).fit()
        names = [f"trust_code[{code}]" for code in found.estimate.index]
        # Metric effects shift all trusts alike: compare about the mean.
        expected = model.params[names].to_numpy()
        np.testing.assert_allclose(found.estimate - found.estimate.mean(), expected - expected.mean(), atol=1e-9)
        assert found.freedom == model.df_resid
        if chosen is None:
            contrast = np.eye(len(names)) - 1 / len(names)
            theirs = contrast @ model.cov_params().loc[names, names].to_numpy() @ contrast
            np.testing.assert_allclose(contrast @ found.error.to_numpy() @ contrast, theirs, atol=1e-9)


def test_without_missing_scores_levels_are_the_averages_with_one_error():
    _, scores, history = made(2, missing=0)
    values = scores.pivot(index="trust_code", columns="metric_id", values="score")
    found, noise = other_metrics(scores), these_metrics(scores, history)
    for levels in (found, noise):
        np.testing.assert_allclose(levels.estimate, values.mean(axis=1))
    residual = values.sub(values.mean(axis=1), axis=0).sub(values.mean() - values.to_numpy().mean(), axis=1)
    pooled = (residual**2).to_numpy().sum() / (13 * 8)
    differences = np.subtract.outer(np.diag(found.error), -np.diag(found.error)) - 2 * found.error.to_numpy()
    np.testing.assert_allclose(differences[~np.eye(14, dtype=bool)], 2 * pooled / 9)
    assert found.freedom == 13 * 8
    assert noise.standard_error.nunique() <= 2 and noise.freedom == pytest.approx(13 * 3)


def test_noise_of_an_average_is_half_the_variance_of_its_change():
    """Two quarters, nothing missing: over the trusts, the pooled noise is that of the averages themselves."""
    _, scores, history = made(3, missing=0)
    history = history[history["quarter"] >= "2025-26-q3"]
    change = history.groupby(["trust_code", "quarter"])["score"].mean().unstack().diff(axis=1).iloc[:, 1]
    found = these_metrics(scores, history)
    np.testing.assert_allclose(found.standard_error, (change.var() / 2) ** 0.5)


def test_the_question_decides():
    """Trusts that differ on every metric alike are told apart by both; by profile alone only on these metrics."""
    random = np.random.default_rng(4)
    codes, ids = list("ABCDEFGH"), [f"OF1{one:03d}" for one in range(10)]
    alike = pd.DataFrame(np.linspace(1.2, 3.8, 8)[:, None] + np.zeros(10), codes, ids)
    profile = alike + random.permuted(np.linspace(-2.5, 2.5, 10)[None, :].repeat(8, axis=0), axis=1)
    for base, other in ((alike, True), (profile, False)):
        quarters = [tidy(base + random.normal(0, 0.05, base.shape), f"2025-26-q{one}") for one in (1, 2, 3)]
        league = base.mean(axis=1).round(2).rename("average_score").rename_axis("trust_code").reset_index()
        found = places(league, quarters[-1], pd.concat(quarters), draws=20_000)
        assert found["told_apart_these"].eq(7).all()
        assert found["told_apart_other"].eq(7).all() == other


# --- what must not matter ---


def test_rows_and_an_easier_metric_for_all_change_nothing():
    league, scores, history = made(5)
    found = places(league, scores, history, draws=20_000).set_index("trust_code")
    shuffled = places(
        league.sample(frac=1, random_state=1), scores.sample(frac=1, random_state=2), history, draws=20_000
    )
    pd.testing.assert_frame_equal(shuffled.set_index("trust_code").loc[found.index], found)
    easier = [frame.assign(score=frame["score"] - (frame["metric_id"] == "OF1003")) for frame in (scores, history)]
    again = places(league, *easier, draws=20_000).set_index("trust_code")
    # The least squares levels of trusts with and without that metric move alike.
    pd.testing.assert_frame_equal(again[["other_low", "other_high"]], found[["other_low", "other_high"]])


def test_joint_sets_hold_the_own_sets_and_counts_follow():
    for seed in range(4):
        found = places(*made(seed), draws=20_000)
        for question in ("these", "other"):
            low, high = found[f"{question}_low"], found[f"{question}_high"]
            assert (found[f"{question}_joint_low"] <= low).all() and (found[f"{question}_joint_high"] >= high).all()
            assert (found[f"told_apart_{question}"] == low - 1 + 14 - high).all()
            assert (found[f"told_apart_{question}_joint"] <= found[f"told_apart_{question}"]).all()
        assert found["place_by_average"].between(found["these_low"], found["these_high"]).all()


def test_more_scatter_widens():
    league, scores, history = made(6, missing=0)
    narrow = places(league, scores, history, draws=20_000)
    middle = history.groupby(["trust_code", "metric_id"])["score"].transform("mean")
    noisy = history.assign(score=middle + 2 * (history["score"] - middle))
    wide = places(league, scores, noisy, draws=20_000)
    assert (wide["these_high"] - wide["these_low"]).sum() > (narrow["these_high"] - narrow["these_low"]).sum()
    assert (wide[["other_low", "other_high"]] == narrow[["other_low", "other_high"]]).all(axis=None)


# --- what cannot be said ---


def test_one_quarter_leaves_the_first_question_open():
    league, scores, _ = made(7)
    found = places(league, scores, scores, draws=2_000)
    assert found[["these_low", "told_apart_these_joint"]].isna().all(axis=None)
    assert found["other_low"].notna().all()


def test_trusts_without_a_common_metric_leave_the_second_open():
    league, scores, history = made(8, missing=0)
    first = league["trust_code"] <= "T06"
    apart = [frame[(frame["trust_code"] <= "T06") == (frame["metric_id"] <= "OF1004")] for frame in (scores, history)]
    assert first.any() and not first.all()
    found = places(league, *apart, draws=2_000)
    assert found["other_low"].isna().all() and found["these_low"].notna().all()
    assert found["average_on_all_metrics"].isna().all()


def test_a_table_of_one_trust():
    league, scores, history = made(9)
    one = [frame[frame["trust_code"] == "T03"] for frame in (league, scores, history)]
    found = places(*one, draws=2_000)
    assert found["place_by_average"].tolist() == [1] and found["others"].tolist() == [0]


# --- chances and sets ---


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("spread", [0.0, 0.5, 1.5])
def test_places_outside_a_set_have_next_to_no_chance(seed, spread):
    _, scores, history = made(seed, spread=spread)
    for levels in (these_metrics(scores, history), other_metrics(scores)):
        chances = place_chances(levels)
        np.testing.assert_allclose(chances.sum(axis=1), 1)
        number = np.array(chances.columns)
        for level in (0.95, 0.80):
            sets = rank_confidence_sets(
                levels.estimate, levels.error, level=level, freedom=levels.freedom, draws=20_000
            )
            outside = (number < sets["lower"].to_numpy()[:, None]) | (number > sets["upper"].to_numpy()[:, None])
            assert (chances.to_numpy() * outside).sum(axis=1).max() <= 1 - level


@pytest.mark.parametrize("seed", range(4))
def test_a_likely_segment_is_reached_within_the_set(seed):
    """Of the draws that put a trust into a segment with some chance, most lie at places inside its set."""
    league, scores, history = made(seed, spread=1.0)
    edges, flag = np.array([2.0, 2.5, 3.0]), pd.Series(False, league["trust_code"])
    for levels in (these_metrics(scores, history), other_metrics(scores)):
        sets = rank_confidence_sets(levels.estimate, levels.error, freedom=levels.freedom, draws=20_000)
        found = segment_chances(levels, levels.estimate, edges, flag, 3)
        np.testing.assert_allclose(found.sum(axis=1), 1)
        drawn = drawn_levels(levels, 10_000)
        ranks = drawn.argsort(axis=1).argsort(axis=1) + 1
        inside = (ranks >= sets["lower"].to_numpy()) & (ranks <= sets["upper"].to_numpy())
        segments = 1 + (drawn[:, :, None] > edges).sum(axis=2)
        for segment in (1, 2, 3, 4):
            both = ((segments == segment) & inside).mean(axis=0)
            assert (both >= found[f"chance_{segment}"] - 0.05 - 0.02).all()


def test_chance_of_a_segment_by_formula_and_the_override():
    levels = Levels(pd.Series([2.0, 2.4], list("ab")), pd.Series([0.2, 0.2], list("ab")), np.inf)
    edges = np.array([2.105, 2.505, 3.005])
    found = segment_chances(levels, levels.estimate, edges, pd.Series([False, True], list("ab")), 3, draws=200_000)
    assert found.loc["a", "chance_1"] == pytest.approx(stats.norm.cdf(0.105 / 0.2), abs=0.005)
    assert (found.loc["b", ["chance_1", "chance_2"]] == 0).all()
    assert found.loc["b", "chance_3"] == pytest.approx(stats.norm.cdf(0.605 / 0.2), abs=0.005)


def test_the_last_digit_of_a_covariance_changes_no_set_and_no_chance():
    """It differs with the processor and the number of threads, and turns eigenvectors whose eigenvalues are alike."""
    generator = np.random.default_rng(1)
    n = 30  # as least squares have it where no trust lacks a metric
    levels = Levels(pd.Series(generator.normal(2.4, 0.3, n)), pd.DataFrame(np.eye(n) * 0.02 + 0.001), 60.0)
    noise = generator.uniform(-4e-16, 4e-16, (n, n))
    other = levels._replace(error=levels.error * (1 + noise + noise.T))
    plain, again = (np.linalg.eigh(one.error.to_numpy())[1] for one in (levels, other))
    assert np.abs(np.abs(plain) - np.abs(again)).max() > 0.1, "no eigenvector turns: the test proves nothing"
    np.testing.assert_allclose(drawn_levels(levels, 500), drawn_levels(other, 500), atol=1e-6)
    first, second = (own_and_joint_sets(one.estimate, one.error, freedom=60.0, draws=20_000) for one in (levels, other))
    for one, two in zip(first, second, strict=True):
        pd.testing.assert_frame_equal(one, two)


# --- coverage: the whole table stands in docs/explanation/uncertainty.md, made by bench/coverage.py ---


RUNS = 120


def levels_of(question: str, truth: np.ndarray, runs: int) -> list[Levels]:
    """What the model says of drawn scores; the same draws whatever the truth."""
    from bench import coverage

    random = np.random.default_rng(1)
    held = pd.DataFrame(random.random((14, 9)) > 0.2, [f"T{one:02d}" for one in range(14)], range(9))
    held[0] = True
    random, found = np.random.default_rng(0), []
    for _ in range(runs):
        if question == "other":
            found.append(other_metrics(coverage.other_scores(truth, held, np.ones(14), random)))
        else:
            history = coverage.these_scores(truth, held, np.ones(14), random)
            found.append(these_metrics(history[history["quarter"] == "2025-26-q4"], history))
    return found


@cache
def errors_of(question: str) -> list[Levels]:
    return levels_of(question, np.zeros(14), RUNS)


@pytest.mark.parametrize("question", ["these", "other"])
@pytest.mark.parametrize("case", ["all equal", "spread out", "clustered"])
def test_sets_cover(question, case, record_property):
    from bench import coverage

    truth, own, joint = coverage.truths(14)[case], [], []
    moved = [errors._replace(estimate=errors.estimate + truth) for errors in errors_of(question)]
    # Levels move with the truth and nothing else does: one drawing of scores serves every case.
    for ours, drawn in zip(moved, levels_of(question, truth, 3), strict=False):
        for one, other in zip(ours, drawn, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-9)
    for run, levels in enumerate(moved):
        sets = own_and_joint_sets(levels.estimate, levels.error, freedom=levels.freedom, draws=4_000, seed=run)
        marginal, simultaneous = (covers(bounds(one), -truth) for one in sets)
        own.append(marginal.mean())
        joint.append(simultaneous.all())
    record_property("coverage", {"marginal": float(np.mean(own)), "joint": float(np.mean(joint))})
    print(question, case, np.mean(own), np.mean(joint))
    assert np.mean(own) >= 0.95 - 0.02
    assert np.mean(joint) >= 0.95 - 3 * (0.05 * 0.95 / RUNS) ** 0.5


def test_the_price_of_pooling_is_as_the_docstring_says():
    """All equal and spreads not: too little coverage, and least for the widest. A change of this is a change of words."""
    from bench import coverage

    held = pd.DataFrame(True, [f"T{one:02d}" for one in range(20)], range(9))
    spread = np.linspace(*coverage.SPREADS, 20)
    found = coverage.coverage("other", np.zeros(20), held, spread, runs=80)
    assert 0.80 < found["marginal"] < 0.945 and found["widest"] < found["marginal"]


# --- the real file ---


def test_the_real_type_is_answered_both_ways(real):
    national = open_publication(real)
    scores = national.scores[national.scores["weight"] > 0]
    last = national.publication.latest
    league = national.standings[national.standings["quarter"] == last]
    found = places(league, scores[scores["quarter"] == last], scores).set_index("trust_code")
    assert found[SETS].notna().all(axis=None) and len(found) == 61
    for question in ("these", "other"):
        assert found["place_by_average"].between(found[f"{question}_low"], found[f"{question}_high"]).all()
    # RYY is first by average and cannot be last in another quarter; RY2 is last and cannot be first.
    assert found.loc["RYY", "these_high"] < 61 and found.loc["RY2", "these_low"] > 1
    assert (found["told_apart_other"] <= found["told_apart_these"]).mean() > 0.9
