"""Quarters of the NHS financial year."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nof.common import Quarter

QUARTERS = st.builds(Quarter, st.integers(2001, 2098), st.integers(1, 4))


@pytest.mark.parametrize(
    "text", ["Q4 2025/26", "Q4 2025-26", "q4 2025/26", "2025-26-q4", "2025-26-Q4", "  Q4   2025/26 "]
)
def test_parse_forms_seen_in_files(text):
    assert Quarter.parse(text) == Quarter(2025, 4)


@pytest.mark.parametrize(
    "text", ["", "Q5 2025/26", "Q0 2025/26", "Q4 2025/27", "Q4 25/26", "2025-26", "Jun-25", "Q4", "Q4 2025/26 x"]
)
def test_parse_refuses_what_is_no_quarter(text):
    with pytest.raises(ValueError, match="not a quarter"):
        Quarter.parse(text)


def test_number_is_1_to_4():
    with pytest.raises(ValueError, match="1 to 4"):
        Quarter(2025, 5)


def test_texts():
    quarter = Quarter(2025, 4)
    assert (quarter.slug, quarter.label, quarter.year_label) == ("2025-26-q4", "Q4 2025/26", "2025/26")
    assert str(quarter) == quarter.label
    assert Quarter(2099, 1).label == "Q1 2099/00"


@pytest.mark.parametrize(
    ("number", "first", "last"),
    [
        (1, dt.date(2025, 4, 1), dt.date(2025, 6, 30)),
        (2, dt.date(2025, 7, 1), dt.date(2025, 9, 30)),
        (3, dt.date(2025, 10, 1), dt.date(2025, 12, 31)),
        (4, dt.date(2026, 1, 1), dt.date(2026, 3, 31)),
    ],
)
def test_days(number, first, last):
    assert (Quarter(2025, number).first_day, Quarter(2025, number).last_day) == (first, last)


@given(QUARTERS)
def test_texts_read_back(quarter):
    assert Quarter.parse(quarter.slug) == Quarter.parse(quarter.label) == quarter


@given(QUARTERS)
def test_neighbours_touch_and_return(quarter):
    assert quarter.next.previous == quarter == quarter.previous.next
    assert quarter.next.first_day - quarter.last_day == dt.timedelta(days=1)
    assert 90 <= (quarter.last_day - quarter.first_day).days + 1 <= 92


@given(QUARTERS, QUARTERS)
def test_slugs_sort_in_time(one, other):
    assert (one < other) == (one.slug < other.slug) == (one.first_day < other.first_day)
