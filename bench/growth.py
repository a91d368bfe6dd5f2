"""How time and memory grow with history and with trusts: nothing may grow faster than its input but pairwise sets.

    .venv/bin/python bench/growth.py

Publications of 1 to 40 quarters and of 50 to 2,000 trusts are copied together from the demo one, whose figures mean
nothing here. Each is measured in a process of its own: processor seconds of each stage, and the largest memory. The
exponent beside each row compares the largest input with the one before it: 1 is linear, less is better. A stage that
looks at one quarter should hardly grow with history at all. Comparing every two trusts is the exception: its square
is allowed.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pandas as pd
from single import RESULTS, ROOT, machine

QUARTERS, TRUSTS = (1, 4, 16, 40), (50, 205, 500, 1000, 2000)
KEY = ["quarter", "trust_type", "trust_code"]
PAIRWISE = "pairwise sets"
DIGITS = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"


# --- larger and smaller publications ---


def with_quarters(publication, count: int):
    """The same trusts over another number of quarters: the latest stays, earlier ones are copies."""
    from nof.common import Quarter

    wanted, pieces = Quarter.parse(publication.latest), {"metrics": [], "trusts": []}
    held = publication.quarters[::-1]
    for number in range(count):
        for name, parts in pieces.items():
            frame = getattr(publication, name)
            parts.append(frame[frame["quarter"] == held[number % len(held)]].assign(quarter=wanted.slug))
        wanted = wanted.previous
    return rebuilt(publication, {name: pd.concat(parts[::-1]) for name, parts in pieces.items()})


def with_trusts(publication, count: int):
    """Another number of trusts, the types in proportion: the first ones, or copies under new codes."""
    latest = publication.trusts[publication.trusts["quarter"] == publication.latest]
    names = []
    for _, part in latest.groupby("trust_type"):
        codes = sorted(part["trust_code"])
        wanted = max(3, round(count * len(codes) / len(latest)))
        names += [(codes[i % len(codes)], i // len(codes)) for i in range(wanted)]
    new = pd.DataFrame(names, columns=["trust_code", "copy"])
    frames = {name: copied(getattr(publication, name), new) for name in ("metrics", "trusts", "league")}
    return rebuilt(publication, frames)


def copied(frame: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    """Rows of each trust as often as it is wanted, each copy under a code and a name of its own."""
    both = frame.merge(new, on="trust_code")
    marks = {copy: DIGITS[copy // len(DIGITS)] + DIGITS[copy % len(DIGITS)] for copy in new["copy"].unique() if copy}
    endings = both["copy"].map(lambda copy: marks.get(copy, ""))
    own = {one: both[one] + endings for one in ("trust_code", "trust_name") if one in both}
    return placed(both.assign(**own)[frame.columns])


def placed(frame: pd.DataFrame) -> pd.DataFrame:
    """The same rows with ranks that so many trusts can have, in the order of those that were published."""
    if "rank" not in frame:
        return frame
    keys = [one for one in ("quarter", "trust_type", "metric_id") if one in frame]
    ranks = frame.groupby(keys)["rank"].rank(method="min")
    return frame.assign(**{one: ranks for one in ("rank", "rank_low", "rank_high") if one in frame})


def rebuilt(publication, frames: dict[str, pd.DataFrame]):
    """A publication of other frames."""
    from nof.read.publication import Publication

    parts = {name: frames.get(name, getattr(publication, name)) for name in ("metrics", "trusts", "league")}
    return Publication(
        **{name: part.reset_index(drop=True) for name, part in parts.items()},
        files=publication.files,
        illustrative=True,
    )


def written(publication, folder: Path) -> Path:
    """The files of a publication in a folder of its own."""
    from nof.demo import folder as layout

    folder.mkdir()
    for name, content in layout.files(publication, pd.DataFrame()).items():
        if name != layout.MERGERS:
            (folder / name).write_bytes(content)
    (folder / layout.MARK).write_text("Copies of illustrative data, to measure with.\n")
    return folder


# --- one size, in a process of its own ---


def stages(folder: Path) -> dict[str, float]:
    """Processor seconds of each stage, and the largest memory in megabytes."""
    from nof.briefing import index, make, plan, workers
    from nof.briefing.params import Params
    from nof.method import board, limits, opening, view
    from nof.read.publication import read
    from nof.rules import draft
    from nof.rules.framework import load
    from nof.rules.recompute import recompute

    draft.rules = lambda *_, **__: load("2025/26")  # the rules of the only year that has some, for all years
    took: dict[str, float] = {}

    def timed(name: str, step: Callable):
        """Run a stage and note its processor seconds."""
        started = time.process_time()
        found = step()
        took[name] = time.process_time() - started
        return found

    workers.warm()
    publication = timed("read and check", partial(read, folder))
    timed("recompute", partial(recompute, publication))
    national = timed("open", partial(opening.open_publication, folder))  # these two again, and held against itself
    quarter, kind = publication.latest, publication.trust_types[0]
    seen = view.view_of(national, quarter, kind)
    timed("league table", partial(view.warm, seen))
    timed(PAIRWISE, lambda: (limits.paired(seen), limits.places(seen)))
    timed("limits", partial(board.warm, national, quarter, [kind]))
    params = plan.settled(Params.model_validate({"quarter": quarter, "data": folder}), national)
    job = plan.trust_jobs(params, national, [seen.league["trust_code"].iloc[0]])[0]
    make.make(job)
    timed("one trust's briefing", partial(make.make, job))
    with tempfile.TemporaryDirectory() as place:
        timed("index page", lambda: index.write_quarter(Path(place), national, params, "growth", {}, {}))
    return {name: round(value, 3) for name, value in took.items()} | {"peak MB": round(make.peak_memory_mb())}


# --- the whole ---


def measure(made: dict[int, Callable], place: Path) -> dict[int, dict[str, float]]:
    """Each size in turn."""
    found, bare = {}, os.environ | {"NOF_CACHE": ""}  # nothing is kept from one size to the next, or from another day
    for size, build in made.items():
        folder = written(build(), place / str(size))
        words = [sys.executable, __file__, "--stages", folder]
        said = subprocess.run(words, env=bare, capture_output=True, text=True)
        if said.returncode:
            raise RuntimeError(f"{size}: {said.stderr[-2000:]}")
        found[size] = json.loads(said.stdout.splitlines()[-1])
        print(size, found[size], file=sys.stderr)
    return found


def exponents(found: dict[int, dict[str, float]]) -> dict[str, float]:
    """How each stage grew over the last step of size."""
    *_, before, last = sorted(found)
    return {
        name: round(math.log(max(value, 1e-3) / max(found[before][name], 1e-3)) / math.log(last / before), 2)
        for name, value in found[last].items()
    }


def main() -> None:
    """Measure, print, keep."""
    from nof.demo.folder import build

    publication, _ = build()
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        quarters = measure({n: partial(with_quarters, publication, n) for n in QUARTERS}, Path(one))
        trusts = measure({n: partial(with_trusts, publication, n) for n in TRUSTS}, Path(other))
    found = {
        "date": dt.date.today().isoformat(),
        "machine": machine(),
        "quarters": {"sizes": quarters, "exponents": exponents(quarters), "trusts": 205},
        "trusts": {"sizes": trusts, "exponents": exponents(trusts), "quarters": 4},
    }
    (RESULTS / "growth.json").write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stages", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    print(json.dumps(stages(given.stages))) if given.stages else main()
