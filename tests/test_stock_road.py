"""What an analyst exports by hand: a notebook of theirs, through papermill's and nbconvert's own commands, passes our gates."""

from __future__ import annotations

import base64
import io
import subprocess
import sys
from pathlib import Path

import docx
import nbformat
import pikepdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image
from pypdf import PdfReader

from nof.briefing import document, foreign, formula
from nof.briefing.exporter import CellFailed
from nof.briefing.gate import check_html, check_pdf
from nof.briefing.html import BriefingHTMLExporter
from nof.briefing.pdf import BriefingPDFExporter
from nof.briefing.word import BriefingDocxExporter

EXPORTERS = {"html": BriefingHTMLExporter, "pdf": BriefingPDFExporter, "docx": BriefingDocxExporter}
FRACTION = r"s^2 = \frac{1}{n-1}\sum_i (x_i-\bar{x})^2"


def png(colour: str = "blue") -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (64, 32), colour).save(stream, "PNG")
    return stream.getvalue()


def exported(form: str, *cells, folder: Path | None = None, **traits):
    notebook = new_notebook(cells=list(cells))
    resources = {"metadata": {"name": "note"} | ({"path": str(folder)} if folder else {})}
    return EXPORTERS[form](**traits).from_notebook_node(notebook, resources)[0]


def words_of(form: str, content) -> str:
    """What a reader can read, in one line."""
    if form == "docx":
        return " ".join(one.text for one in docx.Document(io.BytesIO(content)).paragraphs)
    if form == "pdf":
        return " ".join(" ".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages).split())
    return content[content.index("<main") : content.index("</main>")]


def failed(name: str = "ValueError", told: str = "no such quarter"):
    output = new_output("error", ename=name, evalue=told, traceback=["Traceback", "/home/me/secret.py"])
    return new_code_cell("league = open_view(data)", execution_count=3, outputs=[output])


# ---- a notebook that failed, or was not run ----


@pytest.mark.parametrize("form", EXPORTERS)
def test_a_notebook_in_which_a_cell_failed_is_no_briefing(form):
    with pytest.raises(CellFailed, match=r"cell 2 \(league = open_view\(data\)\).*ValueError: no such quarter"):
        exported(form, new_markdown_cell("# A note"), failed())
    banner = new_markdown_cell('<span style="color:red">An Exception was encountered</span>')
    banner.metadata["tags"] = ["papermill-error-cell-tag"]
    made = words_of(form, exported(form, new_markdown_cell("# A note"), banner, failed(), allow_errors=True))
    assert "Traceback" in made and "An Exception was encountered" not in made, (
        "allowed, and papermill's own HTML is left out"
    )


@pytest.mark.parametrize(
    "name, told, named",
    [
        ("ModuleNotFoundError", "No module named 'helpers'", True),
        ("AttributeError", "module 'helpers' has no attribute 'open_view'", True),
        ("ModuleNotFoundError", "No module named 'numpyy'", False),
        ("ValueError", "helpers", False),
    ],
)
def test_a_lost_helpers_file_is_named(name, told, named):
    with pytest.raises(CellFailed) as error:
        exported("html", failed(name, told))
    assert ("nof notebooks FOLDER" in str(error.value)) == named


def test_cells_that_were_not_run_are_counted_and_named(caplog):
    ran, quiet = new_code_cell("a = 1", execution_count=1), new_code_cell("", execution_count=None)
    exported("html", ran, quiet, new_markdown_cell("words"))
    assert caplog.messages == []
    exported("html", ran, *(new_code_cell(f"show({n})") for n in range(5)))
    (told,) = caplog.messages
    assert told.startswith("5 of 6 code cells were not run") and "cell 2 (show(0))" in told and told.endswith("...")


def test_the_commands_end_with_an_error_and_write_nothing(tmp_path):
    nbformat.write(new_notebook(cells=[failed()]), tmp_path / "bad.ipynb")
    words = [sys.executable, "-m", "nbconvert", "--to", "briefing-pdf", "bad.ipynb"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1 and "cell 1 (league = open_view(data)) ended in an error" in done.stderr
    assert not (tmp_path / "bad.pdf").exists()


# ---- formulas ----


@pytest.mark.parametrize("form", EXPORTERS)
def test_a_formula_is_set_and_its_source_is_its_description(form, tmp_path):
    made = exported(form, new_markdown_cell(f"# A note\n\nThe mean $\\bar{{x}}$ and\n\n$${FRACTION}$$\n\nend"))
    assert "$" not in words_of(form, made)
    if form == "html":
        (tmp_path / "a.html").write_text(made, encoding="utf-8")
        assert check_html(tmp_path / "a.html") == []
        assert made.count('aria-label="Formula: ') == 2 and "frac" not in made.replace(f"Formula: {FRACTION}", "")
    elif form == "pdf":
        (tmp_path / "a.pdf").write_bytes(made)
        assert check_pdf(tmp_path / "a.pdf") == []
        with pikepdf.open(tmp_path / "a.pdf") as paper:
            alts = {str(one["/Alt"]) for one in paper.objects if isinstance(one, pikepdf.Dictionary) and "/Alt" in one}
        assert {r"Formula: \bar{x}", f"Formula: {FRACTION}"} <= alts
    else:
        shapes = docx.Document(io.BytesIO(made)).inline_shapes
        assert [one._inline.docPr.get("descr") for one in shapes] == [r"Formula: \bar{x}", f"Formula: {FRACTION}"]


@pytest.mark.parametrize("text", ["from $5 to $6", "\\$5 and \\$6", "a $ b $ c", "£5, $5m and $7m.", "US$ 5 or $x"])
def test_money_is_no_formula(text, caplog):
    tokens = document.parse_markdown(text)
    assert not [one for token in tokens for one in token["children"] if one["type"] == "inline_math"]


@pytest.mark.parametrize("form", EXPORTERS)
def test_a_formula_that_cannot_be_set_stands_as_it_was_written_and_is_named(form, caplog):
    made = exported(form, new_markdown_cell("$$\\begin{align}x\\end{align}$$\n\nand $\\nosuch{y}$."))
    assert "begin{align}" in words_of(form, made) and "nosuch{y}" in words_of(form, made)
    told = [one for one in caplog.messages if "formula" in one]
    assert len(told) == 2 and all(one.startswith("cell 1 (") for one in told)


def test_a_formula_is_the_same_drawing_every_time():
    formula.drawn.cache_clear()
    first = formula.drawn(FRACTION)
    formula.drawn.cache_clear()
    assert formula.drawn(FRACTION) == first
    assert 0 < first.depth < first.height < first.width and "<metadata" not in first.svg and "<style" not in first.svg


def test_two_formulas_in_a_page_have_ids_of_their_own():
    page = exported("html", new_markdown_cell("$x^2$ and $x^2$ and $x^3$"))
    ids = [part.split('"')[0] for part in page.split(' id="')[1:]]
    assert len(ids) == len(set(ids))
    assert exported("html", new_markdown_cell("$x^2$ and $x^2$ and $x^3$")) == page


@settings(max_examples=60, deadline=None)
@given(st.text("$\\{}^_ab1 \n-", max_size=30))
def test_no_dollar_breaks_a_page(text):
    """Whatever stands between dollars, a page comes of it, and nothing is lost in silence."""
    tokens = document.parse_markdown(text)
    for token in tokens:
        for one in [token, *token.get("children", [])]:
            if one["type"] in ("inline_math", "block_math"):
                assert formula.drawn(one["raw"]) is not None
    exported("html", new_markdown_cell(text))


# ---- pictures ----


@pytest.mark.parametrize("form", EXPORTERS)
@pytest.mark.parametrize(
    "line", ["![The badge](logo.png)", "<img src='logo.png' alt='The badge'>", "![The badge](a%20b.png)"]
)
def test_a_picture_beside_the_notebook_is_taken_in(form, line, tmp_path, caplog):
    for name in ("logo.png", "a b.png"):
        (tmp_path / name).write_bytes(png())
    made = exported(form, new_markdown_cell(f"# A page\n\n{line}\n\nText."), folder=tmp_path)
    if form == "html":
        assert base64.b64encode(png()).decode() in made and 'alt="The badge"' in made
    elif form == "docx":
        assert [one._inline.docPr.get("descr") for one in docx.Document(io.BytesIO(made)).inline_shapes] == [
            "The badge"
        ]
    else:
        assert len(PdfReader(io.BytesIO(made)).pages[0].images) == 1
    assert caplog.messages == []


@pytest.mark.parametrize(
    "url, why",
    [
        ("gone.png", "is not there"),
        ("../outside.png", "lies outside the notebook's folder"),
        ("/etc/hostname", "lies outside the notebook's folder"),
        ("link.png", "lies outside the notebook's folder"),
        ("https://example.org/x.png", "nothing is fetched"),
        ("file:///etc/hostname", "nothing is fetched"),
        ("//example.org/x.png", "nothing is fetched"),
        ("text.png", "is no PNG and no JPEG"),
        ("huge.png", "is larger than"),
        (".", "is not there"),
    ],
)
def test_a_picture_that_may_not_be_shown_is_named_and_its_words_stand(url, why, tmp_path, caplog, monkeypatch):
    folder = tmp_path / "notes"
    folder.mkdir()
    (tmp_path / "outside.png").write_bytes(png())
    (folder / "link.png").symlink_to(tmp_path / "outside.png")
    (folder / "text.png").write_text("no picture")
    (folder / "huge.png").write_bytes(png() + bytes(2000))
    monkeypatch.setattr(foreign, "MOST_BYTES", 1000)
    page = exported("html", new_markdown_cell(f"Before\n\n![its words]({url})"), folder=folder)
    (told,) = caplog.messages
    assert why in told and told.startswith("cell 1 (Before)") and "its words" in page and "<img" not in page


def test_a_picture_within_a_line_is_named(tmp_path, caplog):
    (tmp_path / "logo.png").write_bytes(png())
    exported("html", new_markdown_cell("Text ![badge](logo.png) text"), folder=tmp_path)
    assert [one for one in caplog.messages if "stands within a line" in one]


# ---- what other libraries show ----

HTML = """
<style>p {color: red}</style><script>alert(1)</script>
<div onclick="x()"><h3>A head</h3><p>Some <b>bold</b> &amp; <i>slanted</i> <a href="https://example.org">link</a>
<a href="javascript:alert(2)">no link</a><br>next</p><!-- unseen -->
<ul><li>one</li><li>two <code>x &lt; 1</code><ul><li>deeper</li></ul></li></ul>
<table><tr><th>a</th></tr><tr><td>7</td></tr></table><pre>as  it
stands</pre><iframe src="https://example.org"></iframe></div>
"""


@pytest.mark.parametrize("form", EXPORTERS)
def test_html_of_others_is_shown_cleaned(form, tmp_path, caplog):
    output = new_output("display_data", data={"text/html": HTML, "text/plain": "<Object>"})
    made = exported(form, new_markdown_cell("# A note"), new_code_cell("1", execution_count=1, outputs=[output]))
    read = words_of(form, made)
    for wanted in ("A head", "bold", "slanted", "link", "next", "one", "deeper", "stands"):
        assert wanted in read, wanted
    for unwanted in ("alert", "color: red", "unseen", "&lt;Object", "<Object>", "onclick", "javascript"):
        assert unwanted not in read, unwanted
    if form == "html":
        (tmp_path / "a.html").write_text(made, encoding="utf-8")
        assert check_html(tmp_path / "a.html") == []
        assert "<strong>bold</strong>" in read and 'href="https://example.org"' in read and "<td" in read
    assert caplog.messages == []


def test_what_cannot_be_shown_is_named_with_its_cell(caplog):
    unknown = [
        new_output("display_data", data={"application/x-unknown": "concealed"}),
        new_output("display_data", data={"application/x-unknown": "concealed", "text/plain": "in its place"}),
    ]
    page = exported("html", new_code_cell("widget()", execution_count=1, outputs=unknown))
    left_out, replaced = caplog.messages
    assert left_out.startswith("cell 1 (widget()): application/x-unknown") and "left out" in left_out
    assert "its plain text stands in its place" in replaced and "in its place" in page and "concealed" not in page


def test_a_formula_that_a_cell_gives_is_set():
    output = new_output("display_data", data={"text/latex": r"$\displaystyle \frac{a}{b}$", "text/plain": "a/b"})
    page = exported("html", new_code_cell("ratio", execution_count=1, outputs=[output]))
    assert r'aria-label="Formula: \frac{a}{b}"' in page and "a/b" not in words_of("html", page)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "<p>",
                "</p>",
                "<ul>",
                "<li>",
                "</li>",
                "<table>",
                "<tr>",
                "<td>",
                "x",
                "&amp;",
                "<b>",
                "</b>",
                "<h2>",
                "<pre>",
                "<img src=x>",
                "<a href=y>",
                "<!--",
                "-->",
                "<br>",
                "<",
            ]
        ),
        max_size=14,
    )
)
def test_any_html_comes_to_something_that_can_be_set(pieces):
    output = new_output("display_data", data={"text/html": "".join(pieces)})
    exported("html", new_code_cell("1", execution_count=1, outputs=[output]))
