"""Tests of the two-timeframe strategies in `strategies.catalog` against the reference in `reference_rules`.

Belongs here: equality bar by bar, look-ahead, what bars without an opinion say, reasons. Not here: single rules by
hand (`test_tiers`), the plain forms (`test_plain`).
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot_core_dagster.errors import ParameterError, QualityError, ShapeError
from bot_core_dagster.features.runs import starts_a_run
from bot_core_dagster.market.bar import empty_bars
from bot_core_dagster.strategies import Opinions, RuleStrategy, strategies
from bot_core_dagster.strategies.catalog.ensembles import MEMBERS
from tests.builders import bars
from tests.core.features import real_bars
from tests.core.strategies import reference_rules
from tests.core.strategies.reference_rules import Verdict

RULES = {name: each for name, each in strategies().items() if isinstance(each, RuleStrategy)}
MEMBER_NAMES = [member.name for member in MEMBERS]
ENSEMBLES = ["weighted_average", "consensus"]


def reference(name: str, history: pd.DataFrame, calendar: str, parameters: dict[str, float]) -> list[Verdict]:
    if name not in ENSEMBLES:
        return reference_rules.judge(name, history, calendar, parameters)
    each = [reference_rules.judge(one, history, calendar, RULES[one].space.defaults()) for one in MEMBER_NAMES]
    combine = {"weighted_average": reference_rules.weighted_average, "consensus": reference_rules.consensus}[name]
    return [combine(list(verdicts)) for verdicts in zip(*each, strict=True)]


def assert_equal_bar_by_bar(opinions: Opinions, verdicts: list[Verdict]) -> None:
    rule, direction, confidence = zip(*verdicts, strict=True)
    np.testing.assert_array_equal(opinions.rule, rule)
    np.testing.assert_array_equal(opinions.direction, direction)
    np.testing.assert_allclose(opinions.rule_confidence, confidence, rtol=1e-12)


def damaged(seed: int, missing: set[int], silent: set[int], flat: int | None = None) -> pd.DataFrame:
    """A random walk with bars missing, bars without volume, and thirty bars without a move."""
    history = bars(420, seed=seed)
    if flat is not None:
        history.loc[flat : flat + 29, ["open", "high", "low", "close"]] = history["close"].iloc[flat]
    history = history.drop(index=sorted(missing)).reset_index(drop=True)
    history.loc[sorted(silent & set(history.index)), "volume"] = np.nan
    return history


DAMAGE = {
    "seed": st.integers(0, 2**32 - 1),
    "missing": st.sets(st.integers(1, 418), max_size=4),
    "silent": st.sets(st.integers(0, 400), max_size=2),
}


def test_the_five_and_their_ensembles_are_there() -> None:
    assert set(RULES) == {*MEMBER_NAMES, *ENSEMBLES}
    assert [f"{name}_rules" for name in ("rsi", "macd", "bollinger", "volume", "stochastic")] == MEMBER_NAMES


@pytest.mark.parametrize("name", RULES)
@settings(max_examples=15, deadline=None)
@given(**DAMAGE)
def test_opinions_equal_the_reference_bar_by_bar(name: str, seed: int, missing: set[int], silent: set[int]) -> None:
    """Without a flat stretch: there rounding, not the market, says whether a band widens."""
    history = damaged(seed, missing, silent)
    (parameters,) = RULES[name].space.sample(1, np.random.default_rng(seed))
    opinions = RULES[name].opinions(history, "crypto", parameters)
    assert_equal_bar_by_bar(opinions, reference(name, history, "crypto", parameters))


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize(
    ("load", "calendar", "first"),
    [(real_bars.btcusdt, "crypto", 3_000), (real_bars.eurusd, "fx", 7_000)],
    ids=["BTCUSDT", "EURUSD"],
)
def test_opinions_of_real_bars_equal_the_reference(
    real_data: Path, name: str, load: Callable[[Path], pd.DataFrame], calendar: str, first: int
) -> None:
    history = load(real_data).iloc[first : first + 1_500].reset_index(drop=True)
    assert starts_a_run(history, calendar).any()
    opinions = RULES[name].opinions(history, calendar, {})
    assert_equal_bar_by_bar(opinions, reference(name, history, calendar, RULES[name].space.defaults()))


@pytest.mark.parametrize("timeframe", ["1m", "5m", "15m", "30m", "4h"])
def test_opinions_on_other_timeframes_equal_the_reference(timeframe: str) -> None:
    history = bars(600, timeframe=timeframe, seed=4)
    for name in MEMBER_NAMES:
        opinions = RULES[name].opinions(history, "crypto", {})
        assert_equal_bar_by_bar(opinions, reference(name, history, "crypto", RULES[name].space.defaults()))


@pytest.mark.parametrize("name", RULES)
@settings(max_examples=15, deadline=None)
@given(known_bars=st.integers(1, 380), flat=st.integers(0, 390), **DAMAGE)
def test_opinions_of_the_past_are_unmoved_by_the_future(
    name: str, known_bars: int, flat: int, seed: int, missing: set[int], silent: set[int]
) -> None:
    history = damaged(seed, missing, silent, flat)
    (parameters,) = RULES[name].space.sample(1, np.random.default_rng(seed))
    assert_unmoved(RULES[name], history, "crypto", parameters, known_bars)


@pytest.mark.parametrize(
    ("load", "calendar"), [(real_bars.btcusdt, "crypto"), (real_bars.eurusd, "fx")], ids=["BTCUSDT", "EURUSD"]
)
def test_opinions_of_real_bars_are_unmoved_by_the_future(
    real_data: Path, load: Callable[[Path], pd.DataFrame], calendar: str
) -> None:
    history = load(real_data).head(12_000)
    for known_bars in np.random.default_rng(3).integers(1, len(history), 4).tolist():
        for strategy in RULES.values():
            assert_unmoved(strategy, history, calendar, {}, known_bars)


def assert_unmoved(
    strategy: RuleStrategy, history: pd.DataFrame, calendar: str, parameters: dict[str, float], known_bars: int
) -> None:
    known = strategy.opinions(history.head(known_bars), calendar, parameters)
    whole = strategy.opinions(history, calendar, parameters)
    for name in ("direction", "rule_confidence", "rule"):
        np.testing.assert_array_equal(getattr(known, name), getattr(whole, name)[:known_bars])
    for name, values in known.indicators.items():
        np.testing.assert_array_equal(values, whole.indicators[name][:known_bars])
    assert known.reasons == whole.reasons


@pytest.mark.parametrize("name", RULES)
def test_every_rule_fires_on_some_bars(name: str) -> None:
    history = bars(30_000, seed=8)
    history.loc[29_000:29_200, "volume"] = np.nan
    opinions = RULES[name].opinions(history, "crypto", {})
    n_fired = np.bincount(opinions.rule, minlength=len(opinions.reasons))
    silent_rules = [opinions.reasons[place] for place in np.flatnonzero(n_fired == 0)]
    assert silent_rules == []


@pytest.mark.parametrize("name", RULES)
def test_the_first_opinion_comes_after_the_warm_up(name: str) -> None:
    """From any first bar: the first confirming bar is whole after one to four bars."""
    history = bars(400, seed=2)
    least = RULES[name].warm_up_bars({})
    first_known = [
        1 + int(np.argmax(~np.isnan(RULES[name].opinions(history.iloc[start:], "crypto", {}).rule_confidence)))
        for start in range(4)
    ]
    assert min(first_known) == least
    assert max(first_known) <= least + 3
    short = RULES[name].opinions(history.head(least - 1), "crypto", {})
    assert np.isnan(short.rule_confidence).all()
    assert np.isnan(short.signal()).all()


def test_only_confident_opinions_are_signals_and_the_rest_keeps_what_is_held() -> None:
    history = bars(3_000, seed=3)
    for strategy in RULES.values():
        opinions = strategy.opinions(history, "crypto", {})
        signal = strategy.signal(history, "crypto", {})
        acts = (opinions.direction != 0) & (opinions.rule_confidence >= 0.65)
        np.testing.assert_array_equal(signal, np.where(acts, opinions.direction, np.nan))
        assert acts.any()
        assert np.isnan(opinions.signal(0.95)).sum() >= np.isnan(signal).sum()


@pytest.mark.parametrize("name", RULES)
def test_every_bar_has_a_reason_with_its_values_filled_in(name: str) -> None:
    history = bars(3_000, seed=9)
    opinions = RULES[name].opinions(history, "crypto", {})
    for place in [0, *np.unique(opinions.rule, return_index=True)[1].tolist(), -1]:
        reason = opinions.reason(place)
        assert "{" not in reason
        assert reason.startswith("no opinion") == bool(np.isnan(opinions.rule_confidence[place]))


def test_a_reason_reads_as_a_sentence_of_numbers() -> None:
    opinions = RULES["rsi_rules"].opinions(bars(3_000, seed=9), "crypto", {})
    place = int(np.flatnonzero(opinions.rule == 3)[0])
    rsi, confirming = opinions.indicators["rsi"][place], opinions.indicators["confirming_rsi"][place]
    assert opinions.reason(place) == f"RSI {rsi:.1f} <= 30 and rising; 4h RSI {confirming:.1f} < 50"


@pytest.mark.parametrize("name", RULES)
def test_a_flat_market_without_volume_gives_no_opinion(name: str) -> None:
    flat = bars(300).assign(open=1.0, high=1.0, low=1.0, close=1.0, volume=0.0)
    opinions = RULES[name].opinions(flat, "crypto", {})
    assert np.isnan(opinions.rule_confidence).all()
    assert not opinions.direction.any()


@pytest.mark.parametrize("volume", [0.0, np.nan], ids=["zero volume", "unknown volume"])
def test_without_volume_the_volume_rules_say_so_and_the_others_go_on(volume: float) -> None:
    history = bars(600, seed=1).assign(volume=volume)
    opinions = RULES["volume_rules"].opinions(history, "crypto", {})
    assert np.isnan(opinions.rule_confidence).all()
    assert opinions.reason(-1) == "no opinion: no volume"
    consensus = RULES["consensus"].opinions(history, "crypto", {})
    assert not np.isnan(consensus.rule_confidence[300:]).any()


@pytest.mark.parametrize("name", RULES)
def test_no_bars_give_no_opinions(name: str) -> None:
    opinions = RULES[name].opinions(empty_bars(), "crypto", {})
    assert opinions.direction.shape == opinions.rule_confidence.shape == opinions.rule.shape == (0,)


def test_nothing_confirms_days_but_the_volume_rules_need_no_confirmation() -> None:
    days = bars(300, timeframe="1d")
    for name in {*RULES} - {"volume_rules"}:
        with pytest.raises(ParameterError, match="expected a timeframe that a longer one confirms, got 1d"):
            RULES[name].opinions(days, "crypto", {})
    assert not np.isnan(RULES["volume_rules"].opinions(days, "crypto", {}).rule_confidence[100:]).any()


@pytest.mark.parametrize("name", RULES)
def test_bars_and_parameters_that_cannot_be_are_refused(name: str) -> None:
    history = bars(60)
    with pytest.raises(ParameterError, match="unknown parameter 'speed'"):
        RULES[name].opinions(history, "crypto", {"speed": 1.0})
    with pytest.raises(ShapeError, match="ascend by open_time"):
        RULES[name].opinions(history[::-1], "crypto", {})
    with pytest.raises(QualityError, match="1 bars without"):
        RULES[name].opinions(history.assign(close=[np.nan, *history["close"][1:]]), "crypto", {})
