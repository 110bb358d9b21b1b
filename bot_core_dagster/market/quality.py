"""Quality: whether a series of bars may be used.

Belongs here: the verdict on one symbol's bars and what it rests on. Not here: the single checks
(`market.quality_checks`), refusing single rows (`market.intake`), what a verdict stops (the assets).

What makes every number downstream wrong fails; what a trader should know warns. Nothing is mended or filled.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from bot_core_dagster.market import quality_checks as checks
from bot_core_dagster.market.bar import SIMULATED
from bot_core_dagster.market.calendars import calendar
from bot_core_dagster.market.missing import MissingBars, find_missing
from bot_core_dagster.market.quality_checks import QualityCheck, Series
from bot_core_dagster.settings import Instrument, QualitySettings
from bot_core_dagster.timeframe import Timeframe, require_utc

Verdict = Literal["pass", "warn", "fail"]

_OF_THE_MOMENT: Final = ("summary", "stale_bars", "checks")
"""What a row says of when the bars were judged."""


@dataclass(frozen=True)
class BarQuality:
    """The verdict on the bars of one symbol and timeframe.

    is_simulated : whether no market made one of the bars; where there are none, what the instrument's source says
    verdict : "fail" if a failed check says so (the downstream of the symbol stops), "warn" if one only warns
    first_open_time, last_open_time : None where there are no bars
    zero_volume_share : fraction of the bars of known volume, NaN where none is known
    stale_bars : closed bars expected since the last one
    missing : what is missing between first and last
    """

    symbol: str
    timeframe: Timeframe
    is_simulated: bool
    verdict: Verdict
    checks: tuple[QualityCheck, ...]
    n_bars: int
    first_open_time: pd.Timestamp | None
    last_open_time: pd.Timestamp | None
    n_jumps: int
    zero_volume_share: float
    stale_bars: int
    missing: MissingBars = field(repr=False)

    @property
    def n_missing(self) -> int:
        """Expected bars that are not there."""
        return self.missing.n_bars

    @property
    def missing_share(self) -> float:
        """Missing bars as a fraction of the expected ones."""
        return self.missing.share

    @property
    def missing_stretches(self) -> pd.DataFrame:
        """Frame of start, end ([start, end), UTC) and n_bars, ascending."""
        return self.missing.stretches

    @property
    def summary(self) -> str:
        """One line for people: the verdict and the details of the checks that did not pass, failures first."""
        failed = sorted((check for check in self.checks if not check.passed), key=lambda check: check.severity)
        return f"{self.verdict}: " + ("; ".join(check.detail for check in failed) or "all checks passed")

    @property
    def version(self) -> str:
        """Return a hash of the verdict and of what it found in the bars: the same until either changes.

        How far the last bar lies behind grows by the clock alone; what counts here is whether that is too far.
        """
        said = {name: entry for name, entry in self.as_row().items() if name not in _OF_THE_MOMENT}
        said["checks"] = [(check.name, check.passed) for check in self.checks]
        return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()

    def as_row(self) -> dict[str, Any]:
        """Return a flat row for the table of verdicts, the checks as JSON text."""
        return {
            "symbol": self.symbol,
            "timeframe": str(self.timeframe),
            "simulated": self.is_simulated,
            "verdict": self.verdict,
            "summary": self.summary,
            "n_bars": self.n_bars,
            "first_open_time": self.first_open_time,
            "last_open_time": self.last_open_time,
            "n_missing": self.n_missing,
            "missing_share": self.missing_share,
            "n_missing_stretches": len(self.missing_stretches),
            "longest_missing_bars": self.missing.longest_bars,
            "n_jumps": self.n_jumps,
            "zero_volume_share": self.zero_volume_share,
            "stale_bars": self.stale_bars,
            "checks": json.dumps([asdict(check) for check in self.checks], ensure_ascii=False),
        }


def assess(bars: pd.DataFrame, instrument: Instrument, limits: QualitySettings, now: datetime) -> BarQuality:
    """Judge the bars of one symbol.

    Parameters
    ----------
    bars : bar frame
        Of one timeframe, as stored.
    instrument : Instrument
        Whose bars they are: its calendar says what is missing, its source whether staleness fails ("file" only warns).
    limits : QualitySettings
        Beyond these a check fails.
    now : datetime
        With a zone; staleness is counted up to it.

    Returns
    -------
    BarQuality
        Numbers are measured on the bars that are possible; a frame that is empty or no bar frame gets fewer checks.

    Raises
    ------
    TimeError
        If `now` is naive.
    """
    moment = pd.Timestamp(require_utc(now, "now"))
    shape = checks.schema(bars, instrument)
    if not shape.passed or bars.empty:
        return _nothing_measured(instrument, (shape, *([checks.no_bars()] if shape.passed else [])), bars)
    series = checks.look_at(bars, calendar(instrument.calendar))
    of_rows = (shape, *checks.of_rows(series, moment))
    if len(series.open_times) == 0:
        return _nothing_measured(instrument, of_rows, bars)
    return _measured(series, of_rows, instrument, limits, moment)


def _measured(
    series: Series,
    of_rows: tuple[QualityCheck, ...],
    instrument: Instrument,
    limits: QualitySettings,
    now: pd.Timestamp,
) -> BarQuality:
    missing = find_missing(series.open_times, series.timeframe, series.grid)
    jumps = checks.price_jumps(series, limits.price_jump_sigmas)
    stale = checks.staleness(series, instrument, limits.max_stale_bars, now)
    complete = checks.missing_bars(missing, limits.max_missing_share)
    found = (*of_rows, *checks.of_series(series), complete, jumps, stale)
    return BarQuality(
        symbol=instrument.symbol,
        timeframe=series.timeframe,
        is_simulated=_is_simulated(series.bars, instrument),
        verdict=_verdict(found),
        checks=found,
        n_bars=len(series.bars),
        first_open_time=series.open_times[0],
        last_open_time=series.open_times[-1],
        n_jumps=jumps.n_bad,
        zero_volume_share=_zero_share(series.volume),
        stale_bars=stale.n_bad,
        missing=missing,
    )


def _nothing_measured(instrument: Instrument, found: tuple[QualityCheck, ...], bars: pd.DataFrame) -> BarQuality:
    nothing = find_missing(pd.DatetimeIndex([], tz="UTC"), instrument.timeframe, calendar(instrument.calendar))
    return BarQuality(
        symbol=instrument.symbol,
        timeframe=instrument.timeframe,
        is_simulated=_is_simulated(bars, instrument),
        verdict=_verdict(found),
        checks=found,
        n_bars=len(bars),
        first_open_time=None,
        last_open_time=None,
        n_jumps=0,
        zero_volume_share=float("nan"),
        stale_bars=0,
        missing=nothing,
    )


def _is_simulated(bars: pd.DataFrame, instrument: Instrument) -> bool:
    if bars.empty or "source" not in bars:
        return instrument.source == SIMULATED
    return bool(bars["source"].eq(SIMULATED).any())


def _verdict(found: tuple[QualityCheck, ...]) -> Verdict:
    severities = {check.severity for check in found if not check.passed}
    return "fail" if "fail" in severities else "warn" if severities else "pass"


def _zero_share(volume: npt.NDArray[np.float64]) -> float:
    known = volume[np.isfinite(volume)]
    return float((known == 0).mean()) if len(known) else float("nan")
