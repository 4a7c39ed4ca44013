"""The product's settings with a new connection for each request, to be measured against those that are kept."""

from aetos.settings import *  # noqa: F403
from aetos.settings import DATABASES

DATABASES["default"]["CONN_MAX_AGE"] = 0
