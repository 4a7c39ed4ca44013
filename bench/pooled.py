"""The product's settings with psycopg's pool of connections, to be measured against a connection for each thread."""

from aetos.settings import *  # noqa: F403
from aetos.settings import DATABASES

DATABASES["default"]["CONN_MAX_AGE"] = 0  # Django's condition for a pool
DATABASES["default"]["OPTIONS"]["pool"] = {"min_size": 2, "max_size": 4}
