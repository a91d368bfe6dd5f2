"""The `nof` command: each subcommand reads its arguments, calls one function and prints what came of it."""

from __future__ import annotations

import logging
import sys
from enum import IntEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from nof.errors import InputError, NofError, Problem

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False,
                  help="NHS England's trust league tables, recomputed and explained.")
out = Console()
err = Console(stderr=True, soft_wrap=True)

Data = Annotated[Path, typer.Option("--data", help="Folder with NHS England's CSV files.")]
Quarter = Annotated[str | None, typer.Option("--quarter", help="As 2025-26-q4; the latest if not given.")]
Output = Annotated[Path | None, typer.Option("-o", "--output", help="CSV file to write; standard output if not given.")]


class Exit(IntEnum):
    """What the exit codes mean."""

    DONE = 0
    FAILED = 1
    BAD_INPUT = 2
    UNREACHABLE = 3


def main() -> None:
    """Run the command; what a user can mend is said in words, without a traceback."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s", stream=sys.stderr)
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)  # it warns of weights that a fallback font lacks
    try:
        app(standalone_mode=False)
    except NofError as error:
        _say_error(str(error))
        sys.exit(Exit.BAD_INPUT if isinstance(error, InputError) else getattr(error, "exit_code", Exit.FAILED))
    except typer.Exit as leave:
        sys.exit(leave.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        _say_error("stopped; nothing was published")
        sys.exit(130)
    except Exception as error:
        if not hasattr(error, "format_message"):  # anything but a mistake in the command line is ours
            raise
        _say_error(f"{error.format_message()} (nof --help lists what there is)")
        sys.exit(Exit.BAD_INPUT)


def _say_error(text: str) -> None:
    err.print(text, style="red", markup=False, highlight=False)


def _write(frame, path: Path | None) -> None:
    from nof import csvs

    text = csvs.text(frame)
    if path is None:
        sys.stdout.write(text)
        return
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(Problem(str(path), f"cannot be written: {error.strerror}")) from error


def _open(data: Path):
    from nof import demo, paths
    from nof.view import open_publication

    if data.resolve() == paths.share("data", "demo").resolve():
        demo.ensure(data)
    national = open_publication(data)
    _warn_of_unknown_metrics(national)
    return national


def _warn_of_unknown_metrics(national) -> None:
    from nof.scoring import unknown_metrics

    for quarter in national.publication.quarters[-1:]:
        framework = national.framework(quarter)
        unknown = unknown_metrics(national.publication.metrics, framework) if framework.metrics else []
        for one in unknown:
            err.print(f"warning: no rule for {one}; its published scores are used as they are", markup=False)


@app.command()
def check(data: Data) -> None:
    """Say what a folder holds, and every problem in it."""
    from rich.table import Table

    national = _open(data)
    summary = national.publication.summary()
    table = Table("Trust type", "File", "Quarters", "Trusts", "Metrics", "Rows", "Without a value")
    for row in summary.itertuples(index=False):
        table.add_row(*(str(cell) for cell in row))
    out.print(table)
    for warning in national.publication.warnings:
        out.print(f"note: {warning}", markup=False)


@app.command()
def league(data: Data, type: Annotated[str, typer.Option("--type", help="acute, mental-health-and-community, ambulance")],
           quarter: Quarter = None, output: Output = None) -> None:
    """Write the recomputed league table of one trust type."""
    from nof import recompute
    from nof.view import View

    national = _open(data)
    view = View(national, recompute.choose_quarter(national.publication, quarter),
                recompute.choose_type(national.publication, type))
    _say_where_segments_come_from(view)
    _write(view.league, output)


def _say_where_segments_come_from(view) -> None:
    from nof.words import edges_note

    note = edges_note(view)
    if note:
        err.print(f"note: {note.strip()}", markup=False)


@app.command()
def metric(data: Data, metric: Annotated[str, typer.Option("--metric", help="Id of the value, as OF0005")],
           quarter: Quarter = None, output: Output = None) -> None:
    """Write the individual metric ranking of each trust type."""
    from nof.view import named_metric_ranking

    _write(named_metric_ranking(_open(data), metric, quarter), output)


@app.command()
def reconcile(data: Data, output: Output = None,
              mismatches: Annotated[Path | None, typer.Option(help="CSV file for every figure not reproduced.")] = None) -> None:
    """Compare every figure that can be recomputed with the published one."""
    from nof import reconcile as room
    from nof.view import compared, reconciliation

    publication = _open(data).publication
    _write(reconciliation(publication), output)
    if mismatches is not None:
        _write(room.mismatches(compared(publication)), mismatches)


@app.command()
def demo(folder: Annotated[Path, typer.Argument(help="Where to write the made-up publication.")]) -> None:
    """Write the made-up demo publication into a folder."""
    from nof import demo as room

    room.ensure(folder)
    out.print(f"The illustrative publication is in {folder}.", markup=False)


@app.command()
def brief(params: Annotated[Path, typer.Argument(help="Params file, as params/demo.yaml")],
          out_dir: Annotated[Path, typer.Option("--out", help="The reports folder.")] = Path("reports"),
          only: Annotated[str | None, typer.Option(help="Make one national briefing alone.")] = None,
          data: Annotated[Path | None, typer.Option("--data", help="Folder of the publication, instead of the file's.")] = None,
          trust: Annotated[list[str] | None, typer.Option(help="Make the briefing of this trust alone; may be repeated.")] = None,
          all_trusts: Annotated[bool, typer.Option("--all-trusts", help="Also make a briefing for every trust.")] = False,
          jobs: Annotated[int | None, typer.Option(min=1, help="Briefings at a time; the number of cores if not given.")] = None,
          cold: Annotated[bool, typer.Option("--cold", help="Run each notebook in an ordinary kernel.")] = False,
          force: Annotated[bool, typer.Option("--force", help="Make again what did not change.")] = False,
          publish_partial: Annotated[int, typer.Option(min=0, help="Publish with exactly so many failures.")] = 0) -> None:
    """Make the briefings of a params file and publish them, all or nothing."""
    from nof.briefing.console import run

    given = {} if jobs is None else {"jobs": jobs}
    worked = run(params, data, out, out_dir=out_dir, only=only, trusts=tuple(trust or ()), all_trusts=all_trusts, cold=cold,
                 force=force, publish_partial=publish_partial, **given)
    raise typer.Exit(Exit.DONE if worked else Exit.FAILED)


@app.command()
def verify(report: Annotated[Path, typer.Argument(help="A report's folder, as reports/2025-26-q4")]) -> None:
    """Hash a report's files again and compare them with its manifest."""
    from nof.briefing.publish import verify as room

    problems = room(report)
    for problem in problems:
        out.print(problem, markup=False)
    out.print("every file is as it was published" if not problems else f"{len(problems)} files are not as published")
    raise typer.Exit(Exit.FAILED if problems else Exit.DONE)
