"""The schema of bars: the shape of a bar frame, and what no bar can be.

Belongs here: the pandera schema of the columns, the rules that a possible row keeps. Not here: what happens to rows
that break them (`market.intake`), improbable bars (`market.quality`), what the columns mean (`market.bar`).

The rules are plain NumPy, one definition for intake and quality: as pandera checks they are several times slower (the
tests compare the two). Pandera takes half a second to import: `is_bar_frame` says yes without it (the tests compare
these two as well), and pandera finds the words for a no.
"""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from bot_core_dagster.market.bar import BAR_COLUMNS, PRICE_COLUMNS, PRICE_SIDES, VALUE_COLUMNS, VOLUME_UNITS
from bot_core_dagster.timeframe import Timeframe

if TYPE_CHECKING:
    from pandera.pandas import DataFrameSchema

BoolArray = npt.NDArray[np.bool_]
Columns = Mapping[str, npt.NDArray[np.float64]]


@dataclass(frozen=True)
class RowRule:
    """What no bar can be.

    phrase : why such a row is refused; the same for all of its kind
    columns : those whose values are shown beside it
    is_broken : from arrays of shape (n_bars,) by column name to whether each row breaks the rule
    """

    phrase: str
    columns: tuple[str, ...]
    is_broken: Callable[[Columns], BoolArray]

    def reason(self, row: Mapping[Hashable, float]) -> str:
        """Return the phrase and the values that broke the rule: "high below low (high 1.1, low 1.2)"."""
        shown = ", ".join(f"{name} {row[name]:.10g}" for name in self.columns)
        return f"{self.phrase} ({shown})"


def _any_price(is_bad: Callable[[npt.NDArray[np.float64]], BoolArray]) -> Callable[[Columns], BoolArray]:
    return lambda bar: np.logical_or.reduce([is_bad(bar[name]) for name in PRICE_COLUMNS])


ROW_RULES: Final = (
    RowRule("price not finite", PRICE_COLUMNS, _any_price(lambda price: ~np.isfinite(price))),
    RowRule("price not above zero", PRICE_COLUMNS, _any_price(lambda price: price <= 0)),
    RowRule("high below low", ("high", "low"), lambda bar: bar["high"] < bar["low"]),
    RowRule(
        "high below open or close",
        ("open", "high", "close"),
        lambda bar: bar["high"] < np.maximum(bar["open"], bar["close"]),
    ),
    RowRule(
        "low above open or close",
        ("open", "low", "close"),
        lambda bar: bar["low"] > np.minimum(bar["open"], bar["close"]),
    ),
    RowRule("volume negative or infinite", ("volume",), lambda bar: (bar["volume"] < 0) | np.isinf(bar["volume"])),
)
"""In the order in which a row's reason is looked for (CONVENTIONS 16)."""


def broken_rules(bars: pd.DataFrame) -> npt.NDArray[np.int64]:
    """Return for each row of a bar frame (n_bars,) the place in ROW_RULES of the first rule it breaks, -1 for none."""
    columns = {name: bars[name].to_numpy(dtype=np.float64) for name in VALUE_COLUMNS}
    first = np.full(len(bars), -1, dtype=np.int64)
    for place in reversed(range(len(ROW_RULES))):
        first[ROW_RULES[place].is_broken(columns)] = place
    return first


_TEXTS: Final[dict[str, tuple[str, ...]]] = {
    "symbol": (),
    "timeframe": tuple(Timeframe),
    "source": (),
    "price_side": PRICE_SIDES,
    "volume_unit": VOLUME_UNITS,
}
"""Columns of text, and the closed list of those that have one."""


@cache
def bar_schema() -> "DataFrameSchema":
    """Return the pandera schema of a bar frame: its columns, their order, their types and their closed lists."""
    import pandera.pandas as pandera

    def text(*allowed: str) -> "pandera.Column":
        words = f"one of {', '.join(allowed)}" if allowed else "text"
        return pandera.Column(
            None, pandera.Check(partial(_is_text, allowed=allowed), error=words, ignore_na=False), nullable=True
        )

    time = pandera.Column("datetime64[us, UTC]", nullable=True)
    columns = {name: pandera.Column("float64", nullable=True) for name in VALUE_COLUMNS}
    columns |= {"open_time": time, "close_time": time}
    columns |= {name: text(*allowed) for name, allowed in _TEXTS.items()}
    return pandera.DataFrameSchema({name: columns[name] for name in BAR_COLUMNS}, strict=True, ordered=True)


def is_bar_frame(bars: pd.DataFrame) -> bool:
    """Return whether `bar_schema` accepts a frame, without pandera, whose import alone takes half a second."""
    if tuple(bars.columns) != BAR_COLUMNS:
        return False
    types = {name: str(kind) for name, kind in bars.dtypes.items()}
    has_types = all(types[name] == "float64" for name in VALUE_COLUMNS) and all(
        types[name] == "datetime64[us, UTC]" for name in ("open_time", "close_time")
    )
    return has_types and all(_is_text(bars[name], allowed) for name, allowed in _TEXTS.items())


def schema_error(bars: pd.DataFrame) -> str | None:
    """Return what keeps a frame from being a bar frame, in words, or None."""
    if is_bar_frame(bars):
        return None
    from pandera.errors import SchemaError, SchemaErrors

    try:
        bar_schema().validate(bars)
    except (SchemaError, SchemaErrors) as raised:
        error = raised.schema_errors[0] if isinstance(raised, SchemaErrors) else raised
        column = getattr(error.schema, "name", None) or "columns"
        words = " ".join(str(error).split()).split(" {")[0]
        return f"{column}: {words[:300]}"
    return None


def distinct(column: "pd.Series[Any]") -> list[Any]:
    """Return the distinct values of a column, in the order of their first row.

    Most columns of text hold one: that a column does is told three times as fast as by `Series.unique`.
    """
    cells = column.to_numpy()
    if len(cells) and isinstance(cells[0], str) and (cells == cells[0]).all():
        return [cells[0]]
    return list(column.unique())


def _is_text(column: "pd.Series[Any]", allowed: tuple[str, ...]) -> bool:
    """Return whether a column holds text alone, of the closed list if there is one: distinct values tell it fastest."""
    return all(isinstance(found, str) and (not allowed or found in allowed) for found in distinct(column))
