"""Which code carries which: successors through any chain of mergers, and codes that no merger explains."""

from __future__ import annotations

import datetime as dt

import pandas as pd

from nof.common import Quarter
from nof.read.mergers import by_day


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
