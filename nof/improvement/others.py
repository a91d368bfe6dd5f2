"""The others move too: how the edge that a trust has to reach moved over the quarters."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from nof.improvement.gap import edge_brackets, next_segment
from nof.quarter import Quarter
from nof.recompute import National

ILLUSTRATION = "illustration from past edges, not a forecast"


@dataclass(frozen=True)
class Movement:
    """How the edge itself moved over the quarters of the framework year, and what that would do to the gap.

    Attributes
    ----------
    frame : DataFrame
        quarter, edge, edge_low, edge_high (the bracket), gap (the trust's average now less that quarter's edge).
    lowest, highest : float
        Of the edges (the lowest is the hardest to reach); NaN where none is known.
    gap_at_lowest, gap_at_highest : float
        At or below 0: the trust would be over the edge as it stands.
    label : str
        What this is: an illustration from past edges, not a forecast.
    """

    frame: pd.DataFrame
    lowest: float
    highest: float
    gap_at_lowest: float
    gap_at_highest: float
    label: str = ILLUSTRATION


def movement_of_others(national: National, quarter: str, trust_code: str) -> Movement:
    """How the edge that a trust has to reach moved, since segments are quartiles: others' movement moves it.

    For a trust in segment 1 by its average the edge is the one that it has to keep (its gap is then below 0).

    Parameters
    ----------
    national, quarter, trust_code
        As for `contributions.contributions`.
    """
    goal = next_segment(national, quarter, trust_code)
    year = Quarter.parse(quarter).year
    quarters = [one for one in national.publication.quarters if Quarter.parse(one).year == year]
    rows = [{"quarter": one} | edge_brackets(national, one).loc[goal.target or 1].to_dict() for one in quarters]
    frame = pd.DataFrame(rows).rename(columns={"above": "edge_low", "below": "edge_high"})
    frame = frame.assign(gap=goal.average - frame["edge"])[["quarter", "edge", "edge_low", "edge_high", "gap"]]
    lowest, highest = float(frame["edge"].min()), float(frame["edge"].max())
    return Movement(frame, lowest, highest, goal.average - lowest, goal.average - highest)
