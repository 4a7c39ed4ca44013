"""What is seen of a stack from outside: its database, past the product, and the queue of a stranger."""

import time
from collections.abc import Callable
from typing import Any

import pika
import psycopg

from tests.faults.machines import Machines, until

QUEUE, EXCHANGE = "faults-consumer", "orchestrator.events"
START_SECONDS = 180.0


class Watched:
    """Rows, messages, and whether anything is still open. `Stack` says where they are."""

    machines: Machines
    broker_url: str
    database: str
    _connection: "psycopg.Connection[Any] | None" = None

    def __init__(self) -> None:
        self._messages: list[str] = []

    def bind(self, *, on: bool = True) -> None:
        """Bind the stranger's queue to every event, or take its binding away."""
        with pika.BlockingConnection(pika.URLParameters(self.broker_url)) as connection:
            channel = connection.channel()
            channel.exchange_declare(EXCHANGE, "topic", durable=True)
            channel.queue_declare(QUEUE, durable=True)
            (channel.queue_bind if on else channel.queue_unbind)(QUEUE, EXCHANGE, "#")

    def received(self) -> list[str]:
        """Return the ids of all events that have come, in order, repeats among them."""
        with pika.BlockingConnection(pika.URLParameters(self.broker_url)) as connection:
            channel = connection.channel()
            while True:
                method, properties, _ = channel.basic_get(QUEUE, auto_ack=True)
                if method is None or properties is None:
                    return list(self._messages)
                self._messages.append(str(properties.message_id))

    def sql(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Ask the database, past the product. A connection that a restart has broken is made anew."""
        for attempt in range(100):
            try:
                if self._connection is None or self._connection.closed:
                    url = self.machines.postgres.url(self.database)
                    self._connection = psycopg.connect(url, autocommit=True, connect_timeout=5)
                cursor = self._connection.execute(query.encode(), values)
                return cursor.fetchall() if cursor.description else []
            except psycopg.OperationalError:
                if attempt == 99:
                    raise
                if self._connection is not None:
                    self._connection.close()
                time.sleep(0.1)
        raise AssertionError("unreachable")

    def number(self, query: str, *values: Any) -> int:
        """Ask for one number."""
        return int(self.sql(query, *values)[0][0])

    OPEN = """
        SELECT (SELECT count(*) FROM integrations_outboxmessage
                WHERE delivered_at IS NULL AND given_up_at IS NULL)
             + (SELECT count(*) FROM integrations_inboxmessage WHERE status = 'received')
             + (SELECT count(*) FROM scraping_scrapejob WHERE status IN ('pending', 'running'))
             + (SELECT count(*) FROM listings_productlisting WHERE deadline_at < now())
    """

    def open(self) -> int:
        """Count what is not done yet: calls and events to go out, webhooks to process, jobs to end."""
        return self.number(self.OPEN)

    def wait(self, happened: Callable[[], object], seconds: float = START_SECONDS) -> bool:
        """Wait until something is true; return whether it became so."""
        return until(happened, seconds) is not None

    def settle(self, seconds: float = 30.0) -> bool:
        """Wait until nothing is open; return whether it came to that."""
        return self.wait(lambda: not self.open(), seconds)
