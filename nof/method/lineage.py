"""Mergers of trusts: which code carries which, and what a merger does to a league table.

The mergers stand in data/reference/mergers.csv (facts from the NHS Organisation Data Service,
since 2018). An effective date is the first day on which the successor holds the services.
NHS England's files give earlier quarters today's codes and names, so a merger inside the files'
span cannot be seen in them; it has to be known from outside.

How NHS England combines the predecessors' data is not published, and nothing here assumes it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from nof.common import Quarter, quarter_of
from nof.method.reporting_dates import AWARD, OPEN_AWARD, Period
from nof.method.timeliness import metric_periods
from nof.read.mergers import by_day, known
from nof.rules.scoring import round_half_up

# --- Which trusts of a table a merger touches, and which comparisons it breaks ---


BEFORE, IN, AFTER = "before quarter", "in quarter", "after quarter"


def events_of(mergers: pd.DataFrame | None = None) -> pd.DataFrame:
    """One row per trust and date of a merger: each merger seen from each of its sides.

    Columns: trust_code, trust_name (as in the table of mergers), event_date, role ("successor"
    or "predecessor"), kind, other_codes and other_names (tuples: the other side).
    """
    mergers = known(mergers)
    sides = []
    for role, other in (("successor", "predecessor"), ("predecessor", "successor")):
        grouped = mergers.groupby([f"{role}_code", "effective_date"], sort=False)
        for (code, date), rows in grouped:
            sides.append(
                (
                    code,
                    rows[f"{role}_name"].iloc[0],
                    date,
                    role,
                    rows["kind"].iloc[0],
                    tuple(rows[f"{other}_code"]),
                    tuple(rows[f"{other}_name"]),
                )
            )
    frame = pd.DataFrame(
        sides, columns=["trust_code", "trust_name", "event_date", "role", "kind", "other_codes", "other_names"]
    )
    frame["event_date"] = pd.to_datetime(frame["event_date"])
    return frame.sort_values(["event_date", "trust_code"], ignore_index=True)


def affected(
    trusts: pd.DataFrame,
    quarter: Quarter | str,
    mergers: pd.DataFrame | None = None,
    *,
    months: int = 24,
    since: dt.date | None = None,
) -> pd.DataFrame:
    """List the trusts of a quarter that a merger touches.

    Parameters
    ----------
    trusts : DataFrame
        ``Publication.trusts``: quarter, trust_code, trust_name.
    quarter : Quarter or str
    mergers : DataFrame, optional
        From `read_mergers`.
    months : int
        How far back from the quarter's last day a merger still counts. The default covers both
        years of a year-on-year metric. Mergers after the quarter count whenever they are known.
    since : datetime.date, optional
        Used in place of months: the first day of the earliest period of any metric, say.

    Returns
    -------
    DataFrame
        trust_code, trust_name (as in the quarter's file), event_date, role, kind, other_codes,
        other_names, timing ("before quarter", "in quarter", "after quarter"), note (a plain
        sentence or two); in the order of dates. No rows if no merger is known.
    """
    quarter = quarter_of(quarter)
    cutoff = pd.Timestamp(since) if since is not None else pd.Timestamp(quarter.last_day) - pd.DateOffset(months=months)
    listed = trusts.loc[trusts["quarter"] == quarter.slug, ["trust_code", "trust_name"]]
    events = events_of(mergers).rename(columns={"trust_name": "known_name"})
    found = events[events["event_date"] > cutoff].merge(listed, on="trust_code")
    found["timing"] = [_timing(date, quarter) for date in found["event_date"]]
    found["note"] = [_note(row) for row in found.to_dict("records")]
    return found[
        ["trust_code", "trust_name", "event_date", "role", "kind", "other_codes", "other_names", "timing", "note"]
    ]


def _timing(date: pd.Timestamp, quarter: Quarter) -> str:
    # On the quarter's first day the whole quarter is the merged trust's: before, not in.
    if date.date() <= quarter.first_day:
        return BEFORE
    return IN if date.date() <= quarter.last_day else AFTER


_CONSEQUENCE = {
    BEFORE: "Data from before that day come from before the merger.",
    IN: "The quarter holds time from both sides of that day.",
    AFTER: "The table shows the trusts as they were before it.",
}


def _note(row: dict) -> str:
    day = f"{row['event_date'].day} {row['event_date']:%B %Y}"
    name = row["trust_name"]
    others = _listed(n or c for n, c in zip(row["other_names"], row["other_codes"], strict=True))
    if row["role"] == "successor":
        what = (
            f"{name} was formed from {others} on {day}."
            if row["kind"] == "merger"
            else f"Services of {others} moved to {name} on {day}."
            if row["kind"] == "split"
            else f"{others} became part of {name} on {day}."
        )
    else:
        what = (
            f"{name} was split between {others} on {day}."
            if row["kind"] == "split"
            else f"{name} became part of {others} on {day}."
        )
    return f"{what} {_CONSEQUENCE[row['timing']]}"


def _listed(names: Iterable[str]) -> str:
    names = list(names)
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def not_comparable(
    trusts: pd.DataFrame, quarter_a: Quarter | str, quarter_b: Quarter | str, mergers: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Trusts whose results in two quarters are those of different organisations.

    A merger breaks the comparison if it takes effect after the earlier quarter's first day and
    by the later quarter's last. `trusts` is ``Publication.trusts`` (of one or more publications).

    Returns
    -------
    DataFrame
        trust_code, event_date, role, kind, other_codes, other_names: one row per trust and
        merger, for trusts that stand in either quarter.
    """
    first, last = sorted((quarter_of(quarter_a), quarter_of(quarter_b)))
    listed = trusts.loc[trusts["quarter"].isin([first.slug, last.slug]), "trust_code"]
    mergers = known(mergers)
    day = mergers["effective_date"]
    between = (day > pd.Timestamp(first.first_day)) & (day <= pd.Timestamp(last.last_day))
    concerned = mergers["successor_code"].isin(listed) | mergers["predecessor_code"].isin(listed)
    events = events_of(mergers[between & concerned]).drop(columns="trust_name")
    return events[events["trust_code"].isin(listed)].reset_index(drop=True)


# --- What a merger does to the data behind a metric: blank values, and surveys from before it ---


def blank_because_of_merger(
    metrics: pd.DataFrame,
    quarter: Quarter | str,
    mergers: pd.DataFrame | None = None,
    periods: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Find metrics that a merged trust lacks where the metric's window spans its merger.

    The files do not say why a metric is blank; this is the coincidence of three things in the
    data: the trust took others over on a day, the metric's window (both years of a year-on-year
    metric) holds time from both sides of that day, and the trust has no value while others of
    its type do. Windows of award dates are left out: they are not measured over.

    Parameters
    ----------
    metrics : DataFrame
        ``Publication.metrics``, with every quarter of the publication.
    quarter : Quarter or str
    mergers : DataFrame, optional
        From `read_mergers`.
    periods : DataFrame, optional
        From `nof.method.timeliness.metric_periods` for that quarter; computed if not given.

    Returns
    -------
    DataFrame
        trust_code, metric_id (the score's id only where no value row is published), description,
        reporting_date, event_date, other_codes, other_names, share_with_metric (of the trusts of
        the type, 0 to 1), has_it_in (tuple of the other quarters in which the trust has it: if
        empty, the metric may not apply to the trust at all), merged_with_value (codes of the trusts of its type that
        took others over inside the same window and have a value all the same: the merger alone then does not explain
        the blank).
    """
    quarter = quarter_of(quarter)
    periods = metric_periods(metrics, quarter) if periods is None else periods
    current = metrics[metrics["quarter"] == quarter.slug]
    trusts = current[["trust_type", "trust_code"]].drop_duplicates()
    number = trusts.groupby("trust_type").size().rename("trusts_of_type")
    taken_over = events_of(mergers).query("role == 'successor'").drop(columns="trust_name")
    cases = trusts.merge(taken_over, on="trust_code").merge(_windows(periods), on="trust_type")
    cases = cases.merge(number, on="trust_type")
    spanning = cases[(cases["window_first_day"] < cases["event_date"]) & (cases["event_date"] <= cases["last_day"])]
    theirs = metrics[metrics["trust_code"].isin(spanning["trust_code"])]
    held = theirs.groupby(["trust_code", "metric_id"])["quarter"].agg(set)
    has_it_in = [
        tuple(sorted(held.get(pair, ()))) for pair in zip(spanning["trust_code"], spanning["metric_id"], strict=True)
    ]
    found = spanning.assign(
        has_it_in=pd.Series(has_it_in, spanning.index, dtype=object),
        share_with_metric=spanning["trusts"] / spanning["trusts_of_type"],
    )
    blank = pd.Series([quarter.slug not in each for each in has_it_in], found.index, dtype=bool)
    keys = ["trust_type", "metric_id"]
    there = found[~blank].groupby(keys)["trust_code"].agg(lambda codes: tuple(sorted(set(codes)))).to_dict()
    beside = [there.get(key, ()) for key in zip(*(found[one] for one in keys), strict=True)]
    found = found.assign(merged_with_value=pd.Series(beside, found.index, dtype=object))
    return found.loc[
        blank,
        [
            "trust_code",
            "metric_id",
            "description",
            "reporting_date",
            "event_date",
            "other_codes",
            "other_names",
            "share_with_metric",
            "has_it_in",
            "merged_with_value",
        ],
    ].reset_index(drop=True)


def _windows(periods: pd.DataFrame) -> pd.DataFrame:
    """Individual metrics with the first day of all their data; a score only without its value."""
    number = periods["metric_id"].str[3:]
    is_value, is_score = (periods["metric_id"].str.startswith(each) for each in ("OF0", "OF1"))
    wanted = is_value | (is_score & ~number.isin(number[is_value]))
    windows = periods[wanted & ~periods["kind"].isin([AWARD, OPEN_AWARD])]
    return windows.assign(window_first_day=windows["compared_first_day"].fillna(windows["first_day"]))


def survey_timing(code: str, period: Period, on: dt.date, mergers: pd.DataFrame | None = None) -> str:
    """Where a survey's period lies to the last merger into a trust by the given day.

    Returns "before" (it ended before the merged trust existed), "spans" (the survey year holds
    the merger; whether fieldwork came before it is not published), "after", "no merger", or
    "unknown" where the period's end is not known. For a table, `on` is the quarter's last day.
    """
    events = by_day(mergers, on)
    dates = events.loc[events["successor_code"] == code, "effective_date"]
    if dates.empty:
        return "no merger"
    if period.last_day is None or period.first_day is None:
        return "unknown"
    if pd.Timestamp(period.last_day) < dates.max():
        return "before"
    return "spans" if pd.Timestamp(period.first_day) < dates.max() else "after"


# --- Where trusts that merge would have stood as one ---


@dataclass(frozen=True)
class MergedPosition:
    """Where a merged trust would have stood: arithmetic on published scores, not a prediction.

    Attributes
    ----------
    predecessors : DataFrame
        Side by side: trust_code, trust_name, rank and segment (of the league table),
        average_score, place_by_average, metrics_scored.
    shared, either : int
        Metrics scored for all predecessors, and for at least one.
    average_best, average_worst : float
        Bounds of the average, 2 decimal places (1.00 is best).
    place_best, place_worst : int
        Places by average alone among the other trusts and the merged one.
    of : int
        Trusts in that table: the others and the merged one.
    """

    predecessors: pd.DataFrame
    shared: int
    either: int
    average_best: float
    average_worst: float
    place_best: int
    place_worst: int
    of: int


def merged_position(league: pd.DataFrame, scores: pd.DataFrame, codes: Iterable[str]) -> MergedPosition | None:
    """Bound the place that trusts would have had as one.

    Each metric that several of them have is taken to score between their lowest and highest
    score; a metric that one of them has keeps its score. The average then lies between the
    weighted mean of the lowest and that of the highest scores. Its place is 1 + the number of
    other trusts with a better average. Segments and the financial override are left out, since
    the merged trust's finances are not known; so the places are by average, not league ranks.

    Parameters
    ----------
    league : DataFrame
        One quarter and trust type: trust_code, trust_name, rank, segment, average_score.
    scores : DataFrame
        The same quarter: trust_code, metric_id, score (1.00 is best), weight.
    codes : iterable of str
        The trusts that merge, the successor too if it stands in the table.

    Returns
    -------
    MergedPosition or None
        None if not all codes stand in this table: trusts of different types cannot be placed.
    """
    codes = sorted(set(codes))
    if len(codes) < 2 or not set(codes) <= set(league["trust_code"]):
        return None
    mine = scores[scores["trust_code"].isin(codes)]
    by_metric = mine.groupby("metric_id").agg(
        low=("score", "min"), high=("score", "max"), weight=("weight", "max"), held=("score", "count")
    )
    best, worst = (_average(by_metric[end], by_metric["weight"]) for end in ("low", "high"))
    others = league.loc[~league["trust_code"].isin(codes), "average_score"]
    side_by_side = league[league["trust_code"].isin(codes)].assign(
        place_by_average=league["average_score"].rank(method="min"),
        metrics_scored=lambda frame: frame["trust_code"].map(mine.groupby("trust_code").size()),
    )
    columns = ["trust_code", "trust_name", "rank", "segment", "average_score", "place_by_average", "metrics_scored"]
    return MergedPosition(
        side_by_side[columns].reset_index(drop=True),
        int((by_metric["held"] == len(codes)).sum()),
        len(by_metric),
        best,
        worst,
        int((others < best).sum()) + 1,
        int((others < worst).sum()) + 1,
        len(others) + 1,
    )


def _average(score: pd.Series, weight: pd.Series) -> float:
    """Weighted mean at 2 decimals, rounded as the published averages are (method note, section 1.1)."""
    return float(round_half_up(float((score * weight).sum() / weight.sum())))
