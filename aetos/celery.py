"""The Celery application. Its settings are in aetos/queues.py, read when they are first needed."""

import os
from typing import Any

from celery import Celery
from celery.signals import celeryd_init, setup_logging
from django_structlog.celery.steps import DjangoStructLogInitStep

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "aetos.settings")

app = Celery("aetos")
app.config_from_object("aetos.queues")
app.autodiscover_tasks()
app.steps["worker"].add(DjangoStructLogInitStep)


@setup_logging.connect
def keep_our_logging(**kwargs: Any) -> None:
    """Stop Celery from replacing the log configuration of settings.py."""


@celeryd_init.connect
def check_before_work(**kwargs: Any) -> None:
    """Refuse to start a worker with the same gaps that stop the web server."""
    from aetos import telemetry
    from aetos.checks import refuse_to_start_without_keys

    refuse_to_start_without_keys()
    telemetry.start("worker")
