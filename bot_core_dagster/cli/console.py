"""How the terminal looks: tables, numbers, times, progress, JSON.

Belongs here: rendering that every command shares. Not here: what is said (each command), errors (`cli.guard`).
"""

import json
import math
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from bot_core_dagster.market.source import Progress

NOT_AVAILABLE: Final = "n/a"
_PIPE_WIDTH: Final = 1_000
STYLES: Final = {
    "SIMULATED": "black on yellow",
    "ok": "green",
    "pass": "green",
    "warn": "yellow",
    "fail": "bold red",
    "failed": "bold red",
}
"""Colours of verdicts; a word without one is plain."""


def console(*, stderr: bool = False) -> "Console":
    """Return a console that takes text literally: a symbol such as `[X]` is no markup. Pipes are not wrapped."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else _PIPE_WIDTH
    return Console(file=stream, width=width, markup=False, highlight=False, emoji=False)


def table(columns: Sequence[str], rows: Iterable[Sequence["str | Text"]], *, title: str = "") -> "Table":
    """Return a table; a column whose name ends with `>` is aligned to the right."""
    from rich import box
    from rich.table import Table

    made = Table(
        box=box.SIMPLE_HEAD,
        title=title or None,
        title_justify="left",
        title_style="bold",
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    for name in columns:
        to_the_right = name.endswith(">")
        made.add_column(name.removesuffix(">"), justify="right" if to_the_right else "left", overflow="fold")
    for row in rows:
        made.add_row(*row)
    return made


def bullets(lines: Iterable[str]) -> "Table":
    """Return lines with a bullet each, indented where they wrap."""
    from rich.table import Table

    made = Table.grid(padding=(0, 1))
    for line in lines:
        made.add_row(" •", line)
    return made


def verdict(word: str) -> "Text":
    """Return a verdict in its colour."""
    from rich.text import Text

    return Text(word, style=STYLES.get(word, ""))


def simulated_banner() -> "Text":
    """Return what is said above every figure that no market made."""
    from rich.text import Text

    return Text(" SIMULATED ", style="bold black on yellow")


def count(number: int) -> str:
    """Return an integer with thousands separated."""
    return f"{number:,}"


def share(fraction: float, *, signed: bool = False) -> str:
    """Return a fraction in per cent: 0.1234 is 12.3 %."""
    if math.isnan(fraction):
        return NOT_AVAILABLE
    return f"{fraction * 100:+,.1f} %" if signed else f"{fraction * 100:,.1f} %"


def ratio(number: float) -> str:
    """Return a dimensionless figure with two decimals."""
    return NOT_AVAILABLE if math.isnan(number) else f"{number:,.2f}"


def seconds(duration: float) -> str:
    """Return a duration as a person says it."""
    if math.isnan(duration):
        return ""
    return f"{duration:.1f} s" if duration < 60 else f"{int(duration // 60)} min {int(duration % 60)} s"


def minute(moment: datetime | None) -> str:
    """Return a time in UTC to the minute."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M") if moment else NOT_AVAILABLE


def iso(moment: datetime) -> str:
    """Return a time as ISO 8601 in UTC, with Z."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def emit_json(answer: Any) -> None:
    """Write `answer` to stdout as JSON: times in ISO UTC, an undefined number as null."""
    json.dump(jsonable(answer), sys.stdout, indent=2, ensure_ascii=False, allow_nan=False)
    sys.stdout.write("\n")


def emit_json_line(answer: Any) -> None:
    """Write `answer` to stdout as one line of JSON, at once: for commands that go on."""
    sys.stdout.write(json.dumps(jsonable(answer), ensure_ascii=False, allow_nan=False) + "\n")
    sys.stdout.flush()


def jsonable(answer: Any) -> Any:
    """Return `answer` in the types of JSON."""
    if is_dataclass(answer) and not isinstance(answer, type):
        return jsonable(asdict(answer))
    if isinstance(answer, dict):
        return {str(key): jsonable(part) for key, part in answer.items()}
    if isinstance(answer, list | tuple):
        return [jsonable(part) for part in answer]
    if isinstance(answer, float) and not math.isfinite(answer):
        return None
    if isinstance(answer, datetime):
        return iso(answer)
    if answer is None or isinstance(answer, str | int | float):
        return answer
    return str(answer)


@contextmanager
def progress_bar(title: str, *, is_quiet: bool) -> "Iterator[Progress]":
    """Show a bar on stderr while the block runs; nothing where it is quiet or no terminal.

    Yields
    ------
    Progress
        To be called with the share done and a message.
    """
    if is_quiet or not sys.stderr.isatty():
        yield lambda _share, _message: None
        return
    from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), BarColumn(24), TaskProgressColumn(), TimeElapsedColumn())
    said = TextColumn("{task.description}", markup=False)
    with Progress(*columns, said, console=console(stderr=True), transient=True) as bars:
        task = bars.add_task(title, total=1.0)
        yield lambda done, message: bars.update(task, completed=done, description=message or title)


def shown_path(path: Path) -> str:
    """Return `path` relative to the working folder where that is shorter."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
