"""How much the method decides: every combination of reasonable choices, and the ranks that follow.

A ranking needs choices that nobody can derive from the data: which metrics, which weights, the override or not. Each
trust is ranked under all combinations of them (a multiverse: Steegen, Tuerlinckx, Gelman and Vanpaemel, "Increasing
transparency through a multiverse analysis", Perspectives on Psychological Science 11, 2016). The share of choices that
give a result is no probability: nobody drew the choices at random. Ranks: 1 is best; scores: 1.00 is best.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd
from scipy import stats

from nof.rules.ranking import known_edges, override, segment_of
from nof.rules.recompute import National, select, standing
from nof.rules.scoring import matrix, round_half_up

# --- How a number that somebody brings goes with the average score ---


LEVEL = 0.95
CAVEAT = (
    "An association is not a cause: trusts differ in much else (kind of services, size, patients, place), the "
    "average rests on different metrics in different trusts, and a score is a position among others."
)


@dataclass(frozen=True)
class Association:
    """How a number goes with the average score (1.00 is best, so a negative association means better).

    Attributes
    ----------
    name : str
        Column of the covariate.
    trusts : int
        Trusts with both.
    spearman, spearman_low, spearman_high : float
        Rank correlation with its interval (Bonett and Wright).
    slope, slope_low, slope_high : float
        Change of the average per unit of the number (least squares, t interval).
    unmatched : tuple of str
        Codes in the file that are not among the trusts.
    missing : tuple of str
        Trusts that the file says nothing of.
    caveat : str
    """

    name: str
    trusts: int
    spearman: float
    spearman_low: float
    spearman_high: float
    slope: float
    slope_low: float
    slope_high: float
    unmatched: tuple[str, ...]
    missing: tuple[str, ...]
    caveat: str = CAVEAT


def covariate(numbers: pd.Series, averages: pd.Series, level: float = LEVEL) -> Association:
    """Association of a number with the average score; all intervals are NaN with fewer than four trusts.

    Parameters
    ----------
    numbers : Series on the trust codes
        As `read_covariate`.
    averages : Series on the trust codes
    """
    both = pd.concat([numbers.rename("x"), averages.rename("y")], axis=1, join="inner").dropna()
    unmatched, missing = numbers.index.difference(averages.index), averages.index.difference(both.index)
    return Association(
        str(numbers.name),
        len(both),
        *spearman_interval(both["x"], both["y"], level),
        *_slope(both["x"], both["y"], level),
        tuple(unmatched),
        tuple(missing),
    )


def spearman_interval(x: pd.Series, y: pd.Series, level: float = LEVEL) -> tuple[float, float, float]:
    """Spearman's correlation with a Fisher interval, standard error sqrt((1 + r^2 / 2) / (n - 3)).

    Source: Bonett and Wright, "Sample size requirements for estimating Pearson, Kendall and Spearman correlations",
    Psychometrika 65 (2000). All NaN with fewer than four pairs or a side that does not vary.

    Parameters
    ----------
    x, y : Series of n on the same index, nothing missing
    level : float
        Of the interval, 0 to 1.

    Returns
    -------
    correlation, low, high : float
        -1 to 1.
    """
    if len(x) < 4 or x.nunique() < 2 or y.nunique() < 2:
        return np.nan, np.nan, np.nan
    r = float(stats.spearmanr(x, y).statistic)
    if abs(r) > 1 - 1e-12:
        return r, r, r
    reach = stats.norm.ppf((1 + level) / 2) * np.sqrt((1 + r**2 / 2) / (len(x) - 3))
    return r, float(np.tanh(np.arctanh(r) - reach)), float(np.tanh(np.arctanh(r) + reach))


def _slope(x: pd.Series, y: pd.Series, level: float) -> tuple[float, float, float]:
    if len(x) < 4 or x.nunique() < 2:
        return np.nan, np.nan, np.nan
    line = stats.linregress(x, y)
    reach = stats.t.ppf((1 + level) / 2, len(x) - 2) * line.stderr
    return float(line.slope), float(line.slope - reach), float(line.slope + reach)


# --- All that is needed to rank one trust type in one quarter again, under other weights, metrics and rules ---


_CHUNK_CELLS = 2_000_000  # choices x trusts x metrics held at once (16 MB)


@dataclass(frozen=True)
class Setting:
    """All that is needed to rank one trust type in one quarter again.

    Attributes
    ----------
    scores : DataFrame, trusts by metrics
        Metric scores (NaN where not scored): of the whole pool where segments are its quartiles, else of the type.
    weights, domains : Series on the metrics
    standing : DataFrame on the trusts of the type
        in_deficit, rank, segment (as published or recomputed).
    rule : {"quartiles", "counts", "thresholds", "none"}
        How averages are cut into segments under another choice. "quartiles": anew, over the whole national pool.
        "counts": the pool is not at hand, so as many trusts of the type in each segment as published (edges kept
        where they are would put everyone in a worse segment whenever a choice raises all averages). "thresholds":
        fixed by the rules. "none": no segment is known, so ranks go by average only.
    cuts : array of 3
        Trusts in segment 1, 1 to 2, 1 to 3 ("counts"), or the thresholds.
    no_better_than : int
        Segment that the override allows at best.
    finance : dict
        Name of each way to leave finance out, and the metrics that go.
    """

    scores: pd.DataFrame
    weights: pd.Series
    domains: pd.Series
    standing: pd.DataFrame
    rule: str
    cuts: np.ndarray
    no_better_than: int
    finance: dict[str, tuple[str, ...]]

    @property
    def members(self) -> np.ndarray:
        """Positions in `scores` of the trusts that are ranked."""
        return self.scores.index.get_indexer(self.standing.index)


def setting(national: National, quarter: str, trust_type: str) -> Setting:
    """The setting of one trust type and quarter, with the rule for segments that the data at hand allow.

    Parameters
    ----------
    quarter, trust_type : str
        Slugs.

    Returns
    -------
    Setting
        For `multiverse`.
    """
    framework, table = national.framework(quarter), standing(national, quarter, trust_type)
    everyone = national.standings[national.standings["quarter"] == quarter]
    rule, cuts = _rule(table, known_edges(everyone, framework), framework.segments.rule)
    types = framework.national_pool if rule == "quartiles" else (trust_type,)
    counted = national.scores[(national.scores["quarter"] == quarter) & national.scores["trust_type"].isin(types)]
    scores, weights = matrix(counted)
    domains = counted.groupby("metric_id")["domain"].first()[scores.columns]
    ids = tuple(one.score_id for one in framework.metrics if one.matrix is not None and one.score_id in scores)
    own = select(counted, quarter, trust_type)["metric_id"].unique()
    return Setting(
        scores,
        weights[scores.columns],
        domains,
        table,
        rule,
        cuts,
        framework.override.no_better_than,
        _finance(domains[domains.index.isin(own)], ids),
    )


def _rule(table: pd.DataFrame, edges: np.ndarray | None, rule: str) -> tuple[str, np.ndarray]:
    if edges is not None:
        return ("thresholds" if rule == "thresholds" else "quartiles"), edges
    if table["segment_unadjusted"].isna().any():
        return "none", np.array([])
    return "counts", np.array([(table["segment_unadjusted"] <= one).sum() for one in (1, 2, 3)])


def _finance(domains: pd.Series, ids: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    ways = {"without the finance score": ids} if ids else {}
    wide = domains.index[domains.str.contains("finance", case=False)]
    return ways | ({"without the finance domain": tuple(wide)} if len(wide) else {})


def averages_under(here: Setting, kept: np.ndarray, by_domain: np.ndarray, median: np.ndarray) -> np.ndarray:
    """Average of each trust of the pool under each choice of metrics, weights and statistic.

    Parameters
    ----------
    kept : array of bool, shape (choices, metrics)
    by_domain : array of bool, shape (choices,)
        Equal weight per domain, shared in a domain as the metrics' weights are; else each metric's own weight.
    median : array of bool, shape (choices,)
        Weighted median instead of the mean.

    Returns
    -------
    array, shape (choices, trusts of `here.scores`)
        1.00 is best; NaN where no score is left.
    """
    score = here.scores.to_numpy()
    held = ~np.isnan(score) * here.weights.to_numpy(dtype=float)
    blocks = pd.get_dummies(here.domains).to_numpy(dtype=float)
    step = max(_CHUNK_CELLS // score.size, 1)
    parts = []
    for start in range(0, len(kept), step):
        piece = slice(start, start + step)
        weight = kept[piece, None, :] * held
        with np.errstate(invalid="ignore", divide="ignore"):
            shared = np.nan_to_num(weight / ((weight @ blocks) @ blocks.T))
        weight = np.where(by_domain[piece, None, None], shared, weight)
        parts.append(np.where(median[piece, None], weighted_medians(score, weight), _means(score, weight)))
    return np.concatenate(parts)


def _means(score: np.ndarray, weight: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return (np.nan_to_num(score) * weight).sum(axis=-1) / weight.sum(axis=-1)


def weighted_medians(score: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Weighted median along the last axis: the middle between the lower and the upper one.

    The lower median is the first score at which half the weight is reached, the upper the first at which it is passed;
    with equal weights their middle is the ordinary median. NaN where there is no weight.

    Parameters
    ----------
    score : array, shape (trusts, metrics)
        NaN where missing; its weight is then 0.
    weight : array, shape (..., trusts, metrics)
        0 or more.

    Returns
    -------
    array, shape (..., trusts)
    """
    order = np.argsort(score, axis=-1)
    sorted_score = np.take_along_axis(score, order, axis=-1)
    reached = np.cumsum(np.take_along_axis(weight, np.broadcast_to(order, weight.shape), axis=-1), axis=-1)
    half = reached[..., -1:] / 2
    everyone = np.broadcast_to(sorted_score, weight.shape)
    lower, upper = ((reached >= half - 1e-9).argmax(axis=-1), (reached > half + 1e-9).argmax(axis=-1))
    middle = sum(np.take_along_axis(everyone, one[..., None], axis=-1)[..., 0] for one in (lower, upper)) / 2
    return np.where(half[..., 0] > 0, middle, np.nan)


def segments_under(here: Setting, averages: np.ndarray) -> np.ndarray:
    """Unadjusted segments of the ranked trusts under each choice, by the rule of the setting.

    Parameters
    ----------
    averages : array, shape (choices, trusts of `here.scores`)

    Returns
    -------
    array, shape (choices, `here.members`)
        1 (best) to 4; NaN without an average or where the rule is "none".
    """
    own = averages[:, here.members]
    if here.rule == "none":
        return np.full(own.shape, np.nan)
    if here.rule == "thresholds":
        edges = np.broadcast_to(here.cuts, (len(own), 3))
    elif here.rule == "quartiles":
        edges = np.nanquantile(averages, [0.25, 0.5, 0.75], axis=1).T
    else:
        edges = _edges_by_count(own, here.cuts)
    return np.where(np.isnan(own), np.nan, segment_of(own, edges[:, None, :]))


def _edges_by_count(averages: np.ndarray, cuts: np.ndarray) -> np.ndarray:
    """Edges that leave the published number of trusts in each segment (in proportion where some have no average)."""
    ranked = (~np.isnan(averages)).sum(axis=1)
    ordered = np.column_stack([np.full(len(averages), -np.inf), np.sort(averages, axis=1)])
    places = np.rint(cuts * ranked[:, None] / averages.shape[1]).astype(int)
    return np.take_along_axis(ordered, places, axis=1)


def league_ranks(segments: np.ndarray, averages: np.ndarray) -> np.ndarray:
    """Competition rank in each row by segment, then by the average at 2 decimals; NaN without an average.

    Parameters
    ----------
    segments, averages : arrays, shape (choices, trusts)
        1 and 1.00 are best; 0 for every segment ranks by average alone.

    Returns
    -------
    array, shape (choices, trusts)
        1 is best; ties all take the best rank among them.
    """
    key = segments * 1000 + round_half_up(averages) * 100
    ranks = stats.rankdata(np.where(np.isnan(averages), np.inf, np.rint(key)), method="min", axis=1)
    return np.where(np.isnan(averages), np.nan, ranks)


# --- The choices that a ranking needs, and every combination of them; nothing is ranked here ---


NOTHING = "nothing"
SEGMENT_FIRST, AVERAGE_ONLY = "segment, then average", "average only"
# Columns of Multiverse.choices with the published choice first; how a reader is told of the other.
PUBLISHED = {
    "left_out": NOTHING,
    "finance": "with",
    "data": "all metrics",
    "weights": "each metric",
    "statistic": "mean",
    "override": "on",
    "rank_by": SEGMENT_FIRST,
}
_TOLD = {
    "finance": "{}",
    "data": "in-quarter data only",
    "weights": "equal weight per domain",
    "statistic": "median",
    "override": "no override",
    "rank_by": "rank by average only",
    "left_out": "without {}",
}


def combinations_of(here: Setting, in_quarter: Collection[str] | None) -> tuple[pd.DataFrame, np.ndarray]:
    """Every combination of choices that gives a ranking of its own, the published one first.

    Returns
    -------
    choices : DataFrame
        As `Multiverse.choices`.
    kept : array of bool, shape (choices, metrics)
        The metrics that each keeps.
    """
    rows, masks, seen, by_metrics = [], [], set(), {}
    for combination in product(*_options(here, in_quarter).values()):
        choice = dict(zip(PUBLISHED, combination, strict=True))
        by_average, unused = choice["rank_by"] == AVERAGE_ONLY, choice["override"] == "not used"
        if by_average != unused:
            continue
        metrics = combination[:3]  # left_out, finance and data: what the mask depends on
        if metrics not in by_metrics:
            by_metrics[metrics] = kept_metrics(here, choice, in_quarter)
        mask = by_metrics[metrics]
        key = (mask.tobytes(), *combination[3:])
        if key in seen or not mask.any():
            continue
        seen.add(key)
        rows.append(choice | _told(choice, here))
        masks.append(mask)
    return pd.DataFrame(rows), np.array(masks)


def _options(here: Setting, in_quarter: Collection[str] | None) -> dict[str, list[str]]:
    own = here.scores.iloc[here.members].notna().any()
    flagged = bool(here.standing["in_deficit"].any())
    return {
        "left_out": [NOTHING, *own.index[own], *sorted(here.domains[own].unique())],
        "finance": ["with", *here.finance],
        "data": ["all metrics"] + ["in quarter"] * (in_quarter is not None),
        "weights": ["each metric", "each domain"],
        "statistic": ["mean", "median"],
        "override": ["on"] + ["off"] * flagged + ["not used"],
        "rank_by": [SEGMENT_FIRST, AVERAGE_ONLY] if here.rule != "none" else [AVERAGE_ONLY],
    }


def kept_metrics(here: Setting, choice: dict, in_quarter: Collection[str] | None) -> np.ndarray:
    """Which metrics a choice keeps: a bool for each column of `here.scores`.

    Parameters
    ----------
    choice : dict
        A row of `Multiverse.choices`.
    in_quarter : collection of str or None
        Score ids with data of the quarter; asked for only where the choice is "in quarter".
    """
    metrics = here.scores.columns
    gone = (metrics == choice["left_out"]) | (here.domains == choice["left_out"]).to_numpy()
    gone |= metrics.isin(here.finance.get(choice["finance"], ()))
    if choice["data"] == "in quarter":
        gone |= ~metrics.isin(list(in_quarter or ()))
    return ~gone


def _told(choice: dict, here: Setting) -> dict:
    published = PUBLISHED | ({"rank_by": AVERAGE_ONLY} if here.rule == "none" else {})
    other = [name for name, value in choice.items() if value not in (published[name], "not used")]
    label = "; ".join(_TOLD[name].format(choice[name]) for name in other) or "as published"
    return {"differs": len(other), "label": label}


# --- The multiverse: one trust type ranked under every combination of choices, and what each choice does ---


# A mean of one or two scores is the ranking of a metric, not of a trust: no rank is reported on fewer than this.
FEWEST = 3


@dataclass(frozen=True)
class Multiverse:
    """All rankings of one trust type under every combination of choices.

    Attributes
    ----------
    choices : DataFrame
        One row a combination, the published one first: left_out (a metric id, a domain or "nothing"), finance, data,
        weights, statistic, override ("not used" when ranked by average only), rank_by, differs (how many choices are
        not the published ones), label (those, in words).
    ranks, segments : arrays, shape (choices, trusts)
        NaN where a trust has fewer scores left than asked for (the others are ranked with it all the same).
    summary : DataFrame
        On the trusts: choices (in which it has a rank), rank_published, rank_best, rank_worst, rank_low and rank_high
        (5% and 95% of the choices), top_quarter (share of choices in the best quarter of the table), segment_best,
        segment_worst, moves_most (the single choice that moves the trust most), places (by how many; negative is up),
        metrics_fewest (smallest number of metrics that one of its ranks rests on).
    """

    choices: pd.DataFrame
    ranks: np.ndarray
    segments: np.ndarray
    summary: pd.DataFrame


def multiverse(here: Setting, in_quarter: Collection[str] | None = None, fewest: int = FEWEST) -> Multiverse:
    """Rank one trust type under every combination of reasonable choices.

    Left out: nothing, a metric or a domain; finance: with, without its score, without its domain; all metrics or only
    those with data of the quarter; weights of each metric as published or equal by domain; mean or median (weighted);
    with and without the override; ranked by segment then average, or by average only. Combinations that leave the same
    metrics under the same rules count once, as do those in which the override plays no part.

    Parameters
    ----------
    here : Setting
        As `setting`.
    in_quarter : collection of str, optional
        Score ids with data of the quarter (`timeliness.in_quarter_metrics`); without it that choice is left out.
    fewest : int
        Metrics that a trust must have left for its rank to be reported; the published choice is always reported.
    """
    choices, kept = combinations_of(here, in_quarter)
    ranks, segments = ranked_under(here, choices, kept)
    count = kept.astype(float) @ here.scores.notna().to_numpy(dtype=float)[here.members].T
    thin = count < fewest
    thin[0] = False
    ranks, segments, count = (np.where(thin, np.nan, part) for part in (ranks, segments, count))
    return Multiverse(choices, ranks, segments, _summary(here, choices, ranks, segments, np.nanmin(count, axis=0)))


def ranked_under(here: Setting, choices: pd.DataFrame, kept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ranks and segments of every choice; averages and cuts are worked out once for choices that share them."""
    keys = [
        mask.tobytes() + f"{row.weights}{row.statistic}".encode()
        for mask, row in zip(kept, choices.itertuples(), strict=True)
    ]
    _, first, which = np.unique(keys, return_index=True, return_inverse=True)
    base = choices.iloc[first]
    averages = averages_under(
        here, kept[first], base["weights"].eq("each domain").to_numpy(), base["statistic"].eq("median").to_numpy()
    )
    unadjusted, averages = segments_under(here, averages)[which], averages[:, here.members][which]
    flags = here.standing["in_deficit"].to_numpy(dtype=bool) & choices["override"].eq("on").to_numpy()[:, None]
    segments = override(unadjusted, flags, here.no_better_than)
    by_average = choices["rank_by"].eq(AVERAGE_ONLY).to_numpy()[:, None]
    return league_ranks(np.where(by_average, 0, segments), averages), segments


def _summary(
    here: Setting, choices: pd.DataFrame, ranks: np.ndarray, segments: np.ndarray, fewest: np.ndarray
) -> pd.DataFrame:
    low, high = np.nanquantile(ranks, [0.05, 0.95], axis=0, method="inverted_cdf")
    known = ~np.isnan(ranks)
    top = np.where(known, ranks <= ranks.shape[1] / 4, np.nan)
    cut = segments if here.rule != "none" else np.full((1, ranks.shape[1]), np.nan)
    single = np.flatnonzero(choices["differs"] == 1)
    places = np.nan_to_num(ranks[single] - ranks[0])
    most = np.abs(places).argmax(axis=0)
    moved = places[most, np.arange(len(most))]
    labels = choices["label"].to_numpy()[single[most]]
    worst = cut if here.rule == "none" else np.where(np.isnan(cut), -np.inf, cut)
    return pd.DataFrame(
        {
            "choices": known.sum(axis=0),
            "rank_published": here.standing["rank"].to_numpy(),
            "rank_best": np.nanmin(ranks, axis=0),
            "rank_worst": np.nanmax(ranks, axis=0),
            "rank_low": low,
            "rank_high": high,
            "top_quarter": np.nanmean(top, axis=0),
            "segment_best": np.fmin.reduce(cut, axis=0),
            "segment_worst": worst.max(axis=0),
            "moves_most": np.where(moved != 0, labels, NOTHING),
            "places": moved,
            "metrics_fewest": fewest,
        },
        index=here.standing.index,
    )


def one_at_a_time(universe: Multiverse) -> pd.DataFrame:
    """What each choice does on its own, all else as published.

    Returns
    -------
    DataFrame
        label, trust_code, rank, places (against the published choice; negative is up), segment.
    """
    single = np.flatnonzero(universe.choices["differs"] == 1)
    index = pd.MultiIndex.from_product(
        [universe.choices["label"].iloc[single], universe.summary.index], names=["label", "trust_code"]
    )
    columns = {
        "rank": universe.ranks[single],
        "places": universe.ranks[single] - universe.ranks[0],
        "segment": universe.segments[single],
    }
    return pd.DataFrame({name: part.ravel() for name, part in columns.items()}, index=index).reset_index()


def choice_effects(universe: Multiverse) -> pd.DataFrame:
    """How far each single choice moves the table, the strongest first.

    Returns
    -------
    DataFrame
        On the labels: trusts_moved, places_mean (over all trusts, without sign), places_most, segments_changed.
    """
    table = one_at_a_time(universe)
    before = table["trust_code"].map(pd.Series(universe.segments[0], universe.summary.index))
    far = table.assign(
        moved=table["places"].abs() > 0,
        far=table["places"].abs(),
        changed=table["segment"].notna() & before.notna() & (table["segment"] != before),
    )
    found = far.groupby("label", sort=False).agg(
        trusts_moved=("moved", "sum"),
        places_mean=("far", "mean"),
        places_most=("far", "max"),
        segments_changed=("changed", "sum"),
    )
    return found.sort_values("places_mean", ascending=False, kind="stable")
