"""An executed notebook as a plain list of blocks, which both exporters set in their own way.

Everything that is particular to notebooks ends here: which of an output's forms counts, where alt
text is kept, what a stock pandas table holds. Raw HTML is never passed on; it becomes text.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import mistune

from nof.briefing import foreign, formula
from nof.briefing.blocks import Block, Boxed, Cards, Document, Figure, Meta, NewPage, Prose, Tabular, Verbatim, headings
from nof.briefing.vocabulary import in_its_words
from nof.common import NofError
from nof.show import words
from nof.show.display import CARD_MIME, SVG_MIME, TABLE_MIME
from nof.show.style import clean

log = logging.getLogger(__name__)
_RASTER = {"image/png": "png", "image/jpeg": "jpg"}
_ENTITY = re.compile(r"&(?:#\d+|#[xX][0-9a-fA-F]+|[A-Za-z][A-Za-z0-9]*);")
DATA_TAG = "data:"  # a cell tagged "data:league_table" shows what is in tables/league_table-TYPE.csv
_PAPERMILL = "papermill-error-cell-tag"  # where papermill says in raw HTML that a cell failed; the cell says so itself
_NEW_PAGE = "new-page"  # the tag of a cell that should begin a page of a PDF
DESK = "look"  # the tag of a cell that shows a frame to whoever works in the notebook; no export holds it
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def read(
    notebook: Mapping[str, Any], name: str = "", include_code: bool = False, folder: Path | None = None
) -> Document:
    """Turn an executed notebook (version 4) into a document.

    Headings are brought into order: the title is the only one of level 1, and no level is skipped. Pictures that a cell
    names by their file are taken from the notebook's folder, where it is given.
    """
    notebook = in_its_words(notebook, (notebook.get("metadata", {}).get("briefing") or {}).get("kinds") or ())
    blocks = [
        block
        for number, cell in enumerate(notebook.get("cells", ()), start=1)
        for block in _cell(cell, number, include_code, folder)
    ]
    about = notebook.get("metadata", {}).get("briefing") or {}
    meta = _meta(about, _first_title(blocks), name)
    blocks += _commentary(about.get("commentary"), blocks)
    blocks = _order_headings(blocks, meta.title)
    _mark_verdict(blocks)
    return Document(meta, blocks)


def _mark_verdict(blocks: list[Block]) -> None:
    """A briefing that opens with one bold sentence or two has its message there: both exporters set it larger."""
    opening = [one for one in blocks[:1] if isinstance(one, Prose)]
    tokens = [token for one in opening for token in one.tokens if token["type"] != "blank_line"]
    if tokens and tokens[0]["type"] == "paragraph" and [one["type"] for one in tokens[0]["children"]] == ["strong"]:
        tokens[0]["attrs"] = {"verdict": True}


def _commentary(given: Any, blocks: list[Block]) -> list[Block]:
    """The trust's own words below a heading of the highest level that the document has."""
    text = given.get("text") if isinstance(given, Mapping) else None
    if not isinstance(text, str) or not text.strip():
        return []
    tokens = parse_markdown(text)
    _sink_headings(tokens)
    level = min((heading["attrs"]["level"] for heading in list(headings(blocks))[1:]), default=2)
    title = {"type": "heading", "attrs": {"level": level}, "children": [{"type": "text", "raw": words.COMMENTARY}]}
    return [Prose([title]), Boxed(words.COMMENTARY_WORDS, tokens)]


def flat(tokens: list[dict[str, Any]]) -> str:
    """The plain text of inline tokens."""
    parts = []
    for token in tokens:
        if token["type"] in ("softbreak", "linebreak"):
            parts.append(" ")
        elif not (token["type"] == "inline_html" and token["raw"].startswith("<!--")):
            parts.append(token.get("raw") or flat(token.get("children") or []))
    return "".join(parts)


def parse_markdown(text: str) -> list[dict[str, Any]]:
    """Markdown (with tables, strikethrough and formulas) as tokens; entities decoded, text cleaned."""
    parsed: Any = _PARSER.parse(clean(text))[0]
    tokens: list[dict[str, Any]] = parsed
    _decode(tokens)
    for token in tokens:
        _sink_headings(token.get("children") or [])
    return [token for token in tokens if token["type"] != "heading" or flat(token["children"]).strip()]


_PLUGINS: list[Any] = ["table", "strikethrough", formula.plugin]
_PARSER = mistune.create_markdown(renderer=None, plugins=_PLUGINS)


def _decode(tokens: list[dict[str, Any]]) -> None:
    from html import unescape

    for token in tokens:
        if token["type"] in ("inline_math", "block_math") and formula.drawn(token["raw"]) is None:
            token |= {"type": "codespan" if token["type"] == "inline_math" else "block_code", "formula": True}
        if token["type"] == "text" and "&" in token["raw"]:
            token["raw"] = clean(_ENTITY.sub(lambda match: unescape(match[0]), token["raw"]))
        _decode(token.get("children") or [])


def _sink_headings(tokens: list[dict[str, Any]]) -> None:
    """A heading inside a list or a quotation is no part of the outline: it becomes bold text."""
    for token in tokens:
        if token["type"] == "heading":
            strong = {"type": "strong", "children": token["children"]}
            token.update(type="paragraph", children=[strong])
            del token["attrs"]
        _sink_headings(token.get("children") or [])


def _meta(given: Mapping[str, Any], heading: str, name: str) -> Meta:
    def line(key: str, default: str = "") -> str:
        """One value as a single line of clean text."""
        return " ".join(clean(given.get(key) or default).split())

    lang = line("lang", "en-GB")
    return Meta(
        title=line("title", heading or name or "Untitled briefing"),
        subtitle=line("subtitle"),
        illustrative=bool(given.get("illustrative", False)),
        source_line=line("source_line"),
        licence_line=line("licence_line"),
        # A notebook that is no briefing of ours says nothing about NHS England.
        independent_line=line("independent_line", words.INDEPENDENT if given else ""),
        run_id=line("run_id"),
        date=_date(given.get("date")),
        lang=lang if re.fullmatch(r"[a-z]{2,3}(-[A-Z]{2})?", lang) else "en-GB",
        contents=bool(given.get("contents", False)),
        landscape=bool(given.get("landscape", False)),
        kinds=tuple(map(str, given.get("kinds") or ())),
    )


def _date(value: Any) -> dt.date | None:
    if not value:
        return None
    try:
        return dt.date.fromisoformat(str(value)[:10])
    except ValueError:
        raise NofError(f"briefing metadata: date {value!r} is not an ISO date such as 2026-03-31") from None


# ---- cells and outputs ----


def _cell(cell: Mapping[str, Any], number: int, include_code: bool, folder: Path | None) -> Iterator[Block]:
    tags = cell.get("metadata", {}).get("tags") or ()
    if DESK in tags or _PAPERMILL in tags:
        return
    shown = list(_shown(cell, number, include_code, folder))
    yield from [NewPage(), *shown] if shown and _NEW_PAGE in tags else shown


def place_of(cell: Mapping[str, Any], number: int) -> str:
    """Which cell it is, in words: its number, from 1, and how it begins."""
    first = _joined(cell.get("source", "")).strip().split("\n", 1)[0][:60]
    return f"cell {number}" + (f" ({first})" if first else "")


def _shown(cell: Mapping[str, Any], number: int, include_code: bool, folder: Path | None) -> Iterator[Block]:
    source, place = _joined(cell.get("source", "")), place_of(cell, number)
    if cell["cell_type"] == "markdown":
        yield from _prose(parse_markdown(source), place, cell.get("attachments") or {}, folder)
    elif cell["cell_type"] == "code":
        if include_code and source.strip():
            yield Verbatim(clean(source), "code")
        for output in cell.get("outputs", ()):
            yield from _with_data(_output(output, place, folder), cell.get("metadata", {}).get("tags") or ())


def _with_data(blocks: Iterator[Block], tags: Iterable[str]) -> Iterator[Block]:
    """Figures and tables with the name of the file that the cell's tag gives."""
    csv = next((tag.removeprefix(DATA_TAG) for tag in tags if tag.startswith(DATA_TAG)), "")
    for block in blocks:
        yield replace(block, csv=csv) if csv and isinstance(block, Figure | Tabular) else block


def _prose(
    tokens: Iterable[dict[str, Any]], place: str, attachments: Mapping[str, Any], folder: Path | None
) -> Iterator[Block]:
    """Prose, with a picture that stands alone in its paragraph as a figure of its own, and so a table of HTML."""
    kept: list[dict[str, Any]] = []
    for token in tokens:
        apart = _apart(token, place, attachments, folder)
        if apart is None:
            kept.append(token)
            continue
        if kept:
            yield Prose(kept)
        yield apart
        kept = []
    if any(token["type"] != "blank_line" for token in kept):
        yield Prose(kept)


def _apart(
    token: dict[str, Any], place: str, attachments: Mapping[str, Any], folder: Path | None
) -> Figure | Tabular | None:
    """What a token comes to that is no prose; for a picture that cannot be had its words remain, with a warning."""
    if token["type"] == "html_table":
        return Tabular(token["table"])
    if token["type"] == "block_html" and (named := foreign.named_by_tag(token["raw"])):
        token |= {"type": "paragraph", "children": [named]}
    _warn(token, place)
    children = token.get("children") or []
    if token["type"] != "paragraph" or len(children) != 1 or children[0]["type"] != "image":
        return None
    url, alt = children[0]["attrs"]["url"], flat(children[0].get("children") or [])
    pasted = attachments.get(url.removeprefix("attachment:"))
    bundle = foreign.picture(url, folder, place) if pasted is None else pasted
    return next((_raster(bundle, mime, {"alt": alt}, place) for mime in _RASTER if mime in bundle), None)


def _warn(token: dict[str, Any], place: str) -> None:
    """Say what of a token will not be seen as its author meant it."""
    children = token.get("children") or []
    alone = token["type"] == "paragraph" and len(children) == 1
    for one in children:
        if one["type"] == "image" and not alone:
            url = clean(one["attrs"]["url"])[:100]
            log.warning("%s: the picture %s stands within a line; its description stands in its place", place, url)
        _warn(one, place)
    if token["type"] in ("codespan", "block_code") and token.get("formula"):
        log.warning("%s: the formula %r cannot be set; its source stands in its place", place, token["raw"][:100])


def _output(output: Mapping[str, Any], place: str, folder: Path | None) -> Iterator[Block]:
    kind = output["output_type"]
    if kind == "stream":
        yield from _verbatim(_joined(output.get("text", "")), "output")
    elif kind == "error":
        lines = output.get("traceback") or [f"{output.get('ename')}: {output.get('evalue')}"]
        yield from _verbatim("\n".join(lines), "error")
    else:
        yield from _bundle(output.get("data", {}), output.get("metadata", {}), place, folder)


def _bundle(data: Mapping[str, Any], metadata: Mapping[str, Any], place: str, folder: Path | None) -> Iterator[Block]:
    """The best form of a displayed object; text where nothing else is understood."""
    facts = _facts(metadata)
    if TABLE_MIME in data:
        yield Tabular(data[TABLE_MIME])
    elif CARD_MIME in data:
        yield Cards(data[CARD_MIME])
    elif SVG_MIME in data:
        drawing = _joined(data[SVG_MIME]).encode()
        yield _figure("svg", drawing, facts, place)
    elif any(mime in data for mime in _RASTER):
        yield next(_raster(data, mime, facts, place) for mime in _RASTER if mime in data)
    elif "text/markdown" in data:
        yield from _prose(parse_markdown(_joined(data["text/markdown"])), place, {}, folder)
    elif "text/latex" in data and "text/html" not in data:
        yield from _prose(parse_markdown(_formula(_joined(data["text/latex"]))), place, {}, folder)
    elif "text/html" in data and (html := list(foreign.blocks(_joined(data["text/html"])))):
        yield from _prose(html, place, {}, folder)
    elif "text/plain" in data:
        if others := sorted(set(data) - {"text/plain", "text/html"}):
            log.warning(
                "%s: %s cannot be shown on a page; its plain text stands in its place", place, ", ".join(others)
            )
        yield from _verbatim(_joined(data["text/plain"]), "output")
    elif data:
        log.warning("%s: %s cannot be shown on a page, and is left out", place, ", ".join(sorted(data)))


def _formula(latex: str) -> str:
    """A formula that a cell gave, as Markdown has it."""
    source = latex.strip().strip("$").removeprefix("\\displaystyle").strip()
    return f"$${source}$$"


def _facts(metadata: Mapping[str, Any]) -> Mapping[str, Any]:
    """Alt text and caption, where this project or others put them."""
    for place in (metadata.get("nof"), metadata.get(SVG_MIME), metadata.get("image/png"), metadata):
        if isinstance(place, Mapping) and place.get("alt"):
            return place
    return {}


def _figure(kind: str, data: bytes, facts: Mapping[str, Any], place: str) -> Figure:
    alt, caption = (" ".join(clean(facts.get(key) or "").split()) for key in ("alt", "caption"))
    narrow = facts.get("narrow") if kind == "svg" else ""
    second = _joined(narrow).encode() if narrow else b""
    return Figure(kind, data, alt, caption, place, facts.get("width_mm"), facts.get("height_mm"), narrow=second)


def _raster(bundle: Mapping[str, Any], mime: str, facts: Mapping[str, Any], place: str) -> Figure:
    given = bundle[mime]
    try:
        data = given if isinstance(given, bytes) else base64.b64decode(_joined(given))
    except (binascii.Error, ValueError):
        raise NofError(f"{place}: its {mime} output is not valid base64") from None
    return _figure(_RASTER[mime], data, facts, place)


def _verbatim(text: str, kind: str) -> Iterator[Verbatim]:
    text = clean(_ANSI.sub("", text)).strip("\n")
    if text.strip():
        yield Verbatim(text, kind)


def _joined(value: Any) -> str:
    return "".join(value) if isinstance(value, list) else str(value)


# ---- headings ----


def _first_title(blocks: list[Block]) -> str:
    first = next(headings(blocks), None)
    return flat(first["children"]).strip() if first and first["attrs"]["level"] == 1 else ""


def _order_headings(blocks: list[Block], title: str) -> list[Block]:
    """Drop a first heading that repeats the title; shift and close up the levels of the rest."""
    blocks = _without_title(blocks, title)
    found = list(headings(blocks))
    shift = 1 if any(heading["attrs"]["level"] == 1 for heading in found) else 0
    above = 1
    taken: set[str] = set()
    for heading in found:
        above = min(heading["attrs"]["level"] + shift, above + 1, 6)
        heading["attrs"] = {"level": above, "id": _anchor(flat(heading["children"]), taken)}
    return blocks


def _without_title(blocks: list[Block], title: str) -> list[Block]:
    first = next(headings(blocks), None)
    if not first or first["attrs"]["level"] != 1 or " ".join(flat(first["children"]).split()) != title:
        return blocks
    return [
        replace(block, tokens=[token for token in block.tokens if token is not first])
        if isinstance(block, Prose)
        else block
        for block in blocks
    ]


def _anchor(text: str, taken: set[str]) -> str:
    base = anchor = "section-" + (re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:60] or "x")
    count = 1
    while anchor in taken:
        count += 1
        anchor = f"{base}-{count}"
    taken.add(anchor)
    return anchor
