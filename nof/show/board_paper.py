"""A paper for a board's meeting: front sheet, what hurts and helps most, questions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import numpy as np
import pandas as pd

from nof.method.safe_facts import Told
from nof.method.trust_way import SHOWN
from nof.show import questions as asking
from nof.show.display import Column, Table, shown
from nof.show.grammar import day
from nof.show.trust_tables import named, number, signed

EACH = 3  # metrics that hurt most, and that help most
QUESTIONS = 3
RULE = "_" * 26  # a line to write on
QUARTERS = ("best quarter", "second quarter", "third quarter", "worst quarter")


def front(subject: str, fields: Mapping[str, str]) -> Table:
    """The fields of the front sheet; a field without a value is a line to write on.

    Parameters
    ----------
    subject : str
        What the paper is about.
    fields : mapping
        meeting, date (ISO form), author and purpose; empty where not given.
    """
    date = day(dt.date.fromisoformat(fields["date"])) if fields["date"] else ""
    rows = {
        "Meeting": fields["meeting"],
        "Date": date,
        "Subject": subject,
        "Author": fields["author"],
        "Purpose": fields["purpose"],
    }
    frame = pd.DataFrame([(name, text.strip() or RULE) for name, text in rows.items()], columns=["field", "entry"])
    return Table(frame, "Front sheet", (Column("field", "Field", row_header=True), Column("entry", "Entry")))


def spine(metrics: pd.DataFrame) -> Table | None:
    """The metrics that hurt and help most, each with where it stands among its type; None for a trust without a place.

    Parameters
    ----------
    metrics : DataFrame
        As `board.metrics`, the one that worsens the average most first.
    """
    if metrics.empty:
        return None
    felt = metrics[metrics["contribution"].abs() > SHOWN]
    table = pd.concat(
        [felt[felt["contribution"] > 0].head(EACH), felt[felt["contribution"] < 0].tail(EACH)], ignore_index=True
    )
    if table.empty:
        return None
    quarter = np.ceil(4 * table["rank"] / table["ranked"])
    shown_rows = table.assign(
        name=[named(text, units) for text, units in zip(table["name"], table["units"], strict=True)],
        own=[number(one, units) for one, units in zip(table["value"], table["units"], strict=True)],
        typical=[number(one, units) for one, units in zip(table["median"], table["units"], strict=True)],
        stands=[
            None if pd.isna(part) else f"{QUARTERS[int(part) - 1]}: {rank:.0f} of {of}"
            for part, rank, of in zip(quarter, table["rank"], table["ranked"], strict=True)
        ],
        adds=[signed(one) for one in table["contribution"]],
    )
    return Table(
        shown_rows,
        "What hurts most, then what helps most",
        (
            Column("name", "Metric", row_header=True),
            Column("own", "This trust", align="right"),
            Column("typical", "Typical", align="right"),
            Column("stands", "Among its type"),
            Column("adds", "Adds", align="right"),
        ),
        note="Typical: the median trust of its type. Adds: points of the average against the median score; a plus makes it worse.",
    )


def asked(told: Told) -> list[Table]:
    """A table for each of the first questions of the trust's briefing, with room for owner, response and date."""
    if told.stands is None:
        return []
    facts = [told.stands, told.why, told.since, told.way, told.bearing, told.peers]
    room = pd.DataFrame({"owner": ["_" * 20], "response": ["_" * 240], "date": ["_" * 12]})  # a long line fills several
    columns = (Column("owner", "Owner"), Column("response", "Response"), Column("date", "By"))
    return [Table(room, shown(one.text), columns) for one in asking.asked(*facts)[:QUESTIONS]]
