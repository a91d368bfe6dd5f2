"""How long rank sets take, and the limitations briefing for one trust type: the notebook as `nof brief` runs it, its parts.

    python bench/limitations.py [FOLDER [QUARTER]]

Target: under 60 s for one type on two cores. Each type is measured in a fresh process, so that nothing is warm.
"""

from __future__ import annotations

import subprocess
import sys
import time

from nof import common
from nof.read.publication import read

TARGET = 60.0
CSRANKS = 5.5  # seconds that the authors' R package csranks takes for 38 units, as published beside it
PARTS = (
    "places",
    "components",
    "reliability",
    "correlations",
    "steps",
    "periods",
    "multiverse",
    "choices",
    "decisions",
    "cliffs",
    "affected",
    "blanks",
    "merged",
    "subtypes",
)


def rank_sets(units: int) -> dict[str, float]:
    """Seconds of this process for the sets of so many made-up units, with the default draws."""
    import numpy as np
    import pandas as pd

    from nof.method.rank_sets import rank_confidence_sets

    generator = np.random.default_rng(0)
    estimate = pd.Series(generator.normal(0, 2, units))
    error = pd.Series(generator.uniform(0.5, 1.5, units))
    taken = {}
    for name, simultaneous in (("own", False), ("joint", True)):
        started = time.process_time()
        rank_confidence_sets(estimate, error, simultaneous=simultaneous)
        taken[f"{name} sets of {units}"] = time.process_time() - started
    return taken


def parts(folder: str, quarter: str, trust_type: str) -> dict[str, float]:
    """Seconds to open the folder and for each part of the figures."""
    from nof.method import limits
    from nof.method.view import open_view

    started = time.perf_counter()
    view = open_view(folder, quarter, trust_type)
    taken = {"open": time.perf_counter() - started}
    for name in PARTS:
        started = time.perf_counter()
        getattr(limits, name)(view)
        taken[name] = time.perf_counter() - started
    return taken


def notebook(folder: str, quarter: str, trust_type: str) -> float:
    """Seconds from nothing to HTML and PDF, in this process."""
    from nof.briefing.make import Job, make

    about = {
        "title": "What a rank cannot tell you",
        "subtitle": trust_type,
        "illustrative": False,
        "lang": "en-GB",
        "date": "2026-03-31",
        "source_line": "",
        "licence_line": "",
        "independent_line": "",
    }
    parameters = {"quarter": quarter, "data": folder, "trust_type": trust_type}
    started = time.perf_counter()
    make(Job(f"limitations-{trust_type}", "limitations", parameters, about))
    return time.perf_counter() - started


def main() -> None:
    """Measure each type in a process of its own."""
    if sys.argv[1:2] == ["--one"]:
        what, folder, quarter, trust_type = sys.argv[2:]
        found = (
            parts(folder, quarter, trust_type)
            if what == "parts"
            else {"notebook": notebook(folder, quarter, trust_type)}
        )
        print("  " + "  ".join(f"{name} {seconds:.2f} s" for name, seconds in found.items() if seconds >= 0.005))
        return
    for units in (38, 61, 134, 205):
        shown = "  ".join(f"{name} {seconds:.2f} s" for name, seconds in rank_sets(units).items())
        print(shown + (f"  (csranks: {CSRANKS} s)" if units == 38 else ""), flush=True)
    folder = sys.argv[1] if len(sys.argv) > 1 else str(common.share("data", "demo"))
    publication = read(folder)
    quarter = sys.argv[2] if len(sys.argv) > 2 else publication.latest
    for trust_type in publication.trust_types:
        print(f"{trust_type} (target: notebook under {TARGET:.0f} s)", flush=True)
        for what in ("notebook", "parts"):
            subprocess.run([sys.executable, __file__, "--one", what, folder, quarter, trust_type], check=True)


if __name__ == "__main__":
    main()
