"""`bot-core sql`: a question to the lake, its answer as a table, CSV or JSON.

Belongs here: rendering of an answer. Not here: the session and what it allows (`lake`).
"""

import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot_core_dagster.cli.console import console, count, emit_json, iso, table
from bot_core_dagster.cli.guard import JsonFlag

if TYPE_CHECKING:
    from rich.text import Text

    from bot_core_dagster.lake import Answer


class Format(StrEnum):
    """How an answer is written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


def sql(
    query: Annotated[str, typer.Argument(help="DuckDB SQL, e.g. 'select * from bars limit 5'.", show_default=False)],
    form: Annotated[Format, typer.Option("--format", help="How to write the answer.")] = Format.TABLE,
    limit: Annotated[int, typer.Option(min=1, help="Rows a table shows; CSV and JSON hold all.")] = 50,
    as_json: JsonFlag = False,
) -> None:
    """Ask the lake in SQL: bars, features, backtests, reviews. It can read nothing else and write nothing."""
    from bot_core_dagster.lake import ask

    with _ended_by_ctrl_c(), ask(query) as answer:
        if as_json or form is Format.JSON:
            emit_json([dict(zip(answer.columns, map(_plain, row), strict=True)) for row in answer.rows])
        elif form is Format.CSV:
            _write_csv(answer)
        else:
            _show_table(answer, limit)


@contextmanager
def _ended_by_ctrl_c() -> Iterator[None]:
    """Let the kernel act on Ctrl-C: DuckDB looks at signals seldom or never, and a reader has nothing to clean up."""
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _plain(cell: Any) -> Any:
    """Return a cell in the types of JSON; a time without a zone stays without one."""
    if isinstance(cell, datetime):
        return iso(cell) if cell.tzinfo else cell.isoformat()
    if isinstance(cell, Decimal):
        return int(cell) if cell == cell.to_integral_value() else float(cell)
    if isinstance(cell, bytes):
        return cell.hex()
    if isinstance(cell, dict):
        return {str(name): _plain(part) for name, part in cell.items()}
    if isinstance(cell, list | tuple):
        return [_plain(part) for part in cell]
    return cell if cell is None or isinstance(cell, str | bool | int | float) else str(cell)


def _text(cell: Any) -> str:
    plain = _plain(cell)
    return json.dumps(plain, ensure_ascii=False) if isinstance(plain, dict | list) else str(plain)


def _write_csv(answer: "Answer") -> None:
    """Write RFC 4180, row by row as they are found; NULL is an empty field, the empty text is ""."""
    sys.stdout.write(",".join(map(_csv_field, answer.columns)) + "\n")
    sys.stdout.writelines(",".join(map(_csv_field, row)) + "\n" for row in answer.rows)


def _csv_field(cell: Any) -> str:
    if cell is None:
        return ""
    text = _text(cell)
    needs_quotes = text == "" or any(mark in text for mark in ',"\r\n')
    return '"' + text.replace('"', '""') + '"' if needs_quotes else text


def _show_table(answer: "Answer", limit: int) -> None:
    columns = [name + ">" * is_number for name, is_number in zip(answer.columns, answer.is_number, strict=True)]
    shown = [tuple(map(_cell, row)) for row in islice(answer.rows, limit)]
    has_more = next(answer.rows, None) is not None
    screen = console()
    screen.print(table(columns, shown))
    if has_more:
        screen.print(f"… more rows: --limit {limit * 10}, or all of them with --format csv")
    else:
        screen.print(f"{count(len(shown))} row{'s' * (len(shown) != 1)}")


def _cell(cell: Any) -> "Text":
    from rich.text import Text

    if cell is None:
        return Text("NULL", style="dim italic")
    return Text(f"{cell:.10g}" if isinstance(cell, float) else _text(cell))
