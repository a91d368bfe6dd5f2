"""Questions for a board: asked in order where their condition holds, and a bad one named before anything is made."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from conftest import ROOT

from nof.common import InputError
from nof.method.facts import Facts, fact
from nof.show.questions import asked, questions, read

FILE = """
questions:
  - id: held
    when: held and segment_unadjusted < segment
    ask: The override holds us in {{ segment | segment }}. What would have to
      be true for it to go?
    rests_on: the override, as published
  - id: far
    when: gap is known and gap > limit
    ask: "{{ name }} is {{ gap | points }} away. Why?"
    rests_on: the average
  - id: always
    when: true
    ask: And else?
    rests_on: nothing
"""


@dataclass(frozen=True)
class Stands(Facts):
    """Where a trust stands."""

    name: str = fact("Name")
    segment: int = fact("Segment")
    segment_unadjusted: int = fact("Segment before the override")
    held: bool = fact("Whether the override holds it")
    gap: float | None = fact("Points to the next segment", "points", default=None)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "questions.yaml"
    path.write_text(FILE)
    return path


HELD = Stands("Ash *Trust*", 3, 2, True, 0.4)


def test_the_questions_whose_condition_holds_are_asked_in_order(file):
    words = questions(HELD, path=file, limit=0.1)
    assert words.markdown == (
        "1. The override holds us in segment 3. What would have to be true for it to go?\n"
        "2. Ash \\*Trust\\* is 0.40 points away. Why?\n3. And else?"
    )
    assert words.facts["questions"] == ["held", "far", "always"]
    assert ["gap", "0.40 points"] in words.facts["filled"] and words.facts["read"]["name"] == "Stands"
    assert [one.rests_on for one in asked(HELD, path=file, limit=0.1)] == [
        "the override, as published",
        "the average",
        "nothing",
    ]


@pytest.mark.parametrize(
    ("facts", "limit", "ids"),
    [
        (HELD, 0.5, ["held", "always"]),
        (Stands("A", 3, 3, True), 0.1, ["always"]),
        (Stands("A", 3, 2, False, 0.11), 0.1, ["far", "always"]),
    ],
)
def test_each_condition_decides_for_its_own_question_alone(file, facts, limit, ids):
    assert [one.id for one in asked(facts, path=file, limit=limit)] == ids


def test_only_so_many_are_asked_and_none_is_blank(file):
    assert questions(HELD, path=file, limit=0.1, most=1).facts["questions"] == ["held"]
    file.write_text("questions: []\n")
    assert questions(HELD, path=file).markdown == "" and questions(HELD, path=file).facts == {}


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("id: far", "id: held", r"question held: is given twice"),
        ("id: far", "id: Far away", r"column id: question Far away"),
        ("    rests_on: nothing\n", "", r"column rests_on: question always: Field required"),
        ("rests_on: nothing", "rest_on: nothing", r"column rest_on: question always: Extra inputs"),
        ("ask: And else?", "ask: '{{ x | nope }}'", r"column ask: question always: line 1: No filter named 'nope'"),
        ("when: true", "when: 'a ='", r"column when: question always: line 1: "),
        ("when: true", "when: a }} {{ b", r"column when: question always: line 1: "),
        ("when: true", "when: [a]", r"column when: question always: Input should be a valid string"),
        ("when: true", "when: gapp > 3", r"question always: line 1: there is no 'gapp'; did you mean gap"),
        ("when: true", "when: name", r"question always: expected a condition, found 'Ash"),
        ("ask: And else?", "ask: '{% if false %}{{ nam }}{% endif %}'", r"question always: .*no 'nam'; did you mean name"),
        ("gap is known and gap", "gap", r"^$"),
        ("questions:", "question:", r"expected one key, questions"),
    ],
)  # fmt: skip
def test_a_bad_question_is_named(file, old, new, error):
    assert old in FILE
    file.write_text(FILE.replace(old, new))
    if error == "^$":  # the condition is not asked first: an unknown gap cannot be compared
        error = r"question far: .*'>' not supported"
    with pytest.raises(InputError, match=error):
        asked(Stands("Ash", 3, 2, True), path=file, limit=0.1)


def test_a_question_not_asked_is_checked_as_well(file):
    """A name that is not there is found in every trust's briefing, not in the one whose condition holds."""
    file.write_text(FILE.replace("{{ gap | points }}", "{{ gapp | points }}"))
    with pytest.raises(InputError, match="question far: line 1: there is no 'gapp'"):
        asked(Stands("A", 3, 3, False), path=file, limit=0.1)


def test_our_own_questions_can_be_asked():
    for question in read(ROOT / "data" / "questions.yaml"):
        assert question.ask.rstrip().endswith("?"), question.id
