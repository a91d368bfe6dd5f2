"""What the exporters share: a notebook read into a document, rendered in one form."""

from __future__ import annotations

from typing import Any

from nbconvert.exporters import Exporter
from traitlets import Bool, default

from nof.briefing import document
from nof.briefing.document import Document


class BriefingExporter(Exporter):
    """An nbconvert exporter of ours; those below it say their ending, their type and how a document is rendered."""

    ending = ""
    code_if_asked = False  # a notebook that was made with `--show-code` asks for its code
    include_code = Bool(False, help="Also show the code of code cells.").tag(config=True)

    @default("file_extension")
    def _file_extension_default(self) -> str:
        return self.ending

    def from_notebook_node(self, nb: Any, resources: Any = None, **kw: Any) -> tuple[Any, Any]:
        """Convert a notebook; returns what `rendered` makes of it and nbconvert's resources."""
        notebook, resources = super().from_notebook_node(nb, resources, **kw)
        resources["output_extension"] = self.ending
        name = (resources.get("metadata") or {}).get("name", "")
        asked = self.code_if_asked and bool((notebook.metadata.get("briefing") or {}).get("show_code"))
        return self.rendered(document.read(notebook, name, self.include_code or asked)), resources

    def rendered(self, doc: Document) -> str | bytes:
        """A document in the exporter's form."""
        raise NotImplementedError
