"""Does the test of change keep its level and find what it says, and do forecast places come as often as said?

    python bench/calibration.py change FOLDER [RUNS]
    python bench/calibration.py rank FOLDER

FOLDER holds NHS England's files (or data/demo, whose figures say nothing of real trusts). Prints the tables that stand in
docs/explanation/uncertainty.md. The simulations keep the files' own trusts, steps, missing metrics and copies.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pandas as pd

from nof.method import change, expected_rank, pooled_noise, score_changes
from nof.method.expected_rank import Panel
from nof.read import publication
from nof.rules import recompute

RUNS = 300
Draw = Callable[[np.random.Generator], pd.DataFrame]


def moved(national: recompute.National, trust_type: str) -> pd.DataFrame:
    """Every change of every metric of one type, in all steps."""
    return score_changes.score_changes(national.scores, trust_type, list(pairwise(national.publication.quarters)))


def wide(changes: pd.DataFrame) -> pd.DataFrame:
    """Weighted changes beyond the usual: steps and trusts by metrics."""
    moving = changes[changes["moves"].astype(bool)]
    moving = moving.assign(points=moving["beyond"] * moving["weight"])
    return moving.pivot(index=[*score_changes.STEP, "trust_code"], columns="metric_id", values="points").astype(float)


def draws(table: pd.DataFrame, together: tuple[tuple[str, ...], ...], flagged: set[str]) -> dict[str, Draw]:
    """Ways to draw changes that are nothing but noise, in the pattern of the files.

    What is drawn anew from the files leaves the flagged trusts out: their change is no noise.
    """
    mask, clean = table.notna(), table[~table.index.get_level_values("trust_code").isin(list(flagged))]

    def normal(random):
        return _joined(table, together, random.normal(0, 0.5, table.shape), random.normal(0, 0.5, table.shape)).where(
            mask
        )

    def heavy(random):
        first, second = random.standard_t(3, (2, *table.shape)) * 0.3
        return _joined(table, together, first, second).where(mask)

    def files(random):
        found = pd.DataFrame(
            {one: random.choice(clean[one].dropna().to_numpy(), len(table)) for one in table}, table.index
        )
        for group in map(list, together):
            pool = clean[group].dropna().to_numpy()
            found[group] = pool[random.integers(len(pool), size=len(table))]
        return found.where(mask)

    def by_step(random):
        parts = []
        for _, part in table.groupby(level=[0, 1]):
            held = clean.loc[clean.index.intersection(part.index)]
            rows = random.integers(len(held), size=len(part))
            parts.append(pd.DataFrame(held.to_numpy()[rows], part.index, table.columns))
        return pd.concat(parts)

    return {
        "normal": normal,
        "heavy tails (t with 3 degrees of freedom)": heavy,
        "the files' own changes, drawn anew by metric": files,
        "whole trusts of the same step, drawn anew": by_step,
    }


def _joined(table: pd.DataFrame, together, first: np.ndarray, second: np.ndarray) -> pd.DataFrame:
    """Draws in which the metrics of a group correlate at 0.88, as the two staff survey scores do."""
    found = pd.DataFrame(first, table.index, table.columns)
    other = pd.DataFrame(second, table.index, table.columns)
    for lead, *rest in together:
        for one in rest:
            found[one] = 0.88 * found[lead] + np.sqrt(1 - 0.88**2) * other[one]
    return found


def judged(drawn: pd.DataFrame, together, steps=None) -> pd.DataFrame:
    """p and q of every trust of some steps (all) of drawn changes; each step's mean is taken off first."""
    drawn = drawn - drawn.groupby(level=[0, 1]).transform("mean")
    noise = pooled_noise.PooledNoise(np.rint(drawn / pooled_noise.GRID), together)
    steps = drawn.index.droplevel("trust_code").unique() if steps is None else steps
    parts = {step: change.judged(noise, step)[["p_value"]] for step in steps}
    for part in parts.values():
        part["q_value"] = change.adjusted_p_values(part["p_value"])
    return pd.concat(parts, names=score_changes.STEP)


def size(table: pd.DataFrame, together, flagged: set[str], runs: int) -> pd.DataFrame:
    """How often the test speaks when nothing has changed."""
    rows = []
    for name, draw in draws(table, together, flagged).items():
        random, small, families = np.random.default_rng(1), [], []
        for _ in range(runs):
            found = judged(draw(random), together)
            small.append(found["p_value"].le(0.05).groupby(level=1).mean())
            families.append(found["q_value"].le(change.FALSE_DISCOVERIES).groupby(level=1).any())
        shares, any_ = pd.concat(small, axis=1).mean(axis=1), pd.concat(families, axis=1).mean(axis=1)
        rows.append((name, shares.mean(), shares.min(), shares.max(), any_.mean(), any_.max()))
    columns = ["noise", "p at most 0.05", "lowest step", "highest step", "any trust flagged in a step", "highest step "]
    return pd.DataFrame(rows, columns=columns)


def power(changes: pd.DataFrame, table: pd.DataFrame, tests: pd.DataFrame, together, runs: int) -> pd.DataFrame:
    """How often a true change of one trust in the newest step is found, with the files' own noise around it."""
    flagged = set(tests.loc[tests["more_than_noise"], "trust_code"])
    draw = draws(table, together, flagged)["the files' own changes, drawn anew by metric"]
    step = table.index[-1][:2]
    newest = tests[tests["quarter_after"] == step[1]].set_index("trust_code")
    weight = changes[changes["quarter_after"] == step[1]].groupby("trust_code")["weight"].sum()
    rows = []

    def tried(name: str, code: str, shift) -> None:
        random, hits = np.random.default_rng(2), 0
        for _ in range(runs):
            drawn = draw(random)
            drawn.loc[(*step, code)] = drawn.loc[(*step, code)].to_numpy() + shift(random)
            hits += bool(judged(drawn, together, [step]).loc[(*step, code), "q_value"] <= change.FALSE_DISCOVERIES)
        rows.append((name, code, newest.loc[code, "metrics_tested"], hits / runs))

    def spread(code: str, points: float, over: int | None = None):
        held = np.flatnonzero(table.loc[(*step, code)].notna())

        def shift(random):
            chosen = held if over is None else random.choice(held, min(over, len(held)), replace=False)
            found = np.zeros(table.shape[1])
            found[chosen] = points / len(chosen)
            return found

        return shift

    for code in sorted(flagged & set(newest.index[newest["more_than_noise"]])):
        tried(
            "its own changes as published",
            code,
            lambda random, code=code: table.loc[(*step, code)].fillna(0).to_numpy(),
        )
    for count in (7, 9, 10):
        codes = newest.index[newest["metrics_tested"].eq(count) & ~newest["more_than_noise"]]
        if not len(codes):
            continue
        code, held = codes[0], count
        tried("every metric worse by one point", code, spread(code, 1.0 * held))
        tried("every metric worse by half a point", code, spread(code, 0.5 * held))
        tried("two metrics worse by two points each", code, spread(code, 4.0, 2))
        least = float(newest.loc[code, "smallest_change_found"] * weight[code])
        tried("the smallest change said to be found, over all metrics", code, spread(code, least))
        tried("the same, for the better", code, spread(code, -least))
        tried("the same, on three metrics", code, spread(code, least, 3))
    return pd.DataFrame(rows, columns=["true change", "trust", "metrics with new data", "found"])


def simulated_ranks(panel: Panel, runs: int = 60) -> pd.DataFrame:
    """Forecasts against truth drawn from the fitted model, with the files' numbers of metrics."""
    found, rows = expected_rank.posterior(panel).summary, []
    times = np.append(panel.times, panel.times[-1] + 1)
    lag = np.abs(np.subtract.outer(times, times))
    root = np.linalg.cholesky((1 - found["fresh"]) * found["rho"] ** lag + found["fresh"] * np.eye(len(times)))
    count = panel.metrics.ffill(axis=1).bfill(axis=1).to_numpy()
    scale = np.sqrt(np.median(count) / np.column_stack([count, count[:, -1]])) * found["s"]
    for name in ("normal", "heavy tails (t with 3 degrees of freedom)"):
        random, parts = np.random.default_rng(3), []
        for _ in range(runs):
            raw = (
                random.normal(size=scale.shape) if name == "normal" else random.standard_t(3, scale.shape) / np.sqrt(3)
            )
            whole = pd.DataFrame((raw @ root.T) * scale, panel.averages.index, [*panel.averages.columns, "next"])
            drawn = Panel(whole.iloc[:, :-1].where(panel.averages.notna().to_numpy()), panel.metrics)
            place = whole["next"].rank()
            came = {"worst_quarter": 4 * place > 3 * len(place), "best_quarter": 4 * place <= len(place)}
            parts.append(expected_rank.expected_places(drawn, draws=2000).assign(place=place, **came))
        held = pd.concat(parts)
        sure = held[held["chance_worst_quarter"] >= 0.8]
        rows.append(
            (
                name,
                len(held),
                _covered(held),
                len(sure),
                sure["chance_worst_quarter"].mean(),
                sure["worst_quarter"].mean(),
            )
        )
    return pd.DataFrame(
        rows, columns=["noise", "cases", "places inside the 95% range", "80% sure or more", "said", "came"]
    )


def _covered(held: pd.DataFrame) -> float:
    return float(held["place"].between(held["expected_low"], held["expected_high"]).mean())


def shown(table: pd.DataFrame, title: str) -> None:
    """Print a table as Markdown, shares with two decimals."""
    print(f"\n{title}\n")
    text = table.map(lambda cell: f"{cell:.2f}" if isinstance(cell, float) else str(cell))
    print("| " + " | ".join(text.columns.str.strip()) + " |")
    print("|" + " --- |" * text.shape[1])
    for row in text.to_numpy():
        print("| " + " | ".join(row) + " |")


def run_change(national: recompute.National, trust_type: str, runs: int) -> None:
    """Size and power of the test of change."""
    changes = moved(national, trust_type)
    started = time.perf_counter()
    tests = change.change_tests(changes, national.standings, trust_type)
    print(f"\n{trust_type}: the test of all steps takes {time.perf_counter() - started:.2f} s")
    table, together = wide(changes), pooled_noise.moving_together(changes)
    found = tests[tests["more_than_noise"]]
    print(
        f"drawn together: {together}; flagged: {found[['quarter_after', 'trust_code', 'q_value']].to_numpy().tolist()}"
    )
    shown(size(table, together, set(found["trust_code"]), runs), f"Size: {runs} runs, nothing has changed")
    shown(power(changes, table, tests, together, runs), f"Power: {runs} runs, one trust has changed")
    smallest = tests.groupby("quarter_after")["smallest_change_found"].describe()[["min", "50%", "max"]]
    shown(smallest.reset_index(), "Smallest change found in four of five cases, points of the average")


def run_rank(national: recompute.National, trust_type: str) -> None:
    """Calibration of the forecast places."""
    panel = expected_rank.average_panel(national.standings, trust_type, national.publication.latest)
    started = time.perf_counter()
    expected_rank.expected_places(panel)
    print(f"\n{trust_type}: expected places take {time.perf_counter() - started:.2f} s")
    print(expected_rank.posterior(panel).summary.round(3).to_dict())
    for ahead, how in ((True, "from the quarters before it"), (False, "from all others")):
        held = expected_rank.held_out(panel, ahead_only=ahead)
        if held.empty:
            continue
        print(
            f"\nEach quarter {how}: {len(held)} forecasts, {100 * _covered(held):.0f}% of places inside the 95% range"
        )
        for which in ("worst_quarter", "best_quarter"):
            shown(expected_rank.calibration(held, which), f"{which.replace('_', ' ')} of the table, {how}")
    shown(simulated_ranks(panel), "Simulated from the model")


def main() -> None:
    """Print the tables of one of the two."""
    what, folder = sys.argv[1:3]
    national = recompute.recompute(publication.read(folder))
    for trust_type in national.publication.trust_types:
        if what == "change":
            run_change(national, trust_type, int(sys.argv[3]) if len(sys.argv) > 3 else RUNS)
        else:
            run_rank(national, trust_type)


if __name__ == "__main__":
    main()
