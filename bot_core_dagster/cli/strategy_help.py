"""The help of commands about strategies: after a strategy's name, its parameters with their ranges.

Belongs here: what `bot-core backtest rsi --help` adds to the options. Not here: the parameters (`strategies.catalog`).
"""

from typing import TYPE_CHECKING, Any, Final

from typer.core import TyperCommand

from bot_core_dagster.cli.console import bullets, console, table

if TYPE_CHECKING:
    from bot_core_dagster.strategies import Strategy

_TYPED: Final = "bot_core_dagster.typed"
_COLUMNS: Final = ("parameter", "default>", "from>", "to>", "step>", "what it is")


class StrategyCommand(TyperCommand):
    """A command whose help lists the parameters of the strategy that was typed, or else the strategies."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Remember what was typed: `--help` is answered before the arguments are read."""
        ctx.meta[_TYPED] = tuple(args)
        return super().parse_args(ctx, args)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Print the options, then the parameters."""
        from bot_core_dagster.strategies import strategies

        super().format_help(ctx, formatter)
        known = strategies()
        named = next((known[word] for word in ctx.meta.get(_TYPED, ()) if word in known), None)
        if named is None:
            rows = [(name, strategy.description) for name, strategy in known.items()]
            console().print(table(("strategy", "what it does"), rows))
            console().print(f"Its parameters: {ctx.command_path} NAME --help")
        else:
            _show_parameters(named)


def _show_parameters(strategy: "Strategy") -> None:
    screen = console()
    screen.print(f"{strategy.name}: {strategy.description}", style="bold")
    rows = [
        (one.name, *(f"{number:g}" for number in (one.default, one.low, one.high, one.step)), one.description)
        for one in strategy.space.parameters
    ]
    screen.print(table(_COLUMNS, rows))
    screen.print(bullets(constraint.words for constraint in strategy.space.constraints))
    screen.print(
        f"--param {rows[0][0]}={rows[0][1]}, or [strategies.{strategy.name}.parameters] in bot_core.toml"
        if rows
        else "It takes no parameters."
    )
