"""The facts of a trust's own newer values, and of how far off such answers were in the quarters that are known."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from nof import common
from nof.common import InputError, Problem, Quarter
from nof.method import nowcast as method
from nof.method.facts import Facts, fact
from nof.method.nowcast import HELD, NEW, Nowcast
from nof.method.opening import open_publication
from nof.read.own_values import read_own_values
from nof.rules import recompute, scoring

BACKTEST = "nowcast-backtest.json"
ALL = "all"
TABLE_COLUMNS = [
    "trust_code", "quarter", "measure", "description", "units", "published_value", "published_period", "own_value",
    "own_period", "published", "still", "low", "high", "level", "state", "why",
]  # fmt: skip
BACKTEST_COLUMNS = [
    "step", "learned", "trusts", "average_error", "average_naive", "average_inside", "place_error", "place_naive",
    "place_inside",
]  # fmt: skip


def open_nowcast(
    data: str | Path, quarter: str | None, trust: str, own_values: str | Path, level: float = method.LEVEL
) -> Nowcast:
    """Read a publication and a trust's own values, and place them; see `nof.method.nowcast.nowcast`.

    Parameters
    ----------
    data : str or Path
        Folder of the publication.
    quarter : str, optional
        The latest if not given.
    trust : str
        Code; small letters are taken.
    own_values : str or Path
        CSV file with the header metric_id,value,period.
    """
    national = open_publication(data)
    chosen, code = recompute.choose_quarter(national.publication, quarter), trust.strip().upper()
    own = read_own_values(own_values, method.taken(national, chosen, code))
    if not 0.5 <= level < 1:
        raise InputError(Problem("level", "is not a share", value=str(level), expected="0.5 or more, less than 1"))
    return method.nowcast(national, chosen, code, own, level)


@dataclass(frozen=True)
class NowcastFacts(Facts):
    """A trust's own newer values in the last published distribution."""

    trust_name: str = fact("The trust")
    trust_type: str = fact("Its type")
    quarter: str = fact("The published quarter that its values are placed in")
    trusts: int = fact("Trusts in the league table", "trusts")
    own: int = fact("Metrics in the average that rest on the trust's own values", "metrics")
    added: tuple[str, ...] = fact("Metrics that the trust was not scored on, taken in since it gave a value")
    held: tuple[str, ...] = fact("Metrics held as published")
    average_before: float = fact("Published average", "points", direction="1.00 is best", digits=2)
    average: float = fact("Average if all others stand still", "points", direction="1.00 is best", digits=2)
    likely_low: float = fact("Better end of NHS England's likely range of that average", "points", digits=2)
    likely_high: float = fact("Worse end of NHS England's likely range of that average", "points", digits=2)
    segment_before: int | None = fact("Published segment")
    segment: int | None = fact("Segment if all others stand still")
    place_before: float = fact("Published place", "places", direction="1 is best", digits=0)
    place: float = fact("Place if all others stand still", "places", direction="1 is best", digits=0)
    in_deficit: bool = fact("Whether the published deficit flag, which is held, keeps it in segment 3 or worse")
    level: float = fact("Share of futures inside the ranges", "share of 1")
    average_low: float | None = fact("Better end of the range of the average if all move", "points", digits=2)
    average_high: float | None = fact("Worse end of the range of the average if all move", "points", digits=2)
    place_low: float | None = fact("Better end of the range of the place if all move", "places", digits=0)
    place_high: float | None = fact("Worse end of the range of the place if all move", "places", digits=0)
    likeliest: int | None = fact("Segment in most futures")
    likeliest_share: float | None = fact("Share of futures in that segment", "share of 1")
    steps: int = fact("Earlier steps from quarter to quarter that futures are drawn from", "steps")
    next_year: bool = fact("Whether the next quarter belongs to another framework year, whose method may be another")

    @property
    def change(self) -> float:
        """How far the average moves if all others stand still; below 0 is better."""
        return round(self.average - self.average_before, 2)


def nowcast_facts(found: Nowcast) -> NowcastFacts:
    """The facts of a nowcast."""
    table, spread = found.metrics, found.spread
    quarter = Quarter.parse(found.quarter)
    known = spread is not None and np.isfinite(spread.rank_low)
    chances = spread.segments if spread is not None else pd.Series(dtype=float)
    return NowcastFacts(
        trust_name=found.trust_name,
        trust_type=found.trust_type,
        quarter=found.quarter,
        trusts=found.trusts,
        own=int((table["state"] != HELD).sum()),
        added=tuple(table.loc[table["state"] == NEW, "description"]),
        held=tuple(table.loc[table["state"] == HELD, "description"]),
        average_before=float(scoring.round_half_up(found.published.average)),
        average=float(scoring.round_half_up(found.still.average)),
        likely_low=found.still.average_low,
        likely_high=found.still.average_high,
        segment_before=found.published.segment,
        segment=found.still.segment,
        place_before=found.published.rank,
        place=found.still.rank,
        in_deficit=found.in_deficit,
        level=spread.level if spread else method.LEVEL,
        average_low=spread.average_low if spread else None,
        average_high=spread.average_high if spread else None,
        place_low=spread.rank_low if spread and known else None,
        place_high=spread.rank_high if spread and known else None,
        likeliest=int(chances.idxmax()) if len(chances) else None,
        likeliest_share=float(chances.max()) if len(chances) else None,
        steps=len(spread.steps) if spread else 0,
        next_year=quarter.next.year_label != quarter.year_label,
    )


def as_frame(found: Nowcast) -> pd.DataFrame:
    """A nowcast as one table, for a CSV file: average, place and segment, then a row a metric.

    Returns
    -------
    DataFrame
        trust_code, quarter, measure ("average", "place", "segment" or the id of a score), description, units,
        published_value, published_period, own_value, own_period, published (average, place, segment or score), still (the
        same if all others stand still), low, high (range if all move; the low end is better), level (of that range),
        state, why.
    """
    facts = nowcast_facts(found)
    whole = pd.DataFrame(
        {
            "measure": ["average", "place", "segment"],
            "description": ["Average metric score", "Place in the league table", "Segment after the override"],
            "published": [facts.average_before, facts.place_before, facts.segment_before],
            "still": [facts.average, facts.place, facts.segment],
            "low": [facts.average_low, facts.place_low, None],
            "high": [facts.average_high, facts.place_high, None],
            "level": [facts.level, facts.level, None],
        }
    )
    names = {"metric_id": "measure", "value": "own_value", "period": "own_period"}
    metrics = found.metrics.rename(columns=names).assign(
        published=scoring.round_half_up(found.metrics["published_score"]),
        still=scoring.round_half_up(found.metrics["score"]),
    )
    parts = [part.reindex(columns=TABLE_COLUMNS).astype(object) for part in (whole, metrics)]
    table = pd.concat(parts, ignore_index=True).assign(trust_code=found.trust_code, quarter=found.quarter)
    numbers = ["published_value", "own_value", "published", "still", "low", "high", "level"]
    return table.astype(dict.fromkeys(numbers, float))


def summary(facts: NowcastFacts) -> list[str]:
    """A nowcast in a few lines, for a terminal."""
    lines = [
        f"{facts.trust_name}: average {facts.average_before:.2f} published in {facts.quarter}, {facts.average:.2f} with "
        f"{facts.own} metrics at own values, all others standing still"
    ]
    if facts.segment is not None:
        lines.append(
            f"place {facts.place_before:.0f} of {facts.trusts}, now {facts.place:.0f}; segment {facts.segment_before}, "
            f"now {facts.segment}"
        )
    if facts.average_low is not None:
        place = "" if facts.place_low is None else f", place {facts.place_low:.0f} to {facts.place_high:.0f}"
        lines.append(
            f"{facts.level:.0%} of futures: average {facts.average_low:.2f} to {facts.average_high:.2f}{place}"
        )
    else:
        lines.append("no range: no two quarters in a row of one framework year are held")
    if facts.held:
        lines.append(f"held as published: {'; '.join(facts.held)}")
    return lines


# --- how far off such answers were ---


@dataclass(frozen=True)
class BacktestFacts(Facts):
    """How far off nowcasts of a trust type were, played again on NHS England's own files."""

    played: int = fact("Answers played again: trusts times steps", "answers", source="bench/nowcast.py")
    steps: int = fact("Steps from one quarter to the next", "steps", source="bench/nowcast.py")
    average_error: float | None = fact("Mean error of the average", "points", digits=2, source="bench/nowcast.py")
    average_naive: float | None = fact('The same of "as last quarter"', "points", digits=2, source="bench/nowcast.py")
    place_error: float | None = fact("Mean error of the place", "places", digits=1, source="bench/nowcast.py")
    place_naive: float | None = fact('The same of "as last quarter"', "places", digits=1, source="bench/nowcast.py")
    average_inside: float | None = fact("Share of averages inside the range", "share of 1", source="bench/nowcast.py")
    place_inside: float | None = fact("Share of places inside the range", "share of 1", source="bench/nowcast.py")
    least_inside: float | None = fact("The same of averages in the worst step", "share of 1", source="bench/nowcast.py")
    most_inside: float | None = fact("The same of averages in the best step", "share of 1", source="bench/nowcast.py")
    level: float = fact("Share that the range is meant to hold", "share of 1", source="bench/nowcast.py")


def backtest(trust_type: str) -> pd.DataFrame:
    """The backtest of a trust type, a row a step and one of all; empty where no real files of the type were at hand.

    Returns
    -------
    DataFrame
        step (slug of the later quarter, or "all"), learned ("earlier" or "later": the steps that the range was drawn
        from), trusts, average_error, average_naive, average_inside, place_error, place_naive, place_inside. Errors are
        means of absolute differences from what was published.
    """
    rows = pd.DataFrame(_stored()["trust_types"].get(trust_type, []), columns=BACKTEST_COLUMNS)
    return rows[rows["step"].map(common.names_a_quarter) | (rows["step"] == ALL)].reset_index(drop=True)


def backtest_facts(trust_type: str) -> BacktestFacts:
    """The facts of a type's backtest; None throughout where there is none."""
    table = backtest(trust_type)
    single, whole = table[table["step"] != ALL], table[table["step"] == ALL]
    names = ["average_error", "average_naive", "place_error", "place_naive", "average_inside", "place_inside"]
    numbers = {name: float(whole[name].iloc[0]) if len(whole) else None for name in names}
    return BacktestFacts(
        played=int(single["trusts"].sum()),
        steps=len(single),
        least_inside=float(single["average_inside"].min()) if len(single) else None,
        most_inside=float(single["average_inside"].max()) if len(single) else None,
        level=_stored()["level"],
        **numbers,
    )


def _stored() -> dict:
    found = common.read_json(common.reference(BACKTEST))
    if not found:
        raise InputError(Problem(BACKTEST, "is missing or no JSON", expected="what bench/nowcast.py wrote"))
    return found
