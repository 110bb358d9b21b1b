"""`bot-core models list|show|promote|rollback`: what was trained, what serves and why; and the ways forward and back.

Belongs here: the commands. Not here: the record (`models.registry`), how it is decided (`models.promotion`), training
(`cli.train`), MLflow's registry, which follows (`resources.mlflow_models`).
"""

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from bot_core_dagster.cli.console import NOT_AVAILABLE, console, emit_json, minute, ratio, table, verdict
from bot_core_dagster.cli.guard import JsonFlag, guarded
from bot_core_dagster.cli.strategy_options import SymbolArgument

if TYPE_CHECKING:
    from bot_core_dagster.settings import Settings

_COLUMNS: Final = (
    "symbol",
    "model",
    "version",
    "trained (UTC)",
    "log loss>",
    "base rate>",
    "AUC>",
    "net Sharpe>",
    "serves",
)
_DECISION_COLUMNS: Final = ("decided (UTC)", "outcome", "serves from then on", "level>", "why")

app = typer.Typer()


def list_models(
    symbol: Annotated[str | None, typer.Argument(help="The watchlist unless said.", show_default=False)] = None,
    every: Annotated[bool, typer.Option("--all", help="Every version, not the newest of each kind alone.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """List the models of each instrument and which of them serves; figures are one bar ahead on unseen rows."""
    from bot_core_dagster.settings import load_settings

    rows = list(_models(load_settings(), symbol, every=every))
    if as_json:
        emit_json(rows)
        return
    screen = console()
    if not rows:
        screen.print("No model yet: the naive forecast serves. Next: bot-core train all")
        return
    screen.print(table(_COLUMNS, map(_model_row, rows)))
    screen.print("Where none serves, the naive forecast does; why: bot-core models show SYMBOL", style="dim")


def show(symbol: SymbolArgument, as_json: JsonFlag = False) -> None:
    """Show every decision on which model serves an instrument, the oldest first, and the reasons of the last."""
    from bot_core_dagster.lake import default_lake
    from bot_core_dagster.models.registry import decisions
    from bot_core_dagster.settings import load_settings

    instrument = load_settings().instrument(symbol)
    rows = [_plain(row) for row in decisions(default_lake(), symbol, str(instrument.timeframe)).to_dict("records")]
    if as_json:
        emit_json(rows)
        return
    screen = console()
    if not rows:
        screen.print(f"No decision on {symbol} yet: the naive forecast serves. Next: bot-core train all {symbol}")
        return
    screen.print(table(_DECISION_COLUMNS, map(_decision_row, rows)))
    for candidate in filter(lambda one: one["reasons"], rows[-1]["candidates"]):  # none where no test was made
        reasons = [(verdict("ok" if one["is_met"] else "failed"), one["words"]) for one in candidate["reasons"]]
        screen.print(table(("met", "asked"), reasons, title=f"{candidate['model_type']} {candidate['version']}"))


def promote(
    symbol: SymbolArgument,
    version: Annotated[str, typer.Argument(help="As bot-core models list --all shows it.", show_default=False)],
    reason: Annotated[str, typer.Option(help="Why; it is kept.", show_default=False)],
    as_json: JsonFlag = False,
) -> None:
    """Put a version in force by hand, whatever the comparison says of it."""
    from bot_core_dagster.lake import default_lake
    from bot_core_dagster.models.registry import promote_by_hand
    from bot_core_dagster.settings import load_settings

    settings = load_settings()
    timeframe = str(settings.instrument(symbol).timeframe)
    _require_usable(symbol, timeframe, version)
    _tell(promote_by_hand(default_lake(), symbol, timeframe, version, reason), settings, as_json=as_json)


def rollback(symbol: SymbolArgument, as_json: JsonFlag = False) -> None:
    """Put in force again what served before, or the naive forecast where nothing did."""
    from bot_core_dagster.lake import default_lake
    from bot_core_dagster.models.registry import roll_back
    from bot_core_dagster.settings import load_settings

    settings = load_settings()
    _tell(roll_back(default_lake(), symbol, str(settings.instrument(symbol).timeframe)), settings, as_json=as_json)


def _require_usable(symbol: str, timeframe: str, version: str) -> None:
    """Refuse a version whose files are gone or cannot be used; one that there is not is for the registry to refuse."""
    from bot_core_dagster.lake import default_lake
    from bot_core_dagster.models.registry import models_of
    from bot_core_dagster.models.serving import ServedModel
    from bot_core_dagster.models.store import ModelStore

    rows = models_of(default_lake(), symbol, timeframe)
    for model_type in rows[rows["version"] == version]["model_type"].tolist():
        ServedModel.load(ModelStore.default(), symbol, str(model_type), version)


def _tell(row: Mapping[Any, Any], settings: "Settings", *, as_json: bool) -> None:
    """Bring MLflow in step, and say what is in force now."""
    _follow_in_mlflow(settings, str(row["symbol"]))
    if as_json:
        emit_json(_plain(row))
        return
    screen = console()
    screen.print(f"{row['symbol']} {row['timeframe']}: {row['summary']}")
    screen.print(f"in force: {_serves(row)}")
    screen.print(f"Next: bot-core predict {row['symbol']}; bot-core run brings the kept forecasts up to date")


def _follow_in_mlflow(settings: "Settings", symbol: str) -> None:
    from bot_core_dagster.cli.home import prepare_dagster_home

    prepare_dagster_home()
    from assets.modelling import wanted_in_mlflow
    from bot_core_dagster.lake import default_lake
    from bot_core_dagster.models.store import ModelStore
    from resources.tracking import TrackingResource

    wanted = wanted_in_mlflow(default_lake(), ModelStore.default(), [settings.instrument(symbol)])
    TrackingResource().reconcile_models(wanted)


def _models(settings: "Settings", symbol: str | None, *, every: bool) -> Iterator[dict[str, Any]]:
    from bot_core_dagster.lake import default_lake
    from bot_core_dagster.models.registry import champion_of, models_of

    lake = default_lake()
    for instrument in [settings.instrument(symbol)] if symbol else settings.watchlist:
        timeframe = str(instrument.timeframe)
        rows = models_of(lake, instrument.symbol, timeframe)
        champion = champion_of(lake, instrument.symbol, timeframe)
        serves = champion.version if champion else ""
        newest = rows.groupby("model_type", sort=False).tail(1)["version"]
        for row in rows.to_dict("records"):
            if every or row["version"] in set(newest) or row["version"] == serves:
                card = json.loads(row.pop("card"))
                told = {"serves": row["version"] == serves, "stopping_reason": card["stopping_reason"]}
                yield {str(name): value for name, value in row.items()} | told


def _model_row(row: Mapping[str, Any]) -> tuple[Any, ...]:
    losses = [
        NOT_AVAILABLE if row[name] != row[name] else f"{row[name]:.4f}" for name in ("log_loss", "base_rate_log_loss")
    ]
    about = (row["symbol"], row["model_type"], row["version"], minute(row["trained_at"]))
    return (*about, *losses, f"{row['auc']:.3f}", ratio(row["net_sharpe"]), "serves" if row["serves"] else "")


def _decision_row(row: Mapping[str, Any]) -> tuple[Any, ...]:
    outcome = verdict(row["outcome"].replace("_", " "))
    return minute(row["decided_at"]), outcome, _serves(row), f"{row['level']:.2g}", row["summary"]


def _serves(row: Mapping[Any, Any]) -> str:
    return f"{row['champion_model_type']} {row['champion_version']}" if row["champion_version"] else "naive"


def _plain(row: Mapping[Any, Any]) -> dict[str, Any]:
    """Return a row of the table with its JSON read and times that are not there as None."""
    content = {str(name): None if value is None or value != value else value for name, value in row.items()}
    return content | {"candidates": json.loads(row["candidates"]) if row["candidates"] else []}


app.command("list")(guarded(list_models))
app.command("show")(guarded(show))
app.command("promote")(guarded(promote))
app.command("rollback")(guarded(rollback))


@app.callback(invoke_without_command=True)
def models(context: typer.Context) -> None:
    """List the models and decisions, put one in force by hand, or go back."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
