"""A reason: one thing that a decision looks at, as a number and in words.

Belongs here: the shape that every gate records its reasons in. Not here: what is asked (`optimization.gate`,
`models.promotion`).
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Reason:
    """One thing that a gate looks at.

    name : what, in a few words
    value, limit : what came, and what it is compared with; NaN is undefined, a limit of NaN asks nothing
    is_met : whether it speaks for the candidate; what asks nothing is met
    words : the same as a sentence
    """

    name: str
    value: float
    limit: float
    is_met: bool
    words: str

    @property
    def is_asked(self) -> bool:
        """Whether the decision hangs on it."""
        return not math.isnan(self.limit)


def unmet(reasons: Iterable[Reason]) -> list[str]:
    """Return the words of each reason that is asked for and not met."""
    return [reason.words for reason in reasons if reason.is_asked and not reason.is_met]
