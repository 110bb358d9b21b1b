"""The chart of single trades: candles with entries and exits, to be pointed at.

Belongs here: candles, trades and marks as a plotly figure. Not here: which bars are shown (`reports.backtest.excerpt`),
the same as a picture (`reports.backtest.candles_picture`).
"""

from typing import Any, Final

import pandas as pd

from bot_core_dagster.reports.backtest.excerpt import EXITS, LONG, Excerpt, each
from bot_core_dagster.reports.chart import Chart, significant
from bot_core_dagster.reports.figures import minute, percentage, price

N_BARS: Final = 250
_MARKS: Final = {
    "signal": ("circle", "var(--card)"),
    "stop": ("x", "var(--loss)"),
    "target": ("star", "var(--ink)"),
    "trailing_stop": ("cross", "var(--loss)"),
    "ruin": ("square", "var(--ink)"),
}
_BESIDE: Final = 9
"""Pixels from the price to an entry's mark, away from where it points: a reversal leaves and enters at one price."""
_COLORS: Final = {LONG: "var(--accent)", -LONG: "var(--short)"}
_WASHES: Final = {LONG: "var(--wash)", -LONG: "var(--short-wash)"}
_NAMES: Final = {LONG: "Long", -LONG: "Short"}


def candles_chart(shown: Excerpt) -> Chart:
    """Return candles with what was held shaded, entry and exit joined, entries and exits marked by kind."""
    places, labels = shown.ticks()
    spans = shown.trades[["entry_place", "exit_place"]].clip(-0.5, len(shown.bars) - 0.5)
    layout = {
        "meta": "few ticks",
        "height": 520,
        "margin": {"l": 72, "r": 16, "t": 44, "b": 36},
        "hovermode": "closest",
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        "shapes": [
            _shade(left, right, direction)
            for (left, right), direction in zip(spans.to_numpy().tolist(), shown.trades["direction"], strict=True)
        ],
        "xaxis": {
            "type": "linear",
            "tickvals": places.tolist(),
            "ticktext": labels,
            "rangeslider": {"visible": False},
            "zeroline": False,
            "tickangle": 0,
            "range": [-1.5, len(shown.bars) + 0.5],
        },
        "yaxis": {"tickformat": ",.10~g"},
    }
    return {"data": [_candles(shown.bars), *_joins(shown), *_entries(shown), *_exits(shown)], "layout": layout}


def _candles(bars: pd.DataFrame) -> Chart:
    texts = [
        f"{minute(row.open_time)}<br>open {price(row.open)}, high {price(row.high)}<br>low {price(row.low)}, "
        f"close {price(row.close)}"
        for row in each(bars)
    ]
    return {
        "type": "candlestick",
        "x": list(range(len(bars))),
        **{name: significant(bars[name], 8) for name in ("open", "high", "low", "close")},
        "increasing": {"line": {"color": "var(--muted)", "width": 1}, "fillcolor": "var(--card)"},
        "decreasing": {"line": {"color": "var(--muted)", "width": 1}, "fillcolor": "var(--muted)"},
        "text": texts,
        "hoverinfo": "text",
        "showlegend": False,
    }


def _joins(shown: Excerpt) -> list[Chart]:
    """Return a line from entry to exit for each trade: solid where it won, dotted where it lost."""
    drawn: list[Chart] = []
    for direction, color in _COLORS.items():
        for won in (True, False):
            is_it = (shown.trades["direction"] == direction) & ((shown.trades["net_profit"] > 0.0) == won)
            x: list[float | None] = []
            y: list[float | None] = []
            for trade in each(shown.trades[is_it]):
                x += [trade.entry_place, trade.exit_place, None]
                y += [trade.entry_price, trade.worth, None]
            style = {"color": color, "width": 1.8, "dash": "solid" if won else "dot"}
            base = {"type": "scatter", "mode": "lines", "hoverinfo": "skip", "showlegend": False}
            drawn += [base | {"x": x, "y": y, "line": style}] if x else []
    return drawn


def _entries(shown: Excerpt) -> list[Chart]:
    drawn: list[Chart] = []
    for direction, angle in ((LONG, 0), (-LONG, 180)):
        of_it = shown.entries[shown.entries["direction"] == direction]
        texts = [f"{_NAMES[direction]} at {price(one.entry_price)}<br>{minute(one.entry_time)}" for one in each(of_it)]
        edge = {"color": "var(--card)", "width": 1}
        mark = {"symbol": "triangle-up", "color": _COLORS[direction], "size": 13, "line": edge}
        mark |= {"angle": angle, "standoff": _BESIDE}
        drawn += _marks(of_it["entry_place"], of_it["entry_price"], f"{_NAMES[direction]} entry", mark, texts)
    return drawn


def _exits(shown: Excerpt) -> list[Chart]:
    drawn: list[Chart] = []
    for reason, (symbol, color) in _MARKS.items():
        of_it = shown.exits[shown.exits["exit_reason"] == reason]
        texts = [
            f"{_NAMES[one.direction]} left at {price(one.exit_price)} by {EXITS[reason]}<br>{minute(one.exit_time)}<br>"
            f"{percentage(one.ret)} net in {one.n_bars} bars"
            for one in each(of_it)
        ]
        mark = {"symbol": symbol, "color": color, "size": 10, "line": {"color": "var(--ink)", "width": 1}}
        drawn += _marks(of_it["exit_place"], of_it["exit_price"], f"Exit: {EXITS[reason]}", mark, texts)
    return drawn


def _marks(x: pd.Series, y: pd.Series, name: str, mark: dict[str, Any], texts: list[str]) -> list[Chart]:
    if not texts:
        return []
    base = {"type": "scatter", "mode": "markers", "name": name, "marker": mark, "text": texts, "hoverinfo": "text"}
    return [base | {"x": x.tolist(), "y": significant(y, 8)}]


def _shade(left: float, right: float, direction: int) -> Chart:
    place = {"type": "rect", "xref": "x", "yref": "paper", "y0": 0, "y1": 1, "layer": "below", "line": {"width": 0}}
    return place | {"x0": left, "x1": right, "fillcolor": _WASHES[direction]}
