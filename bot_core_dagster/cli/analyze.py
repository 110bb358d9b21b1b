"""`bot-core analyze`: what every strategy of rules says of each instrument now.

Belongs here: the command and its rendering. Not here: the rules and the signal (`strategies.analysis`), the asset that
keeps them (`assets.market_analysis`).
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from bot_core_dagster.cli.console import (
    console,
    emit_json,
    minute,
    progress_bar,
    ratio,
    simulated_banner,
    table,
    verdict,
)
from bot_core_dagster.cli.guard import FAILED, JsonFlag, say_error
from bot_core_dagster.cli.strategy_options import TimeframeOption

if TYPE_CHECKING:
    from bot_core_dagster.settings import Settings
    from bot_core_dagster.strategies.analysis import MarketAnalysis, Opinion
    from bot_core_dagster.timeframe import Timeframe

_COLUMNS: Final = ("symbol", "signal", "sure>", "price>", "known at (UTC)", "why")
_OPINION_COLUMNS: Final = ("strategy", "opinion", "sure>", "why")
_RANK: Final = {"BUY": 0, "SELL": 1, "HOLD": 2}
_SIGNS: Final = {"LONG": "▲", "SHORT": "▼", "NEUTRAL": "–"}


def analyze(
    symbols: Annotated[
        list[str] | None, typer.Argument(help="Instruments; the watchlist unless said.", show_default=False)
    ] = None,
    timeframe: TimeframeOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Say of each instrument BUY, SELL or HOLD at its newest stored bar, how sure the strategies are, and why.

    One that fails is named and skipped (exit code 1).
    """
    from bot_core_dagster.settings import load_settings

    settings = load_settings()
    asked = symbols or [instrument.symbol for instrument in settings.watchlist]
    analyses, failed = _analysed(settings, asked, timeframe, is_quiet=as_json)
    if as_json:
        emit_json({"analyses": analyses, "failed": [{"symbol": name, "reason": why} for name, why in failed.items()]})
    elif analyses:
        _show(analyses)
    for symbol, why in failed.items():
        say_error(f"{symbol} skipped: {why}")
    if failed:
        raise typer.Exit(FAILED)


def _analysed(
    settings: "Settings", symbols: Sequence[str], timeframe: "Timeframe | None", *, is_quiet: bool
) -> "tuple[list[MarketAnalysis], dict[str, str]]":
    """Return the analyses, and why there is none of the others."""
    from bot_core_dagster.cli.series import stored_series
    from bot_core_dagster.errors import BotCoreError
    from bot_core_dagster.strategies.analysis import analyse

    analyses: list[MarketAnalysis] = []
    failed: dict[str, str] = {}
    with progress_bar("analysing", is_quiet=is_quiet) as progress:
        for done, symbol in enumerate(symbols):
            progress(done / len(symbols), f"analysing {symbol}")
            try:
                series = stored_series(settings, symbol, timeframe)
                analyses.append(analyse(series.bars, series.instrument))
            except BotCoreError as error:
                failed[symbol] = str(error)
    return analyses, failed


def _show(analyses: "Sequence[MarketAnalysis]") -> None:
    screen = console()
    simulated = [one.symbol for one in analyses if one.is_simulated]
    if simulated:
        screen.print(simulated_banner(), f"no market made the bars of {', '.join(simulated)}")
    ranked = sorted(analyses, key=lambda one: (_RANK[one.signal], -_known(one.rule_confidence), one.symbol))
    screen.print(table(_COLUMNS, map(_row, ranked)))
    if len(ranked) == 1:
        screen.print(table(_OPINION_COLUMNS, map(_reasoned, ranked[0].opinions)))
    else:
        names = [opinion.strategy.removesuffix("_rules").replace("_", " ") for opinion in ranked[0].opinions]
        rows = [(one.symbol, *map(_opinion, one.opinions)) for one in ranked]
        screen.print(table(("symbol", *names), rows, title="Long ▲, short ▼, neutral –, and how sure"))


def _row(one: "MarketAnalysis") -> tuple[Any, ...]:
    from bot_core_dagster.reports.figures import price

    known_at = f"{minute(one.known_at)}, {one.timeframe}"
    return one.symbol, verdict(one.signal), ratio(one.rule_confidence), price(one.price), known_at, one.reasoning


def _opinion(opinion: "Opinion") -> str:
    return f"{_SIGNS[opinion.direction]} {ratio(opinion.rule_confidence)}"


def _reasoned(opinion: "Opinion") -> tuple[str, ...]:
    return opinion.strategy, opinion.direction, ratio(opinion.rule_confidence), opinion.reasoning


def _known(confidence: float) -> float:
    return -1.0 if math.isnan(confidence) else confidence
