"""`bot-core up` for real: it comes up on loopback, and every process it started ends with it, however it ends."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import psutil
import pytest
import requests

from bot_core_dagster.places import PROJECT_ROOT

UP_WITHIN_S = 120.0
GONE_WITHIN_S = 40.0

DEFINITIONS = """
import time
import dagster as dg

@dg.asset
def sleeper(context: dg.AssetExecutionContext) -> None:
    time.sleep(600)

sleep = dg.define_asset_job("sleep", selection="sleeper")
defs = dg.Definitions(assets=[sleeper], jobs=[sleep], executor=dg.in_process_executor)
"""
WORKSPACE = """
load_from:
  - python_file: {relative_path: definitions.py, working_directory: ., location_name: tiny}
"""
LAUNCH = """mutation { launchRun(executionParams: {
  selector: {repositoryLocationName: "tiny", repositoryName: "__repository__", jobName: "sleep"}, runConfigData: {}
}) { __typename } }"""

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A project of one asset, with a state home of its own."""
    (tmp_path / "definitions.py").write_text(DEFINITIONS)
    (tmp_path / "workspace.yaml").write_text(WORKSPACE)
    for name in ("dagster.yaml", "bot_core.toml"):
        (tmp_path / name).write_bytes((PROJECT_ROOT / name).read_bytes())
    places = {"BOT_CORE_PROJECT": tmp_path, "BOT_CORE_HOME": tmp_path / "state", "PYTHONPATH": PROJECT_ROOT}
    return os.environ | {name: str(place) for name, place in places.items()}


@pytest.fixture
def start(environment: dict[str, str]) -> Iterator[Start]:
    """Start `bot-core up` on a port; whatever is left of it at the end is killed."""
    started: list[subprocess.Popen[str]] = []

    def _start(
        port: int, *, mlflow_port: int = 0, ignored: tuple[signal.Signals, ...] = (), **changed: str
    ) -> subprocess.Popen[str]:
        ports = ["--port", str(port), "--mlflow-port", str(mlflow_port or _free_port())]

        def ignore() -> None:
            for number in ignored:
                signal.signal(number, signal.SIG_IGN)

        process = subprocess.Popen(
            [sys.executable, "-m", "bot_core_dagster.cli", "up", "--json", *ports],
            env=environment | changed,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=ignore,
        )
        started.append(process)
        return process

    yield _start
    for process in started:
        for part in _tree(process):
            part.kill()
        process.communicate()


@pytest.fixture
def port() -> int:
    return _free_port()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _tree(process: subprocess.Popen[str]) -> list[psutil.Process]:
    try:
        root = psutil.Process(process.pid)
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _wait_until_up(process: subprocess.Popen[str]) -> Mapping[str, str]:
    """Return what `up --json` says once it is healthy."""
    assert process.stdout
    assert process.stderr
    line = process.stdout.readline()
    assert line, process.stderr.read()
    said: Mapping[str, str] = json.loads(line)
    return said


def _assert_mlflow_serves(url: str) -> None:
    """The page and its questions are answered, on a store that was not there; another site's are refused."""
    asked = {"experiment_name": "bot-core"}
    api = f"{url}/api/2.0/mlflow/experiments/get-by-name"
    assert "<title>MLflow</title>" in requests.get(url, timeout=30).text
    assert requests.get(api, asked, timeout=30).json()["experiment"]["lifecycle_stage"] == "active"
    assert requests.get(api, asked, headers={"Host": "evil.example"}, timeout=30).status_code == 403


def _launch_a_run_that_sleeps(url: str) -> None:
    answer = requests.post(f"{url}/graphql", json={"query": LAUNCH}, timeout=30).json()
    assert answer["data"]["launchRun"]["__typename"] == "LaunchRunSuccess"


def _wait_for_services(process: subprocess.Popen[str], n_processes: int) -> list[psutil.Process]:
    """Return the tree once it holds as many: up, supervisor, webserver, daemon, code servers, MLflow (2), run."""
    deadline = time.monotonic() + UP_WITHIN_S
    while len(tree := _tree(process)) < n_processes:
        assert time.monotonic() < deadline, [part.cmdline()[:5] for part in tree]
        time.sleep(0.2)
    return tree


def _assert_all_gone(tree: list[psutil.Process]) -> None:
    _, alive = psutil.wait_procs(tree, timeout=GONE_WITHIN_S)
    assert not [part for part in alive if part.status() != psutil.STATUS_ZOMBIE]


def test_up_serves_on_loopback_alone_and_sigterm_ends_every_process_a_run_included(start: Start, port: int) -> None:
    process = start(port)
    said = _wait_until_up(process)
    assert said["url"] == f"http://127.0.0.1:{port}"
    assert requests.get(f"{said['url']}/server_info", timeout=10).json()["dagster_version"]
    _assert_mlflow_serves(said["mlflow_url"])
    ports = (port, int(said["mlflow_url"].rpartition(":")[2]))
    assert {at.laddr[0] for at in psutil.net_connections("tcp") if at.laddr and at.laddr[1] in ports} == {"127.0.0.1"}
    second = start(port + 1)
    assert f"bot-core up runs already: {said['url']} (pid {process.pid})" in second.communicate()[1]
    _launch_a_run_that_sleeps(said["url"])
    tree = _wait_for_services(process, 9)
    process.send_signal(signal.SIGTERM)
    _assert_all_gone(tree)
    assert process.wait() == 0


@pytest.mark.slow
def test_sigkill_of_up_ends_every_process_too(start: Start, port: int) -> None:
    process = start(port)
    _wait_until_up(process)
    tree = _wait_for_services(process, 8)
    process.kill()
    _assert_all_gone(tree)


@pytest.mark.slow
def test_ctrl_c_ends_it_where_the_shell_had_signals_ignored(start: Start, port: int) -> None:
    """A background job of a script starts with SIGINT ignored, and Dagster would copy that to SIGTERM."""
    process = start(port, ignored=(signal.SIGINT, signal.SIGTERM))
    _wait_until_up(process)
    tree = _wait_for_services(process, 8)
    process.send_signal(signal.SIGINT)
    _assert_all_gone(tree)
    assert process.wait() == 0


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("dagster._daemon", "daemon"),
        pytest.param("bot_core_dagster.cli.mlflow_server", "mlflow-server", marks=pytest.mark.slow),
    ],
)
def test_the_death_of_a_service_is_said_and_ends_the_rest(start: Start, port: int, module: str, name: str) -> None:
    process = start(port)
    _wait_until_up(process)
    tree = _wait_for_services(process, 8)
    next(part for part in tree if module in part.cmdline()).kill()
    _, errors = process.communicate(timeout=GONE_WITHIN_S)
    assert process.returncode == 1
    assert f"error: the {name} ended with code -9; next: read " in errors
    _assert_all_gone(tree)


@pytest.mark.parametrize("option", ["--port", "--mlflow-port"])
def test_a_taken_port_is_named_with_its_owner_and_the_next_step(start: Start, port: int, option: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        owned = taken.getsockname()[1]
        process = start(owned) if option == "--port" else start(port, mlflow_port=owned)
        _, errors = process.communicate(timeout=UP_WITHIN_S)
    assert process.returncode == 1
    assert f"error: port {owned} is taken by " in errors
    assert f"(pid {os.getpid()}); next: bot-core up {option} {owned + 1}" in errors


def test_one_port_for_both_is_refused(start: Start, port: int) -> None:
    _, errors = start(port, mlflow_port=port).communicate(timeout=UP_WITHIN_S)
    assert f"error: --port and --mlflow-port are both {port}, expected two ports; next: bot-core up " in errors


@pytest.mark.slow
def test_a_store_of_mlflow_that_cannot_be_opened_is_said(start: Start, port: int, environment: dict[str, str]) -> None:
    folder = Path(environment["BOT_CORE_HOME"]) / "mlflow"
    folder.mkdir(parents=True)
    (folder / "mlflow.db").write_text("a diary, and no database")
    process = start(port)
    _, errors = process.communicate(timeout=UP_WITHIN_S)
    assert process.returncode == 1
    assert "next: mlflow db upgrade" in errors
    assert "error: the mlflow-server ended with code 1; next: read " in errors


def test_definitions_that_do_not_load_are_said_at_once(start: Start, port: int, environment: dict[str, str]) -> None:
    (Path(environment["BOT_CORE_PROJECT"]) / "definitions.py").write_text("import no_such_module")
    process = start(port)
    _, errors = process.communicate(timeout=UP_WITHIN_S)
    assert process.returncode == 1
    assert "error: the definitions do not load: " in errors
    assert "no_such_module" in errors
