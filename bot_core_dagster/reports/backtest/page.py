"""The page of a backtest: its tear sheet.

Belongs here: which figure stands where. Not here: the words of the headline (`reports.backtest.headline`), the charts
(`reports.backtest.charts`), how it looks (`reports/templates`).
"""

import pandas as pd

from bot_core_dagster.backtest.result import Backtest
from bot_core_dagster.backtest.summary import Summary
from bot_core_dagster.reports.backtest.candles_chart import N_BARS, candles_chart
from bot_core_dagster.reports.backtest.charts import charts
from bot_core_dagster.reports.backtest.curves import curves_of
from bot_core_dagster.reports.backtest.excerpt import excerpt_of
from bot_core_dagster.reports.backtest.figures_table import figure_groups
from bot_core_dagster.reports.backtest.headline import caveats, facts, is_financing_known, lead, title
from bot_core_dagster.reports.backtest.trade_rows import breakdown, trade_table
from bot_core_dagster.reports.chart import as_script
from bot_core_dagster.reports.figures import count, parameters, percentage, ratio, share, tone
from bot_core_dagster.reports.page import card, page_html
from bot_core_dagster.reports.provenance import Provenance
from bot_core_dagster.reports.words import sharpe_sense, traded_how


def backtest_report_html(backtest: Backtest, bars: pd.DataFrame, provenance: Provenance) -> str:
    """Return the tear sheet of a backtest as one self-contained HTML page of under 6 MB, whatever its length.

    Curves of more bars than pixels are thinned, with every extreme kept, and the page says so; of very many trades the
    last ones are listed. See `reports.page.page_html`.

    Parameters
    ----------
    backtest : Backtest
    bars : bar frame
        That was simulated.
    provenance : Provenance

    Raises
    ------
    ShapeError
        If the bars are not those of the backtest.
    TimeError
        If `generated_at` has no zone.
    """
    shown = excerpt_of(backtest, bars, N_BARS)
    drawn = charts(backtest) | {"candles": candles_chart(shown)}
    trades = trade_table(backtest.trades)
    return page_html(
        "backtest.html.j2",
        drawn,
        provenance,
        title=title(backtest),
        is_simulated=backtest.is_simulated,
        lead=lead(backtest),
        traded=f"{parameters(backtest.parameters_used)}; {traded_how(backtest.rules)}.",
        sense=sharpe_sense(backtest.summary.sharpe_low, backtest.summary.sharpe_high),
        cards=[*_skill_cards(backtest.summary), *_trading_cards(backtest.summary)],
        drawn=drawn.keys(),
        curves=curves_of(backtest),
        groups=figure_groups(backtest.summary),
        breakdown=breakdown(backtest.trades),
        shown=shown,
        trades=as_script(trades),
        n_trades=count(trades["n_all"]),
        n_listed=count(len(trades["rows"])),
        caveats=caveats(backtest),
        facts=facts(backtest),
    )


def _skill_cards(figures: Summary) -> list[dict[str, object]]:
    """Return what was earned, and how much of it to believe."""
    return [
        card(
            "Net return",
            percentage(figures.total_return),
            tone(figures.total_return),
            f"Buy and hold {percentage(figures.buy_and_hold_return)}",
            f"A year {percentage(figures.cagr)}",
        ),
        card(
            "Sharpe ratio",
            ratio(figures.sharpe_ratio),
            "",
            f"{share(figures.sharpe_confidence)} interval {ratio(figures.sharpe_low)} to {ratio(figures.sharpe_high)}; "
            f"buy and hold {ratio(figures.buy_and_hold_sharpe_ratio)}",
            f"n = {count(figures.n_periods)} days, P = {figures.periods_per_year}",
        ),
        card(
            "Deflated Sharpe ratio",
            share(figures.deflated_sharpe_ratio),
            "",
            f"N = {count(figures.n_trials)} trial{'s' * (figures.n_trials != 1)}",
            "How likely there is skill at all, after so many trials",
        ),
    ]


def _trading_cards(figures: Summary) -> list[dict[str, object]]:
    """Return what it took: falls, trades, costs."""
    unknown = "" if is_financing_known(figures) else "; swap, funding and borrow UNKNOWN"
    return [
        card(
            "Deepest drawdown",
            percentage(figures.max_drawdown),
            "",
            f"Over bar closes; Calmar ratio {ratio(figures.calmar_ratio)}",
            f"Longest under water {count(figures.longest_days_under_water)} days",
        ),
        card(
            "Closed trades",
            count(figures.total_trades),
            "",
            f"Won {share(figures.win_rate)}, profit factor {ratio(figures.profit_factor)}",
            f"In position {share(figures.exposure)} of bars; still open {count(figures.open_trades)}",
        ),
        card(
            "What costs took",
            percentage(figures.gross_return - figures.total_return, signed=False),
            "",
            f"Of the starting equity; no costs {percentage(figures.gross_return)}",
            f"1 × {percentage(figures.total_return)}, 2 × {percentage(figures.double_cost_return)}{unknown}",
        ),
    ]
