"""What can be wrong with a quarter's two files: each case changes NHS England's own in one way and says what must come of it.

`CASES` gives name -> (change, outcome, words): the change takes a `Files`; the outcome is "refused" (exit code 2), "shown" (the
run goes on and says so) or "accepted" (the figures are those of the untouched files); the words must stand in a message.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path

NOW, BEFORE = "Q4 2025/26", "Q3 2025/26"
FIGURES = ("Value", "Median_value", "Lower_quartile", "Upper_quartile")
Row = dict[str, str]


class Files:
    """Two files of a folder: their rows to change, their bytes to break."""

    def __init__(self, folder: Path, metrics: str, league: str):
        self.folder, self.names = folder, {"metrics": metrics, "league": league}

    def path(self, kind: str = "metrics") -> Path:
        return self.folder / self.names[kind]

    def rows(self, kind: str = "metrics") -> tuple[list[str], list[Row]]:
        text = self.path(kind).read_bytes().decode("utf-8-sig")
        reader = csv.DictReader(io.StringIO(text, newline=""))
        return list(reader.fieldnames or []), list(reader)

    def write(self, header: list[str], rows: list[Row], kind: str = "metrics", name: str | None = None) -> None:
        stream = io.StringIO(newline="")
        writer = csv.DictWriter(stream, header, lineterminator="\r\n")
        writer.writeheader()
        writer.writerows(rows)
        (self.folder / (name or self.names[kind])).write_bytes(stream.getvalue().encode("utf-8-sig"))

    def edit(self, change: Callable[[list[Row]], list[Row] | None], kind: str = "metrics") -> None:
        header, rows = self.rows(kind)
        self.write(header, change(rows) or rows, kind)

    def set(self, column: str, to, kind: str = "metrics", **where: str) -> None:
        """Set a column of the rows that fit: to a text, or to what a function makes of the text that stands there."""

        def change(rows: list[Row]) -> None:
            fitting = list(pick(rows, **where))
            assert fitting, f"nothing to change for {where}"
            for row in fitting:
                row[column] = to(row[column]) if callable(to) else to

        self.edit(change, kind)

    def drop(self, fits: Callable[[Row], bool], kind: str = "metrics") -> None:
        def change(rows: list[Row]) -> list[Row]:
            left = [row for row in rows if not fits(row)]
            assert 0 < len(left) < len(rows)
            return left

        self.edit(change, kind)


def pick(rows: list[Row], code: str = "", metric: str = "", quarter: str = NOW) -> Iterator[Row]:
    for row in rows:
        if (
            code in ("", row["Trust_code"])
            and (not metric or re.fullmatch(metric, row.get("Metric_ID", "")))
            and quarter in ("", row["Quarter"])
        ):
            yield row


def times(factor: float, form: str = "{:.10g}") -> Callable[[str], str]:
    return lambda text: form.format(float(text) * factor) if text else text


def _now(row: Row, metric: str = ".*", code: str = "") -> bool:
    return row["Quarter"] == NOW and bool(re.fullmatch(metric, row["Metric_ID"])) and code in ("", row["Trust_code"])


def _farthest(files: Files, metric: str, change: Callable[[Row], None]) -> None:
    files.edit(lambda rows: change(max(pick(rows, metric=metric), key=lambda row: float(row["Value"] or 0))))


def _both(files: Files, column: str, to: str, code: str = "", quarter: str = NOW) -> None:
    for kind in ("metrics", "league"):
        files.set(column, to, kind, code=code, quarter=quarter)


CASES: dict[str, tuple[Callable[[Files], None], str, str]] = {}


def case(outcome: str, words: str = "") -> Callable:
    def register(change: Callable[[Files], None]) -> Callable:
        CASES[change.__name__] = (change, outcome, words)
        return change

    return register


def _cases(table: dict[str, tuple[str, str, Callable[[Files], None]]]) -> None:
    CASES.update({name: (change, outcome, words) for name, (outcome, words, change) in table.items()})


# ---------------------------------------------------------------- one cell


def _cell(metric: str, value: str, column: str = "Value", code: str = "RYY") -> Callable[[Files], None]:
    return lambda files: files.set(column, value, code=code, metric=metric)


_cases({
    "na_beside_a_rank": ("shown", "OF0082", _cell("OF0082", "NA")),
    "sub_domain_slip": ("shown", "OF0082", _cell("OF0082", "Peple", "Sub-domain")),
    "segment_blank": ("shown", "no value though nearly all other trusts have one", _cell("OF5003", "")),
    "domain_score_blank": ("shown", "RYY", _cell("OF4002", "")),
    "huge_exponent": ("refused", "RYY", _cell("OF0082", "1e300")),
    "sentinel_minus_99": ("refused", "OF0082", _cell("OF0082", "-99")),
    "sentinel_minus_1": ("refused", "OF0082", _cell("OF0082", "-1")),
    "sentinel_9999": ("refused", "OF0082", _cell("OF0082", "9999")),
    "out_of_ten_71_2": ("refused", "OF0061", _cell("OF0061", "71.2")),
    "percentage_above_100": ("refused", "OF0057", lambda files: _farthest(files, "OF0057", lambda row: row.update(Value="100000.0"))),
    "worst_times_10": ("refused", "OF0063", lambda files: _farthest(files, "OF0063", lambda row: row.update(Value=times(10)(row["Value"])))),
    "largest_times_2": ("shown", "OF0041", lambda files: _farthest(files, "OF0041", lambda row: row.update(Value=times(4)(row["Value"])))),
    "score_three_decimals": ("shown", "OF1082", _cell("OF1082", "1.444")),
    "score_wrong": ("shown", "RYY", _cell("OF1082", "4.0")),
    "rank_fraction": ("refused", "RYY", _cell("OF0082", "7.5", "Rank")),
    "rank_of_all_trusts": ("refused", "205", lambda files: _farthest(files, "OF0063", lambda row: row.update(Rank="205"))),
    "unadjusted_segment_5": ("refused", "OF5003", _cell("OF5003", "5")),
    "unit_blank_flag_5": ("refused", "OF5004", lambda f: (_cell("OF5004", "", "Units")(f), _cell("OF5004", "5.0")(f))),
    "unit_blank_segment_7": ("refused", "OF5000", lambda f: (_cell("OF5000", "", "Units")(f), _cell("OF5000", "7.0")(f))),
    "unit_blank_average": ("refused", "OF5002", lambda f: (_cell("OF5002", "", "Units")(f), _cell("OF5002", "0.2")(f))),
    "id_with_a_letter_o": ("refused", "OF1O82", _cell("OF1082", "OF1O82", "Metric_ID")),
    "domain_of_one_row": ("refused", "Patient safety", _cell("OF1082", "Patient safety", "Domain")),
    "code_of_another_trust": ("refused", "RYY", lambda f: f.set("Trust_code", "RYY", code="RXG", metric="OF1016")),
    "code_typed_wrong": ("refused", "RYQ", _cell("OF1082", "RYQ", "Trust_code")),
    "name_with_a_dash": ("shown", "–", _cell("OF1082", "Kent Community Health NHS Foundation Trust –", "Trust_name")),
})  # fmt: skip


@case("shown", "OF0079")
def sign_of_one(files: Files) -> None:
    files.edit(
        lambda rows: next(row for row in pick(rows, metric="OF0079") if row["Value"].startswith("-")).update(
            Value="1.5"
        )
    )


# ---------------------------------------------------------------- rows

_cases({
    "row_of_unadjusted_segment": ("shown", "RXG", lambda f: f.drop(lambda r: _now(r, "OF5003", "RXG"))),
    "row_of_adjusted_segment": ("shown", "RYY", lambda f: f.drop(lambda r: _now(r, "OF5000", "RYY"))),
    "row_of_value": ("shown", "OF0082", lambda f: f.drop(lambda r: _now(r, "OF0082", "RYY"))),
    "row_of_score": ("shown", "OF0082", lambda f: f.drop(lambda r: _now(r, "OF1082", "RYY"))),
    "rows_of_value_and_score": ("shown", "RYY", lambda f: f.drop(lambda r: _now(r, "OF[01]082", "RYY"))),
    "flags": ("shown", "OF5004", lambda f: f.drop(lambda r: _now(r, "OF5004"))),
    "domain_rows": ("shown", "OF4000", lambda f: f.drop(lambda r: _now(r, r"OF4\d{3}"))),
    "summary_rows": ("shown", "OF5002", lambda f: f.drop(lambda r: _now(r, r"OF5\d{3}"))),
    "whole_metric": ("shown", "OF0082", lambda f: f.drop(lambda r: _now(r, "OF[01]082"))),
    "trust_of_metrics": ("shown", "RYY", lambda f: f.drop(lambda r: _now(r, code="RYY"))),
    "quarter_in_between": ("shown", "Q3 2025/26 is not in these files", lambda f: f.drop(lambda r: r["Quarter"] == BEFORE)),
})  # fmt: skip


def _lose(files: Files, codes: set[str]) -> None:
    files.drop(lambda row: row["Trust_code"] in codes and row["Quarter"] == NOW)
    files.drop(lambda row: row["Trust_code"] in codes, "league")


@case("shown", "RYY")
def trust_of_both(files: Files) -> None:
    _lose(files, {"RYY"})


@case("shown", "no longer listed")
def ten_trusts(files: Files) -> None:
    _lose(files, {row["Trust_code"] for row in files.rows("league")[1][:10]})


def _cut(files: Files, kind: str, keep: Callable[[list[bytes]], list[bytes]]) -> None:
    lines = files.path(kind).read_bytes().split(b"\r\n")[:-1]
    files.path(kind).write_bytes(b"\r\n".join([*keep(lines), b""]))


_cases({
    "last_rows_cut": ("shown", "TAH", lambda f: _cut(f, "metrics", lambda lines: lines[:-3])),
    "half_of_the_quarter_cut": ("shown", "OF5000", lambda f: _cut(f, "metrics", lambda lines: lines[: int(len(lines) * 0.9)])),
    "league_table_cut": ("shown", "not in the league table", lambda f: _cut(f, "league", lambda lines: lines[:31])),
})  # fmt: skip


@case("shown", "Q1 2026/27")
def stray_row_of_next_year(files: Files) -> None:
    files.edit(lambda rows: [*rows, next(pick(rows, "RYY", "OF1082")) | {"Quarter": "Q1 2026/27"}])


@case("refused", "OF1082")
def two_scores_under_two_units(files: Files) -> None:
    files.edit(lambda rows: [*rows, next(pick(rows, "RYY", "OF1082")) | {"Units": "points", "Value": "4.0"}])


# ---------------------------------------------------------------- a whole metric


def _figures(files: Files, factor: float, metric: str, quarter: str = NOW, columns: tuple[str, ...] = FIGURES) -> None:
    for column in columns:
        files.set(column, times(factor), metric=metric, quarter=quarter)


_cases({
    "shares_for_percentages": ("shown", "OF0082", lambda f: _figures(f, 0.01, "OF0082")),
    "shares_in_every_quarter": ("shown", "OF0082", lambda f: _figures(f, 0.01, "OF0082", "")),
    "shares_in_values_alone": ("shown", "OF0082", lambda f: _figures(f, 0.01, "OF0082", columns=("Value",))),
    "out_of_100": ("refused", "OF0061", lambda f: _figures(f, 10, "OF0061")),
    "sign_of_all": ("shown", "OF0041", lambda f: _figures(f, -1, "OF0041")),
    "unit_changed": ("refused", "proportion", lambda f: f.set("Units", "proportion", metric="OF0082")),
    "meaning_changed": ("shown", "Staff turnover", lambda f: f.set("Metric_description", "Staff turnover rate", metric="OF[01]082")),
    "description_blank": ("refused", "Metric_description", lambda f: f.set("Metric_description", "", metric="OF1082")),
    "domain_misspelt": ("refused", "People and workforce .", lambda f: f.set("Domain", "People and workforce .", metric="OF1082")),
    "period_of_years_ago": ("shown", "Mar-19", lambda f: f.set("Reporting_date", "Mar-19", metric="OF0082")),
    "medians_blank": ("shown", "Median_value", lambda f: [f.set(column, "", metric=r"OF0\d{3}") for column in FIGURES[1:]]),
    "ranks_blank": ("shown", "OF0082", lambda f: f.set("Rank", "", metric="OF0082")),
    "flags_all_0": ("refused", "Trust_in_financial_deficit", lambda f: f.set("Value", "0.0", metric="OF5004")),
    "median_wrong": ("shown", "OF0082", lambda f: f.set("Median_value", "9.99", metric="OF0082")),
    "region_of_a_trust_changed": ("shown", "RYY", lambda f: [f.set("Region", "London", kind, code="RYY") for kind in f.names]),
    "period_of_the_scores_alone": ("shown", "as beside OF0082", lambda f: f.set("Reporting_date", "Q2 2025/26", metric="OF1082")),
    "sub_domain_of_the_scores_alone": ("shown", "as beside OF0082", lambda f: f.set("Sub-domain", "Finance", metric="OF1082")),
    "period_of_the_averages": ("shown", "Q4 2025/26", lambda f: f.set("Reporting_date", "Mar-26", metric="OF5002")),
    "region_blank": ("refused", "Region", lambda f: f.set("Region", "", quarter="")),
    "ids_in_small_letters": ("refused", "of0082", lambda f: f.set("Metric_ID", str.lower)),
    "values_rounded": ("shown", "whole number", lambda f: f.set("Value", lambda text: f"{round(float(text))}" if text else text, metric=r"OF0\d{3}")),
    "ranks_with_holes": ("shown", "OF0063", lambda f: f.set("Rank", lambda text: f"{float(text) + (float(text) > 10):.1f}" if text else text, metric="OF0063")),
    "sub_type_changed": ("shown", "Specialist", lambda f: _both(f, "Trust_subtype", "Specialist", "RYY")),
    "code_changed": ("shown", "RZ9", lambda f: _both(f, "Trust_code", "RZ9", "RYY")),
    "type_relabelled": ("shown", "acute", lambda f: _both(f, "Trust_type", "Acute trust", quarter="")),
})  # fmt: skip


@case("refused", "OF0005")
def percentages_times_100(files: Files) -> None:
    def change(rows: list[Row]) -> None:
        for row in pick(rows):
            if row["Units"] == "%":
                row.update({column: times(100)(row[column]) for column in FIGURES})

    files.edit(change)


@case("shown", "OF0063")
def values_moved_down_a_row(files: Files) -> None:
    def change(rows: list[Row]) -> None:
        chosen = list(pick(rows, metric="OF0063"))
        values = [row["Value"] for row in chosen]
        for row, value in zip(chosen, values[-1:] + values[:-1], strict=True):
            row["Value"] = value

    files.edit(change)


@case("shown", "OF0063")
def direction_reversed(files: Files) -> None:
    def change(rows: list[Row]) -> None:
        for row in pick(rows, metric="OF0063"):
            row["Value"] = f"{100 - float(row['Value']):.2f}"
            ends = [f"{100 - float(row[column]):.2f}" for column in FIGURES[1:]]
            row["Median_value"], row["Upper_quartile"], row["Lower_quartile"] = ends

    files.edit(change)


@case("shown", "OF1084")
def ids_exchanged(files: Files) -> None:
    files.set("Metric_ID", lambda one: {"OF1084": "OF1061", "OF1061": "OF1084"}.get(one, one))


@case("shown", "quarter held before")
def values_of_the_quarter_before(files: Files) -> None:
    def change(rows: list[Row]) -> None:
        then = {row["Trust_code"]: row for row in pick(rows, metric="OF0082", quarter=BEFORE)}
        for row in pick(rows, metric="OF0082"):
            row.update({column: then[row["Trust_code"]][column] for column in (*FIGURES, "Rank")})

    files.edit(change)


@case("refused", "Median_value")
def header_of_value_and_median_exchanged(files: Files) -> None:
    swap = {"Value": "Median_value", "Median_value": "Value"}
    header, rows = files.rows()
    files.write(
        [swap.get(name, name) for name in header],
        [{swap.get(name, name): row[name] for name in header} for row in rows],
    )


# ---------------------------------------------------------------- the league table, quarters, files

_cases({
    "range_elsewhere": ("refused", "Likely_range_of_average_score", lambda f: f.edit(lambda rows: rows[0].update(Likely_range_of_average_score="3.2 to 3.89"), "league")),
    "range_of_rank_to_900": ("refused", "900", lambda f: f.edit(lambda rows: rows[0].update(Likely_range_of_rank="1 to 900"), "league")),
    "ranges_blank": ("shown", "no likely range", lambda f: [f.set(f"Likely_range_of_{what}", "", "league") for what in ("rank", "average_score")]),
    "deficits_contradict": ("refused", "Trust_in_financial_deficit", lambda f: f.set("Trust_in_financial_deficit", {"Yes": "No", "No": "Yes"}.get, "league")),
    "rank_4000": ("refused", "4000", lambda f: f.edit(lambda rows: rows[0].update(Rank="4000"), "league")),
    "rank_twice": ("shown", "RV3", lambda f: f.edit(lambda rows: rows[1].update(Rank="1.0"), "league")),
    "segment_1_for_the_worst": ("refused", "Segment", lambda f: f.edit(lambda rows: rows[-1].update(Segment="1.0"), "league")),
    "averages_not_restated": ("shown", "Average_score", lambda f: f.set("Average_score", lambda text: f"{min(4.0, float(text) + 0.1):.2f}", "league")),
    "league_of_another_quarter": ("refused", "another quarter", lambda f: f.set("Quarter", BEFORE, "league")),
    "quarters_exchanged": ("refused", "Segment", lambda f: f.set("Quarter", lambda text: {NOW: BEFORE, BEFORE: NOW}.get(text, text), quarter="")),
})  # fmt: skip


@case("shown", "Average_score")
def averages_of_the_quarter_before(files: Files) -> None:
    then = {
        row["Trust_code"]: f"{float(row['Value']):.2f}"
        for row in pick(files.rows()[1], metric="OF5002", quarter=BEFORE)
    }
    files.edit(lambda rows: [row.update(Average_score=then[row["Trust_code"]]) for row in rows] and None, "league")


@case("refused", "the segment is not that of the metrics file")
def name_of_another_quarter(files: Files) -> None:
    files.drop(lambda row: row["Quarter"] == NOW)
    files.set("Quarter", BEFORE, "league")


@case("shown", "no league table found")
def league_table_named_txt(files: Files) -> None:
    path = files.path("league")
    path.rename(path.with_name(f"{path.name}.txt"))


@case("refused", "v2026")
def version_that_is_a_year(files: Files) -> None:
    path = files.path()
    path.with_name(path.name.replace(".csv", "-v2.csv")).write_bytes(path.read_bytes())
    files.set("Value", "9.9", code="RYY", metric="OF0082")
    path.rename(path.with_name(path.name.replace(".csv", "-v2026.csv")))


@case("shown", "used in its place")
def second_version_with_fewer_trusts(files: Files) -> None:
    header, rows = files.rows()
    left = [row for row in rows if row["Trust_code"] not in ("RYY", "RDR", "RXG")]
    files.write(header, left, name=files.names["metrics"].replace(".csv", "-v2.csv"))


# ---------------------------------------------------------------- no fault


@case("accepted")
def carriage_returns_alone(files: Files) -> None:
    files.path().write_bytes(files.path().read_bytes().replace(b"\r\n", b"\r"))


@case("accepted")
def saved_by_a_spreadsheet(files: Files) -> None:
    for column in (*FIGURES, "Rank"):
        files.set(column, lambda text: f"{float(text):g}" if text else text, quarter="")
    files.set("Reporting_date", lambda text: re.sub(r"^([A-Z][a-z]{2})-(\d\d)$", r"\2-\1", text), quarter="")


@case("accepted")
def spaces_around(files: Files) -> None:
    for column in ("Trust_code", "Metric_ID", "Trust_name", "Quarter"):
        files.set(column, lambda text: f" {text}\xa0 ", quarter="")


@case("accepted")
def scientific(files: Files) -> None:
    files.set("Value", lambda text: f"{float(text):.6E}" if text else text, metric="OF0082", quarter="")


@case("accepted")
def columns_in_another_order(files: Files) -> None:
    header, rows = files.rows()
    files.write(header[::-1], rows)


@case("accepted")
def rows_of_commas(files: Files) -> None:
    for kind, commas in (("metrics", b"," * 16), ("league", b"," * 11)):
        files.path(kind).write_bytes(files.path(kind).read_bytes() + (commas + b"\r\n") * 2)


@case("accepted")
def an_empty_column(files: Files) -> None:
    files.path("league").write_bytes(files.path("league").read_bytes().replace(b"\r\n", b",\r\n"))


@case("accepted")
def files_of_others(files: Files) -> None:
    (files.folder / "notes.csv").write_bytes(b"")
    (files.folder / "staff.csv").write_bytes("code,name\nX0A,x\n".encode("utf-16"))
    (files.folder / "login.csv").write_bytes(b"<!DOCTYPE html><html></html>")


@case("accepted")
def a_copy_of_a_browser(files: Files) -> None:
    path = files.path()
    path.rename(path.with_name(path.name.replace(".csv", " (1).csv")))
