"""The commands of `bot-core`, put together.

Belongs here: the list of commands, `--version`, the entry point. Not here: what a command does (a module each), how it
fails (`cli.guard`).
"""

import sys
from typing import Annotated

import typer

from bot_core_dagster.cli import (
    analyze,
    backtest,
    doctor,
    import_bars,
    lookahead,
    models,
    optimize,
    parameters,
    predict,
    run,
    sql,
    status,
    symbols,
    train,
    up,
)
from bot_core_dagster.cli.guard import FAILED, close_quietly, guarded, say_error
from bot_core_dagster.cli.strategy_help import StrategyCommand

app = typer.Typer(name="bot-core", add_completion=False, rich_markup_mode="rich")
app.command("run")(guarded(run.run))
app.command("up")(guarded(up.up))
app.command("import")(guarded(import_bars.import_bars))
app.command("status")(guarded(status.status))
app.command("sql")(guarded(sql.sql))
app.command("backtest", cls=StrategyCommand)(guarded(backtest.backtest))
app.command("optimize", cls=StrategyCommand)(guarded(optimize.optimize))
app.command("analyze")(guarded(analyze.analyze))
app.command("train")(guarded(train.train))
app.command("predict")(guarded(predict.predict))
app.command("lookahead")(guarded(lookahead.lookahead))
app.command("doctor")(guarded(doctor.doctor))
app.add_typer(models.app, name="models")
app.add_typer(parameters.app, name="parameters")
app.add_typer(symbols.app, name="symbols")


@app.callback(invoke_without_command=True)
def bot_core(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Show the version and stop.")] = False,
) -> None:
    """Market data, features, models, backtests and portfolio reviews. No order is ever sent.

    Start with [bold]bot-core run[/bold], then look at [bold]bot-core up[/bold].
    """
    if version:
        typer.echo(f"bot-core {_version()}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def run_command_line() -> int:
    """Run what was typed and return the exit code."""
    try:
        code = app(prog_name="bot-core", standalone_mode=False)
        sys.stdout.flush()
        return code or 0
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        command = context.command_path if context else "bot-core"
        say_error(f"{error.format_message()} Next: {command} --help")
        return error.exit_code
    except typer.Abort:
        say_error("stopped: no input")
        return FAILED
    except BrokenPipeError:
        close_quietly()
        return 0


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("bot-core")
    except PackageNotFoundError:
        return "(not installed: run from a checkout)"
