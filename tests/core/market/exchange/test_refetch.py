"""A page that an exchange gave empty is filled by a later run, at the price of one more page."""

from datetime import timedelta

import pandas as pd

from bot_core_dagster.market.sources import first_to_refetch, new_bars
from tests import builders
from tests.core.market.exchange.binance_routes import Klines, binance_routes
from tests.core.market.exchange.conftest import START, SourceOn
from tests.core.market.exchange.exchange_server import ExchangeServer
from tests.core.market.exchange.expectations import candles_in, candles_of


def test_bars_of_an_empty_page_are_brought_by_the_next_run(klines: Klines, source_on: SourceOn) -> None:
    """80 hours are not there at first; then they are, 370 hours before the newest stored bar."""
    rows, instrument = klines["BTCUSDT", "1h"], builders.instrument(source="ccxt")
    holed: Klines = {("BTCUSDT", "1h"): [*rows[:40], *rows[120:]]}
    end = START + timedelta(hours=490)
    with ExchangeServer(binance_routes(holed, page_bars=80)) as server:
        stored = source_on(server).fetch(instrument, START, end).bars
    opens = pd.DatetimeIndex(stored["open_time"])
    missing_since = first_to_refetch(opens, instrument, end)
    assert missing_since == START + timedelta(hours=40)
    with ExchangeServer(binance_routes(klines, page_bars=300)) as server:
        came = new_bars(
            {"ccxt": source_on(server)},
            instrument,
            history_start=START,
            last_open_time=opens[-1].to_pydatetime(),
            missing_since=missing_since,
            now=end + timedelta(hours=10),
        )
        n_asked = server.n_asked()
    assert n_asked <= 3, "what there is, a page of missing bars, a page of new ones"
    both = pd.concat([stored, came.bars]).drop_duplicates("open_time").sort_values("open_time", ignore_index=True)
    assert candles_in(both) == candles_of(rows)
