"""Settings: what is allowed is read, what is wrong is one clear line."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from bot_core_dagster.errors import SettingsError, UnknownNameError
from bot_core_dagster.places import PROJECT_ROOT, settings_file, state_home
from bot_core_dagster.settings import Settings, load_settings
from tests.builders import instrument

DELIVERED = (PROJECT_ROOT / "bot_core.toml").read_text(encoding="utf-8")

WriteFile = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> WriteFile:
    def _write(text: str) -> Path:
        path = tmp_path / "bot_core.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return _write


def _changed(old: str, new: str) -> str:
    assert old in DELIVERED
    return DELIVERED.replace(old, new, 1)


def test_the_delivered_file_is_read_whole(write: WriteFile) -> None:
    settings = load_settings(write(DELIVERED))
    assert [one.symbol for one in settings.watchlist] == ["BTCUSDT", "ETHUSDT", "BNBUSDT", "EURUSD", "XAUUSD"]
    assert settings.history.start == datetime(2024, 1, 1, tzinfo=UTC)
    assert settings.watchlist[0].costs.fee_bps == 4.0


def test_the_delivered_file_says_the_defaults_but_for_its_instruments_and_strategies(write: WriteFile) -> None:
    delivered, bare = load_settings(write(DELIVERED)), load_settings(write(""))
    lists = {"watchlist", "strategies"}
    assert delivered.model_dump(exclude=lists) == bare.model_dump(exclude=lists)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        pytest.param("[sauces]\nx = 1\n", ["unknown key sauces", "allowed: watchlist, sources"], id="unknown section"),
        pytest.param(
            _changed("seed = 2", "sed = 7"),
            ["unknown key sources.simulated.sed", "allowed: seed, edge"],
            id="unknown key",
        ),
        pytest.param(
            _changed('venue = "binance"', 'vanue = "binance"'),
            ["unknown key watchlist[0] (BTCUSDT).vanue", "allowed: symbol, venue"],
            id="misspelt key of an instrument, which also lacks the right one",
        ),
        pytest.param(
            _changed('venue = "binance"\n', ""), ["watchlist[0] (BTCUSDT).venue: is required"], id="missing key"
        ),
        pytest.param(
            _changed('timeframe = "1h"', 'timeframe = "2h"'),
            ["watchlist[0] (BTCUSDT).timeframe", "'1m', '5m', '15m', '30m', '1h', '4h' or '1d'", "got '2h'"],
            id="bad timeframe",
        ),
        pytest.param(
            _changed("fee_bps = 4.0", "fee_bps = -4.0"),
            ["watchlist[0] (BTCUSDT).costs.fee_bps", "greater than or equal to 0", "got -4.0"],
            id="negative fee",
        ),
        pytest.param(
            _changed("spread_bps = 1.0", "spread_bps = 1001"),
            ["less than or equal to 1000", "got 1001"],
            id="huge spread",
        ),
        pytest.param(_changed("fee_bps = 4.0", "fee_bps = nan"), ["finite number", "got nan"], id="nan fee"),
        pytest.param(
            _changed("initial_equity = 10000.0", "initial_equity = inf"),
            ["portfolio.initial_equity", "finite number", "got inf"],
            id="infinite equity",
        ),
        pytest.param(
            _changed("price_jump_sigmas = 12.0", "price_jump_sigmas = 0"),
            ["quality.price_jump_sigmas", "greater than 0"],
            id="no sigmas",
        ),
        pytest.param(
            _changed('calendar = "crypto"', 'calendar = "nyse"'),
            [".calendar", "'crypto', 'fx' or 'metals'", "got 'nyse'"],
            id="unknown calendar",
        ),
        pytest.param(
            _changed('source = "simulated"', 'source = "yahoo"'),
            [".source", "'simulated', 'file' or 'ccxt'", "got 'yahoo'"],
            id="unknown source",
        ),
        pytest.param(
            _changed("seed = 2", 'seed = "x"'), ["simulated.seed", "valid integer", "got 'x'"], id="text seed"
        ),
        pytest.param(_changed("seed = 2", "seed = -1"), ["simulated.seed", "got -1"], id="negative seed"),
        pytest.param(
            _changed("2024-01-01T00:00:00Z", "2024-01-01T00:00:00"),
            ["history.start", "needs a time zone", "got 2024-01-01T00:00:00"],
            id="naive start",
        ),
        pytest.param(_changed("2024-01-01T00:00:00Z", "2024"), ["history.start", "got 2024"], id="start is a number"),
        pytest.param(
            _changed("oversold = 30.0", 'oversold = "low"'),
            ["strategies.rsi.parameters.oversold", "valid number", "got 'low'"],
            id="a parameter that is no number",
        ),
        pytest.param(
            _changed("[strategies.macd]", "[strategies.macd]\nfee = 3"),
            ["unknown key strategies.macd.fee", "allowed: enabled, parameters, allow_short"],
            id="unknown key of a strategy",
        ),
        pytest.param(
            _changed("[strategies.macd]", "[strategies.macd]\nstop = 1.5"),
            ["strategies.macd.stop", "less than 1", "got 1.5"],
            id="a stop below zero",
        ),
        pytest.param(
            _changed('method = "grid"', 'method = "guess"'),
            ["optimization.method", "'grid', 'random' or 'tpe'", "got 'guess'"],
            id="unknown search",
        ),
        pytest.param(_changed('"ETHUSDT"', '"BTCUSDT"'), ["watchlist names BTCUSDT more than once"], id="symbol twice"),
        pytest.param(_changed('"BTCUSDT"', '" "'), ["watchlist[0].symbol", "printable", "got ' '"], id="blank symbol"),
        pytest.param(_changed('"BTCUSDT"', '"A\\nB"'), ["printable", "got 'A\\nB'"], id="line break in a symbol"),
        pytest.param(
            "watchlist = 3", ["watchlist", "list of [[watchlist]] tables", "got 3"], id="watchlist is a number"
        ),
        pytest.param("watchlist = [3]", ["watchlist[0]", "should be a table", "got 3"], id="instrument is a number"),
        pytest.param("history = 3", ["history", "should be a table", "got 3"], id="section is a number"),
        pytest.param("a = [", ["cannot be read as TOML"], id="no TOML"),
    ],
)
def test_what_is_wrong_in_the_file_is_one_line_with_file_key_and_what_is_allowed(
    write: WriteFile, text: str, parts: list[str]
) -> None:
    path = write(text)
    with pytest.raises(SettingsError) as caught:
        load_settings(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    for part in parts:
        assert part in message


@pytest.mark.parametrize(
    ("name", "text", "parts"),
    [
        ("BOT_CORE_SAUCES", "1", ["unknown variable BOT_CORE_SAUCES", "BOT_CORE_SOURCES"]),
        ("bot_core_sauces", "1", ["unknown variable bot_core_sauces"]),
        ("BOT_CORE_SOURCES__SIMULATED__SED", "1", ["unknown key sources.simulated.sed", "allowed: seed, edge"]),
        ("BOT_CORE_SOURCES__CSV", "1", ["unknown key sources.csv", "allowed: simulated, ccxt"]),
        ("BOT_CORE_SOURCES__SIMULATED__SEED", "x", ["sources.simulated.seed", "valid integer", "got 'x'"]),
        ("BOT_CORE_SOURCES__SIMULATED__SEED", "", ["sources.simulated.seed", "got ''"]),
        ("BOT_CORE_SOURCES__SIMULATED__EDGE", "nan", ["sources.simulated.edge", "finite", "got 'nan'"]),
        ("BOT_CORE_RETENTION__RUN_DAYS__X", "1", ["retention.run_days", "valid integer"]),
        ("BOT_CORE_HISTORY__START", "2020-01-01", ["history.start", "time zone", "got '2020-01-01'"]),
        ("BOT_CORE_HISTORY__START", "2020", ["history.start", "got '2020'"]),
        ("BOT_CORE_HISTORY", "soon", ["should be JSON", "got 'soon'"]),
        ("BOT_CORE_SOURCES", '{"simulated": {"sed": 1}}', ["unknown key sources.simulated.sed"]),
        ("BOT_CORE_SOURCES__SIMULATED", "{", ["should be JSON", "got '{'"]),
        ("BOT_CORE_WATCHLIST", "[", ["should be JSON", "got '['"]),
        ("BOT_CORE_WATCHLIST", '[{"symbol": "A"}]', ["watchlist[0].venue: is required"]),
        ("BOT_CORE_WATCHLIST", "{}", ["watchlist", "list"]),
        ("BOT_CORE_WATCHLIST__0__SOURCE", "file", ["unknown variable", "the whole list as JSON"]),
    ],
)
def test_what_is_wrong_in_a_variable_is_one_line_that_names_it(
    write: WriteFile, monkeypatch: pytest.MonkeyPatch, name: str, text: str, parts: list[str]
) -> None:
    monkeypatch.setenv(name, text)
    with pytest.raises(SettingsError) as caught:
        load_settings(write(DELIVERED))
    message = str(caught.value)
    assert f"variable {name}" in message
    assert "\n" not in message
    for part in parts:
        assert part in message


def test_an_error_in_the_file_is_blamed_on_the_file_where_a_variable_sets_another_key_of_the_section(
    write: WriteFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOT_CORE_SOURCES__SIMULATED__SEED", "9")
    path = write(_changed("edge = 0.0", "edge = 2.0"))
    with pytest.raises(SettingsError, match=re.escape(f"{path}: sources.simulated.edge")):
        load_settings(path)


def test_a_variable_wins_over_the_file_and_leaves_the_keys_beside_it(
    write: WriteFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOT_CORE_SOURCES__SIMULATED__SEED", "9")
    settings = load_settings(write(_changed("edge = 0.0", "edge = 0.25")))
    assert (settings.sources.simulated.seed, settings.sources.simulated.edge) == (9, 0.25)


def test_the_watchlist_may_come_from_a_variable_as_json(write: WriteFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOT_CORE_WATCHLIST", f"[{instrument(symbol='SOLUSDT').model_dump_json()}]")
    assert [one.symbol for one in load_settings(write(DELIVERED)).watchlist] == ["SOLUSDT"]


def test_places_are_variables_but_no_settings(
    write: WriteFile, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("BOT_CORE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("BOT_CORE_CONFIG", str(write(DELIVERED)))
    monkeypatch.setenv("BOT_CORE_TEST_DATA", "/anywhere")
    assert (state_home(), settings_file()) == (tmp_path / "state", tmp_path / "bot_core.toml")
    assert len(load_settings().watchlist) == 5


def test_a_missing_file_is_said_with_the_next_step(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no such settings file; set BOT_CORE_CONFIG"):
        load_settings(tmp_path / "absent.toml")


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"\x00" * 10], ids=["not UTF-8", "zeros"])
def test_a_binary_file_is_no_settings_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bot_core.toml"
    path.write_bytes(content)
    with pytest.raises(SettingsError, match="cannot be read as TOML"):
        load_settings(path)


def test_an_instrument_that_is_not_there_is_answered_with_those_that_are(write: WriteFile) -> None:
    settings = load_settings(write(DELIVERED))
    with pytest.raises(UnknownNameError, match=r"there: BTCUSDT, ETHUSDT.*next: bot-core symbols add DOGE"):
        settings.instrument("DOGE")
    with pytest.raises(UnknownNameError, match="there: none"):
        Settings().instrument("DOGE")


@pytest.mark.parametrize("symbol", ["BTC/USDT:USDT", "A%B", "O'X", 'Q"Q', "[X]", "Ω", "a b", "..", "x" * 64])
def test_odd_symbols_are_symbols(write: WriteFile, symbol: str) -> None:
    settings = load_settings(write(_changed('"BTCUSDT"', f"'''{symbol}'''")))
    assert settings.instrument(symbol).symbol == symbol


def test_settings_cannot_be_changed_after_they_were_checked(write: WriteFile) -> None:
    settings = load_settings(write(DELIVERED))
    with pytest.raises(ValueError, match="frozen"):
        settings.portfolio.initial_equity = -1.0  # type: ignore[misc]  # what the test is about


@given(fee=st.floats(allow_nan=True, allow_infinity=True))
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_fee_is_accepted_exactly_where_it_is_0_to_1000_bps(write: WriteFile, fee: float) -> None:
    path = write(_changed("fee_bps = 4.0", f"fee_bps = {fee!r}"))
    if 0 <= fee <= 1_000:
        assert load_settings(path).watchlist[0].costs.fee_bps == fee
    else:
        with pytest.raises(SettingsError, match="fee_bps"):
            load_settings(path)
