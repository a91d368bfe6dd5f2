"""NHS England's trust league tables, recomputed and explained: the library behind helpers.py.

What is published flows one way: publication, framework, scoring, ranking, what a rank does not tell, charts and words,
briefing. CONTRIBUTING.md has the map of the house, and follows one number through it.
"""
