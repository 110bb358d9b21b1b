"""The bars of an instrument and those of a longer timeframe that confirm them, cut into runs once for all strategies.

Belongs here: which timeframe confirms, which of its bars was the last to close, indicators of both at each bar. Not
here: how longer bars are made (`market.resample`), what is decided (`strategies.rules`, `strategies.catalog`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import numpy as np
import pandas as pd

from bot_core_dagster.errors import ParameterError
from bot_core_dagster.features.definition import BarRun, Compute, IntArray1D
from bot_core_dagster.features.runs import require_series, unbroken_runs
from bot_core_dagster.market.resample import resample
from bot_core_dagster.metrics.arrays import FloatArray1D
from bot_core_dagster.strategies.opinions import Opinions
from bot_core_dagster.timeframe import Timeframe

CONFIRMATION_RATIO: Final = 4
"""The confirming timeframe is the next one at least so many times as long."""

Indicators = dict[str, FloatArray1D]


def confirming_timeframe(timeframe: Timeframe) -> Timeframe:
    """Return the timeframe that confirms another: 1m 5m, 5m 30m, 15m 1h, 30m 4h, 1h 4h, 4h 1d.

    Raises
    ------
    ParameterError
        If none is long enough: nothing confirms 1d.
    """
    longer = [one for one in Timeframe if one.delta >= CONFIRMATION_RATIO * timeframe.delta]
    if not longer:
        raise ParameterError(
            f"expected a timeframe that a longer one confirms, got {timeframe}, the longest there is; "
            "next: use 4h or shorter, or the strategy's plain form"
        )
    return min(longer, key=lambda one: one.delta)


@dataclass(frozen=True, eq=False)
class _Series:
    """Bars of one timeframe cut into runs."""

    n_bars: int
    runs: tuple[tuple[slice, BarRun], ...]

    @classmethod
    def of(cls, bars: pd.DataFrame, calendar_name: str) -> "_Series":
        return cls(len(bars), tuple(unbroken_runs(bars, calendar_name)))

    def values(self, names: Sequence[str], compute: Compute) -> Indicators:
        """Return what `compute` gives of each run, by name."""
        table = np.full((len(names), self.n_bars), np.nan)
        for rows, run in self.runs:
            table[:, rows] = compute(run)
        return dict(zip(names, table, strict=True))


@dataclass(frozen=True, eq=False)
class TwoTimeframes:
    """The bars of an instrument, prepared for every strategy that looks at them.

    bars : bar frame of one instrument, ascending
    calendar_name : its trading calendar
    newest : how many bars, the newest ones, are asked about; None for all. A strategy may have no opinion on the others
    """

    bars: pd.DataFrame
    calendar_name: str
    newest: int | None = None
    _remembered: dict[object, Opinions] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        require_series(self.bars)

    @cached_property
    def close(self) -> FloatArray1D:
        """The closes, shape (n_bars,)."""
        return self.bars["close"].to_numpy(dtype=np.float64)

    @cached_property
    def confirming(self) -> Timeframe:
        """The confirming timeframe; that of 1h where there is no bar.

        Raises
        ------
        ParameterError
            If nothing confirms the timeframe of the bars.
        """
        timeframe = Timeframe.H1 if self.bars.empty else Timeframe.parse(str(self.bars["timeframe"].iloc[0]))
        return confirming_timeframe(timeframe)

    def of_bars(self, names: Sequence[str], compute: Compute) -> Indicators:
        """Return indicators of the bars, each of shape (n_bars,).

        Parameters
        ----------
        names : sequence of str
            What the arrays that `compute` returns are called, in their order.
        compute : callable of one BarRun
            Gives a tuple of arrays of shape (n_bars,) of that run. Called on each run: it starts again after missing
            bars.
        """
        return self._series.values(names, compute)

    def of_confirming_bars(self, names: Sequence[str], compute: Compute) -> Indicators:
        """Return indicators of the confirming bars as known at the close of each bar, each of shape (n_bars,).

        The value at a bar is that of the last confirming bar whose close_time is not after the bar's own; NaN before
        the first. Arguments as `of_bars`, the runs being those of the confirming bars; errors as `confirming`.
        """
        series, last_closed = self._confirmation
        values = series.values(names, compute)
        is_before = last_closed < 0
        for name, array in values.items():
            known = array[last_closed] if series.n_bars else np.full(len(last_closed), np.nan)
            known[is_before] = np.nan
            values[name] = known
        return values

    def remembered(self, key: object, make: Callable[[], Opinions]) -> Opinions:
        """Return the opinions kept under `key`, made the first time: ensembles ask for those of their members."""
        if key not in self._remembered:
            self._remembered[key] = make()
        return self._remembered[key]

    @cached_property
    def _series(self) -> _Series:
        return _Series.of(self.bars, self.calendar_name)

    @cached_property
    def _confirmation(self) -> tuple[_Series, IntArray1D]:
        longer = resample(self.bars, self.confirming, self.calendar_name)
        closes, longer_closes = (frame["close_time"].array.asi8 for frame in (self.bars, longer))
        last_closed = np.searchsorted(longer_closes, closes, side="right").astype(np.int64) - 1
        return _Series.of(longer, self.calendar_name), last_closed


def before(values: FloatArray1D) -> FloatArray1D:
    """Return the value one bar before each, NaN at the first of the run."""
    shifted = np.empty_like(values)
    shifted[:1] = np.nan
    shifted[1:] = values[:-1]
    return shifted
