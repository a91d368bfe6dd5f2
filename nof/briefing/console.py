"""A run as an operator sees it: a progress bar, what was made, how long it took, what failed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from nof import demo, paths
from nof.briefing.params import load
from nof.briefing.run import Options, Outcome, brief


def run(path: Path, data: Path | None, console: Console, *, out_dir: Path, **options: Any) -> bool:
    """Make what a params file asks for; True if every briefing was made and the report published."""
    params = load(path, data=None if data is None else data.resolve())
    if params.data.resolve() == paths.share("data", "demo").resolve():
        demo.ensure(params.data)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
               TextColumn("left:"), TimeRemainingColumn())
    # No refresh thread: this process forks, and a thread does not survive that.
    with Progress(*columns, console=console, auto_refresh=False) as bar:
        task = bar.add_task("reading the publication", total=None)
        bar.refresh()

        def progress(name: str, done: int, total: int) -> None:
            bar.update(task, description=f"made {name}", completed=done, total=total, refresh=True)

        outcome = brief(params, Options(out=out_dir, **options), progress)
    _tell(outcome, console)
    return outcome.published and not outcome.failures


def _tell(outcome: Outcome, console: Console) -> None:
    for name, seconds in outcome.made.items():
        if name not in outcome.failures and len(outcome.made) <= 20:
            console.print(f"  {name}: {seconds:.1f} s", markup=False, highlight=False)
    for name, why in outcome.failures.items():
        console.print(f"  FAILED {name}: {why}", style="red", markup=False, highlight=False)
    console.print(f"{len(outcome.made)} made, {len(outcome.kept)} unchanged and kept, {len(outcome.failures)} failed, "
                  f"{outcome.seconds:.0f} s, at most {outcome.peak_mb:.0f} MB a worker, run {outcome.run}", highlight=False)
    if outcome.published:
        console.print(f"published: {outcome.place}", markup=False, highlight=False)
    else:
        console.print("not published; the last report stays as it was", style="red")
