"""Made-up values for the demo publication: what each metric looks like, whom it applies to, when it was measured.

Every number here shapes invented data and stands for nothing else. The aim is likeness: how values spread, how many
trusts have a metric, how far one quarter resembles the next.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from nof.common import Quarter
from nof.demo.names import ACUTE, AMBULANCE, MENTAL_HEALTH
from nof.rules import scoring
from nof.rules.framework import Framework, Metric

QUARTERS = tuple(Quarter(2025, number) for number in (1, 2, 3, 4))


@dataclass(frozen=True)
class Model:
    """How the values of one metric come about.

    `value` turns goodness (bodies x quarters, about standard normal, higher is better) into published units.
    `dates` names a row of DATES. `noise` is what differs between measurements; what stays is the body's own.
    `theme` is shared by the metrics of one name, at weight `shared`. `periods` says which quarters share a measurement.
    """

    dates: str
    units: str
    noise: float
    value: Callable[[np.ndarray, pd.DataFrame], np.ndarray]
    theme: str = ""
    shared: float = 0.0
    periods: tuple[int, int, int, int] = (0, 1, 2, 3)


_QUALITY = 0.37  # weight of a body's general quality in every metric
_SURVEY, _COSTS = (0, 0, 0, 1), (0, 1, 1, 1)


def _pick(bodies: pd.DataFrame, acute: float, mental_health: float, ambulance: float) -> np.ndarray:
    """A number for each body by its type, as a column."""
    numbers = {ACUTE: acute, MENTAL_HEALTH: mental_health, AMBULANCE: ambulance}
    return bodies["trust_type"].map(numbers).to_numpy(dtype=float)[:, None]


def _tail(x: np.ndarray) -> np.ndarray:
    """Nothing up to 0, then ever steeper: waits are 0 for many and long for a few."""
    x = np.maximum(x, 0)
    return 0.2 * x + 1.2 * x * x + 1.5 * x * x * x


def _plan(z: np.ndarray, bodies: pd.DataFrame) -> np.ndarray:
    """Planned surplus or deficit: most plan to break even."""
    short = _pick(bodies, -0.5, -1.0, -1.0) - z
    return np.where(short > 0, -0.15 - 1.7 * short, np.where(z > 0.9, 0.1 + 1.1 * (z - 0.9), 0.0))


def _variance(z: np.ndarray, bodies: pd.DataFrame) -> np.ndarray:
    """Variance to plan: near 0 for many, a long tail of overspending, better at the end of the year."""
    x = _pick(bodies, 0.25, 0.45, 0.45) + 0.6 * z + np.array([-0.1, -0.1, 0.0, 0.15])
    return np.where(x > 0.2, x - 0.2, np.where(x < -0.2, (x + 0.2) * (1.4 - 2 * (x + 0.2)), 0.0))


_VALUES: dict[str, Model] = {
    "OF0005": Model("month", "%", 0.35, lambda z, b: _tail(0.45 - z)),
    "OF0010": Model("month", "%", 0.50, lambda z, b: np.clip(76 + 5 * z, 40, 100), "waits", 0.4),
    "OF0011": Model("month", "%", 0.50, lambda z, b: np.clip(68 + 8 * z, 30, 100), "waits", 0.4),
    "OF0013": Model("quarter", "%", 0.35, lambda z, b: np.clip(74 + 6 * z, 40, 100), "waits", 0.4),
    "OF0014": Model("quarter", "%", 0.45, lambda z, b: 1.4 * np.square(np.maximum(1.8 - z, 0)), "waits", 0.4),
    "OF0023": Model("month", "%", 0.30, lambda z, b: np.clip(62 + 6.5 * z, 30, 100), "waits", 0.4),
    "OF0106": Model("month", "percentage points", 0.55, lambda z, b: 0.4 + 2.3 * z),
    "OF0016": Model("quarter", "%", 0.50, lambda z, b: np.clip(70 + 11 * z, 15, 100)),
    "OF0041": Model("year on year", "percentage points", 0.50, lambda z, b: 8 + 11 * z),
    "OF0057": Model("quarter", "%", 0.55, lambda z, b: np.clip(85 + 8.5 * z - 1.2 * z * z, 25, 100)),
    "OF0061": Model("survey", "out of 10", 0.42, lambda z, b: _pick(b, 6.45, 6.7, 6.1) + _pick(b, 0.22, 0.3, 0.2) * z,
                     "staff", 0.75, _SURVEY),
    "OF0063": Model("quarter", "%", 0.50, lambda z, b: np.maximum(25 - 6.5 * z, 0)),
    "OF0079": Model("plan", "%", 0.0, _plan, "money", 0.5, (0, 0, 0, 0)),
    "OF0081": Model("to date", "%", 0.55, _variance, "money", 0.5),
    "OF0082": Model("quarter before", "%", 0.30, lambda z, b: np.maximum(
        _pick(b, 5.2, 5.9, 6.9) - _pick(b, 0.6, 0.85, 0.6) * z + np.array([0.1, -0.3, 0.0, 0.5]), 2), "staff", 0.3),
    "OF0084": Model("survey", "out of 10", 0.42, lambda z, b: _pick(b, 6.85, 7.0, 6.2) + _pick(b, 0.2, 0.23, 0.2) * z,
                     "staff", 0.75, _SURVEY),
    "OF0085": Model("to date range", "%", 0.50, lambda z, b: 1.5 + 2.4 * z),
    "OF0086": Model("costs", "%", 0.50, lambda z, b: 103 - 12 * z, periods=_COSTS),
}  # fmt: skip

# Scores whose values are not published: most trusts are in band 2; ratings of 2 and 3 are all that was ever seen.
_BESPOKE = {
    "OF1035": Model("survey", "score", 0.30, lambda z, b: 1 + (z < 1.4) + (z < -1.2) + (z < -2.0), periods=_SURVEY),
    "OF1067": Model("award", "score", 0.0, lambda z, b: 2 + (z < 0.2)),
}

# Infections: cases against a size of the trust's own (its threshold, or its bed days), so both a count and a rate.
_INFECTIONS = {"OF0020": (1.4, 0.9), "OF0048": (1.04, 0.17), "OF0088": (1.02, 0.2)}  # centre, spread of cases to size
_INFECTION = Model("year", "", 0.40, lambda z, b: z, "infections", 0.4)

# Reporting_date in each quarter of 2025/26, in the styles of the real files.
DATES = {
    "month": ("Jun-25", "Sep-25", "Dec-25", "Mar-26"),
    "quarter": tuple(quarter.label for quarter in QUARTERS),
    "quarter before": ("Q4 2024-25", "Q1 2025/26", "Q2 2025/26", "Q3 2025/26"),
    "year": ("Jul 24 - Jun 25", "Oct 24 - Sep 25", "Jan 25 - Dec 25", "Apr 25 - Mar 26"),
    "year on year": ("Jun 24 - Jun 25 vs Jun 23 - Jun 24", "Oct 24 - Sep 25 vs Oct 23 - Sep 24",
                     "Jan 25 - Dec 25 vs Jan 24 - Dec 24", "Apr 25 - Mar 26 vs Apr 24 - Mar 25"),
    "survey": ("2024", "2024", "2024", "2025"),
    "plan": ("2025/26", "2025/26", "2025/26", "2025/26 plan"),
    "to date": ("Month 3 2025", "Month 6 2025", "Month 9 2025", "Month 12 2025/26"),
    "to date range": ("Year to date 25/26",) * 4,
    "costs": ("2023/24", "2024/25", "2024/25", "2024/25"),
    "award": ("Latest published if awarded post August 2023", "Latest published if awarded post September 2023",
              "Latest published if awarded between 13 Feb 24 and 12 Feb 26",
              "Latest published if awarded between 13 May 24 and 12 May 26"),
}  # fmt: skip

# Share of the trusts of a subtype (or of a whole type) to which a metric applies. What is not here applies to nobody.
_GENERAL = ("Teaching", "Large", "Medium", "Small", "Multi-Service")
_MENTAL, _COMMUNITY, _CARE = "Mental Health and Learning Disability", "Community", "Care Trust"
_EVERYONE = {ACUTE: 1.0, MENTAL_HEALTH: 1.0, AMBULANCE: 1.0}


def _acute(general: float, specialist: float) -> dict[str, float]:
    return dict.fromkeys(_GENERAL, general) | {"Specialist": specialist}


_APPLIES: dict[str, dict[str, float]] = {
    "OF0005": _acute(0.55, 0.0) | {"Multi-Service": 1.0, _MENTAL: 0.6, _COMMUNITY: 1.0, _CARE: 0.67},
    "OF0010": _acute(1.0, 0.5), "OF0011": _acute(1.0, 0.5), "OF0013": _acute(1.0, 0.1), "OF0014": _acute(0.98, 0.1),
    "OF0023": _acute(1.0, 0.7), "OF0106": _acute(0.97, 0.6),
    "OF0016": {"Multi-Service": 0.4, _MENTAL: 0.93, _COMMUNITY: 0.07, _CARE: 1.0},
    "OF0041": _acute(0.11, 0.1) | {"Multi-Service": 0.8, _MENTAL: 0.95, _COMMUNITY: 0.43, _CARE: 0.67},
    "OF0057": _acute(0.33, 0.0) | {"Multi-Service": 0.9, _MENTAL: 0.52, _COMMUNITY: 1.0, _CARE: 0.33},
    "OF0063": {"Multi-Service": 0.2, _MENTAL: 0.98, _COMMUNITY: 0.07, _CARE: 1.0},
    "OF0020": _acute(1.0, 0.9), "OF0048": _acute(1.0, 0.75), "OF0088": _acute(1.0, 0.75),
    "OF0061": _EVERYONE, "OF0079": _EVERYONE, "OF0081": _EVERYONE, "OF0082": _EVERYONE, "OF0084": _EVERYONE,
    "OF0085": {ACUTE: 1.0}, "OF0086": {MENTAL_HEALTH: 1.0, AMBULANCE: 1.0},
    "OF1035": {_MENTAL: 0.98, _COMMUNITY: 0.07, _CARE: 1.0},
    "OF1067": {ACUTE: 0.12, MENTAL_HEALTH: 0.1, AMBULANCE: 0.2},
}  # fmt: skip
_GAPS = ("OF0005", "OF0010", "OF0011", "OF0016", "OF0041", "OF0057")  # now and then a trust sends nothing
_GAP = 0.015


def _bell(random: np.random.Generator, shape) -> np.ndarray:
    """About standard normal, by exact sums only: no logarithm that may differ in the last bit between machines."""
    total = random.random(shape)
    for _ in range(11):
        total = total + random.random(shape)
    return total - 6.0


def stream(seed: int, *words: str) -> np.random.Generator:
    """A generator of its own for each thing drawn, so that a new metric leaves the others as they are."""
    digest = hashlib.sha256(" ".join(words).encode()).digest()
    return np.random.default_rng([seed, int.from_bytes(digest[:8], "big")])


def goodness(name: str, model: Model, bodies: int, seed: int) -> np.ndarray:
    """Bodies x quarters, about standard normal; higher is better."""
    own = np.sqrt(1 - _QUALITY**2 - model.shared**2 - model.noise**2)
    lasting = (
        _QUALITY * _bell(stream(seed, "quality"), bodies)
        + own * _bell(stream(seed, name, "own"), bodies)
        + model.shared * _bell(stream(seed, "theme", model.theme), bodies)
    )
    noise = model.noise * _bell(stream(seed, name, "noise"), (bodies, 4))
    return lasting[:, None] + noise[:, list(model.periods)]


def _applies(name: str, bodies: pd.DataFrame, seed: int) -> np.ndarray:
    """Bodies x quarters: whether a metric has a figure at all."""
    by_type, by_subtype = (bodies[column].map(_APPLIES[name]) for column in ("trust_type", "trust_subtype"))
    share = by_subtype.fillna(by_type).fillna(0.0).to_numpy(dtype=float)
    has = stream(seed, name, "applies").random(len(bodies)) < share
    gaps = stream(seed, name, "gaps").random((len(bodies), 4)) < (_GAP if name in _GAPS else 0.0)
    return has[:, None] & ~gaps


def _long(name: str, units: str, dates: str, figures: np.ndarray) -> pd.DataFrame:
    """A row for each body and quarter; figures rounded as they will be published."""
    bodies, quarters = figures.shape
    return pd.DataFrame({
        "body": np.repeat(np.arange(bodies), quarters), "number": np.tile([1, 2, 3, 4], bodies), "metric_id": name,
        "units": units, "reporting_date": np.tile(DATES[dates], bodies),
        "value": scoring.round_half_up(figures).ravel() + 0.0,
    }).dropna(subset="value")  # fmt: skip


def values(bodies: pd.DataFrame, framework: Framework, seed: int) -> pd.DataFrame:
    """Every value (OF0xxx) of every body in every quarter.

    Parameters
    ----------
    bodies : DataFrame
        trust_type, trust_subtype; index 0, 1, ...

    Returns
    -------
    DataFrame
        body, number (of the quarter, 1 to 4), metric_id, units, reporting_date, value (2 decimals).
    """
    figures = _figures(_VALUES, bodies, seed)
    figures["OF0079"] = _off_the_edges(figures["OF0079"], framework.by_value["OF0079"])
    figures["OF0081"] = _with_known_score(figures["OF0079"], figures["OF0081"], framework)
    infections = [part for name in _INFECTIONS for part in _infection(name, bodies, seed)]
    return pd.concat([_modelled(_VALUES, bodies, seed, figures), *infections], ignore_index=True)


def _figures(models: dict[str, Model], bodies: pd.DataFrame, seed: int) -> dict[str, np.ndarray]:
    return {
        name: scoring.round_half_up(model.value(goodness(name, model, len(bodies), seed), bodies))
        for name, model in models.items()
    }


def _modelled(models: dict[str, Model], bodies: pd.DataFrame, seed: int, figures: dict | None = None) -> pd.DataFrame:
    figures = figures or _figures(models, bodies, seed)
    parts = [
        _long(name, model.units, model.dates, np.where(_applies(name, bodies, seed), figures[name], np.nan))
        for name, model in models.items()
    ]
    return pd.concat(parts, ignore_index=True)


def _off_the_edges(figures: np.ndarray, metric: Metric) -> np.ndarray:
    """Which band holds a value exactly on its edge is known for 0 alone; other edges are left by a hundredth."""
    edges = [band.start for band in metric.bands if band.start]
    return np.where(np.isin(figures, edges), scoring.round_half_up(figures - 0.01), figures)


def _with_known_score(plan: np.ndarray, variance: np.ndarray, framework: Framework) -> np.ndarray:
    """Variances, made smaller where the combined score of plan and variance is not known."""
    metric = framework.by_value["OF0081"]
    matrix = next(one.matrix for one in framework.metrics if one.matrix)
    plans = scoring.banded(pd.Series(plan.ravel()), framework.by_value["OF0079"].bands)
    for _ in range(10):
        variance = _off_the_edges(variance, metric)
        scores = scoring.combined(plans, scoring.banded(pd.Series(variance.ravel()), metric.bands), matrix)
        unknown = scores.isna().to_numpy().reshape(variance.shape)
        if not unknown.any():
            return variance
        variance = np.where(unknown, scoring.round_half_up(0.45 * variance), variance)
    raise AssertionError("no variance found whose combined finance score is known")


def _infection(name: str, bodies: pd.DataFrame, seed: int) -> list[pd.DataFrame]:
    """A count row and a rate row: cases, and cases against the trust's size."""
    centre, width = _INFECTIONS[name]
    z = goodness(name, _INFECTION, len(bodies), seed)
    size = 1.0 if name == "OF0020" else np.floor(20 + 130 * stream(seed, "size").random(len(bodies)))[:, None]
    cases = np.floor(np.maximum((centre - width * z) * size, 0))
    if name == "OF0020":  # cases per 100,000 bed days
        size = np.floor(100 + 500 * stream(seed, "bed days").random(len(bodies)))[:, None] / 100
    has = _applies(name, bodies, seed)
    return [
        _long(name, units, _INFECTION.dates, np.where(has, figures, np.nan))
        for units, figures in (("count", cases), ("rate", cases / size))
    ]


def bespoke_scores(bodies: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Scores whose values are not published: bands of the CQC's community survey, and safe ratings.

    Returns
    -------
    DataFrame
        As `values`, with score ids.
    """
    return _modelled(_BESPOKE, bodies, seed)
