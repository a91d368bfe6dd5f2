"""Prose on its way to a page, and the quick look at the page before it is published."""

from __future__ import annotations

import base64

import pikepdf
import pytest

from nof.briefing import document
from nof.briefing.gate import check_html, check_pdf
from nof.briefing.markdown_typst import convert
from nof.common import NofError

PAGE = '<!doctype html><html lang="en-GB"><head><title>League</title></head><body><h1>League</h1>{}</body></html>'


def typst(text: str) -> str:
    return convert(document.parse_markdown(text))


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("a **b** *c* ~~d~~", ("#strong[", "#emph[", "#strike[")),
        ("one\ntwo", ('#" ";',)),
        ("one  \ntwo", ("#linebreak();",)),
        ("`x = 1`", ('#raw("x = 1");',)),
        ("---", ("#nof-rule()",)),
        ("```\nx = 1\n```", ('#nof-verbatim("x = 1")',)),
        ("> said", ("#quote(block: true)",)),
        ("- a\n- b", ("#list(",)),
        ("3. a\n4. b", ("#enum(start: 3",)),
        ("## Head", ("#heading(level: 2)",)),
        ("[page](https://example.org)", ('#link("https://example.org")',)),
        ("|a|b|\n|-|-:|\n|1|2|", ("#nof-plain-table((left, right,)", "table.header(")),
    ],
)
def test_each_construct_of_markdown_becomes_its_typst(markdown, expected):
    found = typst(markdown)
    assert all(one in found for one in expected), found


def test_a_picture_in_a_line_is_its_description_and_a_link_elsewhere_is_its_text():
    assert "harm" in typst("see ![harm done](attachment:a.png) here") and "attachment" not in typst(
        "x ![y](attachment:a.png)"
    )
    assert "#link" not in typst("[run](javascript:alert)") and "run" in typst("[run](javascript:alert)")


def test_comments_are_dropped_and_other_html_is_shown_as_its_text():
    assert "secret" not in typst("a <!-- secret --> b") and "secret" not in typst("<!-- secret -->\n\nb")
    assert "script" in typst("<script>x</script>") and "#par[" in typst("<div>x</div>")


def blocks_of(text, attachments):
    return document._prose(document.parse_markdown(text), "cell 1", attachments, None)


def test_a_picture_alone_in_its_paragraph_is_a_figure_with_its_own_description():
    data = base64.b64encode(b"picture").decode()
    for url, kept in ((f"data:image/png;base64,{data}", {}), ("attachment:a.png", {"a.png": {"image/png": data}})):
        found = list(blocks_of(f"before\n\n![what it shows]({url})\n\nafter", kept))
        assert [type(one).__name__ for one in found] == ["Prose", "Figure", "Prose"]
        assert found[1].alt == "what it shows" and found[1].data == b"picture"


def test_a_picture_that_is_no_base64_is_refused_with_its_place():
    with pytest.raises(NofError, match="cell 1: its image/png output is not valid base64"):
        list(blocks_of("![x](attachment:a.png)", {"a.png": {"image/png": "abcde"}}))


# --- the look at a page ---


@pytest.mark.parametrize(
    ("inside", "problem"),
    [
        ("<h3>x</h3>", "a heading of level 3 follows one of level 1"),
        ("<p/>", "closes itself"),
        ("</p>", "closes nothing"),
        ("<p>", "never closed"),
        ('<p style="background: url(https://x.org/a.png)">x</p>', "refers to another file"),
        ('<img src="data:," alt="Untitled image 3">', "no description of its own"),
        ('<p id="a">x</p><p id="a">y</p>', "occurs twice"),
        ("<script>x</script>", "holds a script"),
        ('<img src="b.png" alt="b">', "refers to 'b.png'"),
        ("<p>Traceback (most recent call last)</p>", "traceback"),
        ("<h1>x</h1>", "2 headings of level 1"),
        ("<style>@import 'a.css'</style>", "a style sheet refers to another file"),
    ],
)
def test_what_is_wrong_with_a_page_is_named(tmp_path, inside, problem):
    path = tmp_path / "page.html"
    path.write_text(PAGE.format(""), encoding="utf-8")
    assert check_html(path) == []
    path.write_text(PAGE.format(inside), encoding="utf-8")
    assert problem in "; ".join(check_html(path))


def test_a_page_without_type_title_and_language_lacks_all_three(tmp_path):
    (tmp_path / "page.html").write_text("<html><body><h1>x</h1></body></html>", encoding="utf-8")
    assert check_html(tmp_path / "page.html") == [
        "does not begin with <!DOCTYPE html>",
        "has no title",
        "has no language",
    ]


def test_a_blank_pdf_lacks_all_that_a_briefing_has(tmp_path):
    with pikepdf.new() as pdf:
        pdf.save(tmp_path / "none.pdf")
        pdf.add_blank_page()
        pdf.save(tmp_path / "blank.pdf")
    assert check_pdf(tmp_path / "none.pdf") == ["has no pages"]
    assert check_pdf(tmp_path / "blank.pdf") == [
        "is not marked as tagged",
        "has no language",
        "has no title",
        "does not ask viewers to show its title",
        "has no structure tree",
        "no text can be extracted from its first page",
    ]


def test_a_file_that_is_no_pdf_or_is_not_there_cannot_be_read(tmp_path):
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.7 and no more")
    for name in ("a.pdf", "absent.pdf"):
        (problem,) = check_pdf(tmp_path / name)
        assert problem.startswith("cannot be read: ")
