"""The index pages: whole, valid, escaped, linked to what is there, the same on every run, and usable in a browser."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import re
import subprocess
import zipfile
from pathlib import Path
from urllib.parse import unquote, urlsplit

import builders
import html5lib
import pytest
from accessible import chromium, own_clock

from nof.briefing import index, machines, manifest, pages, plan
from nof.briefing import manifest as bundles
from nof.briefing.gate import check_html
from nof.briefing.params import Params
from nof.read.publication import read
from nof.rules.recompute import recompute

TYPES = ("acute", "mental-health-and-community", "ambulance")
NASTY = (
    'Evil <script>alert(1)</script> & "quoted" {{ 7*7 }} {% raw %} \'><img src=x onerror=alert(2)> </style>\x07 Trust'
)
QUARTER = "2025-26-q2"
RUN = "0123456789" + "ab" * 27


@pytest.fixture(scope="module")
def national(tmp_path_factory):
    """Three types of two trusts; one acute trust has a nasty name, subtype and region."""
    publication = read(builders.publication(tmp_path_factory.mktemp("data"), TYPES))
    trusts = publication.trusts.copy()
    evil = trusts["trust_code"] == "ZZ1A"
    trusts.loc[evil, ["trust_name", "trust_subtype", "region"]] = [NASTY, "<b>Small</b>", 'East" & <i>North</i>']
    return recompute(dataclasses.replace(publication, trusts=trusts))


@pytest.fixture(scope="module")
def params(national):
    return plan.settled(Params(quarter=QUARTER, data=Path("data"), trusts=[]), national)


def _entry(folder: Path, name: str, **facts) -> dict:
    files = [f"{name}{ending}" for ending in (".html", ".ipynb", ".pdf")]
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(f"made-up content of {file}\n" * 20, encoding="utf-8")
    title = (
        "League table"
        if "league" in name
        else "Reconciliation with the published figures"
        if name == "reconciliation"
        else NASTY
    )
    notebook = "trust_briefing" if facts.get("trust") else name.split("-")[0]
    return {
        "key": "k",
        "run": RUN,
        "files": dict.fromkeys(files, "hash"),
        "title": title,
        "subtitle": "Q2",
        "notebook": notebook,
        "trust_type": None,
        "trust": None,
    } | facts


def _entries(folder: Path) -> dict[str, dict]:
    made = {f"league_table-{one}": _entry(folder, f"league_table-{one}", trust_type=one) for one in TYPES}
    made["reconciliation"] = _entry(folder, "reconciliation")
    for code in ("ZZ1A", "ZZ2A", "ZZ9Z"):
        made[f"trusts/{code}"] = _entry(folder, f"trusts/{code}", trust=code)
    (folder / "tables").mkdir(exist_ok=True)
    for name in ("league_table-acute", "league_table-mental-health-and-community", "reconciliation"):
        (folder / "tables" / f"{name}.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    return made


FAILURES = {
    "trusts/ZZ1B": "trusts/ZZ1B: cell 3: OSError: no /home/somebody/secret/file.csv <b>here</b>",
    "metric_rankings-acute": "took more than 900 s",
}


def write(folder: Path, national, params, failures=FAILURES, **changes) -> dict[str, dict]:
    """A report with its index and its manifest."""
    entries = _entries(folder) | changes
    index.write_quarter(folder, national, params, RUN[:10], entries, failures)
    manifest.write(
        folder, {"run_id": RUN, "quarter": QUARTER, "illustrative": False, "briefings": entries, "failures": failures}
    )
    return entries


@pytest.fixture(scope="module")
def report(tmp_path_factory, national, params) -> Path:
    out = tmp_path_factory.mktemp("reports")
    folder = out / QUARTER
    folder.mkdir()
    write(folder, national, params)
    index.write_root(out)
    return folder


def parsed(path: Path):
    return html5lib.parse(path.read_text(encoding="utf-8"), namespaceHTMLElements=False)


def words(element) -> str:
    return " ".join(" ".join(element.itertext()).split())


def by_class(page, tag: str, name: str) -> list:
    return [one for one in page.iter(tag) if name in one.get("class", "").split()]


def both(report: Path) -> list[Path]:
    return [report / "index.html", report.parent / "index.html"]


# --- valid, self-contained, escaped ---


def test_both_pages_are_valid_html_and_pass_the_checks_of_briefings(report):
    for page in both(report):
        html5lib.HTMLParser(strict=True).parse(page.read_text(encoding="utf-8"))
    assert [check_html(page) for page in both(report)] == [[], []]


def test_the_policy_allows_exactly_the_style_and_script_of_the_page(report):
    for path in both(report):
        page = parsed(path)
        policy = next(one.get("content") for one in page.iter("meta") if one.get("http-equiv"))
        for tag in ("style", "script"):
            allowed = re.findall(rf"{tag}-src '(sha256-[^']+)'", policy)
            there = [
                "sha256-" + base64.b64encode(hashlib.sha256(one.text.encode()).digest()).decode()
                for one in page.iter(tag)
            ]
            assert allowed == there
        assert "default-src 'none'" in policy and "unsafe" not in policy
        assert not [name for one in page.iter() for name in one.attrib if name.startswith("on") or name == "style"]


def test_no_page_asks_another_host_for_anything(report):
    for path in both(report):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"(?i)https?:|//[a-z0-9-]+\.|@import", re.sub(r"base64,[A-Za-z0-9+/=]+", "", text))


def test_names_are_text_everywhere_and_nothing_in_them_takes_effect(report):
    page = parsed(report / "index.html")
    assert not list(page.iter("img")) and not list(page.iter("b")) and not list(page.iter("i"))
    assert len(list(page.iter("script"))) == 1
    shown = NASTY.replace("\x07", "\ufffd")
    row = next(one for one in page.iter("tr") if one.get("id") == "ZZ1A")
    assert words(row.find("th")) == f"{shown} ZZ1A"
    regions = next(one for one in page.iter("select") if one.get("id") == "region")
    assert 'East" & <i>North</i>' in [one.get("value") for one in regions.iter("option")]
    assert "alert" not in next(page.iter("script")).text


def test_a_reason_shows_no_folder_of_the_machine_and_no_escape_codes(report):
    assert pages.reason("\x1b[31mOSError\x1b[0m: /home/me/x/y.csv and C:\\Users\\me\\z.csv") == (
        "OSError: …/y.csv and …/z.csv"
    )
    assert len(pages.reason("long " * 1000)) < 500
    text = (report / "index.html").read_text(encoding="utf-8")
    assert "/home/" not in text and "secret" not in text and "…/file.csv &lt;b&gt;here&lt;/b&gt;" in text


# --- what it says ---


def test_every_link_leads_to_a_file_or_a_place_on_the_page(report):
    for path in both(report):
        page = parsed(path)
        ids = {one.get("id") for one in page.iter() if one.get("id")}
        links = [one.get("href") for one in page.iter("a")]
        assert len(links) > 1
        for link in links:
            parts = urlsplit(link)
            assert not parts.scheme and not parts.netloc
            if parts.fragment:
                assert parts.fragment in ids
            else:
                assert (path.parent / unquote(parts.path)).is_file(), link


def test_every_briefing_is_linked_in_html_and_pdf(report):
    links = {one.get("href") for one in parsed(report / "index.html").iter("a")}
    made = json.loads((report / "manifest.json").read_text(encoding="utf-8"))["briefings"]
    assert {f"{name}{ending}" for name in made for ending in (".html", ".pdf")} <= links
    assert {f"tables/{path.name}" for path in (report / "tables").iterdir()} <= links
    assert {f"nof-{QUARTER}.zip", "trusts/ZZ1A.zip", "manifest.json", "../index.html"} <= links


def test_links_have_names_of_their_own(report):
    names = {}
    for one in parsed(report / "index.html").iter("a"):
        names.setdefault(words(one), set()).add(one.get("href"))
    assert "" not in names
    assert {name: links for name, links in names.items() if len(links) > 1} == {}


def test_the_tables_are_the_recomputed_league_tables(report, national):
    from nof.rules.recompute import league

    tables = by_class(parsed(report / "index.html"), "section", "league")
    for section, trust_type in zip(tables, TYPES, strict=True):
        expected = league(national, QUARTER, trust_type)
        rows = [[words(cell) for cell in row] for row in section.find(".//tbody")]
        assert [row[0] for row in rows] == [f"{one:.0f}" for one in expected["rank"]]
        assert [row[2] for row in rows] == [f"{one:.2f}" for one in expected["average_score"]]
        low, high = expected["rank_low"], expected["rank_high"]
        assert [row[6] for row in rows] == [f"{a:.0f} to {b:.0f}" for a, b in zip(low, high, strict=True)]
        cells = [row.find("td[@data-value]") for row in section.find(".//tbody")]
        assert [int(cell.get("data-value")) for cell in cells] == expected["segment"].tolist()
        assert [cell.get("class") for cell in cells] == [f"segment-{one:.0f}" for one in expected["segment"]]
        assert all(words(cell)[0] == cell.get("data-value") for cell in cells)


def test_what_is_missing_is_named_with_the_reason(report):
    page = parsed(report / "index.html")
    missing = next(one for one in page.iter("section") if one.get("aria-labelledby") == "missing")
    told = words(missing)
    assert "Metric rankings, acute trusts took more than 900 s" in told
    assert "Ünder Wold, Fen & Mere NHS Foundation Trust (ZZ1B) cell 3: OSError" in told
    assert "Metric rankings, ambulance trusts: not asked for in this run." in told
    assert "Ambulance trusts: no trust has a briefing of its own" in told
    assert "Mental health and community trusts: 1 of 2 trusts has no briefing of its own" in told
    rows = {one.get("id"): words(one) for one in page.iter("tr")}
    assert rows["ZZ1B"].endswith("failed") and rows["ZZ2B"].endswith("not made")


def test_a_whole_report_says_that_nothing_is_missing(tmp_path, national, params):
    rest = {
        f"trusts/{code}": _entry(tmp_path, f"trusts/{code}", trust=code)
        for kind in TYPES
        for code in builders.codes(kind)
    }
    every = {
        job.name: _entry(tmp_path, job.name, trust_type=job.parameters.get("trust_type"))
        for job in plan.national_jobs(params, national)
    }
    write(tmp_path, national, params, {}, **rest, **every)
    assert "Nothing. Every briefing on the whole quarter" in (tmp_path / "index.html").read_text(encoding="utf-8")


def test_a_trust_that_left_the_tables_is_still_linked(report):
    gone = next(one for one in parsed(report / "index.html").iter("section") if one.get("aria-labelledby") == "gone")
    assert "trusts/ZZ9Z.html" in [one.get("href") for one in gone.iter("a")]


def test_source_licence_run_and_independence_stand_on_the_page(report, national):
    foot = words(next(parsed(report / "index.html").iter("footer")))
    assert "Source: NHS England" in foot and "Open Government Licence v3.0" in foot and RUN[:10] in foot
    assert "Independent analysis, not NHS England" in foot
    assert "Illustrative" not in (report / "index.html").read_text(encoding="utf-8")


def test_illustrative_data_is_marked_on_the_page_and_in_the_zip(tmp_path, national, params):
    made_up = recompute(dataclasses.replace(national.publication, illustrative=True))
    write(tmp_path, made_up, params)
    page = parsed(tmp_path / "index.html")
    assert words(page.find(".//title")).startswith("Illustrative data")
    assert "Nothing here describes a real one" in words(by_class(page, "p", "illustrative")[0])
    assert "Open Government Licence" not in words(page)
    with zipfile.ZipFile(tmp_path / "trusts" / "ZZ1A.zip") as archive:
        assert "Illustrative data" in archive.read("ZZ1A/README.txt").decode()


def test_what_an_earlier_run_made_is_said(tmp_path, national, params):
    write(tmp_path, national, params, {}, reconciliation=_entry(tmp_path, "reconciliation", run="f" * 64))
    told = words(parsed(tmp_path / "index.html"))
    assert "This run made only a part of the report" in told and "from run ffffffffff" in told


# --- for everyone ---


def test_headings_landmarks_labels_and_the_live_region(report):
    page = parsed(report / "index.html")
    first = next(one for one in page.find("body").iter("a"))
    assert first.get("href") == "#main" and next(page.iter("main")).get("id") == "main"
    ids = {one.get("id") for one in page.iter()}
    for one in page.iter():
        for name in (one.get("aria-labelledby") or "").split():
            assert name in ids
    form = next(page.iter("form"))
    assert form.get("role") == "search" and form.get("hidden") is not None  # shown by the script, which it needs
    labelled = {one.get("for") for one in form.iter("label")}
    assert {one.get("id") for tag in ("input", "select") for one in form.iter(tag)} == labelled
    assert [one.get("id") for one in form.iter() if one.get("role") == "status"] == ["found"]


def test_tables_have_captions_scopes_and_a_box_of_their_own_to_scroll_in(report):
    page = parsed(report / "index.html")
    for box in by_class(page, "div", "scroll"):
        assert box.get("role") == "region" and box.get("tabindex") == "0" and box.get("aria-label")
    for table in page.iter("table"):
        assert words(table.find("caption"))
        assert all(one.get("scope") == "col" for one in table.find("thead").iter("th"))
        assert all(row.find("th").get("scope") == "row" for row in table.find("tbody"))
    sections = by_class(page, "section", "league")
    assert [[one.get("aria-sort") for one in section.iter("th")].count("ascending") for section in sections] == [1] * 3


def test_the_filters_offer_every_subtype_region_and_segment(report):
    page = parsed(report / "index.html")
    for section in by_class(page, "section", "league"):
        heads = section.findall(".//thead//th")
        for name in ("subtype", "region", "segment"):
            column = [one.get("data-filter") for one in heads].index(name)
            select = next(one for one in page.iter("select") if one.get("data-filter") == name)
            offered = {one.get("value") for one in select.iter("option")}
            cells = [list(row)[column] for row in section.find(".//tbody")]
            assert {one.get("data-value") or words(one) for one in cells} <= offered


# --- zips, sameness, the page of all quarters ---


def test_zips_hold_the_files_and_lead_nowhere_outside(report):
    with zipfile.ZipFile(report / "trusts" / "ZZ1A.zip") as archive:
        assert archive.namelist() == [f"ZZ1A/{one}" for one in ("README.txt", "ZZ1A.html", "ZZ1A.ipynb", "ZZ1A.pdf")]
        assert archive.read("ZZ1A/ZZ1A.pdf") == (report / "trusts" / "ZZ1A.pdf").read_bytes()
        assert RUN[:10] in archive.read("ZZ1A/README.txt").decode()
    with zipfile.ZipFile(report / f"nof-{QUARTER}.zip") as archive:
        names = {one.removeprefix(f"nof-{QUARTER}/") for one in archive.namelist()}
        files = {path.relative_to(report).as_posix() for path in report.rglob("*") if path.is_file()}
        assert names == {one for one in files if not one.endswith(".zip")} - {"manifest.json"} | {"README.txt"}
        page = html5lib.parse(archive.read(f"nof-{QUARTER}/index.html").decode(), namespaceHTMLElements=False)
    links = {one.get("href") for one in page.iter("a") if not one.get("href").startswith("#")}
    assert links <= names  # so the unpacked page has no dead link either


def test_the_manifest_covers_the_index_and_the_zips(report):
    assert manifest.verify(report) == []
    outputs = json.loads((report / "manifest.json").read_text(encoding="utf-8"))["outputs"]
    assert {"index.html", f"nof-{QUARTER}.zip", "trusts/ZZ1A.zip"} <= set(outputs)


def test_same_inputs_give_the_same_bytes_whatever_the_order(tmp_path, report, national, params):
    entries = _entries(tmp_path)
    backwards = dict(reversed(entries.items()))
    index.write_quarter(tmp_path, national, params, RUN[:10], backwards, dict(reversed(FAILURES.items())))
    for name in ("index.html", f"nof-{QUARTER}.zip", "trusts/ZZ1A.zip", "trusts/ZZ9Z.zip"):
        assert (tmp_path / name).read_bytes() == (report / name).read_bytes()


def test_zip_entries_carry_one_time_and_mode(tmp_path):
    (tmp_path / "b.html").write_text("b", encoding="utf-8")
    bundles.write_everything(tmp_path, QUARTER, "note", {"index.html": "<p>index"})
    with zipfile.ZipFile(tmp_path / f"nof-{QUARTER}.zip") as archive:
        found = {(one.date_time, one.external_attr >> 16) for one in archive.infolist()}
    assert found == {((1980, 1, 1, 0, 0, 0), 0o100644)}


def _other_quarter(out: Path, name: str, facts: str) -> None:
    (out / name).mkdir()
    (out / name / "manifest.json").write_text(facts, encoding="utf-8")
    (out / name / "index.html").write_text("x", encoding="utf-8")


def test_the_root_page_lists_quarters_newest_first_and_nothing_else(tmp_path):
    _other_quarter(tmp_path, "2024-25-q4", json.dumps({"run_id": "<b>1</b>", "briefings": {"a": {"trust": None}}}))
    _other_quarter(tmp_path, "2025-26-q1", json.dumps({"illustrative": True, "failures": {"a": "b"}}))
    _other_quarter(tmp_path, "2023-24-q3", "not JSON")
    _other_quarter(tmp_path, ".2025-26-q3", "{}")
    _other_quarter(tmp_path, "2025-26-q9", "{}")
    (tmp_path / "2025-26-q2").mkdir()  # no manifest: not a report
    (tmp_path / "latest").symlink_to("2025-26-q1")
    index.write_root(tmp_path)
    page = parsed(tmp_path / "index.html")
    assert [one.get("href") for one in page.iter("a")][1:] == [
        f"{slug}/index.html" for slug in ("2025-26-q1", "2024-25-q4", "2023-24-q3")
    ]
    items = [words(one) for one in page.iter("li")]
    assert "Illustrative data" in items[0] and "1 could not be made" in items[0]
    assert "Illustrative data" not in items[1] and "Run <b>1</b>" in items[1]
    html5lib.HTMLParser(strict=True).parse((tmp_path / "index.html").read_text(encoding="utf-8"))


def test_the_root_page_is_replaced_whole_and_leaves_nothing_behind(tmp_path, monkeypatch):
    index.write_root(tmp_path)
    before = (tmp_path / "index.html").read_bytes()
    assert b"No report has been published yet" in before
    _other_quarter(tmp_path, "2025-26-q1", "{}")

    def full(*_):
        raise OSError("no space left")

    with monkeypatch.context() as patched, pytest.raises(OSError):
        patched.setattr(index.publish.os, "replace", full)
        index.write_root(tmp_path)
    assert (tmp_path / "index.html").read_bytes() == before
    index.write_root(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["2025-26-q1", "index.html"]


# --- in a browser ---

STEPS = """
const log = [], find = (id) => document.getElementById(id);
const wait = (ms) => new Promise((done) => setTimeout(done, ms));
const rows = () => [...document.querySelectorAll(".league tbody tr")].filter((r) => !r.hidden).map((r) => r.id);
const note = async (what) => { await wait(600); log.push([what, rows(), find("found").textContent]); };
const set = (id, text) => { find(id).value = text; find(id).dispatchEvent(new Event("input", {bubbles: true})); };
const reset = async () => { document.querySelector("button[type=reset]").click(); await wait(10); };
(async () => {
  if (document.readyState !== "complete") await new Promise((done) => addEventListener("pageshow", done));
  await note("start");
  set("words", "under MERE"); await note("search");
  set("words", "zz2"); await note("code");
  await reset(); await note("reset");
  set("segment", "3"); await note("segment");
  set("region", 'East" & <i>North</i>'); await note("region too");
  await reset(); set("subtype", "<b>Small</b>"); await note("subtype");
  await reset();
  const button = [...document.querySelectorAll(".league th button")].find((b) => b.textContent === "Trust");
  button.click(); await note("sorted"); button.click(); await note("sorted down");
  const sorted = [...document.querySelector(".league").querySelectorAll("[aria-sort]")];
  log.push(["aria", sorted.map((one) => one.textContent + " " + one.getAttribute("aria-sort")), ""]);
  log.push(["shown", [String(find("find").hidden)], document.querySelector(".shown").textContent]);
  const out = document.createElement("pre");
  out.id = "log"; out.textContent = JSON.stringify(log); document.body.append(out);
})();
"""


def test_searching_filtering_and_sorting_in_a_real_browser(tmp_path, report):
    text = (report / "index.html").read_text(encoding="utf-8")
    allowed = f"'sha256-{base64.b64encode(hashlib.sha256(STEPS.encode()).digest()).decode()}'"
    text = text.replace("script-src '", f"script-src {allowed} '")
    text = text.replace("</body>", f"<script>{STEPS}</script></body>")
    (tmp_path / "page.html").write_text(text, encoding="utf-8")
    command = [
        chromium(),
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={tmp_path / 'profile'}",
        "--virtual-time-budget=20000",
        "--dump-dom",
        (tmp_path / "page.html").as_uri(),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, encoding="utf-8", env=own_clock())
    page = html5lib.parse(done.stdout, namespaceHTMLElements=False)
    log = {
        what: (found, said)
        for what, found, said in json.loads(next(one.text for one in page.iter("pre") if one.get("id") == "log"))
    }
    everyone = ["ZZ1A", "ZZ1B", "ZZ2A", "ZZ2B", "ZZ3A", "ZZ3B"]
    assert log["start"] == (everyone, "6 of 6 trusts shown: 2 acute, 2 mental health and community, 2 ambulance.")
    assert log["search"][0] == ["ZZ1B", "ZZ2B", "ZZ3B"]  # without its umlaut, in any case
    assert log["code"] == (["ZZ2A", "ZZ2B"], "2 of 6 trusts shown: 2 mental health and community.")
    assert log["reset"][0] == everyone
    assert log["segment"][0] == ["ZZ1B", "ZZ2B", "ZZ3B"]
    assert log["region too"] == ([], "0 of 6 trusts shown.")
    assert log["subtype"][0] == ["ZZ1A"]
    assert log["sorted"] == (everyone, "Acute trusts sorted by trust, ascending.")
    assert log["sorted down"] == (["ZZ1B", "ZZ1A", *everyone[2:]], "Acute trusts sorted by trust, descending.")
    assert log["aria"][0] == ["Trust descending"]
    assert log["shown"] == (["false"], "2 of 2 acute trusts shown")


def test_a_trusts_further_pages_are_named_and_its_own_stay_its_own():
    names = ["-safe-to-say.html", "-safe-to-say.ipynb", "-safe-to-say.pdf", ".docx", ".html", ".ipynb", ".pdf"]
    entry = {"title": "A", "trust": "ZZ1A", "run": "0123456789", "files": {f"trusts/ZZ1A{one}": "" for one in names}}
    found = index._briefing(entry, "0123456789")
    assert (found["page"], found["pdf"], found["word"]) == ("trusts/ZZ1A.html", "trusts/ZZ1A.pdf", "trusts/ZZ1A.docx")
    assert found["sheets"] == [{"what": "safe to say", "kind": "PDF", "file": "trusts/ZZ1A-safe-to-say.pdf"}]


def test_types_that_were_not_given_and_those_not_asked_for_are_named(tmp_path, national):
    few = plan.settled(Params(quarter=QUARTER, data=Path("data"), trusts=[], trust_types=["acute"]), national)
    index.write_quarter(tmp_path, national, few, RUN[:10], _entries(tmp_path), {})
    told = words(parsed(tmp_path / "index.html"))
    assert "Ambulance trusts: not asked for in this run." in told and "Integrated care boards:" not in told
    trusts = national.publication.trusts
    kept = trusts[trusts["trust_type"] != "ambulance"]
    without = dataclasses.replace(national, publication=dataclasses.replace(national.publication, trusts=kept))
    assert index._not_given(without, few)[-1] == {
        "name": "Ambulance trusts", "why": "no files were given for this quarter.",
    }  # fmt: skip


def test_the_front_page_says_organisation_where_a_quarter_has_boards_too(tmp_path):
    types = {"parameters": {"trust_types": ["acute", "integrated-care-board"]}}
    _other_quarter(tmp_path, "2026-27-q1", json.dumps(types))
    index.write_root(tmp_path)
    page = parsed(tmp_path / "index.html")
    assert words(page.find(".//h1")) == "NHS organisation league tables"
    assert "on a single organisation" in words(page) and "trust" not in words(page.find(".//body"))
    _other_quarter(tmp_path, "2025-26-q4", json.dumps({"parameters": {"trust_types": ["acute"]}}))
    index.write_root(tmp_path)
    assert "on a single trust" in words(parsed(tmp_path / "index.html"))


def test_what_the_data_mean_is_a_page_with_every_column(tmp_path, national, params):
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "league_table-acute.csv").write_text("rank,trust_code,shoe_size\n1,A,9\n", encoding="utf-8")
    package = machines.datapackage(tmp_path, QUARTER, ["acute"], False)
    (tmp_path / "datapackage.json").write_text(json.dumps(package), encoding="utf-8")
    index.write_dictionary(tmp_path, QUARTER, False)
    page = parsed(tmp_path / "data-dictionary.html")
    rows = [[words(cell) for cell in row] for row in page.find(".//tbody")]
    assert rows[0] == ["rank", "Place in the league table of the trust type", "places", "1 is best", "integer"]
    assert [row[0] for row in rows] == ["rank", "trust_code", "shoe_size"] and rows[2][1] == "not described"
    assert "tables/league_table-acute.csv" in {one.get("href") for one in page.iter("a")}
    assert check_html(tmp_path / "data-dictionary.html") == []
