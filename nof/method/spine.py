"""Where one trust stands among its type on each metric, on a scale that every metric shares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

BANDS = ("best quarter", "middle half", "worst quarter")
FIFTHS = (0, 0.25, 0.5, 0.75, 1)  # shares of a type's trusts: the ends and the quartiles of a scale
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


@dataclass(frozen=True)
class Scale:
    """What a type's trusts have on one metric, as a spine needs it; the ends and quartiles run from the best to the worst.

    Attributes
    ----------
    scores, values : array of 5, or None
        Best, better quartile, median, worse quartile and worst; of the scores, and of the values times `sign`. No values
        where none has a place.
    sign : int
        1 where low values are better, -1 where high ones are.
    """

    scores: np.ndarray
    values: np.ndarray | None
    sign: int


def scales(rows: pd.DataFrame) -> dict[str, Scale]:
    """The scale of each metric of a type.

    Which way is better is read off the published places: the value at place 1 is the best.

    Parameters
    ----------
    rows : DataFrame
        The rows of `contributions.scored` of one trust type and quarter.
    """
    return {str(metric_id): _scale(part) for metric_id, part in rows.groupby("metric_id")}


def _scale(part: pd.DataFrame) -> Scale:
    known, values, sign = part.dropna(subset=["value", "rank"]), None, 1
    if len(known):
        places = known["rank"]
        sign = 1 if known.loc[places.idxmin(), "value"] <= known.loc[places.idxmax(), "value"] else -1
        values = np.quantile(known["value"].to_numpy(dtype=float) * sign, FIFTHS)
    return Scale(np.quantile(part["score"].to_numpy(dtype=float), FIFTHS), values, sign)


def spines(own: pd.DataFrame, scale_of: dict[str, Scale]) -> dict[str, Spine]:
    """A trust's spine on each metric that it is scored on; by its score (the lowest is the best) without a value or a place.

    Parameters
    ----------
    own : DataFrame
        The trust's rows of `contributions.scored`.
    scale_of : dict
        The `scales` of its type.

    Returns
    -------
    dict
        A `Spine` by metric_id.
    """
    columns = own[["metric_id", "value", "rank", "score"]]
    return {str(one.metric_id): _spine(scale_of[str(one.metric_id)], one) for one in columns.itertuples(index=False)}


def _spine(scale: Scale, own: Any) -> Spine:
    if scale.values is None or pd.isna(own.value) or pd.isna(own.rank):
        return _placed(scale.scores, float(own.score), "score")
    return _placed(scale.values, float(own.value) * scale.sign, "value")


def _placed(scale: np.ndarray, own: float, by: str) -> Spine:
    """The spine of a number among others of which the lowest is the best."""
    lowest, lower, middle, upper, highest = scale

    def along(value: float) -> float:
        """Share of the way; where half of the type has the same value, that half of the way is a point."""
        if value <= middle:
            return 0.5 if middle == lowest else 0.5 * float(value - lowest) / float(middle - lowest)
        return 0.5 + 0.5 * float(value - middle) / float(highest - middle)

    band = BANDS[0] if own <= lower else BANDS[2] if own > upper else BANDS[1]
    return Spine(along(own), along(lower), along(upper), band, by)
