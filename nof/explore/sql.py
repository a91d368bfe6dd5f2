"""The tidy tables for SQL: a DuckDB connection in memory, and the same tables as Parquet files."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from nof import recompute
from nof.errors import InputError, NofError, Problem
from nof.explore.exports import parquet
from nof.explore.measuring import Data, opened
from nof.recompute import National
from nof.view import view_of
from nof.words import source_line

if TYPE_CHECKING:
    import duckdb

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
        "metrics": publication.metrics,
        "trusts": publication.trusts,
        "league_published": publication.league,
        "scores": national.scores,
        "standings": national.standings,
        "league": _leagues(national, quarters),
        "domains": national.domains,
        "files": publication.files,
        "about": _about(national),
    }


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


def export(data: Data, folder: str | Path, force: bool = False) -> list[Path]:
    """Write every tidy table, all quarters, as a Parquet file of its name: all of them or none.

    Parameters
    ----------
    folder : str or Path
        New or empty; with `force`, one that holds nothing but an earlier export is replaced.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    InputError
        The folder holds something else, or cannot be written.
    """
    folder = Path(folder)
    _refuse(folder, force)
    held = tables(data, ALL)
    try:
        folder.resolve().parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.resolve().parent) as staging:
            made = Path(staging) / "new"
            made.mkdir()
            for name, frame in held.items():
                (made / f"{name}.parquet").write_bytes(parquet(frame))
            _put(made, folder.resolve(), Path(staging) / "old")
    except OSError as error:
        raise NofError(f"{folder}: cannot be written ({error.strerror})") from error
    return [folder / f"{name}.parquet" for name in held]


def _refuse(folder: Path, force: bool) -> None:
    if folder.exists() and not folder.is_dir():
        raise InputError(Problem(str(folder), "is a file", expected="a folder"))
    held = {one.name for one in folder.iterdir()} if folder.is_dir() else set()
    foreign = sorted(held - {f"{name}.parquet" for name in TABLES})
    if foreign:
        raise InputError(
            Problem(
                str(folder),
                "holds something that is no export of ours",
                value=foreign[0],
                expected="a new or empty folder",
            )
        )
    if held and not force:
        raise InputError(Problem(str(folder), "holds an earlier export", expected="a new or empty folder, or --force"))


def _put(made: Path, folder: Path, old: Path) -> None:
    """Swap the new folder in; the old one goes with the staging area."""
    if folder.exists():
        folder.rename(old)
    try:
        made.rename(folder)
    except OSError:
        if old.exists():
            old.rename(folder)
        raise
