"""Tests of the look-ahead check: planted offenders fail, everything shipped passes.

Belongs here: the verdict and the report. Not here: where it looks (`test_cuts`), how functions are found and called
(`test_recomputation`).
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bot_core_dagster.errors import QualityError, ShapeError
from bot_core_dagster.features import bar_features
from bot_core_dagster.market.resample import resample
from bot_core_dagster.strategies import RuleStrategy, Strategy
from bot_core_dagster.strategies.registry import strategies
from bot_core_dagster.timeframe import Timeframe
from bot_core_dagster.validation import check_look_ahead
from tests.builders import bars
from tests.core.features import real_bars

N_BARS = 1_200
NO_WARM_UP: tuple[int, ...] = ()


def history(n_bars: int = N_BARS, seed: int = 0) -> pd.DataFrame:
    """Return hours with some missing and some without volume."""
    frame = bars(n_bars, seed=seed).drop(index=[300, 301, 700]).reset_index(drop=True)
    frame.loc[500:503, "volume"] = np.nan
    return frame


def daily_sentiment(known_after: str) -> pd.DataFrame:
    days = pd.date_range("2024-01-01", periods=60, tz="UTC")
    values = np.random.default_rng(7).normal(size=60)
    return pd.DataFrame({"day": days, "sentiment": values, "available_at": days + pd.Timedelta(known_after)})


def centred_window(frame: pd.DataFrame) -> pd.Series:
    return frame["close"].rolling(5, center=True).mean()


def whole_sample_scaling(frame: pd.DataFrame) -> pd.Series:
    return (frame["close"] - frame["close"].mean()) / frame["close"].std()


def next_close(frame: pd.DataFrame) -> pd.Series:
    return frame["close"].shift(-1)


def close_of_the_unfinished_day(frame: pd.DataFrame) -> pd.Series:
    return frame.groupby(frame["open_time"].dt.floor("D"))["close"].transform("last")


def four_hours_joined_by_their_open(frame: pd.DataFrame, calendar_name: str) -> pd.Series:
    longer = resample(frame, Timeframe.H4, calendar_name)[["open_time", "close"]].rename(columns={"close": "longer"})
    return pd.merge_asof(frame[["open_time"]], longer, on="open_time")["longer"]


def filled_from_behind(frame: pd.DataFrame) -> pd.Series:
    return frame["volume"].bfill()


def one_rare_signal_early(frame: pd.DataFrame) -> np.ndarray:
    """A jump of 1.4 % within a bar (about 4 bars of 1,000), known one bar before it happens."""
    jumps = (frame["close"] / frame["open"] - 1.0).abs() > 0.014
    return np.where(jumps.shift(-1, fill_value=False), 1.0, np.nan)


def ranks(frame: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({"rank": frame["close"].rank(pct=True), "close": frame["close"]})


def categories_of_all_months(frame: pd.DataFrame) -> pd.DataFrame:
    return pd.get_dummies(frame["open_time"].dt.month)


def close(frame: pd.DataFrame) -> pd.Series:
    return frame["close"]


OFFENDERS = [
    centred_window,
    whole_sample_scaling,
    next_close,
    close_of_the_unfinished_day,
    four_hours_joined_by_their_open,
    filled_from_behind,
    one_rare_signal_early,
    ranks,
    categories_of_all_months,
]


@pytest.mark.parametrize("offender", OFFENDERS, ids=lambda function: function.__name__)
@pytest.mark.parametrize("seed", [0, 1], ids="seed {}".format)
def test_a_planted_offender_fails(offender: Callable[..., object], seed: int) -> None:
    report = check_look_ahead(offender, history(), "crypto", seed=seed, warm_up=NO_WARM_UP)
    assert not report.passes
    assert "LOOK-AHEAD" in report.verdict
    assert offender.__name__ in report.verdict


def test_a_daily_value_joined_by_its_date_fails_and_by_when_it_was_known_passes() -> None:
    """The day's value comes 30 hours after the day began: by date it is known up to 30 bars too early."""

    def by_date(frame: pd.DataFrame, daily: pd.DataFrame) -> pd.Series:
        days = frame[["open_time"]].assign(day=frame["open_time"].dt.floor("D"))
        return days.merge(daily, on="day", how="left")["sentiment"]

    def by_availability(frame: pd.DataFrame, daily: pd.DataFrame) -> pd.Series:
        known = daily.assign(available_at=daily["available_at"].astype("datetime64[us, UTC]"))
        return pd.merge_asof(frame[["close_time"]], known, left_on="close_time", right_on="available_at")["sentiment"]

    inputs = {"daily": daily_sentiment(known_after="30h")}
    offender = check_look_ahead(by_date, history(), "crypto", inputs=inputs, warm_up=NO_WARM_UP)
    assert not offender.passes
    assert "sentiment" in offender.verdict
    assert check_look_ahead(by_availability, history(), "crypto", inputs=inputs, warm_up=NO_WARM_UP).passes


def test_a_value_a_month_that_is_known_an_hour_early_is_found() -> None:
    """Only the hour before it was published shows it: 12 of 8,760 bars."""
    published = pd.DatetimeIndex([pd.Timestamp(2024, month, 5, 13, 30, tz="UTC") for month in range(1, 13)])
    monthly = pd.DataFrame({"of": (published - pd.Timedelta("90min")).as_unit("us"), "rate": np.arange(12.0)})

    def an_hour_early(frame: pd.DataFrame, monthly: pd.DataFrame) -> pd.Series:
        return pd.merge_asof(frame[["close_time"]], monthly, left_on="close_time", right_on="of")["rate"]

    inputs = {"monthly": monthly.assign(available_at=published)}
    assert not check_look_ahead(an_hour_early, bars(8_760), "crypto", inputs=inputs, warm_up=NO_WARM_UP).passes


def test_the_report_says_which_column_first_changed_at_which_bar_and_by_how_much() -> None:
    """The close of the unfinished day at the first bar: its own close then, that of bar 23 later."""
    frame = history()
    report = check_look_ahead(close_of_the_unfinished_day, frame, "crypto", warm_up=NO_WARM_UP)
    offender = report.offenders.iloc[0]
    assert offender["column"] == "close"
    assert offender["first_changed"] == frame["open_time"].iloc[0]
    assert offender["known_until"] == frame["close_time"].iloc[0]
    assert offender["value_then"] == frame["close"].iloc[0]
    assert offender["value_later"] == frame["close"].iloc[23]
    assert offender["largest_difference"] >= abs(frame["close"].iloc[23] - frame["close"].iloc[0])
    assert 1 <= offender["n_cuts"] <= report.n_cuts
    assert report.offenders.columns.tolist() == [
        "column",
        "why",
        "first_changed",
        "known_until",
        "value_then",
        "value_later",
        "largest_difference",
        "relative_difference",
        "n_cuts",
    ]


def test_an_innocent_column_beside_an_offender_is_not_named() -> None:
    report = check_look_ahead(ranks, history(), "crypto", warm_up=NO_WARM_UP)
    assert report.offenders["column"].tolist() == ["rank"]
    assert report.columns == ("rank", "close")


def test_the_shipped_features_pass() -> None:
    report = check_look_ahead(bar_features, history(), "crypto")
    assert report.passes, report.verdict
    assert report.unproven == ()
    assert len(report.columns) >= 24
    assert report.n_cuts == 60


@pytest.mark.parametrize("strategy", strategies().values(), ids=strategies())
def test_the_shipped_strategies_pass(strategy: Strategy) -> None:
    decide = partial(strategy.signal, parameters=strategy.space.defaults())
    report = check_look_ahead(decide, history(), "crypto", warm_up=NO_WARM_UP)
    assert report.passes, report.verdict
    assert report.verdict.startswith(f"{strategy.name}.signal: no look-ahead")


RULES = {name: strategy for name, strategy in strategies().items() if isinstance(strategy, RuleStrategy)}


@pytest.mark.parametrize("strategy", RULES.values(), ids=RULES)
def test_the_opinions_of_the_shipped_rules_pass(strategy: RuleStrategy) -> None:
    """Directions and confidences too, which change far more often than the signals made of them."""

    def opinions(frame: pd.DataFrame, calendar_name: str) -> pd.DataFrame:
        found = strategy.opinions(frame, calendar_name, strategy.space.defaults())
        return pd.DataFrame({"direction": found.direction, "confidence": found.rule_confidence, "rule": found.rule})

    report = check_look_ahead(opinions, history(), "crypto", n_cuts=30, warm_up=NO_WARM_UP)
    assert report.passes, report.verdict


@pytest.mark.slow
@pytest.mark.parametrize(
    ("load", "calendar_name"), [(real_bars.btcusdt, "crypto"), (real_bars.eurusd, "fx")], ids=["BTCUSDT", "EURUSD"]
)
def test_features_and_strategies_pass_on_real_bars(
    real_data: Path, load: Callable[[Path], pd.DataFrame], calendar_name: str
) -> None:
    frame = load(real_data).tail(6_000).reset_index(drop=True)
    functions: list[Callable[..., object]] = [bar_features]
    functions += [partial(strategy.signal, parameters=strategy.space.defaults()) for strategy in strategies().values()]
    for function in functions:
        report = check_look_ahead(function, frame, calendar_name, n_cuts=120)
        assert report.passes, report.verdict


def test_memory_says_how_much_history_is_needed_and_is_no_look_ahead() -> None:
    """A mean of 200 is unknown of 100 bars and exact of 300; an exponential one of 50 never quite forgets."""

    def averages(frame: pd.DataFrame) -> pd.DataFrame:
        close = frame["close"]
        return pd.DataFrame(
            {
                "simple": close.rolling(200).mean(),
                "exponential": close.ewm(span=50).mean(),
                "whole": close.expanding().mean(),
            }
        )

    report = check_look_ahead(averages, history(), "crypto", warm_up=(100, 300, 900))
    assert report.passes
    memory = {(column, n_bars): difference for column, n_bars, difference in report.memory.itertuples(index=False)}
    assert memory["simple", 100] == np.inf
    assert memory["simple", 300] < 1e-9
    assert 1e-3 < memory["exponential", 100] < 0.5
    assert memory["exponential", 900] < 1e-9
    assert memory["whole", 300] > 0.01


def test_a_warm_up_that_no_bars_allow_is_not_compared() -> None:
    report = check_look_ahead(close, history(), "crypto", warm_up=(5_000,))
    assert report.memory["largest_difference"].isna().all()


def test_rounding_that_depends_on_the_number_of_bars_is_told_from_look_ahead() -> None:
    """A running sum by way of the total: the last bits depend on what was added after."""

    def from_the_total(frame: pd.DataFrame) -> np.ndarray:
        volume = frame["close"].to_numpy()
        return np.asarray(volume.sum() - (np.cumsum(volume[::-1])[::-1] - volume))

    report = check_look_ahead(from_the_total, history(), "crypto", warm_up=NO_WARM_UP)
    assert not report.passes
    assert "by rounding alone" in report.verdict


def test_a_function_that_rolls_dice_is_not_repeatable() -> None:
    rng = np.random.default_rng(0)
    report = check_look_ahead(lambda frame: rng.normal(size=len(frame)), history(), "crypto", warm_up=NO_WARM_UP)
    assert not report.passes
    assert "NOT REPEATABLE" in report.verdict


def test_a_function_that_never_knows_anything_has_shown_nothing() -> None:
    report = check_look_ahead(lambda frame: frame["close"] * np.nan, history(), "crypto", warm_up=NO_WARM_UP)
    assert not report.passes
    assert "nothing shown" in report.verdict


def test_a_column_that_is_unknown_throughout_is_said() -> None:
    report = check_look_ahead(
        lambda frame: frame[["close"]].assign(spread=frame["spread"]), history(), "crypto", warm_up=NO_WARM_UP
    )
    assert report.passes
    assert report.verdict.endswith("unknown throughout: spread")


def test_the_bars_that_are_given_are_left_as_they_are() -> None:
    def spoiling(frame: pd.DataFrame) -> pd.Series:
        frame["close"] = 0.0
        return frame["close"]

    frame = history()
    check_look_ahead(spoiling, frame, "crypto", warm_up=NO_WARM_UP)
    pd.testing.assert_frame_equal(frame, history())


@pytest.mark.parametrize(
    ("spoil", "error", "says"),
    [
        (lambda frame: frame.head(1), ShapeError, "two or more bars, got 1"),
        (lambda frame: frame.iloc[::-1], ShapeError, "ascend"),
        (lambda frame: frame.assign(close=0.0), QualityError, "finite positive"),
    ],
    ids=["one bar", "backwards", "no price"],
)
def test_bars_that_show_nothing_are_refused(
    spoil: Callable[[pd.DataFrame], pd.DataFrame], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        check_look_ahead(next_close, spoil(history()), "crypto")
