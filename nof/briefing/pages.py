"""A page of ours from its template, and the texts of a run made fit for it."""

from __future__ import annotations

import re
from functools import cache
from typing import Any
from urllib.parse import quote

import jinja2
import pandas as pd
from markupsafe import Markup

from nof.briefing import html
from nof.show import style
from nof.show.display import MISSING
from nof.show.words import ILLUSTRATIVE, ILLUSTRATIVE_WORDS, INDEPENDENT

_FOLDERS = re.compile(r"(?:/|[A-Za-z]:\\)[^\s'\":]*[/\\]")  # a path on the machine that made the report
_LONGEST_REASON = 400  # characters of an error; the run's log has all of it


def plain(text: Any) -> str:
    """Text from a file in one line, without characters that HTML forbids."""
    return MISSING if text is None or pd.isna(text) else " ".join(style.clean(str(text)).split()) or MISSING


def reason(why: str) -> str:
    """An error as readers may see it: one line, no folders of the machine, not endless."""
    text = _FOLDERS.sub("…/", plain(re.sub(r"\x1b\[[0-9;]*m", "", why)))
    return text if len(text) <= _LONGEST_REASON else f"{text[:_LONGEST_REASON]}…"


def size_text(size: int) -> str:
    """A file's size: "1.2 MB"; in kB below one megabyte."""
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{max(size / 1e3, 1):.0f} kB"


def render(template: str, **facts: Any) -> str:
    """A page from its template."""
    css = html.one_line(html._css(False) + _read("index.css"))
    return (
        _environment()
        .get_template(template)
        .render(
            **html.on_every_page(),
            css=Markup(css),
            style_hash=html.digest(css),
            illustrative_title=ILLUSTRATIVE,
            illustrative_words=ILLUSTRATIVE_WORDS,
            independent=INDEPENDENT,
            **facts,
        )
    )


@cache
def _environment() -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(html.TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    made.filters["address"] = lambda path: quote(path, safe="/")
    return made


@cache
def _read(name: str) -> str:
    return (html.TEMPLATES / name).read_text(encoding="utf-8")
