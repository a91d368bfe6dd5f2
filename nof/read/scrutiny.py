"""Every check that needs nothing but the published rows, in one call; what needs recomputed figures is in nof.rules.consistency."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from nof.read import league_check, plausible, presence, wording
from nof.read.findings import found, guarded, together


def scrutinise(metrics: pd.DataFrame, league: pd.DataFrame, files: pd.DataFrame) -> pd.DataFrame:
    """What is odd in the rows of a folder.

    Parameters
    ----------
    metrics, league : DataFrame
        Rows that count, as read: with names, sub-types, regions, file and row.
    files : DataFrame
        file, named_quarter (slug, or None where the name has none).

    Returns
    -------
    DataFrame
        See `nof.read.findings.together`.
    """
    both = pd.concat([metrics, league], ignore_index=True)
    checks: tuple[tuple[Any, ...], ...] = (
        (wording.forms, metrics), (presence.twice, metrics), (wording.blanks, metrics), (wording.units_known, metrics),
        (presence.names, both), (presence.without_summary, metrics), (presence.rows_missing, metrics),
        (presence.quarters_missing, metrics), (presence.changed_since_before, metrics), (wording.differ, metrics),
        (wording.beside, metrics), (presence.trusts_in_both, metrics, league), (plausible.bounds, metrics),
        (plausible.spelling, metrics, league), (plausible.scales, metrics), (plausible.moves, metrics),
        (plausible.medians, metrics), (plausible.periods, metrics), (league_check.against_metrics, metrics, league),
        (league_check.ranks_beyond, metrics, league), (league_check.quarters_agree, metrics, league),
        (league_check.names_agree, both, files),
    )  # fmt: skip
    return together(guarded(check, *given) for check, *given in checks)


def lost_since(sources: Iterable[Any]) -> pd.DataFrame:
    """Trusts that a file has and the newer one, which is used in its place, has not.

    Parameters
    ----------
    sources : iterable of releases.Source
        With `used` set.
    """
    parts = []
    sources = [one for one in sources if one.used is not None]
    for kind in ("metrics", "league"):
        used = [one.used for one in sources if one.kind == kind and len(one.used)]
        rest = [one.frame.drop(index=one.used.index) for one in sources if one.kind == kind and not one.problems]
        if not used or not sum(map(len, rest)):
            continue
        key = ["quarter", "trust_type", "trust_code"]
        now, then = pd.concat(used), pd.concat(rest).drop_duplicates(key)
        here = now[key].drop_duplicates()
        quarters = (
            here.groupby("trust_type")["quarter"].max().reset_index()
        )  # an older release says so of older quarters
        lost = then.merge(quarters, on=key[:2]).merge(here, on=key, how="left", indicator=True)
        lost = lost[lost["_merge"] == "left_only"].drop(columns="_merge").merge(
            now.drop_duplicates(key[:2])[[*key[:2], "file"]].rename(columns={"file": "newer"}), on=key[:2])  # fmt: skip
        parts.append(found("release_lost", lost, "in this file, but not in {newer}, which is used in its place"))
    return together(parts)


def passed_over(told: Iterable[tuple[str, str]]) -> pd.DataFrame:
    """What was read past: files of others, rows of commas, columns without a name; given as pairs of file and words."""
    rows = pd.DataFrame(list(told), columns=["file", "told"])
    return found("passed_over", rows, "passed over: {told}", most=len(rows))
