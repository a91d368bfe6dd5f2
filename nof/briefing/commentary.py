"""A trust's own commentary: CODE.md in the folder that a params file names, shown in a marked box of its briefing.

It is text of somebody else's: Markdown without raw HTML, without pictures, with links to the web or a mail address only,
of a bounded size. Anything else stops the run before a briefing is made, and says where.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from nof.briefing.document import parse_markdown
from nof.common import InputError, Problem, sha256
from nof.read.mergers import read_mergers
from nof.read.sheets import decode

LARGEST = 20_000  # bytes: about five pages
NOT_ONE = {"README.md"}  # a note to whoever keeps the folder
_LINK = re.compile(r"(https?://|mailto:)", re.IGNORECASE)
_HTML = {"block_html": "raw HTML", "inline_html": "raw HTML"}


def commentaries(folder: Path | None, known: Collection[str]) -> dict[str, dict[str, str]]:
    """The commentaries of a folder, by trust code: `file`, `sha256` and `text` of each.

    Parameters
    ----------
    folder : Path, optional
        None where no commentary is asked for.
    known : collection of str
        Codes of the trusts of the publication.

    Raises
    ------
    InputError
        There is no such folder, a file is named after no trust, or one holds what cannot be shown; each is named.
    """
    if folder is None:
        return {}
    if not folder.is_dir():
        raise InputError(Problem("commentary", "there is no such folder", value=str(folder), expected="CODE.md files"))
    successors = read_mergers().groupby("predecessor_code")["successor_code"].agg(list).to_dict()
    found, problems = {}, []
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name in NOT_ONE:
            continue
        if path.suffix != ".md" or path.stem not in known:
            heirs = successors.get(path.stem.upper(), [])
            near = difflib.get_close_matches(path.stem.upper(), known, 1)
            hint = f"; did you mean {near[0]}.md?" if near else ""
            hint = f"; {path.stem.upper()} merged into {' and '.join(heirs)}" if heirs else hint
            problems.append(
                Problem(path.name, f"is named after no trust of this publication{hint}", expected="CODE.md")
            )
            continue
        faults, text = _read(path)
        problems += faults
        found[path.stem] = {"file": path.name, "sha256": sha256(path) if not faults else "", "text": text}
    if problems:
        raise InputError(problems)
    return found


def _read(path: Path) -> tuple[list[Problem], str]:
    """What is wrong with one commentary, and its text."""
    if not path.is_file():
        return [Problem(path.name, "is no file")], ""
    content = path.read_bytes()
    if len(content) > LARGEST:
        return [Problem(path.name, "too large", value=f"{len(content)} bytes", expected=f"at most {LARGEST}")], ""
    text, problems = decode(path.name, content)
    if problems:
        return [Problem(path.name, "is not text in UTF-8", row=one.row) for one in problems], ""
    if not text.strip():
        return [Problem(path.name, "is empty; leave it out instead")], ""
    return [_problem(path, text, *fault) for fault in _faults(parse_markdown(text))], text


def _faults(tokens: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """What a commentary may not hold, each with the text that shows where."""
    for token in tokens:
        url = (token.get("attrs") or {}).get("url", "")
        if token["type"] in _HTML:
            yield _HTML[token["type"]], token["raw"].strip().split("\n")[0]
        elif token["type"] == "image":
            yield "a picture", url
        elif token["type"] == "link" and not _LINK.match(url):
            yield "a link that is neither to the web nor to a mail address", url
        yield from _faults(token.get("children") or [])


def _problem(path: Path, text: str, what: str, found: str) -> Problem:
    row = next((number for number, line in enumerate(text.splitlines(), 1) if found in line), None)
    return Problem(path.name, f"holds {what}", row=row, value=found[:80], expected="Markdown of text, lists and links")
