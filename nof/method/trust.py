"""One trust in one quarter: the handle of which every function of a trust's briefing is asked, who it is, what was recomputed.

What the briefings of all trusts share is computed once for a publication and kept with it, so that 205 briefings forked
from one process share it: see `board.warm`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from nof.common import InputError, Problem, Quarter, kept
from nof.method import limits, succession
from nof.method.opening import compared, mergers_of, open_publication
from nof.method.view import View, view_of
from nof.rules import reconcile
from nof.rules.recompute import National, choose_quarter, select

# --- What the briefings of all trusts share, computed once for a publication ---


@kept
def score_rows(national: National) -> dict[str, np.ndarray]:
    """Positions of each trust's rows in `National.scores`."""
    return national.scores.groupby("trust_code").indices


@kept
def published_rows(national: National) -> dict[str, np.ndarray]:
    """Positions of each trust's rows in `Publication.metrics`."""
    return national.publication.metrics.groupby("trust_code").indices


@kept
def compared_rows(national: National) -> dict[str, np.ndarray]:
    """Positions of each trust's rows in the reconciliation."""
    return compared(national).groupby("trust_code").indices


# --- One trust in one quarter, as its board's briefing sees it: frames that are computed when first asked for ---


SUMMARY = {
    "OF5000.rank": "its place",
    "OF5000": "its segment",
    "OF5002": "its average",
    "OF5003": "its segment before the override",
}


@dataclass(frozen=True, eq=False)
class Trust:
    """One trust in one quarter: what every function of this module is asked of, and where results are kept.

    Attributes
    ----------
    national : National
    quarter, code : str
        Slug, and trust code.
    view : View or None
        The table of its type; None where the trust has no place in the quarter's table.
    """

    national: National
    quarter: str
    code: str
    view: View | None = field(repr=False)


# --- who it is ---


def stands(trust: Trust) -> bool:
    """Whether the trust has a place in this quarter's table."""
    return trust.view is not None


def label(trust: Trust) -> str:
    """The quarter in words: "Q4 2025/26"."""
    return Quarter.parse(trust.quarter).label


@kept
def listed(trust: Trust) -> pd.DataFrame:
    """The trust's rows of `Publication.trusts`, oldest first."""
    trusts = trust.national.publication.trusts
    return trusts[trusts["trust_code"] == trust.code].sort_values("quarter")


@kept
def name(trust: Trust) -> str:
    """Its name in this quarter, or else in the nearest one that has it."""
    upto = listed(trust)[listed(trust)["quarter"] <= trust.quarter]
    return (upto.iloc[-1] if len(upto) else listed(trust).iloc[0])["trust_name"]


def trust_type(trust: Trust) -> str:
    """Slug of its type."""
    return listed(trust)["trust_type"].iloc[-1] if trust.view is None else trust.view.trust_type


@kept
def place(trust: Trust) -> dict | None:
    """Its row of `limits.places`: rank, average, segments, the ranges of each question, chances. None without a place."""
    if trust.view is None:
        return None
    return row_of(limits.places(trust.view), trust.code)


def trusts(trust: Trust) -> int:
    """Trusts in its table; 0 for a trust without a place."""
    return 0 if trust.view is None else len(trust.view.league)


def held(trust: Trust) -> bool:
    """The financial override holds it in a worse segment than its average gives."""
    return bool(place(trust)["segment"] > place(trust)["segment_unadjusted"])


@kept
def final_segment(trust: Trust) -> int | None:
    """Segment that NHS England set after looking at capability (OF5005), where that differs from the league's."""
    if trust.view is None:
        return None
    rows = _published(trust)
    found = rows.loc[rows["metric_id"] == "OF5005", "value"].dropna()
    own = place(trust)["segment"]
    return int(found.iloc[0]) if len(found) and found.iloc[0] != own else None


@kept
def _published(trust: Trust) -> pd.DataFrame:
    rows = trust.national.publication.metrics
    rows = rows.iloc[published_rows(trust.national).get(trust.code, [])]
    return rows[rows["quarter"] == trust.quarter]


@kept
def recomputed(trust: Trust) -> pd.DataFrame:
    """Its published figures beside ours, each once: rows of `reconcile.compare`, and equal (bool)."""
    rows = compared(trust.national)
    rows = rows.iloc[compared_rows(trust.national).get(trust.code, [])]
    rows = rows[(rows["quarter"] == trust.quarter) & ~rows["rule"].str.endswith(".grid")]
    return rows.assign(equal=reconcile.equal(rows)).sort_values("level").drop_duplicates("rule", keep="last")


def figures(trust: Trust) -> tuple[int, int]:
    """How many published figures of this trust and quarter were recomputed, and how many came out equal."""
    return len(recomputed(trust)), int(recomputed(trust)["equal"].sum())


def unequal(trust: Trust) -> list[str]:
    """Which of place, average and segments are not what was published, in words."""
    missed = set(recomputed(trust).loc[~recomputed(trust)["equal"], "rule"])
    return [name for rule, name in SUMMARY.items() if rule in missed]


# --- where there is no place in the table ---


@kept
def last_stood(trust: Trust) -> dict | None:
    """Its standing in the last quarter before this one in which it had a place, and how many trusts there were."""
    rows = trust.national.standings
    own = rows[(rows["trust_code"] == trust.code) & (rows["quarter"] < trust.quarter)].sort_values("quarter")
    if own.empty:
        return None
    row = own.iloc[-1].to_dict()
    return row | {"trusts": len(select(rows, row["quarter"], row["trust_type"]))}


@kept
def first_listed_after(trust: Trust) -> str | None:
    """The first later quarter in which it is listed, if it is in no earlier one."""
    after = listed(trust)[listed(trust)["quarter"] > trust.quarter]
    upto = listed(trust)[listed(trust)["quarter"] <= trust.quarter]
    return after["quarter"].iloc[0] if len(after) and upto.empty else None


@kept
def carried_by(trust: Trust) -> pd.DataFrame:
    """The trusts that carry its services on the quarter's last day: trust_code, trust_name, rank (NaN where they
    have no place), trust_type. No rows where no merger is known."""
    on = Quarter.parse(trust.quarter).last_day
    codes = sorted(succession.lineage(trust.code, on, mergers_of(trust.national)) - {trust.code})
    rows = trust.national.standings
    places = rows[rows["quarter"] == trust.quarter].set_index("trust_code")[["rank", "trust_type"]]
    known = mergers_of(trust.national).drop_duplicates("successor_code").set_index("successor_code")["successor_name"]
    trusts = trust.national.publication.trusts.sort_values("quarter").drop_duplicates("trust_code", keep="last")
    names = trusts.set_index("trust_code")["trust_name"].reindex(codes).fillna(known.reindex(codes))
    return names.to_frame().join(places).rename_axis("trust_code").reset_index()


@kept
def ended(trust: Trust) -> pd.Timestamp | None:
    """The day on which a merger ended it, where one is known by the quarter's last day."""
    on = pd.Timestamp(Quarter.parse(trust.quarter).last_day)
    rows = mergers_of(trust.national)[
        (mergers_of(trust.national)["predecessor_code"] == trust.code)
        & (mergers_of(trust.national)["effective_date"] <= on)
    ]
    return rows["effective_date"].max() if len(rows) else None


def trust_of(national: National, quarter: str, code: str) -> Trust:
    """One trust, whether it has a place in the quarter's table or not.

    Raises
    ------
    InputError
        A code that the publication holds in no quarter.
    """
    known = set(national.publication.trusts["trust_code"])
    if code not in known:
        raise InputError(
            Problem("trust", "is not in this publication", value=code, expected=f"one of its {len(known)} trust codes")
        )
    rows = national.standings[national.standings["quarter"] == quarter]
    kinds = rows.loc[rows["trust_code"] == code, "trust_type"]
    return Trust(national, quarter, code, view_of(national, quarter, kinds.iloc[0]) if len(kinds) else None)


def open_trust(data: str | Path, quarter: str | None, trust: str) -> Trust:
    """Open one trust in one quarter of the publication in a folder.

    The last one opened is kept with the publication: the pages of one trust share its frames.
    """
    national = open_publication(data)
    asked = (choose_quarter(national.publication, quarter), trust)
    last = _last_opened(national)
    if asked not in last:
        opened = trust_of(national, *asked)
        last.clear()
        last[asked] = opened
    return last[asked]


@kept
def _last_opened(national: National) -> dict[tuple[str, str], Trust]:
    return {}


def row_of(table: pd.DataFrame, code: str) -> dict:
    """The row of one trust."""
    return table.iloc[int(np.flatnonzero(table["trust_code"].to_numpy() == code)[0])].to_dict()
