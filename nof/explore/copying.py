"""The notebooks as files of one's own: out of a clone or an installed package into a folder to work in."""

from __future__ import annotations

import shutil
from pathlib import Path

from nof import common
from nof.common import InputError, Problem


def copy_notebooks(folder: Path, force: bool = False) -> list[Path]:
    """Copy every notebook, and helpers.py, which they import, into a folder.

    Parameters
    ----------
    force : bool
        Replace files that are there and say something else; without it nothing is written then.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    InputError
        A file of the same name says something else, or the folder cannot be written.
    """
    found = [*sorted(common.share("notebooks").glob("*.ipynb")), common.helpers() / "helpers.py"]
    pairs = [(source, folder / source.name) for source in found]
    changed = [place for source, place in pairs if place.exists() and place.read_bytes() != source.read_bytes()]
    if changed and not force:
        expected = "another folder, or --force"
        raise InputError(
            Problem(str(one), "is there already and says something else", expected=expected) for one in changed
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return [Path(shutil.copyfile(source, place)) for source, place in pairs]
    except OSError as error:
        raise InputError(Problem(str(folder), f"cannot be written: {error.strerror}")) from error
