"""Sentences with facts filled in: the grammar, strictness, names that stay text, and the cell magic wherever cells run."""

from __future__ import annotations

import ast
import datetime as dt
import re
from dataclasses import FrozenInstanceError, dataclass
from typing import NamedTuple

import hostile
import mistune
import nbformat
import numpy as np
import pandas as pd
import pytest
import tiny
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as st

from nof.briefing import document, html, make, pdf
from nof.briefing.document import flat, parse_markdown
from nof.common import NofError
from nof.method.facts import Facts, fact
from nof.show import grammar
from nof.show import say as module
from nof.show.display import Words
from nof.show.say import TemplateError, say


class Row(NamedTuple):
    name: str
    rank: int


@dataclass(frozen=True)
class Places(Facts):
    """How sure a place is."""

    trusts: int = fact("Trusts with a likely range", "trusts")
    apart: int = fact("Trusts told apart from at least one other", "trusts", source="Mogstad and others 2024")
    width: float = fact("Median width of a likely range", "places", digits=0, direction="narrower is surer")
    average: float = fact("Average score of the first", "points", direction="1.00 is best")
    first: str = fact("Name of the first trust")
    names: tuple[str, ...] = fact("Names of the last trusts")
    rows: tuple[Row, ...] = fact("The first trusts", default=())
    unknown: float = fact("What nobody published", default=np.nan)

    @property
    def not_apart(self) -> int:
        """Trusts told apart from no other."""
        return self.trusts - self.apart


SURE = Places(61, 12, 14.4, 1.6789, "Ash *and* _Birch_ Trust", ("A", "B", "C", "D"), (Row("Elm", 1), Row("Fir", 2)))


def said(template: str, facts=SURE, **names) -> str:
    return say(template, facts, **names).markdown


# ---------------------------------------------------------------- the grammar


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ('1 | count("trust")', "1 trust"),
        ('1204 | count("trust")', "1,204 trusts"),
        ('3 | count("body", "bodies", words=true)', "three bodies"),
        ('0 | count("trust", words=true)', "no trusts"),
        ('11 | count("trust", words=true)', "11 trusts"),
        ("61 | trusts('mental-health-and-community')", "61 mental health and community trusts"),
        ("1 | trusts('acute')", "1 acute trust"),
        ("42 | trusts('integrated-care-boards')", "42 integrated care boards"),
        ('12 | of(61, "trust")', "12 of 61 trusts"),
        ('1 | of(1, "trust")', "1 of 1 trust"),
        ("12 | of(61)", "12 of 61"),
        ("49 | share(61)", "49 of 61 (80%)"),
        ("9999 | share(10000)", "9,999 of 10,000 (99.9%)"),
        ("10 | in_words", "ten"),
        ("11 | in_words", "11"),
        ("[1, 2, 3, 4, 11, 12, 13, 21, 22, 24, 101, 111] | map('ordinal') | join(' ')",
         "1st 2nd 3rd 4th 11th 12th 13th 21st 22nd 24th 101st 111th"),
        ('1 | plural("is", "are")', "is"),
        ('0 | plural("trust")', "trusts"),
        ("-0.125 | number(2)", "−0.12"),
        ("-0.001 | number(2)", "0.00"),
        ("1234.5 | number(1)", "1,234.5"),
        ("0.126 | signed(2)", "+0.13"),
        ("-0.126 | signed", "−0.13"),
        ("0.001 | signed(2)", "0.00"),
        ("0.95 | percent", "95%"),
        ("0.996 | percent", "above 99%"),
        ("1 | percent", "100%"),
        ("0.004 | percent", "below 1%"),
        ("0 | percent", "0%"),
        ("0.996 | percent(1)", "99.6%"),
        ("0.9996 | percent(1)", "above 99.9%"),
        ("0.12 | points", "0.12 points"),
        ("0.001 | points", "below 0.01 points"),
        ("1 | points(0)", "1 point"),
        ("1.72 | to(2.734, 2)", "1.72 to 2.73"),
        ("3 | places(1, 19)", "3 (1 to 19)"),
        ("-0.1 | better", "better"),
        ("0.1 | better", "worse"),
        ("0 | better", "the same"),
        ('2 | better("up", "down", low=false)', "up"),
        ("3 | segment", "segment 3"),
        ("[] | listed", "none"),
        ("names | listed", "A, B, C and D"),
        ("names | listed(2)", "A, B and 2 others"),
        ("names | listed(3)", "A, B, C and 1 other"),
        ("names | listed(4)", "A, B, C and D"),
        ('names | listed(1, "metric")', "A and 3 metrics"),
        ('"Leeds" | linked("https://example.org/a?b=1")', "[Leeds](https://example.org/a?b=1)"),
        ('"Leeds" | linked("")', "Leeds"),
        ('"East NHS Foundation Trust" | short_name', "East"),
        ('"2025-26-q4" | quarter', "Q4 2025/26"),
        ('"mental-health-and-community" | type_name', "mental health and community"),
        ('"acute" | bodies | article', "an acute trusts"),
        ('"NHS trust" | capitalize', "NHS trust"),
        ('(3 | count("trust", words=true)) | capitalize', "Three trusts"),
    ],
)  # fmt: skip
def test_each_filter_writes_as_the_table_says(expression, told):
    shown = parse_markdown(said(f"{{{{ {expression} }}}}"))
    assert said(f"{{{{ {expression} }}}}").replace("\\", "") == told or flat(shown) == told


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("acute trust", "an"),
        ("mental health trust", "a"),
        ("ambulance trust", "an"),
        ("NHS trust", "an"),
        ("MRSA rate", "an"),
        ("ICB", "an"),
        ("CQC rating", "a"),
        ("university hospital", "a"),
        ("unusual move", "an"),
        ("unmoved place", "an"),
        ("8% share", "an"),
        ("11th place", "an"),
        ("18 places", "an"),
        ("1 place", "a"),
        ("80th place", "an"),
        ("integrated care board", "an"),
        ("one-off", "a"),
        ("European rule", "a"),
    ],
)
def test_the_article_goes_by_sound(words, wanted):
    assert grammar.article(words).split(" ")[0] == wanted


def test_a_day_needs_a_date():
    assert said("{{ d | day }} {{ d }}", d=dt.date(2026, 3, 31)) == "31 March 2026 31 March 2026"
    assert said("{{ d }}", d=pd.Timestamp("2026-03-31")) == "31 March 2026"
    for absent in (None, pd.NaT, "2026-03-31"):
        with pytest.raises(TemplateError, match="expected a date"):
            say("{{ d | day }}", d=absent)


@given(st.floats(-1e6, 1e6), st.integers(0, 4))
def test_a_number_and_its_mirror_differ_in_the_sign_alone(value, digits):
    """Metamorphic: what is written of x and of -x is the same text but for the sign, and reads back as the number."""
    text = grammar.number(value, digits)
    assert grammar.number(-value, digits).lstrip("−") == text.lstrip("−")
    assert abs(float(text.replace(",", "").replace("−", "-")) - value) <= 0.5000001 * 10**-digits


@given(st.integers(0, 5000), st.integers(1, 5000))
def test_a_share_agrees_with_percent_in_saying_all_only_of_all(part, whole):
    part = min(part, whole)
    for text in (grammar.share(part, whole), grammar.percent(part / whole, 0)):
        assert ("100%" in text) == (part == whole)
    assert (grammar.percent(part / whole, 0) == "0%") == (part == 0)


def test_every_filter_stands_in_the_table_of_the_docstring_and_in_the_guide():
    guide = (ROOT / "docs" / "howto" / "change-the-words.md").read_text(encoding="utf-8")
    for name in grammar.FILTERS:
        assert re.search(rf"\| {name}\b", module.__doc__), name
        assert re.search(rf"\| {name}\b", guide.replace("\\|", "|")), name


# ---------------------------------------------------------------- what is filled in


def test_facts_fill_a_text_and_blank_lines_of_branches_vanish():
    text = """
    {% if apart > 3 %}
    **{{ apart | of(trusts, "trust") }}** stand apart, {{ not_apart }} do not; {{ width }} places.
    {% endif %}
    {% if apart > 50 %}

    Never.

    {% endif %}

    {% for row in rows %}
    - {{ row.name }}: {{ row.rank }}
    {% endfor %}
    """
    assert said("\n".join(line.strip() for line in text.splitlines())) == (
        "**12 of 61 trusts** stand apart, 49 do not; 14 places.\n\n- Elm: 1\n- Fir: 2"
    )


def test_the_first_facts_count_then_the_names():
    assert say("{{ trusts }} {{ other }}", [{"trusts": 3}, SURE], other=5).markdown == "3 5"
    assert say("{{ trusts }}", [SURE, {"trusts": 3}], trusts=7).markdown == "61"
    assert say("{{ name }} {{ rank }}", Row("Elm", 4)).markdown == "Elm 4"
    with pytest.raises(TemplateError, match="expected facts"):
        say("x", [3])


@pytest.mark.parametrize(
    ("template", "error"),
    [
        ("{{ apartt }}", r"line 1: there is no 'apartt'; did you mean apart"),
        ("a\n\n{% if false %}{{ apartt }}{% endif %}", r"line 3: there is no 'apartt'; did you mean apart"),
        ("{{ zzz }}", r"there is no 'zzz'; there are apart, average, first"),
        ("a\n{{ rows[0].nam }}", r"line 2: Row has no 'nam'; did you mean name"),
        ("{{ rows[7] }}", r"line 1: .*has no element 7|line 1: "),
        ("{{ apart | nope }}", r"line 1: No filter named 'nope'"),
        ("a\n{% if apart %}", r"line 2: Unexpected end of template"),
        ("{{ average }}", r"average is 1.6789: say how it is written, as {{ average | number\(2\) }}"),
        ("{{ unknown }}", r"unknown is not known \(nan\)"),
        ("{{ unknown | number(2) }}", r"line 1: expected a number, found nan"),
        ("{{ nothing }}", r"nothing is not known \(None\)"),
        ("{{ first | number }}", r"expected a number, found 'Ash"),
        ("{{ apart > 3 }}", r"apart is True, which a sentence cannot hold"),
        ("{{ names }}", r"names is \('A', 'B', 'C', 'D'\), which a sentence cannot hold"),
        ("{{ 2.5 | count('trust') }}", r"expected a whole number, found 2.5"),
        ("{{ apart / 0 }}", r"line 1: division by zero"),
        ("{{ apart | count(1, 2, 3, 4, 5) }}", r"line 1: count\(\) takes"),
        ("{{ first | linked('javascript:alert(1)') }}", r"expected https://"),
        ("{{ first.__class__ }}", r"'__class__'"),
        ("{{ first.format.__globals__ }}", r"'__globals__'"),
        ("{{ range(10000000) | list }}", r"Range too big"),
        ("{% include 'x' %}", r"line 1: no loader"),
    ],
)
def test_what_cannot_be_said_stops_with_one_line(template, error):
    with pytest.raises(TemplateError, match=error) as caught:
        say(template, SURE, nothing=None)
    assert isinstance(caught.value, NofError) and "\n" not in str(caught.value)
    assert len(caught.value._render_traceback_()) == 1


def test_what_is_known_is_asked_first():
    template = "{% if x is known %}known{% else %}not{% endif %}"
    values = (0, 1.5, "a", False, [1], np.int64(3), None, np.nan, pd.NA, pd.NaT, "", ())
    assert [said(template, x=value) for value in values] == ["known"] * 6 + ["not"] * 6


def test_a_blank_text_is_blank():
    assert say("  {% if false %}x{% endif %}\n\n ", SURE) == Words("")


def test_a_number_at_the_beginning_of_a_line_is_no_item_of_a_list_but_a_loops_count_is():
    """Hand-wrapped lines: that a line begins with "1." is chance, and the sentence must not become a list."""
    for template in ("It stands at place\n{{ n }}. That is good.", "{{ n }}) is first"):
        tokens = parse_markdown(said(template, n=1))
        assert [token["type"] for token in tokens] == ["paragraph"], template
    assert flat(parse_markdown(said("place\n{{ n }}. That", n=1))) == "place 1. That"
    counted = parse_markdown(said("{% for r in rows %}\n{{ loop.index }}. {{ r.name }}\n{% endfor %}"))
    assert counted[0]["type"] == "list" and counted[0]["attrs"]["ordered"]
    assert said("x{{ t }}y", t="a\ue000b") == "xaby"


def test_digits_of_a_definition_hold_for_the_facts_by_their_own_name_too():
    assert said("{{ width }} {{ sure.width }}", sure=SURE) == "14 14"


@pytest.mark.parametrize(
    "expression",
    [
        "unknown | share(3)",
        "3 | share(unknown)",
        "unknown | places(1, 2)",
        "unknown | better",
        "unknown | segment",
        "unknown | trusts",
        "[first, none] | listed",
        "none | article",
        "none | capitalize",
        "none | linked",
        "none | short_name",
        "none | quarter",
        "none | type_name",
        "80 | percent",
        "-0.1 | percent",
        "2 | count('*x*')",
        "2 | of(3, '<b>')",
        "2 | count('a_b')",
        "names | listed(1, '[x](y)')",
    ],
)
def test_what_is_not_known_has_no_words_and_a_noun_no_markup(expression):
    with pytest.raises(TemplateError):
        said(f"{{{{ {expression} }}}}")


NASTY = [
    hostile.FIRST,
    hostile.SECOND,
    hostile.DESCRIPTION,
    hostile.REGION,
    "{{ 7 * 191 }}",
    "1. a",
    "# h",
    "a\n\n---\n",
]


@pytest.mark.parametrize("text", NASTY)
@pytest.mark.parametrize(
    "template",
    ["x {{ t }}", "x {{ t | linked }}", "x {{ [t] | listed }}", "x {{ t | capitalize }}", "x {{ t | article }}",
     "x {{ t | short_name }}", "x {% for s in [t] %}{{ s }}{% endfor %}", "x {{ t ~ '' }}", "x {{ t | upper }}"],
)  # fmt: skip
def test_names_stay_text(template, text):
    tokens = [token for token in parse_markdown(said(template, t=text)) if token["type"] != "blank_line"]
    assert [token["type"] for token in tokens] == ["paragraph"]
    assert {child["type"] for child in tokens[0]["children"]} == {"text"}
    assert "1337" not in flat(tokens[0]["children"])
    page = mistune.html(said(template, t=text))
    assert not re.search(r"<(?!/?p>)", page)


@given(st.text(max_size=60))
def test_any_text_comes_back_as_it_was(text):
    tokens = parse_markdown(said("x {{ t }} y", t=text))
    assert {child["type"] for child in tokens[0]["children"]} <= {"text"}


def test_a_linked_name_keeps_its_brackets_to_itself():
    tokens = parse_markdown(said("{{ t | linked('https://example.org/') }}", t="A](javascript:x) [B"))
    (link,) = tokens[0]["children"]
    assert link["type"] == "link" and link["attrs"]["url"] == "https://example.org/"


# ---------------------------------------------------------------- facts


def test_facts_show_their_units_and_definitions():
    frame = SURE.as_frame().set_index("name")
    assert list(frame.columns) == ["value", "unit", "direction", "definition", "source"]
    assert frame.loc["width"].tolist() == [14.4, "places", "narrower is surer", "Median width of a likely range", ""]
    assert frame.loc["not_apart", ["value", "definition"]].tolist() == [49, "Trusts told apart from no other."]
    assert "<th>apart</th><td>12</td><td>trusts</td>" in SURE._repr_html_()
    assert "&lt;script&gt;" in Places(1, 1, 1, 1, "<script>", ())._repr_html_()
    assert repr(SURE).startswith("Places(trusts=61, apart=12") and "\n" not in repr(SURE) and len(repr(SURE)) <= 120


def test_facts_are_frozen_equal_by_value_and_defined():
    with pytest.raises(FrozenInstanceError):
        SURE.trusts = 3  # type: ignore[misc]

    @dataclass(frozen=True)
    class Bare(Facts):
        number: int

    with pytest.raises(TypeError, match="Bare.number has no definition"):
        Bare(3).as_frame()


def test_a_sentence_keeps_what_was_filled_in_and_whose_it_is():
    words = say("{{ apart | of(trusts) }} {{ rows[0].name }} {{ level | percent }}", SURE, level=0.95)
    data, metadata = words._repr_mimebundle_()
    assert data["text/markdown"] == "12 of 61 Elm 95%"
    assert metadata["nof"]["filled"] == [["apart", "12 of 61"], ["rows.name", "Elm"], ["level", "95%"]]
    assert metadata["nof"]["read"] == {"apart": "Places", "rows": "Places", "trusts": "Places"}
    assert metadata["nof"]["beside"] == ["level"]
    assert say("{{ sure.apart }}", sure=SURE).facts["read"] == {"sure": "Places"}


# ---------------------------------------------------------------- in notebooks

CELLS = (
    "from helpers import say\nsure = {'trusts': 61, 'apart': 12}\nlevel = 0.9",
    "%%say sure\n**{{ apart | of(trusts, 'trust') }}** at {{ level | percent }};",
    "%%say sure, {'apart': 5}\n{{ apart }} {{ sure.trusts }}",
    "%%say\n{% if level > 1 %}\nNever.\n{% endif %}",
    "say('{{ apart }} by say', sure)",
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("NOF_NOTEBOOKS", str(tmp_path))
    return tmp_path


def job(folder, *cells, cold=False):
    nbformat.write(tiny.notebook("Cells", ["given"], *cells), folder / "cells.ipynb")
    return make.Job("cells", "cells", {"given": "here"}, {"title": "Cells"}, cold, timeout=60)


def test_the_magic_says_the_same_in_the_warm_engine_and_in_an_ordinary_kernel(folder):
    warm, cold = (make.executed(job(folder, *CELLS, cold=cold)) for cold in (False, True))
    assert nbformat.writes(warm) == nbformat.writes(cold)
    shown = [[one.data["text/markdown"] for one in cell.outputs] for cell in warm.cells[-4:]]
    assert shown == [["**12 of 61 trusts** at 90%;"], ["12 61"], [], ["12 by say"]]


@pytest.mark.parametrize(
    ("cell", "error", "cold"),
    [
        ("%%say sure\n\n{{ apartt }}", "TemplateError: line 3: there is no 'apartt'; did you mean apart", False),
        ("%%say sure\n\n{{ apartt }}", "TemplateError: line 3: there is no 'apartt'; did you mean apart", True),
        ("%%say nobody\nx", "TemplateError: %%say nobody: name 'nobody' is not defined", False),
        ("%%say sure,, x\nx", "TemplateError: %%say sure,, x: invalid syntax", False),
    ],
)
def test_the_magic_stops_a_notebook_with_one_line(folder, cell, error, cold):
    with pytest.raises(make.BriefingFailed, match=re.escape(error)):
        make.executed(job(folder, *CELLS[:1], cell, cold=cold))


def test_cells_for_the_desk_stay_out_of_both_exports():
    notebook = tiny.notebook("Look", [], "1")
    cell = nbformat.v4.new_code_cell("frame.head()", metadata={"tags": ["look"]})
    cell.outputs = [nbformat.v4.new_output("execute_result", {"text/html": "<table><tr><td>desk</td></tr></table>"})]
    words = nbformat.v4.new_markdown_cell("desk too", metadata={"tags": ["look"]})
    notebook.cells += [cell, words, nbformat.v4.new_markdown_cell("Said.")]
    for code in (False, True):
        read = document.read(notebook, include_code=code)
        assert "desk" not in html.render(read) and "Said." in html.render(read)
        assert "frame.head" not in html.render(read)
    assert "desk" not in str(pdf._body(document.read(notebook), ROOT)[0])


def test_every_class_of_facts_defines_all_its_fields():
    """Each class of the package, by import: a field without a definition is a fault wherever it stands."""
    found = [path for path in ROOT.glob("nof/**/*.py") if re.search(r"\(Facts\):", path.read_text(encoding="utf-8"))]
    for path in found:
        import importlib

        loaded = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if (
                isinstance(node, ast.ClassDef)
                and node.name != "Facts"
                and issubclass(getattr(loaded, node.name), Facts)
            ):
                assert all(one.text for one in getattr(loaded, node.name).definitions().values()), node.name
