"""Published all or nothing: built aside, checked, put in place with one rename, and provable afterwards.

reports/2025-26-q4            a link to the report that readers see
reports/latest                a link to the newest quarter
reports/.published/2025-26-q4/RUN-1   the reports themselves; the one before the last is kept too
reports/.staging/2025-26-q4-RUN/      what is being built, and the run's temporary files
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import filelock

from nof.common import NofError, write_text

QUARTER = re.compile(r"\d{4}-\d{2}-q[1-4]")
_LEFT = re.compile(rf"({QUARTER.pattern})-\w+")  # a run's own folder in .staging; what has another name is not ours
NEEDS_LINKS = os.name == "posix"  # Windows lets only some users make links
MOVED = "moved-away"  # a report that was a folder, not a link, and had to make room
FILE_MODE, FOLDER_MODE = 0o644, 0o755  # a report is there to be read, whatever the umask of who made it


class Busy(NofError):
    """Another run is making the same quarter."""


class Area(NamedTuple):
    """Where a run works: the report that it builds, and a folder for everything that nobody shall see."""

    report: Path
    scratch: Path


@contextmanager
def locked(out: Path, quarter: str) -> Iterator[None]:
    """Only one run a quarter: a second one is told so at once. The system frees the lock of a run that was killed."""
    if not out.exists():
        out.mkdir(parents=True)
        out.chmod(FOLDER_MODE)
    lock = _lock(out, quarter)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise Busy(f"another run is making {quarter} in {out.name}/; wait for it to end, then run this again") from None
    try:
        yield
    finally:
        lock.release()


def _lock(out: Path, name: str) -> filelock.FileLock:
    return filelock.FileLock(out / f".{name}.lock")


@contextmanager
def staging(out: Path, quarter: str, run: str) -> Iterator[Area]:
    """An empty place to build in, gone afterwards; what killed runs left behind goes first.

    Call it under `locked`: leftovers of this quarter are then nobody's.
    """
    _recover(out, quarter)
    _sweep(out, quarter)
    place = out.resolve() / ".staging"
    if place.is_symlink():  # somebody's own folder behind it is none of ours
        place.unlink()
    home = place / f"{quarter}-{run}"
    area = Area(home / "report", home / "scratch")
    try:
        for folder in area:
            folder.mkdir(parents=True)
        yield area
    finally:
        with uninterrupted():
            shutil.rmtree(home, ignore_errors=True)
            _drop_if_empty(home.parent)


def _sweep(out: Path, own: str) -> None:
    """Remove what is left of runs that were killed: of this quarter, and of every other that nobody is making.

    Only real folders in a real .staging, and only those with the name of a run, are ours to remove.
    """
    place = out / ".staging"
    for leftover in () if place.is_symlink() else place.glob("*"):
        left = _LEFT.fullmatch(leftover.name)
        if left is None or leftover.is_symlink() or not leftover.is_dir():
            continue
        if left[1] == own:
            shutil.rmtree(leftover, ignore_errors=True)
            continue
        try:
            with _lock(out, left[1]).acquire(timeout=0):
                shutil.rmtree(leftover, ignore_errors=True)
        except filelock.Timeout:
            pass


def _recover(out: Path, quarter: str) -> None:
    """Where a run was killed on a system without links, between moving the old report away and the new one in."""
    place, aside = out / quarter, out / ".published" / quarter / MOVED
    if aside.is_dir() and not place.exists():
        os.rename(aside, place)


def put_in_place(folder: Path, out: Path, quarter: str, run: str) -> Path:
    """Make a finished folder the report of its quarter; until one rename readers see the earlier one.

    Returns
    -------
    Path
        Where the report is read: out/QUARTER.
    """
    out, place = out.resolve(), out / quarter
    home = out / ".published" / quarter
    home.mkdir(parents=True, exist_ok=True)
    _open_to_readers(folder, home.parent, home)
    target = _free(home, run)
    with uninterrupted():
        os.rename(folder, target)
        before = os.path.realpath(place) if place.is_symlink() else str(home / MOVED)
        _point(out / quarter, target)
        _remove_older(home, keep={str(target), before})
    return place


def point_latest(out: Path) -> None:
    """Let reports/latest point to the newest quarter."""
    quarters = [one.name for one in out.iterdir() if QUARTER.fullmatch(one.name) and one.is_dir()]
    _point(out.resolve() / "latest", out.resolve() / max(quarters))


@contextmanager
def shared_pages(out: Path) -> Iterator[None]:
    """What all quarters share is changed by one run at a time."""
    with _lock(out, "shared").acquire(timeout=120):
        yield


def _open_to_readers(folder: Path, *others: Path) -> None:
    """Let everybody read a report, and have the system write it down before the rename makes it count."""
    for one in (folder, *others):
        one.chmod(FOLDER_MODE)
    for path in folder.rglob("*"):
        path.chmod(FOLDER_MODE if path.is_dir() else FILE_MODE)
        if path.is_file():
            with path.open("rb+") as stream:
                os.fsync(stream.fileno())


def _free(home: Path, run: str) -> Path:
    """A name in a folder that is not taken yet."""
    number = 1
    while (home / f"{run}-{number}").exists():
        number += 1
    return home / f"{run}-{number}"


def _point(link: Path, target: Path) -> None:
    """Let a link point to a folder, with one rename; where the system has no links, the folder itself moves there."""
    fresh = link.with_name(f".{link.name}.new")
    fresh.unlink(missing_ok=True)
    try:
        fresh.symlink_to(os.path.relpath(target, link.parent), target_is_directory=True)
    except (OSError, NotImplementedError):
        if NEEDS_LINKS:
            raise
        _move(link, target)
        return
    if link.is_dir() and not link.is_symlink():  # made by hand, or from a system without links
        os.rename(link, _aside(link))
    os.replace(fresh, link)


def _move(place: Path, target: Path) -> None:
    if place.is_dir():
        os.rename(place, _aside(place))
    if place.name == "latest":
        shutil.copytree(target, place)
    else:
        os.rename(target, place)


def _aside(place: Path) -> Path:
    """Where a real folder goes that stands in the way of a new report; see `_recover`."""
    aside = place.parent / ".published" / place.name / MOVED
    shutil.rmtree(aside, ignore_errors=True)
    aside.parent.mkdir(parents=True, exist_ok=True)
    return aside


def _remove_older(home: Path, keep: set[str]) -> None:
    for old in home.iterdir():
        if str(old) not in keep:
            shutil.rmtree(old, ignore_errors=True)


def _drop_if_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()


@contextmanager
def uninterrupted() -> Iterator[None]:
    """A Ctrl-C during a few renames comes too late: half of them would be neither the old report nor the new."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {one: signal.signal(one, signal.SIG_IGN) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def put(path: Path, text: str) -> None:
    """Write a page that readers may have open, with one rename and readable by everybody: they find the old or the new."""
    fresh = path.with_name(f".{path.name}.new")
    write_text(fresh, text)
    fresh.chmod(FILE_MODE)
    os.replace(fresh, path)
