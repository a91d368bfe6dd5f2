"""How far a nowcast was off in earlier quarters, and futures drawn from that.

A step is a quarter and the next one within a framework year. In each step every trust tells three things: what its own
next values would have scored among the trusts of the earlier quarter, against what they did score once all had moved;
how scores moved for a trust that knew nothing new; and how averages and deficit flags moved. A future of a trust takes
one step for all that happens in it, so what moves all trusts together moves them together here, and within the step
borrows each move from a trust that started near it: a score of 1.00 can only get worse.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from nof.common import Quarter, kept
from nof.method import reporting_dates
from nof.method.contributions import scored
from nof.method.curves import TINY, Curve, curves
from nof.rules import ranking, recompute, scoring
from nof.rules.recompute import National

DRAWS = 4000
SEED = 0
NEAREST = 10  # trusts that started nearest, of which one is borrowed; a convention of ours, as is the next
BEST, WORST = 1.0, 4.0
_KEY = ["trust_code", "metric_id"]
SCORE_MOVES = ["step", "trust_code", "metric_id", "now", "told", "then", "moved", "relative"]


@dataclass(frozen=True, eq=False)
class Moves:
    """What the trusts of a type did in earlier steps.

    Attributes
    ----------
    scores : DataFrame
        step (slug of the later quarter), trust_code, metric_id, now (score in the earlier quarter; NaN: none), told
        (score of the next value among the trusts of the earlier quarter; NaN where no value is published), then (score
        in the later quarter; NaN: none), moved (whether the period behind the metric is a new one), relative (whether
        the score depends on other trusts). 1.00 is best.
    averages : DataFrame
        step, trust_code, average, average_next, flag, flag_next (in deficit).
    edges : dict
        By step, how far each of the three edges between segments moved.
    """

    scores: pd.DataFrame
    averages: pd.DataFrame
    edges: dict[str, np.ndarray]

    @property
    def steps(self) -> list[str]:
        """The later quarter of each step, in order."""
        return list(self.edges)

    def only(self, steps: list[str]) -> Moves:
        """The moves of some of the steps."""
        return Moves(
            self.scores[self.scores["step"].isin(steps)],
            self.averages[self.averages["step"].isin(steps)],
            {step: self.edges[step] for step in self.edges if step in steps},
        )


def steps(national: National, upto: str) -> list[str]:
    """Later quarters of the steps within a framework year, both of whose quarters are held, up to a quarter."""
    held = set(national.publication.quarters)
    return [
        one
        for one in national.publication.quarters
        if one <= upto
        and (before := Quarter.parse(one).previous).slug in held
        and before.year_label == Quarter.parse(one).year_label
    ]


def moves(national: National, trust_type: str, chosen: list[str]) -> Moves:
    """Every move of a type's trusts in some steps.

    Parameters
    ----------
    chosen : list of str
        Later quarters of the steps; see `steps`.
    """
    parts = [_step(national, trust_type, one) for one in chosen]
    if not parts:
        return Moves(pd.DataFrame(columns=SCORE_MOVES), pd.DataFrame(columns=["step"]), {})
    return Moves(
        pd.concat([one.scores for one in parts], ignore_index=True),
        pd.concat([one.averages for one in parts], ignore_index=True),
        {step: shift for one in parts for step, shift in one.edges.items()},
    )


@kept
def _step(national: National, trust_type: str, later: str) -> Moves:
    earlier = Quarter.parse(later).previous.slug
    before, after = (recompute.standing(national, one, trust_type) for one in (earlier, later))
    both = before.join(after[["average", "in_deficit"]].add_suffix("_next"), how="inner")
    averages = pd.DataFrame(
        {
            "step": later,
            "trust_code": both.index,
            "average": both["average"].to_numpy(),
            "average_next": both["average_next"].to_numpy(),
            "flag": both["in_deficit"].to_numpy(dtype=bool),
            "flag_next": both["in_deficit_next"].to_numpy(dtype=bool),
        }
    )
    rows = [recompute.select(scored(national, one), one, trust_type).set_index(_KEY) for one in (earlier, later)]
    table = pd.concat([rows[0]["score"].rename("now"), rows[1]["score"].rename("then")], axis=1)
    table = table.join(_told(national, earlier, *rows)).reset_index()
    table = table[table["trust_code"].isin(both.index)]
    new = moved_metrics(national, trust_type, earlier, later)
    shift = recompute.edges(national, later) - recompute.edges(national, earlier)
    free = {one: relative(national, earlier, one) for one in table["metric_id"].unique()}
    return Moves(
        table.assign(step=later, moved=table["metric_id"].isin(new), relative=table["metric_id"].map(free))[
            SCORE_MOVES
        ],
        averages,
        {later: np.where(np.isfinite(shift), shift, 0.0)},
    )


def _told(national: National, earlier: str, before: pd.DataFrame, after: pd.DataFrame) -> pd.Series:
    """What each trust's values of the later quarter would have scored among the trusts of the earlier one."""
    old = before["value"].to_dict(), before["score"].to_dict()
    found = {}
    for code, own in after[after["value"].notna()].groupby(level="trust_code")["value"]:
        if code in before.index:
            known = curves(national, earlier, code, newcomer=True)
            for key, value in own.items():
                if (curve := known.get(key[1])) is not None:
                    found[key] = score_at(curve, value, *(one.get(key, np.nan) for one in old))
    index = pd.MultiIndex.from_tuples(list(found), names=_KEY)
    return pd.Series(list(found.values()), index=index, dtype=float, name="told")


def score_at(curve: Curve, value: float, published_value: float, published_score: float) -> float:
    """Score of a trust's own value; the published one at the published value, which rounding may have made a tie."""
    return published_score if abs(value - published_value) < TINY else curve.score(value)


def relative(national: National, quarter: str, metric_id: str) -> bool:
    """Whether a score depends on how other trusts do; by thresholds alone it does not. True where no rule is known."""
    rule = national.framework(quarter).by_score.get(metric_id)
    return rule is None or rule.ranked or not rule.recomputable


def moved_metrics(national: National, trust_type: str, earlier: str, later: str) -> set[str]:
    """Ids of the scores of a type whose data are of another period than in the quarter before."""
    spoken = [
        recompute.select(national.publication.metrics, one, trust_type).groupby("metric_id")["reporting_date"].first()
        for one in (earlier, later)
    ]
    days = [
        {metric: period.days if (period := reporting_dates.parse(text, one)) else text for metric, text in part.items()}
        for one, part in zip((earlier, later), spoken, strict=True)
    ]
    return {metric for metric, told in days[1].items() if days[0].get(metric) != told}


# --- futures ---


@dataclass(frozen=True, eq=False)
class Futures:
    """Futures of one trust.

    Attributes
    ----------
    averages : array of float, shape (draws,)
        At 2 decimals; 1.00 is best.
    segments, ranks : arrays of int, shape (draws,), or None
        After the override; None where segments are not known.
    """

    averages: np.ndarray
    segments: np.ndarray | None
    ranks: np.ndarray | None


def futures(
    metrics: pd.DataFrame,
    others: pd.DataFrame,
    average: float,
    in_deficit: bool,
    edges: np.ndarray | None,
    no_better_than: int,
    past: Moves,
    draws: int = DRAWS,
    seed: int = SEED,
) -> Futures:
    """Draw what a trust's average and place may come to when all trusts move.

    Assumption: the next step is like one of the earlier ones, each as likely as the other; within it metrics move
    independently of each other.

    Parameters
    ----------
    metrics : DataFrame
        The trust's own: metric_id, weight, score (at its own newer value, or as it stands), newer (whether the score
        rests on a newer value), relative (whether the score depends on other trusts).
    others : DataFrame
        The other trusts of its type: average, in_deficit.
    average, in_deficit
        The trust's own, as published.
    edges : array of 3 or None
    past : Moves
        At least one step.
    """
    random = np.random.default_rng(seed)
    turned = random.integers(0, 2 * len(past.steps), draws)  # the step, and whether it is mirrored
    at, cells = turned % len(past.steps), _cells(past.scores, past.steps)
    drawn = np.column_stack([_scores(row, past, cells, turned, random) for row in metrics.itertuples(index=False)])
    weights = np.where(np.isnan(drawn), 0.0, metrics["weight"].to_numpy(dtype=float))
    total = weights.sum(axis=1)
    plain = np.average(metrics["score"], weights=metrics["weight"])
    mean = np.nansum(drawn * weights, axis=1) / np.where(total, total, 1.0)
    own = scoring.round_half_up(np.where(total, mean, plain))  # no metric left in a draw: it stays as it is
    if edges is None:
        return Futures(own, None, None)
    _, flag = _other(average, in_deficit, past, at, random)
    bounds = edges + np.array([past.edges[one] for one in past.steps])[at]
    segment = _segments(own, flag, bounds, no_better_than)
    better = np.zeros(draws, dtype=int)
    for row in others.itertuples(index=False):
        their_average, their_flag = _other(row.average, row.in_deficit, past, at, random)
        theirs = _segments(their_average, their_flag, bounds, no_better_than)
        better += (theirs < segment) | ((theirs == segment) & (their_average < own - 1e-9))
    return Futures(own, segment, better + 1)


def _segments(average: np.ndarray, flag: np.ndarray, bounds: np.ndarray, no_better_than: int) -> np.ndarray:
    unadjusted = 1 + (average[:, None] > bounds + 1e-9).sum(axis=1)
    return ranking.override(unadjusted, flag, no_better_than)


def _scores(row, past: Moves, cells, at: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """One metric's score in each draw; NaN where the metric falls away, as it did for the trust that is borrowed."""
    if row.newer:
        change = _drifted(row.score, cells, at, random) if row.relative else 0.0
    else:
        pool = past.scores[(past.scores["metric_id"] == row.metric_id) & past.scores["now"].notna()]
        if pool.empty:
            return np.full(len(at), row.score)
        change = (pool["then"] - pool["now"]).to_numpy()[
            _picked(pool, "now", row.score, at % len(past.steps), past.steps, random)
        ]
    return np.clip(row.score + change, BEST, WORST) + np.zeros(len(at))


Cell = tuple[np.ndarray, np.ndarray]  # scores told, and how far each was off


def _cells(scores: pd.DataFrame, names: list[str]) -> list[list[Cell]]:
    """By step, what was told of each renewed metric and how far it was off; then the same steps mirrored.

    Mirrored, since whole metrics get better in one quarter (sickness in summer) and worse in another: a few steps
    cannot tell which way the next one goes. A step is mirrored whole: what moves together stays together.
    """
    rows = scores[scores["told"].notna() & scores["then"].notna() & scores["moved"] & scores["relative"]]
    found = [
        [
            (part["told"].to_numpy(dtype=float), (part["then"] - part["told"]).to_numpy(dtype=float))
            for _, part in rows[rows["step"] == step].groupby("metric_id")
        ]
        for step in names
    ]
    return found + [[(BEST + WORST - told, -off) for told, off in step] for step in found]


def _drifted(score: float, cells: list[list[Cell]], at: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """How far off a score may be: in each draw as a trust near it was, in one of the renewed metrics of the step."""
    change = np.zeros(len(at))
    for step, inside in enumerate(cells):
        mine = np.flatnonzero(at == step)
        which = random.integers(0, max(len(inside), 1), len(mine))
        for number, (told, off) in enumerate(inside):
            nearest = _nearest(np.abs(told - score))
            rows = mine[which == number]
            change[rows] = off[nearest[random.integers(0, len(nearest), len(rows))]]
    return change


def _other(average: float, in_deficit: bool, past: Moves, at, random) -> tuple[np.ndarray, np.ndarray]:
    """Average at 2 decimals and deficit flag of a trust in each draw, from one that started near it, flagged alike."""
    alike = past.averages[past.averages["flag"] == in_deficit]
    alike = past.averages if alike.empty else alike
    picked = _picked(alike, "average", average, at, past.steps, random)
    change = (alike["average_next"] - alike["average"]).to_numpy()[picked]
    moved = scoring.round_half_up(np.clip(average + change, BEST, WORST))
    return moved, alike["flag_next"].to_numpy(dtype=bool)[picked]


def _picked(pool: pd.DataFrame, start: str, near: float, at, names: list[str], random) -> np.ndarray:
    """Rows of a pool: in each draw one of the nearest of that draw's step, or of all steps if it has none there."""
    distance = np.abs(pool[start].to_numpy(dtype=float) - near)
    step = pool["step"].to_numpy()
    picked = np.empty(len(at), dtype=int)
    for number, name in enumerate(names):
        rows = np.flatnonzero(step == name)
        rows = rows if len(rows) else np.arange(len(pool))
        nearest = rows[_nearest(distance[rows])]
        mine = at == number
        picked[mine] = nearest[random.integers(0, len(nearest), int(mine.sum()))]
    return picked


def _nearest(distance: np.ndarray) -> np.ndarray:
    """Positions of the smallest distances, with all that are equally near: the order of codes says nothing."""
    reach = np.sort(distance)[min(NEAREST, len(distance)) - 1]
    return np.flatnonzero(distance <= reach + 1e-9)
