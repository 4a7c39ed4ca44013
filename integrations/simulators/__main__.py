"""`python -m integrations.simulators --port 8100 --feed`: all simulated partners in one process.

With a staff user's token in DEMO_OWNER_TOKEN, somebody also sells what was bought. LOG_LEVEL=INFO, the default, tells
each call; WARNING tells only of what the orchestrator refused.
"""

import argparse
import logging
import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

from integrations.simulators.desk import Desk
from integrations.simulators.feed import Feed
from integrations.simulators.keys import Keys, MissingKey
from integrations.simulators.memory import Keeper, keep_saving, recall, save
from integrations.simulators.owner import Owner
from integrations.simulators.server import Simulators

log = logging.getLogger("simulators")


def arguments(given: list[str]) -> argparse.Namespace:
    """Take the command line, return its options."""
    parser = argparse.ArgumentParser(prog="python -m integrations.simulators", description=__doc__)
    parser.add_argument("--port", type=int, default=8100)
    parser.add_argument("--host", default="127.0.0.1", help="0.0.0.0 inside a container")
    parser.add_argument(
        "--time-scale", type=float, default=60.0, help="60: a minute of real life is a second"
    )
    parser.add_argument(
        "--feed", action="store_true", help="post the demo's jobs once the orchestrator serves"
    )
    parser.add_argument(
        "--feed-every", type=float, default=240.0, help="seconds between later jobs, 0 for none"
    )
    parser.add_argument("--memory", type=Path, help="a file in which leads and offers outlast a restart")
    return parser.parse_args(given)


def main(given: list[str]) -> int:
    """Take the command line, serve until a signal ends it, return the exit status."""
    options = arguments(given)
    level = logging.getLevelNamesMapping().get(os.environ.get("LOG_LEVEL", "").upper(), logging.INFO)
    logging.basicConfig(level=level, format="%(message)s", stream=sys.stdout)
    try:
        keys = Keys.from_environment(os.environ)
    except MissingKey as error:
        log.error("simulators: %s", error)
        return 2
    ended = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        ended.set()

    signal.signal(signal.SIGINT, end)
    signal.signal(signal.SIGTERM, end)
    orchestrator = os.environ.get("ORCHESTRATOR_URL") or "http://127.0.0.1:8000"
    with Simulators(orchestrator, keys, options.time_scale, options.host, options.port) as sims:
        log.info("simulators: %s on port %d", ", ".join(sims.partners), sims.port)
        owner = Owner(
            Desk(sims.world, os.environ.get("DEMO_OWNER_TOKEN", "")), sims.chatterbot, sims.telegram
        )
        keepers: dict[str, Keeper] = {**sims.partners, "owner": owner}
        if options.memory:
            recall(options.memory, keepers)
            sims.run(lambda: keep_saving(options.memory, keepers, sims.world))
        if options.feed:
            sims.run(Feed(sims.scraperv2, options.feed_every).run)
        if owner.desk.token:
            sims.run(owner.run)
        ended.wait()
    if options.memory:
        save(options.memory, keepers)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
