"""Reports of an optimisation: its pictures and its page.

Belongs here: what a search for parameters looks like. Not here: the search (`bot_core_dagster.optimization`), pieces
that pages and pictures share (`reports`).
"""
