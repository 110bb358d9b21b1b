"""One cycle of the main job: new bars, what is behind them, and the review of a month, as Dagster runs.

Belongs here: executing the jobs in this process and gathering what they say. Not here: how it is shown (`cli.run`),
what is computed (`assets` and the core), what is behind (`assets.current`).

The search for parameters belongs to the weekly schedule, training to the daily one: a cycle searches and trains only
where none has been for a week, and trains less than the schedule does.
"""

import logging
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import nan
from pathlib import Path
from typing import Any, Final

import dagster as dg
import pandas as pd

from assets.current import searches_due, trainings_due, wanted_now
from assets.partitions import SYMBOL_ASSETS, SYMBOLS, drift, stretches, symbol_range_tags
from bot_core_dagster.cli.cycle_result import Built, CycleResult, Failed, ForecastLine, Headline
from bot_core_dagster.definitions import build_defs
from bot_core_dagster.errors import BotCoreError, SettingsError
from bot_core_dagster.lake import BARS, Lake, default_lake
from bot_core_dagster.lineage import assets_behind, outcomes_of
from bot_core_dagster.metrics import UTC_DAYS
from bot_core_dagster.models.forecast import NAIVE_TYPE
from bot_core_dagster.models.forecast_table import FORECASTS
from bot_core_dagster.portfolio import Performance, PortfolioReport, newest_full_month, review_month
from bot_core_dagster.portfolio.period import month_window
from bot_core_dagster.settings import Settings
from bot_core_dagster.strategies import enabled_strategies
from resources.drawing import load_what_draws
from resources.event_log import write_batches_at_once
from resources.run_history import PROCESS_TAG, fail_dead_runs, process_identity
from resources.tracking import TrackingResource

OnProgress = Callable[[float, str], None]

_STEPS: Final = (*SYMBOL_ASSETS, "every_symbol_is_current", "review_portfolio")


def run_cycle(settings: Settings, *, month: str | None, on_progress: OnProgress) -> CycleResult:
    """Bring every symbol of the watchlist up to date and review `month`, by default the newest full one.

    Raises
    ------
    SettingsError
        If the watchlist is empty, or no strategy is enabled.
    TimeError
        If `month` is not of the form YYYY-MM.
    """
    symbols = [instrument.symbol for instrument in settings.watchlist]
    if not symbols:
        raise SettingsError("the watchlist is empty; next: bot-core symbols add BTCUSDT")
    if not enabled_strategies(settings.strategies):
        raise SettingsError("no strategy is enabled: nothing would be reviewed; next: enable one under [strategies]")
    if month is not None:
        month_window(month, UTC_DAYS)
    started = time.perf_counter()
    load_what_draws()
    with dg.DagsterInstance.get() as instance:
        write_batches_at_once(instance)
        fail_dead_runs(instance)
        TrackingResource().end_runs_of_finished(instance)
        cycle = Cycle(instance, on_progress)
        there = partitions_in_step(instance, symbols)
        cycle.execute("collect_market_data", tags=symbol_range_tags(there))
        for assets, together in _owed(settings, there):
            keys = [dg.AssetKey(name) for name in assets]
            first = {name: {"config": {"is_first": True}} for name in assets if name.endswith("_model")}
            cycle.execute("research_cycle", first, tags=symbol_range_tags(together), asset_selection=keys)
        report = cycle.review(settings, month)
    return CycleResult(
        built=tuple(cycle.built),
        failed=tuple(cycle.failed),
        headlines=_headlines(report) if report else (),
        simulated_symbols=report.simulated_symbols if report else (),
        recommendations=tuple(one.text for one in report.recommendations if one.verdict != "within") if report else (),
        unknown_financing=report.unknown_financing if report else (),
        report=cycle.report_file,
        forecasts=newest_forecasts(default_lake(), settings),
        shorter_training=_shorter_training(settings, cycle.built),
        seconds=time.perf_counter() - started,
    )


def newest_forecasts(lake: Lake, settings: Settings) -> tuple[ForecastLine, ...]:
    """Return the newest forecast of each instrument of the watchlist, where there is one of the bars that are there.

    Real bars that replaced simulated ones may end years before what was forecast of those.
    """
    if not lake.symbols(BARS):
        return ()
    last = lake.sql("select symbol, timeframe, close_time from latest_bars").to_pylist()
    closes = {(bar["symbol"], bar["timeframe"]): bar["close_time"] for bar in last}
    found = []
    for instrument in settings.watchlist:
        close = closes.get((instrument.symbol, str(instrument.timeframe)))
        said = lake.read(FORECASTS, [instrument.symbol])
        if close is None or said.empty:
            continue
        said = said[(said["timeframe"] == str(instrument.timeframe)) & (said["as_of"] <= close)]
        if len(said):
            found.append(_forecast_line(said[said["as_of"] == said["as_of"].max()].sort_values("horizon")))
    return tuple(found)


def _forecast_line(said: pd.DataFrame) -> ForecastLine:
    first, last = said.iloc[0], said.iloc[-1]
    named = {name: last[name] for name in ("symbol", "horizon", "close", "predicted_price", "lower", "upper", "note")}
    return ForecastLine(
        **named,
        as_of=last["as_of"].to_pydatetime(),
        probability_up=float(first["probability_up"]),
        trend_direction=str(first["trend_direction"]),
        model=str(last["model_type"]) + f" {last['model_version']}" * (last["model_type"] != NAIVE_TYPE),
        simulated=bool(last["simulated"]),
    )


def _shorter_training(settings: Settings, built: Sequence[Built]) -> str:
    if not any(one.asset.endswith("_model") and one.status == "built" for one in built):
        return ""
    asked = settings.models
    return (
        f"trained on {asked.first_days_of_data} days for at most {asked.first_max_epochs} epochs, compared on the "
        f"{asked.first_unseen_days} days after; the daily job trains on {asked.days_of_data} days for up to "
        f"{asked.max_epochs} epochs and compares on {asked.unseen_days}"
    )


def partitions_in_step(instance: dg.DagsterInstance, symbols: Sequence[str]) -> list[str]:
    """Make the symbols' partitions those of the watchlist, and return them in their order."""
    found = drift(instance, symbols)
    instance.add_dynamic_partitions(str(SYMBOLS.name), found.added)
    for symbol in found.removed:
        instance.delete_dynamic_partition(str(SYMBOLS.name), symbol)
    return found.after


def _owed(settings: Settings, there: Sequence[str]) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    """Yield assets with the symbols that stand side by side in `there` and lack just these assets."""
    lake = default_lake(create=True)
    behind = assets_behind(lake, wanted_now(lake, settings, settings.watchlist), retry_failed=True)
    now = datetime.now(UTC)
    searches = searches_due(lake, settings, settings.watchlist, now)
    trainings = trainings_due(lake, settings, settings.watchlist, now)
    owed: dict[tuple[str, ...], list[str]] = {}
    for symbol in there:
        missing = {*behind.get(symbol, ()), *searches.get(symbol, ()), *trainings.get(symbol, ())}
        if missing:
            owed.setdefault(tuple(name for name in SYMBOL_ASSETS if name in missing), []).append(symbol)
    for assets, symbols in owed.items():
        for together in stretches(there, symbols):
            yield assets, together


@dataclass
class Cycle:
    """Executes jobs in this process; holds what their runs have said so far."""

    instance: dg.DagsterInstance
    on_progress: OnProgress
    built: list[Built] = field(default_factory=list)
    failed: list[Failed] = field(default_factory=list)
    report_file: Path | None = None

    def execute(self, job_name: str, ops: Mapping[str, Any] | None = None, **how: Any) -> dg.ExecuteInProcessResult:
        """Run a job, `ops` being the config of its assets, and note what it built and what failed."""
        job = build_defs(loggers={"console": _progress_logger(self.on_progress)}).resolve_job_def(job_name)
        config: dict[str, Any] = {"loggers": {"console": {}}} | ({"ops": dict(ops)} if ops else {})
        if logging.lastResort is not None:
            logging.lastResort.addFilter(tells_of_no_interrupt)
        how["tags"] = {PROCESS_TAG: process_identity(), **how.get("tags", {})}  # before anything can be killed
        result = job.execute_in_process(instance=self.instance, raise_on_error=False, run_config=config, **how)
        broken = [step for step in _failed_steps(result.all_events) if step.asset != "every_symbol_is_current"]
        if any("DagsterExecutionInterruptedError" in step.reason for step in broken):
            raise KeyboardInterrupt
        self.built += _built(result.all_events)
        outcomes = outcomes_of(default_lake(create=True), SYMBOL_ASSETS)
        bad = [one for one in outcomes if one.run_id == result.run_id and not one.is_made]
        bad.sort(key=lambda one: SYMBOL_ASSETS.index(one.asset))
        self.failed += [*(Failed(one.asset, one.symbol, one.reason) for one in bad), *broken]
        return result

    def review(self, settings: Settings, month: str | None) -> PortfolioReport | None:
        """Run the review's job; return the same report for the terminal, None where it could not be made."""
        lake = default_lake()
        try:
            chosen = month or newest_full_month(lake, settings)
            report = review_month(lake, settings, chosen)
        except BotCoreError as error:
            self.failed.append(Failed("portfolio_review", month or "", str(error)))
            return None
        result = self.execute("portfolio_review", partition_key=f"{chosen}-01")
        for event in result.get_asset_materialization_events():
            value = event.materialization.metadata["report"].value
            self.report_file = Path(str(value))
        return report if result.success else None


def tells_of_no_interrupt(record: logging.LogRecord) -> bool:
    """Return whether a record may be printed: SQLAlchemy logs an interrupt that it raises, with a traceback."""
    raised = record.exc_info[0] if record.exc_info else None
    return raised is None or issubclass(raised, Exception)


def _built(events: Sequence[dg.DagsterEvent]) -> Iterator[Built]:
    seconds = {
        str(event.step_key): event.step_success_data.duration_ms / 1_000 for event in events if event.is_step_success
    }
    for event in events:
        if event.event_type == dg.DagsterEventType.ASSET_MATERIALIZATION:
            said = {name: value.value for name, value in event.materialization.metadata.items()}
            has_changed = bool(said.get("new_rows") or said.get("changed_rows"))
            yield Built(
                asset=event.materialization.asset_key.to_user_string(),
                partition=event.partition or "",
                status="built" if has_changed else "unchanged",
                rows=int(str(said.get("rows", 0))),
                seconds=seconds.pop(str(event.step_key), nan),
            )


def _failed_steps(events: Sequence[dg.DagsterEvent]) -> Iterator[Failed]:
    for event in events:
        if event.is_step_failure:
            error = event.step_failure_data.error
            cause = error.cause if error and error.cause else error
            said = cause.message.strip().splitlines()[0] if cause else "no reason given"
            yield Failed(str(event.step_key), "", re.sub(r"^bot_core_dagster\.errors\.\w+: ", "", said))


def _headlines(report: PortfolioReport) -> tuple[Headline, ...]:
    return (
        _headline(report.window.title, report.month),
        _headline("since inception", report.since_inception),
    )


def _headline(period: str, figures: Performance) -> Headline:
    return Headline(
        period=period,
        start=figures.start.to_pydatetime(),
        end=figures.end.to_pydatetime(),
        net_return=figures.total_return,
        double_cost_return=figures.double_cost_return,
        gross_return=figures.gross_return,
        buy_and_hold_return=figures.buy_and_hold_return,
        max_drawdown=figures.max_drawdown,
        sharpe_ratio=figures.sharpe_ratio,
        sharpe_low=figures.sharpe_low,
        sharpe_high=figures.sharpe_high,
        confidence=figures.confidence,
        deflated_sharpe_ratio=figures.deflated_sharpe_ratio,
        n_trades=figures.trades.n_closed,
        n_periods=figures.n_periods,
        periods_per_year=figures.periods_per_year,
        n_trials=figures.n_trials,
    )


def _epoch(event: dg.DagsterEvent) -> str:
    """Return ", SYMBOL, epoch 3 of 60" where an event tells of an epoch."""
    if event.event_type != dg.DagsterEventType.ASSET_OBSERVATION:
        return ""
    seen = event.asset_observation_data.asset_observation
    said = {name: seen.metadata[name].value for name in ("current", "total") if name in seen.metadata}
    return f", {seen.partition}, epoch {said['current']} of {said['total']}" if len(said) == 2 else ""


def _progress_logger(on_progress: OnProgress) -> dg.LoggerDefinition:
    """Return a Dagster logger that turns steps into progress and prints nothing."""

    class ProgressHandler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            event = getattr(record, "dagster_meta", {}).get("dagster_event")
            step = getattr(event, "step_key", None)
            if event is not None and step in _STEPS:
                on_progress(_STEPS.index(step) / len(_STEPS), f"{step.replace('_', ' ')}{_epoch(event)}")

    def progress(_: dg.InitLoggerContext) -> logging.Logger:
        quiet = logging.Logger("bot_core_progress", level=logging.DEBUG)
        quiet.addHandler(ProgressHandler())
        return quiet

    return dg.LoggerDefinition(progress, description="Progress of `bot-core run`.")
