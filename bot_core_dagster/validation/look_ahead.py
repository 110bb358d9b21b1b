"""The look-ahead check: whether what a function says of a bar changes once later bars are known.

Belongs here: the check of any feature, strategy or user's function, and its report. Not here: the sample of places
(`validation.cuts`), calling the function (`validation.recomputation`).

The function is computed on all bars, and again on the bars up to each of many cuts with nothing known that came
later: later bars, and rows of other inputs that were not available yet. Every value before the cut has to be
the same, to the last bit. What a function reads besides its arguments (a file, a frame in a closure) cannot be taken
away from it: hand it in as an input with the time it was available.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np
import pandas as pd

from bot_core_dagster.errors import ShapeError
from bot_core_dagster.features.runs import require_series
from bot_core_dagster.metrics.arrays import BoolArray1D, FloatArray1D
from bot_core_dagster.validation.cuts import sample_cuts
from bot_core_dagster.validation.recomputation import Columns, Recomputation, name_of

N_CUTS: Final = 60
WARM_UP: Final = (100, 500, 2_000)
N_WARM_UPS: Final = 6
"""Places where each warm-up is tried."""
ROUNDING: Final = 1e-12
"""Differences below this share of a column's largest value may be those of another order of summation."""

LATER: Final = "changed with later bars"
UNSTEADY: Final = "not the same twice"
ABSENT: Final = "not there without later bars"


@dataclass(frozen=True, eq=False)
class LookAheadReport:
    """What became of each column when the future was taken away.

    name : of the function
    n_bars, n_cuts : bars given, places where the future was taken away
    columns : that the function gave
    unproven : columns that are unknown (NaN) before every cut: nothing was shown of them
    offenders : DataFrame, a row a column that changed: column, why, first_changed (open of the first such bar),
        known_until (close of the last bar known then), value_then, value_later, largest_difference (NaN where it is
        between no two numbers), relative_difference (to the column's largest value; inf where a value came or went),
        n_cuts (where it changed)
    memory : DataFrame, a row a column and warm-up: column, warm_up_bars, largest_difference: between the last value
        of so many bars and of all bars, in standard deviations of the column; inf where it is unknown with so few, NaN
        where nothing was compared. No look-ahead: it says how much history a live computation needs
    """

    name: str
    n_bars: int
    n_cuts: int
    columns: tuple[str, ...]
    unproven: tuple[str, ...]
    offenders: pd.DataFrame
    memory: pd.DataFrame

    @property
    def passes(self) -> bool:
        """Whether no column changed, and at least one was known."""
        return self.offenders.empty and len(self.unproven) < len(self.columns)

    @property
    def verdict(self) -> str:
        """The result in one line."""
        tried = f"{self.n_cuts} cuts of {self.n_bars} bars"
        if not self.offenders.empty:
            return (
                f"{self.name}: {self._worst()} (columns changed: {len(self.offenders)} of {len(self.columns)}; {tried})"
            )
        if not self.passes:
            return f"{self.name}: nothing shown, every value is unknown at all of {tried}; next: more bars"
        besides = f"; unknown throughout: {', '.join(self.unproven)}" if self.unproven else ""
        proven = f"{len(self.columns) - len(self.unproven)} of {len(self.columns)} columns"
        return f"{self.name}: no look-ahead in {proven} at {tried}{besides}"

    def _worst(self) -> str:
        first = self.offenders.iloc[0]
        if first["why"] == UNSTEADY:
            return f"NOT REPEATABLE: {first['column']} differs between two calls with the same bars"
        changed = (
            f"{first['column']} of the bar at {first['first_changed'].isoformat()} was {_short(first['value_then'])} "
            f"at {first['known_until'].isoformat()} and is {_short(first['value_later'])} with all bars"
        )
        kind = "DEPENDS ON THE NUMBER OF BARS by rounding alone" if self._is_rounding() else "LOOK-AHEAD"
        return f"{kind}: {changed}"

    def _is_rounding(self) -> bool:
        return bool((self.offenders["relative_difference"] < ROUNDING).all())


def check_look_ahead(
    function: Callable[..., Any],
    bars: pd.DataFrame,
    calendar_name: str,
    *,
    inputs: Mapping[str, pd.DataFrame] | None = None,
    n_cuts: int = N_CUTS,
    seed: int = 0,
    warm_up: Sequence[int] = WARM_UP,
) -> LookAheadReport:
    """Check whether a function's values of past bars change once later ones are known.

    Parameters
    ----------
    function : callable
        Of a bar frame; takes `calendar_name` and each of `inputs` by name where it has parameters of these names.
        Returns a Series, a DataFrame or an array with one value a bar.
    bars : bar frame
        Of one instrument, ascending; the more kinds of market the better.
    calendar_name : str
        The instrument's trading calendar: says where bars are missing and days end.
    inputs : mapping of str to DataFrame, optional
        What comes late, each with a column `available_at` (times with a zone).
    n_cuts : int
        Places where the future is taken away; each costs a call, every third one two.
    seed : int
        The same seed gives the same places.
    warm_up : sequence of int
        Numbers of bars that are tried as the only history.

    Returns
    -------
    LookAheadReport

    Raises
    ------
    ShapeError
        If there are fewer than two bars, they are no series, or the function fails or gives no value a bar.
    ParameterError
        If the function asks for what it is not given.
    TimeError
        If an input does not say when it was available.
    """
    require_series(bars)
    if len(bars) < 2:
        raise ShapeError(f"expected two or more bars, got {len(bars)}; next: a longer range")
    recomputation = Recomputation(function, bars.reset_index(drop=True), calendar_name, inputs or {})
    whole = recomputation.values(0, len(bars))
    cuts = sample_cuts(bars, calendar_name, whole, recomputation.arrivals(), n_cuts=n_cuts, seed=seed)
    changes = [*_unsteady(recomputation, whole), *_changes(recomputation, whole, cuts.tolist(), seed)]
    known_before = cuts[-1] if len(cuts) else 0
    return LookAheadReport(
        name=name_of(function),
        n_bars=len(bars),
        n_cuts=len(cuts),
        columns=tuple(whole),
        unproven=tuple(column for column, values in whole.items() if values.iloc[:known_before].isna().all()),
        offenders=_offenders(changes),
        memory=_memory(recomputation, whole, cuts.tolist(), warm_up),
    )


@dataclass(frozen=True)
class _Change:
    """One column that is not the same at one cut: its first changed bar, and how far values moved."""

    column: str
    why: str
    first_changed: pd.Timestamp
    known_until: pd.Timestamp
    value_then: Any
    value_later: Any
    largest_difference: float
    relative_difference: float


def _unsteady(recomputation: Recomputation, whole: Columns) -> Iterator[_Change]:
    n_bars = len(recomputation.bars)
    yield from _compared(recomputation.bars, recomputation.values(0, n_bars), whole, UNSTEADY)


def _changes(recomputation: Recomputation, whole: Columns, cuts: list[int], seed: int) -> Iterator[_Change]:
    """Yield what changes at the cuts: with all bars before them, and every third time with a later beginning."""
    bars, n_bars = recomputation.bars, len(recomputation.bars)
    for cut in cuts:
        yield from _compared(bars, recomputation.values(0, cut), whole, LATER)
    begin = int(np.random.default_rng(seed).integers(n_bars // 4, n_bars // 2 + 1))
    whole_since = recomputation.values(begin, n_bars)
    for cut in cuts[::3]:
        if cut > begin:
            yield from _compared(bars.iloc[begin:], recomputation.values(begin, cut), whole_since, LATER)


def _compared(bars: pd.DataFrame, then: Columns, later: Columns, why: str) -> Iterator[_Change]:
    """Yield each column of which a value known then is another one later."""
    n_known = max(map(len, then.values()))
    for column in [*later, *(name for name in then if name not in later)]:
        if column not in then or column not in later:
            last = bars.iloc[n_known - 1]
            yield _Change(
                column, ABSENT, last["open_time"], last["close_time"], column in then, column in later, np.nan, np.inf
            )
            continue
        known, whole = then[column], later[column].iloc[:n_known]
        is_changed = _differs(known, whole)
        if is_changed.any():
            place = int(np.argmax(is_changed))
            yield _Change(
                column,
                why,
                bars["open_time"].iloc[place],
                bars["close_time"].iloc[n_known - 1],
                known.iloc[place],
                whole.iloc[place],
                *_distance(known[is_changed], whole[is_changed], later[column]),
            )


def _differs(known: pd.Series, whole: pd.Series) -> BoolArray1D:
    """Return where two values differ; two unknown ones do not."""
    if known.dtype == whole.dtype == np.float64:
        then, later = known.to_numpy(), whole.to_numpy()
        return np.asarray((then != later) & ~(np.isnan(then) & np.isnan(later)), dtype=np.bool_)
    both = known.notna() & whole.notna()
    return np.asarray((known.isna() != whole.isna()) | (both & known.ne(whole).fillna(False)), dtype=np.bool_)


def _distance(known: pd.Series, whole: pd.Series, column: pd.Series) -> tuple[float, float]:
    """Return the largest difference, and its share of the column's largest value; NaN and inf where there is none."""
    if not (_is_number(known) and _is_number(whole)):
        return np.nan, np.inf
    moved = np.abs(known.to_numpy(dtype=np.float64) - whole.to_numpy(dtype=np.float64))
    if np.isnan(moved).any():
        return (np.nan if np.isnan(moved).all() else float(np.nanmax(moved))), np.inf
    largest = float(np.nanmax(np.abs(column.to_numpy(dtype=np.float64))))
    return float(moved.max()), float(moved.max()) / largest if largest > 0.0 else np.inf


def _is_number(values: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(values)


def _offenders(changes: Sequence[_Change]) -> pd.DataFrame:
    """Return a row a column: its earliest change, the largest of its differences, and at how many cuts it changed."""
    names = [field.name for field in fields(_Change)]
    rows = pd.DataFrame([vars(change) for change in changes], columns=names)
    of_columns = rows.groupby("column")
    largest = of_columns[["largest_difference", "relative_difference"]].max()
    first = rows.sort_values("first_changed", kind="stable").drop_duplicates("column").set_index("column")
    n_cuts = of_columns["known_until"].nunique()
    return first.assign(**largest, n_cuts=n_cuts).sort_index().reset_index()[[*names, "n_cuts"]]


def _short(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _memory(recomputation: Recomputation, whole: Columns, cuts: list[int], warm_up: Sequence[int]) -> pd.DataFrame:
    """Return how far the last value of so many bars is from that of all bars, over some of the cuts."""
    numbers = {column: values for column, values in whole.items() if _is_number(values)}
    rows = []
    for n_bars in warm_up:
        places = [cut for cut in cuts if cut > n_bars]
        places = places[:: max(-(-len(places) // N_WARM_UPS), 1)]
        parts = [recomputation.values(cut - n_bars, cut) for cut in places]
        for column, values in numbers.items():
            ends = values.to_numpy(dtype=np.float64)[np.array(places, dtype=np.int64) - 1]
            short = np.array([float(part[column].iloc[-1]) if column in part else np.nan for part in parts])
            rows.append((column, n_bars, _in_deviations(short, ends, values)))
    return pd.DataFrame(rows, columns=["column", "warm_up_bars", "largest_difference"])


def _in_deviations(short: FloatArray1D, ends: FloatArray1D, values: pd.Series) -> float:
    known = ~np.isnan(ends)
    if not known.any():
        return np.nan
    moved = np.abs(short[known] - ends[known])
    deviation = float(np.nanstd(values.to_numpy(dtype=np.float64)))
    return np.inf if np.isnan(moved).any() else float(moved.max()) / (deviation if deviation > 0.0 else 1.0)
