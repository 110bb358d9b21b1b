"""The schema of bars: the shape of a bar frame, and what no bar can be.

Belongs here: the pandera schema of the columns, the rules that a possible row keeps. Not here: what happens to rows
that break them (`market.intake`), improbable bars (`market.quality`), what the columns mean (`market.bar`).

The rules are plain NumPy, one definition for intake and quality: as pandera checks they are several times slower (the
tests compare the two). Pandera takes a tenth of a second to import, which is why it is imported on first use.
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
    columns |= {"symbol": text(), "timeframe": text(*Timeframe), "source": text()}
    columns |= {"open_time": time, "close_time": time}
    columns |= {"price_side": text(*PRICE_SIDES), "volume_unit": text(*VOLUME_UNITS)}
    return pandera.DataFrameSchema({name: columns[name] for name in BAR_COLUMNS}, strict=True, ordered=True)


def schema_error(bars: pd.DataFrame) -> str | None:
    """Return what keeps a frame from being a bar frame, in words, or None."""
    from pandera.errors import SchemaError, SchemaErrors

    try:
        bar_schema().validate(bars)
    except (SchemaError, SchemaErrors) as raised:
        error = raised.schema_errors[0] if isinstance(raised, SchemaErrors) else raised
        column = getattr(error.schema, "name", None) or "columns"
        words = " ".join(str(error).split()).split(" {")[0]
        return f"{column}: {words[:300]}"
    return None


def _is_text(column: "pd.Series[Any]", allowed: tuple[str, ...]) -> bool:
    """Return whether a column holds text alone, of the closed list if there is one: distinct values tell it fastest."""
    return all(isinstance(found, str) and (not allowed or found in allowed) for found in column.unique())
