"""How far a trust's average is from the next better segment, and what holds it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from nof.common import kept
from nof.method.contributions import scored_of, type_of
from nof.rules import ranking
from nof.rules.recompute import National


@dataclass(frozen=True)
class NextSegment:
    """How far a trust's average is from the next better segment, and what holds it.

    Attributes
    ----------
    quarter, trust_code, trust_type : str
    average : float
        Unrounded; 1.00 is best.
    total_weight : float
        Sum of the weights of the trust's metrics (their number, but for infections at a third each).
    segment, segment_unadjusted : int or None
        After and before the financial override; None where not known.
    in_deficit : bool
        The published override flag.
    held : bool
        The override holds the trust in a worse segment than its average gives.
    blocked : bool
        Reaching `target` would not change the trust's segment while the flag stands.
    target : int or None
        Next better segment by the average; None in segment 1 or where the segment is not known.
    edge : float
        Worst average that is still in `target`. Where the national pool is not at hand, the middle of the bracket
        (edge_low, edge_high) in which the published segments show it to lie. NaN where no trust shows it.
    edges_from : str
        "recomputed" or "published" (the bracket).
    gap : float
        average - edge: points that the average must fall.
    edge_below : float
        Edge to the next worse segment (NaN in segment 4).
    cushion : float
        edge_below - average: points that the average can rise before the segment is lost.
    edge_below_low, edge_below_high : float
        The bracket of edge_below; both the same where it is known.
    """

    quarter: str
    trust_code: str
    trust_type: str
    average: float
    total_weight: float
    segment: int | None
    segment_unadjusted: int | None
    in_deficit: bool
    held: bool
    blocked: bool
    target: int | None
    edge: float
    edge_low: float
    edge_high: float
    edges_from: str
    gap: float
    edge_below: float
    cushion: float
    edge_below_low: float
    edge_below_high: float

    @property
    def gap_points(self) -> float:
        """The gap in points of metric score: what one metric of full weight would have to gain alone."""
        return self.gap * self.total_weight

    @property
    def sentences(self) -> tuple[str, ...]:
        """The same in plain English, the override first."""
        return tuple(one for one in (_override_sentence(self), _gap_sentence(self), _edge_sentence(self)) if one)


@kept
def next_segment(national: National, quarter: str, trust_code: str) -> NextSegment:
    """How far a trust is from the next better segment.

    Parameters
    ----------
    national, quarter, trust_code
        As for `contributions.contributions`.

    Raises
    ------
    InputError
        No such trust in that quarter.
    """
    trust_type = type_of(national, quarter, trust_code)
    row = _standings(national, quarter).loc[trust_code]
    brackets = edge_brackets(national, quarter)
    unadjusted, segment = (None if np.isnan(row[one]) else int(row[one]) for one in ("segment_unadjusted", "segment"))
    deficit = bool(row["in_deficit"])
    target = unadjusted - 1 if unadjusted and unadjusted > 1 else None
    edge = brackets.loc[target] if target else brackets.loc[1] * np.nan
    below = brackets.loc[unadjusted] if unadjusted in (1, 2, 3) else brackets.loc[1] * np.nan
    best_allowed = national.framework(quarter).override.no_better_than
    return NextSegment(
        quarter, trust_code, trust_type, float(row["average"]), _total_weight(national, quarter, trust_code), segment,
        unadjusted, deficit, held=unadjusted is not None and segment != unadjusted,
        blocked=bool(deficit and target and target < best_allowed), target=target,
        edge=float(edge["edge"]), edge_low=float(edge["above"]), edge_high=float(edge["below"]),
        edges_from=row["edges_from"], gap=float(row["average"] - edge["edge"]), edge_below=float(below["edge"]),
        cushion=float(below["edge"] - row["average"]), edge_below_low=float(below["above"]),
        edge_below_high=float(below["below"]),
    )  # fmt: skip


@kept
def _standings(national: National, quarter: str) -> pd.DataFrame:
    return national.standings[national.standings["quarter"] == quarter].set_index("trust_code")


def _total_weight(national: National, quarter: str, trust_code: str) -> float:
    return float(scored_of(national, quarter, trust_code)["weight"].sum())


@kept
def edge_brackets(national: National, quarter: str) -> pd.DataFrame:
    """The edges of a quarter and how well they are known.

    Returns
    -------
    DataFrame
        Indexed 1, 2, 3 (the better segment of the edge): above (worst average seen in the better segments), below (best
        average seen in the worse ones), edge. All three are the same where the edges can be recomputed; edge is NaN
        where no trust shows one of the sides.
    """
    part = national.standings[national.standings["quarter"] == quarter]
    known = ranking.known_edges(part, national.framework(quarter))
    if known is not None:
        return pd.DataFrame({one: known for one in ("above", "below", "edge")}, index=[1, 2, 3])
    frame = ranking.bracketed_edges(part["average"], part["segment_unadjusted"]).set_axis([1, 2, 3])
    return frame.replace([np.inf, -np.inf], np.nan)


def _override_sentence(goal: NextSegment) -> str:
    if goal.held:
        return (
            f"The financial override holds this trust in segment {goal.segment}; its average of {goal.average:.2f} "
            f"alone would put it in segment {goal.segment_unadjusted}. No other step changes its segment until the "
            "override is lifted."
        )
    if goal.blocked:
        return (
            f"This trust is flagged for the financial override: while the flag stands, an average good enough for "
            f"segment {goal.target} would leave it in segment {goal.segment}."
        )
    return ""


def _gap_sentence(goal: NextSegment) -> str:
    if goal.segment_unadjusted is None:
        return "The segment of this trust is not known, so neither is the way to the next one."
    if goal.target is None:
        return "By its average it is in segment 1, the best" + (
            "; how near the edge is cannot be told from these files."
            if np.isnan(goal.cushion)
            else f", and would stay there up to an average of {_between(goal.edge_below_low, goal.edge_below_high)}, "
            f"{_apart(goal.edge_below_high, goal.average, goal.edge_below_low - goal.average)} above its own."
        )
    if np.isnan(goal.edge):
        return f"Where segment {goal.target} ends cannot be told from these files."
    return (
        f"For segment {goal.target} its average would have to fall from {goal.average:.2f} to "
        f"{_between(goal.edge_low, goal.edge_high)}: by "
        f"{_apart(goal.average, goal.edge_low, goal.average - goal.edge_high)}, or "
        f"{_spanned((goal.average - goal.edge_high) * goal.total_weight, (goal.average - goal.edge_low) * goal.total_weight)} "
        "points of metric score in all."
    )


def _apart(high: float, low: float, least: float) -> str:
    """A difference beside the two figures that it is of; says so where those, as shown, would give another.

    `least` is the difference at the nearer end of a bracket; the same where the edge is known.
    """
    exact, shown = high - low, round(high, 2) - round(low, 2)
    if _points(exact) != _points(least):
        return _spanned(least, exact)
    return _points(exact) + ("" if exact < 0.005 or f"{exact:.2f}" == f"{shown:.2f}" else " (before rounding)")


def _between(low: float, high: float) -> str:
    """An average that may be known only within a bracket."""
    return f"{low:.2f}" if f"{low:.2f}" == f"{high:.2f}" else f"between {low:.2f} and {high:.2f}"


def _spanned(low: float, high: float) -> str:
    """A number of points that may be known only within a range."""
    return _points(high) if _points(low) == _points(high) else f"{_points(low)} to {_points(high)}"


def _points(number: float) -> str:
    return f"{number:.2f}" if number >= 0.005 else "less than 0.01"


def _edge_sentence(goal: NextSegment) -> str:
    own = (goal.edge_low, goal.edge_high) if goal.target else (goal.edge_below_low, goal.edge_below_high)
    if goal.segment_unadjusted is None or np.isnan(own).any() or own[1] - own[0] < 0.005:
        return ""
    return (
        "The exact edge cannot be told from these files: it lies between the worst average seen in the better segment "
        "and the best seen in the worse one." + (" Steps below are for the middle." if goal.target else "")
    )
