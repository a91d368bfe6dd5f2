"""What the process has loaded whose copies run commands (tests/ready.py): code, fonts and templates, nothing of any run."""

import gc

import scipy.fft  # noqa: F401 - loaded by scipy itself when it is first used

import nof.cli
import nof.explore.exporting  # noqa: F401
from nof.briefing import html, pages, run, workers  # noqa: F401

workers.warm()
for page in html.TEMPLATES.glob("*.html.j2"):
    pages._environment().get_template(page.name)
gc.collect()
gc.freeze()
