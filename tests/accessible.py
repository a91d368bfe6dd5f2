"""What the tests of accessibility share: a small report rendered once, a browser, the checkers, and what they need."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pikepdf
import pytest
from clone import thin_demo
from conftest import ROOT
from filelock import FileLock

from nof.briefing import document
from nof.briefing.blocks import Cards, Document, Figure, Prose, Tabular
from nof.briefing.columns import fitted
from nof.show.words import ILLUSTRATIVE, ILLUSTRATIVE_WORDS, dateline

QUARTER = "2025-26-q4"
TRUSTS = {"trust_acute": "X0G", "trust_ambulance": "X9C"}  # made-up trusts of the demo publication
# Every kind of page that the project makes, and where it stands in the reports folder.
PAGES = {
    "league_table": f"{QUARTER}/league_table-ambulance", "metric_rankings": f"{QUARTER}/metric_rankings-ambulance",
    "reconciliation": f"{QUARTER}/reconciliation", "limitations": f"{QUARTER}/limitations-ambulance",
    **{name: f"{QUARTER}/trusts/{code}" for name, code in TRUSTS.items()},
    "dictionary": f"{QUARTER}/data-dictionary", "index": f"{QUARTER}/index", "root": "index", "last_run": "summary",
}  # fmt: skip
BRIEFINGS = [name for name in PAGES if name not in ("dictionary", "index", "root", "last_run")]
NODE = ROOT / ".node" / "node_modules"  # .ci/run puts the checkers from npm there
AXE, VNU = NODE / "axe-core" / "axe.min.js", NODE / "vnu-jar" / "build" / "dist" / "vnu.jar"
CHROMIUM = "/usr/bin/chromium"
# Chromium is told to keep to itself: what it asks for must be what the page asks for.
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip

_RENDER = f"""
import sys
from dataclasses import replace
from pathlib import Path
from nof.briefing import run
from nof.quarterly import summary
from nof.briefing.params import Params

out = Path(sys.argv[1])
params = Params(quarter={QUARTER!r}, data=out.parent / "data", trust_types=["ambulance"],
                trusts={list(TRUSTS.values())})
outcome = run.brief(params, run.Options(out=out))
assert outcome.published and not outcome.failures, outcome
said = summary.Summary(
    run="20260611T0300", started="2026-06-11 03:00", outcome="failed", text="Two briefings could not be made.",
    quarter={QUARTER!r}, version="a1", previous="a0", changed=["acute-q4.csv"], warnings=["a file is older"],
    reproduced={{"all": 0.98}}, differences=[{{"kind": "changed value", "rows": 12}}, {{"kind": "new row", "rows": 3}}],
    failures={{"trusts/X0G": "ValueError: no value"}}, problems=["a problem"], published={QUARTER!r},
    hook="failed: exit 1")
summary.write(out, said.facts())
"""


def needed(found: bool, reason: str) -> None:
    """Skip with the reason where something is absent; where nothing may be left out, fail."""
    if not found:
        (pytest.fail if os.environ.get("NOF_REQUIRE_REAL") == "1" else pytest.skip)(reason)


def rendered(shared: Path) -> Path:
    """The reports folder of a small made-up publication, rendered once by whichever test process comes first.

    In a process of its own: a test process that has compiled a PDF must not fork any more.
    """
    home = shared / "accessible"
    with FileLock(shared / "accessible.lock"):
        if not (home / "done").exists():
            shutil.rmtree(home, ignore_errors=True)
            thin_demo(home / "data")
            words = [sys.executable, "-c", _RENDER, str(home / "reports")]
            done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
            assert done.returncode == 0, done.stdout + done.stderr
            (home / "done").touch()
    return home / "reports"


def own_clock() -> dict[str, str]:
    """The environment without libfaketime, under which Chromium does not start."""
    return {
        name: value for name, value in os.environ.items() if name not in ("LD_PRELOAD", "FAKETIME", "FAKETIME_SHARED")
    }


def launched(playwright):
    """Debian's Chromium, driven by Playwright."""
    return playwright.chromium.launch(executable_path=chromium(), args=FLAGS, env=own_clock())


def chromium() -> str:
    """Where it is; a test that wants it is skipped, or fails, where it is not."""
    needed(Path(CHROMIUM).is_file(), f"no {CHROMIUM}: pages were not looked at in a browser")
    return CHROMIUM


def open_browser() -> Iterator:
    """A browser, closed in the end."""
    chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = launched(playwright)
        yield browser
        browser.close()


def axe() -> str:
    """The source of axe-core."""
    needed(AXE.is_file(), "no axe-core in .node/ (.ci/run puts it there)")
    return AXE.read_text(encoding="utf-8")


def vnu() -> list[str]:
    """The command of the Nu Html Checker."""
    java = shutil.which("java")
    needed(VNU.is_file() and java is not None, "no vnu-jar in .node/ (.ci/run puts it there), or no Java")
    return [java, "-jar", str(VNU), "--stdout"]


CONTENTS = "Contents"  # the heading of the list that a long briefing begins with


def source(report: Path, name: str) -> Document:
    """What a briefing was made from: its executed notebook, as both exporters read it."""
    return document.read(nbformat.read(report / f"{PAGES[name]}.ipynb", 4))


def parts(doc: Document) -> list[dict]:
    """The tables of a document as a PDF sets them: a wide one comes in parts."""
    return [
        part for block in doc.blocks if isinstance(block, Tabular) for part in fitted(block.data, doc.meta.landscape)
    ]


def described(doc: Document) -> list[str]:
    """The descriptions of a document's drawings in order: its figures, and the small ones in cells of tables."""
    texts: list[str] = []
    for block in doc.blocks:
        if isinstance(block, Figure):
            texts.append(block.alt)
        elif isinstance(block, Tabular):
            for part in fitted(block.data, doc.meta.landscape):
                drawn = part["drawings"]
                texts += [
                    cell
                    for y, row in enumerate(part["rows"])
                    for x, cell in enumerate(row)
                    if str(y) in drawn.get(str(x), ())
                ]
    return texts


def in_order(doc: Document) -> list[str]:
    """Every text of a document in the order in which it should be read; figures by their captions."""
    meta, count = doc.meta, {"Figure": 0, "Table": 0}
    texts = [meta.title, meta.subtitle, dateline(meta.date), meta.source_line, meta.licence_line]
    texts += [f"{ILLUSTRATIVE}. {ILLUSTRATIVE_WORDS}"] if meta.illustrative else []
    texts += [CONTENTS] if meta.contents else []

    def captioned(kind: str, caption: str, first: bool = True) -> str:
        count[kind] += first and bool(caption)
        return f"{kind} {count[kind]} {caption}" if caption else ""

    for block in doc.blocks:
        if isinstance(block, Prose):
            texts += [document.flat([token]) for token in block.tokens]
        elif isinstance(block, Figure):
            texts.append(captioned("Figure", block.caption))
        elif isinstance(block, Cards):
            texts += [item[key] for item in block.data["items"] for key in ("value", "label", "note")]
        elif isinstance(block, Tabular):
            for number, part in enumerate(fitted(block.data, doc.meta.landscape)):
                texts.append(captioned("Table", part["caption"], number == 0))
                texts += [column[key] for column in part["columns"] for key in ("label", "unit")]
                drawn = part["drawings"]  # a drawing's words are its description, which is no text of the page
                texts += [
                    cell
                    for y, row in enumerate(part["rows"])
                    for x, cell in enumerate(row)
                    if str(y) not in drawn.get(str(x), ())
                ]
                texts += [part["key"], part["note"]]
    return texts


def as_tagged(path: Path) -> list[tuple[str, str]]:
    """The tag tree of a PDF as poppler reads it: element and text in reading order, without figures, list marks and contents."""
    needed(shutil.which("pdfinfo") is not None, "no pdfinfo (poppler-utils)")
    words = ["pdfinfo", "-struct-text", "-"]
    done = subprocess.run(words, input=_without_spelling(path), capture_output=True, check=True)
    found, element, skipped = [], "", 99
    for line in done.stdout.decode().splitlines():
        depth, text = len(line) - len(line.lstrip()), line.strip()
        if depth <= skipped and not text.startswith(('"', "/")):
            skipped, element = 99, text.split()[0].rstrip(":")
            if element in ("Figure", "Lbl", "TOC"):
                skipped = depth
        if text.startswith('"') and skipped == 99:
            found.append((element, text[1:-1]))
    return found


def _without_spelling(path: Path) -> bytes:
    """The PDF without the spelling of single letters (a place to break a long word): poppler stops reading there."""
    saved = io.BytesIO()
    with pikepdf.open(path) as pdf:
        for page in (one for one in pdf.pages if b"/ActualText" in one.Contents.read_bytes()):
            kept, spelled = [], []
            for operands, operator in pikepdf.parse_content_stream(page):
                if str(operator) in ("BDC", "BMC"):
                    spelled.append(len(operands) > 1 and "/ActualText" in operands[1])
                closes = str(operator) == "EMC"
                if not ((str(operator) == "BDC" or closes) and spelled[-1]):
                    kept.append((operands, operator))
                if closes:
                    spelled.pop()
            page.Contents = pdf.make_stream(pikepdf.unparse_content_stream(kept))
        pdf.save(saved)
    return saved.getvalue()
