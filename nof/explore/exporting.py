"""What is taken away as files: the notebooks to work in; the tidy tables as a folder of CSV or Parquet files, or one workbook with a sheet of definitions and source.

CSV files begin with the mark (a byte order mark) by which Excel knows UTF-8, those of a report as well; pandas, DuckDB, R's
readr and frictionless read past it.
"""

from __future__ import annotations

import datetime as dt
import io
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from nof import common
from nof.common import MARKED, InputError, NofError, Problem, Quarter
from nof.explore import sql
from nof.explore.measuring import Data, opened
from nof.explore.sql import ALL, TABLES, tables
from nof.show.dictionary import definitions, dictionary

MOST_ROWS = 1_048_575  # of an Excel sheet, the header taken off
MOST_CHARACTERS = 32_767  # of an Excel cell
_WIDEST = 48  # characters of a column on the screen
DEFINITIONS = "definitions"


def export(
    data: Data, csv: Path | None = None, xlsx: Path | None = None, parquet: Path | None = None, force: bool = False
):
    """Write every tidy table, all quarters, in one form or several: of each form all tables or none.

    Parameters
    ----------
    data : str, Path or National
        Folder of the publication, or its results.
    csv, parquet : Path, optional
        Folders for CSV and for Parquet files, new or empty; with `force`, one that holds nothing but an earlier export is
        replaced.
    xlsx : Path, optional
        Workbook to write; with `force`, an earlier one is replaced.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    InputError
        No form asked for; a folder that holds something else, a file that is there, or a place that cannot be written.
    """
    if csv is None and xlsx is None and parquet is None:
        raise InputError(
            Problem("export", "say what to write", expected="--csv FOLDER, --xlsx FILE or --parquet FOLDER")
        )
    for folder, ending in ((csv, ".csv"), (parquet, ".parquet")):
        if folder is not None:
            _refuse(folder, ending, force)
    if xlsx is not None:
        _refuse_file(xlsx, force)
    national = opened(data)
    held = tables(national, ALL)
    made: list[Path] = []
    if csv is not None:
        made += _folder(csv, {f"{name}.csv": common.text(frame).encode(MARKED) for name, frame in held.items()})
    if parquet is not None:
        made += _folder(parquet, {f"{name}.parquet": sql.parquet(frame) for name, frame in held.items()})
    if xlsx is not None:
        made.append(_file(xlsx, workbook(held, national.publication.latest)))
    return made


# --- the workbook ---


def workbook(held: Mapping[str, pd.DataFrame], quarter: str) -> bytes:
    """Tables as one Excel workbook: what it is, what each column means, then a sheet a table with its header frozen.

    Parameters
    ----------
    held : mapping
        Tables by name; one called "about" goes first.
    quarter : str
        Slug; the workbook is dated by its last day, so that the same tables give the same bytes.

    Raises
    ------
    InputError
        A table with more rows than a sheet takes.
    """
    import xlsxwriter  # type: ignore[import-untyped]

    meanings = definitions(
        {name: [str(one) for one in frame.columns] for name, frame in held.items() if name != "about"}
    )
    listed = pd.DataFrame(
        [
            (name, len(frame), dictionary().tables[name].text)
            for name, frame in held.items()
            if name in dictionary().tables
        ],
        columns=["table", "rows", "what it is"],
    )
    sheets = {"source": _source(held, listed), DEFINITIONS: meanings}
    sheets |= {name: frame for name, frame in held.items() if name != "about"}
    stream = io.BytesIO()
    # Text from files stays text: nothing that begins with "=" becomes a formula, no address a link.
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(stream, options) as book:
        day = dt.datetime.combine(Quarter.parse(quarter).last_day, dt.time())
        book.set_properties({"title": f"NHS trust league tables, {Quarter.parse(quarter).label}", "created": day})
        head = book.add_format({"bold": True, "bottom": 1, "text_wrap": False})
        days = book.add_format({"num_format": "yyyy-mm-dd"})
        for name, frame in sheets.items():
            _sheet(book.add_worksheet(name[:31]), name, frame, head, days)
    return stream.getvalue()


def _source(held: Mapping[str, pd.DataFrame], listed: pd.DataFrame) -> pd.DataFrame:
    """What the export says of itself, then its tables."""
    about = held.get("about", pd.DataFrame(columns=["name", "text"]))
    rows = [*about.itertuples(index=False, name=None)]
    rows += [(f"table {row.table}", f"{row._2} ({row.rows} rows)") for row in listed.itertuples(index=False)]
    return pd.DataFrame(rows, columns=["what", "text"])


def _sheet(sheet, name: str, frame: pd.DataFrame, head, days) -> None:
    """One table: header in bold and frozen, numbers as numbers, days as days, blanks where nothing is known."""
    if len(frame) > MOST_ROWS:
        raise InputError(
            Problem(name, "has more rows than a sheet takes", value=str(len(frame)), expected="--csv or --parquet")
        )
    sheet.freeze_panes(1, 0)
    for place, column in enumerate(frame.columns):
        cells = frame[column]
        sheet.write_string(0, place, str(column), head)
        longest = max([len(str(column)), *(len(str(one)) for one in cells.head(200).dropna())])
        sheet.set_column(place, place, min(longest + 2, _WIDEST))
        put = _writer(sheet, cells, days)
        for row, value in enumerate(cells.tolist(), 1):
            if not pd.isna(value):
                put(row, place, value)
    if len(frame) and len(frame.columns):
        sheet.autofilter(0, 0, len(frame), len(frame.columns) - 1)


def _writer(sheet, cells: pd.Series, days):
    if pd.api.types.is_bool_dtype(cells):
        return sheet.write_boolean
    if pd.api.types.is_numeric_dtype(cells):
        return sheet.write_number
    if pd.api.types.is_datetime64_any_dtype(cells):
        return lambda row, column, value: sheet.write_datetime(row, column, value.to_pydatetime(), days)

    def text(row: int, column: int, value: object) -> None:
        """As text, cut to what a cell takes."""
        sheet.write_string(row, column, str(value)[:MOST_CHARACTERS])

    return text


# --- files, whole or not at all ---


def _folder(folder: Path, files: dict[str, bytes]) -> list[Path]:
    home = folder.resolve()
    try:
        home.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=home.parent) as staging:
            made = Path(staging) / "new"
            made.mkdir()
            for name, data in files.items():
                (made / name).write_bytes(data)
            _swap(made, home, Path(staging) / "old")
    except OSError as error:
        raise NofError(f"{folder}: cannot be written ({error.strerror})") from error
    return [folder / name for name in files]


def _swap(made: Path, folder: Path, old: Path) -> None:
    """Swap the new folder in; the old one goes with the staging area."""
    if folder.exists():
        folder.rename(old)
    try:
        made.rename(folder)
    except OSError:
        if old.exists():
            old.rename(folder)
        raise


def _file(path: Path, data: bytes) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as part:
            part.write(data)
        os.chmod(part.name, 0o644)
        os.replace(part.name, path)
    except OSError as error:
        raise NofError(f"{path}: cannot be written ({error.strerror})") from error
    return path


def _refuse(folder: Path, ending: str, force: bool) -> None:
    if folder.exists() and not folder.is_dir():
        raise InputError(Problem(str(folder), "is a file", expected="a folder"))
    held = {one.name for one in folder.iterdir()} if folder.is_dir() else set()
    foreign = sorted(held - {f"{name}{ending}" for name in TABLES})
    if foreign:
        wanted = "a new or empty folder"
        raise InputError(
            Problem(str(folder), "holds something that is no export of ours", value=foreign[0], expected=wanted)
        )
    if held and not force:
        raise InputError(Problem(str(folder), "holds an earlier export", expected="a new or empty folder, or --force"))


def _refuse_file(path: Path, force: bool) -> None:
    if path.suffix.lower() != ".xlsx":
        raise InputError(
            Problem(str(path), "is no name of a workbook", value=path.suffix, expected="a name ending in .xlsx")
        )
    if path.is_dir():
        raise InputError(Problem(str(path), "is a folder", expected="a file"))
    if path.exists() and not force:
        raise InputError(Problem(str(path), "is there already", expected="a new file, or --force"))


# --- the notebooks as files of one's own ---


def copy_notebooks(folder: Path, force: bool = False) -> list[Path]:
    """Copy every notebook, and helpers.py, which they import, into a folder.

    Parameters
    ----------
    force : bool
        Replace files that are there and say something else; without it nothing is written then.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    InputError
        A file of the same name says something else, or the folder cannot be written.
    """
    found = [*sorted(common.share("notebooks").glob("*.ipynb")), common.helpers() / "helpers.py"]
    pairs = [(source, folder / source.name) for source in found]
    changed = [place for source, place in pairs if place.exists() and place.read_bytes() != source.read_bytes()]
    if changed and not force:
        expected = "another folder, or --force"
        raise InputError(
            Problem(str(one), "is there already and says something else", expected=expected) for one in changed
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return [Path(shutil.copyfile(source, place)) for source, place in pairs]
    except OSError as error:
        raise InputError(Problem(str(folder), f"cannot be written: {error.strerror}")) from error
