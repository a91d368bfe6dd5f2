"""Writing CSV files that a spreadsheet opens as data, never as formulas."""

from __future__ import annotations

import io

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
