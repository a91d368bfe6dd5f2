"""A small copy of the clone to try the documentation in: the project's files, and a demo publication made thin."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from unittest import mock
from zlib import crc32

import pandas as pd
from conftest import ROOT, python_path

from nof import common, demo
from nof.demo import names

FOLDERS = ("nof", "notebooks", "params", "docs", "tools", "deploy", "data/frameworks", "data/reference")
EVERY = 8  # of the larger types one trust in so many stays
KEPT = {"X0A", "X0G"}  # trusts that pages of the documentation and tests name


@lru_cache
def _files() -> dict[str, bytes]:
    """The demo publication of a smaller cast, made by the generator itself: consistent to the last digit, as the whole."""
    cast = names.trusts()
    types = cast.groupby("trust_type")["trust_code"].transform("nunique")
    events = names.mergers(cast)
    merging = {*events["predecessor_code"], *events["successor_code"]}
    drawn = cast["trust_code"].map(lambda code: crc32(code.encode()) % EVERY == 0).astype(bool)
    kept = (types < 20) | drawn | cast["trust_code"].isin(KEPT | merging)
    bodies = set(cast.loc[kept, "body"])
    few = cast[cast["body"].isin(bodies)].reset_index(drop=True)
    few = few.assign(
        body=pd.factorize(few["body"])[0]
    )  # bodies are numbered from nought, as figures are drawn for them
    with mock.patch.object(names, "trusts", lambda: few):
        return demo.files(*demo.build())


def thin_demo(folder: Path) -> Path:
    """The demo publication with fewer trusts, so that a command takes a second or two."""
    folder.mkdir(parents=True)
    for name, content in _files().items():
        (folder / name).write_bytes(content)
    shutil.copy(demo.ensure(common.share("data", "demo")) / demo.MARK, folder)
    return folder


class Clone:
    """A working copy in a folder, with the environment of the tests as its .venv."""

    def __init__(self, home: Path) -> None:
        self.home = home
        for name in FOLDERS:  # with what Python has compiled, so that not every command has to do so again
            shutil.copytree(ROOT / name, home / name, ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
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
        given = os.environ | {"PYTHONPATH": python_path(self.home), "COLUMNS": "120", "MPLBACKEND": "agg"}
        return subprocess.run(
            list(map(str, command)), cwd=self.home, env=given, capture_output=True, text=True, timeout=300
        )
