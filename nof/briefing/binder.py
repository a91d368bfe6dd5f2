"""All pages of one trust in one tagged PDF with bookmarks: its briefing and what else is made of it, then the glossary.

The pages are set again as one document, not joined: joining PDFs loses the tags that a screen reader needs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import nbformat

from nof.briefing import document, pdf
from nof.briefing.blocks import Block, Document, Prose

ENDING = "-binder.pdf"


def bound(parts: Sequence[tuple[str, bytes]], subtitle: str) -> bytes:
    """One PDF of several executed notebooks.

    Parameters
    ----------
    parts : sequence of pairs
        The bookmark of each part and its executed notebook; the first says what the binder is about.
    subtitle : str
        Of the binder.
    """
    read = [(title, document.read(nbformat.reads(content.decode(), as_version=4))) for title, content in parts]
    meta = replace(read[0][1].meta, subtitle=subtitle, contents=True, landscape=False)
    blocks: list[Block] = []
    for title, doc in read:
        blocks.append(Prose([{"type": "page_break"}, _heading(title)]))
        blocks += _below(doc)
    return pdf.render(Document(meta, blocks))


def _heading(title: str) -> dict[str, Any]:
    return {"type": "heading", "attrs": {"level": 2}, "children": [{"type": "text", "raw": title}]}


def _below(doc: Document) -> list[Block]:
    """A part's blocks with its headings one level further down, below the part's own."""
    for heading in doc.headings():
        heading["attrs"] = heading["attrs"] | {"level": min(heading["attrs"]["level"] + 1, 6)}
    return doc.blocks
