"""Our doing, or the others'? A change of place, segment or average split into what caused it.

Each cause is a player of a cooperative game: what the table would say had only some of the causes happened is computed
for every combination of them, and a cause's part is its Shapley value, the mean of what it adds over all orders in which
the causes can happen (L. S. Shapley, A value for n-person games, 1953). No order is preferred, a cause that changes
nothing gets nothing, and the parts add up to the change.

The causes
----------
own        the trust's own scores, on metrics scored by the same rule in both quarters
override   the trust's own financial flag
others     scores and flags of the other trusts; where values can be told apart, also what the others' values do to the
           trust's own scores, since most scores count places
trusts     trusts that came into the table or left it
metrics    metrics that came into an average or left it, also because they are scored by another rule than before
edges      where the edges between segments lie
rules      weights of the metrics, and the best segment that the override allows
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import product
from math import factorial

import numpy as np
import pandas as pd

from nof.common import Quarter
from nof.method import lineage
from nof.method.opening import mergers_of
from nof.method.own_values import crossed_scores, same_rules
from nof.read import store
from nof.rules import draft, recompute
from nof.rules.framework import Framework
from nof.rules.ranking import override, segment_of
from nof.rules.recompute import National
from nof.rules.scoring import matrix, round_half_up

CAUSES = ("own", "override", "others", "trusts", "metrics", "edges", "rules")
OUTCOMES = ("place", "segment", "average")
_SAME = 1e-9

MERGED = "a merger lies between the two quarters"
ABSENT = "not in the table in both quarters"
OTHER_RULES = "no metric is known to be scored by the same rule in both quarters"
NO_SEGMENT = "its segment is not known in both quarters"


@dataclass(frozen=True)
class Rules:
    """What of a quarter's rules decides places.

    Attributes
    ----------
    edges : array of 3, or None
        Edges between unadjusted segments on the scale of unrounded averages; None where no segment is published.
    no_better_than : int
        Best segment that the override allows.
    """

    edges: np.ndarray | None
    no_better_than: int = 3


@dataclass(frozen=True)
class _Side:
    """One quarter of one trust type: scores (trusts by metrics), weights, average, flag, place."""

    scores: pd.DataFrame
    weights: pd.Series
    table: pd.DataFrame
    rules: Rules


@dataclass(frozen=True)
class _Averages:
    """Sums of weight x score and of weights, by state of the causes; trusts in both quarters."""

    common: dict[tuple[int, int, int], np.ndarray]  # own, others, rules: sum over metrics in both
    common_weight: dict[int, np.ndarray]  # rules
    rest: tuple[np.ndarray, np.ndarray]  # metrics: sum over those that left, or that came
    rest_weight: tuple[np.ndarray, np.ndarray]
    unexplained: tuple[np.ndarray, np.ndarray]  # published average less that of our scores

    def of(self, own: int, others: int, metrics: int, rules: int) -> np.ndarray:
        """Average of each trust in one state of the causes."""
        total = self.common[own, others, rules] + self.rest[metrics]
        return total / (self.common_weight[rules] + self.rest_weight[metrics]) + self.unexplained[metrics]


def split_place(
    scores: pd.DataFrame,
    standings: pd.DataFrame,
    before: str,
    after: str,
    trust_type: str,
    rules: tuple[Rules, Rules],
    *,
    outcome: str = "place",
    same_rule: Collection[str] | None = None,
    crossed: Mapping[str, pd.DataFrame] | None = None,
    not_comparable: Collection[str] = (),
) -> pd.DataFrame:
    """Split each trust's change between two quarters exactly into its causes.

    Parameters
    ----------
    scores, standings : DataFrame
        As in `recompute.National`.
    before, after, trust_type : str
        Slugs.
    rules : (Rules, Rules)
        Of the earlier and of the later quarter.
    outcome : {"place", "segment", "average"}
        League place, adjusted segment, or average metric score (2 decimals).
    same_rule : collection of str, optional
        Score ids that are scored by the same rule in both quarters; all, if not given. A metric that is not among them
        counts under `metrics`: its old and its new score are not one measure.
    crossed : mapping, optional
        As `crossed_scores`: scores of own values against the others' of the other quarter. Without it a trust's score
        counts wholly as its own.
    not_comparable : collection of str
        Trusts whose comparison a merger breaks.

    Returns
    -------
    DataFrame
        One row a trust in either quarter: trust_code, before, after, change (before - after: above 0 is better), one
        column for each of `CAUSES` (same direction; they and `unexplained` add up to the change; NaN where it cannot be
        split), unexplained (0 but where published places do not follow from published averages, flags and edges),
        common_before, common_after (share of the weight in the trust's average on metrics under the same rule in both
        quarters), told_apart (share of the common weight whose own values are told apart from the others'),
        can_be_split, why (where not; else "").

    Notes
    -----
    What the others would score had one trust not changed is taken as published: a single trust moves another's score
    by one place at most.
    """
    if outcome not in OUTCOMES:
        raise ValueError(f"outcome is one of {', '.join(OUTCOMES)}, not {outcome!r}")
    first, second = (
        _side(scores, standings, one, trust_type, own) for one, own in zip((before, after), rules, strict=True)
    )
    both = first.table.index.intersection(second.table.index).sort_values()
    every = first.table.index.union(second.table.index)
    column = {"place": "rank", "segment": "segment", "average": "average_score"}[outcome]
    told = pd.DataFrame({"before": first.table[column], "after": second.table[column]}, index=every)
    told = told.assign(change=told["before"] - told["after"])
    averages, shares = _averages(first, second, both, same_rule, crossed)
    parts = _parts(first, second, both, averages, outcome)
    table = told.join(parts).join(shares)
    table["unexplained"] = table["change"] - table[list(CAUSES)].sum(axis=1)
    table["unexplained"] = table["unexplained"].mask(table["unexplained"].abs() < _SAME, 0.0)
    table["why"] = _reasons(table, set(not_comparable), set(both), outcome)
    table["can_be_split"] = table["why"].eq("")
    table[[*CAUSES, "unexplained"]] = table[[*CAUSES, "unexplained"]].where(table["can_be_split"])
    columns = [
        "before", "after", "change", *CAUSES, "unexplained", "common_before", "common_after", "told_apart",
        "can_be_split", "why",
    ]  # fmt: skip
    return table[columns].rename_axis("trust_code").reset_index()


def _side(scores: pd.DataFrame, standings: pd.DataFrame, quarter: str, trust_type: str, rules: Rules) -> _Side:
    def own(frame: pd.DataFrame) -> pd.DataFrame:
        """The rows of this quarter and type."""
        return frame[(frame["quarter"] == quarter) & (frame["trust_type"] == trust_type)]

    wide, weights = matrix(own(scores))
    table = own(standings).set_index("trust_code")
    return _Side(wide.reindex(table.index), weights, table, rules)


def _averages(
    first: _Side,
    second: _Side,
    both: pd.Index,
    same_rule: Collection[str] | None,
    crossed: Mapping[str, pd.DataFrame] | None,
) -> tuple[_Averages, pd.DataFrame]:
    every = first.scores.columns.union(second.scores.columns)
    old, new = (side.scores.reindex(index=both, columns=every) for side in (first, second))
    weights = [side.weights.reindex(every).fillna(0.0) for side in (first, second)]
    allowed = np.ones(len(every), bool) if same_rule is None else every.isin(list(same_rule))
    common = old.notna().to_numpy() & new.notna().to_numpy() & allowed
    values, apart = _own_scores(old, new, crossed or {})
    rest = [np.where(common, 0.0, side.notna().to_numpy()) for side in (old, new)]
    sums = tuple(np.nansum(mask * side * w, axis=1) for mask, side, w in zip(rest, (old, new), weights, strict=True))
    counts = tuple(mask @ w for mask, w in zip(rest, weights, strict=True))
    found = _Averages(
        {
            (own, others, rules): np.where(common, np.nan_to_num(values[own, others]), 0.0) @ weights[rules].to_numpy()
            for own, others, rules in product((0, 1), repeat=3)
        },
        {rules: common @ weights[rules].to_numpy() for rules in (0, 1)},
        sums,
        counts,
        (np.zeros(len(both)), np.zeros(len(both))),
    )
    gaps = tuple(
        np.nan_to_num(side.table.loc[both, "average"].to_numpy() - found.of(state, state, state, state))
        for state, side in enumerate((first, second))
    )
    shares = pd.DataFrame(
        {
            "common_before": _share(found.common_weight[0], found.rest_weight[0]),
            "common_after": _share(found.common_weight[1], found.rest_weight[1]),
            "told_apart": _share((common & apart) @ weights[1].to_numpy(), (common & ~apart) @ weights[1].to_numpy()),
        },
        index=both,
    )
    return _Averages(found.common, found.common_weight, found.rest, found.rest_weight, gaps), shares


def _share(part: np.ndarray, others: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return part / (part + others)


def _own_scores(
    old: pd.DataFrame, new: pd.DataFrame, crossed: Mapping[str, pd.DataFrame]
) -> tuple[dict[tuple[int, int], np.ndarray], np.ndarray]:
    """Scores by state of (own, others); where the two cannot be told apart the score is the trust's own."""
    here = {name: frame.reindex(index=old.index, columns=old.columns) for name, frame in crossed.items()}
    nothing = pd.DataFrame(np.nan, index=old.index, columns=old.columns)
    ahead, behind = here.get("own_after", nothing), here.get("own_before", nothing)
    apart = ahead.notna() & behind.notna()
    return {
        (0, 0): old.to_numpy(),
        (1, 1): new.to_numpy(),
        (1, 0): new.mask(apart, ahead).to_numpy(),
        (0, 1): old.mask(apart, behind).to_numpy(),
    }, apart.to_numpy()


def _parts(first: _Side, second: _Side, both: pd.Index, averages: _Averages, outcome: str) -> pd.DataFrame:
    """Shapley value of each cause, trusts by causes."""
    states = list(product((0, 1), repeat=len(CAUSES)))
    worth = {
        state: _worth(first, second, both, averages, outcome, dict(zip(CAUSES, state, strict=True))) for state in states
    }
    return pd.DataFrame({cause: 0.0 - part for cause, part in zip(CAUSES, shapley(worth), strict=True)}, index=both)


def shapley(worth: Mapping[tuple[int, ...], np.ndarray]) -> list[np.ndarray]:
    """Shapley value of each player.

    Parameters
    ----------
    worth : mapping of state to array
        What comes out in each state; a state says for each player whether it has acted (0 or 1). Every state is there.

    Returns
    -------
    list of array
        One for each player; they add up to the worth of all less that of none.
    """
    players = len(next(iter(worth)))
    parts = []
    for player in range(players):
        total = np.zeros_like(next(iter(worth.values())), dtype=float)
        for state, value in worth.items():
            acted = sum(state) - state[player]
            orders = factorial(acted) * factorial(players - 1 - acted)
            total = total + (orders if state[player] else -orders) * value
        parts.append(total / factorial(players))
    return parts


def _worth(
    first: _Side, second: _Side, both: pd.Index, averages: _Averages, outcome: str, state: dict[str, int]
) -> np.ndarray:
    """Place, segment or average of every trust had only the causes of this state happened."""
    edges = (first, second)[state["edges"]].rules.edges
    best = (first, second)[state["rules"]].rules.no_better_than
    own = averages.of(state["own"], state["others"], state["metrics"], state["rules"])
    flag = _flags((first, second)[state["override"]], both)
    segment, mean = _segment(own, edges, flag, best), round_half_up(own)
    if outcome != "place":
        return mean if outcome == "average" else segment
    beside = averages.of(state["others"], state["others"], state["metrics"], state["rules"])
    listed = (first, second)[state["trusts"]]
    alone = listed.table[~listed.table.index.isin(both)]
    keys = _key(beside, edges, _flags((first, second)[state["others"]], both), best)
    strangers = _key(alone["average"].to_numpy(), edges, alone["in_deficit"].to_numpy(dtype=bool), best)
    mine = _key(own, edges, flag, best)
    ahead = np.searchsorted(np.sort(np.append(keys, strangers)), mine, side="left")
    return 1 + ahead - (keys < mine)


def _flags(side: _Side, both: pd.Index) -> np.ndarray:
    return side.table.loc[both, "in_deficit"].to_numpy(dtype=bool)


def _segment(average: np.ndarray, edges: np.ndarray | None, flag: np.ndarray, best: int) -> np.ndarray:
    return np.zeros(len(average)) if edges is None else override(segment_of(average, edges), flag, best)


def _key(average: np.ndarray, edges: np.ndarray | None, flag: np.ndarray, best: int) -> np.ndarray:
    """A whole number that orders the league table: adjusted segment, then average at 2 decimals."""
    segment = _segment(average, edges, flag, best)
    return (segment * 1000 + np.rint(round_half_up(np.nan_to_num(average, nan=9.0)) * 100)).astype(np.int64)


def _reasons(table: pd.DataFrame, merged: set[str], both: set[str], outcome: str) -> pd.Series:
    """Why a change cannot be split; "" where it can."""
    found = pd.Series("", index=table.index)
    if outcome == "segment":
        found = found.mask(table[["before", "after"]].isna().any(axis=1), NO_SEGMENT)
    nothing = ~((table["common_before"] > 0) & (table["common_after"] > 0))
    found = found.mask(nothing, OTHER_RULES)
    found = found.mask(~table.index.isin(both) | table[["before", "after"]].isna().all(axis=1), ABSENT)
    return found.mask(table.index.isin(merged), MERGED)


def shown(parts: pd.DataFrame, decimals: int = 1) -> pd.DataFrame:
    """Parts rounded so that each row still adds up to its rounded sum: what was cut off most is rounded up first.

    Parameters
    ----------
    parts : DataFrame
        One column a part; rows with NaN stay as they are.
    decimals : int
    """
    scale = 10.0**decimals
    exact = parts.to_numpy(dtype=float) * scale
    low = np.floor(exact + _SAME)
    missing = np.rint(np.nansum(exact, axis=1)) - np.nansum(low, axis=1)
    order = np.argsort(-(exact - low), axis=1, kind="stable")
    lift = np.zeros_like(low)
    for row, count in enumerate(np.nan_to_num(missing).astype(int)):
        lift[row, order[row, :count]] = 1
    return pd.DataFrame((low + lift) / scale + 0.0, parts.index, parts.columns)


# --- from the national results ---


@store.frame
def movement(
    national: National,
    before: str,
    after: str,
    trust_type: str,
    *,
    outcome: str = "place",
    values: bool = True,
) -> pd.DataFrame:
    """Split each trust's change between two quarters of a publication, its mergers known; see `split_place`.

    Parameters
    ----------
    national : National
    before, after, trust_type : str
        Slugs; the quarters need not be neighbours, and may belong to two framework years.
    outcome : {"place", "segment", "average"}
    values : bool
        Whether own values are told apart from the others' where the rules and the whole pool are at hand; without, a
        trust's score counts wholly as its own.
    """
    publication = national.publication
    frameworks = [_rules_of(national, quarter) for quarter in (before, after)]
    same = same_rules(*frameworks)
    across = Quarter.parse(before).year != Quarter.parse(after).year
    merged = lineage.not_comparable(publication.trusts, before, after, mergers_of(national))["trust_code"]
    return split_place(
        national.scores,
        national.standings,
        before,
        after,
        trust_type,
        (_decided_by(national, before, trust_type), _decided_by(national, after, trust_type)),
        outcome=outcome,
        same_rule=same if across else None,
        crossed=crossed_scores(publication.metrics, before, after, frameworks[0], same) if values else None,
        not_comparable=frozenset(merged),
    )


def _rules_of(national: National, quarter: str) -> Framework:
    """Rules of a quarter's year; of a year that nobody has confirmed, what its published figures show of them."""
    own = national.framework(quarter)
    return draft.rules(national.publication, own.framework_year, tried=True) if own.draft else own


def _decided_by(national: National, quarter: str, trust_type: str) -> Rules:
    table = recompute.standing(national, quarter, trust_type)
    edges = None if table["segment"].isna().all() else recompute.edges(national, quarter)
    return Rules(edges, national.framework(quarter).override.no_better_than)
