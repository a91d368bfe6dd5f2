"""`jupyter nbconvert --to webpdf`, with the browser that Debian ships in place of the one that its driver downloads."""

from __future__ import annotations

import sys

from nbconvert.nbconvertapp import main
from playwright.async_api import BrowserType

CHROMIUM = "/usr/bin/chromium"
_launch = BrowserType.launch


async def launch(self, **options):
    """The same launch, pointed at Debian's browser."""
    return await _launch(self, **options | {"executable_path": CHROMIUM})


BrowserType.launch = launch
sys.exit(main(["--to", "webpdf", "--WebPDFExporter.disable_sandbox=True", *sys.argv[1:]]))
