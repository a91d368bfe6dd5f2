"""The whole league table under rules of one's own, as the desk and a script ask for it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from nof.explore import views
from nof.explore.measuring import Data, view_of
from nof.method import choices
from nof.method.choices import Rules
from nof.method.opening import at_level


@dataclass(frozen=True)
class Asked:
    """Rules that are asked for; as it starts, NHS England's.

    Attributes
    ----------
    leave_out : tuple of str
        Score ids or domains.
    weights : tuple of pairs
        Score id or domain, and its weight.
    statistic : {"mean", "median"}
    override : bool
        Whether the financial override applies.
    trust_subtype : str or None
        The only subtype that is ranked.
    level : {1, 2}
        Metric scores: see `opening.LEVELS`.
    """

    leave_out: tuple[str, ...] = ()
    weights: tuple[tuple[str, float], ...] = ()
    statistic: str = "mean"
    override: bool = True
    trust_subtype: str | None = None
    level: int = 2

    @property
    def options(self) -> dict[str, Any]:
        """What differs from NHS England's rules, as arguments of `own_league`."""
        given = {
            "leave_out": self.leave_out,
            "weights": dict(self.weights),
            "statistic": self.statistic,
            "override": self.override,
            "trust_subtype": self.trust_subtype,
            "level": self.level,
        }
        usual = {"statistic": "mean", "override": True, "level": 2}
        return {
            name: value for name, value in given.items() if value != usual.get(name) and value not in ((), {}, "", None)
        }


def own_league(
    data: Data,
    quarter: str | None = None,
    trust_type: str | None = None,
    *,
    subtype: views.Several = None,
    region: views.Several = None,
    leave_out: Collection[str] = (),
    weights: Mapping[str, float] | None = None,
    statistic: str = "mean",
    override: bool = True,
    trust_subtype: str | None = None,
    level: int = 2,
) -> pd.DataFrame:
    """The whole league table under rules of one's own beside the published one; `nof league` gives the same.

    Parameters
    ----------
    subtype, region : str or list of str, optional
        Show only these; the places are those in the whole table.
    leave_out, weights, statistic, override, trust_subtype
        As `choices.own_rules`.
    level : {1, 2}
        1: metric scores as published; 2: from values where the rules allow it.

    Returns
    -------
    DataFrame
        As `choices.own_rules`, and quarter, trust_type, rules (in words; empty if they are NHS England's); best first.
    """
    table, rules = ruled(
        data,
        quarter,
        trust_type,
        leave_out=leave_out,
        weights=weights,
        statistic=statistic,
        override=override,
        trust_subtype=trust_subtype,
        level=level,
    )
    view = view_of(data, quarter, trust_type)
    shown = views.trusts(data, quarter, trust_type, subtype, region)["trust_code"]
    table = table.assign(quarter=view.quarter, trust_type=view.trust_type, rules=rules.told)
    return table[table["trust_code"].isin(shown)].reset_index(drop=True)


def ruled(
    data: Data,
    quarter: str | None = None,
    trust_type: str | None = None,
    *,
    leave_out: Collection[str] = (),
    weights: Mapping[str, float] | None = None,
    statistic: str = "mean",
    override: bool = True,
    trust_subtype: str | None = None,
    level: int = 2,
) -> tuple[pd.DataFrame, Rules]:
    """The table of `choices.own_rules` with its rules; arguments as `own_league`.

    Raises
    ------
    InputError
        A rule that cannot be used.
    """
    view = view_of(data, quarter, trust_type)
    return choices.own_rules(
        at_level(view.national, level),
        view.quarter,
        view.trust_type,
        leave_out=leave_out,
        weights=weights,
        statistic=statistic,
        override=override,
        trust_subtype=trust_subtype,
    )
