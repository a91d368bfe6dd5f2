"""Which scoring rule fits the published scores of one metric: direction, ranking pool, shape, cuts as brackets.

The method is that of the notes on 2025/26, section 1.2: published scores fall on a grid, and the grid gives away the
size of the pool. A cut (standard, floor, edge of a band) is never given as a number that nobody published, only as the two
published values that it lies between.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from nof.rules import scoring
from nof.rules.framework import value_id

PAIRS = ["quarter", "trust_type", "trust_code", "units", "value", "rank", "score"]
POOL_COLUMNS = ["quarter", "metric_id", "pool", "published", "ranked", "reproduced", "size"]
_MOST_BANDS = 4  # whole scores from 1.00 to 4.00
_ROWS_A_CELL = 3  # a table of combined scores must be met this often a cell, or anything would fit it


@dataclass(frozen=True)
class Cut:
    """A limit between two scores: the published values on either side of it that are nearest to each other.

    Attributes
    ----------
    low, high : float
        The limit lies between them.
    point : float or None
        The value on the better side, where no published value could lie between the two.
    moves : bool
        No single limit fits all quarters; low and high are the widest span of the limits of each quarter.
    """

    low: float
    high: float
    point: float | None = None
    moves: bool = False


@dataclass(frozen=True)
class Fit:
    """A scoring rule and how many published scores it gives.

    Attributes
    ----------
    shape, pool, better : str
        As in a rules file.
    units : str or None
        Which units are scored, where the metric is published in several.
    published, reproduced : int
        Scores published, and scores that the rule can give.
    pools : tuple of tuple
        Rows of POOL_COLUMNS without metric_id: one a pool and quarter.
    cut : Cut or None
        Of a standard or a floor.
    bands : tuple of (float, Cut or None)
        Scores, best first, each with the limit below which the next begins (None for the worst).
    combines : tuple of str
        Ids of the two banded scores that a combined score follows from, with `table` (4 rows of 4, NaN: not observed).
    note : str
        What else a person should know.
    has_values : bool
        Whether values are published beside the scores.
    rivals : tuple of str
        Other shapes that give every published score as well.
    """

    shape: str
    pool: str
    better: str
    units: str | None
    published: int
    reproduced: int
    pools: tuple[tuple, ...] = ()
    cut: Cut | None = None
    bands: tuple[tuple[float, Cut | None], ...] = ()
    combines: tuple[str, str] = ("", "")
    table: tuple[tuple[float, ...], ...] = ()
    note: str = ""
    has_values: bool = True
    rivals: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether no pool is larger than the trusts at hand: each score then has its trust, not a possible one."""
        return all(size == ranked for *_, ranked, _, size in self.pools)

    @property
    def whole(self) -> bool:
        """Whether every published score fits."""
        return self.published > 0 and self.reproduced == self.published


def fit(metrics: pd.DataFrame, score_id: str) -> Fit:
    """The first rule that gives every published score of a metric, the simplest first; "not recomputable" if none does.

    Parameters
    ----------
    metrics : DataFrame
        `Publication.metrics`.
    score_id : str
        As OF1005.
    """
    scores = metrics[(metrics["metric_id"] == score_id) & metrics["value"].notna()]
    values = metrics[(metrics["metric_id"] == value_id(score_id)) & metrics["value"].notna()]
    units = list(values["units"].unique())
    candidates = [
        _fit_units(_pairs(scores, values[values["units"] == one]), one if len(units) > 1 else None) for one in units
    ]
    best = max(candidates, key=lambda one: (one.shape != "not recomputable", one.reproduced), default=None)
    if best is None:
        return Fit(
            "not recomputable",
            "unknown",
            "unknown",
            None,
            len(scores),
            0,
            note="no value is published",
            has_values=False,
        )
    if best.published < len(scores):
        missing = len(scores) - best.published
        best = replace(best, note=f"{best.note} {missing} scores have no published value".strip())
    return best


def _pairs(scores: pd.DataFrame, values: pd.DataFrame) -> pd.DataFrame:
    key = ["quarter", "trust_type", "trust_code"]
    told = values[[*key, "units", "value", "rank"]]
    return scores[[*key, "value"]].rename(columns={"value": "score"}).merge(told, on=key)[PAIRS]


def _fit_units(pairs: pd.DataFrame, units: str | None) -> Fit:
    better = direction(pairs)
    nothing = Fit("not recomputable", "unknown", better, units, len(pairs), 0, note="no known shape fits")
    if better == "unknown":
        return replace(nothing, note="value and score do not move together")
    fits = [_bands(pairs, better)]
    fits += [
        _beside(pairs, better, shape, pool)
        for shape in ("ranked", "standard", "floor")
        for pool in ("type", "national")
    ]
    found = [one for one in fits if one.whole]
    if found:
        return replace(_chosen(found), units=units)
    nearest = max(fits, key=lambda one: one.reproduced)
    share = f"; nearest: {nearest.shape}, {nearest.reproduced} of {nearest.published}" if nearest.reproduced else ""
    return replace(nothing, note=nothing.note + share)


def _chosen(found: list[Fit]) -> Fit:
    """The simplest of several rules that fit; one whose pools are the trusts at hand before one that needs others."""
    at_hand = [one for one in found if one.complete] or found
    rivals = sorted({one.shape for one in at_hand} - {at_hand[0].shape})
    return replace(at_hand[0], rivals=tuple(rivals), note=f"also fits: {', '.join(rivals)}" if rivals else "")


def direction(pairs: pd.DataFrame) -> str:
    """ "low" where scores rise with values (lower is better), "high" where they fall in all quarters; else "unknown"."""
    signs = set()
    for _, part in pairs.groupby("quarter"):
        together = part["value"].rank().cov(part["score"].rank()) if len(part) > 1 else 0.0
        signs |= {np.sign(together)} - {0.0}
    return {1.0: "low", -1.0: "high"}[signs.pop()] if len(signs) == 1 else "unknown"


# --- ranked, standard, floor ---


def _beside(pairs: pd.DataFrame, better: str, shape: str, pool: str) -> Fit:
    """All pools of a metric under one shape."""
    step = _step(pairs["value"])
    rows, cuts, reproduced = [], [], 0
    keys = ["quarter", "trust_type"] if pool == "type" else ["quarter"]
    for key, part in pairs.groupby(keys):
        fixed = part["score"] == scoring.FIXED.get(shape)
        others = part[~fixed]
        size = scoring.pool_size(others["score"], shape, at_least=len(others))
        good = _good(others, better, shape, pool, size) and _apart(part, fixed, better, shape)
        count = len(part) if good else 0
        reproduced += count
        rows.append((key[0], key[1] if pool == "type" else "national", len(part), len(others), count, size))
        if fixed.any() and len(others):
            cuts.append(_cut(part[fixed], others, better, shape))
    cut = joined(cuts, better, step)
    if shape in scoring.FIXED and cut is None:
        reproduced = 0  # nobody has the fixed score: nothing speaks for this shape
    return Fit(shape, pool, better, None, len(pairs), reproduced, tuple(rows), cut)


def _good(others: pd.DataFrame, better: str, shape: str, pool: str, size: int | None) -> bool:
    """Whether ranks among `size` trusts exist that give these scores in the order of these values."""
    if others.empty:
        return True
    if size is None:
        return False
    low, high = scoring.SPAN[shape]
    rank = np.rint((others["score"] - low) * (size - 1) / (high - low)) + 1
    if pool == "type":
        own = others["rank"].rank(method="min")
        return size == len(others) and bool((own == rank).all())
    return _possible(others["value"] if better == "low" else -others["value"], rank, size)


def _possible(values: pd.Series, rank: pd.Series, size: int) -> bool:
    """Different values have different ranks in their order, each leaving room for the trusts on either side of it."""
    better, worse = values.rank(method="min") - 1, len(values) - values.rank(method="max")
    room = (rank >= better + 1) & (rank <= size - worse)
    levels = rank.groupby(values).agg(["min", "max"])  # trusts with equal rounded values may differ unrounded
    in_order = levels["min"].to_numpy()[1:] > levels["max"].to_numpy()[:-1]
    return bool(room.all() and in_order.all())


def _apart(part: pd.DataFrame, fixed: pd.Series, better: str, shape: str) -> bool:
    """Whether those with the fixed score all lie on the right side of those that are ranked."""
    if not fixed.any() or fixed.all():
        return True
    values = part["value"] if better == "low" else -part["value"]
    first, second = (fixed, ~fixed) if shape == "standard" else (~fixed, fixed)
    return values[first].max() < values[second].min()


def _cut(fixed: pd.DataFrame, others: pd.DataFrame, better: str, shape: str) -> tuple[float, float]:
    """Worst value on the better side, best value on the worse side."""
    good, bad = (fixed["value"], others["value"]) if shape == "standard" else (others["value"], fixed["value"])
    return (good.max(), bad.min()) if better == "low" else (good.min(), bad.max())


def joined(cuts: list[tuple[float, float]], better: str, step: float) -> Cut | None:
    """One limit out of those of several quarters, each (value on the better side, value on the worse side).

    `step` is the smallest difference that published values of the metric can have.
    """
    if not cuts:
        return None
    good, bad = np.array(cuts, dtype=float).T
    inside, outside = (good.max(), bad.min()) if better == "low" else (good.min(), bad.max())
    one_fits = inside < outside if better == "low" else inside > outside
    if not one_fits:
        ends = np.concatenate([good, bad])
        return Cut(float(ends.min()), float(ends.max()), moves=True)
    point = float(inside) if abs(inside - outside) <= step + 1e-9 else None
    return Cut(float(min(inside, outside)), float(max(inside, outside)), point)


def _step(values: pd.Series) -> float:
    """One unit of the last decimal that any value shows: 0.01 for most metrics, 1 for a count."""
    return 10.0 ** -max(len(f"{number:.6f}".rstrip("0").partition(".")[2]) for number in values.unique())


# --- bands ---


def _bands(pairs: pd.DataFrame, better: str) -> Fit:
    """Few whole scores, each with its own span of values."""
    scores = sorted(pairs["score"].unique())
    nothing = Fit("bands", "none", better, None, len(pairs), 0)
    few = 2 <= len(scores) <= _MOST_BANDS and len(pairs) > _ROWS_A_CELL * len(scores)
    if not few or any(score != int(score) for score in scores):
        return nothing
    quarters = [part for _, part in pairs.groupby("quarter")]
    step = _step(pairs["value"])
    bands = tuple(
        (float(score), joined([c for part in quarters for c in _band_cut(part, score, better)], better, step))
        for score in scores[:-1]
    )
    if any(cut is None or cut.moves for _, cut in bands):
        return nothing
    return replace(nothing, reproduced=len(pairs), bands=(*bands, (float(scores[-1]), None)))


def _band_cut(part: pd.DataFrame, score: float, better: str) -> Iterator[tuple[float, float]]:
    inside, outside = part.loc[part["score"] <= score, "value"], part.loc[part["score"] > score, "value"]
    if len(inside) and len(outside):
        yield (inside.max(), outside.min()) if better == "low" else (inside.min(), outside.max())


# --- a score made of two banded scores ---


def combined(metrics: pd.DataFrame, score_id: str, banded: list[str]) -> Fit | None:
    """A score that follows from two banded scores of its sub-domain, as a table; None if none does."""
    ids = [score_id, *banded]
    rows = metrics[metrics["metric_id"].isin(ids) & metrics["value"].notna()]
    homes = rows.groupby("metric_id")["sub_domain"].first()
    wide = rows.pivot_table(index=["quarter", "trust_code"], columns="metric_id", values="value")
    pairs = [
        (one, two)
        for place, one in enumerate(banded)
        for two in banded[place + 1 :]
        if homes[one] == homes[two] == homes[score_id]
    ]
    fits = (_table(wide[[one, two, score_id]], one, two, score_id) for one, two in pairs)
    return next((one for one in fits if one), None)


def _table(wide: pd.DataFrame, one: str, two: str, score_id: str) -> Fit | None:
    scored = wide.dropna(subset=score_id)
    whole = scored.dropna()
    cells = whole.groupby([one, two])[score_id].agg(["nunique", "first"])
    if (
        len(whole) < len(scored)
        or (cells["nunique"] > 1).any()
        or len(whole) < _ROWS_A_CELL * len(cells)
        or len(cells) < 2
    ):
        return None
    grid = cells["first"].unstack().reindex(index=range(1, 5), columns=range(1, 5))
    climbs = all((line.dropna().diff().dropna() >= 0).all() for table in (grid, grid.T) for _, line in table.iterrows())
    if not climbs:
        return None
    table = tuple(tuple(float(score) for score in line) for line in grid.to_numpy())
    unseen = int(grid.isna().to_numpy().sum())
    return Fit(
        "finance matrix",
        "none",
        "low",
        None,
        len(whole),
        len(whole),
        combines=(one, two),
        table=table,
        note=f"follows from {one} and {two}; {unseen} of 16 pairs never observed",
        has_values=False,
    )
