"""A trust's own commentary: shown in a marked box of its briefing alone, harmless, on record; a bad one named first."""

from __future__ import annotations

import hashlib
import io
import json
import re

import hostile
import html5lib
import pytest
import tiny
from pypdf import PdfReader
from synthetic_briefing import NASTY

from nof.briefing import gate, html, pdf
from nof.briefing.commentary import LARGEST, commentaries
from nof.common import InputError
from nof.show import words

TEXT = """# Our view

We know **why**, see [our plan](https://example.org/plan):

- one
- two < three & 5 > 4

| Ward | Beds |
|---|---:|
| A | 12 |
"""


def written(folder, **files):
    folder.mkdir(exist_ok=True)
    for code, content in files.items():
        (folder / f"{code}.md").write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def test_a_commentary_comes_with_its_hash(tmp_path):
    folder = written(tmp_path / "own", ZZ1A=TEXT, README="how to")
    found = commentaries(folder, ["ZZ1A", "ZZ1B"])
    assert list(found) == ["ZZ1A"] and found["ZZ1A"]["text"] == TEXT
    assert found["ZZ1A"]["sha256"] == hashlib.sha256(TEXT.encode()).hexdigest() and found["ZZ1A"]["file"] == "ZZ1A.md"
    assert commentaries(None, ["ZZ1A"]) == {}


@pytest.mark.parametrize(
    ("code", "content", "error"),
    [
        ("ZZ1A", "fine\n\n<b>bold</b>", r"ZZ1A.md, row 3: holds raw HTML \(found '<b>'\)"),
        ("ZZ1A", "<script>alert(1)</script>", r"ZZ1A.md, row 1: holds raw HTML"),
        ("ZZ1A", "> - a <!-- hidden -->", r"ZZ1A.md, row 1: holds raw HTML \(found '<!-- hidden -->'\)"),
        ("ZZ1A", "![x](https://example.org/a.png)", r"ZZ1A.md, row 1: holds a picture"),
        ("ZZ1A", "a\n[x](javascript:alert(1))", r"ZZ1A.md, row 2: holds a link that is neither"),
        ("ZZ1A", "[x](file:///etc/passwd)", r"ZZ1A.md, row 1: holds a link that is neither"),
        ("ZZ1A", "a" * (LARGEST + 1), r"ZZ1A.md: too large \(found '20001 bytes'\); expected at most 20000"),
        ("ZZ1A", b"ab\nc\xff", r"ZZ1A.md, row 2: is not text in UTF-8"),
        ("ZZ1A", "  \n", r"ZZ1A.md: is empty"),
        ("ZZ1a", "x", r"ZZ1a.md: is named after no trust of this publication; did you mean ZZ1A.md\?"),
        ("other", "x", r"other.md: is named after no trust of this publication; expected CODE.md"),
    ],
)  # fmt: skip
def test_a_commentary_that_cannot_be_shown_is_named(tmp_path, code, content, error):
    with pytest.raises(InputError, match=error):
        commentaries(written(tmp_path / "own", **{code: content}), ["ZZ1A", "ZZ1B"])


def test_every_fault_is_listed_and_a_missing_folder_is_one(tmp_path):
    folder = written(tmp_path / "own", ZZ1A="<b>", ZZ1B="", QQQ="x")
    with pytest.raises(InputError) as caught:
        commentaries(folder, ["ZZ1A", "ZZ1B"])
    assert len(caught.value.problems) == 3
    with pytest.raises(InputError, match="commentary: there is no such folder"):
        commentaries(tmp_path / "none", ["ZZ1A"])


def notebook(text: str, **about):
    made = tiny.notebook("Trust", [])
    made.metadata["briefing"] = {"title": "Trust", "commentary": {"text": text}} | about
    return made


def boxes(page: str) -> list:
    found = html5lib.parse(page, namespaceHTMLElements=False).findall(".//div[@class='box']")
    return ["".join(one.itertext()) for one in found]


def test_both_exports_set_it_in_a_marked_box():
    page, _ = html.BriefingHTMLExporter().from_notebook_node(notebook(TEXT))
    assert "The trust's own commentary</h2>" in page
    (box,) = boxes(page)
    assert words.COMMENTARY_WORDS in box and "two < three & 5 > 4" in box and "Our view" in box
    assert '<a href="https://example.org/plan">' in page and "<h1>Our view" not in page
    made, _ = pdf.BriefingPDFExporter().from_notebook_node(notebook(TEXT))
    text = " ".join("".join(one.extract_text() for one in PdfReader(io.BytesIO(made)).pages).split())
    assert "The trust's own commentary" in text and "two < three & 5 > 4" in text and "no part of this analysis" in text


@pytest.mark.parametrize("text", [NASTY, hostile.FIRST, hostile.SECOND, hostile.DESCRIPTION, "</div></main><h1>x"])
def test_a_notebook_whose_metadata_somebody_changed_does_no_harm(text):
    """The text is checked when it is read; here it comes straight into the exporters."""
    page, _ = html.BriefingHTMLExporter().from_notebook_node(notebook(text))
    plain, _ = html.BriefingHTMLExporter().from_notebook_node(notebook("Fine."))
    inside, ours = (html5lib.parse(one, namespaceHTMLElements=False) for one in (page, plain))
    scripts, own = ([one.text for one in there.findall(".//script")] for there in (inside, ours))
    assert scripts == own and len(own) == 1 and not inside.findall(".//img") and len(inside.findall(".//h1")) == 1
    assert not re.search(r'href="javascript', page)
    assert len(boxes(page)) == 1
    pdf.BriefingPDFExporter().from_notebook_node(notebook(text))


@pytest.mark.parametrize("given", [None, {}, {"text": ""}, {"text": 3}, "x", []])
def test_no_commentary_no_box(given):
    made = notebook("", commentary=given)
    assert "own commentary" not in html.BriefingHTMLExporter().from_notebook_node(made)[0]


def test_a_run_shows_it_keeps_its_hash_and_makes_again_what_changed(tmp_path):
    place = tiny.place(tmp_path / "home")
    written(place / "own", ZZ1A=TEXT)
    (place / "params.yaml").write_text(
        f"quarter: {tiny.QUARTER}\ndata: data\nbriefings: []\ntrusts: [ZZ1A, ZZ1B]\ncommentary: own\n"
    )
    code, said = tiny.brief(place, "--jobs", "1", "--show-code", run=tiny.quick)
    assert code == 0, said
    report = place / "reports" / tiny.QUARTER
    entries = json.loads((report / "manifest.json").read_text())["briefings"]
    assert entries["trusts/ZZ1A"]["commentary"] == {
        "file": "ZZ1A.md",
        "sha256": hashlib.sha256(TEXT.encode()).hexdigest(),
    }
    assert "commentary" not in entries["trusts/ZZ1B"]
    page = (report / "trusts" / "ZZ1A.html").read_text()
    assert len(boxes(page)) == 1 and not boxes((report / "trusts" / "ZZ1B.html").read_text())
    assert re.search(r'<details class="code"><summary>Code</summary><pre>from nof.*?About', page, re.DOTALL)
    for ending, check in ((".html", gate.check_html), (".pdf", gate.check_pdf)):
        assert check(report / "trusts" / f"ZZ1A{ending}") == []
    assert str(place) not in page + (report / "manifest.json").read_text()

    written(place / "own", ZZ1A=TEXT + "\nMore.\n")
    code, said = tiny.brief(place, "--jobs", "1", "--show-code", run=tiny.quick)
    assert code == 0 and "1 made, 1 unchanged" in said, said
    written(place / "own", ZZ1A="<b>no</b>")
    code, said = tiny.brief(place, "--jobs", "1", run=tiny.quick)
    assert code == 2 and "ZZ1A.md, row 1: holds raw HTML" in said and "Traceback" not in said
    assert "More." in (report / "trusts" / "ZZ1A.html").read_text()
