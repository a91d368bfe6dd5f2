"""Files beside a publication are read as its own are: encoding, width of rows, thousands, percent, duplicates, merged codes."""

from __future__ import annotations

import logging

import pandas as pd
import pytest

from nof.common import InputError
from nof.read import companion, mergers
from nof.read.covariate import merged, read_covariate


def written(tmp_path, content: str | bytes):
    path = tmp_path / "beds.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def faults(path) -> list:
    with pytest.raises(InputError) as caught:
        read_covariate(path)
    return caught.value.problems


@pytest.mark.parametrize(
    ("rows", "row", "words"),
    [
        ("R0A,1,200\n", 2, "wrong number of fields"),
        ('R0A,"1,200"\n', 2, "is not a number"),
        ("R0A,45%\n", 2, "is not a number"),
        ("R0A,1_200\n", 2, "is not a number"),
        ("R0A,inf\n", 2, "is not a number"),
        ("R0A,1\nR1B,2\nR0A,3\n", 4, "stands on row 2 already"),
        (",1\n", 2, "has no trust code"),
    ],
)
def test_what_a_covariate_may_not_hold(tmp_path, rows, row, words):
    (problem, *_) = faults(written(tmp_path, f"trust_code,beds\n{rows}"))
    assert (problem.file, problem.row) == ("beds.csv", row)
    assert words in problem.message


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"), (b"<html>", "HTML"), (b"PK\x03\x04", "binary"), ("trust_code,beds\nR0A,\xfc\n".encode("latin-1"), "encoding"),
        ("trust_code,beds,beds\nR0A,1,2\n", "twice"), ("trust_code,,beds\nR0A,1,2\n", "no name"),
    ],
)  # fmt: skip
def test_what_no_file_may_be(tmp_path, content, words):
    assert words in faults(written(tmp_path, content))[0].message


@pytest.mark.parametrize(
    "content",
    [
        "trust_code,beds\nR0A,1200\nR1B,7\n", "\ufefftrust_code,beds\r\nR0A,1200\r\nR1B,7\r\n,\r\n,\r\n",
        "trust_code,beds,\nR0A,1200,\nR1B,7,\n", "trust_code;beds\nR0A;1200\nR1B;7\n",
        "trust_code\tbeds\nR0A\t1200\nR1B\t7\n".encode("utf-16"),
    ],
)  # fmt: skip
def test_what_a_spreadsheet_leaves_behind_changes_nothing(tmp_path, content):
    pd.testing.assert_series_equal(
        read_covariate(written(tmp_path, content)),
        pd.Series([1200.0, 7.0], index=pd.Index(["R0A", "R1B"], name="trust_code"), name="beds"),
        check_index_type=False,
    )


def test_a_code_that_merged_is_named_with_its_successor_and_added_to_nothing(tmp_path, caplog):
    path = written(tmp_path, "trust_code,beds\nRY2,10\nRWW,5\n")
    with caplog.at_level(logging.WARNING, logger="nof"):
        found = read_covariate(path)
    assert found.to_dict() == {"RY2": 10.0, "RWW": 5.0}
    assert "row 2: RY2 merged into RWW on 2026-04-01" in caplog.text
    assert len(merged("beds.csv", pd.Series(["R0X"], index=[2]))) == 0


def test_mergers_are_read_by_the_same_reader(tmp_path):
    text = mergers.common.reference("mergers.csv").read_text(encoding="utf-8")
    whole = mergers.read_mergers()
    path = tmp_path / "mergers.csv"
    path.write_text(text + "," * (len(mergers.COLUMNS) - 1) + "\n", encoding="utf-8")
    pd.testing.assert_frame_equal(mergers.read_mergers(path), whole)
    path.write_text(text + "RX1,,RX2\n", encoding="utf-8")
    with pytest.raises(InputError, match="too few fields"):
        mergers.read_mergers(path)


def test_a_file_too_large_is_not_opened(tmp_path):
    with pytest.raises(InputError, match="too large"):
        companion.cells(written(tmp_path, "trust_code,beds\nR0A,1\n"), largest=10)
