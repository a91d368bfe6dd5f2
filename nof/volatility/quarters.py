"""One measure of one trust type as a table, trusts by quarters, and which of its quarters are copies."""

from __future__ import annotations

from itertools import pairwise

import pandas as pd

# Published scores have 2 decimals, and some quarters go in rounded: less than half a hundredth is no movement.
STILL = 0.005 - 1e-9
AVERAGE = "average"
RANK = "rank"
MOVING = "average of moving metrics"


def panels(scores: pd.DataFrame, standings: pd.DataFrame, trust_type: str) -> dict[str, pd.DataFrame]:
    """Every measure of one trust type as a table of trusts by quarters (NaN where absent).

    Parameters
    ----------
    scores, standings : DataFrame
        As in `recompute.National`.

    Returns
    -------
    dict of DataFrame
        "average" and "rank" (the aggregated metric ranking), "average of moving metrics" (over the metrics that moved
        in every step between quarters: the average without the annual metrics; absent if there are none), and one
        entry a metric id (its score).
    """
    ours = standings[standings["trust_type"] == trust_type]
    counted = scores[(scores["trust_type"] == trust_type) & (scores["weight"] > 0)]
    found = {name: ours.pivot(index="trust_code", columns="quarter", values=name) for name in (AVERAGE, RANK)}
    metrics = {
        metric: part.pivot(index="trust_code", columns="quarter", values="score").reindex(
            columns=found[AVERAGE].columns
        )
        for metric, part in counted.groupby("metric_id")
    }
    lively = [metric for metric, table in metrics.items() if len(releases(table)) == table.shape[1]]
    if lively:
        part = counted[counted["metric_id"].isin(lively)]
        part = part.assign(total=part["score"] * part["weight"]).groupby(["trust_code", "quarter"])
        found[MOVING] = (part["total"].sum() / part["weight"].sum()).unstack("quarter")
    return found | metrics


def releases(panel: pd.DataFrame) -> list[str]:
    """Quarters that bring something new: in a copy, no trust differs from the quarter before.

    Quarters without any value are no release. A trust in one of the two quarters only is no sign of movement.

    Parameters
    ----------
    panel : DataFrame, trusts by quarters
        NaN where absent; quarters in the order of time.
    """
    filled = panel.loc[:, panel.notna().any()]
    kept = list(filled.columns[:1])
    for before, after in pairwise(filled.columns):
        if ((filled[after] - filled[before]).abs() > STILL).any():
            kept.append(after)
    return kept
