"""Card and tables of the reconciliation, of its ranking pools, rules and their sources.

Card and tables of the reconciliation briefing. Its words stand in notebooks/reconciliation.ipynb.
"""

from __future__ import annotations

import pandas as pd

from nof.common import Quarter
from nof.method.reconcile_facts import Reconciliation
from nof.rules.framework import Framework
from nof.rules.recompute import National
from nof.rules.reconcile import mismatches, summarise
from nof.rules.scoring import pools
from nof.show.display import Card, Column, Table


def card(found: Reconciliation) -> Card:
    """Key figures of the reconciliation."""
    items = [
        ("Figures compared", f"{found.compared:,}", ""),
        ("Equal as published", f"{found.equal:,}", f"{100 * found.share:.1f}%"),
        ("Level 1", f"{found.equal_from_scores:,} of {found.from_scores:,}", "from published scores"),
        ("Level 2", f"{found.equal_from_values:,} of {found.from_values:,}", "from published values"),
    ]
    return Card(tuple(items))


# Kinds of figure by what their rule (see `reconcile.compare`) begins and ends with; the first that fits counts.
_KINDS = (
    ("league.average", "", "League table file: average scores and their likely ranges"),
    ("league.rank", "", "League table file: places and their likely ranges"),
    ("league.", "", "League table file: segments"),
    ("OF0", ".rank", "Ranks on single metrics"),
    ("OF0", ".median", "Medians of the metrics"),
    ("OF0", "quartile", "Quartiles of the metrics"),
    ("OF1", ".grid", "Metric scores, on the grid of one ranking pool"),
    ("OF1", "", "Metric scores"),
    ("OF40", ".rank", "Places by domain score"),
    ("OF40", "", "Domain scores"),
    ("OF41", "", "Domain segments"),
    ("OF5000", ".rank", "Places in the league table"),
    ("OF5000", "", "Segments"),
    ("OF5002", ".rank", "Places by average score alone"),
    ("OF5002", "", "Average scores"),
    ("OF5003", "", "Segments before the financial override"),
)


def kind_of_figure(rule: str) -> str:
    """What a figure is, in words: "Ranks on single metrics" for OF0005.rank; the rule itself where none fits.

    Parameters
    ----------
    rule : str
        As in `reconcile.compare`.
    """
    return next((name for start, end, name in _KINDS if rule.startswith(start) and rule.endswith(end)), rule)


def reconciliation_table(compared: pd.DataFrame) -> Table:
    """How many published figures were reproduced, by kind of figure and level.

    Parameters
    ----------
    compared : DataFrame
        As `reconcile.compare`.
    """
    table = summarise(compared)
    groups = table.assign(kind=table["rule"].map(kind_of_figure)).groupby(["level", "kind"], sort=True)
    total = groups.agg(
        rules=("rule", "nunique"),
        published=("published", "sum"),
        reproduced=("reproduced", "sum"),
        largest_difference=("largest_difference", "max"),
    ).reset_index()
    shown = total.assign(share=100 * total["reproduced"] / total["published"])
    return Table(
        shown,
        "Published figures, and how many come out equal",
        (
            Column("kind", "Kind of figure", row_header=True),
            Column("level", "Level", align="right", format=".0f"),
            Column("rules", "Rules", align="right", format=".0f"),
            Column("published", "Published", align="right", format=",.0f"),
            Column("reproduced", "Equal as published", align="right", format=",.0f"),
            Column("share", "Share", unit="%", align="right", format=_share),
            Column("largest_difference", "Largest difference", align="right", format=".3g"),
        ),
        note="Level 1: from published metric scores. Level 2: from published values. Each rule on its own: "
        "tables/reconciliation.csv beside this briefing.",
    )


def _share(percent: float) -> str:
    """A share in per cent: 100.0 only where it is all of them."""
    return f"{percent:.1f}" if percent == 100 else f"{min(percent, 99.9):.1f}"


def mismatch_table(compared: pd.DataFrame, count: int = 12) -> Table | None:
    """The rules whose figures do not all come out equal, each in one row with its largest difference; None without any.

    Parameters
    ----------
    compared : DataFrame
        As `reconcile.compare`.
    count : int
        Rows at most; the largest differences first.
    """
    table = mismatches(compared)
    if table.empty:
        return None
    gap = table["difference"].abs()
    worst = table.assign(gap=gap).sort_values("gap", ascending=False, kind="stable").drop_duplicates(["rule", "level"])
    compared_so = compared.groupby(["rule", "level"]).size().rename("compared").reset_index()
    counts = table.groupby(["rule", "level"]).size().rename("missed").reset_index().merge(compared_so)
    shown = worst.merge(counts, on=["rule", "level"]).head(count)
    rules = len(counts)
    caption = (
        f"{'One rule' if rules == 1 else f'{rules} rules'} with {len(table):,} "
        f"{'difference' if len(table) == 1 else 'differences'}"
        + (f": the {len(shown)} with the largest" if rules > len(shown) else "")
    )
    return Table(
        shown.assign(
            quarter=[Quarter.parse(one).label for one in shown["quarter"]], kind=shown["rule"].map(kind_of_figure)
        ),
        caption,
        (
            Column("kind", "Kind of figure", row_header=True),
            Column("rule", "Rule"),
            Column("level", "Level", align="right", format=".0f"),
            Column("missed", "Not equal", align="right", format=",.0f"),
            Column("compared", "Of", align="right", format=",.0f"),
            Column("quarter", "Largest in"),
            Column("trust_code", "Trust"),
            Column("published", "Published", align="right", format="g"),
            Column("recomputed", "Recomputed", align="right", format="g"),
        ),
        note="Every figure that differs is in tables/mismatches.csv beside this briefing.",
    )


def pool_table(national: National) -> Table | None:
    """Size of the ranking pool behind each metric by quarter, by the grid test; None where no score is ranked."""
    quarters = national.publication.quarters
    parts = [pools(part, national.framework(quarter)) for quarter, part in national.scores.groupby("quarter")]
    sizes = pd.concat(parts).pivot_table(index=["metric_id", "pool"], columns="quarter", values="size", aggfunc="first")
    if sizes.empty:
        return None
    wide = sizes.reindex(columns=quarters).astype(float).reset_index()
    names = {metric.score_id: metric.name for quarter in quarters for metric in national.framework(quarter).metrics}
    shown = wide.assign(name=wide["metric_id"].map(names), pool=wide["pool"].str.replace("-", " "))
    return Table(
        shown,
        "Trusts ranked on each metric, as the published scores give away",
        (
            Column("metric_id", "Score"),
            Column("name", "Metric", row_header=True),
            Column("pool", "Pool"),
            *(Column(quarter, Quarter.parse(quarter).label, align="right", format=".0f") for quarter in quarters),
        ),
        note="“national”: trusts of all types in one ranking. For metrics with a standard or a floor, only the trusts that are "
        "ranked beside it count.",
    )


def rules_table(framework: Framework) -> Table | None:
    """Every metric that the rules know of, how it is scored and how sure that is; None where no rule is known."""
    if not framework.metrics:
        return None
    rows = [
        {
            "id": one.score_id,
            "name": one.name,
            "shape": one.shape,
            "pool": one.pool,
            "weight": one.weight,
            "certainty": one.certainty,
            "source": one.source,
        }
        for one in framework.metrics
    ]
    columns = ["id", "name", "shape", "pool", "weight", "certainty", "source"]
    return Table(
        pd.DataFrame(rows, columns=columns),
        f"The scoring rules of {framework.framework_year}",
        (
            Column("id", "Score"),
            Column("name", "Metric", row_header=True),
            Column("shape", "Rule"),
            Column("pool", "Pool"),
            Column("weight", "Weight", align="right", format=".2f"),
            Column("certainty", "Certainty"),
            Column("source", "Source and evidence"),
        ),
        note="“official”: NHS England's text was seen. “inferred”: worked out from published figures and checked against "
        "them. “assumed”: fits what was seen, as other rules might. “unknown”: the published score is used as it is.",
    )


def sources_table(framework: Framework) -> Table | None:
    """What the short names of sources in the rules stand for; None where the rules name none."""
    if not framework.sources:
        return None
    rows = pd.DataFrame(list(framework.sources.items()), columns=["short", "source"])
    return Table(
        rows,
        "What the sources are",
        (Column("short", "Named", row_header=True), Column("source", "Document or file")),
    )
