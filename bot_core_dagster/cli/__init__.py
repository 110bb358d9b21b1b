"""The command line `bot-core`: what a trader types and reads.

Belongs here: commands, their rendering and exit codes, the launcher of Dagster. Not here: anything that computes; a
command asks one core function, or executes Dagster jobs (`cli.cycle`), and shows the answer.

Exit codes: 0 done, 1 failed, 2 wrong usage or settings, 130 interrupted. Heavy libraries are imported inside commands,
so that `--help` and `sql` answer at once.
"""

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line and exit with its code."""
    try:
        from bot_core_dagster.cli.app import run_command_line
        from bot_core_dagster.cli.quick import leave

        leave(run_command_line())
    except KeyboardInterrupt:
        sys.stderr.write("error: interrupted\n")
        sys.exit(130)
