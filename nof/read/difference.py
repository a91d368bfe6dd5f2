"""What changed between two publications: restated figures, trusts and metrics that came or went, quarters added.

A re-issue (-v2) or a later file that holds all quarters so far can restate earlier quarters. Figures are compared
exactly as published: any difference counts, however small.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import pandas as pd

from nof.read.publication import Publication

FIGURE_COLUMNS = ["kind", "quarter", "trust_type", "trust_code", "metric_id", "units", "column", "old", "new", "change"]
LIST_COLUMNS = ["what", *FIGURE_COLUMNS[1:]]
LEAGUE = "league table"  # stands for a metric id in figures and columns of the league table file
_FIGURES = ["value", "median", "lower_quartile", "upper_quartile", "rank"]
_LEAGUE_FIGURES = [
    "average_score",
    "average_low",
    "average_high",
    "segment",
    "in_deficit",
    "rank",
    "rank_low",
    "rank_high",
]
_TEXTS = ["description", "domain", "sub_domain", "reporting_date"]
_TRUST_TEXTS = ["trust_name", "trust_type", "trust_subtype", "region"]
_KEY = ["quarter", "trust_code", "metric_id", "units"]
# A figure's kind by its units, where the column does not say it: NHS England's names of units.
_BY_UNITS = {"segment": "segment", "flag": "flag", "score": "score"}
_BY_COLUMN = {
    "rank": "rank",
    "rank_low": "rank",
    "rank_high": "rank",
    "median": "comparison",
    "lower_quartile": "comparison",
    "upper_quartile": "comparison",
    "segment": "segment",
    "in_deficit": "flag",
    "average_score": "score",
    "average_low": "score",
    "average_high": "score",
}


@dataclass(frozen=True, eq=False)
class Difference:
    """What is different in a newer publication; every frame is empty where nothing is.

    Attributes
    ----------
    figures : DataFrame
        kind ("value", "score", "rank", "segment", "flag", "comparison"), quarter, trust_type, trust_code, metric_id
        (LEAGUE for the league table file), units, column, old, new, change (new - old, without float noise; NaN where
        one of them is blank). Only trusts and metrics that both hold.
    trusts : DataFrame
        quarter, trust_type, trust_code, trust_name, change ("came" or "went"), in quarters and types that both hold.
    renamed : DataFrame
        quarter, trust_type, trust_code, column (name, type, sub-type or region), old, new.
    metrics : DataFrame
        trust_type, metric_id, units, description, change ("new" or "dropped"), over all quarters
        of types that both hold.
    texts : DataFrame
        quarter, trust_type, metric_id, units, column (description, domain, sub_domain, reporting_date), old, new.
    quarters : DataFrame
        quarter, trust_type, change ("added" or "gone").
    columns : DataFrame
        kind ("metrics" or "league"), trust_type, column, change ("new" or "dropped"), in kinds of file and types that
        both hold.
    """

    figures: pd.DataFrame
    trusts: pd.DataFrame
    renamed: pd.DataFrame
    metrics: pd.DataFrame
    texts: pd.DataFrame
    quarters: pd.DataFrame
    columns: pd.DataFrame

    @property
    def nothing(self) -> bool:
        """Whether the two publications say the same."""
        return all(frame.empty for frame in vars(self).values())

    @property
    def restated(self) -> bool:
        """Whether a quarter that was published before now says something else."""
        return not (self.figures.empty and self.trusts.empty)

    def of_type(self, trust_type: str, upto: str) -> Difference:
        """What concerns one trust type, in the quarters up to one (a slug)."""

        def own(frame: pd.DataFrame) -> pd.DataFrame:
            """The rows of a frame that concern the type, up to the quarter."""
            frame = frame[frame["trust_type"] == trust_type] if "trust_type" in frame else frame
            return frame[frame["quarter"] <= upto] if "quarter" in frame else frame

        return replace(self, **{name: own(frame) for name, frame in vars(self).items()})

    def kind(self, name: str) -> pd.DataFrame:
        """Restated figures of one kind: "value", "score", "rank", "segment", "flag" or "comparison"."""
        return self.figures[self.figures["kind"] == name]


def compare(old: Publication, new: Publication) -> Difference:
    """Everything that differs between two publications.

    Parameters
    ----------
    old, new : Publication
        As `publication.read` gives them. It refuses a file with a column that is not known, by the column's name; the
        columns that releases differ in all the same (Quarter, Reporting_date) are compared here.
    """
    before, after = _shared(old.metrics, new.metrics), _shared(new.metrics, old.metrics)
    figures = pd.concat([_figures(before, after, _KEY, _FIGURES), _league(old, new)], ignore_index=True)
    return Difference(
        figures.sort_values([*_KEY, "column"], kind="stable").reset_index(drop=True)[FIGURE_COLUMNS],
        _trusts(old, new),
        _renamed(old.trusts, new.trusts),
        _metrics(old.metrics, new.metrics),
        _texts(before, after),
        _quarters(old, new),
        _columns(old.files, new.files),
    )


def _shared(frame: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """Rows of trusts (in their quarter) and metrics (in their quarter and type) that the other publication also has."""
    for key in (["quarter", "trust_code"], ["quarter", "trust_type", "metric_id", "units"]):
        frame = frame[_keys(frame, key).isin(_keys(other, key))]
    return frame


def _keys(frame: pd.DataFrame, key: list[str]) -> pd.MultiIndex:
    return pd.MultiIndex.from_frame(frame[key])


def _figures(before: pd.DataFrame, after: pd.DataFrame, key: list[str], columns: list[str]) -> pd.DataFrame:
    """Figures that differ, in long form; a figure that only one side has stands against a blank."""
    both = before[[*key, "trust_type", *columns]].merge(
        after[[*key, "trust_type", *columns]], on=key, how="outer", suffixes=("_old", "_new")
    )
    both["trust_type"] = both["trust_type_new"].fillna(both["trust_type_old"])
    parts = []
    for column in columns:
        was, now = both[f"{column}_old"].astype(float), both[f"{column}_new"].astype(float)
        changed = was.ne(now) & ~(was.isna() & now.isna())
        parts.append(both.loc[changed, [*key, "trust_type"]].assign(column=column, old=was[changed], new=now[changed]))
    found = pd.concat(parts, ignore_index=True)
    found["change"] = (found["new"] - found["old"]).round(10)
    units = found["units"].str.casefold() if "units" in found else pd.Series("", index=found.index)
    if "metric_id" in found:  # an OF0xxx row is a value, whatever it is measured in
        units = units.mask(found["metric_id"].str.startswith("OF0"), "")
    return found.assign(kind=found["column"].map(_BY_COLUMN).fillna(units.map(_BY_UNITS)).fillna("value"))


def _league(old: Publication, new: Publication) -> pd.DataFrame:
    key = ["quarter", "trust_code"]
    before, after = (
        one.league[_keys(one.league, key).isin(_keys(other.league, key))] for one, other in ((old, new), (new, old))
    )
    return _figures(before, after, key, _LEAGUE_FIGURES).assign(metric_id=LEAGUE, units="")


def _one_sided(old: pd.DataFrame, new: pd.DataFrame, key: list[str], said: tuple[str, str]) -> pd.DataFrame:
    """Rows that only one of two frames has; `said` names those of the new and those of the old one."""
    came = new[~_keys(new, key).isin(_keys(old, key))].assign(change=said[0])
    went = old[~_keys(old, key).isin(_keys(new, key))].assign(change=said[1])
    return pd.concat([came, went]).sort_values(key, kind="stable").reset_index(drop=True)


def _trusts(old: Publication, new: Publication) -> pd.DataFrame:
    """Trusts that came or went; one that changed its type within a quarter did neither."""
    held = ["quarter", "trust_type"]
    before, after = (
        one.trusts[
            _keys(one.trusts, held).isin(_keys(other.trusts, held))
            | _keys(one.trusts, ["quarter", "trust_code"]).isin(_keys(other.trusts, ["quarter", "trust_code"]))
        ]
        for one, other in ((old, new), (new, old))
    )
    found = _one_sided(before, after, ["quarter", "trust_code"], ("came", "went"))
    return found[["quarter", "trust_type", "trust_code", "trust_name", "change"]]


def _renamed(old: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    key = ["quarter", "trust_code"]
    found = _changed_texts(old, new, key, _TRUST_TEXTS)
    return found.merge(new[[*key, "trust_type"]], on=key)[
        ["quarter", "trust_type", "trust_code", "column", "old", "new"]
    ]


def _metrics(old: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    key = ["trust_type", "metric_id", "units"]
    before, after = (
        one[one["trust_type"].isin(other["trust_type"])].drop_duplicates(key) for one, other in ((old, new), (new, old))
    )
    return _one_sided(before, after, key, ("new", "dropped"))[[*key, "description", "change"]]


def _texts(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Descriptions, domains and periods that read otherwise; once for each quarter, type and metric."""
    found = _changed_texts(before, after, _KEY, _TEXTS, carried=["trust_type"])
    columns = ["quarter", "trust_type", "metric_id", "units", "column", "old", "new"]
    return found[columns].drop_duplicates(ignore_index=True)


def _changed_texts(
    old: pd.DataFrame, new: pd.DataFrame, key: list[str], columns: list[str], carried: list[str] | None = None
) -> pd.DataFrame:
    carried = carried or []
    both = old[[*key, *columns]].merge(new[[*key, *carried, *columns]], on=key, suffixes=("_old", "_new"))
    parts = []
    for one in columns:
        changed = both[both[f"{one}_old"] != both[f"{one}_new"]]
        parts.append(changed[[*key, *carried]].assign(column=one, old=changed[f"{one}_old"], new=changed[f"{one}_new"]))
    return pd.concat(parts).sort_values(key, kind="stable").reset_index(drop=True)


def _quarters(old: Publication, new: Publication) -> pd.DataFrame:
    key = ["quarter", "trust_type"]
    before, after = (one.trusts[key].drop_duplicates() for one in (old, new))
    return _one_sided(before, after, key, ("added", "gone"))


def _columns(old: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    """Columns of the files that are used, where both publications have a file of the kind and trust type."""
    before, after = _headers(old), _headers(new)
    held = ["kind", "trust_type"]
    found = _one_sided(
        before[_keys(before, held).isin(_keys(after, held))],
        after[_keys(after, held).isin(_keys(before, held))],
        [*held, "column"],
        ("new", "dropped"),
    )
    return found[[*held, "column", "change"]]


def _headers(files: pd.DataFrame) -> pd.DataFrame:
    rows = [
        (row.kind, trust_type, column)
        for row in files[~files["superseded"]].itertuples()
        for trust_type in row.trust_type.split(",")
        for column in row.header.split(",")
    ]
    return pd.DataFrame(rows, columns=["kind", "trust_type", "column"]).drop_duplicates()


def columns_changed(old: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    """New and dropped columns of files that may be refused for them: kind, column, change.

    Parameters
    ----------
    old, new : DataFrame
        As `releases.headers`.
    """
    before, after = (one[one["kind"].isin(other["kind"])] for one, other in ((old, new), (new, old)))
    return _one_sided(before, after, ["kind", "column"], ("new", "dropped"))


# --- how it is listed ---


def listing(difference: Difference) -> pd.DataFrame:
    """Every difference in one frame, for a CSV file: `what` changed, where, the old and the new."""
    frames = [
        _said(difference.quarters, "quarter", None, "gone"),
        _said(difference.trusts, "trust", "trust_name", "went"),
        difference.renamed.assign(what="trust text"),
        _said(difference.metrics, "metric", "description", "dropped"),
        _said(
            difference.columns.assign(metric_id=difference.columns["kind"].map({"league": LEAGUE})),
            "column",
            "column",
            "dropped",
        ),
        difference.texts.assign(what="metric text"),
        difference.figures.assign(what=difference.figures["kind"]),
    ]
    return pd.concat([frame.reindex(columns=LIST_COLUMNS).astype(object) for frame in frames], ignore_index=True)


def _said(frame: pd.DataFrame, what: str, name: str | None, gone: str) -> pd.DataFrame:
    """What came stands in the column `new`, what went in `old`."""
    text = frame[name] if name else frame["change"]
    lost = frame["change"] == gone
    told = frame.assign(what=f"{what} " + frame["change"], old=text.where(lost), new=text.mask(lost))
    return told.drop(columns="change")


def overview(difference: Difference) -> pd.DataFrame:
    """How many differences of each sort: what, quarter, trust_type, differences."""
    table = listing(difference).fillna({"quarter": "", "trust_type": ""})
    groups = table.groupby(["what", "quarter", "trust_type"], sort=False)
    return groups.size().rename("differences").reset_index()


def counts(difference: Difference) -> pd.DataFrame:
    """Restated figures, counted.

    Returns
    -------
    DataFrame
        quarter, trust_type, kind, figures, trusts (that have at least one), largest (largest absolute change).
    """
    own = difference.figures.assign(size=difference.figures["change"].abs())
    groups = own.groupby(["quarter", "trust_type", "kind"], sort=True)
    return groups.agg(
        figures=("column", "size"), trusts=("trust_code", "nunique"), largest=("size", "max")
    ).reset_index()
