"""What has to be true of a briefing, and of a whole report, before anybody may read it."""

from __future__ import annotations

import hashlib
import io
import re
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import nbformat
import pikepdf

from nof import common
from nof.briefing.html import on_every_page
from nof.briefing.make import BriefingFailed, Job, Made, make

# --- Looks at what was rendered and says what is wrong with it; an empty list means nothing was found ---


FILLER = ("no description has been provided for this image", "figure without a description", "untitled image")
_VOID = frozenset("area base br col embed hr img input link meta source track wbr".split())
_DRAWING = frozenset("path rect circle ellipse line polyline polygon use stop image".split())
_FETCHING = {"src", "srcset", "poster", "data", "action", "formaction", "background", "xlink:href"}
_CSS_OUTSIDE = re.compile(r"url\((?!\s*['\"]?\s*(?:data:|#))|@import", re.IGNORECASE)
_ERROR = re.compile(r"Traceback \(most recent call last\)")


def check_html(path: str | Path) -> list[str]:
    """Problems of one HTML briefing.

    That tags are balanced, ids unique, title and language set, every figure described in words of
    its own, no error left over, no script but that of every page, and nothing fetched from anywhere else.
    """
    text = Path(path).read_text(encoding="utf-8")
    page = _Page()
    page.feed(text)
    page.close()
    return list(dict.fromkeys([*page.problems, *page.leftovers(), *_html_whole(page, text)]))


def _html_whole(page: _Page, text: str) -> Iterator[str]:
    if not text.lstrip().lower().startswith("<!doctype html>"):
        yield "does not begin with <!DOCTYPE html>"
    if not page.title.strip():
        yield "has no title"
    if not page.lang:
        yield "has no language"
    if page.levels.count(1) != 1:
        yield f"has {page.levels.count(1)} headings of level 1 (one expected)"
    for above, level in zip(page.levels, page.levels[1:], strict=False):
        if level > above + 1:
            yield f"a heading of level {level} follows one of level {above}"
    if _ERROR.search(text):
        yield "holds the traceback of an error"


class _Page(HTMLParser):
    """Reads a page once and notes what is wrong."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.problems: list[str] = []
        self.open: list[str] = []
        self.ids: set[str] = set()
        self.levels: list[int] = []
        self.title = self.lang = self.script = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element that opens."""
        self._look(tag, {name: value or "" for name, value in attrs})
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element that opens and closes at once."""
        self._look(tag, {name: value or "" for name, value in attrs})
        if tag not in _VOID and "svg" not in self.open and tag not in _DRAWING:
            self.problems.append(f"<{tag}/> closes itself, which HTML does not allow")

    def handle_endtag(self, tag: str) -> None:
        """Close an element; one that was not open is a problem."""
        if tag == "script" and self.script != str(on_every_page()["script"]):
            self.problems.append(f"holds a script (line {self.getpos()[0]})")
        if self.open and self.open[-1] == tag:
            self.open.pop()
        else:
            self.problems.append(f"</{tag}> closes nothing (line {self.getpos()[0]})")

    def handle_data(self, data: str) -> None:
        """Gather the title; look into style sheets."""
        inside = self.open[-1] if self.open else ""
        if inside == "title" and "svg" not in self.open:
            self.title += data
        if inside == "script":
            self.script += data
        if inside == "style" and _CSS_OUTSIDE.search(data):
            self.problems.append("a style sheet refers to another file")

    def leftovers(self) -> list[str]:
        """A line for each element that is never closed."""
        return [f"<{tag}> is never closed" for tag in self.open]

    def _look(self, tag: str, attrs: dict[str, str]) -> None:
        where = f"line {self.getpos()[0]}"
        self.lang = self.lang or (attrs.get("lang", "") if tag == "html" else "")
        if re.fullmatch("h[1-6]", tag):
            self.levels.append(int(tag[1]))
        if "id" in attrs:
            if attrs["id"] in self.ids:
                self.problems.append(f"id {attrs['id']!r} occurs twice")
            self.ids.add(attrs["id"])
        if (tag == "script" and (attrs or self.script)) or any(name.startswith("on") for name in attrs):
            self.problems.append(f"holds a script ({where})")
        if "error" in attrs.get("class", "").split():
            self.problems.append(f"shows the error of a cell ({where})")
        self._described(tag, attrs, where)
        self._fetches(tag, attrs, where)

    def _described(self, tag: str, attrs: dict[str, str], where: str) -> None:
        picture = tag == "img" or (tag == "svg" and "svg" not in self.open)
        words = attrs.get("alt" if tag == "img" else "aria-label", "").strip()
        if picture and (not words or words.lower().startswith(FILLER)):
            self.problems.append(f"a figure has no description of its own ({where}: {words!r})")

    def _fetches(self, tag: str, attrs: dict[str, str], where: str) -> None:
        names = _FETCHING | (set() if tag == "a" else {"href"})
        for name in names & set(attrs):
            value = attrs[name]
            if value and not value.startswith(("#", "data:")):
                self.problems.append(f"<{tag} {name}> refers to {value[:60]!r} ({where})")
        if _CSS_OUTSIDE.search(attrs.get("style", "")):
            self.problems.append(f"<{tag} style> refers to another file ({where})")


def check_pdf(path: str | Path) -> list[str]:
    """Problems of one PDF briefing.

    That it opens and has pages, is tagged, has title and language, that every figure has a
    description of its own and that text can be extracted from the first page.
    """
    try:
        with pikepdf.open(io.BytesIO(Path(path).read_bytes())) as pdf:  # it takes no name that the locale cannot write
            return list(dict.fromkeys(_pdf_problems(pdf)))
    except (pikepdf.PdfError, OSError, ValueError, KeyError, AttributeError) as error:
        return [f"cannot be read: {error}"]


def _pdf_problems(pdf: pikepdf.Pdf) -> Iterator[str]:
    if not len(pdf.pages):
        yield "has no pages"
        return
    if not _value(pdf.Root, "/MarkInfo", "/Marked"):
        yield "is not marked as tagged"
    if not str(_value(pdf.Root, "/Lang") or ""):
        yield "has no language"
    if not str(pdf.docinfo.get("/Title", "")):
        yield "has no title"
    if not _value(pdf.Root, "/ViewerPreferences", "/DisplayDocTitle"):
        yield "does not ask viewers to show its title"
    tree = _value(pdf.Root, "/StructTreeRoot")
    if tree is None:
        yield "has no structure tree"
    else:
        yield from _figures(tree)
    if not _has_text(pdf.pages[0]):
        yield "no text can be extracted from its first page"


def _has_text(page: pikepdf.Page) -> bool:
    """Whether a page sets text in fonts that tell which characters their glyphs stand for."""
    fonts = _value(page.obj, "/Resources", "/Font")
    told = fonts is not None and all("/ToUnicode" in font for font in fonts.values())
    return told and any(str(one.operator) in ("Tj", "TJ") for one in pikepdf.parse_content_stream(page, "Tj TJ"))


def _value(holder: Any, *keys: str) -> Any:
    for key in keys:
        holder = holder.get(key) if holder is not None else None
    return holder


def _figures(tree: pikepdf.Object) -> Iterator[str]:
    """Walk the structure tree without recursion: a long table nests deep and wide."""
    waiting = [tree.get("/K")]
    while waiting:
        node = waiting.pop()
        if isinstance(node, pikepdf.Array):
            waiting.extend(node)
        elif isinstance(node, pikepdf.Dictionary):
            kind = node.get("/S")
            if kind == "/Figure":
                words = str(node.get("/Alt", "")).strip()
                if not words or words.lower().startswith(FILLER):
                    yield f"a figure has no description of its own ({words!r})"
            if kind != "/Table":
                waiting.append(node.get("/K"))


# --- What has to be true of a briefing, and of a whole report, before anybody may read it ---


ENDINGS = (".html", ".ipynb", ".pdf")
_SHOWN = 5  # problems named in one message


def checked(job: Job) -> Made:
    """Make a briefing and look at what came out; anything wrong with it is a failure.

    Raises
    ------
    BriefingFailed
        The notebook did not run through, or its notebook, HTML or PDF is not fit to be sent.
    """
    made = make(job)
    problems = []
    with tempfile.TemporaryDirectory(prefix="nof-check-") as folder:
        for ending, content in made.files.items():
            path = Path(folder) / f"page{ending}"
            path.write_bytes(content)
            problems += [f"{_named(ending)} {problem}" for problem in CHECKS[path.suffix](path)]
    if problems:
        raise BriefingFailed("; ".join(problems[:_SHOWN]))
    return made


def _named(ending: str) -> str:
    """A file by its ending as a message names it: "ipynb", "PDF", "safe-to-say PDF"."""
    sheet, _, kind = ending.rpartition(".")
    return f"{sheet[1:]} {kind if kind == 'ipynb' else kind.upper()}".strip()


def check_notebook(content: bytes) -> list[str]:
    """Problems of an executed notebook: not readable, a code cell that was not run, an error left in its outputs."""
    wrong: dict[str, Exception] = {}
    try:
        notebook = nbformat.reads(content.decode(), as_version=4, capture_validation_error=wrong)
    except Exception as error:  # noqa: BLE001 - json or unicode: nbformat raises many kinds
        wrong["unreadable"] = error
    if wrong:
        return [f"cannot be read: {type(next(iter(wrong.values()))).__name__}"]
    problems = []
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type != "code" or not cell.source.strip():
            continue
        if cell.execution_count is None:
            problems.append(f"cell {number} was not run")
        if any(_is_error(one) for one in cell.outputs):
            problems.append(f"cell {number} shows an error")
    return problems


def _is_error(output: nbformat.NotebookNode) -> bool:
    left = "Traceback (most recent call last)" in output.get("text", "")
    return output.output_type == "error" or left


CHECKS: dict[str, Callable[[Path], list[str]]] = {
    ".ipynb": lambda path: check_notebook(path.read_bytes()),
    ".html": check_html,
    ".pdf": check_pdf,
    ".docx": lambda path: check_word(path.read_bytes()),
}


def check_word(content: bytes) -> list[str]:
    """Problems of a Word document: not readable, without title or language, a picture without a description."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as parts:
            body, about = (parts.read(name).decode() for name in ("word/document.xml", "docProps/core.xml"))
    except (zipfile.BadZipFile, KeyError, UnicodeDecodeError) as error:
        return [f"cannot be read: {type(error).__name__}"]
    found = [f"has no {name}" for name in ("title", "language") if not re.search(rf"<dc:{name}>[^<]", about)]
    pictures = re.findall(r"<wp:docPr [^>]*>", body)
    return found + ["a figure has no description of its own" for one in pictures if not re.search(r'descr="[^"]', one)]


def hashes(made: Made) -> dict[str, str]:
    """SHA-256 of a briefing's files by name, as they left the worker."""
    return {file: hashlib.sha256(content).hexdigest() for file, content in made.paths.items()}


def problems(folder: Path, entries: dict[str, dict]) -> list[str]:
    """What is wrong with a report that is about to be published: a line for each file missing, empty or changed.

    Parameters
    ----------
    folder : Path
        The finished report.
    entries : dict
        Per briefing, `files`: the hash of each as it was checked (when made, or when it was last published).
    """
    found = []
    for name, entry in entries.items():
        found += [f"{name}: no {ending[1:]} file" for ending in ENDINGS if f"{name}{ending}" not in entry["files"]]
        for file, expected in entry["files"].items():
            path = folder / file
            if not path.is_file():
                found.append(f"{file} is missing")
            elif common.sha256(path) != expected:
                found.append(f"{file} is not what was made ({path.stat().st_size} bytes on the disk)")
    empty = (path for path in folder.rglob("*") if path.is_file() and path.stat().st_size == 0)
    found += [f"{path.relative_to(folder).as_posix()} is empty" for path in sorted(empty)]
    return found
