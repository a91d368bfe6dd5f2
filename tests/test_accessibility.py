"""Every kind of page, in a browser and as a PDF, for people who read in other ways; docs/accessibility.md says how.

What a machine can check and no more: nobody with a screen reader has read these pages.
"""

from __future__ import annotations

import io
import itertools
import json
import re
import subprocess

import accessible
import page as pdf_rules
import page_fill
import pikepdf
import pytest
from accessible import BRIEFINGS, PAGES
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from playwright.sync_api import expect
from pypdf import PdfReader
from synthetic_briefing import chart, notebook, shown, table, trusts

from nof.briefing import document
from nof.briefing import pdf as pdf_exporter
from nof.briefing.blocks import Figure, Tabular
from nof.briefing.html import BriefingHTMLExporter
from nof.briefing.pdf import BriefingPDFExporter
from nof.common import NofError
from nof.show.display import Column, Table

pytestmark = pytest.mark.timeout(400)

LOOKS = list(itertools.product((360, 1280), ("light", "dark")))
# Every rule of WCAG A and AA and of best practice.
AXE = "axe.run(document, {resultTypes: ['violations'], rules: {'target-size': {enabled: true}}})"
A4_WIDTH = 672  # CSS pixels between the margins of the style sheet
# Contrast of each text in a drawing with what is painted beneath it (which axe leaves open).
DRAWN_TEXT = """() => {
  const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
  const linear = (v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255);
  const ratio = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
  const painted = (e) => {
    const fill = getComputedStyle(e).fill;
    return fill !== "none" && rgb(fill)[3] !== 0 ? rgb(fill) : null;
  };
  return [...document.querySelectorAll(".drawing text")].filter((text) => text.textContent.trim()).map((text) => {
    const box = text.getBoundingClientRect(), ink = rgb(getComputedStyle(text).fill);
    const under = [0.1, 0.5, 0.9].map((share) => {
      const below = document.elementsFromPoint(box.x + share * box.width, box.y + box.height / 2)
        .filter((e) => ["path", "rect", "use", "circle", "polygon"].includes(e.tagName));
      return below.map(painted).find((colour) => colour) ?? [255, 255, 255];
    });
    return [text.textContent, Math.min(...under.map((colour) => ratio(ink, colour)))];
  });
}"""
# How far the page is wider than the screen, and the boxes that scroll sideways by what they hold.
OVERFLOWING = """() => ({
  page: document.documentElement.scrollWidth - document.documentElement.clientWidth,
  boxes: [...document.querySelectorAll("body *")]
    .filter((e) => e.scrollWidth > e.clientWidth + 1 && ["auto", "scroll"].includes(getComputedStyle(e).overflowX))
    .map((e) => e.querySelector("table") ? "table" : e.className),
})"""
# Where the focus is, and whether one can see that: outlined, and not hidden behind something.
ACTIVE = """() => {
  const e = document.activeElement, box = e.getBoundingClientRect();
  const top = document.elementFromPoint(box.x + Math.min(box.width, innerWidth - box.x) / 2,
    box.y + Math.min(box.height, innerHeight - box.y) / 2);
  const seen = getComputedStyle(e).outlineStyle !== "none" && !!top && (e.contains(top) || top.contains(e));
  return {tag: e.tagName, id: e.id, text: (e.getAttribute("aria-label") ?? e.textContent).trim().slice(0, 60), seen};
}"""
OFF_PAPER = """() => [...document.querySelectorAll("table, svg, p, h1, h2, h3, dl")]
  .filter((e) => e.getBoundingClientRect().right > innerWidth + 1).map((e) => e.outerHTML.slice(0, 120))"""
STOPS = """() => {
  const all = [...document.querySelectorAll("a, button, input, select, summary, [tabindex='0']")];
  const stops = all.filter((e) => e.checkVisibility());
  stops.forEach((e, i) => { e.dataset.stop = i; });
  return stops.length;
}"""


@pytest.fixture(scope="session")
def report(tmp_path_factory):
    base = tmp_path_factory.getbasetemp()
    return accessible.rendered(base.parent if base.name.startswith("popen-") else base)


@pytest.fixture(scope="module")
def browser():
    yield from accessible.open_browser()


@pytest.fixture
def see(browser, report):
    """Opens a page of the report."""
    contexts = []

    def open_page(name, width=1280, **options):
        contexts.append(browser.new_context(viewport={"width": width, "height": 900}, **options))
        page = contexts[-1].new_page()
        page.goto((report / f"{PAGES[name]}.html").as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()


def violations(page):
    """What axe-core finds, in a line each, and how many rules it could apply and found kept."""
    result = page.evaluate(AXE)
    found = [f"{one['id']} ({len(one['nodes'])}): {one['nodes'][0]['html'][:120]}" for one in result["violations"]]
    return found, len(result["passes"])


# ---- pages ----


@pytest.mark.parametrize("name", [name for name in PAGES if name != "trust_ambulance"])
def test_axe_finds_nothing_on_phones_and_desks_in_light_and_dark(see, name):
    page = see(name, bypass_csp=True)
    page.evaluate(accessible.axe())
    found = {}
    for width, scheme in LOOKS:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        problems, kept = violations(page)
        assert kept > 20  # it did look
        found |= {(width, scheme): problems} if problems else {}
    assert found == {}


def test_axe_notices_faults(see):
    page = see("root", bypass_csp=True)
    page.evaluate(accessible.axe())
    page.evaluate("""document.querySelector("main").insertAdjacentHTML("beforeend",
        '<img src="data:,"><p style="color:#aaa;background:#fff">pale</p><h5>skips</h5><input>')""")
    problems, _ = violations(page)
    assert {one.split()[0] for one in problems} >= {"image-alt", "color-contrast", "heading-order", "label"}


@pytest.mark.parametrize("name", PAGES)
def test_nothing_but_tables_scrolls_sideways_on_the_smallest_phone(see, name):
    page = see(name, 320)
    sizes = page.evaluate(OVERFLOWING)
    assert sizes["page"] == 0 and set(sizes["boxes"]) <= {"table"}, sizes


@pytest.mark.parametrize("name", PAGES)
def test_nothing_stands_out_of_the_page_on_a_desk(see, name):
    """Also where the header of the index's tables stays in sight, so that their boxes do not scroll."""
    page = see(name, 1280)
    assert page.evaluate(OVERFLOWING)["page"] == 0
    wide = """() => [...document.querySelectorAll("table")].map((one) => [one, one.closest(".scroll")])
        .filter(([one, box]) => box && getComputedStyle(box).overflowX === "visible" && one.offsetWidth > box.offsetWidth + 1)
        .map(([one]) => one.offsetWidth)"""
    assert page.evaluate(wide) == []
    scrolled = """() => [...document.querySelectorAll(".scroll")].filter((one) => one.scrollWidth > one.clientWidth + 1)
        .map((one) => one.querySelector("thead tr").children.length)"""
    assert [count for count in page.evaluate(scrolled) if count < 12] == []  # only the map of all scores


def test_a_reader_on_a_phone_may_have_a_figure_larger(see):
    page = see("league_table", 320)
    page.get_by_label("Show the drawing, to scroll: Figure 1").focus()
    page.keyboard.press("Space")
    sizes = page.evaluate(OVERFLOWING)
    assert sizes["page"] == 0 and sizes["boxes"].count("drawing") == 1
    assert not see("league_table").locator(".larger").first.is_visible()  # nor is there need on a desk


@pytest.mark.parametrize("name", BRIEFINGS)
def test_text_in_drawings_has_contrast(see, name):
    page = see(name)
    page.set_viewport_size({"width": 1280, "height": page.evaluate("document.documentElement.scrollHeight") + 50})
    texts = page.evaluate(DRAWN_TEXT)
    assert (len(texts) > 10) == bool(page.locator("figure").count())
    assert [one for one in texts if one[1] < 4.5] == []


def test_valid_html(report):
    paths = [str(report / f"{place}.html") for place in PAGES.values()]
    done = subprocess.run([*accessible.vnu(), *paths], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_html_checker_notices(tmp_path):
    (tmp_path / "a.html").write_text("<!DOCTYPE html><html lang=en><title>t</title><p><div></p>")
    done = subprocess.run([*accessible.vnu(), str(tmp_path / "a.html")], capture_output=True, text=True)
    assert done.returncode == 1 and "error" in done.stdout


# ---- the index without a mouse ----


def shown_rows(page):
    return page.locator(".league tbody tr:not([hidden]) th").all_inner_texts()


def tab_to(page, wanted, most=80):
    """Press Tab until an element has the focus; every stop on the way can be seen to have it."""
    for _ in range(most):
        page.keyboard.press("Tab")
        active = page.evaluate(ACTIVE)
        assert active["seen"], active
        if wanted in (active["id"], active["text"]):
            return active
    raise AssertionError(f"Tab never came to {wanted!r}")


def test_the_index_can_be_used_with_the_keyboard_alone(see):
    page = see("index")
    page.keyboard.press("Tab")
    assert page.evaluate(ACTIVE) == {"tag": "A", "id": "", "text": "Skip to main content", "seen": True}
    page.keyboard.press("Enter")
    assert page.evaluate(ACTIVE)["id"] == "main"

    tab_to(page, "words")
    every = shown_rows(page)
    page.keyboard.type(every[3].lower()[:14])
    expect(page.locator("#found")).to_have_text("1 of 10 trusts shown.")
    assert shown_rows(page) == every[3:4]
    page.keyboard.press("Enter")  # sends no form
    tab_to(page, "segment")
    page.keyboard.press("ArrowDown")
    tab_to(page, "Show all")
    page.keyboard.press("Enter")
    expect(page.locator("#words")).to_be_focused()
    assert shown_rows(page) == every and page.locator("#segment").input_value() == ""

    tab_to(page, "Average score")
    page.keyboard.press("Space")
    head = page.locator("th[aria-sort]")
    assert (head.inner_text().strip(), head.get_attribute("aria-sort")) == ("Average score", "ascending")
    page.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "descending" and shown_rows(page) == every[::-1]
    expect(page.locator("#found")).to_have_text("Ambulance trusts sorted by average score, descending.")


def test_the_keyboard_goes_through_the_index_in_the_order_of_the_page_and_out_again(see):
    page = see("index")
    stops = page.evaluate(STOPS)
    order = []
    for _ in range(stops):
        page.keyboard.press("Tab")
        order.append(page.evaluate("Number(document.activeElement.dataset.stop ?? -1)"))
        assert page.evaluate(ACTIVE)["seen"], page.evaluate(ACTIVE)
    assert order == list(range(stops))
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.dataset.stop ?? 'out'") in ("out", "0")


# ---- print ----


@pytest.mark.parametrize("name", PAGES)
def test_it_prints_within_the_page_and_without_controls(see, name):
    page = see(name, A4_WIDTH)
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert [one for one in page.locator("nav, .skip, form, .larger").all() if one.is_visible()] == []
    assert page.evaluate(OFF_PAPER) == []


def test_a_table_of_every_metric_prints_whole(browser):
    many = trusts(9).assign(**{f"m{number}": 2.45 for number in range(20)})
    scores = [Column(f"m{number}", f"OF10{number:02d}", align="right", format=".2f") for number in range(20)]
    nb = notebook()
    nb.cells[1].outputs = [shown(Table(many, "Scores", (Column("name", "Trust", row_header=True), *scores)))]
    page = browser.new_context(viewport={"width": A4_WIDTH, "height": 900}).new_page()
    page.set_content(BriefingHTMLExporter().from_notebook_node(nb)[0])
    assert len(page.evaluate(OFF_PAPER)) == 1  # on a screen it scrolls
    page.emulate_media(media="print")
    assert page.evaluate(OFF_PAPER) == []


def test_paper_has_every_row_page_numbers_and_the_mark_of_made_up_data(see, tmp_path):
    page = see("trust_acute")
    page.pdf(path=tmp_path / "a.pdf", format="A4")
    pages = [" ".join(one.extract_text().split()) for one in PdfReader(tmp_path / "a.pdf").pages]
    assert all(f"Page {number} of {len(pages)}" in text for number, text in enumerate(pages, 1))
    assert all("Illustrative data" in text for text in pages)
    names = [name.strip() for name in page.locator("tbody th").all_inner_texts()]
    joined = "".join(pages).replace(" ", "")
    assert [name for name in names if "".join(name.split()) not in joined] == []


@pytest.mark.parametrize("name", BRIEFINGS)
def test_a_figure_is_drawn_once_on_a_desk_a_phone_and_paper(see, name):
    seen = set()
    for width, media in ((1280, "screen"), (375, "screen"), (A4_WIDTH, "print")):
        page = see(name, width)
        page.emulate_media(media=media)
        drawn = [one.locator("svg:visible") for one in page.locator(".twice .drawing").all()]
        assert [one.count() for one in drawn] == [1] * len(drawn), (width, media)
        seen |= {"narrow" in (one.first.get_attribute("class") or "") for one in drawn if width == 375}
    assert seen == {True} or (not seen and not name.startswith("trust_"))  # the ranges of a place are drawn twice


@pytest.mark.parametrize("name", BRIEFINGS)
def test_printing_adds_no_page_that_holds_nothing(see, tmp_path, name):
    """Readers' point 25: a trust's page took five sheets, the last with only a footer."""
    page = see(name)
    page.pdf(path=tmp_path / "a.pdf", format="A4")
    sheets = [" ".join(one.extract_text().split()) for one in PdfReader(tmp_path / "a.pdf").pages]
    running = re.compile(r"Page \d+ of \d+|Illustrative data")
    assert min(len(running.sub("", one)) for one in sheets) > 150, [len(one) for one in sheets]
    assert not name.startswith("trust_") or len(sheets) <= 4
    short = page.evaluate("""() => [...document.querySelectorAll("div.table:not(:has(tbody tr:nth-child(9)))")]
        .map((one) => [one.querySelector("caption"), one.querySelector("tbody tr:last-child").cells[0]])
        .map((pair) => pair.map((part) => part.textContent.replace(/\\s/g, "")))""")
    bare = ["".join(one.split()) for one in sheets]
    assert [pair for pair in short if not any(all(part in one for part in pair) for one in bare)] == []  # in one piece


# ---- figures ----


@pytest.mark.parametrize("name", BRIEFINGS)
def test_every_figure_states_its_finding_in_words_of_its_own_and_has_a_table_beside_it(report, name):
    doc = accessible.source(report, name)
    shown_things = [block for block in doc.blocks if isinstance(block, Figure | Tabular)]
    figures = [block for block in shown_things if isinstance(block, Figure)]
    assert len({block.alt for block in figures} | {block.caption for block in figures}) == 2 * len(figures)
    assert [block.alt for block in figures if not re.search(r"\d", block.alt) or len(block.alt) < 60] == []
    kinds = "".join("F" if isinstance(block, Figure) else "T" for block in shown_things)
    assert not re.search(r"(?<!T)F(?!T)", kinds), kinds


# ---- PDF ----


@pytest.mark.parametrize("name", BRIEFINGS)
def test_the_pdf_breaks_no_rule_of_pdf_ua(report, name):
    found = pdf_rules.validate_pdf(report / f"{PAGES[name]}.pdf", profile="ua1")
    assert [(one.rule_id, one.message) for one in found.failures] == []
    assert found.is_compliant and found.rules.total == 104


def test_the_pdf_checker_notices(report, tmp_path):
    with pikepdf.open(report / f"{PAGES['league_table']}.pdf") as pdf:
        next(node for node in walk(pdf) if node.S == "/Figure")["/Alt"] = pikepdf.String("")
        del pdf.Root["/Lang"]
        pdf.save(tmp_path / "a.pdf")
    assert not pdf_rules.validate_pdf(tmp_path / "a.pdf", profile="ua1").is_compliant


def walk(pdf, node=None):
    """Structure elements in the order of the document."""
    node = pdf.Root.StructTreeRoot.K if node is None else node
    if isinstance(node, pikepdf.Array):
        for one in node:
            yield from walk(pdf, one)
    elif isinstance(node, pikepdf.Dictionary) and "/S" in node:
        yield node
        yield from walk(pdf, node.get("/K", pikepdf.Array()))


def facts(cell):
    """The table attributes of a cell: scope, and the ids of its headers."""
    held = cell.A if isinstance(cell.A, pikepdf.Array) else [cell.A]
    (own,) = [one for one in held if one.O == "/Table"]
    return str(own.get("/Scope", "")), [bytes(one) for one in own.get("/Headers", [])]


def check_tables(pdf, parts):
    """Head and body; a scope on each header; each cell with the headers of its column and its row."""
    names = list(pdf.Root.StructTreeRoot.IDTree.Names)
    ids = [bytes(one) for one in names[::2]]
    assert ids == sorted(set(ids))
    known = dict(zip(ids, names[1::2], strict=True))
    assert all(bytes(element.ID) == name for name, element in known.items())
    tables = [node for node in walk(pdf) if node.S == "/Table"]
    for element, part in zip(tables, parts, strict=True):
        sections = [one for one in element.K if one.S != "/Caption"]
        # A table without rows is its header alone.
        assert [str(one.S) for one in sections] == (["/THead", "/TBody"] if part["rows"] else ["/TR"])
        head = sections[0].K[0] if part["rows"] else sections[0]
        assert [(str(one.S), facts(one)) for one in head.K] == [("/TH", ("/Column", []))] * len(part["columns"])
        above = [bytes(one.ID) for one in head.K]
        rows = list(sections[1].K) if part["rows"] else []
        assert len(rows) == len(part["rows"])
        for row in rows:
            cells = list(row.K)
            naming = [column["row_header"] for column in part["columns"]]
            kinds = [(str(one.S), facts(one)[0]) for one in cells]
            assert kinds == [("/TH", "/Row") if own else ("/TD", "") for own in naming]
            beside = [bytes(one.ID) for one, own in zip(cells, naming, strict=True) if own]
            assert all(any(known[one] == cell for cell in cells) for one in beside)
            assert [facts(one)[1] for one in cells] == [
                [name] if own else [name, *beside] for name, own in zip(above, naming, strict=True)
            ]


@pytest.mark.parametrize("name", BRIEFINGS)
def test_the_tag_tree_says_what_the_briefing_says(report, name):
    doc = accessible.source(report, name)
    with pikepdf.open(report / f"{PAGES[name]}.pdf") as pdf:
        root = pdf.Root
        assert str(root.Lang) == "en-GB" and bool(root.MarkInfo.Marked) and bool(root.ViewerPreferences.DisplayDocTitle)
        assert str(pdf.docinfo["/Title"]) == doc.meta.title
        nodes = list(walk(pdf))
        assert [str(node.S) for node in nodes].count("/Document") == 1 and nodes[0].S == "/Document"
        headings = [(int(str(node.S)[2:]), str(node.T)) for node in nodes if re.fullmatch(r"/H\d", str(node.S))]
        expected = [(one["attrs"]["level"], document.flat(one["children"])) for one in doc.headings()]
        own = [(2, accessible.CONTENTS)] if doc.meta.contents else []
        assert headings == [(1, doc.meta.title), *own, *expected]
        entries = [node for node in nodes if node.S == "/TOCI"]
        assert len(entries) == (sum(level < 4 for level, _ in expected) if doc.meta.contents else 0)
        figures = [str(node.Alt) for node in nodes if node.S == "/Figure"]
        assert figures == accessible.described(doc)
        check_tables(pdf, accessible.parts(doc))


@pytest.mark.parametrize("name", BRIEFINGS)
def test_the_reading_order_is_that_of_the_notebook(report, name):
    def bare(texts):
        return re.sub(r'[\s"\u200b]', "", "".join(texts))

    doc = accessible.source(report, name)
    tagged = accessible.as_tagged(report / f"{PAGES[name]}.pdf")
    assert {element for element, _ in tagged} <= {"H1", "H2", "H3", "P", "Span", "LBody", "TH", "TD", "Code", "Link"}
    read, wanted = bare(text for _, text in tagged), bare(accessible.in_order(doc))
    differs = next((at for at, (a, b) in enumerate(zip(read, wanted, strict=False)) if a != b), None)
    assert differs is None, (read[differs - 20 :][:99], wanted[differs - 20 :][:99])
    assert len(read) == len(wanted) > 1000


def to_pdf(nb):
    return io.BytesIO(BriefingPDFExporter().from_notebook_node(nb)[0])


def test_rows_are_named_in_emphasised_split_empty_and_markdown_tables_alike():
    nb, many = notebook(), trusts(12)
    for number in range(40):
        many[f"m{number}"] = number
    scores = [Column(f"m{number}", f"OF{number:04d}", align="right") for number in range(40)]
    wide = Table(many, "Score map", (Column("name", "Trust", row_header=True), *scores))
    twice = Table(
        many,
        "By two",
        (
            Column("rank", "Rank", row_header=True),
            Column("name", "Trust", row_header=True),
            Column("average", "Average", format=".2f"),
        ),
    )
    things = [wide, table(trusts(9)), twice, chart(trusts(9)), table(trusts(9).iloc[:0])]
    nb.cells[1:-1] = [new_code_cell("x", outputs=[shown(thing) for thing in things])]
    parts = accessible.parts(document.read(nb))
    markdown = {"columns": [{"row_header": False}] * 2, "rows": [["x", "1"]]}
    assert len(parts) > 5 and any(part["emphasis"] for part in parts)
    check_tables(pikepdf.open(to_pdf(nb)), [*parts, markdown])


def test_tables_that_cannot_be_matched_are_refused(monkeypatch):
    monkeypatch.setattr(pdf_exporter, "_tables_in", lambda tokens: 0)
    with pytest.raises(NofError, match="tagged with 2 tables where 1"):
        to_pdf(notebook())


def test_a_page_of_a_notebook_that_is_no_briefing_of_ours_passes_too(browser):
    page = browser.new_context(bypass_csp=True).new_page()
    page.set_content(BriefingHTMLExporter().from_notebook_node(notebook())[0])
    page.evaluate(accessible.axe())
    assert violations(page)[0] == []


def test_the_versions_of_the_checkers_are_pinned():
    wanted = json.loads((accessible.ROOT / "tests" / "axe" / "package.json").read_text())["dependencies"]
    assert set(wanted) == {"axe-core", "vnu-jar"} and all(re.fullmatch(r"[\d.]+", one) for one in wanted.values())


@pytest.mark.parametrize("name", [name for name in BRIEFINGS if name.startswith("trust_")])
def test_a_board_gets_two_to_four_pages(report, name):
    assert len(PdfReader(report / f"{PAGES[name]}.pdf").pages) in (2, 3, 4)


@pytest.mark.parametrize("name", BRIEFINGS)
def test_no_page_but_the_last_is_less_than_a_third_full(report, name):
    found = page_fill.fills(report / f"{PAGES[name]}.pdf")
    assert min(found[:-1], default=1) >= 1 / 3, [round(one, 2) for one in found]


def test_the_measure_of_a_page_finds_one_that_is_nearly_empty(tmp_path):
    cells = [new_markdown_cell("\n\n".join(f"Line {n}." for n in range(count))) for count in (4, 30)]
    for count, cell in zip((4, 30), cells, strict=True):
        (tmp_path / f"{count}.pdf").write_bytes(to_pdf(new_notebook(cells=[cell])).getvalue())
    ((few,), (many,)) = (page_fill.fills(tmp_path / f"{count}.pdf") for count in (4, 30))
    assert few < 1 / 3 < many < 1
