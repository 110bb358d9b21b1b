"""Reports of models: their pictures.

Belongs here: what a training, its evaluation, a forecast and its scores look like. Not here: the models
(`bot_core_dagster.models`), pieces that pages and pictures share (`reports`).
"""
