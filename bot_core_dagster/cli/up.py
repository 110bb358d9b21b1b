"""`bot-core up`: Dagster's webserver and daemon and MLflow's pages on this machine, until Ctrl-C.

Belongs here: when all counts as up, what the user sees. Not here: what is started (`cli.services`), ending processes
(`cli.processes`), questions to the webserver (`cli.webserver`), DAGSTER_HOME (`cli.home`).
"""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from bot_core_dagster.cli.console import console, emit_json_line, minute, progress_bar, seconds, shown_path, verdict
from bot_core_dagster.cli.guard import JsonFlag
from bot_core_dagster.errors import ServiceError
from bot_core_dagster.places import MLFLOW_PORT, mlflow_runs_page

if TYPE_CHECKING:
    from bot_core_dagster.cli.services import Ports
    from bot_core_dagster.cli.webserver import Webserver

_HEALTHY_WITHIN_S: Final = 180.0
_SHARE_DONE: Final = {"webserver": 0.1, "definitions": 0.4, "daemon": 0.6, "mlflow-server": 0.8}
_POLL_S: Final = 0.5
_RUNS_EVERY_S: Final = 3.0
_TAIL_LINES: Final = 15


def up(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the webserver on 127.0.0.1.")] = 3000,
    mlflow_port: Annotated[
        int, typer.Option(min=1, max=65535, help="Port of MLflow's pages on 127.0.0.1.")
    ] = MLFLOW_PORT,
    as_json: JsonFlag = False,
) -> None:
    """Start the web interface, schedules and sensors; Ctrl-C ends all of it."""
    from bot_core_dagster.cli.home import prepare_dagster_home
    from bot_core_dagster.cli.processes import adopt_orphans, reset_signals
    from bot_core_dagster.cli.services import Ports
    from bot_core_dagster.cli.webserver import Webserver
    from bot_core_dagster.settings import load_settings, state_home

    reset_signals()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    load_settings()
    home = prepare_dagster_home()
    logs = state_home() / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    ports = Ports(port, mlflow_port)
    os.environ["BOT_CORE_MLFLOW_PORT"] = str(mlflow_port)
    webserver = Webserver(ports.webserver_url)
    adopt_orphans()
    with _only_one(home, webserver.url) as lock, _supervisor(ports, logs, lock) as supervisor:
        _wait_until_healthy(webserver, ports, supervisor, logs, is_quiet=as_json)
        _say_up(ports, logs, as_json=as_json)
        _follow(webserver, supervisor, logs, as_json=as_json)


@contextmanager
def _only_one(home: Path, url: str) -> Iterator[int]:
    """Hold the lock of this Dagster home: two daemons on one home run every schedule twice."""
    lock = os.open(home / "up.lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        other = os.read(lock, 200).decode()
        os.close(lock)
        raise ServiceError(f"bot-core up runs already: {other}; next: open it, or end it with Ctrl-C there") from None
    try:
        os.ftruncate(lock, 0)
        os.write(lock, f"{url} (pid {os.getpid()})".encode())
        yield lock
    finally:
        os.close(lock)


def _make_databases() -> None:
    """Make Dagster's databases before two processes do so at once, of which SQLite fails one; apart, for the memory."""
    look = "i.all_asset_keys(), i.all_instigator_state(), i.get_runs(limit=1)"
    code = f"import dagster as dg; i = dg.DagsterInstance.get(); {look}"
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)  # noqa: S603  ours
    if made.returncode:
        last_line = made.stderr.strip().rpartition("\n")[2]
        raise ServiceError(f"Dagster's databases cannot be opened: {last_line}; next: bot-core doctor")


@contextmanager
def _supervisor(ports: "Ports", logs: Path, lock: int) -> Iterator[subprocess.Popen[str]]:
    """Start the supervisor, and end it with all below it; Ctrl-C is how `up` ends and no failure."""
    from bot_core_dagster.cli.home import project_root
    from bot_core_dagster.cli.processes import end_descendants

    ports.require_free()
    root = project_root()
    _make_databases()
    with (logs / "up.log").open("ab") as errors:
        supervisor = subprocess.Popen(
            [sys.executable, "-m", "bot_core_dagster.cli.supervisor"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=os.environ | {"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1")},
            cwd=root,
            start_new_session=True,
            pass_fds=(lock,),
        )
    try:
        _give_orders(supervisor, root, ports, logs)
        yield supervisor
    except KeyboardInterrupt:
        console(stderr=True).print("stopping …")
    finally:
        _end(supervisor)
        end_descendants((supervisor,))


def _give_orders(supervisor: subprocess.Popen[str], root: Path, ports: "Ports", logs: Path) -> None:
    from bot_core_dagster.cli.services import services

    assert supervisor.stdin
    supervisor.stdin.write(json.dumps({"folder": str(root), "services": list(services(root, ports, logs))}) + "\n")
    supervisor.stdin.flush()


def _end(supervisor: subprocess.Popen[str]) -> None:
    """Ask the supervisor to end all; a second Ctrl-C makes it do so at once."""
    supervisor.send_signal(signal.SIGTERM)
    while supervisor.poll() is None:
        try:
            supervisor.wait()
        except KeyboardInterrupt:
            supervisor.send_signal(signal.SIGTERM)


def _wait_until_healthy(
    webserver: "Webserver", ports: "Ports", supervisor: subprocess.Popen[str], logs: Path, *, is_quiet: bool
) -> None:
    started_at = time.time()
    with progress_bar("starting Dagster and MLflow", is_quiet=is_quiet) as progress:
        while missing := _missing_part(webserver, ports, started_at):
            progress(_SHARE_DONE[missing], f"waiting for the {missing}")
            _require_alive(supervisor, logs)
            if time.time() - started_at > _HEALTHY_WITHIN_S:
                _show_tail(logs / f"{'webserver' if missing == 'definitions' else missing}.log")
                raise ServiceError(f"the {missing} is not up after {_HEALTHY_WITHIN_S:.0f} s; next: read {logs}")
            time.sleep(_POLL_S)


def _missing_part(webserver: "Webserver", ports: "Ports", started_at: float) -> str:
    from bot_core_dagster.cli.services import MLFLOW

    return webserver.missing_part(started_at) or ("" if ports.mlflow_experiment() else MLFLOW)


def _require_alive(supervisor: subprocess.Popen[str], logs: Path) -> None:
    if supervisor.poll() is None:
        return
    assert supervisor.stdout
    name, _, code = supervisor.stdout.read().partition(" ")
    log = logs / f"{name or 'up'}.log"
    _show_tail(log)
    raise ServiceError(f"the {name or 'supervisor'} ended with code {code or supervisor.returncode}; next: read {log}")


def _show_tail(log: Path) -> None:
    lines = log.read_text(errors="replace").splitlines()[-_TAIL_LINES:] if log.exists() else []
    screen = console(stderr=True)
    for line in lines:
        screen.print(f"  {line}", style="dim", soft_wrap=True)


def _say_up(ports: "Ports", logs: Path, *, as_json: bool) -> None:
    url = ports.webserver_url
    if as_json:
        emit_json_line({"url": url, "mlflow_url": ports.mlflow_url, "pid": os.getpid(), "logs": logs})
        return
    screen = console()
    screen.print("Bot Core is up. Ctrl-C ends it.", style="bold green")
    screen.print(f"  web interface   {url}")
    screen.print(f"  asset graph     {url}/asset-groups")
    screen.print(f"  schedules       {url}/automation")
    screen.print(f"  trainings       {mlflow_runs_page(ports.mlflow_experiment())}", soft_wrap=True)
    screen.print(f"  logs            {shown_path(logs)}\n\nRuns that end are listed here (UTC):")


def _follow(webserver: "Webserver", supervisor: subprocess.Popen[str], logs: Path, *, as_json: bool) -> None:
    """Print each run that ends, until something dies or Ctrl-C."""
    seen = {run.run_id for run in webserver.ended_runs()}
    next_look = time.monotonic()
    while True:
        _require_alive(supervisor, logs)
        if time.monotonic() >= next_look:
            for run in webserver.ended_runs():
                if run.run_id in seen:
                    continue
                seen.add(run.run_id)
                if as_json:
                    emit_json_line(asdict(run))
                    continue
                ended = minute(datetime.fromtimestamp(run.ended_at, UTC))
                where = "" if run.status == "SUCCESS" else f"  {webserver.url}/runs/{run.run_id}"
                word = verdict({"SUCCESS": "ok"}.get(run.status, "failed"))
                console().print(f"  {ended}  {run.job:<24}", word, f"{seconds(run.seconds)}{where}", soft_wrap=True)
            next_look = time.monotonic() + _RUNS_EVERY_S
        time.sleep(_POLL_S)
