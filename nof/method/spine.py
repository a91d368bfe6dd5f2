"""Where one trust stands among its type on each metric, on a scale that every metric shares."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

BANDS = ("best quarter", "middle half", "worst quarter")
LETTERS = "ABCD"  # of quarters of a type, the best first


@dataclass(frozen=True)
class Spine:
    """A trust's place between the best, the typical and the worst of its type: 0 the best, 0.5 the median, 1 the worst.

    Attributes
    ----------
    at : float
        The trust's own value.
    lower, upper : float
        The quartiles of the type, the better one first.
    band : str
        One of `BANDS`. What equals a quartile is on its better side.
    by : str
        What was compared: "value", or "score" where no value is published.
    """

    at: float
    lower: float
    upper: float
    band: str
    by: str


def quarters(scores: pd.Series) -> pd.Series:
    """The quarter of some trusts that each score falls in: a letter of `LETTERS`, None where there is no score.

    The lowest score is the best. What equals a quartile is on its better side, so trusts that tie share the better letter.
    """
    edges = np.quantile(scores.dropna(), [0.25, 0.5, 0.75]) if scores.notna().any() else []
    letters = [None if pd.isna(one) else LETTERS[int(np.searchsorted(edges, one))] for one in scores]
    return pd.Series(letters, index=scores.index, dtype=object)


def spines(rows: pd.DataFrame, trust_code: str) -> dict[str, Spine]:
    """A trust's spine on each metric that it is scored on.

    Which way is better is read off the published places: the value at place 1 is the best. Where a metric has no values or no
    places, its scores are compared, of which the lowest is the best.

    Parameters
    ----------
    rows : DataFrame
        The rows of `contributions.scored` of one trust type and quarter.
    trust_code : str

    Returns
    -------
    dict
        A `Spine` by metric_id.
    """
    found = {}
    for metric_id, part in rows.groupby("metric_id"):
        own = part[part["trust_code"] == trust_code]
        if len(own):
            found[str(metric_id)] = _spine(part, own.iloc[0])
    return found


def _spine(part: pd.DataFrame, own: pd.Series) -> Spine:
    known = part.dropna(subset=["value", "rank"])
    if pd.isna(own["value"]) or pd.isna(own["rank"]):
        return _placed(part["score"].to_numpy(dtype=float), float(own["score"]), "score")
    best = known.loc[known["rank"].idxmin(), "value"]
    worst = known.loc[known["rank"].idxmax(), "value"]
    values = known["value"].to_numpy(dtype=float) * (1 if best <= worst else -1)
    return _placed(values, float(own["value"]) * (1 if best <= worst else -1), "value")


def _placed(values: np.ndarray, own: float, by: str) -> Spine:
    """The spine of a number among others of which the lowest is the best."""
    lowest, lower, middle, upper, highest = np.quantile(values, [0, 0.25, 0.5, 0.75, 1])

    def along(value: float) -> float:
        """Share of the way; where half of the type has the same value, that half of the way is a point."""
        if value <= middle:
            return 0.5 if middle == lowest else 0.5 * float(value - lowest) / float(middle - lowest)
        return 0.5 + 0.5 * float(value - middle) / float(highest - middle)

    band = BANDS[0] if own <= lower else BANDS[2] if own > upper else BANDS[1]
    return Spine(along(own), along(lower), along(upper), band, by)
