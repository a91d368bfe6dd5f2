"""The glossary: every word has a meaning and a source, every metric its place, and nothing on page 1 goes unexplained."""

from __future__ import annotations

import re

import pytest
import yaml
from trust_page import Page

from nof import common, demo
from nof.common import InputError
from nof.method import board, glossary
from nof.method.opening import open_publication
from nof.rules import short_names
from nof.show import glossary as tables
from nof.show.display import Card, Chart

Q4 = "2025-26-q4"
# Words of the trade that a page may hold: a page that comes to use one has to explain it.
JARGON = (
    "Oversight Framework|league table|segment|override|deficit|average score|score|points|likely range|95% interval|"
    "noise|typical trust|metrics? in another quarter|metrics like these|redraws?|planning standard|like for like|peers|"
    "domain|subtype|median|merger|recomputed|illustrative|period|quartile|A&E|CQC|MRSA|E\\. coli|C\\. difficile|place|"
    "told apart|regression|covariance|confidence interval|p-value|standard error|bootstrap"
)


@pytest.fixture(scope="module")
def national():
    return open_publication(demo.ensure(common.demo()))


def test_every_word_has_a_meaning_and_a_named_source():
    found = glossary.terms()
    assert found["means"].str.endswith(".").all() and found["source"].str.len().gt(8).all()
    assert found["term"].str.lower().is_unique and found["term"].tolist() == sorted(found["term"], key=str.lower)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"source": "NOWHERE"}, "a source that is not given"),
        ({"means": ""}, "at least 1 character"),
        ({"term": "Place"}, "is explained twice"),
        ({"colour": "red"}, "Extra inputs"),
    ],
)
def test_a_fault_in_the_file_is_named(tmp_path, change, fault):
    entry = {"term": "segment", "means": "A group.", "source": "S"}
    good = {"sources": {"S": "somewhere"}, "terms": [entry | {"term": "place"}, entry]}
    path = tmp_path / "glossary.yaml"
    path.write_text(yaml.safe_dump(good))
    assert len(glossary.terms(path)) == 2
    path.write_text(yaml.safe_dump(good | {"terms": [entry | {"term": "place"}, entry | change]}))
    with pytest.raises(InputError, match=fault):
        glossary.terms(path)


def test_every_scored_metric_stands_once_under_its_domain(national):
    found = glossary.metrics(national, Q4)
    rows = national.scores.query("quarter == @Q4")
    assert set(found["metric_id"]) >= set(rows["metric_id"]) and found["metric_id"].is_unique
    shown = tables.metrics(found)
    assert [one.caption for one in shown] == sorted(set(found["domain"]))
    assert sum(len(one.frame) for one in shown) == len(found)
    eighteen = found.set_index("metric_id").loc["OF1023"]
    assert (eighteen["better"], eighteen["units"], eighteen["standard"]) == ("high", "%", "at least 65%")
    assert eighteen["scored"] == "by place among all trusts" and "technical metric specification" in eighteen["source"]
    facts = glossary.glossary_facts(national, Q4)
    assert facts.metrics == len(found) and facts.unknown == (found["certainty"] == "unknown").sum() > 0


def test_every_word_of_the_trade_on_page_1_is_explained(national):
    explained = " ".join(glossary.terms()["term"]).lower() + " " + " ".join(glossary.terms()["means"]).lower()
    names = set(glossary.metrics(national, Q4)["short"])
    for code in ("X0D", "X2G", "X8Q"):
        page = Page(board.trust_of(national, Q4, code))
        first = page.words.partition("## Every metric")[0]
        first += " ".join(" ".join(item) for item in page.of(Card)[0].items) + page.of(Chart)[0].alt
        for word in {one.group().lower() for one in re.finditer(JARGON, first, re.IGNORECASE)}:
            assert word.removesuffix("s") in explained, (code, word)
        assert {one.name for one in page["why"].reasons} <= names
        assert len(re.findall(JARGON, first)) > 5


def test_a_year_without_rules_says_that_a_rule_is_not_known():
    assert glossary._scored(None) == "as published; its rule is not known" and glossary._source(None, None) == "unknown"
    assert short_names.short_name("Anything else", "2025/26") == "Anything else"
