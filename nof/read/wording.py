"""What things are called: ids, units, domains, descriptions and reporting dates that differ where they should be one."""

from __future__ import annotations

import re

import pandas as pd

from nof.read.findings import among, found, label, together
from nof.read.limits import limits
from nof.read.sheets import matching

SUMS = r"OF[45]\d{3}"  # domain scores and segments, and the summary rows
Words = dict[str, dict[str, list[str]]]  # by column and metric
_METRIC = ["quarter", "trust_type", "metric_id"]
_MONTH = r"\b(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
_ID = r"OF\d{4}"
_WORDS = {
    "units": ("unit_changed", "Units"), "description": ("meaning_changed", "Metric_description"),
    "domain": ("domain_changed", "Domain"), "sub_domain": ("sub_domain_changed", "Sub-domain"),
    "reporting_date": ("period_form", "Reporting_date"),
}  # fmt: skip


def words_of(rows: pd.DataFrame) -> Words:
    """What each metric is called in a quarter of a trust type, in the order of the rows."""
    words: Words = {name: {} for name in _WORDS}
    for metric, *texts in rows[["metric_id", *_WORDS]].drop_duplicates().itertuples(index=False):
        for name, text in zip(_WORDS, texts, strict=True):
            words[name].setdefault(metric, []).append(text)
    return words


def changed(old: Words, new: Words, rows: pd.DataFrame) -> pd.DataFrame:
    """Words of a metric that are not those of the quarter before.

    Parameters
    ----------
    old, new : dict
        `words_of` the quarter before, and of this one.
    rows : DataFrame
        Of this quarter.
    """
    parts = []
    for name, (code, column) in _WORDS.items():
        then, alike = old[name], _form if name == "reporting_date" else _plain
        # A score's period repeats its value's, to which `beside` holds it: told once.
        repeated = {f"OF1{metric[3:]}" for metric in then if name == "reporting_date" and metric.startswith("OF0")}
        other = [
            (metric, text, " or ".join(sorted(set(then[metric]))))
            for metric, texts in new[name].items() if metric in then and metric not in repeated
            for text in dict.fromkeys(texts) if alike(text) not in map(alike, then[metric])
        ]  # fmt: skip
        told = pd.DataFrame(other, columns=["metric_id", name, "then"])
        odd = among(rows, told, ["metric_id", name])
        parts.append(found(code, odd, "not as in the quarter held before", column, name, "{then}", most=0))
    return together(parts)


def _plain(text: str) -> str:
    """A text without what no reader sees as a difference."""
    text = re.sub(r"\s+", " ", text.casefold().replace("\N{EN DASH}", "-")).strip()
    return {"percent": "%", "percentage": "%", "per cent": "%"}.get(text, text)


def _form(text: str) -> str:
    """A reporting date without what changes from quarter to quarter: Mar-26 and Dec-25 are alike."""
    return re.sub(r"\d+", "0", re.sub(_MONTH, "month", text.casefold()))


def differ(metrics: pd.DataFrame) -> pd.DataFrame:
    """Words that should be one for a metric and quarter, and are not: unit, domain, sub-domain, description, period."""
    parts: list[pd.DataFrame] = []
    for name, code, column in (
        ("domain", "domain_differs", "Domain"), ("sub_domain", "sub_domain_differs", "Sub-domain"),
        ("description", "meaning_changed", "Metric_description"), ("reporting_date", "period_differs", "Reporting_date"),
    ):  # fmt: skip
        kinds = metrics[[*_METRIC, name]].drop_duplicates()
        several = kinds[kinds.duplicated(_METRIC)][_METRIC].drop_duplicates()
        rows = among(metrics, several, _METRIC)
        usual = rows.groupby(_METRIC)[name].transform(_most)
        parts.append(found(code, rows[usual != rows[name]].assign(usual=usual), "not as in the metric's other rows", column,
                           name, "{usual}, as elsewhere"))  # fmt: skip
    parts.append(_units_differ(metrics))
    return together(parts)


def beside(metrics: pd.DataFrame, year: str = "2025-26") -> pd.DataFrame:
    """Domain, sub-domain and period of a score, which repeat its value's; the period of a sum, which is the quarter itself.

    Sums (of domains, and the summary) are held to it in the year whose files were seen to do so.
    """
    facts = metrics.drop_duplicates(_METRIC).assign(trust_code="", trust_name="")
    ids, words = facts["metric_id"], ["domain", "sub_domain", "reporting_date"]
    scores = facts[matching(ids, r"OF1\d{3}")].assign(of=lambda held: "OF0" + held["metric_id"].str[3:])
    values = facts[[*_METRIC, *words]].rename(columns={"metric_id": "of"})
    both = scores.merge(values, on=["quarter", "trust_type", "of"], suffixes=("", "_beside"))
    parts = [
        found("words_beside", both[both[name] != both[f"{name}_beside"]], "not as beside its value", column, name,
              f"{{{name}_beside}}, as beside {{of}}")
        for name, column in zip(words, ("Domain", "Sub-domain", "Reporting_date"), strict=True)
    ]  # fmt: skip
    sums = facts[matching(ids, SUMS) & facts["quarter"].str.startswith(year)]
    sums = sums.assign(label=sums["quarter"].map(label))
    other = sums["reporting_date"] != sums["label"]
    return together([*parts, found("period_of_sum", sums[other], "a period other than the quarter", "Reporting_date",
                                   "reporting_date", "{label}")])  # fmt: skip


def _units_differ(metrics: pd.DataFrame) -> pd.DataFrame:
    """A unit that few trusts of a metric have (a count and a rate beside each other are had by all)."""
    several = metrics[metrics.groupby(_METRIC)["units"].transform("nunique") > 1]
    trusts = several.groupby(_METRIC)["trust_code"].transform("nunique")
    holders = several.groupby([*_METRIC, "units"])["trust_code"].transform("nunique")
    usual = several.groupby(_METRIC)["units"].transform(_most)
    odd = several[holders < limits().limit("unit_differs") * trusts]
    return found(
        "unit_differs",
        odd.assign(usual=usual[odd.index]),
        "not the unit of the metric's other rows",
        "Units",
        "units",
        "{usual}",
    )


def units_known(metrics: pd.DataFrame, year: str = "2025-26") -> pd.DataFrame:
    """Units that are not those which NHS England's own files of a year have for the id."""
    kinds = metrics.loc[metrics["quarter"].str.startswith(year), ["metric_id", "units"]].drop_duplicates()
    told = {
        one: next((unit.unit for unit in limits().units if re.fullmatch(unit.ids, one)), "")
        for one in kinds["metric_id"]
    }
    kinds = kinds.assign(usual=kinds["metric_id"].map(told))
    odd = kinds[(kinds["usual"] != "") & (kinds["units"] != "") & (kinds["units"].map(_plain) != kinds["usual"])]
    rows = among(metrics[metrics["quarter"].str.startswith(year)], odd, ["metric_id", "units"])
    return found("unit_differs", rows, "not the unit of this metric", "Units", "units", "{usual}", most=0)


def blanks(metrics: pd.DataFrame) -> pd.DataFrame:
    """Words that are blank, where the reader has no rule of its own: region, domain, description, unit."""
    return together([
        found("name_blank", metrics[metrics[name] == ""], "blank", column, name, "text, as in every other row")
        for name, column in (("region", "Region"), ("trust_subtype", "Trust_subtype"), ("domain", "Domain"),
                             ("description", "Metric_description"), ("units", "Units"))
    ])  # fmt: skip


def forms(metrics: pd.DataFrame) -> pd.DataFrame:
    """Ids that are not written as most others are (OF and four digits)."""
    usual = matching(metrics["metric_id"], _ID)
    meant = matching(metrics["metric_id"], f"(?i:{_ID})")  # of0082: written otherwise, whatever the others are
    odd = ~usual if len(metrics) and usual.mean() >= limits().limit("id_form") else meant & ~usual
    return found("id_form", metrics[odd], "not a metric id", "Metric_ID", "metric_id", "OF and four digits, as OF0005")


def _most(texts: pd.Series) -> str:
    """The text that most rows have."""
    return texts.iloc[0] if texts.nunique() < 2 else texts.value_counts().index[0]
