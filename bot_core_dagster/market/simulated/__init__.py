"""The simulated source: a deterministic market, usable to test strategies, with faults on request.

Belongs here: everything that makes bars which no market made. Not here: real sources (`market.files`,
`market.exchange`).
"""

from bot_core_dagster.market.simulated.faults import NO_FAULTS, Faults
from bot_core_dagster.market.simulated.source import SimulatedSource

__all__ = ["NO_FAULTS", "Faults", "SimulatedSource"]
