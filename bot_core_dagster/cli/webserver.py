"""What Dagster's webserver says over HTTP: is everything up, which runs have ended.

Belongs here: its few GraphQL questions. Not here: starting it (`cli.up`).
"""

from dataclasses import dataclass
from typing import Any, Final

import requests

from bot_core_dagster.errors import ServiceError

_TIMEOUT_S: Final = 10.0
_HEALTH: Final = """{
  workspaceOrError { ... on Workspace { locationEntries { name loadStatus
    locationOrLoadError { __typename ... on PythonError { message } } } } }
  instance { daemonHealth { allDaemonStatuses { daemonType required lastHeartbeatTime } } }
}"""
_RUNS: Final = "{ runsOrError(limit: 25) { ... on Runs { results { runId jobName status startTime endTime } } } }"
_ENDED: Final = ("SUCCESS", "FAILURE", "CANCELED")


@dataclass(frozen=True)
class EndedRun:
    """A Dagster run that is over; times in seconds since 1970 UTC, `seconds` is its duration."""

    run_id: str
    job: str
    status: str
    ended_at: float
    seconds: float


class Webserver:
    """A Dagster webserver at `url`."""

    def __init__(self, url: str) -> None:
        self.url = url

    def missing_part(self, started_at: float) -> str:
        """Return what is not up yet, "" once all is: HTTP, the definitions, and heartbeats since `started_at`.

        Raises
        ------
        ServiceError
            If the definitions were loaded and are wrong: waiting does not help.
        """
        try:
            answer = self._ask(_HEALTH)
        except requests.RequestException:
            return "webserver"
        locations = answer["workspaceOrError"].get("locationEntries", [])
        for location in locations:
            problem = location["locationOrLoadError"] or {}
            if problem.get("__typename") == "PythonError":
                first_line = problem["message"].strip().splitlines()[0]
                raise ServiceError(f"the definitions do not load: {first_line}; next: dagster definitions validate")
        if not locations or any(location["loadStatus"] != "LOADED" for location in locations):
            return "definitions"
        daemons = answer["instance"]["daemonHealth"]["allDaemonStatuses"]
        silent = [d for d in daemons if d["required"] and (d["lastHeartbeatTime"] or 0.0) < started_at]
        return "daemon" if silent else ""

    def ended_runs(self) -> list[EndedRun]:
        """Return the newest runs that are over, oldest first; none where the webserver does not answer in time."""
        try:
            runs = self._ask(_RUNS)["runsOrError"].get("results", [])
        except requests.RequestException:
            return []
        return [
            EndedRun(
                run["runId"],
                "materialisation" if run["jobName"].startswith("__") else run["jobName"],
                run["status"],
                run["endTime"],
                run["endTime"] - (run["startTime"] or run["endTime"]),
            )
            for run in reversed(runs)
            if run["status"] in _ENDED and run["endTime"]
        ]

    def _ask(self, query: str) -> dict[str, Any]:
        response = requests.post(f"{self.url}/graphql", json={"query": query}, timeout=_TIMEOUT_S)
        response.raise_for_status()
        data: dict[str, Any] = response.json()["data"]
        return data
