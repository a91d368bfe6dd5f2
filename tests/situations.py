"""Situations that the words of the briefings have to stand: small made-up publications on disk, one function each.

Each is the demo's own generator run for some twenty trusts and a dozen metrics, so that every figure follows from the
others, with something changed in what it draws or in what is published. Nothing here describes a real organisation.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd

from nof import demo
from nof.demo import names, publication
from nof.demo.next_year import BOARDS
from nof.demo.values import values
from nof.read.publication import LEAGUE_FIELDS, Publication
from nof.rules import framework as rules
from nof.rules.recompute import league, recompute

Q2, Q3, Q4 = "2025-26-q2", "2025-26-q3", "2025-26-q4"
ACUTE, MENTAL_HEALTH, AMBULANCE = names.ACUTE, names.MENTAL_HEALTH, names.AMBULANCE
# Acute trusts of every subtype, X5Q among them, which X2J takes over; those that become X8Q; two ambulance services.
HOSPITALS = ("X0A", "X0B", "X0C", "X0D", "X0E", "X0F", "X0G", "X0H", "X0J", "X0U", "X2J", "X5Q")
OTHERS = ("X6A", "X6B", "X6C", "X6S", "X7D", "X8P", "X8Q", "X9A", "X9B")
METRICS = ("OF0005", "OF0013", "OF0020", "OF0023", "OF0041", "OF0061", "OF0079", "OF0081", "OF0080", "OF0082", "OF0085")
NOTEBOOKS = ("league_table", "trust_briefing", "limitations", "metric_rankings", "reconciliation")
PLACES = dict(zip(HOSPITALS, names.places(), strict=False))  # of boards
MONEY = ("OF0079", "OF0081")  # plan and variance, on which flags rest


@dataclass(frozen=True)
class Situation:
    """A publication, and what of it the briefings show.

    Attributes
    ----------
    data : Path
        Folder of the publication.
    quarter, trust_type : str
        Slugs.
    trusts : tuple of str
        Codes of those whose briefing is made.
    more : dict
        Further parameters, by notebook.
    notebooks : tuple of str
        Those that have something of their own to say in it.
    """

    data: Path
    quarter: str = Q4
    trust_type: str = ACUTE
    trusts: tuple[str, ...] = ("X0A",)
    more: dict[str, dict[str, Any]] = field(default_factory=dict)
    notebooks: tuple[str, ...] = NOTEBOOKS


# ---- making a small publication ----


def made(
    codes: Collection[str] = (*HOSPITALS, *OTHERS),
    metrics: Collection[str] = METRICS,
    drawn: Callable[[pd.DataFrame], pd.DataFrame] = lambda rows: rows,
    first: int = 3,
) -> tuple[Publication, pd.DataFrame]:
    """A publication from a quarter of the year (1 to 4) on and its mergers; `drawn` changes what the rules are applied to."""
    framework, cast = rules.load("2025/26"), few(codes)
    named = [*metrics, *MONEY]
    known = [one for one in framework.metrics if one.score_id.replace("OF1", "OF0") in named or one.matrix]
    framework = framework.model_validate(framework.model_dump() | {"metrics": [one.model_dump() for one in known]})
    cast = counted(cast[cast["last"] >= first].assign(first=lambda rows: rows["first"].clip(lower=first)))

    def wanted(draw: Callable) -> Callable:
        return lambda *given: draw(*given).pipe(
            lambda rows: rows[rows["metric_id"].str.replace("OF1", "OF0").isin(named)]
        )

    with (
        mock.patch.object(
            publication, "drawn_values", wanted(lambda few, _, seed: values(few, rules.load("2025/26"), seed))
        ),
        mock.patch.object(publication, "bespoke_scores", wanted(publication.bespoke_scores)),
    ):
        draft = publication._draft(cast, framework, demo.SEED)
    ids = draft.metrics["metric_id"]
    kept = ids.str.replace("OF1", "OF0").isin(metrics) | ids.str.startswith("OF5")
    national = recompute(replace(draft, metrics=drawn(draft.metrics[kept]).reset_index(drop=True)))
    tables = [league(national, Q4, one, draws=500).assign(trust_type=one) for one in national.publication.trust_types]
    return (
        publication._publication(
            publication._finished(national, framework),
            national.publication.trusts,
            pd.concat(tables, ignore_index=True)[list(LEAGUE_FIELDS)],
        ),
        mergers(),
    )


def few(codes: Collection[str]) -> pd.DataFrame:
    """The rows of the cast with these codes."""
    cast = names.trusts()
    return counted(cast[cast["trust_code"].isin(codes)])


def counted(cast: pd.DataFrame) -> pd.DataFrame:
    """Rows of the cast with their bodies counted from nought, as figures are drawn for them."""
    return cast.assign(body=pd.factorize(cast["body"])[0]).reset_index(drop=True)


def mergers() -> pd.DataFrame:
    """The made-up mergers of the demo."""
    return names.mergers(names.trusts())


def written(
    folder: Path,
    told: Publication,
    merged: pd.DataFrame,
    left_out: str = "-",
    called_made_up: bool = True,
) -> Path:
    """Write a publication as NHS England lays it out, without the files whose names hold `left_out`."""
    folder.mkdir(parents=True)
    for name, content in demo.files(told, merged).items():
        if left_out not in name or left_out == "-":
            (folder / name).write_bytes(content)
    if called_made_up:
        (folder / demo.MARK).write_text("Illustrative data.\n", encoding="utf-8")
    return folder


def only(told: Publication, quarters: Collection[str] = (), types: Collection[str] = ()) -> Publication:
    """A publication cut down to some quarters and some types."""

    def cut(rows: pd.DataFrame) -> pd.DataFrame:
        return rows[
            (rows["quarter"].isin(quarters) | (not quarters)) & (rows["trust_type"].isin(types) | (not types))
        ].reset_index(drop=True)

    return replace(told, metrics=cut(told.metrics), trusts=cut(told.trusts), league=cut(told.league))


def dated(told: Publication, quarters: dict[str, str]) -> Publication:
    """A publication as if it were of other quarters; what its metrics say of their periods stays."""

    def change(rows: pd.DataFrame) -> pd.DataFrame:
        return rows.assign(quarter=rows["quarter"].map(quarters))

    return replace(told, metrics=change(told.metrics), trusts=change(told.trusts), league=change(told.league))


def flagged(by_quarter: dict[str, Collection[str]]) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """Makes the override's flags be those of these trusts alone, by quarter."""

    def change(rows: pd.DataFrame) -> pd.DataFrame:
        flags = rows["metric_id"] == "OF5004"
        own = [
            float(code in by_quarter.get(quarter, ()))
            for quarter, code in zip(rows["quarter"], rows["trust_code"], strict=True)
        ]
        return rows.assign(value=np.where(flags, own, rows["value"]))

    return change


def without(told: Publication, ids: str, codes: Collection[str] = (), quarters: Collection[str] = ()) -> Publication:
    """A publication without the rows of some metric ids (a pattern), of some trusts or of all, in some quarters or in all."""
    rows = told.metrics
    gone = rows["metric_id"].str.fullmatch(ids)
    gone &= rows["trust_code"].isin(codes) | (not codes)
    gone &= rows["quarter"].isin(quarters) | (not quarters)
    return replace(told, metrics=rows[~gone].reset_index(drop=True))


@lru_cache(maxsize=1)
def usual() -> tuple[Publication, pd.DataFrame]:
    """What most situations start from."""
    return made()


@lru_cache(maxsize=1)
def longer() -> tuple[Publication, pd.DataFrame]:
    """The same with the quarter before its mergers."""
    return made(first=2)


# ---- the situations ----


def override_held(home: Path) -> Situation:
    """The override holds the two best trusts, one of them anew, and would hold a third if its scores were better."""
    flags = {Q3: ("X0J", "X0E"), Q4: ("X0U", "X0J", "X0E")}
    return Situation(written(home, *made(drawn=flagged(flags))), trusts=("X0U", "X0J", "X0E"))


def override_lifted(home: Path) -> Situation:
    """The override held trusts in the quarter before and holds none now."""
    return Situation(written(home, *made(drawn=flagged({Q3: ("X0U", "X0J")}))), trusts=("X0U", "X0J"))


def merger_in_the_window(home: Path) -> Situation:
    """Trusts merge between two quarters, and others will."""
    told, merged = longer()
    return Situation(written(home, told, merged), Q3, MENTAL_HEALTH, ("X8Q", "X6B", "X6S"))


def split_and_takeover(home: Path) -> Situation:
    """Services of one trust went to two others within the quarter."""
    told, merged = longer()
    own = merged[merged["predecessor_code"] == "X5Q"].assign(kind="split", effective_date="2026-02-01")
    parts = [own, own.assign(successor_code="X0A", successor_name="Ambershire")]
    return Situation(written(home, told, pd.concat(parts)), trusts=("X2J", "X0A", "X5Q"), notebooks=("trust_briefing",))


def no_earlier_quarter(home: Path) -> Situation:
    """One quarter alone."""
    told, merged = usual()
    return Situation(written(home, only(told, [Q4]), merged, called_made_up=False))


def no_segments(home: Path) -> Situation:
    """One type's file without its segments and flags."""
    told, merged = usual()
    cut = without(only(told, types=[ACUTE]), "OF500[0347]|OF5005|OF4.*")
    return Situation(written(home, cut, merged, "league"))


def no_segment_before_the_override(home: Path) -> Situation:
    """One type's file with segments, without those before the override."""
    told, merged = usual()
    return Situation(written(home, without(only(told, types=[ACUTE]), "OF5003"), merged), trusts=("X0A", "X0B"))


def one_types_files(home: Path) -> Situation:
    """One type's files as published, so that the national pool is not at hand."""
    told, merged = usual()
    return Situation(written(home, only(told, types=[ACUTE]), merged, called_made_up=False), trusts=("X0A", "X0C"))


def ties(home: Path) -> Situation:
    """All acute trusts but two have the same figures."""

    def alike(rows: pd.DataFrame) -> pd.DataFrame:
        key = ["quarter", "metric_id", "units"]
        given = rows[rows["trust_code"] == "X0A"].set_index(key)["value"].rename("given")
        table = rows.join(given, on=key)
        same = (table["trust_type"] == ACUTE) & ~table["trust_code"].isin(["X0B", "X0C"]) & table["given"].notna()
        return table.assign(value=table["value"].mask(same, table["given"])).drop(columns="given")

    return Situation(written(home, *made(drawn=alike)), trusts=("X0A", "X0B"))


def one_metric(home: Path) -> Situation:
    """Every trust is scored on one metric."""
    return Situation(written(home, *made(metrics=["OF0061"])))


def one_trust(home: Path) -> Situation:
    """A table of one trust."""
    codes = [one for one in (*HOSPITALS, *OTHERS) if one != "X9B"]
    return Situation(written(home, *made(codes)), Q4, AMBULANCE, ("X9A",), notebooks=("league_table", "trust_briefing"))


def specialist(home: Path) -> Situation:
    """Specialist trusts, scored on few metrics, among others."""
    return Situation(written(home, *made((*HOSPITALS, *OTHERS, "X0Q", "X1B", "X1N"))), trusts=("X0Q", "X0U"))


def no_published_range(home: Path) -> Situation:
    """No league table files, so no likely range of NHS England's."""
    return Situation(written(home, *usual(), "league"))


def restated_figures(home: Path) -> Situation:
    """The newer files give other figures for a quarter that was published before."""
    told, merged = longer()
    rows = told.metrics
    other = (rows["trust_code"] == "X0A") & (rows["metric_id"] == "OF0061")
    before = replace(told, metrics=rows.assign(value=rows["value"].mask(other, rows["value"] + 0.1)))
    before = replace(only(before, [Q2, Q3]), league=told.league.assign(quarter=Q3))
    for name, one in ((Q3, before), (Q4, told)):
        folder = written(home / name, one, merged, "league" if name == Q3 else "-")
        (folder / "sources.json").write_text(json.dumps({"version": name}), encoding="utf-8")
    return Situation(home / Q4)


def year_without_confirmed_rules(home: Path) -> Situation:
    """The first quarter of a framework year whose rules nobody has confirmed."""
    told, merged = usual()
    told = only(told, types=[ACUTE, AMBULANCE])
    return Situation(written(home, dated(told, {Q3: "2026-27-q4", Q4: "2027-28-q1"}), merged), "2027-28-q1")


def integrated_care_boards(home: Path) -> Situation:
    """Organisations that are no trusts, in such a year."""
    told, merged = usual()
    told = only(dated(told, {Q3: "2026-27-q1", Q4: "2026-27-q2"}), types=[ACUTE])

    def boards(rows: pd.DataFrame) -> pd.DataFrame:
        return rows.assign(trust_type=BOARDS, trust_code="Z" + rows["trust_code"])

    places = told.trusts["trust_code"].map(PLACES).radd("NHS ") + " Integrated Care Board"
    trusts = boards(told.trusts).assign(trust_name=places, trust_subtype="Integrated care board")
    told = replace(told, metrics=boards(told.metrics), trusts=trusts, league=boards(told.league))
    return Situation(written(home, told, merged), "2026-27-q2", BOARDS, ("ZX0A", "ZX0D"))


def not_in_the_table(home: Path) -> Situation:
    """Trusts that mergers ended."""
    told, merged = longer()
    return Situation(written(home, told, merged), Q4, ACUTE, ("X5Q", "X8P"), notebooks=("trust_briefing",))


def not_yet_in_the_table(home: Path) -> Situation:
    """A trust that the files list from a later quarter, and one that is gone for no reason that is known."""
    told, merged = longer()
    away = told.trusts["trust_code"] == "X0D"

    def late(rows: pd.DataFrame) -> pd.DataFrame:
        early = (rows["trust_code"] == "X8Q") & (rows["quarter"] < Q4)
        return rows[~early & ~((rows["trust_code"] == "X0D") & (rows["quarter"] >= Q3))].reset_index(drop=True)

    assert away.any()
    told = replace(told, metrics=late(told.metrics), trusts=late(told.trusts), league=late(told.league))
    return Situation(written(home, told, merged), Q3, ACUTE, ("X0D", "X8Q"), notebooks=("trust_briefing",))


def other_rules(home: Path) -> Situation:
    """A table under other rules, and beside a number that somebody brings."""
    told, merged = usual()
    folder = written(home / "data", told, merged)
    numbers = pd.DataFrame({"trust_code": HOSPITALS, "beds": [500 + 13 * place**2 for place in range(len(HOSPITALS))]})
    numbers.to_csv(home / "beds.csv", index=False)
    return Situation(
        folder,
        more={
            "league_table": {"leave_out": ["OF1080"], "weights": {"OF1005": 2}, "statistic": "median"},
            "limitations": {"covariate": str(home / "beds.csv"), "level": 0.8},
        },
    )


SITUATIONS = (
    override_held, override_lifted, merger_in_the_window, split_and_takeover, no_earlier_quarter,
    no_segments, no_segment_before_the_override, one_types_files, ties, one_metric, one_trust,
    specialist, no_published_range, restated_figures, year_without_confirmed_rules, integrated_care_boards,
    not_in_the_table, not_yet_in_the_table, other_rules,
)  # fmt: skip
