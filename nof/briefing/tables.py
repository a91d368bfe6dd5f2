"""The tables beside the briefings: their figures as CSV files."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pandas as pd

from nof import common
from nof.method import limits, movement, opening, timeliness, view
from nof.method.contributions import published_value_id
from nof.method.movement_facts import beside_standards
from nof.read import store
from nof.rules import recompute, reconcile


def write(
    folder: Path,
    national: recompute.National,
    quarter: str,
    types: list[str],
    carried: bool = False,
    hides: bool = True,
) -> None:
    """Write them into a folder.

    Parameters
    ----------
    quarter : str
        Slug.
    types : list of str
        Trust types.
    carried : bool
        Those carried over from the last report stand already.
    hides : bool
        Also what a rank hides (limits_*.csv), which takes longest: for a report with a briefing that says so.
    """
    folder.mkdir(exist_ok=True)
    for trust_type in types:
        shown = view.view_of(national, quarter, trust_type)
        if hides and not (carried and any(folder.glob(f"limits_*-{trust_type}.csv"))):
            for name, content in store.files(shown, "limits", partial(_limits_files, shown)).items():
                (folder / f"{name}-{trust_type}.csv").write_bytes(content)
        if carried and (folder / f"league_table-{trust_type}.csv").exists():
            continue
        rankings = list(_rankings(shown))
        about = {"quarter": quarter, "trust_type": trust_type}
        frames = {"league_table": shown.league, "domain_scores": shown.domains.assign(**about)}
        if rankings:
            frames["metric_rankings"] = timeliness.dated(pd.concat(rankings, ignore_index=True).assign(**about))
        for name, frame in (frames | _beside(shown)).items():
            _put(folder / f"{name}-{trust_type}.csv", frame)
    if carried:
        return
    _put(folder / "reconciliation.csv", opening.reconciliation(national))
    _put(folder / "mismatches.csv", reconcile.mismatches(opening.compared(national)))


def _put(path: Path, frame: pd.DataFrame) -> None:
    path.write_text(common.text(frame), encoding=common.MARKED)


def _limits_files(shown: view.View) -> dict[str, bytes]:
    return {name: common.text(frame).encode(common.MARKED) for name, frame in limits.tables(shown).items()}


def _beside(shown: view.View) -> dict[str, pd.DataFrame]:
    """What stands beside the league table: each move split into its causes, and values beside planning standards."""
    frames = {}
    if before := shown.previous_quarter:
        about = {"quarter_before": before, "quarter": shown.quarter, "trust_type": shown.trust_type}
        moves = movement.movement(shown.national, before, shown.quarter, shown.trust_type).assign(**about)
        names = shown.league.set_index("trust_code")["trust_name"]
        moves.insert(1, "trust_name", moves["trust_code"].map(names))
        frames["movement"] = moves
    standards = beside_standards(shown)
    return frames | ({"standards": standards} if len(standards) else {})


def _rankings(shown: view.View) -> Iterator[pd.DataFrame]:
    """Each metric's ranking with its name, the id of its score and the id of its value."""
    for one in shown.metrics.itertuples(index=False):
        value_id = published_value_id(one.metric_id, shown.framework)
        yield shown.ranking(one.metric_id).assign(
            metric_id=one.metric_id, value_id=value_id, description=one.description, domain=one.domain
        )
