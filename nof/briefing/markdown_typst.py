"""Markdown tokens (from mistune) as Typst source.

Every piece of text becomes a Typst string literal, in which only a backslash and a double quote
mean anything, and both are escaped. So no character of a text can be taken for Typst markup or
code, whatever the text holds; the same is true of the addresses of links.
"""

from __future__ import annotations

import re
from typing import Any

import mistune
from mistune.core import BlockState

from nof.briefing import formula
from nof.show.fonts import drawable

_LINK = re.compile(r"(https?://|mailto:)[^\s\"<>\\]+", re.IGNORECASE)
# A word longer than this may be broken anywhere: it would run out of its line or cell.
_LONG_WORD = re.compile(r"[^\s\u200b]{28,}")


def literal(text: str) -> str:
    """A Typst string literal that holds exactly this text."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\r", "").replace("\n", "\\n") + '"'


def typst_text(text: str) -> str:
    """Text in Typst content; it can be drawn, and can be broken if it is very long."""
    shown = breakable(drawable(" ".join(re.split(r"[ \t\r\n]+", text))))
    return f"#{literal(shown)};" if shown else ""


def breakable(text: str) -> str:
    """The same text with invisible places to break in very long words."""
    return _LONG_WORD.sub(lambda match: re.sub(r"(.{12})", "\\1\u200b", match[0]), text)


def convert(tokens: list[dict[str, Any]]) -> str:
    """Typst source of a list of tokens, as ``document.parse_markdown`` gives them."""
    return _RENDERER.render_tokens(tokens, BlockState())


class TypstRenderer(mistune.BaseRenderer):
    """Renders mistune's tokens one by one; an unknown token is written as its text."""

    NAME = "typst"

    def render_token(self, token: dict[str, Any], state: BlockState) -> str:
        """Typst source of one token."""
        method = getattr(self, token["type"], None)
        if method is not None:
            return method(token, state)
        return typst_text(token["raw"]) if "raw" in token else self._inside(token, state)

    def _inside(self, token: dict[str, Any], state: BlockState) -> str:
        return self.render_tokens(token.get("children") or [], state)

    # ---- inline ----

    def text(self, token: dict, state: BlockState) -> str:
        """Plain text."""
        return typst_text(token["raw"])

    def inline_html(self, token: dict, state: BlockState) -> str:
        """HTML within a line, as text; a comment vanishes."""
        return "" if token["raw"].startswith("<!--") else typst_text(token["raw"])

    def emphasis(self, token: dict, state: BlockState) -> str:
        """Emphasised text."""
        return f"#emph[{self._inside(token, state)}];"

    def strong(self, token: dict, state: BlockState) -> str:
        """Strong text."""
        return f"#strong[{self._inside(token, state)}];"

    def strikethrough(self, token: dict, state: BlockState) -> str:
        """Struck text."""
        return f"#strike[{self._inside(token, state)}];"

    def codespan(self, token: dict, state: BlockState) -> str:
        """Code within a line."""
        return f"#raw({literal(drawable(token['raw']))});"

    def inline_math(self, token: dict, state: BlockState) -> str:
        """A formula within a line, standing on the line."""
        made = formula.drawn(token["raw"])
        assert made is not None, "a formula that cannot be drawn is code"
        alt, svg = literal(drawable(f"Formula: {token['raw']}")), literal(made.svg)
        drawing = f'image(bytes({svg}), format: "svg", height: {made.height:g}pt, alt: {alt})'
        return f"#box(baseline: {made.depth:g}pt, {drawing});"

    def block_math(self, token: dict, state: BlockState) -> str:
        """A formula on its own."""
        return f"#par[#h(1em){self.inline_math(token, state)}]\n"

    def linebreak(self, token: dict, state: BlockState) -> str:
        """A new line that was asked for."""
        return "#linebreak();"

    def softbreak(self, token: dict, state: BlockState) -> str:
        """A new line in the source: a space."""
        return '#" ";'

    def link(self, token: dict, state: BlockState) -> str:
        """A link to an address that is allowed, else its text."""
        inside, url = self._inside(token, state), token["attrs"]["url"]
        return f"#link({literal(url)})[{inside}];" if inside and _LINK.fullmatch(url) else inside

    def image(self, token: dict, state: BlockState) -> str:
        # A picture within a line is replaced by its description; one that stands alone is a figure.
        """The text that stands for a picture; none is fetched."""
        return self._inside(token, state)

    # ---- blocks ----

    def blank_line(self, token: dict, state: BlockState) -> str:
        """Nothing."""
        return ""

    def paragraph(self, token: dict, state: BlockState) -> str:
        """A paragraph; the verdict of a briefing is set larger."""
        call = "nof-verdict" if (token.get("attrs") or {}).get("verdict") else "par"
        return f"#{call}[{self._inside(token, state)}]\n"

    def block_text(self, token: dict, state: BlockState) -> str:
        """Text in a list item that is no paragraph of its own."""
        return self._inside(token, state)

    def heading(self, token: dict, state: BlockState) -> str:
        """A heading of its level."""
        return f"#heading(level: {token['attrs']['level']})[{self._inside(token, state)}]\n"

    def page_break(self, token: dict, state: BlockState) -> str:
        """The beginning of a new page, where one is not beginning anyway; no Markdown writes it."""
        return "#pagebreak(weak: true)\n"

    def thematic_break(self, token: dict, state: BlockState) -> str:
        """A rule across the page."""
        return "#nof-rule()\n"

    def block_code(self, token: dict, state: BlockState) -> str:
        """A block of code."""
        return f"#nof-verbatim({literal(drawable(token['raw'].rstrip()))})\n"

    def block_html(self, token: dict, state: BlockState) -> str:
        """A block of HTML, as text; a comment vanishes."""
        return "" if token["raw"].startswith("<!--") else f"#par[{typst_text(token['raw'].strip())}]\n"

    def block_quote(self, token: dict, state: BlockState) -> str:
        """A quotation."""
        return f"#quote(block: true)[{self._inside(token, state)}]\n"

    def list(self, token: dict, state: BlockState) -> str:
        """A list, numbered or not."""
        items = ", ".join(f"[{self._inside(item, state)}]" for item in token["children"])
        attrs = token["attrs"]
        if not attrs.get("ordered"):
            return f"#list({items})\n"
        return f"#enum(start: {int(attrs.get('start', 1))}, {items})\n"

    def table(self, token: dict, state: BlockState) -> str:
        """A table written in Markdown: it has a header and no caption."""
        head = next(part for part in token["children"] if part["type"] == "table_head")
        body = [row for part in token["children"] if part["type"] == "table_body" for row in part["children"]]
        aligns = [cell["attrs"].get("align") or "left" for cell in head["children"]]
        cells = [self._cell(cell, state) for row in body for cell in row["children"]]
        header = ", ".join(self._cell(cell, state) for cell in head["children"])
        return (
            f"#nof-plain-table(({', '.join(aligns)},), table.header({header}), ({', '.join(cells)}"
            f"{',' if cells else ''}))\n"
        )

    def _cell(self, cell: dict, state: BlockState) -> str:
        return f"[{self._inside(cell, state)}]"


_RENDERER = TypstRenderer()
