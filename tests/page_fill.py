"""How full the pages of a PDF are: how far down the text goes, between the header and the footer."""

from __future__ import annotations

from pathlib import Path

from pypdf import PdfReader

TOP, FOOT = 24.0, 18.5  # millimetres of a page that belong to its margins, the header and the footer
_PT = 72 / 25.4


def fills(path: Path) -> list[float]:
    """Share of each page, from the upper margin down to its last line of text; drawings have text as well."""
    return [_fill(page) for page in PdfReader(path).pages]


def _fill(page) -> float:
    height = float(page.mediabox.height)
    room = height - (TOP + FOOT) * _PT
    lowest = [height]

    def seen(text, user, matrix, font, size) -> None:
        """Note a text above the footer; its place is that of both matrices together."""
        y = matrix[5] * user[3] + user[5] if user[3] else matrix[5]
        down = y if user[3] >= 0 else y
        if text.strip() and FOOT * _PT < down < height - TOP * _PT:
            lowest.append(down)

    page.extract_text(visitor_text=seen)
    return (height - TOP * _PT - min(lowest)) / room if len(lowest) > 1 else 0.0
