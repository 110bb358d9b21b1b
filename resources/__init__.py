"""Resources: what holds a connection, a credential or processes; most are thin Dagster wrappers.

Not here: what the wrapped thing does (`bot_core_dagster`).
"""
