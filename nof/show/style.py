"""How everything looks: one palette, one typeface, one set of sizes, for figures, HTML and PDF.

No colour carries meaning alone: a segment also shows its number, a quarter of a type its letter. The segment
colours differ from each other by at least 26 CIELAB units in normal sight and in simulated
protanopia, deuteranopia and tritanopia (Machado, Oliveira and Fernandes 2009, severity 1.0) and
stand at 3:1 or more on white (WCAG 2.2, 1.4.11); tests/test_display.py computes both.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from nof.common import NofError

# --- How everything looks: one palette, one typeface, one set of sizes, for figures, HTML and PDF ---


FONT = "Source Sans Pro"
FONT_FILES = {  # weight and slope: file of the font-source-sans-pro package (SIL Open Font Licence)
    ("400", "normal"): "SourceSansPro-Regular.ttf",
    ("400", "italic"): "SourceSansPro-It.ttf",
    ("600", "normal"): "SourceSansPro-Semibold.ttf",
    ("700", "normal"): "SourceSansPro-Bold.ttf",
}

INK = "#1c2326"  # text
QUIET = "#56626a"  # notes and axis labels; 6:1 on white
RULE = "#c9d1d5"  # hairlines and grids
PAPER = "#ffffff"
WASH = "#f2f5f6"  # behind cards and notes
ACCENT = "#12505b"  # the one accent: headings' rules, the title block
WARNING_INK = "#7a3300"  # the illustrative-data banner
WARNING_WASH = "#fdf0df"
HIGHLIGHT = "#fff4cf"  # the row that a briefing is about
# The page in dark mode, by CSS variable; figures keep a white card.
DARK = {
    "paper": "#14191c", "ink": "#e6eaec", "quiet": "#a9b5bb", "rule": "#3a464c", "wash": "#1e262a",
    "accent": "#7cc4d0", "accent-rule": "#4f9aa7", "highlight": "#4a3f14", "focus": "#ffb454",
    "warning-ink": "#ffcf99", "warning-wash": "#3a2810", "card-edge": "#3a464c", "card-pad": ".8rem",
}  # fmt: skip

BAND = "#cfe0e3"  # the middle half of a type, wherever quartiles are drawn
SOFT = "#7aa9b1"  # the accent, lighter: what stands behind other marks
# From 1 to 5 each is darker than the one before, so that they stay apart on a grey print; blue is better, red is worse. 5 is
# the segment that NHS England keeps for trusts in its Recovery Support Programme.
SEGMENT = {1: "#2fa0b4", 2: "#3a55d0", 3: "#8a2f08", 4: "#4a0d2a", 5: "#0a0a0a"}
# The same as table cell backgrounds, light enough for INK at 4.5:1 or more.
SEGMENT_WASH = {1: "#eaf6f8", 2: "#bfd0f2", 3: "#e8ab80", 4: "#d08a92", 5: "#868e92"}
# Quarters of a type in one hue, the worse the darker; the letter in the cell says the same (`spine.quarters`).
QUARTER_WASH = {"a": "#edf5f6", "b": "#cfe0e3", "c": "#a9c8cd", "d": "#7fadb5"}
TONES = {f"segment-{number}": colour for number, colour in SEGMENT_WASH.items()} | {
    f"quarter-{letter}": colour for letter, colour in QUARTER_WASH.items()
}

TEXT_WIDTH_MM = 170.0  # A4 less two margins of 20 mm: the width of a figure
TEXT_HEIGHT_MM = 235.0  # the tallest figure that leaves room for its caption
LANDSCAPE_MM = (257.0, 148.0)  # both, where the sheet lies on its side
POINTS_PER_MM = 72 / 25.4
BODY_PT = 10.0
SMALL_PT = 8.5
TABLE_PT = (9.0, 8.5, 8.0, 7.5, 7.0, 6.5)  # tried in turn until a table fits the page
FIGURE_PT = 8.0


def font_folder() -> Path:
    """The folder of the pip package's font files."""
    import font_source_sans_pro

    return Path(font_source_sans_pro.__file__).parent / "files"


@lru_cache(maxsize=1)
def register_fonts() -> None:
    """Tell matplotlib where the typeface is, once a process.

    DejaVu Sans, which stands in for characters that the typeface lacks, has no weight of 600: matplotlib would take its
    bold and warn of it below every figure. So the bold is entered under 600 as well; the drawing is the same.
    """
    from matplotlib.font_manager import fontManager

    stand_in = [font for font in fontManager.ttflist if (font.name, font.weight) == ("DejaVu Sans", 700)]
    fontManager.ttflist += [replace(font, weight=600) for font in stand_in]
    for name in FONT_FILES.values():
        fontManager.addfont(font_folder() / name)


def rc() -> dict[str, Any]:
    """matplotlib settings of every figure; `applied` has them hold for a while.

    Text stays text (searchable, small); ids derive from content, so the same figure has the same
    bytes on every run.
    """
    register_fonts()
    return {
        "font.family": [FONT, "DejaVu Sans"],
        "font.size": FIGURE_PT,
        "axes.titlesize": FIGURE_PT + 1,
        "axes.titleweight": 600,
        "axes.titlelocation": "left",
        "axes.labelsize": FIGURE_PT,
        "axes.labelcolor": QUIET,
        "axes.edgecolor": QUIET,
        "axes.linewidth": 0.6,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "axes.grid": False,
        "grid.color": RULE,
        "grid.linewidth": 0.5,
        "xtick.color": QUIET,
        "ytick.color": QUIET,
        "xtick.labelsize": FIGURE_PT,
        "ytick.labelsize": FIGURE_PT,
        "xtick.major.size": 2.5,
        "ytick.major.size": 2.5,
        "xtick.major.width": 0.6,
        "ytick.major.width": 0.6,
        "text.color": INK,
        "text.parse_math": False,  # a dollar sign in a name is a dollar sign
        "legend.frameon": False,
        "legend.fontsize": FIGURE_PT,
        "lines.linewidth": 1.2,
        "patch.linewidth": 0.6,
        "figure.dpi": 72,
        "figure.facecolor": PAPER,
        "savefig.facecolor": PAPER,
        "svg.fonttype": "none",
        "svg.hashsalt": "nof",
        "axes.prop_cycle": _cycle(),
    }


@contextmanager
def applied() -> Iterator[None]:
    """While this lasts, matplotlib draws as the house does. It is loaded here: whoever draws nothing does without."""
    import matplotlib

    with matplotlib.rc_context(rc()):
        yield


def _cycle() -> Any:
    from matplotlib import cycler

    return cycler(color=[ACCENT, SEGMENT[3], SEGMENT[2], SEGMENT[4], QUIET])


def size(width_mm: float = TEXT_WIDTH_MM, height_mm: float = 90.0) -> tuple[float, float]:
    """A figure size in inches, as matplotlib wants it, from millimetres."""
    return width_mm / 25.4, height_mm / 25.4


# --- SVG drawings made small, safe and free of clashes, so that several fit in one page ---


SVG = "http://www.w3.org/2000/svg"
_XLINK = "{http://www.w3.org/1999/xlink}href"
_ELEMENTS = frozenset(
    "svg g path rect circle ellipse line polyline polygon text tspan defs use symbol clipPath mask "
    "linearGradient radialGradient stop pattern image style".split()
)
_ATTRIBUTES = frozenset(
    "id d x y x1 y1 x2 y2 cx cy r rx ry dx dy fx fy width height viewBox points transform style "
    "clip-path clip-rule clipPathUnits mask fill fill-opacity fill-rule stroke stroke-width "
    "stroke-opacity stroke-dasharray stroke-dashoffset stroke-linecap stroke-linejoin "
    "stroke-miterlimit opacity font-size font-family font-weight font-style text-anchor "
    "dominant-baseline gradientUnits gradientTransform patternUnits patternTransform "
    "patternContentUnits offset stop-color stop-opacity preserveAspectRatio href".split()
)
_GEOMETRY = frozenset("d x y x1 y1 x2 y2 cx cy r width height points transform".split())
_LONG_NUMBER = re.compile(r"(-?\d+\.\d\d)\d+")
_NO_TURN = re.compile(r"rotate\(-?0(?: [^)]*)?\)")
_LOCAL = re.compile(r"url\(\s*['\"]?#([^)'\"]+)['\"]?\s*\)")
_ELSEWHERE = re.compile(r"url\((?!\s*['\"]?\s*#)|@import|expression\(|javascript:", re.IGNORECASE)
# Characters that would be invalid in HTML or XML, or that reorder the text around them.
_UNFIT = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufdd0-\ufdef\ufeff\ufff9-\ufffb\ufffe\uffff"
    + "".join(chr(plane << 16 | last) for plane in range(1, 17) for last in (0xFFFE, 0xFFFF))
    + "]"
)
_PICTURE = re.compile(r"data:image/(png|jpeg);base64,[A-Za-z0-9+/=\s]*")


def clean(text: Any) -> str:
    """Text without characters that no document may hold; each becomes U+FFFD."""
    return _UNFIT.sub("\ufffd", str(text))


def tidy(svg: str, prefix: str = "", text: Callable[[str], str] = str) -> str:
    """Rewrite an SVG drawing with only what it needs.

    Parameters
    ----------
    svg : str
        The drawing, as matplotlib or anything else wrote it.
    prefix : str
        Put before every id, so that drawings in one page do not clash.
    text : callable
        Applied to every piece of text (to replace characters that a font lacks).

    Returns
    -------
    str
        An ``<svg>`` element without XML prologue, with coordinates cut to 0.01 points.

    Raises
    ------
    NofError
        If it is not well-formed SVG, or defines entities.
    """
    if "<!ENTITY" in svg:
        raise NofError("an SVG drawing that defines entities is refused")
    try:
        root = ET.fromstring(clean(svg))
    except ET.ParseError as error:
        raise NofError(f"a figure is not well-formed SVG: {error}") from None
    if _name(root) != "svg":
        raise NofError(f"a figure is not SVG: it begins with <{_name(root)}>")
    _filter(root, text)
    _rename(root, prefix)
    ET.register_namespace("", SVG)
    return ET.tostring(root, encoding="unicode")


def dimensions(svg: str) -> tuple[float, float]:
    """Width and height in points, from the viewBox or the size; 482 by 300 where neither is given."""
    head = svg[svg.find("<svg") :].split(">", 1)[0]
    box = re.search(r'viewBox="([-\d.eE]+)[ ,]+([-\d.eE]+)[ ,]+([\d.eE]+)[ ,]+([\d.eE]+)"', head)
    if box:
        return float(box[3]) or 482.0, float(box[4]) or 300.0
    sizes = [re.search(rf'\s{side}="([\d.]+)', head) for side in ("width", "height")]
    width, height = (float(s[1]) if s and float(s[1]) else d for s, d in zip(sizes, (482.0, 300.0), strict=True))
    return width, height


def _name(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _filter(element: ET.Element, text: Callable[[str], str]) -> None:
    """Drop what is not on the lists, from this element down."""
    element.tag = f"{{{SVG}}}{_name(element)}"
    element.attrib = dict(filter(None, map(_attribute, element.attrib.items())))
    for child in list(element):
        if _name(child) not in _ELEMENTS or (_name(child) == "style" and _ELSEWHERE.search(child.text or "")):
            element.remove(child)
        else:
            _filter(child, text)
            child.tail = text(child.tail) if child.tail and child.tail.strip() else None
    if element.text:
        element.text = text(element.text) if element.text.strip() else None


def _attribute(item: tuple[str, str]) -> tuple[str, str] | None:
    """The attribute as it may stay, or None."""
    name, value = item
    name = "href" if name == _XLINK else name
    if name not in _ATTRIBUTES or (name != "href" and _ELSEWHERE.search(value)):
        return None
    if name == "href" and not (value.startswith("#") or _PICTURE.fullmatch(value)):
        return None
    if name in _GEOMETRY:
        value = _NO_TURN.sub("", " ".join(_LONG_NUMBER.sub(r"\1", value).split()))
    return (name, value) if value else None


def _rename(root: ET.Element, prefix: str) -> None:
    """Keep only ids that something refers to, and put the prefix before them."""
    used = set()
    for element in root.iter():
        for name, value in element.attrib.items():
            if name == "href":
                used.add(value[1:])
            elif "url(" in value:
                used.update(_LOCAL.findall(value))
    for element in root.iter():
        for name, value in list(element.attrib.items()):
            if name == "id" and value in used:
                element.set(name, prefix + value)
            elif name == "id":
                del element.attrib[name]
            elif name == "href" and value.startswith("#"):
                element.set(name, f"#{prefix}{value[1:]}")
            elif "url(" in value:
                element.set(name, _LOCAL.sub(rf"url(#{prefix}\1)", value))
