"""The analyst's notebook in a real browser: JupyterLab on this machine, Chromium, a person's clicks."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlparse

import pytest
from accessible import chromium, launched
from conftest import ROOT, python_path

from nof import demo

CELLS = json.loads((ROOT / "notebooks" / "explore.ipynb").read_text(encoding="utf-8"))["cells"]
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
SLOWER = 2.5 if "FAKETIME" in os.environ else 1  # kernels take their time with the clock set ahead
STARTS = 40  # seconds for JupyterLab to start
ANSWERS = 40_000 * SLOWER  # milliseconds for a view to follow on a busy machine
SHOTS = os.environ.get("NOF_SCREENSHOTS")  # a folder: for looking at

pytestmark = pytest.mark.timeout(420)


def environment(home: Path) -> dict[str, str]:
    """Nothing of the user's own Jupyter: settings, kernels and files all in a temporary home."""
    own = {
        "HOME": home,
        "JUPYTER_CONFIG_DIR": home / "config",
        "JUPYTER_DATA_DIR": home / "data",
        "JUPYTER_RUNTIME_DIR": home / "runtime",
        "IPYTHONDIR": home / "ipython",
        "MPLCONFIGDIR": home / "matplotlib",
        "PYTHONPATH": python_path(ROOT),
        "JUPYTERLAB_SETTINGS_DIR": home / "settings",
        "JUPYTERLAB_WORKSPACES_DIR": home / "workspaces",
    }
    return os.environ | {name: str(place) for name, place in own.items()}


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def answers(address: str) -> bool:
    try:
        return urllib.request.urlopen(address, timeout=2).status == 200
    except (urllib.error.URLError, OSError):
        return False


@pytest.fixture(scope="module")
def lab(tmp_path_factory) -> Iterator[tuple[str, str, Path]]:
    """JupyterLab on a copy of the notebook and a made-up publication: its address, its token and its folder."""
    chromium()
    home = tmp_path_factory.mktemp("lab")
    demo.ensure(home / "work" / "data" / "demo")
    (home / "work" / "notebooks").mkdir()
    shutil.copy(ROOT / "notebooks" / "explore.ipynb", home / "work" / "notebooks")
    (home / "settings" / "@jupyterlab" / "apputils-extension").mkdir(parents=True)
    (home / "settings" / "@jupyterlab" / "apputils-extension" / "notification.jupyterlab-settings").write_text(
        '{"fetchNews": "false", "checkForUpdates": false}'
    )
    port, token = free_port(), secrets.token_hex(16)
    words = [
        sys.executable,
        "-m",
        "jupyterlab",
        "--no-browser",
        "--ip=127.0.0.1",
        f"--port={port}",
        "--allow-root",
        f"--IdentityProvider.token={token}",
        f"--ServerApp.root_dir={home / 'work'}",
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.handlers.announcements.NeverCheckForUpdate",
        "--LabApp.extension_manager=readonly",
        "--ServerApp.port_retries=0",
    ]
    with (home / "lab.log").open("w") as said:
        server = subprocess.Popen(words, env=environment(home), stdout=said, stderr=said, start_new_session=True)
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + STARTS
        while not answers(f"{address}/api/status?token={token}"):
            assert server.poll() is None and time.monotonic() < deadline, (home / "lab.log").read_text()
            time.sleep(0.2)
        yield address, token, home / "work"
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(15)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)


@pytest.fixture
def page(lab):
    from playwright.sync_api import sync_playwright

    address, token, _ = lab
    with sync_playwright() as playwright:
        browser = launched(playwright)
        page = browser.new_page(viewport={"width": 1280, "height": 1100})
        page.set_default_timeout(ANSWERS)
        page.asked, page.broken = [], []
        page.on("request", lambda request: page.asked.append(request.url))
        page.on("websocket", lambda socket: page.asked.append(socket.url))
        page.on("requestfailed", lambda request: page.broken.append((request.url, request.failure)))
        page.on("pageerror", lambda fault: page.broken.append(("script", str(fault))))
        page.goto(f"{address}/lab/tree/notebooks/explore.ipynb?token={token}&reset")
        yield page
        browser.close()


class Notebook:
    """The notebook as a person meets it: cells below headings, controls by their labels."""

    def __init__(self, page) -> None:
        self.page = page
        self.shots = 0

    def run_all(self) -> None:
        """Run menu, Run All Cells, once the kernel is ready; wait until the last cell has its number."""
        page, last = self.page, sum(cell["cell_type"] == "code" for cell in CELLS)
        page.locator(".jp-NotebookPanel .jp-CodeCell").first.wait_for()
        page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
        page.locator(".lm-MenuBar-itemLabel", has_text=re.compile("^Run$")).click()
        page.locator(".lm-Menu-itemLabel", has_text=re.compile("^Run All Cells$")).click()
        page.locator(".jp-InputPrompt", has_text=f"[{last}]:").wait_for(timeout=4 * ANSWERS)

    def cell(self, code: str):
        """The cell whose code says this, brought into view."""
        found = self.page.locator(".jp-CodeCell").filter(has_text=code).first
        found.scroll_into_view_if_needed()
        found.locator(".jp-OutputArea-output").first.wait_for()
        found.locator(".jp-OutputArea-output").first.scroll_into_view_if_needed()
        return found

    def pick(self, cell, label: str, option: str | re.Pattern) -> None:
        """Choose from a list by its label."""
        box = (
            cell.locator(".widget-dropdown")
            .filter(has=self.page.get_by_text(label, exact=True))
            .locator("select")
            .first
        )
        names = [one.replace("\xa0", " ") for one in box.locator("option").all_text_contents()]
        box.select_option(index=next(at for at, one in enumerate(names) if re.search(option, one)))

    def said(self, cell) -> str:
        """The view's own words."""
        return cell.locator(".nof-explore [aria-live]").first.inner_text()

    def until(self, cell, text: str) -> None:
        """Wait until a view says this."""
        cell.locator(".nof-explore").filter(has_text=re.compile(text)).first.wait_for()

    def shoot(self, name: str) -> None:
        if SHOTS:
            self.page.wait_for_timeout(400)
            self.page.screenshot(path=str(Path(SHOTS) / f"{self.shots:02d}-{name}.png"))
            self.shots += 1


def errors(page) -> list[str]:
    """What cells wrote as an error or a warning, and what views say of a failure."""
    return page.locator(
        ".jp-OutputArea-output[data-mime-type='application/vnd.jupyter.stderr'], "
        ".jp-OutputArea-output[data-mime-type='application/vnd.jupyter.error'], "
        ".nof-explore .problem"
    ).all_inner_texts()


def test_an_analyst_explores_a_publication(lab, page):
    address, _, folder = lab
    notebook = Notebook(page)
    notebook.run_all()
    assert errors(page) == []

    choose = notebook.cell("desk.choose()")
    assert "made-up" in choose.inner_text()
    notebook.shoot("choose")
    league = notebook.cell("desk.league()")
    notebook.until(league, "134 acute trusts, Q4 2025/26")
    rows = league.locator("table.nof tbody tr")
    assert rows.count() == 134
    first = rows.first.inner_text()
    notebook.shoot("league")

    notebook.pick(league, "Quarter", "Q1 2025/26")
    notebook.until(league, "135 acute trusts, Q1 2025/26")
    assert rows.count() == 135 and rows.first.inner_text() != first
    notebook.pick(league, "Region", "^London$")
    notebook.until(league, "acute trusts, London, Q1 2025/26")
    assert 0 < rows.count() < 135
    notebook.pick(league, "Trust type", "Mental health and community")
    notebook.until(league, "mental health and community trusts, London, Q1 2025/26")
    notebook.pick(league, "Region", "^All$")
    notebook.pick(league, "Quarter", "Q4 2025/26")
    notebook.until(league, "61 mental health and community trusts, Q4 2025/26")
    assert rows.count() == 61

    ranking = notebook.cell("desk.ranking()")
    notebook.pick(ranking, "Metric", "^OF1082")
    notebook.until(ranking, "Sickness absence rate")
    assert ranking.locator("svg").count() == 1 and ranking.locator("table.nof tbody tr").count() == 61
    notebook.shoot("ranking")

    scatter = notebook.cell("desk.scatter()")
    notebook.pick(scatter, "Across", "^OF0082")
    notebook.pick(scatter, "Upwards", "^OF0084")
    notebook.until(scatter, "Scatter of Sickness absence rate .* and NHS staff survey engagement")
    notebook.shoot("scatter")

    compare = notebook.cell("desk.compare()")
    adding = compare.get_by_placeholder("type a part of its name")
    name = compare.locator("datalist option").nth(7).get_attribute("value")
    columns = compare.locator("table.nof thead th").count()
    adding.fill(name)
    adding.press("Enter")
    compare.locator("button", has_text=name).wait_for()
    page.wait_for_function(
        "([cell, n]) => cell.querySelectorAll('table.nof thead th').length === n",
        arg=[compare.element_handle(), columns + 1],
    )
    notebook.shoot("compare")
    box, whole = compare.locator(".scroll").first, compare.locator(".jp-OutputArea-output").first
    inner, outer = box.bounding_box(), whole.bounding_box()
    assert inner["width"] > 300 and inner["x"] + inner["width"] <= outer["x"] + outer["width"], "a table is cut off"
    trajectories = notebook.cell("desk.trajectories()")
    notebook.until(trajectories, re.escape(name.rsplit(" (", 1)[0]))
    notebook.pick(trajectories, "Measure", "^Place in the league")
    notebook.until(trajectories, "Place in the league table, quarter by quarter")
    notebook.shoot("trajectories")
    trajectories.locator("button", has_text=name).click()
    trajectories.locator("button", has_text=name).wait_for(state="detached")

    what_if = notebook.cell("desk.what_if()")
    notebook.until(what_if, "As it stands: average")
    notebook.pick(what_if, "Metric", "^OF1082")
    slider = what_if.locator(".widget-slider").filter(has=page.locator("[title^='OF1082']"))
    handle = slider.locator(".noUi-handle")
    handle.focus()
    handle.press("Home")
    notebook.until(what_if, r"The average goes from \d\.\d\d to \d\.\d\d \(likely range")
    better = notebook.said(what_if)
    what_if.get_by_text("Leave this metric out").click()
    page.wait_for_function(
        "([cell, old]) => { const now = cell.querySelector('.nof-explore [aria-live]').innerText;"
        " return now !== old && now.startsWith('The average goes'); }",
        arg=[what_if.element_handle(), better],
    )
    notebook.shoot("what-if")
    what_if.get_by_text("Start again").click()
    notebook.until(what_if, "As it stands: average")

    rules = notebook.cell("desk.rules()")
    notebook.until(rules, "These are NHS England's rules.*61 mental health and community trusts, Q4")
    notebook.pick(rules, "Metric or domain", "^OF1082")
    rules.get_by_text("Leave it out").click()
    notebook.until(rules, "not NHS England's rules: without OF1082")
    assert rules.locator("table.nof tbody tr").count() == 61
    notebook.shoot("rules")
    rules.get_by_text("NHS England's rules again").click()
    notebook.until(rules, "These are NHS England's rules")

    ranking = notebook.cell("desk.ranking()")
    ranking.get_by_text("Show me the code").click()
    code = ranking.locator("pre").last.inner_text()
    assert "helpers.explore.ranking('../data/demo', '2025-26-q4', 'mental-health-and-community', 'OF1082')" in code
    notebook.shoot("code")

    exports = notebook.cell("desk.exports()")
    exports.get_by_text("Save CSV").click()
    notebook.until(exports, r"Saved exports/illustrative-league-mental-health-and-community-2025-26-q4\.csv")
    notebook.pick(exports, "View", "^Scatter$")
    exports.get_by_text("Save PNG").click()
    notebook.until(exports, r"Saved exports/illustrative-scatter.*OF0082-OF0084\.png")
    saved = sorted(one.suffix for one in (folder / "notebooks" / "exports").iterdir())
    assert saved == [".csv", ".png"]
    notebook.cell("helpers.connect(data)")
    notebook.shoot("sql")

    assert errors(page) == []
    assert [
        url for url in page.asked if urlparse(url).hostname not in LOOPBACK and not url.startswith(("data:", "blob:"))
    ] == []
    assert len(page.asked) > 50 and any("/api/kernels/" in url for url in page.asked)
    assert [one for one in page.broken if "ERR_ABORTED" not in str(one[1])] == []
