"""The product on another database for a while, as after a loss it is."""

from collections.abc import Iterator
from contextlib import contextmanager

import environ
from django.db import connection

ASKED = ("ENGINE", "NAME", "HOST", "PORT", "USER", "PASSWORD")


@contextmanager
def on(url: str) -> Iterator[None]:
    """Let every connection of this process, threads' included, lead to `url`; then back again."""
    settings = connection.settings_dict
    before = {name: settings[name] for name in ASKED}
    other = environ.Env.db_url_config(url)
    connection.close()
    settings.update({name: other[name] for name in ASKED if name in other})
    try:
        yield
    finally:
        connection.close()
        settings.update(before)
