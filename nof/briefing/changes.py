"""What changed with a publication, for machines: changes.json.

Each change is major or minor by a rule that stands in `MAJOR`, never by judgement, so that whoever is woken by a major
one knows why. The schema is docs/changes.schema.json; nothing here depends on a clock.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pandas as pd

from nof.briefing.params import Params
from nof.common import Quarter
from nof.method import opening
from nof.rules import recompute
from nof.rules.framework import Framework
from nof.rules.recompute import National
from nof.show.words import LICENCE_LINE, source_line

FILE = "changes.json"
SCHEMA = "nof-changes/1"
LEVELS = ("major", "minor")
# By part of the file, the kinds of change that are major; every other kind is minor.
MAJOR = {
    "trusts": ("came", "went", "segment", "deficit flag"),
    "restated": ("trust came", "trust went", "value", "score", "segment", "flag"),
    "rules": ("framework year", "segments", "override", "metric new", "metric dropped", "metric rule"),
}
TRUST_COLUMNS = ["trust_type", "trust_code", "trust_name", "what", "before", "after"]
RESTATED_COLUMNS = ["quarter", "trust_type", "what", "figures", "trusts", "largest"]
RULE_COLUMNS = ["trust_type", "what", "id", "before", "after"]
_STANDING = {"segment": "segment", "in_deficit": "deficit flag", "rank": "place", "average_score": "average"}
_RULE = ("shape", "better", "pool", "weight", "averaged", "standard", "floor", "bands", "matrix", "units")


def level(part: str, what: str) -> str:
    """ "major" or "minor"."""
    return "major" if what in MAJOR[part] else "minor"


def changes(national: National, params: Params, run: str) -> dict[str, Any]:
    """Everything that changed, as plain values.

    Parameters
    ----------
    params : Params
        As `plan.settled` gives them.
    run : str
        Short id of the run.

    Returns
    -------
    dict
        As docs/changes.schema.json describes: schema, quarter, previous_quarter (None where the quarter before is not
        held: then trusts and rules are empty), illustrative, source, licence, run, compared_with (older files that tell what is restated;
        empty: none at hand, so nothing is known of it), counts (by part and level), trusts, restated, rules.
    """
    quarter, illustrative = params.quarter, national.publication.illustrative
    earlier = Quarter.parse(quarter).previous.slug
    before = earlier if earlier in national.publication.quarters else None
    types = params.trust_types or []
    parts = {
        "trusts": pd.concat([trust_changes(national, quarter, before, one) for one in types] or [_none(TRUST_COLUMNS)]),
        "restated": restated_changes(national, quarter, types),
        "rules": rule_changes(national, quarter, before, types),
    }
    rows = {name: [_plain(row, name) for row in frame.to_dict("records")] for name, frame in parts.items()}
    return {
        "schema": SCHEMA,
        "quarter": quarter,
        "previous_quarter": before,
        "illustrative": illustrative,
        "source": source_line(illustrative, quarter),
        "licence": None if illustrative else LICENCE_LINE,
        "run": run,
        "compared_with": sorted(opening.restated_of(national).files["file"].unique()),
        "counts": {
            name: {one: sum(row["level"] == one for row in found) for one in LEVELS} for name, found in rows.items()
        },
        **rows,
    }


def text(found: dict[str, Any]) -> str:
    """The bytes of changes.json, as text."""
    return json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _none(columns: list[str]) -> pd.DataFrame:
    return pd.DataFrame(columns=columns)


def _plain(row: dict[str, Any], part: str) -> dict[str, Any]:
    """A row as JSON takes it: no NaN, whole numbers as such, and its level."""
    plain = {name: _value(value) for name, value in row.items()}
    return {"level": level(part, plain["what"]), **plain}


def _value(value: Any) -> Any:
    if value is None or (not isinstance(value, str) and pd.isna(value)):
        return None
    value = value.item() if hasattr(value, "item") else value
    return int(value) if isinstance(value, float) and value.is_integer() else value


# --- trusts ---


def trust_changes(national: National, quarter: str, before: str | None, trust_type: str) -> pd.DataFrame:
    """What is different of each trust of a type from one quarter to the next.

    Returns
    -------
    DataFrame
        trust_type, trust_code, trust_name, what ("came", "went", "segment", "deficit flag", "place", "average", "name"),
        before, after. Places and averages: 1 and 1.00 are best. A merger between the two quarters shows as trusts that
        came and went where the codes changed.
    """
    if before is None:
        return _none(TRUST_COLUMNS)
    old, new = (recompute.standing(national, one, trust_type) for one in (before, quarter))
    trusts = national.publication.trusts
    names = [trusts[trusts["quarter"] == one].set_index("trust_code")["trust_name"] for one in (before, quarter)]
    rows = [
        *((code, names[0].get(code), "went", None, None) for code in old.index.difference(new.index)),
        *((code, names[1].get(code), "came", None, None) for code in new.index.difference(old.index)),
    ]
    for code in old.index.intersection(new.index):
        pairs = [(what, old.loc[code, name], new.loc[code, name]) for name, what in _STANDING.items()]
        pairs.append(("name", names[0].get(code), names[1].get(code)))
        rows += [(code, names[1].get(code), what, a, b) for what, a, b in pairs if _differ(a, b)]
    table = pd.DataFrame(rows, columns=TRUST_COLUMNS[1:], dtype=object).sort_values("trust_code", kind="stable")
    return table.assign(trust_type=trust_type)[TRUST_COLUMNS]


def _differ(old: Any, new: Any) -> bool:
    return not (pd.isna(old) and pd.isna(new)) and (pd.isna(old) or pd.isna(new) or old != new)


# --- restated figures ---


def restated_changes(national: National, quarter: str, types: list[str]) -> pd.DataFrame:
    """Figures of the quarters so far that say something else than in the files published before.

    Returns
    -------
    DataFrame
        quarter, trust_type, what ("value", "score", "rank", "segment", "flag", "comparison", "trust came", "trust went"),
        figures (how many), trusts (that have one), largest (absolute change; None where it is no number). Empty where no
        older file is at hand.
    """
    restated = opening.restated_of(national)
    rows: list[tuple] = []
    for trust_type in types:
        found = restated.of_type(trust_type, quarter)
        if found is None:
            continue
        own = found.figures.assign(size=found.figures["change"].abs())
        for (when, kind), part in own.groupby(["quarter", "kind"], sort=True):
            rows.append((when, trust_type, kind, len(part), part["trust_code"].nunique(), part["size"].max()))
        for (when, change), part in found.trusts.groupby(["quarter", "change"], sort=True):
            rows.append((when, trust_type, f"trust {change}", len(part), part["trust_code"].nunique(), None))
    return pd.DataFrame(rows, columns=RESTATED_COLUMNS, dtype=object)


# --- rules ---


def rule_changes(national: National, quarter: str, before: str | None, types: list[str]) -> pd.DataFrame:
    """How the way of scoring differs from the quarter before: metrics that came or went, and rules where the year changed.

    Returns
    -------
    DataFrame
        trust_type (None: all), what ("framework year", "segments", "override", "metric new", "metric dropped", "metric
        rule", "metric text"), id (of the metric's score; None otherwise), before, after.
    """
    if before is None:
        return _none(RULE_COLUMNS)
    rows = [one for trust_type in types for one in _metrics(national, before, quarter, trust_type)]
    rows += _framework(national.framework(before), national.framework(quarter))
    return pd.DataFrame(rows, columns=RULE_COLUMNS, dtype=object)


def _metrics(national: National, before: str, quarter: str, trust_type: str) -> Iterator[tuple]:
    """Scored metrics that only one of the quarters has, and descriptions that read otherwise."""
    rows = national.publication.metrics
    rows = rows[rows["metric_id"].str.fullmatch(r"OF1\d{3}")]
    old, new = (
        recompute.select(rows, one, trust_type).drop_duplicates("metric_id").set_index("metric_id")["description"]
        for one in (before, quarter)
    )
    if old.empty or new.empty:
        return
    for one in sorted({*old.index, *new.index}):
        if one not in new.index:
            yield trust_type, "metric dropped", one, old[one], None
        elif one not in old.index:
            yield trust_type, "metric new", one, None, new[one]
        elif old[one] != new[one]:
            yield trust_type, "metric text", one, old[one], new[one]


def _framework(old: Framework, new: Framework) -> Iterator[tuple]:
    if old.framework_year == new.framework_year:
        return
    yield None, "framework year", None, old.framework_year, new.framework_year
    for what, one, other in (
        ("segments", f"{old.segments.rule} {list(old.segments.thresholds)}", f"{new.segments.rule} {list(new.segments.thresholds)}"),
        ("override", f"no better than segment {old.override.no_better_than}", f"no better than segment {new.override.no_better_than}"),
    ):  # fmt: skip
        if one != other:
            yield None, what, None, one, other
    for score_id in sorted(set(old.by_score) & set(new.by_score)):
        pair = [_said(rules.by_score[score_id]) for rules in (old, new)]
        if pair[0] != pair[1]:
            yield None, "metric rule", score_id, pair[0], pair[1]


def _said(metric: Any) -> str:
    """A metric's rule in one line, for comparison and to be read."""
    facts = {name: getattr(metric, name) for name in _RULE}
    return ", ".join(f"{name} {value}" for name, value in facts.items() if value not in (None, (), True))
