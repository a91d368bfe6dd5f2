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

from nof.method.setting import Setting, averages_under, league_ranks, segments_under
from nof.rules.ranking import override

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
    known = ~np.isnan(ranks)
    low, high = np.full((2, ranks.shape[1]), np.nan)
    some = known.any(axis=0)
    low[some], high[some] = np.nanquantile(ranks[:, some], [0.05, 0.95], axis=0, method="inverted_cdf")
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
