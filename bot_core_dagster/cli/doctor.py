"""`bot-core doctor`: is this installation sound, and what to do where it is not.

Belongs here: the command and its rendering. Not here: the checks (`cli.checkup`), the state of the data (`cli.status`).
"""

import typer

from bot_core_dagster.cli.console import console, emit_json, progress_bar, table, verdict
from bot_core_dagster.cli.guard import FAILED, JsonFlag


def doctor(as_json: JsonFlag = False) -> None:
    """Check the installation: packages, settings, disk, lake, ports; each finding with the next step."""
    from bot_core_dagster.cli.checkup import CHECKS

    findings = []
    with progress_bar("checking", is_quiet=as_json) as progress:
        for done, check in enumerate(CHECKS):
            progress(done / len(CHECKS), check.__name__.replace("_", " "))
            findings.append(check())
    if as_json:
        emit_json(findings)
    else:
        rows = [(verdict(one.verdict), one.name, one.detail, one.next_step) for one in findings]
        console().print(table(("", "check", "found", "next"), rows))
    if any(one.verdict == "fail" for one in findings):
        raise typer.Exit(FAILED)
