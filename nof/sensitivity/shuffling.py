"""The randomisation check: one metric at a time shuffled among trusts, and how many ranks move."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd

from nof.ranking import override
from nof.sensitivity.reranking import Setting, averages_under, league_ranks, segments_under


def shuffle_metrics(
    here: Setting, metrics: Collection[str] | None = None, repeats: int = 200, seed: int = 0
) -> pd.DataFrame:
    """Shuffle one metric at a time among the trusts scored on it, and rank again as published.

    If a metric can be replaced by chance and few ranks move, it tells little about them; if many move, it decides much.

    Parameters
    ----------
    metrics : collection of str, optional
        Score ids; all that the type is scored on by default.

    Returns
    -------
    DataFrame
        On the metrics: trusts (scored on it), ranks_moved and share_moved (mean over repeats; of all trusts ranked),
        places (mean, without sign, over all trusts), places_most (mean over repeats of the largest move).
    """
    random = np.random.default_rng(seed)
    own = here.scores.iloc[here.members].notna().any()
    wanted = [one for one in here.scores.columns[own] if metrics is None or one in metrics]
    before, flags = _published(here), here.standing["in_deficit"].to_numpy(dtype=bool)
    rows = {metric: _shuffled(here, metric, repeats, random, before, flags) for metric in wanted}
    columns = ["trusts", "ranks_moved", "share_moved", "places", "places_most"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("metric_id")


def _published(here: Setting) -> np.ndarray:
    """Averages of the whole pool as published, one row."""
    only = np.array([False])
    return averages_under(here, np.ones((1, here.scores.shape[1]), dtype=bool), only, only)


def _rank_rows(here: Setting, averages: np.ndarray, flags: np.ndarray) -> np.ndarray:
    segments = override(segments_under(here, averages), flags, here.no_better_than) if here.rule != "none" else 0.0
    return league_ranks(segments * np.ones((len(averages), len(here.members))), averages[:, here.members])


def _shuffled(
    here: Setting, metric: str, repeats: int, random: np.random.Generator, before: np.ndarray, flags: np.ndarray
) -> tuple[int, float, float, float, float]:
    column = here.scores[metric].to_numpy()
    scored = here.members[~np.isnan(column[here.members])]
    drawn = random.permuted(np.tile(column[scored], (repeats, 1)), axis=1)
    total = (here.scores.notna().to_numpy() @ here.weights.to_numpy(dtype=float))[scored]
    averages = np.repeat(before, repeats, axis=0)
    averages[:, scored] += (drawn - column[scored]) * here.weights[metric] / total
    places = np.abs(_rank_rows(here, averages, flags) - _rank_rows(here, before, flags))
    moved = (places > 0).sum(axis=1).mean()
    return len(scored), moved, moved / places.shape[1], places.mean(), places.max(axis=1).mean()
