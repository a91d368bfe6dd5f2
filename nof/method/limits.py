"""Every frame behind the limitations briefing, asked of a view: limits.places(view), ...

What a rank cannot tell you, asked of a View: the front door to everything that the limitations briefing shows.

places, ranges, sets       `limits_places`
moves, noise, what lasts   `limits_moves`
age, mergers, kinds        `limits_data`
choices of method          `limits_method`

No statistic is defined here. What the data do not allow is None or an empty frame, and the words say so.
"""

from __future__ import annotations

import pandas as pd

from nof.method.limits_data import (
    affected,
    blanks,
    broken,
    broken_steps,
    by_subtype,
    in_quarter,
    matrix,
    merged,
    metric_names,
    metrics,
    names,
    periods,
    subtypes,
    surveys,
    unexplained,
    unmoved,
    widths,
)
from nof.method.limits_method import (
    association,
    choices,
    cliffs,
    decisions,
    in_quarter_ranks,
    method,
    multiverse,
    setting,
    told,
    typical_spans,
)
from nof.method.limits_moves import (
    Step,
    average_panel,
    change,
    correlations,
    directions,
    excluded,
    expected_places,
    lag_correlations,
    last_step,
    noise,
    panels,
    rankability,
    rankability_interval,
    reliability,
    score_changes,
    steps,
    transitions,
)
from nof.method.limits_places import (
    chances_by_average,
    components,
    edges,
    generalizability,
    history,
    levels,
    narrowness,
    paired,
    places,
    ranges_published,
)
from nof.method.view import View

__all__ = [
    "Step",
    "affected",
    "association",
    "average_panel",
    "blanks",
    "broken",
    "broken_steps",
    "by_subtype",
    "chances_by_average",
    "change",
    "choices",
    "cliffs",
    "components",
    "correlations",
    "decisions",
    "directions",
    "edges",
    "excluded",
    "expected_places",
    "generalizability",
    "history",
    "in_quarter",
    "in_quarter_ranks",
    "lag_correlations",
    "last_step",
    "levels",
    "matrix",
    "merged",
    "method",
    "metric_names",
    "metrics",
    "multiverse",
    "names",
    "narrowness",
    "noise",
    "paired",
    "panels",
    "periods",
    "places",
    "ranges_published",
    "rankability",
    "rankability_interval",
    "reliability",
    "score_changes",
    "setting",
    "steps",
    "subtypes",
    "surveys",
    "tables",
    "told",
    "transitions",
    "typical_spans",
    "unexplained",
    "unmoved",
    "widths",
]


def tables(view: View) -> dict[str, pd.DataFrame]:
    """Every frame behind the briefing in full, by a short name for its file."""
    # The CSV writer takes a column that begins with "rank" for whole numbers.
    fractions = {"ranks_moved": "mean_ranks_moved"}
    decided = decisions(view)
    frames = {
        "places": places(view),
        "components": components(view),
        "generalizability": generalizability(view),
        "reliability": reliability(view),
        "rank_correlations": correlations(view),
        "lag_correlations": lag_correlations(view),
        "changes": change(view),
        "score_changes": score_changes(view),
        "periods": periods(view),
        "in_quarter_ranking": in_quarter_ranks(view),
        "mergers": affected(view),
        "subtypes": subtypes(view),
        "method": method(view),
        "spans": typical_spans(view),
        "choices": choices(view),
        "decisions": decided.groups,
        "decisions_by_trust": decided.trusts,
        "cliffs": cliffs(view),
        "edges": edges(view),
        "narrowness": narrowness(view).reset_index(),
    }
    return {
        f"limits_{name}": frame.map(_joined).rename(columns=fractions) for name, frame in frames.items() if len(frame)
    }


def _joined(cell):
    """A cell of a CSV file: several names as one text."""
    return "; ".join(map(str, cell)) if isinstance(cell, tuple) else cell
