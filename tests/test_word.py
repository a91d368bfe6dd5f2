"""A briefing as a Word document, opened again: headings, repeated header rows, described pictures, who says it."""

from __future__ import annotations

import io
import shutil
import subprocess
import zipfile

import docx
import pytest
import synthetic_briefing
from docx.oxml.ns import qn
from nbconvert.exporters import get_exporter
from nbformat.v4 import new_code_cell, new_markdown_cell
from synthetic_briefing import NASTY

from nof.briefing import gate
from nof.briefing.pdf import FigureWithoutAltError
from nof.briefing.word import BriefingDocxExporter
from nof.show.words import COMMENTARY, ILLUSTRATIVE


def written(notebook) -> bytes:
    return BriefingDocxExporter().from_notebook_node(notebook)[0]


@pytest.fixture(scope="module")
def content() -> bytes:
    notebook = synthetic_briefing.notebook()
    text = "1. a\n2. b\n\nWords.\n\n3. c\n\n> quoted ~~struck~~\n\n[there](#section-last) and [no](ftp://x) ![a picture](x.png)"
    notebook.cells.append(new_markdown_cell(text, id="more"))
    notebook.metadata["briefing"]["commentary"] = {"text": "Our *own* words"}
    return written(notebook)


@pytest.fixture(scope="module")
def word(content):
    return docx.Document(io.BytesIO(content))


def test_it_says_its_title_language_and_day(word):
    about = word.core_properties
    assert (about.title, about.language, about.created.date().isoformat()) == (
        "Synthetic briefing",
        "en-GB",
        "2026-06-11",
    )
    assert word.styles["Normal"].element.rPr.find(qn("w:lang")).get(qn("w:val")) == "en-GB"


def test_headings_are_words_own_in_their_order(word):
    heads = [(one.style.name, one.text) for one in word.paragraphs if one.style.name.startswith("Heading")]
    assert heads == [
        ("Heading 1", "Synthetic briefing"), ("Heading 2", "First"), ("Heading 3", "Detail"), ("Heading 2", "Last"),
        ("Heading 2", COMMENTARY),
    ]  # fmt: skip


def test_every_table_has_one_header_row_that_repeats(word):
    assert len(word.tables) == 3  # the strip of key figures, the league table, the one in Markdown
    for table in word.tables:
        heads = [row._tr.find(f"{qn('w:trPr')}/{qn('w:tblHeader')}") is not None for row in table.rows]
        assert heads[0] and not any(heads[1:])
    league = word.tables[1]
    assert [cell.text for cell in league.rows[0].cells][1:3] == ["Trust", "Average score (1 to 4)"]
    assert len(league.rows) == 135 and league.rows[4].cells[1].text == NASTY
    assert all(run.bold for run in league.rows[6].cells[1].paragraphs[0].runs)
    assert not any(run.bold for run in league.rows[7].cells[1].paragraphs[0].runs)


def test_every_picture_is_described_and_sharp(word, content):
    pictures = word.element.findall(f".//{qn('wp:docPr')}")
    assert [one.get("descr") for one in pictures] == [
        "Average scores run from 1.2 to 3.6.",
        "The second half runs from 2.3 to 3.6.",
    ]
    for shape in word.inline_shapes:
        image = word.part.related_parts[shape._inline.graphic.graphicData.pic.blipFill.blip.embed].image
        assert image.px_width / shape.width.inches == pytest.approx(200, abs=2)
    assert gate.check_word(content) == []


def test_lists_links_and_emphasis_stay_what_they_are(word):
    names = [one.style.name for one in word.paragraphs]
    assert names.count("List Bullet") == 2 and names.count("List Number") == 3
    numbers = [one._p.pPr.numPr.numId.val for one in word.paragraphs if one.style.name == "List Number"]
    assert numbers[0] == numbers[1] != numbers[2]  # a second list counts for itself
    assert any(run.italic and run.text == "says" for one in word.paragraphs for run in one.runs)
    links = word.element.findall(f".//{qn('w:hyperlink')}")
    addresses = [word.part.rels[one.get(qn("r:id"))].target_ref for one in links if one.get(qn("r:id"))]
    assert addresses == ["https://example.org/"] and links[-1].get(qn("w:anchor")) == "section-last"
    marks = [one.get(qn("w:name")) for one in word.element.findall(f".//{qn('w:bookmarkStart')}")]
    assert "section-last" in marks and "ftp" not in word.element.xml
    assert "a picture" in " ".join(one.text for one in word.paragraphs)


def test_made_up_data_is_called_so_on_every_page_and_the_source_stands_below(word):
    section = word.sections[0]
    assert section.header.paragraphs[0].text == ILLUSTRATIVE
    foot = section.footer.paragraphs[0].text
    assert all(one in foot for one in ("Source: made up", "No licence", "not NHS England", "Run abc123"))
    real = synthetic_briefing.notebook()
    real.metadata["briefing"]["illustrative"] = False
    real.cells = real.cells[:1]
    other = docx.Document(io.BytesIO(written(real)))
    assert other.sections[0].header.paragraphs[0].text == "" and ILLUSTRATIVE not in other.element.xml


def test_the_same_notebook_gives_the_same_bytes(content):
    notebook = synthetic_briefing.notebook()
    notebook.cells = notebook.cells[:2]
    assert written(notebook) == written(notebook)
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        assert {one.date_time for one in parts.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_a_figure_without_alt_text_stops_it():
    notebook = synthetic_briefing.notebook()
    output = {"output_type": "display_data", "data": {"image/png": "iVBORw0KGgo="}, "metadata": {}}
    notebook.cells = [new_code_cell("show(1)", id="a", outputs=[output])]
    with pytest.raises(FigureWithoutAltError, match="show"):
        written(notebook)


def test_what_is_wrong_with_a_document_is_named(content):
    assert gate.check_word(b"no zip") == ["cannot be read: BadZipFile"]
    spoilt = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(spoilt, "w") as new:
        for name in old.namelist():
            text = old.read(name)
            new.writestr(
                name, text.replace(b"descr=", b"other=").replace(b"<dc:title>Synthetic briefing", b"<dc:title>")
            )
    found = gate.check_word(spoilt.getvalue())
    assert found.count("a figure has no description of its own") == 2 and "has no title" in found


def test_nbconvert_knows_it_by_its_name():
    assert get_exporter("briefing-docx") is BriefingDocxExporter


@pytest.mark.skipif(
    shutil.which("soffice") is None, reason="LibreOffice is not on this machine: nothing to convert with"
)
def test_libreoffice_opens_it(content, tmp_path):
    (tmp_path / "page.docx").write_bytes(content)
    home = f"-env:UserInstallation={(tmp_path / 'home').as_uri()}"
    command = [
        "soffice",
        home,
        "--headless",
        "--convert-to",
        "pdf",
        "--outdir",
        str(tmp_path),
        str(tmp_path / "page.docx"),
    ]
    subprocess.run(command, check=True, timeout=180, capture_output=True)
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")
