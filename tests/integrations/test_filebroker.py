"""The broker of `make run`: messages of several writers reach a reader whole, each once."""

import threading
import time
from pathlib import Path
from queue import Empty

import pytest
from kombu import Connection

from integrations import filebroker
from tests.races import PATIENCE

WRITERS, EACH = 4, 150
BODY = {"text": "x" * 20_000}


def connection(folder: Path, url: str) -> Connection:
    return Connection(url, transport_options=filebroker.prepare(folder, "work"))


def exchange_messages(folder: Path, url: str) -> list[str]:
    """Write from several threads while one reads; return the id of each message that was read.

    Queues are declared one after another, as the product's processes do at their start: kombu keeps what
    is declared in one table for the whole process.
    """
    connections = [connection(folder, url) for _ in range(WRITERS + 1)]
    *writing, reading = [broker.SimpleQueue("work") for broker in connections]

    def write(number: int) -> None:
        for index in range(EACH):
            writing[number].put({"id": f"{number}-{index}", **BODY})

    writers = [threading.Thread(target=write, args=(number,)) for number in range(WRITERS)]
    for writer in writers:
        writer.start()
    seen: list[str] = []
    end = time.monotonic() + PATIENCE
    while len(seen) < WRITERS * EACH and time.monotonic() < end:
        try:
            message = reading.get(block=False)
        except Empty:
            time.sleep(0.001)
            continue
        seen.append(message.payload["id"])
        message.ack()
    for writer in writers:
        writer.join()
    for broker in connections:
        broker.release()
    return seen


def test_messages_arrive_whole_and_once(tmp_path: Path) -> None:
    seen = exchange_messages(tmp_path, filebroker.url())
    assert len(seen) == len(set(seen)) == WRITERS * EACH


def test_a_message_that_is_only_begun_ends_its_reader(tmp_path: Path) -> None:
    """What kombu's own writing leaves in the folder for a moment: the reason for the rename."""
    with connection(tmp_path, filebroker.url()) as broker:
        queue = broker.SimpleQueue("work")
        (tmp_path / "queue" / "1_begun.work.msg").touch()
        with pytest.raises(ValueError, match="Expecting value"):
            queue.get(block=False)
