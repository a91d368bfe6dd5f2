"""How a briefing says that it rests on restated data; nothing is claimed where no older file is at hand."""

from __future__ import annotations

from nof import words
from nof.board.trust import TrustView
from nof.display import Table, Words
from nof.quarter import Quarter
from nof.quarterly.difference_words import PLURALS, difference_table, difference_words
from nof.view import View, restated_of


def restated(view: View) -> tuple[Words, Table | None]:
    """Whether the figures of a trust type were restated: sentences, and a table where any was."""
    found = restated_of(view.national).of_type(view.trust_type, view.quarter)
    if found is None:
        return Words(
            "No earlier version of these files is at hand, so whether figures were restated cannot be said."
        ), None
    return difference_words(found), None if found.figures.empty else difference_table(found)


def caveat(trust: TrustView) -> str:
    """One remark where a trust's own figures were restated; empty where none was, or where that cannot be told."""
    rows = restated_of(trust.national).of_trust(trust.code, trust.quarter)
    if rows.empty:
        return ""
    where = words.listed(Quarter.parse(one).label for one in sorted(rows["quarter"].unique()))
    kinds = rows["kind"].value_counts()
    what = words.listed(
        f"{kinds[one]:,} {name if kinds[one] > 1 else one}" for one, name in PLURALS.items() if one in kinds
    )
    return (
        f"**Restated.** {what[0].upper()}{what[1:]} of this trust for {where} {'differ' if len(rows) > 1 else 'differs'} "
        "from what was published before; this briefing rests on the newer figures."
    )
