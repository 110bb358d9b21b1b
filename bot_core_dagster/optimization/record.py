"""The record of an optimisation: what the lake keeps of it beside its trials, and what the gate reads of that.

Belongs here: the two tables, their rows, and the candidate read back from them. Not here: each trial
(`optimization.trials`), what is decided (`optimization.gate`), what is in force (`optimization.parameters`).
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import pandas as pd

from bot_core_dagster import metrics
from bot_core_dagster.backtest.rules import TradingRules
from bot_core_dagster.errors import LakeError
from bot_core_dagster.lake.lake import Lake
from bot_core_dagster.lake.table import Table
from bot_core_dagster.optimization.identity import Origin, Question, as_json, search_id
from bot_core_dagster.optimization.result import Evidence, Optimization
from bot_core_dagster.optimization.walk_forward import WalkForward
from bot_core_dagster.settings import OptimizationSettings
from bot_core_dagster.validation import StressedResult

_KEY: Final = ("symbol", "strategy", "timeframe")
_SERIES: Final = ("symbol", "strategy")
_OF_ALL: Final = {"symbol": "Instrument", "strategy": "What decides", "timeframe": "Length of the bars"}

OPTIMIZATIONS: Final = Table(
    name="optimizations",
    key=_KEY,
    partition_by=_SERIES,
    description="The newest search of each strategy on each instrument: its winner, and how much of it to believe",
    columns=_OF_ALL
    | {
        "search_id": "sha256 of the question, the origin and the settings",
        "objective": "What was maximised",
        "start": "Open of the first bar, UTC",
        "end": "Close of the last bar, UTC",
        "best_parameters": "The in-sample winner's, JSON",
        "best_performance": "Its objective in sample: the best of many, and so too good",
        "total_variations_tested": "Parameter sets tried in this search",
        "n_trials": "Distinct trials of the question over all time",
        "deflated_sharpe_ratio": "Of the winner, for n_trials",
        "pbo": "Probability of backtest overfitting; .5 is what noise gives",
        "pbo_blocks": "Blocks that it is of; 0 where there are too few days or trials",
        "spa_cash": "p-value that no trial beats cash in sample",
        "spa_buy_and_hold": "p-value that no design's joined curve beats buy and hold of equal exposure",
        "neighbourhood": "Mean objective of the winner's tried neighbours over its own",
        "winner_stress": "JSON: the winner's figures in sample at once and twice the costs",
        "out_of_sample_sharpe": "Annualised, of the joined walk-forward curve",
        "sharpe_low": "Lower end of its interval",
        "sharpe_high": "Upper end of its interval",
        "sharpe_confidence": "Of the interval",
        "out_of_sample_deflated_sharpe": "Of the joined curve, for as many trials as designs",
        "design": "Of the joined curve: anchored or rolling",
        "folds": "JSON: train and test days of each fold, and what was chosen",
        "n_trades": "Closed trades out of sample",
        "mean_position": "Share of the equity in position on average out of sample, from -1 to 1",
        "periods_per_year": "Days of a year of the sampling",
        "settings": "Of the search, JSON",
        "rules": "How the signal was traded, JSON",
        "content_hash": "sha256 of the bars",
        "code_version": "Hash of the sources of the features, the strategies and the backtest",
        "market": "The instrument's costs, calendar, price side and lots, JSON",
        "simulated": "Whether any bar was made by the simulated source",
        "is_financing_known": "Whether the settings say what holding costs, in each direction that is traded",
    },
)

OUT_OF_SAMPLE: Final = Table(
    name="out_of_sample",
    key=(*_KEY, "day_end"),
    partition_by=_SERIES,
    description="The joined walk-forward curve of each strategy's newest search on each instrument",
    columns=_OF_ALL
    | {
        "day_end": "UTC",
        "search_id": "That of the row of optimizations",
        "ret": "Of the day, net of costs",
        "double_cost_ret": "Of the day, at twice the costs",
        "buy_and_hold_ret": "Of the day, of buy and hold",
    },
)

_MEASURED: Final = tuple(name for name in Evidence.__dataclass_fields__ if name not in ("sharpe", "winner_stress"))


@dataclass(frozen=True, eq=False)
class Candidate:
    """What the gate judges of an optimisation; the fields are those of `Optimization` of the same name."""

    question: Question
    origin: Origin
    settings: OptimizationSettings
    best_parameters: Mapping[str, float]
    headline: WalkForward
    evidence: Evidence
    periods_per_year: int
    is_simulated: bool
    is_financing_known: bool

    @property
    def rules(self) -> TradingRules:
        """The trading rules of every trial."""
        return self.origin.rules

    @property
    def sharpe_ratio(self) -> float:
        """Annualised Sharpe ratio of the headline."""
        return metrics.sharpe_ratio(self.headline.returns, periods_per_year=self.periods_per_year)


def optimization_rows(found: Optimization) -> pd.DataFrame:
    """Return the one row of `OPTIMIZATIONS`."""
    question, evidence, walk = found.question, found.evidence, found.headline
    row = {
        **_labels(question),
        "search_id": _id_of(found),
        "objective": question.objective,
        "start": question.start,
        "end": question.end,
        "best_parameters": as_json(found.best_parameters),
        "best_performance": found.best_performance,
        "total_variations_tested": found.n_variations,
        **{name: getattr(evidence, name) for name in _MEASURED},
        "winner_stress": json.dumps([json.loads(as_json(asdict(each))) for each in evidence.winner_stress]),
        "out_of_sample_sharpe": found.sharpe_ratio,
        "sharpe_low": evidence.sharpe.low,
        "sharpe_high": evidence.sharpe.high,
        "sharpe_confidence": evidence.sharpe.confidence,
        "design": walk.design,
        "folds": walk.folds.to_json(orient="records", date_format="iso", date_unit="us"),
        "n_trades": walk.n_trades,
        "mean_position": walk.exposure,
        "periods_per_year": found.periods_per_year,
        "settings": found.settings.model_dump_json(),
        "rules": found.origin.rules_json(),
        "content_hash": found.origin.content_hash,
        "code_version": found.origin.code_version,
        "market": found.origin.market,
        "simulated": found.is_simulated,
        "is_financing_known": found.is_financing_known,
    }
    frame = pd.DataFrame([row])[list(OPTIMIZATIONS.columns)]
    return frame.assign(**{name: frame[name].dt.as_unit("us") for name in ("start", "end")})


def out_of_sample_rows(found: Optimization) -> pd.DataFrame:
    """Return the rows of `OUT_OF_SAMPLE`, one a day of the headline."""
    walk = found.headline
    columns = {
        "day_end": walk.day_end.as_unit("us"),
        "search_id": _id_of(found),
        "ret": walk.returns,
        "double_cost_ret": walk.double_cost_returns,
        "buy_and_hold_ret": walk.buy_and_hold_returns,
    }
    return pd.DataFrame(_labels(found.question) | columns)


def stored_candidate(lake: Lake, strategy: str, symbol: str, timeframe: str) -> Candidate:
    """Return what the gate judges of the newest search that the lake holds.

    Raises
    ------
    LakeError
        If there is none, or its row and its curve are of two searches: the second was not written to the end.
    """
    rows = _of(lake.read(OPTIMIZATIONS, [symbol]), strategy, timeframe)
    if rows.empty:
        raise LakeError(
            f"no search of {strategy} on {symbol} {timeframe} in the lake; next: bot-core optimize {strategy} {symbol}"
        )
    row = {str(name): given for name, given in rows.to_dict("records")[0].items()}  # Python's own numbers
    days = _of(lake.read(OUT_OF_SAMPLE, [symbol]), strategy, timeframe).sort_values("day_end")
    if set(days["search_id"]) != {row["search_id"]}:
        raise LakeError(
            f"expected the curve of the newest search of {strategy} on {symbol} {timeframe}, got that of another one: "
            f"a write was cut short; next: materialise {strategy}_optimization again"
        )
    times = {name: row[name].to_pydatetime() for name in ("start", "end")}
    interval = metrics.Interval(row["sharpe_low"], row["sharpe_high"], row["sharpe_confidence"])
    return Candidate(
        question=Question(strategy, symbol, timeframe, str(row["objective"]), **times),
        origin=Origin(_rules(row["rules"]), str(row["content_hash"]), str(row["code_version"]), str(row["market"])),
        settings=OptimizationSettings.model_validate_json(row["settings"]),
        best_parameters=json.loads(row["best_parameters"]),
        headline=_headline(row, days),
        evidence=Evidence(
            sharpe=interval,
            winner_stress=_stress(row["winner_stress"]),
            **{name: row[name] for name in _MEASURED},
        ),
        periods_per_year=int(row["periods_per_year"]),
        is_simulated=bool(row["simulated"]),
        is_financing_known=bool(row["is_financing_known"]),
    )


def _id_of(found: Optimization) -> str:
    return search_id(found.question, found.origin, found.settings)


def _labels(question: Question) -> dict[str, Any]:
    return {name: getattr(question, name) for name in _KEY}


def _of(rows: pd.DataFrame, strategy: str, timeframe: str) -> pd.DataFrame:
    return rows[(rows["strategy"] == strategy) & (rows["timeframe"] == timeframe)]


def _headline(row: Mapping[str, Any], days: pd.DataFrame) -> WalkForward:
    return WalkForward(
        design=str(row["design"]),
        folds=_folds(row["folds"]),
        day_end=pd.DatetimeIndex(days["day_end"]),
        returns=days["ret"].to_numpy(dtype="float64"),
        double_cost_returns=days["double_cost_ret"].to_numpy(dtype="float64"),
        buy_and_hold_returns=days["buy_and_hold_ret"].to_numpy(dtype="float64"),
        n_trades=int(row["n_trades"]),
        exposure=float(row["mean_position"]),
    )


def _rules(text: str) -> TradingRules:
    said = {name: value for name, value in json.loads(text).items() if value is not None}
    return TradingRules(**said)


def _stress(text: str) -> tuple[StressedResult, ...]:
    figures = (
        {name: math.nan if value is None else float(value) for name, value in each.items()} for each in json.loads(text)
    )
    return tuple(StressedResult(**each) for each in figures)


def _folds(text: str) -> pd.DataFrame:
    folds = pd.DataFrame(json.loads(text))
    for name in ("train_start", "train_end", "test_start", "test_end"):
        folds[name] = pd.to_datetime(folds[name], utc=True).dt.as_unit("us")
    return folds
