"""One trust type in one quarter, as the notebooks see it: frames that are computed when first asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from nof.common import InputError, Problem, Quarter, kept
from nof.method.lineage import not_comparable
from nof.method.opening import at_level, findings_of, mergers_of, open_publication, reconciliation
from nof.method.ranges import with_published
from nof.method.timeliness import dated
from nof.read import findings, store
from nof.read.publication import Publication
from nof.rules import ranking, scoring
from nof.rules.framework import Framework, Metric, value_id
from nof.rules.recompute import (
    National,
    choose_quarter,
    choose_type,
    edges,
    league_with,
    redrawn,
    select,
    standing,
)
from nof.rules.short_names import short_name
from nof.rules.uncertainty import DRAWS, SEED, Redraw


@dataclass(frozen=True)
class View:
    """What is known of one trust type in one quarter.

    Attributes
    ----------
    national : National
        The results of the whole publication, computed once.
    quarter, trust_type : str
        Slugs.
    draws, seed : int
        Of the redraws behind the likely range of the rank.
    """

    national: National
    quarter: str
    trust_type: str
    draws: int = DRAWS
    seed: int = SEED

    @property
    def publication(self) -> Publication:
        """What NHS England published."""
        return self.national.publication

    @property
    def framework(self) -> Framework:
        """The rules of the quarter's year."""
        return self.national.framework(self.quarter)

    @property
    def previous_quarter(self) -> str | None:
        """Slug of the quarter before, if the publication holds it."""
        before = Quarter.parse(self.quarter).previous.slug
        return before if before in self.publication.quarters else None

    @property
    def gap(self) -> str:
        """Why there is no quarter before to compare with, as a clause; empty where there is one.

        "no earlier quarter" is said only where there is none: a quarter that is missing in between is named.
        """
        if self.previous_quarter:
            return ""
        before = Quarter.parse(self.quarter).previous.label
        earlier = [one for one in self.publication.quarters if one < self.quarter]
        if not earlier:
            return f"these files hold no quarter before {Quarter.parse(self.quarter).label}"
        return f"{before} is not in these files; the last one held is {Quarter.parse(earlier[-1]).label}"

    @property
    @store.frame
    def league(self) -> pd.DataFrame:
        """The recomputed league table, with NHS England's own likely ranges where it published them; see
        `recompute.league` and `ranges.with_published`."""
        table = league_with(self.national, self.quarter, self.trust_type, self.redrawn)
        return with_published(table, select(self.publication.league, self.quarter, self.trust_type))

    @property
    @kept
    def redrawn(self) -> Redraw | None:
        """All trusts of the type redrawn together; see `recompute.redrawn`."""
        return redrawn(self.national, self.quarter, self.trust_type, self.draws, self.seed)

    @property
    @kept
    def edges(self) -> np.ndarray:
        """The three edges between unadjusted segments; see `recompute.edges`."""
        return edges(self.national, self.quarter)

    @property
    @kept
    def scores(self) -> pd.DataFrame:
        """Metric scores of the type and quarter."""
        return select(self.national.scores, self.quarter, self.trust_type)

    @property
    @kept
    def movement(self) -> pd.DataFrame:
        """The league table beside the quarter before.

        Returns
        -------
        DataFrame
            trust_code, trust_name, rank, rank_before, places (positive: moved up), average_score, average_before,
            segment, segment_before, not_comparable (a merger lies between the two quarters; such a trust, and one
            without a place in both quarters, has missing places).
        """
        columns = ["rank", "average_score", "segment"]
        before = (
            standing(self.national, self.previous_quarter, self.trust_type)
            if self.previous_quarter
            else (standing(self.national, self.quarter, self.trust_type).iloc[:0])
        )
        names = {"rank": "rank_before", "average_score": "average_before", "segment": "segment_before"}
        table = self.league.set_index("trust_code")[["trust_name", *columns]].join(
            before[columns].rename(columns=names)
        )
        broken = table.index.isin(self._merged_since(self.previous_quarter))
        places = (table["rank_before"] - table["rank"]).mask(broken)
        return table.assign(places=places, not_comparable=broken).reset_index()

    def _merged_since(self, before: str | None) -> list[str]:
        if before is None:
            return []
        events = not_comparable(self.publication.trusts, before, self.quarter, mergers_of(self.national))
        return events["trust_code"].tolist()

    @property
    @kept
    def domains(self) -> pd.DataFrame:
        """Domain scores as a table: trust_code, trust_name, rank, segment, then one column a domain (1.00 is best)."""
        rows = select(self.national.domains, self.quarter, self.trust_type)
        wide = rows.pivot(index="trust_code", columns="domain", values="domain_score")
        keys = self.league.set_index("trust_code")[["trust_name", "rank", "segment"]]
        return keys.join(wide).reset_index()

    @property
    @kept
    def score_map(self) -> pd.DataFrame:
        """Metric scores as a table: trust_code, trust_name, rank, then one column a score id (1.00 is best)."""
        wide, _ = scoring.matrix(self.scores)
        keys = self.league.set_index("trust_code")[["trust_name", "rank"]]
        return keys.join(scoring.round_half_up(wide)).reset_index()

    @property
    @kept
    def metrics(self) -> pd.DataFrame:
        """The scored metrics of the type: metric_id (of the score), description, short_name, domain, trusts, reporting_date,
        better, shape, pool, certainty (as the rules say; "unknown" where they do not)."""
        rows = self._rows
        rows = rows[rows["metric_id"].isin(self.scores.loc[self.scores["weight"] > 0, "metric_id"].unique())]
        facts = (
            rows.groupby("metric_id")
            .agg(
                description=("description", "first"),
                domain=("domain", "first"),
                trusts=("trust_code", "nunique"),
                reporting_date=("reporting_date", "first"),
            )
            .reset_index()
        )
        year = Quarter.parse(self.quarter).year_label
        facts["short_name"] = [
            short_name(one.description, year, value_id(one.metric_id), one.metric_id)
            for one in facts.itertuples(index=False)
        ]
        rules = [self.framework.by_score.get(one) for one in facts["metric_id"]]
        for field in ("better", "shape", "pool", "certainty"):
            facts[field] = [getattr(rule, field) if rule else "unknown" for rule in rules]
        return facts.sort_values(["domain", "metric_id"]).reset_index(drop=True)

    def ranking(self, metric_id: str) -> pd.DataFrame:
        """The individual metric ranking behind a score id.

        Returns
        -------
        DataFrame
            rank, trust_code, trust_name, value (NaN where only a score is published), units, score (2 decimals),
            median, lower_quartile, upper_quartile, reporting_date; best first.
        """
        scores = self.scores[self.scores["metric_id"] == metric_id].set_index("trust_code")
        scores = scoring.round_half_up(scores["score"]).rename("score").to_frame()
        ranked = self._ranked_values(metric_id).set_index("trust_code")
        trusts = self.publication.trusts  # not those of the league table, which is drawn 10,000 times when asked for
        names = trusts[trusts["quarter"] == self.quarter].set_index("trust_code")["trust_name"]
        table = scores.join(ranked, how="outer").join(names, how="left").reset_index()
        return table.sort_values(["rank", "score", "trust_code"]).reset_index(drop=True)

    def _ranked_values(self, metric_id: str) -> pd.DataFrame:
        columns = [
            "rank",
            "trust_code",
            "value",
            "units",
            "median",
            "lower_quartile",
            "upper_quartile",
            "reporting_date",
        ]
        rule = self.framework.by_score.get(metric_id) or _as_published(metric_id)
        if rule.better == "unknown" or rule.value_id == "not published":
            rows = scoring.value_rows(self._rows, rule.model_copy(update={"value_id": value_id(metric_id)}))
            return rows[columns]
        return ranking.metric_ranking(self._rows, rule, self.quarter)[columns]

    @property
    @kept
    def _rows(self) -> pd.DataFrame:
        return select(self.publication.metrics, self.quarter, self.trust_type)

    @property
    @kept
    def reproduced(self) -> tuple[int, int]:
        """How many published figures of this type and quarter were compared, and how many came out equal."""
        summary = select(reconciliation(self.national), self.quarter, self.trust_type)
        return int(summary["published"].sum()), int(summary["reproduced"].sum())


def _as_published(metric_id: str) -> Metric:
    """A metric that no rules file knows: its ranks are taken as published."""
    return Metric(
        value_id=value_id(metric_id),
        score_id=metric_id,
        name=metric_id,
        domain="unknown",
        sub_domain="unknown",
        better="unknown",
        shape="not recomputable",
        pool="unknown",
        source="the publication",
        certainty="unknown",
    )


def odd(view: View, metric_id: str | None = None) -> pd.DataFrame:
    """What is odd in the files and concerns one type and quarter, and a metric if one is given.

    `findings.words` gives its sentences, `findings.listing` a table.
    """
    return findings.concerning(findings_of(view.national), view.quarter, view.trust_type, metric_id=metric_id)


def open_view(data: str | Path, quarter: str | None, trust_type: str, level: int = 2) -> View:
    """Open one trust type in one quarter of the publication in a folder.

    `level`: 1 for the published scores, 2 for scores from values where the rules allow; see `opening.at_level`.
    """
    national = at_level(open_publication(data), level)
    return view_of(
        national, choose_quarter(national.publication, quarter), choose_type(national.publication, trust_type)
    )


@kept
def view_of(national: National, quarter: str, trust_type: str) -> View:
    """The one view of a trust type and quarter: what it has computed is there for the next who asks."""
    return View(national, quarter, trust_type)


WARMED = ("league", "edges", "scores", "movement", "domains", "score_map", "metrics", "reproduced")


def warm(view: View) -> None:
    """Compute everything that a view can tell, so that forked copies and kernels find it ready."""
    for name in WARMED:
        getattr(view, name)


def named_metric_ranking(national: National, metric_id: str, quarter: str | None = None) -> pd.DataFrame:
    """The individual metric ranking of every trust type, with names.

    Parameters
    ----------
    metric_id : str
        Id of the value (OF0005) or of its score (OF1005).

    Returns
    -------
    DataFrame
        quarter, trust_type, metric_id, rank (1 is best), trust_code, trust_name, value, units, median, lower_quartile,
        upper_quartile, reporting_date, first_day, last_day (of the period that the value measures).

    Raises
    ------
    InputError
        The publication has no values of this metric in the quarter; those that it has are listed.
    """
    publication = national.publication
    slug = choose_quarter(publication, quarter)
    wanted = value_id(metric_id) if metric_id[2:3] == "1" else metric_id
    rules = national.framework(slug)  # where nobody has confirmed them, ranks are the published ones
    known = {value: rule for value, rule in rules.by_value.items() if rules.draft or rule.better != "unknown"}
    parts = [_one_ranking(national, slug, known[wanted])] if wanted in known else []
    if not parts or parts[0].empty:
        held = sorted(set(publication.metrics["metric_id"]) & set(known))
        raise InputError(
            Problem(
                "metric",
                "has no ranking in this publication and quarter",
                value=metric_id,
                expected=f"one of {', '.join(held)}",
            )
        )
    return parts[0]


def _one_ranking(national: National, quarter: str, rule: Metric) -> pd.DataFrame:
    trusts = national.publication.trusts
    names = trusts[trusts["quarter"] == quarter].set_index("trust_code")["trust_name"]
    metrics = national.publication.metrics
    if rule.better == "unknown":
        table = scoring.value_rows(metrics[metrics["quarter"] == quarter], rule).sort_values(["trust_type", "rank"])
    else:
        table = ranking.metric_ranking(metrics, rule, quarter)
    table = table.assign(metric_id=rule.value_id, trust_name=table["trust_code"].map(names))
    table = table[
        [
            "quarter",
            "trust_type",
            "metric_id",
            "rank",
            "trust_code",
            "trust_name",
            "value",
            "units",
            "median",
            "lower_quartile",
            "upper_quartile",
            "reporting_date",
        ]
    ]
    return dated(table)
