"""How a backtest looks on a terminal: read in ten seconds, with every caveat of a headline (CONVENTIONS 9).

Belongs here: which figure stands where, the curve, the last trades. Not here: the figures (`backtest.summary`), the
dots of the curve (`cli.braille`).
"""

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rich.text import Text

from bot_core_dagster.backtest import Backtest
from bot_core_dagster.backtest.summary import Summary
from bot_core_dagster.cli.backtested import Backtested
from bot_core_dagster.cli.braille import braille_lines
from bot_core_dagster.cli.console import (
    bullets,
    console,
    count,
    minute,
    ratio,
    share,
    shown_path,
    simulated_banner,
    table,
)
from bot_core_dagster.reports.figures import counted, duration, parameters, price
from bot_core_dagster.reports.words import sharpe_sense, traded_how

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_N_TRADES: Final = 5
_PLOT_HEIGHT: Final = 6
_PLOT_WIDTH: Final = 88
"""At most; narrower on a narrow terminal."""
_LABEL_WIDTH: Final = 11
_TRADE_COLUMNS: Final = ("entry (UTC)", "side", "entered at>", "left at>", "return>", "bars>", "left by")
_SIDES: Final = {1: "long", -1: "short"}


def show(done: Backtested, page: Path | None) -> None:
    """Print a backtest: what it is of, the headline, the figures behind it, the curve, the last trades."""
    screen, made = console(), done.backtest
    if made.is_simulated:
        screen.print(simulated_banner(), "no market made these bars")
    _show_subject(screen, done)
    screen.print(_headline(done))
    screen.print(sharpe_sense(made.summary.sharpe_low, made.summary.sharpe_high))
    screen.print(_figures(made.summary))
    screen.print(_costs(made.summary), soft_wrap=True)
    if made.equity["equity"].nunique() > 1:
        _show_curve(screen, made)
    if len(made.trades):
        screen.print(_last_trades(made))
    screen.print(bullets(done.notes), style="yellow")
    if page:
        screen.print(f"report  {shown_path(page)}", soft_wrap=True)


def _show_curve(screen: "Console", made: Backtest) -> None:
    """Print the equity over bar closes, net of costs, with its highest, lowest and last return."""
    curve = made.equity["equity"].to_numpy()
    width = min(screen.width - _LABEL_WIDTH - 1, _PLOT_WIDTH)
    lines = braille_lines(curve, max(width, 1), _PLOT_HEIGHT)
    top, bottom = float(curve.max()), float(curve.min())
    start_at = min(max(int((top - 1.0) / (top - bottom) * _PLOT_HEIGHT), 0), _PLOT_HEIGHT - 1)
    ends = {0: share(top - 1.0, signed=True), _PLOT_HEIGHT - 1: share(bottom - 1.0, signed=True)}
    labels = {start_at: share(0.0), **ends}
    style = "green" if curve[-1] >= 1.0 else "red"
    screen.print()
    for place, line in enumerate(lines):
        screen.print(Text(f"{labels.get(place, ''):>{_LABEL_WIDTH}} "), Text(line, style=style), sep="")
    start, end = f"{made.summary.start:%Y-%m-%d}", f"{made.summary.end:%Y-%m-%d}"
    title = "equity, net".center(max(width - len(start) - len(end), 0))
    screen.print(Text(f"{'':{_LABEL_WIDTH}} {start}{title}{end}", style="dim"))


def _show_subject(screen: "Console", done: Backtested) -> None:
    made, figures = done.backtest, done.backtest.summary
    screen.print(f"{made.strategy} on {made.symbol} {made.timeframe}", style="bold")
    screen.print(f"{minute(figures.start)} … {minute(figures.end)} UTC, {counted(figures.n_bars, 'bar')}")
    screen.print(f"{parameters(made.parameters_used)} ({done.chosen.origin})", soft_wrap=True)
    screen.print(traded_how(made.rules), soft_wrap=True)


def _headline(done: Backtested) -> "Table":
    """Return the table of what is never shown apart: net beside gross, twice the costs, and buy and hold."""
    figures, stressed = done.backtest.summary, done.stressed
    columns = {
        "net": (figures.total_return, figures.sharpe_ratio),
        "no costs": (figures.gross_return, figures.gross_sharpe_ratio),
        "2 × costs": (figures.double_cost_return, figures.double_cost_sharpe_ratio),
        **({f"{stressed.multiplier:g} × costs": (stressed.total_return, stressed.sharpe_ratio)} if stressed else {}),
        "buy and hold": (figures.buy_and_hold_return, figures.buy_and_hold_sharpe_ratio),
    }
    returns = ("return", *(share(total, signed=True) for total, _ in columns.values()))
    sharpes = ("Sharpe ratio", *(ratio(sharpe) for _, sharpe in columns.values()))
    return table(("", *(f"{name}>" for name in columns)), [returns, sharpes])


def _figures(figures: Summary) -> "Table":
    """Return how sure the headline is on the left, what was traded on the right."""
    trials = f"{ratio(figures.deflated_sharpe_ratio)} of {counted(figures.n_trials, 'trial')}"
    left = {
        f"Sharpe, {figures.sharpe_confidence:.0%}": f"{ratio(figures.sharpe_low)} … {ratio(figures.sharpe_high)}",
        "deflated Sharpe": trials,
        "days": f"n {count(figures.n_periods)}, P {figures.periods_per_year}",
        "drawdown at closes": share(figures.max_drawdown),
        "under water up to": f"{count(figures.longest_days_under_water)} days",
    }
    right = {
        "closed trades": f"{count(figures.total_trades)}, {count(figures.open_trades)} open",
        "long, short": f"{count(figures.long_trades)}, {count(figures.short_trades)}",
        "win rate": share(figures.win_rate),
        "profit factor": ratio(figures.profit_factor),
        "mean time held": duration(figures.avg_trade_duration_hours).replace("\u00a0", " "),
        "exposure": f"{share(figures.exposure)} of bars",
    }
    return _side_by_side(list(left.items()), list(right.items()))


def _side_by_side(left: Sequence[tuple[str, str]], right: Sequence[tuple[str, str]]) -> "Table":
    from rich.table import Table

    made = Table.grid(padding=(0, 3, 0, 0))
    for one, other in zip_longest(left, right, fillvalue=("", "")):
        made.add_row(Text(one[0], style="dim"), one[1], Text(other[0], style="dim"), other[1])
    return made


def _costs(figures: Summary) -> str:
    parts = {
        "fees": figures.fees,
        "spread": figures.spread_cost,
        "slippage": figures.slippage_cost,
        "swap, funding, borrow": figures.financing_cost,
    }
    said = ", ".join(f"{name} {'UNKNOWN' if isnan(cost) else share(cost)}" for name, cost in parts.items())
    return f"costs, of the starting equity: {said}"


def _last_trades(made: Backtest) -> "Table":
    rows = map(_trade, made.trades.tail(_N_TRADES).to_dict("records"))
    return table(_TRADE_COLUMNS, rows, title=f"Last trades of {count(len(made.trades))}")


def _trade(trade: Mapping[Any, Any]) -> tuple[str, ...]:
    return (
        minute(trade["entry_time"]),
        _SIDES[trade["direction"]],
        price(trade["entry_price"]),
        "open" if trade["open"] else price(trade["exit_price"]),
        share(trade["ret"], signed=True),
        count(trade["n_bars"]),
        trade["exit_reason"].replace("_", " "),
    )
