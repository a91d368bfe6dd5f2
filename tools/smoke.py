"""Smoke: does it work at all with the packages that are here? `make smoke` runs it; `--matrix` tries other packages.

The demo publication is made and read, one trust's briefing is made and verified, and three notebooks go through
papermill and nbconvert as anybody would call them. A warning that something of ours will stop working is a failure.

`--matrix` builds the wheel and does the same in environments of their own, outside the lock: the lowest versions that
pyproject.toml allows and the highest that the index has, on each Python named (`--python 3.12 ...`, or a path) that uv finds here.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = {"league_table": ["-p", "trust_type", "ambulance"], "trust_briefing": ["-p", "trust", "X0A"], "explore": []}
FORMS = {"html": "html", "briefing-pdf": "pdf"}
NOF = ["-c", "from nof.cli import main; main()"]


class Failed(Exception):
    """A step that did not do what it should."""


# ---------------------------------------------------------------- the steps


def step(python: Path, home: Path, *words: str) -> str:
    """A command of the environment, in a folder of its own; what it says, unless it failed or warned of our own code."""
    given = os.environ | {"PYTHONWARNINGS": "default", "COLUMNS": "200", "MPLBACKEND": "agg"}
    given["PATH"] = os.pathsep.join([str(python.parent), given["PATH"]])
    done = subprocess.run([str(python), *words], cwd=home, env=given, capture_output=True, text=True, timeout=900)
    if done.returncode:
        raise Failed(f"{' '.join(words)}\n{done.stdout[-1500:]}\n{done.stderr[-3000:]}")
    no_warning(done.stderr)
    return done.stdout


def no_warning(said: str) -> None:
    """Fail on a warning that a call of ours will stop working; what other packages say of each other is theirs."""
    kinds = ("DeprecationWarning: ", "FutureWarning: ")
    for line in said.splitlines():
        place = line.split(": ")[0]
        if any(kind in line for kind in kinds) and re.search(r"/nof/|helpers\.py|/ipykernel_", place):
            raise Failed(line)


def written(home: Path, stem: str) -> None:
    """Fail if a file was not written, or holds next to nothing."""
    found = sorted(home.glob(f"{stem}*"))
    if not found or found[0].stat().st_size < 10_000:
        raise Failed(f"{stem}: nothing, or next to nothing, was written")


def through_the_stock_tools(python: Path, home: Path, name: str, words: list[str]) -> None:
    """One notebook by papermill, and then by nbconvert in each form."""
    share = step(python, home, "-c", "from nof.common import share; print(share('notebooks'))").strip()
    made = home / f"{name}.ipynb"
    words = [*words, "--cwd", share, "--no-progress-bar"]  # helpers.py is found from where the notebooks stand
    step(python, home, "-m", "papermill", f"{share}/{name}.ipynb", made.name, *words)
    outputs = [one for cell in json.loads(made.read_text())["cells"] for one in cell.get("outputs", [])]
    no_warning("".join("".join(one["text"]) for one in outputs if one.get("name") == "stderr"))
    for form, ending in FORMS.items():
        step(python, home, "-m", "jupyter", "nbconvert", "--to", form, made.name, "--output", f"{name}-{form}.{ending}")
        written(home, f"{name}-{form}.")


def smoke(python: Path, home: Path) -> None:
    """All steps with one Python, in an empty folder."""
    folder = step(python, home, *NOF, "demo").split(" is in ")[1].splitlines()[0].strip()
    step(python, home, *NOF, "check", "--data", folder)
    step(python, home, *NOF, "brief", "demo", "--trust", "X0D", "--data", folder, "--out", "reports", "--jobs", "1")
    step(python, home, *NOF, "verify", "reports/2025-26-q4")
    for name, more in NOTEBOOKS.items():
        through_the_stock_tools(python, home, name, ["-p", "data", folder, "-p", "quarter", "2025-26-q4", *more])


# ---------------------------------------------------------------- other packages, other Pythons


def uv(*words: str) -> str:
    """A uv command, which must succeed."""
    done = subprocess.run([sys.executable, "-m", "uv", *words], capture_output=True, text=True, cwd=ROOT)
    if done.returncode:
        raise Failed(f"uv {' '.join(words)}\n{done.stderr[-3000:]}")
    return done.stdout


def apart(place: Path, wheel: Path, version: str, resolution: str) -> Path:
    """The Python of an environment that has the wheel and what it asks for, resolved anew."""
    home = place / "venv"
    uv("venv", "--quiet", "--no-python-downloads", "--python", version, str(home))
    python = home / ("Scripts" if os.name == "nt" else "bin") / "python"
    # The dependencies are named themselves: to uv those of a wheel are indirect, and so the highest.
    words = ["pip", "install", "--quiet", "--python", str(python), "--no-build"]
    uv(*words, "--resolution", resolution, "-r", "pyproject.toml")
    uv(*words, "--no-deps", str(wheel))
    return python


def told(python: Path) -> str:
    """The versions that are there of the packages most often to blame."""
    names = ("numpy", "pandas", "matplotlib", "nbconvert")
    code = f"import importlib.metadata as m; print(', '.join(n + ' ' + m.version(n) for n in {names}))"
    return subprocess.run([str(python), "-c", code], capture_output=True, text=True).stdout.strip()


def matrix(versions: list[str], resolutions: list[str]) -> int:
    """A line for each Python and resolution: what happened, and the seconds it took."""
    worst = 0
    with tempfile.TemporaryDirectory(prefix="smoke-") as folder:
        uv("build", "--quiet", "--wheel", "--no-build-isolation", "--out-dir", folder)
        wheel = next(Path(folder).glob("*.whl"))
        for version in versions:
            for resolution in resolutions:
                place = Path(folder) / f"{Path(version).name}-{resolution}"
                (place / "home").mkdir(parents=True)
                start, with_ = time.monotonic(), ""
                try:
                    python = apart(place, wheel, version, resolution)
                    with_ = told(python)
                    smoke(python, place / "home")
                    said = f"passes with {with_}"
                except (Failed, subprocess.TimeoutExpired) as error:
                    said, worst = f"FAILS with {with_}\n{error}", 1
                print(f"{Path(version).name}  {resolution:14}  {time.monotonic() - start:4.0f} s  {said}", flush=True)
                shutil.rmtree(place)
    return worst


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--matrix", action="store_true")
    parser.add_argument("--python", nargs="+", default=["3.11", "3.12", "3.13", "3.14"])
    parser.add_argument("--resolution", nargs="+", default=["lowest-direct", "highest"])
    given = parser.parse_args()
    if given.matrix:
        return matrix(given.python, given.resolution)
    with tempfile.TemporaryDirectory(prefix="smoke-") as folder:
        try:
            smoke(Path(sys.executable), Path(folder))
        except Failed as error:
            print(f"smoke: this failed: {error}")
            return 1
    print("smoke: demo, one trust and three notebooks pass")
    return 0


if __name__ == "__main__":
    sys.exit(main())
