"""A decision of the gate: what is in force, what was proposed, and the reasons.

Belongs here: the nouns that the gate and the table of parameters share. Not here: how it is decided
(`optimization.gate`), how it is kept (`optimization.parameters`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from bot_core_dagster.validation.reason import Reason, unmet


@dataclass(frozen=True)
class DeployedParameters:
    """The parameters of a strategy on an instrument that are in force.

    version : counts what was ever put in force, from 1 on
    window_start, window_end : the rows that they were chosen on, UTC; what comes after is new to them
    n_trials : distinct trials of the question when they were chosen, over all time
    """

    strategy: str
    symbol: str
    timeframe: str
    version: int
    parameters: Mapping[str, float]
    decided_at: datetime
    window_start: datetime
    window_end: datetime
    content_hash: str
    code_version: str
    n_trials: int


@dataclass(frozen=True)
class Decision:
    """Whether a candidate is put in force, and why.

    deploy : every reason that is asked for is met
    n_trials : distinct trials of the question over all time
    deflated_sharpe_ratio : of the in-sample winner, for `n_trials`; reported, not asked for
    """

    strategy: str
    symbol: str
    timeframe: str
    deploy: bool
    reasons: tuple[Reason, ...]
    candidate: Mapping[str, float]
    objective: str
    window_start: datetime
    window_end: datetime
    content_hash: str
    code_version: str
    n_trials: int
    deflated_sharpe_ratio: float
    is_simulated: bool

    @property
    def summary(self) -> str:
        """The decision in one line: deployed, or what was missing."""
        return "deploy: every condition is met" if self.deploy else f"keep: {'; '.join(unmet(self.reasons))}"
