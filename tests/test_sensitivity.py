"""The multiverse, the randomisation check and covariates, by slow recomputation, by hand and against scipy."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from nof.common import InputError
from nof.method import association, sensitivity, setting, timeliness
from nof.method import sensitivity as choices
from nof.method import sensitivity as every_choice
from nof.method.opening import open_publication
from nof.read.covariate import read_covariate
from nof.rules import framework, ranking, recompute, scoring

MHC = "mental-health-and-community"
QUARTERS = ["2025-26-q1", "2025-26-q2", "2025-26-q3", "2025-26-q4"]
POOL = {"acute": 134, MHC: 61, "ambulance": 10}


@pytest.fixture(scope="module")
def national(real):
    return open_publication(real)


@pytest.fixture(scope="module")
def universe(national):
    inside = timeliness.in_quarter_metrics(national.publication.metrics, QUARTERS[3])
    here = setting.setting(national, QUARTERS[3], MHC)
    return here, inside, sensitivity.multiverse(here, inside)


@pytest.fixture(scope="module")
def whole_pool():
    """A made-up national pool of all three types, with the ids and weights of 2025/26."""
    random, rows = np.random.default_rng(0), []
    metrics = [one for one in framework.load("2025/26").metrics if one.score_id.startswith("OF1") and one.averaged]
    for trust_type, number in POOL.items():
        chosen = metrics if trust_type == "acute" else metrics[:: 2 if trust_type == MHC else 4]
        for trust in range(number):
            code, level = f"ZZ{trust_type[:2]}{trust}", random.normal(0, 0.4)
            scored = [
                (one.score_id, one.domain, score)
                for one, score, kept in zip(
                    chosen,
                    np.clip(2.5 + level + random.normal(0, 0.8, len(chosen)), 1, 4).round(2),
                    random.uniform(size=len(chosen)) < 0.9,
                    strict=True,
                )
                if kept
            ]
            scored.append(("OF5004", "Summary", float(random.uniform() < 0.4)))
            rows += [("2025-26-q4", trust_type, code, metric, domain, value) for metric, domain, value in scored]
    table = pd.DataFrame(rows, columns=["quarter", "trust_type", "trust_code", "metric_id", "domain", "value"])
    table = table.assign(units="score", rank=np.nan, description="", reporting_date="", sub_domain="")
    return recompute.recompute(SimpleNamespace(metrics=table, quarters=["2025-26-q4"]), level=1)


def small(scores: pd.DataFrame, counts: tuple[int, int, int], flagged: tuple[str, ...] = ()) -> setting.Setting:
    """A setting with two domains, a finance score and segments by counts."""
    domains = pd.Series(["Access"] * (scores.shape[1] - 1) + ["Finance"], scores.columns)
    average = scores.mean(axis=1)
    table = pd.DataFrame({"in_deficit": scores.index.isin(flagged), "rank": average.rank(method="min")}, scores.index)
    return setting.Setting(
        scores,
        pd.Series(1.0, scores.columns),
        domains,
        table,
        "counts",
        np.array(counts),
        3,
        {"without the finance score": (scores.columns[-1],)},
    )


# --- the published choice ---


@pytest.mark.parametrize("quarter", QUARTERS)
def test_first_choice_is_the_published_league_table(national, quarter):
    rows = national.publication.metrics.query("metric_id == 'OF5000' and quarter == @quarter")
    published = rows.set_index("trust_code")
    found = sensitivity.multiverse(setting.setting(national, quarter, MHC))
    codes = found.summary.index
    assert found.choices["label"].iloc[0] == "as published"
    assert (found.ranks[0] == published["rank"][codes]).all()
    assert (found.segments[0] == published["value"][codes]).all()


def test_first_choice_with_the_whole_pool_is_the_recomputed_table(whole_pool):
    for trust_type in POOL:
        here = setting.setting(whole_pool, "2025-26-q4", trust_type)
        found = sensitivity.multiverse(here)
        assert here.rule == "quartiles" and len(here.scores) == sum(POOL.values())
        assert (found.ranks[0] == here.standing["rank"]).all()
        assert (found.segments[0] == here.standing["segment"]).all()


# --- every choice, against a slow recomputation ---


def slow(here: setting.Setting, choice: pd.Series, inside) -> tuple[pd.Series, pd.Series]:
    """Rank and segment of each trust under one choice, one trust after the other."""
    out = {choice["left_out"], *here.finance.get(choice["finance"], ())}
    kept = [
        one
        for one in here.scores
        if one not in out and here.domains[one] not in out and (choice["data"] == "all metrics" or one in inside)
    ]
    average = pd.Series({code: slow_average(here, row[kept].dropna(), choice) for code, row in here.scores.iterrows()})
    own = average[here.standing.index]
    if here.rule == "quartiles":
        edges = ranking.quartile_edges(average)
        segment = own.map(lambda one: 1 + (one > edges + 1e-9).sum() if one == one else np.nan)
    else:
        order = own.sort_values().dropna()
        places = np.rint(here.cuts * len(order) / len(own)).astype(int)
        edges = np.array([order.iloc[place - 1] if place else -np.inf for place in places])
        segment = own.map(lambda one: 1 + (one > edges + 1e-9).sum() if one == one else np.nan)
    if choice["override"] == "on":
        segment = segment.mask(here.standing["in_deficit"] & (segment < here.no_better_than), here.no_better_than)
    first = segment if choice["rank_by"] == choices.SEGMENT_FIRST else 0
    return (first * 1000 + scoring.round_half_up(own)).rank(method="min"), segment


def slow_average(here: setting.Setting, row: pd.Series, choice: pd.Series) -> float:
    weight = here.weights[row.index].astype(float)
    if choice["weights"] == "each domain":
        weight = weight / weight.groupby(here.domains[row.index]).transform("sum")
    if row.empty:
        return np.nan
    if choice["statistic"] == "mean":
        return float(np.average(row, weights=weight))
    order = row.sort_values(kind="stable")
    reached = weight[order.index].cumsum() / weight.sum()
    return float(order[reached >= 0.5 - 1e-9].iloc[0] + order[reached > 0.5 + 1e-9].iloc[0]) / 2


def check(here: setting.Setting, found: sensitivity.Multiverse, inside, number: int) -> None:
    for place in np.random.default_rng(1).choice(len(found.choices), number, replace=False):
        rank, segment = slow(here, found.choices.iloc[place], inside)
        known = ~np.isnan(found.ranks[place])
        assert known.any()
        assert (found.ranks[place][known] == rank[known]).all(), found.choices.loc[place, "label"]
        adjusted = found.choices.loc[place, "override"] != "not used"
        assert not adjusted or (found.segments[place][known] == segment[known]).all()


def test_random_choices_of_the_real_file_agree_with_slow_recomputation(universe):
    here, inside, found = universe
    check(here, found, inside, 40)


def test_random_choices_of_a_whole_pool_agree_with_slow_recomputation(whole_pool):
    here = setting.setting(whole_pool, "2025-26-q4", "acute")
    inside = list(here.scores.columns[::2])
    check(here, sensitivity.multiverse(here, inside), inside, 6)


# --- choices ---


def test_choices_by_hand():
    scores = pd.DataFrame([[1.0, 2, 3], [2, 3, 1], [3, 1, 2], [4, 4, 4]], list("ABCD"), ["OF1001", "OF1002", "OF1080"])
    found = sensitivity.multiverse(small(scores, (1, 2, 3), ("A",)), fewest=1)
    # Metrics kept: all; without OF1001, OF1002, OF1080; only OF1080 (domain Access); only OF1001 or OF1002 (two ways
    # each, of which one counts). Leaving out Access and finance leaves nothing. Each with 2 weights, 2 statistics and
    # override on, off or not used.
    assert len(found.choices) == 7 * 2 * 2 * 3
    assert found.choices.iloc[0].drop(["differs", "label"]).to_dict() == choices.PUBLISHED
    assert found.choices["label"].is_unique
    without = sensitivity.multiverse(small(scores, (1, 2, 3)), fewest=1)
    assert len(without.choices) == 7 * 2 * 2 * 2  # nobody is flagged: the override changes nothing


def test_no_choice_counts_twice(universe):
    here, inside, found = universe
    masks = [choices.kept_metrics(here, row, inside).tobytes() for row in found.choices.to_dict("records")]
    keys = found.choices[["weights", "statistic", "override", "rank_by"]].assign(mask=masks)
    assert not keys.duplicated().any()
    assert len(found.choices) > 500


def test_a_rank_on_too_few_metrics_is_not_reported(universe):
    here, inside, found = universe
    assert found.summary["metrics_fewest"].min() >= every_choice.FEWEST
    everything = sensitivity.multiverse(here, inside, fewest=1)
    assert np.isnan(found.ranks).sum() > np.isnan(everything.ranks).sum()
    both = ~np.isnan(found.ranks)
    assert (found.ranks[both] == everything.ranks[both]).all()
    strict = sensitivity.multiverse(here, inside, fewest=100)
    assert (strict.ranks[0] == found.ranks[0]).all()  # the published rank is always there
    assert np.isnan(strict.ranks[1:]).all() and strict.summary["choices"].eq(1).all()


def test_segments_keep_their_published_numbers(universe):
    here, _, found = universe
    plain = np.flatnonzero(
        (found.choices["override"] == "off")
        & ~np.isnan(found.ranks).any(axis=1)
        & (found.choices["statistic"] == "mean")
    )
    sizes = np.array([(found.segments[plain] <= one).sum(axis=1) for one in (1, 2, 3)]).T
    assert len(plain) > 10
    assert (sizes >= here.cuts).all() and (sizes - here.cuts).max() <= 2  # more only where averages tie on an edge


# --- metamorphic ---


def random_setting(seed: int, trusts: int = 20) -> setting.Setting:
    random = np.random.default_rng(seed)
    scores = pd.DataFrame(
        random.uniform(1, 3, (trusts, 6)).round(2),
        [f"ZZ{i:02}" for i in range(trusts)],
        [f"OF1{i:03}" for i in range(6)],
    )
    return small(scores.mask(random.uniform(size=scores.shape) < 0.1), (5, 10, 15), ("ZZ03", "ZZ07"))


def test_adding_a_constant_changes_no_rank():
    here = random_setting(2)
    higher = setting.Setting(**(here.__dict__ | {"scores": here.scores + 0.5}))
    first, second = sensitivity.multiverse(here), sensitivity.multiverse(higher)
    assert np.array_equal(first.ranks, second.ranks, equal_nan=True)


def test_order_of_trusts_and_metrics_is_idle():
    here = random_setting(3)
    order = np.random.default_rng(4).permutation(20)
    turned = setting.Setting(
        **(here.__dict__ | {"scores": here.scores.iloc[order], "standing": here.standing.iloc[order]})
    )
    first, second = sensitivity.multiverse(here), sensitivity.multiverse(turned)
    assert np.array_equal(first.ranks[:, order], second.ranks, equal_nan=True)
    assert first.summary.iloc[order].equals(second.summary)


def test_summary_is_of_the_ranks(universe):
    _, _, found = universe
    assert (found.summary["rank_best"] <= found.summary["rank_published"]).all()
    assert (found.summary["rank_worst"] >= found.summary["rank_published"]).all()
    assert (found.summary["rank_best"] <= found.summary["rank_low"]).all()
    assert (found.summary["rank_high"] <= found.summary["rank_worst"]).all()
    single = sensitivity.one_at_a_time(found)
    code = found.summary.index[0]
    most = single[single["trust_code"] == code].set_index("label")["places"]
    assert abs(found.summary.loc[code, "places"]) == most.abs().max()
    assert most[found.summary.loc[code, "moves_most"]] == found.summary.loc[code, "places"]
    effects = sensitivity.choice_effects(found)
    assert effects.loc["no override", "trusts_moved"] == single.query("label == 'no override' and places != 0").shape[0]


def test_without_segments_ranks_go_by_average(national):
    here = setting.setting(national, QUARTERS[3], MHC)
    bare = setting.Setting(**(here.__dict__ | {"rule": "none", "cuts": np.array([])}))
    found = sensitivity.multiverse(bare)
    by_average = national.publication.metrics.query("metric_id == 'OF5002' and quarter == @QUARTERS[3]")
    assert (found.ranks[0] == by_average.set_index("trust_code")["rank"][found.summary.index]).all()
    assert found.summary["segment_best"].isna().all()


def test_weighted_median_is_the_median_of_repeated_scores():
    random = np.random.default_rng(5)
    score, times = random.uniform(1, 4, (50, 6)), random.integers(0, 4, (50, 6))
    times[:, 0] += 1
    found = setting.weighted_medians(score, times.astype(float))
    assert found == pytest.approx([np.median(np.repeat(*row)) for row in zip(score, times, strict=True)])


# --- shuffling ---


# --- covariates ---


def test_spearman_interval_is_that_of_bonetts_own_example():
    # dgbonett/statpsych, ci.spear: estimate 0.8699639, limits 0.5840951 and 0.9638297.
    y = pd.Series([21, 4, 9, 12, 35, 18, 10, 22, 24, 1, 6, 8, 13, 16, 19])
    x = pd.Series([67, 28, 30, 28, 52, 40, 25, 37, 44, 10, 14, 20, 28, 40, 51])
    assert association.spearman_interval(x, y) == pytest.approx((0.8699639, 0.5840951, 0.9638297), abs=1e-7)


def test_intervals_of_a_covariate_cover_the_truth():
    random, hits = np.random.default_rng(7), np.zeros(2)
    true = 6 / np.pi * np.arcsin(0.5 / 2)  # Spearman's correlation of a normal pair with Pearson's 0.5
    for _ in range(600):
        x = random.normal(size=60)
        y = 0.5 * x + np.sqrt(0.75) * random.normal(size=60)
        found = association.covariate(pd.Series(x), pd.Series(y))
        hits += [found.spearman_low <= true <= found.spearman_high, found.slope_low <= 0.5 <= found.slope_high]
    assert (hits / 600 >= 0.923).all() and (hits / 600 <= 0.977).all()  # 95% +- 3 standard errors


def test_covariate_matches_codes_and_lists_the_rest():
    numbers = pd.Series({"A": 1.0, "B": 2, "C": 4, "D": 3, "E": 5, "X": 9}, name="maturity")
    averages = pd.Series({"A": 3.0, "B": 2.8, "C": 2.0, "D": 2.5, "E": 1.5, "Y": 2.0, "Z": np.nan})
    found = association.covariate(numbers, averages)
    assert (found.trusts, found.unmatched, found.missing) == (5, ("X",), ("Y", "Z"))
    assert found.spearman == pytest.approx(-1) and found.name == "maturity"
    line = stats.linregress(numbers[list("ABCDE")], averages[list("ABCDE")])
    assert found.slope == pytest.approx(line.slope)
    assert found.slope_low == pytest.approx(line.slope - stats.t.ppf(0.975, 3) * line.stderr)
    assert "not a cause" in found.caveat


def test_covariate_with_too_few_or_equal_numbers_has_no_association():
    averages = pd.Series({"A": 1.0, "B": 2.0, "C": 3.0, "D": 4.0})
    assert np.isnan(association.covariate(pd.Series({"A": 1.0, "B": 2.0}), averages).spearman)
    flat = association.covariate(pd.Series(1.0, list("ABCD")), averages)
    assert np.isnan(flat.spearman) and np.isnan(flat.slope) and flat.trusts == 4


def test_real_digital_maturity_is_read_and_matches_no_mental_health_trust(real, national):
    found = read_covariate(real / "digital-maturity-2025-acute.csv", "dma_overall")
    assert len(found) == 127 and found["R0A"] == 3.41 and found.between(1, 5).all()
    averages = recompute.standing(national, QUARTERS[3], MHC)["average"]
    linked = association.covariate(found, averages)
    assert linked.trusts == 0 and len(linked.unmatched) == 127 and len(linked.missing) == 61


def test_a_file_with_one_column_of_numbers_needs_no_name(tmp_path):
    file = tmp_path / "beds.csv"
    file.write_text("﻿org_code, beds \nZZ1,120\n\nZZ2,\nZZ3, 88.5 \n", encoding="utf-8")
    assert read_covariate(file).to_dict() == {"ZZ1": 120.0, "ZZ3": 88.5}


@pytest.mark.parametrize(("text", "column", "said"), [
    ("code,beds\nZZ1,1\n", None, "no column of trust codes"),
    ("trust_code,a,b\nZZ1,1,2\n", None, "say which column"),
    ("trust_code,a,b\nZZ1,1,2\n", "c", "no such column (found 'c'); expected one of a, b"),
    ("trust_code,a\nZZ1,45%\n", None, "row 2, column a: ZZ1: is not a number (found '45%')"),
    ("trust_code,a\nZZ1,1\nZZ2,nan\n", None, "row 3, column a: ZZ2: is not a number (found 'nan')"),
    ("trust_code,a\nZZ1,1\nZZ1,2\n", None, "row 3, column trust_code: stands on row 2 already"),
    ("trust_code,a\n,2\n", None, "row 2, column trust_code: has no trust code"),
    ("trust_code,a\n", None, "has no rows"), ("", None, "row 1: the file is empty; expected a CSV file"),
])  # fmt: skip
def test_bad_covariates_are_one_clear_error(tmp_path, text, column, said):
    file = tmp_path / "bad.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_covariate(file, column)
    assert said in str(caught.value) and "bad.csv" in str(caught.value)


def test_every_bad_number_is_listed(tmp_path):
    file = tmp_path / "bad.csv"
    file.write_text("trust_code,a\nZZ1,x\nZZ2,y\n", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_covariate(file)
    assert [problem.row for problem in caught.value.problems] == [2, 3]


def test_missing_or_unreadable_files_are_input_errors(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_covariate(tmp_path / "none.csv")
    (tmp_path / "bytes.csv").write_bytes(b"trust_code,a\nZZ\xff,1\n")
    with pytest.raises(InputError, match="row 2: the file is in another encoding.*expected UTF-8"):
        read_covariate(tmp_path / "bytes.csv")
