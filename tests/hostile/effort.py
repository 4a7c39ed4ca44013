"""How hard to try: a few examples, always the same, in `make test`; with `make fuzz` as many as it asks for."""

import os

from hypothesis import HealthCheck, settings

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "0"))


def effort(few: int) -> settings:
    """Take how many examples do in `make test`, return the settings of a test."""
    return settings(
        max_examples=EXAMPLES or few,
        stateful_step_count=50 if EXAMPLES else 25,
        deadline=None,
        database=None,
        derandomize=not EXAMPLES,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
