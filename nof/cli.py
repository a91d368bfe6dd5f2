"""The `nof` command: each subcommand reads its arguments, calls one function and prints what came of it."""

from __future__ import annotations

import atexit
import gc
import io
import logging
import os
import signal
import sys
import traceback
from enum import IntEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from nof.common import InputError, NofError, Problem

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="NHS England's trust league tables, recomputed and explained.",
)
rules = typer.Typer(no_args_is_help=True, help="Rules files: what a publication gives away of its own rules.")
app.add_typer(rules, name="rules")
# In a log there is no edge to cut names at.
out = Console(width=None if sys.stdout.isatty() else 200)
err = Console(stderr=True, soft_wrap=True)

Data = Annotated[Path, typer.Option("--data", help="Folder with NHS England's CSV files.")]
Quarter = Annotated[str | None, typer.Option("--quarter", help="As 2025-26-q4; the latest if not given.")]
Output = Annotated[Path | None, typer.Option("-o", "--output", help="CSV file to write; standard output if not given.")]


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        out.print(f"nof {version('nof')}", highlight=False)
        raise typer.Exit()


@app.callback()
def _every_command(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Options that stand before a command."""


class Exit(IntEnum):
    """What the exit codes mean."""

    DONE = 0
    FAILED = 1
    BAD_INPUT = 2
    UNREACHABLE = 3
    STOPPED = 130  # by Ctrl-C, as shells number it


def main() -> None:
    """Run the command; what a user can mend is said in words, without a traceback."""
    signal.signal(
        signal.SIGTERM, signal.default_int_handler
    )  # a stop by the system is as clean as Ctrl-C, from the start
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s", stream=sys.stderr)
    for stream in (sys.stdout, sys.stderr):  # a name that the console cannot write is no reason to fail
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    # Matrices here are small: a second thread on each costs processor time and gains none.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # What is loaded stays: to look through it again and again for garbage takes a quarter of the time to start, and to do so
    # once more at the end half a second.
    gc.set_threshold(50_000, 20, 20)
    atexit.register(gc.freeze)
    try:
        code = app(standalone_mode=False)  # the code of a typer.Exit comes back as a value; None is 0
        if code == Exit.STOPPED:
            _say_error("stopped; nothing was published")
        sys.exit(code)
    except NofError as error:
        _say_error(str(error))
        sys.exit(Exit.BAD_INPUT if isinstance(error, InputError) else getattr(error, "exit_code", Exit.FAILED))
    except typer.Exit as leave:
        sys.exit(leave.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        _say_error("stopped; nothing was published")
        sys.exit(Exit.STOPPED)
    except Exception as error:
        if not hasattr(error, "format_message"):  # anything but a mistake in the command line was not foreseen
            if os.environ.get("NOF_TRACEBACK"):
                raise
            _say_error(_unforeseen(error))
            sys.exit(Exit.BAD_INPUT)
        _say_error(f"{error.format_message()} (nof --help lists what there is)")
        sys.exit(Exit.BAD_INPUT)


def _unforeseen(error: Exception) -> str:
    """What went wrong, and where in the code, for an exception that nobody thought of."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(place.filename).name}, line {place.lineno}"
    return (
        f"not foreseen: {type(error).__name__}: {error} ({where}); nothing was published. "
        "With NOF_TRACEBACK=1 the same command says more."
    )


def _say_error(text: str) -> None:
    err.print(_harmless(text), style="red", markup=False, highlight=False, emoji=False)


def _harmless(text: str) -> str:
    """Text from files and names as it can be shown on a terminal: control characters and lone surrogates spelled out."""
    return "".join(one if one.isprintable() or one == "\n" else f"\\x{ord(one):02x}" for one in text)


def _write(frame, path: Path | None) -> None:
    from nof import common

    text = common.text(frame)
    if path is None:
        sys.stdout.write(text)
        return
    _write_text(text, path, common.MARKED)


def _write_text(text: str, path: Path, encoding: str = "utf-8") -> None:
    try:
        path.write_text(text, encoding=encoding)
    except OSError as error:
        raise InputError(Problem(str(path), f"cannot be written: {error.strerror}")) from error


def _open(data: Path):
    from nof import demo
    from nof.method.opening import open_publication

    national = open_publication(demo.at_hand(data))
    _warn_of_unknown_metrics(national)
    return national


def _warn_of_unknown_metrics(national) -> None:
    from nof.rules.scoring import unknown_metrics

    for quarter in national.publication.quarters[-1:]:
        framework = national.framework(quarter)
        unknown = unknown_metrics(national.publication.metrics, framework) if framework.metrics else []
        for one in unknown:
            err.print(f"warning: no rule for {one}; its published scores are used as they are", markup=False)


@app.command()
def check(data: Data) -> None:
    """Say what a folder holds, and every problem in it."""
    from rich.table import Table

    from nof.method.opening import findings_of
    from nof.read import findings

    national = _open(data)
    summary = national.publication.summary()
    table = Table("Trust type", "File", "Quarters", "Trusts", "Metrics", "Rows", "Without a value")
    for row in summary.itertuples(index=False):
        table.add_row(*(str(cell) for cell in row))
    out.print(table)
    told = findings_of(national)
    said = set(told["message"])
    for warning in national.publication.warnings:
        if warning not in said:
            out.print(f"note: {warning}", markup=False, highlight=False, soft_wrap=True)
    for one in told.itertuples():
        out.print(f"{one.severity}: {one.message}", markup=False, highlight=False, soft_wrap=True)
    counted = ", ".join(f"{count:,} {name}" for name, count in findings.counts(told).items())
    out.print(f"findings: {counted}", highlight=False)


@app.command()
def league(
    data: Data,
    type: Annotated[str, typer.Option("--type", help="acute, mental-health-and-community, ambulance")],
    quarter: Quarter = None,
    output: Output = None,
    leave_out: Annotated[
        list[str] | None,
        typer.Option("--leave-out", help="Score ids or domains, separated by commas, as OF1080,OF1086."),
    ] = None,
    weights: Annotated[
        list[str] | None, typer.Option("--weights", help="Weights by score id or domain, as OF1005=2,OF1086=0.5.")
    ] = None,
    statistic: Annotated[str, typer.Option("--statistic", help="mean or median of the metric scores.")] = "mean",
    override: Annotated[
        bool, typer.Option("--override/--no-override", help="Whether the financial override applies.")
    ] = True,
    subtype: Annotated[str | None, typer.Option("--subtype", help="Rank this subtype only, as Community.")] = None,
    level: Annotated[
        int, typer.Option("--level", min=1, max=2, help="1: from published scores; 2: from values where rules allow.")
    ] = 2,
) -> None:
    """Write the recomputed league table of one trust type; under other rules, beside the published one."""
    from nof.method.view import open_view

    view = open_view(data, quarter, type, level)
    _warn_of_unknown_metrics(view.national)
    _say_where_segments_come_from(view)
    other = leave_out or weights or subtype or not override or statistic != "mean"
    _write(_own_league(view, leave_out, weights, statistic, override, subtype) if other else view.league, output)


def _own_league(view, leave_out, weights, statistic: str, override: bool, subtype: str | None):
    """The league table under rules of one's own, which every row names; said on the terminal too."""
    from nof.method.choices import own_rules

    table, rules = own_rules(
        view.national,
        view.quarter,
        view.trust_type,
        leave_out=_listed(leave_out),
        weights=dict(_weight(one) for one in _listed(weights)),
        statistic=statistic,
        override=override,
        trust_subtype=subtype,
    )
    for one in (rules.told, *rules.notes):
        if one:
            err.print(f"note: {one}", markup=False)
    return table.assign(quarter=view.quarter, trust_type=view.trust_type, rules=rules.told)


def _listed(given: list[str] | None) -> list[str]:
    return [part.strip() for one in given or [] for part in one.split(",") if part.strip()]


def _weight(text: str) -> tuple[str, float]:
    name, _, number = text.rpartition("=")
    try:
        return name.strip(), float(number)
    except ValueError as error:
        raise InputError(Problem("weights", "is not a weight", value=text, expected="as OF1005=2")) from error


def _say_where_segments_come_from(view) -> None:
    from nof.method.league_facts import edges_from

    said = {
        "quartiles elsewhere": "national quartiles, which one trust type's file cannot give",
        "not published": "not published",
    }
    if why := said.get(edges_from(view)):
        _note(f"note: the edges between segments are {why}, so segments before the override are the published ones")


@app.command()
def nowcast(
    data: Data,
    trust: Annotated[str, typer.Option(help="Code of the trust, as RDY")],
    own: Annotated[Path, typer.Option("--own", help="Its own newer values: a CSV file, metric_id,value,period")],
    quarter: Quarter = None,
    level: Annotated[float, typer.Option(help="Share of futures that the ranges are to hold.")] = 0.8,
    output: Output = None,
) -> None:
    """Place a trust's own newer values in the last published distribution."""
    from nof import demo
    from nof.method import nowcast_facts as room

    found = room.open_nowcast(demo.at_hand(data), quarter, trust, own, level)
    for line in room.summary(room.nowcast_facts(found)):
        err.print(line, markup=False, highlight=False)
    _write(room.as_frame(found), output)


@app.command()
def metric(
    data: Data,
    metric: Annotated[str, typer.Option("--metric", help="Id of the value, as OF0005")],
    quarter: Quarter = None,
    output: Output = None,
) -> None:
    """Write the individual metric ranking of each trust type."""
    from nof.method.view import named_metric_ranking

    _write(named_metric_ranking(_open(data), metric.strip().upper(), quarter), output)


@app.command()
def reconcile(
    data: Data,
    output: Output = None,
    mismatches: Annotated[Path | None, typer.Option(help="CSV file for every figure not reproduced.")] = None,
    at_least: Annotated[
        float | None, typer.Option(min=0, max=1, help="Fail (exit 1) if a smaller share comes out equal, as 0.95.")
    ] = None,
) -> None:
    """Compare every figure that can be recomputed with the published one."""
    from nof.method.opening import compared, reconciliation
    from nof.rules.reconcile import mismatches as not_reproduced
    from nof.rules.reconcile import untested

    national = _open(data)
    publication = national.publication
    summary = reconciliation(national)
    _write(summary, output)
    if mismatches is not None:
        _write(not_reproduced(compared(national)), mismatches)
    published, equal = int(summary["published"].sum()), int(summary["reproduced"].sum())
    share = equal / published if published else 0.0
    _note(f"{equal:,} of {published:,} published figures come out equal ({share:.1%})")
    for quarter in publication.quarters[-1:]:
        if names := untested(national, quarter):
            _note(
                f"rules that these files cannot test, since they do not hold a whole ranking pool: {', '.join(names)}"
            )
    if at_least is not None and share < at_least:
        _say_error(f"fewer than {at_least:.1%} of the published figures come out equal")
        raise typer.Exit(Exit.FAILED)


def _note(text: str) -> None:
    """A line for a person; standard output is for the table."""
    err.print(_harmless(text), markup=False, highlight=False, emoji=False)


@app.command()
def demo(
    folder: Annotated[
        Path | None, typer.Argument(help="Where to write it; if not given, where `nof brief demo` reads it.")
    ] = None,
    framework: Annotated[
        str, typer.Option(help="2025-26; 2026-27: across the change of method; demo-2026-27: a year without rules.")
    ] = "2025-26",
) -> None:
    """Write the made-up demo publication into a folder."""
    from nof import common
    from nof.demo import OWN, ensure

    if folder is None and framework not in OWN:
        raise InputError(Problem("nof demo", "say where to write a publication of this year", expected="a folder"))
    folder = ensure(common.demo().with_name(OWN[framework]) if folder is None else folder, framework)
    out.print(f"The illustrative publication is in {folder}", markup=False, highlight=False, soft_wrap=True)


@app.command()
def brief(
    params: Annotated[Path, typer.Argument(help="Params file, as params/demo.yaml; or a bare name: demo")],
    out_dir: Annotated[
        Path | None,
        typer.Option("--out", help="The reports folder; reports/ if not given, reports/demo/ for the demo."),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(help="Make this national briefing alone; may be repeated, or name several with commas."),
    ] = None,
    data: Annotated[
        Path | None, typer.Option("--data", help="Folder of the publication, instead of the file's.")
    ] = None,
    trust: Annotated[
        list[str] | None,
        typer.Option(help="Make the briefing of this trust alone; may be repeated, or name several with commas."),
    ] = None,
    all_trusts: Annotated[bool, typer.Option("--all-trusts", help="Also make a briefing for every trust.")] = False,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Briefings at a time; the number of cores if not given.")
    ] = None,
    cold: Annotated[bool, typer.Option("--cold", help="Run each notebook in an ordinary kernel.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Make again what did not change.")] = False,
    show_code: Annotated[
        bool, typer.Option("--show-code", help="HTML pages with the code, folded, above its results.")
    ] = False,
    word: Annotated[bool, typer.Option("--word", help="Each briefing as a Word document too.")] = False,
    binder: Annotated[bool, typer.Option("--binder", help="Each trust's pages in one PDF with bookmarks too.")] = False,
    publish_partial: Annotated[int, typer.Option(min=0, help="Publish with exactly so many failures.")] = 0,
    timeout: Annotated[float | None, typer.Option(min=1, help="Seconds that one briefing may take.")] = None,
    scheduler: Annotated[str | None, typer.Option(help="Make them on this Dask cluster, as tcp://host:8786")] = None,
) -> None:
    """Make the briefings of a params file and publish them, all or nothing."""
    from nof.briefing.run import run

    given = {name: value for name, value in (("jobs", jobs), ("timeout", timeout)) if value is not None}
    worked = run(
        params,
        data,
        out,
        changes={"formats": ["html", "pdf", "docx"] if word else None, "binder": binder or None},
        out_dir=out_dir,
        only=tuple(_listed(only)),
        trusts=tuple(one.upper() for one in _listed(trust)),
        all_trusts=all_trusts,
        cold=cold,
        force=force,
        show_code=show_code,
        publish_partial=publish_partial,
        scheduler=scheduler,
        **given,
    )
    raise typer.Exit(Exit.DONE if worked else Exit.FAILED)


@app.command()
def verify(report: Annotated[Path, typer.Argument(help="A report's folder, as reports/2025-26-q4")]) -> None:
    """Hash a report's files again and compare them with its manifest."""
    from nof.briefing import manifest

    problems = manifest.verify(report)
    for problem in problems:
        out.print(problem, markup=False, highlight=False, soft_wrap=True)
    out.print("every file is as it was published" if not problems else f"not as published: {len(problems)}")
    raise typer.Exit(Exit.FAILED if problems else Exit.DONE)


@app.command()
def fetch(
    quarter: Annotated[str | None, typer.Option("--quarter", help="As 2025-26-q4.")] = None,
    latest: Annotated[bool, typer.Option("--latest", help="The newest quarter on offer.")] = False,
    source: Annotated[Path | None, typer.Option("--from", help="Folder of files that were downloaded by hand.")] = None,
    into: Annotated[Path, typer.Option("--into", help="Folder that holds a folder for each quarter.")] = Path(
        "data/raw"
    ),
) -> None:
    """Download a quarter's files, check them, and keep every version."""
    from nof.quarterly import fetch as files
    from nof.quarterly.catalogue import SourceUnreachable
    from nof.quarterly.refresh import exclusive

    if (quarter is not None) + latest + (source is not None) == 0 or (latest and (quarter or source)):
        raise InputError(
            Problem("nof fetch", "say which files", expected="--quarter QUARTER, --latest or --from FOLDER")
        )
    try:
        with exclusive(into):
            fetched = (
                files.take_from(source, quarter, into)
                if source is not None
                else files.fetch_quarter(quarter, into)
                if quarter
                else files.fetch_latest(into)
            )
    except SourceUnreachable as error:
        _say_error(str(error))
        raise typer.Exit(Exit.UNREACHABLE) from error
    for warning in fetched.warnings:
        err.print(f"note: {warning}", markup=False, highlight=False)
    news = f"new: {', '.join(fetched.changed)}" if fetched.new else "nothing new"
    out.print(f"{fetched.quarter} in {fetched.folder}: {news}", markup=False, highlight=False, soft_wrap=True)


@app.command()
def refresh(
    settings: Annotated[Path | None, typer.Argument(help="Settings file; params/refresh.yaml if not given.")] = None,
    source: Annotated[Path | None, typer.Option("--from", help="Folder of files that were downloaded by hand.")] = None,
    into: Annotated[Path | None, typer.Option("--into", help="Folder of downloads, instead of the file's.")] = None,
    out_dir: Annotated[Path | None, typer.Option("--out", help="Reports folder, instead of the file's.")] = None,
    again: Annotated[bool, typer.Option("--again", help="Make the report also if nothing is new.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Say nothing if there is nothing to do for anybody.")] = False,
) -> None:
    """Do the quarterly job unattended: look, fetch, check, make, publish, tell. Exit codes: see docs/operations.md."""
    from nof.quarterly import refresh as job
    from nof.quarterly.settings import load

    chosen = load(settings, raw=into and into.resolve(), reports=out_dir and out_dir.resolve())
    raise typer.Exit(job.refresh(chosen, source, again=again, quiet=quiet).exit_code)


@app.command()
def prune(
    keep: Annotated[int, typer.Option(min=1, help="Quarters of reports, and versions of files, that stay.")],
    settings: Annotated[Path | None, typer.Argument(help="Settings file; params/refresh.yaml if not given.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
) -> None:
    """Remove old reports and replaced files; never the newest."""
    from nof.quarterly import retention
    from nof.quarterly.refresh import exclusive
    from nof.quarterly.settings import load

    chosen = load(settings)
    with exclusive(chosen.raw):
        found = retention.removals(chosen.reports, chosen.raw, keep)
        for one in found:
            out.print(
                f"{'would go' if dry_run else 'goes'}: {one.path.name} ({one.size / 1e6:.1f} MB; {one.why})",
                markup=False,
                highlight=False,
                soft_wrap=True,
            )
        if not dry_run:
            retention.remove(chosen.reports, found)
    freed = sum(one.size for one in found) / 1e6
    out.print(f"{len(found)} removed, {freed:.1f} MB" if not dry_run else f"{len(found)} would go, {freed:.1f} MB")


@app.command()
def diff(
    old: Annotated[Path, typer.Argument(help="Folder of the publication as it was.")],
    new: Annotated[Path, typer.Argument(help="Folder of the publication as it is.")],
    output: Output = None,
) -> None:
    """List what a newer publication says otherwise: restated figures, trusts, metrics, columns, quarters."""
    from rich.table import Table

    from nof.read import difference, releases
    from nof.read.publication import read

    try:
        found = difference.compare(read(old), read(new))
    except InputError:  # a column that nobody knows yet is refused on reading: what is new is said all the same
        for row in difference.columns_changed(releases.headers(old), releases.headers(new)).itertuples(index=False):
            out.print(f"{row.change} column in the {row.kind} files: {row.column}", markup=False, highlight=False)
        raise
    table = Table("What", "Quarter", "Trust type", "Differences")
    for row in difference.overview(found).itertuples(index=False):
        table.add_row(*(str(cell) for cell in row))
    out.print("The files say the same." if found.nothing else table)
    if found.columns.empty:
        out.print("Their columns are the same.")
    if output is not None:
        _write(difference.listing(found), output)


@app.command()
def cache(clear: Annotated[bool, typer.Option("--clear", help="Remove everything that is kept.")] = False) -> None:
    """Show the results of publications that are kept so that nobody waits for them twice; NOF_CACHE names the folder."""
    from nof.read import store

    place = store.folder()
    if place is None:
        out.print("nothing is kept: NOF_CACHE is empty", highlight=False)
        return
    if clear:
        out.print(f"{store.clear()} removed", highlight=False)
    held = store.entries()
    size = sum(one for _, one in held) / 1e6
    out.print(
        f"{place}: {len(held)} {'entry' if len(held) == 1 else 'entries'}, {size:.1f} MB",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )


@app.command()
def export(
    data: Data,
    csv: Annotated[Path | None, typer.Option("--csv", help="Folder for CSV files, new or empty.")] = None,
    xlsx: Annotated[Path | None, typer.Option("--xlsx", help="Excel workbook to write.")] = None,
    parquet: Annotated[Path | None, typer.Option("--parquet", help="Folder for Parquet files, new or empty.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an earlier export.")] = False,
) -> None:
    """Write the tidy tables, as published and as recomputed, as CSV, Excel or Parquet files."""
    from nof import explore

    made = explore.export(_open(data), csv, xlsx, parquet, force)
    for path in made:
        out.print(str(path), markup=False, highlight=False, soft_wrap=True)


@app.command()
def notebooks(
    folder: Annotated[Path, typer.Argument(help="Folder to work in; made if it is not there.")],
    force: Annotated[bool, typer.Option("--force", help="Replace files that were changed.")] = False,
) -> None:
    """Copy the notebooks, and helpers.py, into a folder of one's own."""
    from nof.explore.exporting import copy_notebooks

    made = copy_notebooks(folder, force)
    out.print(
        f"{len(made) - 1} notebooks and helpers.py are in {folder}", markup=False, highlight=False, soft_wrap=True
    )


@rules.command("infer")
def rules_infer(
    data: Data,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="YAML file to write.")] = None,
    year: Annotated[str | None, typer.Option(help="Framework year, as 2026/27; the latest if not given.")] = None,
) -> None:
    """Work out from published figures what the rules of a year may be, as a draft for a person to confirm."""
    from rich.table import Table

    from nof.read.publication import read
    from nof.rules import inference
    from nof.rules.draft import draft

    found = inference.infer(read(data), year)
    if output is None:
        sys.stdout.write(draft(found))
        return
    shown = inference.table(found)[["metric_id", "shape", "pool", "weight", "published", "reproduced", "pools"]]
    table = Table(*(name.replace("_", " ") for name in shown.columns))
    for row in shown.itertuples(index=False):
        table.add_row(*(f"{cell:.3g}" if isinstance(cell, float) else str(cell) for cell in row))
    out.print(table)
    out.print(
        f"averages: {found.average}; segments: {found.segments.rule} ({found.segments.why}); override: {found.override}",
        markup=False,
        highlight=False,
    )
    _write_text(draft(found), output)
