"""The texts of a figure as they are drawn: which run into each other, and which leave the canvas."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import nbformat
from conftest import ROOT
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

import helpers
from nof.show.display import Chart

FINE = 288  # pixels to the inch: at 72 each letter is widened to whole pixels, which no page does
SLACK = 0.6 * FINE / 72  # pixels: what two boxes may share, or stand out, before anybody sees it


def faults(figure: Any) -> list[str]:
    """Two texts of a figure that overlap, and texts that are not wholly on its canvas.

    A box is measured with the fonts that the page uses; a rotated text by the box around it.
    """
    own, drawn, draw = figure.dpi, [], Text.draw
    figure.set_dpi(FINE)
    canvas = FigureCanvasAgg(figure)

    def recorded(text: Text, renderer: Any) -> None:
        """Note a text that is really drawn: a tick beyond the end of its axis never is."""
        if text.get_visible() and text.get_text().strip():
            drawn.append(text)
        draw(text, renderer)

    with patch.object(Text, "draw", recorded):
        canvas.draw()
    width, height = canvas.get_width_height()
    renderer = canvas.get_renderer()
    boxes = [
        (" ".join(text.get_text().split()), Text.get_window_extent(text, renderer)) for text in dict.fromkeys(drawn)
    ]
    figure.set_dpi(own)
    found = [
        f"“{text}” leaves the canvas"
        for text, box in boxes
        if box.x0 < -SLACK or box.y0 < -SLACK or box.x1 > width + SLACK or box.y1 > height + SLACK
    ]
    for (one, a), (other, b) in itertools.combinations(boxes, 2):
        across = min(a.x1, b.x1) - max(a.x0, b.x0)
        along = min(a.y1, b.y1) - max(a.y0, b.y0)
        # Boxes have room for accents and descenders: a fifth of a line shared is no touch.
        if across > SLACK and along > max(SLACK, 0.2 * min(a.height, b.height)):
            found.append(f"“{one}” runs into “{other}”")
    return found


@contextmanager
def measured() -> Iterator[dict[str, list[str]]]:
    """While this lasts, every chart is measured: faults by caption."""
    known: dict[str, list[str]] = {}
    drawn = Chart.from_figure.__func__

    def from_figure(cls: type, figure: Any, **told: Any) -> Chart:
        known[told["caption"]] = faults(figure)
        return drawn(cls, figure, **told)

    with patch.object(Chart, "from_figure", classmethod(from_figure)):
        yield known


def run(name: str, view: Any) -> None:
    """Run the code of a national notebook on a view; its sentences are left out."""
    names: dict[str, Any] = {"helpers": helpers, "show": lambda *parts: None, "view": view, "__name__": "notebook"}
    names |= {"quarter": view.quarter, "trust_type": view.trust_type, "data": ""}
    for cell in nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4).cells:
        if cell.cell_type != "code" or cell.source.startswith("%%") or "look" in cell.metadata.get("tags", []):
            continue
        source = re.sub(r"^view = helpers.open_view\(.*\)", "", cell.source, flags=re.MULTILINE).replace(", show", "")
        if "parameters" in cell.metadata.get("tags", []):
            own = ("quarter", "trust_type", "data")
            source = "\n".join(line for line in source.split("\n") if line.partition(" = ")[0] not in own)
        exec(compile(ast.parse(source), name, "exec"), names)  # noqa: S102 - our own notebook
