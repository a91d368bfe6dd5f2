"""The tidy tables for SQL: a DuckDB connection in memory, and the same tables as Parquet files."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from nof import common
from nof.common import InputError, Problem
from nof.explore.measuring import Data, opened
from nof.method.timeliness import dated
from nof.method.view import view_of
from nof.rules import recompute
from nof.rules.recompute import National
from nof.show import pictures
from nof.show.display import Chart
from nof.show.words import source_line

if TYPE_CHECKING:
    import duckdb


# --- The tidy tables for SQL: a DuckDB connection in memory, and the same tables as Parquet files ---


LATEST, ALL = "latest", "all"
TABLES = {  # what each is, short enough for a notebook to show whole
    "metrics": "every published figure",
    "trusts": "name, type, subtype, region in each quarter",
    "league_published": "NHS England's own league tables",
    "scores": "metric scores, recomputed and as published",
    "standings": "averages, segments, places, every quarter",
    "league": "league tables with likely ranges",
    "domains": "domain scores, recomputed",
    "files": "the files behind all of this, with hashes",
    "about": "what this is, in words",
}


def tables(data: Data, quarters: str = LATEST) -> dict[str, pd.DataFrame]:
    """The tidy tables by name; `TABLES` says what each is.

    Parameters
    ----------
    quarters : str
        Quarters of `league`, whose likely ranges take a second or two for each quarter of a large type: "latest",
        "all" or a slug.
    """
    national = opened(data)
    publication = national.publication
    return {
        "metrics": dated(publication.metrics),
        "trusts": publication.trusts,
        "league_published": publication.league,
        "scores": _with_periods(national),
        "standings": national.standings,
        "league": _leagues(national, quarters),
        "domains": national.domains,
        "files": publication.files,
        "about": _about(national),
    }


def _with_periods(national: National) -> pd.DataFrame:
    """Every metric score with the period of its data, as published beside the score."""
    keys = ["quarter", "trust_code", "metric_id"]
    said = national.publication.metrics[[*keys, "reporting_date"]].drop_duplicates(keys)
    return dated(national.scores.merge(said, on=keys, how="left"))


def _leagues(national: National, quarters: str) -> pd.DataFrame:
    publication = national.publication
    wanted = (
        publication.quarters
        if quarters == ALL
        else [recompute.choose_quarter(publication, None if quarters == LATEST else quarters)]
    )
    held = national.standings[["quarter", "trust_type"]].drop_duplicates().itertuples(index=False, name=None)
    parts = [view_of(national, *one).league for one in sorted(held) if one[0] in wanted]
    return pd.concat(parts, ignore_index=True)


def _about(national: National) -> pd.DataFrame:
    publication = national.publication
    facts = {
        "source": source_line(publication.illustrative, publication.latest),
        "illustrative": "yes" if publication.illustrative else "no",
        "quarters": ", ".join(publication.quarters),
        "scores": "1.00 is best, 4.00 is worst",
        "places": "1 is best",
    }
    return pd.DataFrame({"name": list(facts), "text": list(facts.values())})


def connect(data: Data, quarters: str = LATEST) -> duckdb.DuckDBPyConnection:
    """A DuckDB connection with the tidy tables as views, in memory; `from tables` lists them.

    Nothing that a query does reaches a file or the network: DuckDB's access to both is switched off, for good. Results
    leave by `.df()` and `helpers.explore.save`.

    Parameters
    ----------
    data : str, Path or National
        Folder of the publication, or its results.
    quarters : str
        Of the view `league`: "latest", "all" or a slug; the other views hold every quarter.

    Examples
    --------
    >>> helpers.connect("data/demo").sql("select trust_name, rank from league order by rank limit 5").df()
    """
    import duckdb
    import pyarrow as pa

    connection = duckdb.connect(":memory:")
    held = tables(data, quarters)
    overview = pd.DataFrame(
        [
            {"name": name, "rows": len(frame), "columns": ", ".join(frame.columns), "what": TABLES[name]}
            for name, frame in held.items()
        ]
    )
    for name, frame in (*held.items(), ("tables", overview)):
        connection.register(name, pa.Table.from_pandas(frame, preserve_index=False))
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection


# --- Results as files: CSV and Parquet for a frame, SVG and PNG for a chart ---


_FRAME, _CHART = (".csv", ".parquet"), (".svg", ".png")
_LONGEST = 120  # characters of a file name: well under what any file system takes


def file_name(*parts: object, suffix: str) -> str:
    """A file name from parts that may hold anything: letters, digits and hyphens only.

    >>> file_name("league", "acute", "../../x", suffix=".csv")
    'league-acute-x.csv'
    """
    words = (re.sub(r"[^A-Za-z0-9]+", "-", str(part)).strip("-") for part in parts)
    return ("-".join(filter(None, words))[:_LONGEST].strip("-") or "export") + suffix


def save(result: pd.DataFrame | Chart, path: str | Path) -> Path:
    """Write a frame as .csv or .parquet, or a chart as .svg or .png: whole or not at all.

    Parameters
    ----------
    result : DataFrame or Chart
        What one of the views gave.
    path : str or Path
        Its ending says the format; folders are made as needed, an earlier file is replaced.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    InputError
        An ending that does not suit the result, or a place that cannot be written.
    """
    path = Path(path)
    suffix, known = path.suffix.lower(), _CHART if isinstance(result, Chart) else _FRAME
    if suffix not in known:
        raise InputError(
            Problem(str(path), "cannot be written so", value=suffix, expected=f"a name ending in {' or '.join(known)}")
        )
    data = _bytes(result, suffix)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as part:
            part.write(data)
        os.chmod(part.name, 0o644)
        os.replace(part.name, path)
    except OSError as error:
        raise InputError(Problem(str(path), f"cannot be written: {error.strerror}")) from error
    return path


def _bytes(result: pd.DataFrame | Chart, suffix: str) -> bytes:
    if isinstance(result, Chart):
        return pictures.standalone(result).encode() if suffix == ".svg" else pictures.png(result)
    frame = labelled(result)
    return common.text(frame).encode(common.MARKED) if suffix == ".csv" else parquet(frame)


def labelled(frame: pd.DataFrame) -> pd.DataFrame:
    """A frame whose row labels are columns, and whose column labels are one text each: a pivoted frame loses nothing.

    Row numbers (an unnamed index of whole numbers) are no labels.

    Raises
    ------
    InputError
        A label has the name of a column that holds something else.
    """
    index = frame.index
    names = [name if name is not None else f"label_{number}" for number, name in enumerate(index.names, 1)]
    if isinstance(frame.columns, pd.MultiIndex):
        frame = frame.set_axis([" / ".join(str(part) for part in one if part != "") for one in frame.columns], axis=1)
    plain = frame.rename_axis(columns=None).reset_index(drop=True)
    if index.nlevels == 1 and index.name is None and pd.api.types.is_integer_dtype(index):
        return plain
    for place, name in enumerate(names):
        values = index.get_level_values(place)
        if name not in frame:
            plain.insert(place, name, values)
        elif not pd.Index(frame[name]).equals(values):
            raise InputError(Problem("frame", "a row label has the name of another column", column=str(name)))
    return plain


def parquet(frame: pd.DataFrame) -> bytes:
    """A frame as Parquet, without its index."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), sink)
    return sink.getvalue().to_pybytes()
