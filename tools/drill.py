"""A drill: change a quarter's files at random, one slip at a time, and count what the checks make of it.

    python tools/drill.py [--seed N] [--count N] [--data FOLDER] [--type TYPE]

Each slip is of one of the kinds below, at a random place of the newest quarter. It is then "refused" (exit code 2), "shown"
(said on the pages; what reading shows is not recomputed as well), "noted" (said in `nof check` alone), "without effect" (no
figure or word differs), "in its place" (one published value differs, or a likely range by no more than NHS England's random
draws would, and no rank, median, score or other published figure depends on the difference: nothing in the files could
tell), or "silent": other figures, and not a word. Ends with 1 if any is silent.
"""

from __future__ import annotations

import argparse
import csv
import io
import logging
import multiprocessing
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from nof import common, demo
from nof.briefing.params import cores
from nof.common import InputError
from nof.method import opening
from nof.read import findings, mergers
from nof.read.publication import Publication, read
from nof.rules import ranking
from nof.rules.recompute import National, recompute

Row = dict[str, str]
OUTCOMES = ("refused", "shown", "noted", "without effect", "in its place", "silent")
WORDS = (
    "Quarter", "Region", "Trust_type", "Trust_subtype", "Trust_code", "Trust_name", "Domain", "Sub-domain", "Metric_ID",
    "Metric_description", "Reporting_date", "Units",
)  # fmt: skip
FIGURES = ("Value", "Median_value", "Lower_quartile", "Upper_quartile")
KINDS: dict[str, Callable] = {}


class Slip:
    """The rows of a type's two files, to be changed in one way."""

    def __init__(self, metrics: list[Row], league: list[Row], chance: random.Random):
        self.metrics, self.league, self.chance = [dict(row) for row in metrics], [dict(row) for row in league], chance
        self.now = [row for row in self.metrics if row["Quarter"] == self.metrics[-1]["Quarter"]]
        self.raw: Callable[[str], str] = lambda text: text

    def values(self) -> list[Row]:
        return [row for row in self.now if row["Metric_ID"].startswith("OF0") and row["Value"]]

    def figures(self) -> list[Row]:
        return [row for row in self.now if row["Value"]]

    def one(self, rows: list[Row]) -> Row:
        return self.chance.choice(rows)

    def metric(self) -> list[Row]:
        """All rows of one metric with values."""
        chosen = self.one(self.values())
        return [
            row for row in self.values() if (row["Metric_ID"], row["Units"]) == (chosen["Metric_ID"], chosen["Units"])
        ]


def kind(change: Callable[[Slip], None]) -> Callable[[Slip], None]:
    """Register a kind of slip under the words of its name."""
    KINDS[change.__name__.replace("_", " ")] = change
    return change


def _scaled(row: Row, factor: float, columns: tuple[str, ...] = ("Value",)) -> None:
    for column in columns:
        row[column] = f"{float(row[column]) * factor:.10g}" if row[column] else ""


# ---------------------------------------------------------------- one cell


@kind
def value_times_ten_or_a_tenth(slip: Slip) -> None:
    _scaled(slip.one(slip.values()), slip.chance.choice((10, 0.1)))


@kind
def two_digits_exchanged(slip: Slip) -> None:
    row = slip.one(slip.figures())
    text = list(row["Value"])
    places = [i for i in range(len(text) - 1) if (text[i] + text[i + 1]).isdigit() and text[i] != text[i + 1]]
    if places:
        i = slip.chance.choice(places)
        text[i], text[i + 1] = text[i + 1], text[i]
    row["Value"] = "".join(text)


@kind
def sign_of_a_value(slip: Slip) -> None:
    _scaled(slip.one(slip.values()), -1)


@kind
def number_that_stands_for_suppressed(slip: Slip) -> None:
    slip.one(slip.values())["Value"] = slip.chance.choice(("-1", "-99", "9999", "999", "0"))


@kind
def a_score_typed_wrong(slip: Slip) -> None:
    row = slip.one([row for row in slip.now if row["Metric_ID"][:3] in ("OF1", "OF4") and row["Units"] == "score"])
    row["Value"] = f"{slip.chance.randint(100, 400) / 100:.2f}"


@kind
def a_segment_or_flag_typed_wrong(slip: Slip) -> None:
    row = slip.one([row for row in slip.now if row["Units"] in ("segment", "flag")])
    row["Value"] = slip.chance.choice("01234")


@kind
def a_rank_typed_wrong(slip: Slip) -> None:
    slip.one([row for row in slip.now if row["Rank"]])["Rank"] = str(slip.chance.randint(1, 70))


@kind
def a_median_or_quartile_typed_wrong(slip: Slip) -> None:
    _scaled(slip.one(slip.values()), slip.chance.choice((10, 0.9, 1.1)), (slip.chance.choice(FIGURES[1:]),))


@kind
def a_cell_blank(slip: Slip) -> None:
    row = slip.one(slip.figures())
    row[slip.chance.choice(("Value", "Rank", "Units", "Domain", "Metric_description", "Region", "Trust_code"))] = ""


@kind
def a_letter_wrong_in_a_word(slip: Slip) -> None:
    row = slip.one(slip.now)
    column = slip.chance.choice(WORDS)
    text = row[column]
    i = slip.chance.randrange(len(text))
    row[column] = text[:i] + slip.chance.choice("ABXYZ019") + text[i + 1 :]


@kind
def a_word_of_a_metric_changed(slip: Slip) -> None:
    """Its domain, unit or period in every row of the quarter, as another metric has it."""
    chosen, other = slip.one(slip.now)["Metric_ID"], slip.one(slip.now)
    column = slip.chance.choice(("Domain", "Sub-domain", "Units", "Reporting_date", "Metric_description"))
    for row in slip.now:
        if row["Metric_ID"] == chosen:
            row[column] = other[column]


@kind
def a_word_of_a_trust_changed(slip: Slip) -> None:
    """Its name, region or sub-type in every row of the quarter, as another trust has it."""
    one, other = slip.one(slip.now), slip.one(slip.now)
    code, column = one["Trust_code"], slip.chance.choice(("Trust_name", "Region", "Trust_subtype"))
    told = other[column] if column != "Trust_name" else f"{other[column]} Partnership"
    for row in [*slip.now, *slip.league]:
        if row["Trust_code"] == code:
            row[column] = told


@kind
def a_row_under_another_code(slip: Slip) -> None:
    slip.one(slip.now)["Trust_code"] = slip.one(slip.now)["Trust_code"]


@kind
def a_row_in_another_quarter(slip: Slip) -> None:
    slip.one(slip.now)["Quarter"] = slip.chance.choice(("Q1 2026/27", slip.metrics[0]["Quarter"]))


# ---------------------------------------------------------------- the league table


@kind
def a_cell_of_the_league_table(slip: Slip) -> None:
    row = slip.one(slip.league)
    column = slip.chance.choice(("Average_score", "Segment", "Rank", "Trust_in_financial_deficit"))
    row[column] = {
        "Average_score": f"{slip.chance.randint(100, 400) / 100:.2f}", "Segment": slip.chance.choice("1234"),
        "Rank": str(slip.chance.randint(1, 90)), "Trust_in_financial_deficit": slip.chance.choice(("Yes", "No")),
    }[column]  # fmt: skip


@kind
def two_trusts_of_the_league_table_exchanged(slip: Slip) -> None:
    one, other = slip.chance.sample(slip.league, 2)
    column = slip.chance.choice(("Average_score", "Rank", "Likely_range_of_average_score", "Likely_range_of_rank"))
    one[column], other[column] = other[column], one[column]


@kind
def a_row_of_the_league_table_lost(slip: Slip) -> None:
    slip.league.remove(slip.one(slip.league))


@kind
def league_table_of_another_quarter(slip: Slip) -> None:
    for row in slip.league:
        row["Quarter"] = slip.metrics[0]["Quarter"]


# ---------------------------------------------------------------- rows


@kind
def a_row_lost(slip: Slip) -> None:
    slip.metrics.remove(slip.one(slip.now))


@kind
def last_rows_cut(slip: Slip) -> None:
    del slip.metrics[-slip.chance.randint(1, 300) :]


@kind
def a_row_twice(slip: Slip) -> None:
    slip.metrics.append(dict(slip.one(slip.now), Value="2.5"))


@kind
def values_of_two_trusts_exchanged(slip: Slip) -> None:
    one, other = slip.chance.sample(slip.metric(), 2)
    one["Value"], other["Value"] = other["Value"], one["Value"]


@kind
def a_trust_lost(slip: Slip) -> None:
    code = slip.one(slip.now)["Trust_code"]
    last = slip.now[-1]["Quarter"]
    slip.metrics = [row for row in slip.metrics if (row["Trust_code"], row["Quarter"]) != (code, last)]
    if slip.chance.random() < 0.5:
        slip.league = [row for row in slip.league if row["Trust_code"] != code]


# ---------------------------------------------------------------- a whole metric


@kind
def a_metric_lost(slip: Slip) -> None:
    gone = slip.one(slip.now)["Metric_ID"]
    last = slip.now[-1]["Quarter"]
    slip.metrics = [row for row in slip.metrics if (row["Metric_ID"], row["Quarter"]) != (gone, last)]


@kind
def a_metric_times_a_hundred_or_a_hundredth(slip: Slip) -> None:
    factor = slip.chance.choice((100, 0.01))
    for row in slip.metric():
        _scaled(row, factor, FIGURES)


@kind
def a_metric_negated(slip: Slip) -> None:
    for row in slip.metric():
        _scaled(row, -1, FIGURES)


@kind
def values_of_a_metric_moved_down(slip: Slip) -> None:
    rows = slip.metric()
    values = [row["Value"] for row in rows]
    for row, value in zip(rows, values[-1:] + values[:-1], strict=True):
        row["Value"] = value


@kind
def a_metric_renamed(slip: Slip) -> None:
    chosen = slip.one(slip.now)["Metric_ID"]
    column = slip.chance.choice(("Metric_description", "Domain", "Units", "Metric_ID"))
    for row in slip.now:
        if row["Metric_ID"] == chosen:
            row[column] = "OF0999" if column == "Metric_ID" else f"{row[column]} (new)"


@kind
def a_column_of_a_metric_blank(slip: Slip) -> None:
    column = slip.chance.choice(("Rank", *FIGURES))
    for row in slip.metric():
        row[column] = ""


@kind
def values_of_the_quarter_before(slip: Slip) -> None:
    rows = slip.metric()
    before = {
        row["Trust_code"]: row for row in slip.metrics
        if row["Quarter"] == slip.metrics[0]["Quarter"] and (row["Metric_ID"], row["Units"]) == (rows[0]["Metric_ID"], rows[0]["Units"])
    }  # fmt: skip
    for row in rows:
        row.update({column: before[row["Trust_code"]][column] for column in FIGURES if row["Trust_code"] in before})


# ---------------------------------------------------------------- no fault


@kind
def saved_in_another_way(slip: Slip) -> None:
    slip.raw = slip.chance.choice((
        lambda text: text.replace("\r\n", "\r"), lambda text: text.replace("\r\n", "\n"),
        lambda text: text + "," * text.splitlines()[0].count(",") + "\r\n", lambda text: text.replace("\r\n", ",\r\n"),
        lambda text: "\r\n".join(line if '"' in line else line.replace(",", " ,") for line in text.split("\r\n")),
    ))  # fmt: skip


# ---------------------------------------------------------------- the drill


def _read(path: Path) -> list[Row]:
    return list(csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline="")))


def _text(rows: list[Row]) -> str:
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


class Drill:
    """One type's newest two quarters, and what the untouched files say."""

    def __init__(self, data: Path, trust_type: str, work: Path):
        found = [path for path in sorted(data.glob("*.csv")) if trust_type in path.name]
        self.names = tuple(next(path.name for path in found if word in path.name) for word in ("-data", "league-table"))
        self.metrics, self.league = (_read(data / name) for name in self.names)
        last = sorted({row["Quarter"] for row in self.metrics})[-2:]
        self.metrics = [row for row in self.metrics if row["Quarter"] in last]
        self.data, self.work = data, work
        (work / "mergers.csv").write_bytes((data / "mergers.csv").read_bytes()) if (
            data / "mergers.csv"
        ).exists() else None
        outcome, national, told = self.judged(Slip(self.metrics, self.league, random.Random(0)))
        if outcome not in ("noted", "accepted") or national is None:
            raise SystemExit(f"the untouched files are {outcome}: {told[:3]}")
        self.clean, self.notes = national, set(told)

    def judged(self, slip: Slip) -> tuple[str, National | None, list[str]]:
        """Write the files and let every check look at them, up to the one after which the slip would be seen on the pages."""
        for name, rows in zip(self.names, (slip.metrics, slip.league), strict=True):
            (self.work / name).write_bytes(slip.raw(_text(rows)).encode("utf-8-sig"))
        try:
            publication = read(self.work)
            told = publication.findings
            if (told["severity"] == "shown").any():
                return "shown", None, told["message"].tolist()
            national = recompute(publication)  # as opening.open_publication, less the search for older releases
        except InputError as error:
            return "refused", None, str(error).splitlines()
        vars(national)["_mergers"] = mergers.known_mergers(self.work)
        told = opening.findings_of(national)
        held = findings.counts(told)
        outcome = next((one for one in findings.SEVERITIES if held[one]), "accepted")
        return outcome, None if outcome == "refused" else national, told["message"].tolist()

    def outcome(self, name: str, seed: int) -> tuple[str, list[str]]:
        """What comes of one slip of a kind."""
        slip = Slip(self.metrics, self.league, random.Random(seed))
        KINDS[name](slip)
        outcome, national, told = self.judged(slip)
        if outcome in ("refused", "shown") or national is None:
            return outcome, told
        if set(told) - self.notes - {one for one in told if "passed over" in one}:
            return "noted", told
        return _effect(self.clean, national), told


def _effect(clean: National, changed: National) -> str:
    """What differs where no check said anything."""
    if _same(clean.publication, changed.publication):
        return "without effect"
    random_ends = [f"{name}_{end}" for name in ("average", "rank") for end in ("low", "high")]
    leagues = [one.publication.league.drop(columns=random_ends) for one in (clean, changed)]
    derived = all(_equal(mine, theirs) for mine, theirs in zip(_derived(clean), _derived(changed), strict=True))
    words = [name for name in clean.publication.metrics.columns if name not in ("value", "file", "row")]
    alone = _equal(clean.publication.metrics[words], changed.publication.metrics[words])
    trusts = _equal(clean.publication.trusts, changed.publication.trusts)
    return "in its place" if derived and alone and trusts and _equal(*leagues) else "silent"


def _same(mine: Publication, theirs: Publication) -> bool:
    where = ["file", "row"]
    return all(
        _equal(one.drop(columns=where, errors="ignore"), other.drop(columns=where, errors="ignore"))
        for one, other in ((mine.metrics, theirs.metrics), (mine.league, theirs.league), (mine.trusts, theirs.trusts))
    )


def _equal(one: pd.DataFrame, other: pd.DataFrame) -> bool:
    return one.reset_index(drop=True).equals(other.reset_index(drop=True))


def _derived(national: National) -> list[pd.DataFrame]:
    """Everything that follows from the published figures: scores, standings, domains, rankings with medians."""
    publication = national.publication
    rules = national.framework(publication.latest)
    ranked = [
        ranking.metric_ranking(publication.metrics, rule, publication.latest).drop(columns="value").sort_values("trust_code")
        for rule in rules.by_value.values() if rule.better != "unknown"
    ]  # fmt: skip
    return [national.scores, national.standings, national.domains, pd.concat(ranked)]


def run(drill: Drill, seed: int, count: int, jobs: int = 1) -> tuple[pd.DataFrame, list[str]]:
    """Try so many slips, in so many processes.

    Returns
    -------
    table : DataFrame
        A row a kind, a column an outcome, how many; kinds in turn, so that each is tried as often as any other.
    silent : list of str
        Kind and seed of each silent one: `Drill.outcome` gives it again.
    """
    names, silent = sorted(KINDS), []
    counts: dict[str, Counter[str]] = {name: Counter() for name in names}
    tasks = [(names[number % len(names)], seed + number) for number in range(count)]
    for (name, own), outcome in zip(tasks, _outcomes(drill, tasks, jobs), strict=True):
        counts[name][outcome] += 1
        if outcome == "silent":
            silent.append(f"{name}, seed {own}")
    table = pd.DataFrame.from_dict(counts, orient="index").reindex(columns=list(OUTCOMES)).fillna(0).astype(int)
    return table.loc[table.sum(axis=1) > 0], silent


def _outcomes(drill: Drill, tasks: list[tuple[str, int]], jobs: int) -> list[str]:
    if jobs == 1:
        return [drill.outcome(*task)[0] for task in tasks]
    with multiprocessing.get_context("fork").Pool(jobs, _start, (drill,)) as pool:
        return pool.map(_try, tasks, chunksize=4)


_mine: list[Drill] = []  # of a worker: the drill, with a folder of its own


def _start(drill: Drill) -> None:
    logging.disable(logging.WARNING)
    drill.work = Path(tempfile.mkdtemp(dir=drill.work))
    for path in drill.work.parent.glob("mergers.csv"):
        (drill.work / path.name).write_bytes(path.read_bytes())
    _mine.append(drill)


def _try(task: tuple[str, int]) -> str:
    return _mine[0].outcome(*task)[0]


def as_markdown(table: pd.DataFrame) -> str:
    """The table as docs/testing.md prints it, with its sums."""
    whole = pd.concat([table, table.sum().to_frame("all kinds").T])
    lines = [f"| kind | {' | '.join(OUTCOMES)} |", "|---|" + "---:|" * len(OUTCOMES)]
    lines += [f"| {name} | {' | '.join(str(row[one]) for one in OUTCOMES)} |" for name, row in whole.iterrows()]
    return "\n".join(lines)


def main() -> None:
    """Read the arguments, run the drill, print its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--count", type=int, default=10 * len(KINDS))
    parser.add_argument("--data", type=Path, help="folder of a publication; the demo if not given")
    parser.add_argument("--type", help="trust type; ambulance in the demo, else mental-health-and-community")
    parser.add_argument("--jobs", type=int, default=cores(), help="processes")
    asked = parser.parse_args()
    logging.disable(logging.WARNING)  # what is odd is counted here, not said
    data = asked.data or demo.ensure(common.demo())
    trust_type = asked.type or ("mental-health-and-community" if asked.data else "ambulance")
    with tempfile.TemporaryDirectory() as work:
        drill, started = Drill(data, trust_type, Path(work)), time.perf_counter()
        table, silent = run(drill, asked.seed, asked.count, asked.jobs)
        minutes = (time.perf_counter() - started) / 60
    print(as_markdown(table))
    print(f"\nseed {asked.seed}, {asked.count} slips, {asked.count / minutes:.0f} a minute")
    print("\n".join(f"SILENT: {one}" for one in silent))
    sys.exit(1 if silent else 0)


if __name__ == "__main__":
    main()
