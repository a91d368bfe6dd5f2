"""The errors that a user can mend: each says where, what was found and what was expected."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


class NofError(Exception):
    """Something this project can explain. The command line shows the text and no traceback."""


@dataclass(frozen=True)
class Problem:
    """One thing wrong with one place of an input.

    Attributes
    ----------
    file : str
        Name of the file (or folder, or parameter file).
    message : str
        What is wrong, in a few words.
    row : int or None
        Line of the file, the header being line 1.
    column : str or None
        Column or key.
    value : str or None
        What stands there.
    expected : str or None
        What should stand there.
    whose : str or None
        Trust, metric and quarter that the row is about, in words.
    """

    file: str
    message: str
    row: int | None = None
    column: str | None = None
    value: str | None = None
    expected: str | None = None
    whose: str | None = None

    def __str__(self) -> str:
        place = [self.file]
        place += [f"row {self.row}"] if self.row is not None else []
        place += [f"column {self.column}"] if self.column is not None else []
        found = f" (found {self.value!r})" if self.value is not None else ""
        wanted = f"; expected {self.expected}" if self.expected else ""
        whose = f"{self.whose}: " if self.whose else ""
        return f"{', '.join(place)}: {whose}{self.message}{found}{wanted}"


class InputError(NofError):
    """Input that cannot be used; carries every problem found, not just the first."""

    def __init__(self, problems: Problem | Iterable[Problem]):
        self.problems = [problems] if isinstance(problems, Problem) else list(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))
