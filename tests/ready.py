"""`nof` commands in copies of one process that has the library loaded: what it takes to start is not what is tested.

How a command starts, is stopped and killed is tested on processes of their own: tests/test_cli.py, tests/tiny.py, and the
commands of the documentation.
"""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from nof.briefing import workers

LOADED = ["nof.cli", "nof.briefing.run", "nof.explore.exporting"]
TIMEOUT = 300


def started(*words: object, **options) -> subprocess.CompletedProcess:
    """A command in a process of its own."""
    command = [sys.executable, "-c", "from nof.cli import main; main()", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, **options)


def nof(*words: object, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess:
    """Run a command to its end: exit code, standard output and error."""
    given, place = dict(os.environ if env is None else env), str(cwd or Path.cwd())
    if not workers.can_fork():
        return started(*words, cwd=place, env=given)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(LOADED)
    with tempfile.TemporaryDirectory() as folder:
        said = [Path(folder) / name for name in ("out", "err")]
        process = context.Process(target=_command, args=([*map(str, words)], given, place, [*map(str, said)]))
        process.start()
        process.join(TIMEOUT)
        if process.exitcode is None:
            process.kill()
            raise subprocess.TimeoutExpired(list(map(str, words)), TIMEOUT)
        out, err = (path.read_text(encoding="utf-8") for path in said)
    return subprocess.CompletedProcess(words, process.exitcode, out, err)


def _command(words: list[str], environment: dict[str, str], place: str, said: list[str]) -> None:
    """The life of a copy: one command, as if it had just been started there."""
    for number, path in enumerate(said, 1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), number)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(place)
    sys.argv = ["nof", *words]
    from nof.cli import main

    main()
