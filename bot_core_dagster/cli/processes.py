"""Processes that `bot-core up` owns, and how all of them end, grandchildren included.

Belongs here: starting, adopting and ending processes. Not here: which ones (`cli.up`), whether they are healthy
(`cli.webserver`).

`up` starts one supervisor (`python -m bot_core_dagster.cli.supervisor`) in a session of its own, which starts the
webserver and the daemon, each in its own. On Linux the supervisor is a child subreaper: code servers and runs whose
parent has died become its children and are ended with the others. It stops when it is told to, when a child dies, or
when the pipe to `up` closes, which the kernel does even for a SIGKILL.
"""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import psutil

GRACE_S: Final = 12.0
"""How long a process may take to end by itself after SIGTERM."""

Child = subprocess.Popen[bytes] | subprocess.Popen[str]

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_CHILD_SUBREAPER: Final = 36
_LIBC: Final = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def start(argv: Sequence[str], *, log: Path, environment: Mapping[str, str], folder: Path) -> subprocess.Popen[bytes]:
    """Start `argv` in a session of its own, writing to `log`, ended by the kernel when this process dies.

    Signal dispositions are reset: a process started with SIGINT ignored passes that on, and Dagster then copies it to
    SIGTERM and cannot be stopped.
    """
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603  argv is ours
            argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=folder,
            start_new_session=True,
            preexec_fn=_as_child,
        )


def port_owner(host: str, port: int) -> str | None:
    """Return who listens on the port, in words; None where it is free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return _listener(port) or "another process"
    return None


def _listener(port: int) -> str | None:
    try:
        connections = psutil.net_connections("tcp")
    except psutil.AccessDenied:
        return None
    for connection in connections:
        is_here = connection.laddr[1:2] == (port,)
        if is_here and connection.status == psutil.CONN_LISTEN and connection.pid:
            return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
    return None


def adopt_orphans() -> None:
    """Become the parent of descendants whose own parent dies (Linux; elsewhere heartbeats end code servers)."""
    if _LIBC:
        _LIBC.prctl(_PR_SET_CHILD_SUBREAPER, 1)


def reset_signals() -> None:
    """Undo what was inherited: ignored and blocked signals."""
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def _as_child() -> None:
    reset_signals()
    if _LIBC:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def descendants() -> list[psutil.Process]:
    """Return every process below this one."""
    below: list[psutil.Process] = psutil.Process().children(recursive=True)
    return below


def reap_orphans(own: Sequence[Child]) -> None:
    """Collect adopted children that have ended; those of `own` are collected by their Popen."""
    known = {child.pid for child in own}
    for child in psutil.Process().children():
        if child.pid not in known and child.status() == psutil.STATUS_ZOMBIE:
            os.waitpid(child.pid, os.WNOHANG)


def end_descendants(own: Sequence[Child], *, grace_s: float = GRACE_S) -> None:
    """End every process below this one: SIGTERM to all, SIGKILL after `grace_s` to what is left."""
    _signal_all(signal.SIGTERM)
    deadline = time.monotonic() + grace_s
    while _living(own) and time.monotonic() < deadline:
        time.sleep(0.05)
    while _living(own):
        _signal_all(signal.SIGKILL)
        time.sleep(0.05)


def _living(own: Sequence[Child]) -> bool:
    for child in own:
        child.poll()
    reap_orphans(own)
    return any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in descendants())


def _signal_all(number: signal.Signals) -> None:
    for process in descendants():
        try:
            process.send_signal(number)
        except psutil.NoSuchProcess:
            continue
