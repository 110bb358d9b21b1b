"""The file source gives no bars of its own and says where they come from."""

from datetime import UTC, datetime

from bot_core_dagster.market.bar import BAR_COLUMNS
from bot_core_dagster.market.files import FileSource
from bot_core_dagster.market.source import BarSource
from tests.builders import instrument


def test_the_file_source_gives_no_bars_and_names_the_import_command() -> None:
    source: BarSource = FileSource()
    told: list[tuple[float, str]] = []
    start, end = datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 2, 1, tzinfo=UTC)
    fetched = source.fetch(instrument(source="file"), start, end, lambda share, text: told.append((share, text)))
    assert source.name == "file"
    assert fetched.bars.empty
    assert tuple(fetched.bars.columns) == BAR_COLUMNS
    assert "bot-core import FILE --symbol BTCUSDT --timeframe 1h" in fetched.notes[0]
    assert told == [(1.0, "BTCUSDT comes from files")]
