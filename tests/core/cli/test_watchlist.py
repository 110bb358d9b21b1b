"""The watchlist is edited without losing a comment, all or nothing."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest
import tomlkit
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from bot_core_dagster.cli.watchlist import add_instrument, change_instrument, remove_instrument
from bot_core_dagster.errors import SettingsError, UnknownNameError
from bot_core_dagster.places import PROJECT_ROOT
from bot_core_dagster.settings import load_settings
from tests.builders import instrument

SOL = instrument(symbol="SOLUSDT", base="SOL").model_dump(mode="json")


def _symbols() -> list[str]:
    return [one.symbol for one in load_settings().watchlist]


def test_an_added_instrument_stands_last_and_nothing_else_changes(settings_path: Path) -> None:
    before = settings_path.read_text()
    add_instrument(SOL)
    after = settings_path.read_text()
    assert load_settings().watchlist[-1] == instrument(symbol="SOLUSDT", base="SOL")
    start = after.index('[[watchlist]]\nsymbol = "SOLUSDT"')
    end = after.index("# ---- Where bars come from.")
    assert after[:start] + after[end:] == before


@pytest.mark.parametrize("symbol", ["BTCUSDT", "BNBUSDT", "XAUUSD"], ids=["first", "middle", "last"])
def test_a_removed_instrument_takes_no_comment_of_others_with_it(settings_path: Path, symbol: str) -> None:
    before = settings_path.read_text()
    own_comments = (
        {'# 1m 5m 15m 30m 1h 4h 1d; lake.bars(symbol, "4h") makes longer ones'} if symbol == "BTCUSDT" else set()
    )
    remove_instrument(symbol)
    after = settings_path.read_text()
    assert symbol not in _symbols()
    assert len(_symbols()) == 4
    lost = {line.strip() for line in before.splitlines() if "#" in line} - {line.strip() for line in after.splitlines()}
    assert {line[line.index("#") :] for line in lost} == own_comments
    assert after.index("# ---- Where bars come from.") > after.rindex("[[watchlist]]")


@given(symbol=st.text(min_size=1, max_size=20))
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
def test_adding_and_removing_any_symbol_leaves_the_file_as_it_was(settings_path: Path, symbol: str) -> None:
    before = settings_path.read_bytes()
    try:
        add_instrument(SOL | {"symbol": symbol})
    except SettingsError:
        assert settings_path.read_bytes() == before
        return
    assert _symbols()[-1] == symbol
    remove_instrument(symbol)
    assert settings_path.read_bytes() == before


def test_a_changed_field_keeps_the_comment_beside_it_and_all_other_lines(settings_path: Path) -> None:
    before = settings_path.read_text().splitlines()
    change_instrument("BTCUSDT", {"timeframe": "4h", "costs": {"fee_bps": 7.5}})
    changed = [line for line, old in zip(settings_path.read_text().splitlines(), before, strict=True) if line != old]
    assert changed == [
        'timeframe = "4h"            # 1m 5m 15m 30m 1h 4h 1d; lake.bars(symbol, "4h") makes longer ones',
        "costs = { fee_bps = 7.5, spread_bps = 1.0, slippage_bps = 1.0 }",
    ]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (SOL | {"timeframe": "2h"}, r"watchlist\[5\] \(SOLUSDT\)\.timeframe: .*got '2h'; nothing was changed"),
        (SOL | {"costs": {"fee_bps": -1.0}}, "fee_bps.*got -1.0; nothing was changed"),
        (SOL | {"symbol": "EURUSD"}, "EURUSD is on the watchlist; next: add --replace"),
    ],
    ids=["bad timeframe", "negative fee", "symbol that is there"],
)
def test_a_wrong_instrument_is_refused_and_the_file_is_as_it_was(
    settings_path: Path, fields: dict[str, object], message: str
) -> None:
    before = settings_path.read_bytes()
    with pytest.raises(SettingsError, match=message) as caught:
        add_instrument(fields)
    assert "bot_core.toml." not in str(caught.value)
    assert settings_path.read_bytes() == before
    assert list(settings_path.parent.iterdir()) == [settings_path]


def test_a_symbol_that_is_not_there_is_answered_with_those_that_are(settings_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="there: BTCUSDT, ETHUSDT, BNBUSDT, EURUSD, XAUUSD"):
        remove_instrument("SOLUSDT")
    with pytest.raises(UnknownNameError, match="SOLUSDT is not on the watchlist"):
        change_instrument("SOLUSDT", {"source": "file"})


def test_the_last_instrument_stays(settings_path: Path) -> None:
    for symbol in ("BTCUSDT", "ETHUSDT", "BNBUSDT", "EURUSD"):
        remove_instrument(symbol)
    with pytest.raises(SettingsError, match="only instrument of the watchlist; next: add another"):
        remove_instrument("XAUUSD")


def test_an_instrument_can_be_added_to_a_file_without_a_watchlist(settings_path: Path) -> None:
    settings_path.write_text("# mine\n[portfolio]\nmin_trades = 5\n")
    add_instrument(SOL)
    assert settings_path.read_text().startswith("# mine\n[portfolio]\nmin_trades = 5\n")
    assert _symbols() == ["SOLUSDT"]


def test_costs_may_be_a_table_of_their_own(settings_path: Path) -> None:
    settings_path.write_text(
        tomlkit.dumps({"watchlist": [{**SOL, "costs": {"fee_bps": 1.0}}]})
        + "\n# ---- below\n[portfolio]\nmin_trades = 5\n"
    )
    add_instrument(SOL | {"symbol": "ADAUSDT"})
    remove_instrument("SOLUSDT")
    assert _symbols() == ["ADAUSDT"]
    assert settings_path.read_text().index("ADAUSDT") < settings_path.read_text().index("# ---- below")


def test_a_watchlist_from_a_variable_is_not_edited_in_the_file(
    settings_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOT_CORE_WATCHLIST", "[]")
    with pytest.raises(SettingsError, match=r"set by BOT_CORE_WATCHLIST.*next: unset the variable"):
        add_instrument(SOL)


def test_permissions_stay_and_a_link_stays_a_link(settings_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings_path.chmod(0o640)
    link = settings_path.with_name("link.toml")
    link.symlink_to(settings_path)
    monkeypatch.setenv("BOT_CORE_CONFIG", str(link))
    change_instrument("BTCUSDT", {"source": "file"})
    assert link.is_symlink()
    assert stat.S_IMODE(settings_path.stat().st_mode) == 0o640


def test_processes_that_add_at_once_lose_nothing(settings_path: Path) -> None:
    code = (
        "import sys; from bot_core_dagster.cli.watchlist import add_instrument; from tests.builders import instrument;"
        "[add_instrument(instrument(symbol=f'S{sys.argv[1]}{n}').model_dump(mode='json')) for n in range(5)]"
    )
    started = [subprocess.Popen([sys.executable, "-c", code, name], cwd=PROJECT_ROOT) for name in "ABCD"]
    assert [process.wait() for process in started] == [0, 0, 0, 0]
    assert sorted(_symbols()[5:]) == sorted(f"S{name}{n}" for name in "ABCD" for n in range(5))
