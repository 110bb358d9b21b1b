"""The whole command line: exit codes, one-line errors, quick starts."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from bot_core_dagster.cli.guard import guarded
from bot_core_dagster.errors import LakeError, SettingsError, UnknownNameError
from bot_core_dagster.lake import default_lake
from bot_core_dagster.places import PROJECT_ROOT
from tests.builders import bars

Shell = Callable[..., "subprocess.CompletedProcess[str]"]

HEAVY = (
    *("dagster", "pydantic_settings", "matplotlib", "plotly", "ccxt", "pandera", "statsmodels", "numba"),
    *("pandas", "numpy", "pyarrow", "tenacity"),
)
ASK = "select symbol, close from bars order by open_time"


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        (["--version"], 0, ""),
        (["--help"], 0, ""),
        ([], 0, ""),
        (["symbols"], 0, ""),
        (["symbols", "list"], 0, ""),
        (["stauts"], 2, "No such command 'stauts'. Did you mean 'status'? Next: bot-core --help"),
        (["sql"], 2, "Missing argument 'query'. Next: bot-core sql --help"),
        (["up", "--port", "0"], 2, "Next: bot-core up --help"),
        (["import", "x.csv", "--symbol", "BTCUSDT", "--timeframe", "2h"], 2, "Next: bot-core import --help"),
        (["import", "x.csv", "--symbol", "DOGE", "--timeframe", "1h"], 2, "next: bot-core symbols add DOGE"),
        (["sql", "select 1"], 1, "there is no lake at"),
    ],
    ids=str,
)
def test_a_command_ends_with_its_code_and_one_line_of_error(
    shell: Shell, arguments: list[str], code: int, error: str
) -> None:
    done = shell(*arguments)
    assert done.returncode == code, done.stderr
    assert error in done.stderr
    assert done.stderr.startswith("error: ") == bool(code)
    assert done.stderr.count("\n") == bool(code)


@pytest.mark.parametrize("arguments", [["status"], ["run"], ["symbols", "list"], ["up"]], ids=str)
def test_wrong_settings_end_a_command_with_code_2(shell: Shell, settings_path: Path, arguments: list[str]) -> None:
    settings_path.write_text("[sauces]\n")
    done = shell(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {settings_path}: unknown key sauces; allowed: watchlist")


@pytest.mark.parametrize("arguments", [["run"], ["up"]], ids=str)
def test_away_from_a_checkout_the_dagster_layer_says_so(shell: Shell, tmp_path: Path, arguments: list[str]) -> None:
    done = shell(*arguments, BOT_CORE_PROJECT=str(tmp_path))
    assert done.returncode == 2
    assert "no dagster.yaml there); run from a checkout, or set BOT_CORE_PROJECT" in done.stderr


@pytest.mark.parametrize("arguments", ["['--help']", "['sql', 'select * from latest_bars']"])
def test_quick_commands_import_nothing_heavy(settings_path: Path, arguments: str) -> None:
    code = (
        "import sys, contextlib, io\n"
        f"from bot_core_dagster.cli.app import run_command_line; sys.argv = ['bot-core', *{arguments}]\n"
        f"with contextlib.redirect_stdout(io.StringIO()): run_command_line()\n"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    default_lake(create=True).upsert_bars(bars(50))
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [["--help"], ["sql", "select * from latest_bars"]], ids=str)
def test_quick_commands_answer_within_half_a_second(shell: Shell, arguments: list[str]) -> None:
    """On a machine that is otherwise idle."""
    default_lake(create=True).upsert_bars(bars(5_000))
    took = []
    for _ in range(5):
        started = time.perf_counter()
        assert shell(*arguments).returncode == 0
        took.append(time.perf_counter() - started)
    assert min(took) < 0.5


@pytest.mark.parametrize(
    ("raised", "code", "said"),
    [
        (SettingsError("key\nwrong"), 2, "error: key wrong\n"),
        (UnknownNameError("no such symbol"), 2, "error: no such symbol\n"),
        (LakeError("no lake"), 1, "error: no lake\n"),
        (ZeroDivisionError("by zero"), 1, "error: bug: ZeroDivisionError: by zero; run with --debug and report it\n"),
        (
            OSError(28, "No space left on device", "/data/x"),
            1,
            "error: /data/x: No space left on device; next: bot-core doctor\n",
        ),
        (KeyboardInterrupt(), 130, "error: interrupted\n"),
    ],
    ids=["settings", "unknown name", "lake", "bug", "full disk", "Ctrl-C"],
)
@pytest.mark.parametrize("debug", [False, True], ids=["", "debug"])
def test_an_error_is_one_line_and_a_traceback_only_with_debug(
    raised: BaseException, code: int, said: str, debug: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    def command() -> None:
        raise raised

    with pytest.raises(typer.Exit) as caught:
        guarded(command)(debug=debug)
    assert caught.value.exit_code == code
    errors = capsys.readouterr().err
    assert errors.endswith(said)
    assert ("Traceback" in errors) == (debug and not isinstance(raised, KeyboardInterrupt))


def test_a_reader_that_goes_away_is_no_error(shell: Shell) -> None:
    shell("status")
    ask = f"{sys.executable} -m bot_core_dagster.cli sql --format csv 'select range as n from range(200000)'"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {ask} | head -2"],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "n\n0\n", "")


def test_ctrl_c_ends_a_long_query_at_once_and_without_a_traceback(shell: Shell) -> None:
    """DuckDB alone would compute on for minutes; either Python or the kernel ends it (a shell says 130 for both)."""
    shell("status")
    long = "select sum(hash(a.range, b.range)) from range(10000000) a, range(1000) b"
    typed = [sys.executable, "-m", "bot_core_dagster.cli", "sql", long]
    with subprocess.Popen(typed, cwd=PROJECT_ROOT, stderr=subprocess.PIPE, text=True, env=os.environ) as process:
        time.sleep(2.0)
        process.send_signal(signal.SIGINT)
        try:
            _, errors = process.communicate(timeout=10)
        finally:
            process.kill()
    assert process.returncode in (130, -signal.SIGINT)
    assert "Traceback" not in errors
