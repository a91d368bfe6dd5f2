"""The way from each page to the others, and what the script does with tables: in a made site, and in a browser."""

from __future__ import annotations

import os
import re
import zipfile
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import accessible
import pytest
from accessible import BRIEFINGS, PAGES, QUARTER
from playwright.sync_api import expect

from nof.briefing import html, links
from nof.briefing.links import Neighbour, Site, linked

pytestmark = pytest.mark.timeout(400)

BARE = (
    "<header><!--site-top--><!--/site-top--></header>"
    '<table class="nof"><tr data-trust="R1A"><td>1</td><th scope="row">A &amp; B</th><td>2</td></tr>'
    '<tr class="emphasis" data-trust="R1B"><th scope="row">C</th></tr></table><!--data:league_table:Table 1--><!--/data-->'
    "<footer><!--site-foot--><!--/site-foot--></footer>"
)
ENTRIES = {
    "league_table-acute": {"notebook": "league_table", "trust_type": "acute", "trust": None, "files": {}},
    "limitations-acute": {"notebook": "limitations", "trust_type": "acute", "trust": None, "files": {}},
    "limitations-ambulance": {"notebook": "limitations", "trust_type": "ambulance", "trust": None, "files": {}},
    "reconciliation": {"notebook": "reconciliation", "trust_type": None, "trust": None, "files": {}},
    "trusts/R1A": {
        "notebook": "trust_briefing",
        "trust_type": None,
        "trust": "R1A",
        "files": {
            "trusts/R1A.pdf": "",
            "trusts/R1A.html": "",
            "trusts/R1A-safe-to-say.html": "",
            "trusts/R1A-safe-to-say.pdf": "",
        },
    },
    "trusts/R1A-nowcast": {"notebook": "nowcast", "trust_type": None, "trust": None, "files": {}},
}
FILES = {f"{name}.html" for name in ENTRIES} | {
    "index.html", "league_table-acute.pdf", "trusts/R1A.pdf", "trusts/R1A-safe-to-say.html", "trusts/R1A-safe-to-say.pdf", "trusts/R1A.docx", "tables/league_table-acute.csv",
}  # fmt: skip
BEFORE = Neighbour("Previous quarter", "2025-26-q3", frozenset({"index.html", "league_table-acute.html"}))


def a_site(*gone: str, **changes) -> Site:
    facts = {"types": {"R1A": "acute", "R1B": "acute"}, "neighbours": (BEFORE,)} | changes
    return Site("Q4 2025/26", frozenset(FILES - set(gone)), ENTRIES, **facts)


def ways(page: str) -> dict[str, str]:
    """Words and address of what the navigation at the top holds."""
    top = re.search("<!--site-top-->(.*)<!--/site-top-->", page)[1]
    return {words: address for address, words in re.findall('<a href="([^"]*)">([^<]*)</a>', top)}


# ---- one page ----


def test_a_national_page_leads_to_index_siblings_files_and_the_quarter_before():
    page = linked(BARE, "league_table-acute", a_site())
    assert ways(page) == {
        "All of Q4 2025/26": "index.html",
        "What a rank cannot tell you": "limitations-acute.html",
        "Reconciliation with the published figures": "reconciliation.html",
        "This page as PDF": "league_table-acute.pdf",
        "Previous quarter, Q3 2025/26": "../2025-26-q3/league_table-acute.html",
        "All quarters": "../index.html",
    }
    assert '<span aria-current="page">League table</span>' in page
    assert '<th scope="row"><a href="trusts/R1A.html">A &amp; B</a></th>' in page  # a briefing was made
    assert '<th scope="row">C</th>' in page  # none was
    assert '<a href="tables/league_table-acute.csv">Data<span class="unseen"> of Table 1</span> (CSV)</a>' in page


def test_a_trusts_page_leads_to_its_other_pages_and_marks_itself_in_national_ones():
    page = linked(BARE, "trusts/R1A", a_site())
    found = ways(page)
    assert found["League table"] == "../league_table-acute.html?trust=R1A"
    assert found["Before publication day"] == "../trusts/R1A-nowcast.html"
    assert found["Safe to say"] == "../trusts/R1A-safe-to-say.html"
    assert (found["This page as PDF"], found["This page as Word"]) == ("R1A.pdf", "R1A.docx")
    assert found["Previous quarter, Q3 2025/26"] == "../../2025-26-q3/index.html"  # that quarter has no such page
    assert '<a href="../trusts/R1A.html">' not in page  # not to itself
    assert "limitations-ambulance" not in page


def test_a_sheet_beside_a_trusts_briefing_leads_to_it_and_to_its_own_pdf():
    found = ways(linked(BARE, "trusts/R1A-safe-to-say", a_site()))
    assert (found["Briefing"], found["This page as PDF"]) == ("../trusts/R1A.html", "R1A-safe-to-say.pdf")
    assert found["League table"] == "../league_table-acute.html?trust=R1A" and "Safe to say" not in found


def test_nothing_leads_to_what_is_not_there():
    page = linked(BARE, "league_table-acute", a_site(*FILES - {"league_table-acute.html"}, neighbours=()))
    assert ways(page) == {"All quarters": "../index.html"}
    assert "tables/" not in page and "trusts/" not in page


def test_linking_again_gives_the_page_of_what_is_there_now():
    full = linked(BARE, "league_table-acute", a_site())
    assert linked(full, "league_table-acute", a_site()) == full
    bare = a_site("trusts/R1A.html", "tables/league_table-acute.csv", neighbours=())
    assert linked(full, "league_table-acute", bare) == linked(BARE, "league_table-acute", bare)


def test_a_page_in_a_zip_does_not_lead_out_of_it():
    page = linked(linked(BARE, "league_table-acute", a_site()), "league_table-acute", links.in_zip(a_site()))
    assert not [one for one in re.findall('href="([^"]*)"', page) if one.startswith("..")]
    alone = links.alone(linked(BARE, "trusts/R1A", a_site()), "trusts/R1A", a_site())
    assert set(re.findall('href="([^"]*)"', alone)) == {"R1A.pdf"}
    sheet = links.alone(linked(BARE, "trusts/R1A-safe-to-say", a_site()), "trusts/R1A-safe-to-say", a_site())
    assert set(re.findall('href="([^"]*)"', sheet)) == {"R1A-safe-to-say.pdf"}


def test_the_nearest_quarters_of_the_same_kind_of_data_are_joined(tmp_path):
    for name, made_up in (("2024-25-q4", False), ("2025-26-q1", False), ("2025-26-q2", True), ("2026-27-q1", False)):
        (tmp_path / name).mkdir()
        text = f'{{"illustrative": {str(made_up).lower()}, "outputs": {{"index.html": "x"}}}}'
        (tmp_path / name / "manifest.json").write_text(text, encoding="utf-8")
    (tmp_path / "2025-26-q4").mkdir()  # no manifest: not a report
    found = links.neighbours(tmp_path, "2025-26-q3", False)
    assert [(one.way, one.slug) for one in found] == [
        ("Previous quarter", "2025-26-q1"),
        ("Next quarter", "2026-27-q1"),
    ]
    assert links.neighbours(tmp_path / "nowhere", "2025-26-q3", False) == ()


# ---- a made site ----


@pytest.fixture(scope="session")
def report(tmp_path_factory):
    base = tmp_path_factory.getbasetemp()
    return accessible.rendered(base.parent if base.name.startswith("popen-") else base)


class _Anchors(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.found, self.ids = [], set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        held = dict(attrs)
        self.ids.add(held.get("id"))
        if tag == "a" and "href" in held:
            self.found.append(held["href"])


def test_every_link_of_a_made_site_leads_to_a_file_and_every_page_is_reached(report):
    reached, waiting, count = set(), [(report / "index.html")], 0
    while waiting:
        path = waiting.pop()
        if path in reached:
            continue
        reached.add(path)
        anchors = _Anchors(path.read_text(encoding="utf-8"))
        for link in anchors.found:
            parts, count = urlsplit(link), count + 1
            if parts.scheme in ("https", "mailto"):
                continue
            assert not parts.scheme and not parts.netloc, (path, link)
            if not parts.path:
                assert parts.fragment in anchors.ids, (path, link)
                continue
            target = Path(os.path.normpath(path.parent / unquote(parts.path)))
            assert target.is_file(), (path.name, link)
            if target.suffix == ".html":
                waiting.append(target)
    pages = {path for path in (report / QUARTER).rglob("*.html") if path.parent.name != "digest"}
    assert pages <= reached and count > 100, pages - reached
    assert {f"{PAGES[name]}.html" for name in BRIEFINGS} <= {str(path.relative_to(report)) for path in reached}
    for path in pages:  # no page is a dead end
        assert 'class="site"' in path.read_text(encoding="utf-8") or path.name == "index.html", path


def test_figures_and_tables_have_an_address_and_what_has_a_file_leads_to_it(report):
    for name in BRIEFINGS:
        text = (report / f"{PAGES[name]}.html").read_text(encoding="utf-8")
        things = re.findall('<figure|<div class="table"', text)
        addressed = re.findall('(?:<figure|<div class="table") id="((?:figure|table)-[a-z0-9-]+)"', text)
        assert len(things) == len(addressed) == len(set(addressed)) > 0, name
        # The acute trust of this report has no tables of its type beside it.
        assert ('class="data-link"' in text) == (name != "trust_acute"), name
        assert len(re.findall('<nav class="site"', text)) == 2, name


def test_titles_of_a_report_are_all_different_and_say_that_the_data_are_made_up(report):
    pages = [path for path in sorted((report / QUARTER).rglob("*.html")) if path.parent.name != "digest"]
    titles = [re.search("<title>([^<]*)</title>", path.read_text(encoding="utf-8"))[1] for path in pages]
    assert len(pages) > 7 and len(set(titles)) == len(titles)
    assert all(one.startswith("Illustrative data: ") and "Q4 2025/26" in one for one in titles)


def test_pages_in_the_zips_lead_nowhere_outside(report):
    (place,) = (report / QUARTER).glob("nof-*.zip")
    with zipfile.ZipFile(place) as archive:
        names = set(archive.namelist())
        pages = [one for one in names if one.endswith(".html")]
        for page in pages:
            for link in _Anchors(archive.read(page).decode()).found:
                parts = urlsplit(link)
                if not parts.scheme and parts.path:
                    target = Path("/", page).parent / unquote(parts.path)
                    assert str(target.resolve())[1:] in names, (page, link)
    assert len(pages) > 6


def test_the_script_is_small_and_one(report):
    script = str(html.on_every_page()["script"])
    assert len(script.encode()) < 10_000
    for name in (*BRIEFINGS, "index"):
        assert (report / f"{PAGES[name]}.html").read_text(encoding="utf-8").count(script) == 1


# ---- in a browser ----


@pytest.fixture(scope="module")
def browser():
    yield from accessible.open_browser()


@pytest.fixture
def see(browser, report):
    contexts = []

    def open_page(name, query="", width=1280, **options):
        contexts.append(browser.new_context(viewport={"width": width, "height": 900}, **options))
        page = contexts[-1].new_page()
        page.on("request", lambda one: contexts[-1].pages and asked.append(one.url))
        page.goto((report / f"{PAGES[name]}.html").as_uri() + query)
        return page

    asked: list[str] = []
    open_page.asked = asked
    yield open_page
    for context in contexts:
        context.close()


def names(page, table):
    return page.locator(f"#{table} tbody tr:not([hidden]) th").all_inner_texts()


def test_a_page_complete_without_the_script_and_asks_for_nothing(see):
    page = see("metric_rankings", java_script_enabled=False)
    assert not page.locator("#find").is_visible() and not page.locator("#marked").is_visible()
    assert page.locator("thead button").count() == 0 and len(names(page, "table-all-scores-at-a-glance")) == 10
    with_script = see("metric_rankings")
    assert with_script.locator("thead button").count() > 10
    assert {one.split(":")[0] for one in see.asked} <= {"file", "data"}
    assert len([one for one in see.asked if one.startswith("file")]) == 2


def test_the_trust_of_the_address_is_marked_in_words_and_scrolled_to(see):
    page = see("metric_rankings", "?trust=x9c")
    rows = page.locator("tr.mine")
    assert rows.count() > 3 and set(rows.evaluate_all("all => all.map(one => one.dataset.trust)")) == {"X9C"}
    said = rows.first.locator("th").evaluate("one => getComputedStyle(one, '::after').content")
    assert "marked" in said
    assert rows.first.evaluate("one => one.getBoundingClientRect().top") < 900
    assert page.evaluate("scrollY") > 0
    expect(page.locator("#marked")).to_contain_text(f"X9C is marked in {rows.count()} tables of this page.")
    page.get_by_role("button", name="Next marked row").click()
    league = page.locator("nav.site a", has_text="League table").first
    assert league.get_attribute("href").endswith("league_table-ambulance.html?trust=X9C")
    assert see("metric_rankings").locator("tr.mine").count() == 0
    expect(see("league_table", "?trust=ZZZ").locator("#marked")).to_contain_text(
        "No table of this page has a row for ZZZ"
    )


def test_a_search_in_a_briefing_filters_every_table_of_trusts_and_stands_in_the_address(see):
    page = see("metric_rankings")
    every = names(page, "table-all-scores-at-a-glance")
    page.get_by_label("Show only trusts with this name or code").fill("x9c")
    expect(page.locator("#found")).to_have_text("1 of 10 trusts shown.")
    assert len(names(page, "table-all-scores-at-a-glance")) == len(names(page, "table-combined-finance-score")) == 1
    assert len(names(page, "table-the-metrics")) == 6  # a table of metrics is left alone
    expect(page).to_have_url(re.compile(re.escape("html?find=x9c") + "$"))
    again = see("metric_rankings", "?find=x9c")
    assert len(names(again, "table-all-scores-at-a-glance")) == 1
    again.get_by_role("button", name="Show all").click()
    expect(again).to_have_url(re.compile(re.escape("html") + "$"))
    assert names(again, "table-all-scores-at-a-glance") == every
    again.locator("#words").fill("nobody")
    expect(again.get_by_text("No row of this table fits the search.").first).to_be_visible()


def test_tables_of_briefings_sort_by_number_and_text_and_the_address_keeps_it(see):
    page = see("league_table")
    by_place = names(page, "table-the-table")
    head = page.locator("#table-the-table thead th", has_text="Trust")
    head.get_by_role("button").click()
    assert names(page, "table-the-table") == sorted(by_place) and head.get_attribute("aria-sort") == "ascending"
    page.locator("#table-the-table thead button", has_text="Place").first.click()
    page.locator("#table-the-table thead button", has_text="Place").first.click()
    assert names(page, "table-the-table") == by_place[::-1]
    expect(page).to_have_url(re.compile(re.escape("html?sort=table-the-table.0.down") + "$"))
    again = see("league_table", "?sort=table-the-table.0.down")
    assert names(again, "table-the-table") == by_place[::-1]


def test_filters_of_the_index_stand_in_the_address(see):
    page = see("index", "?segment=3&find=trust")
    assert page.locator("#segment").input_value() == "3" and page.locator("#words").input_value() == "trust"
    assert 0 < page.locator(".league tbody tr:not([hidden])").count() < 10
    assert not page.locator("#briefings").is_visible()  # what is found comes next
    page.locator("#segment").select_option("1")
    expect(page).to_have_url(re.compile(re.escape("html?segment=1&find=trust") + "$"))
    page.get_by_role("button", name="Show all").click()
    expect(page).to_have_url(re.compile(re.escape("html") + "$"))
    assert page.locator("#briefings").is_visible()


def test_the_column_of_names_stays_put_on_a_telephone(see):
    page = see("league_table", width=375)
    box = page.locator("#table-the-table .scroll")
    name, place = box.locator("tbody th").first, box.locator("tbody td").first
    before = name.bounding_box()["x"]
    box.evaluate("one => { one.scrollLeft = 300; }")
    assert place.bounding_box()["x"] < 0
    assert 0 <= name.bounding_box()["x"] <= before
    head = box.locator("thead th.names")
    assert abs(head.bounding_box()["x"] - name.bounding_box()["x"]) < 1
