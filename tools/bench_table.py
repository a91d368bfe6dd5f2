"""Fill the tables of what was measured from bench/results/*.json; with --check say if they still fit.

Nothing is typed by hand: no result file, no row.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
README, GROWTH = ROOT / "README.md", ROOT / "docs" / "explanation" / "growth.md"
PLACE = re.compile(r"(<!-- bench -->\n).*?(<!-- /bench -->)", re.DOTALL)
HEAD = """| publication | stock commands | floor | ours, nothing kept | ours, results kept | stock / ours | ours / floor | all trusts |
|---|---:|---:|---:|---:|---:|---:|---|
"""
NOTE = """
Seconds for one trust's briefing alone, start-up included, medians of {rounds} rounds in turn: *stock* is `papermill` and then
`jupyter nbconvert` to HTML{pdf}, which every trust would take anew; *floor* is one process
that computes, draws and compiles the same with no notebook; *ours* is `nof brief --trust`, which also makes the page of what is
safe to say, the tables, the index and the checks, on all cores. Stock and floor have nothing kept from before; the first ratio is
without and with results kept. *All trusts* is `nof brief --all-trusts` with nothing kept, the national briefings among them.
Measured {when}. `bench/single.py` repeats it.{before}
"""
NOTHING = "Not measured yet: `bench/single.py` measures, `tools/bench_table.py` writes the table here.\n"


def results(folder: Path) -> list[dict]:
    """The result files of bench/single.py, by name."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
    return [one for one in found if "seconds" in one]


def row(found: dict) -> str:
    """One publication."""
    seconds = found["seconds"]
    stock, floor, bare, kept = (seconds[one] for one in ("stock", "floor", "ours, nothing kept", "ours, results kept"))
    whole = found.get("all trusts", {}).get("ours")
    made = (
        f"{found['trusts']} in {whole['seconds']:.0f} s, {whole['peak_mb']:.0f} MB a worker"
        if whole
        else "not measured"
    )
    return (
        f"| {found['publication']}, {found['trusts']} trusts | {stock:.1f} | {floor:.1f} | {bare:.1f} | {kept:.1f} "
        f"| {stock / bare:.1f}, {stock / kept:.1f} | {bare / floor:.2f} | {made} |"
    )


def table(found: list[dict]) -> str:
    """The table with its note, or a line that says that nothing was measured."""
    if not found:
        return NOTHING
    when = "; ".join(sorted({f"on {one['date']}, {one['machine']}" for one in found}))
    rounds = " or ".join(sorted({str(len(one["rounds"]["stock"])) for one in found}))
    pdf = " and, with a browser, to PDF" if all(one["with_pdf"] for one in found) else " alone (no browser here)"
    before = "".join(map(older, found))
    return HEAD + "\n".join(map(row, found)) + "\n" + NOTE.format(rounds=rounds, pdf=pdf, when=when, before=before)


def older(found: dict) -> str:
    """What another tree took in the same turns (`--before`); empty where none did."""
    seconds, whole = found["seconds"], found.get("all trusts", {})
    if "before, nothing kept" not in seconds:
        return ""
    told = f"\nAn older tree in the same turns, {found['publication']}: {seconds['before, nothing kept']:.1f} s with nothing kept"
    told += f", {seconds['before, results kept']:.1f} s with results kept"
    spent = {name: f"{one['cpu_seconds']:.0f}" for name, one in whole.items()}
    if "before" not in spent:
        return f"{told}."
    told += f"; all trusts {spent['before']} processor seconds, ours {spent['ours']}"
    return f"{told}, and {spent['ours, one page a trust']} with one page a trust, as that tree makes."


def grown(folder: Path) -> str:
    """The tables of bench/growth.py: processor seconds of each stage by size, and how they grew."""
    path = folder / "growth.json"
    if not path.is_file():
        return NOTHING.replace("single", "growth")
    found = json.loads(path.read_text(encoding="utf-8"))
    parts = [
        _growth_table(found["quarters"], f"quarters of history, {found['quarters']['trusts']} trusts"),
        _growth_table(found["trusts"], f"trusts, {found['trusts']['quarters']} quarters"),
    ]
    return "\n".join(parts) + f"\nMeasured on {found['date']}, {found['machine']}. `bench/growth.py` repeats it.\n"


def _growth_table(found: dict, what: str) -> str:
    sizes = found["sizes"]
    lines = [
        f"| {what} | " + " | ".join(f"{int(size):,}" for size in sizes) + " | exponent |",
        "|---|" + "---:|" * (len(sizes) + 1),
    ]
    for stage, exponent in found["exponents"].items():
        digits = 0 if stage.endswith("MB") else 2
        lines.append(
            f"| {stage} | " + " | ".join(f"{one[stage]:,.{digits}f}" for one in sizes.values()) + f" | {exponent:.2f} |"
        )
    return "\n".join(lines) + "\n"


def filled(text: str, made: str) -> str:
    """A page with the table in its marked place."""
    if not PLACE.search(text):
        raise SystemExit("there is no place for the table: <!-- bench --> ... <!-- /bench -->")
    return PLACE.sub(lambda place: place[1] + made + place[2], text)


def pages(folder: Path = ROOT / "bench" / "results") -> dict[Path, str]:
    """Each page as it should be."""
    made = {README: table(results(folder)), GROWTH: grown(folder)}
    return {page: filled(page.read_text(encoding="utf-8"), text) for page, text in made.items()}


if __name__ == "__main__":
    old = [page.name for page, text in pages().items() if page.read_text(encoding="utf-8") != text]
    if "--check" in sys.argv:
        sys.exit(f"out of date, run tools/bench_table.py: {', '.join(old)}" if old else 0)
    for page, text in pages().items():
        page.write_text(text, encoding="utf-8")
