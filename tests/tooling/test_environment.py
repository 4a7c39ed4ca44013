"""A setting that can't be read is named in one sentence, without what it holds."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from aetos.environment import Environment

env = Environment()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("SESSION_HOURS", "twelve", "SESSION_HOURS can't be read"),
        ("PUBLIC_URL", "localhost:8000", "PUBLIC_URL must be an address such as http://localhost:8000"),
        ("EBAY_API_URL", "http://", "EBAY_API_URL must be an address"),
        ("DATABASE_URL", "s3cret", "DATABASE_URL must be postgresql://"),
        ("DATABASE_URL", "http://user:s3cret@db/name", "DATABASE_URL must be postgresql://"),
        ("DATABASE_URL", "postgres://user:s3cret@db:port/name", "DATABASE_URL must be postgresql://"),
        ("RABBITMQ_URL", "s3cret", "RABBITMQ_URL must be amqp://"),
        ("LOG_LEVEL", "loud", "LOG_LEVEL must be one of: DEBUG, INFO"),
        ("STAFF_TWO_FACTOR", "on", "STAFF_TWO_FACTOR must be one of: off, required."),
        ("DATA_DIR", "/dev/null/data", "DATA_DIR: /dev/null/data can't be made (Not a directory)"),
    ],
)
def test_manage_py_names_it_and_shows_no_traceback(name: str, value: str, said: str) -> None:
    told = os.environ | {"SECRET_KEY": "x", "ENV_FILE": os.devnull, name: value}
    told.pop("DJANGO_SETTINGS_MODULE", None)
    ended = subprocess.run(
        [sys.executable, "manage.py", "demo"], cwd=settings.BASE_DIR, env=told, capture_output=True, text=True
    )

    assert ended.returncode == 1
    assert ended.stderr.startswith(said)
    assert len(ended.stderr.splitlines()) == 1
    assert "s3cret" not in ended.stderr


def test_without_a_url_the_database_is_a_file_of_any_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    path = tmp_path / "100 % größer? #1" / "aetos.sqlite3"

    assert env.database("DATABASE_URL", path)["NAME"] == str(path)


@pytest.mark.parametrize("url", ["https://a.example/", "http://127.0.0.1:8000"])
def test_an_address_loses_its_last_slash(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCRAPER_API_URL", url)
    assert env.http_url("SCRAPER_API_URL", "http://scraperv2:8000") == url.rstrip("/")

    monkeypatch.setenv("SCRAPER_API_URL", "ftp://a.example")
    with pytest.raises(ImproperlyConfigured):
        env.http_url("SCRAPER_API_URL", "http://scraperv2:8000")
