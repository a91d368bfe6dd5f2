"""What a publication says otherwise than the files published before it, where those are at hand.

Older files are at hand in three places: in the same folder, set aside for a newer version; among the versions that
`nof fetch` keeps of a quarter; and in the folder of an earlier quarter beside it, whose figures the new cumulative file
may restate. Found and compared once, where a publication is opened, and kept with its results (see `nof.method.view`).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from nof.common import InputError, names_a_quarter, read_json
from nof.read import difference
from nof.read.difference import Difference
from nof.read.publication import Publication, read, read_set_aside

log = logging.getLogger(__name__)

VERSIONS = ".versions"  # where `nof.quarterly.keeping` puts each set of files that was ever current
_KINDS = {"metrics": "metrics", "league": "league"}  # kind of file: frame of a Publication


@dataclass(frozen=True, eq=False)
class Restated:
    """What a publication restates.

    Attributes
    ----------
    files : DataFrame
        As `Publication.files`: the older files that were compared. No rows where none is at hand.
    difference : Difference or None
        From the older files to these; None where none is at hand.
    places : tuple of str
        Names of the folders in which they stand, newest first.
    """

    files: pd.DataFrame
    difference: Difference | None = None
    places: tuple[str, ...] = ()

    def of_type(self, trust_type: str, upto: str) -> Difference | None:
        """What concerns one trust type, in quarters up to one (a slug); None where no older file of it is at hand."""
        held = {one for types in self.files["trust_type"] for one in types.split(",")}
        return self.difference.of_type(trust_type, upto) if self.difference and trust_type in held else None

    def of_trust(self, code: str, upto: str) -> pd.DataFrame:
        """A trust's own restated figures in quarters up to one: rows of `Difference.figures`, medians and quartiles of
        its type left out."""
        if self.difference is None:
            return pd.DataFrame(columns=difference.FIGURE_COLUMNS)
        rows = self.difference.figures
        return rows[(rows["trust_code"] == code) & (rows["quarter"] <= upto) & (rows["kind"] != "comparison")]


def nothing() -> Restated:
    """Where no older file is at hand."""
    return Restated(pd.DataFrame(columns=["file", "kind", "trust_type", "version", "sha256", "rows", "quarters"]))


def find(folder: Path, publication: Publication) -> Restated:
    """Compare a publication with the newest older file of each kind, trust type and quarter.

    Parameters
    ----------
    folder : Path
        Where the publication was read.
    publication : Publication
        As `publication.read` gives it.
    """
    parts = dict(_older(folder, publication))
    if not parts:
        return nothing()
    old = _together(list(parts.values()))
    found = difference.compare(old, publication)
    compared = set(
        old.metrics["trust_type"]
    )  # of other types only a league table is there, which is no list of quarters
    found = replace(found, quarters=found.quarters[found.quarters["trust_type"].isin(compared)])
    return Restated(old.files, found, tuple(one.name for one in parts))


def earlier_folders(folder: Path) -> tuple[Path, ...]:
    """Folders beside this one in which `nof fetch` keeps what was published before, newest first.

    First the earlier versions of the same quarter, each named in the sources.json of the one after it, then the folders
    of earlier quarters.
    """
    home = folder.parent.parent if folder.parent.name == VERSIONS else folder
    if not names_a_quarter(home.name):
        return ()
    beside = [
        one
        for one in _listed(home.parent)
        if names_a_quarter(one.name) and one.name < home.name and (one / "sources.json").is_file()
    ]
    return (*_versions(home, folder), *sorted(beside, reverse=True))


def _versions(home: Path, folder: Path) -> Iterator[Path]:
    about = read_json(home / "sources.json")
    if folder != home and about.get("version") != folder.name:
        about = read_json(folder / "sources.json")
    seen = {about.get("version")}
    while isinstance(name := about.get("previous"), str) and name not in seen:
        seen.add(name)
        kept = home / VERSIONS / Path(name).name
        if not kept.is_dir():
            return
        yield kept
        about = read_json(kept / "sources.json")


def _listed(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:  # a folder above that may not be listed
        return []


def _older(folder: Path, publication: Publication) -> Iterator[tuple[Path, Publication]]:
    """Older publications with their folders, newest first, each cut down to what no newer one of them holds and that is not in use."""
    wanted = _held(publication.files[~publication.files["superseded"]])
    for place, one, in_use in _readable(folder, publication):
        files = one.files[~one.files["superseded"] & ~one.files["sha256"].isin(in_use)]
        fresh = wanted & _held(files)
        if fresh and one.illustrative == publication.illustrative:
            wanted -= fresh
            yield place, _cut(one, files, fresh)
        if not wanted:
            return


def _readable(folder: Path, publication: Publication) -> Iterator[tuple[Path, Publication, set[str]]]:
    """Folders, older publications, and hashes of the files in them that are no older ones but those in use."""
    if (here := _set_aside(folder, publication)) is not None:
        yield folder, here, set()
    in_use = set(publication.files.loc[~publication.files["superseded"], "sha256"])
    for place in earlier_folders(folder):
        try:
            yield place, read(place), in_use
        except InputError as error:  # what was kept under older checks may not pass those of today
            log.warning("the older files in %s cannot be compared: %s", place.name, error.problems[0])


def _set_aside(folder: Path, publication: Publication) -> Publication | None:
    kinds = publication.files.groupby(["kind", "trust_type"]).size()
    return read_set_aside(folder) if (kinds > 1).any() or publication.files["superseded"].any() else None


def _held(files: pd.DataFrame) -> set[tuple[str, str, str]]:
    """Kind, trust type and quarter of what files hold."""
    return {
        (row.kind, trust_type, quarter)
        for row in files.itertuples()
        for trust_type in row.trust_type.split(",")
        for quarter in row.quarters.split(",")
    }


def _cut(old: Publication, files: pd.DataFrame, fresh: set[tuple[str, str, str]]) -> Publication:
    """A publication with the given kinds, types and quarters only."""
    frames = {name: _rows(getattr(old, name), kind, fresh) for kind, name in _KINDS.items()}
    kept = [row for row in files.index if _held(files.loc[[row]]) & fresh]
    return replace(old, **frames, trusts=_rows(old.trusts, "metrics", fresh), files=files.loc[kept])


def _rows(frame: pd.DataFrame, kind: str, fresh: set[tuple[str, str, str]]) -> pd.DataFrame:
    pairs = pd.MultiIndex.from_frame(frame[["trust_type", "quarter"]])
    return frame[pairs.isin([pair for other, *pair in fresh if other == kind])]


def _together(parts: list[Publication]) -> Publication:
    names = ("metrics", "trusts", "league", "files")
    frames = {name: pd.concat([getattr(one, name) for one in parts], ignore_index=True) for name in names}
    return replace(parts[0], **frames)
