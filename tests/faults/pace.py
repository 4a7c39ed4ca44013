"""Time in a stack runs faster: what the product does within minutes happens within seconds.

Leases, sweeps and back-offs are constants of the product, since nobody who
runs it has a reason to change them. They are shortened in the harness's
processes only, all of them, so that what one waits for the other is kept.
"""

import os
from datetime import UTC, datetime, timedelta

LEASE_SECONDS = 2.5
LEASE_PER_WAITING_PROCESS = 0.2  # longer than a step takes, also where others keep this machine busy
SWEEPS: dict[float, float] = {2: 0.5, 5: 1.0, 30: 1.0, 60: 1.0, 900: 2.0, 86_400: 86_400.0}


def lease_seconds() -> float:
    """Return how long a lease is to be on this machine, as busy as it is."""
    return max(LEASE_SECONDS, LEASE_PER_WAITING_PROCESS * os.getloadavg()[0])


def set_clock(seconds: int) -> None:
    """Put this process's clock so many seconds off; it goes on ticking."""
    if seconds:
        # libfaketime lets Python 3.11's time.sleep fail: it takes what is absolute on the monotonic clock amiss.
        import time_machine

        time_machine.travel(datetime.now(UTC) + timedelta(seconds=seconds), tick=True).start()


def quicken() -> None:
    """Shorten what this process would wait for."""
    from aetos import queues
    from integrations import events, http, lease, relay, tasks
    from integrations.patience import Policy
    from scraping import reconcile

    lease.EVENTS_LEASE = lease.CALLS_LEASE = timedelta(
        seconds=float(os.environ.get("FAULTS_LEASE", LEASE_SECONDS))
    )
    relay.EVENTS_POLICY = Policy(base=0.5, cap=1.0, attempts=3000)
    relay.CALLS_POLICY = Policy(base=0.5, cap=1.5, attempts=40)
    relay.BREAKER = Policy(base=0.5, cap=1.0, attempts=0)
    events.TIMEOUT_SECONDS = 2.0
    if os.environ.get(
        "FAULTS_IMPATIENT"
    ):  # not for all: a busy machine would lose answers that nobody took away
        http.READ_SECONDS = http.WHOLE_ANSWER_SECONDS = 1.0
    tasks.GRACE = timedelta(seconds=1.5)
    reconcile.ASK_AGAIN = timedelta(seconds=1.5)
    for entry in queues.beat_schedule.values():
        if not isinstance(entry["schedule"], int | float):
            continue  # once a night
        entry["schedule"] = SWEEPS.get(entry["schedule"], entry["schedule"])
        # Real sweeps have seconds to be picked up; on a busy machine these need no less.
        for patience in ("expires", "expiration"):
            if patience in entry["options"]:
                entry["options"][patience] = max(2.0, entry["schedule"])
