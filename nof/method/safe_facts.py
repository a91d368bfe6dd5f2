"""What a trust may say of its place and what it may not: the facts behind each line.

The lines and their conditions stand in data/reference/safe_to_say.yaml. Places, averages and segments: 1 is best.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from nof.common import kept
from nof.method import board, limits, trust_facts
from nof.method.facts import Facts, fact
from nof.method.movement_facts import TrustUnderBands, trust_under_bands
from nof.method.places import LEVEL, Levels
from nof.method.trust import Trust
from nof.method.trust_facts import THESE, Bearing, Peers, Since, Standing, Way, Who, Why

LEAST = 0.001  # chance that draws cannot tell from none


@dataclass(frozen=True)
class Safe(Facts):
    """What bears on a sentence said in public and on nothing else of the briefing."""

    level: float = fact("Confidence from which a chance is called sure", "share of 1")
    width: int | None = fact("Places that the likely range covers", "places", direction="narrower is surer")
    better_than: tuple[str, ...] = fact("Trusts it is shown to be better than, the clearest first", source=THESE)
    worse_than: tuple[str, ...] = fact("Trusts it is shown to be worse than, the clearest first", source=THESE)
    next_worse: str | None = fact("Trust next below it in the table from which it cannot be told apart")
    next_better: str | None = fact("Trust next above it in the table from which it cannot be told apart")
    moved: int | None = fact("Places gained since the quarter before; below 0 lost", "places")
    worst_chance: float | None = fact(
        "Chance of the worst quarter of the table next time, below 1 as a model is", "share of 1"
    )
    best_chance: float | None = fact(
        "Chance of the best quarter of the table next time, above 0 as a model is", "share of 1"
    )
    standards: int = fact("Its metrics with a planning standard that can be judged", "metrics")
    standards_met: int = fact("Of these, met", "metrics")
    under: TrustUnderBands | None = fact("Where its average would stand under the bands of a later year")


@dataclass(frozen=True, eq=False)
class Told:
    """Every fact of one trust, as its briefing has them; all but `who` are None for a trust without a place."""

    who: Who
    stands: Standing | None
    why: Why | None
    since: Since | None
    way: Way | None
    bearing: Bearing | None
    peers: Peers | None
    safe: Safe | None


@kept
def told(trust: Trust) -> Told:
    """The facts of a trust's briefing, made as its notebook makes them, with those of `safe`."""
    place, goal = board.place(trust), board.goal(trust)
    names = board.names(trust)
    stands = trust_facts.standing(
        place,
        board.method(trust),
        goal,
        board.chances(trust),
        board.trusts(trust),
        board.few(trust),
        board.final_segment(trust),
    )
    since = trust_facts.since(
        board.change(trust),
        board.before(trust),
        place,
        board.directions(trust),
        names,
        board.previous(trust),
        board.gap(trust),
        board.why_not_compared(trust),
        trust.quarter,
    )
    return Told(
        who=trust_facts.who(trust),
        stands=stands,
        why=trust_facts.why(board.metrics(trust)),
        since=since,
        way=trust_facts.way(
            goal, board.steps(trust), board.sets(trust), board.others(trust), names, board.segment_rule(trust)
        ),
        bearing=trust_facts.bearing(trust),
        peers=trust_facts.peers(board.subtype(trust), board.near(trust)),
        safe=safe(trust, stands, since),
    )


def safe(trust: Trust, stands: Standing | None, since: Since | None) -> Safe | None:
    """Facts on what may be said, from the places, the sets behind them and the planning standards."""
    if trust.view is None or stands is None or since is None:
        return None
    better, worse = told_apart(trust)
    judged = board.metrics(trust)["standard_met"]
    league = trust.view.league
    apart = {trust.code, *better, *worse}
    names = league.set_index("trust_code")["trust_name"]
    known = stands.these_low is not None and stands.rank is not None
    open_ones = league[~league["trust_code"].isin(apart)].dropna(subset="rank").sort_values("rank", kind="stable")
    after = open_ones.loc[known & (open_ones["rank"] > (stands.rank or 0)), "trust_name"]
    before = open_ones.loc[known & (open_ones["rank"] < (stands.rank or 0)), "trust_name"]
    under = trust_under_bands(trust.view, trust.code)
    return Safe(
        level=LEVEL,
        width=None if stands.rank_low is None or stands.rank_high is None else stands.rank_high - stands.rank_low + 1,
        better_than=tuple(names[list(better)]),
        worse_than=tuple(names[list(worse)]),
        next_worse=after.iloc[0] if len(after) else None,
        next_better=before.iloc[-1] if len(before) else None,
        moved=None if since.rank_before is None or since.rank_after is None else since.rank_before - since.rank_after,
        worst_chance=_open(stands.worst_quarter),
        best_chance=_open(stands.best_quarter),
        standards=int(judged.isin(["met", "not met"]).sum()),
        standards_met=int(judged.eq("met").sum()),
        under=under,
    )


def _open(chance: float | None) -> float | None:
    """A chance that draws have counted: none and all are what so many draws did not meet, not certainties."""
    return None if chance is None else min(max(chance, LEAST), 1 - LEAST)


def told_apart(trust: Trust) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Codes of the trusts that it is shown to be better than, and worse than, on these metrics in another quarter.

    The counts are those of its rank set; the names follow, because what a set rejects is what has the most evidence.
    """
    row, levels = board.place(trust), limits.levels(trust.view)
    if row is None or levels is None or pd.isna(row["these_low"]) or trust.code not in levels.estimate.index:
        return (), ()
    beaten = len(levels.estimate) - int(row["these_high"])
    return _clearest(levels, trust.code, 1, beaten), _clearest(levels, trust.code, -1, int(row["these_low"]) - 1)


def _clearest(levels: Levels, code: str, sign: int, count: int) -> tuple[str, ...]:
    """The trusts that are worse (sign 1) or better (-1) with the most standard errors between."""
    estimate, error = levels.estimate, levels.standard_error
    with np.errstate(divide="ignore", invalid="ignore"):
        evidence = sign * (estimate - estimate[code]) / np.sqrt(error**2 + error[code] ** 2)
    return tuple(evidence.drop(code).sort_values(ascending=False, kind="stable").index[:count])
