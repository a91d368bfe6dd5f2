"""Mergers, against the NHS Organisation Data Service and the real files of 2025/26."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from nof.common import InputError, Quarter
from nof.method.lineage import (
    affected,
    blank_because_of_merger,
    events_of,
    merged_position,
    not_comparable,
    survey_timing,
)
from nof.method.reporting_dates import parse
from nof.method.succession import lineage, successors, unexplained
from nof.method.timeliness import metric_periods
from nof.read.mergers import read_mergers

Q1, Q2, Q3, Q4 = (f"2025-26-q{n}" for n in (1, 2, 3, 4))
NEXT = "2026-27-q1"
HEADER = "predecessor_code,predecessor_name,successor_code,successor_name,effective_date,kind,source\n"


@pytest.fixture(scope="module")
def mergers():
    return read_mergers()


@pytest.fixture(scope="module")
def trusts(metrics):
    return metrics[["quarter", "trust_code", "trust_name", "trust_type"]].drop_duplicates()


@pytest.fixture(scope="module")
def league(real):
    (path,) = real.glob("*league-table-q4*.csv")
    frame = pd.read_csv(path, encoding="utf-8-sig")
    return frame.rename(columns=str.lower)


@pytest.fixture(scope="module")
def scores(metrics):
    # OF1079 and OF1081 are shown but not averaged (method note, section 1.4)
    of_quarter = metrics[(metrics["quarter"] == Q4) & metrics["metric_id"].str.startswith("OF1")]
    averaged = of_quarter[~of_quarter["metric_id"].isin(["OF1079", "OF1081"])]
    return averaged.rename(columns={"value": "score"}).assign(weight=1.0)


@pytest.fixture
def table(tmp_path):
    """Write a table of mergers made for the test and read it."""

    def write(*rows, header=HEADER):
        path = tmp_path / "mergers.csv"
        path.write_text(header + "".join(f"{row}\n" for row in rows), encoding="utf-8")
        return read_mergers(path)

    return write


# -- the table itself -------------------------------------------------------------------------


def test_codes_and_dates_are_those_of_ods_both_ways(mergers, real):
    ods = pd.read_csv(real / "ods-trust-successors.csv")
    ods = ods[ods["effective_date"] >= "2018-01-01"]
    theirs = set(ods.itertuples(index=False, name=None))
    dates = mergers["effective_date"].dt.strftime("%Y-%m-%d")
    ours = set(zip(mergers["predecessor_code"], mergers["successor_code"], dates, strict=True))
    assert ours == theirs
    assert len(mergers) == 34


def test_names_are_those_of_ods(mergers, real):
    ods = pd.read_csv(real / "ods-etr-trusts-2025-12.csv", header=None, dtype=str)
    names = ods.set_index(0)[1]
    for side in ("predecessor", "successor"):
        for code, name in zip(mergers[f"{side}_code"], mergers[f"{side}_name"], strict=True):
            assert code == "TAF" or name.upper() == names[code]  # TAF is not in that list


def test_kind_follows_the_dates_on_which_codes_opened(mergers, real):
    ods = pd.read_csv(real / "ods-etr-trusts-2025-12.csv", header=None, dtype=str)
    opened = pd.to_datetime(ods.set_index(0)[10], format="%Y%m%d")
    split = mergers["predecessor_code"].duplicated(keep=False)
    new = mergers["successor_code"].map(opened) == mergers["effective_date"]
    assert (mergers["kind"] == np.select([split, new], ["split", "merger"], "acquisition")).all()


@pytest.mark.parametrize(
    ("rows", "row", "column", "value"),
    [
        (["AAA,,BBB,,2024-13-01,,test"], 2, "effective_date", "2024-13-01"),
        (["AAA,,BBB,,01/10/2024,,test"], 2, "effective_date", "01/10/2024"),
        (["AAA,,BBB,,20241001,,test"], 2, "effective_date", "20241001"),
        (["AAA,,BBB,,2024-10-01,takeover,test"], 2, "kind", "takeover"),
        (["AAA,,BBB,,2024-10-01,,test", ",,BBB,,2024-10-01,,test"], 3, "predecessor_code", ""),
        (["AAA,,BBB,,2024-10-01,,test", "AAA,,BBB,,2025-10-01,,test"], 3, "successor_code", "AAA into BBB"),
        (["AAA,,AAA,,2024-10-01,,test"], 2, "predecessor_code", "AAA"),
        (["AAA,,BBB,,2024-10-01,,"], 2, "source", ""),
        (["AAA,,BBB,,2024-10-01"], 2, None, "5 fields"),  # which cell is missing cannot be told
    ],
)
def test_a_bad_row_is_named(table, rows, row, column, value):
    with pytest.raises(InputError) as caught:
        table(*rows)
    problem = caught.value.problems[0]
    assert (problem.file, problem.row, problem.column, problem.value) == ("mergers.csv", row, column, value)
    assert problem.expected


def test_a_circle_is_refused(table):
    with pytest.raises(InputError, match="circle") as caught:
        table(
            "AAA,,BBB,,2024-10-01,,test",
            "BBB,,CCC,,2025-10-01,,test",
            "CCC,,AAA,,2026-10-01,,test",
            "DDD,,AAA,,2026-10-01,,test",
        )
    assert [problem.value for problem in caught.value.problems] == ["AAA", "BBB", "CCC"]


def test_a_missing_column_and_a_missing_file_are_named(table, tmp_path):
    with pytest.raises(InputError, match="column effective_date: column is missing"):
        table(header="predecessor_code,predecessor_name,successor_code,successor_name,kind,source\n")
    with pytest.raises(InputError, match="absent.csv: cannot be read"):
        read_mergers(tmp_path / "absent.csv")


# -- lineage ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "on", "today"),
    [
        ("R1C", (2024, 9, 30), {"R1C"}),
        ("R1C", (2024, 10, 1), {"RW1"}),
        ("RAP", (2025, 1, 1), {"RAL"}),
        ("TAF", (2026, 1, 1), {"G6V2S"}),
        ("RNK", (2026, 3, 31), {"RNK"}),
        ("RNK", (2026, 4, 1), {"G6V2S"}),
        ("RW6", (2021, 9, 30), {"RW6"}),
        ("RW6", (2021, 10, 1), {"RM3", "R0A"}),
        ("RJ1", (2026, 1, 1), {"RJ1"}),
        ("XXX", (2026, 1, 1), {"XXX"}),
    ],
)
def test_lineage_of_a_code_on_a_day(mergers, code, on, today):
    assert lineage(code, dt.date(*on), mergers) == today
    assert lineage(code, dt.date(*on)) == today  # the project's own table is the default


def test_a_trust_that_was_split_has_two_successors(mergers):
    assert successors("RW6", dt.date(2022, 1, 1), mergers) == {"RM3", "R0A"}


def test_a_chain_through_a_split_and_a_new_trust(table):
    made = table(
        "AAA,,BBB,,2020-04-01,acquisition,test",
        "BBB,,CCC,,2021-04-01,split,test",
        "BBB,,DDD,,2021-04-01,split,test",
        "CCC,,EEE,,2022-04-01,merger,test",
    )
    assert lineage("AAA", dt.date(2020, 3, 31), made) == {"AAA"}
    assert lineage("AAA", dt.date(2020, 4, 1), made) == {"BBB"}
    assert lineage("AAA", dt.date(2021, 4, 1), made) == {"CCC", "DDD"}
    assert lineage("AAA", dt.date(2022, 4, 1), made) == {"EEE", "DDD"}


def test_every_merger_is_seen_from_each_side(mergers):
    events = events_of(mergers)
    assert events["other_codes"].map(len)[events["role"] == "successor"].sum() == len(mergers)
    assert events["other_codes"].map(len)[events["role"] == "predecessor"].sum() == len(mergers)


def test_trusts_affected_in_q4(trusts, mergers):
    found = affected(trusts, Q4, mergers)
    seen = [
        (row.trust_code, f"{row.event_date:%Y-%m-%d}", row.role, row.other_codes, row.timing)
        for row in found.itertuples()
    ]
    assert seen == [
        ("RW1", "2024-10-01", "successor", ("R1C",), "before quarter"),
        ("G6V2S", "2024-11-01", "successor", ("RRP", "TAF"), "before quarter"),
        ("G6V2S", "2026-04-01", "successor", ("RNK",), "after quarter"),
        ("RNK", "2026-04-01", "predecessor", ("G6V2S",), "after quarter"),
        ("RY2", "2026-04-01", "predecessor", ("RWW",), "after quarter"),
        ("RY3", "2026-04-01", "successor", ("RYV",), "after quarter"),
        ("RYV", "2026-04-01", "predecessor", ("RY3",), "after quarter"),
    ]
    assert found["note"].iloc[0] == (
        "Solent NHS Trust became part of Hampshire and Isle of Wight Healthcare NHS Foundation Trust on "
        "1 October 2024. Data from before that day come from before the merger."
    )


def test_how_far_back_can_be_chosen(trusts, mergers):
    assert set(affected(trusts, Q4, mergers, months=12)["timing"]) == {"after quarter"}
    since = affected(trusts, Q4, mergers, since=dt.date(2018, 1, 1))
    assert {"RRE", "RTQ"} <= set(since["trust_code"])


def test_a_merger_inside_the_quarter_and_one_on_its_first_day(trusts, table):
    inside = affected(trusts, Q4, table("R1C,,RW1,,2026-02-01,,test"))
    assert inside["timing"].tolist() == ["in quarter"]
    assert "R1C became part of Hampshire" in inside["note"].iloc[0]  # a blank name: the code stands for it
    assert affected(trusts, Q4, table("R1C,,RW1,,2026-01-01,,test"))["timing"].tolist() == ["before quarter"]
    assert affected(trusts, Q4, table("AAA,,BBB,,2026-01-01,,test")).empty


def test_year_on_year_metric_is_blank_for_the_trusts_formed_in_2024(metrics, mergers):
    for quarter in (Q1, Q2, Q3):
        found = blank_because_of_merger(metrics, quarter, mergers)
        assert list(zip(found["trust_code"], found["metric_id"], found["has_it_in"], strict=True)) == [
            ("RW1", "OF0041", (Q4,)),
            ("G6V2S", "OF0041", ()),
        ]
    (last,) = blank_because_of_merger(metrics, Q4, mergers, metric_periods(metrics, Q4)).to_dict("records")
    assert (last["trust_code"], last["metric_id"]) == ("G6V2S", "OF0041")
    assert last["share_with_metric"] == pytest.approx(50 / 61)
    # Hampshire and Isle of Wight, merged inside the same window, has a value: the merger alone does not explain the blank.
    assert last["merged_with_value"] == ("RW1",)
    first = blank_because_of_merger(metrics, Q1, mergers)
    assert first["merged_with_value"].tolist() == [(), ()]


def test_a_blank_is_not_laid_to_a_merger_outside_the_window(metrics, table):
    # RW1 lacks OF0041 in Q1, whose window is June 2023 to June 2025
    for date, rows in (("2023-06-01", 0), ("2023-06-02", 1), ("2025-06-30", 1), ("2025-07-01", 0)):
        found = blank_because_of_merger(metrics, Q1, table(f"R1C,,RW1,,{date},,test"))
        assert len(found[found["metric_id"] == "OF0041"]) == rows, date


def test_nothing_known_gives_empty_tables(metrics, trusts, mergers):
    none = mergers.iloc[:0]
    assert blank_because_of_merger(metrics, Q4, none).empty
    assert blank_because_of_merger(metrics, NEXT, mergers).empty
    assert affected(trusts, Q4, none).empty
    assert affected(trusts, NEXT, mergers).empty
    assert not_comparable(trusts, Q1, Q4, none).empty
    assert unexplained(trusts.iloc[:0], mergers).empty


def test_quarters_that_a_merger_sets_apart(trusts, mergers):
    assert not_comparable(trusts, Q1, Q4, mergers).empty
    later = trusts[trusts["quarter"] == Q4].assign(quarter=NEXT)
    both = pd.concat([trusts, later])
    broken = not_comparable(both, Q4, NEXT, mergers)
    assert set(broken["trust_code"]) == {"G6V2S", "RNK", "RY2", "RY3", "RYV"}
    pd.testing.assert_frame_equal(broken, not_comparable(both, NEXT, Q4, mergers))


def test_the_days_on_which_a_merger_breaks_a_comparison(trusts, table):
    for date, rows in (("2025-07-01", 0), ("2025-07-02", 1), ("2025-12-31", 1), ("2026-01-01", 0)):
        assert len(not_comparable(trusts, Q2, Q3, table(f"R1C,,RW1,,{date},,test"))) == rows, date


def test_codes_that_come_and_go(trusts, mergers):
    assert unexplained(trusts, mergers).empty
    later = trusts[trusts["quarter"] == Q4].assign(quarter=NEXT)
    # What the mergers of April 2026 do, and one trust that goes and one that comes for no known reason.
    later = later[~later["trust_code"].isin(["RNK", "RY2", "RYV", "RP7"])]
    new = later.iloc[:1].assign(trust_code="XYZ", trust_name="made for the test")
    found = unexplained(pd.concat([trusts, later, new]), mergers)
    assert found[["quarter", "trust_code", "change"]].values.tolist() == [
        [NEXT, "RP7", "vanished"],
        [NEXT, "XYZ", "appeared"],
    ]
    unknown = unexplained(pd.concat([trusts, later]), mergers.iloc[:0])
    assert set(unknown["trust_code"]) == {"RNK", "RP7", "RY2", "RYV"}


def test_a_table_may_use_the_codes_of_its_day_of_publication(trusts, mergers, table):
    # Q4 is published in the quarter after it: by then RNK, merged on 1 April 2026, may be gone
    without = trusts[(trusts["quarter"] != Q4) | (trusts["trust_code"] != "RNK")]
    assert unexplained(without, mergers).empty
    too_late = unexplained(without, table("RNK,,G6V2S,,2026-07-01,,test"))
    assert too_late["trust_code"].tolist() == ["RNK"]


def test_a_type_without_a_file_is_not_a_type_without_trusts(trusts, mergers):
    acute = trusts[trusts["quarter"] == Q4].assign(trust_type="acute")
    acute["trust_code"] = "A" + acute["trust_code"]
    assert unexplained(pd.concat([trusts, acute]), mergers).empty


def test_survey_and_merger(mergers):
    survey_2024, survey_2025 = parse("2024", Q1), parse("2025", NEXT)
    on = Quarter.parse(NEXT).last_day
    assert survey_timing("RAL", survey_2024, on, mergers) == "before"  # merged on 1 January 2025
    assert survey_timing("RW1", survey_2024, on, mergers) == "spans"  # merged on 1 October 2024
    assert survey_timing("RW1", survey_2025, on, mergers) == "after"
    assert survey_timing("RP7", survey_2025, on, mergers) == "no merger"
    assert survey_timing("RW1", parse("Latest published if awarded post August 2023", Q1), on, mergers) == "unknown"
    assert survey_timing("RY3", survey_2025, on, mergers) == "before"
    assert survey_timing("RY3", survey_2025, Quarter.parse(Q4).last_day, mergers) == "no merger"  # not yet merged


# -- a merged trust's place -------------------------------------------------------------------


def test_arithmetic_of_a_merged_trust_by_hand():
    """Made for the test: AAA has m1, m2, m3; BBB has m1, m2, m4."""
    scores = pd.DataFrame(
        [
            ("AAA", "m1", 1.0, 1.0),
            ("AAA", "m2", 3.0, 1.0),
            ("AAA", "m3", 2.0, 1.0),
            ("BBB", "m1", 2.0, 1.0),
            ("BBB", "m2", 2.0, 1.0),
            ("BBB", "m4", 4.0, 0.5),
        ],
        columns=["trust_code", "metric_id", "score", "weight"],
    )
    league = pd.DataFrame(
        {
            "trust_code": ["CCC", "AAA", "DDD", "BBB", "EEE"],
            "rank": range(1, 6),
            "segment": 1,
            "average_score": [1.9, 2.0, 2.0, 2.4, 2.58],
        }
    )
    league["trust_name"] = league["trust_code"]
    found = merged_position(league, scores, ["AAA", "BBB"])
    assert (found.shared, found.either, found.of) == (2, 4, 4)
    assert found.average_best == 2.0  # (1 + 2 + 2 + 4/2) / 3.5
    assert found.average_worst == 2.57  # (2 + 3 + 2 + 4/2) / 3.5 = 2.571
    assert (found.place_best, found.place_worst) == (2, 3)  # a tie with DDD takes the better place
    assert found.predecessors["place_by_average"].tolist() == [2, 4]
    assert found.predecessors["metrics_scored"].tolist() == [3, 3]


def test_the_scores_used_are_those_that_nhs_england_averaged(scores, league):
    mean = scores.groupby("trust_code")["score"].mean()
    published = league.set_index("trust_code")["average_score"]
    assert (mean - published).abs().max() < 0.0101  # rounded scores; exact ones are the scoring room's


def test_places_of_the_mergers_of_april_2026(league, scores):
    north_london = merged_position(league, scores, ["G6V2S", "RNK"])
    assert north_london.predecessors["rank"].tolist() == [38, 50]
    assert (north_london.average_best, north_london.average_worst) == (2.28, 2.73)
    assert (north_london.place_best, north_london.place_worst, north_london.of) == (31, 52, 60)
    east = merged_position(league, scores, ["RYV", "RY3"])
    assert east.predecessors["rank"].tolist() == [8, 18]
    assert (east.average_best, east.average_worst, east.place_best, east.place_worst) == (1.65, 2.4, 3, 38)


def test_predecessors_with_the_same_metrics_lie_inside_the_range(league, scores):
    found = merged_position(league, scores, ["RYV", "RY3"])
    assert found.shared == found.either
    inside = found.predecessors["average_score"].between(found.average_best, found.average_worst)
    assert inside.all()


def test_a_merger_across_trust_types_cannot_be_placed(league, scores):
    assert merged_position(league, scores, ["RY2", "RWW"]) is None  # RWW is an acute trust
    assert merged_position(league, scores, ["RY2"]) is None
