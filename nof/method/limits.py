"""What a rank cannot tell you, computed from a View: everything that the limitations briefing shows.

Each property asks one room of the house and adds names; no statistic is defined here. A comparison that the data do not
allow (no earlier quarter, no segments, too few metrics) is None or an empty frame, and the words say so.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pandas as pd

from nof.common import Quarter, kept
from nof.method import expected_rank, lineage, peers, persistence, rank_sets, sensitivity, timeliness, volatility
from nof.method import score_changes as changed
from nof.method.change import change_tests
from nof.method.choices import spans, typical_spans
from nof.method.cliffs import cliffs
from nof.method.decision import Decision, decisions
from nof.method.improvement import edge_brackets
from nof.method.lineage import MergedPosition
from nof.method.peers import PairedErrors
from nof.method.pooled_noise import NoiseMoves, PooledNoise, noise_moves, pooled_noise
from nof.method.ranges import PUBLISHED, narrowness
from nof.method.sensitivity import Association, Multiverse, Setting
from nof.method.steps import own_segment_chances, segment_chance_ranges, segment_edges
from nof.method.view import View, mergers_of
from nof.rules import scoring, uncertainty
from nof.rules.recompute import edges, standing

# --- Parts of the limitations briefing that need several rooms at once; `nof.method.limits` gives them a name and a place ---


class Step(NamedTuple):
    """From one quarter to the next: every trust's change, and what noise alone would do.

    Attributes
    ----------
    before, after : str
        Slugs.
    changes : DataFrame
        The rows of `change.change_tests` of this step.
    noise : NoiseMoves or None
        As `pooled_noise.noise_moves`; None where segments or errors are not known.
    """

    before: str
    after: str
    changes: pd.DataFrame
    noise: NoiseMoves | None


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


# --- What a rank cannot tell you, computed from a View: everything that the limitations briefing shows ---


SHUFFLES = 200  # of each metric, in the randomisation check
IN_QUARTER = "in-quarter data only"  # how `sensitivity` labels that choice


# --- what all sections rest on ---


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


# --- 1. uncertainty ---


@kept
def paired(view: View) -> peers.PairedErrors:
    """Differences between every two trusts on the metrics that both have."""
    return peers.paired_difference_errors(*matrix(view))


@kept
def pairing(view: View) -> pd.Series:
    """What pairing changes; see `peers.pairing_effect`."""
    return peers.pairing_effect(*matrix(view))


def sets(view: View, simultaneous: bool = False) -> pd.DataFrame:
    """Confidence sets for the place by average; see `limitations.parts.place_sets`."""
    average = view.league.set_index("trust_code")["average_score"].reindex(matrix(view)[0].index)
    return place_sets(average, paired(view), simultaneous)


@kept
def places(view: View) -> pd.DataFrame:
    """How sure each place is, one row a trust in the order of the league table.

    Returns
    -------
    DataFrame
        The league table (rank_low, rank_high, average_low and average_high as published where they are), and:
        place_by_average, set_low and set_high (95% confidence set for the place by average, each trust on its own),
        joint_low and joint_high (all trusts at once), told_apart (of the others), others, holds_middle (the likely
        range of the average holds the median average), chance_1 to chance_4 (share of redraws in each segment),
        chance_own (in its own), chance_own_low and chance_own_high (the same with the edges at the ends of their
        brackets), distance_12, distance_23, distance_34 (to the segment edges in standard errors; positive: on the worse
        side), nearest_edge, nearest; expected_rank, expected_low, expected_high, chance_best_quarter and
        chance_worst_quarter (of the table by average, in the next quarter: `expected_places`).
    """
    table = view.league.set_index("trust_code")
    own, joint = sets(view), sets(view, simultaneous=True)
    middle = table["average_score"].median()
    table = table.assign(
        place_by_average=own["rank"],
        set_low=own["lower"],
        set_high=own["upper"],
        joint_low=joint["lower"],
        joint_high=joint["upper"],
        told_apart=own["lower"] - 1 + len(own) - own["upper"],
        others=len(own) - 1,
        holds_middle=table["average_low"].le(middle) & table["average_high"].ge(middle),
    )
    return table.join(_chances(view)).join(_edges(view)).join(expected_places(view)).reset_index()


def ranges_published(view: View) -> bool:
    """Whether all likely ranges are NHS England's own figures."""
    return bool(view.league["range_source"].eq(PUBLISHED).all())


def _chances(view: View) -> pd.DataFrame:
    names = [f"chance_{segment}" for segment in (1, 2, 3, 4)]
    drawn, codes = view.redrawn, view.league["trust_code"]
    if drawn is None:
        return pd.DataFrame(np.nan, codes, [*names, "chance_own_low", "chance_own", "chance_own_high"])
    brackets, flags = edge_brackets(view.national, view.quarter), view.league.set_index("trust_code")["in_deficit"]
    found = segment_chance_ranges(drawn, brackets, flags, view.framework.override.no_better_than)
    own = own_segment_chances(found, view.league.set_index("trust_code")["segment"])
    return found[names].join(own.drop(columns="segment"))


def _edges(view: View) -> pd.DataFrame:
    found = volatility.edge_distances(*matrix(view), view.edges).drop(columns="average")
    return found.rename(columns={"1/2": "distance_12", "2/3": "distance_23", "3/4": "distance_34"})


@kept
def chances_by_average(view: View) -> pd.DataFrame:
    """Chance of each segment before the override, on the trusts; see `uncertainty.segment_chances`."""
    return uncertainty.segment_chances(view.redrawn, adjusted=False)


# --- 2. volatility ---


@kept
def panels(view: View) -> dict[str, pd.DataFrame]:
    """Average, rank and each metric score of every quarter so far; see `volatility.panels`."""
    national, last = view.national, view.quarter
    scores, standings = (table[table["quarter"] <= last] for table in (national.scores, national.standings))
    return volatility.panels(scores, standings, view.trust_type)


@kept
def reliability(view: View) -> pd.DataFrame:
    """As `volatility.reliability`, with names; no rows where there is one quarter."""
    table = persistence.reliability(panels(view)).reset_index()
    table = table[table["quarters"] > 1]
    return table.assign(name=table["measure"].map(metric_names(view)).fillna(table["measure"]))


@kept
def correlations(view: View) -> pd.DataFrame:
    """As `volatility.rank_correlations`."""
    return persistence.rank_correlations(panels(view))


@kept
def rankability(view: View) -> float:
    """Share of the differences between averages in this quarter that is not the spread over a trust's metrics."""
    found = volatility.weighted_errors(*matrix(view))
    return persistence.rankability(found["mean"], found["standard_error"])


@kept
def rankability_interval(view: View) -> tuple[float, float]:
    """95% interval of `rankability`; see `persistence.rankability_interval`."""
    found = volatility.weighted_errors(*matrix(view))
    return persistence.rankability_interval(found["mean"], found["standard_error"])


@kept
def lag_correlations(view: View) -> pd.DataFrame:
    """How the correlation of averages falls with the quarters between; see `persistence.lag_correlations`."""
    return persistence.lag_correlations(panels(view)[volatility.AVERAGE])


def _pairs(view: View) -> tuple[tuple[str, str], ...]:
    """Quarters up to this one that follow each other, in pairs."""
    held = sorted(metrics(view)["quarter"].unique())
    return tuple((before, after) for before, after in pairwise(held) if Quarter.parse(before).next.slug == after)


@kept
def _broken_steps(view: View) -> dict[str, tuple[str, ...]]:
    """For the later quarter of each step, the trusts whose comparison a merger breaks."""
    return {after: broken(view, before, after) for before, after in _pairs(view)}


@kept
def score_changes(view: View) -> pd.DataFrame:
    """Every change of every metric score in all steps up to this quarter; see `score_changes.score_changes`."""
    counted = view.national.scores.loc[view.national.scores["weight"] > 0, "metric_id"].unique()
    published, copied = metrics(view), {}
    for _, after in _pairs(view):
        table = timeliness.unmoved(published, after, counted)["unmoved_ids"]
        copied[after] = [one for each in table for one in each]
    return changed.score_changes(
        view.national.scores, view.trust_type, _pairs(view), copied=copied, not_comparable=_broken_steps(view)
    )


@kept
def noise(view: View) -> PooledNoise:
    """How far scores move by noise alone, from all trusts and steps up to this quarter; see `pooled_noise`."""
    return pooled_noise(score_changes(view))


@kept
def steps(view: View) -> tuple[Step, ...]:
    """Every step from one quarter to the next, the latest last; only quarters that follow each other."""
    return tuple(_step(view, before, after) for before, after in _pairs(view))


def _step(view: View, before: str, after: str) -> Step:
    national, rows = view.national, score_changes(view)["quarter_after"] == after
    merged, best = _broken_steps(view)[after], national.framework(after).override.no_better_than
    tested = change_tests(
        score_changes(view)[rows],
        national.standings,
        view.trust_type,
        not_comparable=_broken_steps(view),
        noise=noise(view),
        no_better_than=best,
    )
    moves = noise_moves(
        score_changes(view),
        national.standings,
        (before, after),
        view.trust_type,
        edges(national, before),
        edges(national, after),
        not_comparable=merged,
        noise=noise(view),
        no_better_than=best,
    )
    return Step(before, after, tested, moves)


@kept
def directions(view: View) -> pd.DataFrame:
    """Which way each metric of each trust went in the last step, score and value; see `score_changes.directions`.

    No rows without an earlier quarter. With trust_name and description added.
    """
    step = last_step(view)
    rows = score_changes(view)
    rows = rows[rows["quarter_after"] == view.quarter] if step else rows.iloc[:0]
    table = changed.directions(rows, metrics(view), view.framework.by_score)
    return table.assign(
        trust_name=table["trust_code"].map(names(view)), description=table["metric_id"].map(metric_names(view))
    )


@kept
def expected_places(view: View) -> pd.DataFrame:
    """The place by average that each trust can expect in the next quarter; see `expected_rank.expected_places`."""
    return expected_rank.expected_places(average_panel(view))


@kept
def average_panel(view: View) -> expected_rank.Panel:
    """The averages of all quarters up to this one, without what trusts were before a merger."""
    return expected_rank.average_panel(
        view.national.standings, view.trust_type, view.quarter, not_comparable=_broken_steps(view)
    )


def last_step(view: View) -> Step | None:
    """The step into this quarter; None without the quarter before."""
    return next((step for step in steps(view) if step.after == view.quarter), None)


@kept
def change(view: View) -> pd.DataFrame:
    """The tested changes of the last step with names; no rows without an earlier quarter."""
    if last_step(view) is None:
        return pd.DataFrame()
    table = last_step(view).changes
    return table.assign(trust_name=table["trust_code"].map(names(view)))


@kept
def excluded(view: View) -> pd.DataFrame:
    """Trusts that the comparison with the quarter before leaves out: trust_code, reason, trust_name."""
    if last_step(view) is None:
        return pd.DataFrame(columns=["trust_code", "reason", "trust_name"])
    before, after = last_step(view)[:2]
    table = volatility.excluded(view.national.standings, before, after, view.trust_type, broken(view, before, after))
    return table.assign(trust_name=table["trust_code"].map(names(view)))


@kept
def transitions(view: View) -> pd.DataFrame | None:
    """As `volatility.transitions` for the last step."""
    if last_step(view) is None:
        return None
    before, after = last_step(view)[:2]
    return volatility.transitions(
        view.national.standings, before, after, view.trust_type, not_comparable=broken(view, before, after)
    )


# --- 3. data lags ---


@kept
def periods(view: View) -> pd.DataFrame:
    """`timeliness.metric_periods` of the scored metrics, the freshest first, with their place in the average."""
    table = timeliness.metric_periods(metrics(view), view.quarter)
    table = table[table["metric_id"].isin(view.metrics["metric_id"])]
    return table.sort_values(["age_months", "metric_id"], kind="stable").reset_index(drop=True)


@kept
def unmoved(view: View) -> tuple[str, ...] | None:
    """Score ids whose period is that of the quarter before; None without a quarter before."""
    table = timeliness.unmoved(metrics(view), view.quarter, view.metrics["metric_id"])
    known = table[table["unmoved"].notna()]
    return tuple(known["unmoved_ids"].iloc[0]) if len(known) else None


@kept
def in_quarter(view: View) -> frozenset[str]:
    """Ids of the scored metrics whose data end in the quarter."""
    return timeliness.in_quarter_metrics(metrics(view), view.quarter, view.metrics["metric_id"])


@kept
def in_quarter_ranks(view: View) -> pd.DataFrame:
    """The ranking from in-quarter metrics only beside the published one.

    Returns
    -------
    DataFrame
        trust_code, trust_name, rank, rank_in_quarter (NaN on too few metrics), places (positive: a better place
        in the in-quarter ranking), metrics_in_quarter. No rows where all metrics are in quarter, or none.
    """
    table = sensitivity.one_at_a_time(multiverse(view))
    table = table[table["label"] == IN_QUARTER].set_index("trust_code")
    now = view.league.set_index("trust_code")[["trust_name", "rank"]].join(
        table["rank"].rename("rank_in_quarter"), how="inner"
    )
    held = matrix(view)[0].loc[:, matrix(view)[0].columns.isin(in_quarter(view))].notna().sum(axis=1)
    return now.assign(places=now["rank"] - now["rank_in_quarter"], metrics_in_quarter=held).reset_index()


# --- 4. mergers ---


def broken(view: View, before: str, after: str) -> tuple[str, ...]:
    """Codes of the trusts whose comparison between two quarters a merger breaks."""
    found = lineage.not_comparable(_trusts(view), before, after, mergers_of(view.national))
    return tuple(sorted(set(found["trust_code"])))


@kept
def _trusts(view: View) -> pd.DataFrame:
    trusts = view.publication.trusts
    return trusts[(trusts["trust_type"] == view.trust_type) & (trusts["quarter"] <= view.quarter)]


@kept
def affected(view: View) -> pd.DataFrame:
    """Trusts of this table that a merger touches; see `lineage.affected`."""
    return lineage.affected(_trusts(view), view.quarter, mergers_of(view.national))


@kept
def blanks(view: View) -> pd.DataFrame:
    """Metrics that a merged trust lacks where the window spans the merger; see `lineage`."""
    table = lineage.blank_because_of_merger(metrics(view), view.quarter, mergers_of(view.national))
    table = table.drop_duplicates(["trust_code", "metric_id"])
    return table.assign(trust_name=table["trust_code"].map(names(view)))


@kept
def surveys(view: View) -> pd.DataFrame:
    """Surveys that end before, or span, the last merger into a trust: trust_code, metric_id, timing and names."""
    table = surveys_before_mergers(
        periods(view), set(affected(view)["trust_code"]), view.quarter, mergers_of(view.national)
    )
    return table.assign(
        trust_name=table["trust_code"].map(names(view)), description=table["metric_id"].map(metric_names(view))
    )


@kept
def unexplained(view: View) -> pd.DataFrame:
    """Codes of this type that vanish or appear without a known merger; see `lineage.unexplained`."""
    trusts = view.publication.trusts
    found = lineage.unexplained(trusts[trusts["quarter"] <= view.quarter], mergers_of(view.national))
    return found[found["trust_code"].isin(_trusts(view)["trust_code"])].reset_index(drop=True)


@kept
def merged(view: View) -> tuple[tuple[pd.Series, MergedPosition | None], ...]:
    """Each merger after the quarter that touches this table; see `limitations.parts.merged_positions`."""
    scores = view.scores
    return merged_positions(affected(view), mergers_of(view.national), view.league, scores[scores["weight"] > 0])


# --- 5. trust types and peers ---


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


# --- 6. how much the method decides ---


@kept
def setting(view: View) -> Setting:
    """What a ranking of this table is made of; see `sensitivity.setting`."""
    return sensitivity.setting(view.national, view.quarter, view.trust_type)


@kept
def multiverse(view: View) -> Multiverse:
    """Every combination of reasonable choices; see `sensitivity.multiverse`."""
    return sensitivity.multiverse(setting(view), in_quarter(view))


@kept
def choices(view: View) -> pd.DataFrame:
    """How far each single choice moves the table: label, name, trusts_moved, places_mean, places_most, ..."""
    table = sensitivity.choice_effects(multiverse(view)).dropna(subset="places_mean").reset_index()
    return table.assign(name=[told(view, label) for label in table["label"]])


def told(view: View, label: str) -> str:
    """A choice in words: a metric by its description."""
    for metric_id in matrix(view)[0].columns:
        label = label.replace(metric_id, f"“{metric_names(view)[metric_id]}”")
    return label


@kept
def method(view: View) -> pd.DataFrame:
    """Range of ranks of each trust over all choices, in the order of the league table: `Multiverse.summary`, and the
    three spans of `choices.spans` (method alone, one choice at a time, everything)."""
    universe = multiverse(view)
    found = universe.summary.assign(moves_most=[told(view, one) for one in universe.summary["moves_most"]])
    found = found.join(spans(universe).drop(columns="place_published"))
    return view.league.set_index("trust_code")[["trust_name"]].join(found).reset_index()


@kept
def typical(view: View) -> pd.DataFrame:
    """The span of the typical trust by what changes: method alone, one choice, everything; see `choices.typical_spans`."""
    return typical_spans(multiverse(view))


@kept
def decision(view: View) -> Decision:
    """What share of the movement of places goes with which choice; see `decision.decisions`."""
    return decisions(view.national, view.quarter, view.trust_type, in_quarter(view))


@kept
def jumps(view: View) -> pd.DataFrame:
    """Moves up to this quarter in which a score jumped; see `cliffs.cliffs`. trust_name beside the code."""
    table = cliffs(view.national, view.trust_type)
    table = table[table["quarter"] <= view.quarter]
    return table.assign(trust_name=table["trust_code"].map(names(view)))[["trust_name", *table.columns]]


@kept
def shuffled(view: View) -> pd.DataFrame:
    """The randomisation check, most decisive metric first; see `sensitivity.shuffle_metrics`."""
    table = sensitivity.shuffle_metrics(setting(view), repeats=SHUFFLES).reset_index()
    table = table.assign(name=table["metric_id"].map(metric_names(view)))
    return table.sort_values(["places", "metric_id"], ascending=[False, True]).reset_index(drop=True)


def association(view: View, numbers: pd.Series) -> Association:
    """How a number that somebody brings, on the trust codes, goes with the average score."""
    averages = standing(view.national, view.quarter, view.trust_type)["average"]
    return sensitivity.covariate(numbers, averages)


# --- for the folder of tables ---


def tables(view: View) -> dict[str, pd.DataFrame]:
    """Every frame behind the briefing in full, by a short name for its file."""
    # The CSV writer takes a column that begins with "rank" for whole numbers.
    fractions = {"rankability": "index_of_rankability", "ranks_moved": "mean_ranks_moved"}
    frames = {
        "places": places(view),
        "reliability": reliability(view),
        "rank_correlations": correlations(view),
        "changes": change(view),
        "directions": directions(view),
        "correlations_by_lag": lag_correlations(view),
        "periods": periods(view),
        "in_quarter_ranking": in_quarter_ranks(view),
        "mergers": affected(view),
        "subtypes": subtypes(view),
        "method": method(view),
        "choices": choices(view),
        "shuffled": shuffled(view),
        "spans": typical(view),
        "decision": _decision_rows(view),
        "cliffs": jumps(view),
        "edges": segment_edges(view.national).query("quarter <= @view.quarter"),
        "narrowness": narrowness(view.league["metrics_scored"][view.league["metrics_scored"] > 1]).reset_index(),
    }
    return {
        f"limits_{name}": frame.map(_joined).rename(columns=fractions) for name, frame in frames.items() if len(frame)
    }


def _decision_rows(view: View) -> pd.DataFrame:
    """Shares for the type, by group and by choice, and for each trust by group, in one table."""
    found = decision(view)
    parts = [
        found.groups.assign(of="the type"),
        found.choices.assign(of="the type"),
        found.trusts.assign(of="the trust", trust_name=found.trusts["trust_code"].map(names(view))),
    ]
    first = ["of", "trust_code", "trust_name", "group", "choice"]
    table = pd.concat(parts, ignore_index=True)
    return table[[*first, *table.columns.difference(first, sort=False)]]


def _joined(cell):
    """A cell of a CSV file: several names as one text."""
    return "; ".join(map(str, cell)) if isinstance(cell, tuple) else cell
