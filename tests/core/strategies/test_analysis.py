"""Market analysis: the newest opinion of every strategy of rules, and the signal that follows."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot_core_dagster.errors import ShapeError
from bot_core_dagster.places import PROJECT_ROOT
from bot_core_dagster.strategies import RuleStrategy, strategies
from bot_core_dagster.strategies.analysis import (
    MARKET_ANALYSIS,
    OPINIONS,
    analyse,
    analysis_rows,
    opinion_rows,
)
from bot_core_dagster.strategies.two_timeframes import TwoTimeframes
from tests import builders

RULES = {name: each for name, each in strategies().items() if isinstance(each, RuleStrategy)}


@pytest.mark.parametrize("n_bars", [300, 777, 1_500])
def test_each_strategy_says_what_its_own_opinions_say_at_the_newest_bar(n_bars: int) -> None:
    bars = builders.bars(n_bars, seed=n_bars)
    analysis = analyse(bars, builders.instrument())
    assert {one.strategy for one in analysis.opinions} == set(RULES)
    for one in analysis.opinions:
        given = RULES[one.strategy].opinions(bars, "crypto", {})
        assert one.direction == {1: "LONG", -1: "SHORT", 0: "NEUTRAL"}[int(given.direction[-1])]
        np.testing.assert_equal(one.rule_confidence, float(given.rule_confidence[-1]))
        assert one.reasoning == given.reason(-1)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_bars=st.integers(1, 400),
    missing=st.sets(st.integers(0, 399), max_size=3),
    silent=st.sets(st.integers(0, 399), max_size=3),
)
def test_what_is_asked_of_the_newest_bar_alone_is_what_the_whole_history_says(
    seed: int, n_bars: int, missing: set[int], silent: set[int]
) -> None:
    bars = builders.bars(n_bars + 1, seed=seed)
    bars["volume"] = bars["volume"].where(~bars.index.isin(silent), np.nan)
    kept = ~bars.index.isin(missing - {n_bars})
    bars = bars[kept].reset_index(drop=True)
    newest, whole = TwoTimeframes(bars, "crypto", newest=1), TwoTimeframes(bars, "crypto")
    for strategy in RULES.values():
        asked, known = strategy.opinions_on(newest, {}), strategy.opinions_on(whole, {})
        assert asked.direction[-1] == known.direction[-1]
        np.testing.assert_equal(asked.rule_confidence[-1], known.rule_confidence[-1])
        assert asked.reason(-1) == known.reason(-1)


def test_an_analysis_loads_no_compiler() -> None:
    """It takes longer to load than fifty symbols to analyse."""
    code = (
        "import sys; from tests import builders; from bot_core_dagster.strategies.analysis import analyse; "
        "analyse(builders.bars(2_000), builders.instrument()); print('numba' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_the_signal_is_that_of_a_confident_consensus() -> None:
    """Over many ends of a series every signal occurs, and each is what the consensus says of it."""
    bars, seen = builders.bars(4_000, seed=5), set()
    signal = RULES["consensus"].signal(bars, "crypto", {})
    places = [*np.flatnonzero(signal == 1.0)[:2], *np.flatnonzero(signal == -1.0)[:2], 500]
    for place in places:
        said = analyse(bars.head(int(place) + 1), builders.instrument()).signal
        assert said == {1.0: "BUY", -1.0: "SELL"}.get(float(signal[place]), "HOLD")
        seen.add(said)
    assert seen == {"BUY", "SELL", "HOLD"}


def test_rows_hold_the_columns_of_their_tables() -> None:
    analysis = analyse(builders.bars(500, source="simulated"), builders.instrument())
    row, opinions = analysis_rows(analysis), opinion_rows(analysis)
    assert list(row.columns) == list(MARKET_ANALYSIS.columns)
    assert list(opinions.columns) == list(OPINIONS.columns)
    assert row["simulated"].tolist() == [True]
    assert row["known_at"].iloc[0] == pd.Timestamp("2024-01-21 20:00", tz="UTC")
    assert "average_direction" in json.loads(row["indicators"].iloc[0])


def test_a_strategy_that_cannot_judge_has_no_opinion_and_without_a_quorum_nothing_is_done() -> None:
    """Nothing confirms 1d: what needs no confirmation says what it says, the others why they say nothing."""
    daily = builders.bars(300, timeframe="1d")
    analysis = analyse(daily, builders.instrument(timeframe="1d"))
    said = {one.strategy: one for one in analysis.opinions}
    assert set(said) == set(RULES)
    volume = RULES["volume_rules"].opinions(daily, "crypto", {})
    assert said.pop("volume_rules").reasoning == volume.reason(-1)
    for one in said.values():
        assert (one.direction, np.isnan(one.rule_confidence)) == ("NEUTRAL", True)
        assert one.reasoning.startswith("no opinion: expected a timeframe that a longer one confirms, got 1d")
    assert (analysis.signal, np.isnan(analysis.rule_confidence)) == ("HOLD", True)
    assert analysis.reasoning == said["consensus"].reasoning
    assert set(json.loads(analysis_rows(analysis)["indicators"].iloc[0])) <= set(volume.indicators)


def test_no_bars_are_an_error() -> None:
    with pytest.raises(ShapeError, match="expected bars to analyse, got none"):
        analyse(builders.bars(10).head(0), builders.instrument())
