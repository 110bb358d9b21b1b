"""Resources: what holds a connection or a credential, as thin Dagster wrappers.

Not here: what the wrapped thing does (`bot_core_dagster`).
"""
