"""`bot-core train`: train models now, compare them, and forecast with what is in force then.

Belongs here: the command and its rendering. Not here: executing the job (`cli.training_run`), the training (`models`).
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from bot_core_dagster.cli.console import console, count, emit_json, progress_bar, seconds, simulated_banner, table
from bot_core_dagster.cli.guard import FAILED, JsonFlag, say_error

if TYPE_CHECKING:
    from bot_core_dagster.cli.training_run import Trained, TrainingRun

_COLUMNS: Final = (
    *("model", "on", "log loss>", "base rate>", "std. errors>", "AUC>", "net Sharpe>", "epochs>", "stopped because"),
)
_DECISIONS: Final = ("on", "serves", "why")


def train(
    model: Annotated[str, typer.Argument(help="lstm, gru, transformer, boosting, or all.", show_default=False)],
    symbols: Annotated[
        list[str] | None, typer.Argument(help="Instruments; the watchlist unless said.", show_default=False)
    ] = None,
    days: Annotated[
        int | None, typer.Option("--days", min=60, max=36_500, help="Of data that a model may use.", show_default=False)
    ] = None,
    retrain: Annotated[bool, typer.Option("--retrain", help="Train again what is there for the same bars.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Train models on the stored bars, compare them on rows that they have not seen, and forecast.

    It runs as the Dagster job `train_model`. A model is put in force only where it is better beyond luck; keeping what
    is in force is the normal outcome.
    """
    from bot_core_dagster.cli.home import prepare_dagster_home
    from bot_core_dagster.models.kinds import MODEL_TYPES, trained_kind_named
    from bot_core_dagster.settings import load_settings

    settings = load_settings()
    wanted = MODEL_TYPES if model == "all" else (trained_kind_named(model).name,)
    asked = [settings.instrument(symbol).symbol for symbol in symbols or [one.symbol for one in settings.watchlist]]
    prepare_dagster_home()
    from bot_core_dagster.cli.training_run import run_training

    with progress_bar("starting Dagster", is_quiet=as_json) as progress:
        result = run_training(settings, wanted, asked, days_of_data=days, retrain=retrain, on_progress=progress)
    if as_json:
        emit_json(result)
    else:
        _show(result)
    if result.failed:
        say_error("; ".join(f"{one.asset} {one.partition}: {one.reason}" for one in result.failed[:3]))
        raise typer.Exit(FAILED)


def _show(result: "TrainingRun") -> None:
    screen = console()
    simulated = sorted({one.symbol for one in result.trained if one.simulated})
    if simulated:
        screen.print(simulated_banner(), f"no market made the bars of {', '.join(simulated)}")
    screen.print(table(_COLUMNS, map(_row, result.trained), title="Trained; figures one bar ahead on unseen rows"))
    screen.print(table(_DECISIONS, _decisions(result.decisions), title="In force"))
    screen.print(f"Done in {seconds(result.seconds)}. Next: bot-core predict SYMBOL, bot-core models list")


def _row(one: "Trained") -> tuple[Any, ...]:
    from bot_core_dagster.cli.console import ratio

    figures = one.metrics
    losses = [
        f"{figures[name]:.4f}" if figures.get(name) is not None else "n/a"
        for name in ("log_loss", "base_rate_log_loss")
    ]
    others = [ratio(figures.get(name, float("nan"))) for name in ("standard_errors", "auc", "net_sharpe")]
    return (one.model_type, one.symbol, *losses, *others, count(one.best_epoch), one.stopping_reason)


def _decisions(decisions: "Sequence[tuple[str, str, str]]") -> Iterator[tuple[str, ...]]:
    yield from decisions
