"""`nof` commands in copies of one process that has the library loaded: what it takes to start is not what is tested.

How a command starts, and is stopped by hand, is tested on processes of their own: tests/test_cli.py, `tiny.start`, and the
commands of the documentation. A copy that is killed, or runs out of something, does so as they do.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from multiprocessing import forkserver
from pathlib import Path
from unittest.mock import patch

from nof.briefing import workers

MAIN = "from nof.cli import main; main()"
MARK = "NOF_TEST_RUN"
ROOM = 1000  # bytes that a mark may have
TIMEOUT = 300


def started(*words: object, script: str = MAIN, **options) -> subprocess.CompletedProcess:
    """A command in a process of its own."""
    command = [sys.executable, "-c", script, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, **options)


def nof(
    *words: object, cwd: Path | None = None, env: Mapping[str, str] | None = None, script: str = MAIN
) -> subprocess.CompletedProcess:
    """Run a command to its end, by the Python of `script`: exit code, standard output and error."""
    given, place = dict(os.environ if env is None else env), str(cwd or Path.cwd())
    if not workers.can_fork():
        return started(*words, cwd=place, env=given, script=script)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["loaded"])
    with patch.dict(os.environ, {MARK: "-" * ROOM, "PYTHONPATH": os.pathsep.join(sys.path)}):
        forkserver.ensure_running()
    with tempfile.TemporaryDirectory() as folder:
        said = [Path(folder) / name for name in ("out", "err")]
        process = context.Process(target=_command, args=([*map(str, words)], given, place, [*map(str, said)], script))
        process.start()
        process.join(TIMEOUT)
        if process.exitcode is None:
            process.kill()
            raise subprocess.TimeoutExpired(list(map(str, words)), TIMEOUT)
        out, err = (path.read_text(encoding="utf-8") for path in said)
    return subprocess.CompletedProcess(words, process.exitcode, out, err)


def _command(words: list[str], environment: dict[str, str], place: str, said: list[str], script: str) -> None:
    """The life of a copy: one command, as if it had just been started there."""
    tempfile.tempdir = None  # it has the folder of where it was loaded
    for number, path in enumerate(said, 1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), number)
    _mark(environment.get(MARK, ""))
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(place)
    sys.argv = ["nof", *words]
    exec(script, {"__name__": "__main__"})


def _mark(text: str) -> None:
    """Have the system show this mark with the copy and its workers, where it shows what a command was started with."""
    content = os.fsencode(text)
    assert len(content) < ROOM
    getenv = ctypes.CDLL(None).getenv
    getenv.restype = ctypes.c_void_p
    ctypes.memmove(getenv(MARK.encode()), content.ljust(ROOM, b"\0"), ROOM)
