"""How long one trust's briefing takes alone, from nothing and with results kept, side by side in one run.

    .venv/bin/python bench/single.py --data data/demo --trust X2G --name demo
    .venv/bin/python bench/single.py --data ../shared/real --trust RDY --name real --before ../an-older-checkout

(a) stock: the commands a user would run instead: `papermill`, then `jupyter nbconvert --to html`, then `--to webpdf` with
    Debian's chromium (HTML alone where there is no browser).
(b) nothing kept: `nof brief --trust` with an empty cache, as on the first day; (c) kept: the same again.
(d) floor: one Python process that does the same computing, drawing and Typst compiling with no notebook, nothing kept.
They take turns, round after round. Then, once: `import helpers`, `nof --help`, the first output of each notebook in a
fresh kernel. With --all-trusts, in turns of their own, the whole publication. With --before all but stock and floor is measured
of that tree as well, in the same turns, and all trusts also with the pages alone that each trust has there: without the page
of what is safe to say. The older tree has to run with this environment's packages.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parent.parent
RESULTS = Path(__file__).resolve().parent / "results"
NOTEBOOK = ROOT / "notebooks" / "trust_briefing.ipynb"
CHROMIUM = Path("/usr/bin/chromium")
COMMAND = "from nof.cli import main; main()"
# Each trust's briefing alone, as 8041db4 made it: no further page, and no binder of both.
ONE_PAGE = f"""
from dataclasses import replace
from nof.briefing import plan

planned = plan.trust_jobs
plan.trust_jobs = lambda *given: [replace(job, beside=(), binder="") for job in planned(*given)]
{COMMAND}
"""
SECOND = "results kept"


def timed(command: list) -> float:
    """Seconds that a command took, with nothing kept from before; it must succeed."""
    started, words = time.perf_counter(), [str(word) for word in command]
    bare = os.environ | {"NOF_CACHE": ""}
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=bare)
    return time.perf_counter() - started


def stock(data: Path, quarter: str, trust: str, folder: Path) -> float:
    """Seconds of the stock commands."""
    made = folder / f"{trust}.ipynb"
    given = ["-p", "quarter", quarter, "-p", "data", data, "-p", "trust", trust]
    total = timed([sys.executable, "-m", "papermill", NOTEBOOK, made, *given, "--cwd", NOTEBOOK.parent])
    total += timed([sys.executable, "-m", "nbconvert", "--to", "html", made])
    if CHROMIUM.exists():
        total += timed([sys.executable, ROOT / "bench" / "stock_webpdf.py", made])
    return total


def floor(data: Path, quarter: str, trust: str, folder: Path) -> float:
    """Seconds of one process without notebooks."""
    return timed([sys.executable, ROOT / "bench" / "floor.py", data, quarter, folder, trust])


def machine() -> str:
    """What it ran on, without a name."""
    return f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"


def clean(tree: Path, cache: Path) -> dict[str, str]:
    """The environment of a process that uses a tree's code and keeps its results in a folder."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return kept | {"PYTHONPATH": str(tree), "NOF_CACHE": str(cache)}


def run(words: list, tree: Path, cache: Path, peak: bool = False) -> dict[str, float]:
    """Wall and processor seconds of a command, children included."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run([str(one) for one in words], cwd=tree, env=clean(tree, cache), capture_output=True, text=True)
    seconds, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise RuntimeError(f"{words}: {done.stdout}{done.stderr}")
    spent = (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)
    found = {"seconds": round(seconds, 2), "cpu_seconds": round(spent, 2)}
    if peak and "MB a worker" in done.stdout:
        found["peak_mb"] = int(done.stdout.split(" MB a worker")[0].split()[-1])
    return found


def brief(tree: Path, params: Path, out: Path, cache: Path, *words: str, command: str = COMMAND) -> dict[str, float]:
    """`nof brief` of a tree."""
    return run(
        [sys.executable, "-c", command, "brief", params, "--out", out, "--force", *words], tree, cache, peak=True
    )


def first_output(tree: Path, notebook: Path, parameters: dict[str, str], cache: Path) -> float:
    """Seconds from the start of a kernel to the first thing that a notebook shows."""
    with tempfile.TemporaryDirectory() as place:
        script = Path(place) / "first.py"
        script.write_text(FIRST)
        words = [sys.executable, script, notebook, json.dumps(parameters)]
        done = subprocess.run(
            [str(one) for one in words], cwd=notebook.parent, env=clean(tree, cache), capture_output=True, text=True
        )
        if done.returncode:
            raise RuntimeError(done.stderr)
        return float(done.stdout.split()[-1])


FIRST = """
import json, sys, time
import nbformat
from jupyter_client.manager import start_new_kernel

notebook, parameters = nbformat.read(sys.argv[1], 4), json.loads(sys.argv[2])
started = time.perf_counter()
manager, client = start_new_kernel()
seen = []

def look(message):
    if message["msg_type"] in ("display_data", "execute_result"):
        seen.append(time.perf_counter() - started)

for cell in notebook.cells:
    if cell.cell_type != "code":
        continue
    said = client.execute_interactive(cell.source, output_hook=look, timeout=600)["content"]
    if said["status"] == "error":
        raise RuntimeError(said["evalue"])
    if "parameters" in cell.metadata.get("tags", []):
        client.execute_interactive("".join(f"{name} = {value!r}\\n" for name, value in parameters.items()), timeout=60)
    if seen:
        break
client.stop_channels()
manager.shutdown_kernel(now=True)
print(seen[0])
"""


def measure(data: Path, trust: str, trees: dict[str, Path], rounds: int, whole: bool) -> dict:
    """All of it: medians and each round."""
    from nof.method.opening import open_publication

    national = open_publication(data)
    quarter = national.publication.latest
    kinds = national.standings
    kind = kinds.loc[(kinds["quarter"] == quarter) & (kinds["trust_code"] == trust), "trust_type"].iloc[0]
    with tempfile.TemporaryDirectory() as place:
        home = Path(place)
        params = home / "params.yaml"
        params.write_text(json.dumps({"quarter": quarter, "data": str(data)}))
        turns: dict[str, list[float]] = {}
        for number in range(rounds):
            turn = _round(data, quarter, trust, trees, params, home / str(number))
            for name, step in turn.items():
                turns.setdefault(name, []).append(round(step(), 2))
        found = {
            "trusts": kinds.loc[kinds["quarter"] == quarter, "trust_code"].nunique(),
            "with_pdf": CHROMIUM.exists(),
        }
        found |= {"seconds": {name: round(statistics.median(each), 2) for name, each in turns.items()}, "rounds": turns}
        found |= _once(trees, data, quarter, kind, trust, home)
        if whole:
            found |= _all_trusts(trees, params, rounds, home)
    return found


def _all_trusts(trees: dict[str, Path], params: Path, rounds: int, home: Path) -> dict:
    """The whole publication from nothing kept: each round, and their medians."""
    ways = {name: (tree, COMMAND) for name, tree in trees.items()}
    if "before" in trees:
        ways["ours, one page a trust"] = trees["ours"], ONE_PAGE
    turns: dict[str, list[dict[str, float]]] = {name: [] for name in ways}
    for number in range(rounds):
        for name, (tree, command) in ways.items():
            place = home / f"all {number} {name}"
            place.mkdir()
            turns[name].append(brief(tree, params, place / "reports", place / "cache", "--all-trusts", command=command))
            shutil.rmtree(place)
    medians = {
        name: {key: round(statistics.median(one[key] for one in each), 2) for key in each[0]}
        for name, each in turns.items()
    }
    return {"all trusts": medians, "all trusts, rounds": turns}


def _round(
    data: Path, quarter: str, trust: str, trees: dict[str, Path], params: Path, home: Path
) -> dict[str, Callable[[], float]]:
    home.mkdir()

    def ours(name: str) -> Callable[[], float]:
        """One run; the second finds what the first has kept."""
        return lambda: brief(trees[name], params, home / name, home / f"cache {name}", "--trust", trust)["seconds"]

    steps: dict[str, Callable[[], float]] = {
        "stock": lambda: stock(data, quarter, trust, home),
        "floor": lambda: floor(data, quarter, trust, home / "floor"),
    }
    for name in trees:
        steps |= {f"{name}, nothing kept": ours(name), f"{name}, {SECOND}": ours(name)}
    return steps


def _once(trees: dict[str, Path], data: Path, quarter: str, kind: str, trust: str, home: Path) -> dict:
    """Imports, help and first outputs: the best of three, for each is a second or so."""

    words = {
        "import pandas": "import pandas",
        "import helpers": "import helpers",
        "nof --help": "import sys; sys.argv = ['nof', '--help']; " + COMMAND,
    }
    found: dict[str, dict[str, float]] = {name: {} for name in words}
    for name, tree in trees.items():
        for what, code in words.items():
            each = [run([sys.executable, "-c", code], tree, home / f"first {name}")["seconds"] for _ in range(3)]
            found[what][name] = min(each)
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        if path.stem == "nowcast" or not all((tree / "notebooks" / path.name).exists() for tree in trees.values()):
            continue  # a nowcast wants a trust's own values; what only one tree has cannot be compared
        names = {"data": str(data), "quarter": quarter, "trust_type": kind, "trust": trust}
        cell = next((one for one in nbformat.read(path, 4).cells if "parameters" in one.metadata.get("tags", [])), None)
        given = {one: value for one, value in names.items() if cell and f"\n{one} = " in f"\n{cell.source}"}
        for name, tree in trees.items():
            cache = home / f"first {name} {path.stem}"  # of its own: nothing that another notebook has kept
            where = tree / "notebooks" / path.name
            for when in ("nothing kept", SECOND):
                key = f"first output of {path.stem}"
                found.setdefault(key, {})[f"{name}, {when}"] = round(first_output(tree, where, given, cache), 2)
    return {"once": found}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--trust", required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--before", type=Path, help="a checkout of an older commit")
    parser.add_argument("--all-trusts", action="store_true", help="measure the whole publication as well")
    given = parser.parse_args()
    places = {"ours": ROOT} | ({"before": given.before.resolve()} if given.before else {})
    today = dt.date.today().isoformat()
    result = {"publication": given.name, "trust": given.trust, "date": today, "machine": machine()}
    result |= measure(given.data.resolve(), given.trust, places, given.rounds, given.all_trusts)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"single-{given.name}.json").write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))
