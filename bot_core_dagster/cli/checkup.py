"""The checks of `bot-core doctor`: each answers one question about the installation.

Belongs here: what is looked at and when it is well. Not here: the command (`cli.doctor`), the data (`market.quality`).
A check never raises what it is there to find.
"""

import importlib
import platform
import shutil
import sys
import tempfile
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot_core_dagster.errors import BotCoreError
from bot_core_dagster.places import PROJECT_ROOT, settings_file, state_home

_WARN_FREE: Final = 0.20
_FAIL_FREE: Final = 0.10
_PORT: Final = 3000
_ZONES: Final = ("America/New_York", "Europe/Athens", "UTC")


@dataclass(frozen=True)
class Finding:
    """What a check found; `next_step` is "" where all is well."""

    name: str
    verdict: Literal["ok", "warn", "fail"]
    detail: str
    next_step: str = ""


def python_version() -> Finding:
    """Say which Python this is."""
    return Finding("python", "ok", f"{platform.python_version()} at {sys.executable}")


def packages() -> Finding:
    """Compare the installed packages with constraints.txt."""
    pinned = PROJECT_ROOT / "constraints.txt"
    if not pinned.is_file():
        return Finding("packages", "warn", f"no {pinned} to compare with", "run from a checkout")
    lines = (line.partition("#")[0].partition(";")[0].strip() for line in pinned.read_text().splitlines())
    wanted = dict(line.split("==", 1) for line in lines if "==" in line)
    other = [
        f"{name} {came} (pinned {pin})" for name, pin in wanted.items() if (came := _installed(name)) not in (None, pin)
    ]
    needed = [name for name in _requirements() if _installed(name) is None]
    step = f"make clean, then make run; or pip install -c {pinned} -e {PROJECT_ROOT}"
    if needed:
        return Finding("packages", "fail", f"not installed: {', '.join(needed)}", step)
    if other:
        shown = ", ".join(other[:3]) + (f" and {len(other) - 3} more" if len(other) > 3 else "")
        return Finding("packages", "warn", f"not as pinned: {shown}", step)
    return Finding("packages", "ok", f"{len(wanted)} as pinned")


def settings() -> Finding:
    """Read the settings."""
    from bot_core_dagster.settings import load_settings

    try:
        watchlist = load_settings().watchlist
    except BotCoreError as error:
        return Finding("settings", "fail", str(error), f"edit {settings_file()}")
    if not watchlist:
        return Finding("settings", "warn", "the watchlist is empty", "bot-core symbols add BTCUSDT")
    return Finding("settings", "ok", f"{settings_file()}, {len(watchlist)} instruments")


def state_folder() -> Finding:
    """Write to the folder of all state."""
    home = state_home()
    try:
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=home):
            return Finding("state", "ok", str(home))
    except OSError as error:
        return Finding("state", "fail", f"{home}: {error.strerror}", "set BOT_CORE_HOME to a folder of yours")


def disk_space() -> Finding:
    """Measure the room on the disk of the state."""
    home = state_home()
    there = next(folder for folder in (home, *home.parents) if folder.exists())
    usage = shutil.disk_usage(there)
    free = usage.free / usage.total
    detail = f"{usage.free / 1e9:,.1f} GB of {usage.total / 1e9:,.0f} GB free ({free:.0%})"
    if free >= _WARN_FREE:
        return Finding("disk", "ok", detail)
    return Finding("disk", "fail" if free < _FAIL_FREE else "warn", detail, f"free some space, or move {home}")


def lake() -> Finding:
    """Open the lake and count the rows of its tables: they must be those of their logs."""
    from bot_core_dagster.lake import default_lake

    try:
        own = default_lake(create=True)
        tables = own.tables()
        for table in tables:
            counted = own.sql(f"select count(*) as n from {table.name}")["n"][0].as_py()  # noqa: S608  a table's own name
            if counted != table.n_rows:
                detail = f"table {table.name} holds {counted:,} rows, its log says {table.n_rows:,}"
                return Finding("lake", "fail", detail, "restore the lake from a copy")
    except BotCoreError as error:
        return Finding("lake", "fail", str(error), "restore the lake from a copy, or set BOT_CORE_HOME to a new folder")
    if not tables:
        return Finding("lake", "ok", "empty", "bot-core run")
    size_mb = sum(table.size_bytes for table in tables) / 1e6
    return Finding("lake", "ok", f"{len(tables)} tables, {size_mb:,.1f} MB, every row count agrees")


def dagster_home() -> Finding:
    """Make Dagster's home."""
    from bot_core_dagster.cli.home import prepare_dagster_home

    try:
        return Finding("dagster", "ok", str(prepare_dagster_home()))
    except BotCoreError as error:
        return Finding("dagster", "fail", str(error), "run from a checkout")


def port() -> Finding:
    """Look who has the port of the web interface."""
    from bot_core_dagster.cli.processes import port_owner

    owner = port_owner("127.0.0.1", _PORT)
    if owner:
        return Finding("port", "warn", f"{_PORT} is taken by {owner}", f"bot-core up --port {_PORT + 1}")
    return Finding("port", "ok", f"{_PORT} is free")


def compiled_libraries() -> Finding:
    """Load the libraries that carry machine code."""
    broken = []
    for name in ("talib", "numba", "pyarrow", "duckdb", "deltalake"):
        try:
            importlib.import_module(name)
        except Exception as error:  # noqa: BLE001  a broken library raises anything, and that is what is looked for
            broken.append(f"{name}: {error}")
    if broken:
        return Finding("libraries", "fail", "; ".join(broken), "make clean, then make run")
    return Finding("libraries", "ok", "TA-Lib, numba, pyarrow, duckdb and deltalake load")


def time_zones() -> Finding:
    """Look zones up in the time zone database."""
    try:
        for zone in _ZONES:
            ZoneInfo(zone)
    except ZoneInfoNotFoundError as error:
        return Finding("time zones", "fail", str(error), "pip install tzdata")
    return Finding("time zones", "ok", f"{', '.join(_ZONES)} are known")


CHECKS: Final[tuple[Callable[[], Finding], ...]] = (
    python_version,
    packages,
    settings,
    state_folder,
    disk_space,
    lake,
    dagster_home,
    port,
    compiled_libraries,
    time_zones,
)


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _requirements() -> list[str]:
    """Return the names of what the core needs on this machine."""
    from packaging.requirements import Requirement

    content = tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    asked = [Requirement(one) for one in content["project"]["dependencies"]]
    return [one.name for one in asked if one.marker is None or one.marker.evaluate()]
