"""Pages about ICBs say ICB in every place that a reader sees; pages about trusts stay as they are."""

from __future__ import annotations

import copy
import json

from nof.briefing import document
from nof.briefing.vocabulary import in_its_words, kinds_said
from nof.rules.kinds import BOARD
from nof.show.display import CARD_MIME, SVG_MIME, TABLE_MIME

NOTEBOOK = {
    "metadata": {"briefing": {"title": "League table", "subtitle": "A trust", "source_line": "No trust in it is real."}},
    "cells": [
        {"cell_type": "markdown", "source": "## What a trust can say\n\nTrusts **differ**; see [a trust](#section-a-trust)."},
        {"cell_type": "code", "source": "x", "outputs": [
            {"output_type": "display_data", "metadata": {"nof": {"alt": "Each trust is a dot", "caption": "42 trusts"}},
             "data": {SVG_MIME: '<svg id="trust"><text class="trust">Trusts by place</text></svg>'}},
            {"output_type": "display_data", "metadata": {}, "data": {TABLE_MIME: {
                "caption": "Every trust", "columns": [{"label": "Trust", "unit": "", "align": "left", "row_header": True}],
                "rows": [["Quill NHS Foundation Trust"]], "tones": {}, "note": "a trust", "key": "", "emphasis": []}}},
            {"output_type": "display_data", "metadata": {}, "data": {CARD_MIME: {"items": [["Trusts ranked", "42", ""]]}}},
            {"output_type": "display_data", "metadata": {}, "data": {"text/markdown": ["An NHS trust ", "and a trust."]}},
        ]},
    ],
}  # fmt: skip


def test_everything_that_a_reader_sees_is_said_of_the_kind_and_nothing_else():
    before = copy.deepcopy(NOTEBOOK)
    told = in_its_words(NOTEBOOK, [BOARD])
    assert before == NOTEBOOK, "the notebook itself stays as it is"
    prose = told["cells"][0]["source"]
    assert "What an ICB can say" in prose and "ICBs **differ**" in prose and "(#section-a-trust)" in prose
    figure, table, card, words = told["cells"][1]["outputs"]
    assert figure["metadata"]["nof"] == {"alt": "Each ICB is a dot", "caption": "42 ICBs"}
    assert figure["data"][SVG_MIME] == '<svg id="trust"><text class="trust">ICBs by place</text></svg>'
    assert table["data"][TABLE_MIME]["columns"][0]["label"] == "ICB"
    assert table["data"][TABLE_MIME]["rows"] == [["Quill NHS Foundation Trust"]]
    assert card["data"][CARD_MIME]["items"][0][0] == "ICBs ranked"
    assert words["data"]["text/markdown"] == "An ICB and an ICB."
    assert told["metadata"]["briefing"]["source_line"] == "No ICB in it is real."


def test_of_trusts_nothing_changes_and_of_both_it_is_organisations():
    assert in_its_words(NOTEBOOK, ["acute"]) is NOTEBOOK and in_its_words(NOTEBOOK, []) is NOTEBOOK
    both = json.dumps(in_its_words(NOTEBOOK, ["acute", BOARD]))
    assert "What an organisation can say" in both and "ICB" not in both


def test_the_words_are_told_in_the_metadata_only_where_they_differ():
    assert kinds_said(["acute", "ambulance"]) == [] and kinds_said([BOARD]) == [BOARD] and kinds_said([]) == []
    assert kinds_said(["acute", BOARD]) == ["acute", BOARD]


def test_a_document_is_read_in_its_words():
    notebook = copy.deepcopy(NOTEBOOK)
    notebook["metadata"]["briefing"]["kinds"] = [BOARD]
    read = document.read(notebook)
    assert read.meta.subtitle == "An ICB" and [document.flat(one["children"]) for one in read.headings()] == [
        "What an ICB can say"
    ]
    assert document.read(NOTEBOOK).meta.subtitle == "A trust"
