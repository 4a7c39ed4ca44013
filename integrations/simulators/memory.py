"""What the partners keep over a restart of the demo, in one file: real ones have a database."""

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from integrations.simulators.world import World

log = logging.getLogger("simulators")

SAVE_EVERY = 5.0


class Keeper(Protocol):
    """Who keeps something: a partner, or the owner."""

    def remembered(self) -> Any:
        """Return what is kept, in plain values."""

    def recall(self, kept: Any) -> None:
        """Take what `remembered` returned in an earlier run."""


def recall(path: Path, keepers: Mapping[str, Keeper]) -> None:
    """Take the file of an earlier run, if there is one, and give each keeper its part.

    A file that can't be read is passed over with a warning: the demo starts afresh then.
    """
    if not path.exists():
        return
    try:
        kept = json.loads(path.read_text())
        for name, keeper in keepers.items():
            if kept.get(name):
                keeper.recall(kept[name])
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        log.warning(
            "simulators: %s is not readable (%s), the partners start afresh", path, type(error).__name__
        )


def save(path: Path, keepers: Mapping[str, Keeper]) -> None:
    """Write what is kept, so that a crash or a full disk leaves either the old file or the new one."""
    kept = {name: keeper.remembered() for name, keeper in keepers.items()}
    fresh = path.with_suffix(".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_text(json.dumps(kept))
        fresh.replace(path)
    except OSError as error:
        log.warning("simulators: %s can't be written (%s)", path, error.strerror)


def keep_saving(path: Path, keepers: Mapping[str, Keeper], world: World) -> None:
    """Save now and then until the world ends; what is under way then is for a last save to keep."""
    while world.pause(SAVE_EVERY):
        save(path, keepers)
