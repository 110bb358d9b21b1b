"""All figures of a backtest in groups, each with what it is.

Belongs here: which figure stands in which group, as which text, explained how. Not here: the headline's words
(`reports.backtest.headline`), the figures (`backtest.summary`).
"""

import math
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from bot_core_dagster.backtest.summary import Summary
from bot_core_dagster.reports.figures import count, duration, minute, percentage, ratio

Row: TypeAlias = tuple[str, str, str]
"""Name, figure, explanation."""


def _share(fraction: float) -> str:
    return percentage(fraction, signed=False)


def _known(cost: float) -> str:
    return "UNKNOWN" if math.isnan(cost) else percentage(cost)


GROUPS: Final[dict[str, dict[str, tuple[str, Callable[[Any], str], str]]]] = {
    "Return": {
        "total_return": ("Net return", percentage, "After all known costs"),
        "cagr": ("Growth a year", percentage, "Compound, 365.25 days a year"),
        "buy_and_hold_return": ("Buy and hold", percentage, "At cost, never sold"),
        "alpha": ("Alpha a year", percentage, "Against buy and hold"),
        "beta": ("Beta", ratio, "Against buy and hold"),
        "gross_return": ("Without costs", percentage, "The same signal at no cost"),
        "double_cost_return": ("At 2 × costs", percentage, "The same signal at twice the costs"),
    },
    "Risk-adjusted": {
        "sharpe_ratio": ("Sharpe ratio", ratio, "Mean over deviation of daily returns, annualised"),
        "sharpe_low": ("Sharpe ratio, low end", ratio, "Of its interval"),
        "sharpe_high": ("Sharpe ratio, high end", ratio, "Of its interval"),
        "sharpe_confidence": ("Confidence of the interval", _share, "Stationary bootstrap"),
        "deflated_sharpe_ratio": ("Deflated Sharpe ratio", _share, "Probability of skill, after the trials"),
        "n_trials": ("Trials", count, "What it is deflated for"),
        "sortino_ratio": ("Sortino ratio", ratio, "Only falls count as risk"),
        "calmar_ratio": ("Calmar ratio", ratio, "Growth a year over the deepest drawdown"),
        "omega_ratio": ("Omega ratio", ratio, "Gains over losses of daily returns"),
        "gross_sharpe_ratio": ("Sharpe ratio without costs", ratio, ""),
        "double_cost_sharpe_ratio": ("Sharpe ratio at 2 × costs", ratio, ""),
        "buy_and_hold_sharpe_ratio": ("Sharpe ratio of buy and hold", ratio, ""),
    },
    "Risk": {
        "max_drawdown": ("Deepest drawdown", percentage, "Over bar closes"),
        "ulcer_index": ("Ulcer index", _share, "Root mean square of the drawdown at day ends"),
        "longest_days_under_water": ("Longest under water", count, "Days below the highest equity so far"),
        "current_days_under_water": ("Under water now", count, "Days"),
        "volatility": ("Volatility a year", _share, "Of daily returns"),
        "value_at_risk": ("Value at risk, 5 %", percentage, "One day in twenty was this bad or worse"),
        "conditional_value_at_risk": ("Expected shortfall, 5 %", percentage, "Mean of those days"),
        "skewness": ("Skewness", ratio, "Below 0: the long tail is of losses"),
        "kurtosis": ("Kurtosis", ratio, "3 is normal; above: wilder days"),
    },
    "Trades": {
        "total_trades": ("Closed trades", count, ""),
        "long_trades": ("Long", count, "Of the closed ones"),
        "short_trades": ("Short", count, "Of the closed ones"),
        "open_trades": ("Open at the end", count, "Marked, not sold"),
        "winning_trades": ("Won", count, "Net profit above 0"),
        "losing_trades": ("Lost", count, "Net profit of 0 or below"),
        "win_rate": ("Win rate", _share, "Of the closed ones"),
        "profit_factor": ("Profit factor", ratio, "Gains over losses, in money"),
        "expectancy": ("Expectancy", percentage, "Mean net profit a trade, of the starting equity"),
        "longest_winning_streak": ("Longest winning streak", count, "Trades in a row"),
        "longest_losing_streak": ("Longest losing streak", count, "Trades in a row"),
        "avg_trade_duration_hours": ("Mean time held", duration, ""),
        "exposure": ("In position", _share, "Of the bars"),
        "turnover": ("Turnover a year", ratio, "Bought and sold, in multiples of the mean equity"),
    },
    "Costs, of the starting equity": {
        "fees": ("Fees", _share, ""),
        "spread_cost": ("Spread", _share, ""),
        "slippage_cost": ("Slippage", _share, ""),
        "financing_cost": ("Swap, funding, borrow", _known, "Below 0: got"),
    },
    "Range": {
        "start": ("Start", minute, "Open of the first bar"),
        "end": ("End", minute, "Close of the last bar"),
        "n_bars": ("Bars", count, ""),
        "n_periods": ("Days (n)", count, "That the ratios are of"),
        "periods_per_year": ("Days a year (P)", count, ""),
        "sampling": ("Days end", str, "utc: 00:00 UTC; new_york: 17:00 New York"),
    },
}  # fmt: skip


def figure_groups(figures: Summary) -> dict[str, list[Row]]:
    """Return every figure of the summary: the group's name -> its rows."""
    return {
        group: [(label, shown(getattr(figures, name)), words) for name, (label, shown, words) in rows.items()]
        for group, rows in GROUPS.items()
    }
