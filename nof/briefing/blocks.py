"""A briefing as a plain list of blocks: what an executed notebook becomes, and what each exporter sets in its own way."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Meta:
    """What a briefing says about itself; from ``nb.metadata["briefing"]``."""

    title: str
    subtitle: str = ""
    illustrative: bool = False
    source_line: str = ""
    licence_line: str = ""
    independent_line: str = ""
    run_id: str = ""
    date: dt.date | None = None
    lang: str = "en-GB"
    contents: bool = False
    landscape: bool = False
    kinds: tuple[str, ...] = ()  # slugs, where a briefing is not about trusts


@dataclass(frozen=True)
class Prose:
    """Markdown, parsed: a list of mistune's tokens."""

    tokens: list[dict[str, Any]]


@dataclass(frozen=True)
class Boxed:
    """Markdown of somebody else's, set in a marked box below a remark that says so."""

    remark: str
    tokens: list[dict[str, Any]]


@dataclass(frozen=True)
class Figure:
    """A picture; ``alt`` is empty where its author gave none."""

    kind: str
    data: bytes
    alt: str
    caption: str
    cell: str
    width_mm: float | None = None
    height_mm: float | None = None
    csv: str = ""  # name of the file in tables/ that holds its figures, without trust type and ending
    narrow: bytes = b""


@dataclass(frozen=True)
class Tabular:
    """A table as ``nof.show.display.Table.data()`` gives it, and the name of the file in tables/ with its figures."""

    data: Mapping[str, Any]
    csv: str = ""


@dataclass(frozen=True)
class Cards:
    """A strip of key figures as ``nof.show.display.Card.data()`` gives it."""

    data: Mapping[str, Any]


@dataclass(frozen=True)
class Verbatim:
    """Text as it stands: code, printed output or an error."""

    text: str
    kind: str  # "code", "output" or "error"


@dataclass(frozen=True)
class NewPage:
    """Where a cell tagged `new-page` asks for one; paper alone has pages."""


Block = Prose | Boxed | Figure | Tabular | Cards | Verbatim | NewPage


@dataclass(frozen=True)
class Document:
    """A briefing: what it says about itself, and its blocks in order."""

    meta: Meta
    blocks: list[Block] = field(default_factory=list)

    def headings(self) -> Iterator[dict[str, Any]]:
        """The heading tokens in order; each has attrs level (2 or more) and id."""
        yield from headings(self.blocks)


def headings(blocks: list[Block]) -> Iterator[dict[str, Any]]:
    """The heading tokens of some blocks in order."""
    for block in blocks:
        if isinstance(block, Prose):
            yield from (token for token in block.tokens if token["type"] == "heading")
