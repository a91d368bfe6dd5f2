"""Files that stand beside a publication (a covariate, a trust's own values, mergers): read as the publication's own files are."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from nof.common import InputError, Problem
from nof.read.sheets import byte_problems, decode, delimiter_of, sheet

LARGEST = 10_000_000  # bytes; a table of every trust of England has some hundred thousand
EXPECTED = "a CSV file in UTF-8"


def cells(path: str | Path, largest: int = LARGEST) -> pd.DataFrame:
    """The cells of a CSV file as text, with the same rules for encoding, width of rows and blanks as the publication's.

    Parameters
    ----------
    path : str or Path
    largest : int
        Bytes above which a file is not opened.

    Returns
    -------
    DataFrame
        Columns as in the header, index the line on which a row starts; without rows of nothing but empty cells.

    Raises
    ------
    InputError
        The file cannot be read, is no text, or has a row of another width than its header, each with its line; a column
        without a name, or one that stands twice.
    """
    path = Path(path)
    try:
        size = path.stat().st_size
        data = path.read_bytes() if size <= largest else b""
    except OSError as error:
        raise InputError(Problem(path.name, f"cannot be read: {error.strerror}", expected=EXPECTED)) from error
    if size > largest:
        raise InputError(
            Problem(path.name, "the file is too large", value=f"{size:,} bytes", expected=f"at most {largest:,}")
        )
    if problems := byte_problems(path.name, data):
        raise InputError(problems)
    text, problems = decode(path.name, data)
    header, found, layout, _ = sheet(path.name, text, delimiter_of(text))
    problems += layout
    for place, name in enumerate(header, 1):
        if not name:
            problems.append(Problem(path.name, f"column {place} has no name", 1, expected="a name, or no cells in it"))
        elif name in header[: place - 1]:
            problems.append(Problem(path.name, "the column stands twice", 1, name, expected="once"))
    if problems:
        raise InputError(problems)
    return found.set_axis(header, axis="columns").astype(str)
