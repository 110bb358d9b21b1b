"""Market data: bars, where they come from, what is believed of them.

Belongs here: the bar, sources and file formats, trading calendars, missing bars, intake, quality, resampling. Not here:
storage (`lake`), anything computed from bars (`features`, `strategies`).
"""
