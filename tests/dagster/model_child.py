"""A training in a process of its own, for `test_training_runs` to interrupt: `FOLDER KIND`, of a platform.

Belongs here: running it. Not here: what must hold afterwards.
"""

import sys
from pathlib import Path

from tests.dagster.conftest import TRAINED_AT, opened

if __name__ == "__main__":
    with opened(Path(sys.argv[1])) as platform:
        platform.now = TRAINED_AT
        platform.run("train_model", assets=[f"{sys.argv[2]}_model"], symbols=["BTCUSDT"])
