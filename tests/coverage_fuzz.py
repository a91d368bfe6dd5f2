"""Fuzzing that looks where the bytes lead (atheris, where it is installed): python tests/coverage_fuzz.py TARGET [SECONDS]

Not a package of the set-up: it is compiled, and for one system. `.venv/bin/python -m pip install --no-deps
--require-hashes -r tests/fuzz.lock` adds it; tests/test_fuzz.py runs each target for a few seconds where it is there.
"""

from __future__ import annotations

import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import atheris
import builders

with atheris.instrument_imports(include=["nof"]):
    from nof import common
    from nof.briefing import params
    from nof.briefing.document import parse_markdown
    from nof.briefing.markdown_typst import convert
    from nof.common import InputError
    from nof.method import reporting_dates
    from nof.read import checks, sheets
    from nof.read.publication import read


PLACE = Path(tempfile.mkdtemp(prefix="nof-fuzz-"))


def opening(data: bytes) -> None:
    """Bytes to cells and header."""
    if not sheets.byte_problems("a.csv", data):
        text, _ = sheets.decode("a.csv", data)
        header, _, _ = sheets.split("a.csv", text)
        if kind := checks.kind_of(header):
            checks.settle_header("a.csv", header, kind)


def publication(data: bytes) -> None:
    """A folder with one file."""
    (PLACE / builders.metrics_name()).write_bytes(data)
    with suppress(InputError):
        read(PLACE)


def date(data: bytes) -> None:
    """A Reporting_date."""
    reporting_dates.parse(data.decode("utf-8", "replace"), "2025-26-q4")


def parameters(data: bytes) -> None:
    """A params file."""
    (PLACE / "x.yaml").write_bytes(data)
    for load in (common.mapping, params.load):
        with suppress(InputError):
            load(PLACE / "x.yaml")


def markdown(data: bytes) -> None:
    """Markdown to Typst."""
    convert(parse_markdown(data.decode("utf-8", "replace")))


TARGETS = {one.__name__: one for one in (opening, publication, date, parameters, markdown)}

if __name__ == "__main__":
    target, seconds = TARGETS[sys.argv[1]], sys.argv[2] if len(sys.argv) > 2 else "60"
    corpus = Path(tempfile.mkdtemp(prefix="nof-corpus-"))
    (corpus / "metrics").write_text(builders.metrics_text("ambulance"), encoding="utf-8-sig")
    (corpus / "params").write_text("quarter: 2025-26-q4\ndata: x\ntrusts: [R1A]\n", encoding="utf-8")
    (corpus / "words").write_text("12 months to *March* 2026 | [a](b)\n", encoding="utf-8")
    # Bounds as in test_fuzz.py: a hang is an input that takes 10 seconds, memory ends at 2 GB with all that was imported.
    atheris.Setup(
        [
            sys.argv[0],
            f"-max_total_time={seconds}",
            "-timeout=10",
            "-rss_limit_mb=2048",
            "-max_len=6000",
            f"-artifact_prefix={PLACE}/",
            str(corpus),
        ],
        target,
    )
    atheris.Fuzz()
