"""Dagster's storage on SQLite: many events in one transaction, and one engine a database.

Belongs here: how events reach the disk. Not here: which events there are (`assets.each_symbol`), how long they are kept
(`resources.run_history`).

Dagster hands the planned events of a run over as one batch, but its SQLite storage writes a batch event by event, each
on two or three connections with a flush and a checkpoint of their own. Here the same statements of Dagster's share one
connection and one transaction a database: a fifth of the time. And Dagster makes an engine for each connection, which
compiles every statement again, for longer than SQLite takes to run it; here the engine is kept. That all this can be
done rests on three internals of the pinned Dagster (`_connect`, `_db_lock`, `create_engine`); a test asserts that what
is stored is the same. Other storages are left as they are.
"""

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache, lru_cache
from typing import Any, Final

import dagster as dg
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.event_log.sqlite import sqlite_event_log
from dagster._core.storage.runs.sqlite import sqlite_run_storage
from dagster._core.storage.sql import create_engine

BATCH_SIZE_VARIABLE: Final = "DAGSTER_EVENT_BATCH_SIZE"
"""Dagster's own switch: without it no batch is handed over."""

_BATCH_SIZE: Final = "1000"
_ENGINES: Final = 32
"""Databases whose engines are kept: there is one of each run."""


def write_batches_at_once(instance: dg.DagsterInstance) -> None:
    """Let an instance that keeps its events in SQLite write a batch in one transaction; asking twice is asking once."""
    storage = instance.event_log_storage
    if type(storage) is SqliteEventLogStorage and "store_event_batch" not in vars(storage):
        os.environ.setdefault(BATCH_SIZE_VARIABLE, _BATCH_SIZE)
        vars(storage)["_db_lock"] = threading.RLock()
        vars(storage)["store_event_batch"] = lambda events: _store_together(storage, events)
        for module in (sqlite_event_log, sqlite_run_storage):
            vars(module)["create_engine"] = _engine


def _engine(database: str, *, poolclass: Any, connect_args: Mapping[str, float] | None = None) -> Any:
    """Return the engine of a database, made as Dagster asks; each of its connections is still opened and closed."""
    return _kept_engine(database, poolclass, tuple(sorted((connect_args or {}).items())))


@lru_cache(maxsize=_ENGINES)
def _kept_engine(database: str, poolclass: Any, connect_args: tuple[tuple[str, float], ...]) -> Any:
    return create_engine(database, poolclass=poolclass, connect_args=dict(connect_args))


@contextmanager
def events_together(instance: dg.DagsterInstance) -> Iterator[None]:
    """Hold back what is logged within, and write it as one batch at the end, also where an error ends it."""
    storage = instance.event_log_storage
    if "store_event_batch" not in vars(storage):
        yield
        return
    held: list[dg.EventLogEntry] = []
    vars(storage)["store_event"] = held.append
    try:
        yield
    finally:
        del vars(storage)["store_event"]
        _store_together(storage, held)


def _store_together(storage: Any, events: Sequence[dg.EventLogEntry]) -> None:
    """Store events as Dagster does, all or none of them."""
    with _one_connection_each(storage):
        for event in events:
            storage.store_event(event)


@contextmanager
def _one_connection_each(storage: Any) -> Iterator[None]:
    """Give this thread one connection and one transaction a database; other threads wait for it, as for any event."""
    connect, mine, opened = storage._connect, threading.get_ident(), dict[str, Any]()
    with ExitStack() as transactions:

        @contextmanager
        def same_connection(shard: str) -> Iterator[Any]:
            if threading.get_ident() != mine:
                with connect(shard) as other:
                    yield other
                return
            if shard not in opened:
                opened[shard] = transactions.enter_context(connect(shard))
            yield opened[shard]

        instead = {"_connect": same_connection, "has_table": cache(storage.has_table)}
        vars(storage).update(instead)
        for name in instead:
            transactions.callback(vars(storage).pop, name)
        yield
