"""Tiny notebooks, a tiny publication and the real runner: what the tests of running and publishing share.

Commands run in processes of their own, as an operator would run them (and because a test process that has compiled a
PDF must not fork any more).
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import builders
import nbformat
import psutil
import ready
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from ready import MAIN, MARK

QUARTER = "2025-26-q2"

SHOW = """import helpers
from nof.show.display import Column, Table, Words, plain

view = helpers.open_view(data, quarter, trust_type)
first = view.league.iloc[0]
Words(f"{plain(first.trust_name)} comes first.")"""
TABLE = """names = (Column("trust_name", "Trust", row_header=True), Column("average_score", "Average", align="right"))
Table(view.league, "League table", names)"""
TRUST = """from nof.show.display import Words

Words(f"About {trust}.")"""
# What the environment asks of it: nothing, or one of the faults.
FAULT = """import os, pathlib, signal, time

what, _, first_time = os.environ.get("NOF_TEST_FAULT", "").partition(":")
if first_time and pathlib.Path(first_time).exists():
    what = ""
if first_time:
    pathlib.Path(first_time).touch()
if what == "fail":
    raise ValueError("made to fail")
if what in ("kill", "kill-parent"):
    os.kill(os.getpid() if what == "kill" else os.getppid(), signal.SIGKILL)
time.sleep(600 if what in ("hang", "kill-parent") else 0)"""


def notebook(title: str, parameters: list[str], *cells: str) -> nbformat.NotebookNode:
    """A notebook with a parameters cell (names without values) and code cells."""
    given = new_code_cell("\n".join(f'{name} = ""' for name in parameters), metadata={"tags": ["parameters"]})
    found = new_notebook(
        cells=[new_markdown_cell(f"# {title}"), given, *map(new_code_cell, cells)],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    )
    for number, cell in enumerate(found.cells):
        cell["id"] = f"c{number:02d}"
    return found


def notebooks(folder: Path) -> Path:
    """A folder with the notebooks alpha (well behaved), beta (with faults on demand) and trust_briefing."""
    folder.mkdir(parents=True, exist_ok=True)
    usual = ["quarter", "data", "trust_type"]
    nbformat.write(notebook("Alpha", usual, SHOW, TABLE), folder / "alpha.ipynb")
    nbformat.write(notebook("Beta", usual, FAULT, SHOW), folder / "beta.ipynb")
    nbformat.write(notebook("Trust", ["quarter", "data", "trust"], TRUST, FAULT), folder / "trust_briefing.ipynb")
    return folder


def place(folder: Path) -> Path:
    """A working place: data/, notebooks/, params.yaml. Returns the folder."""
    (folder / "data").mkdir(parents=True)
    builders.publication(folder / "data")
    notebooks(folder / "notebooks")
    (folder / "params.yaml").write_text(f"quarter: {QUARTER}\ndata: data\n", encoding="utf-8")
    return folder


def environment(home: Path, fault: str = "", **more: str) -> dict[str, str]:
    """The environment of a command: our notebooks, and a mark by which to find its processes."""
    return os.environ | {"NOF_NOTEBOOKS": str(home / "notebooks"), "NOF_TEST_FAULT": fault, MARK: str(home)} | more


def start(
    home: Path, *words: object, fault: str = "", script: str = MAIN, cwd: Path | None = None, **more: str
) -> subprocess.Popen:
    """Start a nof command; `script` is the Python that runs it."""
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, words)],
        env=environment(home, fault, **more),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=cwd or home,
    )


def nof(home: Path, *words: object, **options: object) -> tuple[int, str]:
    """Run a nof command to its end: exit code, and what it said."""
    process = start(home, *words, **options)
    text, _ = process.communicate(timeout=120)
    return process.returncode, text


def quick(
    home: Path, *words: object, fault: str = "", script: str = MAIN, cwd: Path | None = None, **more: str
) -> tuple[int, str]:
    """The same in a copy of a process that has everything loaded."""
    done = ready.nof(*words, cwd=cwd or home, env=environment(home, fault, **more), script=script)
    return done.returncode, done.stdout + done.stderr


def brief(home: Path, *words: object, out: Path | None = None, run=nof, **options: object) -> tuple[int, str]:
    """`nof brief` on the tiny publication, into home/reports; `run` is `nof` or `quick`."""
    return run(home, "brief", home / "params.yaml", "--out", out or home / "reports", *words, **options)


def published(folder: Path) -> Path:
    """A working place with a report in it."""
    code, text = brief(place(folder), run=quick)
    assert code == 0, text
    return folder


@contextmanager
def copied(published: Path, home: Path) -> Iterator[Path]:
    """A copy of such a place; afterwards nothing of it may still run."""
    shutil.copytree(published, home, symlinks=True)
    yield home
    left = processes(home)
    for one in left:
        one.kill()
    assert not left


def hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of every file under a folder, through a link too."""
    home = folder.resolve()
    return {
        path.relative_to(home).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(home.rglob("*"))
        if path.is_file()
    }


def processes(home: Path) -> list[psutil.Process]:
    """Processes that a command left running."""
    found = []
    for one in psutil.process_iter():
        try:
            if one.pid != os.getpid() and one.environ().get(MARK) == str(home) and one.status() != "zombie":
                found.append(one)
        except (psutil.Error, OSError):
            continue
    return found


def until(condition, seconds: float = 30) -> bool:
    """Wait until something is so."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if condition():
            return True
        time.sleep(0.05)
    return False
