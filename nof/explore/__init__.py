"""The analyst's notebook: views that work in a script, and the widgets that call them.

Each view is a function that takes the folder of a publication, a quarter and a trust type, and gives a DataFrame; its
twin, whose name ends in `_chart`, draws it. `desk` opens the widgets, `connect` gives SQL, `save` writes a result down.

`measuring` says what there is, `views` and `own_rules` have the functions, `present` and `panels` what a reader sees of
them, `widgets` the controls.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nof.explore.widgets import Desk

# Where each view stands; it is loaded when it is first used, for most who import helpers.py explore nothing.
_WHERE = {
    "compare": "views",
    "compare_chart": "views",
    "connect": "sql",
    "export": "exporting",
    "league": "views",
    "measures": "measuring",
    "own_league": "own_rules",
    "ranking": "views",
    "ranking_chart": "views",
    "save": "sql",
    "scatter": "views",
    "scatter_chart": "views",
    "tables": "sql",
    "trajectories": "views",
    "trajectories_chart": "views",
    "trusts": "views",
    "what_if": "supposing",
    "what_if_chart": "supposing",
    "what_if_metrics": "supposing",
}

__all__ = [*_WHERE, "desk"]


def __getattr__(name: str) -> Any:
    """A view, by its name."""
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"nof.explore.{_WHERE[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


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
