"""Parts of the limitations briefing that need several rooms at once; `nof.limitations.limits` gives them a name and a place."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from nof import lineage, rank_sets, timeliness, volatility
from nof.lineage import MergedPosition
from nof.peers import PairedErrors
from nof.quarter import Quarter
from nof.recompute import National, edges

ENDS = ["average_low", "average_high", "rank_low", "rank_high"]


class Step(NamedTuple):
    """From one quarter to the next: every trust's change, and what noise alone would do.

    Attributes
    ----------
    before, after : str
        Slugs.
    changes : DataFrame
        As `volatility.changes`.
    noise : NoiseAlone or None
        None where segments or errors are not known.
    """

    before: str
    after: str
    changes: pd.DataFrame
    noise: volatility.NoiseAlone | None


def step(
    national: National, metrics: pd.DataFrame, trust_type: str, before: str, after: str, broken: tuple[str, ...]
) -> Step:
    """The changes of one trust type from one quarter to the next.

    Parameters
    ----------
    metrics : DataFrame
        Published rows of the trust type.
    broken : tuple of str
        Trusts whose comparison a merger breaks.
    """
    counted = national.scores.loc[national.scores["weight"] > 0, "metric_id"].unique()
    copied = timeliness.unmoved(metrics, after, counted)["unmoved_ids"]
    options: dict[str, Any] = {
        "copied": [one for each in copied for one in each],
        "not_comparable": broken,
        "no_better_than": national.framework(after).override.no_better_than,
    }
    found = volatility.changes(national.scores, national.standings, before, after, trust_type, **options)
    middle = (edges(national, before) + edges(national, after)) / 2
    tested = found["standard_error"].notna().any() and np.isfinite(middle).all()
    noise = (
        volatility.noise_alone(national.scores, national.standings, before, after, trust_type, middle, **options)
        if tested
        else None
    )
    return Step(before, after, found, noise)


def place_sets(average: pd.Series, paired: PairedErrors, simultaneous: bool = False) -> pd.DataFrame:
    """Confidence sets for the place by average, from paired differences; see `rank_sets.rank_confidence_sets`.

    A pair that cannot be tested (fewer than two shared metrics, or the same difference on each) is never told apart: it
    counts as a difference of nought.

    Parameters
    ----------
    average : Series on the trusts
        1.00 is best.
    paired : PairedErrors

    Returns
    -------
    DataFrame
        On the trusts: rank, lower, upper, unstable.
    """
    if len(average) < 2:
        return pd.DataFrame({"rank": 1, "lower": 1, "upper": 1, "unstable": False}, index=average.index)
    testable = (paired.standard_error > 0) & (paired.freedom > 0)
    apart = pd.DataFrame(1.0 - np.eye(len(average)), average.index, average.index)
    return rank_sets.rank_confidence_sets(
        average,
        None,
        best="low",
        simultaneous=simultaneous,
        difference=paired.difference.where(testable, 0.0),
        difference_error=paired.standard_error.where(testable, apart),
        degrees_of_freedom=paired.freedom.where(testable, 1.0),
    )


def with_published_ranges(table: pd.DataFrame, given: pd.DataFrame) -> pd.DataFrame:
    """A league table on the trust codes with NHS England's own likely ranges where its league table file is at hand.

    Parameters
    ----------
    table : DataFrame on the trust codes
        With average_low, average_high, rank_low, rank_high.
    given : DataFrame
        ``Publication.league`` of the same quarter and type; may have no rows.
    """
    known = given.set_index("trust_code")[ENDS].reindex(table.index)
    return table.assign(**{end: known[end].fillna(table[end]) for end in ENDS})


def surveys_before_mergers(periods: pd.DataFrame, codes: set[str], quarter: str, mergers: pd.DataFrame) -> pd.DataFrame:
    """Surveys whose period ends before, or spans, the last merger into a trust: trust_code, metric_id, timing.

    Parameters
    ----------
    periods : DataFrame
        As `timeliness.metric_periods`.
    codes : set of str
        Trusts to look at.
    quarter : str
        Slug; mergers after its last day do not count.

    Returns
    -------
    DataFrame
        timing is "before" or "spans": see `lineage.survey_timing`.
    """
    last_day = Quarter.parse(quarter).last_day
    surveys = periods[periods["description"].str.contains("survey", case=False)]
    read = [(one.metric_id, timeliness.parse(one.reporting_date, quarter)) for one in surveys.itertuples()]
    rows = [
        (code, metric_id, lineage.survey_timing(code, period, last_day, mergers))
        for code in sorted(codes)
        for metric_id, period in read
        if period
    ]
    table = pd.DataFrame(rows, columns=["trust_code", "metric_id", "timing"])
    return table[table["timing"].isin(["before", "spans"])].reset_index(drop=True)


def merged_positions(
    affected: pd.DataFrame, mergers: pd.DataFrame, league: pd.DataFrame, scores: pd.DataFrame
) -> tuple[tuple[pd.Series, MergedPosition | None], ...]:
    """Each merger after the quarter that touches a table, and where the merged trust would have stood.

    None for the position where not all trusts stand in this table.

    Parameters
    ----------
    affected : DataFrame
        As `lineage.affected`.
    league, scores : DataFrame
        Of one quarter and trust type; scores that count.
    """
    codes = set(affected.loc[affected["timing"] == lineage.AFTER, "trust_code"])
    days = set(affected.loc[affected["timing"] == lineage.AFTER, "event_date"])
    touched = mergers[
        mergers["effective_date"].isin(days)
        & (mergers["predecessor_code"].isin(codes) | mergers["successor_code"].isin(codes))
    ]
    found = []
    for (successor, day), _ in touched.groupby(["successor_code", "effective_date"]):
        together = mergers[(mergers["successor_code"] == successor) & (mergers["effective_date"] == day)]
        standing = {successor} if together["kind"].ne("merger").all() else set()
        found.append(
            (together.iloc[0], lineage.merged_position(league, scores, {*together["predecessor_code"], *standing}))
        )
    return tuple(found)
