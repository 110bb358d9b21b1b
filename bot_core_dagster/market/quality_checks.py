"""Quality checks: the single questions that a series of bars is asked.

Belongs here: each check, its severity and the words of its detail. Not here: the verdict (`market.quality`), what is
impossible (`market.schema`), a glitch, a jump or missing (`market.glitches`, `market.price_jumps`, `market.missing`).
"""

from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from bot_core_dagster.market.bar import PRICE_COLUMNS
from bot_core_dagster.market.calendars import TradingCalendar, follows_missing_bars
from bot_core_dagster.market.glitches import is_glitch
from bot_core_dagster.market.missing import MissingBars
from bot_core_dagster.market.price_jumps import is_price_jump
from bot_core_dagster.market.schema import ROW_RULES, broken_rules, schema_error
from bot_core_dagster.market.trading_hours import EARLIEST, LATEST
from bot_core_dagster.settings import Instrument
from bot_core_dagster.timeframe import Timeframe

Severity = Literal["fail", "warn"]

_QUIET_RUN_BARS: Final = 6
"""A market without a trade for as many bars in a row is no longer an accident of thin hours."""
_QUIET_SHARE: Final = 0.01


@dataclass(frozen=True)
class QualityCheck:
    """The answer to one question: n_bad counts bars, severity is what a failed check does to the verdict."""

    name: str
    passed: bool
    severity: Severity
    n_bad: int
    detail: str


@dataclass(frozen=True)
class Series:
    """Bars of one series, and the possible ones among them: ascending, one a time, what numbers are measured on.

    grid : the instrument's calendar with the day start that the bars have
    """

    bars: pd.DataFrame = field(repr=False)
    open_times: pd.DatetimeIndex = field(repr=False)
    prices: npt.NDArray[np.float64] = field(repr=False)
    volume: npt.NDArray[np.float64] = field(repr=False)
    timeframe: Timeframe
    grid: TradingCalendar
    rule_broken: npt.NDArray[np.int64] = field(repr=False)


def look_at(bars: pd.DataFrame, own: TradingCalendar) -> Series:
    """Return a view of a frame of at least one row that passed `schema`."""
    times = bars["open_time"]
    rule_broken = broken_rules(bars)
    is_known = (times.ge(EARLIEST) & times.lt(LATEST)).to_numpy()
    usable = bars[is_known & (rule_broken < 0)]
    if not (usable["open_time"].is_monotonic_increasing and usable["open_time"].is_unique):
        usable = usable.sort_values("open_time", kind="stable").drop_duplicates("open_time")
    open_times = pd.DatetimeIndex(usable["open_time"])
    timeframe = Timeframe(bars["timeframe"].iloc[0])
    return Series(
        bars=bars,
        open_times=open_times,
        prices=usable[list(PRICE_COLUMNS)].to_numpy(),
        volume=usable["volume"].to_numpy(),
        timeframe=timeframe,
        grid=own.with_grid_of(open_times, timeframe),
        rule_broken=np.where(is_known, rule_broken, len(ROW_RULES)),
    )


def schema(bars: pd.DataFrame, instrument: Instrument) -> QualityCheck:
    """Ask whether these are bars, of this symbol and of one timeframe."""
    wrong = schema_error(bars)
    if wrong is None and len(bars):
        strangers = set(bars["symbol"].unique()) - {instrument.symbol}
        timeframes = sorted(bars["timeframe"].unique())
        if strangers:
            wrong = f"bars of {', '.join(sorted(strangers))} among those of {instrument.symbol}"
        elif len(timeframes) > 1:
            wrong = f"timeframes {', '.join(timeframes)} in one series"
    return _check("schema", "fail", len(bars) if wrong else 0, wrong or "columns and types are those of bars")


def of_rows(series: Series, now: pd.Timestamp) -> tuple[QualityCheck, ...]:
    """Return the checks that every row takes part in."""
    return order(series), duplicates(series), ohlc(series), closed(series, now)


def of_series(series: Series) -> tuple[QualityCheck, ...]:
    """Return the checks without limits that the possible bars take part in, of which there is at least one."""
    return glitches(series), grid(series), trading_hours(series), zero_volume(series)


def no_bars() -> QualityCheck:
    """Say that there is nothing to judge."""
    return QualityCheck("has_bars", passed=False, severity="fail", n_bad=0, detail="there are no bars")


def order(series: Series) -> QualityCheck:
    """Ask whether time only goes forward."""
    n_back = int((series.bars["open_time"].diff() < pd.Timedelta(0)).sum())
    return _check("order", "fail", n_back, f"time goes backwards at {_bars(n_back)}" if n_back else "ascending in time")


def duplicates(series: Series) -> QualityCheck:
    """Ask whether there is one row a bar."""
    n_again = int(series.bars["open_time"].duplicated().sum())
    return _check(
        "duplicates", "fail", n_again, f"{_bars(n_again)} there more than once" if n_again else "one row a bar"
    )


def ohlc(series: Series) -> QualityCheck:
    """Ask whether every bar is possible."""
    bad = np.flatnonzero(series.rule_broken >= 0)
    if len(bad) == 0:
        return _check("ohlc", "fail", 0, "every bar is possible")
    phrases = (*(rule.phrase for rule in ROW_RULES), "open_time missing or out of range")
    first = f"{phrases[series.rule_broken[bad[0]]]} at {_time(series.bars['open_time'].iloc[bad[0]])}"
    return _check("ohlc", "fail", len(bad), f"{_bars(len(bad), 'impossible ')}, first: {first}; import again")


def glitches(series: Series) -> QualityCheck:
    """Ask whether a decimal point slipped and slipped back."""
    bad = np.flatnonzero(is_glitch(series.prices))
    detail = "no price is off by a power of ten"
    if len(bad):
        detail = f"{_bars(len(bad))} with a price 10, 100 or 1000 times off, first {_time(series.open_times[bad[0]])}"
    return _check("glitches", "fail", len(bad), detail)


def grid(series: Series) -> QualityCheck:
    """Ask whether every bar begins where the calendar has one."""
    off = series.open_times[~series.grid.is_on_grid(series.open_times, series.timeframe)]
    detail = f"on the {series.timeframe} grid of the {series.grid.name} calendar, days from {series.grid.day_start}"
    if len(off):
        detail = f"{_bars(len(off))} off the {series.timeframe} grid, first {_time(off[0])}"
    return _check("grid", "fail", len(off), detail)


def trading_hours(series: Series) -> QualityCheck:
    """Ask whether the market may be open at every bar."""
    outside = series.open_times[~series.grid.may_have_bars(series.open_times, series.timeframe)]
    detail = "every bar is in trading hours"
    if len(outside):
        share = len(outside) / len(series.open_times)
        detail = (
            f"{_bars(len(outside))} ({share:.2%}) outside {series.grid.name} trading hours, first {_time(outside[0])}: "
            "kept; many of them mean a wrong zone or calendar"
        )
    return _check("trading_hours", "warn", len(outside), detail)


def missing_bars(missing: MissingBars, max_share: float) -> QualityCheck:
    """Ask whether all that the calendar expects between the first and the last bar is there."""
    if missing.n_bars == 0:
        return _check("missing_bars", "warn", 0, f"all {missing.n_expected:,} expected bars are there")
    longest = _time(missing.stretches["start"].iloc[missing.stretches["n_bars"].to_numpy().argmax()])
    severity: Severity = "fail" if missing.share > max_share else "warn"
    limit = f", limit {max_share:.2%}" if severity == "fail" else ""
    detail = (
        f"{missing.n_bars:,} of {missing.n_expected:,} expected bars missing ({missing.share:.2%}{limit}), "
        f"longest of {len(missing.stretches):,} stretches: {_bars(missing.longest_bars)} from {longest}"
    )
    return _check("missing_bars", severity, missing.n_bars, detail)


def price_jumps(series: Series, sigmas: float) -> QualityCheck:
    """Ask whether a return is far outside its surroundings; such bars are kept: real crashes are data."""
    after_missing = follows_missing_bars(series.open_times, series.timeframe, series.grid)
    close = series.prices[:, PRICE_COLUMNS.index("close")]
    bad = np.flatnonzero(is_price_jump(close, after_missing, sigmas))
    if len(bad) == 0:
        return _check("price_jumps", "warn", 0, f"no return beyond {sigmas:g} robust deviations")
    returns = close[bad] / close[bad - 1] - 1
    widest = int(np.argmax(np.abs(returns)))
    detail = (
        f"{_bars(len(bad))} with a return beyond {sigmas:g} robust deviations, widest {returns[widest]:+.2%} at "
        f"{_time(series.open_times[bad[widest]])}: kept"
    )
    return _check("price_jumps", "warn", len(bad), detail)


def zero_volume(series: Series) -> QualityCheck:
    """Ask whether there is trade in the bars, where the venue tells."""
    n_known = int(np.isfinite(series.volume).sum())
    if n_known == 0:
        return _check("zero_volume", "warn", 0, "the venue gives no volume")
    is_quiet = series.volume == 0
    n_quiet, longest = int(is_quiet.sum()), _longest_run(is_quiet)
    passed = longest < _QUIET_RUN_BARS and n_quiet <= _QUIET_SHARE * n_known
    detail = f"{n_quiet:,} of {n_known:,} bars without a trade, longest run {_bars(longest)}"
    return QualityCheck("zero_volume", passed, "warn", n_quiet, detail)


def closed(series: Series, now: pd.Timestamp) -> QualityCheck:
    """Ask whether every bar is over."""
    n_open = int((series.bars["close_time"] > now).sum())
    detail = f"{_bars(n_open)} not closed yet at {_time(now)}" if n_open else "every bar is closed"
    return _check("closed", "fail", n_open, detail)


def staleness(series: Series, instrument: Instrument, max_stale_bars: int, now: pd.Timestamp) -> QualityCheck:
    """Ask whether the feed has kept up with the calendar; a file ends where it ends, and only warns."""
    last = series.open_times[-1]
    after = series.grid.bar_open_times(series.timeframe, last, max(now, last))
    closed_since = (after > last) & (series.grid.bar_close(after, series.timeframe) <= now)
    n_stale = int(closed_since.sum())
    severity: Severity = "warn" if instrument.source == "file" else "fail"
    detail = f"last bar {_time(last)}, {_bars(n_stale, 'closed ')} behind {_time(now)} (limit {max_stale_bars})"
    return QualityCheck("staleness", n_stale <= max_stale_bars, severity, n_stale, detail)


def _check(name: str, severity: Severity, n_bad: int, detail: str) -> QualityCheck:
    return QualityCheck(name, n_bad == 0, severity, n_bad, detail)


def _longest_run(flags: npt.NDArray[np.bool_]) -> int:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return int((edges[1::2] - edges[::2]).max(initial=0))


def _bars(n_bars: int, kind: str = "") -> str:
    return f"{n_bars:,} {kind}{'bar' if n_bars == 1 else 'bars'}"


def _time(moment: pd.Timestamp) -> str:
    return "no time" if pd.isna(moment) else f"{moment:%Y-%m-%d %H:%M}"
