"""What is done once before processes are forked: it must work (a failure there is only a warning), and start no thread."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import builders
import pytest

from nof.briefing import html, make, place, plan, workers
from nof.briefing.params import Params
from nof.method import opening


@pytest.fixture(scope="module")
def jobs(tmp_path_factory):
    folder = builders.publication(tmp_path_factory.mktemp("rehearsal"))
    national = opening.open_publication(folder)
    params = plan.settled(Params.model_validate({"quarter": national.publication.latest, "data": folder}), national)
    return plan.trust_jobs(params, national, plan.all_trusts(params, national)) * 2


def threads() -> int:
    return len(os.listdir("/proc/self/task")) if Path("/proc/self/task").is_dir() else 1


def test_every_section_is_shown_and_rendered_without_a_thread(jobs, monkeypatch):
    pages, before = [], threads()
    render = html.BriefingHTMLExporter.from_notebook_node

    def kept(self, notebook, *rest, **more):
        page = render(self, notebook, *rest, **more)
        pages.append((notebook, page[0]))
        return page

    monkeypatch.setattr(html.BriefingHTMLExporter, "from_notebook_node", kept)
    assert len(jobs) > workers.FEW
    workers.rehearse(jobs)
    ((notebook, page),) = pages
    assert "Why it stands there" in page and "Every metric" in page
    assert not any(one.output_type == "error" for cell in notebook.cells for one in cell.get("outputs", []))
    assert threads() == before


def test_few_briefings_are_not_rehearsed(jobs, monkeypatch):
    monkeypatch.setattr(workers.make, "executed", lambda *_, **__: pytest.fail("was run"))
    workers.rehearse(jobs[: workers.FEW])
    workers.rehearse([make.Job("alpha", "alpha", {"quarter": "2025-26-q2"}, {})] * 5)


def test_a_failing_rehearsal_is_a_warning_and_no_more(caplog):
    place._try(lambda: 1 / 0)
    assert "could not be computed in advance: division by zero" in caplog.text


def test_what_is_loaded_is_out_of_the_collectors_sight_while_copies_run():
    with workers.frozen():
        assert gc.get_freeze_count() > 0
    assert gc.get_freeze_count() == 0
