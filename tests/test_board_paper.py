"""The board paper: blanks are lines to write on, the verdict and the table are the facts', bad fields are named."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest
from test_safe import TOLD

from nof.briefing import params
from nof.common import InputError
from nof.show import board_paper


def rows(table):
    return table.data()["rows"]


def test_what_is_not_given_is_a_line_to_write_on():
    fields = {"meeting": "Board, in public", "date": "2026-07-09", "author": "", "purpose": "  "}
    assert dict(rows(board_paper.front("League table", fields))) == {
        "Meeting": "Board, in public",
        "Date": "9 July 2026",
        "Subject": "League table",
        "Author": board_paper.RULE,
        "Purpose": board_paper.RULE,
    }


def metrics(*adds):
    names = [f"metric {number}" for number in range(len(adds))]
    ranks = [134, 101, 60, 30, 2, 1, 67][: len(adds)]
    return pd.DataFrame(
        {"name": names, "units": "%", "value": 5.0, "median": 6.0, "rank": ranks, "ranked": 134, "contribution": adds}
    )


def test_what_hurts_most_stands_first_and_what_helps_most_last():
    found = board_paper.spine(metrics(0.5, 0.2, 0.1, 0.05, 0.0, -0.1, -0.3)).data()["rows"]
    assert [(row[0], row[-1]) for row in found] == [
        ("Metric 0", "+0.50"), ("Metric 1", "+0.20"), ("Metric 2", "+0.10"), ("Metric 5", "−0.10"), ("Metric 6", "−0.30"),
    ]  # fmt: skip
    assert [row[3] for row in found[:3]] == [
        "worst quarter: 134 of 134",
        "worst quarter: 101 of 134",
        "second quarter: 60 of 134",
    ]
    assert found[3][3] == "best quarter: 1 of 134" and found[0][1:3] == ["5.00%", "6.00%"]
    assert board_paper.spine(metrics(0.0)) is None and board_paper.spine(pd.DataFrame()) is None


def test_a_metric_without_a_place_among_its_type_says_so():
    table = metrics(0.5).assign(rank=float("nan"), ranked=float("nan"), value=float("nan"))
    assert rows(board_paper.spine(table))[0][1:4] == ["–", "6.00%", "–"]


def test_three_questions_at_most_each_with_room():
    found = board_paper.asked(TOLD)
    assert 0 < len(found) <= board_paper.QUESTIONS
    assert found[0].caption.startswith("Do our own newer figures still show long *stays* at 47.0%")
    assert all(set("".join(rows(one)[0])) <= {"_", " "} for one in found)
    assert board_paper.asked(replace(TOLD, stands=None)) == []


def test_the_front_sheet_comes_from_the_params_file_and_a_bad_field_is_named(tmp_path):
    path = tmp_path / "p.yaml"
    head = "quarter: 2025-26-q4\ndata: d\n"
    path.write_text(head + "board_paper: {meeting: ' Board ', date: 2026-07-09}\n")
    found = params.load(path).board_paper
    assert (found.meeting, found.date.isoformat(), found.author) == ("Board", "2026-07-09", None)
    path.write_text(head)
    assert params.load(path).board_paper is None
    for given, fault in (
        ("{metting: Board}", "board_paper.metting"),
        ("{date: July}", "board_paper.date"),
        ("{author: '%s'}" % ("a" * 121), "board_paper.author"),
        ('{author: "a\\nb"}', "board_paper.author"),
    ):
        path.write_text(f"{head}board_paper: {given}\n")
        with pytest.raises(InputError, match=fault):
            params.load(path)
