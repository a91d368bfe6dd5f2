"""Results as files: CSV and Parquet for a frame, SVG and PNG for a chart."""

from __future__ import annotations

import os
import re
import tempfile
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

from nof import csvs, style
from nof.briefing.fonts import text_width
from nof.display import Chart
from nof.errors import InputError, Problem
from nof.svg import clean, dimensions

PNG_DPI = 192  # sharp on a slide; a chart of 170 mm is then 1285 pixels wide
_FRAME, _CHART = (".csv", ".parquet"), (".svg", ".png")
_LONGEST = 120  # characters of a file name: well under what any file system takes


def file_name(*parts: object, suffix: str) -> str:
    """A file name from parts that may hold anything: letters, digits and hyphens only.

    >>> file_name("league", "acute", "../../x", suffix=".csv")
    'league-acute-x.csv'
    """
    words = (re.sub(r"[^A-Za-z0-9]+", "-", str(part)).strip("-") for part in parts)
    return ("-".join(filter(None, words))[:_LONGEST].strip("-") or "export") + suffix


def save(result: pd.DataFrame | Chart, path: str | Path) -> Path:
    """Write a frame as .csv or .parquet, or a chart as .svg or .png: whole or not at all.

    Parameters
    ----------
    result : DataFrame or Chart
        What one of the views gave.
    path : str or Path
        Its ending says the format; folders are made as needed, an earlier file is replaced.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    InputError
        An ending that does not suit the result, or a place that cannot be written.
    """
    path = Path(path)
    suffix, known = path.suffix.lower(), _CHART if isinstance(result, Chart) else _FRAME
    if suffix not in known:
        raise InputError(
            Problem(str(path), "cannot be written so", value=suffix, expected=f"a name ending in {' or '.join(known)}")
        )
    data = _bytes(result, suffix)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as part:
            part.write(data)
        os.chmod(part.name, 0o644)
        os.replace(part.name, path)
    except OSError as error:
        raise InputError(Problem(str(path), f"cannot be written: {error.strerror}")) from error
    return path


def _bytes(result: pd.DataFrame | Chart, suffix: str) -> bytes:
    if isinstance(result, Chart):
        drawing = standalone(result)
        return drawing.encode() if suffix == ".svg" else _png(drawing, result)
    if suffix == ".csv":
        return csvs.text(result).encode()
    return parquet(result)


def parquet(frame: pd.DataFrame) -> bytes:
    """A frame as Parquet, without its index."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), sink)
    return sink.getvalue().to_pybytes()


def standalone(chart: Chart) -> str:
    """The drawing with its title above it and its alt text inside, as a file of its own."""
    width, height = dimensions(chart.svg)
    size = min(9.5, (width - 8) / max(text_width(clean(chart.caption), "600"), 1))  # a long title is set smaller
    inner = chart.svg.replace("<svg ", '<svg y="22" ', 1)
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<svg xmlns="http://www.w3.org/2000/svg" width="{chart.width_mm:g}mm" '
        f'height="{chart.width_mm * (height + 22) / width:.2f}mm" viewBox="0 0 {width:g} {height + 22:g}">'
        f"<title>{escape(clean(chart.caption))}</title><desc>{escape(clean(chart.alt))}</desc>"
        f'<rect width="100%" height="100%" fill="{style.PAPER}"/>'
        f'<text x="4" y="14" font-family="{style.FONT}, sans-serif" font-size="{size:.2f}" font-weight="600" '
        f'fill="{style.INK}">{escape(clean(chart.caption))}</text>{_sized(inner, width, height)}</svg>\n'
    )


def _sized(inner: str, width: float, height: float) -> str:
    head, rest = inner.split(">", 1)
    head = re.sub(r'\s(?:width|height)="[^"]*"', "", head)
    return f'{head} width="{width:g}" height="{height:g}">{rest}'


def _png(drawing: str, chart: Chart) -> bytes:
    """The drawing through Typst, which brings its typeface along and needs no browser."""
    import typst

    from nof.briefing.fonts import typst_fonts

    with tempfile.TemporaryDirectory(prefix="nof-png-") as folder:
        (Path(folder) / "drawing.svg").write_text(drawing, encoding="utf-8")
        main = Path(folder) / "main.typ"
        main.write_text(
            f'#set page(width: {chart.width_mm}mm, height: auto, margin: 0pt)\n#image("drawing.svg", width: 100%)\n',
            encoding="utf-8",
        )
        compiler = typst.Compiler(font_paths=typst_fonts(), ignore_system_fonts=True)
        made: Any = compiler.compile(main, root=Path(folder), format="png", ppi=PNG_DPI)  # bytes: there is one page
        return made
