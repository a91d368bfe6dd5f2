"""The further pages of a trust and its binder: which are made, how they are named, and one sound PDF with bookmarks."""

from __future__ import annotations

import io
from dataclasses import replace

import nbformat
import pikepdf
import synthetic_briefing
from nbformat.v4 import new_markdown_cell, new_notebook
from pypdf import PdfReader

from nof.briefing import binder, gate, make, plan
from nof.briefing.make import Job, Sheet
from nof.briefing.params import BoardPaper, Params


def written(*texts: str) -> bytes:
    cells = [new_markdown_cell(text, id=f"c{number}") for number, text in enumerate(texts)]
    notebook = new_notebook(cells=cells, metadata={"briefing": {"title": "Another title", "date": "2026-03-31"}})
    return nbformat.writes(notebook).encode()


def test_a_binder_is_one_tagged_pdf_with_a_bookmark_a_part(tmp_path):
    first = nbformat.writes(synthetic_briefing.notebook()).encode()
    made = binder.bound([("Briefing", first), ("Words", written("## Deep\n\nlast words", "### Deeper"))], "Binder, Q4")
    path = tmp_path / "binder.pdf"
    path.write_bytes(made)
    assert gate.check_pdf(path) == []
    reader = PdfReader(io.BytesIO(made))
    with pikepdf.open(path) as pdf, pdf.open_outline() as outline:
        tops = {one.title: [part.title for part in one.children] for one in outline.root}
        assert str(pdf.docinfo["/Title"]) == "Synthetic briefing"
    assert tops["Briefing"] == ["First", "Last"] and tops["Words"] == ["Deep"]
    assert "Binder, Q4" in reader.pages[0].extract_text() and "Contents" in reader.pages[0].extract_text()
    last = reader.pages[-1].extract_text()
    assert "Words" in last and "last words" in last and "code" not in last  # each part begins on a page of its own
    assert "Illustrative data" in last
    assert binder.bound([("Words", written("## Deep"))], "B") == binder.bound([("Words", written("## Deep"))], "B")


def given(**more) -> Params:
    return Params(quarter="2025-26-q4", data="d", **more)


def test_each_trust_has_its_sheet_and_more_where_it_is_asked_for():
    def endings(params):
        return [one.ending for one in plan._sheets(params)]

    assert endings(given()) == ["-safe-to-say"]
    assert endings(given(board_paper=BoardPaper())) == ["-safe-to-say", "-board-paper"]
    assert endings(given(binder=True)) == ["-safe-to-say", "-rows", "-glossary"]
    paper = plan._sheets(given(board_paper=BoardPaper(meeting="Board", date="2026-07-09")))[-1]
    assert paper.parameters == {"meeting": "Board", "date": "2026-07-09", "author": "", "purpose": ""}
    assert paper.formats == ("pdf", "docx") and all(one.about["commentary"] is None for one in plan._sheets(given()))


def test_whatever_shapes_a_page_makes_it_anew():
    job = Job("trusts/A", "trust_briefing", {"trust": "A"}, {"title": "A"}, beside=(Sheet("-x", "x"),))
    others = [
        replace(job, formats=("html", "pdf", "docx")),
        replace(job, binder="Binder"),
        replace(job, beside=()),
        replace(job, beside=(Sheet("-x", "x", parameters={"date": "2026-07-09"}),)),
    ]
    assert len({plan.job_key(one, "run") for one in [job, *others]}) == 5
    assert plan.job_key(job, "run") == plan.job_key(replace(job, cold=True), "run")


def test_pages_are_files_of_their_briefing_and_those_of_the_binder_alone_are_not(monkeypatch):
    asked = []

    def rendered(job):
        asked.append(job)
        return {".ipynb": written(job.name), **{f".{one}": b"x" for one in job.formats}}, {}

    monkeypatch.setattr(make, "rendered", rendered)
    monkeypatch.setattr(make.binder, "bound", lambda parts, subtitle: repr([title for title, _ in parts]).encode())
    sheets = (
        Sheet("-safe-to-say", "safe_to_say", {"subtitle": "S"}, title="Safe to say"),
        Sheet("-board-paper", "board_paper", parameters={"author": "A"}, formats=("pdf", "docx"), title="Paper"),
        Sheet("-glossary", "glossary", parameters={"trust": None}, formats=(), title="Glossary"),
    )
    job = Job(
        "trusts/A", "trust_briefing", {"trust": "A", "quarter": "q"}, {"subtitle": "B"}, beside=sheets, binder="Binder"
    )
    files = make.make(job).files
    assert set(files) == {
        ".ipynb", ".html", ".pdf", "-safe-to-say.ipynb", "-safe-to-say.html", "-safe-to-say.pdf", "-board-paper.ipynb",
        "-board-paper.pdf", "-board-paper.docx", "-binder.pdf",
    }  # fmt: skip
    assert files["-binder.pdf"] == b"['Briefing', 'Safe to say', 'Paper', 'Glossary']"
    assert [(one.name, one.about["subtitle"]) for one in asked[:2]] == [
        ("trusts/A", "B"),
        ("trusts/A-safe-to-say", "S"),
    ]
    assert asked[2].parameters == {"trust": "A", "quarter": "q", "author": "A"} and asked[3].parameters == {
        "quarter": "q"
    }
    assert set(make.make(replace(job, beside=(), binder="")).files) == {".ipynb", ".html", ".pdf"}


def test_what_is_wrong_with_a_further_page_names_it():
    assert gate._named("-safe-to-say.pdf") == "safe-to-say PDF" and gate._named(".html") == "HTML"
    assert gate._named("-board-paper.ipynb") == "board-paper ipynb" and gate._named(".ipynb") == "ipynb"
