"""`make share`: the desk in Voila, for readers: it answers clicks, shows no code, writes nothing and asks no other host."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlparse

import builders
import psutil
import pytest
from accessible import chromium, launched
from conftest import ROOT
from test_explore_browser import ANSWERS, LOOPBACK, SHOTS, STARTS, environment, free_port

from nof.explore import widgets

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """The address of the desk on a tiny publication, served by the Makefile's own command, and the server's process."""
    chromium()
    home = tmp_path_factory.mktemp("share")
    (home / "data").mkdir()
    builders.publication(home / "data")
    port = free_port()
    venv = Path(sys.prefix)
    words = ["make", "-o", str(venv / ".ready"), f"VENV={venv}", "share", f"PORT={port}", f"DATA={home / 'data'}"]
    with (home / "log").open("w") as said:
        server = subprocess.Popen(
            words, cwd=ROOT, env=environment(home), stdout=said, stderr=said, start_new_session=True
        )
    try:
        deadline = time.monotonic() + STARTS
        while "running at" not in (home / "log").read_text():
            assert server.poll() is None and time.monotonic() < deadline, (home / "log").read_text()
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}", server
    finally:
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(server.pid, number)
            time.sleep(1)


def test_a_reader_moves_controls_and_can_do_no_more(shared):
    from playwright.sync_api import sync_playwright

    address, server = shared
    listening = [
        one.laddr.ip
        for process in psutil.Process(server.pid).children(recursive=True)
        for one in process.net_connections("tcp")
        if one.status == psutil.CONN_LISTEN
    ]
    assert listening and set(listening) <= LOOPBACK
    with sync_playwright() as playwright:
        browser = launched(playwright)
        page = browser.new_page(viewport={"width": 1280, "height": 1100})
        page.set_default_timeout(2 * ANSWERS)
        reached = []
        page.on("response", lambda answer: reached.append(answer.url))
        page.goto(address)
        league = page.locator(".nof-explore").filter(has_text=re.compile("acute trusts, Q2 2025/26. Best placed"))
        league.first.wait_for()
        box = (
            page.locator(".widget-dropdown").filter(has=page.get_by_text("Quarter", exact=True)).locator("select").first
        )
        box.select_option(index=1)
        page.locator(".nof-explore").filter(
            has_text=re.compile("acute trusts, Q1 2025/26. Best placed")
        ).first.wait_for()
        if SHOTS:
            page.screenshot(path=str(Path(SHOTS) / "share.png"), full_page=True)
        assert page.get_by_text("Save CSV").count() == 0 and page.locator(".jp-InputArea-editor").count() == 0
        assert page.get_by_text("desk = helpers").count() == 0, "no code of a cell"
        other = [
            one for one in reached if urlparse(one).hostname not in LOOPBACK and not one.startswith(("data:", "blob:"))
        ]
        assert other == []
        browser.close()


def test_a_shared_desk_has_controls_and_no_buttons_that_write(tmp_path, monkeypatch):
    shown = []
    monkeypatch.setenv("SERVER_SOFTWARE", "voila/0.5.11")
    monkeypatch.setattr(widgets, "display", lambda item, **_: shown.append(item))
    assert widgets.attended()
    widgets.Desk(str(builders.publication(tmp_path))).exports()
    assert [type(one).__name__ for one in shown] == ["Words"] and "helpers.explore.save" in shown[0].markdown
    monkeypatch.setenv("SERVER_SOFTWARE", "other")
    assert not widgets.attended()
