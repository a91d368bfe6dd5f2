"""How long a trust's briefing takes: stock commands, ours, and the floor, side by side in one run.

    .venv/bin/python bench/briefings.py --data data/demo --name demo
    .venv/bin/python bench/briefings.py --data ../shared/real --name real

(a) stock: the commands a user would run instead, per trust, one after another: `papermill`, then
    `jupyter nbconvert --to html`, then `--to webpdf` with Debian's chromium (html alone where there is no browser).
(b) ours: `nof brief --trust ...` in a process of its own, one worker, start-up included.
(c) floor: one Python process that does the same computing, drawing and Typst compiling with no notebook.
The three take turns, round after round, on the same trusts. Then every trust of the publication, with all workers.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RESULTS = Path(__file__).resolve().parent / "results"
NOTEBOOK = ROOT / "notebooks" / "trust_briefing.ipynb"
CHROMIUM = Path("/usr/bin/chromium")


def timed(command: list, **kwargs) -> float:
    """Seconds that a command took; it must succeed."""
    started = time.perf_counter()
    subprocess.run(
        [str(word) for word in command], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **kwargs
    )
    return time.perf_counter() - started


def stock(data: Path, quarter: str, trusts: list[str], folder: Path) -> float:
    """Seconds per trust of the stock commands."""
    total = 0.0
    for trust in trusts:
        made = folder / f"{trust}.ipynb"
        total += timed(
            [
                sys.executable,
                "-m",
                "papermill",
                NOTEBOOK,
                made,
                "-p",
                "quarter",
                quarter,
                "-p",
                "data",
                data,
                "-p",
                "trust",
                trust,
                "--cwd",
                NOTEBOOK.parent,
            ]
        )
        total += timed([sys.executable, "-m", "nbconvert", "--to", "html", made])
        if CHROMIUM.exists():
            total += timed([sys.executable, ROOT / "bench" / "stock_webpdf.py", made])
    return total / len(trusts)


def ours(params: Path, trusts: list[str], folder: Path, jobs: int) -> float:
    """Seconds per trust of `nof brief`, start-up, checks, zips and publishing included."""
    chosen = [word for trust in trusts for word in ("--trust", trust)]
    command = [
        sys.executable,
        "-c",
        "from nof.cli import main; main()",
        "brief",
        params,
        "--out",
        folder,
        "--jobs",
        jobs,
    ]
    return timed([*command, *chosen]) / len(trusts)


def floor(data: Path, quarter: str, trusts: list[str], folder: Path) -> float:
    """Seconds per trust of one process without notebooks, start-up included."""
    return timed([sys.executable, ROOT / "bench" / "floor.py", data, quarter, folder, *trusts]) / len(trusts)


def everything(params: Path, folder: Path, count: int) -> dict:
    """All trusts of the publication, with all workers; exit code and peak memory from the run itself."""
    started = time.perf_counter()
    code = "from nof.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "brief", str(params), "--out", str(folder), "--all-trusts"],
        capture_output=True,
        text=True,
    )
    seconds = time.perf_counter() - started
    report = folder / "latest" / "trusts"
    pages = {ending: len(list(report.glob(f"*{ending}"))) for ending in (".html", ".pdf")}
    memory = re.search(r"at most (\d+) MB a worker", done.stdout)
    sizes = sorted(path.stat().st_size for path in report.glob("*.pdf"))
    return {
        "exit_code": done.returncode,
        "seconds": round(seconds, 1),
        "seconds_per_trust": round(seconds / count, 3),
        "html": pages[".html"],
        "pdf": pages[".pdf"],
        "median_pdf_kb": round(statistics.median(sizes) / 1024),
        "largest_pdf_kb": round(sizes[-1] / 1024),
        "peak_mb": int(memory[1]) if memory else None,
    }


def measure(data: Path, name: str, rounds: int, few: int, many: int) -> dict:
    """One table: seconds per trust, ratios, and the whole publication."""
    from nof.method.opening import open_publication

    publication = open_publication(data).publication
    quarter = publication.latest
    codes = sorted(publication.trusts.loc[publication.trusts["quarter"] == quarter, "trust_code"])
    spread = [codes[i * len(codes) // many] for i in range(many)]
    seconds: dict[str, list[float]] = {"stock": [], "ours": [], "floor": []}
    with tempfile.TemporaryDirectory() as place:
        params = Path(place) / "params.yaml"
        params.write_text(json.dumps({"quarter": quarter, "data": str(data)}))
        for number in range(rounds):
            folder = Path(place) / f"round{number}"
            folder.mkdir()
            seconds["stock"].append(stock(data, quarter, spread[number * few : (number + 1) * few], folder))
            seconds["ours"].append(ours(params, spread, folder / "ours", 1))
            seconds["floor"].append(floor(data, quarter, spread, folder / "floor"))
            shutil.rmtree(folder)
        whole = everything(params, Path(place) / "all", len(codes))
    return table(name, quarter, len(codes), seconds, whole, many)


def table(name: str, quarter: str, count: int, seconds: dict, whole: dict, many: int) -> dict:
    """The figures to keep: medians and the ratios between them."""
    middle = {key: round(statistics.median(values), 3) for key, values in seconds.items()}
    return {
        "publication": name,
        "quarter": quarter,
        "trusts": count,
        "trusts_per_round": many,
        "date": dt.date.today().isoformat(),
        "machine": machine(),
        "with_pdf": CHROMIUM.exists(),
        "seconds_per_trust": middle,
        "rounds": {key: [round(one, 3) for one in v] for key, v in seconds.items()},
        "stock_over_ours": round(middle["stock"] / middle["ours"], 1),
        "ours_over_floor": round(middle["ours"] / middle["floor"], 2),
        "all_trusts": whole,
    }


def machine() -> str:
    """What it ran on, without a name."""
    return f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--few", type=int, default=2, help="trusts a round for the stock commands")
    parser.add_argument("--many", type=int, default=24, help="trusts a round for ours and the floor")
    given = parser.parse_args()
    found = measure(given.data.resolve(), given.name, given.rounds, given.few, given.many)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"briefings-{given.name}.json").write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))
