"""NHS England's trust league tables, recomputed and explained: the library behind helpers.py.

What is published flows one way: publication, framework, scoring, ranking, what a rank does not tell, charts and words,
briefing. CONTRIBUTING.md has the map of the house, and follows one number through it.
"""

import sys

# jsonschema, which nbformat brings, tries these packages for the syntax of addresses and of durations, which nothing here
# is checked for; the first compiles a grammar where it is imported, and takes longer than all the rest of nbformat together.
for _name in ("rfc3987_syntax", "isoduration"):
    sys.modules.setdefault(_name, None)  # type: ignore[arg-type]  # None is how Python marks what cannot be imported
