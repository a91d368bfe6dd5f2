"""What changed from one quarter to the next: metric scores, and the values behind them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd

from nof.method.volatility import STILL
from nof.rules.framework import Metric
from nof.rules.scoring import round_half_up, value_rows

STEP = ["quarter_before", "quarter_after"]


def score_changes(
    scores: pd.DataFrame,
    trust_type: str,
    steps: Sequence[tuple[str, str]],
    *,
    copied: Mapping[str, Collection[str]] | None = None,
    not_comparable: Mapping[str, Collection[str]] | None = None,
) -> pd.DataFrame:
    """Every change of every metric score of a trust type, step by step.

    Parameters
    ----------
    scores : DataFrame
        As `recompute.National`: quarter, trust_type, trust_code, metric_id, score, weight (0: shown, not averaged).
    steps : sequence of (before, after)
        Slugs of quarters that follow each other.
    copied : mapping of slug to collection of str
        For the later quarter of a step: score ids without new data (`timeliness.unmoved`), besides those in which no
        trust moved.
    not_comparable : mapping of slug to collection of str
        For the later quarter of a step: trusts whose comparison a merger breaks; their changes are left out.

    Returns
    -------
    DataFrame
        One row a step, trust and metric scored in both quarters: quarter_before, quarter_after, trust_code, metric_id,
        weight (of the later quarter), score_before, score_after, change (points; negative is better), moves (False: a
        copy), usual (mean change of that metric in that step over the trusts; NaN for a copy), beyond (change - usual).
    """
    counted = scores[(scores["trust_type"] == trust_type) & (scores["weight"] > 0)]
    copied, not_comparable = copied or {}, not_comparable or {}
    columns, keys = ["trust_code", "metric_id", "score", "weight"], ["trust_code", "metric_id"]
    parts = []
    for before, after in steps:
        ours = counted[~counted["trust_code"].isin(list(not_comparable.get(after, ())))]
        first, second = (ours.loc[ours["quarter"] == quarter, columns] for quarter in (before, after))
        both = first.drop(columns="weight").merge(second, on=keys, suffixes=("_before", "_after"))
        change = both["score_after"] - both["score_before"]
        lively = change.abs().groupby(both["metric_id"]).transform("max") > STILL
        moves = lively & ~both["metric_id"].isin(list(copied.get(after, ())))
        usual = change.groupby(both["metric_id"]).transform("mean").where(moves)
        both = both.assign(change=change, moves=moves, usual=usual, beyond=change - usual)
        parts.append(both.assign(quarter_before=before, quarter_after=after))
    order = [*STEP, *keys, "weight", "score_before", "score_after", "change", "moves", "usual", "beyond"]
    if not parts:
        return pd.DataFrame(columns=order)
    return pd.concat(parts)[order].sort_values([*STEP, *keys], kind="stable").reset_index(drop=True)


def directions(changes: pd.DataFrame, metrics: pd.DataFrame, rules: Mapping[str, Metric]) -> pd.DataFrame:
    """Which way each metric went: its score, and the value behind it.

    A score is a position among all trusts, so it can become worse while the value becomes better, when others gained
    more. Only the value says what the trust did.

    Parameters
    ----------
    changes : DataFrame
        As `score_changes`; the two quarters need not follow each other.
    metrics : DataFrame
        `Publication.metrics`, with the values.
    rules : mapping of score id to Metric
        `Framework.by_score` of the later quarter.

    Returns
    -------
    DataFrame
        One row a step, trust and metric: quarter_before, quarter_after, trust_code, metric_id, units, score_before,
        score_after (as displayed, 2 decimals), score_change (negative is better), value_before, value_after,
        value_change (NaN where no value is published), score_better and value_better (boolean; NA where it did not move
        or, of the value, where it or its direction is not known), apart (score and value moved in opposite directions).
    """
    keys = ["trust_code", "metric_id"]
    shown = changes[[*STEP, *keys]].assign(
        score_before=round_half_up(changes["score_before"]), score_after=round_half_up(changes["score_after"])
    )
    values = _values(metrics[metrics["quarter"].isin(pd.unique(shown[STEP].to_numpy().ravel()))], rules)
    for end in ("before", "after"):
        here = values.rename(columns={"quarter": f"quarter_{end}", "value": f"value_{end}"})
        here = here if end == "after" else here.drop(columns=["units", "sign"])
        shown = shown.merge(here, on=[f"quarter_{end}", *keys], how="left")
    shown["score_change"] = round_half_up(shown["score_after"] - shown["score_before"])
    shown["value_change"] = shown["value_after"] - shown["value_before"]
    score, value = shown["score_change"], shown["value_change"] * shown["sign"]
    shown = shown.assign(score_better=_better(score), value_better=_better(value), apart=score * value < 0)
    order = [*STEP, *keys, "units", "score_before", "score_after", "score_change", "value_before", "value_after"]
    return shown[[*order, "value_change", "score_better", "value_better", "apart"]]


def _values(metrics: pd.DataFrame, rules: Mapping[str, Metric]) -> pd.DataFrame:
    """Values of every metric whose direction is known, with their score id; sign is 1 where a low value is better."""
    wanted = [rule for rule in rules.values() if rule.better != "unknown" and rule.value_id != "not published"]
    parts = [
        value_rows(metrics, rule)[["quarter", "trust_code", "units", "value"]].assign(
            metric_id=rule.score_id, sign=1.0 if rule.better == "low" else -1.0
        )
        for rule in wanted
    ]
    columns = ["quarter", "trust_code", "metric_id", "units", "value", "sign"]
    if not parts:
        return pd.DataFrame(columns=columns).astype({"value": float, "sign": float})
    return pd.concat(parts)[columns].drop_duplicates(["quarter", "trust_code", "metric_id"])


def _better(signed: pd.Series) -> pd.Series:
    """True where a change in points, low being better, is an improvement; NA where it is nought or not known."""
    return pd.Series(np.sign(signed), signed.index).map({-1.0: True, 1.0: False}).astype("boolean")
