"""`bot-core run` with the market's clock at a given moment: what `bench_run` times.

Belongs here: moving the clock that says which bars are closed. Not here: timing.
"""

import sys
from datetime import datetime

from bot_core_dagster import cli
from resources.market import MarketResource


def main(moment: datetime) -> None:
    """Run the command as a user would type it, and leave with its exit code."""
    MarketResource.now = lambda _: moment  # type: ignore[method-assign, assignment]
    sys.argv = ["bot-core", "run", "--json"]
    cli.main()


if __name__ == "__main__":
    main(datetime.fromisoformat(sys.argv[1]))
