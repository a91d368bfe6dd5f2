"""Whose likely range is shown, and how much too narrow such a range is.

"Likely range" is NHS England's word for its 95% interval. Its own range is shown wherever its league table file gives
one; ours (see `nof.rules.uncertainty`) stands in where there is none, and says so. Both are percentile intervals of a
bootstrap over a trust's own metric scores. With few scores such an interval is too narrow: it takes the spread of the
scores at hand for the whole spread and uses no t quantile (Efron and Tibshirani, An Introduction to the Bootstrap, 1993,
chapter 13; Hesterberg, "What teachers should know about the bootstrap", The American Statistician 69, 2015, calls it
narrowness bias). Scores: 1.00 is best; ranks: 1 is best.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
import scipy

LEVEL = 0.95
ENDS = ("average_low", "average_high", "rank_low", "rank_high")
PUBLISHED, RECOMPUTED, PARTLY = "published", "recomputed", "partly published"


def with_published(table: pd.DataFrame, given: pd.DataFrame) -> pd.DataFrame:
    """A league table with NHS England's own likely ranges where there are any, and both kinds beside them.

    Parameters
    ----------
    table : DataFrame
        With trust_code and the recomputed average_low, average_high (likely range of the average), rank_low, rank_high
        (of the rank); NaN where they cannot be recomputed.
    given : DataFrame
        `Publication.league` of the same quarter and type: trust_code and the same four; may have no rows.

    Returns
    -------
    DataFrame
        The table, with the published range in the four columns where both its ends are published, else the recomputed
        one; range_source ("published", "recomputed", or "partly published" where only the average's or only the rank's
        is); average_low_published, ..., rank_high_published (NaN where not published); average_low_recomputed, ...,
        rank_high_recomputed.
    """
    known = given.drop_duplicates("trust_code").set_index("trust_code").reindex(table["trust_code"])
    known = known.reindex(columns=list(ENDS)).astype(float).set_index(table.index)
    shown: dict[str, pd.Series] = {}
    published = []
    for low, high in (ENDS[:2], ENDS[2:]):
        both = known[[low, high]].notna().all(axis=1)
        published.append(both)
        shown |= {end: known[end].where(both, table[end]) for end in (low, high)}
    source = np.select([published[0] & published[1], published[0] | published[1]], [PUBLISHED, PARTLY], RECOMPUTED)
    return table.assign(
        **shown,
        range_source=source,
        **{f"{end}_published": known[end] for end in ENDS},
        **{f"{end}_recomputed": table[end] for end in ENDS},
    )


def source_note(table: pd.DataFrame) -> str:
    """Whose likely ranges a table shows, in one sentence.

    Parameters
    ----------
    table : DataFrame
        As `with_published`.
    """
    own = int(table["range_source"].eq(RECOMPUTED).sum())
    if not own and table["range_source"].eq(PUBLISHED).all():
        return "Likely ranges are NHS England's own, as published."
    if own == len(table):
        return "NHS England's likely ranges of this table are not in these files: they are redrawn here by its method."
    return (
        f"Likely ranges are NHS England's own; for {len(table) - int(table['range_source'].eq(PUBLISHED).sum())} "
        + (f"of {len(table)} trusts some are not published and are redrawn here by its method.")
    )


def differing_ranges(table: pd.DataFrame) -> pd.Series:
    """How many trusts' published and recomputed ranges differ.

    Parameters
    ----------
    table : DataFrame
        As `with_published`.

    Returns
    -------
    Series
        trusts (with both), average, rank, either: how many of them differ in at least one end as printed (averages at
        2 decimals).
    """
    both = table[[f"{end}_{kind}" for end in ENDS for kind in (PUBLISHED, RECOMPUTED)]].notna().all(axis=1)
    known = table[both]
    apart = {
        end: (known[f"{end}_{PUBLISHED}"] - known[f"{end}_{RECOMPUTED}"]).abs().round(9)
        >= (0.01 if "average" in end else 1)
        for end in ENDS
    }
    average, rank = apart["average_low"] | apart["average_high"], apart["rank_low"] | apart["rank_high"]
    counts = {"trusts": len(known), "average": average.sum(), "rank": rank.sum(), "either": (average | rank).sum()}
    return pd.Series(counts).astype(int)


def narrowness(metrics: Iterable[int], level: float = LEVEL) -> pd.DataFrame:
    """How much narrower a percentile interval over n metric scores is than a t interval, and what it really covers.

    The percentile interval of a mean is about z sqrt((n - 1) / n) s / sqrt(n) to each side, the t interval
    t s / sqrt(n). Assumes that scores scatter normally and independently about the trust's level; with scores between
    1.00 and 4.00 it is an approximation. What is covered is the mean over many metrics like these.

    Parameters
    ----------
    metrics : iterable of int
        Numbers of metric scores, 2 or more.
    level : float
        0 to 1.

    Returns
    -------
    DataFrame
        On metrics: narrower (share of the t interval's width that is missing, 0 to 1), coverage (0 to 1).
    """
    n = np.array(sorted({int(one) for one in metrics}), dtype=float)
    if (n < 2).any():
        raise ValueError("a range over fewer than two metrics has no width")
    tail = (1 + level) / 2
    reach = scipy.special.ndtri(tail) * np.sqrt((n - 1) / n)
    table = {
        "narrower": 1 - reach / scipy.special.stdtrit(n - 1, tail),
        "coverage": 2 * scipy.special.stdtr(n - 1, reach) - 1,
    }
    return pd.DataFrame(table, index=pd.Index(n.astype(int), name="metrics"))
