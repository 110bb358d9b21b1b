"""Pages in a real browser: charts are drawn, nothing is asked of the network, nothing is complained about."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from bot_core_dagster.reports import backtest_report_html, optimization_report_html, portfolio_report_html
from tests.core.reports.results import PROVENANCE, backtest, optimization
from tests.core.reports.reviewed import ODD, report

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

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


def with_script(html: str, code: str) -> str:
    """Return the page with code of a test that runs after its own."""
    return html.replace("</body>", f"<script>{code}</script></body>", 1)


def column(dom: str, place: int) -> list[str]:
    """Return the shown cells of one column of the table of trades."""
    body = dom[dom.index('id="trade-table"') :].partition("<tbody>")[2].partition("</tbody>")[0]
    rows = [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in re.findall(r"<tr>(.*?)</tr>", body)]
    return [row[place] for row in rows]


def test_all_charts_of_a_review_are_drawn_and_the_console_is_silent(tmp_path: Path) -> None:
    dom, console = opened(portfolio_report_html(report(is_simulated=True), PROVENANCE), tmp_path)
    assert console == []
    assert len(re.findall(r'class="js-line"', dom)) >= 3
    assert len(re.findall(r'class="point"', dom)) >= 4


def test_all_charts_of_a_backtest_are_drawn_and_its_trades_can_be_sorted_and_filtered(tmp_path: Path) -> None:
    html = backtest_report_html(*backtest(symbol=ODD), PROVENANCE)
    code = (
        "document.querySelectorAll('#trade-table th button')[11].click();"
        "const choice = document.querySelector('#trade-filters select');"
        "choice.value = 'short'; choice.dispatchEvent(new Event('change'));"
    )
    dom, console = opened(with_script(html, code), tmp_path)
    assert console == []
    assert dom.count('class="main-svg"') >= 12
    assert len(re.findall(r'class="(?:js-line|box)"', dom)) > 250
    profits = backtest(symbol=ODD)[0].trades.query("direction == -1")["net_profit"]
    best = [f"{100 * profit:.2f} %" for profit in profits.nlargest(25)]
    assert set(column(dom, 1)) == {"short"}
    assert [cell.replace("&nbsp;", " ") for cell in column(dom, 11)] == best
    assert f"1–25 of {len(profits)}" in dom
    assert 'aria-sort="descending"' in dom


def test_all_charts_of_an_optimisation_are_drawn_and_the_console_is_silent(tmp_path: Path) -> None:
    dom, console = opened(optimization_report_html(optimization(symbol=ODD)[0], PROVENANCE), tmp_path)
    assert console == []
    assert len(re.findall(r'class="js-line"', dom)) >= 8
    assert len(re.findall(r'class="point"', dom)) >= 20


@pytest.mark.slow
def test_a_page_of_a_single_bar_draws_what_it_has_and_the_console_is_silent(tmp_path: Path) -> None:
    dom, console = opened(backtest_report_html(*backtest(1), PROVENANCE), tmp_path)
    assert console == []
    assert dom.count('class="main-svg"') >= 4


def test_the_policy_of_the_page_stops_a_request_and_says_so(tmp_path: Path) -> None:
    html = portfolio_report_html(report(), PROVENANCE)
    _, console = opened(html.replace("</main>", '<img src="http://192.0.2.1/x.png"></main>', 1), tmp_path)
    assert any("Content Security Policy" in line for line in console)
