"""A small copy of the clone to try the documentation in: the project's files, and a demo publication made thin."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from zlib import crc32

from conftest import ROOT

from nof import common, demo

FOLDERS = ("nof", "notebooks", "params", "docs", "tools", "deploy", "data/frameworks", "data/reference")
QUARTERS = {"Q3 2025/26", "Q4 2025/26"}
EVERY = 8  # of the larger types one trust in so many stays; figures are left as they are, so ranks have gaps
KEPT = {"X0A"}  # trusts that pages name


@lru_cache
def _demo() -> Path:
    return demo.ensure(common.share("data", "demo"))


def thin_demo(folder: Path) -> Path:
    """The demo publication with fewer trusts and quarters, so that a command takes a second or two."""
    folder.mkdir(parents=True)
    for source in sorted(path for path in _demo().iterdir() if path.is_file()):
        if source.name.startswith("nhs-oversight-framework"):
            _thin(source, folder / source.name)
        else:
            shutil.copy(source, folder)
    return folder


def _thin(source: Path, target: Path) -> None:
    with source.open(encoding="utf-8-sig", newline="") as lines:
        rows = list(csv.DictReader(lines))
    codes = {row["Trust_code"] for row in rows}
    few = len(codes) < 20
    kept = {code for code in codes if few or code in KEPT or crc32(code.encode()) % EVERY == 0}
    with target.open("w", encoding="utf-8-sig", newline="") as lines:
        writer = csv.DictWriter(lines, rows[0])
        writer.writeheader()
        writer.writerows(row for row in rows if row["Trust_code"] in kept and row["Quarter"] in QUARTERS)


class Clone:
    """A working copy in a folder, with the environment of the tests as its .venv."""

    def __init__(self, home: Path) -> None:
        self.home = home
        for name in FOLDERS:
            shutil.copytree(
                ROOT / name, home / name, ignore=shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")
            )
        for path in ROOT.iterdir():
            if path.is_file() and path.suffix in (".py", ".md", ".toml", ".lock", ".yml", "") and path.name != ".git":
                shutil.copy(path, home)
        shutil.copy(ROOT / "data" / "questions.yaml", home / "data")
        thin_demo(home / "data" / "demo")
        (home / "reports").mkdir()
        (home / ".venv").mkdir()  # its own folder, so that make finds it ready and never installs into the real one
        for path in Path(sys.prefix).iterdir():
            (home / ".venv" / path.name).symlink_to(path)
        (home / ".venv" / ".ready").unlink(missing_ok=True)
        (home / ".venv" / ".ready").touch()

    def run(self, *command: object) -> subprocess.CompletedProcess:
        """A command in the copy, which uses the copy's own code."""
        given = os.environ | {"PYTHONPATH": str(self.home), "COLUMNS": "120", "MPLBACKEND": "agg"}
        return subprocess.run(
            list(map(str, command)), cwd=self.home, env=given, capture_output=True, text=True, timeout=300
        )
