"""The notebook and the page on backtests: their code runs as it stands."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot_core_dagster import backtest, optimization, reports, validation
from bot_core_dagster.lake import default_lake
from bot_core_dagster.places import PROJECT_ROOT
from tests.builders import bars

DOCS = Path(PROJECT_ROOT) / "docs"
PAGE = (DOCS / "backtesting.md").read_text(encoding="utf-8")
CELLS = json.loads((DOCS / "examples" / "backtest.ipynb").read_text(encoding="utf-8"))["cells"]
CODE = [cell for cell in CELLS if cell["cell_type"] == "code"]


@pytest.fixture(scope="module")
def shown() -> Iterator[list[str]]:
    """What each code cell gives, run from top to bottom in a process state that is put back afterwards."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BOT_CORE_HOME", "")  # the first cell sets one of its own
        patch.setenv("MPLBACKEND", "agg")
        names: dict[str, object] = {}
        yield [_result("".join(cell["source"]), names) for cell in CODE]


def _result(source: str, names: dict[str, object]) -> str:
    *statements, last = ast.parse(source).body
    exec(compile(ast.Module(statements, []), "cell", "exec"), names)
    if isinstance(last, ast.Expr):
        return repr(eval(compile(ast.Expression(last.value), "cell", "eval"), names))
    exec(compile(ast.Module([last], []), "cell", "exec"), names)
    return ""


@pytest.mark.parametrize("place", range(len(CODE)), ids="cell {}".format)
def test_the_notebook_shows_what_its_code_gives(shown: list[str], place: int) -> None:
    for out in CODE[place]["outputs"]:
        stored, given = ("".join(out["data"]["text/plain"]), shown[place])
        if "text/html" not in out["data"] and "image/png" not in out["data"]:
            assert re.sub(r"\s+|in \d+ ms", " ", given) == re.sub(r"\s+|in \d+ ms", " ", stored)


def test_the_notebook_is_stored_executed_in_order_and_small() -> None:
    assert [cell["execution_count"] for cell in CODE] == list(range(1, len(CODE) + 1))
    assert not [out for cell in CODE for out in cell["outputs"] if out["output_type"] == "error"]
    assert (DOCS / "examples" / "backtest.ipynb").stat().st_size < 100_000


def test_the_code_of_the_page_runs(settings_path: Path) -> None:
    default_lake(create=True).upsert_bars(bars(24 * 120, seed=6))
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(code, {})


def test_every_function_that_the_page_names_is_there() -> None:
    rooms = {"backtest": backtest, "optimization": optimization, "reports": reports, "validation": validation}
    table = "\n".join(line for line in PAGE.splitlines() if line.startswith("| `"))
    room, n_named = "", 0
    for name in re.findall(r"`([\w.]+)(?:\(|`)", table):
        place, _, function = name.rpartition(".")
        room = place or room
        if room in rooms and function[0].islower():
            assert callable(getattr(rooms[room], function)), name
            n_named += 1
    assert n_named >= 12
