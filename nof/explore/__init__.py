"""The analyst's notebook: views that work in a script, and the widgets that call them.

Each view is a function that takes the folder of a publication, a quarter and a trust type, and gives a DataFrame; its
twin, whose name ends in `_chart`, draws it. `desk` opens the widgets, `connect` gives SQL, `save` writes a result down.

`measuring` says what there is, `views` and `own_rules` have the functions, `present` and `panels` what a reader sees of
them, `widgets` the controls.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from nof.explore.exporting import export
from nof.explore.measuring import measures
from nof.explore.own_rules import Asked, own_league
from nof.explore.sql import connect, save, tables
from nof.explore.views import (
    compare,
    compare_chart,
    league,
    ranking,
    ranking_chart,
    scatter,
    scatter_chart,
    trajectories,
    trajectories_chart,
    trusts,
    what_if,
    what_if_chart,
    what_if_metrics,
)

if TYPE_CHECKING:
    from nof.explore.widgets import Desk

__all__ = [
    "compare",
    "compare_chart",
    "connect",
    "desk",
    "export",
    "league",
    "measures",
    "own_league",
    "ranking",
    "ranking_chart",
    "save",
    "scatter",
    "scatter_chart",
    "tables",
    "trajectories",
    "trajectories_chart",
    "trusts",
    "what_if",
    "what_if_chart",
    "what_if_metrics",
]


def desk(
    data: str | None = None,
    quarter: str | None = None,
    trust_type: str | None = None,
    interactive: bool = True,
    *,
    leave_out: Collection[str] = (),
    weights: Mapping[str, float] | None = None,
    statistic: str = "mean",
    override: bool = True,
    trust_subtype: str | None = None,
    level: int = 2,
) -> Desk:
    """The widgets of the notebook, or where nobody can move them the same views as they start; see `widgets.Desk`.

    The rules that it starts with are the arguments of `own_league`.
    """
    from nof.explore.widgets import Desk  # here: ipywidgets is for notebooks, scripts do without

    pairs = tuple((weights or {}).items())
    rules = Asked(tuple(leave_out), pairs, statistic, override, trust_subtype or None, level)
    return Desk(data, quarter, trust_type, interactive, rules)
