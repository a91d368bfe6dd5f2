"""How often the sets of `nof.method.places` hold the true place, by simulation; the table of docs/explanation/uncertainty.md.

    python bench/coverage.py [FOLDER [QUARTER [TYPE]]] [--runs 200]

Trusts, metrics, quarters and what is missing are those of the folder (the demo if none is named); the scores are drawn.
A set covers where it holds every place that a tie could take: all trusts equal is the hardest case.
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd

from nof import common as paths
from nof import demo
from nof.method.places import Levels, other_metrics, these_metrics
from nof.method.rank_sets import rank_confidence_sets
from nof.read.publication import read
from nof.rules.recompute import recompute, select

QUARTERS = 4
REMAINDER = 0.8  # score points: about the scatter of a trust's scores over metrics in the files
NOISE = (0.2, 0.55)  # score points: about the scatter of one score over quarters, by metric
TOGETHER = 0.88  # how two of the metrics move together, as the staff survey's do
SPREADS = (0.5, 1.5)  # by what the scatter of the first and the last trust is multiplied, where spreads are not equal


def truths(trusts: int) -> dict[str, np.ndarray]:
    """True levels by the name of the case."""
    place = np.linspace(-1, 1, trusts)
    return {"all equal": np.zeros(trusts), "spread out": 0.8 * place, "clustered": np.round(1.5 * place) * 0.6}


def other_scores(
    level: np.ndarray, held: pd.DataFrame, spread: np.ndarray, random: np.random.Generator, by_position: bool = False
) -> pd.DataFrame:
    """Scores of one quarter: trust + metric + remainder, as they are or as positions from 1 to 4 within each metric."""
    metric = random.normal(0, 0.4, held.shape[1])
    drawn = level[:, None] + metric + REMAINDER * spread[:, None] * random.standard_normal(held.shape)
    scores = pd.DataFrame(2.5 + drawn, held.index, held.columns).where(held)
    if by_position:
        scores = 1 + 3 * (scores.rank() - 1) / (scores.notna().sum() - 1)
    return _tidy(scores, QUARTERS)


def these_scores(level: np.ndarray, held: pd.DataFrame, spread: np.ndarray, random: np.random.Generator):
    """Scores of all quarters: a fixed level on each metric, the levels of those held averaging to the trust's, and noise."""
    fixed = random.normal(0, REMAINDER, held.shape) * held.to_numpy()
    fixed = fixed - fixed.sum(axis=1, keepdims=True) / held.to_numpy().sum(axis=1, keepdims=True) + level[:, None]
    noise = np.linspace(*NOISE, held.shape[1])
    quarters = []
    for quarter in range(1, QUARTERS + 1):
        drawn = random.standard_normal(held.shape)
        drawn[:, 1] = TOGETHER * drawn[:, 0] + (1 - TOGETHER**2) ** 0.5 * drawn[:, 1]
        scores = pd.DataFrame(2.5 + fixed + drawn * noise * spread[:, None], held.index, held.columns)
        quarters.append(_tidy(scores.where(held), quarter))
    return pd.concat(quarters, ignore_index=True)


def _tidy(scores: pd.DataFrame, quarter: int) -> pd.DataFrame:
    scores = scores.rename_axis(index="trust_code", columns="metric_id")
    return scores.stack().rename("score").reset_index().assign(quarter=f"2025-26-q{quarter}", weight=1.0)


def covered(levels: Levels, truth: np.ndarray, simultaneous: bool, seed: int, draws: int = 4_000) -> np.ndarray:
    """Which trusts' sets hold their true places, all of them in a tie."""
    first = 1 + (truth[None, :] < truth[:, None] - 1e-9).sum(axis=1)
    last = len(truth) - (truth[None, :] > truth[:, None] + 1e-9).sum(axis=1)
    sets = rank_confidence_sets(
        levels.estimate, levels.error, simultaneous=simultaneous, freedom=levels.freedom, draws=draws, seed=seed
    )
    return ((sets["lower"] <= first) & (sets["upper"] >= last)).to_numpy()


def coverage(
    question: str,
    truth: np.ndarray,
    held: pd.DataFrame,
    spread: np.ndarray,
    runs: int,
    by_position: bool = False,
    seed: int = 0,
) -> dict[str, float]:
    """Coverage of one case.

    Returns
    -------
    dict
        marginal (mean over trusts), widest (the fifth of trusts with the widest spread), joint (all trusts at once).
    """
    random = np.random.default_rng(seed)
    own, joint = [], []
    for run in range(runs):
        if question == "other":
            levels = other_metrics(other_scores(truth, held, spread, random, by_position))
        else:
            history = these_scores(truth, held, spread, random)
            levels = these_metrics(history[history["quarter"] == f"2025-26-q{QUARTERS}"], history)
        assert levels is not None
        own.append(covered(levels, truth, False, run))
        joint.append(covered(levels, truth, True, run).all())
    widest = np.argsort(spread, kind="stable")[-max(1, len(spread) // 5) :]
    return {
        "marginal": np.mean(own),
        "widest": np.mean(np.array(own)[:, widest]),
        "joint": np.mean(joint),
        "error_joint": (max(np.mean(joint) * (1 - np.mean(joint)), 0.01) / runs) ** 0.5,
    }


def pattern(folder: str | None, quarter: str | None, trust_type: str | None) -> pd.DataFrame:
    """Which scores a trust has: trusts x metrics."""
    national = recompute(read(folder or demo.ensure(paths.demo())))
    quarter = quarter or national.publication.latest
    part = select(national.scores, quarter, trust_type or "mental-health-and-community")
    part = part[part["weight"] > 0]
    return part.pivot(index="trust_code", columns="metric_id", values="score").notna()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("folder", "quarter", "trust_type"):
        parser.add_argument(name, nargs="?")
    parser.add_argument("--runs", type=int, default=200)
    asked = parser.parse_args()
    own = pattern(asked.folder, asked.quarter, asked.trust_type)
    whole = own | True
    trusts = len(own)
    # Which trust is wide is unrelated to where it stands.
    unequal = np.random.default_rng(7).permutation(np.linspace(*SPREADS, trusts))
    cases = [("equal", "none missing", np.ones(trusts), whole), ("equal", "the files' own", np.ones(trusts), own)]
    cases.append(("unequal", "the files' own", unequal, own))
    by_position = ("equal, scored by position", "the files' own", np.ones(trusts), own)
    print(f"{trusts} trusts, {own.shape[1]} metrics, {own.to_numpy().mean():.0%} of scores held, {asked.runs} runs")
    print("| set | trusts truly | spreads | missing metrics | own set | own set, widest fifth | joint sets (s.e.) |")
    print("|---|---|---|---|---:|---:|---:|")
    for question in ("these", "other"):
        for name, truth in truths(trusts).items():
            truth = np.random.default_rng(8).permutation(truth)
            for spreads, missing, spread, held in [*cases, by_position] if question == "other" else cases:
                found = coverage(question, truth, held, spread, asked.runs, "position" in spreads)
                print(
                    f"| {question} | {name} | {spreads} | {missing} | {found['marginal']:.3f} | {found['widest']:.3f} "
                    f"| {found['joint']:.3f} ({found['error_joint']:.3f}) |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
