"""The national results of a run, written down once for processes that cannot inherit them.

A forked copy of a warm process has them in memory. An ordinary kernel, or a worker on another machine, reads what the
run wrote into its own staging area; the environment variable NOF_RESULTS says where. A file made from other inputs is
never used: the folder's content has to match.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import zlib
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

VARIABLE = "NOF_RESULTS"


class Results(NamedTuple):
    """Results, with the folder that they were computed from and a hash of what it held."""

    folder: str
    fingerprint: str
    national: Any


def fingerprint(folder: Path) -> str | None:
    """Hash of the names and contents of a folder's CSV files; None where there is no such folder."""
    if not folder.is_dir():
        return None
    digest = hashlib.sha256()
    for path in sorted(one for one in folder.iterdir() if one.suffix.lower() == ".csv" or one.name == "ILLUSTRATIVE"):
        digest.update(f"{path.name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\0".encode())
    return digest.hexdigest()


def packed(folder: Path, national: Any) -> bytes:
    """Results as bytes, with everything that was computed from them so far (cached properties travel along)."""
    return zlib.compress(pickle.dumps(Results(str(folder), fingerprint(folder) or "", national), protocol=5), 1)


def shared(folder: Path) -> Any | None:
    """The results that a run left for this folder; None if there are none or the folder's content is another.

    A machine that has no such folder (a worker that does not share the disk) takes them by the folder's name.
    """
    path = os.environ.get(VARIABLE)
    if not path:
        return None
    kept = _read(path)
    here = fingerprint(folder)
    return kept.national if kept.folder == str(folder) and here in (None, kept.fingerprint) else None


@lru_cache(maxsize=1)
def _read(path: str) -> Results:
    return pickle.loads(zlib.decompress(Path(path).read_bytes()))
