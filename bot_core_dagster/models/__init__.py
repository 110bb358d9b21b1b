"""Models: trained on features and labels, compared on what neither has seen, promoted, and watched.

Belongs here: labels, windows, networks and boosting, their training, evaluation, promotion, forecasts and scores. Not
here: features (`features`), tests of skill (`validation`), pictures (`reports`), Dagster and MLflow (`assets`,
`resources`).
"""
