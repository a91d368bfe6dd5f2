"""How much of a move is noise, and how far places last: a trust type over all quarters up to one.

Asked of a View; `nof.method.limits` is the front door. A comparison that the data do not allow (no earlier quarter, no
segments) is None or an empty frame, and the words say so.
"""

from __future__ import annotations

from dataclasses import fields
from typing import NamedTuple

import pandas as pd

from nof.common import kept
from nof.method import change as changing
from nof.method import expected_rank, persistence, pooled_noise, timeliness, volatility
from nof.method import score_changes as changed
from nof.method.limits_data import broken, broken_steps, matrix, metric_names, metrics, names
from nof.method.view import View
from nof.read import store
from nof.rules.recompute import edges

AVERAGE = "average"


class Step(NamedTuple):
    """From one quarter to the next: every trust's change, and what noise alone would do.

    Attributes
    ----------
    before, after : str
        Slugs.
    changes : DataFrame
        As `change.change_tests`, of this step.
    noise : NoiseMoves or None
        None where segments or errors are not known.
    """

    before: str
    after: str
    changes: pd.DataFrame
    noise: pooled_noise.NoiseMoves | None


@store.frame
def score_changes(view: View) -> pd.DataFrame:
    """Every change of every metric score, step by step, with the way its value went; see `score_changes`."""
    pairs = list(broken_steps(view))
    counted = view.national.scores.loc[view.national.scores["weight"] > 0, "metric_id"].unique()
    copied = {
        after: [one for each in timeliness.unmoved(metrics(view), after, counted)["unmoved_ids"] for one in each]
        for _, after in pairs
    }
    scores = view.national.scores
    return changed.score_changes(
        scores[scores["quarter"] <= view.quarter], view.trust_type, pairs, copied=copied, not_comparable=_broken(view)
    )


def _broken(view: View) -> dict[str, tuple[str, ...]]:
    return {after: codes for (_, after), codes in broken_steps(view).items()}


@kept
def noise(view: View) -> pooled_noise.PooledNoise:
    """How far scores move by noise alone, from all trusts and steps up to this quarter; see `pooled_noise`."""
    return pooled_noise.pooled_noise(score_changes(view))


def steps(view: View) -> tuple[Step, ...]:
    """Every step from one quarter to the next, the latest last; only quarters that follow each other."""
    return tuple(_step(view, *pair) for pair in broken_steps(view))


@kept
def _step(view: View, before: str, after: str) -> Step:
    alone = [pooled_noise.NoiseMoves(*row) for row in _noise_moves(view, before, after).itertuples(index=False)]
    return Step(before, after, _tests(view, before, after), alone[0] if alone else None)


@store.frame
def _tests(view: View, before: str, after: str) -> pd.DataFrame:
    moves = score_changes(view)
    table = changing.change_tests(
        moves[moves["quarter_after"] == after],
        view.national.standings,
        view.trust_type,
        not_comparable=_broken(view),
        noise=noise(view),
        no_better_than=_limit(view, after),
    )
    return table.drop(columns=["quarter_before", "quarter_after"]).reset_index(drop=True)


@store.frame
def _noise_moves(view: View, before: str, after: str) -> pd.DataFrame:
    """What noise alone would do, as one row; none where segments or errors are not known."""
    alone = pooled_noise.noise_moves(
        score_changes(view),
        view.national.standings,
        (before, after),
        view.trust_type,
        edges(view.national, before),
        edges(view.national, after),
        not_comparable=broken(view, before, after),
        noise=noise(view),
        no_better_than=_limit(view, after),
    )
    return pd.DataFrame([alone] if alone else [], columns=[one.name for one in fields(pooled_noise.NoiseMoves)])


def _limit(view: View, quarter: str) -> int:
    return view.national.framework(quarter).override.no_better_than


@kept
def directions(view: View) -> pd.DataFrame:
    """Which way each score and its value went since the quarter before, with trust_name and description; see
    `score_changes.directions`. No rows without an earlier quarter."""
    rows = score_changes(view)
    rows = rows[rows["quarter_after"] == view.quarter] if _last_pair(view) else rows.iloc[:0]
    table = changed.directions(rows, metrics(view), view.framework.by_score)
    return table.assign(
        trust_name=table["trust_code"].map(names(view)), description=table["metric_id"].map(metric_names(view))
    )


def last_step(view: View) -> Step | None:
    """The step into this quarter; None without the quarter before."""
    pair = _last_pair(view)
    return _step(view, *pair) if pair else None


def _last_pair(view: View) -> tuple[str, str] | None:
    return next((pair for pair in broken_steps(view) if pair[1] == view.quarter), None)


@kept
def change(view: View) -> pd.DataFrame:
    """`changes` of the last step with names; no rows without an earlier quarter."""
    step = last_step(view)
    if step is None:
        return pd.DataFrame()
    table = step.changes
    return table.assign(trust_name=table["trust_code"].map(names(view)))


@kept
def excluded(view: View) -> pd.DataFrame:
    """Trusts that the comparison with the quarter before leaves out: trust_code, reason, trust_name."""
    pair = _last_pair(view)
    if pair is None:
        return pd.DataFrame(columns=["trust_code", "reason", "trust_name"])
    before, after = pair
    table = volatility.excluded(view.national.standings, before, after, view.trust_type, broken(view, before, after))
    return table.assign(trust_name=table["trust_code"].map(names(view)))


@kept
def transitions(view: View) -> pd.DataFrame | None:
    """As `volatility.transitions` for the last step."""
    pair = _last_pair(view)
    if pair is None:
        return None
    before, after = pair
    return volatility.transitions(
        view.national.standings, before, after, view.trust_type, not_comparable=broken(view, before, after)
    )


# --- how far places last ---


@kept
def panels(view: View) -> dict[str, pd.DataFrame]:
    """Average, rank and each metric score of every quarter so far; see `volatility.panels`."""
    national, last = view.national, view.quarter
    scores, standings = (table[table["quarter"] <= last] for table in (national.scores, national.standings))
    return volatility.panels(scores, standings, view.trust_type)


@kept
def reliability(view: View) -> pd.DataFrame:
    """As `volatility.reliability`, with names; no rows where there is one quarter."""
    table = persistence.reliability(panels(view)).reset_index()
    table = table[table["quarters"] > 1]
    return table.assign(name=table["measure"].map(metric_names(view)).fillna(table["measure"]))


@kept
def correlations(view: View) -> pd.DataFrame:
    """As `volatility.rank_correlations`."""
    return persistence.rank_correlations(panels(view))


@kept
def rankability(view: View) -> float:
    """Share of the differences between averages in this quarter that is not the spread over a trust's metrics."""
    found = volatility.weighted_errors(*matrix(view))
    return persistence.rankability(found["mean"], found["standard_error"])


@kept
def rankability_interval(view: View) -> tuple[float, float]:
    """95% interval of `rankability`, trusts drawn anew; see `persistence.rankability_interval`."""
    found = volatility.weighted_errors(*matrix(view))
    return persistence.rankability_interval(found["mean"], found["standard_error"])


@kept
def lag_correlations(view: View) -> pd.DataFrame:
    """How the correlation of averages falls with the time between two quarters."""
    return persistence.lag_correlations(panels(view)[AVERAGE])


@kept
def average_panel(view: View) -> expected_rank.Panel:
    """The averages of all quarters up to this one, without what trusts were before a merger."""
    return expected_rank.average_panel(
        view.national.standings, view.trust_type, view.quarter, not_comparable=_broken(view)
    )


@kept
def expected_places(view: View) -> pd.DataFrame:
    """The place that each trust can expect in the next quarter, on the trusts; see `expected_rank.expected_places`."""
    return expected_rank.expected_places(average_panel(view))
