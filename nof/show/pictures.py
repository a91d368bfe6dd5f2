"""A chart as a file of its own: SVG with its title and alt text inside, and PNG."""

from __future__ import annotations

import re
import tempfile
from html import escape
from pathlib import Path
from typing import Any

from nof.show import style
from nof.show.display import Chart
from nof.show.fonts import text_width, typst_fonts
from nof.show.style import clean, dimensions

PNG_DPI = 200  # sharp on a slide; a chart of 170 mm is then about 1340 pixels wide


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


def png(chart: Chart) -> bytes:
    """The drawing through Typst, which brings its typeface along and needs no browser."""
    import typst

    with tempfile.TemporaryDirectory(prefix="nof-png-") as folder:
        (Path(folder) / "drawing.svg").write_text(standalone(chart), encoding="utf-8")
        main = Path(folder) / "main.typ"
        main.write_text(
            f'#set page(width: {chart.width_mm}mm, height: auto, margin: 0pt)\n#image("drawing.svg", width: 100%)\n',
            encoding="utf-8",
        )
        compiler = typst.Compiler(font_paths=typst_fonts(), ignore_system_fonts=True)
        made: Any = compiler.compile(main, root=Path(folder), format="png", ppi=PNG_DPI)  # bytes: there is one page
        return made
