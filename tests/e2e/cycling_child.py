"""A research cycle that kills itself at a named point: what `test_kills` starts, again and again.

Belongs here: reaching the point. Not here: what must hold afterwards.
"""

import os
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from assets import each_symbol
from bot_core_dagster.cli.cycle import run_cycle
from bot_core_dagster.settings import load_settings
from resources.market import MarketResource

POINTS: dict[str, tuple[Any, str]] = {
    "before the lake": (each_symbol, "store_each"),
    "before the outcomes": (each_symbol, "record_outcomes"),
    "before a Dagster event": (dg.AssetExecutionContext, "log_event"),
}


def dies_at_call(function: Callable[..., Any], n_calls: int) -> Callable[..., Any]:
    """Return `function`, killed instead of its n-th call."""
    calls = 0

    def counted(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls >= n_calls:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments, **named)

    return counted


def main(point: str, n_calls: int, hours_ago: int) -> None:
    """Run a cycle at a past moment that dies at the point; "never" lets it live."""
    moment = datetime.now(UTC) - timedelta(hours=hours_ago)
    setattr(MarketResource, "now", lambda _: moment)  # noqa: B010 - mypy forbids a plain assignment to a method
    if point != "never":
        owner, name = POINTS[point]
        setattr(owner, name, dies_at_call(getattr(owner, name), n_calls))
    result = run_cycle(load_settings(), month=None, on_progress=lambda *_: None)
    sys.exit(1 if result.failed else 0)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
