"""The analyst's notebook: views that work in a script, and the widgets that call them.

Each view is a function that takes the folder of a publication, a quarter and a trust type, and gives a DataFrame; its
twin, whose name ends in `_chart`, draws it. `desk` opens the widgets, `connect` gives SQL, `save` writes a result down.

`measuring` says what there is, `views` and `own_rules` have the functions, `present` and `panels` what a reader sees of
them, `widgets` the controls.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from nof.common import on_demand

if TYPE_CHECKING:
    from nof.explore.widgets import Desk

# Where each view stands; it is loaded when it is first used, for most who import helpers.py explore nothing.
_WHERE = {
    "compare": "nof.explore.views:compare",
    "compare_chart": "nof.explore.views:compare_chart",
    "connect": "nof.explore.sql:connect",
    "export": "nof.explore.exporting:export",
    "league": "nof.explore.views:league",
    "measures": "nof.explore.measuring:measures",
    "own_league": "nof.explore.own_rules:own_league",
    "ranking": "nof.explore.views:ranking",
    "ranking_chart": "nof.explore.views:ranking_chart",
    "save": "nof.explore.sql:save",
    "scatter": "nof.explore.views:scatter",
    "scatter_chart": "nof.explore.views:scatter_chart",
    "tables": "nof.explore.sql:tables",
    "trajectories": "nof.explore.views:trajectories",
    "trajectories_chart": "nof.explore.views:trajectories_chart",
    "trusts": "nof.explore.views:trusts",
    "what_if": "nof.explore.supposing:what_if",
    "what_if_chart": "nof.explore.supposing:what_if_chart",
    "what_if_metrics": "nof.explore.supposing:what_if_metrics",
}
__getattr__, __dir__, __all__ = on_demand(__name__, _WHERE, "desk")


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
    from nof.explore.own_rules import Asked
    from nof.explore.widgets import Desk  # here: ipywidgets is for notebooks, scripts do without

    pairs = tuple((weights or {}).items())
    rules = Asked(tuple(leave_out), pairs, statistic, override, trust_subtype or None, level)
    return Desk(data, quarter, trust_type, interactive, rules)
