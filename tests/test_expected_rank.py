"""The expected place: against statsmodels, a long Gibbs run, dense linear algebra, simulation and held-out quarters."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from nof.method import expected_rank
from nof.method.expected_rank import Panel
from nof.method.opening import open_publication

MHC = "mental-health-and-community"
QUARTERS = ["2025-26-q1", "2025-26-q2", "2025-26-q3", "2025-26-q4"]
LASTING = {"rho": np.array([1 - 1e-9]), "fresh": ((np.arange(400) + 0.5) / 400), "width": np.ones(400)}


@pytest.fixture(scope="module")
def standings(real):
    return open_publication(real).standings


@pytest.fixture(scope="module")
def real_panel(standings):
    return expected_rank.average_panel(standings, MHC, QUARTERS[-1])


def made(seed: int, trusts: int = 61, rho: float = 0.9, fresh: float = 0.1, quarters: int = 4, heavy: bool = False):
    """A panel drawn from the model, with a quarter beyond it: the last column."""
    random = np.random.default_rng(seed)
    names = [f"20{25 + one // 4}-{26 + one // 4}-q{1 + one % 4}" for one in range(quarters + 1)]
    lag = np.abs(np.subtract.outer(range(quarters + 1), range(quarters + 1)))
    root = np.linalg.cholesky((1 - fresh) * rho**lag + fresh * np.eye(quarters + 1))
    raw = (
        random.standard_t(4, (trusts, quarters + 1)) / np.sqrt(2)
        if heavy
        else random.normal(size=(trusts, quarters + 1))
    )
    count = random.integers(5, 13, (trusts, 1)) * np.ones((1, quarters + 1))
    averages = 2.4 + random.normal(0, 0.05, quarters + 1) + 0.4 * (raw @ root.T) * np.sqrt(np.median(count) / count)
    codes = [f"ZZ{one:03}" for one in range(trusts)]
    return pd.DataFrame(averages, codes, names), pd.DataFrame(count, codes, names)


def before(averages: pd.DataFrame, metrics: pd.DataFrame) -> Panel:
    return Panel(averages.iloc[:, :-1], metrics.iloc[:, :-1])


# --- reference implementations ---


def test_without_fading_it_is_the_mixed_model_of_statsmodels():
    lm = pytest.importorskip("statsmodels.regression.mixed_linear_model")
    averages, _ = made(1, rho=1 - 1e-9, fresh=0.3)
    panel = Panel(averages, averages * 0 + 8)
    long = averages.melt(ignore_index=False, var_name="quarter").reset_index(names="trust")
    fitted = lm.MixedLM.from_formula("value ~ 0 + quarter", long, groups="trust").fit(reml=True)
    between, within = float(fitted.cov_re.iloc[0, 0]), float(fitted.scale)
    found = expected_rank.posterior(panel, **LASTING)
    best = found.chance.argmax()
    assert found.fresh[best] == pytest.approx(within / (between + within), abs=0.01)
    assert found.squares[best] / found.freedom == pytest.approx(between + within, rel=0.02)
    assert found.means[best] == pytest.approx(fitted.fe_params.to_numpy(), abs=1e-6)
    # What lasts of each trust, drawn towards the mean: the best linear unbiased predictors.
    drawn = expected_rank.forecast(panel, found=found, draws=40_000).mean(axis=1)
    effects = pd.Series({trust: float(one.iloc[0]) for trust, one in fitted.random_effects.items()})
    assert (drawn - drawn.mean()).to_numpy() == pytest.approx(
        (effects - effects.mean())[drawn.index].to_numpy(), abs=0.01
    )


def _dense(panel: Panel, rho: float, fresh: float) -> float:
    """Restricted log likelihood, s^2 integrated out, from one covariance matrix over all trusts and quarters."""
    values, count = panel.averages.to_numpy(), panel.metrics.to_numpy()
    held = ~np.isnan(values)
    trust, quarter = np.nonzero(held)
    scale = np.sqrt(np.nanmedian(count) / count[held])
    same = trust[:, None] == trust[None, :]
    lag = np.abs(panel.times[quarter][:, None] - panel.times[quarter][None, :])
    whole = same * ((1 - fresh) * rho**lag + fresh * (lag == 0)) * np.outer(scale, scale)
    design = (quarter[:, None] == np.arange(values.shape[1])).astype(float)
    inverse = np.linalg.inv(whole)
    normal = design.T @ inverse @ design
    means = np.linalg.solve(normal, design.T @ inverse @ values[held])
    rest = values[held] - design @ means
    freedom = len(rest) - design.shape[1]
    terms = np.linalg.slogdet(whole)[1] + np.linalg.slogdet(normal)[1] + freedom * np.log(rest @ inverse @ rest)
    return -0.5 * float(terms)


def test_the_posterior_is_that_of_dense_linear_algebra_with_missing_quarters():
    averages, metrics = made(2, trusts=12)
    panel = before(averages.mask(np.random.default_rng(2).random(averages.shape) < 0.2), metrics)
    found = expected_rank.posterior(panel)
    cells = [10, 400, 900, 1400]
    mine = np.log(found.chance[cells]) - np.log(np.tile(expected_rank.FRESH_WIDTH, 60)[cells])
    theirs = [_dense(panel, found.rho[one], found.fresh[one]) for one in cells]
    assert np.diff(mine) == pytest.approx(np.diff(theirs), rel=1e-6)


def test_a_long_gibbs_run_gives_the_same_forecast():
    averages, metrics = made(3, trusts=15, quarters=3)
    panel = before(averages, metrics)
    sampled = _gibbs(panel, 12_000)
    found = expected_rank.expected_places(panel)
    places = sampled.argsort(axis=0).argsort(axis=0) + 1
    assert found["expected_rank"].to_numpy() == pytest.approx(places.mean(axis=1), abs=0.35)
    assert found["chance_worst_quarter"].to_numpy() == pytest.approx((4 * places > 45).mean(axis=1), abs=0.05)


def _gibbs(panel: Panel, rounds: int, burn: int = 2000) -> np.ndarray:
    """Another way to the forecast: Gibbs steps for s^2, means and next quarter, Metropolis steps for rho and fresh."""
    random = np.random.default_rng(4)
    values, scale = panel.averages.to_numpy(), np.sqrt(panel.metrics.to_numpy() / np.median(panel.metrics.to_numpy()))
    trusts, quarters = values.shape
    lag = np.abs(np.subtract.outer(range(quarters + 1), range(quarters + 1)))
    one, variance, means, kept = np.array([0.5, 0.5]), 0.1, values.mean(axis=0), []

    def whole(at):
        return (1 - at[1]) * at[0] ** lag + at[1] * np.eye(quarters + 1)

    def chance(at):
        if not (0 < at.min() and at.max() < 1):
            return -np.inf
        rest, covariance = (values - means) * scale, variance * whole(at)[:-1, :-1]
        far = (rest @ np.linalg.inv(covariance) * rest).sum()
        return -0.5 * (trusts * np.linalg.slogdet(covariance)[1] + far)

    for round_ in range(rounds):
        proposed = one + random.normal(0, [0.12, 0.12])
        one = proposed if np.log(random.random()) < chance(proposed) - chance(one) else one
        correlation = whole(one)
        inverse = np.linalg.inv(correlation[:-1, :-1])
        rest = (values - means) * scale
        variance = (rest @ inverse * rest).sum() / random.chisquare(trusts * quarters)
        spread = np.linalg.inv(inverse * (scale.T @ scale) / variance)
        right = (scale * (scale * values @ inverse)).sum(axis=0) / variance
        means = spread @ right + np.linalg.cholesky(spread) @ random.standard_normal(quarters)
        weight = inverse @ correlation[:-1, -1]
        left = variance * (1 - weight @ correlation[:-1, -1])
        if round_ >= burn:
            drawn = (values - means) * scale @ weight + random.normal(0, np.sqrt(left), trusts)
            kept.append(drawn / scale[:, -1])
    return np.array(kept).T


# --- what must hold ---


def test_more_fades_where_correlations_fall_faster():
    kept = [expected_rank.posterior(before(*made(5, rho=rho, fresh=0.02))).summary["rho"] for rho in (0.95, 0.6)]
    assert kept[0] == pytest.approx(0.95, abs=0.06) and kept[1] == pytest.approx(0.6, abs=0.15)


def test_order_shift_and_scale_leave_places_alone_and_reversing_turns_them_round():
    panel = before(*made(6))
    plain = expected_rank.expected_places(panel)
    moved = Panel(3 * panel.averages - 5 + np.arange(4), panel.metrics)
    pd.testing.assert_frame_equal(expected_rank.expected_places(moved), plain, atol=0.02)
    order = panel.averages.index[::-1]
    mixed = expected_rank.expected_places(Panel(panel.averages.loc[order], panel.metrics.loc[order]))
    assert mixed.loc[plain.index, "expected_rank"].to_numpy() == pytest.approx(
        plain["expected_rank"].to_numpy(), abs=0.6
    )
    turned = expected_rank.expected_places(Panel(-panel.averages, panel.metrics))
    assert turned["expected_rank"].to_numpy() == pytest.approx(62 - plain["expected_rank"].to_numpy(), abs=0.6)
    assert plain["expected_rank"].mean() == pytest.approx(31)
    assert plain["chance_best_quarter"].sum() == pytest.approx(15)  # places 1 to 15 of 61
    assert plain["chance_worst_quarter"].sum() == pytest.approx(16)  # places 46 to 61


def test_expected_places_are_drawn_towards_the_middle_the_more_for_a_short_record():
    averages, metrics = made(7, rho=0.9, fresh=0.5)
    metrics[:] = 8
    averages.iloc[0, :-1], averages.iloc[1, :-1] = 3.6, [np.nan, np.nan, np.nan, 3.6]
    found = expected_rank.expected_places(before(averages, metrics))
    assert found["expected_rank"].iloc[1] < found["expected_rank"].iloc[0] <= 61
    place = averages.iloc[:, 3].rank()
    assert found["expected_rank"].std() < place.std()


def test_one_quarter_tells_nothing_of_the_next():
    averages, metrics = made(8)
    found = expected_rank.expected_places(Panel(averages.iloc[:, :1], metrics.iloc[:, :1]))
    assert len(found) == 61 and found.isna().all(axis=None)
    with pytest.raises(ValueError, match="two quarters"):
        expected_rank.posterior(Panel(averages.iloc[:, :1], metrics.iloc[:, :1]))


def test_what_a_trust_was_before_a_merger_does_not_count(standings):
    panel = expected_rank.average_panel(standings, MHC, "2025-26-q3", not_comparable={"2025-26-q2": {"RY2"}})
    assert list(panel.averages.columns) == QUARTERS[:3]
    assert panel.averages.loc["RY2"].notna().tolist() == [False, True, True]
    assert panel.metrics.loc["RY2"].notna().tolist() == [False, True, True]
    assert panel.averages.drop("RY2").notna().all(axis=None)


@pytest.mark.parametrize("heavy", [False, True])
def test_calibration_where_the_truth_is_known(heavy):
    parts = []
    for seed in range(20):
        averages, metrics = made(100 + seed, heavy=heavy)
        found = expected_rank.expected_places(before(averages, metrics), draws=2000)
        place = averages.iloc[:, -1].rank()
        parts.append(found.assign(place=place, worst_quarter=4 * place > 183, best_quarter=4 * place <= 61))
    held = pd.concat(parts, ignore_index=True)
    covered = held["place"].between(held["expected_low"], held["expected_high"]).mean()
    assert 0.93 <= covered <= 0.98  # 95%, places being whole numbers
    for which in ("worst_quarter", "best_quarter"):
        table = expected_rank.calibration(held, which)
        sure = table[table["from"].eq(0.8)].iloc[0]
        error = np.sqrt(sure["said"] * (1 - sure["said"]) / sure["cases"])
        assert sure["came"] == pytest.approx(sure["said"], abs=4 * error)


def test_the_calibration_table_counts_by_hand():
    held = pd.DataFrame(
        {
            "chance_worst_quarter": [0.0, 0.02, 0.81, 0.9, 0.95, 1.0],
            "worst_quarter": [False, False, True, True, False, True],
        }
    )
    table = expected_rank.calibration(held)
    assert table["cases"].tolist() == [2, 3, 1]
    assert table["came"].tolist() == pytest.approx([0, 2 / 3, 1])
    low, high = expected_rank.wilson(2, 3)
    expected = stats.binomtest(2, 3).proportion_ci(method="wilson")
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-3)


# --- the real files ---


def test_correlations_of_the_real_averages_fall_and_the_model_follows(real_panel):
    found = expected_rank.posterior(real_panel).summary
    assert real_panel.averages.corr().iloc[0].round(2).tolist() == [1.0, 0.91, 0.85, 0.73]
    assert 0.85 <= found["rho"] <= 0.95 and found["fresh"] < 0.1


@pytest.mark.parametrize("ahead_only", [False, True])
def test_real_quarters_held_out_come_as_often_as_said(real_panel, ahead_only):
    held = expected_rank.held_out(real_panel, ahead_only=ahead_only, draws=4000)
    assert len(held) == (122 if ahead_only else 244)
    covered = held["place"].between(held["expected_low"], held["expected_high"]).mean()
    assert 0.90 <= covered <= 0.99
    sure = held[held["chance_worst_quarter"] >= 0.8]
    assert sure["worst_quarter"].mean() == pytest.approx(sure["chance_worst_quarter"].mean(), abs=0.1)
    for which in ("worst_quarter", "best_quarter"):
        table = expected_rank.calibration(held, which)
        inside = (table["low"] - 0.05 <= table["said"]) & (table["said"] <= table["high"] + 0.05)
        assert inside.all(), table
