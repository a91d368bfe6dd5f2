"""What the briefings of all trusts share, computed once for a publication."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pandas as pd

from nof.recompute import National, select
from nof.view import compared


@lru_cache(maxsize=4)
def score_rows(national: National) -> dict[str, np.ndarray]:
    """Positions of each trust's rows in `National.scores`."""
    return national.scores.groupby("trust_code").indices


@lru_cache(maxsize=4)
def domain_rows(national: National) -> dict[str, np.ndarray]:
    """Positions of each trust's rows in `National.domains`."""
    return national.domains.groupby("trust_code").indices


@lru_cache(maxsize=4)
def published_rows(national: National) -> dict[str, np.ndarray]:
    """Positions of each trust's rows in `Publication.metrics`."""
    return national.publication.metrics.groupby("trust_code").indices


@lru_cache(maxsize=4)
def compared_rows(national: National) -> dict[str, np.ndarray]:
    """Positions of each trust's rows in the reconciliation."""
    return compared(national.publication).groupby("trust_code").indices


@lru_cache(maxsize=16)
def medians(national: National, trust_type: str) -> pd.DataFrame:
    """Median score of a type: metrics (and "average") by quarters."""
    rows = national.scores[(national.scores["trust_type"] == trust_type) & (national.scores["weight"] > 0)]
    table = rows.groupby(["metric_id", "quarter"])["score"].median().unstack("quarter")
    ours = national.standings[national.standings["trust_type"] == trust_type]
    table.loc["average"] = ours.groupby("quarter")["average"].median()
    return table


@lru_cache(maxsize=64)
def domain_medians(national: National, trust_type: str, quarter: str) -> pd.Series:
    """Median domain score of a type in a quarter, on the domains."""
    return select(national.domains, quarter, trust_type).groupby("domain")["domain_score"].median()
