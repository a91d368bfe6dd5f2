"""How long a what-if takes, from a changed value to average, likely range, segment and rank; the target is 100 ms.

.venv/bin/python bench/what_if.py data/demo X0D OF0082
"""

from __future__ import annotations

import statistics
import sys
import time

import numpy as np

from nof.method.opening import open_publication
from nof.method.whatif import whatif


def main(data: str, trust: str, metric: str) -> None:
    """Print the median and the largest of 50 moves across the values that trusts have."""
    national = open_publication(data)
    publication = national.publication
    rows = publication.metrics[publication.metrics["metric_id"] == metric]
    values = np.linspace(rows["value"].min(), rows["value"].max(), 50)
    whatif(national, publication.latest, trust, {metric: float(values[0])})
    took = []
    for value in values:
        started = time.perf_counter()
        whatif(national, publication.latest, trust, {metric: float(value)})
        took.append(1000 * (time.perf_counter() - started))
    print(f"{trust} {metric}: median {statistics.median(took):.0f} ms, largest {max(took):.0f} ms of {len(took)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
