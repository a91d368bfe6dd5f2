"""What the exporters share: a notebook read into a document, rendered in one form."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from nbconvert.exporters import Exporter
from nbconvert.utils.exceptions import ConversionException
from traitlets import Bool, default

from nof.briefing import document
from nof.briefing.blocks import Document
from nof.common import NofError

log = logging.getLogger(__name__)


class CellFailed(NofError, ConversionException):
    """A notebook in which a cell failed is no briefing."""

    def __init__(self, place: str, name: str, told: str):
        advice = ""
        if "helpers" in told and name in ("ModuleNotFoundError", "AttributeError", "ImportError"):
            advice = (
                "; the notebook needs the project's own helpers.py beside it, and no other file of that name before it: "
                "`nof notebooks FOLDER` copies both"
            )
        super().__init__(f"{place} ended in an error, so this is no briefing: {name}: {told}{advice}")


class BriefingExporter(Exporter):
    """An nbconvert exporter of ours; those below it say their ending, their type and how a document is rendered."""

    ending = ""
    code_if_asked = False  # a notebook that was made with `--show-code` asks for its code
    include_code = Bool(False, help="Also show the code of code cells.").tag(config=True)
    allow_errors = Bool(False, help="Make a page of a notebook in which a cell failed, too.").tag(config=True)

    @default("optimistic_validation")
    def _optimistic_validation_default(self) -> bool:
        return True  # once, when all preprocessors are through, and not before and after each of ten

    @default("file_extension")
    def _file_extension_default(self) -> str:
        return self.ending

    def from_notebook_node(self, nb: Any, resources: Any = None, **kw: Any) -> tuple[Any, Any]:
        """Convert a notebook; returns what `rendered` makes of it and nbconvert's resources."""
        notebook, resources = super().from_notebook_node(nb, resources, **kw)
        resources["output_extension"] = self.ending
        about = resources.get("metadata") or {}
        name, place = about.get("name", ""), about.get("path")
        folder = None if place is None else Path(place)  # "" is the folder in which nbconvert was called
        self._look(notebook)
        asked = self.code_if_asked and bool((notebook.metadata.get("briefing") or {}).get("show_code"))
        return self.rendered(document.read(notebook, name, self.include_code or asked, folder)), resources

    def _look(self, notebook: Any) -> None:
        """Stop at a cell that failed, unless that was allowed; say which cells were not run."""
        unrun = []
        for number, cell in enumerate(notebook.cells, start=1):
            if cell.cell_type != "code":
                continue
            place = document.place_of(cell, number)
            failed = next((one for one in cell.outputs if one["output_type"] == "error"), None)
            if failed is not None and not self.allow_errors:
                raise CellFailed(place, failed.get("ename", ""), failed.get("evalue", ""))
            if cell.execution_count is None and cell.source.strip() and not cell.outputs:
                unrun.append(place)
        if unrun:
            count = sum(cell.cell_type == "code" for cell in notebook.cells)
            named = ", ".join(unrun[:3]) + (", ..." if len(unrun) > 3 else "")
            log.warning("%d of %d code cells were not run, so what they show is missing: %s", len(unrun), count, named)

    def rendered(self, doc: Document) -> str | bytes:
        """A document in the exporter's form."""
        raise NotImplementedError
