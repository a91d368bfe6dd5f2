"""How sure a place is: likely ranges, the two rank sets, expected places and chances, one row a trust.

Asked of a View; `nof.method.limits` is the front door.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd

from nof.common import kept
from nof.method import components as facets
from nof.method import peers, ranges, volatility
from nof.method import places as placing
from nof.method.limits_data import broken, matrix
from nof.method.limits_moves import expected_places
from nof.method.next_segment import edge_brackets
from nof.method.steps import own_segment_chances, segment_chance_ranges, segment_edges
from nof.method.view import View
from nof.read import store
from nof.rules import uncertainty
from nof.rules.recompute import standing


@kept
def paired(view: View) -> peers.PairedErrors:
    """Differences between every two trusts on the metrics that both have."""
    return peers.paired_difference_errors(*matrix(view))


@kept
def history(view: View) -> pd.DataFrame:
    """Scores that count of every quarter so far, without the trusts whose comparison with this quarter a merger breaks."""
    scores = view.national.scores
    ours = scores[
        (scores["trust_type"] == view.trust_type) & (scores["quarter"] <= view.quarter) & (scores["weight"] > 0)
    ]
    gone = {
        code for before, after in pairwise(sorted(ours["quarter"].unique())) for code in broken(view, before, after)
    }
    return ours[~ours["trust_code"].isin(gone) | (ours["quarter"] == view.quarter)]


@kept
def levels(view: View) -> placing.Levels | None:
    """Each trust's average with the noise of one quarter, as `places.these_metrics`: the model behind the sets "these"."""
    return placing.these_metrics(view.scores, history(view))


def places(view: View, level: float = placing.LEVEL) -> pd.DataFrame:
    """How sure each place is, one row a trust in the order of the league table.

    Returns
    -------
    DataFrame
        The league table (likely ranges as published where they are, and both kinds beside them), the columns of
        `expected_rank.expected_places` and of `places.places` (the sets of both questions, and how many others are told
        apart), holds_middle (the likely range of the average holds the median average), redraw_1 to redraw_4 (share of
        the redraws behind the likely range in each segment), redraw_own (in its own) with redraw_own_low and
        redraw_own_high (the edges at the ends of their brackets), other_segment_1 to other_segment_4 and
        other_segment_own (chance of each segment on other metrics like these, from the model of the sets), distance_12,
        distance_23, distance_34 (to the segment edges in standard errors; positive: on the worse side), nearest_edge,
        nearest.
    """
    return _places(view, float(level))


@store.frame
def _places(view: View, level: float) -> pd.DataFrame:
    table = view.league.set_index("trust_code")
    middle = table["average_score"].median()
    table = table.assign(holds_middle=table["average_low"].le(middle) & table["average_high"].ge(middle))
    table = placing.places(table.reset_index(), view.scores, history(view), level).set_index("trust_code")
    table = table.join(expected_places(view)).join(_redrawn(view)).join(_chances(view)).join(_edges(view))
    return table.reset_index()


def _own(chances: pd.DataFrame, view: View) -> np.ndarray:
    """Of each trust's own segment, from columns for segments 1 to 4; NaN where it has none."""
    segment = view.league.set_index("trust_code")["segment"].reindex(chances.index).astype(float)
    column = segment.fillna(1).astype(int).to_numpy() - 1
    return np.where(segment.notna(), chances.to_numpy()[np.arange(len(chances)), column], np.nan)


def _redrawn(view: View) -> pd.DataFrame:
    """Share of the redraws behind the likely range that lies in each segment, and in the own one at both ends of edges."""
    segments, own = [f"redraw_{one}" for one in (1, 2, 3, 4)], [f"redraw_own{end}" for end in ("_low", "", "_high")]
    if view.redrawn is None:
        return pd.DataFrame(np.nan, view.league["trust_code"], [*segments, *own])
    league = view.league.set_index("trust_code")
    limit = view.framework.override.no_better_than
    found = segment_chance_ranges(view.redrawn, edge_brackets(view.national, view.quarter), league["in_deficit"], limit)
    chances = own_segment_chances(found, league["segment"]).drop(columns="segment").set_axis(own, axis=1)
    return found[[f"chance_{one}" for one in (1, 2, 3, 4)]].set_axis(segments, axis=1).join(chances)


def _chances(view: View) -> pd.DataFrame:
    """Chance of each segment on other metrics like these, from the model behind the sets."""
    names = [f"other_segment_{segment}" for segment in (1, 2, 3, 4)]
    levels = placing.other_metrics(view.scores)
    if view.redrawn is None or levels is None:
        return pd.DataFrame(np.nan, view.league["trust_code"], [*names, "other_segment_own"])
    table = standing(view.national, view.quarter, view.trust_type)
    limit = view.framework.override.no_better_than
    chances = placing.segment_chances(levels, table["average"], view.edges, table["in_deficit"], limit)
    chances = chances.set_axis(names, axis=1)
    return chances.assign(other_segment_own=_own(chances, view))


def _edges(view: View) -> pd.DataFrame:
    found = volatility.edge_distances(*matrix(view), view.edges).drop(columns="average")
    return found.rename(columns={"1/2": "distance_12", "2/3": "distance_23", "3/4": "distance_34"})


@store.frame
def chances_by_average(view: View) -> pd.DataFrame | None:
    """Chance of each segment before the override, on the trusts; see `uncertainty.segment_chances`. None where the edges
    between segments are not known."""
    if view.redrawn is None:
        return None
    return uncertainty.segment_chances(view.redrawn, adjusted=False)


@kept
def components(view: View) -> pd.DataFrame:
    """Variance of the metric scores by source; see `components.variance_components`."""
    return facets.variance_components(history(view))


@kept
def generalizability(view: View) -> pd.DataFrame:
    """How far an average of the typical number of metrics keeps trusts apart; see `components.generalizability`."""
    return facets.generalizability(components(view), metrics=float(view.league["metrics_scored"].median()))


def ranges_published(view: View) -> bool:
    """Whether all likely ranges are NHS England's own figures."""
    return bool(view.league["range_source"].eq(ranges.PUBLISHED).all())


@kept
def edges(view: View) -> pd.DataFrame:
    """The edges between segments of every quarter so far, as brackets where they are not known; see `steps.segment_edges`."""
    return segment_edges(view.national).query("quarter <= @view.quarter")


@kept
def narrowness(view: View) -> pd.DataFrame:
    """How much too narrow a likely range is, on the numbers of metrics that trusts here have; see `ranges.narrowness`."""
    counts = view.league["metrics_scored"].dropna()
    return ranges.narrowness(sorted({int(one) for one in counts[counts >= 2]}))
