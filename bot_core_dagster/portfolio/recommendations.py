"""Recommendations: what the review advises, each from one metric and one limit.

Belongs here: the comparison of a figure with its limit, and what to do beyond it. Not here: the figures
(`portfolio.performance`, `portfolio.attribution`), the limits (`settings.PortfolioSettings`).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from bot_core_dagster.portfolio.attribution import Attribution, Sleeve, largest_share
from bot_core_dagster.portfolio.performance import Performance
from bot_core_dagster.settings import PortfolioSettings

Side = Literal["at most", "at least"]
Verdict = Literal["beyond", "cannot be judged", "within"]

_ORDER: Final[tuple[Verdict, ...]] = ("beyond", "cannot be judged", "within")


@dataclass(frozen=True)
class Limit:
    """A threshold, and what to do beyond it.

    metric : name of the figure
    period : what the figure is of, "month" or "since inception"
    unit : "share" is shown as a percentage, "ratio" and "count" as they are
    setting : the key of bot_core.toml that holds the threshold, "" where it follows from the watchlist
    advice : what to do beyond the limit; unknown : why the figure may be undefined
    """

    metric: str
    period: str
    unit: Literal["share", "ratio", "count"]
    side: Side
    threshold: float
    setting: str
    advice: str
    unknown: str = "The figure is undefined: too few periods, or the equity did not move."


@dataclass(frozen=True)
class Recommendation:
    """One figure against its limit; `value` is nan where it cannot be judged."""

    limit: Limit
    value: float
    verdict: Verdict

    @property
    def advice(self) -> str:
        """What to do, in words."""
        if self.verdict == "within":
            return "Nothing to do."
        return self.limit.advice if self.verdict == "beyond" else self.limit.unknown

    @property
    def text(self) -> str:
        """The recommendation in one line: metric, value, threshold and what to do."""
        value, threshold = self.shown(self.value), self.shown(self.limit.threshold)
        return (
            f"{self.limit.metric} ({self.limit.period}): {value}, limit {self.limit.side} {threshold}, "
            f"{self.verdict}. {self.advice}"
        )

    def shown(self, figure: float) -> str:
        """Return a figure of this metric as a user reads it."""
        if math.isnan(figure):
            return "undefined"
        return {"share": f"{100 * figure:.1f} %", "ratio": f"{figure:.2f}", "count": f"{figure:.0f}"}[self.limit.unit]


@dataclass(frozen=True)
class Judged:
    """What the limits look at.

    inception : the portfolio since inception
    drawdown_from_peak : the month's deepest equity below the highest since inception, over bar closes, a fraction <= 0
    attribution : since inception
    absent, stopped : sleeves without a row in the month, and those whose rows end within it, of n_sleeves
    """

    inception: Performance
    drawdown_from_peak: float
    attribution: Attribution
    absent: Sequence[Sleeve]
    stopped: Sequence[Sleeve]
    n_sleeves: int


def recommend(judged: Judged, limits: PortfolioSettings) -> tuple[Recommendation, ...]:
    """Judge every limit; what is beyond comes first, then what cannot be judged, then what is within.

    Sleeves that are not current lead, since every other figure depends on them.

    A figure that is nan is "cannot be judged", never a pass.
    """
    verdicts = [
        judge(_presence(judged), float(judged.n_sleeves - len(judged.absent) - len(judged.stopped))),
        judge(_drawdown(limits), -judged.drawdown_from_peak),
        judge(_sharpe(limits), judged.inception.sharpe_ratio),
        judge(_trades(limits), float(judged.inception.trades.n_closed)),
        judge(_costs(limits), judged.inception.cost_share),
        *_concentration(judged.attribution, limits),
    ]
    return tuple(sorted(verdicts, key=lambda one: _ORDER.index(one.verdict)))


def judge(limit: Limit, value: float) -> Recommendation:
    """Compare one figure with its limit; a value on the limit is within it."""
    if math.isnan(value):
        return Recommendation(limit, value, "cannot be judged")
    is_kept = value <= limit.threshold if limit.side == "at most" else value >= limit.threshold
    return Recommendation(limit, value, "within" if is_kept else "beyond")


def outcome(recommendations: Sequence[Recommendation]) -> str:
    """Return the outcome in one line; "within all limits" only where each could be judged and is kept."""
    beyond = [one.limit.metric for one in recommendations if one.verdict == "beyond"]
    unknown = [one.limit.metric for one in recommendations if one.verdict == "cannot be judged"]
    parts = [f"beyond the limit: {', '.join(beyond)}"] if beyond else []
    parts += [f"cannot be judged: {', '.join(unknown)}"] if unknown else []
    return "; ".join(parts) or "within all limits"


def _drawdown(limits: PortfolioSettings) -> Limit:
    return Limit(
        metric="drawdown from the peak",
        period="month",
        unit="share",
        side="at most",
        threshold=limits.max_drawdown_limit,
        setting="portfolio.max_drawdown_limit",
        advice="Cut the positions, or pause the sleeve that lost the most, until the equity has recovered.",
    )


def _sharpe(limits: PortfolioSettings) -> Limit:
    return Limit(
        metric="Sharpe ratio",
        period="since inception",
        unit="ratio",
        side="at least",
        threshold=limits.min_sharpe_ratio,
        setting="portfolio.min_sharpe_ratio",
        advice="Add no capital; stop or refit the strategy that lost the most in the attribution.",
    )


def _trades(limits: PortfolioSettings) -> Limit:
    return Limit(
        metric="closed trades",
        period="since inception",
        unit="count",
        side="at least",
        threshold=limits.min_trades,
        setting="portfolio.min_trades",
        advice="Too few trades to trust any figure here: add history or instruments before acting on it.",
    )


def _costs(limits: PortfolioSettings) -> Limit:
    return Limit(
        metric="costs as a share of gross profit",
        period="since inception",
        unit="share",
        side="at most",
        threshold=limits.max_cost_share,
        setting="portfolio.max_cost_share",
        advice="Trade less often, or where fees and spreads are lower: costs eat the edge.",
        unknown="There is no gross profit for costs to be a share of: the strategies lose before costs.",
    )


def _concentration(attribution: Attribution, limits: PortfolioSettings) -> list[Recommendation]:
    splits = {"instrument": attribution.by_instrument, "strategy": attribution.by_strategy}
    made = []
    for kind, profits in splits.items():
        name, share = largest_share(profits)
        limit = Limit(
            metric=f"largest {kind}'s share of profit and loss",
            period="since inception",
            unit="share",
            side="at most",
            threshold=limits.max_attribution_share,
            setting="portfolio.max_attribution_share",
            advice=f"The result rests on {name}: give it less, or add what earns independently of it.",
            unknown="It takes two of them with a profit or a loss to compare.",
        )
        if kind == "instrument" or len(profits) > 1:
            made.append(judge(limit, share))
    return made


def _presence(judged: Judged) -> Limit:
    parts = [f"no rows of {', '.join(map(str, judged.absent))}"] if judged.absent else []
    parts += [f"stopped early: {', '.join(map(str, judged.stopped))}"] if judged.stopped else []
    reason = "; ".join(parts)
    return Limit(
        metric="sleeves that are current",
        period="month",
        unit="count",
        side="at least",
        threshold=judged.n_sleeves,
        setting="",
        advice=f"{reason[:1].upper()}{reason[1:]}. Their equity is frozen here: see the quality verdict, repair the "
        "bars, run again.",
    )
