"""Server clocks: whether a week in which Europe's and New York's daylight saving differ is on the one or the other.

Belongs here: the evidence of activity by the hour. Not here: that of the weekly open and close (`weekly_hours`).

For about four weeks a year New York has daylight saving and Europe has not. A server on European time then shows
London's morning at its usual hour and New York's day an hour early; a server that follows New York shows London's
morning an hour late and New York's day at its usual hour. Its weekly open and close need not tell: where it drops
Sundays, both look alike. Which of the two a week resembles is told by the ticks of each hour, compared with the other
weeks of the file.

Measured on the MetaTrader export of ../shared/data against Lean's and Dukascopy's bars, 2015 to 2018: of 13 such weeks
12 are European and have scores of +.03 to +.07, the 13th (30 October 2017) is New York's until Thursday and has -.02.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

_NEW_YORK_SETS_THE_PACE: Final = 14
"""From this server hour on activity follows New York's clock, before it London's."""
_HOURS: Final = (2, 22)
_MIN_WEEKS: Final = 20

Floats = npt.NDArray[np.float64]


def follows_new_york(
    wall: npt.NDArray[np.datetime64],
    ticks: Floats,
    week: npt.NDArray[np.int64],
    doubtful: npt.NDArray[np.int64],
    usual: npt.NDArray[np.int64],
) -> dict[int, bool] | None:
    """Return for each doubtful week whether its hours of activity are those of a server on New York's daylight saving.

    Parameters
    ----------
    wall : datetime64[us] of shape (n_bars,)
        Open times by the server's clock.
    ticks : ndarray of shape (n_bars,)
        Tick volume; hours without any do not count.
    week : int64 of shape (n_bars,)
        Number of each bar's week.
    doubtful : int64 of shape (n_doubtful,)
        Numbers of the weeks to tell.
    usual : int64 of shape (n_usual,)
        Numbers of the weeks in which both clocks are one, to compare with.

    Returns
    -------
    dict or None
        None where the file has no ticks or under 20 usual weeks.
    """
    bars = pd.DataFrame({"hour": wall.astype("M8[h]"), "week": week, "ticks": ticks})
    hour = bars.groupby(["week", "hour"])["ticks"].sum().reset_index()
    hour = hour[hour["ticks"] > 0]
    activity = np.log(hour["ticks"])
    activity -= activity.groupby(hour["hour"].to_numpy().astype("M8[D]")).transform("mean")
    of_day = pd.Series(pd.DatetimeIndex(hour["hour"]).hour, index=hour.index)
    is_usual = hour["week"].isin(usual)
    if hour.loc[is_usual, "week"].nunique() < _MIN_WEEKS:
        return None
    profile = activity[is_usual].groupby(of_day[is_usual]).median().reindex(range(24)).to_numpy()
    is_compared = hour["week"].isin(doubtful) & of_day.between(*_HOURS, inclusive="left")
    place = of_day[is_compared].to_numpy()
    european, new_york = _expected(profile)
    seen = activity[is_compared].to_numpy()
    advantage = (seen - new_york[place]) ** 2 - (seen - european[place]) ** 2
    score = pd.Series(advantage).groupby(hour.loc[is_compared, "week"].to_numpy()).mean()
    return dict(zip(score.index.tolist(), (score < 0).tolist(), strict=True))


def _expected(profile: Floats) -> tuple[Floats, Floats]:
    """Return the activity by server hour (24,) in such a week of a European server and of one that follows New York."""
    is_new_york = np.arange(24) >= _NEW_YORK_SETS_THE_PACE
    an_hour_early, an_hour_late = np.roll(profile, -1), np.roll(profile, 1)
    return np.where(is_new_york, an_hour_early, profile), np.where(is_new_york, profile, an_hour_late)
