"""The words of the briefings in every situation, beside texts that somebody has read and approved.

Each notebook is run in this process, without its charts and tables, which have tests of their own; what its words come
to is compared with tests/__snapshots__/test_approved/. After a change of words read what is different, and approve it:
`pytest tests/test_approved.py --snapshot-update`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import nbformat
import pytest
import situations
from conftest import ROOT
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from nof.show.display import Words
from nof.show.say import Names, environment, fill

NOTEBOOKS = ("league_table", "trust_briefing", "limitations", "metric_rankings", "reconciliation")
# What a cell only shows: a figure or a table. The cell that holds the board's questions is words, and is run.
_DRAWN = re.compile(r"\b(charts|tables)\.|transition_table")
_MARK = "branch_is_rendered"  # the name that a template asks as it enters a branch


class Approved(SingleFileSnapshotExtension):
    """One Markdown file for each situation and notebook."""

    _write_mode = WriteMode.TEXT
    file_extension = "md"


# ---- templates, with a mark in each branch ----


@dataclass(frozen=True)
class Branch:
    """A branch of a template: where it stands, and its words from the tag on."""

    notebook: str
    cell: str
    number: int
    words: str


@lru_cache
def marked(template: str) -> tuple[str, tuple[str, ...]]:
    """A template that tells which of its branches it enters, and how each branch begins."""
    parts, begins, tag = [], [], ""
    tokens = list(environment().lex(template))
    for place, (_, kind, value) in enumerate(tokens):
        parts.append(value)
        tag = value if kind == "block_begin" else tag + value
        if kind == "block_end" and re.match(r"\{%[-+]?\s*(if|elif|else)\b", tag):
            parts.append(f"{{% if {_MARK}({len(begins)}) +%}}{{% endif +%}}")
            rest = "".join(text for *_, text in tokens[place + 1 : place + 60])
            begins.append(" ".join(f"{tag}{rest}".split())[:150])
    return "".join(parts), tuple(begins)


@lru_cache
def cells(notebook: str) -> tuple[tuple[str, str], ...]:
    """Id and source of each cell of code that a briefing shows, the parameters first."""
    read = nbformat.read(ROOT / "notebooks" / f"{notebook}.ipynb", as_version=4)
    return tuple(
        (cell["id"], cell.source)
        for cell in read.cells
        if cell.cell_type == "code" and "look" not in cell.metadata.get("tags", [])
    )


def templates() -> Iterator[tuple[str, str, str]]:
    """Notebook, cell and template of every `%%say`."""
    for notebook in NOTEBOOKS:
        for cell, source in cells(notebook):
            if source.startswith("%%say"):
                yield notebook, cell, source.partition("\n")[2]


# ---- running a notebook for its words ----


class Reading:
    """What a notebook says, and which cells and branches came to words.

    Parameters
    ----------
    notebook : str
    given : dict
        Its parameters.
    """

    def __init__(self, notebook: str, given: dict[str, Any]):
        self.said: list[str] = []
        self.rendered: set[tuple[str, str]] = set()
        self.branches: set[tuple[str, str, int]] = set()
        self._notebook, self._names = notebook, {}
        for number, (cell, source) in enumerate(cells(notebook)):
            if source.startswith("%%say"):
                self._say(cell, *source.partition("\n")[::2])
            else:
                self._run(cell, ast.parse(source))
            if number == 0:
                self._names |= {name: value for name, value in given.items() if name in self._names}
            self._names["show"] = lambda *parts: list(parts)

    def _say(self, cell: str, head: str, template: str) -> None:
        facts = eval(f"[{head.removeprefix('%%say')}]", self._names)  # noqa: S307 - our own notebook
        text, _ = marked(template)
        entered: set[int] = set()
        there = self._names | {_MARK: lambda number: entered.add(number) or False}
        words = fill(text, Names.of(facts, there))
        if words.markdown:
            self.rendered.add((self._notebook, cell))
            self.said.append(f"[{cell}] {head}\n\n{words.markdown}")
        self.branches |= {(self._notebook, cell, number) for number in entered}

    def _run(self, cell: str, tree: ast.Module) -> None:
        last = tree.body[-1] if isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(ast.Module(tree.body[:-1] if last else tree.body, []), cell, "exec"), self._names)  # noqa: S102
        if last is None or _DRAWN.search(ast.unparse(last)):
            return
        shown = eval(compile(ast.Expression(last.value), cell, "eval"), self._names)  # noqa: S307
        for part in shown if isinstance(shown, list) else [shown]:
            if isinstance(part, Words) and part.markdown:
                self.said.append(f"[{cell}] {ast.unparse(last)}\n\n{part.markdown}")

    @property
    def text(self) -> str:
        """Everything said, with a header for each cell."""
        return "\n\n".join(self.said)


@pytest.fixture(scope="session")
def readings(tmp_path_factory):
    """What the notebooks say in a situation, by notebook and trust; each situation is made when first asked for."""
    kept: dict[str, dict[tuple[str, str], Reading]] = {}
    home = tmp_path_factory.mktemp("situations")

    def read(make) -> dict[tuple[str, str], Reading]:
        name = make.__name__
        if name not in kept:
            one = make(home / name)
            given = {"quarter": one.quarter, "data": str(one.data), "trust_type": one.trust_type}
            kept[name] = {
                (notebook, trust): Reading(notebook, given | {"trust": trust} | one.more.get(notebook, {}))
                for notebook in one.notebooks
                for trust in (one.trusts if notebook == "trust_briefing" else [""])
            }
        return kept[name]

    return read


@pytest.mark.parametrize("make", situations.SITUATIONS, ids=lambda make: make.__name__)
def test_the_words_in_a_situation_are_the_approved_ones(make, readings, snapshot):
    approved = snapshot.use_extension(Approved)
    for (notebook, trust), reading in readings(make).items():
        assert reading.text + "\n" == approved(name="-".join(filter(None, (make.__name__, notebook, trust))))


@pytest.mark.parametrize("make", situations.SITUATIONS, ids=lambda make: make.__name__)
def test_no_sentence_is_broken(make, readings):
    for reading in readings(make).values():
        assert faults(reading.text) == []


def test_every_template_comes_to_words_in_some_situation(readings):
    rendered = set().union(*(one.rendered for make in situations.SITUATIONS for one in readings(make).values()))
    assert {(notebook, cell) for notebook, cell, _ in templates()} - rendered == NOT_RENDERED


def test_every_branch_is_entered_in_some_situation_or_is_on_the_list(readings):
    entered = set().union(*(one.branches for make in situations.SITUATIONS for one in readings(make).values()))
    left = [
        f"{notebook}: {words}"
        for notebook, cell, template in templates()
        for number, words in enumerate(marked(template)[1])
        if (notebook, cell, number) not in entered
    ]
    unknown = [one for one in left if not any(one.startswith(known) for known in NOT_ENTERED)]
    idle = [known for known in NOT_ENTERED if not any(one.startswith(known) for one in left)]
    assert (unknown, idle) == ([], [])


def test_marks_in_the_branches_change_no_word():
    for _, _, template in templates():
        text, begins = marked(template)
        assert text.count(_MARK) == len(begins) == len(re.findall(r"\{%[-+]?\s*(?:if|elif|else)\b", template))
    template = "{% if a %}\n1. {{ b }}\n{% else %}\n- no\n{% endif %}\n{% if b > 1 %}, {{ b }}{% endif +%}\nend"
    for a in (True, False):
        plain = fill(template, Names.of({"a": a, "b": 2}, {})).markdown
        assert fill(marked(template)[0], Names.of({"a": a, "b": 2}, {_MARK: lambda number: False})).markdown == plain


@pytest.mark.parametrize(
    "text", ["1 trusts stand", "of nan places", "None of", "two  blanks", "no of the 10", "a , b", "ends..", "in ()"]
)
def test_a_broken_sentence_is_found(text):
    assert faults("It is None." if text == "None of" else f"Fine words. {text}")


_BROKEN = re.compile(
    r"(?<![\d.,])1 (?:trusts|metrics|scores|figures|places|points|quarters|boards|others)\b"
    r"|\bnan\b|\bNaN\b|\bNone\b(?! (?:of|is)\b)|\bno of\b|\binf\b|[^\s|]  +\S|\s[,.;](?:\s|$)|\.\.(?!\.)|\(\s*\)|\{\{|%\}"
)


def faults(text: str) -> list[str]:
    """What is wrong with a text for all to see: a count and its noun, a number that is none, stray blanks and stops."""
    text = re.sub(r"^\[[\w-]+\] .*$", "", text, flags=re.MULTILINE)  # what heads a cell
    return [text[max(one.start() - 40, 0) : one.end() + 20] for one in _BROKEN.finditer(text)]


LATER = "needs a larger table, or another fault of the files; a situation for it is still to be made"
FEW = "in so few trusts no change can be told from noise"
# Branches that no situation here enters: how each begins, and why.
NOT_ENTERED: dict[str, str] = {
    "league_table: {% else %}, **{{ last.name }}** last with {{ last.average | number(2) }}. Li": LATER,
    "league_table: {% else %}a trust{% endif %} scored on few metrics has a wider range, and tr": LATER,
    "league_table: {% if new %} Not in the table before: {{ new | listed }}.{% endif %}{% if br": LATER,
    "league_table: {% else %}could not be worked out from the published averages in full{% endi": LATER,
    "league_table: {% elif from_values == 0 %} All {{ scores }} metric scores behind the averag": LATER,
    "trust_briefing: {% elif who.is_listed %} **{{ who.name }} ({{ who.code }}) is listed in {{": "the reader refuses a trust that is listed without average and segment",
    "trust_briefing: {% else %}, {% endif %}{% endif %}{{ one.name }} ({{ one.code }}{% if one.": LATER,
    "trust_briefing: {% else %}in the table{% endif %} with an average score of {{ who.last_ave": LATER,
    "trust_briefing: {% elif since.told %} with an average {{ since.change | better }} by more ": FEW,
    "trust_briefing: {% else %}Its place cannot be told.{% endif %}** {% endif %}": FEW,
    'trust_briefing: {% if one.kind == "split" %}was split between{% else %}became part of{% en': LATER,
    "trust_briefing: {% if stands.final_segment is known %} > **Segment {{ stands.final_segment": "set in the first two quarters of the demo, which the small publications leave out",
    "trust_briefing: {% elif since.told %}The change can be told from noise.{% else %}The chang": FEW,
    "trust_briefing: {% elif since.before is known %} - **Change.** It had no place in the tabl": "rare: needs files of a kind that no small publication here has; tests of its facts cover it",
    "trust_briefing: {% else %}, {% endif %}{% endif %}{{ one }}{% endfor %}.{% elif stands.hel": LATER,
    "trust_briefing: {% elif stands.own_share < 0.5 %}The odds are against the segment it was g": LATER,
    "trust_briefing: {% if bearing.missing | length > 3 %} and {{ (bearing.missing | length - 3": LATER,
    "trust_briefing: {% else %}they describe{% endif %} time before the merger, or a year that ": LATER,
    "trust_briefing: {% if who.unequal %} - **Recomputed.** {{ who.unequal | listed | capitaliz": LATER,
    "trust_briefing: {% if not doing.can_be_split %} Its move from place {{ doing.before | numb": LATER,
    "trust_briefing: {% else %}all metrics{% endif %} a score is a place among others and count": LATER,
    "trust_briefing: {% if stands.held %}it{% else %}It{% endif %} is a close call between segments": LATER,
    "trust_briefing: {% if not loop.last %}, {% endif %}{% endfor %}{% if bearing.missing | length > 3": LATER,
    'limitations: {% else %}{{ in_quarter | of(metrics, "metric") }} {{ in_quarter | plural(': LATER,
    "limitations: {% if told %}The change of the average can be told from noise for {{ beyond_n": FEW,
    "limitations: {% else %}no trust can be compared{% endif %}.{% endif +%} 4. **“This is how ": LATER,
    "limitations: {% else %}Too few metrics are at hand to try other choices.{% endif +%}": LATER,
    "limitations: {% elif before is known %} **Nothing can be said of movement:** no trust can ": "rare: needs files of a kind that no small publication here has; tests of its facts cover it",
    "limitations: {% if excluded %} Left out: {{ excluded | listed }}.{% endif +%} {% else %} *": LATER,
    "limitations: {% if unread %} The period of {{ unread }} could not be read.{% endif %} {% i": LATER,
    "limitations: {% elif in_quarter == metrics %}every metric ends in the quarter{% else %}{{ ": LATER,
    "limitations: {% if blank.others %}: {{ blank.others | listed }} merged inside the same win": LATER,
    "limitations: {% if unexplained %} **Not explained by a known merger:** {{ unexplained | li": LATER,
    "limitations: {% if not_placed %} Cannot be placed, as not all of them stand in this table:": LATER,
    "limitations: {% else %} Too few metrics are at hand to try other choices. {% endif %}": LATER,
    'limitations: {% elif rule == "thresholds" %}the thresholds of the rules stay{% elif rule =': LATER,
    "limitations: {% elif beside.correlation < 0 %}A higher number goes with a better (lower) a": LATER,
    "limitations: {% else %}A higher number goes with a worse (higher) average.{% endif %} {{ b": LATER,
    'limitations: {% else %} **{{ beside.name }}:** {{ beside.trusts | count("trust") }} of thi': LATER,
    "limitations: {% elif from_values == 0 %}All {{ scores }} metric scores behind the averages": LATER,
    "metric_rankings: {% else %}could not be worked out from the published averages in full{% e": LATER,
    "metric_rankings: {% elif from_values == 0 %} All {{ scores }} metric scores behind the ave": LATER,
    "reconciliation: {% if average_ranges_differ %} - Likely ranges of the average: NHS England": LATER,
    "reconciliation: {% if not framework.metrics %} No rule of {{ framework_year }} is known. {": "a draft names the metrics that it finds",
}
NOT_RENDERED = {("reconciliation", "c17")}  # a draft names the metrics that it finds, so some rule is always known
