"""Before publication day: a trust's own newer values, placed in the last published distribution.

Two answers. The first holds every other trust, the edges between segments and the trust's own unknown metrics where
they stand. The second lets all of them move as trusts have moved in earlier quarters (see `nof.method.futures`) and
gives a range that is meant to hold the published figure four times in five; how often it did is measured by
bench/nowcast.py on NHS England's own files.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from nof.common import InputError
from nof.method import futures, reporting_dates
from nof.method.contributions import published_value_id, scored, scored_of, type_of, values
from nof.method.curves import combined_score, curves
from nof.method.whatif import levers
from nof.rules import ranking, recompute, scoring, uncertainty
from nof.rules.recompute import National

LEVEL = 0.80
OWN, HELD, NEW = "own value", "held", "own value, not scored last quarter"
METRIC_COLUMNS = [
    "metric_id", "value_id", "description", "units", "weight", "published_value", "published_period", "published_score",
    "value", "period", "newer", "score", "relative", "state", "why", "basis",
]  # fmt: skip


@dataclass(frozen=True)
class Standing:
    """Where a trust stands.

    Attributes
    ----------
    average, average_low, average_high : float
        Unrounded average (1.00 is best), and NHS England's likely range of it at 2 decimals, which measures how a
        trust's metrics differ and says nothing of the next quarter.
    segment_unadjusted, segment : int or None
    rank : float
        League rank within the type; NaN where segments are not known.
    """

    average: float
    average_low: float
    average_high: float
    segment_unadjusted: int | None
    segment: int | None
    rank: float


@dataclass(frozen=True, eq=False)
class Spread:
    """Where a trust may stand when all trusts move as they did in earlier quarters.

    Attributes
    ----------
    level : float
        Share of futures inside the two ranges.
    average_low, average_high, rank_low, rank_high : float
        Ends of the ranges; the low end is the better one. Ranks are NaN where segments are not known.
    segments : Series
        Chance (0 to 1) of each segment, 1 to 4; empty where they are not known.
    steps : tuple of str
        The later quarter of each step that futures are drawn from.
    trusts : int
        Trusts whose moves are borrowed.
    """

    level: float
    average_low: float
    average_high: float
    rank_low: float
    rank_high: float
    segments: pd.Series
    steps: tuple[str, ...]
    trusts: int


@dataclass(frozen=True, eq=False)
class Nowcast:
    """A trust's own newer values in the last published distribution.

    Attributes
    ----------
    quarter, trust_type, trust_code, trust_name : str
    trusts : int
        In the league table of its type.
    averages, edges : arrays of float
        Averages of the type's trusts as published, and the three edges between segments (infinite or NaN: not known).
    in_deficit : bool
        The flag of the financial override as published; own values do not change it.
    published, still : Standing
        As it stands, and with its own values if all others stand still.
    spread : Spread or None
        None where no two consecutive quarters of a framework year are held.
    metrics : DataFrame
        A row a metric in the average: metric_id (of the score), value_id (missing where no value is published), description,
        units, weight, published_value, published_period, published_score, value, period (own; NaN and None where held),
        newer (whether the score rests on a value of a newer period), score (1.00 is best), relative (whether the score
        depends on other trusts), state (OWN, HELD or NEW),
        why (it is held), basis (what the score rests on).
    """

    quarter: str
    trust_type: str
    trust_code: str
    trust_name: str
    trusts: int
    averages: np.ndarray
    edges: np.ndarray
    in_deficit: bool
    published: Standing
    still: Standing
    spread: Spread | None
    metrics: pd.DataFrame

    @property
    def held(self) -> pd.DataFrame:
        """The metrics that stay as they were published."""
        return self.metrics[self.metrics["state"] == HELD]


def nowcast(
    national: National, quarter: str, trust_code: str, own: pd.DataFrame, level: float = LEVEL, steps: int | None = None
) -> Nowcast:
    """Place a trust's own newer values in the distribution of a published quarter.

    Parameters
    ----------
    national : National
    quarter : str
        Slug of the published quarter.
    trust_code : str
    own : DataFrame
        metric_id (of the value, as OF0005), value (in the published unit), period (text), newer (whether the period is
        newer than the published one); see `nof.read.own_values`. Metrics without a row are held, and named in
        `Nowcast.metrics`.
    level : float
        Share of futures inside the ranges.
    steps : int, optional
        How many of the latest steps futures are drawn from; all by default.

    Raises
    ------
    InputError
        No such trust in the quarter.
    """
    trust_type = type_of(national, quarter, trust_code)
    table = recompute.standing(national, quarter, trust_type)
    metrics = placed(national, quarter, trust_code, dict(zip(own["metric_id"], own["value"], strict=True)))
    metrics = _dated(metrics, own, levers(national, quarter))
    spread = None
    chosen = futures.steps(national, quarter)[-(steps or 0) :]
    if chosen:
        past = futures.moves(national, trust_type, chosen)
        spread = spread_of(national, quarter, trust_code, metrics, past, level)
    names = national.publication.trusts.set_index(["quarter", "trust_code"])["trust_name"]
    return Nowcast(
        quarter,
        trust_type,
        trust_code,
        str(names[quarter, trust_code]),
        len(table),
        table["average_score"].to_numpy(dtype=float),
        np.asarray(recompute.edges(national, quarter), dtype=float),
        bool(table.loc[trust_code, "in_deficit"]),
        standing_of(national, quarter, trust_code, metrics["published_score"], metrics["weight"]),
        standing_of(national, quarter, trust_code, metrics["score"], metrics["weight"]),
        spread,
        metrics,
    )


def placed(national: National, quarter: str, trust_code: str, own: Mapping[str, float]) -> pd.DataFrame:
    """A trust's metrics with the scores that its own values would earn if all others stood still.

    Parameters
    ----------
    own : dict
        Values by value id. One that no score can be told for is held, with the reason in `why`.

    Returns
    -------
    DataFrame
        As `Nowcast.metrics`, without period and newer.
    """
    rows = _own_rows(national, quarter, trust_code)
    found = curves(national, quarter, trust_code, newcomer=True)
    fed = levers(national, quarter)
    given = {score_id: [one for one in own if fed.get(one) == score_id] for score_id in set(fed.values())}
    scores = []
    for row in rows.itertuples(index=False):
        value = np.nan if pd.isna(row.value_id) else own.get(row.value_id, np.nan)
        if given.get(row.metric_id):
            scores.append(_finance(national, quarter, trust_code, row.metric_id, own))
        elif pd.isna(value):
            silent = pd.isna(row.value_id) and row.metric_id not in given
            why = "no value is published" if silent else "no own value"
            scores.append((np.nan, why, ""))
        elif (curve := found.get(row.metric_id)) is None:
            scores.append((np.nan, "its values do not put the published scores in order", ""))
        else:
            told = futures.score_at(curve, value, row.published_value, row.published_score)
            scores.append((told, "", curve.basis))
    told_scores = pd.DataFrame(scores, columns=["score", "why", "basis"], index=rows.index)
    new, taken = rows["published_score"].isna(), told_scores["score"].notna()
    rows = rows.assign(
        value=rows["value_id"].map(dict(own)).astype(float),
        score=told_scores["score"].fillna(rows["published_score"]),
        relative=[futures.relative(national, quarter, one) for one in rows["metric_id"]],
        state=np.where(new, NEW, np.where(taken, OWN, HELD)),
        why=told_scores["why"],
        basis=told_scores["basis"],
    )
    return rows[~new | taken].reset_index(drop=True)


def _own_rows(national: National, quarter: str, trust_code: str) -> pd.DataFrame:
    """The metrics of a trust and, with no published score, those that only others of its type are scored on."""
    names = {"value": "published_value", "reporting_date": "published_period", "score": "published_score"}
    own = scored_of(national, quarter, trust_code).rename(columns=names)
    others = recompute.select(scored(national, quarter), quarter, type_of(national, quarter, trust_code))
    rest = others[~others["metric_id"].isin(own["metric_id"])].drop_duplicates("metric_id").rename(columns=names)
    rest = rest.assign(published_value=np.nan, published_score=np.nan)
    rows = pd.concat([own, rest], ignore_index=True).sort_values("metric_id", ignore_index=True)
    return rows[[one for one in METRIC_COLUMNS if one in rows]]


def _finance(
    national: National, quarter: str, trust_code: str, metric_id: str, own: Mapping[str, float]
) -> tuple[float, str, str]:
    try:
        return combined_score(national, quarter, trust_code, metric_id, dict(own)), "", "rule"
    except InputError:
        return np.nan, "no trust has shown this plan with this variance, or one of the two is missing", ""


def _dated(metrics: pd.DataFrame, own: pd.DataFrame, fed: Mapping[str, str]) -> pd.DataFrame:
    """Adds the own period and whether it is a newer one; the combined score goes by the newer of its two values."""
    behind = own.assign(metric_id=own["metric_id"].map(fed)).dropna(subset=["metric_id"])
    newer = {**own.set_index("metric_id")["newer"], **behind.groupby("metric_id")["newer"].any()}
    period = {**own.set_index("metric_id")["period"], **behind.groupby("metric_id")["period"].last()}
    key = metrics["metric_id"].where(metrics["metric_id"].isin(behind["metric_id"]), metrics["value_id"])
    mine = metrics["state"] != HELD
    return metrics.assign(period=key.map(period).where(mine, None), newer=key.map(newer).eq(True) & mine)[
        METRIC_COLUMNS
    ]


def values_of(national: National, quarter: str, trust_code: str) -> dict[str, float]:
    """A trust's published values of a quarter, by value id."""
    rows = values(national.publication, quarter)
    rows = rows[(rows["trust_code"] == trust_code) & rows["value"].notna()]
    return dict(zip(rows["value_id"], rows["value"], strict=True))


def standing_of(national: National, quarter: str, trust_code: str, scores: pd.Series, weights: pd.Series) -> Standing:
    """Average, likely range, segment and place of a trust with such scores, all others as published.

    Parameters
    ----------
    scores, weights : Series
        By metric; a missing score does not count.
    """
    held = scores.notna()
    own, heavy = scores[held].to_numpy(dtype=float), weights[held].to_numpy(dtype=float)
    average = float((own * heavy).sum() / heavy.sum())
    low, high = uncertainty.likely_range(own, heavy)
    table = recompute.standing(national, quarter, type_of(national, quarter, trust_code))
    if table["segment"].isna().any():
        return Standing(average, low, high, None, None, np.nan)
    table = table[["segment", "average_score", "in_deficit"]].copy()
    unadjusted = int(ranking.segment_of(average, recompute.edges(national, quarter)))
    best = national.framework(quarter).override.no_better_than
    segment = int(ranking.override(unadjusted, bool(table.loc[trust_code, "in_deficit"]), best))
    table.loc[trust_code, ["segment", "average_score"]] = segment, scoring.round_half_up(average)
    rank = float(ranking.league_rank(table["segment"], table["average_score"])[trust_code])
    return Standing(average, low, high, unadjusted, segment, rank)


def spread_of(
    national: National, quarter: str, trust_code: str, metrics: pd.DataFrame, past: futures.Moves, level: float = LEVEL
) -> Spread:
    """The ranges of a trust's average and place over futures drawn from earlier moves; see `futures.futures`."""
    table = recompute.standing(national, quarter, type_of(national, quarter, trust_code))
    known = not table["segment"].isna().any()
    drawn = futures.futures(
        metrics,
        table.drop(index=trust_code)[["average", "in_deficit"]],
        float(table.loc[trust_code, "average"]),
        bool(table.loc[trust_code, "in_deficit"]),
        recompute.edges(national, quarter) if known else None,
        national.framework(quarter).override.no_better_than,
        past,
    )
    average_low, average_high = narrowest(drawn.averages, level, 0.01)
    rank_low, rank_high = (np.nan, np.nan) if drawn.ranks is None else narrowest(drawn.ranks, level)
    chances = pd.Series(dtype=float)
    if drawn.segments is not None:
        chances = pd.Series({one: float((drawn.segments == one).mean()) for one in (1, 2, 3, 4)})
    return Spread(
        level,
        round(average_low, 2),
        round(average_high, 2),
        rank_low,
        rank_high,
        chances,
        tuple(past.steps),
        past.averages["trust_code"].nunique(),
    )


def narrowest(drawn: np.ndarray, level: float, unit: float = 1.0) -> tuple[float, float]:
    """Ends of the narrowest range whose share of draws, both ends counted, is as near to `level` as whole units allow.

    Places are whole numbers: a range cut at two percentiles would hold more than it says.

    Parameters
    ----------
    drawn : array
        Whole multiples of `unit`.
    """
    whole = np.rint(np.asarray(drawn) / unit).astype(int)
    first = int(whole.min())
    reached = np.concatenate([[0.0], np.cumsum(np.bincount(whole - first)) / len(whole)])
    best = [(reached[width:] - reached[:-width]).argmax() for width in range(1, len(reached))]
    held = [reached[low + width] - reached[low] for width, low in enumerate(best, 1)]
    width = int(np.argmin(np.round(np.abs(np.array(held) - level), 9)))
    low = first + int(best[width])
    return low * unit, (low + width) * unit


def taken(national: National, quarter: str, trust_code: str) -> pd.DataFrame:
    """The metrics of a trust's type that an own value can be taken for, with what a value must be like.

    Returns
    -------
    DataFrame
        For `nof.read.own_values.read_own_values`: metric_id (of the value), description, units, lowest, highest (NaN: no
        limit), seen_low, seen_high (over all trusts and quarters at hand), published_period, published_month.
    """
    trust_type = type_of(national, quarter, trust_code)
    found = curves(national, quarter, trust_code, newcomer=True)
    ids = {published_value_id(one, national.framework(quarter)) for one in found} - {None}
    published = values(national.publication, quarter)
    rows = recompute.select(national.publication.metrics, quarter, trust_type)
    rows = rows[rows["metric_id"].isin(ids | set(levers(national, quarter))) & rows["value"].notna()]
    units = published.drop_duplicates("value_id").set_index("value_id")["units"]
    rows = rows[rows["units"] == rows["metric_id"].map(units)].drop_duplicates("metric_id")
    every = national.publication.metrics.groupby(["metric_id", "units"])["value"].agg(seen_low="min", seen_high="max")
    rows = rows.join(every, on=["metric_id", "units"])
    limits = [_limits(row.description, row.units) for row in rows.itertuples(index=False)]
    ends = [
        period and period.last_day for period in (reporting_dates.parse(one, quarter) for one in rows["reporting_date"])
    ]
    return pd.DataFrame(
        {
            "metric_id": rows["metric_id"],
            "description": rows["description"],
            "units": rows["units"],
            "lowest": [low for low, _ in limits],
            "highest": [high for _, high in limits],
            "seen_low": rows["seen_low"],
            "seen_high": rows["seen_high"],
            "published_period": rows["reporting_date"],
            "published_month": [None if one is None else f"{one:%Y-%m}" for one in ends],
        }
    ).reset_index(drop=True)


def _limits(description: str, units: str) -> tuple[float, float]:
    """What a value of a unit can be at all, where the unit says so."""
    if match := re.fullmatch(r"out of (\d+)", units.casefold()):
        return 0.0, float(match[1])
    if units.casefold() in ("count", "rate"):
        return 0.0, np.nan
    share = units == "%" and description.casefold().startswith("percentage of")
    return (0.0, 100.0) if share else (np.nan, np.nan)
