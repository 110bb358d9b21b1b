"""Tests of docs/strategies.md: its files, dropped into the catalog, are strategies like any other.

Belongs here: what the page promises. Not here: the registry's own errors (`test_registry`).
"""

import importlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from bot_core_dagster.backtest import backtest_strategy
from bot_core_dagster.backtest.rules import TradingRules
from bot_core_dagster.errors import UnknownNameError
from bot_core_dagster.settings import PROJECT_ROOT, StrategySettings
from bot_core_dagster.strategies import RuleStrategy, enabled_strategies, strategies, strategy_named
from bot_core_dagster.strategies.registry import CATALOG, strategies_of
from tests.builders import bars, instrument

PAGE = (Path(PROJECT_ROOT) / "docs" / "strategies.md").read_text(encoding="utf-8")
FILES = {
    Path(path).name: source
    for path, source in re.findall(
        r"```python\n# (bot_core_dagster/strategies/catalog/\w+\.py)\n(.*?)```", PAGE, re.DOTALL
    )
}
NAMES = [name.removesuffix(".py") for name in FILES]


@pytest.fixture
def dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that is part of the catalog, with the page's files in it."""
    catalog = importlib.import_module(CATALOG)
    monkeypatch.setattr(catalog, "__path__", [*catalog.__path__, str(tmp_path)])
    for name, source in FILES.items():
        (tmp_path / name).write_text(source, encoding="utf-8")
    importlib.invalidate_caches()
    strategies_of.cache_clear()
    yield tmp_path
    strategies_of.cache_clear()
    for path in tmp_path.glob("*.py"):
        sys.modules.pop(f"{CATALOG}.{path.stem}", None)
        vars(catalog).pop(path.stem, None)


def test_the_page_has_a_file_of_each_kind() -> None:
    assert NAMES == ["channel", "night"]
    assert not {*NAMES} & {*strategies()}


@pytest.mark.parametrize("name", NAMES)
def test_a_dropped_file_is_listed_enabled_and_backtested(dropped: Path, name: str) -> None:
    strategy = strategy_named(name)
    assert enabled_strategies({name: StrategySettings()}) == (strategy,)
    history = bars(600, seed=2)
    market = instrument()
    rules = TradingRules.of(StrategySettings(), market, 10_000.0)
    for parameters in strategy.space.grid(6):
        backtest = backtest_strategy(history, strategy, parameters, market, rules)
        assert len(backtest.trades) >= 1
        assert backtest.parameters_used == parameters


@pytest.mark.parametrize("name", NAMES)
def test_a_dropped_file_does_not_look_ahead(dropped: Path, name: str) -> None:
    history = bars(300, seed=5).drop(index=[120]).reset_index(drop=True)
    whole = strategy_named(name).signal(history, "crypto", {})
    assert np.isfinite(whole).sum() > 10
    for known_bars in (1, 50, 121, 250):
        known = strategy_named(name).signal(history.head(known_bars), "crypto", {})
        np.testing.assert_array_equal(known, whole[:known_bars])


def test_a_name_that_is_taken_is_refused(dropped: Path) -> None:
    (dropped / "again.py").write_text(FILES["channel.py"].replace('name="channel"', 'name="rsi"'), encoding="utf-8")
    importlib.invalidate_caches()
    strategies_of.cache_clear()
    with pytest.raises(UnknownNameError, match=r"strategies\.catalog declares rsi more than once; next: rename"):
        strategies()


def test_what_the_page_says_of_the_plain_forms_is_so() -> None:
    rows = re.findall(r"^\| `(\w+)` \|.*\| ([^|]+) \|$", PAGE, re.MULTILINE)
    assert len(rows) == 5
    for name, said in rows:
        defaults = {key: float(number) for key, number in (each.split() for each in said.split(", "))}
        assert strategy_named(name).space.defaults() == defaults


def test_the_reason_on_the_page_is_one_that_the_rules_give() -> None:
    strategy = strategy_named("rsi_rules")
    assert isinstance(strategy, RuleStrategy)
    opinions = strategy.opinions(bars(3_000, seed=9), "crypto", {})
    said = re.search(r'# 1, 0\.73, "(.*)"', PAGE)
    assert said is not None
    shape = re.sub(r"\d+\.\d", "#", said[1])
    given = {re.sub(r"\d+\.\d", "#", opinions.reason(place)) for place in np.flatnonzero(opinions.rule == 3).tolist()}
    assert given == {shape}
