"""Rank sets against numbers that were not made here, and against independent computations."""

from __future__ import annotations

import warnings
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, optimize, stats

from nof.method import rank_sets
from nof.method.rank_sets import (
    compare,
    joint_rank_intervals,
    multinomial_rank_sets,
    possible_best,
    possible_worst,
    rank_confidence_sets,
    told_apart,
)

BOUNDS = ["lower", "upper"]


def assert_same_sets(found: pd.DataFrame, lower, upper, most_flagged: int) -> None:
    """Equal on stable rows; within one place on flagged rows; few rows flagged."""
    gap = pd.DataFrame({"lower": found["lower"] - lower, "upper": found["upper"] - upper}).abs()
    assert (gap[~found["unstable"]] == 0).all(axis=None), found[gap.max(axis=1) > 0]
    assert (gap[found["unstable"]] <= 1).all(axis=None), found[gap.max(axis=1) > 0]
    assert found["unstable"].sum() <= most_flagged


def sample(n: int, spread: float, seed: int) -> tuple[pd.Series, pd.Series]:
    generator = np.random.default_rng(seed)
    labels = [f"unit {number:03d}" for number in range(n)]
    error = pd.Series(generator.uniform(0.5, 1.5, n), index=labels)
    return pd.Series(generator.normal(0, spread, n), index=labels), error


@pytest.fixture(scope="module")
def pisa(reference) -> pd.DataFrame:
    return pd.read_csv(reference / "csranks-pisa2018-maths.csv", index_col="j")


@pytest.fixture(scope="module")
def travel(reference) -> pd.DataFrame:
    return pd.read_csv(reference / "klein-wright-wieczorek-travel-time.csv", index_col="State")


# ---- Published numbers ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "options", "most_flagged"),
    [
        ("m", {}, 7),
        ("s", {"simultaneous": True}, 4),
        ("s75", {"simultaneous": True, "level": 0.75}, 3),
        ("ss", {"simultaneous": True, "stepdown": False}, 3),
    ],
)
def test_agrees_with_csranks_on_pisa(pisa, column, options, most_flagged):
    found = rank_confidence_sets(pisa["score"], pisa["se"], best="high", **options)
    assert (found["rank"] == pisa["rank"]).all()
    assert_same_sets(found, pisa[f"{column}L"], pisa[f"{column}U"], most_flagged)


def test_knife_edge_of_the_united_kingdom_is_flagged(pisa):
    found = rank_confidence_sets(pisa["score"], pisa["se"], best="high")
    assert found.loc["United Kingdom", "unstable"]
    assert found.loc["United Kingdom", "lower"] in (7, 8)


def test_best_five_and_worst_three_of_pisa(pisa):
    best = {
        "Belgium", "Canada", "Denmark", "Estonia", "Finland", "Japan", "Korea", "Netherlands",
        "Poland", "Slovenia", "Sweden", "Switzerland",
    }  # fmt: skip
    values = pisa["score"], pisa["se"]
    for level, expected in ((0.95, best), (0.90, best - {"Sweden"})):
        found = possible_best(*values, 5, best="high", level=level)
        assert set(found.index[found["possible"]]) == expected
        assert not found["unstable"].any()
    worst = possible_worst(*values, 3, best="high")
    assert set(worst.index[worst["possible"]]) == {"Chile", "Colombia", "Costa Rica", "Mexico"}
    assert not worst["unstable"].any()


def test_one_to_ten_with_unit_errors():
    value = pd.Series(range(1, 11))
    found = rank_confidence_sets(value, value * 0 + 1.0, best="high", simultaneous=True)
    assert found["lower"].tolist() == [6, 5, 4, 3, 2, 1, 1, 1, 1, 1]
    assert found["upper"].tolist() == [10, 10, 10, 10, 10, 9, 8, 7, 6, 5]
    assert not found["unstable"].any()


def test_three_with_variances_of_a_tenth_to_three_tenths():
    value, error = pd.Series([1, 2, 3]), pd.Series([0.1, 0.2, 0.3]) ** 0.5
    found = rank_confidence_sets(value, error, best="high")
    assert found["lower"].tolist() == [2, 1, 1]
    assert found["upper"].tolist() == [3, 3, 2]


@pytest.mark.parametrize(
    ("counts", "simultaneous", "lower", "upper"),
    [
        ([50, 40, 39, 20, 10, 1], True, [1, 1, 1, 2, 4, 5], [3, 4, 4, 5, 6, 6]),
        (list(range(1, 11)), True, [1] * 10, [10] * 10),
        (
            [120, 100, 95, 60, 55, 54, 20, 3], False,
            [1, 1, 1, 4, 4, 4, 7, 8], [3, 3, 3, 6, 6, 6, 7, 8],
        ),
    ],
)  # fmt: skip
def test_multinomial_examples(counts, simultaneous, lower, upper):
    found = multinomial_rank_sets(pd.Series(counts), simultaneous=simultaneous)
    assert found["lower"].tolist() == lower
    assert found["upper"].tolist() == upper
    assert not found["unstable"].any()
    turned = multinomial_rank_sets(pd.Series(counts), simultaneous=simultaneous, best="low")
    assert (turned["lower"] == len(counts) + 1 - found["upper"]).all()
    assert (turned["upper"] == len(counts) + 1 - found["lower"]).all()


def test_all_travel_times_of_klein_wright_and_wieczorek(travel):
    values = travel["Estimate.1dec"], travel["MOE.1dec"]
    found = joint_rank_intervals(*values, level=0.90, best="low", decimals=1)
    assert len(found) == 51
    assert (found["lower"] == travel["L"]).all()
    assert (found["upper"] == travel["U"]).all()
    assert not found["unstable"].any()
    # Their table gives ties the last place, ours the first.
    assert (values[0].rank(method="max") == travel["Rank"]).all()
    assert (found["rank"] == values[0].rank(method="min")).all()
    exact = joint_rank_intervals(*values, level=0.90, best="low")
    assert (exact["lower"] != travel["L"]).sum() == 5
    assert (exact["upper"] != travel["U"]).sum() == 5


# ---- Independent computations ---------------------------------------------------------------


@pytest.mark.parametrize("simultaneous", [False, True])
def test_agrees_with_multiple_inference(simultaneous):
    from multiple_inference.confidence_set import MarginalRanking, SimultaneousRanking

    flagged = 0
    for seed in range(8):
        generator = np.random.default_rng(seed)
        value = pd.Series(generator.normal(0, 2.5, 9))
        factor = generator.normal(0, 0.5, (9, 4))
        matrix = factor @ factor.T + np.diag(generator.uniform(0.2, 1, 9))
        model = SimultaneousRanking if simultaneous else MarginalRanking
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            oracle = model(value.to_numpy(), matrix, random_state=seed).fit(n_samples=20_000)
            lower, upper = oracle.conf_int().T
        found = rank_confidence_sets(
            value, None, best="high", covariance=pd.DataFrame(matrix), simultaneous=simultaneous
        )
        assert_same_sets(found, lower, upper, 9)
        flagged += found["unstable"].sum()
    # One pair on the edge can move a whole stepdown, so the limit is for all 72 rows together.
    assert flagged <= 14


def exact_marginal_critical_value(error: np.ndarray, unit: int, level: float) -> float:
    """Single step, independent errors: given the unit's own error the others are independent."""
    others = np.delete(error, unit)
    spread = np.hypot(others, error[unit])

    def covered(c: float, z: float) -> float:
        high, low = ((error[unit] * z + sign * c * spread) / others for sign in (1, -1))
        return stats.norm.pdf(z) * np.prod(stats.norm.cdf(high) - stats.norm.cdf(low))

    return optimize.brentq(lambda c: integrate.quad(lambda z: covered(c, z), -8, 8)[0] - level, 0.5, 8, xtol=1e-6)


def test_agrees_with_exact_integration():
    value, error = sample(15, 2, seed=3)
    found = rank_confidence_sets(value, error, best="high", stepdown=False)
    x, s = value.to_numpy(), error.to_numpy()
    evidence = (x[None, :] - x[:, None]) / np.hypot(s[:, None], s[None, :])
    critical = np.array([[exact_marginal_critical_value(s, unit, 0.95)] for unit in range(15)])
    lower, upper = 1 + (evidence > critical).sum(1), 15 - (-evidence > critical).sum(1)
    assert_same_sets(found, lower, upper, 3)


def full_stepdown(comparison, family_of, level: float, draws: int, seed: int):
    """The same draws without a floor: every difference kept, one family at a time."""
    errors = np.hstack([part for _, part in rank_sets.drawn_errors(comparison, draws, seed)])
    n = len(errors)
    gaps = (errors[None, :, :] - errors[:, None, :]) * comparison.scale[:, :, None]
    lower, upper = np.empty(n, int), np.empty(n, int)
    for unit in range(n):
        open_ = family_of(unit, n)
        rejected = np.zeros((n, n), dtype=bool)
        while True:
            largest = gaps[open_ & ~rejected].max(axis=0)
            critical = np.sort(largest)[int(np.ceil(level * draws - 1e-9)) - 1]
            more = rejected | (open_ & (comparison.evidence > critical))
            if (more == rejected).all():
                break
            rejected = more
        lower[comparison.order[unit]] = 1 + rejected[unit].sum()
        upper[comparison.order[unit]] = n - rejected[:, unit].sum()
    return lower, upper


@pytest.mark.parametrize("level", [0.3, 0.6, 0.75, 0.95])
@pytest.mark.parametrize("spread", [0.0, 1.5, 6.0])
def test_keeping_only_large_differences_changes_nothing(level, spread):
    value, error = sample(8, spread, seed=11)
    comparison = compare(value.to_numpy(), value.index, error, None, None)

    def everything(_, n):
        return ~np.eye(n, dtype=bool)

    def cross(unit, n):
        return (np.arange(n)[:, None] == unit) ^ (np.arange(n)[None, :] == unit)

    for family_of, simultaneous in ((everything, True), (cross, False)):
        lower, upper = full_stepdown(comparison, family_of, level, 1_500, 5)
        found = rank_confidence_sets(
            value, error, best="high", level=level, simultaneous=simultaneous, draws=1_500, seed=5
        )
        assert found["lower"].tolist() == lower.tolist()
        assert found["upper"].tolist() == upper.tolist()


# ---- What must not matter -------------------------------------------------------------------


@pytest.mark.parametrize("simultaneous", [False, True])
def test_order_direction_and_origin_do_not_matter(simultaneous):
    value, error = sample(25, 2, seed=8)
    found = rank_confidence_sets(value, error, best="high", simultaneous=simultaneous)
    mirrored = rank_confidence_sets(-value, error, best="low", simultaneous=simultaneous)
    pd.testing.assert_frame_equal(found, mirrored)
    mixed = value.sample(frac=1, random_state=1)
    shuffled = rank_confidence_sets(mixed, error, best="high", simultaneous=simultaneous)
    assert shuffled.index.equals(mixed.index)
    pd.testing.assert_frame_equal(found, shuffled.loc[found.index])
    moved = rank_confidence_sets(value + 64, error, best="high", simultaneous=simultaneous)
    pd.testing.assert_frame_equal(found[BOUNDS], moved[BOUNDS])


def test_order_and_direction_do_not_matter_in_closed_form():
    value, margin = sample(30, 5, seed=2)
    found = joint_rank_intervals(value, margin, best="high")
    pd.testing.assert_frame_equal(found, joint_rank_intervals(-value, margin, best="low"))
    mixed = value.sample(frac=1, random_state=1)
    shuffled = joint_rank_intervals(mixed, margin, best="high")
    pd.testing.assert_frame_equal(found, shuffled.loc[found.index])
    counts = (value.abs() * 20).round()
    mixed = multinomial_rank_sets(counts.sample(frac=1, random_state=1))
    pd.testing.assert_frame_equal(multinomial_rank_sets(counts), mixed.loc[counts.index])


def test_wider_errors_and_higher_levels_never_narrow():
    value, error = sample(20, 3, seed=4)
    steps = [
        lambda factor: rank_confidence_sets(value, error * factor),
        lambda factor: rank_confidence_sets(value, error * factor, simultaneous=True),
        lambda factor: joint_rank_intervals(value, error * factor),
        lambda factor: rank_confidence_sets(value, error, level=1 - 0.4 / factor),
        lambda factor: joint_rank_intervals(value, error, level=1 - 0.4 / factor),
    ]
    for sets in steps:
        narrow, *wider = (sets(factor) for factor in (1, 1.5, 2.5, 6))
        first = narrow
        for wide in wider:
            assert (wide["lower"] <= narrow["lower"]).all()
            assert (wide["upper"] >= narrow["upper"]).all()
            narrow = wide
        assert (wide["upper"] - wide["lower"]).sum() > (first["upper"] - first["lower"]).sum()


def test_simultaneous_contains_marginal_and_single_step_contains_stepdown():
    value, error = sample(30, 3, seed=5)
    marginal = rank_confidence_sets(value, error)
    joint = rank_confidence_sets(value, error, simultaneous=True)
    single = rank_confidence_sets(value, error, simultaneous=True, stepdown=False)
    for narrow, wide in ((marginal, joint), (joint, single)):
        assert (wide["lower"] <= narrow["lower"]).all()
        assert (wide["upper"] >= narrow["upper"]).all()
        assert not narrow[BOUNDS].equals(wide[BOUNDS])


@pytest.mark.parametrize("simultaneous", [False, True])
def test_bounds_that_another_seed_moves_are_flagged(pisa, simultaneous):
    runs = [
        rank_confidence_sets(pisa["score"], pisa["se"], best="high", simultaneous=simultaneous, seed=seed)
        for seed in range(5)
    ]
    moved = sum((run[BOUNDS] != runs[0][BOUNDS]).any(axis=1) for run in runs) > 0
    for run in runs:
        assert run.loc[moved, "unstable"].all()
        assert run["unstable"].sum() <= 7
    assert simultaneous or moved.any(), "the marginal sets have a known knife edge"


def test_too_few_draws_for_the_level_reject_nothing():
    value, error = sample(5, 50, seed=1)
    found = rank_confidence_sets(value, error, level=0.95, draws=10)
    assert found["unstable"].any()


# ---- Correlated and paired estimates --------------------------------------------------------


def test_independent_errors_by_three_roads():
    value, error = sample(12, 2, seed=6)
    matrix = pd.DataFrame(np.diag(error**2), index=error.index, columns=error.index)
    square = np.add.outer(error.to_numpy() ** 2, error.to_numpy() ** 2)
    pair = np.sqrt(square) * (1 - np.eye(12))
    pair = pd.DataFrame(pair, index=error.index, columns=error.index)
    expected = rank_confidence_sets(value, error)
    for options in ({"covariance": matrix}, {"difference_error": pair}):
        found = rank_confidence_sets(value, None, **options)
        assert_same_sets(found, expected["lower"], expected["upper"], 3)


def test_an_error_common_to_all_cancels():
    value, error = sample(10, 2, seed=7)
    matrix = pd.DataFrame(np.diag(error**2) + 25.0, index=error.index, columns=error.index)
    alone = rank_confidence_sets(value, error)
    found = rank_confidence_sets(value, None, covariance=matrix)
    assert_same_sets(found, alone["lower"], alone["upper"], 2)
    apart = rank_confidence_sets(value, np.sqrt(error**2 + 25.0))
    assert (apart["upper"] - apart["lower"]).sum() > (found["upper"] - found["lower"]).sum()


def test_a_difference_without_error_is_known_or_a_tie():
    labels = list("abcd")
    value = pd.Series([1.0, 1.0, 2.0, 9.0], index=labels)
    pair = pd.DataFrame(1.0 - np.eye(4), index=labels, columns=labels)
    pair.loc["a", "b"] = pair.loc["b", "a"] = 0.0
    found = rank_confidence_sets(value, None, difference_error=pair, simultaneous=True)
    assert found["lower"].tolist() == [1, 1, 1, 4]
    assert found["upper"].tolist() == [3, 3, 3, 4]
    value["b"] = 1.01
    found = rank_confidence_sets(value, None, difference_error=pair, simultaneous=True)
    assert found.loc[["a", "b"], "upper"].tolist() == [2, 3]
    assert found.loc[["a", "b"], "lower"].tolist() == [1, 2]


def test_degrees_of_freedom_use_the_t_tail():
    value = pd.Series([0.0, 2.2])
    pair = pd.DataFrame([[0.0, 1.0], [1.0, 0.0]])
    for freedom, upper in ((None, 1), (np.inf, 1), (20.0, 1), (8.0, 2), (3.0, 2)):
        # two-sided 95% points of t: 2.09 with 20 degrees of freedom, 2.31 with 8, 3.18 with 3
        found = rank_confidence_sets(value, None, difference_error=pair, degrees_of_freedom=freedom)
        assert found.loc[0, "upper"] == upper
    frame = pd.DataFrame([[0.0, 8.0], [8.0, 0.0]])
    found = rank_confidence_sets(value, None, difference_error=pair, degrees_of_freedom=frame)
    assert found["upper"].tolist() == [2, 2]
    assert not found["unstable"].any()


def test_degrees_of_freedom_hold_by_bonferroni_and_holm():
    value, error = sample(20, 4, seed=13)
    options = {"simultaneous": True, "degrees_of_freedom": np.inf}
    single = rank_confidence_sets(value, error, stepdown=False, **options)
    bar = stats.norm.isf(0.05 / (20 * 19))
    x, s = value.to_numpy(), error.to_numpy()
    evidence = (x[:, None] - x[None, :]) / np.hypot(s[:, None], s[None, :])  # low is best
    assert (single["lower"] == 1 + (evidence > bar).sum(axis=1)).all()
    assert (single["upper"] == 20 - (evidence < -bar).sum(axis=1)).all()
    holm = rank_confidence_sets(value, error, **options)
    drawn = rank_confidence_sets(value, error, simultaneous=True)
    for narrow, wide in ((holm, single), (drawn, holm)):
        assert (wide["lower"] <= narrow["lower"]).all()
        assert (wide["upper"] >= narrow["upper"]).all()
    mixed = value.sample(frac=1, random_state=1)
    shuffled = rank_confidence_sets(mixed, error, **options)
    pd.testing.assert_frame_equal(holm, shuffled.loc[holm.index])


# ---- Ties, counts, sets ---------------------------------------------------------------------


def test_ties_share_rank_and_set():
    value = pd.Series([1.0, 1.0, 5.0, 5.0, 9.0])
    for sets in (
        rank_confidence_sets(value, value * 0 + 0.1),
        joint_rank_intervals(value, value * 0 + 0.1),
        joint_rank_intervals(value, value * 0 + 0.1, decimals=0),
        multinomial_rank_sets(value * 1000, best="low"),
    ):
        assert sets["rank"].tolist() == [1, 1, 3, 3, 5]
        assert sets["lower"].tolist() == [1, 1, 3, 3, 5]
        assert sets["upper"].tolist() == [2, 2, 4, 4, 5]
    for flat in (rank_confidence_sets(value * 0, value), multinomial_rank_sets(value * 0)):
        assert (flat["lower"] == 1).all()
        assert (flat["upper"] == 5).all()


def test_told_apart_counts_the_rejected_comparisons():
    value, error = sample(20, 3, seed=9)
    for options in ({}, {"simultaneous": True}):
        found = told_apart(value, error, **options)
        sets = rank_confidence_sets(value, error, **options)
        assert (found["told_apart"] == 19 - (sets["upper"] - sets["lower"])).all()
        assert (found["others"] == 19).all()
    assert found["better"].sum() == found["worse"].sum()  # simultaneous: each pair seen twice


def test_possible_sets_grow_with_k_to_everyone():
    value, error = sample(12, 4, seed=10)
    for chosen in (possible_best, possible_worst):
        members = [chosen(value, error, k)["possible"] for k in range(1, 13)]
        assert all((wide | ~narrow).all() for narrow, wide in pairwise(members))
        assert all(member.sum() >= k for k, member in enumerate(members, start=1))
        assert members[-1].all()
    assert not members[0].all()


def test_best_and_worst_mirror():
    value, error = sample(12, 4, seed=12)
    worst = possible_worst(value, error, 3, best="low")
    best = possible_best(value, error, 3, best="high")
    assert (worst["possible"] == best["possible"]).all()


# ---- Bad input ------------------------------------------------------------------------------

VALUE = pd.Series([1.0, 2.0, 3.0], index=list("abc"))
ERROR = pd.Series([1.0, 1.0, 1.0], index=list("abc"))
SQUARE = pd.DataFrame(np.eye(3), index=list("abc"), columns=list("abc"))


@pytest.mark.parametrize("call", [rank_confidence_sets, joint_rank_intervals])
@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"estimate": VALUE.replace(2.0, np.nan)}, "estimate has missing"),
        ({"estimate": VALUE.replace(2.0, np.inf)}, "estimate has missing or infinite"),
        ({"estimate": VALUE.iloc[:1]}, "two or more"),
        ({"estimate": VALUE.set_axis(list("aab"))}, "labels that repeat"),
        ({"estimate": VALUE.to_numpy()}, "must be a pandas Series"),
        ({"error": ERROR.set_axis(list("abd"))}, "same labels"),
        ({"error": ERROR.iloc[:2]}, "same labels"),
        ({"error": ERROR.replace(1.0, np.nan)}, "has missing"),
        ({"error": ERROR * 0}, "above 0"),
        ({"error": -ERROR}, "above 0"),
        ({"level": 0}, "between 0 and 1"),
        ({"level": 1}, "between 0 and 1"),
        ({"level": 95}, "between 0 and 1"),
        ({"best": "lowest"}, "best must be"),
    ],
)
def test_bad_values_are_refused(call, changed, message):
    chosen = {"estimate": VALUE, "error": ERROR} | changed
    with pytest.raises(ValueError, match=message):
        call(chosen.pop("estimate"), chosen.pop("error"), **chosen)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "standard_error is needed"),
        ({"covariance": SQUARE, "difference_error": 1 - SQUARE}, "not both"),
        ({"covariance": SQUARE.to_numpy()}, "must be a DataFrame"),
        ({"covariance": SQUARE.iloc[:2, :2]}, "same labels"),
        ({"covariance": SQUARE.rename(columns={"a": "z"})}, "same labels"),
        ({"covariance": SQUARE.replace(1.0, np.nan)}, "missing"),
        ({"covariance": SQUARE - 1.5}, "negative eigenvalue"),
        ({"covariance": SQUARE.cumsum()}, "not symmetric"),
        ({"difference_error": SQUARE}, "0 on the diagonal"),
        ({"difference_error": SQUARE - 1}, "nowhere negative"),
        ({"covariance": SQUARE, "degrees_of_freedom": 0}, "above 0"),
        ({"covariance": SQUARE, "draws": 0}, "at least 1"),
    ],
)
def test_bad_matrices_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        rank_confidence_sets(VALUE, None, **options)


def test_bad_counts_and_sizes_are_refused():
    for counts in ([1.5, 2], [-1, 2], [np.nan, 2], [3]):
        with pytest.raises(ValueError, match="counts"):
            multinomial_rank_sets(pd.Series(counts))
    with pytest.raises(ValueError, match="level"):
        multinomial_rank_sets(pd.Series([1, 2]), level=1.0)
    with pytest.raises(ValueError, match="margin_level"):
        joint_rank_intervals(VALUE, ERROR, margin_level=90)
    for k in (0, 4):
        with pytest.raises(ValueError, match="k must be"):
            possible_best(VALUE, ERROR, k)
    with pytest.raises(TypeError, match="levle"):
        told_apart(VALUE, ERROR, levle=0.9)
