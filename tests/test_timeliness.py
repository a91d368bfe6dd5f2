"""Periods of the metrics, against the real Reporting_dates of 2025/26."""

from __future__ import annotations

import datetime as dt
import logging
import math

import builders
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nof.common import Quarter
from nof.method.opening import findings_of, open_publication
from nof.method.reporting_dates import LONGEST, Period, parse
from nof.method.timeliness import dated, in_quarter_metrics, metric_periods, unknown_styles, unmoved

Q1, Q2, Q3, Q4 = (f"2025-26-q{n}" for n in (1, 2, 3, 4))
# The scores that enter the average of a mental health and community trust (method note, section 2).
SCORED = [
    "OF1005",
    "OF1016",
    "OF1035",
    "OF1041",
    "OF1057",
    "OF1061",
    "OF1063",
    "OF1067",
    "OF1080",
    "OF1082",
    "OF1084",
    "OF1086",
]


def row(metrics, quarter, metric_id):
    periods = metric_periods(metrics, quarter).set_index("metric_id")
    return periods.loc[metric_id]


# Every style of the files, with the days read off a calendar by hand.
STYLES = [
    ("Jun-25", Q1, "month", (2025, 6, 1), (2025, 6, 30), 0),
    ("Feb-24", Q1, "month", (2024, 2, 1), (2024, 2, 29), 16),
    ("2024", Q3, "calendar year", (2024, 1, 1), (2024, 12, 31), 12),
    ("2025", Q4, "calendar year", (2025, 1, 1), (2025, 12, 31), 3),
    ("Q4 2024-25", Q1, "quarter", (2025, 1, 1), (2025, 3, 31), 3),
    ("Q1 2025/26", Q1, "quarter", (2025, 4, 1), (2025, 6, 30), 0),
    ("2023/24", Q1, "financial year", (2023, 4, 1), (2024, 3, 31), 15),
    ("2025/26", Q1, "financial year", (2025, 4, 1), (2026, 3, 31), -9),
    ("2025/26 plan", Q4, "plan", (2025, 4, 1), (2026, 3, 31), 0),
    ("Month 3 2025", Q1, "year to date", (2025, 4, 1), (2025, 6, 30), 0),
    ("Month 9 2025", Q3, "year to date", (2025, 4, 1), (2025, 12, 31), 0),
    ("Month 10 2025/26", Q4, "year to date", (2025, 4, 1), (2026, 1, 31), 2),
    ("Month 12 2025/26", Q4, "year to date", (2025, 4, 1), (2026, 3, 31), 0),
    ("Year to date 25/26", Q2, "year to date", (2025, 4, 1), (2025, 9, 30), 0),
    ("Jun 24 - Jun 25 vs Jun 23 - Jun 24", Q1, "year on year", (2024, 6, 1), (2025, 6, 30), 0),
    ("Apr 25 - Mar 26 vs Apr 24 - Mar 25", Q4, "year on year", (2025, 4, 1), (2026, 3, 31), 0),
    ("Apr 25 \N{EN DASH} Mar 26", Q4, "span", (2025, 4, 1), (2026, 3, 31), 0),
    (
        "Latest published if awarded between 13 Feb 24 and 12 Feb 26",
        Q3,
        "award window",
        (2024, 2, 13),
        (2026, 2, 12),
        -(1 + 12 / 28),
    ),
]


@pytest.mark.parametrize(("text", "quarter", "kind", "first", "last", "age"), STYLES)
def test_each_style_is_read(text, quarter, kind, first, last, age):
    period = parse(text, quarter)
    assert (period.kind, period.first_day, period.last_day) == (kind, dt.date(*first), dt.date(*last))
    assert period.text == text
    assert period.age_months(quarter) == pytest.approx(age)


def test_year_on_year_keeps_the_earlier_year():
    period = parse("Oct 24 - Sep 25 vs Oct 23 - Sep 24", Q2)
    assert (period.compared_with.first_day, period.compared_with.last_day) == (
        dt.date(2023, 10, 1),
        dt.date(2024, 9, 30),
    )


def test_an_end_that_is_not_given_is_unknown_not_guessed():
    award = parse("Latest published if awarded post August 2023", Q1)
    assert award.first_day == dt.date(2023, 9, 1)
    assert award.last_day is None
    assert math.isnan(award.age_months(Q1))
    assert not award.in_quarter(Q1)
    assert parse("Year to date 24/25", Q1).last_day is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Foo-25",
        "Jun-1925",
        "2025/27",
        "2025-06",
        "Q5 2025/26",
        "Month 13 2025/26",
        "Month 0 2025",
        "Month 12 2025",  # March of 2025 or of 2026
        "Jun 25 - Jun 24",
        "Apr 25 - Mar 26 vs Mar 25 - Apr 24",
        "Jun-25 (provisional)",
        "٢٠٢٤",
        "Latest published if awarded between 31 Feb 24 and 12 Feb 26",
        "9" * 5000,
        None,
        2024,
        float("nan"),
    ],
)
def test_what_is_not_known_is_none(text):
    assert parse(text, Q4) is None


PIECES = st.sampled_from(
    [
        "Jun",
        "25",
        "2025",
        "/",
        "-",
        " ",
        "Q1",
        "Month",
        "12",
        "vs",
        "plan",
        "to",
        "Latest published if awarded",
        "between",
        "post",
        "and",
        "August",
        "\x1b[31m",
    ]
)


@given(
    st.one_of(
        st.text(max_size=300), st.lists(PIECES, max_size=40).map(" ".join), st.lists(PIECES, max_size=40).map("".join)
    )
)
def test_any_text_gives_a_sound_period_or_none(text):
    period = parse(text, Q2)
    assert period is None or isinstance(period, Period)
    if period and period.last_day:
        assert period.first_day <= period.last_day
        assert 0 <= period.share_in_quarter(Q2) <= 1


@given(st.integers(2000, 2090), st.integers(1, 4), st.booleans())
def test_a_quarter_is_read_back_and_has_no_age_in_itself(year, number, slash):
    quarter = Quarter(year, number)
    text = quarter.label if slash else quarter.label.replace("/", "-")
    period = parse(text, quarter)
    assert (period.first_day, period.last_day) == (quarter.first_day, quarter.last_day)
    assert period.age_months(quarter) == 0
    assert period.age_months(quarter.next) == 3
    assert period.age_months(quarter.previous) == -3
    assert period.share_in_quarter(quarter) == 1
    assert [period.in_quarter(q) for q in (quarter.previous, quarter, quarter.next)] == [False, True, False]


def test_plans_and_award_windows_are_never_in_quarter():
    award = "Latest published if awarded between 13 Feb 24 and 12 Feb 26"
    assert not parse("2025/26 plan", Q4).in_quarter(Q4)
    assert not parse(award, Q4).in_quarter(Q4)
    assert parse("2025/26", Q4).in_quarter(Q4) and not parse("2025/26", Q3).in_quarter(Q3)


def test_every_reporting_date_of_the_real_file_is_read(metrics):
    assert metrics["reporting_date"].nunique() == 26
    assert unknown_styles(metrics) == ()


def test_ages_in_the_real_file(metrics):
    ages = {quarter: row(metrics, quarter, "OF0086")["age_months"] for quarter in (Q1, Q2, Q3, Q4)}
    assert ages == {Q1: 15, Q2: 6, Q3: 9, Q4: 12}  # costs: 2023/24, then 2024/25 three times
    assert [row(metrics, quarter, "OF1061")["age_months"] for quarter in (Q1, Q2, Q3, Q4)] == [6, 9, 12, 3]
    assert row(metrics, Q1, "OF0079")["age_months"] == -9
    assert math.isnan(row(metrics, Q1, "OF1067")["age_months"])


def test_a_year_that_ends_in_the_quarter_is_mostly_older(metrics):
    change = row(metrics, Q4, "OF0041")
    assert change["in_quarter"]
    assert change["share_in_quarter"] == pytest.approx(90 / 365)


def test_moved_and_values_unchanged_in_the_real_file(metrics):
    survey = row(metrics, Q3, "OF0061")
    assert (survey["moved"], survey["values_unchanged"], survey["trusts_compared"]) == (False, 1.0, 61)
    fresh = row(metrics, Q4, "OF0063")
    assert (fresh["moved"], fresh["values_unchanged"], fresh["compared_quarter"]) == (True, 0.0, Q3)
    plan = row(metrics, Q4, "OF0079")  # "2025/26", now "2025/26 plan": another wording, the same plan
    assert (plan["moved"], plan["values_unchanged"]) == (False, 1.0)
    revised = row(metrics, Q2, "OF0079")  # one trust of 61 changed its plan
    assert revised["values_unchanged"] == pytest.approx(60 / 61)
    assert metric_periods(metrics, Q1)["moved"].isna().all()


def test_unmoved_counts_in_the_real_file(metrics):
    counts = {q: unmoved(metrics, q, SCORED).iloc[0] for q in (Q1, Q2, Q3, Q4)}
    assert pd.isna(counts[Q1]["unmoved"])
    assert [(counts[q]["unmoved"], counts[q]["metrics"]) for q in (Q2, Q3, Q4)] == [(3, 12), (4, 12), (1, 11)]
    assert counts[Q3]["unmoved_ids"] == ("OF1035", "OF1061", "OF1084", "OF1086")
    assert counts[Q4]["unmoved_ids"] == ("OF1086",)
    assert unmoved(metrics, Q4).iloc[0]["unmoved_ids"] == ("OF1079", "OF1086")


def test_in_quarter_metrics_in_the_real_file(metrics):
    expected = {"OF1005", "OF1016", "OF1041", "OF1057", "OF1063", "OF1080"}
    assert all(in_quarter_metrics(metrics, q, SCORED) == expected for q in (Q1, Q2, Q3, Q4))


def test_order_of_rows_does_not_matter(metrics):
    straight = metric_periods(metrics, Q4).sort_values("metric_id", ignore_index=True)
    shuffled = metric_periods(metrics.sample(frac=1, random_state=1), Q4)
    pd.testing.assert_frame_equal(straight, shuffled.sort_values("metric_id", ignore_index=True))


def made(*rows):
    """Rows made for the test: quarter, trust, metric, date, units, value."""
    frame = pd.DataFrame(rows, columns=["quarter", "trust_code", "metric_id", "reporting_date", "units", "value"])
    return frame.assign(trust_type="acute", description="made for the test")


def test_an_unknown_style_is_a_warning_that_shows_the_text(caplog):
    hostile = "snapshot \x1b[31m" + "x" * 200
    frame = made((Q1, "AAA", "OF1001", "Winter 25", "score", 1.0), (Q1, "AAA", "OF1002", hostile, "score", 1.0))
    with caplog.at_level(logging.WARNING):
        periods = metric_periods(frame, Q1)
    assert list(periods["kind"]) == ["unknown", "unknown"]
    assert periods["last_day"].isna().all() and not periods["in_quarter"].any()
    assert "'Winter 25'" in caplog.text
    assert "\x1b" not in caplog.text
    assert all(len(text) <= LONGEST + 3 for text in unknown_styles(frame))


def test_an_unknown_style_moves_when_its_text_does():
    same = made((Q1, "AAA", "OF1001", "Winter 25", "score", 1.0), (Q2, "AAA", "OF1001", "Winter 25", "score", 1.0))
    other = made((Q1, "AAA", "OF1001", "Winter 25", "score", 1.0), (Q2, "AAA", "OF1001", "Spring 26", "score", 1.0))
    assert not metric_periods(same, Q2)["moved"].any()
    assert metric_periods(other, Q2)["moved"].all()


def test_count_and_rate_rows_are_compared_each_with_its_own():
    # as OF0020, OF0048 and OF0088 in the acute file
    frame = made(
        (Q1, "AAA", "OF0048", "Q1 2025/26", "count", 3.0),
        (Q1, "AAA", "OF0048", "Q1 2025/26", "rate", 7.5),
        (Q2, "AAA", "OF0048", "Q2 2025/26", "count", 3.0),
        (Q2, "AAA", "OF0048", "Q2 2025/26", "rate", 8.5),
    )
    (found,) = metric_periods(frame, Q2).to_dict("records")
    assert found["values_unchanged"] == 0.5
    assert found["trusts_compared"] == 1


def test_a_quarter_that_is_not_there_gives_no_rows(metrics):
    assert metric_periods(metrics, "2030-31-q1").empty
    assert in_quarter_metrics(metrics, "2030-31-q1") == frozenset()
    assert unmoved(metrics, "2030-31-q1").empty


def test_rows_are_dated_by_what_their_reporting_date_names():
    rows = pd.DataFrame(
        {"quarter": ["2025-26-q4"] * 3, "reporting_date": ["Dec-25", "2024", "some day"], "value": [1, 2, 3]}
    )
    found = dated(rows)
    assert list(found.columns) == ["quarter", "reporting_date", "first_day", "last_day", "value"]
    assert found["last_day"].dt.strftime("%Y-%m-%d").tolist()[:2] == ["2025-12-31", "2024-12-31"]
    assert (
        found["first_day"].iloc[1] == pd.Timestamp("2024-01-01")
        and found.iloc[2][["first_day", "last_day"]].isna().all()
    )
    pd.testing.assert_frame_equal(dated(rows.drop(columns="quarter"), "2025-26-q4"), found.drop(columns="quarter"))


def test_the_check_names_file_and_row_of_a_date_that_a_spreadsheet_changed(tmp_path):
    rows = builders.metric_rows()
    for row in rows:
        if row["Metric_ID"] == rows[-1]["Metric_ID"]:
            row["Reporting_date"] = "26-Mar"
    builders.write(tmp_path, builders.metrics_name(), builders.table(rows, builders.METRIC_HEADER))
    told = findings_of(open_publication(tmp_path)).query("code == 'period_unknown'")
    assert set(told["severity"]) == {"noted"} and (told["found"] == "26-Mar").all() and len(told)
    first = told.iloc[0]
    assert first["row"] > 1 and first["message"].startswith(
        f"{builders.metrics_name()}, row {first['row']}, column Reporting_date"
    )
