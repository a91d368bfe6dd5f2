"""What a rank cannot tell you, computed from a View: everything that the limitations briefing shows.

Each property asks one room of the house and adds names; no statistic is defined here. A comparison that the data do not
allow (no earlier quarter, no segments, too few metrics) is None or an empty frame, and the words say so.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from nof.common import Quarter
from nof.method import lineage, peers, rank_sets, sensitivity, timeliness, volatility
from nof.method.lineage import MergedPosition
from nof.method.peers import PairedErrors
from nof.method.persistence import rank_correlations, rankability, reliability
from nof.method.sensitivity import Association, Multiverse, Setting
from nof.method.view import View, mergers_of, once, open_view
from nof.read.covariate import read_covariate
from nof.rules import scoring, uncertainty
from nof.rules.recompute import National, edges, select, standing

# --- Parts of the limitations briefing that need several rooms at once; `nof.method.limits` gives them a name and a place ---


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


# --- What a rank cannot tell you, computed from a View: everything that the limitations briefing shows ---


SHUFFLES = 200  # of each metric, in the randomisation check
IN_QUARTER = "in-quarter data only"  # how `sensitivity` labels that choice


@dataclass(frozen=True)
class Limits:
    """The limits of one league table.

    Attributes
    ----------
    view : View
    mergers : DataFrame
        As `lineage.read_mergers`.
    covariate : Series, optional
        A number for each trust code, to set beside the average score.
    """

    view: View
    mergers: pd.DataFrame = field(repr=False)
    covariate: pd.Series | None = field(default=None, repr=False)

    # --- what all sections rest on ---

    @property
    def league(self) -> pd.DataFrame:
        """The league table, best first."""
        return self.view.league

    @cached_property
    def names(self) -> pd.Series:
        """Name of each trust code, also of trusts that stand in an earlier quarter only."""
        trusts = self.view.publication.trusts
        known = trusts[trusts["quarter"] <= self.view.quarter].sort_values("quarter", kind="stable")
        return known.drop_duplicates("trust_code", keep="last").set_index("trust_code")["trust_name"]

    @property
    def metrics(self) -> pd.DataFrame:
        """Published rows of this trust type, up to this quarter: not kept, a copy as large as the files."""
        rows = self.view.publication.metrics
        return rows[(rows["trust_type"] == self.view.trust_type) & (rows["quarter"] <= self.view.quarter)]

    @cached_property
    def metric_names(self) -> pd.Series:
        """Description of each metric id, the newest one, also of metrics of earlier quarters only."""
        rows = self.metrics.sort_values("quarter", kind="stable").drop_duplicates("metric_id", keep="last")
        return rows.set_index("metric_id")["description"]

    @cached_property
    def matrix(self) -> tuple[pd.DataFrame, pd.Series]:
        """Scores of trusts by metrics, and the weights."""
        scores, weights = scoring.matrix(self.view.scores)
        return scores.loc[:, weights > 0], weights[weights > 0]

    # --- 1. uncertainty ---

    @cached_property
    def paired(self) -> peers.PairedErrors:
        """Differences between every two trusts on the metrics that both have."""
        return peers.paired_difference_errors(*self.matrix)

    @cached_property
    def pairing(self) -> pd.Series:
        """What pairing changes; see `peers.pairing_effect`."""
        return peers.pairing_effect(*self.matrix)

    def sets(self, simultaneous: bool = False) -> pd.DataFrame:
        """Confidence sets for the place by average; see `limitations.parts.place_sets`."""
        average = self.league.set_index("trust_code")["average_score"].reindex(self.matrix[0].index)
        return place_sets(average, self.paired, simultaneous)

    @cached_property
    def places(self) -> pd.DataFrame:
        """How sure each place is, one row a trust in the order of the league table.

        Returns
        -------
        DataFrame
            The league table (rank_low, rank_high, average_low and average_high as published where they are), and:
            place_by_average, set_low and set_high (95% confidence set for the place by average, each trust on its own),
            joint_low and joint_high (all trusts at once), told_apart (of the others), others, holds_middle (the likely
            range of the average holds the median average), chance_1 to chance_4 (of each segment), chance_own,
            distance_12, distance_23, distance_34 (to the segment edges in standard errors; positive: on the worse
            side), nearest_edge, nearest.
        """
        table = with_published_ranges(self.league.set_index("trust_code"), self._given)
        own, joint = self.sets(), self.sets(simultaneous=True)
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
        return table.join(self._chances).join(self._edges).reset_index()

    @property
    def _given(self) -> pd.DataFrame:
        return select(self.view.publication.league, self.view.quarter, self.view.trust_type)

    @cached_property
    def ranges_published(self) -> bool:
        """Whether the likely ranges are NHS England's own figures."""
        given = self._given
        return set(self.league["trust_code"]) <= set(given.loc[given["rank_low"].notna(), "trust_code"])

    @property
    def _chances(self) -> pd.DataFrame:
        names = [f"chance_{segment}" for segment in (1, 2, 3, 4)]
        drawn, codes = self.view.redrawn, self.league["trust_code"]
        if drawn is None:
            return pd.DataFrame(np.nan, codes, [*names, "chance_own"])
        chances = uncertainty.segment_chances(drawn).set_axis(names, axis=1)
        segment = self.league.set_index("trust_code")["segment"].reindex(chances.index).astype(int)
        return chances.assign(chance_own=chances.to_numpy()[np.arange(len(chances)), segment.to_numpy() - 1])

    @property
    def _edges(self) -> pd.DataFrame:
        found = volatility.edge_distances(*self.matrix, self.view.edges).drop(columns="average")
        return found.rename(columns={"1/2": "distance_12", "2/3": "distance_23", "3/4": "distance_34"})

    # --- 2. volatility ---

    @cached_property
    def panels(self) -> dict[str, pd.DataFrame]:
        """Average, rank and each metric score of every quarter so far; see `volatility.panels`."""
        national, last = self.view.national, self.view.quarter
        scores, standings = (table[table["quarter"] <= last] for table in (national.scores, national.standings))
        return volatility.panels(scores, standings, self.view.trust_type)

    @cached_property
    def reliability(self) -> pd.DataFrame:
        """As `volatility.reliability`, with names; no rows where there is one quarter."""
        table = reliability(self.panels).reset_index()
        table = table[table["quarters"] > 1]
        return table.assign(name=table["measure"].map(self.metric_names).fillna(table["measure"]))

    @cached_property
    def correlations(self) -> pd.DataFrame:
        """As `volatility.rank_correlations`."""
        return rank_correlations(self.panels)

    @cached_property
    def rankability(self) -> float:
        """Share of the differences between averages in this quarter that is not the spread over a trust's metrics."""
        found = volatility.weighted_errors(*self.matrix)
        return rankability(found["mean"], found["standard_error"])

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """Every step from one quarter to the next, the latest last; only quarters that follow each other."""
        held = sorted(self.metrics["quarter"].unique())
        return tuple(
            self._step(before, after) for before, after in pairwise(held) if Quarter.parse(before).next.slug == after
        )

    @property
    def last_step(self) -> Step | None:
        """The step into this quarter; None without the quarter before."""
        return next((step for step in self.steps if step.after == self.view.quarter), None)

    def _step(self, before: str, after: str) -> Step:
        return step(self.view.national, self.metrics, self.view.trust_type, before, after, self.broken(before, after))

    @cached_property
    def change(self) -> pd.DataFrame:
        """`changes` of the last step with names; no rows without an earlier quarter."""
        if self.last_step is None:
            return pd.DataFrame()
        table = self.last_step.changes
        return table.assign(trust_name=table["trust_code"].map(self.names))

    @cached_property
    def excluded(self) -> pd.DataFrame:
        """Trusts that the comparison with the quarter before leaves out: trust_code, reason, trust_name."""
        if self.last_step is None:
            return pd.DataFrame(columns=["trust_code", "reason", "trust_name"])
        before, after = self.last_step[:2]
        table = volatility.excluded(
            self.view.national.standings, before, after, self.view.trust_type, self.broken(before, after)
        )
        return table.assign(trust_name=table["trust_code"].map(self.names))

    @cached_property
    def transitions(self) -> pd.DataFrame | None:
        """As `volatility.transitions` for the last step."""
        if self.last_step is None:
            return None
        before, after = self.last_step[:2]
        return volatility.transitions(
            self.view.national.standings, before, after, self.view.trust_type, not_comparable=self.broken(before, after)
        )

    # --- 3. data lags ---

    @cached_property
    def periods(self) -> pd.DataFrame:
        """`timeliness.metric_periods` of the scored metrics, the freshest first, with their place in the average."""
        table = timeliness.metric_periods(self.metrics, self.view.quarter)
        table = table[table["metric_id"].isin(self.view.metrics["metric_id"])]
        return table.sort_values(["age_months", "metric_id"], kind="stable").reset_index(drop=True)

    @cached_property
    def unmoved(self) -> tuple[str, ...] | None:
        """Score ids whose period is that of the quarter before; None without a quarter before."""
        table = timeliness.unmoved(self.metrics, self.view.quarter, self.view.metrics["metric_id"])
        known = table[table["unmoved"].notna()]
        return tuple(known["unmoved_ids"].iloc[0]) if len(known) else None

    @cached_property
    def in_quarter(self) -> frozenset[str]:
        """Ids of the scored metrics whose data end in the quarter."""
        return timeliness.in_quarter_metrics(self.metrics, self.view.quarter, self.view.metrics["metric_id"])

    @cached_property
    def in_quarter_ranks(self) -> pd.DataFrame:
        """The ranking from in-quarter metrics only beside the published one.

        Returns
        -------
        DataFrame
            trust_code, trust_name, rank, rank_in_quarter (NaN on too few metrics), places (positive: a better place
            in the in-quarter ranking), metrics_in_quarter. No rows where all metrics are in quarter, or none.
        """
        table = sensitivity.one_at_a_time(self.multiverse)
        table = table[table["label"] == IN_QUARTER].set_index("trust_code")
        now = self.league.set_index("trust_code")[["trust_name", "rank"]].join(
            table["rank"].rename("rank_in_quarter"), how="inner"
        )
        held = self.matrix[0].loc[:, self.matrix[0].columns.isin(self.in_quarter)].notna().sum(axis=1)
        return now.assign(places=now["rank"] - now["rank_in_quarter"], metrics_in_quarter=held).reset_index()

    # --- 4. mergers ---

    def broken(self, before: str, after: str) -> tuple[str, ...]:
        """Codes of the trusts whose comparison between two quarters a merger breaks."""
        found = lineage.not_comparable(self._trusts, before, after, self.mergers)
        return tuple(sorted(set(found["trust_code"])))

    @cached_property
    def _trusts(self) -> pd.DataFrame:
        trusts = self.view.publication.trusts
        return trusts[(trusts["trust_type"] == self.view.trust_type) & (trusts["quarter"] <= self.view.quarter)]

    @cached_property
    def affected(self) -> pd.DataFrame:
        """Trusts of this table that a merger touches; see `lineage.affected`."""
        return lineage.affected(self._trusts, self.view.quarter, self.mergers)

    @cached_property
    def blanks(self) -> pd.DataFrame:
        """Metrics that a merged trust lacks where the window spans the merger; see `lineage`."""
        table = lineage.blank_because_of_merger(self.metrics, self.view.quarter, self.mergers)
        table = table.drop_duplicates(["trust_code", "metric_id"])
        return table.assign(trust_name=table["trust_code"].map(self.names))

    @cached_property
    def surveys(self) -> pd.DataFrame:
        """Surveys that end before, or span, the last merger into a trust: trust_code, metric_id, timing and names."""
        table = surveys_before_mergers(self.periods, set(self.affected["trust_code"]), self.view.quarter, self.mergers)
        return table.assign(
            trust_name=table["trust_code"].map(self.names), description=table["metric_id"].map(self.metric_names)
        )

    @cached_property
    def unexplained(self) -> pd.DataFrame:
        """Codes of this type that vanish or appear without a known merger; see `lineage.unexplained`."""
        trusts = self.view.publication.trusts
        found = lineage.unexplained(trusts[trusts["quarter"] <= self.view.quarter], self.mergers)
        return found[found["trust_code"].isin(self._trusts["trust_code"])].reset_index(drop=True)

    @cached_property
    def merged(self) -> tuple[tuple[pd.Series, MergedPosition | None], ...]:
        """Each merger after the quarter that touches this table; see `limitations.parts.merged_positions`."""
        scores = self.view.scores
        return merged_positions(self.affected, self.mergers, self.league, scores[scores["weight"] > 0])

    # --- 5. trust types and peers ---

    @cached_property
    def subtypes(self) -> pd.DataFrame:
        """Rank within the subtype beside the whole, best first; see `peers.subtype_ranks`."""
        table = self.league.set_index("trust_code")
        found = peers.subtype_ranks(table, table["trust_subtype"])
        apart = peers.without_specialists(table, table["trust_subtype"])[["rank_apart", "trusts_apart"]]
        shown = table[["trust_name", "average_score", "metrics_scored"]]
        return shown.join(found).join(apart).sort_values("rank", kind="stable").reset_index()

    @cached_property
    def by_subtype(self) -> pd.DataFrame:
        """Metrics scored and width of likely ranges by subtype; see `peers.metrics_by_subtype`."""
        return peers.metrics_by_subtype(self.league).reset_index()

    @cached_property
    def widths(self) -> pd.DataFrame:
        """Rank correlation of the number of metrics with the width of the likely range."""
        return peers.width_correlations(self.league)

    # --- 6. how much the method decides ---

    @cached_property
    def setting(self) -> Setting:
        """What a ranking of this table is made of; see `sensitivity.setting`."""
        return sensitivity.setting(self.view.national, self.view.quarter, self.view.trust_type)

    @cached_property
    def multiverse(self) -> Multiverse:
        """Every combination of reasonable choices; see `sensitivity.multiverse`."""
        return sensitivity.multiverse(self.setting, self.in_quarter)

    @cached_property
    def choices(self) -> pd.DataFrame:
        """How far each single choice moves the table: label, name, trusts_moved, places_mean, places_most, ..."""
        table = sensitivity.choice_effects(self.multiverse).dropna(subset="places_mean").reset_index()
        return table.assign(name=[self.told(label) for label in table["label"]])

    def told(self, label: str) -> str:
        """A choice in words: a metric by its description."""
        for metric_id in self.matrix[0].columns:
            label = label.replace(metric_id, f"“{self.metric_names[metric_id]}”")
        return label

    @cached_property
    def method(self) -> pd.DataFrame:
        """Range of ranks of each trust over all choices, in the order of the league table: `Multiverse.summary`, and
        single_best and single_worst, its range where at most one choice is not the published one."""
        universe = self.multiverse
        single = universe.ranks[(universe.choices["differs"] <= 1).to_numpy()]
        found = universe.summary.assign(
            moves_most=[self.told(one) for one in universe.summary["moves_most"]],
            single_best=np.nanmin(single, axis=0),
            single_worst=np.nanmax(single, axis=0),
        )
        return self.league.set_index("trust_code")[["trust_name"]].join(found).reset_index()

    @cached_property
    def shuffled(self) -> pd.DataFrame:
        """The randomisation check, most decisive metric first; see `sensitivity.shuffle_metrics`."""
        table = sensitivity.shuffle_metrics(self.setting, repeats=SHUFFLES).reset_index()
        table = table.assign(name=table["metric_id"].map(self.metric_names))
        return table.sort_values(["places", "metric_id"], ascending=[False, True]).reset_index(drop=True)

    @cached_property
    def association(self) -> Association | None:
        """How the covariate goes with the average score."""
        if self.covariate is None:
            return None
        averages = standing(self.view.national, self.view.quarter, self.view.trust_type)["average"]
        return sensitivity.covariate(self.covariate, averages)

    # --- for the folder of tables ---

    def tables(self) -> dict[str, pd.DataFrame]:
        """Every frame behind the briefing in full, by a short name for its file."""
        # The CSV writer takes a column that begins with "rank" for whole numbers.
        fractions = {"rankability": "index_of_rankability", "ranks_moved": "mean_ranks_moved"}
        frames = {
            "places": self.places,
            "reliability": self.reliability,
            "rank_correlations": self.correlations,
            "changes": self.change,
            "periods": self.periods,
            "in_quarter_ranking": self.in_quarter_ranks,
            "mergers": self.affected,
            "subtypes": self.subtypes,
            "method": self.method,
            "choices": self.choices,
            "shuffled": self.shuffled,
        }
        return {
            f"limits_{name}": frame.map(_joined).rename(columns=fractions)
            for name, frame in frames.items()
            if len(frame)
        }


def _joined(cell):
    """A cell of a CSV file: several names as one text."""
    return "; ".join(map(str, cell)) if isinstance(cell, tuple) else cell


def open_limits(view: View, covariate: str = "", column: str = "") -> Limits:
    """Open the limits of a view.

    Without a covariate they are computed once and kept with the view.

    Parameters
    ----------
    view : View
    covariate, column : str
        A CSV file of trust_code and a number, and the number's column; nothing for none.

    Raises
    ------
    InputError
        A file that cannot be used; every problem is listed.
    """
    mergers = mergers_of(view.national)
    if covariate:
        return Limits(view, mergers, read_covariate(covariate, column or None))
    return once(view, "_limits", lambda: Limits(view, mergers))


def limits_of(data: str | Path, quarter: str | None, trust_type: str) -> Limits:
    """Open a folder, a quarter and a trust type at once."""
    return open_limits(open_view(data, quarter, trust_type))
