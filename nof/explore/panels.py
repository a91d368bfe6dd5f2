"""The views of the desk as HTML for a widget: every text from the files is escaped, every drawing filtered."""

from __future__ import annotations

from functools import lru_cache
from html import escape

import mistune
from mistune.util import safe_entity

from nof.explore.present import Shown
from nof.show import fonts, style
from nof.show.display import Card, Chart, Table, Words, card_html, table_html

_CSS = """
.nof-explore{--line:var(--jp-border-color2,#c9d1d5);color:var(--jp-ui-font-color1,#1c2326);font-size:13px;line-height:1.45;
 max-width:64rem;contain:inline-size}
.nof-explore p{margin:.3em 0 .6em;max-width:52rem}
.nof-explore figure{margin:.4em 0 .8em;max-width:46rem}
.nof-explore figcaption{font-weight:600;padding-bottom:.3em}
.nof-explore figure>div{background:#fff;border:1px solid var(--line);border-radius:4px;padding:8px}
.nof-explore svg{display:block;width:100%;height:auto}
.nof-explore .scroll{max-height:26rem;overflow:auto;border:1px solid var(--line);border-radius:4px;margin:.3em 0}
.nof-explore .scroll:focus-visible,.nof-explore summary:focus-visible{outline:2px solid #b35c00;outline-offset:1px}
.nof-explore table.nof{border-collapse:collapse;width:100%;font-size:13px;margin:0}
.nof-explore table.nof caption{text-align:left;font-weight:600;padding:.4em .6em}
.nof-explore table.nof th,.nof-explore table.nof td{padding:.22em .6em;text-align:left;font-weight:400;
 white-space:normal; border-bottom:1px solid var(--line);vertical-align:top;max-width:26rem}
.nof-explore table.nof tbody th{min-width:12rem}
.nof-explore table.nof thead th,.nof-explore table.nof thead td{position:sticky;top:0;font-weight:600;
 vertical-align:bottom; background:var(--jp-layout-color1,#fff);border-bottom:2px solid var(--line)}
.nof-explore table.nof tbody .right{min-width:3.4rem}
.nof-explore table.nof tbody .right:not(:nth-child(1)):not(:last-child){min-width:5.2rem}
.nof-explore table.nof .right{text-align:right;font-variant-numeric:tabular-nums}
.nof-explore table.nof .unit{font-weight:400;opacity:.8}
.nof-explore table.nof tr.emphasis>*{font-weight:600;box-shadow:inset 0 1px #b35c00,inset 0 -1px #b35c00}
.nof-explore .note{font-size:12px;opacity:.85}
.nof-explore details{margin:.4em 0}
.nof-explore summary{cursor:pointer;color:var(--jp-content-link-color,#12505b);font-weight:600}
.nof-explore pre{user-select:all;background:var(--jp-layout-color2,#f2f5f6);padding:.6em .8em;border-radius:4px;
 overflow-x:auto;white-space:pre-wrap;font-size:12px;margin:.3em 0}
.nof-explore .made-up{background:#fdf0df;color:#7a3300;padding:.35em .7em;border-radius:4px;font-weight:600}
.nof-explore .problem{background:#fdf0df;color:#7a3300;padding:.35em .7em;border-radius:4px}
.nof-explore .working{opacity:.75}
"""


@lru_cache(maxsize=1)
def sheet() -> str:
    """Style of every panel, with the typeface of the drawings inside: nothing is fetched."""
    faces = "".join(
        f'@font-face{{font-family:"{style.FONT}";font-weight:{weight};src:url("{fonts.face(weight)}") format("woff")}}'
        for weight in ("400", "600")
    )
    tones = "".join(
        f".nof-explore table.nof .{name}{{background:{wash};color:{style.INK}}}" for name, wash in style.TONES.items()
    )
    return f"<style>{faces}{_CSS}{tones}</style>"


class _Renderer(mistune.HTMLRenderer):
    """Markdown without raw HTML; entities, which `display.plain` writes, stay what they stand for."""

    def text(self, text: str) -> str:
        """Text with entities as they stand for, all else escaped."""
        return safe_entity(text)


_MARKDOWN = mistune.create_markdown(renderer=_Renderer(escape=True))


def panel(shown: Shown, prefix: str) -> str:
    """A view as HTML; `prefix` goes before the ids of its drawings."""
    items = "".join(_item(one, f"{prefix}{number}-") for number, one in enumerate(shown.items))
    return f'<div class="nof-explore">{items}{code(shown.code)}</div>'


def code(text: str) -> str:
    """Lines to copy; one click selects them all."""
    return f"<details><summary>Show me the code</summary><pre>{escape(text)}</pre></details>"


def message(text: str, kind: str = "problem") -> str:
    """A remark where a view would stand: `kind` is "problem", "made-up" or "working"."""
    return f'<div class="nof-explore"><p class="{escape(kind)}" role="status">{escape(text)}</p></div>'


def _item(item: Words | Chart | Table | Card, prefix: str) -> str:
    if isinstance(item, Words):
        return f'<div aria-live="polite">{_MARKDOWN(item.markdown)}</div>'
    if isinstance(item, Chart):
        drawing = style.tidy(item.svg, prefix)
        return (
            f"<figure><figcaption>{escape(item.caption)}</figcaption>"
            f'<div role="img" aria-label="{escape(item.alt)}">{drawing}</div></figure>'
        )
    if isinstance(item, Card):
        return card_html(item.data())
    data = item.data()
    notes = "".join(f'<p class="note">{escape(text)}</p>' for text in (data["note"], data["key"]) if text)
    label = escape(data["caption"])
    box = f'<div class="scroll" tabindex="0" role="region" aria-label="{label}">{table_html(data)}</div>'
    return box + notes
