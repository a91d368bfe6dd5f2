"""Cliffs: where a value that moves little moves the score by a whole point.

A rule that sets a fixed score beside a standard or a floor, or reads scores off bands, has edges; and a score that counts
places jumps where many trusts stand together.
"""

from __future__ import annotations

import pandas as pd

from nof.method.contributions import scored
from nof.method.steps import moves
from nof.rules.recompute import National
from nof.rules.scoring import FIXED, SPAN

CLIFF_COLUMNS = [
    "trust_code", "metric_id", "description", "quarter_before", "quarter", "units", "value_before", "value",
    "score_before", "score", "change", "jump", "kind", "little", "value_share", "score_share", "moves", "usual",
]  # fmt: skip


def jump_of_the_rules() -> float:
    """Points between a fixed score and the nearest score by rank: 1.00 below a floor and beside a standard."""
    return min(min(abs(FIXED[shape] - end) for end in SPAN[shape]) for shape in FIXED)


def cliffs(national: National, trust_type: str, quarter: str | None = None) -> pd.DataFrame:
    """Moves from one quarter to the next in which a score jumped, and whether its value had moved little.

    A score *jumps* when it moves by at least what the rules themselves make a jump (`jump_of_the_rules`, the step
    between the fixed score and the ranked ones, 1.00). It is listed if either the value moved *little*, no further
    than the metric's usual change (the median size of its moves among all trusts of the type), or one end of the move
    stands on the fixed score of a standard or floor, or in another band, and the other does not. No other threshold is
    set: both come from the rules and the data.

    Parameters
    ----------
    national : National
    trust_type : str
        Slug.
    quarter : str, optional
        Only moves that touch this quarter.

    Returns
    -------
    DataFrame
        Smallest move of the value first: trust_code, metric_id, description, quarter_before, quarter, units,
        value_before, value, score_before, score, change (of the value), jump (of the score; above 0 is worse), kind
        ("standard", "floor", "band": crossed; "tie": one end is shared by several trusts, who all take the best place
        among them; "steep": a stretch where many trusts stand close together), little, value_share and score_share (share of the metric's moves that went no further, 0 to 1), moves (how many),
        usual (the median size of a change).
    """
    table = moves(national, trust_type)
    size = table["change"].abs()
    groups = [table["metric_id"], table["units"]]
    table = table.assign(
        jump=table["score"] - table["score_before"],
        usual=size.groupby(groups).transform("median"),
        value_share=size.round(9).groupby(groups).rank(method="max", pct=True),
        score_share=table["gain"].abs().round(9).groupby(groups).rank(method="max", pct=True),
        moves=size.groupby(groups).transform("size"),
    )
    table = table.assign(little=size <= table["usual"] + 1e-9)
    table = table[table["jump"].abs() >= jump_of_the_rules() - 1e-9]
    tied = _tied(national, trust_type)
    kinds = [_kind(national, row, tied) for row in table.itertuples(index=False)]
    table = table.assign(kind=pd.Series(kinds, index=table.index, dtype=object))
    table = table[table["little"] | table["kind"].isin(["standard", "floor", "band"])]
    if quarter is not None:
        table = table[table["quarter"].eq(quarter) | table["quarter_before"].eq(quarter)]
    order = ["value_share", "metric_id", "trust_code", "quarter"]
    return table.sort_values(order, kind="stable")[CLIFF_COLUMNS].reset_index(drop=True)


def _kind(national: National, move, tied: frozenset) -> str:
    metric = national.framework(move.quarter).by_score.get(move.metric_id)
    if metric is not None and (metric.matrix is not None or metric.shape == "bands"):
        return "band"
    shape = metric.shape if metric is not None else ""
    fixed = FIXED.get(shape)
    if fixed is not None and (abs(move.score - fixed) < 1e-9) != (abs(move.score_before - fixed) < 1e-9):
        return shape
    ends = ((move.quarter, move.value), (move.quarter_before, move.value_before))
    return "tie" if any((one, move.metric_id, value) in tied for one, value in ends) else "steep"


def _tied(national: National, trust_type: str) -> frozenset:
    """Quarter, metric and value of every place that several trusts of a type share, with one score for all of them."""
    rows = pd.concat([scored(national, quarter) for quarter in national.publication.quarters])
    rows = rows[(rows["trust_type"] == trust_type) & rows["value"].notna()]
    groups = rows.groupby(["quarter", "metric_id", "value"])["score"].agg(["size", "nunique"])
    return frozenset(groups.index[(groups["size"] > 1) & (groups["nunique"] == 1)])
