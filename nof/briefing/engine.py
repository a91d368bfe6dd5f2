"""A papermill engine that runs cells in this very process, where the library is imported and the results are known."""

from __future__ import annotations

import io
import sys
import types
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any

import nbformat
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from papermill.engines import Engine, papermill_engines
from traitlets.config import Config

from nof.show import say

NAME = "nof-warm"


class WarmEngine(Engine):
    """Runs a notebook's cells one after another in an IPython shell of this process; stops at the first error."""

    @classmethod
    def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **_: Any) -> None:
        """Execute every code cell, with outputs such as an ordinary kernel would have sent."""
        with _shell() as shell:
            for index, cell in enumerate(nb_man.nb.cells):
                if cell.cell_type != "code" or not cell.source.strip():
                    continue
                nb_man.cell_start(cell, index)
                failed = _run(shell, cell)
                if failed is not None:
                    nb_man.cell_exception(cell, index)
                    break
                nb_man.cell_complete(cell, index)


class _Results(DisplayHook):
    """A cell's last value becomes an output instead of printed text."""

    def __call__(self, result: Any = None) -> None:
        self.check_for_underscore()
        if result is not None and not self.quiet():
            data, metadata = self.compute_format_data(result)
            self.update_user_ns(result)
            self.shell.display_pub.publish(data, metadata, result=True)


class _Outputs(DisplayPublisher):
    """Keeps what a cell shows, in order."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kept: list[Any] = []

    def printed(self, name: str, text: str) -> None:
        """Printed text joins what was printed just before, as between a kernel and its client."""
        last = self.kept[-1] if self.kept else None
        if last is not None and last.output_type == "stream" and last.name == name:
            last.text += text
        elif text:
            self.kept.append(_output("stream", name=name, text=text))

    def publish(self, data: Any, metadata: Any = None, *_: Any, result: bool = False, **__: Any) -> None:
        """Keep what a cell shows, as the output that a kernel would have sent."""
        shown = {"data": data, "metadata": metadata or {}}
        if result:
            self.kept.append(_output("execute_result", execution_count=self.shell.execution_count, **shown))
        else:
            self.kept.append(_output("display_data", **shown))

    def clear_output(self, wait: bool = False) -> None:
        """Forget what the cell has shown so far."""
        self.kept.clear()


class _Stream(io.TextIOBase):
    """Standard output or error of a cell: what is written takes its place among the other outputs."""

    def __init__(self, outputs: _Outputs, name: str):
        self._outputs, self._name = outputs, name

    def writable(self) -> bool:
        """A cell may write here."""
        return True

    def write(self, text: str) -> int:
        """Keep printed text; returns how many characters it has."""
        self._outputs.printed(self._name, text)
        return len(text)


def _output(kind: str, **parts: Any) -> Any:
    """An output as nbformat makes one, which would also look whether it is valid: the whole notebook is, at the end."""
    return nbformat.from_dict({"output_type": kind, **parts})


@contextmanager
def _shell():
    """A fresh shell; whatever it replaces in this process is put back."""
    main, hook = sys.modules["__main__"], sys.displayhook
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance(
        user_module=types.ModuleType("__main__"),
        colors="nocolor",
        displayhook_class=_Results,
        display_pub_class=_Outputs,
        config=Config({"HistoryManager": {"enabled": False}}),
    )
    say.register(shell)  # helpers was imported before there was this shell
    try:
        yield shell
    finally:
        sys.modules["__main__"], sys.displayhook = main, hook
        InteractiveShell.clear_instance()


def _run(shell: InteractiveShell, cell: Any) -> BaseException | None:
    """Run one cell and put its outputs where a kernel would have put them; the error, if there was one."""
    outputs = shell.display_pub
    outputs.kept = []
    with redirect_stdout(_Stream(outputs, "stdout")), redirect_stderr(_Stream(outputs, "stderr")):
        done = shell.run_cell(cell.source, store_history=True)
    failed = done.error_before_exec or done.error_in_exec
    cell.execution_count = done.execution_count
    cell.outputs = outputs.kept
    if failed is not None:
        text = f"{type(failed).__name__}: {failed}"
        cell.outputs.append(_output("error", ename=type(failed).__name__, evalue=str(failed), traceback=[text]))
    return failed


def register() -> str:
    """Make papermill know this engine; returns its name."""
    papermill_engines.register(NAME, WarmEngine)
    return NAME
