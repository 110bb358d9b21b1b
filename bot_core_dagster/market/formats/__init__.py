"""File formats: files of bars as `Fetched`, with format, zone, label, price side and volume unit detected and said.

Belongs here: everything between a file on disk and its rows as bars. Not here: which rows are believed
(`market.intake`), where they are kept (`lake`).
"""

from bot_core_dagster.market.formats.reading import read_bars_file
from bot_core_dagster.market.formats.registry import FORMATS

__all__ = ["FORMATS", "read_bars_file"]
