"""Writing CSV files that a spreadsheet opens as data, never as formulas."""

from __future__ import annotations

import hashlib
import io
import json
import os
from pathlib import Path

import pandas as pd

# A cell that begins so is run as a formula by spreadsheets; an apostrophe before it makes it text.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_WHOLE = ("rank", "segment")  # columns whose name begins so hold whole numbers


def text(frame: pd.DataFrame) -> str:
    """A frame as CSV: UTF-8, one header line, no index, text that looks like a formula marked as text."""
    safe = frame.rename(columns=_harmless)
    for position, (name, kind) in enumerate(safe.dtypes.items()):
        if str(name).startswith(_WHOLE) and pd.api.types.is_float_dtype(kind):
            safe.isetitem(position, safe.iloc[:, position].astype("Int64"))
        elif not (pd.api.types.is_numeric_dtype(kind) or pd.api.types.is_bool_dtype(kind)):
            safe.isetitem(position, safe.iloc[:, position].map(_harmless))
    stream = io.StringIO()
    safe.to_csv(stream, index=False, lineterminator="\n", float_format="%.10g")
    return stream.getvalue()


def _harmless(value):
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def sha256(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_json(path: Path) -> dict:
    """A JSON file of keys and values; empty where there is none that can be read."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def write_json(path: Path, value: dict) -> None:
    """Write a JSON file in one step: a reader finds the old one or the new."""
    part = path.with_name(f".{path.name}.part")
    part.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(part, path)
