"""Which code carries which: successors, predecessors, and what a trust was formed from."""

from __future__ import annotations

import datetime as dt

import pandas as pd

from nof.lineage.mergers import by_day, known, reach
from nof.quarter import Quarter


def successors(code: str, on: dt.date, mergers: pd.DataFrame | None = None) -> frozenset[str]:
    """Codes that directly took over this one by the given day; empty while it stands.

    Parameters
    ----------
    code : str
        Of a trust.
    on : datetime.date
        A merger that takes effect on that day counts.
    mergers : DataFrame, optional
        From `read_mergers`; the project's own if not given.
    """
    events = by_day(mergers, on)
    return frozenset(events.loc[events["predecessor_code"] == code, "successor_code"])


def predecessors(code: str, on: dt.date, mergers: pd.DataFrame | None = None) -> frozenset[str]:
    """Codes that had gone into this one by the given day, through any chain of mergers.

    A split counts for each of its successors: RW6 is a predecessor of RM3 and of R0A.

    Parameters
    ----------
    code, on, mergers
        As for `successors`.
    """
    events = by_day(mergers, on)
    before: dict[str, set[str]] = {}
    for old, new in zip(events["predecessor_code"], events["successor_code"], strict=True):
        before.setdefault(new, set()).add(old)
    return frozenset(reach(before, code))


def lineage(code: str, on: dt.date, mergers: pd.DataFrame | None = None) -> frozenset[str]:
    """Codes that carry this one on the given day.

    The code itself while it stands; after it ended, its successors' codes, followed through
    chains; more than one after a split. A code never named in the table stands for itself.

    Parameters
    ----------
    code, on, mergers
        As for `successors`.
    """
    following = successors(code, on, mergers)
    if not following:
        return frozenset({code})
    return frozenset().union(*(lineage(each, on, mergers) for each in following))


def formed_from(code: str, start: dt.date, end: dt.date, mergers: pd.DataFrame | None = None) -> frozenset[str]:
    """Codes standing on the start day whose services the given code holds on the end day.

    Holds the code itself if it stood on the start day: a code opened by a merger (kind "merger")
    did not stand before it. A code that has ended by the end day was formed from nothing.

    Parameters
    ----------
    start, end : datetime.date
        Both days count.
    code, mergers
        As for `successors`.
    """
    if successors(code, end, mergers):
        return frozenset()
    candidates = predecessors(code, end, mergers) | {code}
    return frozenset(each for each in candidates if _stands(each, start, mergers))


def _stands(code: str, on: dt.date, mergers: pd.DataFrame | None) -> bool:
    events = known(mergers)
    opened = events[(events["successor_code"] == code) & (events["kind"] == "merger")]
    too_early = len(opened) and opened["effective_date"].min() > pd.Timestamp(on)
    return not too_early and not successors(code, on, mergers)


def unexplained(trusts: pd.DataFrame, mergers: pd.DataFrame | None = None) -> pd.DataFrame:
    """Codes that vanish or appear between one quarter and the next without a known merger.

    A merger explains a code that vanishes as its predecessor, or appears as its successor, if it
    takes effect by the end of the quarter after the two: tables are published in that quarter
    and use the codes of that time. A trust type present in one of the quarters only is passed
    over: its file is missing, not its trusts.

    Returns
    -------
    DataFrame
        quarter (the later one), trust_code, trust_name, change ("vanished" or "appeared").
    """
    quarters = sorted(set(trusts["quarter"]))
    rows = []
    for before, after in zip(quarters, quarters[1:], strict=False):
        old, new = (trusts[trusts["quarter"] == slug] for slug in (before, after))
        events = by_day(mergers, Quarter.parse(after).next.last_day)
        for here, there, change, side in (
            (old, new, "vanished", "predecessor_code"),
            (new, old, "appeared", "successor_code"),
        ):
            gone = here[
                here["trust_type"].isin(there["trust_type"])
                & ~here["trust_code"].isin(there["trust_code"])
                & ~here["trust_code"].isin(events[side])
            ]
            rows += [
                (after, code, name, change) for code, name in zip(gone["trust_code"], gone["trust_name"], strict=True)
            ]
    return pd.DataFrame(rows, columns=["quarter", "trust_code", "trust_name", "change"])
