"""Both exporters on one synthetic notebook: complete, accessible, literal, the same every time."""

from __future__ import annotations

import base64
import copy
import hashlib
import io
import os
import re
import signal
import subprocess
import sys
from functools import lru_cache
from importlib.metadata import entry_points
from pathlib import Path

import docx
import html5lib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from pypdf import PdfReader
from synthetic_briefing import NASTY, chart, notebook, shown, table, trusts

from nof.briefing import columns, document, pdf
from nof.briefing.blocks import Tabular
from nof.briefing.gate import check_html, check_pdf
from nof.briefing.html import BriefingHTMLExporter, on_every_page
from nof.briefing.markdown_typst import convert, literal
from nof.briefing.pdf import BriefingPDFExporter, FigureWithoutAltError, TypstFailedError
from nof.briefing.word import BriefingDocxExporter
from nof.common import NofError
from nof.show import fonts
from nof.show.display import Column, Table, Words, plain

FILLER = "No description has been provided for this image"


def to_html(nb, **traits):
    return BriefingHTMLExporter(**traits).from_notebook_node(nb)[0]


def to_pdf(nb, **traits):
    return BriefingPDFExporter(**traits).from_notebook_node(nb)[0]


def texts(data):
    """Text of each page, lines joined, without the invisible places to break."""
    return [" ".join(page.extract_text().replace("\u200b", "").split()) for page in PdfReader(io.BytesIO(data)).pages]


def tags(data):
    """Every structure element of a PDF as (type, element), depth first."""
    found, waiting = [], [PdfReader(io.BytesIO(data)).trailer["/Root"]["/StructTreeRoot"]["/K"]]
    while waiting:
        node = waiting.pop()
        node = node.get_object() if hasattr(node, "get_object") else node
        if isinstance(node, list):
            waiting.extend(reversed(node))
        elif hasattr(node, "get") and "/S" in node:
            found.append((node["/S"], node))
            waiting.append(node.get("/K", []))
    return found


@pytest.fixture(scope="module")
def html():
    return to_html(notebook())


@pytest.fixture(scope="module")
def paper():
    return to_pdf(notebook())


@pytest.fixture(scope="module")
def stock():
    """What a notebook holds that knows nothing of this project."""
    from PIL import Image

    picture = io.BytesIO()
    Image.new("RGB", (64, 32), "white").save(picture, "PNG")
    png = base64.b64encode(picture.getvalue()).decode()
    frame = pd.DataFrame({"a": [1.5, 2.5], "b<i>": ["x", "y & z"]})
    outputs = [
        new_output("execute_result", data={"text/html": frame.to_html(), "text/plain": str(frame)}),
        new_output("display_data", data={"image/png": png, "text/plain": "<Figure>"}, metadata={"alt": "A white box"}),
        new_output("stream", text="printed #x $y$\n\x1b[31mred\x1b[0m"),
        new_output("display_data", data={"text/html": "<script src=//example.org>", "text/plain": "in its place"}),
        new_output("display_data", data={"application/x-unknown": "hidden"}),
    ]
    source = "Begins\n\n# One\n\n#### Skips\n\n<b>raw</b> ![far](https://example.org/x.png)\n\n# Two"
    return new_notebook(cells=[new_markdown_cell(source), new_code_cell("secret_code()", outputs=outputs)])


# ---- HTML ----


def test_html_is_valid_and_passes_the_own_check(html, tmp_path):
    html5lib.HTMLParser(strict=True).parse(html)
    (tmp_path / "a.html").write_text(html, encoding="utf-8")
    assert check_html(tmp_path / "a.html") == []


def test_html_asks_nobody_for_anything(html):
    page = html5lib.parse(html, namespaceHTMLElements=False)
    assert [one.text for one in page.iter("script")] == [str(on_every_page()["script"])]  # our own, held by its hash
    policy = next(one.get("content") for one in page.iter("meta") if one.get("http-equiv"))
    assert f"script-src '{on_every_page()['script_hash']}';" in policy
    assert [one.get("rel") for one in page.iter("link")] == ["icon"]
    assert next(page.iter("link")).get("href").startswith("data:image/svg+xml;base64,")
    assert all(image.get("src", "").startswith("data:") for image in page.iter("img"))
    assert not re.search(r"url\((?!\"?data:|\"?#)", html)
    assert "default-src 'none'" in html
    assert html.count("https://") == 1  # the plain link in the text


def test_html_figures_are_described_in_their_own_words(html):
    page = html5lib.parse(html)
    drawings = [e for e in page.iter("{http://www.w3.org/2000/svg}svg")]
    assert [d.get("aria-label") for d in drawings] == [
        "Average scores run from 1.2 to 3.6.",
        "The second half runs from 2.3 to 3.6.",
    ]
    assert all(d.get("role") == "img" for d in drawings)
    assert FILLER not in html
    ids = re.findall(r'\sid="([^"]+)"', html)
    assert len(ids) == len(set(ids))


def test_html_has_landmarks_contents_and_headings_in_order(html):
    page = html5lib.parse(html, namespaceHTMLElements=False)
    assert all(len(page.findall(f".//{name}")) == 1 for name in ("main", "nav", "header", "footer", "h1"))
    links = [a.get("href")[1:] for a in page.findall(".//nav//a")]
    assert links == ["section-first", "section-detail", "section-last"]
    assert all(page.find(f".//main//*[@id='{link}']") is not None for link in links)
    levels = [int(e.tag[1]) for e in page.find(".//main").iter() if re.fullmatch("h[1-6]", str(e.tag))]
    assert levels == [2, 3, 2]
    assert "".join(page.find(".//h1").itertext()) == "Synthetic briefing"
    assert page.find(".//a[@class='skip']").get("href") == "#main"


def test_html_says_where_it_comes_from_and_that_it_is_illustrative(html):
    page = html5lib.parse(html, namespaceHTMLElements=False)
    footer = "".join(page.find(".//footer").itertext())
    for line in ("Source: made up", "No licence", "Independent analysis, not NHS England", "abc123"):
        assert line in footer
    assert "Illustrative data." in "".join(page.find(".//header").itertext())
    assert '@top-right { content: "Illustrative data"' in html


def test_html_scrolling_boxes_can_be_reached_and_have_names_of_their_own(html):
    page = html5lib.parse(html, namespaceHTMLElements=False)
    boxes = page.findall(".//*[@role='region']")
    assert len(boxes) == 3 and all(box.get("tabindex") == "0" for box in boxes)
    assert len({box.get("aria-label") for box in boxes}) == 3


def test_html_hides_code_unless_asked(html):
    assert "helpers.show()" not in html
    assert "helpers.show()" in to_html(notebook(), include_code=True)


# ---- PDF ----


def test_pdf_passes_the_own_check(paper, tmp_path):
    (tmp_path / "a.pdf").write_bytes(paper)
    assert check_pdf(tmp_path / "a.pdf") == []


def test_pdf_says_what_it_is(paper):
    reader = PdfReader(io.BytesIO(paper))
    assert reader.metadata.title == "Synthetic briefing"
    assert reader.metadata.author == "Independent analysis, not NHS England"
    assert reader.metadata.creation_date.date().isoformat() == "2026-06-11"
    assert reader.trailer["/Root"]["/Lang"] == "en-GB"
    assert "<pdfuaid:part>1</pdfuaid:part>" in paper.decode("latin-1")
    assert reader.pages[0].mediabox.width == pytest.approx(595.28, abs=0.1)


def test_pdf_numbers_its_pages_and_repeats_headers(paper):
    pages = texts(paper)
    assert len(pages) >= 4
    for number, text in enumerate(pages, start=1):
        assert f"Page {number} of {len(pages)}" in text
        assert "Illustrative data" in text
    assert all("Synthetic briefing" in text for text in pages)
    with_rows = [text for text in pages if "NHS Foundation Trust" in text and "Rank last quarter" in text]
    assert len(with_rows) >= 3  # the header of the long table stands on each of its pages
    assert sum("Trusts by average score" in text for text in pages) == 1


def test_pdf_without_illustrative_data_does_not_say_so():
    nb = notebook()
    nb.metadata["briefing"]["illustrative"] = False
    assert not any("Illustrative" in text for text in texts(to_pdf(nb)))
    assert "Illustrative" not in to_html(nb)


def test_pdf_has_bookmarks(paper):
    def titles(items):
        return [t for item in items for t in (titles(item) if isinstance(item, list) else [item.title])]

    assert titles(PdfReader(io.BytesIO(paper)).outline) == ["Synthetic briefing", "First", "Detail", "Last"]


def test_pdf_tags_headings_tables_and_figures(paper):
    found = tags(paper)
    names = [name for name, _ in found]
    assert [name for name in names if re.fullmatch(r"/H\d", name)] == ["/H1", "/H2", "/H3", "/H2"]
    assert names.count("/Table") == 2
    scopes = [str(node["/A"]) for name, node in found if name == "/TH"]
    assert [sum(scope in one for one in scopes) for scope in ("/Column", "/Row")] == [5 + 2, 134]
    alts = [node["/Alt"] for name, node in found if name == "/Figure"]
    assert alts == ["Average scores run from 1.2 to 3.6.", "The second half runs from 2.3 to 3.6."]


def test_pdf_embeds_its_fonts(paper):
    used = {}
    for page in PdfReader(io.BytesIO(paper)).pages:
        for font in page["/Resources"].get("/Font", {}).values():
            font = font.get_object()
            inner = font["/DescendantFonts"][0].get_object() if "/DescendantFonts" in font else font
            used[font["/BaseFont"]] = inner["/FontDescriptor"]
    assert any("SourceSansPro-Regular" in name for name in used)
    assert all({"/FontFile2", "/FontFile3"} & set(descriptor) for descriptor in used.values())


def test_figures_in_the_pdf_hold_text(paper):
    assert (
        sum("Ashvale and North Merrow 100 NHS Foundation Trust" in text for text in texts(paper)) == 2
    )  # table, figure


# ---- both ----


def test_nasty_text_comes_out_literally(html, paper):
    page = html5lib.parse(html, namespaceHTMLElements=False)
    assert NASTY in "".join(page.find(".//main").itertext())
    assert sum(NASTY in "".join(cell.itertext()) for cell in page.iter("th")) == 1
    assert len(page.findall(".//script")) == 1
    joined = " ".join(texts(paper)).replace(" ", "")
    assert joined.count(NASTY.replace(" ", "")) >= 3  # card, sentence, table


def test_same_notebook_same_bytes_in_another_process(paper, html):
    code = (
        "import sys, hashlib; sys.path.insert(0, sys.argv[1]); import synthetic_briefing as s\n"
        "from nof.briefing.html import BriefingHTMLExporter as H; from nof.briefing.pdf import BriefingPDFExporter as P\n"
        "n = s.notebook(); print(hashlib.sha256(P().from_notebook_node(n)[0]).hexdigest(),"
        "hashlib.sha256(H().from_notebook_node(n)[0].encode()).hexdigest())"
    )
    environment = os.environ | {"PYTHONHASHSEED": "7", "LC_ALL": "C", "TZ": "Asia/Tokyo"}
    done = subprocess.run(
        [sys.executable, "-c", code, str(Path(__file__).parent)],
        capture_output=True,
        text=True,
        env=environment,
        check=True,
    )
    assert done.stdout.split() == [hashlib.sha256(paper).hexdigest(), hashlib.sha256(html.encode()).hexdigest()]


def test_exporting_leaves_the_notebook_alone():
    nb = notebook()
    before = copy.deepcopy(nb)
    to_html(nb), to_pdf(nb)
    assert nb == before


def test_figure_and_table_numbers_agree():
    nb = new_notebook(
        cells=[new_code_cell("x", outputs=[shown(_wide()), shown(table(trusts(9))), shown(chart(trusts(9)))])]
    )
    text = " ".join(texts(to_pdf(nb)))
    assert "Table 1 Score map (part 2 of" in text
    assert "Table 2 Trusts by average score" in text and "Figure 1 Average" in text
    html = re.sub("<[^>]+>", "", to_html(nb))
    assert "Table 1 Score map" in html and "Table 2 Trusts by average score" in html


def test_a_figure_without_alt_text_is_named(caplog):
    drawing = new_output(
        "display_data", data={"image/svg+xml": '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"/>'}
    )
    nb = new_notebook(cells=[new_markdown_cell("# T"), new_code_cell("draw_it()\nmore()", outputs=[drawing])])
    with pytest.raises(FigureWithoutAltError, match=r"cell 2 \(draw_it\(\)\)"):
        to_pdf(nb)
    page = to_html(nb)
    assert "Figure without a description, from cell 2" in page and FILLER not in page


def test_stock_outputs_come_out(stock):
    html, paper = to_html(stock), to_pdf(stock)
    html5lib.HTMLParser(strict=True).parse(html)
    text = " ".join(texts(paper))
    for shown_text in ("Begins", "printed #x $y$", "red", "in its place", "<b>raw</b>", "far", "b<i>", "y & z", "2.5"):
        assert shown_text in text
        assert shown_text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") in html
    told = "".join(html5lib.parse(html, namespaceHTMLElements=False).find(".//main").itertext())
    for absent in ("example.org", "secret_code", "\x1b", "hidden"):
        assert absent not in told and absent not in text
    assert "example.org" not in html and "secret_code" not in html
    assert 'alt="A white box"' in html
    assert [name for name, _ in tags(paper) if re.fullmatch(r"/H\d", name)] == ["/H1", "/H2", "/H2"]
    assert "Independent analysis" not in html  # it is no briefing of ours


def test_the_command_line_finds_each(stock, tmp_path):
    import nbformat

    nbformat.write(stock, tmp_path / "any.ipynb")
    for kind, suffix in (("briefing-html", "html"), ("briefing-pdf", "pdf"), ("briefing-docx", "docx")):
        command = [sys.executable, "-m", "nbconvert", "--to", kind, str(tmp_path / "any.ipynb")]
        subprocess.run(command, check=True, capture_output=True, timeout=120)
        assert (tmp_path / f"any.{suffix}").stat().st_size > 5000
    found = {
        point.name: point.load()
        for point in entry_points(group="nbconvert.exporters")
        if point.name.startswith("briefing-")
    }
    classes = [BriefingHTMLExporter, BriefingPDFExporter, BriefingDocxExporter]
    assert found == dict(zip(("briefing-html", "briefing-pdf", "briefing-docx"), classes, strict=True))
    assert all(exporter.export_from_notebook for exporter in found.values())  # JupyterLab's menu


def test_an_error_left_in_a_cell_is_shown_and_reported(tmp_path):
    failed = new_output(
        "error", ename="ValueError", evalue="no", traceback=["Traceback (most recent call last)", "ValueError: no"]
    )
    page = to_html(new_notebook(cells=[new_code_cell("x", outputs=[failed])]), allow_errors=True)
    (tmp_path / "a.html").write_text(page, encoding="utf-8")
    assert any("error" in problem for problem in check_html(tmp_path / "a.html"))


def test_a_wrong_date_is_an_error():
    nb = notebook()
    nb.metadata["briefing"]["date"] = "yesterday"
    with pytest.raises(NofError, match="yesterday"):
        to_pdf(nb)


# ---- what cannot be drawn, and what is too long ----


def test_characters_that_no_font_has_are_named():
    name = "日 😀 \u202eabc\x00 Gŵyr ✓"
    nb = new_notebook(
        cells=[new_code_cell("x", outputs=[shown(Words(plain(name))), shown(chart(trusts(5).assign(name=name)))])]
    )
    text = " ".join(texts(to_pdf(nb)))
    assert "[U+65E5] [U+1F600] \ufffdabc\ufffd Gŵyr ✓" in text
    page = to_html(nb)
    html5lib.HTMLParser(strict=True).parse(page)
    assert "日 😀 \ufffdabc\ufffd Gŵyr ✓" in page


def test_a_very_long_word_does_not_run_off_the_page():
    frame = trusts(4).assign(name="X" * 300)
    data = table(frame).data()
    (part,) = columns.fit(data)
    assert sum(column["width"] for column in part["columns"]) <= columns.PAGE_PT + 0.1
    nb = new_notebook(cells=[new_code_cell("x", outputs=[shown(table(frame)), shown(Words("Y" * 300))])])
    assert " ".join(texts(to_pdf(nb))).replace(" ", "").count("X" * 300) == 4


def _wide():
    frame = trusts(12)
    for j in range(40):
        frame[f"m{j}"] = (np.arange(12) + j) % 4 + 1
    scores = [Column(f"m{j}", f"OF{j:04d}", align="right", format="d") for j in range(40)]
    return Table(frame, "Score map", (Column("name", "Trust", row_header=True), *scores), note="The note.")


def test_a_wide_table_comes_in_parts_that_all_fit():
    parts = columns.fit(_wide().data())
    assert len(parts) > 1
    assert all(sum(c["width"] for c in part["columns"]) <= columns.PAGE_PT + 0.1 for part in parts)
    assert all(part["columns"][0]["label"] == "Trust" for part in parts)
    labels = [c["label"] for part in parts for c in part["columns"][1:]]
    assert labels == [f"OF{j:04d}" for j in range(40)]
    assert [bool(part["note"]) for part in parts] == [False] * (len(parts) - 1) + [True]


def _long_heads(metrics):
    frame = trusts(40)
    names = [f"m{j}" for j in range(metrics)]
    frame = frame.assign(**{one: (np.arange(40) + j) % 4 + 1.25 for j, one in enumerate(names)})
    scores = [
        Column(one, f"Community waits over {j} weeks", align="right", format=".2f") for j, one in enumerate(names)
    ]
    return Table(frame, "Score map", (Column("rank", "Place"), Column("name", "Trust", row_header=True), *scores))


def test_heads_stand_upright_before_a_table_is_split():
    """Level where there is room, upright where only that keeps the table whole, in parts beyond that."""
    level, stood = (columns.fit(_long_heads(metrics).data()) for metrics in (4, 14))
    assert len(level) == len(stood) == 1 < len(columns.fit(_long_heads(40).data()))
    assert [c["upright"] for c in level[0]["columns"]] == [False] * 6 and not level[0]["tall"]
    assert [c["upright"] for c in stood[0]["columns"]] == [False] * 2 + [True] * 14
    lines = [("Community waits", "over 13 weeks"), ("Community waits over", "13 weeks")]
    needed = min(max(fonts.text_width(line, "600") for line in pair) for pair in lines)
    assert stood[0]["tall"] >= stood[0]["size"] * needed
    text = " ".join(texts(to_pdf(new_notebook(cells=[new_code_cell("x", outputs=[shown(_long_heads(14))])]))))
    assert text.count("Place") == 1 and text.replace(" ", "").count("weeks") == 14


def test_a_sheet_on_its_side_holds_long_narrow_tables_in_two_columns_and_wide_ones_whole():
    """A notebook says so of itself; its contents are on the first page, its rows on as many pages as half of them need."""
    cells = [new_code_cell("x", outputs=[shown(table(trusts(60))), shown(_long_heads(14))])]
    about = {"landscape": True, "contents": True}
    nb = new_notebook(cells=[new_markdown_cell("# Title\n\n## One\n\nWords."), *cells], metadata={"briefing": about})
    doc = document.read(nb)
    (narrow,), (wide,) = (columns.fitted(one.data, True) for one in doc.blocks if isinstance(one, Tabular))
    assert narrow["beside"] and not wide["beside"] and not any(c["upright"] for c in wide["columns"])
    made = to_pdf(nb)
    sheets = [one.mediabox for one in PdfReader(io.BytesIO(made)).pages]
    assert all(one.width > one.height for one in sheets)
    held = texts(made)
    assert held[0].startswith("Title Contents One")
    assert any("Merrow 0 NHS" in one and "Merrow 59 NHS" in one for one in held), "sixty rows on one page"
    standing = document.read(new_notebook(cells=nb.cells))
    assert not standing.meta.landscape and not columns.fitted(table(trusts(60)).data())[0]["beside"]
    (section,) = docx.Document(io.BytesIO(BriefingDocxExporter().from_notebook_node(nb)[0])).sections
    assert section.page_width > section.page_height


def test_numbers_never_wrap_and_type_is_never_tiny():
    (part,) = columns.fit(table(trusts()).data())
    assert part["size"] >= 8
    for column, cells in zip(part["columns"], zip(*part["rows"], strict=True), strict=True):
        if column["align"] == "right":
            assert column["width"] - 2 * part["inset"] >= part["size"] * max(map(fonts.text_width, cells))


# ---- untrusted Markdown and Typst ----


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=50), max_size=8))
@settings(max_examples=40, deadline=None)
def test_any_markdown_compiles(pieces):
    nb = new_notebook(cells=[new_markdown_cell("\n\n".join(pieces))])
    html5lib.HTMLParser(strict=True).parse(to_html(nb))
    assert to_pdf(nb).startswith(b"%PDF")


@given(st.text(st.sampled_from("#$@\\*_`[](){}<>\"'/;=-+~|\n a1"), max_size=40))
@settings(max_examples=60, deadline=None)
def test_typst_syntax_never_takes_effect(text):
    nb = new_notebook(cells=[new_code_cell("x", outputs=[shown(Words(f"Begin{plain(text)}end"))])])
    wanted = "".join(f"Begin{text}end".split())
    assert wanted in "".join("".join(texts(to_pdf(nb))).split())


def test_headings_that_are_empty_or_inside_something_leave_the_outline():
    nb = new_notebook(
        cells=[new_markdown_cell("# T\n\n#\n\n## Real\n\n> # In a quotation\n\n- #### In a list\n\n### <!-- -->")]
    )
    headings = [(name, node) for name, node in tags(to_pdf(nb)) if re.fullmatch(r"/H\d", name)]
    assert [name for name, _ in headings] == ["/H1", "/H2"]
    page = html5lib.parse(to_html(nb), namespaceHTMLElements=False)
    assert [e.tag for e in page.find(".//main").iter() if re.fullmatch("h[1-6]", str(e.tag))] == ["h2"]
    assert "In a quotation" in "".join(page.find(".//blockquote/p/strong").itertext())


def test_typst_source_holds_text_only_in_string_literals():
    assert literal('a"b\\c\nd') == '"a\\"b\\\\c\\nd"'
    source = convert(document.parse_markdown('#read("/etc/passwd") $x$ *[#eval("1")](javascript:x)*'))
    outside = re.sub(r'"(?:[^"\\]|\\.)*"', "", source)
    assert not re.search("read|eval|passwd|javascript", outside)


@pytest.mark.parametrize(
    "command",
    ['#read("/etc/hostname")', '#read("../secret.txt")', '#image("/../secret.txt")', '#import "@preview/a:0.1.0": b'],
)
def test_typst_cannot_read_outside_its_folder(tmp_path, command):
    (tmp_path / "secret.txt").write_text("secret")
    root = tmp_path / "root"
    root.mkdir()
    pdf.source(root, f'#set document(title: "t")\n= t\n{command}')
    with pytest.raises(TypstFailedError):
        pdf._compile(root / "main.typ", root, pdf._NO_DATE)


@pytest.mark.parametrize(("before", "after"), [("é", "ĩ"), ("ſ é", "ſ ĩ"), ("œ", "–"), ("é é", "é"), ("x ééé", "x ĩĩ")])
def test_a_page_never_shows_what_another_page_before_it_said(before, after):
    """Typst takes in what differs from the source before, and errs in characters that end in the same bytes."""

    def paper(text):
        return texts(to_pdf(new_notebook(cells=[new_markdown_cell(text)])))

    assert [text in " ".join(paper(text)) for text in (before, after, before)] == [True] * 3


def test_after_typst_has_broken_down_the_next_page_is_set(monkeypatch):
    PanicException = type("PanicException", (BaseException,), {})  # noqa: N806 - as the binding's own, which has no module

    class Broken:
        def compile(self, *_, **__):
            raise PanicException("slice index starts at 2 but ends at 1")

    with monkeypatch.context() as patched:
        patched.setattr(pdf, "_compiler", lru_cache(Broken))
        with pytest.raises(TypstFailedError, match="broke down over the PDF: slice index"):
            to_pdf(notebook())
        assert pdf._compiler.cache_info().currsize == 0, "a compiler that broke down is used again"
    assert to_pdf(notebook()).startswith(b"%PDF")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_fork_after_typst_has_run_is_refused_not_hung(paper):
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        try:
            to_pdf(notebook())
        except TypstFailedError:
            os._exit(17)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 17


# ---- the checks notice ----


@pytest.mark.parametrize(
    ("find", "put", "told"),
    [
        ('aria-label="Average scores run from 1.2 to 3.6."', f'aria-label="{FILLER}"', "no description of its own"),
        ('aria-label="Average scores run from 1.2 to 3.6."', 'aria-label=""', "no description of its own"),
        ("</main>", "", "closes nothing"),
        ("</main>", "<script>x</script></main>", "holds a script"),
        ("</main>", '<img src="https://example.org/a.png" alt="A cat"></main>', "example.org"),
        ("</main>", '<p id="main"></p></main>', "occurs twice"),
        ("</main>", "<h6>x</h6></main>", "level 6 follows"),
        ("<style>", '<link rel="stylesheet" href="//example.org/a.css"><style>', "example.org"),
        ("<style>", "<style>@import 'a.css';", "style sheet refers"),
        ('lang="en-GB"', "", "no language"),
        ("<title>Illustrative data: Synthetic briefing: A quarter</title>", "<title> </title>", "no title"),
        ("<!DOCTYPE html>", "", "DOCTYPE"),
    ],
)
def test_check_html_notices(html, tmp_path, find, put, told):
    assert find in html
    (tmp_path / "a.html").write_text(html.replace(find, put, 1), encoding="utf-8")
    assert any(told in problem for problem in check_html(tmp_path / "a.html"))


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("/Lang", "no language"),
        ("/StructTreeRoot", "no structure tree"),
        ("/MarkInfo", "not marked"),
        ("/Info", "no title"),
        ("/Alt", "no description"),
    ],
)
def test_check_pdf_notices(paper, tmp_path, key, told):
    pikepdf = pytest.importorskip("pikepdf")
    with pikepdf.open(io.BytesIO(paper)) as document_:
        if key == "/Info":
            del document_.trailer[key]
            del document_.Root["/Metadata"]
        elif key == "/Alt":
            for thing in document_.objects:
                if isinstance(thing, pikepdf.Dictionary) and thing.get("/S") == "/Figure":
                    thing[key] = pikepdf.String(FILLER)
        else:
            del document_.Root[key]
        document_.save(tmp_path / "a.pdf")
    assert any(told in problem for problem in check_pdf(tmp_path / "a.pdf"))


def test_check_pdf_reports_what_is_no_pdf(tmp_path):
    (tmp_path / "a.pdf").write_text("<html>")
    assert check_pdf(tmp_path / "a.pdf")[0].startswith("cannot be read")


# ---- how pages are filled ----


@pytest.mark.parametrize("lines", range(20, 60, 4))
def test_a_heading_and_its_sentence_keep_with_the_table_that_they_lead_to(lines):
    filler = new_markdown_cell("\n".join(f"- line {number}" for number in range(lines)))
    lead = [
        new_markdown_cell("## Like for like"),
        new_code_cell("x", outputs=[shown(Words("Nine trusts are like it."))]),
    ]
    for rows in (6, 30):
        parted = new_code_cell("x", outputs=[shown(table(trusts(rows)))])
        pages = texts(to_pdf(new_notebook(cells=[filler, *lead, parted])))
        (own,) = [page for page in pages if "Like for like" in page]
        assert "Nine trusts are like it." in own and "Ashvale and North Merrow 0 " in own and "Merrow 2 " in own
        # A short table stays whole, with the remark below it.
        assert rows > 8 or ("Merrow 5 " in own and table(trusts(rows)).note in own)


@pytest.mark.parametrize(("snug", "tight", "roomy", "wanted"), [
    ((3, 0.80), None, None, "snug"),  # full enough
    ((1, 0.30), None, None, "snug"),  # one page is one page
    ((9, 0.10), None, None, "snug"),  # long
    ((4, 0.10), (3, 0.99), None, "tight"),
    ((4, 0.10), (4, 0.02), (4, 0.40), "roomy"),
    ((4, 0.40), None, (4, 0.70), "roomy"),
    ((4, 0.40), None, (5, 0.10), "snug"),  # never a page more
    ((4, 0.40), None, (4, 0.30), "snug"),
])  # fmt: skip
def test_the_last_page_is_set_tighter_or_with_more_room_where_it_holds_little(monkeypatch, snug, tight, roomy, wanted):
    found = {"snug": snug, "tight": tight, "roomy": roomy}  # None: must not be tried
    monkeypatch.setattr(pdf, "_laid_out", lambda root, stamp, data: pdf._Pages(data["room"], *found[data["room"]]))
    assert pdf._set(Path(), pdf._NO_DATE, {}) == wanted


def test_more_text_never_takes_fewer_pages():
    def pages(lines):
        return len(
            texts(to_pdf(new_notebook(cells=[new_markdown_cell("\n\n".join(f"Line {n}." for n in range(lines)))])))
        )

    counts = [pages(lines) for lines in range(60, 140, 8)]
    assert counts == sorted(counts) and counts[0] == 2 and counts[-1] == 3


def test_the_end_that_is_measured_is_the_end_of_the_text(tmp_path):
    """The compiler's query answers for what was compiled last, also after another document."""

    def end(lines):
        nb = new_notebook(cells=[new_markdown_cell("\n\n".join(f"Line {n}." for n in range(lines)))])
        doc = document.read(nb)
        body, tables, cards = pdf._body(doc, tmp_path)
        pdf.source(tmp_path, f"{pdf._template()}\n{body}\n#nof-end\n")
        return pdf._laid_out(tmp_path, pdf._NO_DATE, pdf._data(doc.meta, tables, cards) | {"room": "snug"})

    few, many, again = end(5), end(70), end(5)
    assert (few.pages, many.pages) == (1, 2) and 0.15 < few.fill < 0.35 and few == again
    assert len(PdfReader(io.BytesIO(many.document)).pages) == 2


@pytest.mark.parametrize(("title", "size"), [("A short title", 22.0), ("Kent Community Health NHS Foundation Trust", 22.0),
                                             ("Hertfordshire Partnership University NHS Foundation Trust", None),
                                             ("A very long name of a trust that was formed from three others " * 2, 20.0)])  # fmt: skip
def test_a_title_is_set_smaller_rather_than_on_two_lines(title, size):
    found = pdf._title_size(title)
    assert found == size or (size is None and 17 <= found < 22)
    assert found * fonts.text_width(title, "700") < columns.PAGE_PT or found == 20.0
