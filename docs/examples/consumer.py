"""Print each sale once. Needs `pip install pika`; takes the broker's URL from RABBITMQ_URL."""

import json
import os
from collections import OrderedDict

import pika

QUEUE = "profits"
seen: OrderedDict[str, None] = OrderedDict()  # events come at least once: a database table in real life


def on_event(channel, method, properties, body) -> None:
    if properties.message_id not in seen:
        event = json.loads(body)
        print(f"{event['listing_id']} sold, profit {event['final_profit'] or 'not known'}", flush=True)
        seen[properties.message_id] = None
        if len(seen) > 10_000:
            seen.popitem(last=False)
    channel.basic_ack(method.delivery_tag)  # after the work: what we die over comes again


connection = pika.BlockingConnection(pika.URLParameters(os.environ["RABBITMQ_URL"]))
channel = connection.channel()
channel.exchange_declare("orchestrator.events", "topic", durable=True)
channel.queue_declare(QUEUE, durable=True)
channel.queue_bind(QUEUE, "orchestrator.events", "listing.state.sold")
channel.basic_qos(prefetch_count=50)
channel.basic_consume(QUEUE, on_event)
channel.start_consuming()
