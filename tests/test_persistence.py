"""How correlations fall with time, and how sure a rankability is."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from nof.method import persistence, volatility
from nof.read import publication
from nof.rules import recompute, scoring

MHC = "mental-health-and-community"


@pytest.fixture(scope="module")
def national(real):
    return recompute.recompute(publication.read(real))


def test_real_correlations_fall_with_the_lag(national):
    panel = volatility.panels(national.scores, national.standings, MHC)["average"]
    found = persistence.lag_correlations(panel)
    assert found["quarters_apart"].tolist() == [1, 2, 3] and found["pairs"].tolist() == [3, 2, 1]
    assert found["from_first"].round(2).tolist() == [0.91, 0.85, 0.73]
    assert (found["lowest"] <= found["correlation"]).all() and (found["correlation"] <= found["highest"]).all()
    assert found["correlation"].is_monotonic_decreasing


def test_headline_reliability_leaves_copies_out(national):
    found = persistence.reliability(volatility.panels(national.scores, national.standings, MHC))
    assert found.loc[volatility.MOVING, "icc"] == pytest.approx(0.74, abs=0.005)
    assert found.loc["average", "icc"] == pytest.approx(0.84, abs=0.005)


def test_correlations_by_hand_and_what_cannot_be_told():
    panel = pd.DataFrame({"a": [1.0, 2, 3, 4], "b": [1.0, 2, 3, 5], "c": [4.0, 3, 2, 1]})
    found = persistence.lag_correlations(panel).set_index("quarters_apart")
    near = [np.corrcoef(panel["a"], panel["b"])[0, 1], np.corrcoef(panel["b"], panel["c"])[0, 1]]
    assert found.loc[1, "correlation"] == pytest.approx(np.mean(near))
    assert found.loc[2, "correlation"] == pytest.approx(-1)
    assert persistence.lag_correlations(panel[["a"]]).empty
    empty = persistence.lag_correlations(panel.assign(b=np.nan)[["a", "b"]])
    assert empty["pairs"].tolist() == [0] and empty["correlation"].isna().all()


def test_rankability_of_the_real_quarter_has_the_interval_of_the_review(national):
    part = recompute.select(national.scores, "2025-26-q4", MHC)
    found = volatility.weighted_errors(*scoring.matrix(part))
    low, high = persistence.rankability_interval(found["mean"], found["standard_error"])
    assert (low, high) == pytest.approx((0.21, 0.62), abs=0.02)
    assert low < persistence.rankability(found["mean"], found["standard_error"]) < high


def test_tau_squared_of_many_rows_is_that_of_one():
    random = np.random.default_rng(1)
    error = random.uniform(0.2, 0.6, (5, 25))
    value = random.normal(0, 0.5, (5, 25)) + random.normal(size=(5, 25)) * error
    value[0] = 2.0  # no differences at all
    one = [persistence.tau_squared(pd.Series(row), pd.Series(spread)) for row, spread in zip(value, error, strict=True)]
    assert persistence._paule_mandel(value, error**2) == pytest.approx(one, abs=1e-8)


def test_the_interval_holds_the_rankability_that_made_the_data():
    random, hits = np.random.default_rng(2), 0
    for _ in range(60):
        error = pd.Series(random.uniform(0.2, 0.4, 61))
        value = pd.Series(random.normal(0, 0.3, 61) + random.normal(size=61) * error)
        low, high = persistence.rankability_interval(value, error, draws=400)
        hits += low <= 0.3**2 / (0.3**2 + np.median(error**2)) <= high
    assert hits >= 50  # of 60; a percentile interval at 95% covers a little less
    assert np.isnan(persistence.rankability_interval(pd.Series([1.0, 2]), pd.Series([1.0, 1]))).all()
