"""What a notebook holds that is not ours: HTML of other libraries as plain blocks, and pictures that lie beside it.

Nothing is passed on as it is: of HTML the text, tables, lists and pictures are taken, and no file is opened that does not
lie in the notebook's own folder. What cannot be shown is said in the log, with the cell.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from bs4 import BeautifulSoup, Comment, NavigableString, Tag

from nof.show.style import clean

log = logging.getLogger(__name__)

Token = dict[str, Any]
MOST_BYTES = 20_000_000  # of a picture's file
_INLINE = {
    "b": "strong",
    "strong": "strong",
    "i": "emphasis",
    "em": "emphasis",
    "s": "strikethrough",
    "del": "strikethrough",
}
_UNSEEN = ("script", "style", "head", "title", "template", "noscript", "iframe", "object", "embed", "svg", "form")
_BEGINNINGS = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}
_INSIDE = re.compile(r"data:(image/(?:png|jpeg));base64,(.*)", re.DOTALL)


# ---- pictures ----


def picture(url: str, folder: Path | None, place: str) -> dict[str, Any]:
    """A picture as an output would hold it: from within its address, or from a file beside the notebook.

    Parameters
    ----------
    url : str
        What the cell names.
    folder : Path or None
        Where the notebook lies, if that is known.
    place : str
        The cell, for the log.

    Returns
    -------
    dict
        The kind (image/png or image/jpeg) and its bytes; empty where there is none that may be shown.
    """
    if inside := _INSIDE.fullmatch(url):
        return {inside[1]: inside[2]}
    name = unquote(url)
    if re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*:|//", name):
        return _none(place, url, "is not beside the notebook, and nothing is fetched")
    if folder is None:
        return _none(place, url, "cannot be looked for: it is not known where the notebook lies")
    try:
        file = (folder / name).resolve()
        if not file.is_relative_to(folder.resolve()):
            return _none(place, url, "lies outside the notebook's folder")
        if not file.is_file():
            return _none(place, url, "is not there")
        if file.stat().st_size > MOST_BYTES:
            return _none(place, url, f"is larger than {MOST_BYTES // 1_000_000} MB")
        content = file.read_bytes()
    except (OSError, ValueError) as error:
        return _none(place, url, f"cannot be read ({error})")
    kind = next((kind for begins, kind in _BEGINNINGS.items() if content.startswith(begins)), None)
    return {kind: content} if kind else _none(place, url, "is no PNG and no JPEG")


def _none(place: str, url: str, why: str) -> dict[str, Any]:
    log.warning("%s: the picture %s %s; its description stands in its place", place, clean(url)[:100], why)
    return {}


def named_by_tag(raw: str) -> Token | None:
    """A line of raw HTML that is one picture, as Markdown would have it; None for anything else."""
    if not re.fullmatch(r"\s*<img\b[^>]*>\s*", raw, re.IGNORECASE):
        return None
    tag = BeautifulSoup(raw, "html.parser").img
    return None if tag is None else _image(tag)


def _image(tag: Tag) -> Token:
    words = [{"type": "text", "raw": clean(str(tag.get("alt") or ""))}]
    return {"type": "image", "children": words, "attrs": {"url": str(tag.get("src") or "")}}


# ---- HTML of an output ----


def blocks(html: str) -> Iterator[Token]:
    """HTML as Markdown's own tokens, and {"type": "html_table", "table": ...} for a table as plain data."""
    soup = BeautifulSoup(html, "html.parser")
    for one in soup(_UNSEEN):
        one.decompose()
    yield from _blocks(soup)


def _blocks(parent: Tag) -> Iterator[Token]:
    """Blocks in order; what stands between them in a line becomes a paragraph."""
    line: list[Token] = []
    for node in parent.children:
        if _in_a_line(node):
            line += _line(node)
            continue
        yield from _paragraph(line)
        line = []
        assert isinstance(node, Tag)
        yield from _block(node)
    yield from _paragraph(line)


def _in_a_line(node: Any) -> bool:
    if isinstance(node, NavigableString):
        return True
    inline = {
        *_INLINE,
        "a",
        "span",
        "code",
        "br",
        "sub",
        "sup",
        "small",
        "u",
        "q",
        "abbr",
        "label",
        "kbd",
        "samp",
        "var",
    }
    return node.name in inline and all(_in_a_line(one) for one in node.children)


def _paragraph(line: list[Token]) -> Iterator[Token]:
    if any(one["type"] != "text" or one["raw"].strip() for one in line):
        yield {"type": "paragraph", "children": line}


def _block(node: Tag) -> Iterator[Token]:
    name = node.name
    if name == "table":
        yield {"type": "html_table", "table": _table(node)}
    elif name == "img":
        yield {"type": "paragraph", "children": [_image(node)]}
    elif re.fullmatch("h[1-6]", name):
        yield {"type": "heading", "attrs": {"level": int(name[1])}, "children": _inside(node)}
    elif name == "p":
        yield from _blocks(node)
    elif name in ("ul", "ol"):
        items = [{"type": "list_item", "children": _item(one)} for one in node.find_all("li", recursive=False)]
        if items:
            yield {"type": "list", "children": items, "attrs": {"ordered": name == "ol", "depth": 0}, "tight": True}
    elif name == "pre":
        yield {"type": "block_code", "raw": clean(node.get_text())}
    elif name == "hr":
        yield {"type": "thematic_break"}
    else:
        yield from _blocks(node)


def _item(node: Tag) -> list[Token]:
    found = [one for one in _blocks(node) if one["type"] != "html_table"]
    return [one | {"type": "block_text"} if one["type"] == "paragraph" else one for one in found]


def _inside(node: Tag) -> list[Token]:
    return [token for one in node.children for token in _line(one)]


def _line(node: Any) -> list[Token]:
    """What stands in a line."""
    if isinstance(node, Comment):
        return []
    if isinstance(node, NavigableString):
        return [{"type": "text", "raw": clean(re.sub(r"\s+", " ", str(node)))}]
    if node.name == "br":
        return [{"type": "linebreak"}]
    if node.name == "code":
        return [{"type": "codespan", "raw": clean(node.get_text())}]
    inside = _inside(node)
    if node.name in _INLINE:
        return [{"type": _INLINE[node.name], "children": inside}]
    if node.name == "a" and node.get("href"):
        return [{"type": "link", "children": inside, "attrs": {"url": str(node["href"])}}]
    return inside


# ---- tables ----


def _table(table: Tag) -> dict[str, Any]:
    grid = [[cell for cell in row.find_all(["th", "td"]) for _ in range(_span(cell))] for row in table.find_all("tr")]
    grid = [row for row in grid if row]
    width = max(map(len, grid), default=0)
    headed = bool(grid) and all(cell.name == "th" for cell in grid[0])
    text = [[clean(cell.get_text(" ", strip=True)) for cell in row] + [""] * (width - len(row)) for row in grid]
    body = text[headed:]
    columns = [
        {
            "label": text[0][j] if headed else "",
            "unit": "",
            "align": "right" if _numeric([row[j] for row in body]) else "left",
            "row_header": any(row[j].name == "th" for row in grid[headed:] if j < len(row)),
        }
        for j in range(width)
    ]
    caption = clean(table.caption.get_text(" ", strip=True)) if table.caption else ""
    return {"caption": caption, "columns": columns, "rows": body, "tones": {}, "note": "", "key": "", "emphasis": []}


def _span(cell: Any) -> int:
    text = cell.get("colspan", "1")
    return min(int(text), 100) if text.isdigit() and int(text) else 1


def _numeric(texts: list[str]) -> bool:
    return any(texts) and all(re.fullmatch(r"[-−+]?[\d,]*\.?\d+(e[-+]?\d+)?%?|NaN|<NA>|–|", t) for t in texts)
