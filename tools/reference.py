"""Write docs/reference.md from the commands' help and the docstrings of helpers; with --check say if it still fits."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import typer

import helpers
from nof.cli import Exit, app

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reference.md"
HEAD = """# Reference

Written by `tools/reference.py` from the commands' help and the docstrings; do not edit: `make reference` does.

## Commands

In a clone each command is `.venv/bin/nof`; where the package is installed, `nof`.

Exit codes of every command: {codes}.
"""
HELPERS = """
## Helpers

What `import helpers` gives a notebook or a script. A name without brackets is a module; the functions in it are listed.
"""


def commands() -> Iterator[tuple[str, object]]:
    """Every command with its full name, in the order in which they are defined."""
    pending = [("nof", typer.main.get_command(app))]
    while pending:
        name, command = pending.pop(0)
        inner = getattr(command, "commands", None)
        if inner is None:
            yield name, command
        else:
            pending += [(f"{name} {one}", inner[one]) for one in inner]


def of_command(name: str, command) -> str:
    """One command: what it does, and a row for each argument and option."""
    given = [one for one in command.params if one.name != "help"]
    rows = [f"| `{spelling(one)}` | {cell(one.help)} | {default(one)} |" for one in given]
    table = ["| argument or option | what | if not given |", "|---|---|---|", *rows]
    return "\n".join([f"\n### {name}\n", " ".join(command.help.split()), "", *table])


def spelling(parameter) -> str:
    """An argument or option as it is typed."""
    value = parameter.name.upper()
    if parameter.param_type_name == "argument":
        return value
    return ", ".join(parameter.opts) + ("" if parameter.is_flag else f" {value}")


def default(parameter) -> str:
    """What counts if it is not given."""
    if parameter.required:
        return "required"
    value = parameter.default
    return "" if value in (None, False) or callable(value) else f"`{value}`"


def cell(text: str | None) -> str:
    """Text for a cell of a Markdown table."""
    return " ".join((text or "").split()).replace("|", "\\|")


def groups() -> Iterator[tuple[str, list[str]]]:
    """The headings of the docstring of helpers, with the names under each."""
    body = inspect.cleandoc(helpers.__doc__).split("\n\n", 2)[2]
    for part in body.split("\n\n"):
        title, *lines = part.splitlines()
        yield title, [line.split()[0] for line in lines]


def of_helper(name: str) -> str:
    """One helper: its signature and its docstring; of a module, its functions."""
    found = getattr(helpers, name)
    if isinstance(found, ModuleType):
        table = ["| function | what |", "|---|---|", *rows_of(found)]
        return "\n".join([f"\n#### {name}\n", first_line(found), "", *table])
    return f"\n#### {name}{signature(found)}\n\n```text\n{inspect.getdoc(found)}\n```"


def rows_of(module: ModuleType) -> list[str]:
    """A row for each public function that the module defines, or names in __all__."""
    own = getattr(module, "__all__", None) or [
        name
        for name, one in vars(module).items()
        if not name.startswith("_") and inspect.isfunction(one) and one.__module__ == module.__name__
    ]
    found = {name: one for name in own if callable(one := getattr(module, name))}
    return [f"| `{name}{signature(one)}` | {cell(first_line(one))} |" for name, one in found.items()]


def signature(function) -> str:
    """Names and defaults, without types: those stand in the text."""
    given = inspect.signature(function).parameters.values()
    bare = [one.replace(annotation=inspect.Parameter.empty) for one in given]
    return re.sub(r"\s+", " ", str(inspect.Signature(bare)))


def first_line(found) -> str:
    """The line of a docstring that says it all."""
    return (inspect.getdoc(found) or "").split("\n")[0]


def page() -> str:
    """The whole page."""
    codes = ", ".join(f"{one.value} {one.name.lower().replace('_', ' ')}" for one in Exit)
    parts = [HEAD.format(codes=codes), *(of_command(*one) for one in commands()), HELPERS]
    for title, names in groups():
        parts += [f"\n### {title}", *(of_helper(name) for name in names)]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(parts)) + "\n"


if __name__ == "__main__":
    if "--check" in sys.argv:
        fits = PAGE.read_text(encoding="utf-8") == page()
        sys.exit(0 if fits else "docs/reference.md is out of date: run make reference")
    PAGE.write_text(page(), encoding="utf-8")
