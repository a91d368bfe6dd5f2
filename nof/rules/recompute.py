"""The national results of a publication, computed once and read by every briefing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from nof.common import InputError, Problem, Quarter
from nof.read.publication import Publication
from nof.rules import draft, ranking, scoring, uncertainty, unconfirmed
from nof.rules.framework import Framework

LEAGUE_COLUMNS = [
    "quarter",
    "trust_type",
    "rank",
    "trust_code",
    "trust_name",
    "trust_subtype",
    "region",
    "average_score",
    "average_low",
    "average_high",
    "segment_unadjusted",
    "segment",
    "in_deficit",
    "rank_low",
    "rank_high",
    "metrics_scored",
]


@dataclass(frozen=True, eq=False)
class National:
    """Recomputed scores, averages, segments and ranks of every quarter and trust type of a publication.

    Attributes
    ----------
    publication : Publication
    level : int
        1 = from published scores; 2 = from published values wherever a rule and a whole pool are at hand.
    scores : DataFrame
        As `scoring.published_scores`.
    standings : DataFrame
        quarter, trust_type, trust_code, average, metrics_scored, average_score, segment_unadjusted, in_deficit,
        edges_from, segment, rank, rank_by_average.
    """

    publication: Publication
    level: int
    scores: pd.DataFrame
    standings: pd.DataFrame

    @cached_property
    def domains(self) -> pd.DataFrame:
        """Domain scores, with the ids of the rules that know them: quarter ... domain, domain_score, metric_id."""
        ids = {(year, one.name): one.score_id for year, part in self._frameworks.items() for one in part.domains}
        table = scoring.domain_scores(self.scores)
        years = table["quarter"].map({quarter: _year(quarter) for quarter in self.publication.quarters})
        return table.assign(
            metric_id=[ids.get(key) for key in zip(years.to_numpy(), table["domain"].to_numpy(), strict=True)]
        )

    def published(self, metric_ids: Iterable[str], columns: list[str] | None = None) -> pd.DataFrame:
        """Rows of the metrics files with these ids, in the files' order; all columns, or those named."""
        metrics = self.publication.metrics if columns is None else self.publication.metrics[columns]
        held = [self._places[one] for one in metric_ids if one in self._places]
        return metrics.iloc[np.sort(np.concatenate(held))] if held else metrics.iloc[:0]

    @cached_property
    def _places(self) -> dict[str, np.ndarray]:
        return self.publication.metrics.groupby("metric_id").indices

    @cached_property
    def _frameworks(self) -> dict[str, Framework]:
        return {
            year: draft.rules(self.publication, year, tried=self.level == 1)
            for year in {_year(quarter) for quarter in self.publication.quarters}
        }

    def framework(self, quarter: str) -> Framework:
        """The rules of the year that a quarter belongs to."""
        return self._frameworks[_year(quarter)]


def recompute(publication: Publication, level: int = 2) -> National:
    """Recompute a publication from its published values (level 2) or its published scores (level 1).

    In a year without confirmed rules averages, segments and ranks are those published, and scores stay at level 1 (see
    `nof.rules.unconfirmed`). Level 1 tries the draft of such a year whole, for the reconciliation.
    """
    scores, standings = [], []
    for framework, metrics in _by_year(publication, tried=level == 1):
        from_values = level == 2 and not framework.draft
        found = (scoring.scores_from_values if from_values else scoring.recovered_scores)(metrics, framework)
        scores.append(found)
        placed = ranking.segmented(scoring.averages(found), metrics, framework)
        taken = framework.draft and level == 2
        standings.append(
            unconfirmed.as_published(placed, metrics, framework.summary) if taken else ranking.ranked(placed)
        )
    return National(publication, level, pd.concat(scores, ignore_index=True), pd.concat(standings, ignore_index=True))


def _year(quarter: str) -> str:
    return Quarter.parse(quarter).year_label


def _by_year(publication: Publication, tried: bool) -> Iterator[tuple[Framework, pd.DataFrame]]:
    metrics = publication.metrics
    years = {quarter: _year(quarter) for quarter in publication.quarters}
    for year, part in metrics.groupby(metrics["quarter"].map(years)):
        yield draft.rules(publication, year, tried=tried), part


def choose_quarter(publication: Publication, asked: str | None) -> str:
    """Slug of the quarter asked for (the latest by default); an unknown one is an error that lists the known."""
    if asked is None:
        return publication.latest
    known = f"one of {', '.join(publication.quarters)}"
    try:
        slug = Quarter.parse(asked).slug
    except ValueError as error:
        raise InputError(Problem("quarter", "is not a quarter", value=asked, expected=known)) from error
    if slug not in publication.quarters:
        raise InputError(Problem("quarter", "is not in this publication", value=asked, expected=known))
    return slug


def choose_type(publication: Publication, asked: str) -> str:
    """Slug of a trust type that the publication holds; anything else is an error that lists them."""
    if asked not in publication.trust_types:
        raise InputError(
            Problem(
                "trust type",
                "is not in this publication",
                value=asked,
                expected=f"one of {', '.join(publication.trust_types)}",
            )
        )
    return asked


def league(
    national: National, quarter: str, trust_type: str, draws: int = uncertainty.DRAWS, seed: int = uncertainty.SEED
) -> pd.DataFrame:
    """The recomputed league table of one trust type and quarter (the aggregated metric ranking), best first.

    Returns
    -------
    DataFrame
        quarter, trust_type, rank (1 is best), trust_code, trust_name, trust_subtype, region, average_score (1.00 is
        best), average_low, average_high (likely range), segment_unadjusted, segment, in_deficit, rank_low, rank_high
        (likely range of the rank), metrics_scored.
    """
    return league_with(national, quarter, trust_type, redrawn(national, quarter, trust_type, draws, seed))


def league_with(national: National, quarter: str, trust_type: str, drawn: uncertainty.Redraw | None) -> pd.DataFrame:
    """As `league`, from draws that were made before; without them ranks have no likely range."""
    table = standing(national, quarter, trust_type)
    scores, weights = scoring.matrix(select(national.scores, quarter, trust_type))
    table = table.join(uncertainty.likely_ranges(scores, weights))
    table = table.join(uncertainty.rank_ranges(drawn)) if drawn else table.assign(rank_low=np.nan, rank_high=np.nan)
    trusts = national.publication.trusts
    names = trusts[trusts["quarter"] == quarter].set_index("trust_code")
    table = table.join(names[["trust_name", "trust_subtype", "region"]]).reset_index()
    return table.sort_values(["rank", "average_score", "trust_code"])[LEAGUE_COLUMNS].reset_index(drop=True)


def select(frame: pd.DataFrame, quarter: str, trust_type: str) -> pd.DataFrame:
    """Rows of one quarter and trust type."""
    return frame[(frame["quarter"] == quarter) & (frame["trust_type"] == trust_type)]


def standing(national: National, quarter: str, trust_type: str) -> pd.DataFrame:
    """Rows of `National.standings` for one quarter and trust type, indexed by trust code."""
    return select(national.standings, quarter, trust_type).set_index("trust_code")


def edges(national: National, quarter: str) -> np.ndarray:
    """The three edges between unadjusted segments in a quarter (bracket middles where the pool is not whole)."""
    part = national.standings[national.standings["quarter"] == quarter]
    return ranking.edges_for(part, national.framework(quarter))


def redrawn(
    national: National, quarter: str, trust_type: str, draws: int = uncertainty.DRAWS, seed: int = uncertainty.SEED
) -> uncertainty.Redraw | None:
    """All trusts of a type redrawn together; None where the edges between segments, which decide ranks, cannot be told.

    Where no segment at all is published, ranks follow the average alone.
    """
    table = standing(national, quarter, trust_type)
    unknown = table["segment_unadjusted"].isna()
    if unknown.any() and not (unknown.all() and table["segment"].isna().all()):
        return None
    scores, weights = scoring.matrix(select(national.scores, quarter, trust_type))
    return uncertainty.redraw(
        scores,
        weights,
        edges(national, quarter),
        table["in_deficit"],
        national.framework(quarter).override.no_better_than,
        draws,
        seed,
    )
