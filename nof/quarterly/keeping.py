"""Keep every version of a quarter's files: the current set, and each earlier one in .versions/ID/."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import filelock

from nof.common import NofError, Quarter, read_json, sha256, write_json

if TYPE_CHECKING:
    from nof.quarterly.catalogue import Clock


DATA = Path("data/raw")  # folder that holds a folder for each quarter, unless somebody says otherwise
_LOCK = "lock"  # in a working folder
_UNLOCKED = 24 * 3600  # seconds after which a working folder that was never locked was left by a killed run


@dataclass(frozen=True)
class Fetched:
    """What a fetch did.

    Attributes
    ----------
    quarter : str
        Slug.
    folder : Path
        Where the current files stand.
    changed, unchanged : tuple of str
        Names of files that are new or different, and of those that were already there.
    version : str
        Identity of the current set; a folder of `.versions`.
    previous : Path or None
        Folder of the set that this one replaced (for `nof diff`); None if there was none or nothing changed.
    warnings : tuple of str
        What a person should know: pages not read, versions not found, and what `check` warned of.
    """

    quarter: str
    folder: Path
    changed: tuple[str, ...]
    unchanged: tuple[str, ...]
    version: str
    previous: Path | None = None
    warnings: tuple[str, ...] = ()

    @property
    def new(self) -> bool:
        """Whether anything is different from before."""
        return bool(self.changed)


@contextmanager
def staging_folder(into: Path) -> Iterator[Path]:
    """A folder to work in, on the same disk as the data; gone afterwards, whatever happens."""
    try:
        into.mkdir(parents=True, exist_ok=True)
        _clear(into)
        with tempfile.TemporaryDirectory(prefix=".fetch-", dir=into) as folder, _locked(Path(folder)):
            (staging := Path(folder) / "set").mkdir()
            yield staging
    except OSError as error:
        raise NofError(f"{into}: cannot be read or written ({error})") from error


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """While this lasts, the system says that a living process works in the folder.

    The lock gets its name only once it is held: until then nobody takes the folder for one that was left.
    """
    lock = filelock.FileLock(folder / "locking")
    lock.acquire(timeout=0)
    with suppress(OSError):  # a disk without links: what is left there goes after a day
        os.link(folder / "locking", folder / _LOCK)
    try:
        yield
    finally:
        lock.release()


def _clear(into: Path) -> None:
    """Remove the working folders of runs that were killed: those whose lock nobody holds."""
    for left in into.glob(".fetch-*"):
        lock = filelock.FileLock(left / _LOCK)
        try:
            if (left / _LOCK).exists():
                lock.acquire(timeout=0)
            elif time.time() - left.stat().st_mtime < _UNLOCKED:
                continue
            shutil.rmtree(left, ignore_errors=True)
        except (filelock.Timeout, OSError):  # at work, or gone in the meantime
            continue
        finally:
            lock.release()


def settle(into: Path, quarter: Quarter, staging: Path, records: list[dict], clock: Clock) -> Fetched:
    """Make a checked set the current one. Killed at any point and run again, it ends the same."""
    folder = into / quarter.slug
    held = {name: sha256(folder / name) for name in _names(folder)}
    new = {record["name"]: record["sha256"] for record in records}
    before = read_json(folder / "sources.json")
    version, records = _identity(new), sorted(records, key=lambda record: record["name"])
    recorded = {record["name"]: record["sha256"] for record in before.get("files", [])}
    changed = tuple(sorted(name for name, sha in new.items() if not held.get(name) == recorded.get(name) == sha))
    done = Fetched(quarter.slug, folder, changed, tuple(sorted(set(new) - set(changed))), version)
    if held == new and before.get("files") == records:
        return done
    old = _replaced(folder, held, recorded, new)
    about = {
        "quarter": quarter.slug,
        "version": version,
        "previous": old.name if old else before.get("previous"),
        "made": clock.now().isoformat(timespec="seconds"),
        "files": records,
    }
    kept = folder / ".versions" / version
    if kept.exists() and {name: sha256(kept / name) for name in _names(kept)} != new:
        shutil.rmtree(kept)  # not what its name says: somebody has written into it
    if not kept.exists():
        write_json(staging / "sources.json", about)
        kept.parent.mkdir(parents=True, exist_ok=True)
        staging.rename(kept)
    for name in changed:
        copy(kept / name, folder / name)
    for name in set(held) - set(new):
        (folder / name).unlink()
    write_json(folder / "sources.json", about)  # last: until then, a second run does it all again
    return replace(done, previous=old)


def _replaced(
    folder: Path, held: Mapping[str, str], recorded: Mapping[str, str], new: Mapping[str, str]
) -> Path | None:
    """The version folder of the set that stood here before; None if it was this one, or nothing."""
    interrupted = all(sha in (recorded.get(name), new.get(name)) for name, sha in held.items())
    before = recorded if interrupted else held  # a mixture of old and new is no version: a killed run left it
    if not before or before == new:
        return None
    kept = folder / ".versions" / _identity(before)
    return kept if kept.exists() else _keep_current(folder, held)


def _keep_current(folder: Path, held: Mapping[str, str]) -> Path:
    """The version folder of the files that stand in a quarter's folder, made if there is none."""
    kept = folder / ".versions" / _identity(held)
    if not kept.exists():
        (building := folder / ".versions" / f".{kept.name}").mkdir(parents=True, exist_ok=True)
        for name in [*held, "sources.json"]:
            if (folder / name).exists():
                copy(folder / name, building / name)
        building.rename(kept)
    return kept


def _identity(files: Mapping[str, str]) -> str:
    listing = "\n".join(f"{sha} {name}" for name, sha in sorted(files.items()))
    return hashlib.sha256(listing.encode()).hexdigest()[:12]


def _names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir() if p.suffix.lower() == ".csv") if folder.is_dir() else []


def held_records(folder: Path) -> list[dict]:
    """What is known of each CSV file in a quarter's folder; of one that sources.json does not name, what it shows itself."""
    return [
        record_of(folder / name)
        or {
            "name": name,
            "status": "found in the folder",
            "address": None,
            "headers": {},
            "sha256": sha256(folder / name),
            "size": (folder / name).stat().st_size,
        }
        for name in _names(folder)
    ]


def record_of(held: Path) -> dict:
    """What sources.json says of a file; empty where it says nothing."""
    files = read_json(held.parent / "sources.json").get("files")
    return next((r for r in files or () if isinstance(r, dict) and r.get("name") == held.name), {})


def copy(source: Path, target: Path) -> None:
    """Put a file in place in one step, with bytes of its own: what somebody edits in place changes no kept version."""
    part = target.with_name(f".{target.name}.part")
    part.unlink(missing_ok=True)
    shutil.copyfile(source, part)
    os.replace(part, target)
