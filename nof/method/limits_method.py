"""How much the method decides: the places of a league table under other choices, and which choice matters.

Asked of a View; `nof.method.limits` is the front door.
"""

from __future__ import annotations

import pandas as pd

from nof.common import kept
from nof.method import choices as spanning
from nof.method import cliffs as edges_of_rules
from nof.method import decision, sensitivity
from nof.method import setting as settings
from nof.method.association import Association, covariate
from nof.method.limits_data import in_quarter, matrix, metric_names, names
from nof.method.sensitivity import Multiverse
from nof.method.setting import Setting
from nof.method.view import View
from nof.read import store
from nof.rules.recompute import standing

IN_QUARTER = "in-quarter data only"  # how `sensitivity` labels that choice


@kept
def setting(view: View) -> Setting:
    """What a ranking of this table is made of; see `setting.setting`."""
    return settings.setting(view.national, view.quarter, view.trust_type)


@kept
def multiverse(view: View) -> Multiverse:
    """Every combination of reasonable choices; see `sensitivity.multiverse`."""
    return sensitivity.multiverse(setting(view), in_quarter(view))


@kept
def choices(view: View) -> pd.DataFrame:
    """How far each single choice moves the table: label, name, trusts_moved, places_mean, places_most, ..."""
    table = sensitivity.choice_effects(multiverse(view)).dropna(subset="places_mean").reset_index()
    return table.assign(name=[told(view, label) for label in table["label"]])


def told(view: View, label: str) -> str:
    """A choice in words: a metric by its description."""
    for metric_id in matrix(view)[0].columns:
        label = label.replace(metric_id, f"“{metric_names(view)[metric_id]}”")
    return label


@store.frame
def method(view: View) -> pd.DataFrame:
    """Places of each trust over choices, in the order of the league table.

    Returns
    -------
    DataFrame
        trust_code, trust_name, the columns of `Multiverse.summary`, and of `choices.spans` the best and worst place where
        the method alone changes (method_best, method_worst), one choice (one_choice_...) or everything (everything_...).
    """
    universe = multiverse(view)
    found = universe.summary.assign(moves_most=[told(view, one) for one in universe.summary["moves_most"]])
    found = found.join(spanning.spans(universe).drop(columns="place_published"))
    return view.league.set_index("trust_code")[["trust_name"]].join(found).reset_index()


@kept
def typical_spans(view: View) -> pd.DataFrame:
    """The span of the typical trust by kind of change; see `choices.typical_spans`."""
    return spanning.typical_spans(multiverse(view))


@kept
def decisions(view: View) -> decision.Decision:
    """What share of the movement of places goes with which choice; see `decision.decisions`."""
    return decision.decisions(view.national, view.quarter, view.trust_type, in_quarter(view))


@kept
def cliffs(view: View) -> pd.DataFrame:
    """Scores that jumped into this quarter, with the trust's name; see `cliffs.cliffs`."""
    table = edges_of_rules.cliffs(view.national, view.trust_type, view.quarter)
    return table.assign(trust_name=table["trust_code"].map(names(view)))


@kept
def in_quarter_ranks(view: View) -> pd.DataFrame:
    """The ranking from in-quarter metrics only beside the published one.

    Returns
    -------
    DataFrame
        trust_code, trust_name, rank, rank_in_quarter (NaN on too few metrics), places (positive: a better place
        in the in-quarter ranking), metrics_in_quarter. No rows where all metrics are in quarter, or none.
    """
    table = sensitivity.one_at_a_time(multiverse(view))
    table = table[table["label"] == IN_QUARTER].set_index("trust_code")
    now = view.league.set_index("trust_code")[["trust_name", "rank"]].join(
        table["rank"].rename("rank_in_quarter"), how="inner"
    )
    held = matrix(view)[0].loc[:, matrix(view)[0].columns.isin(in_quarter(view))].notna().sum(axis=1)
    return now.assign(places=now["rank"] - now["rank_in_quarter"], metrics_in_quarter=held).reset_index()


def association(view: View, numbers: pd.Series) -> Association:
    """How a number that somebody brings, on the trust codes, goes with the average score."""
    averages = standing(view.national, view.quarter, view.trust_type)["average"]
    return covariate(numbers, averages)
