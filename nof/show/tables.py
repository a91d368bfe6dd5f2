"""Tables: a frame goes in, an accessible table comes out."""

from __future__ import annotations

from typing import Any

import pandas as pd

from nof.method import spine
from nof.method.league_facts import League
from nof.method.ranges import source_note
from nof.show.display import Card, Column, Table
from nof.show.grammar import begun
from nof.show.words import LIKELY_RANGE, SEGMENT_MEANING

ODD = 20  # findings that a page lists
QUARTER_KEY = (
    "A to D: the quarter of the trusts in the column that a score falls in, A the best and D the worst; the darker, the worse. "
    "Trusts that tie share the better letter."
)


def segment_tone(segment: float) -> str:
    """Background of a segment's cell; its number stands in the cell."""
    return f"segment-{int(segment)}"


def in_quarters(scores: pd.Series) -> list[tuple[float, str] | None]:
    """Each score with the letter of its quarter; None where there is none."""
    return [
        None if pd.isna(score) else (score, letter)
        for score, letter in zip(scores, spine.quarters(scores), strict=True)
    ]


def _quarter(name: str, label: str) -> Column:
    """A column of scores as `in_quarters` gives them: "1.43 A"."""
    return Column(
        name,
        label,
        align="right",
        format=lambda one: f"{one[0]:.2f} {one[1]}",
        tone=lambda one: f"quarter-{one[1].lower()}",
    )


def _name() -> Column:
    return Column("trust_name", "Trust", row_header=True)


def _span(frame: pd.DataFrame, low: str, high: str, form: str) -> list[str | None]:
    return [
        None if pd.isna(a) or pd.isna(b) else f"{a:{form}} to {b:{form}}"
        for a, b in zip(frame[low], frame[high], strict=True)
    ]


def _segment_text(frame: pd.DataFrame) -> list[str | None]:
    """Segment, with the one that the scores alone give where that differs: "3 (1 by score)"."""
    return [
        None if pd.isna(now) else f"{now:.0f}" if pd.isna(raw) or now == raw else f"{now:.0f} ({raw:.0f} by score)"
        for now, raw in zip(frame["segment"], frame["segment_unadjusted"], strict=True)
    ]


def league_card(found: League) -> Card:
    """Key figures of a league table."""
    known = found.width == found.width
    return Card(
        (
            ("Trusts ranked", f"{found.trusts}", f"{found.fewest} to {found.most} metrics each"),
            ("In segment 1", f"{found.segment_1}", f"and {found.segment_4} in segment 4"),
            ("Held at segment 3", "not known" if found.held is None else f"{found.held}", "by the financial override"),
            (
                "A typical rank spans",
                f"{found.width:.0f} places" if known else "not known",
                "median width of the likely range",
            ),
        )
    )


def league_table(league: pd.DataFrame, caption: str = "The league table") -> Table:
    """The aggregated metric ranking with likely ranges.

    Parameters
    ----------
    league : DataFrame
        As `recompute.league`.
    """
    shown = league.assign(
        average_range=_span(league, "average_low", "average_high", ".2f"),
        rank_range=_span(league, "rank_low", "rank_high", ".0f"),
        segment_text=_segment_text(league),
        deficit=league["in_deficit"].map({True: "Yes", False: "No"}).where(league["segment_unadjusted"].notna()),
    )  # without it the flag is not published either
    return Table(
        shown,
        caption,
        (
            Column("rank", "Place", align="right", format=".0f"),
            _name(),
            Column("average_score", "Average score", align="right", format=".2f"),
            Column("average_range", "Likely range", align="right"),
            Column("segment_text", "Segment", tone=lambda text: segment_tone(text[0])),
            Column("deficit", "In deficit"),
            Column("rank_range", "Likely range of place", align="right"),
            Column("metrics_scored", "Metrics", align="right", format=".0f"),
        ),
        note=f"{SEGMENT_MEANING} “3 (1 by score)”: held at segment 3 by the financial override. {LIKELY_RANGE}"
        + (f" {source_note(league)}" if "range_source" in league else ""),
    )


def movers(movement: pd.DataFrame, count: int = 10) -> Table | None:
    """The trusts that moved most places since the quarter before; None where none can be compared with it."""
    both = movement.dropna(subset=["places"])
    if both.empty:
        return None
    most = both.reindex(both["places"].abs().sort_values(ascending=False, kind="stable").index).head(count)
    shown = most.assign(
        segments=[
            None if pd.isna(b) or pd.isna(n) else f"{b:.0f} to {n:.0f}" if b != n else f"{n:.0f}, as before"
            for b, n in zip(most["segment_before"], most["segment"], strict=True)
        ]
    )
    return Table(
        shown,
        f"The {len(most)} largest moves since the quarter before",
        (
            _name(),
            Column("rank_before", "Place before", align="right", format=".0f"),
            Column("rank", "Place now", align="right", format=".0f"),
            Column("places", "Places moved", align="right", format="+.0f"),
            Column("average_before", "Average before", align="right", format=".2f"),
            Column("average_score", "Average now", align="right", format=".2f"),
            Column("segments", "Segment"),
        ),
        note="A plus means a better place.",
    )


def domain_heat_map(domains: pd.DataFrame) -> Table:
    """Domain scores of every trust, toned and lettered by quarter of the type.

    Parameters
    ----------
    domains : DataFrame
        As `View.domains`.
    """
    names = [name for name in domains.columns if name not in ("trust_code", "trust_name", "rank", "segment")]
    return Table(
        domains.assign(**{name: in_quarters(domains[name]) for name in names}),
        "Domain scores, best placed trust first",
        (
            Column("rank", "Place", align="right", format=".0f"),
            _name(),
            *(_quarter(name, name) for name in names),
        ),
        note="A domain score is the average of the trust's metric scores in that domain.",
        key=QUARTER_KEY,
    )


def score_map(scores: pd.DataFrame, metrics: pd.DataFrame) -> Table:
    """Metric scores of every trust, toned and lettered by quarter of the type.

    Parameters
    ----------
    scores : DataFrame
        As `View.score_map`.
    metrics : DataFrame
        As `View.metrics`: their short names are the heads.
    """
    heads = metrics.set_index("metric_id")["short_name"]
    ids = [name for name in scores.columns if name not in ("trust_code", "trust_name", "rank")]
    return Table(
        scores.assign(**{one: in_quarters(scores[one]) for one in ids}),
        "Score of every trust on every metric, best placed trust first",
        (
            Column("rank", "Place", align="right", format=".0f"),
            _name(),
            *(_quarter(one, begun(heads.get(one, one))) for one in ids),
        ),
        note="Short names of the metrics; the list above has the official ones.",
        key=QUARTER_KEY,
    )


def metric_list(metrics: pd.DataFrame) -> Table:
    """The scored metrics of a trust type and what is known of their rules.

    Parameters
    ----------
    metrics : DataFrame
        As `View.metrics`.
    """
    better = {"low": "lower is better", "high": "higher is better", "unknown": "not known"}
    return Table(
        metrics.assign(better=metrics["better"].map(better)),
        "The metrics that are scored",
        (
            Column("metric_id", "Score"),
            Column("description", "Metric", row_header=True),
            Column("short_name", "In short", format=begun),
            Column("domain", "Domain"),
            Column("reporting_date", "Period"),
            Column("trusts", "Trusts", align="right", format=".0f"),
            Column("better", "Direction"),
            Column("shape", "Rule"),
            Column("certainty", "Certainty of the rule"),
        ),
        note="“Not recomputable”: the rule or the value behind the score is not published, so the published score is used.",
    )


def asked(row: Any) -> str:
    """A planning standard (a row of `standards.against_standards`) in words: "at least 65% by March 2026; each trust 5 percentage points better ..."."""
    unit = row.units if row.units.startswith("%") else f" {row.units}"
    word = "below" if row.below else {"high": "at least", "low": "at most"}[row.better]
    national = "" if pd.isna(row.standard) else f"{word} {row.standard:g}{unit}{f' by {row.by}' if row.by else ''}"
    return "; ".join(part for part in (national, row.each) if part)


def metric_ranking(ranking: pd.DataFrame, title: str, about: str = "", standard: pd.DataFrame | None = None) -> Table:
    """The individual metric ranking.

    Parameters
    ----------
    ranking : DataFrame
        As `View.ranking`.
    title : str
        Name of the metric.
    about : str
        What the note says first: domain, period, number of trusts.
    standard : DataFrame, optional
        As `standards.against_standards`, of this metric: whether each trust meets its planning standard.
    """
    beside: tuple[Column, ...] = ()
    if standard is not None and len(standard):
        ranking = ranking.assign(verdict=ranking["trust_code"].map(standard.set_index("trust_code")["verdict"]))
        ranking["verdict"] = ranking["verdict"].map({"met": "met", "not met": "not met"})
        met, judged = ranking["verdict"].eq("met").sum(), ranking["verdict"].notna().sum()
        told = f"; met by {met} of {judged}" if judged else ""
        about = (
            f"{about} Planning standard: {asked(next(standard.itertuples()))}{told}. It is not how the framework scores."
        ).strip()
        beside = (Column("verdict", "Planning standard"),) if judged else ()
    has_values = ranking["value"].notna().any()
    unit = next((unit for unit in ranking["units"].dropna()), "")
    values = (
        (
            Column("rank", "Rank", align="right", format=".0f"),
            Column("value", "Value", unit=unit, align="right", format=",.2f"),
        )
        if has_values
        else ()
    )
    return Table(
        ranking.assign(score=in_quarters(ranking["score"])),
        f"{title}: ranking",
        (
            *values[:1],
            _name(),
            *values[1:],
            *beside,
            _quarter("score", "Score"),
        ),
        note=" ".join(
            filter(
                None,
                [about, "" if has_values else "No value and no rank is published for this metric, only the score."],
            )
        ),
    )


def own_rules(table: pd.DataFrame, told: str, count: int = 200) -> Table:
    """A league table under rules of one's own beside the published one.

    Parameters
    ----------
    table : DataFrame
        As `choices.own_rules`.
    told : str
        The rules in words, as `choices.Rules.told`.
    count : int
        Rows at most, best first.
    """
    return Table(
        table.head(count),
        f"Under other rules ({told})",
        (
            Column("place", "Place so", align="right", format=".0f"),
            _name(),
            Column("place_published", "Place as published", align="right", format=".0f"),
            Column("moved", "Places moved", align="right", format="+.0f"),
            Column("average", "Average so", align="right", format=".2f"),
            Column("average_published", "Average as published", align="right", format=".2f"),
            Column("segment", "Segment so", align="right", format=".0f"),
            Column("segment_published", "Segment as published", align="right", format=".0f"),
            Column("metrics_left", "Metrics", align="right", format=".0f"),
        ),
        note="A plus means a better place than the published one.",
    )


def standards(meeting: pd.DataFrame) -> Table | None:
    """How many trusts meet each planning standard; None where no metric of the table has one.

    Parameters
    ----------
    meeting : DataFrame
        As `standards.meeting`, of one type and quarter.
    """
    known = meeting[meeting["trusts"] > 0]
    if known.empty:
        return None
    return Table(
        known,
        "Planning standards; not how the framework scores",
        (
            Column("value_id", "Value"),
            Column("name", "Metric", row_header=True),
            Column("standard", "Standard", align="right", format=",.4g"),
            Column("units", "Unit"),
            Column("met", "Meet it", align="right", format=".0f"),
            Column("trusts", "Of trusts with a value", align="right", format=".0f"),
        ),
        note="National standards of the planning guidance of the year; sources in data/reference/standards.yaml.",
    )


def odd(found: pd.DataFrame) -> Table | None:
    """What is odd in the files and concerns a page; None where nothing is.

    Parameters
    ----------
    found : DataFrame
        As `findings.listing`.
    """
    if found.empty:
        return None
    return Table(
        found.head(ODD),
        "What is odd in the files" + (f": {ODD} of {len(found):,} findings" if len(found) > ODD else ""),
        (
            Column("trust", "Trust", row_header=True),
            Column("metric", "Metric"),
            Column("quarter", "Quarter"),
            Column("found", "Found"),
            Column("expected", "Expected"),
            Column("what", "What is odd"),
        ),
        note="The same list with file and row: `nof check`.",
    )


def top_without_specialists(league: pd.DataFrame, count: int = 10) -> Table | None:
    """The best placed trusts that are not specialist trusts; None where there are no specialists."""
    specialist = league["trust_subtype"].str.contains("specialist", case=False, na=False)
    if not specialist.any():
        return None
    return league_table(league[~specialist].head(count), f"The {count} best placed trusts without specialist trusts")
