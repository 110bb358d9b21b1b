"""What the exchange tests share: a source on the local server, and no proxy in between."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from bot_core_dagster.market.exchange import CcxtSource
from bot_core_dagster.settings import CcxtSettings
from tests.core.market.exchange.binance_routes import Klines, generated_klines
from tests.core.market.exchange.exchange_server import ExchangeServer, RecordingClock

START = datetime(2024, 1, 1, tzinfo=UTC)

SourceOn = Callable[..., CcxtSource]


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def waits() -> RecordingClock:
    """The clock whose waits are recorded."""
    return RecordingClock()


@pytest.fixture
def source_on(waits: RecordingClock) -> SourceOn:
    """Make a source that asks a local server, with settings changed by keyword."""

    def make(server: ExchangeServer, deadline_s: float = 3_600.0, **changed: object) -> CcxtSource:
        fields: dict[str, object] = {"base_url": server.url, "timeout_s": 2.0}
        return CcxtSource(CcxtSettings.model_validate(fields | changed), waits.clock, deadline_s)

    return make


@pytest.fixture(scope="session")
def klines() -> Klines:
    """500 generated hours of BTCUSDT from 2024-01-01."""
    return {("BTCUSDT", "1h"): generated_klines(500, start=START)}
