"""Which trusts of a table a merger touches, and which comparisons it breaks."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

import pandas as pd

from nof.lineage.mergers import known
from nof.quarter import Quarter, quarter_of

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
    events = events_of(mergers).drop(columns="trust_name")
    between = (events["event_date"] > pd.Timestamp(first.first_day)) & (
        events["event_date"] <= pd.Timestamp(last.last_day)
    )
    return events[between & events["trust_code"].isin(listed)].reset_index(drop=True)
