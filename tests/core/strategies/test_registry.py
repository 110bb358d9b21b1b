"""Tests of `strategies.registry`.

Belongs here: finding strategies, and what settings may say of them. Not here: what a new file looks like (`test_docs`),
what strategies decide (`test_plain`, `test_rules`).
"""

from pathlib import Path

import pytest

from bot_core_dagster.errors import SettingsError, UnknownNameError
from bot_core_dagster.settings import PROJECT_ROOT, StrategySettings, load_settings
from bot_core_dagster.strategies import (
    Strategy,
    check_settings,
    enabled_strategies,
    settings_of,
    strategies,
    strategy_named,
)

PLAIN = ["bollinger", "macd", "rsi", "stochastic", "volume"]


def test_strategies_are_found_by_file_and_in_the_order_they_stand_there() -> None:
    names = list(strategies())
    assert names[:5] == ["bollinger", "bollinger_rules", "weighted_average", "consensus", "macd"]
    assert [name for name in names if name in PLAIN] == PLAIN


@pytest.mark.parametrize("name", strategies())
def test_a_strategy_says_what_it_is(name: str) -> None:
    strategy = strategy_named(name)
    assert isinstance(strategy, Strategy)
    assert strategy.name == name
    assert 20 < len(strategy.description) < 120
    assert all(parameter.description for parameter in strategy.space.parameters)
    assert strategy.warm_up_bars({}) > 1


@pytest.mark.parametrize("name", strategies())
def test_defaults_are_on_the_grid_that_is_searched(name: str) -> None:
    for parameter in strategy_named(name).space.parameters:
        assert parameter.default in parameter.values()


def test_an_unknown_strategy_is_told_which_there_are() -> None:
    with pytest.raises(UnknownNameError, match="unknown strategy 'rsj'; there are bollinger, bollinger_rules, "):
        strategy_named("rsj")


def test_the_list_that_is_handed_out_is_a_copy() -> None:
    strategies().clear()
    assert strategies()


def test_strategies_with_a_section_that_says_so_are_enabled_in_the_order_of_the_catalog() -> None:
    sections = {
        "volume": StrategySettings(),
        "rsi": StrategySettings(),
        "macd": StrategySettings(enabled=False),
        "consensus": StrategySettings(),
    }
    assert [strategy.name for strategy in enabled_strategies(sections)] == ["consensus", "rsi", "volume"]
    assert enabled_strategies({}) == ()


def test_a_strategy_without_a_section_has_defaults_and_is_not_enabled() -> None:
    sections = {"rsi": StrategySettings(allow_short=True)}
    assert settings_of("rsi", sections) is sections["rsi"]
    assert settings_of("macd", sections) == StrategySettings(enabled=False)
    with pytest.raises(UnknownNameError, match="'rsj'"):
        settings_of("rsj", sections)


@pytest.mark.parametrize(
    ("name", "parameters", "said"),
    [
        ("rsj", {}, r"strategies\.rsj: no such strategy; allowed: bollinger, bollinger_rules, "),
        (
            "rsi",
            {"windwo": 14},
            r"strategies\.rsi\.parameters: unknown parameter 'windwo'; there are: window, oversold, overbought",
        ),
        ("rsi", {"window": 1}, r"strategies\.rsi\.parameters: window: expected a whole number from 2 to 50, got 1"),
        ("macd", {"fast": 20, "slow": 14}, r"strategies\.macd\.parameters: expected fast < slow, got fast = 20, slow"),
    ],
    ids=["unknown strategy", "unknown parameter", "out of range", "broken constraint"],
)
def test_sections_that_cannot_be_are_refused(name: str, parameters: dict[str, float], said: str) -> None:
    sections = {"volume": StrategySettings(), name: StrategySettings(enabled=False, parameters=parameters)}
    with pytest.raises(SettingsError, match=said):
        check_settings(sections)
    with pytest.raises(SettingsError, match=said):
        enabled_strategies(sections)


def test_the_projects_own_settings_enable_the_five_plain_strategies() -> None:
    settings = load_settings(Path(PROJECT_ROOT) / "bot_core.toml")
    assert [strategy.name for strategy in enabled_strategies(settings.strategies)] == PLAIN
