"""Where the project's own data stand: in the repository, or inside an installed wheel."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

_PACKAGE = Path(__file__).resolve().parent
_REPOSITORY = _PACKAGE.parent


def share(*parts: str) -> Path:
    """Path of a file that travels with the project.

    The repository's own copy is used where nof runs from a clone, else the copy that the wheel carries.
    """
    home = _REPOSITORY if (_REPOSITORY / "data" / "frameworks").is_dir() else _PACKAGE / "_share"
    return home.joinpath(*parts)


def installed() -> bool:
    """Whether nof runs from an installed package, not from a clone."""
    return share().is_relative_to(_PACKAGE)


def demo() -> Path:
    """The folder of the made-up publication: the clone's data/demo, or a folder in the user's cache.

    An installed package never writes into its own folder: that may belong to somebody else, and goes with an upgrade.
    """
    if installed():
        return platformdirs.user_cache_path("nof", appauthor=False) / "demo"
    return share("data", "demo")


def params(name: Path) -> Path:
    """A params file: the path itself, or by its bare name ("demo") one that travels with the project."""
    own = share("params", f"{name}.yaml")
    return own if len(name.parts) == 1 and not name.exists() and own.is_file() else name


def reference(name: str) -> Path:
    """Path of a file in data/reference/."""
    return share("data", "reference", name)


def frameworks() -> Path:
    """The folder of rules files, one for each framework year."""
    return share("data", "frameworks")


def notebooks() -> Path:
    """The folder of notebooks: the project's own, or the one that the environment variable NOF_NOTEBOOKS names."""
    own = os.environ.get("NOF_NOTEBOOKS")
    return Path(own).resolve() if own else share("notebooks")
