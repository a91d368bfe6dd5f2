"""The demo's folder: written whole or not at all, labelled, and made again when the generator changes."""

from __future__ import annotations

import hashlib
import logging
import os
import platform
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from nof import common
from nof.common import InputError, Problem, Quarter
from nof.demo import next_year, publication, two_years
from nof.demo.names import TYPE_NAMES
from nof.demo.next_year import BOARDS, BOARDS_NAME
from nof.demo.publication import FRAMEWORKS, SEED
from nof.read import store
from nof.read.checks import METRIC_COLUMNS
from nof.read.publication import TRUST_FIELDS, Publication

# --- A publication as files in NHS England's own layout: names, columns, spelling of numbers, bytes ---


MERGERS = "mergers.csv"
_KEY = ["quarter", "trust_type", "trust_code"]
EVERY_TYPE = TYPE_NAMES | {BOARDS: BOARDS_NAME}  # as NHS England writes the types in its files


def build(framework_year: str = FRAMEWORKS[0], seed: int = SEED) -> tuple[Publication, pd.DataFrame]:
    """Make the publication up, in memory.

    Parameters
    ----------
    framework_year : str
        One of `FRAMEWORKS`.
    seed : int
        Another seed gives other figures for the same trusts.

    Returns
    -------
    publication : Publication
        Four quarters; the league tables of the last one; no files.
    mergers : DataFrame
        In the columns of data/reference/mergers.csv.

    Raises
    ------
    InputError
        No such demo framework.
    """
    if framework_year not in FRAMEWORKS:
        raise InputError(
            Problem(
                "framework",
                "no demo publication of this framework year",
                value=framework_year,
                expected=f"one of {', '.join(FRAMEWORKS)}",
            )
        )
    if framework_year == next_year.YEAR:
        base, merged = publication.one_year(seed + 1)
        return next_year.build(base, seed), merged
    if framework_year == FRAMEWORKS[2]:
        return two_years.build(seed)
    return publication.one_year(seed)


def files(publication: Publication, mergers: pd.DataFrame) -> dict[str, bytes]:
    """The files of a publication made by `build`, by name."""
    made, last = {}, Quarter.parse(publication.latest)
    ending = f"q{last.number}-{last.year_label[2:].replace('/', '-')}.csv"
    names = publication.trusts[list(TRUST_FIELDS)]
    for name in publication.trust_types:
        metrics, table = (
            part[part["trust_type"] == name].merge(names, on=_KEY, how="left")
            for part in (publication.metrics, publication.league)
        )
        kind = name if name == BOARDS else f"{name}-trust"
        made[f"nhs-oversight-framework-{kind}-data-{ending}"] = _csv(_metrics_file(metrics))
        made[f"nhs-oversight-framework-{kind}-league-table-{ending}"] = _csv(_league_file(table))
    return made | {MERGERS: _csv(mergers, bom=False)}


def _metrics_file(metrics: pd.DataFrame) -> pd.DataFrame:
    numbers = ("value", "median", "lower_quartile", "upper_quartile", "rank")
    told = metrics.assign(**{name: _text(metrics[name]) for name in numbers})
    return _as_published(told, METRIC_COLUMNS)


def _league_file(table: pd.DataFrame) -> pd.DataFrame:
    text = {
        name: _text(table[name].astype(float))
        for name in ("average_score", "average_low", "average_high", "segment", "rank")
    }
    ranks = [f"{low:.0f} to {high:.0f}" for low, high in zip(table["rank_low"], table["rank_high"], strict=True)]
    figures = {
        "Average_score": text["average_score"],
        "Likely_range_of_average_score": text["average_low"] + " to " + text["average_high"],
        "Segment": text["segment"], "Trust_in_financial_deficit": table["in_deficit"].map({True: "Yes", False: "No"}),
        "Rank": text["rank"], "Likely_range_of_rank": ranks,
    }  # fmt: skip
    shared = {name: column for name, column in METRIC_COLUMNS.items() if column in TRUST_FIELDS}
    return _as_published(table, shared).assign(**figures)


def _as_published(frame: pd.DataFrame, columns: dict[str, str]) -> pd.DataFrame:
    """Columns under NHS England's names, with quarters and trust types in its words."""
    labels = {slug: Quarter.parse(slug).label for slug in frame["quarter"].unique()}
    told = frame.assign(quarter=frame["quarter"].map(labels), trust_type=frame["trust_type"].map(EVERY_TYPE))
    return pd.DataFrame({name: told[column] for name, column in columns.items()})


def _text(numbers: pd.Series) -> pd.Series:
    """Numbers as NHS England's files write them: "9.03", "0.7", "33.0", blank."""
    return numbers.map({number: "" if np.isnan(number) else repr(float(number)) for number in numbers.unique()})


def _csv(frame: pd.DataFrame, bom: bool = True) -> bytes:
    """As NHS England writes it: UTF-8 with a byte order mark, CRLF."""
    return frame.to_csv(index=False, lineterminator="\r\n").encode("utf-8-sig" if bom else "utf-8")


# --- The demo's folder: written whole or not at all, labelled, and made again when the generator changes ---


log = logging.getLogger(__name__)
MARK = "ILLUSTRATIVE"
# Folders of the project's own demo publications, which are made on first use.
OWN = {FRAMEWORKS[0]: "demo", two_years.YEAR: f"demo-{two_years.YEAR}"}
_TEXT = f"""Illustrative data. Nothing in this folder describes a real organisation.

nof/demo made these files: invented trusts with invented figures, in the layout that NHS England uses for the files
of its NHS Oversight Framework. Do not quote a figure from them. {MERGERS} lists the invented mergers of the year.
"""
# What decides the bytes of the files, beside the rules file.
_SOURCES = (
    "demo/names",
    "demo/values",
    "demo/publication",
    "demo/next_year",
    "demo/two_years",
    "demo/folder",
    "rules/scoring",
    "rules/ranking",
    "rules/uncertainty",
    "rules/recompute",
)


def ensure(folder: str | os.PathLike, framework_year: str = FRAMEWORKS[0], seed: int = SEED) -> Path:
    """Write the demo publication unless it is there, whole and made by this version of the generator.

    Returns
    -------
    Path
        The folder, for `nof.read.publication.read`.
    """
    folder = Path(folder)
    if not _is_current(folder, framework_year, seed):
        log.info("making the demo publication in %s", folder)
        write(folder, framework_year, seed)
    return folder


def at_hand(folder: Path) -> Path:
    """The folder to read: a demo publication of the project's own is made on first use, any other folder is as it is."""
    for year, name in OWN.items():
        home = common.demo().with_name(name)
        if folder.resolve() in {common.share("data", name).resolve(), home.resolve()}:
            return ensure(home, year)
    return folder


def _is_current(folder: Path, framework_year: str, seed: int) -> bool:
    mark = folder / MARK
    if framework_year not in FRAMEWORKS or not mark.is_file():
        return False
    types = TYPE_NAMES if framework_year == FRAMEWORKS[0] else EVERY_TYPE
    whole = len(_ours(folder)) == 2 * len(types) and (folder / MERGERS).is_file()
    return whole and f"Stamp: {stamp(framework_year, seed)}" in mark.read_text(encoding="utf-8")


def stamp(framework_year: str = FRAMEWORKS[0], seed: int = SEED) -> str:
    """What the files depend on: a hash of the generator's and the rules' source, the framework year and the seed."""
    here = Path(__file__).parent.parent
    sources = [here / f"{name}.py" for name in _SOURCES] + [common.frameworks() / f"{FRAMEWORKS[0]}.yaml"]
    if framework_year == two_years.YEAR:
        sources.append(common.frameworks() / f"{two_years.YEAR}.yaml")
    digest = hashlib.sha256(f"{framework_year} {seed}".encode())
    for source in sources:
        digest.update(source.read_bytes().replace(b"\r\n", b"\n"))
    return digest.hexdigest()


def write(folder: str | os.PathLike, framework_year: str = FRAMEWORKS[0], seed: int = SEED) -> Path:
    """Make the demo publication up and write it: six files in NHS England's layout, mergers.csv, and ILLUSTRATIVE.

    The same arguments give the same bytes. Every file is written elsewhere in the folder and moved into place whole;
    the label comes first and its stamp last, so no figure stands unlabelled and a broken run is seen.

    Parameters
    ----------
    folder : path
        Made if absent. Files of an earlier demo in it are replaced; other files stay.
    framework_year, seed
        As for `build`.

    Raises
    ------
    InputError
        The folder holds files of the NHS Oversight Framework that are not a demo's, or the framework is not known.
    """
    folder = Path(folder)
    _refuse_real(folder)
    made = store.made(_told(framework_year, seed), lambda: files(*build(framework_year, seed)))
    folder.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=".demo-", dir=folder))
    try:
        _put(staging, folder, MARK, _TEXT.encode())  # first of all: no figure is ever there without its label
        for name, data in made.items():
            _put(staging, folder, name, data)
        for old in set(_ours(folder)) - set(made):
            (folder / old).unlink(missing_ok=True)
        _put(staging, folder, MARK, f"{_TEXT}\nStamp: {stamp(framework_year, seed)}\n".encode())
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return folder


def _told(framework_year: str, seed: int) -> str:
    """All that the files are made from, packages included."""
    return f"demo {stamp(framework_year, seed)} {platform.python_version()} {np.__version__} {pd.__version__}"


def _put(staging: Path, folder: Path, name: str, data: bytes) -> None:
    (staging / name).write_bytes(data)
    os.replace(staging / name, folder / name)


def _ours(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("nhs-oversight-framework-*.csv"))


def _refuse_real(folder: Path) -> None:
    found = _ours(folder) if not (folder / MARK).exists() else []
    if found:
        raise InputError(
            Problem(
                str(folder),
                "the folder holds files that are not a demo's",
                value=found[0],
                expected=f"a folder of its own for the demo, or one with a file {MARK}",
            )
        )
