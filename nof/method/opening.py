"""A publication opened: read, recomputed, held against itself and beside what was published; from disk where it is kept there."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import pandas as pd

from nof import common
from nof.common import InputError, Problem, kept
from nof.method import restated
from nof.method.reporting_dates import parse
from nof.read import checks, findings, mergers, presence, store
from nof.read.publication import Publication, read, warn
from nof.rules import consistency, reconcile
from nof.rules.recompute import (
    National,
    recompute,
)

LEVELS = {1: "as published (level 1)", 2: "from values where rules allow (level 2)"}
# What is known from beside the files travels with the results, as what `kept` keeps does.
_BESIDE = ("_mergers", "_restated")
_PINNED: dict[Path, National] = {}


@contextmanager
def pinned(folder: str | Path, national: National) -> Iterator[None]:
    """While this lasts, a folder stands for these results, here and in what is forked from here.

    A run reads its folder once: whatever happens to the files meanwhile, each page rests on what its manifest names.
    """
    path = Path(folder).resolve()
    _PINNED[path] = national
    try:
        yield
    finally:
        _PINNED.pop(path, None)


def open_publication(folder: str | Path) -> National:
    """Read a folder and recompute it, once a process unless its files change.

    Where a run has left its results for its own kernels (see `nof.common`) they are read instead.
    """
    path = _found(folder)
    if path in _PINNED:
        return _PINNED[path]
    files = sorted(path.iterdir()) if path.is_dir() else []
    return _opened(
        path,
        tuple((one.name, one.stat().st_size, one.stat().st_mtime_ns) for one in files),
        restated.earlier_folders(path),
    )


def at_level(national: National, level: int) -> National:
    """The same publication with scores as published (level 1) or from values where the rules allow (level 2).

    Raises
    ------
    InputError
        Another level.
    """
    if level not in LEVELS:
        raise InputError(Problem("level", "is not known", value=str(level), expected="1 or 2"))
    return national if level == national.level else _at_other_level(national, level)


@kept
def _at_other_level(national: National, level: int) -> National:
    made = recompute(national.publication, level)
    vars(made).update({name: held for name, held in vars(national).items() if name in _BESIDE})
    return made


def _found(folder: str | Path) -> Path:
    """Where a folder is: as named from the working folder, or else from our notebooks, as their own defaults mean it.

    The project's own demo publication is made where it is asked for first.
    """
    path = Path(folder).expanduser()
    if not path.is_dir() and not path.is_absolute():
        path = common.notebooks() / path
    if path.name.startswith("demo"):
        from nof.demo import at_hand  # here: making it up takes libraries that reading does without

        path = at_hand(path)
    return (path if path.is_dir() else Path(folder)).resolve()


@lru_cache(maxsize=2)
def _opened(folder: Path, _files: tuple[tuple[str, int, int], ...], _earlier: tuple[Path, ...]) -> National:
    left = common.shared(folder)
    started, wanted = time.process_time(), store.key(folder) if left is None else None
    known = left or _from_disk(store.fetch(wanted) if wanted else None)
    national = known or _recomputed(folder)
    if _BESIDE[0] not in vars(national):
        known_of = mergers.known_mergers(folder), restated.find(folder, national.publication)
        vars(national).update(zip(_BESIDE, known_of, strict=True))
    refused = findings.problems(findings_of(national))
    if refused:
        raise checks.PublicationError(refused)
    if wanted and not known and store.key(folder) != wanted:  # files that changed while they were read
        wanted = None
    store.sign(national, wanted)
    if wanted and not known and time.process_time() - started > store.WORTH:
        _to_disk(wanted, national)
    return national


_FRAMES = ("metrics", "trusts", "league", "files", "findings")  # of a publication
_KEPT = {"scores", "standings", "compared", "findings", *map("publication_{}".format, _FRAMES)}


def _to_disk(wanted: str, national: National) -> None:
    publication = national.publication
    frames = {f"publication_{name}": getattr(publication, name) for name in _FRAMES}
    frames |= {"scores": national.scores, "standings": national.standings}
    frames |= {"compared": compared(national), "findings": findings_of(national)}
    told = {"warnings": list(publication.warnings), "illustrative": publication.illustrative, "level": national.level}
    store.put(wanted, frames, told)


def _from_disk(entry: store.Entry | None) -> National | None:
    """What `_to_disk` kept, if all of it is there; what reading says of the files is said again."""
    if entry is None or not _KEPT <= set(entry.frames):
        return None
    frames, told = entry
    parts = {name: frames[f"publication_{name}"] for name in _FRAMES}
    publication = Publication(**parts, warnings=tuple(told["warnings"]), illustrative=told["illustrative"])
    warn(publication)
    national = National(publication, told["level"], frames["scores"], frames["standings"])
    common.keep(national, compared, frames["compared"])
    common.keep(national, findings_of, frames["findings"])
    return national


def _recomputed(folder: Path) -> National:
    publication = read(folder)
    try:
        return recompute(publication)
    except InputError:
        raise
    except Exception as error:  # files that nobody thought of are refused, not a traceback
        what = f"cannot be recomputed, for a reason that was not foreseen: {type(error).__name__}: {error}"
        raise InputError(Problem(str(folder), what, expected="NHS England's CSV files as published")) from error


@kept
def findings_of(national: National) -> pd.DataFrame:
    """What is odd in the files, from every check there is, made once; see `nof.read.findings.together`."""
    publication = national.publication
    changed = findings.guarded(presence.trusts_changed, publication.trusts, mergers_of(national))
    against = findings.guarded(_against, national)
    undated = findings.guarded(_undated, publication.metrics)
    return findings.together([publication.findings, changed, against, undated])


def _undated(metrics: pd.DataFrame) -> pd.DataFrame:
    """Figures whose Reporting_date says no time that is known here: their age cannot be told."""
    texts = metrics[["quarter", "reporting_date"]].dropna().drop_duplicates()
    texts = texts[[parse(text, quarter) is None for quarter, text in texts.itertuples(index=False)]]
    rows = findings.among(metrics, texts, ["quarter", "reporting_date"])
    return findings.found(
        "period_unknown",
        rows,
        "names no time that is known here, so the age of these data is not told",
        "Reporting_date",
        "reporting_date",
        "as Mar-26, Q4 2025/26 or Apr 25 - Mar 26",
        most=0,
    )


def _against(national: National) -> pd.DataFrame:
    return consistency.find(national.publication, compared(national))


def restated_of(national: National) -> restated.Restated:
    """What a publication restates of the files before it, where those are at hand; see `restated.find`."""
    return vars(national).get("_restated") or restated.nothing()


def mergers_of(national: National) -> pd.DataFrame:
    """Mergers of trusts that concern a publication; see `lineage.known_mergers`."""
    found = vars(national).get("_mergers")
    return mergers.read_mergers() if found is None else found


@kept
def compared(national: National) -> pd.DataFrame:
    """Every figure beside the published one, computed once; see `reconcile.compare`."""
    return reconcile.compare(national.publication, national)


@kept
def reconciliation(national: National) -> pd.DataFrame:
    """The summary of `compared`; see `reconcile.summarise`."""
    return reconcile.summarise(compared(national))
