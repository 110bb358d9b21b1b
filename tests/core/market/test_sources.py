"""What is asked of a source: new bars, the last ones again, and those that are missing."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot_core_dagster.errors import SourceError, TimeError, TransientSourceError
from bot_core_dagster.market.bar import empty_bars
from bot_core_dagster.market.calendars import calendar
from bot_core_dagster.market.intake import Admission
from bot_core_dagster.market.source import Fetched, Progress, joined
from bot_core_dagster.market.sources import (
    OVERLAP_BARS,
    REFETCH_BARS,
    REFETCH_SPAN,
    first_to_refetch,
    new_bars,
)
from bot_core_dagster.settings import Instrument
from bot_core_dagster.timeframe import Timeframe
from tests.builders import bars, instrument

HOUR = timedelta(hours=1)
START = datetime(2024, 1, 1, tzinfo=UTC)
LIVE = instrument(source="ccxt")
EURUSD = instrument(symbol="EURUSD", base="EUR", quote="USD", calendar="fx", price_side="bid", source="ccxt")


class Feed:
    """A source that holds bars and does not have some of them yet; it remembers what it was asked."""

    name = "feed"

    def __init__(self, held: pd.DataFrame, absent: Collection[int] = ()) -> None:
        self.held = held
        self.absent = set(absent)
        self.asked: list[tuple[datetime, datetime]] = []
        self.fails_before: datetime | None = None

    def fetch(
        self,
        instrument: Instrument,  # noqa: ARG002 the protocol's
        start: datetime,
        end: datetime,
        progress: Progress | None = None,  # noqa: ARG002 the protocol's
    ) -> Fetched:
        """Return the closed bars of the range that it has by now."""
        self.asked.append((start, end))
        if self.fails_before and end < self.fails_before:
            raise TransientSourceError("time-out")
        there = self.held.drop(index=list(self.absent))
        is_asked = (there["open_time"] >= start) & (there["close_time"] <= end)
        return Fetched(there[is_asked].reset_index(drop=True), notes=("of the feed",))


def _run(feed: Feed, stored: pd.DataFrame, now: datetime) -> tuple[pd.DataFrame, Admission]:
    """Bring the bars up to `now` as a run does, and return them with what came."""
    opens = pd.DatetimeIndex(stored["open_time"])
    came = new_bars(
        {"ccxt": feed},
        LIVE,
        history_start=START,
        last_open_time=opens.max().to_pydatetime() if len(opens) else None,
        missing_since=first_to_refetch(opens, LIVE, now) if len(opens) else None,
        now=now,
    )
    both = pd.concat([one for one in (stored, came.bars) if len(one)], ignore_index=True)
    return both.drop_duplicates("open_time").sort_values("open_time", ignore_index=True), came


def test_without_missing_bars_the_last_ones_are_asked_for_again_and_no_more() -> None:
    feed = Feed(bars(500))
    stored, _ = _run(feed, empty_bars(), START + 400 * HOUR)
    stored, came = _run(feed, stored, START + 410 * HOUR)
    assert feed.asked == [
        (START, START + 400 * HOUR),
        (START + (399 - OVERLAP_BARS) * HOUR, START + 410 * HOUR),
    ]
    assert (len(stored), came.n_read, came.notes) == (410, 35, ("of the feed",))


@pytest.mark.parametrize("absent", [range(300, 301), range(50, 90), range(370, 390)], ids=["one", "long ago", "late"])
def test_bars_that_come_later_than_the_overlap_are_brought(absent: range) -> None:
    feed = Feed(bars(500), absent)
    stored, _ = _run(feed, empty_bars(), START + 400 * HOUR)
    feed.absent.clear()
    feed.asked.clear()
    stored, came = _run(feed, stored, START + 450 * HOUR)
    pd.testing.assert_frame_equal(stored, feed.held.head(450))
    assert any("bars are missing from" in note for note in came.notes) is (absent[0] < 399 - OVERLAP_BARS)
    n_extra = sum((end - start) // HOUR for start, end in feed.asked) - (51 + OVERLAP_BARS)
    assert len(feed.asked) <= 2
    assert n_extra <= REFETCH_BARS + 2 * OVERLAP_BARS


def test_a_hole_that_stays_costs_one_more_fetch_a_run_and_keeps_no_other_from_being_filled() -> None:
    """The first 300 bars of it never come; those after them do, within a few runs."""
    never, late = range(100, 400), range(500, 520)
    feed = Feed(bars(720), {*never, *late})
    stored, _ = _run(feed, empty_bars(), START + 600 * HOUR)
    feed.absent = set(never)
    feed.asked.clear()
    for hour in range(601, 621):
        stored, _ = _run(feed, stored, START + hour * HOUR)
    assert len(stored) == 620 - len(never)
    assert len(feed.asked) <= 40
    assert max((end - start) // HOUR for start, end in feed.asked) <= REFETCH_BARS + 4 * OVERLAP_BARS


@given(st.sets(st.integers(1, 598), max_size=200), st.integers(0, 3_590))
@settings(deadline=None, max_examples=15)
def test_whatever_was_missing_in_25_days_comes_within_three_runs(absent: set[int], second: int) -> None:
    feed = Feed(bars(720), absent)
    stored, _ = _run(feed, empty_bars(), START + 600 * HOUR)
    feed.absent.clear()
    for turn in range(3):
        stored, _ = _run(feed, stored, START + 600 * HOUR + timedelta(seconds=second + turn))
    pd.testing.assert_frame_equal(stored, feed.held.head(600))


def test_new_bars_come_although_the_missing_ones_cannot_be_asked_for() -> None:
    feed = Feed(bars(720), range(100, 110))
    stored, _ = _run(feed, empty_bars(), START + 600 * HOUR)
    feed.fails_before = START + 600 * HOUR
    stored, came = _run(feed, stored, START + 601 * HOUR)
    assert len(stored) == 591
    assert came.notes[:2] == (
        "bars are missing from 2024-01-05 04:00 on: asked for again",
        "time-out; the next run asks again",
    )


def test_a_source_that_gives_no_new_bars_is_an_error_whatever_is_missing() -> None:
    feed = Feed(bars(720), range(100, 110))
    stored, _ = _run(feed, empty_bars(), START + 600 * HOUR)
    feed.fails_before = START + 700 * HOUR
    with pytest.raises(SourceError, match="time-out"):
        _run(feed, stored, START + 601 * HOUR)


def test_nothing_before_the_history_is_asked_for() -> None:
    feed = Feed(bars(500, start=START - 100 * HOUR), [103])
    stored, _ = _run(feed, empty_bars(), START + 390 * HOUR)
    feed.absent.clear()
    stored, _ = _run(feed, stored, START + 390 * HOUR)
    assert stored["open_time"].iloc[0] == START
    assert len(stored) == 390


@pytest.mark.parametrize(
    ("n_days", "missing", "first"),
    [
        (10, [], None),
        (10, [30], 30),
        (10, [30, 31, 32, 100], 30),
        (10, [240 - OVERLAP_BARS], None),
        (10, [238 - OVERLAP_BARS], 238 - OVERLAP_BARS),
        (60, [60 * 24 - 31 * 24], None),
        (60, [60 * 24 - 31 * 24, 60 * 24 - 29 * 24], 60 * 24 - 29 * 24),
        (0, [], None),
    ],
    ids=["none", "one", "several", "in the overlap", "just before it", "too old", "old and recent", "no bars"],
)
def test_the_first_missing_bar_of_the_last_days_is_asked_for(
    n_days: int, missing: list[int], first: int | None
) -> None:
    opens = pd.DatetimeIndex(bars(60 * 24)["open_time"])[: n_days * 24].delete(missing)
    found = first_to_refetch(opens, LIVE, START + timedelta(days=n_days))
    assert found == (None if first is None else START + first * HOUR)


def test_weekends_are_not_missing() -> None:
    opens = calendar("fx").bar_open_times(Timeframe.H1, *pd.to_datetime(["2024-02-01", "2024-02-28"], utc=True))
    now = datetime(2024, 2, 28, tzinfo=UTC)
    assert first_to_refetch(opens, EURUSD, now) is None
    assert first_to_refetch(opens.delete(100), EURUSD, now) == opens[100]


def test_runs_take_turns_at_stretches_that_do_not_fit_in_one_page() -> None:
    opens = pd.DatetimeIndex(bars(720)["open_time"]).delete(range(10, 680))
    nows = [START + 720 * HOUR + timedelta(minutes=minute) for minute in range(60)]
    asked = {first_to_refetch(opens, LIVE, now) for now in nows}
    assert asked == {START + (10 + turn * REFETCH_BARS) * HOUR for turn in range(3)}
    assert first_to_refetch(opens, LIVE, nows[7]) == first_to_refetch(opens, LIVE, nows[7])


def test_a_naive_now_is_refused() -> None:
    with pytest.raises(TimeError, match="zone"):
        first_to_refetch(pd.DatetimeIndex(bars(5)["open_time"]), LIVE, datetime(2024, 2, 1))  # noqa: DTZ001 naive on purpose


def test_answers_are_joined_with_what_they_refused_and_each_note_once() -> None:
    refused = bars(1).assign(reason="high below low", line=float("nan"), origin="feed")
    parts = [Fetched(bars(3), notes=("a", "b")), Fetched(empty_bars(), refused, ("b",)), Fetched(bars(2), notes=("c",))]
    whole = joined(parts)
    assert (len(whole.bars), whole.notes) == (5, ("a", "b", "c"))
    assert whole.quarantined is not None
    assert len(whole.quarantined) == 1
    assert (len(joined([]).bars), joined([]).quarantined) == (0, None)


def test_a_span_of_hours_is_asked_for_in_a_few_turns() -> None:
    assert -(-REFETCH_SPAN // (REFETCH_BARS * HOUR)) <= 3
