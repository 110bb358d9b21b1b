"""The page of a review.

Belongs here: which figure stands where, and in which words. Not here: the figures (`portfolio`), the charts
(`reports.portfolio.charts`), how it looks (`reports/templates`).
"""

from typing import Final

from bot_core_dagster.portfolio.recommendations import Recommendation
from bot_core_dagster.portfolio.report import PortfolioReport, SleeveReview
from bot_core_dagster.reports.figures import counted, day, day_end, money, percentage, ratio, share, tone
from bot_core_dagster.reports.page import card, page_html
from bot_core_dagster.reports.portfolio.caveats import caveats, facts
from bot_core_dagster.reports.portfolio.charts import charts
from bot_core_dagster.reports.provenance import Provenance

_CSS: Final = {"beyond": "beyond", "cannot be judged": "unknown", "within": "within"}


def portfolio_report_html(report: PortfolioReport, provenance: Provenance) -> str:
    """Return the review as one self-contained HTML page; see `reports.page.page_html`.

    Raises
    ------
    TimeError
        If `generated_at` has no zone.
    """
    return page_html(
        "portfolio.html.j2",
        charts(report),
        provenance,
        report=report,
        lead=_lead(report),
        outcome=_outcome(report),
        cards=_cards(report),
        day_end=day_end(report.window.sampling),
        recommendations=[_recommendation(one) for one in report.recommendations],
        profit_month=money(report.attribution.profit, signed=True),
        profit_inception=money(report.attribution_since_inception.profit, signed=True),
        sleeves=[_sleeve(one) for one in report.sleeves],
        total=_total(report),
        caveats=caveats(report),
        facts=facts(report),
    )


def _lead(report: PortfolioReport) -> str:
    month = report.month
    verb = "made" if month.profit >= 0 else "lost"
    held = percentage(month.buy_and_hold_return)
    n_instruments = len(report.symbols)
    return (
        f"{', '.join(report.strategies)} on {n_instruments} instrument{'s' * (n_instruments != 1)} {verb} "
        f"{money(abs(month.profit))} ({percentage(month.total_return)}) after costs; buying and holding the same "
        f"split: {held}."
    )


def _outcome(report: PortfolioReport) -> dict[str, str]:
    verdicts = [one.verdict for one in report.recommendations]
    n_beyond, n_unknown = verdicts.count("beyond"), verdicts.count("cannot be judged")
    if n_beyond:
        word, css = f"{n_beyond} limit{'s' * (n_beyond != 1)} broken", "beyond"
    elif n_unknown:
        word, css = f"{n_unknown} limit{'s' * (n_unknown != 1)} cannot be judged", "unknown"
    else:
        word, css = "Within all limits", "within"
    sentence = "" if css == "within" else f"{report.outcome[0].upper()}{report.outcome[1:]}."
    return {"word": word, "css": css, "sentence": sentence}


def _cards(report: PortfolioReport) -> list[dict[str, object]]:
    month, whole = report.month, report.since_inception
    return [
        card(
            f"Return, {report.window.title}",
            percentage(month.total_return),
            tone(month.total_return),
            f"Buy and hold {percentage(month.buy_and_hold_return)}",
            f"Last 30 days {percentage(report.trailing_30d_return)}",
        ),
        card(
            "Return since inception",
            percentage(whole.total_return),
            tone(whole.total_return),
            f"Buy and hold {percentage(whole.buy_and_hold_return)}",
            f"Since {day(whole.start)}",
        ),
        card(
            "Sharpe ratio since inception",
            ratio(whole.sharpe_ratio),
            "",
            f"{share(whole.confidence)} interval {ratio(whole.sharpe_low)} to {ratio(whole.sharpe_high)}",
            f"n = {whole.n_periods}, P = {whole.periods_per_year}, N = {counted(whole.n_trials, 'trial')}; "
            f"month {ratio(month.sharpe_ratio)}",
        ),
        card(
            "Deepest drawdown over bar closes",
            percentage(whole.max_drawdown),
            "",
            f"Within the month {percentage(month.max_drawdown)}",
            f"In the month, below the peak {percentage(report.drawdown_from_peak)}",
        ),
        card(
            "Trades closed in the month",
            str(month.trades.n_closed),
            "",
            f"Won {share(month.trades.win_rate)}, still open {month.trades.n_open}",
            f"Since inception {whole.trades.n_closed}, won {share(whole.trades.win_rate)}",
        ),
        card(
            "What costs took since inception",
            percentage(whole.gross_return - whole.total_return, signed=False),
            "",
            f"No costs {percentage(whole.gross_return)}",
            f"1 × {percentage(whole.total_return)}, 2 × {percentage(whole.double_cost_return)}",
        ),
    ]


def _recommendation(one: Recommendation) -> dict[str, str]:
    return {
        "metric": one.limit.metric[0].upper() + one.limit.metric[1:],
        "period": one.limit.period,
        "verdict": one.verdict,
        "css": _CSS[one.verdict],
        "value": one.shown(one.value).replace("-", "−"),
        "side": one.limit.side,
        "threshold": one.shown(one.limit.threshold).replace("-", "−"),
        "advice": one.advice,
        "setting": one.limit.setting if one.verdict == "beyond" else "",
    }


def _sleeve(one: SleeveReview) -> dict[str, object]:
    state = one.state if one.state in ("up to date", "no rows") else f"{one.state}, last {day(one.last_row)}"
    state = f"{state}, since {day(one.first_row)}" if one.state == "up to date" else state
    return {
        "name": str(one.sleeve),
        "is_frozen": not one.is_current,
        "tone": tone(one.month_profit),
        "profit": money(one.month_profit, signed=True),
        "ret": percentage(one.month_return),
        "held": percentage(one.month_buy_and_hold),
        "n_trades": str(one.month_trades),
        "win_rate": share(one.month_win_rate),
        "equity": money(one.end_equity),
        "total_tone": tone(one.total_profit),
        "total_profit": money(one.total_profit, signed=True),
        "total_ret": percentage(one.total_return),
        "max_drawdown": percentage(one.max_drawdown),
        "total_trades": str(one.total_trades),
        "state": f"SIMULATED, {state}" if one.is_simulated else state,
    }


def _total(report: PortfolioReport) -> list[str]:
    month, whole = report.month, report.since_inception
    return [
        "Portfolio",
        money(month.profit, signed=True),
        percentage(month.total_return),
        percentage(month.buy_and_hold_return),
        str(month.trades.n_closed),
        share(month.trades.win_rate),
        money(whole.end_equity),
        money(whole.profit, signed=True),
        percentage(whole.total_return),
        percentage(whole.max_drawdown),
        str(whole.trades.n_closed),
    ]
