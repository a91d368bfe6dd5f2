"""Days of publication: reported by a named document, or said to be unknown."""

from __future__ import annotations

import datetime as dt

import pytest

from nof import common
from nof.common import InputError, Quarter
from nof.method import board, trust_who
from nof.method.opening import open_publication
from nof.read import published


def of(quarter):
    return published.published(Quarter.parse(quarter))


def test_days_are_those_that_board_papers_report():
    """shared/method/nof-2026-27.md: Q1 2026/27 on 10 September 2026, Q4 2025/26 on 11 June 2026."""
    assert (of("2026-27-q1").day, of("2025-26-q4").day) == (dt.date(2026, 9, 10), dt.date(2026, 6, 11))
    assert "RDR, RHU and RX3" in of("2026-27-q1").source
    assert of("2026-27-q2") is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sources: {A: a}\npublished: {2025-26-q4: {day: 2026-03-31, source: A}}", "had not ended"),
        ("sources: {A: a}\npublished: {2025-26-q4: {day: 2026-06-11, source: B}}", "not given: B"),
        ("sources: {A: a}\npublished: {2025-26-q4: {day: June, source: A}}", "published.2025-26-q4.day"),
        ("sources: {A: a}\npublished: {2025-26-q9: {day: 2026-06-11, source: A}}", "2025-26-q9"),
        ("sources: {A: a}", "published"),
    ],
    ids=["before its end", "no such source", "no day", "no quarter", "nothing"],
)
def test_a_file_that_is_wrong_is_refused_with_the_place(tmp_path, monkeypatch, text, said):
    (tmp_path / published.FILE).write_text(text, encoding="utf-8")
    monkeypatch.setattr(common, "reference", lambda name: tmp_path / name)
    published._known.cache_clear()
    try:
        with pytest.raises(InputError, match=said):
            of("2025-26-q4")
    finally:
        published._known.cache_clear()


def test_a_page_names_the_tables_that_came_next_and_of_made_up_ones_that_no_day_is_known(real):
    own = trust_who.who(board.trust_of(open_publication(real), "2025-26-q4", "RDY"))
    assert (own.next_quarter, own.next_published) == ("Q1 2026/27", dt.date(2026, 9, 10))
    assert own.next_source == of("2026-27-q1").source
    made_up = trust_who.who(board.trust_of(open_publication(common.demo()), "2025-26-q4", "X0D"))
    assert (made_up.next_quarter, made_up.next_published, made_up.next_source) == ("Q1 2026/27", None, None)
