"""Excerpts: the bars that tell most, and each trade where it was."""

import numpy as np
import pandas as pd
import pytest

from bot_core_dagster.errors import ShapeError
from bot_core_dagster.reports.backtest.excerpt import EXITS, excerpt_of
from tests.core.reports.results import backtest, simulated_bars


def test_the_last_bars_are_shown_where_there_are_trades_in_them() -> None:
    result, bars = backtest()
    shown = excerpt_of(result, bars, 150)
    assert shown.words == "the last 150 bars"
    pd.testing.assert_frame_equal(shown.bars, bars.tail(150).reset_index(drop=True))


def test_the_busiest_bars_are_shown_where_the_last_ones_tell_little() -> None:
    result, bars = backtest(3_000, parameters=(("window", 17.0),))
    shown = excerpt_of(result, bars, 60)
    assert shown.words == "the busiest 60 bars"
    events = pd.concat([result.trades["entry_time"], result.trades["exit_time"].dropna()])
    opens = bars["open_time"]
    within = [events.between(opens[start], opens[start + 59]).sum() for start in range(2_941)]
    assert within[-1] < 4
    assert events.between(shown.bars["open_time"].iloc[0], shown.bars["open_time"].iloc[-1]).sum() == max(within)


def test_all_bars_are_shown_where_there_are_few() -> None:
    result, bars = backtest(30)
    assert excerpt_of(result, bars, 150).words == "all 30 bars"


def test_an_entry_stands_at_the_open_of_its_bar_and_an_exit_at_the_moment_it_left() -> None:
    result, bars = backtest()
    shown = excerpt_of(result, bars, 300)
    opens = shown.bars["open_time"].to_list()
    closes = shown.bars["close_time"].to_list()
    assert len(shown.entries) > 20
    for place, time in zip(shown.entries["entry_place"], shown.entries["entry_time"], strict=True):
        assert opens[round(place + 0.5)] == time
    for place, time in zip(shown.exits["exit_place"], shown.exits["exit_time"], strict=True):
        bar = round(place + 0.5)
        assert time == (opens[bar] if bar < len(opens) else closes[-1])


def test_every_reason_to_leave_has_a_word_and_occurs_here() -> None:
    result, _ = backtest()
    assert {"signal", "stop", "target", "trailing_stop"} <= set(result.trades["exit_reason"]) <= {*EXITS, "open"}


def test_an_open_trade_is_worth_the_last_close_and_reaches_to_the_edge() -> None:
    result, bars = backtest()
    assert result.trades["open"].iloc[-1]
    last = excerpt_of(result, bars, 150).trades.iloc[-1]
    assert last["worth"] == bars["close"].iloc[-1]
    assert last["exit_place"] == 149.5


@pytest.mark.parametrize("n_bars", [1, 5, 150, 2_000], ids="{} bars".format)
def test_a_few_places_are_labelled_with_their_times(n_bars: int) -> None:
    result, bars = backtest(2_000)
    shown = excerpt_of(result, bars, n_bars)
    places, labels = shown.ticks()
    assert len(places) == len(labels) == min(n_bars, 7)
    assert (np.diff(places) > 0).all()
    first = shown.bars["open_time"].iloc[places[0]]
    assert labels[0] in {f"{first:%b %d, %H:%M}", f"{first:%Y-%m-%d}"}


@pytest.mark.parametrize(
    "other",
    [simulated_bars(4_000).tail(3_000), simulated_bars(4_000).shift(1), simulated_bars(4_000, symbol="ETHUSDT")],
    ids=["fewer", "moved", "another instrument"],
)
def test_other_bars_than_those_of_the_backtest_are_refused(other: pd.DataFrame) -> None:
    result, _ = backtest()
    with pytest.raises(ShapeError, match="expected the 4000 bars of BTCUSDT that were backtested"):
        excerpt_of(result, other, 150)
