"""The test of a change with pooled noise: against enumeration, simulation and the real files."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise, product

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from nof.method import change, pooled_noise, score_changes
from nof.method.opening import open_publication
from nof.rules import recompute
from nof.rules.framework import Metric

MHC = "mental-health-and-community"
QUARTERS = ["2025-26-q1", "2025-26-q2", "2025-26-q3", "2025-26-q4"]
STEPS = list(pairwise(QUARTERS))
LAST = STEPS[-1]
EDGES = np.array([2.0, 2.4, 2.8])


@pytest.fixture(scope="module")
def national(real):
    return open_publication(real)


@pytest.fixture(scope="module")
def real_changes(national):
    return score_changes.score_changes(national.scores, MHC, STEPS)


@pytest.fixture(scope="module")
def real_tests(national, real_changes):
    return change.change_tests(real_changes, national.standings, MHC)


def made(tables: dict[str, pd.DataFrame], weights: dict[str, float] | None = None):
    """Tidy scores and standings of one made-up type from a table of trusts by metrics for each quarter."""
    scores, standings = [], []
    for quarter, table in tables.items():
        weight = pd.Series(weights or {}, dtype=float).reindex(table.columns).fillna(1.0)
        trust, metric = np.nonzero(table.notna().to_numpy())
        rows = {
            "trust_code": table.index[trust],
            "metric_id": table.columns[metric],
            "score": table.to_numpy()[trust, metric],
            "weight": weight.to_numpy()[metric],
        }
        scores.append(pd.DataFrame(rows | {"quarter": quarter, "trust_type": "acute"}))
        average = (table * weight).sum(axis=1) / (table.notna() * weight).sum(axis=1)
        segment = 1.0 + (average.to_numpy()[:, None] > EDGES).sum(axis=1)
        columns = {
            "quarter": quarter,
            "trust_type": "acute",
            "trust_code": table.index,
            "average": average.to_numpy(),
            "average_score": average.round(2).to_numpy(),
            "metrics_scored": table.notna().sum(axis=1).to_numpy(),
            "segment_unadjusted": segment,
            "in_deficit": False,
            "segment": segment,
            "rank": average.rank().to_numpy(),
        }
        standings.append(pd.DataFrame(columns))
    return pd.concat(scores, ignore_index=True), pd.concat(standings, ignore_index=True)


def scattered(seed: int, trusts: int = 40, metrics: int = 6, quarters: int = 3, sd: float = 0.3, draw=None):
    """Quarters in which no trust changes and every metric scatters."""
    random = np.random.default_rng(seed)
    draw = draw or (lambda shape: random.normal(0, sd, shape))
    true = random.uniform(1.5, 3.5, (trusts, metrics))
    codes, ids = [f"ZZ{one:03}" for one in range(trusts)], [f"OF1{one:03}" for one in range(metrics)]
    return {one: pd.DataFrame(true + draw(true.shape), codes, ids) for one in QUARTERS[:quarters]}


def judge(tables, **options) -> pd.DataFrame:
    weights = options.pop("weights", None)
    scores, standings = made(tables, weights)
    known = {name: options[name] for name in ("copied", "not_comparable") if name in options}
    changes = score_changes.score_changes(scores, "acute", list(pairwise(tables)), **known)
    options.pop("copied", None)
    return change.change_tests(changes, standings, "acute", **options)


# --- the noise ---


def test_chances_are_those_of_every_combination_of_draws():
    random = np.random.default_rng(1)
    wide = pd.DataFrame(random.integers(-60, 60, (5, 3)).astype(float), columns=["a", "b", "c"])
    wide.loc[0, "c"] = np.nan
    noise = pooled_noise.PooledNoise(wide)
    combined = Counter(sum(one) for one in product(wide["a"], wide["b"], wide["c"].dropna()))
    chances = pd.Series(noise.chances(["c", "a", "b"]), np.rint(noise.sums / pooled_noise.GRID).astype(int))
    assert chances.sum() == pytest.approx(1)
    for total, times in combined.items():
        assert chances[int(total)] == pytest.approx(times / 100)
    far = sum(times for total, times in combined.items() if abs(total) >= 40) / 100
    assert noise.tail(["a", "b", "c"])[40] == pytest.approx(far)


def test_metrics_that_change_together_are_drawn_as_they_occur():
    random = np.random.default_rng(2)
    first = np.rint(random.normal(0, 60, 30))
    wide = pd.DataFrame({"a": first, "b": first, "c": np.rint(random.normal(0, 60, 30))})
    apart, joint = pooled_noise.PooledNoise(wide), pooled_noise.PooledNoise(wide, (("a", "b"),))
    spread = [np.sqrt((one.chances("ab") * one.sums**2).sum()) for one in (apart, joint)]
    assert spread[1] == pytest.approx(pooled_noise.GRID * np.sqrt((4 * first**2).mean()))
    assert spread[0] == pytest.approx(spread[1] / np.sqrt(2), rel=0.05)
    assert joint.chances("ac") == pytest.approx(apart.chances("ac"))  # alone, each is its own


def test_the_two_staff_survey_scores_are_found_to_go_together(real_changes):
    assert pooled_noise.moving_together(real_changes) == (("OF1061", "OF1084"),)
    wide = real_changes[real_changes["moves"]].pivot(
        index=["quarter_after", "trust_code"], columns="metric_id", values="beyond"
    )
    assert wide["OF1061"].corr(wide["OF1084"]) == pytest.approx(0.88, abs=0.005)


def test_few_pairs_are_no_evidence_of_going_together():
    tables = scattered(3, trusts=19, quarters=2)
    tables[QUARTERS[1]]["OF1001"] = tables[QUARTERS[0]]["OF1001"] + (
        tables[QUARTERS[1]]["OF1000"] - tables[QUARTERS[0]]["OF1000"]
    )
    changes = score_changes.score_changes(made(tables)[0], "acute", [STEPS[0]])
    assert pooled_noise.moving_together(changes) == ()
    assert pooled_noise.moving_together(changes, fewest=10) == (("OF1000", "OF1001"),)


# --- the test ---


def test_p_value_of_one_metric_is_its_place_among_all_changes():
    tables = scattered(4, metrics=1)
    found = judge(tables).set_index(["quarter_after", "trust_code"])
    moved = pd.concat({after: tables[after]["OF1000"] - tables[before]["OF1000"] for before, after in STEPS[:2]})
    away = (moved - moved.groupby(level=0).transform("mean")).abs()
    expected = np.array([(away >= one - 0.006).mean() for one in away])
    assert found.loc[away.index, "p_value"].to_numpy() == pytest.approx(expected, abs=3 / len(away))


def test_order_usual_changes_direction_and_units_of_weight_leave_p_alone():
    tables = scattered(5)
    plain = judge(tables).set_index(["quarter_after", "trust_code"])
    shifted = {one: table + step * np.linspace(-0.3, 0.4, 6) for step, (one, table) in enumerate(tables.items())}
    others = {
        "shifted": judge(shifted),
        "mirrored": judge({one: 5 - table for one, table in tables.items()}),
        "shuffled": judge(
            {one: table.sample(frac=1, random_state=0)[table.columns[::-1]] for one, table in tables.items()}
        ),
    }
    for name, other in others.items():
        other = other.set_index(["quarter_after", "trust_code"]).loc[plain.index]
        assert other["p_value"].to_numpy() == pytest.approx(plain["p_value"].to_numpy(), abs=0.02), name
    assert others["mirrored"]["change"].to_numpy() == pytest.approx(-plain["change"].to_numpy())
    thirds = judge(tables, weights=dict.fromkeys(tables[QUARTERS[0]].columns, 1 / 3))
    assert thirds["change"].to_numpy() == pytest.approx(plain["change"].to_numpy())
    assert thirds["p_value"].to_numpy() == pytest.approx(plain["p_value"].to_numpy(), abs=0.03)


def test_a_copied_metric_shrinks_the_change_and_adds_no_evidence():
    tables = scattered(6, quarters=2)
    plain = judge(tables)
    annual = pd.DataFrame(
        np.random.default_rng(0).uniform(1, 4, (40, 2)), tables[QUARTERS[0]].index, ["OF1061", "OF1084"]
    )
    found = judge({one: table.join(annual) for one, table in tables.items()})
    assert found["p_value"].to_numpy() == pytest.approx(plain["p_value"].to_numpy())
    for column in ("change", "standard_error", "smallest_change_found"):
        assert found[column].to_numpy() == pytest.approx(plain[column].to_numpy() * 6 / 8), column
    assert found["metrics_compared"].eq(8).all() and found["metrics_tested"].eq(6).all()
    told = judge(tables, copied={QUARTERS[1]: {"OF1000"}})
    assert told["metrics_tested"].eq(5).all()
    assert told["change"].to_numpy() == pytest.approx(plain["change"].to_numpy())


def test_a_metric_in_one_quarter_only_is_no_change():
    tables = scattered(7, quarters=2)
    tables[QUARTERS[0]].iloc[0, 0] = tables[QUARTERS[1]].iloc[0, 1] = np.nan
    row = judge(tables).iloc[0]
    assert (row["metrics_compared"], row["metrics_lost"], row["metrics_gained"]) == (4, 1, 1)
    kept = tables[QUARTERS[1]].iloc[0] - tables[QUARTERS[0]].iloc[0]
    assert row["change"] == pytest.approx(kept.dropna().mean())


def test_a_merged_trust_has_no_row_and_no_part_in_the_noise():
    tables = scattered(8, quarters=2)
    tables[QUARTERS[1]].iloc[3] += 9.0
    merged = {QUARTERS[1]: {"ZZ003"}}
    found = judge(tables, not_comparable=merged)
    without = judge({one: table.drop("ZZ003") for one, table in tables.items()})
    pd.testing.assert_frame_equal(found, without)


def test_nothing_new_is_nothing_to_test():
    tables = scattered(9, quarters=2)
    tables[QUARTERS[1]] = tables[QUARTERS[0]].copy()
    found = judge(tables)
    assert found["p_value"].isna().all() and found["smallest_change_found"].isna().all()
    assert not found["more_than_noise"].any()
    assert found["change"].eq(0).all()
    scores, standings = made(tables)
    none = score_changes.score_changes(scores, "acute", [])
    assert change.change_tests(none, standings, "acute").empty


def test_adjusted_p_values_are_those_of_benjamini_and_hochberg():
    # Benjamini and Hochberg (1995), section 3.1: fifteen p-values, of which their procedure rejects four at 0.05.
    published = (
        "0.0001 0.0004 0.0019 0.0095 0.0201 0.0278 0.0298 0.0344 0.0459 0.3240 0.4262 0.5719 0.6528 0.7590 1 nan"
    )
    p_values = pd.Series([float(one) for one in published.split()]).sample(frac=1, random_state=0)
    found = change.adjusted_p_values(p_values)
    assert (found <= 0.05).sum() == 4
    assert found[p_values.isna()].isna().all()
    assert found[3] == pytest.approx(0.0095 * 15 / 4)


@pytest.mark.parametrize("kind", ["normal", "heavy tails", "mostly still"])
def test_false_alarms_stay_at_the_level(kind):
    random = np.random.default_rng(10)
    draws = {
        "normal": lambda shape: random.normal(0, 0.3, shape),
        "heavy tails": lambda shape: random.standard_t(3, shape) * 0.2,
        "mostly still": lambda shape: random.choice([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, -1.0], shape),
    }
    alarms, families, steps = [], 0, 0
    for seed in range(30):
        found = judge(scattered(seed, trusts=50, metrics=8, draw=draws[kind]))
        alarms.append(found["p_value"].le(0.05).mean())
        families += int(found.groupby("quarter_after")["more_than_noise"].any().sum())
        steps += 2
    # 3,000 p-values in pairs of steps that share a quarter: four standard errors of independent ones
    assert np.mean(alarms) <= 0.05 + 4 * np.sqrt(0.05 * 0.95 / 3000)
    assert np.mean(alarms) >= 0.03  # and it is no test that never speaks
    assert families <= 9  # of 60 steps at 5%: more than 9 has a chance below 0.2%


def test_the_smallest_change_said_to_be_found_is_found_in_four_of_five_cases():
    hits = 0
    for seed in range(80):
        tables = scattered(1000 + seed, trusts=50, metrics=8, quarters=2)
        size = (
            judge(tables)
            .set_index(["quarter_after", "trust_code"])
            .loc[(QUARTERS[1], "ZZ000"), "smallest_change_found"]
        )
        tables[QUARTERS[1]].iloc[0] += size * (1 if seed % 2 else -1)
        found = judge(tables).set_index(["quarter_after", "trust_code"])
        hits += bool(found.loc[(QUARTERS[1], "ZZ000"), "more_than_noise"])
    assert 0.67 <= hits / 80 <= 0.93  # 0.80 and three standard errors


# --- the real files ---


def test_one_trust_of_one_step_is_flagged_in_the_real_files(real_tests):
    flagged = real_tests[real_tests["more_than_noise"]]
    assert flagged[["quarter_after", "trust_code"]].to_numpy().tolist() == [["2025-26-q4", "RY2"]]
    row = flagged.iloc[0]
    assert 0.001 <= row["q_value"] <= 0.008
    assert (row["average_before"], row["average_after"]) == (2.39, 3.34)
    assert len(real_tests) == 3 * 61
    others = real_tests["q_value"].drop(row.name)
    assert others.min() > 0.1


def test_every_real_change_of_segment_has_its_row(real_tests, national):
    published = national.publication.metrics.query("metric_id == 'OF5000'").pivot(
        index="trust_code", columns="quarter", values="value"
    )
    for (before, after), part in real_tests.groupby(["quarter_before", "quarter_after"]):
        moved = (part["segment_before"] != part["segment_after"]).sum()
        assert moved == (published[before] != published[after]).sum()


def test_what_noise_alone_would_move_in_the_real_files(national, real_changes):
    edges = [recompute.edges(national, one) for one in LAST]
    found = pooled_noise.noise_moves(real_changes, national.standings, LAST, MHC, *edges)
    # Recomputed by the review of the statistics in another way, with the edges of each quarter: 18.4 (12 to 25).
    assert found.expected == pytest.approx(18.4, abs=0.6)
    assert (found.low, found.high) == (12, 25)
    assert (found.trusts, found.observed) == (61, 20)
    assert found == pooled_noise.noise_moves(real_changes, national.standings, LAST, MHC, *edges)
    assert pooled_noise.noise_moves(real_changes, national.standings, LAST, MHC, edges[0] * np.nan, edges[1]) is None


def test_noise_moves_covers_the_moves_of_trusts_that_do_not_change():
    found = []
    for seed in range(60):
        scores, standings = made(scattered(seed, trusts=60, metrics=8, quarters=2))
        changes = score_changes.score_changes(scores, "acute", [STEPS[0]])
        found.append(pooled_noise.noise_moves(changes, standings, STEPS[0], "acute", EDGES, EDGES, draws=1000))
    hits = sum(one.low <= one.observed <= one.high for one in found)
    assert hits >= 51  # of 60; at 95% fewer has a chance below 0.2%
    seen, expected = (np.mean([getattr(one, name) for one in found]) for name in ("observed", "expected"))
    assert expected == pytest.approx(seen, rel=0.12)


def test_noise_moves_agrees_with_the_formula_for_normal_noise():
    scores, standings = made(scattered(11, trusts=200, metrics=8, quarters=2))
    changes = score_changes.score_changes(scores, "acute", [STEPS[0]])
    found = pooled_noise.noise_moves(changes, standings, STEPS[0], "acute", EDGES, EDGES)
    tests = change.change_tests(changes, standings, "acute")
    centre = tests[["average_before", "average_after"]].mean(axis=1).to_numpy()[:, None]
    half = tests["usual_change"].to_numpy()[:, None] / 2
    spread = tests["standard_error"].to_numpy()[:, None] / np.sqrt(2)
    inside = [
        np.diff(stats.norm.cdf((EDGES - centre + sign * half) / spread), axis=1, prepend=0.0, append=1.0)
        for sign in (1, -1)
    ]
    assert found.expected == pytest.approx((1 - (inside[0] * inside[1]).sum(axis=1)).sum(), rel=0.03)


# --- the value's own direction ---


def test_scores_and_values_of_the_real_files_that_went_apart(national):
    changes = score_changes.score_changes(national.scores, MHC, [(QUARTERS[0], QUARTERS[3])])
    table = score_changes.directions(changes, national.publication.metrics, national.framework(QUARTERS[3]).by_score)
    known = table[table["value_change"].notna()]
    # The review of the statistics counted 88 of 427, first quarter to last, among scores that moved as displayed.
    assert (int(known["score_better"].notna().sum()), int(known["apart"].sum())) == (427, 88)
    crisis = table[(table["trust_code"] == "RX4") & (table["metric_id"] == "OF1016")].iloc[0]
    assert (crisis["value_before"].round(1), crisis["value_after"].round(1)) == (71.8, 77.2)
    assert crisis["value_better"] and not crisis["score_better"] and crisis["apart"]


def test_directions_by_hand():
    rule = Metric(
        value_id="OF0001", score_id="OF1000", name="x", domain="d", sub_domain="d", better="high", shape="ranked",
        pool="national", source="s", certainty="official",
    )  # fmt: skip
    tables = {
        QUARTERS[0]: pd.DataFrame({"OF1000": [2.0, 2.0, 2.0, 2.0]}, list("ABCD")),
        QUARTERS[1]: pd.DataFrame({"OF1000": [2.5, 1.5, 2.0, 2.5]}, list("ABCD")),
    }
    changes = score_changes.score_changes(made(tables)[0], "acute", [STEPS[0]])
    values = {"A": (10.0, 12.0), "B": (10.0, 12.0), "C": (10.0, 9.0)}
    metrics = pd.DataFrame(
        [(q, code, "OF0001", "%", pair[i]) for code, pair in values.items() for i, q in enumerate(QUARTERS[:2])],
        columns=["quarter", "trust_code", "metric_id", "units", "value"],
    )
    found = score_changes.directions(changes, metrics, {"OF1000": rule}).set_index("trust_code")
    assert found["apart"].to_dict() == {"A": True, "B": False, "C": False, "D": False}
    assert found.loc["A", ["score_better", "value_better"]].tolist() == [False, True]
    assert pd.isna(found.loc["C", "score_better"]) and not found.loc["C", "value_better"]
    assert pd.isna(found.loc["D", "value_better"])
