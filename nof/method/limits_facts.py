"""The facts of each section, made from these frames.

The facts of each section of the limitations briefing: every number of a sentence, caption, alt text and card, once.

Frames go in (as `nof.method.limits` gives them), one frozen dataclass comes out. What the data do not allow is None.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from nof.common import Quarter
from nof.method.change import change_summary
from nof.method.facts import Facts, fact
from nof.method.limits_data_facts import ages, beside, kinds, mergers, method
from nof.method.limits_moves import AVERAGE, Step

HALF, SURE, QUITE_SURE = 0.5, 0.95, 0.80
MSW = "Mogstad, Romano, Shaikh and Wilhelm 2024"
__all__ = ["ages", "beside", "kinds", "lasting", "mergers", "method", "moves", "places", "typical_width"]


def typical_width(table: pd.DataFrame, low: str, high: str) -> float | None:
    """Median number of places from one column to another, both counted; None where they are not known."""
    width = float((table[high] - table[low] + 1).astype(float).median())
    return width if np.isfinite(width) else None


def _number(value: float) -> float | None:
    return float(value) if pd.notna(value) and np.isfinite(value) else None


def _share(value: float) -> float | None:
    """A share of variance, at least nought; None where it is not known."""
    known = _number(value)
    return None if known is None else max(known, 0.0)


# --- 1. how sure a place is ---


@dataclass(frozen=True)
class Places(Facts):
    """How sure the places of a league table are."""

    level: float = fact("Confidence of the sets", "share of 1")
    trusts: int = fact("Trusts in the table", "trusts")
    example: int = fact("A place to speak of: a third down the table", "place")
    published: bool = fact("Whether every likely range is NHS England's own")
    ranges: int = fact("Trusts with a likely range of the place", "trusts")
    range_width: float | None = fact(
        "Places that the likely range of a typical trust's place covers", "places", digits=0
    )
    range_shortest: float | None = fact("Places that the shortest likely range covers", "places", digits=0)
    range_longest: float | None = fact("Places that the longest likely range covers", "places", digits=0)
    middle: float = fact("Median average score", "points", direction="1.00 is best", digits=2)
    hold_middle: int = fact("Trusts whose likely range of the average holds the median average", "trusts")
    better_half: int = fact("Trusts whose likely range of the place lies in the better half", "trusts")
    worse_half: int = fact("Trusts whose likely range of the place lies in the worse half", "trusts")
    these_width: float | None = fact(
        "Places that a typical set covers: these metrics, another quarter", "places", source=MSW, digits=0
    )
    these_told: int | None = fact(
        "Trusts told apart from at least one other, all pairs allowed for: these metrics, another quarter", "trusts"
    )
    these_most: int | None = fact(
        "Most others that one trust is told apart from, all pairs allowed for: these metrics, another quarter", "trusts"
    )
    other_width: float | None = fact(
        "Places that a typical set covers: other metrics like these", "places", source=MSW, digits=0
    )
    other_told: int | None = fact(
        "Trusts told apart from at least one other, all pairs allowed for: other metrics like these", "trusts"
    )
    other_most: int | None = fact(
        "Most others that one trust is told apart from, all pairs allowed for: other metrics like these", "trusts"
    )
    segments: int = fact("Trusts with a chance of their own segment", "trusts")
    odds_against: int = fact("Trusts whose redrawn scores land outside their segment more often than in it", "trusts")
    odds_least: int = fact("The same with every edge where it suits the trusts best, within its bracket", "trusts")
    odds_most: int = fact("The same with every edge where it suits them least", "trusts")
    settled: int = fact("Trusts whose redrawn scores land in their segment at least 95% of the time", "trusts")
    other_settled: int | None = fact(
        "Trusts with a chance of at least 95% of their segment on other metrics like these", "trusts"
    )
    edges_known: int = fact("Trusts whose distance to an edge between segments is known", "trusts")
    near_edge: int = fact("Trusts within one standard error of an edge between segments", "trusts")
    edge_distance: float | None = fact("Median distance to the nearest edge", "standard errors", digits=1)
    held: int = fact("Trusts that the financial override holds in a worse segment", "trusts")
    metrics: float = fact("Median number of metrics scored", "metrics")
    narrower: float | None = fact("How much narrower a likely range is than a t interval at that number", "share of 1")
    covers: float | None = fact("What a likely range covers at that number of metrics", "share of 1")
    expect_best: int | None = fact("Trusts at least 80% sure of the best quarter of the next table", "trusts")
    expect_worst: int | None = fact("Trusts at least 80% sure of the worst quarter of the next table", "trusts")


def places(table: pd.DataFrame, published: bool, narrowness: pd.DataFrame, level: float = SURE) -> Places:
    """Facts on places.

    Parameters
    ----------
    table, published, narrowness
        As `limits.places`, `limits.ranges_published` and `limits.narrowness`.
    level : float
        Of the sets in `table`.
    """
    n, known = len(table), table["rank_low"].notna() & table["rank_high"].notna()
    lengths = (table["rank_high"] - table["rank_low"] + 1)[known]
    metrics = table["metrics_scored"].median()
    narrow = narrowness.reindex([int(metrics)]).iloc[0] if int(metrics) in narrowness.index else None
    redraw, near = table["redraw_own"].dropna(), table["nearest"].dropna()
    chance = table["other_segment_own"].dropna()

    def counted(name: str, least: float) -> int | None:
        """How many reach a limit in a column; None where nothing of it is known."""
        part = table[name].dropna()
        return int((part >= least).sum()) if len(part) else None

    def sets(question: str) -> dict:
        """How wide the sets of a question are, and how many trusts they tell apart from others."""
        told = table[f"told_apart_{question}_joint"].dropna()
        return {
            f"{question}_width": typical_width(table, f"{question}_low", f"{question}_high"),
            f"{question}_told": counted(f"told_apart_{question}_joint", 1),
            f"{question}_most": int(told.max()) if len(told) else None,
        }

    return Places(
        level=level,
        trusts=n,
        example=max(n // 3, 1),
        published=published,
        ranges=int(known.sum()),
        range_width=_number(lengths.median()),
        range_shortest=_number(lengths.min()),
        range_longest=_number(lengths.max()),
        middle=float(table["average_score"].median()),
        hold_middle=int(table["holds_middle"].sum()),
        better_half=int((table["rank_high"] <= n / 2).sum()),
        worse_half=int((table["rank_low"] > n / 2).sum()),
        **sets("these"),
        **sets("other"),
        segments=len(redraw),
        odds_against=int((redraw < HALF).sum()),
        odds_least=int((table["redraw_own_high"] < HALF).sum()),
        odds_most=int((table["redraw_own_low"] < HALF).sum()),
        settled=int((redraw >= SURE).sum()),
        other_settled=int((chance >= SURE).sum()) if len(chance) else None,
        edges_known=len(near),
        near_edge=int((near <= 1).sum()),
        edge_distance=_number(near.median()),
        held=int((table["segment"] > table["segment_unadjusted"]).sum()),
        metrics=float(metrics),
        narrower=None if narrow is None else float(narrow["narrower"]),
        covers=None if narrow is None else float(narrow["coverage"]),
        expect_best=counted("chance_best_quarter", QUITE_SURE),
        expect_worst=counted("chance_worst_quarter", QUITE_SURE),
    )


# --- 2. how much of a move is noise, and what lasts ---


@dataclass(frozen=True)
class Moves(Facts):
    """How much of a move between two quarters is noise."""

    gap: str = fact("Why there is no quarter before to compare with; empty where there is one")
    before: str | None = fact("Quarter before")
    after: str | None = fact("This quarter")
    trusts: int = fact("Trusts that can be compared", "trusts")
    tested: int = fact("Of these, with new data to test", "trusts")
    segments: bool = fact("Whether the segments of both quarters are known")
    moved: int = fact("Trusts that changed segment", "trusts")
    by_override: int = fact("Of these, by the financial override", "trusts")
    signal: int = fact("Of the others, with a change of the average that can be told from noise", "trusts")
    no_signal: int = fact("Of the others, with a change that cannot be told from noise", "trusts")
    same_segment: int = fact("Trusts with a change that can be told from noise inside their segment", "trusts")
    beyond_noise: tuple[str, ...] = fact("Trusts whose change can be told from noise")
    expected: float | None = fact("Trusts that noise alone would move to another segment", "trusts", digits=0)
    expected_low: float | None = fact("Lower end of 95% of simulations of that", "trusts", digits=0)
    expected_high: float | None = fact("Upper end of 95% of simulations of that", "trusts", digits=0)
    smallest: float | None = fact(
        "Smallest change of a typical trust's average that the test would find in four of five cases",
        "points of the average",
        digits=2,
    )
    typical: float | None = fact(
        "Change of the average of a typical trust, either way", "points of the average", digits=2
    )
    better: int = fact("Trusts whose average became better", "trusts")
    worse: int = fact("Trusts whose average became worse", "trusts")
    farthest: tuple[float, float] | None = fact("The largest change of an average, from and to", "points")
    excluded: tuple[str, ...] = fact("Trusts left out as not comparable, with the reason")
    scores_moved: int = fact("Metric scores that moved and whose value is known in both quarters", "scores")
    apart: int = fact("Of these, scores that moved one way while the value moved the other", "scores")

    @property
    def told(self) -> int:
        """Trusts whose change can be told from noise."""
        return len(self.beyond_noise)


def moves(
    step: Step | None, excluded: pd.DataFrame, names: pd.Series, directions: pd.DataFrame, gap: str = ""
) -> Moves:
    """Facts on movement.

    Parameters
    ----------
    step, excluded, names
        As `limits.last_step`, `limits.excluded` and `limits.names`.
    directions : DataFrame
        As `limits.directions`: which way each score and its value went.
    gap : str
        As `View.gap`.
    """
    left = tuple(f"{one.trust_name} ({one.reason})" for one in excluded.itertuples())
    if step is None or step.changes.empty:
        before = None if step is None else Quarter.parse(step.before).label
        return Moves(
            gap, before, None, 0, 0, False, 0, 0, 0, 0, 0, (), None, None, None, None, None, 0, 0, None, left, 0, 0
        )
    table, noise, counts = step.changes, step.noise, change_summary(step.changes)["trusts"].astype(int)
    away = table["average_after"] - table["average_before"]
    far = table.loc[away.abs().idxmax(), ["average_before", "average_after"]]
    known = directions.dropna(subset=["score_better", "value_better"])
    return Moves(
        gap=gap,
        before=Quarter.parse(step.before).label,
        after=Quarter.parse(step.after).label,
        trusts=len(table),
        tested=int(table["p_value"].notna().sum()),
        segments=bool(table[["segment_before", "segment_after"]].notna().any(axis=None)),
        moved=int(counts["changed segment"]),
        by_override=int(counts["by the financial override"]),
        signal=int(counts["by a significant change"]),
        no_signal=int(counts["change not significant"]),
        same_segment=int(counts["significant, same segment"]),
        beyond_noise=tuple(names.reindex(table.loc[table["more_than_noise"].astype(bool), "trust_code"])),
        expected=noise.expected if noise else None,
        expected_low=noise.low if noise else None,
        expected_high=noise.high if noise else None,
        smallest=_number(table["smallest_change_found"].median()),
        typical=_number(away.abs().median()),
        better=int((away < 0).sum()),
        worse=int((away > 0).sum()),
        farthest=(float(far.iloc[0]), float(far.iloc[1])) if away.any() else None,
        excluded=left,
        scores_moved=len(known),
        apart=int(known["apart"].sum()),
    )


@dataclass(frozen=True)
class Lasting(Facts):
    """How far differences between trusts last, over quarters and over metrics."""

    quarters: int = fact("Quarters at hand", "quarters")
    reliability: float | None = fact(
        "Share of the variance of averages that lies between trusts, annual figures left out", "share of 1"
    )
    reliability_low: float | None = fact("Lower end of its 95% interval", "share of 1")
    reliability_high: float | None = fact("Upper end of its 95% interval", "share of 1")
    near: float | None = fact("Correlation of averages one quarter apart", digits=2)
    far: float | None = fact("Correlation of averages as far apart as these files reach", digits=2)
    far_apart: int | None = fact("How far apart that is", "quarters")
    rankability: float | None = fact(
        "Share of the differences in this quarter that is not spread over metrics", "share of 1"
    )
    rankability_low: float | None = fact("Lower end of its 95% interval", "share of 1")
    rankability_high: float | None = fact("Upper end of its 95% interval", "share of 1")
    trust_share: float | None = fact("Share of the variance of scores that goes with the trust alone", "share of 1")
    profile_share: float | None = fact(
        "Share that goes with how a trust does on one metric rather than another", "share of 1"
    )
    noise_share: float | None = fact("Share that goes with one score in one quarter", "share of 1")
    metric_share: float | None = fact("Share that goes with the metric and quarter, alike for all trusts", "share of 1")
    these: float | None = fact(
        "How far an average is true: these metrics, another quarter", "share of 1", source="Brennan 2001"
    )
    other: float | None = fact(
        "How far an average is true: other metrics like these", "share of 1", source="Brennan 2001"
    )


def lasting(
    reliability: pd.DataFrame,
    lags: pd.DataFrame,
    rankability: float,
    interval: tuple[float, float],
    components: pd.DataFrame,
    generalizability: pd.DataFrame,
) -> Lasting:
    """Facts on what lasts; each argument as the function of its name in `limits`, `interval` as `rankability_interval`.

    A share of variance that is estimated below nought is told as nought.
    """
    table = reliability.set_index("measure") if len(reliability) else pd.DataFrame(columns=["icc"])
    moving = next((one for one in ("average of moving metrics", AVERAGE) if one in table.index), None)
    row = table.loc[moving] if moving else pd.Series(dtype=float)
    known = lags.dropna(subset="correlation") if len(lags) else lags
    share = components.set_index("source")["share"]
    coefficient = generalizability.set_index("question")["coefficient"]
    return Lasting(
        quarters=int(row.get("quarters", 1)),
        reliability=_share(row.get("icc", np.nan)),
        reliability_low=_share(row.get("icc_low", np.nan)),
        reliability_high=_share(row.get("icc_high", np.nan)),
        near=_number(known["correlation"].iloc[0]) if len(known) else None,
        far=_number(known["correlation"].iloc[-1]) if len(known) > 1 else None,
        far_apart=int(known["quarters_apart"].iloc[-1]) if len(known) > 1 else None,
        rankability=_share(rankability),
        rankability_low=_share(interval[0]),
        rankability_high=_share(interval[1]),
        trust_share=_number(share["trust"] + share["trust x quarter"]),
        profile_share=_number(share["trust x metric"]),
        noise_share=_number(share["remainder"]),
        metric_share=_number(share["metric"] + share["quarter"] + share["metric x quarter"]),
        these=_number(coefficient["these metrics, another quarter"]),
        other=_number(coefficient["other metrics like these, this quarter"]),
    )
