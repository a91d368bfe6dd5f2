"""Zip files of a report: one for each trust, and one of everything.

The same files give the same bytes: entries are sorted and carry one fixed time and one fixed mode. (Another version
of the zlib library may compress differently.)
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

# The earliest time that a zip entry can hold.
_TIME = (1980, 1, 1, 0, 0, 0)
_MODE = 0o100644 << 16  # an ordinary file that everyone may read
# Measured on our briefings: level 1 takes about half the time of the usual 6, for zips a tenth larger.
_LEVEL = 1


def write_trusts(folder: Path, entries: Mapping[str, dict], note: str) -> dict[str, str]:
    """Write trusts/CODE.zip for each trust that has a briefing.

    Parameters
    ----------
    folder : Path
        The report being built.
    entries : mapping
        Briefings by name, as in the manifest; those without a trust are left alone.
    note : str
        Source, licence and run, which go into each zip as README.txt.

    Returns
    -------
    dict
        Path of the zip inside the report, by trust code.
    """
    made = {}
    for name, entry in sorted(entries.items()):
        if entry.get("trust"):
            inside = {Path(file).name: (folder / file).read_bytes() for file in entry["files"]}
            _write(folder / f"{name}.zip", Path(name).name, inside | {"README.txt": note.encode()})
            made[entry["trust"]] = f"{name}.zip"
    return made


def write_everything(folder: Path, quarter: str, note: str, index: str) -> Path:
    """Write one zip of all files of a report but its zips, with an index page of its own.

    Parameters
    ----------
    index : str
        The index page as it should stand in the zip, where there are no further zips to link to.

    Returns
    -------
    Path
        The zip.
    """
    found = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".zip")
    inside = {path.relative_to(folder).as_posix(): path for path in found}
    place = folder / f"nof-{quarter}.zip"
    _write(place, place.stem, inside | {"index.html": index.encode(), "README.txt": note.encode()})
    return place


def _write(place: Path, top: str, inside: Mapping[str, Path | bytes]) -> None:
    """A zip with everything under one folder; a file is read only when its turn comes."""
    with zipfile.ZipFile(place, "w") as archive:
        for name, content in sorted(inside.items()):
            entry = zipfile.ZipInfo(f"{top}/{name}", _TIME)
            entry.create_system, entry.external_attr = 3, _MODE  # as on Unix, whatever the system
            data = content if isinstance(content, bytes) else content.read_bytes()
            archive.writestr(entry, data, zipfile.ZIP_DEFLATED, _LEVEL)
