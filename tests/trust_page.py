"""One trust's notebook run cell by cell in this process, without a kernel: what each cell shows, and its variables."""

from __future__ import annotations

import ast
import re
from functools import lru_cache
from html import unescape
from itertools import takewhile
from types import CodeType
from typing import Any
from unittest.mock import patch

import nbformat
import textstat
from conftest import ROOT

import helpers
from nof.method import board
from nof.show.display import Card, Chart, Table, Words
from nof.show.say import Names, fill

_TAG = re.compile(r"<[^>]*>")
DRAWN = re.compile(r"(show\(\*?)?(charts|tables)\.")  # an expression that makes figures or tables


class Page:
    """What a trust's notebook shows, in order, and the names that it leaves; figures and tables are made when first asked for."""

    def __init__(self, trust: board.Trust):
        self.parts: list[Any] = []
        self.names: dict[str, Any] = {"helpers": helpers, "own": trust, "show": self._show}
        for source in _cells():
            if source.startswith("%%say"):
                self._show(fill(source.partition("\n")[2], Names.of([], self.names)))
            else:
                self._run(*_compiled(source))

    def _show(self, *parts: Any) -> None:
        self.parts += [part for part in parts if part is not None]

    def _run(self, body: CodeType, last: CodeType | None, drawn: bool) -> None:
        exec(body, self.names)  # noqa: S102 - our own notebook
        if drawn:
            self.parts.append(last)
        elif last:
            self._show(eval(last, self.names))  # noqa: S307

    @property
    def shown(self) -> list[Any]:
        """All of it, with figures and tables."""
        if any(isinstance(part, CodeType) for part in self.parts):
            parts, self.parts = self.parts, []
            for part in parts:
                self._show(eval(part, self.names) if isinstance(part, CodeType) else part)  # noqa: S307
        return self.parts

    def __getitem__(self, name: str) -> Any:
        return self.names[name]

    @property
    def words(self) -> str:
        """The prose, without the escapes of Markdown and HTML."""
        return unescape("\n".join(one.markdown for one in self.parts if isinstance(one, Words)).replace("\\", ""))

    @property
    def verdict(self) -> str:
        """The first sentences."""
        return self.words.lstrip().partition("\n")[0]

    @property
    def text(self) -> str:
        """Everything that a reader would read."""
        return "\n".join(map(read, self.shown)).replace("\\", "")

    @property
    def first_page(self) -> str:
        """What stands on page 1, before every metric is listed; of a drawing the text in it."""
        kept = list(takewhile(lambda one: not isinstance(one, Table), self.shown))
        texts = [f"{one.caption} {_TAG.sub(' ', one.svg)}" if isinstance(one, Chart) else read(one) for one in kept]
        return "\n".join(texts).replace("\\", "").partition("## Every metric")[0]

    def of(self, kind: type) -> list[Any]:
        """What is shown of one kind."""
        return [one for one in self.shown if isinstance(one, kind)]

    def section(self, heading: str) -> str:
        """The words below a heading; "" where the page has no such section."""
        parts = self.words.split("\n## ")
        return next((part for part in parts if part.startswith(heading)), "")


def read(shown: Any) -> str:
    """Everything that a reader would read of one part."""
    if isinstance(shown, Words):
        return shown.markdown
    if isinstance(shown, Card):
        return " ".join(" ".join(item) for item in shown.items)
    if isinstance(shown, Chart):
        return f"{shown.alt} {shown.caption}"
    data = shown.data()
    return " ".join([data["caption"], data["note"], *(cell for row in data["rows"] for cell in row)])


def grade(page: Page) -> float:
    """Flesch-Kincaid grade of the prose of page 1, names of metrics and trusts left out; a number is one short word.

    Syllables by hyphenation alone: the dictionary that textstat would rather use has to be fetched.
    """
    from textstat.backend.counts import _count_syllables

    words = re.sub(r"(?m)^(#+ .*|\d\. |> )", "", page.words.partition("## Every metric")[0]).replace("**", "")
    trusts = page["own"].national.publication.trusts["trust_name"].unique()
    for name in sorted([*page["metrics"]["name"], *trusts], key=len, reverse=True):
        words = re.sub(re.escape(name), "this", words, flags=re.IGNORECASE)
    words = re.sub(r"\S*\d\S*?(?=[.,;:?]?(\s|$))", "ten", words)
    with patch.object(_count_syllables, "get_cmudict", lambda lang: None):
        return textstat.flesch_kincaid_grade(words)


@lru_cache
def _compiled(source: str) -> tuple[CodeType, CodeType | None, bool]:
    """A cell without its last expression, that expression, and whether it makes a figure or a table."""
    body = ast.parse(source).body
    last = body.pop() if isinstance(body[-1], ast.Expr) else None
    shown = compile(ast.Expression(last.value), "cell", "eval") if last else None
    return compile(ast.Module(body, []), "cell", "exec"), shown, bool(last and DRAWN.match(ast.unparse(last)))


@lru_cache(maxsize=1)
def _cells() -> tuple[str, ...]:
    notebook = nbformat.read(ROOT / "notebooks" / "trust_briefing.ipynb", as_version=4)
    cells = [
        cell.source
        for cell in notebook.cells
        if cell.cell_type == "code" and not {"look", "parameters"} & set(cell.metadata.get("tags", []))
    ]
    # The trust is given, so that one publication serves every test.
    return tuple(
        source.replace("own = helpers.open_trust(data, quarter, trust)", "").replace("from helpers import board, show", "from helpers import board")
        for source in cells
    )  # fmt: skip
