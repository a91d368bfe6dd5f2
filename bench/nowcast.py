"""How far off a nowcast is: each quarter played again for every trust, with its own published next values as own values.

    python bench/nowcast.py [FOLDER]

For each step from one quarter to the next of a framework year and every trust: average and place from its next values
if all others stand still, beside the naive "as last quarter", and how often the 80% range holds what was published. A
range is never drawn from the step that it is tested on: a step learns from the earlier ones ("earlier"); the first,
which has none, from the later ones, marked so ("later"). Writes data/reference/nowcast-backtest.json, which the page
reads, and prints the table.
"""

from __future__ import annotations

import json
import sys
import time

import pandas as pd

from nof import common
from nof.common import Quarter
from nof.method import futures, nowcast
from nof.method.opening import open_publication
from nof.rules import recompute, scoring
from nof.rules.recompute import National

RESULT = "nowcast-backtest.json"


def told_still(national: National, trust_type: str, later: str) -> pd.DataFrame:
    """A row a trust: average and place before, as told if all others stand still, and as published; no ranges yet."""
    earlier = Quarter.parse(later).previous.slug
    before, after = (recompute.standing(national, one, trust_type) for one in (earlier, later))
    rows = []
    for code in before.index.intersection(after.index):
        metrics = nowcast.placed(national, earlier, code, nowcast.values_of(national, later, code))
        still = nowcast.standing_of(national, earlier, code, metrics["score"], metrics["weight"])
        rows.append((code, float(scoring.round_half_up(still.average)), still.rank))
    table = pd.DataFrame(rows, columns=["trust_code", "average_still", "place_still"]).set_index("trust_code")
    return table.assign(
        average_before=before["average_score"],
        place_before=before["rank"],
        average=after["average_score"],
        place=after["rank"],
    )


def ranges(national: National, trust_type: str, later: str, learned: list[str]) -> pd.DataFrame:
    """The 80% ranges of each trust before a quarter, drawn from other steps."""
    earlier = Quarter.parse(later).previous.slug
    past = futures.moves(national, trust_type, learned)
    new = futures.moved_metrics(national, trust_type, earlier, later)
    rows = {}
    for code in recompute.standing(national, earlier, trust_type).index:
        metrics = nowcast.placed(national, earlier, code, nowcast.values_of(national, later, code))
        metrics["newer"] = metrics["metric_id"].isin(new) & (metrics["state"] != nowcast.HELD)
        found = nowcast.spread_of(national, earlier, code, metrics, past)
        rows[code] = (found.average_low, found.average_high, found.rank_low, found.rank_high)
    return pd.DataFrame.from_dict(
        rows, orient="index", columns=["average_low", "average_high", "place_low", "place_high"]
    )


def summed(table: pd.DataFrame) -> dict[str, float]:
    """Mean absolute errors, share of trusts whose published figure lies in the range, median width of the range."""
    found: dict[str, float] = {"trusts": len(table)}
    for one in ("average", "place"):
        found[f"{one}_error"] = (table[f"{one}_still"] - table[one]).abs().mean()
        found[f"{one}_naive"] = (table[f"{one}_before"] - table[one]).abs().mean()
        inside = table[one].between(table[f"{one}_low"] - 1e-9, table[f"{one}_high"] + 1e-9)
        found[f"{one}_inside"] = inside.mean()
        found[f"{one}_width"] = (table[f"{one}_high"] - table[f"{one}_low"]).median()
    return {name: round(float(value), 4) for name, value in found.items()}


def backtest(national: National, trust_type: str) -> list[dict]:
    """Each step, then those that learned from earlier ones together, then all."""
    steps = futures.steps(national, national.publication.latest)
    rows: list[dict] = []
    tables: list[pd.DataFrame] = []
    causal: list[pd.DataFrame] = []
    for number, later in enumerate(steps):
        learned = steps[:number] or steps[1:]
        table = told_still(national, trust_type, later).join(ranges(national, trust_type, later, learned), how="inner")
        rows.append({"step": later, "learned_from": learned, "learned": "earlier" if number else "later"})
        rows[-1] |= summed(table)
        tables.append(table)
        causal += [table] if number else []
    if len(steps) > 1:
        rows.append({"step": "after the first", "learned_from": [], "learned": "earlier"} | summed(pd.concat(causal)))
        rows.append({"step": "all", "learned_from": [], "learned": "earlier and later"} | summed(pd.concat(tables)))
    return rows


def main() -> None:
    """Play a folder again; only NHS England's own files are written down."""
    folder = sys.argv[1] if len(sys.argv) > 1 else "../shared/real"
    national = open_publication(folder)
    started = time.perf_counter()
    found = {one: backtest(national, one) for one in national.publication.trust_types}
    for trust_type, rows in found.items():
        print(trust_type)
        print(pd.DataFrame(rows).drop(columns="learned_from").to_string(index=False))
    print(f"{time.perf_counter() - started:.0f} s")
    if national.publication.illustrative:
        print("made-up data: not written down")
        return
    files = national.publication.files
    facts = {
        "level": nowcast.LEVEL,
        "draws": futures.DRAWS,
        "seed": futures.SEED,
        "files": dict(sorted(zip(files["file"], files["sha256"], strict=True))),
        "trust_types": found,
    }
    common.reference(RESULT).write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
