"""Fill the benchmark table of the README from bench/results/*.json; with --check say if it still fits.

Nothing is typed by hand: no result file, no row.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
PLACE = re.compile(r"(<!-- bench -->\n).*?(<!-- /bench -->)", re.DOTALL)
HEAD = """| publication | stock commands | ours | floor | stock / ours | ours / floor | all trusts, HTML and PDF |
|---|---:|---:|---:|---:|---:|---|
"""
NOTE = """
Seconds for one trust's briefing, start-up included, medians of {rounds} rounds in turn: *stock* is `papermill` and then
`jupyter nbconvert` to HTML{pdf}; *ours* is `nof brief --trust` with one worker; *floor* is one process
that computes, draws and compiles the same with no notebook. Measured {when}. `bench/briefings.py` repeats it.
"""
NOTHING = "Not measured yet: `bench/briefings.py` measures, `tools/bench_table.py` writes the table here.\n"


def results(folder: Path) -> list[dict]:
    """The result files of bench/briefings.py, by name."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
    return [one for one in found if "seconds_per_trust" in one]


def row(found: dict) -> str:
    """One publication."""
    seconds, whole = found["seconds_per_trust"], found["all_trusts"]
    made = f"{whole['pdf']} in {whole['seconds']:.0f} s" + ("" if whole["exit_code"] == 0 else ", with failures")
    return (f"| {found['publication']}, {found['trusts']} trusts | {seconds['stock']:.2f} | {seconds['ours']:.2f} "
            f"| {seconds['floor']:.2f} | {found['stock_over_ours']:.1f} | {found['ours_over_floor']:.2f} | {made} |")


def table(found: list[dict]) -> str:
    """The table with its note, or a line that says that nothing was measured."""
    if not found:
        return NOTHING
    when = "; ".join(sorted({f"on {one['date']}, {one['machine']}" for one in found}))
    rounds = " or ".join(sorted({str(len(one["rounds"]["ours"])) for one in found}))
    pdf = " and, with a browser, to PDF" if all(one["with_pdf"] for one in found) else " alone (no browser here)"
    return HEAD + "\n".join(map(row, found)) + "\n" + NOTE.format(rounds=rounds, pdf=pdf, when=when)


def filled(text: str, found: list[dict]) -> str:
    """A page with the table in its marked place."""
    if not PLACE.search(text):
        raise SystemExit("README.md has no place for the table: <!-- bench --> ... <!-- /bench -->")
    return PLACE.sub(lambda place: place[1] + table(found) + place[2], text)


if __name__ == "__main__":
    page = README.read_text(encoding="utf-8")
    made = filled(page, results(ROOT / "bench" / "results"))
    if "--check" in sys.argv:
        sys.exit(0 if made == page else "the table in README.md is out of date: run tools/bench_table.py")
    README.write_text(made, encoding="utf-8")
