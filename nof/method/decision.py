"""Which decision matters: what share of the movement of places goes with which choice.

Global sensitivity: every combination of the choices is ranked, each alternative of a choice counting the same, and
the variance of a trust's place over all of them is split (Saisana, Saltelli and Tarantola, "Uncertainty and
sensitivity analysis techniques as tools for the quality assessment of composite indicators", Journal of the Royal
Statistical Society A 168, 2005; OECD and Joint Research Centre, Handbook on Constructing Composite Indicators, 2008,
step 7; of hospital ratings, Barclay, Dixon-Woods and Lyratzopoulos, BMJ Quality and Safety 28, 2019). The *first-order
share* of a group of choices is what it moves on its own, whatever the others are; its *total share* is that and every
interaction that it has a part in (Sobol, 2001). Sums of first-order shares stay at or below 1, of total shares at or
above it. Since the choices are few, all combinations are ranked and nothing is drawn: the shares are exact for this
set of choices and have no sampling error. They are shares of the variance over these choices, no probabilities.

Places: 1 is best. Scores: 1.00 is best.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd

from nof.method.contributions import scored
from nof.method.curves import direction
from nof.method.sensitivity import AVERAGE_ONLY, FEWEST, NOTHING, SEGMENT_FIRST, ranked_under
from nof.method.setting import Setting, setting
from nof.rules.framework import Framework
from nof.rules.recompute import National

SCORING, METRICS, DATE = "scoring and weights", "which metrics", "date of the data"
BY_RANK, BY_VALUE = "by rank", "by value"
# Group of each choice; the published alternative of each is the first of its alternatives.
GROUPS = {
    "scoring": SCORING,
    "weights": SCORING,
    "statistic": SCORING,
    "override": SCORING,
    "rank_by": SCORING,
    "left_out": METRICS,
    "data": DATE,
}


@dataclass(frozen=True)
class Decision:
    """What share of the movement of places goes with which choice.

    Attributes
    ----------
    combinations : int
        Rankings made: all there are.
    alternatives : dict
        The alternatives of each choice, the published one first.
    by_value : tuple of str
        Score ids that scoring by value changes; the others have no value behind the score.
    trusts_counted : int
        Trusts that keep `FEWEST` metrics or more in every combination; the shares of the type rest on them.
    groups, choices : DataFrame
        For the type as a whole, largest total share first, NaN where these files leave no choice: group (or group and
        choice), first_order, total (of the variance of all places together), first_order_shift, total_shift (of the
        mean shift of places against the published table, the measure of Saisana and others). `choices` has also
        places_mean and places_most: how far trusts stand from their published place where that choice alone is another
        (mean over trusts and alternatives).
    trusts : DataFrame
        A row a trust and group: trust_code, group, first_order, total, spread (standard deviation of its place over its
        combinations, in places), combinations, metrics_fewest (smallest number of metrics that one of its places rests
        on). A trust that has too few metrics with data of the quarter is looked at with all its metrics only: its share
        of the date is NaN. All are NaN where its place never moves or too few metrics are left anyway.
    """

    combinations: int
    alternatives: Mapping[str, Sequence[str]]
    by_value: tuple[str, ...]
    trusts_counted: int
    groups: pd.DataFrame
    choices: pd.DataFrame
    trusts: pd.DataFrame


def decisions(
    national: National,
    quarter: str,
    trust_type: str,
    in_quarter: Collection[str] | None = None,
    nothing_left_out: float | None = None,
) -> Decision:
    """Shares of the variance of places by group of choices, for each trust and for the type.

    Choices: metric scores by rank as published or by value (`scores_by_value`); each metric's weight or equal weight by
    domain; mean or median; the override or not; ranked by segment first or by average only; nothing or any one metric
    left out; all metrics or only those with data of the quarter.

    Parameters
    ----------
    national : National
    quarter, trust_type : str
        Slugs.
    in_quarter : collection of str, optional
        Score ids with data of the quarter (`timeliness.in_quarter_metrics`); without it the date is no choice.
    nothing_left_out : float, optional
        Chance, 0 to 1, that no metric is left out, the others sharing the rest; by default it counts as one
        alternative among the others. To see how far the shares rest on that convention.
    """
    here = setting(national, quarter, trust_type)
    other, changed = scores_by_value(pool_rows(here, scored(national, quarter)), here, national.framework(quarter))
    alternatives = alternatives_of(here, in_quarter, bool(changed))
    ranks, fewest = every_rank(here, other, alternatives, in_quarter)
    chances = _chances(alternatives, nothing_left_out)
    groups = _grouped(alternatives)
    whole = _least(fewest) >= FEWEST
    if not whole.any():  # too few metrics of the quarter in every trust: the date is no choice here
        alternatives["data"], chances[-1] = alternatives["data"][:1], np.ones(1)
        ranks, fewest = ranks[..., :1, :], fewest[..., :1, :]
        whole = _least(fewest) >= FEWEST
    singles = {name: (place,) for place, name in enumerate(alternatives)}
    single = _of_type(ranks[..., whole], singles, chances).rename(columns={"group": "choice"})
    single = single.merge(_alone(ranks, alternatives), on="choice")
    return Decision(
        int(np.prod(ranks.shape[:-1])),
        alternatives,
        changed,
        int(whole.sum()),
        _of_type(ranks[..., whole], groups, chances),
        single.assign(group=single["choice"].map(GROUPS))[["group", *single.columns]],
        _of_trusts(ranks, fewest, groups, chances, here.standing.index),
    )


def _least(left: np.ndarray) -> np.ndarray:
    return left.min(axis=tuple(range(left.ndim - 1)))


def _chances(alternatives: Mapping[str, Sequence[str]], nothing_left_out: float | None) -> list[np.ndarray]:
    chances = {name: np.full(len(each), 1 / len(each)) for name, each in alternatives.items()}
    if nothing_left_out is not None:
        rest = len(alternatives["left_out"]) - 1
        chances["left_out"] = np.array([nothing_left_out, *[(1 - nothing_left_out) / rest] * rest])
    return list(chances.values())


def alternatives_of(here: Setting, in_quarter: Collection[str] | None, by_value: bool) -> dict[str, list[str]]:
    """The alternatives of each choice that this table leaves open, the published one first."""
    own = here.scores.columns[here.scores.iloc[here.members].notna().any()]
    inside = own.isin(list(in_quarter or ()))
    segments = here.rule != "none"
    return {
        "scoring": [BY_RANK] + [BY_VALUE] * by_value,
        "weights": ["each metric", "each domain"],
        "statistic": ["mean", "median"],
        "override": ["on"] + ["off"] * bool(segments and here.standing["in_deficit"].any()),
        "rank_by": [SEGMENT_FIRST, AVERAGE_ONLY] if segments else [AVERAGE_ONLY],
        "left_out": [NOTHING, *own],
        "data": ["all metrics"] + ["in quarter"] * bool(inside.any() and not inside.all()),
    }


def pool_rows(here: Setting, rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of `contributions.scored` of the trusts and metrics that the setting ranks."""
    return rows[rows["trust_code"].isin(here.scores.index) & rows["metric_id"].isin(here.scores.columns)]


def scores_by_value(rows: pd.DataFrame, here: Setting, framework: Framework) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Metric scores by distance instead of position: values standardised, on the scale of the metric's own scores.

    A metric's values are put on the mean and standard deviation of its scores (OECD handbook, step 5,
    standardisation), so neither its weight in the average nor its level changes, only the shape: two trusts a hair
    apart in value are a hair apart in score, a standard or floor is no cliff, and a value far out may score beyond 1.00
    or 4.00. Within the pool that is ranked together, as far as it is at hand. Scores without a published value, or
    whose values do not put them in order, stay.

    Parameters
    ----------
    rows : DataFrame
        `contributions.scored` of the trusts of the setting.
    here : Setting

    Returns
    -------
    scores : DataFrame
        As `Setting.scores`.
    changed : tuple of str
        Score ids that were put by value.
    """
    scores, changed = here.scores.copy(), []
    for metric_id, part in rows[rows["value"].notna()].groupby("metric_id"):
        metric = framework.by_score.get(metric_id)
        by_type = metric is not None and metric.pool == "type"
        for _, pool in part.groupby("trust_type") if by_type else [("", part)]:
            sign = 0 if metric is not None and metric.matrix is not None else direction(pool, metric)
            spread = pool["value"].std(ddof=0)
            if not sign or not spread > 0:
                continue
            apart = sign * (pool["value"] - pool["value"].mean()) / spread
            placed = pool["score"].mean() + pool["score"].std(ddof=0) * apart
            scores.loc[pool["trust_code"], metric_id] = placed.to_numpy()
            changed.append(metric_id)
    return scores, tuple(dict.fromkeys(changed))


def every_rank(
    here: Setting, other: pd.DataFrame, alternatives: dict[str, list[str]], in_quarter: Collection[str] | None
) -> tuple[np.ndarray, np.ndarray]:
    """Ranks under every combination, one axis a choice and the last one the trusts; and how many metrics each rests on."""
    names = list(alternatives)[1:]  # scoring changes the scores, the others only how they are put together
    choices = pd.DataFrame(list(product(*[alternatives[name] for name in names])), columns=names)
    metrics = here.scores.columns
    kept = choices["left_out"].to_numpy()[:, None] != metrics.to_numpy()[None, :]
    inside = metrics.isin(list(in_quarter or ()))
    kept &= inside[None, :] | choices["data"].ne("in quarter").to_numpy()[:, None]
    tables = {BY_RANK: here.scores, BY_VALUE: other}
    found = [
        ranked_under(Setting(**(here.__dict__ | {"scores": tables[one]})), choices, kept)[0]
        for one in alternatives["scoring"]
    ]
    held = here.scores.iloc[here.members].notna().to_numpy(dtype=float)
    left = np.array([kept.astype(float) @ held.T] * len(found)).astype(int)
    shape = [*map(len, alternatives.values()), len(here.members)]
    return np.array(found).reshape(shape), left.reshape(shape)


def _grouped(alternatives: Mapping[str, Sequence[str]]) -> dict[str, tuple[int, ...]]:
    names = list(alternatives)
    return {
        group: tuple(place for place, name in enumerate(names) if GROUPS[name] == group)
        for group in dict.fromkeys(GROUPS.values())
    }


def sobol(
    outputs: np.ndarray, groups: Mapping[str, tuple[int, ...]], chances: Sequence[np.ndarray] | None = None
) -> tuple[pd.DataFrame, np.ndarray]:
    """First-order and total parts of a variance over a full grid of independent choices, exactly.

    First order: Var(E[Y | group]). Total: E[Var(Y | all other choices)]. Both in the units of Y squared, to be divided
    by the variance (of one subject, or of all together: the aggregated index of Lamboni, Monod and Makowski,
    Reliability Engineering and System Safety 96, 2011).

    Parameters
    ----------
    outputs : array, shape (alternatives of choice 1, ..., of choice k, subjects)
    groups : dict
        Axes of each group.
    chances : sequence of k arrays, optional
        Of each choice's alternatives, summing to 1; all the same if not given.

    Returns
    -------
    parts : DataFrame
        group, subject (position), first, total.
    variance : array, shape (subjects,)
    """
    axes = range(outputs.ndim - 1)
    if chances is None:
        chances = [np.full(size, 1 / size) for size in outputs.shape[:-1]]
    mean = _mean(outputs, axes, chances)
    variance = _mean((outputs - mean) ** 2, axes, chances).reshape(-1)
    rows = []
    for group, own in groups.items():
        others = [axis for axis in axes if axis not in own]
        first = _mean((_mean(outputs, others, chances) - mean) ** 2, axes, chances).reshape(-1)
        total = _mean((outputs - _mean(outputs, own, chances)) ** 2, axes, chances).reshape(-1)
        rows.append(pd.DataFrame({"group": group, "subject": range(len(first)), "first": first, "total": total}))
    return pd.concat(rows, ignore_index=True), variance


def _mean(outputs: np.ndarray, axes, chances: Sequence[np.ndarray]) -> np.ndarray:
    """Mean over some axes, which stay with length 1; an axis that is one already is left as it is."""
    for axis in axes:
        if outputs.shape[axis] > 1:
            shape = [-1 if one == axis else 1 for one in range(outputs.ndim)]
            outputs = (outputs * chances[axis].reshape(shape)).sum(axis=axis, keepdims=True)
    return outputs


def _of_trusts(
    ranks: np.ndarray, left: np.ndarray, groups: Mapping[str, tuple[int, ...]], chances, codes: pd.Index
) -> pd.DataFrame:
    """Shares of each trust; one with too few metrics of the quarter only over the combinations with all its metrics."""
    (date,) = groups[DATE]
    parts: list[pd.DataFrame] = []
    for subset in (slice(None), slice(0, 1)):
        here = (slice(None),) * date + (subset,)
        fewest = _least(left[here])
        own = fewest >= FEWEST if not parts else ~parts[0][0] & (fewest >= FEWEST)
        weights = [one[subset] / one[subset].sum() if axis == date else one for axis, one in enumerate(chances)]
        table, variance = sobol(ranks[here][..., own], groups, weights)
        whole = np.where(variance > 1e-12, variance, np.nan)[table["subject"]]
        table = table.assign(
            trust_code=codes[own][table["subject"]],
            first_order=table["first"] / whole,
            total=table["total"] / whole,
            spread=np.sqrt(variance)[table["subject"]],
            combinations=int(np.prod(ranks[here].shape[:-1])),
            metrics_fewest=fewest[own][table["subject"]],
        )
        no_choice = table["group"].eq(DATE) & (ranks[here].shape[date] == 1)
        parts.append((own, table.assign(**{one: table[one].mask(no_choice) for one in ("first_order", "total")})))
    columns = ["trust_code", "group", "first_order", "total", "spread", "combinations", "metrics_fewest"]
    every = pd.MultiIndex.from_product([codes, list(groups)], names=columns[:2])
    found = pd.concat([table for _, table in parts])[columns].set_index(columns[:2])
    return found.reindex(every).reset_index()


def _of_type(ranks, groups, chances) -> pd.DataFrame:
    """Shares for all trusts together, and of the mean shift of places against the published table."""
    published = ranks[(0,) * (ranks.ndim - 1)]
    shift = np.abs(ranks - published).mean(axis=-1, keepdims=True) if ranks.shape[-1] else ranks
    table: dict[str, object] = {}
    for name, outputs in (("", ranks), ("_shift", shift)):
        parts, variance = sobol(outputs, groups, chances)
        sums = parts.groupby("group", sort=False)[["first", "total"]].sum() / (variance.sum() or np.nan)
        open_choice = [np.prod([outputs.shape[axis] for axis in groups[one]]) > 1 for one in sums.index]
        sums.loc[[not one for one in open_choice]] = np.nan
        table |= {f"first_order{name}": sums["first"], f"total{name}": sums["total"]}
    return pd.DataFrame(table).sort_values("total", ascending=False, kind="stable").rename_axis("group").reset_index()


def _alone(ranks: np.ndarray, choices: Iterable[str]) -> pd.DataFrame:
    """How far places lie from the published ones where one choice alone is another."""
    published, rows = ranks[(0,) * (ranks.ndim - 1)], []
    for axis, name in enumerate(choices):
        others = tuple(slice(1, None) if one == axis else 0 for one in range(ranks.ndim - 1))
        places = np.abs(ranks[others] - published)
        known = places[~np.isnan(places)]  # none where nothing else can be chosen, or no place is known
        mean, most = (known.mean(), known.max()) if known.size else (np.nan, np.nan)
        rows.append({"choice": name, "places_mean": mean, "places_most": most})
    return pd.DataFrame(rows)
