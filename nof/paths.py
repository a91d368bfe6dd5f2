"""Where the project's own data stand: in the repository, or inside an installed wheel."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_REPOSITORY = _PACKAGE.parent


def share(*parts: str) -> Path:
    """Path of a file that travels with the project.

    The repository's own copy is used where nof runs from a clone, else the copy that the wheel carries.
    """
    home = _REPOSITORY if (_REPOSITORY / "data" / "frameworks").is_dir() else _PACKAGE / "_share"
    return home.joinpath(*parts)


def reference(name: str) -> Path:
    """Path of a file in data/reference/."""
    return share("data", "reference", name)


def frameworks() -> Path:
    """The folder of rules files, one for each framework year."""
    return share("data", "frameworks")


def notebooks() -> Path:
    """The folder of notebooks."""
    return share("notebooks")
