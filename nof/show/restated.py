"""How a briefing says that it rests on restated data; nothing is claimed where no older file is at hand."""

from __future__ import annotations

from nof.common import Quarter
from nof.method.opening import restated_of
from nof.method.view import View
from nof.read.difference import Difference, counts
from nof.show import words
from nof.show.display import Column, Table, Words, plain

# --- What changed between two publications, as a briefing tells it: a few sentences and a table ---


PLURALS = {
    "value": "values",
    "score": "scores",
    "rank": "ranks",
    "segment": "segments",
    "flag": "flags",
    "comparison": "medians and quartiles",
}


def difference_table(difference: Difference) -> Table:
    """The restated figures, counted by quarter, trust type and kind."""
    table = counts(difference)
    shown = table.assign(
        quarter=[Quarter.parse(one).label for one in table["quarter"]],
        trust_type=[words.type_name(one) for one in table["trust_type"]],
        kind=table["kind"].map(PLURALS),
    )
    return Table(
        shown,
        "Figures that differ from those published before",
        (
            Column("quarter", "Quarter"),
            Column("trust_type", "Trust type"),
            Column("kind", "Figures", row_header=True),
            Column("figures", "Restated", align="right", format=",.0f"),
            Column("trusts", "Trusts", align="right", format=",.0f"),
            Column("largest", "Largest change", align="right", format=",.4g"),
        ),
        note="Compared exactly as published. A figure that was blank before, or is now, counts as restated.",
    )


def difference_words(difference: Difference) -> Words:
    """What a briefing must say of the data it rests on, in a short section."""
    if difference.nothing:
        return Words("The files say the same as those that were published before.")
    said = [
        _restated(difference),
        _came_and_went(difference),
        _metric_words(difference),
        _column_words(difference),
        _new_quarters(difference),
    ]
    return Words(" ".join(one for one in said if one))


def _restated(difference: Difference) -> str:
    if not difference.restated:
        return "No figure published before is restated."
    table = counts(difference).groupby("kind", sort=False)["figures"].sum()
    figures = words.listed(
        f"{table[kind]:,} {name if table[kind] != 1 or kind == 'comparison' else kind}"
        for kind, name in PLURALS.items()
        if kind in table
    )
    quarters = sorted({*difference.figures["quarter"], *difference.trusts["quarter"]})
    where = words.listed(Quarter.parse(one).label for one in quarters)
    lead = f"**This briefing rests on restated data:** for {where}"
    verb = "differs from the one" if table.sum() == 1 and "comparison" not in table else "differ from those"
    return (
        f"{lead}, {figures} {verb} published before."
        if len(table)
        else (f"{lead}, the list of trusts differs from the one published before.")
    )


def _came_and_went(difference: Difference) -> str:
    said = []
    for change, verb in (
        ("came", "are new in a quarter published before"),
        ("went", "are no longer in a quarter published before"),
    ):
        own = difference.trusts[difference.trusts["change"] == change].drop_duplicates("trust_code")
        said += (
            [f"{words.listed(plain(one) for one in own['trust_name'])} {verb if len(own) > 1 else 'is' + verb[3:]}."]
            if len(own)
            else []
        )
    names = difference.renamed[difference.renamed["column"] == "trust_name"].drop_duplicates(
        ["trust_code", "old", "new"]
    )
    said += [f"{plain(row.old)} is now named {plain(row.new)}." for row in names.itertuples()]
    return " ".join(said)


def _metric_words(difference: Difference) -> str:
    said = []
    for change in ("new", "dropped"):
        own = difference.metrics[difference.metrics["change"] == change].drop_duplicates("metric_id")
        shown = words.listed(f"{row.metric_id} ({plain(row.description)})" for row in own.itertuples())
        said += [f"{change.capitalize()} metrics: {shown}."] if len(own) else []
    return " ".join(said)


def _column_words(difference: Difference) -> str:
    said = []
    for change in ("new", "dropped"):
        own = difference.columns[difference.columns["change"] == change].drop_duplicates("column")
        said += [f"{change.capitalize()} columns: {words.listed(map(plain, own['column']))}."] if len(own) else []
    return " ".join(said)


def _new_quarters(difference: Difference) -> str:
    said = []
    for change, text in (("added", "New in these files"), ("gone", "No longer in these files")):
        own = difference.quarters[difference.quarters["change"] == change]
        shown = words.listed(
            f"{Quarter.parse(row.quarter).label} ({words.type_name(row.trust_type)})" for row in own.itertuples()
        )
        said += [f"{text}: {shown}."] if len(own) else []
    return " ".join(said)


# --- How a briefing says that it rests on restated data; nothing is claimed where no older file is at hand ---


def restated(view: View) -> tuple[Words, Table | None]:
    """Whether the figures of a trust type were restated: sentences, and a table where any was."""
    found = restated_of(view.national).of_type(view.trust_type, view.quarter)
    if found is None:
        return Words(
            "No earlier version of these files is at hand, so whether figures were restated cannot be said."
        ), None
    return difference_words(found), None if found.figures.empty else difference_table(found)
