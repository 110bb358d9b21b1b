"""Reports of a review of the portfolio: its picture and its page.

Belongs here: what a review looks like. Not here: the review (`bot_core_dagster.portfolio`), pieces that pages and
pictures share (`reports`).
"""
