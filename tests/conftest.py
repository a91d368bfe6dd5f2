"""Fixtures that every room shares."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pytest

from nof.common import Quarter

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"


def _shared(name: str) -> Path:
    folder = SHARED / name
    if folder.is_dir():
        return folder
    reason = f"NHS England's files are not in the repository, and {name}/ is not beside it"
    if os.environ.get("NOF_REQUIRE_REAL") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def real() -> Path:
    """The folder of real NHS England files; the test is skipped where it is absent."""
    return _shared("real")


@pytest.fixture(scope="session")
def reference() -> Path:
    """The folder of published numbers to test statistics against."""
    return _shared("reference")


@pytest.fixture(scope="module")
def metrics(real) -> pd.DataFrame:
    """Rows of the one real file of metrics, read without `nof.read.publication`: what is tested on it stands alone."""
    (path,) = real.glob("*trust-data-q4*.csv")
    frame = pd.read_csv(path, encoding="utf-8-sig").rename(columns={"Metric_description": "description"})
    frame.columns = frame.columns.str.lower()
    frame["quarter"] = [Quarter.parse(text).slug for text in frame["quarter"]]
    return frame
