"""Reports of a backtest: its pictures and its page.

Belongs here: what a backtest looks like. Not here: the backtest (`bot_core_dagster.backtest`), pieces that pages and
pictures share (`reports`).
"""
