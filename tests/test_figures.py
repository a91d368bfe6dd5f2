"""No text of a figure runs into another or leaves the canvas, in any kind of briefing."""

from __future__ import annotations

import re

import matplotlib
import pytest
from figure_texts import faults, measured, run
from matplotlib.figure import Figure
from nbformat.v4 import new_code_cell, new_notebook
from synthetic_briefing import shown
from trust_page import Page

from nof import common, demo
from nof.briefing.html import TEMPLATES, BriefingHTMLExporter
from nof.method import board
from nof.method.opening import open_publication
from nof.method.view import view_of
from nof.show import charts, style
from nof.show.display import Chart

Q4 = "2025-26-q4"


@pytest.fixture(scope="module")
def national():
    return open_publication(demo.ensure(common.demo()))


PHONE, SCROLLED = 375 - 2 * 16, 54 * 16  # pixels for a drawing on a telephone, and in the box that scrolls


def least_px(svg, across):
    """Height of the smallest type of a drawing that is shown so many pixels wide."""
    sizes = [float(one) for one in re.findall(r"font(?:-size)?: (?:\d+ )?([\d.]+)px", svg)]
    return min(sizes) * across / style.dimensions(svg)[0]


def test_type_on_a_telephone_is_large_enough_or_the_drawing_is_words_until_asked_for(national):
    css = (TEMPLATES / "briefing.css").read_text()
    assert ".wide .drawing { display: none; }" in css and "svg { width: 54rem; max-width: none; }" in css
    view = view_of(national, Q4, "ambulance")
    chart = charts.caterpillar(view.league, view.edges)[0]
    notebook = new_notebook(cells=[new_code_cell("x", outputs=[shown(chart)])])
    page = BriefingHTMLExporter().from_notebook_node(notebook)[0]
    assert (
        re.search(r'<figure id="[\w-]+" class="wide"><figcaption>', page)
        and f'<p class="instead">{chart.alt}</p>' in page
    )
    assert least_px(chart.svg, PHONE) < 10 <= least_px(chart.svg, SCROLLED)


def drawn(size=(4, 2), *texts):
    figure = Figure(figsize=size, dpi=72)
    for x, y, text in texts:
        figure.text(x, y, text)
    return figure


def test_a_text_that_overlaps_or_leaves_the_canvas_is_found():
    assert faults(drawn((4, 2), (0.1, 0.5, "one"), (0.5, 0.5, "two"))) == []
    assert faults(drawn((4, 2), (0.1, 0.5, "one"), (0.12, 0.5, "two"))) == ["“one” runs into “two”"]
    assert faults(drawn((4, 2), (0.95, 0.5, "a long text"))) == ["“a long text” leaves the canvas"]
    assert faults(drawn((4, 2), (0.5, -0.05, "low"))) == ["“low” leaves the canvas"]


def test_a_tick_that_is_not_drawn_is_no_fault():
    figure = Figure(figsize=(4, 2), dpi=72)
    axes = figure.add_axes((0.1, 0.2, 0.8, 0.7))
    axes.set_xlim(0, 1)
    axes.set_xticks([0.5, 9])
    assert faults(figure) == []


@pytest.mark.parametrize("trust_type", ["ambulance", "acute"])
@pytest.mark.parametrize("name", ["league_table", "metric_rankings"])
def test_figures_of_a_whole_type_are_clear(national, name, trust_type):
    matplotlib.rcdefaults()
    with measured() as known:
        run(name, view_of(national, Q4, trust_type))
    assert known and {caption: found for caption, found in known.items() if found} == {}


def test_figures_of_the_limitations_are_clear(national):
    with measured() as known:
        run("limitations", view_of(national, Q4, "ambulance"))
    assert len(known) >= 4 and {caption: found for caption, found in known.items() if found} == {}


def test_figures_of_real_tables_with_long_names_are_clear(real):
    view = view_of(open_publication(real), Q4, "mental-health-and-community")
    with measured() as known:
        for name in ("league_table", "metric_rankings", "limitations"):
            run(name, view)
    assert len(known) >= 15 and {caption: found for caption, found in known.items() if found} == {}


def test_figures_of_trusts_are_clear_also_on_a_telephone(national):
    with measured() as known:
        charts = [Page(board.trust_of(national, Q4, code)).of(Chart)[0] for code in ("X0D", "X9C")]
    for chart in charts:
        assert chart.narrow and least_px(chart.narrow, PHONE) >= 10
    assert len(known) >= 3 and {caption: found for caption, found in known.items() if found} == {}
