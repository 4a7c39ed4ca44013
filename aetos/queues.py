"""Celery's settings: one queue for each thing that can be slow, and the schedule (UTC).

A task carries no facts: it says "look at the database". What is lost with a
broker is therefore found by the next sweep, and what runs twice changes nothing.
"""

from typing import Any

from celery.schedules import crontab
from django.conf import settings
from kombu import Exchange, Queue

from integrations import filebroker
from integrations.channels import CHANNELS
from integrations.nudges import within

DEFAULT_QUEUE = "aetos"


def _queues() -> list[Queue]:
    """Declare quorum queues; a task that kills its worker three times is dropped, the sweep re-drives its row."""
    exchange = Exchange("aetos", type="topic", durable=True)
    names = [DEFAULT_QUEUE, *(f"{DEFAULT_QUEUE}.{channel}" for channel in CHANNELS)]
    arguments = {"x-queue-type": "quorum", "x-delivery-limit": 3} if settings.RABBITMQ_URL else None
    return [
        Queue(name, exchange, routing_key=name, durable=True, queue_arguments=arguments) for name in names
    ]


def _transport() -> dict[str, Any]:
    """Give the broker's options: confirmed publishing on RabbitMQ, folders without a server."""
    if settings.RABBITMQ_URL:
        return {
            "confirm_publish": True,
            "confirm_timeout": 5,
            "connect_timeout": 5,
            "read_timeout": 10,
            "write_timeout": 10,
        }
    return filebroker.prepare(settings.DATA_DIR / "broker", DEFAULT_QUEUE)


def _every(seconds: float, task: str, *args: str, queue: str = DEFAULT_QUEUE) -> dict[str, Any]:
    # A sweep that nobody picked up in time is worth nothing: the next one does the same.
    return {"task": task, "schedule": seconds, "args": args, "options": {"queue": queue, **within(seconds)}}


def _nightly(hour: int, minute: int, task: str) -> dict[str, Any]:
    # By the clock, not by an interval: a beat that is started anew every day would never come to the end of one.
    schedule = crontab(hour=str(hour), minute=str(minute))
    return {"task": task, "schedule": schedule, "options": {"queue": DEFAULT_QUEUE, **within(6 * 3600)}}


broker_url = settings.RABBITMQ_URL or filebroker.url()
broker_transport_options = _transport()
broker_connection_retry_on_startup = True
broker_connection_timeout = 5
task_queues = _queues()
task_default_queue = DEFAULT_QUEUE
task_default_exchange = "aetos"
task_default_exchange_type = "topic"
task_default_routing_key = DEFAULT_QUEUE
task_default_queue_type = "quorum" if settings.RABBITMQ_URL else "classic"
task_acks_late = True
task_reject_on_worker_lost = True
task_ignore_result = True
worker_prefetch_multiplier = 1
worker_hijack_root_logger = False
worker_send_task_events = False
# Nobody sends workers commands; and the queue for them is locked by node name, so that a second worker on one machine,
# or one that came back before RabbitMQ had noticed its end, would not start.
worker_enable_remote_control = False
timezone = "UTC"
beat_schedule = {
    **{
        f"deliver {channel}": _every(2, "integrations.deliver", channel, queue=f"{DEFAULT_QUEUE}.{channel}")
        for channel in CHANNELS
    },
    "process what the inbox still holds": _every(30, "integrations.process_inbox"),
    "message the next sellers": _every(30, "listings.run_outreach"),
    # Whoever has sent pictures waits for the answer.
    "answer pictures in Telegram": _every(5, "listings.answer_pictures"),
    "delete files of photos that a crash left": _nightly(2, 40, "listings.sweep_photos"),
    "audit the database": _nightly(3, 10, "aetos.audit"),
    "empty what has been kept for long enough": _nightly(3, 40, "integrations.prune"),
    "fold the tally of listings": _every(60, "listings.fold_tally"),
    "cancel what is overdue": _every(60, "listings.cancel_overdue"),
    # Whoever asks ScraperV2 waits in its queue: one that hangs holds up no other sweep.
    "ask for overdue scrapes": _every(60, "scraping.reconcile_scrapes", queue=f"{DEFAULT_QUEUE}.scraperv2"),
    "ask for sales that were not told": _every(
        900, "listings.reconcile_sales", queue=f"{DEFAULT_QUEUE}.ebaylister"
    ),
    "run due search plans": _every(60, "scraping.run_due_plans"),
    "watch that scrapes come in": _every(60, "scraping.watch_pipeline"),
}
beat_schedule_filename = str(settings.DATA_DIR / "beat-schedule")
