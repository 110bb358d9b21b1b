"""The features: one file an indicator; a file dropped in here adds its columns (see `features.registry`).

Belongs here: arithmetic on a `BarRun`. Not here: missing bars (a run has none), frames, storage.
"""
