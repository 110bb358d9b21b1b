"""The page in a real browser: charts are drawn, nothing is asked of the network, nothing is complained about."""

import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot_core_dagster.reports import Provenance, portfolio_report_html
from tests.core.reports.reviewed import report

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PROVENANCE = Provenance(datetime(2024, 5, 1, tzinfo=UTC), "1.0")

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium to open the page with")


def opened(html: str, folder: Path) -> tuple[str, list[str]]:
    """Return the document after its scripts ran, and what the browser's console said."""
    (folder / "report.html").write_text(html, encoding="utf-8")
    assert CHROMIUM is not None
    flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--dump-dom"]
    flags += ["--enable-logging=stderr", "--virtual-time-budget=5000", f"--user-data-dir={folder / 'profile'}"]
    done = subprocess.run(
        [CHROMIUM, *flags, (folder / "report.html").as_uri()], capture_output=True, text=True, timeout=120, check=True
    )
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


@pytest.mark.parametrize("is_simulated", [True, False], ids=["simulated", "real"])
def test_all_charts_are_drawn_and_the_console_is_silent(is_simulated: bool, tmp_path: Path) -> None:
    dom, console = opened(portfolio_report_html(report(is_simulated=is_simulated), PROVENANCE), tmp_path)
    assert console == []
    assert len(re.findall(r'class="js-line"', dom)) >= 3
    assert len(re.findall(r'class="point"', dom)) >= 4


def test_the_policy_of_the_page_stops_a_request_and_says_so(tmp_path: Path) -> None:
    html = portfolio_report_html(report(), PROVENANCE)
    _, console = opened(html.replace("</main>", '<img src="http://192.0.2.1/x.png"></main>', 1), tmp_path)
    assert any("Content Security Policy" in line for line in console)
