"""Read settings from the environment, and name the variable that can't be read."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

DATABASES = ("django.db.backends.sqlite3", "django.db.backends.postgresql")


class Environment(environ.Env):
    """django-environ's; what it can't read raises ImproperlyConfigured, which a person can do something about."""

    def get_value(self, var: str, *args: Any, **kwargs: Any) -> Any:
        """Return the variable's value in the kind that is asked for, or the default where it is not set."""
        try:
            return super().get_value(var, *args, **kwargs)
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

    def database(self, var: str, default: Path) -> dict[str, Any]:
        """Return Django's settings of the database that a URL names, or of an SQLite file."""
        if not self.str(var, ""):
            return {"ENGINE": DATABASES[0], "NAME": str(default)}  # no URL: a path may hold any character
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # it would quote the URL, with its password
                read = dict(self.db_url(var))
        except ValueError:
            read = {}
        if read.get("ENGINE") not in DATABASES:
            raise ImproperlyConfigured(
                f"{var} must be postgresql://user:password@host:5432/name, or sqlite:////folder/file.sqlite3."
            )
        return read

    def folder(self, var: str, default: Path) -> Path:
        """Return a folder, and make it where it is not there yet."""
        path = Path(self.str(var, str(default)))
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ImproperlyConfigured(f"{var}: {path} can't be made ({error.strerror}).") from error
        return path
