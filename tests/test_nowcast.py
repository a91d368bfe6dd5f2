"""A trust's own newer values: what is read, what they would score, the ranges of what may come, and the backtest."""

from __future__ import annotations

import importlib.util
import itertools
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from test_improvement import MHC, Q3, Q4, YEAR, made_up, score_of, trusts_of, with_values

from nof import common
from nof.common import InputError
from nof.method import futures, nowcast, whatif
from nof.method.opening import open_publication
from nof.read.own_values import read_own_values
from nof.rules import recompute, scoring

NOTHING = pd.DataFrame(columns=["metric_id", "value", "period", "newer"])


@pytest.fixture(scope="module")
def whole():
    return recompute.recompute(made_up(YEAR))


@pytest.fixture(scope="module")
def published(real):
    return open_publication(real)


@pytest.fixture(scope="module")
def bench():
    spec = importlib.util.spec_from_file_location("bench_nowcast", ROOT / "bench" / "nowcast.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def told_still(published, bench):
    """What was told of each step if all others stood still, by its later quarter."""
    return {step: bench.told_still(published, MHC, step) for step in futures.steps(published, Q4)}


def own(newer=True, **values) -> pd.DataFrame:
    rows = [(one, value, "2026-06", newer) for one, value in values.items()]
    return pd.DataFrame(rows, columns=list(NOTHING.columns))


# --- if all others stand still ---


def test_without_own_values_a_trust_stands_where_it_stood(whole):
    for code in trusts_of(whole, Q4):
        found = nowcast.nowcast(whole, Q4, code, NOTHING)
        assert found.still == found.published
        assert (found.metrics["state"] == nowcast.HELD).all()
        table = recompute.standing(whole, Q4, found.trust_type).loc[code]
        assert found.published.average == pytest.approx(table["average"])
        assert (found.published.rank, found.published.segment) == (table["rank"], table["segment"])


def test_a_nowcast_agrees_with_publishing_the_value(whole):
    """Oracle: the whole publication made again with that one value; a place at most, since ranks beside it shift."""
    asked = [(code, "OF0082", value) for code in ("ZZM2", "ZZA3", "ZZB1") for value in (3.4, 5.0, 7.6)]
    for (code, _, value), (again, quarter) in zip(asked, with_values(whole.publication, asked), strict=True):
        score = nowcast.nowcast(whole, Q4, code, own(OF0082=value)).metrics.set_index("metric_id")["score"]["OF1082"]
        assert score == pytest.approx(score_of(again, quarter, code, "OF1082"), abs=1e-9)


def test_a_nowcast_of_one_value_agrees_with_the_what_if(published):
    for code, (metric, value) in itertools.product(
        ("RDY", "RXG", "RW1"), {"OF0082": 4.4, "OF0081": -0.7, "OF0063": 21.0}.items()
    ):
        asked = whatif.whatif(published, Q4, code, {metric: value})
        found = nowcast.nowcast(published, Q4, code, own(**{metric: value})).still
        assert found.average == pytest.approx(asked.average)
        assert (found.segment, found.rank) == (asked.segment, asked.rank)
        assert (found.average_low, found.average_high) == (asked.average_low, asked.average_high)


def test_a_better_value_never_makes_a_trust_worse(whole):
    found = [nowcast.nowcast(whole, Q4, "ZZM1", own(OF0082=value)).still for value in np.arange(9.0, 2.0, -0.5)]
    averages, ranks = [one.average for one in found], [one.rank for one in found]
    assert averages == sorted(averages, reverse=True) and ranks == sorted(ranks, reverse=True)
    assert averages[0] > averages[-1]


def test_the_order_of_own_values_does_not_matter(whole):
    asked = own(OF0082=4.0, OF0084=7.0, OF0057=80.0)
    one, other = (nowcast.nowcast(whole, Q4, "ZZM1", part) for part in (asked, asked.iloc[::-1]))
    pd.testing.assert_frame_equal(one.metrics, other.metrics)
    assert (one.still, one.spread.rank_low, one.spread.average_high) == (
        other.still, other.spread.rank_low, other.spread.average_high)  # fmt: skip


def test_a_metric_that_a_trust_is_not_scored_on_yet_enters_its_average(whole):
    rows = whole.publication.metrics
    gone = rows[~((rows["trust_code"] == "ZZM1") & rows["metric_id"].isin(["OF0057", "OF1057"]))]
    without = recompute.recompute(replace(whole.publication, metrics=gone))
    table = nowcast.nowcast(without, Q4, "ZZM1", own(OF0057=60.0)).metrics.set_index("metric_id")
    assert table.loc["OF1057", "state"] == nowcast.NEW
    assert table.loc["OF1057", "score"] == 4.0  # below the floor of 70
    assert "OF1057" not in set(nowcast.nowcast(without, Q4, "ZZM1", NOTHING).metrics["metric_id"])


def test_what_is_not_known_is_held_and_named(published):
    table = nowcast.nowcast(published, Q4, "RDY", own(OF0082=5.0)).metrics.set_index("metric_id")
    assert table.loc["OF1082", ["state", "newer"]].tolist() == [nowcast.OWN, True]
    held = table[table["state"] == nowcast.HELD]
    assert len(held) == len(table) - 1 and (held["score"] == held["published_score"]).all()
    assert held.loc["OF1035", "why"] == "no value is published" and held.loc["OF1063", "why"] == "no own value"


# --- if all move ---


def test_no_movement_gives_ranges_of_no_width(whole):
    """Metamorphic: where nothing ever moved, the ranges close on the answer for all others standing still."""
    past = futures.moves(whole, MHC, futures.steps(whole, Q4))
    quiet = futures.Moves(
        past.scores.assign(then=past.scores["now"], told=past.scores["now"]),
        past.averages.assign(average_next=past.averages["average"], flag_next=past.averages["flag"]),
        {step: np.zeros(3) for step in past.steps},
    )
    for code in ("ZZM0", "ZZM5"):
        found = nowcast.nowcast(whole, Q4, code, own(OF0082=4.0))
        spread = nowcast.spread_of(whole, Q4, code, found.metrics, quiet)
        rounded = float(scoring.round_half_up(found.still.average))
        assert (spread.average_low, spread.average_high) == (rounded, rounded)
        assert (spread.rank_low, spread.rank_high) == (found.still.rank, found.still.rank)
        assert spread.segments[found.still.segment] == 1.0


def test_a_common_drift_widens_the_range_by_as_much(whole):
    """Oracle: every renewed metric was told 0.2 too good, so it is 0.2 off, one way or (mirrored) the other."""
    past = futures.moves(whole, MHC, futures.steps(whole, Q4))
    scores = past.scores.assign(told=past.scores["now"].clip(1.5, 3.5), moved=True, relative=True)
    drifted = futures.Moves(scores.assign(then=scores["told"] + 0.2), past.averages, past.edges)
    metrics = pd.DataFrame({"metric_id": ["OF1082"], "weight": 1.0, "score": 2.5, "newer": True, "relative": True})
    others = recompute.standing(whole, Q4, MHC)[["average", "in_deficit"]]
    drawn = futures.futures(metrics, others, 2.5, False, None, 3, drifted)
    assert set(drawn.averages.round(2)) == {2.3, 2.7} and drawn.ranks is None
    assert (drawn.averages > 2.5).mean() == pytest.approx(0.5, abs=0.05)


def test_ranges_hold_what_was_drawn_the_same_way():
    """Coverage: truths made by the assumed mechanism lie in the 80% range about that often."""
    random = np.random.default_rng(1)
    cells = list(itertools.product("abcdef", ("m1", "m2", "m3", "m4"), [f"t{one}" for one in range(30)]))
    known = pd.DataFrame(cells, columns=["step", "metric_id", "trust_code"]).assign(moved=True, relative=True)
    inside = 0
    for trial in range(150):
        told, then = [], []
        for _ in range(24):
            told.append(random.uniform(1.8, 3.2, 30))
            then.append(told[-1] + random.normal(0, 0.15) + random.normal(0, 0.05, 30))
        scores = known.assign(now=np.concatenate(told), told=np.concatenate(told), then=np.concatenate(then))
        scores = scores[futures.SCORE_MOVES]
        averages = pd.DataFrame({"step": ["a"], "average": 2.0, "average_next": 2.0, "flag": False, "flag_next": False})
        past = futures.Moves(scores, averages, dict.fromkeys("abcdef", np.zeros(3)))
        own_scores = random.uniform(2.2, 2.8, 4)
        metrics = pd.DataFrame(
            {"metric_id": ["m1", "m2", "m3", "m4"], "weight": 1.0, "score": own_scores, "newer": True, "relative": True}
        )
        drawn = futures.futures(metrics, averages, 2.0, False, None, 3, past, draws=800, seed=trial)
        truth = round(float((own_scores + random.normal(0, 0.15, 4) + random.normal(0, 0.05, 4)).mean()), 2)
        low, high = nowcast.narrowest(drawn.averages, 0.8, 0.01)
        inside += low - 1e-9 <= truth <= high + 1e-9
    assert 0.68 <= inside / 150 <= 0.90  # 80%: four standard errors of 150 trials are 13 points


def test_the_narrowest_range_against_trying_every_one():
    random = np.random.default_rng(5)
    for _ in range(30):
        drawn = random.integers(1, 12, 60)
        values = sorted(set(range(drawn.min(), drawn.max() + 1)))
        best = {}
        for low, high in itertools.combinations_with_replacement(values, 2):
            held = np.mean((drawn >= low) & (drawn <= high))
            best[high - low] = max(best.get(high - low, 0), held)
        width = min(best, key=lambda one: (round(abs(best[one] - 0.8), 9), one))
        low, high = nowcast.narrowest(drawn, 0.8)
        assert high - low == width
        assert np.mean((drawn >= low) & (drawn <= high)) == pytest.approx(best[width])


def test_one_quarter_alone_gives_no_range():
    single = recompute.recompute(made_up((Q4,)))
    found = nowcast.nowcast(single, Q4, "ZZM1", own(OF0082=4.0))
    assert found.spread is None and found.still.average != found.published.average


def test_a_missing_quarter_in_between_is_no_step():
    assert futures.steps(recompute.recompute(made_up(("2025-26-q1", Q3, Q4))), Q4) == [Q4]


def test_trusts_of_equal_nearness_are_all_borrowed_from():
    """Codes decide nothing: of twenty at the same distance all are taken, not the first ten."""
    assert len(futures._nearest(np.zeros(20))) == 20
    assert sorted(futures._nearest(np.arange(30.0))) == list(range(futures.NEAREST))


# --- the backtest ---


def test_the_backtest_that_the_page_states_is_what_the_real_files_give(published, bench, told_still):
    stated = json.loads(common.reference(bench.RESULT).read_text())["trust_types"][MHC]
    for row in stated:
        if row["step"] not in published.publication.quarters:
            continue
        table = told_still[row["step"]]
        assert row["trusts"] == len(table)
        for one in ("average", "place"):
            told = (table[f"{one}_still"] - table[one]).abs().mean()
            naive = (table[f"{one}_before"] - table[one]).abs().mean()
            assert row[f"{one}_error"] == pytest.approx(told, abs=5e-5)
            assert row[f"{one}_naive"] == pytest.approx(naive, abs=5e-5)
            assert told < naive


def test_the_ranges_of_a_step_are_those_stated(published, bench, told_still):
    row = next(
        one for one in json.loads(common.reference(bench.RESULT).read_text())["trust_types"][MHC] if one["step"] == Q3
    )
    assert Q3 not in row["learned_from"]
    table = told_still[Q3].join(bench.ranges(published, MHC, Q3, row["learned_from"]))
    assert {name: row[name] for name in bench.summed(table)} == pytest.approx(bench.summed(table), abs=0.02)


def test_the_80_percent_range_held_75_to_85_percent(bench):
    rows = json.loads(common.reference(bench.RESULT).read_text())["trust_types"][MHC]
    (whole,) = [one for one in rows if one["step"] == "all"]
    for one in ("average", "place"):
        assert 0.75 <= whole[f"{one}_inside"] <= 0.85
    assert all(one["step"] not in one["learned_from"] for one in rows)


# --- the file ---

GOOD = "metric_id,value,period\nOF0082,4.7,2026-04 to 2026-06\n"


@pytest.fixture(scope="module")
def taken(whole):
    return nowcast.taken(whole, Q4, "ZZM1")


def read(tmp_path, taken, text, encoding="utf-8"):
    path = tmp_path / "own.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    return read_own_values(path, taken)


def test_good_values_are_read(tmp_path, taken):
    text = "\ufeffvalue,period,metric_id\r\n4.7, 2026-04  to 2026-06 ,of0082\r\n,,\r\n7.1,2025-12,OF0084\r\n"
    found = read(tmp_path, taken, text)
    assert found.to_dict("list") == {
        "metric_id": ["OF0082", "OF0084"],
        "value": [4.7, 7.1],
        "period": ["2026-04 to 2026-06", "2025-12"],
        "newer": [True, False],
    }


@pytest.mark.parametrize(
    ("row", "column", "found", "said"),
    [
        ("OF9999,1,2026-06", "metric_id", "OF9999", "is no metric"),
        ("OF1082,1,2026-06", "metric_id", "OF1082", "expected the id of a value, as OF0082"),
        ("OF0082,five,2026-06", "value", "five", "is not a number"),
        ("OF0082,5%,2026-06", "value", "5%", "is not a number"),
        ("OF0082,nan,2026-06", "value", "nan", "is not a number"),
        ("OF0082,1e999,2026-06", "value", "1e999", "is not a number"),
        ("OF0082,,2026-06", "value", "", "a value is missing"),
        ("OF0082,0.047,2026-06", "value", "0.047", "looks like another unit"),
        ("OF0082,470,2026-06", "value", "470", "looks like another unit"),
        ("OF0084,11,2026-06", "value", "11", "cannot be in this unit"),
        ("OF0084,-1,2026-06", "value", "-1", "cannot be in this unit"),
        ("OF0082,4.7,June 2026", "period", "June 2026", "is not a period"),
        ("OF0082,4.7,2026-13", "period", "2026-13", "is not a period"),
        ("OF0082,4.7,", "period", "", "is not a period"),
        ("OF0082,4.7,2026-07 to 2026-04", "period", "2026-07 to 2026-04", "ends before it begins"),
        ("OF0082,4.7,2025-12", "period", "2025-12", "expected 2026-03 or later: Q4 2025/26 is published"),
    ],
)
def test_bad_values_are_named(tmp_path, taken, row, column, found, said):
    with pytest.raises(InputError) as error:
        read(tmp_path, taken, GOOD.replace("OF0082,4.7", "OF0057,80") + row + "\n")
    (problem,) = error.value.problems
    assert (problem.file, problem.row, problem.column, problem.value) == ("own.csv", 3, column, found)
    assert said in str(problem) and problem.expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the file is empty"),
        ("metric_id,value,period\n", "holds no values"),
        ("metric_id;value;period\nOF0082;4,7;2026-06\n", "row 2, column value: is not a number .found '4,7'"),
        ("metric,value,period\nOF0082,4.7,2026-06\n", "expected metric_id,value,period"),
        (GOOD + "OF0057,1,200,2026-06\n", "wrong number of fields"),
        (GOOD + "OF0082,4.8,2026-06\n", "row 3, column metric_id: stands on row 2 already"),
        (b"\xff\xfem\0e\0", "has another header"),  # UTF-16 is read: what stands there is judged
        (GOOD.encode() + b"OF0057,\x80,2026-06\n", "another encoding"),
        ("<html>", "HTML"),
    ],
)
def test_bad_files_are_named(tmp_path, taken, text, said):
    with pytest.raises(InputError, match=said):
        read(tmp_path, taken, text)


def test_every_fault_is_told_at_once(tmp_path, taken):
    with pytest.raises(InputError) as error:
        read(tmp_path, taken, "metric_id,value,period\nOF0082,x,y\nOF0,1,2026-06\n")
    assert [(one.row, one.column) for one in error.value.problems] == [(2, "value"), (2, "period"), (3, "metric_id")]


def test_a_file_that_is_not_there(tmp_path, taken):
    with pytest.raises(InputError, match="cannot be read"):
        read_own_values(tmp_path / "none.csv", taken)


def test_real_values_of_a_trust_are_taken_as_they_are(published):
    """No published value is refused as a value of one's own."""
    from nof.read.own_values import _wrong_unit

    for code in trusts_of(published, Q4):
        limits = nowcast.taken(published, Q4, code).set_index("metric_id")
        for metric_id, value in nowcast.values_of(published, Q4, code).items():
            assert metric_id in limits.index
            assert not _wrong_unit(value, limits.loc[metric_id])
            assert not (value < limits.loc[metric_id, "lowest"] or value > limits.loc[metric_id, "highest"])
