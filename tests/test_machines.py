"""changes.json, feed.xml, digests and the data package: valid by their own standards, right, and the same every time."""

from __future__ import annotations

import json
import re
import shutil

import builders
import html5lib
import jsonschema
import pandas as pd
import pytest
import yaml
from conftest import ROOT
from frictionless import Package
from lxml import etree
from test_improvement import MHC, Q3, Q4, made_up

from nof import common, demo
from nof.briefing import changes, digest, feed, machines, plan, tables
from nof.briefing.params import Params
from nof.explore.sql import tables as tidy_tables
from nof.method.nowcast_facts import TABLE_COLUMNS
from nof.method.opening import open_publication
from nof.rules import recompute
from nof.rules.framework import load
from nof.show.dictionary import definitions, dictionary, table_of

RUN = "0123456789"
ATOM = "{http://www.w3.org/2005/Atom}"


def report_of(data, folder, quarter, types=None):
    """A folder with tables and what machines read, made as a run makes it."""
    national = open_publication(data)
    params = plan.settled(Params(quarter=quarter, data=data, trust_types=types), national)
    tables.write(folder / "tables", national, quarter, params.trust_types)
    entries = {"trusts/ZZ1A": {"trust": "ZZ1A", "files": {"trusts/ZZ1A.html": "", "trusts/ZZ1A.pdf": ""}}}
    machines.write(folder, national, params, params.trust_types, RUN, entries)
    return folder


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Two made-up trusts; one of them has a page."""
    data = builders.publication(tmp_path_factory.mktemp("data"))
    out = tmp_path_factory.mktemp("reports") / "2025-26-q2"
    out.mkdir()
    return report_of(data, out, "2025-26-q2")


@pytest.fixture(scope="module")
def ambulance(tmp_path_factory):
    """Ten trusts of the demo, which has all kinds of tables."""
    data = demo.ensure(tmp_path_factory.mktemp("demo"))
    return report_of(data, tmp_path_factory.mktemp("report"), Q4, ["ambulance"])


@pytest.fixture(scope="module")
def published(real, tmp_path_factory):
    return report_of(real, tmp_path_factory.mktemp("real"), Q4)


def every(request, name):
    return request.getfixturevalue(name)


REPORTS = pytest.mark.parametrize("name", ["small", "ambulance", "published"])


def test_tables_that_are_written_again_from_the_same_results_are_the_same(tmp_path):
    (tmp_path / "data").mkdir()
    national = open_publication(builders.publication(tmp_path / "data"))
    first, again = (tmp_path / name for name in ("first", "again"))
    for folder in (first, again):
        tables.write(folder, national, "2025-26-q2", ["acute"])
    assert "movement-acute.csv" in {path.name for path in first.iterdir()}
    assert {path.name: path.read_bytes() for path in first.iterdir()} == {
        path.name: path.read_bytes() for path in again.iterdir()
    }


# --- changes.json ---


@REPORTS
def test_changes_are_as_their_schema_says(request, name):
    schema = json.loads((ROOT / "docs" / "changes.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    found = json.loads((every(request, name) / "changes.json").read_text(encoding="utf-8"))
    jsonschema.validate(found, schema, cls=jsonschema.Draft202012Validator)
    for part in changes.MAJOR:
        assert found["counts"][part]["major"] == sum(one["level"] == "major" for one in found[part])
        assert all(one["level"] == changes.level(part, one["what"]) for one in found[part])


def test_the_schema_lists_every_kind_of_major_change():
    schema = json.loads((ROOT / "docs" / "changes.schema.json").read_text(encoding="utf-8"))
    for part, major in changes.MAJOR.items():
        assert set(major) <= set(schema["properties"][part]["items"]["properties"]["what"]["enum"])
        for kind in major:
            assert kind in schema["description"]


def test_a_flag_and_the_segment_that_follows_are_major_changes():
    old = made_up((Q3, Q4))
    flags = (
        (old.metrics["metric_id"] == "OF5004") & (old.metrics["trust_code"] == "ZZA1") & (old.metrics["quarter"] == Q4)
    )
    metrics = old.metrics.assign(value=old.metrics["value"].mask(flags, 1.0))
    national = recompute.recompute(type(old)(metrics, *list(vars(old).values())[1:]))
    table = changes.trust_changes(national, Q4, Q3, "acute")
    own = table[table["trust_code"] == "ZZA1"].set_index("what")
    assert own.loc["deficit flag", ["before", "after"]].tolist() == [False, True]
    before, after = (recompute.standing(national, one, "acute").loc["ZZA1"] for one in (Q3, Q4))
    for what, column in {"segment": "segment", "place": "rank", "average": "average_score"}.items():
        assert (what in own.index) == (before[column] != after[column])
    assert changes.level("trusts", "deficit flag") == "major" and changes.level("trusts", "place") == "minor"


def test_trusts_that_came_and_went_and_nothing_for_those_that_stay_the_same():
    old = made_up((Q3, Q4))
    gone = old.metrics[~((old.metrics["trust_code"] == "ZZM0") & (old.metrics["quarter"] == Q4))]
    gone = gone[~((gone["trust_code"] == "ZZM1") & (gone["quarter"] == Q3))]
    national = recompute.recompute(type(old)(gone, *list(vars(old).values())[1:]))
    table = changes.trust_changes(national, Q4, Q3, MHC).set_index("trust_code")["what"]
    assert table["ZZM0"] == "went" and table["ZZM1"] == "came"
    same = changes.trust_changes(national, Q4, Q4, MHC)
    assert same.empty
    assert changes.trust_changes(national, Q4, None, MHC).empty


def test_a_metric_that_is_dropped_is_a_change_of_the_rules(published):
    found = json.loads((published / "changes.json").read_text(encoding="utf-8"))
    dropped = [one for one in found["rules"] if one["what"] == "metric dropped"]
    assert [one["id"] for one in dropped] == ["OF1067"]  # CQC safe: no trust of the file is scored on it in Q4


def test_new_rules_of_a_year_are_told():
    old = load("2025/26")
    assert list(changes._framework(old, old)) == []
    new = old.model_copy(
        update={
            "framework_year": "2030/31",
            "override": old.override.model_copy(update={"no_better_than": 2}),
            "metrics": tuple(
                one.model_copy(update={"weight": 2.0}) if one.score_id == "OF1005" else one for one in old.metrics
            ),
        }
    )
    new = type(old).model_validate(new.model_dump())  # a copy keeps what the old one had looked up
    told = list(changes._framework(old, new))
    assert [(one[1], one[2]) for one in told] == [
        ("framework year", None),
        ("override", None),
        ("metric rule", "OF1005"),
    ]


# --- feed.xml ---


@REPORTS
def test_the_feed_is_valid_atom(request, name):
    grammar = etree.RelaxNG(etree.parse(ROOT / "tests" / "atom.rng"))
    tree = etree.parse(every(request, name) / "feed.xml")
    assert grammar.validate(tree), grammar.error_log
    ids = [one.text for one in tree.iter(f"{ATOM}id")]
    assert len(ids) == len(set(ids))
    for one in tree.iter(f"{ATOM}entry"):  # RFC 4287, 4.1.2: an entry without content needs an alternate link
        assert one.find(f"{ATOM}content") is not None or one.find(f"{ATOM}link") is not None
    assert all(re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", one) for one in ids)


@pytest.mark.parametrize(
    "broken",
    [
        "<id>urn:x:1</id>",
        "<updated>2026-03-31T00:00:00Z</updated>",
        "<title>t</title>",
        "<author><name>n</name></author>",
    ],
)
def test_the_grammar_refuses_a_feed_that_lacks_something(broken):
    grammar = etree.RelaxNG(etree.parse(ROOT / "tests" / "atom.rng"))
    text = (
        '<feed xmlns="http://www.w3.org/2005/Atom"><title>t</title><id>urn:x:1</id>'
        "<updated>2026-03-31T00:00:00Z</updated><author><name>n</name></author></feed>"
    )
    assert grammar.validate(etree.fromstring(text))
    assert not grammar.validate(etree.fromstring(text.replace(broken, "")))
    assert not grammar.validate(etree.fromstring(text.replace("00:00:00Z", "00:00:00")))


def test_one_entry_a_publication_and_one_a_trust(small):
    tree = etree.parse(small / "feed.xml")
    titles = [one.findtext(f"{ATOM}title") for one in tree.iter(f"{ATOM}entry")]
    assert len(titles) == 1 + len(builders.codes())
    links = [one.find(f"{ATOM}link").get("href") for one in tree.iter(f"{ATOM}entry")]
    assert links == ["index.html", "trusts/ZZ1A.html", "index.html"]


def test_ids_are_those_of_quarter_and_trust_alone():
    assert (
        feed.entry_id("published", Q4, "RDY") == "urn:uuid:edc7e94e-c6e4-5d84-9dbb-d856b6d1b810"
    )  # never to change: readers would see all entries anew
    assert len({feed.entry_id(kind, quarter, code) for kind in "ab" for quarter in (Q3, Q4) for code in "cd"}) == 8


def test_what_is_restated_has_an_entry_of_its_own():
    found = {
        "quarter": Q4, "illustrative": False, "source": "s", "licence": "l", "compared_with": ["x.csv"],
        "counts": {one: {"major": 0, "minor": 0} for one in ("trusts", "restated", "rules")}, "trusts": [], "rules": [],
        "restated": [{"quarter": Q3, "trust_type": MHC, "what": "value", "figures": 2, "trusts": 1, "largest": 0.1, "level": "major"}],
    }  # fmt: skip
    one = feed.feed(found, [], {})
    found["restated"][0]["figures"] = 3
    other = feed.feed(found, [], {})
    ids = [re.findall(r"urn:uuid:[0-9a-f-]+", text) for text in (one, other)]
    assert ids[0][:2] == ids[1][:2] and ids[0][2] != ids[1][2]


def test_names_with_markup_and_control_characters_are_text():
    name = "A & B <script>\x0c\x00 Trust"
    one = digest.Digest("ZZ1A", digest._flat(name), "acute", digest._flat(name), (digest._flat(name),) * 10)
    page = digest.html(one)
    assert "<script>" not in page and "&lt;script&gt;" in page and "\x00" not in page
    assert feed._legal(name) == "A & B <script> Trust"


# --- digests ---


@REPORTS
def test_a_digest_is_ten_lines_and_a_page(request, name):
    folder = every(request, name) / "digest"
    texts = sorted(folder.glob("*.txt"))
    assert texts and {one.stem for one in texts} == {one.stem for one in folder.glob("*.html")}
    for path in texts:
        lines = path.read_text(encoding="utf-8").splitlines()
        assert len(lines) == 10 and all(line.strip() for line in lines)
        page = path.with_suffix(".html").read_text(encoding="utf-8")
        html5lib.HTMLParser(strict=True).parse(page)
        assert "<script" not in page and "http" not in page


def test_a_digest_says_what_is_published(published, real):
    lines = (published / "digest" / "RDY.txt").read_text(encoding="utf-8").splitlines()
    assert (
        lines[1].startswith("Place 24 of 61") and lines[2].startswith("Segment 2") and "Average score 2.21" in lines[3]
    )


# --- the data package ---


@REPORTS
def test_frictionless_finds_every_table_as_described(request, name):
    folder = every(request, name)
    result = Package(str(folder / "datapackage.json")).validate()
    assert result.valid, result.flatten(["title", "fieldName", "rowNumber", "message"])[:10]
    package = json.loads((folder / "datapackage.json").read_text(encoding="utf-8"))
    assert {one["path"] for one in package["resources"]} == {
        one.relative_to(folder).as_posix() for one in folder.glob("tables/*.csv")
    }
    for one in package["resources"]:
        assert one["hash"] == f"sha256:{common.sha256(folder / one['path'])}"


def test_a_table_that_is_not_as_described_is_refused(small, tmp_path):
    copy = shutil.copytree(small, tmp_path / "copy")
    path = copy / "tables" / "league_table-acute.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("1,ZZ1A", "first,ZZ1A"), encoding="utf-8")
    assert not Package(str(copy / "datapackage.json")).validate().valid


@REPORTS
def test_every_column_of_every_table_is_described(request, name):
    for path in every(request, name).glob("tables/*.csv"):
        table, _ = table_of(path.stem, ["acute", "ambulance", MHC])
        assert table in dictionary().tables, path.name
        assert dictionary().undescribed(table, pd.read_csv(path, nrows=0).columns) == [], path.name


def test_every_column_of_every_tidy_table_is_described(tmp_path):
    data = builders.publication(tmp_path)
    for table, frame in tidy_tables(data).items():
        assert dictionary().undescribed(table, frame.columns) == [], table
        assert not (definitions({table: list(frame.columns)})["text"] == "not described").any()


def test_a_column_that_nobody_described_is_said_to_be_so(small, tmp_path, caplog):
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "league_table-acute.csv").write_text("trust_code,shoe_size\nZZ1A,43\n", encoding="utf-8")
    package = machines.datapackage(tmp_path, "2025-26-q2", ["acute"], False)
    assert package["resources"][0]["schema"]["fields"][1]["description"] == "not described"
    assert "column shoe_size: not described" in caplog.text


# --- the same bytes, and the root ---


def test_the_same_inputs_give_the_same_bytes(small, tmp_path):
    for name in ("data", "again"):
        (tmp_path / name).mkdir()
    again = report_of(builders.publication(tmp_path / "data"), tmp_path / "again", "2025-26-q2")
    for name in ("changes.json", "feed.xml", "datapackage.json", "digest/ZZ1A.txt", "digest/ZZ1B.html"):
        assert (again / name).read_bytes() == (small / name).read_bytes(), name


def test_the_newest_stand_at_the_root_with_addresses_from_there(small):
    out = small.parent
    (out / "digest").mkdir(exist_ok=True)
    (out / "digest" / "OLD.txt").write_text("of a trust that is gone", encoding="utf-8")
    machines.write_root(out, small)
    assert (out / "changes.json").read_bytes() == (small / "changes.json").read_bytes()
    assert {one.name for one in (out / "digest").iterdir()} == {one.name for one in (small / "digest").iterdir()}
    tree = etree.parse(out / "feed.xml")
    assert etree.RelaxNG(etree.parse(ROOT / "tests" / "atom.rng")).validate(tree)
    links = {one.get("href") for one in tree.iter(f"{ATOM}link")}
    assert links == {"feed.xml", "2025-26-q2/index.html", "2025-26-q2/trusts/ZZ1A.html"}
    assert Package(str(out / "datapackage.json")).validate().valid
    ids = [[one.text for one in etree.parse(place / "feed.xml").iter(f"{ATOM}id")] for place in (out, small)]
    assert ids[0] == ids[1]


def test_the_citation_file_has_what_it_needs():
    facts = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= set(facts)  # required by Citation File Format 1.2.0
    version = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.M)
    assert facts["version"] == version[1]


def test_the_dictionary_describes_no_column_that_nothing_has(published, ambulance, tmp_path):
    """A column that was renamed leaves its old description behind otherwise."""
    used = {"published_value", "published_period", "own_value", "own_period", "still", "state", "why"}  # of nof nowcast
    for folder in (published, ambulance):
        for path in folder.glob("tables/*.csv"):
            used |= set(pd.read_csv(path, nrows=0).columns)
    for frame in tidy_tables(builders.publication(tmp_path)).values():
        used |= set(frame.columns)
    assert set(dictionary().columns) - used == set()


def test_every_column_of_a_nowcast_is_described():
    assert dictionary().undescribed("nowcast", TABLE_COLUMNS) == []


def test_the_feed_leads_to_a_trusts_briefing_and_not_to_its_further_pages():
    files = dict.fromkeys(("trusts/ZZ1A.html", "trusts/ZZ1A.pdf", "trusts/ZZ1A-safe-to-say.html"), "")
    entries = {
        "trusts/ZZ1A": {"trust": "ZZ1A", "files": files},
        "glossary": {"trust": None, "files": {"glossary.html": ""}},
    }
    assert machines._pages(entries) == {"ZZ1A": "trusts/ZZ1A.html"}
