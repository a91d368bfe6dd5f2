"""Rows of `Publication.metrics` written out by hand: a trust's values of a metric, one line a row."""

from __future__ import annotations

import pandas as pd

QUARTER = "2025-26-q4"
TYPES = ("acute", "mental-health-and-community", "ambulance")
COLUMNS = ["quarter", "trust_type", "trust_code", "metric_id", "domain", "units", "reporting_date", "value", "rank"]


def rows(
    *given: tuple, quarter: str = QUARTER, trust_type: str = "acute", units: str = "%", domain: str = "Patient safety"
) -> pd.DataFrame:
    """A frame of (trust_code, metric_id, value) or (trust_code, metric_id, value, rank)."""
    full = [
        (quarter, trust_type, code, metric, domain, units, "March 2026", value, *(rank or [float("nan")]))
        for code, metric, value, *rank in given
    ]
    return pd.DataFrame(full, columns=COLUMNS).astype({"value": float, "rank": float})


def together(*frames: pd.DataFrame) -> pd.DataFrame:
    """Several of them, numbered anew."""
    return pd.concat(frames, ignore_index=True)
