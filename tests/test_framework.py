"""The rules as data: complete against the method notes, validated on load, unknown stays unknown."""

from __future__ import annotations

import pandas as pd
import pytest
import yaml
from conftest import _shared

from nof import common
from nof.common import InputError
from nof.rules import framework

RULES = framework.load("2025/26")


def test_every_metric_of_the_method_notes_is_in_the_rules_file():
    notes = pd.read_csv(_shared("method") / "metrics.csv")
    notes = notes[(notes["framework_year"] == "2025/26") & ~notes["score_id"].str.fullmatch("OF[45]\\d+", na=False)]
    assert sorted(notes["name"]) == sorted(metric.name for metric in RULES.metrics)
    for row in notes.itertuples():
        rule = next(one for one in RULES.metrics if one.name == row.name)
        assert row.score_id.startswith(rule.score_id) and row.better.removesuffix(" (inferred)") == rule.better
        assert rule.domain in row.domain or rule.domain == "unknown"


def test_what_is_unknown_is_not_recomputed():
    assert all(not metric.recomputable for metric in RULES.metrics if metric.certainty == "unknown")
    assert not RULES.by_score["OF1067"].recomputable and RULES.by_score["OF1057"].floor == 70
    assert RULES.by_score["OF1048"].weight == pytest.approx(1 / 3)
    assert RULES.by_score["OF1080"].matrix.scores[1][2] is None
    assert RULES.not_averaged == {"OF1079", "OF1081"}


def test_a_year_without_rules_works_from_published_scores():
    later = framework.load("2031/32")
    assert not later.has_rules and later.framework_year == "2031/32" and later.segments.rule == "unknown"


def changed(tmp_path, **metric):
    rules = yaml.safe_load((common.frameworks() / "2025-26.yaml").read_text())
    rules["metrics"][0] |= metric
    path = tmp_path / "rules.yaml"
    path.write_text(yaml.safe_dump(rules))
    return path


@pytest.mark.parametrize(
    ("metric", "said"),
    [
        ({"better": "smaller"}, "metrics.0.better"),
        ({"colour": "red"}, "metrics.0.colour"),
        ({"shape": "floor"}, "needs its floor"),
        ({"pool": "none"}, "needs a pool"),
        ({"weight": "heavy"}, "weight"),
        ({"score_id": "OF1041"}, "stands twice: OF1041"),
        ({"certainty": "unknown"}, "cannot be recomputed"),
    ],
)
def test_a_bad_rules_file_is_refused_with_its_place(tmp_path, metric, said):
    with pytest.raises(InputError, match="rules.yaml") as error:
        framework.read(changed(tmp_path, **metric))
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("metrics: [", ""),
        ("metrics: &m []\nsegments: *m", "aliases"),
        ("metrics: " + "[" * 100_000, "too many levels"),  # which would run out of stack if it were built
        ("average: plain\naverage: weighted", "the key 'average' is given twice"),
    ],
    ids=["open", "aliases", "levels", "twice"],
)
def test_a_rules_file_that_is_no_yaml_is_refused(tmp_path, text, why):
    path = tmp_path / "rules.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=f"not YAML: .*{why}"):
        framework.read(path)
