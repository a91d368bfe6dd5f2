"""How metric scores become averages, worked out from published ones: which scores enter, their weights, rounding."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from nof.read.sheets import matching
from nof.rules import scoring
from nof.rules.shapes import Fit

WEIGHTS = (0.0, 0.25, 1 / 3, 0.5, 1.0)  # simple shares; the 2025/26 manual uses 1 and 1/3
_MOST_TRIED = 3000  # sets of scores tried as rounded before averaging, a quarter
KEY = ["quarter", "trust_type", "trust_code"]


@dataclass(frozen=True)
class Count:
    """How many published figures there are, and how many a rule gives."""

    published: int
    reproduced: int

    def __str__(self) -> str:
        return f"{self.reproduced} of {self.published}"

    @property
    def whole(self) -> bool:
        """Whether there are any, and the rule gives all of them."""
        return self.published > 0 and self.reproduced == self.published


def exact_scores(metrics: pd.DataFrame, fits: dict[str, Fit], pools: pd.DataFrame) -> pd.DataFrame:
    """Published scores with the digits that rounding took away, where a grid gives them back."""
    rows = metrics[metrics["metric_id"].isin(fits) & metrics["value"].notna()]
    scores = rows[[*KEY, "metric_id", "domain", "value"]].rename(columns={"value": "published"})
    scores = scores.reset_index(drop=True).assign(score=lambda frame: frame["published"])
    for pool in pools.dropna(subset="size").itertuples():
        own = (scores["metric_id"] == pool.metric_id) & (scores["quarter"] == pool.quarter)
        own &= (pool.pool == "national") | (scores["trust_type"] == pool.pool)
        scores.loc[own, "score"] = scoring.recover(
            scores.loc[own, "published"], int(pool.size), fits[pool.metric_id].shape
        )
    return scores


def published(metrics: pd.DataFrame, metric_id: str, column: str = "value") -> pd.Series:
    """A published column of one id, on quarter, trust_type and trust_code; blanks left out."""
    rows = metrics[metrics["metric_id"] == metric_id].drop_duplicates(KEY)
    return rows.set_index(KEY)[column].dropna()


def compared(found: pd.Series, published: pd.Series) -> Count:
    """How many published figures a rule gives exactly; one that it does not give at all counts as missed."""
    same = np.isclose(
        found.reindex(published.index).to_numpy(dtype=float), published.to_numpy(dtype=float), atol=1e-6, rtol=0
    )
    return Count(len(published), int(same.sum()))


def _wide(scores: pd.DataFrame, averages: pd.Series, column: str) -> pd.DataFrame:
    return scores.pivot(index=KEY, columns="metric_id", values=column).reindex(averages.index)


def _means(wide: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted mean of each row over the scores that it has."""
    total = np.nan_to_num(wide) @ weights
    with np.errstate(invalid="ignore", divide="ignore"):
        return total / (~np.isnan(wide) @ weights)


def weights_of(scores: pd.DataFrame, averages: pd.Series) -> tuple[dict[str, float], Count]:
    """Weights that give most published averages, and what equal weights give.

    Every average is a weighted mean, so the weights w solve sum of w (score - average) = 0 for all trusts at once, with
    none below nought: least squares give them, the nearest simple shares are taken, and each is tried once more alone.
    """
    ids = sorted(scores["metric_id"].unique())
    if averages.empty:
        return dict.fromkeys(ids, 1.0), Count(0, 0)
    wide, target = _wide(scores, averages, "score").reindex(columns=ids).to_numpy(), averages.to_numpy()

    def quality(weights: np.ndarray) -> tuple[int, float]:
        """Averages that come out equal, and less of the distance that is left: more is better."""
        means = _means(wide, weights)
        return int((np.abs(scoring.round_half_up(means) - target) < 1e-6).sum()), -float(
            np.nansum(np.abs(means - target))
        )

    equal = np.ones(len(ids))
    types = averages.index.get_level_values("trust_type").to_numpy()
    best = max((equal, _solved(wide, target, types)), key=quality)
    for place in range(len(ids)):
        tried = [np.where(np.arange(len(ids)) == place, weight, best) for weight in WEIGHTS]
        best = max([best, *tried], key=quality)
    return dict(zip(ids, best.tolist(), strict=True)), Count(len(target), quality(equal)[0])


def _solved(wide: np.ndarray, target: np.ndarray, types: np.ndarray) -> np.ndarray:
    """Weights by least squares, each from the type that has the score for most trusts.

    Types are solved apart: two that share no score have no common scale.
    """
    share, most = np.ones(wide.shape[1]), np.zeros(wide.shape[1])
    for name in np.unique(types):
        part = wide[types == name]
        held = (~np.isnan(part)).sum(axis=0)
        own = np.flatnonzero(held)
        found = _simple_shares(np.nan_to_num(part[:, own] - target[types == name, None]))
        share[own] = np.where(held[own] > most[own], found, share[own])
        most = np.maximum(most, held)
    return share


def _simple_shares(gaps: np.ndarray) -> np.ndarray:
    from scipy.optimize import nnls  # here: only a year without confirmed rules needs it

    scale = 1e3 * max(np.abs(gaps).max(), 1e-9)  # one more row holds the sum of the weights fixed
    found, _ = nnls(np.vstack([gaps, np.full(gaps.shape[1], scale)]), np.append(np.zeros(len(gaps)), scale))
    unit = np.median(found[found > found.max() / 2])
    return np.array([min(WEIGHTS, key=lambda one: abs(one - share)) for share in found / unit])


def targets(metrics: pd.DataFrame, averages: pd.Series) -> list[tuple[str | None, pd.Series]]:
    """Published means to come up to: of all scores (None), and of the scores of each domain."""
    domains = [(row.domain, published(metrics, row.metric_id)) for row in _domain_ids(metrics).itertuples()]
    return [(None, averages), *domains]


def _domain_ids(metrics: pd.DataFrame) -> pd.DataFrame:
    rows = metrics[matching(metrics["metric_id"], r"OF40\d\d") & metrics["value"].notna()]
    return rows[["metric_id", "domain"]].drop_duplicates("metric_id").sort_values("metric_id")


def rounded_in(
    scores: pd.DataFrame, targets: list[tuple[str | None, pd.Series]], weights: dict[str, float]
) -> dict[str, tuple[str, ...]]:
    """Scores that must be rounded first for more averages to come out: in all quarters, then in single ones."""
    ids = [one for one, weight in weights.items() if weight > 0]
    share, target = np.array([weights[one] for one in ids]), np.concatenate([one.to_numpy() for _, one in targets])
    exact, rounded = (
        np.vstack(
            [
                _wide(scores if name is None else scores[scores["domain"] == name], one, column)
                .reindex(columns=ids)
                .to_numpy()
                for name, one in targets
            ]
        )
        for column in ("score", "published")
    )
    quarter = np.concatenate([one.index.get_level_values("quarter").to_numpy() for _, one in targets])
    mixed, always = _always(exact, rounded, share, target)
    found = {place: set(quarter) for place in always}
    for own in [quarter == one for one in np.unique(quarter)]:
        for place in _fewest(mixed[own], rounded[own], share, target[own]):
            found.setdefault(place, set()).update(quarter[own])
    return {ids[place]: tuple(sorted(quarters)) for place, quarters in sorted(found.items())}


def _reproduced(
    exact: np.ndarray, rounded: np.ndarray, chosen: list[int], share: np.ndarray, target: np.ndarray
) -> int:
    mixed = exact.copy()
    mixed[:, chosen] = rounded[:, chosen]
    return int((np.abs(scoring.round_half_up(_means(mixed, share)) - target) < 1e-6).sum())


def _always(exact, rounded, share, target) -> tuple[np.ndarray, list[int]]:
    """Scores that are better rounded in every quarter, the one that helps most first."""
    chosen: list[int] = []
    most = _reproduced(exact, rounded, chosen, share, target)
    while most < len(target):
        tries = {
            place: _reproduced(exact, rounded, [*chosen, place], share, target)
            for place in _differing(exact, rounded)
            if place not in chosen
        }
        best = max(tries, key=tries.__getitem__, default=None)
        if best is None or tries[best] <= most:
            break
        chosen, most = [*chosen, best], tries[best]
    mixed = exact.copy()
    mixed[:, chosen] = rounded[:, chosen]
    return mixed, chosen


def _fewest(exact, rounded, share, target) -> tuple[int, ...]:
    """Smallest set of scores that must be rounded in one quarter for most averages to come out."""
    places = _differing(exact, rounded)
    best, most = (), _reproduced(exact, rounded, [], share, target)
    for tried, chosen in enumerate(one for size in range(1, len(places) + 1) for one in combinations(places, size)):
        if most == len(target) or tried > _MOST_TRIED:
            break
        if (count := _reproduced(exact, rounded, list(chosen), share, target)) > most:
            best, most = chosen, count
    return best


def _differing(exact: np.ndarray, rounded: np.ndarray) -> np.ndarray:
    return np.flatnonzero((np.abs(np.nan_to_num(exact - rounded)) > 1e-9).any(axis=0))


def with_rounding(scores: pd.DataFrame, rounded_in: dict[str, tuple[str, ...]]) -> pd.DataFrame:
    """Scores (a frame with quarter, metric_id, score and published) rounded where `rounded_in` says so."""
    first = [quarter in rounded_in.get(one, ()) for quarter, one in scores[["quarter", "metric_id"]].to_numpy()]
    return scores.assign(score=scores["score"].mask(np.array(first, dtype=bool), scores["published"]))


def domains_of(metrics: pd.DataFrame, scores: pd.DataFrame) -> pd.DataFrame:
    """Domain scores (OF4xxx with units score) beside the means of the scores of the domain."""
    means, held = scoring.domain_scores(scores), set(metrics["metric_id"])
    table = []
    for one, name in _domain_ids(metrics)[["metric_id", "domain"]].itertuples(index=False):
        own = means[means["domain"] == name].set_index(KEY)["domain_score"]
        tally, segment = compared(own, published(metrics, one)), one.replace("OF40", "OF41", 1)
        table.append((name, one, segment if segment in held else None, tally.published, tally.reproduced))
    return pd.DataFrame(table, columns=["name", "score_id", "segment_id", "published", "reproduced"])
