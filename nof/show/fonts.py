"""The typeface for both exporters: embedded in HTML, given to Typst, measured for column widths.

Each answer is worked out once a process. Nothing here starts a thread, so a process may call
:func:`warm` and then fork.
"""

from __future__ import annotations

import atexit
import base64
import hashlib
import io
import os
import shutil
import tempfile
from functools import cache, lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

from nof.read import store
from nof.show import style

# What the HTML embeds: Basic Latin, Latin-1, Latin Extended-A (Welsh and most European names),
# general punctuation, arrows, a few signs. Anything else falls back to the reader's own fonts.
_EMBEDDED = [
    *range(0x20, 0x7F), *range(0xA0, 0x180), *range(0x2010, 0x2027), 0x2030, 0x2032, 0x2033, 0x2039, 0x203A,
    0x20AC, 0x2122, *range(0x2190, 0x2194), 0x2212, 0x2248, 0x2260, 0x2264, 0x2265, 0x25B2, 0x25BC, 0x25CF,
    0xFFFD,
]  # fmt: skip


@cache
def face(weight: str = "400", slope: str = "normal") -> str:
    """A subset of one weight as a ``data:`` URI of WOFF, about 25 kB; kept on disk, for it takes a second to make."""
    name = style.FONT_FILES[weight, slope]
    source = hashlib.sha256((style.font_folder() / name).read_bytes()).hexdigest()
    told = f"{name} {source} {metadata.version('fonttools')} {_FEATURES} {_EMBEDDED}"
    made = store.made(told, lambda: {"face.woff": _subset(name)})["face.woff"]
    return "data:font/woff;base64," + base64.b64encode(made).decode()


_FEATURES = ["kern", "liga", "mark", "mkmk", "ccmp", "locl", "tnum", "lnum"]


def _subset(name: str) -> bytes:
    from fontTools.subset import Options, Subsetter

    options = Options(hinting=False, layout_features=_FEATURES)
    font = _open(name)
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=_EMBEDDED)
    subsetter.subset(font)
    font.flavor = "woff"
    stream = io.BytesIO()
    font.save(stream)
    return stream.getvalue()


@lru_cache(maxsize=1)
def typst_fonts() -> Any:
    """The fonts that Typst may use: our few files and those inside the wheel, never the system's.

    The package holds each weight twice (OTF and TTF) and Typst may take either, so that the same
    notebook would give different bytes on another disk: only the named files are offered.
    """
    import typst

    folder = Path(tempfile.mkdtemp(prefix="nof-fonts-"))
    atexit.register(_remove, folder, os.getpid())  # Typst reads a font when it first needs it
    for name in style.FONT_FILES.values():
        shutil.copyfile(style.font_folder() / name, folder / name)
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=True, font_paths=[str(folder)])


def _remove(folder: Path, owner: int) -> None:
    """Remove the folder when the process that made it ends, not when a fork of it does."""
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)


@cache
def _advances(weight: str) -> dict[int, float]:
    """Width of each character, in ems."""
    font = _open(style.FONT_FILES[weight, "normal"])
    widths, unit = font["hmtx"].metrics, font["head"].unitsPerEm
    return {code: widths[glyph][0] / unit for code, glyph in font.getBestCmap().items()}


@lru_cache(maxsize=50_000)
def text_width(text: str, weight: str = "400") -> float:
    """Width of a text set in one line, in ems (kerning left out; digits count as tabular ones)."""
    widths = _advances(weight)
    return sum(widths.get(ord(character), 0.6) for character in text)


@lru_cache(maxsize=1)
def _drawable() -> frozenset[int]:
    """Characters that the typeface, or the monospaced face inside Typst, can draw.

    Typst carries DejaVu Sans Mono; matplotlib ships the same face as a file that can be read.
    """
    import matplotlib
    from fontTools.ttLib import TTFont

    spare = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSansMono.ttf"
    return frozenset(_advances("400")) | frozenset(TTFont(spare, lazy=True).getBestCmap())


def drawable(text: str) -> str:
    """Text whose every character can be drawn in the PDF; others are named, as in [U+1F600].

    PDF/UA forbids a missing glyph, and a reader should see that something stood there.
    """
    own = _advances("400")
    if text.isascii() or all(ord(c) in own or c in "\n\t" for c in text):
        return text
    known = _drawable()
    return "".join(c if ord(c) in known or c in "\n\t" else f"[U+{ord(c):04X}]" for c in text)


def warm() -> None:
    """Do the slow parts now, before forking: subsets, widths, Typst's list of fonts."""
    face("400"), face("600"), typst_fonts(), _advances("400"), _advances("600"), _drawable()


def _open(name: str) -> Any:
    from fontTools.ttLib import TTFont

    return TTFont(style.font_folder() / name, lazy=True, recalcTimestamp=False)
