"""What may go: reports of quarters long past, and versions of files that nothing rests on any more.

Never: the newest report, a quarter's current files, or files that a report still in place was made from.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nof.common import NofError, names_a_quarter, read_json


@dataclass(frozen=True)
class Removal:
    """Something that may go: where it is, its size in bytes, and why it is not needed."""

    path: Path
    size: int
    why: str


def removals(reports: Path, raw: Path, keep: int) -> list[Removal]:
    """What `nof prune` would remove.

    Parameters
    ----------
    reports, raw : Path
        The reports folder and the folder of downloads.
    keep : int
        Quarters whose reports stay, newest first, and versions of each quarter's files that stay, newest first.

    Returns
    -------
    list of Removal
        Reports first, oldest first.
    """
    if keep < 1:
        raise ValueError("the newest is never removed: keep is 1 or more")
    places = _quarters(reports) | _quarters(reports / ".published")
    old = sorted(places)[:-keep]
    why = f"report older than the newest {keep}"
    found = [Removal(reports / name, _report_size(reports, name), why) for name in old]
    inputs = [files for name in sorted(places - set(old)) for files in _inputs(reports, name)]
    for name in sorted(_quarters(raw)):
        found += _versions(raw / name, inputs, keep)
    return found


def _quarters(folder: Path) -> set[str]:
    """Names in a folder that are quarters, spelled exactly so."""
    return {one.name for one in folder.iterdir() if names_a_quarter(one.name)} if folder.is_dir() else set()


def _report_size(reports: Path, quarter: str) -> int:
    own = reports / quarter
    return _size(reports / ".published" / quarter) + (0 if own.is_symlink() else _size(own))


def _versions(folder: Path, inputs: list[set[str]], keep: int) -> Iterator[Removal]:
    """Versions of one quarter's files beyond the newest ones, except the current and what a report rests on."""
    home = folder / ".versions"
    kept = [one for one in home.iterdir() if one.is_dir() and not one.is_symlink()] if home.is_dir() else []
    needed = {read_json(folder / "sources.json").get("version"), *_rested_on(kept, inputs)}
    newest = sorted(kept, key=lambda one: (_made(one), one.name), reverse=True)
    for one in newest[keep:]:
        if one.name not in needed and _is_version(one.name):
            yield Removal(one, _size(one), f"files replaced by newer ones, beyond the newest {keep}")


def _inputs(reports: Path, quarter: str) -> Iterator[set[str]]:
    """Hashes of the files that a report, and the one kept for a roll-back, was made from or compared with."""
    for place in (reports / quarter, *(reports / ".published" / quarter).glob("*")):
        inputs = read_json(place / "manifest.json").get("inputs") or []
        yield {str(one.get("sha256")) for one in inputs if isinstance(one, dict)}


def _rested_on(versions: list[Path], inputs: list[set[str]]) -> Iterator[str]:
    """Versions whose files are all among the inputs of one report; of another quarter perhaps, which repeats this one's
    figures."""
    for one in versions:
        hashes = {str(file.get("sha256")) for file in read_json(one / "sources.json").get("files") or []}
        if hashes and any(hashes <= files for files in inputs):
            yield one.name


def _made(version: Path) -> str:
    return str(read_json(version / "sources.json").get("made") or "")


def _is_version(name: str) -> bool:
    return len(name) == 12 and set(name) <= set("0123456789abcdef")


def _size(folder: Path) -> int:
    """Bytes that go with a folder; a file that another name still holds frees nothing."""
    total = 0
    for base, _, files in os.walk(folder):
        for name in files:
            about = os.lstat(os.path.join(base, name))
            total += about.st_size if about.st_nlink == 1 else 0
    return total


def remove(reports: Path, found: list[Removal]) -> None:
    """Remove what `removals` found; readers of the reports page never see a link to nothing.

    Raises
    ------
    Busy
        A run is making one of these quarters; what was removed before stays removed.
    """
    from nof.briefing import index, publish

    old = [one for one in found if one.path.parent == reports]
    for one in old:
        with publish.locked(reports, one.path.name):
            _remove_report(reports, one.path)
    if old:
        with publish.shared_pages(reports):
            publish.point_latest(reports)
            index.write_root(reports)
    for one in found:
        if one.path.parent != reports:
            _gone(one.path)


def _remove_report(reports: Path, place: Path) -> None:
    """First what readers see, with one step, then what stands behind it."""
    if place.is_symlink():
        place.unlink()
    elif place.exists():
        _gone(place)
    _gone(reports / ".published" / place.name)


def _gone(folder: Path) -> None:
    """Remove a folder; its name goes first, so that half of it is never taken for the whole."""
    if folder.is_symlink():
        raise NofError(f"{folder.name} is a link and is not removed")
    if not folder.exists():
        return
    leaving = folder.with_name(f".{folder.name}.leaving")
    shutil.rmtree(leaving, ignore_errors=True)
    os.replace(folder, leaving)
    shutil.rmtree(leaving)
