"""Planning standards: the numbers of the guidance, verdicts on constructed values, and what is not known."""

from __future__ import annotations

import re

import pandas as pd
import pytest
import yaml
from conftest import _shared

from nof import common, demo
from nof.common import InputError
from nof.method import standards as room
from nof.read.publication import read
from nof.show import tables


def rows(value_id, description, *values, units="%", quarter="2025-26-q4"):
    codes = [f"T{one}" for one in range(len(values))]
    return pd.DataFrame({
        "quarter": quarter, "trust_type": "acute", "trust_code": codes, "metric_id": value_id, "units": units,
        "description": description, "value": values,
    })  # fmt: skip


def verdicts(*args, **named):
    table = room.against_standards(rows(*args, **named), named.get("quarter", "2025-26-q4"))
    return table["verdict"].tolist()


WAITS = "Percentage of cases where a patient is waiting 18 weeks or less for elective treatment"


def test_the_numbers_are_those_of_the_method_note():
    """Every number in the note's table stands in the file, and no other."""
    note = (_shared("method") / "nof-2026-27.md").read_text(encoding="utf-8")
    table = note.split("## Planning standards")[1].split("Source:")[0]
    lines = [line.split("|")[2:4] for line in table.splitlines() if line.startswith("|")][2:]
    known = room.standards().standards
    assert len(lines) == len(known) == 11
    for (first, second), one in zip(lines, known, strict=True):
        for text, year in ((first, "2025/26"), (second, "2026/27")):
            given = one.years.get(year)
            assert (text.strip() == "-") == (given is None), (one.name, year)
            numbers = set(re.findall(r"\d+(?=%| minutes| points)", text.replace("2024/25", "").replace("2025/26", "")))
            said = (
                "" if given is None else f"{given.each} {given.national or ''} {given.at_least or ''}".replace(".0", "")
            )
            assert numbers <= set(re.findall(r"\d+", said)), (one.name, year, numbers, said)
            if given is not None and given.national is not None:
                assert f"{given.national:g}" in numbers


def test_a_standard_is_met_at_its_number_where_it_says_at_least_and_missed_where_it_says_under():
    assert verdicts("OF0023", WAITS, 65.0, 64.99, 65.01, float("nan")) == ["met", "not met", "met", "unknown"]
    assert verdicts("OF0901", "Patients waiting over 52 weeks", 1.0, 0.99, 1.01) == ["not met", "met", "not met"]


def test_what_each_trust_is_asked_is_never_said_to_be_met():
    table = room.against_standards(rows("OF0023", WAITS, 59.0, 61.0, 90.0), "2025-26-q4")
    assert table["own_verdict"].tolist() == ["not met", "unknown", "unknown"]
    assert table["verdict"].tolist() == ["not met", "not met", "met"] and table["each"].str.contains("60%").all()


def test_the_year_of_the_quarter_decides():
    assert verdicts("OF0901", WAITS, 66.0, quarter="2026-27-q1") == ["not met"]
    assert verdicts("OF0011", "Cancer treatment within 62 days", 76.0) == ["met"]
    assert verdicts("OF0011", "Cancer treatment within 62 days", 76.0, quarter="2026-27-q1") == ["not met"]
    assert verdicts("OF0023", WAITS, 66.0, quarter="2031-32-q1") == []


def test_an_id_of_one_year_is_no_proof_in_the_next():
    assert verdicts("OF0011", "Something else entirely", 76.0, quarter="2026-27-q1") == []


def test_words_that_fit_two_metrics_decide_nothing():
    two = pd.concat(
        [rows("OF0901", "Patients waiting over 52 weeks", 0.5), rows("OF0902", "Over 52 weeks, all lists", 0.5)]
    )
    assert room.against_standards(two, "2025-26-q4").empty
    community = rows("OF0005", "Percentage of patients waiting over 52 weeks for community services", 0.5)
    assert room.against_standards(community, "2025-26-q4").empty, "a planning standard of elective care only"


def test_other_units_and_no_national_number_are_unknown():
    assert verdicts("OF0023", WAITS, 65.0, units="count") == ["unknown"]
    assert verdicts("OF0014", "A&E over 12 hours", 1.0) == ["unknown"]


def test_better_values_never_lose_a_standard():
    table = room.against_standards(rows("OF0023", WAITS, *[one / 4 for one in range(200, 400)]), "2025-26-q4")
    met = table.sort_values("value")["verdict"].eq("met").tolist()
    assert met == sorted(met) and any(met) and not all(met)


def test_the_demo_is_counted_the_same_by_hand():
    publication, _ = demo.build()
    counts = room.meeting(room.against_standards(publication.metrics, publication.latest)).set_index("value_id")
    own = publication.metrics.query("metric_id == 'OF0010' and quarter == '2025-26-q4'")["value"].dropna()
    assert counts.loc["OF0010", ["trusts", "met", "not_met", "unknown"]].tolist() == [
        len(own), int((own >= 80).sum()), int((own < 80).sum()), 1,
    ]  # fmt: skip
    assert set(counts.index) == {"OF0010", "OF0011", "OF0013", "OF0014", "OF0023"}


def test_no_metric_of_the_real_mental_health_file_has_a_planning_standard(real):
    assert room.against_standards(read(real).metrics, "2025-26-q4").empty


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda given: given["standards"][0].update(better="up"), "standards.0.better"),
        (lambda given: given["standards"][0]["years"]["2025/26"].update(source="BOOK"), "BOOK"),
        (lambda given: given.update(colour="red"), "colour"),
    ],
)
def test_a_bad_file_is_refused_with_its_place(tmp_path, change, said):
    given = yaml.safe_load(common.reference(room.FILE).read_text(encoding="utf-8"))
    change(given)
    path = tmp_path / room.FILE
    path.write_text(yaml.safe_dump(given))
    with pytest.raises(InputError, match=room.FILE) as error:
        room.read_standards(path)
    assert said in str(error.value)


def test_a_ranking_says_beside_each_value_whether_the_planning_standard_is_met():
    ranking = pd.DataFrame(
        {
            "trust_code": ["A", "B", "C"], "trust_name": ["a", "b", "c"], "rank": [1.0, 2.0, None],
            "value": [70.0, 60.0, None], "units": "%", "score": [1.0, 2.0, 3.0],
        }
    )  # fmt: skip
    standard = pd.DataFrame(
        {
            "trust_code": ["A", "B", "C"], "verdict": ["met", "not met", "unknown"], "units": "%", "below": False,
            "better": "high", "standard": 65.0, "by": "March 2026", "each": "",
        }
    )  # fmt: skip
    shown = tables.metric_ranking(ranking, "Waits", "Access.", standard).data()
    at = [one["label"] for one in shown["columns"]].index("Planning standard")
    assert [row[at] for row in shown["rows"]] == ["met", "not met", "–"]
    told = "Access. Planning standard: at least 65% by March 2026; met by 1 of 2. It is not how the framework scores."
    assert shown["note"].startswith(told) and shown["codes"] == ["A", "B", "C"]
    none = tables.metric_ranking(ranking, "Waits", "Access.", standard.assign(standard=None, verdict="unknown")).data()
    assert "Planning standard" not in [one["label"] for one in none["columns"]]
    assert "Planning standard" not in tables.metric_ranking(ranking, "Waits", "", standard.iloc[:0]).data()["note"]
