"""`bot-core predict`: what the model in force says of the next bars, now.

Belongs here: the command and its rendering. Not here: the forecast (`models.forecast`), the asset that keeps forecasts
(`assets.forecasts`).
"""

from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from bot_core_dagster.cli.console import console, emit_json, minute, simulated_banner, table
from bot_core_dagster.cli.guard import JsonFlag
from bot_core_dagster.cli.strategy_options import SymbolArgument

if TYPE_CHECKING:
    import pandas as pd

    from bot_core_dagster.models.serving import ServedModel
    from bot_core_dagster.models.store import ModelStore
    from bot_core_dagster.settings import Instrument

_COLUMNS: Final = ("close (UTC)", "bars>", "price>", "lower>", "upper>", "P(up)>", "trend")


def predict(
    symbol: SymbolArgument,
    model: Annotated[
        str | None,
        typer.Option(help="Its newest version, instead of the model in force.", show_default=False),
    ] = None,
    horizon: Annotated[int, typer.Option(help="Bars ahead, 1 to 24.")] = 24,
    as_json: JsonFlag = False,
) -> None:
    """Say of each of the next bars: price, 90 % interval, probability of up, and by which model.

    Where no model has been promoted the naive forecast is given, and said so.
    """
    from bot_core_dagster.cli.series import stored_series
    from bot_core_dagster.lake import default_lake
    from bot_core_dagster.models.forecast import forecast_of
    from bot_core_dagster.models.known import Known
    from bot_core_dagster.models.registry import champion_of
    from bot_core_dagster.models.store import ModelStore
    from bot_core_dagster.settings import load_settings

    settings = load_settings()
    series = stored_series(settings, symbol, None)
    store = ModelStore.default()
    known = Known.of(series.bars, series.instrument)
    asked = None if model is None else _newest(store, series.instrument, model)
    champion = champion_of(default_lake(), series.instrument.symbol, str(series.instrument.timeframe))
    said = forecast_of(store, known, series.instrument, champion, model=asked, horizon=horizon)
    if as_json:
        emit_json(said.to_dict("records"))
    else:
        _show(said)


def _newest(store: "ModelStore", instrument: "Instrument", model_type: str) -> "ServedModel":
    """Return the newest version of a kind of model.

    Raises
    ------
    UnknownNameError
        If there is no such kind, or none has been trained.
    """
    from bot_core_dagster.errors import UnknownNameError
    from bot_core_dagster.lake import default_lake
    from bot_core_dagster.models.kinds import trained_kind_named
    from bot_core_dagster.models.registry import models_of
    from bot_core_dagster.models.serving import ServedModel

    name = trained_kind_named(model_type).name
    versions = models_of(default_lake(), instrument.symbol, str(instrument.timeframe))
    versions = versions[versions["model_type"] == name]
    if versions.empty:
        raise UnknownNameError(
            f"no {name} has been trained on {instrument.symbol}; next: bot-core train {name} {instrument.symbol}"
        )
    return ServedModel.load(store, instrument.symbol, name, str(versions["version"].iloc[-1]))


def _show(said: "pd.DataFrame") -> None:
    screen = console()
    first = said.iloc[0]
    if first["simulated"]:
        screen.print(simulated_banner(), f"no market made the bars of {first['symbol']}")
    spoken = f"{first['model_type']} {first['model_version']}" if first["model_type"] != "naive" else "naive"
    title = f"{first['symbol']} {first['timeframe']}, known until {minute(first['as_of'])}, by {spoken}"
    screen.print(title, style="bold", soft_wrap=True)
    screen.print(table(_COLUMNS, map(_row, said.to_dict("records"))))
    if first["note"]:
        screen.print(f"Note: {first['note']}", soft_wrap=True)
    screen.print("P(up): that the move is up, if it is over half of its usual size. Interval: 90 %.", style="dim")


def _row(one: dict[Any, Any]) -> tuple[str, ...]:
    from bot_core_dagster.reports.figures import price

    prices = [price(one[name]) for name in ("predicted_price", "lower", "upper")]
    return (
        minute(one["close_time"]),
        str(one["horizon"]),
        *prices,
        f"{one['probability_up']:.3f}",
        one["trend_direction"],
    )
