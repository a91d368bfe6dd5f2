"""What it would take for one trust to reach the next segment.

Segments follow the average metric score, so the question is asked in that order: how far the average is from the
edge, what each metric would have to do alone, which few metrics could do it together, and how far the edge itself
moves. Nothing here is a forecast: edges and other trusts are held where they stand, and a step that other trusts made
in a quarter is not a promise that this one can.

gap              how far the average is from the edge, and what holds the trust
cases            each metric of the trust with its curve, its past and its peers
one_metric       what each metric would have to do alone
several_metrics  which few metrics could do it together
others           how far the edge itself moves
"""

from nof.improvement.gap import NextSegment, edge_brackets, next_segment
from nof.improvement.one_metric import STEP_COLUMNS, steps
from nof.improvement.others import Movement, movement_of_others
from nof.improvement.several_metrics import REALISTIC, SET_COLUMNS, smallest_sets

__all__ = [
    "REALISTIC",
    "SET_COLUMNS",
    "STEP_COLUMNS",
    "Movement",
    "NextSegment",
    "edge_brackets",
    "movement_of_others",
    "next_segment",
    "smallest_sets",
    "steps",
]
