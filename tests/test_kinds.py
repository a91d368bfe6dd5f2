"""Words for each kind of organisation: an ICB is never called a trust."""

from __future__ import annotations

import pytest

from nof.common import InputError
from nof.rules import kinds


def test_each_kind_has_its_own_words():
    assert kinds.kind("acute").a_named == "an acute trust" and kinds.kind("ambulance").all == "ambulance trusts"
    board = kinds.kind(kinds.BOARD)
    assert (board.a, board.all, board.count(42), board.count(1)) == ("an ICB", "ICBs", "42 ICBs", "1 ICB")
    assert kinds.kind("acute").is_trust and not board.is_trust
    assert kinds.kind("space-agency").a_named == "a space agency organisation"


def test_kinds_together():
    assert kinds.kind_of(["acute", "ambulance"]).many == "trusts"
    assert kinds.kind_of(["acute", kinds.BOARD]).a == "an organisation"
    assert kinds.kind_of([kinds.BOARD]).one == "ICB"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A trust with a likely range", "An ICB with a likely range"),
        ("Trusts differ; each trust's place among 42 trusts.", "ICBs differ; each ICB's place among 42 ICBs."),
        ("an NHS trust league table", "an ICB league table"),
        ("Leeds NHS Foundation Trust is a trust", "Leeds NHS Foundation Trust is an ICB"),
        ("<a class='trust-name' href='trusts/X.html?trust=XZ1'>this trust</a>",
         "<a class='trust-name' href='trusts/X.html?trust=XZ1'>this ICB</a>"),
        ("nof brief --trust X, column trust_code, trust.csv", "nof brief --trust X, column trust_code, trust.csv"),
        ("of the trust-quarters (trust-level)", "of the ICB-quarters (ICB-level)"),
        ("It can be trusted; entrust nothing.", "It can be trusted; entrust nothing."),
    ],
)  # fmt: skip
def test_a_sentence_about_trusts_is_said_of_icbs(text, expected):
    assert kinds.said(text, kinds.BOARD) == expected
    assert kinds.said(text, "acute") == text


def test_short_names():
    assert kinds.short_name("NHS Amberford Integrated Care Board") == "Amberford"
    assert kinds.short_name("The Quill Hospital NHS Foundation Trust") == "The Quill Hospital"
    assert kinds.short_name("Tansy Care Trust") == "Tansy Care Trust"


def test_a_bad_file_of_words_is_refused(tmp_path):
    path = tmp_path / "kinds.yaml"
    path.write_text("kinds: {acute: {name: acute}}\n")
    with pytest.raises(InputError, match=r"kinds\.yaml"):
        kinds.read_kinds(path)
