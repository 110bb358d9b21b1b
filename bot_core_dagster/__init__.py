"""Bot Core: market data, features, backtests and portfolio reviews as Dagster assets.

Everything below this package except `definitions` and `cli` is true with Dagster uninstalled.
"""
