"""From the bytes of a CSV file to cells by line number, with every fault that has nothing to do with their meaning."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

import numpy as np
import pandas as pd

from nof.common import Problem

WIDEST = 200  # columns; NHS England's files have 17. A frame of a hundred thousand takes minutes to make


def byte_problems(file: str, data: bytes) -> list[Problem]:
    """Why these bytes are no UTF-8 text file at all: empty, HTML, binary or UTF-16."""
    expected = "a CSV file in UTF-8"
    start = data[:1000].lstrip(b"\xef\xbb\xbf \t\r\n")
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return [Problem(file, "the file is in UTF-16", row=1, expected=expected)]
    if not start and not data.strip(b"\xef\xbb\xbf \t\r\n"):
        return [Problem(file, "the file is empty", row=1, expected=expected)]
    if start.startswith(b"<"):
        value = start.splitlines()[0][:60].decode("ascii", "replace")
        return [Problem(file, "the file is HTML or XML, not CSV", row=1, value=value, expected=expected)]
    if b"\0" in data or start.startswith((b"PK\x03\x04", b"%PDF", b"\x1f\x8b")):
        return [Problem(file, "the file is binary, not text", row=1, expected=expected)]
    return []


def decode(file: str, data: bytes) -> tuple[str, list[Problem]]:
    """The text of a file, and a problem for its first byte that is not UTF-8."""
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        return data.decode("utf-8"), []
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line = len(before.splitlines()) + (before[-1:] in (b"", b"\n", b"\r"))
        problem = Problem(
            file, "the file is in another encoding", row=line,
            value=f"byte 0x{data[error.start]:02x}", expected="UTF-8",
        )  # fmt: skip
        return data.decode("utf-8", errors="replace"), [problem]


def split(file: str, text: str) -> tuple[list[str], pd.DataFrame, list[Problem]]:
    """Header, cells as text (index: the line on which the row starts) and problems of the layout."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows, lines, problems, start = [], [], [], 1
    try:
        for row in reader:
            if row:  # an empty line is no row
                rows.append(row)
                lines.append(start)
            start = reader.line_num + 1
    except csv.Error as error:
        message = "broken quote, or the file is cut short; nothing after this row was read"
        problems.append(Problem(file, message, start, value=str(error), expected="closed quotes"))
    header = [name.strip() for name in rows[0]] if rows else []
    if len(header) > WIDEST:
        problem = Problem(
            file, "too many columns", lines[0], value=f"{len(header)} columns", expected=f"at most {WIDEST}"
        )
        return header[:WIDEST], _cells([], [], WIDEST), [problem]
    whole = [place for place in range(1, len(rows)) if len(rows[place]) == len(header)]
    if len(whole) < len(rows) - 1:
        problems += _wrong_widths(file, rows, lines)
    cells = _cells([rows[place] for place in whole], [lines[place] for place in whole], len(header))
    return header, cells, problems


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


def each(cells: np.ndarray, function: Callable[[str], object]) -> np.ndarray:
    """Apply a function to every cell, calling it once per different text."""
    codes, texts = pd.factorize(cells)
    results = np.empty(len(texts), dtype=object)
    for place, text in enumerate(texts):  # not a list: numpy would unpack the tuples
        results[place] = function(text)
    return results[codes]
