"""What is done once before processes are forked: it must work (a failure there is only a warning), and start no thread."""

from __future__ import annotations

import gc
import os
from dataclasses import replace
from pathlib import Path

import builders
import pytest

from nof.briefing import html, make, place, plan, workers
from nof.briefing.params import Params
from nof.method import opening


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return builders.publication(tmp_path_factory.mktemp("rehearsal"))


@pytest.fixture(scope="module")
def national(folder):
    return opening.open_publication(folder)


@pytest.fixture(scope="module")
def jobs(folder, national):
    params = plan.settled(Params.model_validate({"quarter": national.publication.latest, "data": folder}), national)
    return plan.trust_jobs(params, national, plan.all_trusts(params, national))


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
    ran = []
    monkeypatch.setattr(make, "executed", lambda job, run=make.executed: ran.append(job.notebook) or run(job))
    workers.rehearse(jobs[:1])
    assert ran == ["trust_briefing", "safe_to_say"]
    ((notebook, page),) = pages
    assert "Why it stands there" in page and "Every metric" in page
    assert not any(one.output_type == "error" for cell in notebook.cells for one in cell.get("outputs", []))
    assert threads() == before


def test_one_briefing_of_each_type_is_rehearsed_of_which_a_process_cannot_make_all(jobs, national):
    def chosen(many, results=national):
        return plan.first_of_each_type(many, results, place.TASKS)

    trusts = national.publication.trusts
    own = trusts["trust_type"].mask(trusts["trust_code"] == jobs[1].parameters["trust"], "ambulance")
    two = replace(national, publication=replace(national.publication, trusts=trusts.assign(trust_type=own)))
    assert chosen(jobs[:2] * 2 * place.TASKS, two) == jobs[:2] and chosen(jobs[:2] * place.TASKS, two) == []

    assert len(jobs) > 1 and chosen([jobs[1], *jobs * place.TASKS]) == [jobs[1]]
    assert chosen(jobs[:1] * place.TASKS) == []
    assert chosen([make.Job("alpha", "alpha", {"quarter": "2025-26-q2"}, {})] * 50) == []


def test_a_failing_rehearsal_is_a_warning_and_no_more(caplog):
    place._try(lambda: 1 / 0)
    assert "could not be computed in advance: division by zero" in caplog.text


def test_what_is_loaded_is_out_of_the_collectors_sight_while_copies_run():
    with workers.frozen():
        assert gc.get_freeze_count() > 0
    assert gc.get_freeze_count() == 0
