"""Facts on the age of the data, mergers, kinds of trust and choices of method; see `nof.method.limits_facts`."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from nof.common import Quarter
from nof.method.association import Association
from nof.method.decision import Decision
from nof.method.facts import Facts, fact
from nof.method.lineage import MergedPosition

COMMON = 0.5  # share of trusts with a metric from which its absence is worth a remark


def _number(value: float) -> float | None:
    return float(value) if pd.notna(value) and np.isfinite(value) else None


# --- 3. how old the data are ---


@dataclass(frozen=True)
class Ages(Facts):
    """How old the data behind a league table are."""

    quarter: str = fact("The quarter")
    periods: int = fact("Periods behind the metrics", "metrics")
    within: int = fact("Of these, that end in the quarter", "metrics")
    oldest: str | None = fact("The metric with the oldest period")
    oldest_period: str | None = fact("That period as published")
    oldest_months: float | None = fact("How long before the quarter's end it ends", "months", digits=0)
    unread: int = fact("Periods whose text could not be read", "metrics")
    unmoved: tuple[str, ...] | None = fact("Metrics with the period of the quarter before; None without one")
    in_quarter: int = fact("Metrics with data of the quarter", "metrics")
    metrics: int = fact("Metrics scored", "metrics")
    placed: int = fact("Trusts that can be placed on data of the quarter alone", "trusts")
    thin: int = fact("Trusts with too few metrics left for that", "trusts")
    away: float | None = fact("Places between the two rankings for the typical trust", "places", digits=0)
    away_most: float | None = fact("Places between the two rankings at most", "places", digits=0)

    @property
    def all_within(self) -> bool:
        """Whether every period ends in the quarter."""
        return self.within == self.periods


def ages(
    quarter: str,
    periods: pd.DataFrame,
    unmoved: Sequence[str] | None,
    in_quarter: Collection[str],
    ranks: pd.DataFrame,
    names: pd.Series,
) -> Ages:
    """Facts on the age of the data.

    Parameters
    ----------
    quarter : str
        Slug.
    periods, unmoved, in_quarter, ranks, names
        As `limits.periods`, `unmoved`, `in_quarter`, `in_quarter_ranks` and `metric_names`.
    """
    known = periods["age_months"].dropna()
    oldest = periods.loc[known.idxmax()] if len(known) and known.max() > 0 else None
    placed = ranks.dropna(subset=["rank_in_quarter"])
    away = placed["places"].abs()
    return Ages(
        quarter=Quarter.parse(quarter).label,
        periods=len(periods),
        within=int(periods["in_quarter"].sum()),
        oldest=None if oldest is None else str(oldest["description"]),
        oldest_period=None if oldest is None else str(oldest["reporting_date"]),
        oldest_months=None if oldest is None else float(oldest["age_months"]),
        unread=int((periods["kind"] == "unknown").sum()),
        unmoved=None if unmoved is None else tuple(str(names.get(one, one)) for one in unmoved),
        in_quarter=len(in_quarter),
        metrics=int(periods["metric_id"].nunique()),
        placed=len(placed),
        thin=len(ranks) - len(placed),
        away=_number(away.median()),
        away_most=_number(away.max()),
    )


# --- 4. what mergers break ---


class Blank(NamedTuple):
    """A metric that a merged trust lacks, and merged trusts in the same place that have it."""

    trust: str
    metric: str
    window: str
    day: pd.Timestamp
    share: float
    others: tuple[str, ...]


class Survey(NamedTuple):
    """Surveys that end before, or span, the last merger into a trust."""

    trust: str
    surveys: int
    before: bool


@dataclass(frozen=True)
class Mergers(Facts):
    """What mergers break."""

    trusts: int = fact("Trusts in the table", "trusts")
    touched: int = fact("Trusts that a known merger touches", "trusts")
    past: int = fact("Of these, by the quarter's end or in the two years before it", "trusts")
    later: int = fact("Of these, after the quarter", "trusts")
    blanks: tuple[Blank, ...] = fact("Metrics that a merged trust lacks where the window spans the merger")
    surveys: tuple[Survey, ...] = fact("Trusts whose surveys end before or span their merger")
    unexplained: tuple[str, ...] = fact("Codes that come or go without a known merger")
    placed: int = fact("Mergers after the quarter whose trusts all stand in this table", "mergers")
    widest: int | None = fact("Widest range of places of such a trust as one", "places")
    not_placed: tuple[str, ...] = fact("Mergers after the quarter that cannot be placed")


def mergers(
    trusts: int,
    affected: pd.DataFrame,
    blanks: pd.DataFrame,
    surveys: pd.DataFrame,
    unexplained: pd.DataFrame,
    merged: Sequence[tuple[pd.Series, MergedPosition | None]],
) -> Mergers:
    """Facts on mergers; each argument as the function of its name in `limits`, `trusts` the number in the table."""
    later = affected["timing"] == "after quarter"
    common = blanks[blanks["share_with_metric"] >= COMMON]
    groups = surveys.groupby(["trust_name", "timing"], sort=False)["description"].nunique()
    found = [position for _, position in merged if position]
    return Mergers(
        trusts=trusts,
        touched=affected["trust_code"].nunique(),
        past=affected.loc[~later, "trust_code"].nunique(),
        later=affected.loc[later, "trust_code"].nunique(),
        blanks=tuple(
            Blank(
                one.trust_name,
                one.description,
                one.reporting_date,
                one.event_date,
                one.share_with_metric,
                tuple(one.merged_too_with_value),
            )
            for one in common.itertuples()
        ),
        surveys=tuple(Survey(name, int(count), timing == "before") for (name, timing), count in groups.items()),
        unexplained=tuple(
            f"{one.trust_name} {one.change} in {Quarter.parse(one.quarter).label}" for one in unexplained.itertuples()
        ),
        placed=len(found),
        widest=max((int(one.place_worst - one.place_best + 1) for one in found), default=None),
        not_placed=tuple(
            f"{event['predecessor_name'] or event['predecessor_code']} into "
            f"{event['successor_name'] or event['successor_code']}"
            for event, position in merged
            if position is None
        ),
    )


# --- 5. kinds of trust ---


class Kind(NamedTuple):
    """One subtype: its trusts, their median place and number of metrics."""

    name: str
    trusts: int
    place: float
    metrics: float


@dataclass(frozen=True)
class Kinds(Facts):
    """Which kinds of trust a table mixes."""

    kinds: tuple[Kind, ...] = fact("Subtypes, best median place first")
    fewest: int = fact("Fewest metrics that a trust is scored on", "metrics")
    most: int = fact("Most metrics that a trust is scored on", "metrics")
    specialists: int = fact("Specialist trusts", "trusts")
    specialists_best: int = fact("Of these, in the best quarter of the table", "trusts")
    shift: float | None = fact("Places that a typical other trust stands higher without them", "places", digits=0)
    width_correlation: float | None = fact(
        "Rank correlation of metrics scored with the width of the likely range", digits=2
    )
    width_low: float | None = fact("Lower end of its 95% interval", digits=2)
    width_high: float | None = fact("Upper end of its 95% interval", digits=2)


def kinds(subtypes: pd.DataFrame, by_subtype: pd.DataFrame, widths: pd.DataFrame) -> Kinds:
    """Facts on kinds of trust; each argument as the function of its name in `limits`."""
    special, others = subtypes[subtypes["specialist"]], subtypes[~subtypes["specialist"]]
    mixed, width = len(special) > 0 and len(others) > 0, widths.loc["average_width"]
    return Kinds(
        kinds=tuple(
            Kind(row.trust_subtype, int(row.trusts), float(row.rank_median), float(row.metrics_median))
            for row in by_subtype.sort_values("rank_median", kind="stable").itertuples()
        ),
        fewest=int(subtypes["metrics_scored"].min()),
        most=int(subtypes["metrics_scored"].max()),
        specialists=len(special) if mixed else 0,
        specialists_best=int((special["rank"] <= len(subtypes) / 4).sum()),
        shift=_number((others["rank"] - others["rank_apart"]).median()) if mixed else None,
        width_correlation=_number(width["spearman"]),
        width_low=_number(width["spearman_low"]),
        width_high=_number(width["spearman_high"]),
    )


# --- 6. how much the method decides ---


class Group(NamedTuple):
    """A group of choices, and what share of the movement of places goes with it."""

    name: str
    first: float
    total: float


@dataclass(frozen=True)
class Method(Facts):
    """How much the method decides."""

    trusts: int = fact("Trusts in the table", "trusts")
    by_method: float | None = fact("Places of the typical trust where the method alone changes", "places", digits=0)
    method_combinations: int = fact("Rankings behind that", "rankings")
    method_widest: float | None = fact("Places of the trust that the method moves most", "places", digits=0)
    one_choice: float | None = fact("Places of the typical trust where one choice changes", "places", digits=0)
    one_choice_combinations: int = fact("Rankings behind that", "rankings")
    everything: float | None = fact("Places of the typical trust where everything may change", "places", digits=0)
    combinations: int = fact("Rankings behind that", "rankings")
    same_half: int = fact("Trusts in the same half of the table in every ranking", "trusts")
    both_ends: int = fact("Trusts in the best quarter in some rankings and in the worst in others", "trusts")
    strongest: str | None = fact("The single choice that moves the table most")
    strongest_mean: float | None = fact("Places that it moves a trust on average", "places", digits=1)
    strongest_most: float | None = fact("Places that it moves one trust", "places", digits=0)
    groups: tuple[Group, ...] = fact(
        "Groups of choices by their share of the movement, largest first", source="Sobol 2001"
    )
    by_value: tuple[Group, ...] = fact("Scoring by value in place of rank, as a choice of its own")
    decided: int = fact("Rankings behind the shares", "rankings")
    cliffs: int = fact("Scores that jumped into this quarter over an edge of the rules or on a small move", "scores")
    cliffs_little: int = fact("Of these, on a move of the value no larger than usual", "scores")
    rule: str = fact("How segments are cut where a choice needs new ones")


def method(
    table: pd.DataFrame, spans: pd.DataFrame, choices: pd.DataFrame, decided: Decision, cliffs: pd.DataFrame, rule: str
) -> Method:
    """Facts on choices of method.

    Parameters
    ----------
    table, spans, choices, decided, cliffs
        As `limits.method`, `typical_spans`, `choices`, `decisions` and `cliffs`.
    rule : str
        `Setting.rule`.
    """
    n, kinds = len(table), spans.set_index("kind")
    best, worst = table["everything_best"], table["everything_worst"]
    most = choices.iloc[0] if len(choices) else None
    groups = tuple(
        Group(row.group, float(row.first_order), float(row.total))
        for row in decided.groups.dropna(subset="total").itertuples()
    )
    scoring = decided.choices[decided.choices["choice"] == "scoring"].dropna(subset="total")
    return Method(
        trusts=n,
        by_method=_number(kinds.loc["method", "typical"]),
        method_combinations=int(kinds.loc["method", "combinations"]),
        method_widest=_number(kinds.loc["method", "widest"]),
        one_choice=_number(kinds.loc["one choice", "typical"]),
        one_choice_combinations=int(kinds.loc["one choice", "combinations"]),
        everything=_number(kinds.loc["everything", "typical"]),
        combinations=int(kinds.loc["everything", "combinations"]),
        same_half=int(((worst <= n / 2) | (best > n / 2)).sum()),
        both_ends=int(((best <= n / 4) & (worst > 3 * n / 4)).sum()),
        strongest=None if most is None else str(most["name"]),
        strongest_mean=None if most is None else float(most["places_mean"]),
        strongest_most=None if most is None else float(most["places_most"]),
        groups=groups,
        by_value=tuple(Group(row.choice, float(row.first_order), float(row.total)) for row in scoring.itertuples()),
        decided=decided.combinations,
        cliffs=len(cliffs),
        cliffs_little=int(cliffs["little"].sum()) if len(cliffs) else 0,
        rule=rule,
    )


@dataclass(frozen=True)
class Beside(Facts):
    """How a number that somebody brings goes with the average score."""

    name: str = fact("Column of the file")
    trusts: int = fact("Trusts with both", "trusts")
    correlation: float | None = fact(
        "Rank correlation with the average", direction="negative: higher goes with better", digits=2
    )
    correlation_low: float | None = fact("Lower end of its 95% interval", digits=2)
    correlation_high: float | None = fact("Upper end of its 95% interval", digits=2)
    slope: float | None = fact("Change of the average for each unit of the number", "points", digits=2)
    slope_low: float | None = fact("Lower end of its 95% interval", "points", digits=2)
    slope_high: float | None = fact("Upper end of its 95% interval", "points", digits=2)
    digits: int = fact("Decimals with which these are told: two of the largest that are not nought, at least two")
    missing: int = fact("Trusts of this table that are not in the file", "trusts")
    unmatched: int = fact("Trusts of the file that are not in this table", "trusts")
    caveat: str = fact("What the association is not")


def _digits(*numbers: float) -> int:
    """Decimals that show two digits of the largest of some numbers; at least two, at most eight."""
    largest = max((abs(one) for one in numbers if np.isfinite(one)), default=0.0)
    return 2 if largest >= 0.1 or largest == 0 else min(8, 1 - math.floor(math.log10(largest)))


def beside(found: Association) -> Beside:
    """Facts on a covariate; `found` as `limits.association`."""
    return Beside(
        name=found.name,
        trusts=found.trusts,
        correlation=_number(found.spearman),
        correlation_low=_number(found.spearman_low),
        correlation_high=_number(found.spearman_high),
        slope=_number(found.slope),
        slope_low=_number(found.slope_low),
        slope_high=_number(found.slope_high),
        digits=_digits(found.slope, found.slope_low, found.slope_high),
        missing=len(found.missing),
        unmatched=len(found.unmatched),
        caveat=found.caveat,
    )
