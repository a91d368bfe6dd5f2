"""Variance components against REML, against simulated truth, and what must not matter."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from nof.method.components import fresh, generalizability, quarter_noise, variance_components
from nof.method.opening import open_publication

TRUTH = {
    "trust": 0.30,
    "metric": 0.20,
    "quarter": 0.05,
    "trust x metric": 0.40,
    "trust x quarter": 0.10,
    "metric x quarter": 0.05,
    "remainder": 0.20,
}


def drawn(seed: int, shape=(12, 5, 3), missing: float = 0.0, truth=TRUTH) -> pd.DataFrame:
    """Scores of every trust, metric and quarter from the model, some missing."""
    random = np.random.default_rng(seed)
    n, m, q = shape
    sizes = [(n, 1, 1), (1, m, 1), (1, 1, q), (n, m, 1), (n, 1, q), (1, m, q), (n, m, q)]
    scores = 2.5 + sum(
        variance**0.5 * random.standard_normal(size) for variance, size in zip(truth.values(), sizes, strict=True)
    )
    names = ["trust_code", "metric_id", "quarter"]
    rows = pd.DataFrame(np.argwhere(np.ones(shape)), columns=names).assign(score=scores.ravel(), weight=1.0)
    rows = rows.assign(
        trust_code="T" + rows["trust_code"].astype(str).str.zfill(3),
        metric_id="OF" + (1000 + rows["metric_id"]).astype(str),
        quarter="2025-26-q" + (1 + rows["quarter"]).astype(str),
    )
    # A pattern like the files': a metric is missing in all quarters or in none, and now and then in one.
    never = random.random((n, m, 1)) < missing
    return rows[~(never | (random.random(shape) < missing / 10)).ravel()]


def of(table: pd.DataFrame, column: str = "variance") -> pd.Series:
    return table.set_index("source")[column]


def test_a_balanced_panel_agrees_with_statsmodels_mixed_model():
    mixed = pytest.importorskip("statsmodels.regression.mixed_linear_model")
    rows = drawn(11, shape=(10, 4, 3))
    formula = {
        "trust": "0 + C(trust_code)",
        "metric": "0 + C(metric_id)",
        "quarter": "0 + C(quarter)",
        "trust x metric": "0 + C(trust_code):C(metric_id)",
        "trust x quarter": "0 + C(trust_code):C(quarter)",
        "metric x quarter": "0 + C(metric_id):C(quarter)",
    }
    found = of(variance_components(rows, resamples=20))
    assert (found > 0.001).all(), "REML equals the equations of the analysis of variance only where none is negative"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = mixed.MixedLM.from_formula(
            "score ~ 1", rows.assign(all="one"), groups="all", vc_formula=formula, re_formula="0"
        ).fit(reml=True)
    oracle = dict(zip(model.model.exog_vc.names, model.vcomp, strict=True)) | {"remainder": model.scale}
    for source, variance in oracle.items():
        assert found[source] == pytest.approx(variance, rel=0.02, abs=0.002), source


def test_unbalanced_panels_give_back_the_truth_on_average():
    found = pd.DataFrame([of(variance_components(drawn(seed, missing=0.2), resamples=2)) for seed in range(300)])
    error = found.std() / len(found) ** 0.5
    # What is clipped at 0 pulls small variances up a little; the larger ones are free of it.
    for source in ("trust", "trust x metric", "trust x quarter", "remainder"):
        assert abs(found[source].mean() - TRUTH[source]) < 3.5 * error[source] + 0.004, source


def test_intervals_hold_the_truth_about_as_often_as_they_say(record_property):
    hits = []
    for seed in range(150):
        table = variance_components(drawn(seed, shape=(60, 8, 4), missing=0.15), resamples=150)
        hits.append((of(table, "low") <= pd.Series(TRUTH)) & (of(table, "high") >= pd.Series(TRUTH)))
    held = pd.DataFrame(hits).mean()
    print(f"coverage of 95% intervals: {held.round(3).to_dict()}")
    for source in ("trust", "trust x metric", "trust x quarter", "remainder"):
        record_property(source, float(held[source]))
        assert held[source] >= 0.90, source  # of 0.95: the standard error itself comes from 60 trusts


def test_order_names_and_origin_do_not_matter_and_units_do():
    rows = drawn(5, missing=0.2)
    found = variance_components(rows, resamples=50)
    mixed = rows.sample(frac=1, random_state=2)
    pd.testing.assert_frame_equal(variance_components(mixed, resamples=50), found)
    moved = variance_components(rows.assign(score=rows["score"] * 2 + 7), resamples=50)
    for column in ("variance", "low", "high"):
        np.testing.assert_allclose(moved[column], 4 * found[column], atol=1e-9)
    np.testing.assert_allclose(found["share"].sum(), 1)
    known = found.dropna(subset="low")
    assert (known["low"] <= known["variance"]).all() and (known["variance"] <= known["high"]).all()


def test_a_copied_quarter_is_left_out():
    rows = drawn(6)
    copied = rows[rows["quarter"] == "2025-26-q3"].assign(quarter="2025-26-q4")
    pd.testing.assert_frame_equal(fresh(pd.concat([rows, copied], ignore_index=True)).reset_index(drop=True), rows)
    pd.testing.assert_frame_equal(
        variance_components(pd.concat([rows, copied]), resamples=50), variance_components(rows, resamples=50)
    )
    one_moved = copied.assign(score=copied["score"].where(copied["trust_code"] != "T003", 1.0))
    assert len(fresh(pd.concat([rows, one_moved]))) == len(rows) + len(copied)


def test_one_quarter_says_that_nothing_can_be_told_apart():
    rows = drawn(7)
    table = variance_components(rows[rows["quarter"] == "2025-26-q1"])
    assert table["variance"].isna().all() and len(table) == 7


def test_generalizability_by_hand():
    components = pd.DataFrame({"source": list(TRUTH), "variance": list(TRUTH.values())})
    table = generalizability(components, metrics=10).set_index("question")
    assert table["coefficient"].tolist() == pytest.approx([0.34 / 0.46, 0.40 / 0.46, 0.30 / 0.46])
    more = generalizability(components, metrics=20).set_index("question")
    assert (more["coefficient"] > table["coefficient"])[["other metrics like these, this quarter"]].all()


def test_noise_of_a_metric_is_half_the_variance_of_its_changes():
    rows = drawn(8, shape=(30, 3, 2))
    table, covariance = quarter_noise(rows)
    wide = rows.pivot(index="trust_code", columns=["quarter", "metric_id"], values="score")
    change = wide["2025-26-q2"] - wide["2025-26-q1"]
    np.testing.assert_allclose(covariance, change.cov() / 2)
    np.testing.assert_allclose(table["noise_sd"] ** 2, change.var() / 2)
    assert table["freedom"].eq(29).all() and not table["borrowed"].any()


def test_a_metric_released_once_borrows_the_noise_of_the_others():
    rows = drawn(9, shape=(30, 3, 3))
    first = rows[rows["quarter"] == "2025-26-q1"].set_index(["trust_code", "metric_id"])["score"]
    annual = rows["metric_id"] == "OF1000"
    keys = pd.MultiIndex.from_frame(rows[["trust_code", "metric_id"]])
    rows = rows.assign(score=rows["score"].mask(annual, first.reindex(keys).to_numpy()))
    table = quarter_noise(rows)[0].set_index("metric_id")
    assert table["borrowed"].tolist() == [True, False, False] and table["releases"].tolist() == [1, 3, 3]
    others = table.loc[["OF1001", "OF1002"], "noise_sd"]
    assert table.loc["OF1000", "noise_sd"] == pytest.approx(((others**2).mean()) ** 0.5)


def test_the_real_file_splits_as_the_review_found(real):
    """Two thirds of what is not the metric's own level is a trust's profile over metrics: measured, so only bounds."""
    scores = open_publication(real).scores
    table = variance_components(scores[scores["weight"] > 0]).set_index("source")
    assert table.loc["trust x metric", "share"] > 5 * table.loc["trust", "share"]
    assert table.loc["trust", "low"] > 0
    assert table.loc["trust", "levels"] == 61 and table.loc["quarter", "levels"] == 4
