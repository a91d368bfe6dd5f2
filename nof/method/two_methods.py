"""Across two methods: what a table of 2025/26 says under the bands of 2026/27, and what it cannot say.

Segments of 2025/26 are quartiles, those of 2026/27 stand at fixed thresholds. Where a trust's average of one year would
stand under the other's bands is arithmetic; that it says nothing about the trust's next segment is said beside it, by
`limits`. A move between the two years is split by `split_move`, as far as the metrics that both score by one rule go.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from nof.common import kept
from nof.method.facts import Facts, fact
from nof.method.movement import movement
from nof.rules.framework import Framework
from nof.rules.ranking import override, segment_of
from nof.rules.recompute import National
from nof.rules.reported import in_words

NOT_LIKE_FOR_LIKE = "not like for like"
SEGMENTS = (1, 2, 3, 4)


def under_bands(standings: pd.DataFrame, framework: Framework) -> pd.DataFrame:
    """In which segment each average would stand under another year's thresholds.

    Parameters
    ----------
    standings : DataFrame
        `National.standings`, of one quarter and as many types as wanted.
    framework : Framework
        Rules with three thresholds, as those of 2026/27.

    Returns
    -------
    DataFrame
        quarter, trust_type, trust_code, average_score (1.00 is best), segment_unadjusted, segment, in_deficit (all as they
        stand), unadjusted_under, segment_under (before and after the override, under the bands; the trust's flag as it
        is), moves (segment - segment_under: above 0 is a better segment under the bands; NaN where a segment is not
        known), changes (whether the segment would be another), changes_unadjusted.

    Raises
    ------
    ValueError
        The rules have no thresholds.
    """
    if not framework.segments.thresholds:
        raise ValueError(f"the rules of {framework.framework_year} name no thresholds")
    average = standings["average"].to_numpy(dtype=float)
    raw = np.where(np.isnan(average), np.nan, segment_of(average, framework.segments.edges))
    adjusted = override(raw, standings["in_deficit"].to_numpy(dtype=bool), framework.override.no_better_than)
    kept = ["quarter", "trust_type", "trust_code", "average_score", "segment_unadjusted", "segment", "in_deficit"]
    table = standings[kept].assign(unadjusted_under=raw, segment_under=adjusted)
    moves = table["segment"] - table["segment_under"]
    raw_moves = table["segment_unadjusted"] - table["unadjusted_under"]
    return table.assign(
        moves=moves, changes=moves.fillna(0).ne(0), changes_unadjusted=raw_moves.fillna(0).ne(0)
    ).reset_index(drop=True)


def transition(table: pd.DataFrame, *, adjusted: bool = True) -> pd.DataFrame:
    """How many trusts would go from which segment to which.

    Parameters
    ----------
    table : DataFrame
        As `under_bands`.
    adjusted : bool
        After the financial override, or before it.

    Returns
    -------
    DataFrame
        Square: index `segment` (as it stands, 1 to 4), columns 1 to 4 (under the bands), trusts.
    """
    was, now = ("segment", "segment_under") if adjusted else ("segment_unadjusted", "unadjusted_under")
    both = table[[was, now]].dropna().astype(int)
    found = pd.crosstab(both[was], both[now]).reindex(index=SEGMENTS, columns=SEGMENTS, fill_value=0)
    return found.rename_axis(index="segment", columns="under")


@dataclass(frozen=True)
class UnderBands(Facts):
    """What a table under another year's bands comes to."""

    trusts: int = fact("Trusts with an average and a segment", "trusts")
    change: int = fact("Trusts that would stand in another segment, after the override", "trusts")
    better: int = fact("Trusts that would stand in a better segment", "trusts")
    worse: int = fact("Trusts that would stand in a worse segment", "trusts")
    change_unadjusted: int = fact("Trusts that would stand in another segment before the override", "trusts")
    held: int = fact("Trusts that the override keeps from a better segment under the bands", "trusts")
    bands: str = fact("The bands in words")
    year: str = fact("Year of the bands")
    certainty: str = fact("How sure the bands are: official, or reported in a named public document")
    source: str = fact("Who says so")


def facts(table: pd.DataFrame, framework: Framework) -> UnderBands:
    """Counts of `under_bands`, with the bands in words."""
    known = table[table["segment"].notna() & table["segment_under"].notna()]
    return UnderBands(
        trusts=len(known),
        change=int(known["changes"].sum()),
        better=int((known["moves"] > 0).sum()),
        worse=int((known["moves"] < 0).sum()),
        change_unadjusted=int(known["changes_unadjusted"].sum()),
        held=int((known["segment_under"] > known["unadjusted_under"]).sum()),
        bands=in_words(framework.segments),
        year=framework.framework_year,
        certainty=framework.segments.certainty,
        source=framework.segments.source,
    )


def limits(before: Framework, after: Framework) -> Iterator[str]:
    """What must stand beside every statement of the form "under the bands of the other year"."""
    if after.segments.certainty != "official":
        yield f"The bands of {after.framework_year} are {after.segments.certainty}, not read in NHS England's own text."
    yield (
        f"The scores are those of {before.framework_year}: its metrics, its domains, its way of scoring. "
        f"{after.framework_year} has other metrics and may score the same ones otherwise."
    )
    yield "Scores count places among trusts, and the trusts ranked need not be the same in both years."
    yield "The financial flag is taken as it stood; it is decided anew in each publication."
    yield "So this says where an average falls on another scale, not which segment the trust will be in."


@kept
def split_move(national: National, before: str, after: str, trust_type: str) -> pd.DataFrame:
    """A move across a change of method split into its causes: of the place, and of the segment.

    Metrics that are not known to be scored by one rule in both years count under `metrics`: their scores before and after
    are two measures. Where no metric is known to be, nothing can be said of the trust's own doing, and the row says so.

    Parameters
    ----------
    national : National
        Holds both quarters.
    before, after, trust_type : str
        Slugs; quarters of two framework years.

    Returns
    -------
    DataFrame
        `movement.split_place` for the outcomes "place" and "segment", one below the other: outcome, trust_code, before,
        after, change (above 0 is better), one column a cause, unexplained, common_before, common_after, told_apart,
        can_be_split, why, like_for_like (whether every metric of both averages is known to be scored by one rule), label
        (`NOT_LIKE_FOR_LIKE` where it is not; else "").
    """
    parts = [
        movement(national, before, after, trust_type, outcome=outcome).assign(outcome=outcome)
        for outcome in ("place", "segment")
    ]
    table = pd.concat(parts, ignore_index=True)
    whole = table["can_be_split"] & table["common_before"].eq(1) & table["common_after"].eq(1)
    table["like_for_like"] = whole
    table["label"] = np.where(whole, "", NOT_LIKE_FOR_LIKE)
    return table[["outcome", *table.columns.drop("outcome")]]
