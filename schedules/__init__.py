"""Schedules: when by the clock (UTC).

Not here: what runs (`jobs`), reactions to events (`sensors`).
"""

from datetime import timedelta
from typing import Final

import dagster as dg

from assets.current import SEARCH_FROM, searchable
from assets.partitions import SYMBOLS, stretches, symbol_range_tags
from jobs import collect_market_data, daily_retrain_models, optimize_strategies, portfolio_review, tidy_up
from resources.lake import LakeResource
from resources.market import SettingsResource

TRAINED_AT_ONCE: Final = 6
"""Symbols of one run: every kind of model of one takes four to seven minutes, and a run an hour at most."""


@dg.schedule(job=collect_market_data, cron_schedule="0 * * * *", default_status=dg.DefaultScheduleStatus.RUNNING)
def hourly_market_data(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Collect the bars of every symbol at each full hour, as one run."""
    symbols = list(context.instance.get_dynamic_partitions(str(SYMBOLS.name)))
    if not symbols:
        return dg.SkipReason("no symbols yet: the watchlist sensor adds them within a minute of its start")
    return dg.RunRequest(tags=symbol_range_tags(symbols))


@dg.schedule(job=optimize_strategies, cron_schedule="0 3 * * 0", default_status=dg.DefaultScheduleStatus.RUNNING)
def weekly_optimization(
    context: dg.ScheduleEvaluationContext, lake: LakeResource, settings: SettingsResource
) -> list[dg.RunRequest] | dg.SkipReason:
    """Search the parameters of every strategy on Sunday at 03:00, for the symbols that have bars enough."""
    there = list(context.instance.get_dynamic_partitions(str(SYMBOLS.name)))
    watched = [one for one in settings.load().watchlist if one.symbol in there]
    symbols = [one.symbol for one in searchable(lake.open(), watched)]
    if not symbols:
        return dg.SkipReason(f"no symbol has {SEARCH_FROM.days} days of bars yet: nothing to search on")
    return [dg.RunRequest(tags=symbol_range_tags(together)) for together in stretches(there, symbols)]


@dg.schedule(job=daily_retrain_models, cron_schedule="0 2 * * *", default_status=dg.DefaultScheduleStatus.RUNNING)
def daily_retraining(
    context: dg.ScheduleEvaluationContext, lake: LakeResource, settings: SettingsResource
) -> list[dg.RunRequest] | dg.SkipReason:
    """Train the models of every symbol that has bars enough, every day at 02:00, a few symbols a run."""
    there = list(context.instance.get_dynamic_partitions(str(SYMBOLS.name)))
    known = settings.load()
    watched = [one for one in known.watchlist if one.symbol in there]
    symbols = [one.symbol for one in searchable(lake.open(), watched)]
    if not symbols or not known.models.types:
        return dg.SkipReason(f"no symbol has {SEARCH_FROM.days} days of bars yet, or no model is enabled")
    return [
        dg.RunRequest(tags=symbol_range_tags(together[first : first + TRAINED_AT_ONCE]))
        for together in stretches(there, symbols)
        for first in range(0, len(together), TRAINED_AT_ONCE)
    ]


@dg.schedule(job=portfolio_review, cron_schedule="0 4 1 * *", default_status=dg.DefaultScheduleStatus.RUNNING)
def monthly_portfolio_review(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """Review the month that has just ended, on day 1 at 04:00."""
    first_of_this_month = context.scheduled_execution_time.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    last_month = (first_of_this_month - timedelta(days=1)).replace(day=1)
    return dg.RunRequest(partition_key=last_month.strftime("%Y-%m-%d"))


daily_tidy_up = dg.ScheduleDefinition(
    name="daily_tidy_up", job=tidy_up, cron_schedule="30 3 * * *", default_status=dg.DefaultScheduleStatus.RUNNING
)

SCHEDULES = [hourly_market_data, weekly_optimization, daily_retraining, monthly_portfolio_review, daily_tidy_up]
