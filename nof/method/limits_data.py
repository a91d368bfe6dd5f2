"""What stands behind a league table: who is in it, how old its data are, what mergers did to it, which kinds of trust it mixes.

Asked of a View; each function asks one room of the house and adds names. What the data do not allow is None or an empty
frame, and the words say so. `nof.method.limits` is the front door.
"""

from __future__ import annotations

from itertools import pairwise

import pandas as pd

from nof.common import Quarter, kept
from nof.method import lineage, peers, reporting_dates, succession, timeliness
from nof.method.lineage import MergedPosition
from nof.method.opening import mergers_of
from nof.method.view import View
from nof.rules import scoring


@kept
def names(view: View) -> pd.Series:
    """Name of each trust code, also of trusts that stand in an earlier quarter only."""
    trusts = view.publication.trusts
    known = trusts[trusts["quarter"] <= view.quarter].sort_values("quarter", kind="stable")
    return known.drop_duplicates("trust_code", keep="last").set_index("trust_code")["trust_name"]


def metrics(view: View) -> pd.DataFrame:
    """Published rows of this trust type, up to this quarter: not kept, a copy as large as the files."""
    rows = view.publication.metrics
    return rows[(rows["trust_type"] == view.trust_type) & (rows["quarter"] <= view.quarter)]


@kept
def metric_names(view: View) -> pd.Series:
    """Description of each metric id, the newest one, also of metrics of earlier quarters only."""
    rows = metrics(view).sort_values("quarter", kind="stable").drop_duplicates("metric_id", keep="last")
    return rows.set_index("metric_id")["description"]


@kept
def matrix(view: View) -> tuple[pd.DataFrame, pd.Series]:
    """Scores of trusts by metrics, and the weights."""
    scores, weights = scoring.matrix(view.scores)
    return scores.loc[:, weights > 0], weights[weights > 0]


# --- how old the data are ---


@kept
def periods_of_all(view: View) -> pd.DataFrame:
    """`timeliness.metric_periods` of every published row of the quarter, scored or not."""
    return timeliness.metric_periods(metrics(view), view.quarter)


@kept
def periods(view: View) -> pd.DataFrame:
    """`timeliness.metric_periods` of the scored metrics, the freshest first, with their place in the average."""
    table = periods_of_all(view)
    table = table[table["metric_id"].isin(view.metrics["metric_id"])]
    return table.sort_values(["age_months", "metric_id"], kind="stable").reset_index(drop=True)


@kept
def unmoved(view: View) -> tuple[str, ...] | None:
    """Score ids whose period is that of the quarter before; None without a quarter before."""
    table = timeliness.unmoved(metrics(view), view.quarter, view.metrics["metric_id"], periods_of_all(view))
    known = table[table["unmoved"].notna()]
    return tuple(known["unmoved_ids"].iloc[0]) if len(known) else None


@kept
def in_quarter(view: View) -> frozenset[str]:
    """Ids of the scored metrics whose data end in the quarter."""
    return timeliness.in_quarter_metrics(metrics(view), view.quarter, view.metrics["metric_id"], periods_of_all(view))


# --- mergers ---


@kept
def broken(view: View, before: str, after: str) -> tuple[str, ...]:
    """Codes of the trusts whose comparison between two quarters a merger breaks."""
    found = lineage.not_comparable(trusts_of_type(view), before, after, mergers_of(view.national))
    return tuple(sorted(set(found["trust_code"])))


@kept
def broken_steps(view: View) -> dict[tuple[str, str], tuple[str, ...]]:
    """For each step from one quarter of these files to the next, the trusts whose comparison a merger breaks."""
    held = sorted(metrics(view)["quarter"].unique())
    pairs = [(one, two) for one, two in pairwise(held) if Quarter.parse(one).next.slug == two]
    return {pair: broken(view, *pair) for pair in pairs}


@kept
def trusts_of_type(view: View) -> pd.DataFrame:
    """Rows of `Publication.trusts` of the type, up to the quarter."""
    trusts = view.publication.trusts
    return trusts[(trusts["trust_type"] == view.trust_type) & (trusts["quarter"] <= view.quarter)]


@kept
def affected(view: View) -> pd.DataFrame:
    """Trusts of this table that a merger touches; see `lineage.affected`."""
    return lineage.affected(trusts_of_type(view), view.quarter, mergers_of(view.national))


@kept
def blanks(view: View) -> pd.DataFrame:
    """Metrics that a merged trust lacks where the window spans the merger; see `lineage`.

    merged_too_with_value: names of other merged trusts that have a value although the window spans their merger as well.
    """
    table = lineage.blank_because_of_merger(
        metrics(view), view.quarter, mergers_of(view.national), periods_of_all(view)
    )
    table = table.drop_duplicates(["trust_code", "metric_id"])
    return table.assign(
        trust_name=table["trust_code"].map(names(view)),
        merged_too_with_value=[_merged_with_value(view, one.metric_id) for one in table.itertuples()],
    )


def _merged_with_value(view: View, metric_id: str) -> tuple[str, ...]:
    """Names of trusts with a value of the metric although a merger into them lies within its window as well."""
    window = periods_of_all(view).query("metric_id == @metric_id")
    if window.empty:
        return ()
    row = window.iloc[0]
    first = row["compared_first_day"] if pd.notna(row["compared_first_day"]) else row["first_day"]
    table = affected(view)
    inside = table[
        (table["role"] == "successor") & (table["event_date"] > first) & (table["event_date"] <= row["last_day"])
    ]
    rows = metrics(view)
    held = rows[(rows["quarter"] == view.quarter) & (rows["metric_id"] == metric_id) & rows["value"].notna()]
    return tuple(names(view)[inside.loc[inside["trust_code"].isin(held["trust_code"]), "trust_code"].unique()])


@kept
def surveys(view: View) -> pd.DataFrame:
    """Surveys that end before, or span, the last merger into a trust: trust_code, metric_id, timing and names."""
    table = surveys_before_mergers(
        periods(view), set(affected(view)["trust_code"]), view.quarter, mergers_of(view.national)
    )
    return table.assign(
        trust_name=table["trust_code"].map(names(view)), description=table["metric_id"].map(metric_names(view))
    )


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
    read = [(one.metric_id, reporting_dates.parse(one.reporting_date, quarter)) for one in surveys.itertuples()]
    rows = [
        (code, metric_id, lineage.survey_timing(code, period, last_day, mergers))
        for code in sorted(codes)
        for metric_id, period in read
        if period
    ]
    table = pd.DataFrame(rows, columns=["trust_code", "metric_id", "timing"])
    return table[table["timing"].isin(["before", "spans"])].reset_index(drop=True)


@kept
def unexplained(view: View) -> pd.DataFrame:
    """Codes of this type that vanish or appear without a known merger; see `succession.unexplained`."""
    trusts = view.publication.trusts
    found = succession.unexplained(trusts[trusts["quarter"] <= view.quarter], mergers_of(view.national))
    return found[found["trust_code"].isin(trusts_of_type(view)["trust_code"])].reset_index(drop=True)


@kept
def merged(view: View) -> tuple[tuple[pd.Series, MergedPosition | None], ...]:
    """Each merger after the quarter that touches this table; see `merged_positions`."""
    scores = view.scores
    return merged_positions(affected(view), mergers_of(view.national), view.league, scores[scores["weight"] > 0])


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


# --- kinds of trust ---


@kept
def subtypes(view: View) -> pd.DataFrame:
    """Rank within the subtype beside the whole, best first; see `peers.subtype_ranks`."""
    table = view.league.set_index("trust_code")
    found = peers.subtype_ranks(table, table["trust_subtype"])
    apart = peers.without_specialists(table, table["trust_subtype"])[["rank_apart", "trusts_apart"]]
    shown = table[["trust_name", "average_score", "metrics_scored"]]
    return shown.join(found).join(apart).sort_values("rank", kind="stable").reset_index()


@kept
def by_subtype(view: View) -> pd.DataFrame:
    """Metrics scored and width of likely ranges by subtype; see `peers.metrics_by_subtype`."""
    return peers.metrics_by_subtype(view.league).reset_index()


@kept
def widths(view: View) -> pd.DataFrame:
    """Rank correlation of the number of metrics with the width of the likely range."""
    return peers.width_correlations(view.league)
