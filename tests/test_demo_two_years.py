"""The made-up publication across the change of method: consistent with what was reported, whole from files to splits, and
plainly not real."""

from __future__ import annotations

import hashlib
import re

import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from conftest import _shared

from nof import common, demo
from nof.briefing import plan
from nof.briefing.make import make
from nof.briefing.params import load
from nof.demo import two_years as room
from nof.method import two_methods
from nof.method.movement import CAUSES, movement
from nof.method.movement_facts import novelties_of
from nof.method.opening import open_publication
from nof.method.view import view_of
from nof.rules import framework, kinds, reconcile, unconfirmed
from nof.show.movement import novelties_table

OLD, NEW = "2025-26-q4", "2026-27-q1"
# Of the demo of 2025/26, which must not change by a byte: first digits of the SHA-256 of its files.
AS_IT_WAS = {
    "nhs-oversight-framework-acute-trust-data-q4-25-26.csv": "a8d5be1ab9f2",
    "nhs-oversight-framework-acute-trust-league-table-q4-25-26.csv": "56642f477e99",
    "nhs-oversight-framework-mental-health-and-community-trust-data-q4-25-26.csv": "49dde3bd7b70",
    "nhs-oversight-framework-mental-health-and-community-trust-league-table-q4-25-26.csv": "a5cacf623eb6",
    "nhs-oversight-framework-ambulance-trust-data-q4-25-26.csv": "57db4b1cba95",
    "nhs-oversight-framework-ambulance-trust-league-table-q4-25-26.csv": "ba0c38f943a2",
    "mergers.csv": "3bcc2c955de3",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return demo.ensure(tmp_path_factory.mktemp("two") / "made", room.YEAR)


@pytest.fixture(scope="module")
def national(folder):
    return open_publication(folder)


def test_the_demo_of_2025_26_is_the_same_to_the_byte():
    made = demo.files(*demo.build())
    assert {name: hashlib.sha256(data).hexdigest()[:12] for name, data in made.items()} == AS_IT_WAS


def test_it_holds_what_was_reported_and_says_that_it_is_made_up(folder, national):
    publication = national.publication
    assert publication.illustrative and (folder / demo.MARK).is_file()
    counts = publication.trusts.groupby(["quarter", "trust_type"]).size().unstack(fill_value=0)
    assert publication.quarters == ["2025-26-q3", OLD, NEW, "2026-27-q2"]
    assert counts.loc[[OLD, NEW], ["acute", "mental-health-and-community", "ambulance", kinds.BOARD]].to_numpy().tolist() == [
        [134, 61, 10, 0], [134, 58, 10, 42],
    ]  # fmt: skip
    new = publication.metrics[publication.metrics["quarter"].isin([NEW, "2026-27-q2"])]
    assert set(new["domain"]) - {"Summary"} == {one.name for one in framework.load("2026/27").domains}
    assert not set(room._DROPPED) & set(new["metric_id"])


def test_no_name_and_no_code_is_an_organisations(national):
    real = pd.read_csv(_shared("real") / "ods-etr-trusts-2025-12.csv", header=None, dtype=str)
    trusts = national.publication.trusts
    assert trusts["trust_code"].str.startswith("X").all()
    assert not set(trusts["trust_name"].str.casefold()) & set(real[1].str.casefold())


def test_every_figure_that_the_rules_give_is_the_published_one(national):
    table = reconcile.compare(national.publication)
    assert reconcile.equal(table).all() and {"OF5002", "OF5000.rank", "league.rank_low"} <= set(table["rule"])


def test_the_reported_bands_are_in_force_and_every_page_says_so(national):
    rules = national.framework(NEW)
    assert rules.segments == framework.load("2026/27").segments and rules.draft
    assert "488 published segments agree" in unconfirmed.line(rules)
    params = plan.settled(load(common.params(common.share("params", "demo-2026-27.yaml"))), national)
    jobs = plan.national_jobs(params, national) + plan.trust_jobs(params, national, params.trusts)
    assert all("Edges between segments are those reported in board papers" in job.about["source_line"] for job in jobs)
    told = {job.name: job.about.get("kinds") for job in jobs}
    assert told["league_table-integrated-care-board"] == told["trusts/XZ01"] == [kinds.BOARD]
    assert told["league_table-acute"] is told["trusts/X0D"] is None and kinds.BOARD in told["reconciliation"]


def test_the_move_across_the_methods_is_split_as_far_as_the_rules_are_the_same(national):
    for trust_type in ("acute", "mental-health-and-community"):
        table = two_methods.split_move(national, OLD, NEW, trust_type)
        split = table[table["can_be_split"]]
        assert np.allclose(split["change"], split[list(CAUSES)].sum(axis=1), rtol=0, atol=1e-12)
        assert split["unexplained"].eq(0).all() and split["common_after"].between(0.05, 0.95).all()
        assert table["label"].eq(two_methods.NOT_LIKE_FOR_LIKE).all() and not table["like_for_like"].any()
        assert (split["metrics"].abs() > 0).mean() > 0.5 and (split["own"].abs() > 0).any()
    gone = table.set_index(["outcome", "trust_code"]).loc["place"]
    assert {"X6S", "X7B", "X7E", "X8C", "X8R", "X6B", "X6K"} <= set(gone.index[~gone["can_be_split"]])
    assert (gone.loc[gone["can_be_split"], "trusts"] > 0).any(), "places above that came free with three trusts fewer"


def test_within_the_new_year_boards_are_split_like_trusts(national):
    table = movement(national, NEW, "2026-27-q2", kinds.BOARD)
    assert len(table) == 42 and table["can_be_split"].all() and table["unexplained"].eq(0).all()
    assert table["common_after"].eq(1).all() and table["change"].abs().sum() > 10
    across = two_methods.split_move(national, OLD, NEW, kinds.BOARD)
    assert not across["can_be_split"].any() and across["label"].eq(two_methods.NOT_LIKE_FOR_LIKE).all()


def seen(page: bytes) -> str:
    """What a reader of an HTML page sees or hears."""
    soup = BeautifulSoup(page, "html.parser")
    for one in soup(["style", "script"]):
        one.decompose()
    spoken = [str(one[name]) for one in soup.find_all(True) for name in ("alt", "aria-label", "title") if one.get(name)]
    return " ".join([soup.get_text(" "), *spoken])


@pytest.mark.parametrize("name", ["league_table", "limitations", "metric_rankings", "trusts/XZ01"])
def test_no_page_about_icbs_says_trust(folder, national, name):
    params = load(common.share("params", "demo-2026-27.yaml"), data=folder, trust_types=[kinds.BOARD])
    params = plan.settled(params, national)
    jobs = [*plan.national_jobs(params, national), *plan.trust_jobs(params, national, ["XZ01"])]
    (job,) = [one for one in jobs if one.name in (name, f"{name}-{kinds.BOARD}")]
    text = seen(make(job).files[".html"])
    assert "ICB" in text and "Integrated Care Board" in text
    assert not re.findall(r".{30}\b[Tt]rusts?\b.{30}", text)


def test_a_page_lists_what_is_new_for_its_own_kind(national):
    found = novelties_of(view_of(national, "2026-27-q1", "integrated-care-board"))
    assert {"trust type", "metric"} <= set(found["what"])
    assert all("integrated-care-board" in one for one in found["trust_types"])
    shown = novelties_table(found).data()
    assert len(shown["rows"]) == len(found) and "codes" not in shown
    assert "integrated care board" in {row[2] for row in shown["rows"]}
