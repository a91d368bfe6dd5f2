"""A run as an operator sees it: a progress bar, what was made, how long it took, what failed."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from nof import demo, paths
from nof.briefing.params import load
from nof.briefing.run import Options, Outcome, brief

NAMED = 20  # briefings listed one by one in the summary


def run(path: Path, data: Path | None, console: Console, *, out_dir: Path, **options: Any) -> bool:
    """Make what a params file asks for; True if it was published with no more failures than were accepted."""
    params = load(paths.params(path), data=None if data is None else data.resolve())
    params = params.model_copy(update={"data": demo.at_hand(params.data)})
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as cleanly as Ctrl-C does
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left:"),
        TimeRemainingColumn(),
    )
    # No refresh thread: this process forks, and a thread does not survive that.
    with Progress(*columns, console=console, auto_refresh=False) as bar:
        task = bar.add_task("reading the publication", total=None)
        bar.refresh()

        def progress(name: str, done: int, total: int) -> None:
            """Move the bar on by one briefing."""
            bar.update(task, description=f"made {name}", completed=done, total=total, refresh=True)

        outcome = brief(params, Options(out=out_dir, **options), progress)
    _tell(outcome, console)
    return outcome.published and outcome.accepted


def _tell(outcome: Outcome, console: Console) -> None:
    def say(text: str, **style: Any) -> None:
        """Print as it is, without markup."""
        console.print(text, markup=False, highlight=False, soft_wrap=True, **style)

    for name, seconds in outcome.made.items() if len(outcome.made) <= NAMED else ():
        say(f"  {name}: {seconds:.1f} s")
    for name, why in outcome.failures.items():
        say(f"  FAILED {name}: {why}", style="red")
    say(
        f"{len(outcome.made)} made, {len(outcome.kept)} unchanged and kept, {len(outcome.failures)} failed, "
        f"{outcome.seconds:.0f} s, at most {outcome.peak_mb:.0f} MB a worker, run {outcome.run}"
    )
    if outcome.published:
        say(f"published: {outcome.place}")
    else:
        say(
            f"not published; the last report stays as it was (--publish-partial {len(outcome.failures)} would publish "
            "without what failed)",
            style="red",
        )
