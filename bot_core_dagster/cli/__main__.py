"""`python -m bot_core_dagster.cli`: the same as `bot-core`, where no console script is installed.

Belongs here: this call. Not here: anything else.
"""

from bot_core_dagster.cli import main

main()
