"""Read settings from the environment, and name the variable that can't be read."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

SQLITE, POSTGRESQL = "django.db.backends.sqlite3", "django.db.backends.postgresql"
# Writers queue at BEGIN instead of failing in the middle; a commit is on the disk before it is answered.
SQLITE_OPTIONS = {
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
}
POSTGRESQL_OPTIONS = {"connect_timeout": 5, "server_side_binding": True}
# Behind PgBouncer in transaction mode neither a prepared statement nor a start-up option outlives a transaction.
UNPOOLED_OPTIONS = {
    "prepare_threshold": 2,  # a connection plans what it repeats once
    # To compile a query costs more than any of ours takes: the figures took a second longer for it.
    "options": "-c jit=off",
}


class Environment(environ.Env):
    """django-environ's; what it can't read raises ImproperlyConfigured, which a person can do something about.

    A value that begins with `$` is what it says, as a key may well be; django-environ takes it for the name of another
    variable.
    """

    def get_value(self, var: str, cast: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Return the variable's value in the kind that is asked for, or the default where it is not set."""
        try:
            if self.ENVIRON.get(var, "").startswith("$"):
                return self.parse_value(self.ENVIRON[var], cast)
            return super().get_value(var, cast, *args, **kwargs)
        except ValueError as error:
            raise ImproperlyConfigured(f"{var} can't be read: {error}.") from error

    def choice(self, var: str, default: str, known: Sequence[str]) -> str:
        """Return one of the values that are known, whatever its case."""
        value = str(self.str(var, default))
        for each in known:
            if value.casefold() == each.casefold():
                return each
        raise ImproperlyConfigured(f"{var} must be one of: {', '.join(known)}.")

    def http_url(self, var: str, default: str) -> str:
        """Return an address of the web, without a slash at its end."""
        url = str(self.str(var, default)).rstrip("/")
        try:
            parts = urlsplit(url)
            known = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            known = False
        if not known:
            raise ImproperlyConfigured(
                f"{var} must be an address such as {default}, with http:// or https://."
            )
        return url

    def database(self, var: str, default: Path, *, pooled: bool = False) -> dict[str, Any]:
        """Return Django's settings of the database that a URL names, or of an SQLite file; `pooled` by PgBouncer."""
        if not self.str(var, ""):  # no URL: a path may hold any character
            return {"ENGINE": SQLITE, "NAME": str(default), "OPTIONS": {**SQLITE_OPTIONS}}
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # it would quote the URL, with its password
                read = dict(self.db_url(var))
        except ValueError:
            read = {}
        if read.get("ENGINE") not in (SQLITE, POSTGRESQL):
            raise ImproperlyConfigured(
                f"{var} must be postgresql://user:password@host:5432/name, or sqlite:////folder/file.sqlite3."
            )
        if read["ENGINE"] == SQLITE:
            return read | {"OPTIONS": {**SQLITE_OPTIONS}}
        unpooled = {} if pooled else UNPOOLED_OPTIONS
        options = POSTGRESQL_OPTIONS | unpooled | read.get("OPTIONS", {})
        return read | {"ENGINE": "aetos.postgresql", "OPTIONS": options}

    def folder(self, var: str, default: Path) -> Path:
        """Return a folder, and make it where it is not there yet."""
        path = Path(self.str(var, str(default)))
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ImproperlyConfigured(f"{var}: {path} can't be made ({error.strerror}).") from error
        return path
