"""Segment thresholds that were only reported, held against the averages and segments that a file publishes.

What a named public document says second hand is more than a guess and less than NHS England's text. It is in force as
long as no published segment contradicts it and some bear it out; the first that does overrules it, and the pages say so.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from nof.common import Quarter
from nof.read.publication import Publication
from nof.rules.framework import Framework, Segments

REPORTED = "reported"
EDGES = ("1/2", "2/3", "3/4")
HELD_COLUMNS = ["trust_type", "edge", "above", "below", "segments", "reported", "agrees"]
_TRUST = ["quarter", "trust_type", "trust_code"]


def published_segments(publication: Publication, framework: Framework) -> pd.DataFrame:
    """Published averages with the segment that they have before any override.

    Where the unadjusted segment is not published, the adjusted one of trusts without the override flag stands for it; a
    trust for which neither tells is left out. Averages and segments come from the metrics file, else from the league table.

    Returns
    -------
    DataFrame
        quarter, trust_type, trust_code, average_score (2 decimals, as published), segment (1 is best); quarters of the
        framework's year.
    """
    ids, rows = framework.summary, publication.metrics
    rows = rows[rows["value"].notna()].drop_duplicates([*_TRUST, "metric_id"])
    names = [ids.average, ids.unadjusted_segment, ids.adjusted_segment, ids.override_flag]
    wide = rows[rows["metric_id"].isin(names)].pivot(index=_TRUST, columns="metric_id", values="value")
    wide = wide.reindex(columns=names).set_axis(["average_score", "raw", "adjusted", "flag"], axis=1)
    league = publication.league.drop_duplicates(_TRUST).set_index(_TRUST)
    league = league.assign(flag=league["in_deficit"].astype(float), raw=np.nan, adjusted=league["segment"])
    wide = wide.combine_first(league[["average_score", "raw", "adjusted", "flag"]])
    segment = wide["raw"].fillna(wide["adjusted"].where(wide["flag"] == 0))
    found = wide[["average_score"]].assign(segment=segment).dropna().reset_index()
    year = found["quarter"].map({one: Quarter.parse(one).year_label for one in found["quarter"].unique()})
    return found[year == framework.framework_year].reset_index(drop=True)


def held_against(found: pd.DataFrame, segments: Segments) -> pd.DataFrame:
    """Each reported threshold beside the published averages on either side of it.

    Parameters
    ----------
    found : DataFrame
        As `published_segments`.
    segments : Segments
        With three thresholds.

    Returns
    -------
    DataFrame
        A row a trust type and edge: trust_type, edge ("1/2"), above (highest published average in the better segments),
        below (lowest in the worse; NaN on a side that no trust shows), segments (how many published ones were looked at),
        reported (the highest average that the better segment takes), agrees (True, False, or None where neither side
        was seen).
    """
    rows = []
    for name, part in found.groupby("trust_type"):
        for place, (edge, limit) in enumerate(zip(EDGES, segments.thresholds, strict=True), start=1):
            better = part["segment"] <= place
            above, below = part.loc[better, "average_score"].max(), part.loc[~better, "average_score"].min()
            inside = (np.isnan(above) or above <= limit + 1e-9) and (np.isnan(below) or below > limit + 1e-9)
            seen = not (np.isnan(above) and np.isnan(below))
            rows.append((name, edge, above, below, len(part), limit, bool(inside) if seen else None))
    return pd.DataFrame(rows, columns=HELD_COLUMNS)


def with_reported(rules: Framework, reported: Framework, publication: Publication) -> Framework:
    """Rules as published with the reported thresholds and override in force where the published figures bear them out.

    Parameters
    ----------
    rules : Framework
        What of the year is in force without any report: see `inferred.unconfirmed.in_force`.
    reported : Framework
        The year's file, with thresholds of certainty "reported".
    publication : Publication

    Returns
    -------
    Framework
        `segments` with the thresholds where every published segment agrees, else as in `rules` with `overruled` naming
        the edges; `note` says which are in force.
    """
    found = published_segments(publication, reported)
    held = held_against(found, reported.segments)
    against = held[held["agrees"].eq(False)]
    borne_out = len(held) > 0 and against.empty
    segments = (
        reported.segments
        if borne_out
        else rules.segments.model_copy(update={"overruled": tuple(dict.fromkeys(against["edge"]))})
    )
    override = rules.override if rules.override.certainty != "unknown" else reported.override
    kept = {name: getattr(rules, name) for name in Framework.model_fields}
    note = sentence(held, reported.segments)
    return Framework(**kept | {"segments": segments, "override": override, "note": note})


def in_words(segments: Segments) -> str:
    """Thresholds in words: "segment 1 below 1.94, segment 2 to 2.33, segment 3 to 2.77"."""
    first, *others = segments.thresholds
    step = 0.0 if segments.decimals is None else 10.0**-segments.decimals
    said = [f"segment 1 {'below' if step else 'to'} {first + step:.2f}"]
    return ", ".join(said + [f"segment {place} to {limit:.2f}" for place, limit in enumerate(others, start=2)])


def sentence(held: pd.DataFrame, segments: Segments) -> str:
    """What every page says: which thresholds are in force, and where a file contradicts the reported ones.

    Parameters
    ----------
    held : DataFrame
        As `held_against`.
    segments : Segments
        The reported ones.
    """
    if held.empty:
        return f"Reported in board papers: {in_words(segments)}; no published segment is there to hold them against."
    against = held[held["agrees"].eq(False)]
    count = int(held.drop_duplicates("trust_type")["segments"].sum())
    if against.empty:
        return (
            f"Edges between segments are those reported in board papers ({in_words(segments)}); all {count} published "
            "segments agree with them."
        )
    witnesses = "; ".join(_witness(edge, part) for edge, part in against.groupby("edge"))
    return f"Published segments contradict the edges reported in board papers and overrule them: {witnesses}."


def _witness(edge: str, against: pd.DataFrame) -> str:
    """The published average that contradicts a reported edge most plainly."""
    better, worse = edge.split("/")
    limit, above, below = against["reported"].iloc[0], against["above"].max(), against["below"].min()
    if above > limit:
        where = "1" if better == "1" else f"{better} or better"
        return f"an average of {above:.2f} in segment {where}, reported up to {limit:.2f}"
    where = "4" if worse == "4" else f"{worse} or worse"
    return f"an average of {below:.2f} in segment {where}, reported from above {limit:.2f}"
