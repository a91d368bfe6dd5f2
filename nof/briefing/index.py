"""Static index pages: what there is for a quarter, and which quarters there are."""

from __future__ import annotations

from pathlib import Path


def write_quarter(folder: Path, national, params, run: str, entries: dict, failures: dict) -> None:
    """Write index.html into a report's folder."""


def write_root(out: Path) -> None:
    """Write index.html of the reports folder."""
