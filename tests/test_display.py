"""Colours that everyone can tell apart, tables that a screen reader can walk, names that stay text."""

from __future__ import annotations

import io
import itertools
import json

import html5lib
import matplotlib
import mistune
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib import pyplot
from synthetic_briefing import NASTY, chart, table, trusts

from nof.briefing.document import flat, parse_markdown
from nof.common import NofError
from nof.show import style
from nof.show import style as svg
from nof.show.display import (
    CARD_MIME,
    MISSING_NOTE,
    SVG_MIME,
    TABLE_MIME,
    Card,
    Column,
    Table,
    Words,
    plain,
    table_html,
)

# Machado, Oliveira and Fernandes (2009), severity 1.0, on linear RGB.
SIGHT = {
    "normal": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


def linear(colour):
    channels = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def contrast(one, other):
    dark, light = sorted(float(linear(c) @ [0.2126, 0.7152, 0.0722]) for c in (one, other))
    return (light + 0.05) / (dark + 0.05)


def lab(rgb):
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    xyz = np.array(to_xyz) @ np.clip(rgb, 0, 1) / [0.9505, 1, 1.089]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def test_contrast_helper_agrees_with_the_known_extremes():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("segment", sorted(style.SEGMENT))
def test_segment_colours_stand_out_on_white(segment):
    assert contrast(style.SEGMENT[segment], style.PAPER) >= 3


@pytest.mark.parametrize("palette", [style.SEGMENT, style.SEGMENT_WASH, style.QUARTER_WASH])
def test_each_colour_is_clearly_darker_than_the_one_before_on_a_grey_print(palette):
    light = [float(linear(palette[one]) @ [0.2126, 0.7152, 0.0722]) + 0.05 for one in sorted(palette)]
    assert min(lighter / darker for lighter, darker in itertools.pairwise(light)) >= 1.2


@pytest.mark.parametrize("sight", SIGHT)
def test_segment_colours_differ_in_every_sight(sight):
    seen = [lab(np.array(SIGHT[sight]) @ linear(style.SEGMENT[number])) for number in (1, 2, 3, 4)]
    assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)) >= 26


def test_text_has_contrast_in_light_and_dark():
    pairs = [
        (style.INK, style.PAPER),
        (style.QUIET, style.PAPER),
        (style.QUIET, style.WASH),
        (style.ACCENT, style.PAPER),
    ]
    pairs += [(style.WARNING_INK, style.WARNING_WASH), (style.INK, style.HIGHLIGHT)]
    pairs += [(style.INK, wash) for wash in style.TONES.values()]
    dark = style.DARK
    pairs += [(dark[ink], dark["paper"]) for ink in ("ink", "quiet", "accent")]
    pairs += [
        (dark["quiet"], dark["wash"]),
        (dark["ink"], dark["highlight"]),
        (dark["warning-ink"], dark["warning-wash"]),
    ]
    assert min(contrast(*pair) for pair in pairs) >= 4.5


def test_a_chart_needs_alt_text():
    with pytest.raises(NofError, match="no alt text"):
        chart(trusts(10), alt="  ")


def test_a_chart_is_the_same_every_time_and_leaves_no_figure_open():
    before = pyplot.get_fignums()
    one, other = chart(trusts(67)), chart(trusts(67))
    assert one == other
    assert pyplot.get_fignums() == before
    assert (one.width_mm, one.height_mm) == (170, 200)


def test_a_chart_keeps_its_text_and_no_id_that_nothing_uses():
    drawing = chart(trusts(67)).svg
    assert "Ashvale and North Merrow 66 NHS Foundation Trust" in drawing
    assert "$x$" in drawing  # a dollar sign is no formula
    ids = {part.split('"')[0] for part in drawing.split(' id="')[1:]}
    assert ids and all(f"#{name}" in drawing for name in ids)


def test_a_chart_carries_alt_text_and_caption_in_its_metadata():
    data, metadata = chart(trusts(10))._repr_mimebundle_()
    assert data[SVG_MIME].startswith("<svg")
    assert metadata["nof"]["alt"] == "Average scores run from 1.2 to 3.6."
    assert metadata["nof"]["caption"] == "Average scores run from 1.2 to 3.6"


def test_tidy_drops_scripts_handlers_and_references_elsewhere():
    hostile = (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" onload="x()">'
        '<script>x()</script><foreignObject><p>hi</p></foreignObject><a href="https://example.org"><text>in</text></a>'
        '<image href="https://example.org/a.png"/><use xlink:href="file:///etc/passwd"/>'
        '<rect style="fill:url(https://example.org/#a)" onclick="x()" width="5.12345"/><style>@import "x";</style>'
        '<image href="data:image/svg+xml;base64,AAAA"/></svg>'
    )
    clean = svg.tidy(hostile)
    for word in ("script", "onload", "onclick", "foreignObject", "example.org", "file:", "@import", "svg+xml"):
        assert word not in clean
    assert 'width="5.12"' in clean


def test_tidy_renames_ids_and_what_refers_to_them():
    drawing = (
        '<svg xmlns="http://www.w3.org/2000/svg"><defs><clipPath id="a"/><path id="b"/><path id="unused"/></defs>'
        '<g clip-path="url(#a)"><use href="#b"/></g></svg>'
    )
    clean = svg.tidy(drawing, "f1-")
    assert 'id="f1-a"' in clean and "url(#f1-a)" in clean and 'href="#f1-b"' in clean and "unused" not in clean


@pytest.mark.parametrize("text", ["<svg", "<html/>", '<!DOCTYPE svg [<!ENTITY a "b">]><svg/>'])
def test_tidy_refuses_what_is_no_drawing(text):
    with pytest.raises(NofError):
        svg.tidy(text)


def test_a_table_has_caption_scopes_units_and_alignment():
    page = html5lib.parse(table(trusts())._repr_mimebundle_()["text/html"], namespaceHTMLElements=False)
    found = page.find(".//table")
    assert "".join(found.find("caption").itertext()) == "Trusts by average score"
    heads = found.findall("./thead/tr/th")
    assert [head.get("scope") for head in heads] == ["col"] * 5
    assert "".join(heads[2].itertext()) == "Average score1 to 4"
    rows = found.findall("./tbody/tr")
    assert len(rows) == 134
    assert [cell.tag for cell in rows[0]] == ["td", "th", "td", "td", "td"]
    assert rows[0][1].get("scope") == "row"
    assert rows[0][2].get("class") == "right"
    assert rows[0][3].get("class") == "right segment-1"
    assert [i for i, row in enumerate(rows) if row.get("class")] == [5]
    assert "".join(rows[3][1].itertext()) == " ".join(NASTY.split())


def test_missing_values_become_a_dash_that_a_note_explains():
    frame = pd.DataFrame(
        {"a": [1.0, np.nan, -0.04], "b": pd.array([1, pd.NA, 3], dtype="Int64"), "c": ["x", None, "y"]}
    )
    columns = (Column("a", "A", format="+.1f"), Column("b", "B"), Column("c", "C"))
    data = Table(frame, "T", columns).data()
    assert data["rows"] == [["+1.0", "1", "x"], ["–", "–", "–"], ["0.0", "3", "y"]]
    assert data["note"] == MISSING_NOTE
    assert Table(frame[:1], "T", columns, note="Fine.").data()["note"] == "Fine."


def test_formats_may_be_specifications_templates_or_callables():
    frame = pd.DataFrame({"a": [-1234.5]})
    shown = [
        Table(frame, "T", (Column("a", "A", format=f),)).data()["rows"][0][0]
        for f in (",.1f", "{:.0f}%", lambda v: f"<{v}>", None)
    ]
    assert shown == ["−1,234.5", "−1234%", "<-1234.5>", "-1234.5"]


def test_whole_numbers_in_a_column_with_gaps_are_written_whole():
    frame = pd.DataFrame({"a": [3.0, np.nan]})
    assert Table(frame, "T", (Column("a", "A", format="d"),)).data()["rows"] == [["3"], ["–"]]


def test_a_table_says_which_column_is_absent():
    with pytest.raises(NofError, match="no column zz"):
        Table(pd.DataFrame({"a": [1]}), "T", (Column("zz", "Z"),)).data()
    with pytest.raises(NofError, match="left or right"):
        Column("a", "A", align="centre")


def test_an_empty_table_still_has_its_header():
    html = table_html(table(trusts()[:0]).data())
    assert html.count('scope="col"') == 5 and "<tbody>" in html


def test_an_unknown_tone_never_becomes_a_class():
    data = Table(pd.DataFrame({"a": [1]}), "T", (Column("a", "A", tone=lambda value: '"><script>'),)).data()
    assert "script" not in table_html(data)


def test_bundles_are_json():
    bundle = table(trusts(12))._repr_mimebundle_()
    assert json.loads(json.dumps(bundle[TABLE_MIME]))["emphasis"] == [5]
    card = Card((("Trusts", "134", ""), ("<b>", "1 < 2", "note")))._repr_mimebundle_()
    assert card[CARD_MIME]["items"][1] == {"label": "<b>", "value": "1 < 2", "note": "note"}
    assert "<dt>&lt;b&gt;</dt>" in card["text/html"]


@given(st.text(alphabet=st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), max_size=60))
@settings(max_examples=300, deadline=None)
def test_plain_text_comes_back_as_it_was(text):
    wanted = " ".join(text.split())
    tokens = [token for token in parse_markdown(f"x {plain(text)} y") if token["type"] != "blank_line"]
    assert [token["type"] for token in tokens] == ["paragraph"]
    assert {child["type"] for child in tokens[0]["children"]} <= {"text"}
    assert flat(tokens[0]["children"]).split() == f"x {wanted} y".split()


@pytest.mark.parametrize(
    "text", ["1. list", "- item", "# head", "> quote", "+ plus", "a\n\n---", "    code", "| a |\n|--|", "~~~"]
)
def test_plain_text_begins_no_block(text):
    tokens = parse_markdown(plain(text))
    assert [token["type"] for token in tokens] == ["paragraph"]
    assert "<script" not in mistune.html(plain(text + NASTY))


def test_matplotlib_finds_the_typeface():
    from matplotlib.font_manager import findfont

    style.register_fonts()
    assert findfont(style.FONT, fallback_to_default=False).endswith("SourceSansPro-Regular.ttf")
    assert matplotlib.rcParams["svg.hashsalt"] != "nof"  # settings stay in their context


def test_in_a_terminal_each_is_one_short_line():
    """A caption, and how much there is; not 60 kB of SVG."""
    shown = [chart(trusts(10)), table(trusts(12)), Words("*a*\n\n" * 500), Card((("Trusts", "134", ""),) * 9)]
    assert [repr(one) for one in shown[:2]] == [
        "Chart('Average scores run from 1.2 to 3.6', 170 by 200 mm)",
        "Table('Trusts by average score', 12 rows, 5 columns)",
    ]
    assert all("\n" not in repr(one) and len(repr(one)) < 200 for one in shown)


def test_no_figure_makes_matplotlib_complain_of_a_weight(caplog):
    """The face that stands in has no semibold; under a chart in a notebook nobody wants to read that."""
    with matplotlib.rc_context(style.rc()):
        figure = pyplot.figure()
        for place, weight in enumerate((400, 600, 700)):
            figure.text(0.1, 0.1 + place / 5, "Aßعx", fontweight=weight)
        figure.text(0.5, 0.1, "italic", fontstyle="italic")
        figure.savefig(io.StringIO(), format="svg")
        pyplot.close(figure)
    assert "findfont" not in caplog.text
