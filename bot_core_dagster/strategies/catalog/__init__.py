"""The strategies: one file each, found by `strategies.registry`.

Belongs here: files that hold strategies. Not here: what they share (one level up), indicators that are columns of the
features table (`features.catalog`).
"""
