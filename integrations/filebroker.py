"""The broker where there is none: kombu's filesystem transport, with messages that appear and vanish whole.

kombu's own writes a message into its folder byte by byte, and a worker that
looks at that moment reads half of it and ends with a JSON error. A rename
within one file system is atomic: the message is there, or it is not.
"""

import contextlib
import os
import time
import uuid
from pathlib import Path
from queue import Empty
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, filesystem
from kombu.utils.json import dumps, loads

SCHEME = "wholefiles"


class Channel(filesystem.Channel):
    """A channel whose messages are renamed into the queue's folder, and out of it."""

    def _put(self, queue: str, message: Any, **kwargs: Any) -> None:  # type: ignore[override]
        """Write a message elsewhere, then move it in."""
        name = f"{time.time_ns():020d}_{uuid.uuid4()}.{queue}.msg"
        draft = Path(self.processed_folder) / f"{name}.draft"
        draft.write_text(dumps(message))
        draft.rename(Path(self.data_folder_out) / name)

    def _get(self, queue: str, timeout: float | None = None) -> Any:
        """Take the oldest message of a queue, or raise Empty; of two who reach for it, one gets it."""
        for name in sorted(os.listdir(self.data_folder_in)):
            if name.partition(".")[2] != f"{queue}.msg":
                continue
            taken = Path(self.processed_folder) / name
            try:
                (Path(self.data_folder_in) / name).rename(taken)
            except FileNotFoundError:
                continue  # another worker was quicker
            payload = loads(taken.read_text())
            taken.unlink()
            return payload
        raise Empty


class Transport(filesystem.Transport):
    """kombu's transport with our channel."""

    Channel = Channel


def url() -> str:
    """Make the transport known to kombu, and return the broker URL that selects it."""
    TRANSPORT_ALIASES[SCHEME] = f"{__name__}:Transport"
    return f"{SCHEME}://localhost"


def prepare(folder: Path, *exchanges: str) -> dict[str, Any]:
    """Make the folders and the empty tables of the exchanges; return kombu's transport options.

    A table that is there from the start is only ever rewritten under its lock.
    """
    for name in ("queue", "control", "taken"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for exchange in exchanges:
        draft = folder / "taken" / f"{uuid.uuid4()}.exchange"
        draft.write_text("[]")
        with contextlib.suppress(FileExistsError):  # an earlier process made it
            os.link(draft, folder / "control" / f"{exchange}.exchange")
        draft.unlink()
    return {
        "data_folder_in": str(folder / "queue"),
        "data_folder_out": str(folder / "queue"),
        "control_folder": str(folder / "control"),
        "processed_folder": str(folder / "taken"),
        "polling_interval": 0.1,
    }
