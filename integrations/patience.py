"""How long to wait before a failed delivery is tried again."""

import random
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class Policy:
    """How long a channel is patient: full jitter up to `cap` seconds, `attempts` at the most."""

    base: float
    cap: float
    attempts: int

    def delay(self, attempt: int, *, at_least: float | None = None) -> timedelta:
        """Return how long to wait after failed attempt number `attempt` (from 1)."""
        ceiling = min(self.cap, self.base * 2 ** min(attempt - 1, 30))
        return timedelta(seconds=max(random.uniform(0, ceiling), at_least or 0.0))  # noqa: S311  not a secret
