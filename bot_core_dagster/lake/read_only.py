"""Which queries only read: decided on DuckDB's own parse of them, before they are bound.

Belongs here: the forms and functions that a query may use. Not here: which files the session may open (`lake.session`).

DuckDB's SELECT can write: WITH may hold INSERT, DELETE and COPY ... TO a file, and some table functions run other
statements or read from an address in memory. What is not listed here is refused.
"""

import json
from collections.abc import Iterator
from typing import Any, Final

from bot_core_dagster.errors import QueryError

_NODES: Final = frozenset({"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"})
_TABLE_FUNCTIONS: Final = frozenset({"range", "generate_series", "unnest", "repeat", "json_each", "json_tree"})


def require_read_only(connection: Any, query: str) -> None:
    """Raise unless `query` is one SELECT (or FROM, SHOW, DESCRIBE, SUMMARIZE) that can only read tables and views.

    Raises
    ------
    QueryError
        If it is not; the message names what was found.
    duckdb.Error
        If it is no SQL.
    """
    kinds = [statement.type.name for statement in connection.extract_statements(query)]
    if kinds != ["SELECT"]:
        raise QueryError(
            f"expected one SELECT statement, got {', '.join(kinds) or 'nothing'}; the lake is read-only here"
        )
    parsed = json.loads(connection.execute("SELECT json_serialize_sql(?::VARCHAR)", [query]).fetchall()[0][0])
    if parsed["error"]:
        raise QueryError(
            f"expected a SELECT, got: {parsed.get('error_message')}; write it as one SELECT over the views"
        )
    found = sorted(set(_forbidden(parsed)))
    if found:
        raise QueryError(f"expected a SELECT over the views, got {', '.join(found)}; the lake is read-only here")


def _forbidden(part: Any) -> Iterator[str]:
    if isinstance(part, list):
        for item in part:
            yield from _forbidden(item)
    if not isinstance(part, dict):
        return
    kind = part.get("type")
    if isinstance(kind, str) and kind.endswith("_NODE") and kind not in _NODES:
        yield kind.removesuffix("_QUERY_NODE")
    if kind == "TABLE_FUNCTION" and (name := part["function"]["function_name"].lower()) not in _TABLE_FUNCTIONS:
        yield f"{name}(...)"
    for item in part.values():
        yield from _forbidden(item)
