"""Facts of moves and of other years' bands: a trust's change of place by its causes, a type's, and where Q4 stands on 2026/27."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from nof.common import Quarter, kept
from nof.method import standards, two_methods
from nof.method.facts import Facts, fact
from nof.method.movement import CAUSES, movement, shown
from nof.method.view import View
from nof.rules.framework import available, load
from nof.rules.novelties import NOVELTY_COLUMNS, novelties
from nof.rules.recompute import National

# What a cause is called on a page; `kinds.said` turns trusts into ICBs.
CAUSE_NAMES = {
    "own": "its own scores",
    "override": "its own financial flag",
    "others": "the other trusts",
    "trusts": "trusts that came or went",
    "metrics": "metrics that came, went or are scored otherwise",
    "edges": "the edges between segments",
    "rules": "weights and the reach of the override",
}
SHAPLEY = "mean over all orders in which the causes can happen (Shapley, 1953)"
BANDS_YEAR = "2026/27"


def _places(definition: str) -> Any:
    return fact(definition, "places", direction="above 0 is up the table", digits=1, source=SHAPLEY)


@dataclass(frozen=True)
class OurDoing(Facts):
    """How far one trust's change of place was its own doing."""

    quarter_before: str = fact("The earlier quarter, as 2025-26-q3")
    quarter_after: str = fact("The later quarter")
    before: float = fact("Place in the earlier quarter", "place", direction="1 is best")
    after: float = fact("Place in the later quarter", "place", direction="1 is best")
    change: float = fact("Places moved", "places", direction="above 0 is up the table")
    can_be_split: bool = fact("Whether the move can be split into causes")
    why: str = fact("Why it cannot be split; empty where it can")
    same_metrics: bool = fact("Whether both averages rest on the same metrics, scored by the same rules")
    own: float = _places("By the trust's own scores")
    override: float = _places("By the trust's own financial flag")
    others: float = _places("By the other trusts' scores and flags")
    trusts: float = _places("By trusts that came into the table or left it")
    metrics: float = _places("By metrics that came, went, or are scored by another rule")
    edges: float = _places("By where the edges between segments lie")
    rules: float = _places("By weights and by the best segment that the override allows")
    told_apart: float = fact(
        "Share of the common metrics, by weight, whose own values are told apart from what the others' values did to the "
        "score; on the rest a score counts as the trust's own",
        "share of 1",
    )

    @property
    def largest(self) -> str:
        """The cause with the largest part, in words; empty where the move was not split or nothing moved."""
        parts = {cause: abs(getattr(self, cause)) for cause in CAUSES} if self.can_be_split else {}
        most = max(parts, key=parts.__getitem__, default="")
        return CAUSE_NAMES[most] if most and parts[most] > 0 else ""

    @property
    def beyond_us(self) -> float:
        """Places moved by everything but the trust's own scores and flag."""
        return sum(getattr(self, cause) for cause in CAUSES if cause not in ("own", "override"))


def our_doing(national: National, before: str, after: str, trust_type: str, trust_code: str) -> OurDoing | None:
    """A trust's change of place between two quarters, by cause; None if it is in neither.

    Parts are given to one decimal, rounded so that they add up to the change.

    Parameters
    ----------
    national : National
    before, after, trust_type, trust_code : str
        Slugs, and the trust's code.
    """
    table = movement(national, before, after, trust_type)
    rows = table[table["trust_code"] == trust_code]
    if rows.empty:
        return None
    row, parts = rows.iloc[0], shown(rows[list(CAUSES)]).iloc[0]
    whole = bool(row["can_be_split"]) and row["common_before"] == 1 and row["common_after"] == 1
    return OurDoing(
        before, after, row["before"], row["after"], row["change"], bool(row["can_be_split"]), row["why"], whole,
        **{cause: float(parts[cause]) for cause in CAUSES}, told_apart=float(row["told_apart"]),
    )  # fmt: skip


@dataclass(frozen=True)
class TypeMoves(Facts):
    """What moved the trusts of a type between two quarters."""

    trusts: int = fact("Trusts whose move could be split", "trusts")
    not_split: int = fact("Trusts whose move could not be split", "trusts")
    moved: int = fact("Trusts that changed place", "trusts")
    mostly_own: int = fact(
        "Of those that changed place, trusts whose own scores and flag did more than all the rest", "trusts"
    )
    against_own: int = fact(
        "Trusts that moved the other way than their own scores and flag would have moved them", "trusts"
    )
    own: float = fact("Mean size of the part of own scores and flag", "places", digits=1, source=SHAPLEY)
    rest: float = fact("Mean size of the part of everything else", "places", digits=1, source=SHAPLEY)
    told_apart: float = fact(
        "Median share of the common metrics whose own values are told apart from the others'", "share of 1"
    )


def type_moves(national: National, before: str, after: str, trust_type: str) -> TypeMoves:
    """The moves of a whole type by cause; see `OurDoing` for one trust."""
    table = movement(national, before, after, trust_type)
    split = table[table["can_be_split"]]
    own = split["own"] + split["override"]
    rest = split[[cause for cause in CAUSES if cause not in ("own", "override")]].sum(axis=1)
    moved = split["change"].ne(0)
    return TypeMoves(
        len(split),
        len(table) - len(split),
        int(moved.sum()),
        int((moved & (own.abs() > rest.abs())).sum()),
        int((split["change"] * own < 0).sum()),
        float(own.abs().mean()),
        float(rest.abs().mean()),
        float(split["told_apart"].median()),
    )


def type_moves_of(view: View) -> TypeMoves | None:
    """`type_moves` since the quarter before; None where no move could be split."""
    if view.previous_quarter is None:
        return None
    found = type_moves(view.national, view.previous_quarter, view.quarter, view.trust_type)
    return found if found.trusts else None


def novelties_of(view: View) -> pd.DataFrame:
    """What a framework year holds that the year before did not, and what went.

    Only what concerns the trust type. Empty where the year before has no rules file: then everything would be new.
    """
    quarter = Quarter.parse(view.quarter)
    before = Quarter(quarter.year - 1, quarter.number).year_label
    if before not in available():
        return pd.DataFrame(columns=NOVELTY_COLUMNS)
    found = novelties(view.publication, quarter.year_label, load(before))
    own = [view.trust_type in types.split(",") for types in found["trust_types"]]
    return found[own].reset_index(drop=True)


# --- 2025/26 under the bands of 2026/27 ---


@dataclass(frozen=True)
class TrustUnderBands(Facts):
    """In which segment one trust's average would stand under the bands of another year."""

    average_score: float = fact("Average metric score", "points", direction="1.00 is best", digits=2)
    segment: int = fact("Segment as it stands, after the override", direction="1 is best")
    segment_under: int = fact("Segment under the other year's bands, after the override", direction="1 is best")
    unadjusted_under: int = fact("Segment under the other year's bands, before the override", direction="1 is best")
    changes: bool = fact("Whether the segment would be another")
    year: str = fact("Year of the bands")
    certainty: str = fact("How sure the bands are: official, or reported in a named public document")
    bands: str = fact("The bands in words")


@kept
def beside_bands(view: View) -> pd.DataFrame | None:
    """`two_methods.under_bands` of a type; None where the quarter's own year has thresholds, or the bands' year is past.

    Returns
    -------
    DataFrame or None
        With trust_name.
    """
    rules = load(BANDS_YEAR)
    if not rules.segments.thresholds or Quarter.parse(view.quarter).year_label >= BANDS_YEAR:
        return None
    own = view.national.standings
    rows = own[(own["quarter"] == view.quarter) & (own["trust_type"] == view.trust_type)]
    trusts = view.publication.trusts
    names = trusts[trusts["quarter"] == view.quarter].set_index("trust_code")["trust_name"]
    table = two_methods.under_bands(rows, rules)
    return table.assign(trust_name=table["trust_code"].map(names))


def next_bands(view: View) -> tuple[pd.DataFrame, two_methods.UnderBands, tuple[str, ...]] | None:
    """In which segment each average would stand under the next year's thresholds.

    `beside_bands` with its facts and the limits of saying so; None where there is nothing to say.
    """
    table = beside_bands(view)
    if table is None or table["segment"].isna().all():
        return None
    rules = load(BANDS_YEAR)
    return table, two_methods.facts(table, rules), tuple(two_methods.limits(view.framework, rules))


def trust_under_bands(view: View, trust_code: str) -> TrustUnderBands | None:
    """The facts of one trust; None where there are none (see `beside_bands`) or its segment is not known."""
    table, rules = beside_bands(view), load(BANDS_YEAR)
    rows = pd.DataFrame() if table is None else table[table["trust_code"] == trust_code]
    if rows.empty or rows[["segment", "segment_under"]].isna().any(axis=None):
        return None
    row = rows.iloc[0]
    return TrustUnderBands(
        float(row["average_score"]),
        int(row["segment"]),
        int(row["segment_under"]),
        int(row["unadjusted_under"]),
        bool(row["changes"]),
        rules.framework_year,
        rules.segments.certainty,
        two_methods.in_words(rules.segments),
    )


# --- planning standards ---


@kept
def beside_standards(view: View) -> pd.DataFrame:
    """Values of a table that have a planning standard, beside it.

    `standards.against_standards` of a type and quarter; empty where no metric of it has a planning standard.
    """
    table = standards.against_standards(view.publication.metrics, view.quarter)
    return table[table["trust_type"] == view.trust_type].reset_index(drop=True)
