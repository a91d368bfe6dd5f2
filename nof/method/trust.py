"""One trust in one quarter, as its board's briefing sees it: frames that are computed when first asked for.

What holds for a whole type (the league table, its limits) is computed once for a publication and kept with it, so that
205 briefings forked from one process share it: see `warm`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from nof.common import InputError, Problem, Quarter
from nof.method import contributions, improvement, lineage, peers
from nof.method.improvement import Movement, NextSegment
from nof.method.limits import Limits, open_limits
from nof.method.view import compared, mergers_of, once, open_publication, view_of
from nof.rules import reconcile, uncertainty
from nof.rules.recompute import National, choose_quarter, select

# --- What the briefings of all trusts share, computed once for a publication ---


@lru_cache(maxsize=4)
def score_rows(national: National) -> dict[str, np.ndarray]:
    """Positions of each trust's rows in `National.scores`."""
    return national.scores.groupby("trust_code").indices


@lru_cache(maxsize=4)
def domain_rows(national: National) -> dict[str, np.ndarray]:
    """Positions of each trust's rows in `National.domains`."""
    return national.domains.groupby("trust_code").indices


@lru_cache(maxsize=4)
def published_rows(national: National) -> dict[str, np.ndarray]:
    """Positions of each trust's rows in `Publication.metrics`."""
    return national.publication.metrics.groupby("trust_code").indices


@lru_cache(maxsize=4)
def compared_rows(national: National) -> dict[str, np.ndarray]:
    """Positions of each trust's rows in the reconciliation."""
    return compared(national.publication).groupby("trust_code").indices


@lru_cache(maxsize=16)
def medians(national: National, trust_type: str) -> pd.DataFrame:
    """Median score of a type: metrics (and "average") by quarters."""
    rows = national.scores[(national.scores["trust_type"] == trust_type) & (national.scores["weight"] > 0)]
    table = rows.groupby(["metric_id", "quarter"])["score"].median().unstack("quarter")
    ours = national.standings[national.standings["trust_type"] == trust_type]
    table.loc["average"] = ours.groupby("quarter")["average"].median()
    return table


@lru_cache(maxsize=64)
def domain_medians(national: National, trust_type: str, quarter: str) -> pd.Series:
    """Median domain score of a type in a quarter, on the domains."""
    return select(national.domains, quarter, trust_type).groupby("domain")["domain_score"].median()


# --- One trust in one quarter, as its board's briefing sees it: frames that are computed when first asked for ---


NEAR = 5  # like-for-like peers shown
LEVEL = 0.95
COMMON = 0.5  # share of the type's trusts with a metric above which its absence is worth a remark
FEW = 0.75  # of the median number of metrics over all trusts, at or below which a trust is scored on few
QUARTERS = 8  # most quarters that a trend shows
SUMMARY = {
    "OF5000.rank": "its place",
    "OF5000": "its segment",
    "OF5002": "its average",
    "OF5003": "its segment before the override",
}
# What a briefing asks of the limits of its trust's type, computed before the first one is made.
WARMED = (
    "places",
    "change",
    "excluded",
    "periods",
    "unmoved",
    "affected",
    "blanks",
    "surveys",
    "subtypes",
    "method",
    "paired",
)


@dataclass(frozen=True, eq=False)
class TrustView:
    """What is known of one trust in one quarter.

    Attributes
    ----------
    national : National
    quarter, code : str
        Slug, and trust code.
    limits : Limits or None
        The limits of its type's league table; None where the trust has no place in the quarter's table.
    mergers : DataFrame
        As `lineage.read_mergers`.
    """

    national: National
    quarter: str
    code: str
    limits: Limits | None = field(repr=False)
    mergers: pd.DataFrame = field(repr=False)

    # --- who it is ---

    @property
    def stands(self) -> bool:
        """Whether the trust has a place in this quarter's table."""
        return self.limits is not None

    @property
    def label(self) -> str:
        """The quarter in words: "Q4 2025/26"."""
        return Quarter.parse(self.quarter).label

    @cached_property
    def listed(self) -> pd.DataFrame:
        """The trust's rows of `Publication.trusts`, oldest first."""
        trusts = self.national.publication.trusts
        return trusts[trusts["trust_code"] == self.code].sort_values("quarter")

    @cached_property
    def name(self) -> str:
        """Its name in this quarter, or else in the nearest one that has it."""
        upto = self.listed[self.listed["quarter"] <= self.quarter]
        return (upto.iloc[-1] if len(upto) else self.listed.iloc[0])["trust_name"]

    @property
    def trust_type(self) -> str:
        """Slug of its type."""
        return self.listed["trust_type"].iloc[-1] if self.limits is None else self.limits.view.trust_type

    @cached_property
    def place(self) -> dict:
        """Its row of `Limits.places`: rank, average, likely ranges, segments, confidence set, chances."""
        return _one(self.limits.places, self.code)

    @property
    def trusts(self) -> int:
        """Trusts in its table."""
        return len(self.limits.league)

    @property
    def held(self) -> bool:
        """The financial override holds it in a worse segment than its average gives."""
        return bool(self.place["segment"] > self.place["segment_unadjusted"])

    @cached_property
    def final_segment(self) -> int | None:
        """Segment that NHS England set after looking at capability (OF5005), where that differs from the league's."""
        rows = self._published
        found = rows.loc[rows["metric_id"] == "OF5005", "value"].dropna()
        own = self.place["segment"]
        return int(found.iloc[0]) if len(found) and found.iloc[0] != own else None

    @cached_property
    def _published(self) -> pd.DataFrame:
        rows = self.national.publication.metrics
        rows = rows.iloc[published_rows(self.national).get(self.code, [])]
        return rows[rows["quarter"] == self.quarter]

    @cached_property
    def recomputed(self) -> pd.DataFrame:
        """Its published figures beside ours, each once: rows of `reconcile.compare`, and equal (bool)."""
        rows = compared(self.national.publication)
        rows = rows.iloc[compared_rows(self.national).get(self.code, [])]
        rows = rows[(rows["quarter"] == self.quarter) & ~rows["rule"].str.endswith(".grid")]
        return rows.assign(equal=reconcile.equal(rows)).sort_values("level").drop_duplicates("rule", keep="last")

    @property
    def figures(self) -> tuple[int, int]:
        """How many published figures of this trust and quarter were recomputed, and how many came out equal."""
        return len(self.recomputed), int(self.recomputed["equal"].sum())

    @property
    def unequal(self) -> list[str]:
        """Which of place, average and segments are not what was published, in words."""
        missed = set(self.recomputed.loc[~self.recomputed["equal"], "rule"])
        return [name for rule, name in SUMMARY.items() if rule in missed]

    # --- where the score comes from ---

    @cached_property
    def contributions(self) -> pd.DataFrame:
        """As `contributions.contributions`."""
        return contributions.contributions(self.national, self.quarter, self.code)

    @cached_property
    def median_average(self) -> float:
        """Average that the median trust of the type would have on this trust's metrics."""
        return float(self.goal.average - self.contributions["contribution"].sum())

    @cached_property
    def quarters(self) -> list[str]:
        """The quarters up to this one in which the trust has a score, oldest first, at most `QUARTERS`."""
        held = self._every_score["quarter"].unique()
        return sorted(one for one in held if one <= self.quarter)[-QUARTERS:]

    @cached_property
    def standings(self) -> pd.DataFrame:
        """Its rows of `National.standings`, on the quarters of `quarters`."""
        rows = self.national.standings
        return rows[rows["trust_code"] == self.code].set_index("quarter").reindex(self.quarters)

    @cached_property
    def _every_score(self) -> pd.DataFrame:
        return self.national.scores.iloc[score_rows(self.national).get(self.code, [])]

    @cached_property
    def scores(self) -> pd.DataFrame:
        """Metric scores by quarter: metrics in the order of `contributions` by quarters, NaN where not scored."""
        rows = self._every_score[self._every_score["weight"] > 0]
        wide = rows.pivot(index="metric_id", columns="quarter", values="score")
        return wide.reindex(index=self.contributions["metric_id"], columns=self.quarters)

    @cached_property
    def medians(self) -> pd.DataFrame:
        """The median score of the type's trusts on the same metrics and quarters, and on "average"."""
        table = medians(self.national, self.trust_type)
        return table.reindex(index=["average", *self.scores.index], columns=self.quarters)

    @cached_property
    def domains(self) -> pd.DataFrame:
        """Domain scores by quarter, on the domains, and "median": of the type in this quarter."""
        rows = self.national.domains.iloc[domain_rows(self.national).get(self.code, [])]
        wide = rows.pivot(index="domain", columns="quarter", values="domain_score").reindex(columns=self.quarters)
        middle = domain_medians(self.national, self.trust_type, self.quarter)
        return wide.assign(median=middle.reindex(wide.index)).dropna(subset=[self.quarter])

    # --- what changed ---

    @cached_property
    def change(self) -> dict | None:
        """Its row of `volatility.changes` since the quarter before; None where there is none to compare with."""
        table = self.limits.change
        return _one(table, self.code) if len(table) and self.code in set(table["trust_code"]) else None

    @property
    def previous(self) -> str | None:
        """Slug of the quarter before, where the publication holds it."""
        return self.limits.view.previous_quarter

    @cached_property
    def before(self) -> dict | None:
        """Its standing in the quarter before."""
        rows = self.standings
        return rows.loc[self.previous].to_dict() if self.previous in rows.index else None

    @cached_property
    def why_not_compared(self) -> str | None:
        """Why the quarter before is no comparison; None where it is one, or where there is no such quarter."""
        table = self.limits.excluded
        found = table.loc[table["trust_code"] == self.code, "reason"]
        return found.iloc[0] if len(found) else None

    # --- what it would take ---

    @cached_property
    def goal(self) -> NextSegment:
        """As `improvement.next_segment`."""
        return improvement.next_segment(self.national, self.quarter, self.code)

    @cached_property
    def steps(self) -> pd.DataFrame:
        """As `improvement.steps`."""
        return improvement.steps(self.national, self.quarter, self.code)

    @cached_property
    def sets(self) -> pd.DataFrame:
        """As `improvement.smallest_sets`."""
        return improvement.smallest_sets(self.national, self.quarter, self.code)

    @cached_property
    def others(self) -> Movement:
        """As `improvement.movement_of_others`."""
        return improvement.movement_of_others(self.national, self.quarter, self.code)

    # --- how firm it is ---

    @cached_property
    def chances(self) -> pd.DataFrame | None:
        """Chance of each segment (the index) by the average and after the override; None where not known."""
        drawn = self.limits.view.redrawn
        if drawn is None:
            return None
        by_average = once(drawn, "_unadjusted", lambda: uncertainty.segment_chances(drawn, adjusted=False))
        after = [self.place[f"chance_{segment}"] for segment in (1, 2, 3, 4)]
        return pd.DataFrame({"by_average": by_average.loc[self.code], "after": after}, index=[1, 2, 3, 4])

    @cached_property
    def method(self) -> dict:
        """Its row of `Limits.method`: the range of its places over all defensible choices."""
        return _one(self.limits.method, self.code)

    @cached_property
    def periods(self) -> pd.DataFrame:
        """The period of each of its own metrics: rows of `Limits.periods`, the oldest last."""
        table = self.limits.periods
        own = table[table["metric_id"].isin(self.contributions["metric_id"])]
        return own.drop_duplicates("metric_id", keep="last")

    @property
    def old(self) -> pd.DataFrame:
        """Its metrics whose data end before the quarter begins."""
        first = pd.Timestamp(Quarter.parse(self.quarter).first_day)
        return self.periods[self.periods["last_day"] < first]

    @cached_property
    def unmoved(self) -> tuple[str, ...]:
        """Descriptions of its metrics whose period is that of the quarter before."""
        still = self.limits.unmoved or ()
        own = self.contributions.set_index("metric_id")["description"]
        return tuple(own[one] for one in own.index if one in still)

    @cached_property
    def missing(self) -> pd.DataFrame:
        """Metrics that most of its type are scored on and it is not: metric_id, description, trusts, and merger (bool:
        its window spans a merger of the trust)."""
        metrics = self.limits.view.metrics
        most = metrics[
            (metrics["trusts"] > COMMON * self.trusts) & ~metrics["metric_id"].isin(self.contributions["metric_id"])
        ]
        blank = self.limits.blanks
        numbers = set(blank.loc[blank["trust_code"] == self.code, "metric_id"].str[3:]) if len(blank) else set()
        return most[["metric_id", "description", "trusts"]].assign(merger=most["metric_id"].str[3:].isin(numbers))

    @property
    def few(self) -> float | None:
        """Median number of metrics over all trusts, if this trust is scored on few beside that."""
        rows = self.national.standings
        middle = float(rows.loc[rows["quarter"] == self.quarter, "metrics_scored"].median())
        return middle if self.place["metrics_scored"] <= FEW * middle else None

    @property
    def events(self) -> pd.DataFrame:
        """Mergers that touch the trust; see `lineage.affected`."""
        table = self.limits.affected
        return table[table["trust_code"] == self.code]

    @property
    def surveys(self) -> tuple[str, ...]:
        """Surveys that end before, or span, the last merger into the trust."""
        table = self.limits.surveys
        return tuple(table.loc[table["trust_code"] == self.code, "description"])

    # --- like for like ---

    @cached_property
    def subtype(self) -> dict:
        """Its row of `Limits.subtypes`: rank within its subtype."""
        return _one(self.limits.subtypes, self.code)

    @cached_property
    def near(self) -> pd.DataFrame:
        """The peers most like it in what they are scored on.

        Returns
        -------
        DataFrame
            The trust first, then its peers, nearest first: trust_code, trust_name, rank, average_score, segment,
            metrics, shared, in_common, difference (this trust less the peer, on shared metrics; negative: this trust is
            better), low and high (95% range of the difference; NaN where it cannot be told).
        """
        league = self.limits.league.set_index("trust_code")
        table = peers.peers(self.code, self.limits.matrix[0], league["trust_subtype"], NEAR)
        paired = self.limits.paired
        difference, error, freedom = (
            part.loc[self.code, table.index] for part in (paired.difference, paired.standard_error, paired.freedom)
        )
        with np.errstate(invalid="ignore"):
            reach = error.where((error > 0) & (freedom > 0)) * stats.t.ppf((1 + LEVEL) / 2, freedom)
        table = table.assign(difference=difference, low=difference - reach, high=difference + reach)
        own = pd.DataFrame({"metrics": [int(self.place["metrics_scored"])]}, index=[self.code])
        shown = league[["trust_name", "rank", "average_score", "segment"]]
        return pd.concat([own, table]).join(shown).rename_axis("trust_code").reset_index()

    # --- where there is no place in the table ---

    @cached_property
    def last_stood(self) -> dict | None:
        """Its standing in the last quarter before this one in which it had a place, and how many trusts there were."""
        rows = self.national.standings
        own = rows[(rows["trust_code"] == self.code) & (rows["quarter"] < self.quarter)].sort_values("quarter")
        if own.empty:
            return None
        row = own.iloc[-1].to_dict()
        return row | {"trusts": len(select(rows, row["quarter"], row["trust_type"]))}

    @cached_property
    def first_listed_after(self) -> str | None:
        """The first later quarter in which it is listed, if it is in no earlier one."""
        after = self.listed[self.listed["quarter"] > self.quarter]
        upto = self.listed[self.listed["quarter"] <= self.quarter]
        return after["quarter"].iloc[0] if len(after) and upto.empty else None

    @cached_property
    def carried_by(self) -> pd.DataFrame:
        """The trusts that carry its services on the quarter's last day: trust_code, trust_name, rank (NaN where they
        have no place), trust_type. No rows where no merger is known."""
        on = Quarter.parse(self.quarter).last_day
        codes = sorted(lineage.lineage(self.code, on, self.mergers) - {self.code})
        rows = self.national.standings
        places = rows[rows["quarter"] == self.quarter].set_index("trust_code")[["rank", "trust_type"]]
        known = self.mergers.drop_duplicates("successor_code").set_index("successor_code")["successor_name"]
        trusts = self.national.publication.trusts.sort_values("quarter").drop_duplicates("trust_code", keep="last")
        names = trusts.set_index("trust_code")["trust_name"].reindex(codes).fillna(known.reindex(codes))
        return names.to_frame().join(places).rename_axis("trust_code").reset_index()

    @cached_property
    def ended(self) -> pd.Timestamp | None:
        """The day on which a merger ended it, where one is known by the quarter's last day."""
        on = pd.Timestamp(Quarter.parse(self.quarter).last_day)
        rows = self.mergers[(self.mergers["predecessor_code"] == self.code) & (self.mergers["effective_date"] <= on)]
        return rows["effective_date"].max() if len(rows) else None


def _one(table: pd.DataFrame, code: str) -> dict:
    """The row of one trust."""
    return table.iloc[int(np.flatnonzero(table["trust_code"].to_numpy() == code)[0])].to_dict()


def trust_of(national: National, quarter: str, code: str) -> TrustView:
    """The view of one trust, whether it has a place in the quarter's table or not.

    Raises
    ------
    InputError
        A code that the publication holds in no quarter.
    """
    known = set(national.publication.trusts["trust_code"])
    if code not in known:
        raise InputError(
            Problem("trust", "is not in this publication", value=code, expected=f"one of its {len(known)} trust codes")
        )
    rows = national.standings[national.standings["quarter"] == quarter]
    kinds = rows.loc[rows["trust_code"] == code, "trust_type"]
    limits = open_limits(view_of(national, quarter, kinds.iloc[0])) if len(kinds) else None
    return TrustView(national, quarter, code, limits, mergers_of(national))


def open_trust(data: str | Path, quarter: str | None, trust: str) -> TrustView:
    """Open one trust in one quarter of the publication in a folder."""
    national = open_publication(data)
    return trust_of(national, choose_quarter(national.publication, quarter), trust)


def warm(national: National, quarter: str, trust_types: Iterable[str]) -> None:
    """Compute everything that the briefings of a type's trusts share, once, before processes are forked."""
    for trust_type in trust_types:
        standing = select(national.standings, quarter, trust_type)
        if standing.empty:
            continue
        trust = trust_of(national, quarter, standing["trust_code"].iloc[0])
        for name in WARMED:
            getattr(trust.limits, name)
        for name in ("contributions", "steps", "sets", "others", "chances", "medians", "domains", "recomputed", "near"):
            getattr(trust, name)
