"""Fixtures that every room shares."""

from __future__ import annotations

import gc
import getpass
import os
import signal
import tempfile
from pathlib import Path

import pandas as pd
import pytest

from nof.common import Quarter

ROOT = Path(__file__).resolve().parent.parent


def python_path(*places: Path) -> str:
    """PYTHONPATH with these first, before what stands there already: `make ahead` has a clock there."""
    return os.pathsep.join([*map(str, places), *filter(None, [os.environ.get("PYTHONPATH")])])


SHARED = ROOT.parent / "shared"

# Whoever runs this in the background ignores Ctrl-C, which every command below would inherit.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Results are kept apart from the user's own, and shared by the processes that run the tests.
gc.set_threshold(50_000, 20, 20)  # as the command has it
os.environ["NOF_CACHE"] = str(Path(tempfile.gettempdir()) / f"nof-tests-{getpass.getuser()}")


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


# Files that take longest, so that none of them is begun last: see BOTH in the Makefile.
LONG = (
    "test_docs", "test_trust", "test_accessibility", "test_approved", "test_share", "test_explore_browser", "test_figures", "test_brief",
    "test_refresh", "test_wheel", "test_mutations", "test_faults", "test_notebooks", "test_setup", "test_cluster",
    "test_publish", "test_limits", "test_places", "test_rank_sets_coverage", "test_fuzz", "test_drill",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take longest first, the others as they come."""
    places = {name: place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: places.get(item.path.stem, len(LONG)))
