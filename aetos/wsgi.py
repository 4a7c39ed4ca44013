"""What gunicorn serves. Refuses to start while a key that guards an endpoint is missing."""

import gc
import os

from django.core.wsgi import get_wsgi_application

# What is loaded here stays: the collector need look at none of it, not while it is loaded (a sixth of the start), and
# not again and again while a job of thousands comes in (an eighth of its time).
gc.disable()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "aetos.settings")
application = get_wsgi_application()

from aetos import telemetry  # noqa: E402  settings must be loaded first
from aetos.checks import refuse_to_start_without_keys  # noqa: E402

refuse_to_start_without_keys()
telemetry.start("web")
gc.freeze()
gc.enable()
