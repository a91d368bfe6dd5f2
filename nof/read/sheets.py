"""From the bytes of a CSV file to cells by line number, with every fault that has nothing to do with their meaning."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd

from nof.common import Problem

WIDEST = 200  # columns; NHS England's files have 17. A frame of a hundred thousand takes minutes to make


def byte_problems(file: str, data: bytes) -> list[Problem]:
    """Why these bytes are no text file at all: empty, HTML or binary."""
    expected = "a CSV file in UTF-8"
    start = data[:1000].lstrip(b"\xef\xbb\xbf \t\r\n")
    if _wide(data) is not None:
        return []
    if not start and not data.strip(b"\xef\xbb\xbf \t\r\n"):
        return [Problem(file, "the file is empty", row=1, expected=expected)]
    if start.startswith(b"<"):
        value = start.splitlines()[0][:60].decode("ascii", "replace")
        return [Problem(file, "the file is HTML or XML, not CSV", row=1, value=value, expected=expected)]
    if b"\0" in data or start.startswith((b"PK\x03\x04", b"%PDF", b"\x1f\x8b")):
        return [Problem(file, "the file is binary, not text", row=1, expected=expected)]
    return []


def _wide(data: bytes) -> str | None:
    """The text of a file that carries the mark of UTF-16, as Excel's "Unicode text" does; None for any other."""
    if data[:2] not in (b"\xff\xfe", b"\xfe\xff"):
        return None
    try:
        return data.decode("utf-16")
    except UnicodeDecodeError:
        return None


def decode(file: str, data: bytes) -> tuple[str, list[Problem]]:
    """The text of a file in UTF-8, or in UTF-16 that is marked so, and a problem for its first byte that is neither."""
    wide = _wide(data)
    if wide is not None:
        return wide, []
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        return data.decode("utf-8"), []
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line = len(before.splitlines()) + (before[-1:] in (b"", b"\n", b"\r"))
        problem = Problem(
            file, "the file is in another encoding", row=line, value=f"byte 0x{data[error.start]:02x}",
            expected='UTF-8; in Excel: save as "CSV UTF-8 (comma delimited)"',
        )  # fmt: skip
        return data.decode("utf-8", errors="replace"), [problem]


class Sheet(NamedTuple):
    """A file as cells: header, cells as text (index: the line on which the row starts), problems, what was read past."""

    header: list[str]
    cells: pd.DataFrame
    problems: list[Problem]
    passed_over: list[str]


def sheet(file: str, text: str, delimiter: str = ",") -> Sheet:
    """Header and cells of a file.

    Rows without any content, and columns without name or content, are read past; spreadsheets leave both behind.
    """
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=delimiter)
    rows, lines, problems, start = [], [], [], 1
    blank = 0
    try:
        for row in reader:
            if any(map(str.strip, row)):
                rows.append(row)
                lines.append(start)
            else:
                blank += bool(row)  # an empty line is not worth a word
            start = reader.line_num + 1
    except csv.Error as error:
        message = "broken quote, or the file is cut short; nothing after this row was read"
        problems.append(Problem(file, message, start, value=str(error), expected="closed quotes"))
    header = [name.strip() for name in rows[0]] if rows else []
    if len(header) > WIDEST:
        problem = Problem(
            file, "too many columns", lines[0], value=f"{len(header)} columns", expected=f"at most {WIDEST}"
        )
        return Sheet(header[:WIDEST], _cells([], [], WIDEST), [problem], [])
    width = max((place for place, name in enumerate(header, 1) if name), default=0)
    rows = [_trimmed(row, width) for row in rows]
    nameless = width < len(header) and all(len(row) == width for row in rows)
    header = header[: len(rows[0])] if rows else []
    whole = [place for place in range(1, len(rows)) if len(rows[place]) == len(header)]
    if len(whole) < len(rows) - 1:
        problems += _wrong_widths(file, rows, lines)
    cells = _cells([rows[place] for place in whole], [lines[place] for place in whole], len(header))
    told = [f"{blank:,} row{'s' * (blank != 1)} of empty cells"] if blank else []
    told += ["an empty column without a name at the right"] if nameless else []
    return Sheet(header, cells, problems, told)


def split(file: str, text: str) -> tuple[list[str], pd.DataFrame, list[Problem]]:
    """Header, cells and problems of a file with commas; see `sheet`."""
    return sheet(file, text)[:3]


def _trimmed(row: list[str], width: int) -> list[str]:
    """A row without the empty cells to the right of the last column that has a name."""
    while len(row) > width and not row[-1].strip():
        row = row[:-1]
    return row


def delimiter_of(text: str) -> str:
    """What stands between the cells, by the first line: a comma, or what Excel puts there in other countries."""
    first = text[:10_000].splitlines()[0] if text else ""
    return max(",;\t", key=first.count) if first else ","


def _wrong_widths(file: str, rows: list[list[str]], lines: list[int]) -> list[Problem]:
    width, problems = len(rows[0]), []
    for place, row in enumerate(rows):
        if len(row) != width:
            cut = place == len(rows) - 1 and len(row) < width
            message = "the file is cut short: its last row has too few fields" if cut else "wrong number of fields"
            problems.append(
                Problem(file, message, lines[place], value=f"{len(row)} fields", expected=f"{width} fields")
            )
    return problems


def _cells(rows: list[list[str]], lines: list[int], width: int) -> pd.DataFrame:
    """Cells without outer space; "NA" is blank, as R writes it."""
    columns = list(zip(*rows, strict=True)) if rows else [()] * width

    def clean(text: str) -> str:
        """One cell."""
        text = text.strip()
        return "" if text == "NA" else text

    cleaned = {place: each(np.array(cells, dtype=object), clean) for place, cells in enumerate(columns)}
    return pd.DataFrame(cleaned, index=pd.Index(lines, dtype="int64"), dtype=object)


def matching(texts: pd.Series, pattern: str) -> pd.Series:
    """Which texts a pattern matches whole; each different text is looked at once."""
    known = re.compile(pattern)
    return texts.isin([text for text in texts.dropna().unique() if known.fullmatch(text)])


def each(cells: np.ndarray, function: Callable[[str], object]) -> np.ndarray:
    """Apply a function to every cell, calling it once per different text."""
    codes, texts = pd.factorize(cells)
    results = np.empty(len(texts), dtype=object)
    for place, text in enumerate(texts):  # not a list: numpy would unpack the tuples
        results[place] = function(text)
    return results[codes]
