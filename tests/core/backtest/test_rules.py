"""Tests of `backtest.rules`: what is allowed, and what settings become.

Belongs here: ranges and translation. Not here: how the rules are followed (`test_reference`).
"""

import math
from typing import Any

import pytest

from bot_core_dagster.backtest.rules import TradingRules, equity_of_sleeve
from bot_core_dagster.errors import ParameterError
from bot_core_dagster.settings import Settings, StrategySettings
from tests.builders import instrument


@pytest.mark.parametrize(
    ("field", "came"),
    [
        *(("fraction", 0.0), ("fraction", 1.01), ("fraction", math.nan), ("stop", 0.0), ("stop", 1.0)),
        *(("target", 0.0), ("target", math.inf), ("trailing_stop", -0.1), ("initial_equity", 0.0)),
        *(("lot_step", -1.0), ("min_lot", math.nan)),
    ],
    ids=lambda part: str(part),
)
def test_a_rule_out_of_its_range_is_refused_by_name(field: str, came: float) -> None:
    changed: dict[str, Any] = {field: came}
    with pytest.raises(ParameterError, match=f"^{field}: expected a value .*got {came:g}"):
        TradingRules(**changed)


def test_the_rules_are_those_of_the_section_and_of_the_instrument() -> None:
    section = StrategySettings(allow_short=True, fraction=0.5, stop=0.02, target=0.04)
    rules = TradingRules.of(section, instrument(lot_step=0.001, min_lot=0.01), 5_000.0)
    named = {"fraction": 0.5, "allow_short": True, "stop": 0.02, "target": 0.04, "initial_equity": 5_000.0}
    assert {name: getattr(rules, name) for name in named} == named
    assert (rules.lot_step, rules.min_lot) == (0.001, 0.01)
    assert math.isnan(rules.trailing_stop)


@pytest.mark.parametrize(
    ("changed", "has_lots", "leaves"),
    [
        ({}, False, False),
        ({"lot_step": 1.0}, True, False),
        ({"min_lot": 1.0}, True, False),
        ({"stop": 0.1}, False, True),
        ({"target": 0.1}, False, True),
        ({"trailing_stop": 0.1}, False, True),
    ],
    ids=["plain", "lot step", "smallest lot", "stop", "target", "trailing stop"],
)
def test_the_rules_say_what_a_kernel_has_to_look_after(changed: dict[str, Any], has_lots: bool, leaves: bool) -> None:
    rules = TradingRules(**changed)
    assert (rules.has_lots, rules.leaves_inside_bars) == (has_lots, leaves)


@pytest.mark.parametrize(
    ("lots", "equity"), [({}, 10_000.0), ({"lot_step": 0.01}, 2_500.0), ({"min_lot": 1.0}, 2_500.0)]
)
def test_lots_are_bought_with_the_share_of_one_strategy_on_one_instrument(
    lots: dict[str, float], equity: float
) -> None:
    """Without lots the money does not matter, and a longer watchlist must not change a result."""
    traded = {"rsi": StrategySettings(), "macd": StrategySettings(), "volume": StrategySettings(enabled=False)}
    watchlist = (instrument(**lots), instrument(symbol="ETHUSDT"))
    settings = Settings(watchlist=watchlist, strategies=traded)
    assert equity_of_sleeve(settings, watchlist[0]) == equity
