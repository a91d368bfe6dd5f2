"""The choices that a ranking needs, and every combination of them; nothing is ranked here."""

from __future__ import annotations

from collections.abc import Collection
from itertools import product

import numpy as np
import pandas as pd

from nof.sensitivity.reranking import Setting

NOTHING = "nothing"
SEGMENT_FIRST, AVERAGE_ONLY = "segment, then average", "average only"
# Columns of Multiverse.choices with the published choice first; how a reader is told of the other.
PUBLISHED = {
    "left_out": NOTHING,
    "finance": "with",
    "data": "all metrics",
    "weights": "each metric",
    "statistic": "mean",
    "override": "on",
    "rank_by": SEGMENT_FIRST,
}
_TOLD = {
    "finance": "{}",
    "data": "in-quarter data only",
    "weights": "equal weight per domain",
    "statistic": "median",
    "override": "no override",
    "rank_by": "rank by average only",
    "left_out": "without {}",
}


def combinations_of(here: Setting, in_quarter: Collection[str] | None) -> tuple[pd.DataFrame, np.ndarray]:
    """Every combination of choices that gives a ranking of its own, the published one first.

    Returns
    -------
    choices : DataFrame
        As `Multiverse.choices`.
    kept : array of bool, shape (choices, metrics)
        The metrics that each keeps.
    """
    rows, masks, seen = [], [], set()
    for combination in product(*_options(here, in_quarter).values()):
        choice = dict(zip(PUBLISHED, combination, strict=True))
        mask = kept_metrics(here, choice, in_quarter)
        key = (mask.tobytes(), *combination[3:])
        by_average, unused = choice["rank_by"] == AVERAGE_ONLY, choice["override"] == "not used"
        if by_average != unused or key in seen or not mask.any():
            continue
        seen.add(key)
        rows.append(choice | _told(choice, here))
        masks.append(mask)
    return pd.DataFrame(rows), np.array(masks)


def _options(here: Setting, in_quarter: Collection[str] | None) -> dict[str, list[str]]:
    own = here.scores.iloc[here.members].notna().any()
    flagged = bool(here.standing["in_deficit"].any())
    return {
        "left_out": [NOTHING, *own.index[own], *sorted(here.domains[own].unique())],
        "finance": ["with", *here.finance],
        "data": ["all metrics"] + ["in quarter"] * (in_quarter is not None),
        "weights": ["each metric", "each domain"],
        "statistic": ["mean", "median"],
        "override": ["on"] + ["off"] * flagged + ["not used"],
        "rank_by": [SEGMENT_FIRST, AVERAGE_ONLY] if here.rule != "none" else [AVERAGE_ONLY],
    }


def kept_metrics(here: Setting, choice: dict, in_quarter: Collection[str] | None) -> np.ndarray:
    """Which metrics a choice keeps: a bool for each column of `here.scores`.

    Parameters
    ----------
    choice : dict
        A row of `Multiverse.choices`.
    in_quarter : collection of str or None
        Score ids with data of the quarter; asked for only where the choice is "in quarter".
    """
    metrics = here.scores.columns
    gone = (metrics == choice["left_out"]) | (here.domains == choice["left_out"]).to_numpy()
    gone |= metrics.isin(here.finance.get(choice["finance"], ()))
    if choice["data"] == "in quarter":
        gone |= ~metrics.isin(list(in_quarter or ()))
    return ~gone


def _told(choice: dict, here: Setting) -> dict:
    published = PUBLISHED | ({"rank_by": AVERAGE_ONLY} if here.rule == "none" else {})
    other = [name for name, value in choice.items() if value not in (published[name], "not used")]
    label = "; ".join(_TOLD[name].format(choice[name]) for name in other) or "as published"
    return {"differs": len(other), "label": label}
