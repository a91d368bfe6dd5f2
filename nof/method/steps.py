"""How often a step is made by trusts that started nearby, and how far the edges that it has to cross are known.

A step that many trusts made says little to a trust near the front: those that start far behind move further, since part
of what put them there was chance (*regression to the mean*: Galton, Journal of the Anthropological Institute 15, 1886;
Barnett, van der Pols and Dobson, International Journal of Epidemiology 34, 2005). So what is counted is how often the
*score* moved as far as the trust needs, among the trusts of its type that *started nearby*: within one usual quarterly
change of its value. Edges that the files do not give lie in a bracket; every gap and chance that rests on one is then a
range. Values are in the metric's own units. Scores, segments: 1 is best.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from nof.common import Quarter, kept
from nof.method.contributions import history, scored
from nof.method.improvement import cases_of, with_variance
from nof.method.next_segment import NextSegment, edge_brackets, next_segment
from nof.read import store
from nof.rules.recompute import National
from nof.rules.uncertainty import Redraw

TINY = 1e-9
FEWEST = 3  # trust-quarters below which no correlation is told
MOVE_COLUMNS = [
    "quarter", "quarter_before", "trust_code", "metric_id", "value_id", "description", "units", "value_before", "value",
    "score_before", "score", "change", "gain",
]  # fmt: skip
CHANCE_COLUMNS = [
    "metric_id", "value_id", "description", "units", "value", "score", "weight", "gain_needed", "gain_easiest",
    "gain_hardest", "starts_low", "starts_high", "nearby", "nearby_made", "nearby_made_easiest", "nearby_made_hardest",
    "every", "every_made", "start_change",
]  # fmt: skip


# --- moves: what one trust did on one metric from one quarter to the next ---


@store.frame
def moves(national: National, trust_type: str) -> pd.DataFrame:
    """Every move of a trust on a metric from one quarter to the next, values beside scores.

    Only within a framework year, and only where the period behind the value is a new one (a staff survey that is shown
    again has not moved). The combined finance score stands beside the variance to plan, which moves within the year.

    Parameters
    ----------
    trust_type : str
        Slug.

    Returns
    -------
    DataFrame
        A row a trust-quarter and metric: quarter (the later one), quarter_before, trust_code, metric_id (of the score),
        value_id, description, units, value_before, value, score_before, score (unrounded), change (of the value, in
        `units`), gain (of the score: above 0 is better). Kept for the next who asks: not to be changed.
    """
    parts = []
    for quarter in national.publication.quarters:
        rows = scored(national, quarter)
        parts.append(with_variance(national, quarter, rows[rows["trust_type"] == trust_type]))
    table = pd.concat(parts)
    table = table[table["value"].notna()]
    following = {one: Quarter.parse(one).next.slug for one in national.publication.quarters}
    keys = ["quarter", "trust_code", "metric_id", "value_id", "units"]
    before = table.assign(quarter_before=table["quarter"], quarter=table["quarter"].map(following))
    pairs = table.merge(before[[*keys, "quarter_before", "value", "score"]], on=keys, suffixes=("", "_before"))
    past = history(national.publication)
    past = past.loc[past["moved"], ["quarter", "trust_code", "value_id", "units"]].drop_duplicates()
    pairs = pairs.merge(past, on=["quarter", "trust_code", "value_id", "units"])
    pairs = pairs.assign(change=pairs["value"] - pairs["value_before"], gain=pairs["score_before"] - pairs["score"])
    return pairs.sort_values(["metric_id", "trust_code", "quarter"])[MOVE_COLUMNS].reset_index(drop=True)


class HowOften(NamedTuple):
    """How often trusts gained a score, and where they started; counts are of trust-quarters.

    Attributes
    ----------
    starts_low, starts_high : float
        Values between which "nearby" lies, both ends included.
    nearby, nearby_made : int
        Started there; gained the score or more.
    every, every_made : int
        The same, wherever they started.
    start_change : float
        Correlation (Pearson) of the value at the start with its change; below 0: who starts high falls and who starts
        low rises, as regression to the mean would have it. NaN on fewer than three or where nothing varies. Trusts come
        again in each quarter, so no interval is given.
    """

    starts_low: float
    starts_high: float
    nearby: int
    nearby_made: int
    every: int
    every_made: int
    start_change: float


class Past(NamedTuple):
    """The moves of a type's trusts on one metric, as `how_often` needs them.

    Attributes
    ----------
    starts, gains : array
        `value_before` and `gain` of each move.
    usual : float
        One usual change: the median size of the changes; NaN without moves.
    start_change : float
        As `HowOften.start_change`.
    """

    starts: np.ndarray
    gains: np.ndarray
    usual: float
    start_change: float


def past(moves: pd.DataFrame) -> Past:
    """What rows of `moves` of one metric say (value_before, change, gain)."""
    usual = float(moves["change"].abs().median()) if len(moves) else np.nan
    return Past(moves["value_before"].to_numpy(), moves["gain"].to_numpy(), usual, start_change(moves))


def how_often(past: Past, value: float, gain: float) -> HowOften:
    """How often the score of one metric was bettered by `gain`, among trusts that started near a value and among all.

    Nearby is within one usual change, so the width comes from the data.

    Parameters
    ----------
    past : Past
    value : float
        Where the trust stands, in the metric's units.
    gain : float
        Points of metric score.
    """
    low, high = value - past.usual, value + past.usual
    near = (past.starts >= low - TINY) & (past.starts <= high + TINY)
    made = past.gains >= gain - TINY
    counts = int(near.sum()), int((near & made).sum()), len(past.gains), int(made.sum())
    return HowOften(low, high, *counts, past.start_change)


_NO_PAST = Past(np.array([]), np.array([]), np.nan, np.nan)


@kept
def _pasts(national: National, trust_type: str) -> dict[tuple[str, str], Past]:
    """The moves of a type's trusts on each metric, by its id and units."""
    return {key: past(part) for key, part in moves(national, trust_type).groupby(["metric_id", "units"])}


def start_change(moves: pd.DataFrame) -> float:
    """Correlation of the start with the change over moves of one metric; see `HowOften.start_change`.

    If quarters were drawn anew each time it would be -0.71 (-sqrt(1/2)); with correlation r between quarters and equal
    spread it is -sqrt((1 - r) / 2).
    """
    if len(moves) < FEWEST or moves["value_before"].nunique() < 2 or moves["change"].nunique() < 2:
        return np.nan
    return float(np.corrcoef(moves["value_before"], moves["change"])[0, 1])


def step_chances(national: National, quarter: str, trust_code: str) -> pd.DataFrame:
    """For each metric of a trust: how often trusts that started nearby gained the score that would carry it over.

    Counted are trust-quarters: a trust that made the step twice counts twice. What they did is no promise that this
    trust can.

    Parameters
    ----------
    national, quarter, trust_code
        As for `improvement.steps`.

    Returns
    -------
    DataFrame
        No rows in segment 1, or where the edge is not known. Else a row for each metric with a published value, in the
        order of the ids: metric_id, value_id, description, units, value, score, weight, gain_needed (points of metric
        score, for the middle of the edge's bracket), gain_easiest and gain_hardest (for its ends; below 0: over it
        already), starts_low, starts_high, nearby, nearby_made, nearby_made_easiest, nearby_made_hardest, every,
        every_made, start_change; see `HowOften`.
    """
    goal = next_segment(national, quarter, trust_code)
    if not goal.gap > 0:
        return pd.DataFrame(columns=CHANCE_COLUMNS)
    pasts, reach = _pasts(national, goal.trust_type), gap_range(goal)
    rows = [_chance(case.row, pasts, goal, reach) for case in cases_of(national, goal)]
    return pd.DataFrame([row for row in rows if row], columns=CHANCE_COLUMNS)


def _chance(row: dict, pasts: dict[tuple[str, str], Past], goal: NextSegment, reach: GapRange) -> dict | None:
    if pd.isna(row["value"]):
        return None
    own = pasts.get((row["metric_id"], row["units"]), _NO_PAST)
    gains = {
        "needed": goal.gap_points / row["weight"],
        "easiest": reach.points_low / row["weight"],
        "hardest": reach.points_high / row["weight"],
    }
    found = {end: how_often(own, row["value"], gain) for end, gain in gains.items()}
    told = {one: row[one] for one in ("metric_id", "value_id", "description", "units", "value", "score", "weight")}
    return (
        told
        | {f"gain_{end}": gain for end, gain in gains.items()}
        | found["needed"]._asdict()
        | {f"nearby_made_{end}": found[end].nearby_made for end in ("easiest", "hardest")}
    )


# --- edges that are known only within a bracket ---


def segment_edges(national: National) -> pd.DataFrame:
    """The edges between segments in each quarter, and how well the files show them.

    Returns
    -------
    DataFrame
        A row a quarter and edge: quarter, edge ("1/2", "2/3", "3/4"), edge_low (worst average seen in the better
        segments), edge_high (best average seen in the worse ones), width, known (whether the edge itself is
        recomputed: low and high are then the same). NaN on a side that no trust shows.
    """
    parts = []
    for quarter in national.publication.quarters:
        found = edge_brackets(national, quarter)
        table = pd.DataFrame({"quarter": quarter, "edge": ["1/2", "2/3", "3/4"]}, index=found.index)
        table = table.assign(edge_low=found["above"], edge_high=found["below"])
        parts.append(table.assign(width=table["edge_high"] - table["edge_low"]))
    frame = pd.concat(parts, ignore_index=True)
    return frame.assign(known=frame["width"].eq(0))


class GapRange(NamedTuple):
    """A gap over the bracket of the edge that it leads to; low is the easier end.

    Attributes
    ----------
    gap_low, gap_high : float
        Points that the average must fall.
    points_low, points_high : float
        The same in points of metric score, all metrics together.
    """

    gap_low: float
    gap_high: float
    points_low: float
    points_high: float


def gap_range(goal: NextSegment) -> GapRange:
    """The gap to the next better segment as a range; both ends are the same where the edge is known.

    NaN in segment 1 or where no trust shows the edge.
    """
    low, high = goal.average - goal.edge_high, goal.average - goal.edge_low
    return GapRange(low, high, low * goal.total_weight, high * goal.total_weight)


def segment_chance_ranges(
    drawn: Redraw, brackets: pd.DataFrame, in_deficit: pd.Series, no_better_than: int
) -> pd.DataFrame:
    """Share of redraws in each segment after the override, with every edge at either end of its bracket.

    Parameters
    ----------
    drawn : Redraw
    brackets : DataFrame
        As `improvement.edge_brackets`: above, below, edge, indexed 1 to 3.
    in_deficit : Series of bool on the trusts
    no_better_than : int
        Segment that the override allows at best.

    Returns
    -------
    DataFrame
        On the trusts: chance_1_low, chance_1, chance_1_high, ... chance_4_high (0 to 1). `chance_2` is at the middles
        of the brackets and sums to 1 over the segments; low and high are the least and the most that the brackets
        allow, which do not.
    """
    low = brackets["above"].fillna(-np.inf).to_numpy()
    # An average equal to `below` stands in the worse segment: the edge is short of it.
    high = (brackets["below"] - 3 * TINY).fillna(np.inf).to_numpy()
    high = np.maximum(low, high)
    flagged = in_deficit.reindex(drawn.trusts).to_numpy(dtype=bool)
    ends = {end: _reached(drawn, edges, flagged, no_better_than) for end, edges in _ends(low, brackets, high).items()}
    table = {}
    for segment in (1, 2, 3, 4):
        for name, worse, better in (("_low", "low", "high"), ("", "middle", "middle"), ("_high", "high", "low")):
            chance = ends[worse][segment] - ends[better][segment - 1]
            table[f"chance_{segment}{name}"] = np.clip(chance, 0.0, 1.0)
    return pd.DataFrame(table, index=drawn.trusts)


def _ends(low: np.ndarray, brackets: pd.DataFrame, high: np.ndarray) -> dict[str, np.ndarray]:
    return {"low": low, "middle": brackets["edge"].fillna(np.inf).to_numpy(), "high": high}


def _reached(drawn: Redraw, edges: np.ndarray, flagged: np.ndarray, no_better_than: int) -> np.ndarray:
    """Share of draws in segment 0 to 4 or better, each trust (rows: segments)."""
    shares = [np.zeros(len(drawn.trusts))]
    for segment, edge in enumerate(edges, 1):
        inside = (drawn.averages <= edge + TINY).mean(axis=0)
        shares.append(np.where(flagged & (segment < no_better_than), 0.0, inside))
    return np.array([*shares, np.ones(len(drawn.trusts))])


def own_segment_chances(ranges: pd.DataFrame, segment: pd.Series) -> pd.DataFrame:
    """The chance of each trust's own segment with its range over the brackets of the edges.

    Parameters
    ----------
    ranges : DataFrame
        As `segment_chance_ranges`.
    segment : Series on the trusts
        Segment as published, 1 to 4; NaN gives NaN.

    Returns
    -------
    DataFrame
        On the trusts: segment, chance_own_low, chance_own, chance_own_high.
    """
    own = segment.reindex(ranges.index)
    table = {"segment": own}
    for end in ("_low", "", "_high"):
        found = [np.nan if np.isnan(one) else ranges.at[code, f"chance_{int(one)}{end}"] for code, one in own.items()]
        table[f"chance_own{end}"] = pd.Series(found, index=ranges.index, dtype=float)
    return pd.DataFrame(table)
