"""What the partners keep over a restart of the demo, in one file: real ones have a database."""

import json
import logging
from collections.abc import Mapping
from pathlib import Path

from integrations.simulators.partner import Partner
from integrations.simulators.world import World

log = logging.getLogger("simulators")

SAVE_EVERY = 5.0


def recall(path: Path, partners: Mapping[str, Partner]) -> None:
    """Take the file of an earlier run, if there is one, and give each partner its part.

    A file that can't be read is passed over with a warning: the demo starts afresh then.
    """
    if not path.exists():
        return
    try:
        kept = json.loads(path.read_text())
        for name, partner in partners.items():
            if kept.get(name):
                partner.recall(kept[name])
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        log.warning(
            "simulators: %s is not readable (%s), the partners start afresh", path, type(error).__name__
        )


def save(path: Path, partners: Mapping[str, Partner]) -> None:
    """Write what the partners keep, so that a crash leaves either the old file or the new one."""
    kept = {name: partner.remembered() for name, partner in partners.items()}
    fresh = path.with_suffix(".new")
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh.write_text(json.dumps(kept))
    fresh.replace(path)


def keep_saving(path: Path, partners: Mapping[str, Partner], world: World) -> None:
    """Save now and then until the world ends; what is under way then is for a last save to keep."""
    while world.pause(SAVE_EVERY):
        save(path, partners)
