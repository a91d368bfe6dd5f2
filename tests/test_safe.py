"""Safe to say: which lines stand in which situation, each with its test; situations are made up from facts alone."""

from __future__ import annotations

import datetime as dt
from dataclasses import fields, replace

import pytest
import yaml

from nof import common
from nof.common import InputError
from nof.method.movement_facts import TrustUnderBands
from nof.method.safe_facts import LEAST, Safe, Told, _open
from nof.method.trust_facts import Bearing, Old, Peers, Reason, Since, Standing, Way, Who, Why
from nof.show import safe
from nof.show.display import plain, shown

EMPTY = {"int": 0, "float": 0.0, "str": "", "bool": False, "tuple": ()}


def made(kind, **given):
    """Facts of a kind: what is not given is unknown, none or false."""
    filled = {
        one.name: next((value for name, value in EMPTY.items() if str(one.type).startswith(name)), None)
        if "None" not in str(one.type)
        else None
        for one in fields(kind)
    }
    return kind(**filled | given)


WORST = Reason("long *stays*", 0.12, 47.0, "%", 25.0, 4.0, 2.5, "Mar-26")
TOLD = Told(
    who=made(Who, name="Ash Trust", code="ZZ1", quarter="Q4 2025/26", in_table=True, last_day=dt.date(2026, 3, 31)),
    stands=made(
        Standing, trusts=61, rank=24, rank_low=6, rank_high=49, published=True, average=2.31, metrics=14, segment=3,
        unadjusted=3, own_share=0.44, these_low=9, these_high=40, told_other=0, worst_quarter=0.3, best_quarter=0.1,
    ),
    why=made(Why, metrics=14, average=2.31, typical=2.2, worst=WORST),
    since=made(
        Since, before="Q3 2025/26", compared=True, tested=True, average_before=2.4, average_after=2.31, rank_before=31,
        rank_after=24, segment_before=3, segment_after=3, smallest=0.71, metrics_tested=12, scores_better=7,
    ),
    way=made(Way, average=2.31, metrics=14),
    bearing=made(Bearing, metrics=14),
    peers=made(Peers, near=5, place=4, trusts=20, subtype="Community"),
    safe=made(Safe, level=0.95, width=44, moved=7, worst_chance=0.3, best_chance=0.1, next_worse="Birch & Elm Trust"),
)  # fmt: skip


def ids(told, part=None):
    found = safe.lines_of(told)
    return set(found["id"] if part is None else found.loc[found["part"] == part, "id"])


def line(told, name):
    (row,) = safe.lines_of(told).query("id == @name").to_dict("records")
    return row


def but(told=TOLD, **changed):
    """The same trust with some facts of some sections changed: but(stands={"held": True})."""
    return replace(told, **{name: replace(getattr(told, name), **values) for name, values in changed.items()})


def test_a_place_is_said_with_its_range_and_never_alone():
    row = line(TOLD, "place-with-range")
    assert row["text"] == "We are ranked 24th of 61; anywhere from 6th to 49th would be reasonable."
    assert row["rests_on"] == "NHS England's likely range (95% interval), as published."
    assert "44 places" in line(TOLD, "place-alone")["rests_on"]
    without = but(stands={"rank_low": None, "rank_high": None}, safe={"width": None})
    assert "place-with-range" not in ids(without)
    assert "No likely range" in line(without, "place-alone")["rests_on"]


def test_an_override_is_why_and_what_may_not_be_read_from_the_segment():
    held = but(stands={"held": True, "unadjusted": 1})
    assert line(held, "segment-held")["text"].startswith("Our deficit holds us in segment 3; by our scores alone")
    assert "segment" not in ids(held, "say") and "segment-is-performance" in ids(held, "not")
    assert line(held, "why-this-segment")["answer"] == "Because of our deficit. Our scores alone give segment 1."
    assert not {"segment-held", "segment-is-performance"} & ids(TOLD)


def test_a_change_is_said_only_where_it_is_told_from_noise():
    assert "change-told" not in ids(TOLD)
    assert line(TOLD, "change-in-places")["text"] == "“We rose 7 places, so we improved.”"
    assert line(TOLD, "have-you-improved")["answer"].startswith("We cannot tell. 7 scores became better and 0 worse")
    told = but(since={"told": True})
    assert "became better, from 2.40 to 2.31" in line(told, "change-told")["text"]
    assert "change-in-places" not in ids(told)
    assert line(told, "have-you-improved")["answer"].startswith("Yes: our average became better by 0.09 points")
    worse = but(since={"told": True, "average_before": 2.31, "average_after": 2.4}, safe={"moved": -7})
    assert "became worse, from 2.31 to 2.40" in line(worse, "change-told")["text"]
    assert line(worse, "have-you-improved")["answer"].startswith("No: our average became worse")


@pytest.mark.parametrize(
    ("since", "barred"),
    [
        ({"compared": False, "gap": "these files hold no quarter before"}, "change-not-compared"),
        ({"compared": False, "merged": True}, "change-merged"),
        ({"other_rules": True}, "change-other-rules"),
    ],
)
def test_quarters_that_cannot_be_compared_are_not_compared(since, barred):
    told = but(since=since)
    assert barred in ids(told, "not")
    if not told.since.compared:
        assert line(told, "have-you-improved")["answer"] == "That cannot be told from these tables."
        assert not {"change-in-places", "change-unmoved", "change-told"} & ids(told)


def test_without_segments_no_line_speaks_of_one():
    told = but(stands={"segment": None, "unadjusted": None, "own_share": None}, since={"segment_before": None})
    shown_lines = safe.lines_of(told)
    text = " ".join(shown_lines[["text", "answer", "rests_on"]].to_numpy().ravel())
    assert "segment" not in text.lower() and "None" not in text and "nan" not in text
    assert "place-with-range" in set(shown_lines["id"])


def test_trusts_told_apart_are_counted_and_the_clearest_is_named():
    told = but(safe={"better_than": ("A & B", "C"), "worse_than": ("D",)})
    assert "better than 2 of 60 other trusts, A & B most clearly" in line(told, "shown-better")["text"]
    assert "1 of 60 other trusts is shown to be better than us, D." in line(told, "shown-worse")["text"]
    assert line(told, "better-than-next")["text"] == "“We are better than Birch & Elm Trust.”"


def test_chances_old_data_and_bands_bring_their_own_lines():
    assert "surely-not-worst" not in ids(TOLD) and "how-we-are-today" not in ids(TOLD) and "next-year" not in ids(TOLD)
    under = TrustUnderBands(2.31, 3, 2, 2, True, "2026/27", "reported", "segment 1 below 1.94")
    told = but(
        safe={"worst_chance": _open(0.0), "under": under},
        stands={"worst_quarter": 0.0},
        bearing={"old": (Old("staff survey", "2025"),)},
    )
    assert line(told, "surely-not-worst")["rests_on"].endswith("a chance of below 1%.")
    assert "1 of 14 metrics holds no data" in line(told, "how-we-are-today")["rests_on"]
    assert "segment 2 under them, not 3" in line(told, "next-year")["answer"]
    assert "(reported)" in line(told, "next-year")["rests_on"]
    assert _open(None) is None and _open(1.0) == 1 - LEAST and _open(0.4) == 0.4


def test_every_line_carries_its_test_and_each_part_fits_its_page():
    assert safe.lines_of(TOLD)["rests_on"].str.len().gt(10).all()
    for table, part in ((safe.may_say, "say"), (safe.may_not_say, "not"), (safe.if_asked, "asked")):
        rows = table(TOLD).data()["rows"]
        assert 0 < len(rows) <= safe.MOST[part] and all(all(row) for row in rows)
    assert "long *stays*: 47.0%, against 25.0%" in line(TOLD, "weighs-most")["text"]


def test_a_trust_without_a_place_has_no_lines():
    gone = Told(TOLD.who, None, None, None, None, None, None, None)
    assert safe.lines_of(gone).empty and safe.may_say(gone) is None and safe.if_asked(gone) is None


def test_a_line_with_a_fault_is_named(tmp_path):
    path = tmp_path / "lines.yaml"
    entry = {"id": "a", "part": "say", "when": "true", "text": "{{ nowhere }}", "rests_on": "x"}
    path.write_text(yaml.safe_dump({"lines": [entry]}))
    with pytest.raises(InputError, match="line a: line 1: there is no 'nowhere'"):
        safe.lines_of(TOLD, path)
    path.write_text(yaml.safe_dump({"lines": [entry | {"part": "perhaps"}]}))
    with pytest.raises(InputError, match="line a: Input should be 'say', 'not' or 'asked'"):
        safe.lines_of(TOLD, path)


def test_text_comes_back_from_its_markdown():
    for text in ("A & B *c* [d](e) #1 <b>", "“We” are 5th; it's 0.10"):
        assert shown(plain(text)) == text


def test_the_file_of_lines_is_sound_and_uses_each_part():
    found = safe.lines.read(common.reference(safe.FILE), safe.Line, "lines")
    assert {one.part for one in found} == set(safe.MOST)
    assert all(bool(one.answer) == (one.part == "asked") for one in found)
    assert all(one.text.startswith("“") for one in found if one.part == "not")
