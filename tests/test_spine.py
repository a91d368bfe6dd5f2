"""Where a trust stands among its type, and the small drawings that show it in a table's cells."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ET

import html5lib
import numpy as np
import pandas as pd
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from pypdf import PdfReader
from synthetic_briefing import shown

from nof.briefing.html import BriefingHTMLExporter
from nof.briefing.pdf import BriefingPDFExporter
from nof.method.spine import BANDS, Spine, quarters, scales, spines
from nof.show import inline, style
from nof.show.display import Column, Table


def rows(values, ranks=None, scores=None):
    count = len(values)
    return pd.DataFrame(
        {
            "metric_id": "OF1005",
            "trust_code": [f"T{n}" for n in range(count)],
            "value": values,
            "rank": ranks if ranks is not None else pd.Series(values).rank(method="min"),
            "score": scores if scores is not None else np.linspace(1, 4, count),
        }
    )


def of(table, code):
    return spines(table[table["trust_code"] == code], scales(table))


def at(table, code):
    return of(table, code)["OF1005"]


def test_the_best_the_typical_and_the_worst_stand_at_the_ends_and_the_middle():
    table = rows([1.0, 2.0, 3.0, 10.0, 90.0])
    assert [at(table, f"T{n}").at for n in range(5)] == pytest.approx([0, 0.25, 0.5, 0.5 + 0.5 * 7 / 87, 1])
    assert (at(table, "T0").lower, at(table, "T0").upper) == pytest.approx((0.25, 0.5 + 0.5 * 7 / 87))
    assert [at(table, f"T{n}").band for n in range(5)] == [BANDS[0], BANDS[0], BANDS[1], BANDS[1], BANDS[2]]


def test_turning_the_direction_turns_the_spine():
    low = rows([1.0, 2.0, 3.0, 10.0, 90.0])
    high = rows([-1.0, -2.0, -3.0, -10.0, -90.0], ranks=low["rank"])
    assert [at(high, f"T{n}") for n in range(5)] == [at(low, f"T{n}") for n in range(5)]


def test_without_a_value_the_scores_are_compared_and_that_is_said():
    table = rows([np.nan] * 4, ranks=[np.nan] * 4, scores=[1.0, 2.0, 2.0, 4.0])
    assert at(table, "T3") == Spine(1.0, at(table, "T3").lower, at(table, "T3").upper, BANDS[2], "score")
    assert inline.spine_words(at(table, "T3")) == "worst quarter, by score"


def test_a_type_that_agrees_is_a_point():
    assert at(rows([5.0] * 4), "T2") == Spine(0.5, 0.5, 0.5, BANDS[0], "value")


def test_quarters_are_letters_and_ties_share_the_better_one():
    assert list(quarters(pd.Series([1.0, 2.0, 3.0, 4.0]))) == list("ABCD")
    assert list(quarters(pd.Series([1.0, 1.0, 1.0, 1.0, 3.0]))) == list("AAAAD")
    assert list(quarters(pd.Series([np.nan, 2.0]))) == [None, "A"] and list(quarters(pd.Series([np.nan]))) == [None]


def test_a_trust_that_is_not_scored_has_no_spine():
    assert of(rows([1.0, 2.0]), "ZZZ") == {}


def xs(svg, name="circle"):
    return [float(one.get("cx")) for one in ET.fromstring(svg).iter(f"{{{style.SVG}}}{name}")]


def test_a_better_trust_stands_further_left():
    drawn = [xs(inline.spine(Spine(share, 0.2, 0.8, BANDS[1], "value")))[0] for share in (0, 0.3, 1)]
    assert drawn == sorted(drawn) and 0 < drawn[0] < drawn[2] < 72


def test_a_sparkline_has_a_dot_for_each_score_and_no_line_over_a_gap():
    whole, gap = inline.sparkline([1.0, 2.0, 3.0, 4.0]), inline.sparkline([1.0, None, 3.0, 4.0])
    assert len(xs(whole)) == 4 and len(xs(gap)) == 3
    lines = [one.get("d") for svg in (whole, gap) for one in ET.fromstring(svg) if one.get("stroke") == style.ACCENT]
    assert [line.count("L") for line in lines] == [3, 1]
    tops = [float(one.get("cy")) for one in ET.fromstring(whole).iter(f"{{{style.SVG}}}circle")]
    assert tops == sorted(tops)  # 1.00 at the top
    assert max(xs(inline.sparkline([2.0] * 8))) < 34


def drawn_table():
    frame = pd.DataFrame({"name": ["A", "B"], "spine": [Spine(0.1, 0.2, 0.8, BANDS[0], "value"), None]})
    columns = (
        Column("name", "Metric", row_header=True),
        Column("spine", "Among its type", format=inline.spine_words, draw=inline.spine),
    )
    return Table(frame, "Drawn", columns)


def test_a_drawing_in_a_cell_is_described_by_the_cells_text_in_html_and_pdf():
    notebook = new_notebook(cells=[new_code_cell("x", outputs=[shown(drawn_table())])])
    page = html5lib.parse(BriefingHTMLExporter().from_notebook_node(notebook)[0], namespaceHTMLElements=False)
    (drawing,) = page.findall(".//td//{http://www.w3.org/2000/svg}svg")
    assert (drawing.get("role"), drawing.get("aria-label")) == ("img", "best quarter")
    made = BriefingPDFExporter().from_notebook_node(notebook)[0]
    assert "best quarter" in [one.get("/Alt") for one in _objects(made)]


def _objects(made):
    reader = PdfReader(io.BytesIO(made))
    found = (reader.get_object(number) for number in range(1, reader.trailer["/Size"]))
    return [one for one in found if hasattr(one, "get")]


def test_a_hostile_drawing_in_a_cell_is_made_harmless():
    hostile = f'<svg xmlns="{style.SVG}" viewBox="0 0 9 9" onload="x()"><script>x()</script><circle r="1"/></svg>'
    table = Table(pd.DataFrame({"a": ['"><b>']}), "T", (Column("a", "A", draw=lambda _: hostile),))
    notebook = new_notebook(cells=[new_code_cell("x", outputs=[shown(table)])])
    page = BriefingHTMLExporter().from_notebook_node(notebook)[0]
    assert (
        "<script>x()" not in page
        and page.count("<script") == 1
        and "onload" not in page
        and "<circle" in page
        and "<b>" not in page
    )
    assert BriefingPDFExporter().from_notebook_node(notebook)[0].startswith(b"%PDF")


def pages(before, after):
    """Texts of the pages of a PDF that asks for a new one between so many lines."""
    text = "\n\n".join(f"Before {n}." for n in range(before))
    rest = "\n\n".join(f"After {n}." for n in range(after))
    cells = [new_markdown_cell(text), new_markdown_cell(f"## Every metric\n\n{rest}", metadata={"tags": ["new-page"]})]
    made = BriefingPDFExporter().from_notebook_node(new_notebook(cells=cells))[0]
    return [one.extract_text() for one in PdfReader(io.BytesIO(made)).pages]


def test_a_new_page_is_begun_where_it_is_asked_for_unless_that_leaves_one_nearly_empty():
    assert ["Every metric" in page for page in pages(20, 20)] == [False, True]
    assert ["Every metric" in page for page in pages(4, 20)] == [True]
    assert ["Every metric" in page for page in pages(20, 3)] == [True]


def test_an_opening_in_bold_is_the_verdict_and_set_larger():
    def page(text):
        return BriefingHTMLExporter().from_notebook_node(new_notebook(cells=[new_markdown_cell(text)]))[0]

    assert '<p class="verdict"><strong>Ranked 3rd.' in page("**Ranked 3rd.**\n\nMore.")
    assert 'class="verdict"' not in page("**Ranked** 3rd.") and 'class="verdict"' not in page("More.\n\n**Ranked.**")
