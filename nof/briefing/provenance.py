"""What a report rests on besides its inputs: code, lock file, versions of packages."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

from nof import paths

# Packages whose version can change what a reader sees.
PACKAGES = (
    "pandas",
    "numpy",
    "scipy",
    "matplotlib",
    "seaborn",
    "papermill",
    "nbclient",
    "nbconvert",
    "ipykernel",
    "ipython",
    "mistune",
    "typst",
    "pydantic",
    "pandera",
)
ENDINGS = {".py", ".ipynb", ".yaml", ".csv", ".css", ".j2", ".typ", ".js", ".html", ".json"}


@lru_cache(maxsize=1)
def code_hash() -> str:
    """Hash of everything of ours that shapes a briefing: library, notebooks, templates, rules, reference data."""
    package = Path(paths.__file__).parent
    digest = hashlib.sha256()
    for label, folder in (
        ("nof", package),
        ("notebooks", paths.notebooks()),
        ("frameworks", paths.frameworks()),
        ("reference", paths.reference("")),
    ):
        for name, path in _sources(folder, skip=package / "_share"):
            digest.update(f"{label}/{name}\0".encode() + path.read_bytes() + b"\0")
    helpers = package.parent / "helpers.py"
    digest.update(helpers.read_bytes() if helpers.is_file() else b"")
    return digest.hexdigest()


def _sources(folder: Path, skip: Path) -> list[tuple[str, Path]]:
    found = [
        path
        for path in folder.rglob("*")
        if path.suffix in ENDINGS and ".ipynb_checkpoints" not in path.parts and skip not in path.parents
    ]
    return sorted((path.relative_to(folder).as_posix(), path) for path in found)


@lru_cache(maxsize=1)
def versions() -> dict[str, str]:
    """Versions of Python and of the packages that shape a report."""
    return {"python": platform.python_version(), **{name: metadata.version(name) for name in PACKAGES}}


def identity() -> dict[str, str]:
    """What two machines must agree on to make the same briefings: code and versions."""
    return {"code": code_hash(), **versions()}


def code_state() -> dict[str, Any]:
    """Which code made a report: git commit and whether the tree was clean (None in an installed package)."""
    lock = paths.share("requirements.lock")
    commit = _git("rev-parse", "HEAD")
    clean = None if commit is None else not _git("status", "--porcelain")
    return {"commit": commit, "clean": clean, "hash": code_hash(), "lock": sha256(lock) if lock.is_file() else None}


def _git(*words: str) -> str | None:
    """What git says of our own repository; None where we are not in one (or only inside somebody else's)."""
    root = paths.share()
    if not (root / ".git").exists():
        return None
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *words],
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
            env=os.environ | {"GIT_OPTIONAL_LOCKS": "0"},
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def sha256(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
