"""Published all or nothing: built aside, checked, put in place with one rename, and provable afterwards.

    reports/2025-26-q4            a link to the report that readers see
    reports/latest                a link to the newest quarter
    reports/.published/2025-26-q4/RUN   the reports themselves, the last good one kept until the next is in place
    reports/.staging/             what is being built
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

import filelock

from nof import paths, uncertainty
from nof.errors import NofError
from nof.publication import Publication

MANIFEST = "manifest.json"
PACKAGES = ("pandas", "numpy", "scipy", "matplotlib", "seaborn", "papermill", "nbconvert", "typst", "pydantic", "pandera")


class Busy(NofError):
    """Another run is making the same quarter."""


@contextmanager
def locked(out: Path, quarter: str) -> Iterator[None]:
    """Only one run a quarter: a second one is told so at once. The system frees the lock of a run that was killed."""
    out.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(out / f".{quarter}.lock")
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise Busy(f"another run is making {quarter} in {out.name}/; wait for it to end, then run this again") from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def staging(out: Path, quarter: str, run: str) -> Iterator[Path]:
    """An empty folder to build in, gone afterwards unless it was published; leftovers of killed runs go first.

    Call it under `locked`: leftovers of this quarter are then nobody's.
    """
    for leftover in (out / ".staging").glob(f"{quarter}-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    folder = out / ".staging" / f"{quarter}-{run}"
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        _drop_if_empty(out / ".staging")


def put_in_place(folder: Path, out: Path, quarter: str) -> Path:
    """Make a finished folder the report of its quarter; until the last step readers see the earlier one.

    Returns
    -------
    Path
        Where the report is read: out/QUARTER.
    """
    place = out / quarter
    home = out / ".published" / quarter
    home.mkdir(parents=True, exist_ok=True)
    target = _free(home, folder.name.removeprefix(f"{quarter}-"))
    _sync(folder)
    os.rename(folder, target)
    before = os.path.realpath(place) if place.exists() else None
    if place.is_dir() and not place.is_symlink():  # made by hand, or on a system without links
        os.rename(place, _free(home, "earlier"))
    _point(place, target)
    _point(out / "latest", _newest(out))
    for old in home.iterdir():
        if old != target and (before is None or str(old.resolve()) != before):
            shutil.rmtree(old, ignore_errors=True)
    return place


def _free(home: Path, name: str) -> Path:
    """A name in a folder that is not taken yet."""
    number = 1
    while (home / f"{name}-{number}").exists():
        number += 1
    return home / f"{name}-{number}"


def _point(link: Path, target: Path) -> None:
    """Let a link point to a folder, with one rename; a copy where the system has no links."""
    fresh = link.with_name(f".{link.name}.new")
    fresh.unlink(missing_ok=True)
    try:
        fresh.symlink_to(os.path.relpath(target, link.parent), target_is_directory=True)
        os.replace(fresh, link)
    except (OSError, NotImplementedError):
        if os.name == "posix":
            raise
        if link.is_dir():
            shutil.rmtree(link)
        shutil.copytree(target, link)


def _newest(out: Path) -> Path:
    return max(one for one in out.iterdir() if one.is_dir() and not one.name.startswith(".") and one.name != "latest")


def _sync(folder: Path) -> None:
    """Have the system write everything down before the rename makes it count."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as stream:
                os.fsync(stream.fileno())


def _drop_if_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:
        pass


def sha256(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_manifest(folder: Path, *, run: str, parameters: dict[str, Any], publication: Publication,
                   briefings: dict[str, dict], failures: dict[str, str]) -> None:
    """Write down what a report was made from and what it is, so that `verify` can hold it to that."""
    columns = ["file", "kind", "trust_type", "version", "sha256", "rows", "quarters", "superseded"]
    outputs = {path.relative_to(folder).as_posix(): sha256(path) for path in sorted(folder.rglob("*"))
               if path.is_file() and path.name != MANIFEST}
    facts = {
        "run_id": run, "quarter": parameters["quarter"], "illustrative": publication.illustrative,
        "parameters": parameters, "inputs": json.loads(publication.files[columns].to_json(orient="records")),
        "code": code_state(), "versions": versions(),
        "seeds": {"likely range of the rank": uncertainty.SEED, "draws": uncertainty.DRAWS},
        "briefings": briefings, "failures": failures, "outputs": outputs,
    }
    (folder / MANIFEST).write_text(json.dumps(facts, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a report; empty where there is none."""
    try:
        return json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def verify(folder: Path) -> list[str]:
    """Hash a report's files again; a line for each that is missing, changed or unknown.

    Raises
    ------
    NofError
        There is no manifest to hold the report to.
    """
    facts = read_manifest(folder)
    if "outputs" not in facts:
        raise NofError(f"{folder.name}: no {MANIFEST}, so nothing can be verified")
    written = facts["outputs"]
    home = folder.resolve()
    here = {path.relative_to(home).as_posix() for path in home.rglob("*") if path.is_file()}
    problems = [f"missing: {name}" for name in sorted(set(written) - here)]
    problems += [f"not in the manifest: {name}" for name in sorted(here - set(written) - {MANIFEST})]
    return problems + [f"changed: {name}" for name in sorted(set(written) & here)
                       if sha256(home / name) != written[name]]


def code_state() -> dict[str, Any]:
    """Which code made a report: git commit and whether the tree was clean (unknown in an installed package)."""
    from nof.briefing.plan import code_hash

    root = paths.share()
    lock = root / "requirements.lock"
    commit = _git("rev-parse", "HEAD")
    clean = None if commit is None else not _git("status", "--porcelain")
    return {"commit": commit, "clean": clean, "hash": code_hash(), "lock": sha256(lock) if lock.is_file() else None}


def _git(*words: str) -> str | None:
    try:
        done = subprocess.run(["git", "-C", str(paths.share()), *words], capture_output=True, text=True, timeout=20,
                              check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that shape a report."""
    return {"python": platform.python_version(), **{name: metadata.version(name) for name in PACKAGES}}
