"""A formula of a Markdown cell as a small drawing, the same in every form: matplotlib knows most of what LaTeX writes."""

from __future__ import annotations

import io
import re
from functools import lru_cache
from typing import Any, NamedTuple

SIZE = 10.0  # points, as the text around it
_FINE = 10  # drawn so many times larger: matplotlib places its signs on whole points
_BLOCK = r"^ {0,3}\$\$(?P<math_text>[^$]+?)\$\$[ \t]*$"
# As pandoc takes it: no space inside the dollars, no digit behind them, so that "$5 and $6" stays what it is.
_INLINE = r"\$(?P<math_text>(?![\s$])(?:\\\$|[^$\n])*(?<![\s\\]))\$(?!\d)"


class Formula(NamedTuple):
    """A drawing, and its size in points; `depth` of it lies below the line of the text."""

    svg: str
    box: str  # the drawing's own coordinates, its `viewBox`
    width: float
    height: float
    depth: float


@lru_cache(maxsize=256)
def drawn(source: str) -> Formula | None:
    """A formula as SVG; None where it holds what matplotlib cannot set."""
    try:
        svg, depth = _image(source, "svg")
    except ValueError:
        return None
    # Without the day, and without a style that would hold for the page around it.
    text = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", svg.decode(), flags=re.DOTALL)
    width, height = (float(one) for one in re.findall(r'<svg[^>]*?width="([\d.]+)pt" height="([\d.]+)pt"', text)[0])
    return Formula(
        text[text.index("<svg") :], f"0 0 {width:g} {height:g}", width / _FINE, height / _FINE, depth / _FINE
    )


def png(source: str) -> bytes:
    """The same as a picture, for a form that takes no SVG."""
    return _image(source, "png")[0]


def _image(source: str, form: str) -> tuple[bytes, float]:
    import matplotlib
    from matplotlib.font_manager import FontProperties
    from matplotlib.mathtext import math_to_image

    stream = io.BytesIO()
    fixed: Any = {"svg.hashsalt": "nof", "svg.fonttype": "path"}
    with matplotlib.rc_context(fixed):
        depth = math_to_image(
            f"${' '.join(source.split())}$",
            stream,
            prop=FontProperties(size=SIZE * _FINE),
            dpi=72,
            format=form,
        )
    return stream.getvalue(), float(depth)


def plugin(markdown: Any) -> None:
    """Have mistune find formulas: tokens `inline_math` and `block_math` with the source as `raw`."""
    markdown.block.register("block_math", _BLOCK, _block, before="list")
    markdown.inline.register("inline_math", _INLINE, _inline, before="link")


def _block(block: Any, found: re.Match, state: Any) -> int:
    state.append_token({"type": "block_math", "raw": found["math_text"].strip()})
    return found.end() + 1


def _inline(inline: Any, found: re.Match, state: Any) -> int:
    state.append_token({"type": "inline_math", "raw": found["math_text"]})
    return found.end()
