"""The process between `bot-core up` and Dagster: `python -m bot_core_dagster.cli.supervisor`, its orders on stdin.

Belongs here: waiting for the end of something, then ending everything. Not here: how processes start and end
(`cli.processes`), what a user sees (`cli.up`).
"""

import json
import os
import select
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bot_core_dagster.cli.processes import adopt_orphans, end_descendants, reap_orphans, start

_POLL_S: Final = 0.5


@dataclass(frozen=True)
class Service:
    """A process to run: what it is called, what it is, where its output goes."""

    name: str
    argv: list[str]
    log: str


class _Orders:
    """What has been asked by signals: the first ends gracefully, one that comes while all is ending ends at once."""

    is_stopping = False

    def receive(self, _number: int, _frame: object) -> None:
        if self.is_stopping:
            end_descendants((), grace_s=0.0)
            os._exit(1)
        self.is_stopping = True


def supervise(folder: Path, services: Sequence[Service]) -> str:
    """Run the services until one dies, a signal comes or stdin closes; end all; return who died, "" for none."""
    adopt_orphans()
    orders = _Orders()
    signal.signal(signal.SIGTERM, orders.receive)
    signal.signal(signal.SIGINT, orders.receive)
    own = {
        service.name: start(service.argv, log=Path(service.log), environment=os.environ, folder=folder)
        for service in services
    }
    died = ""
    while not orders.is_stopping and not died:
        if _stdin_closes_within(_POLL_S):
            break
        reap_orphans(list(own.values()))
        died = next((f"{name} {child.returncode}" for name, child in own.items() if child.poll() is not None), "")
    orders.is_stopping = True
    end_descendants(list(own.values()))
    return died


def _stdin_closes_within(timeout_s: float) -> bool:
    return bool(select.select([sys.stdin], [], [], timeout_s)[0]) and not os.read(sys.stdin.fileno(), 1)


if __name__ == "__main__":
    order = json.loads(sys.stdin.readline())
    sys.stdout.write(supervise(Path(order["folder"]), [Service(**service) for service in order["services"]]))
