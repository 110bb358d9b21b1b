"""`bot-core lookahead`: whether a feature, a strategy or a function of one's own looks ahead.

Belongs here: the command, the bars it is tried on, its rendering. Not here: the check (`validation.look_ahead`).
"""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from bot_core_dagster.cli.console import (
    bullets,
    console,
    count,
    emit_json,
    minute,
    progress_bar,
    simulated_banner,
    table,
    verdict,
)
from bot_core_dagster.cli.guard import FAILED, JsonFlag
from bot_core_dagster.errors import BotCoreError, FormatError, LakeError, SettingsError, UnknownNameError

if TYPE_CHECKING:
    from bot_core_dagster.cli.series import Series
    from bot_core_dagster.settings import Instrument, Settings
    from bot_core_dagster.validation import LookAheadReport

_N_BARS: Final = 4_000
"""The newest ones: the check computes the function about a hundred times on up to so many."""
_COLUMNS: Final = ("column", "bar (UTC)", "known until (UTC)", "was>", "is with all bars>", "cuts>")


def lookahead(
    function: Annotated[
        str, typer.Argument(metavar="FUNCTION", help="MODULE:NAME, FILE.py:NAME, or a strategy.", show_default=False)
    ],
    symbol: Annotated[
        str | None, typer.Argument(help="On whose bars; the first instrument's unless said.", show_default=False)
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Prove that a function of the bars does not look ahead, or name the bar where it does (exit code 1).

    It is computed on all bars and again with nothing known after each of many moments: every value must be the same.
    FUNCTION takes a bar frame, and calendar_name if it likes, and returns one value, or one row, a bar.
    """
    from bot_core_dagster.settings import load_settings
    from bot_core_dagster.validation import check_look_ahead

    with progress_bar(f"taking the future from {function}", is_quiet=as_json):
        series = _series(load_settings(), symbol)
        report = check_look_ahead(_loaded(function), series.bars, series.instrument.calendar)
    if as_json:
        emit_json(_answer(report, series))
    else:
        _show(report, series)
    if not report.passes:
        raise typer.Exit(FAILED)


def _loaded(reference: str) -> Callable[..., Any]:
    """Return the function that was named; of a strategy its decisions with the default parameters.

    Raises
    ------
    UnknownNameError
        If there is no such strategy, module or function.
    FormatError
        If its module fails while it is imported.
    """
    from bot_core_dagster.strategies import strategy_named
    from bot_core_dagster.validation import load_function

    if ":" not in reference:
        strategy = strategy_named(reference)
        return partial(strategy.signal, parameters=strategy.space.defaults())
    try:
        return load_function(reference)
    except BotCoreError:
        raise
    except Exception as error:
        raise FormatError(
            f"{reference}: its module cannot be imported ({type(error).__name__}: {error}); next: run it by itself"
        ) from error


def _series(settings: "Settings", symbol: str | None) -> "Series":
    """Return the newest bars of the instrument; where none are stored and none was named, simulated ones."""
    from bot_core_dagster.cli.series import stored_series

    instrument = settings.instrument(symbol) if symbol else _first(settings)
    try:
        series = stored_series(settings, instrument.symbol, None)
    except (LakeError, UnknownNameError):
        if symbol:
            raise
        return _sample(settings, instrument)
    return replace(series, bars=series.bars.tail(_N_BARS).reset_index(drop=True))


def _first(settings: "Settings") -> "Instrument":
    if not settings.watchlist:
        raise SettingsError("the watchlist is empty; next: bot-core symbols add BTCUSDT")
    return settings.watchlist[0]


def _sample(settings: "Settings", instrument: "Instrument") -> "Series":
    """Return as many bars of the embedded source."""
    from bot_core_dagster.cli.series import Series
    from bot_core_dagster.market.simulated import SimulatedSource

    start = settings.history.start
    source = SimulatedSource(settings.sources.simulated.seed)
    fetched = source.fetch(instrument, start, start + _N_BARS * instrument.timeframe.delta)
    return Series(settings, instrument, fetched.bars)


def _answer(report: "LookAheadReport", series: "Series") -> dict[str, Any]:
    return {
        "function": report.name,
        "passes": report.passes,
        "verdict": report.verdict,
        "symbol": series.instrument.symbol,
        "timeframe": series.instrument.timeframe,
        "n_bars": report.n_bars,
        "n_cuts": report.n_cuts,
        "columns": report.columns,
        "unproven": report.unproven,
        "offenders": report.offenders.to_dict("records"),
        "memory": report.memory.to_dict("records"),
    }


def _show(report: "LookAheadReport", series: "Series") -> None:
    from bot_core_dagster.market.bar import SIMULATED

    screen = console()
    screen.print(verdict("pass" if report.passes else "fail"), report.verdict, soft_wrap=True)
    if len(report.offenders):
        screen.print(table(_COLUMNS, map(_offender, report.offenders.itertuples())))
    needed = report.memory.groupby("warm_up_bars")["largest_difference"].max().dropna()
    screen.print(bullets(map(_memory, needed.index, needed)), style="dim")
    simulated = (simulated_banner(),) if (series.bars["source"] == SIMULATED).any() else ()
    screen.print(*simulated, f"{count(report.n_bars)} bars of {series.instrument.symbol} {series.instrument.timeframe}")


def _offender(row: Any) -> tuple[str, ...]:
    times = (minute(row.first_changed), minute(row.known_until))
    return row.column, *times, _short(row.value_then), _short(row.value_later), str(row.n_cuts)


def _memory(n_bars: int, difference: float) -> str:
    """Return how much history a live computation needs: no look-ahead, but good to know."""
    if difference == 0.0:
        return f"{n_bars:,} bars of history give the same newest value as all of them"
    if math.isinf(difference):
        return f"{n_bars:,} bars of history are too few for a value"
    return f"with {n_bars:,} bars of history the newest value is up to {difference:.2g} standard deviations off"


def _short(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
