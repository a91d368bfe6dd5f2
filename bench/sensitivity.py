"""The tables of docs/explanation/uncertainty.md on method, decisions, steps, edges and ranges, as Markdown.

    python bench/sensitivity.py [FOLDER [QUARTER]]

Every figure is computed from the folder (the demo if none is named); nothing is typed.
"""

from __future__ import annotations

import sys
import time

import numpy as np
import pandas as pd
from scipy import stats

from nof import common, demo
from nof.method import choices, limits, ranges, steps
from nof.method.contributions import scored
from nof.method.decision import alternatives_of, decisions, every_rank, pool_rows, scores_by_value
from nof.method.next_segment import edge_brackets
from nof.method.opening import open_publication
from nof.method.sensitivity import FEWEST
from nof.method.view import View, view_of
from nof.rules import uncertainty

DRAWS = 2**12  # of scipy's estimate, which is only set beside the exact shares


def shown(table: pd.DataFrame, digits: int = 2) -> str:
    """A frame as a Markdown table."""
    rows = [
        [f"{one:.{digits}f}" if isinstance(one, float) else str(one) for one in row] for row in table.to_numpy(object)
    ]
    head = f"| {' | '.join(map(str, table.columns))} |\n|{'---|' * len(table.columns)}\n"
    return head + "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"


def spans(view: View) -> pd.DataFrame:
    """Places of the typical trust by kind of span."""
    return limits.typical_spans(view)[["kind", "what", "combinations", "typical", "narrowest", "widest"]]


def sampled(view: View) -> pd.DataFrame:
    """First-order and total shares of the mean shift of places: exact, and as scipy estimates them with its interval."""
    here, inside = limits.setting(view), limits.in_quarter(view)
    rows = pool_rows(here, scored(view.national, view.quarter))
    other, changed = scores_by_value(rows, here, view.framework)
    alternatives = alternatives_of(here, inside, bool(changed))
    ranks, left = every_rank(here, other, alternatives, inside)
    kept = left.min(axis=tuple(range(left.ndim - 1))) >= FEWEST
    shift = np.abs(ranks - ranks[(0,) * (ranks.ndim - 1)])[..., kept].mean(axis=-1)
    flat = shift.reshape(-1, *shift.shape[-2:])

    def drawn(x: np.ndarray) -> np.ndarray:
        at = [np.minimum((row * size).astype(int), size - 1) for row, size in zip(x, flat.shape, strict=True)]
        return flat[tuple(at)][None]

    found = stats.sobol_indices(func=drawn, n=DRAWS, dists=[stats.uniform()] * 3, rng=np.random.default_rng(0))
    interval = found.bootstrap(n_resamples=200)
    exact = limits.decisions(view).groups.set_index("group")
    table = []
    for place, group in enumerate(("scoring and weights", "which metrics", "date of the data")):
        row = {"group": group}
        for name, ends, point, column in (
            ("first order", interval.first_order, found.first_order, "first_order_shift"),
            ("total", interval.total_order, found.total_order, "total_shift"),
        ):
            low, high = (np.ravel(getattr(ends.confidence_interval, one))[place] for one in ("low", "high"))
            row |= {name: exact.loc[group, column]}
            row |= {f"{name}, scipy": f"{np.ravel(point)[place]:.2f} ({low:.2f} to {high:.2f})"}
        table.append(row)
    return pd.DataFrame(table)


def conventions(view: View) -> pd.DataFrame:
    """Total shares of the variance of all places, by how likely it is that no metric is left out."""
    inside = limits.in_quarter(view)
    table = {}
    for name, chance in (("one alternative among the others", None), ("half of the time", 0.5), ("always", 1.0)):
        found = decisions(view.national, view.quarter, view.trust_type, inside, chance)
        table[name] = found.groups.set_index("group")["total"]
    return pd.DataFrame(table).T.rename_axis("nothing left out").reset_index()


def back_to_the_mean(view: View) -> pd.DataFrame:
    """Correlation of start and change by metric, and how far the lowest and highest third of the starts went."""
    rows = []
    for metric_id, own in steps.moves(view.national, view.trust_type).groupby("metric_id"):
        thirds = pd.qcut(own["value_before"].rank(method="first"), 3, labels=False)
        middle = own.groupby(thirds)["change"].median()
        rows.append(
            {"metric": metric_id, "trust-quarters": len(own), "usual move": own["change"].abs().median(),
             "start and change": steps.start_change(own), "lowest third": middle[0], "highest third": middle[2]}
        )  # fmt: skip
    return pd.DataFrame(rows)


def edges(view: View) -> pd.DataFrame:
    """The brackets of the edges, and how far they let the chance of a trust's own segment swing."""
    table = steps.segment_edges(view.national)
    return table[table["quarter"] == view.quarter].drop(columns="quarter")


def swings(view: View) -> pd.DataFrame:
    """Chance of the own segment at both ends of the brackets, the trusts that swing most."""
    if view.redrawn is None:
        return pd.DataFrame()
    league = view.league.set_index("trust_code")
    brackets = edge_brackets(view.national, view.quarter)
    found = steps.segment_chance_ranges(
        view.redrawn, brackets, league["in_deficit"], view.framework.override.no_better_than
    )
    own = steps.own_segment_chances(found, league["segment"])
    own = own.assign(swing=own["chance_own_high"] - own["chance_own_low"]).sort_values("swing", ascending=False)
    return own.head(5).rename_axis("trust").reset_index()


def narrow(view: View) -> pd.DataFrame:
    """Narrowness by number of metrics, with the coverage of the exact interval simulated beside it."""
    random, rows = np.random.default_rng(0), []
    for n, row in ranges.narrowness(view.league["metrics_scored"].clip(lower=2)).iterrows():
        hits = [_holds(np.clip(random.normal(2.5, 0.4, n), 1, 4).round(2)) for _ in range(1000)]
        rows.append(
            {"metrics": n, "narrower": row["narrower"], "coverage": row["coverage"], "simulated": np.mean(hits)}
        )
    return pd.DataFrame(rows)


def _holds(scores: np.ndarray) -> bool:
    low, high = uncertainty.likely_range(scores)
    return low - 0.005 <= 2.5 <= high + 0.005


def without_finance(view: View) -> pd.DataFrame:
    """How many trusts move, and how far, without the finance domain."""
    domain = view.metrics.loc[view.metrics["domain"].str.contains("finance", case=False), "domain"].unique()
    table, rules = choices.own_rules(view.national, view.quarter, view.trust_type, leave_out=list(domain))
    far = table["moved"].abs()
    return pd.DataFrame([{"rules": rules.told, "trusts moved": int((far > 0).sum()), "of": len(table), "median": far.median(),
                          "most": far.max()}])  # fmt: skip


TABLES = {
    "Three spans": spans,
    "Shares by group, exact and as scipy samples them": sampled,
    "Shares by choice": lambda view: limits.decisions(view).choices[
        ["group", "choice", "first_order", "total", "places_mean", "places_most"]
    ],
    "Total shares under another convention": conventions,
    "Cliffs by kind": lambda view: (
        limits.cliffs(view).groupby("kind")["little"].agg(jumps="size", little="sum").reset_index()
    ),
    "Regression to the mean": back_to_the_mean,
    "Edges": edges,
    "Chance of the own segment over the brackets": swings,
    "Published and recomputed ranges": lambda view: ranges.differing_ranges(view.league).to_frame().T,
    "Narrowness": narrow,
    "Widths by subtype": lambda view: limits.by_subtype(view)[
        ["trust_subtype", "trusts", "metrics_median", "average_width", "rank_width", "rank_median"]
    ],
    "Without the finance domain": without_finance,
}


def main() -> None:
    """Print every table for every trust type of the folder."""
    folder = demo.at_hand(common.share("data", "demo")) if len(sys.argv) < 2 else sys.argv[1]
    national = open_publication(folder)
    quarter = sys.argv[2] if len(sys.argv) > 2 else national.publication.latest
    for trust_type in national.publication.trust_types:
        view = view_of(national, quarter, trust_type)
        print(f"# {trust_type}, {quarter}\n")
        for name, make in TABLES.items():
            started = time.perf_counter()
            table = make(view)
            print(f"## {name}\n\n{shown(table)}\n{time.perf_counter() - started:.1f} s\n", flush=True)


if __name__ == "__main__":
    main()
