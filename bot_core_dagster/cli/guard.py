"""What every command has in common: how it fails, and `--debug`.

Belongs here: errors to one line and an exit code. Not here: what a command does, the types of errors (`errors`).
"""

import functools
import inspect
import os
import sys
import traceback
from collections.abc import Callable
from typing import Annotated, Any, Final

import typer

from bot_core_dagster.errors import BotCoreError, SettingsError, UnknownNameError

FAILED: Final = 1
USAGE: Final = 2
INTERRUPTED: Final = 130

JsonFlag = Annotated[bool, typer.Option("--json", help="Answer in JSON, for scripts.")]

_DEBUG = inspect.Parameter(
    "debug",
    inspect.Parameter.KEYWORD_ONLY,
    default=False,
    annotation=Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")],
)


def guarded(command: Callable[..., None]) -> Callable[..., None]:
    """Return `command` with `--debug`, its errors turned into one line on stderr and an exit code."""

    @functools.wraps(command)
    def run(*args: Any, debug: bool = False, **options: Any) -> None:
        try:
            command(*args, **options)
            sys.stdout.flush()
        except (typer.Exit, typer.TyperException):
            raise
        except BrokenPipeError:
            close_quietly()
        except KeyboardInterrupt:
            say_error("interrupted")
            raise typer.Exit(INTERRUPTED) from None
        except Exception as error:  # noqa: BLE001  the outermost frame of the program: what is not expected is a bug
            if debug:
                traceback.print_exception(error)
            say_error(_in_words(error))
            raise typer.Exit(_exit_code(error)) from None

    signature = inspect.signature(command)
    run.__signature__ = signature.replace(parameters=[*signature.parameters.values(), _DEBUG])  # type: ignore[attr-defined]  # what typer reads
    return run


def say_error(message: str) -> None:
    """Write `error: message` to stderr, on one line."""
    sys.stderr.write(f"error: {' '.join(message.split())}\n")


def close_quietly() -> None:
    """Stop writing to a pipe whose reader has gone (`bot-core sql ... | head`)."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _in_words(error: Exception) -> str:
    if isinstance(error, BotCoreError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename or 'system'}: {error.strerror}; next: bot-core doctor"
    return f"bug: {type(error).__name__}: {error}; run with --debug and report it"


def _exit_code(error: Exception) -> int:
    return USAGE if isinstance(error, SettingsError | UnknownNameError) else FAILED
