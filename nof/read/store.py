"""Results of a publication on disk, so that who opens the same files again need not wait for them to be recomputed.

An entry is a folder of files (Parquet where they hold figures), named by a hash of everything that its figures rest on: the publication's files, our
code and rules, and the versions of the packages that compute. A file that is damaged, or a folder that others may write
to, is passed over in silence: the results are computed again. `nof cache` shows and clears it.

What opening a publication computes is one entry; what is asked of it later (`frame`, `files`) has entries of its own.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import platform
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import lru_cache, wraps
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import pandas as pd
import platformdirs

from nof import common

VARIABLE = "NOF_CACHE"  # another folder; empty: nothing is kept
WORTH = 1.0  # seconds of computing from which on the results of a publication are kept
FRAME_WORTH = 0.1  # and a frame, or files, asked of them
MOST_BYTES = 300_000_000  # of all entries; beyond that the longest unused go
ABOUT = "about.json"
_PACKAGES = ("numpy", "pandas", "pyarrow", "scipy")
_ROOMS = ("read", "rules", "method")


T = TypeVar("T")


class Entry(NamedTuple):
    """What was kept: frames by name, and what else was said of them."""

    frames: dict[str, pd.DataFrame]
    about: dict[str, Any]


def folder() -> Path | None:
    """Where results are kept: the user's own cache, or what NOF_CACHE names; None where it is empty."""
    given = os.environ.get(VARIABLE)
    if given is None:
        return platformdirs.user_cache_path("nof", appauthor=False) / "results"
    return Path(os.path.abspath(Path(given).expanduser())) if given else None


def key(data: Path) -> str | None:
    """What the results of a publication's folder rest on, as a hash; None where it cannot be told, or nothing is kept."""
    if folder() is None:
        return None
    try:
        names = sorted(one.name for one in data.iterdir())
        contents = common.fingerprint(data)
    except OSError:
        return None
    told = json.dumps([names, contents, _code(), platform.python_version(), *map(metadata.version, _PACKAGES)])
    return hashlib.sha256(told.encode()).hexdigest()


@lru_cache(maxsize=1)
def _code() -> str:
    """Hash of the code and the rules that figures rest on."""
    package = Path(__file__).resolve().parent.parent
    found = [package / "common.py", *(path for room in _ROOMS for path in sorted((package / room).glob("*.py")))]
    for place in (common.frameworks(), common.reference("")):
        found += sorted(path for path in Path(place).iterdir() if path.is_file())
    digest = hashlib.sha256()
    for path in found:
        digest.update(f"{path.parent.name}/{path.name}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()


def fetch(wanted: str) -> Entry | None:
    """The frames of a key; None where there are none, or none that can be relied on."""
    held = _read(wanted)
    try:
        return held and Entry({Path(name).stem: _frame(one) for name, one in held[0].items()}, held[1])
    except Exception:  # noqa: BLE001 - whatever is wrong with what was kept, it is computed again
        return None


def put(wanted: str, frames: Mapping[str, pd.DataFrame], told: Mapping[str, Any]) -> bool:
    """Keep frames under a key, if each comes back from its file as it is; whether they were."""
    try:
        contents = {f"{name}.parquet": frame.to_parquet() for name, frame in frames.items()}
        if not all(_same(frame, _frame(contents[f"{name}.parquet"])) for name, frame in frames.items()):
            return False
    except Exception:  # noqa: BLE001 - a frame that Parquet does not know
        return False
    return _write(wanted, contents, told)


def made(told: str, make: Callable[[], dict[str, bytes]]) -> dict[str, bytes]:
    """Files that take long to make, by name, kept under a text that says all that they are made from."""
    wanted = hashlib.sha256(told.encode()).hexdigest()
    held = _read(wanted)
    if held:
        return held[0]
    found = make()
    _write(wanted, found, {})
    return found


def sign(national: Any, wanted: str | None) -> None:
    """Note with the results of a publication what they rest on; what is asked of them may then be kept, too."""
    vars(national).setdefault("_rests_on", wanted)


def frame(function: Callable[..., T]) -> Callable[..., T]:
    """Keep the frame that a function gives of a view, or of national results, on disk and as `nof.common.kept` does.

    What is no frame, or comes from results that were not opened from a folder, is kept in the process alone.
    """
    name = f"{function.__module__}.{function.__qualname__}"

    @wraps(function)
    def ask(owner, /, *args, **named):
        """What is on disk, or what the function gives now."""
        wanted = _of(owner, name, args, named)
        held = fetch(wanted) if wanted else None
        if held and "frame" in held.frames:
            return held.frames["frame"]
        started = time.process_time()
        found = function(owner, *args, **named)
        if wanted and isinstance(found, pd.DataFrame) and time.process_time() - started > FRAME_WORTH:
            put(wanted, {"frame": found}, {})
        return found

    return common.kept(ask)


def files(owner: Any, name: str, make: Callable[[], dict[str, bytes]]) -> dict[str, bytes]:
    """Files that take long to make from a view, by name; kept like its frames."""
    wanted = _of(owner, name, (), {})
    held = _read(wanted) if wanted else None
    if held:
        return held[0]
    started = time.process_time()
    made = make()
    if wanted and time.process_time() - started > FRAME_WORTH:
        _write(wanted, made, {})
    return made


def _of(owner: Any, name: str, args: tuple, named: Mapping[str, Any]) -> str | None:
    """The key of what is asked of a view or of national results; None where it cannot be told what these rest on."""
    national = getattr(owner, "national", owner)
    rests_on = vars(national).get("_rests_on")
    if not rests_on:
        return None
    about = [getattr(owner, one, None) for one in ("quarter", "trust_type", "draws", "seed")]
    told = repr((rests_on, about, name, args, sorted(named.items())))
    return hashlib.sha256(told.encode()).hexdigest()


def _frame(content: bytes) -> pd.DataFrame:
    return pd.read_parquet(io.BytesIO(content))


def _read(wanted: str) -> tuple[dict[str, bytes], dict[str, Any]] | None:
    """Files of an entry, each as it was written, and what was said of them; None where that cannot be had."""
    place = _own(folder())
    if place is None:
        return None
    try:
        about = json.loads((place / wanted / ABOUT).read_text(encoding="utf-8"))
        contents = {name: (place / wanted / name).read_bytes() for name in about["files"]}
        if any(hashlib.sha256(contents[name]).hexdigest() != digest for name, digest in about["files"].items()):
            return None
        with suppress(OSError):
            os.utime(place / wanted)  # the longest unused go first
        return contents, about["told"]
    except Exception:  # noqa: BLE001 - whatever is wrong with what was kept, it is made again
        return None


def _write(wanted: str, contents: Mapping[str, bytes], told: Mapping[str, Any]) -> bool:
    """Keep an entry; it appears with one rename, so two processes that make the same one do not disturb each other."""
    place = _own(folder(), make=True)
    if place is None:
        return False
    digests = {name: hashlib.sha256(one).hexdigest() for name, one in contents.items()}
    try:
        with tempfile.TemporaryDirectory(prefix=".", dir=place) as made:
            whole = Path(made) / "whole"
            whole.mkdir(mode=0o700)
            for name, one in contents.items():
                (whole / name).write_bytes(one)
            (whole / ABOUT).write_text(json.dumps({"files": digests, "told": dict(told)}, indent=1), encoding="utf-8")
            shutil.rmtree(place / wanted, ignore_errors=True)
            whole.rename(place / wanted)
            os.utime(place / wanted)  # by the clock that says when it was used last
        _bound(place)
        return True
    except OSError:  # a full disk, or one that must not be written to: nothing is kept
        return False


def entries() -> list[tuple[str, int]]:
    """Key and bytes of each entry, the longest unused first."""
    place = _own(folder())
    found = [one for one in place.iterdir() if one.is_dir() and (one / ABOUT).is_file()] if place else []
    found.sort(key=lambda one: one.stat().st_mtime_ns)
    return [(one.name, sum(path.stat().st_size for path in one.iterdir())) for one in found]


def clear() -> int:
    """Remove all entries; how many there were."""
    place, found = _own(folder()), entries()
    for name, _ in found if place else ():
        shutil.rmtree(place / name, ignore_errors=True)  # type: ignore[operator]  # there are entries, so there is a place
    return len(found)


def _own(place: Path | None, make: bool = False) -> Path | None:
    """The folder, if it is ours alone to write to; what others could have put there is not read."""
    if place is None:
        return None
    try:
        if make:
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
        facts = place.lstat()
    except OSError:
        return None
    mine = not hasattr(os, "geteuid") or facts.st_uid == os.geteuid()
    closed = os.name == "nt" or not facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return place if stat.S_ISDIR(facts.st_mode) and mine and closed else None


def _same(one: pd.DataFrame, other: pd.DataFrame) -> bool:
    try:
        pd.testing.assert_frame_equal(one, other, check_exact=True)
    except AssertionError:
        return False
    return not any(pd.api.types.is_object_dtype(kind) for kind in one.dtypes)


def _bound(place: Path) -> None:
    """Remove the longest unused entries beyond what may be kept."""
    held = entries()
    total = sum(size for _, size in held)
    for name, size in held[:-1]:
        if total <= MOST_BYTES:
            return
        shutil.rmtree(place / name, ignore_errors=True)
        total -= size
