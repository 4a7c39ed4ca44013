"""A setting that can't be read is named in one sentence, without what it holds."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from aetos.environment import Environment
from aetos.management.dotenv import values

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


def test_a_database_that_is_away_is_said_in_a_sentence() -> None:
    away = {
        "SECRET_KEY": "x",
        "ENV_FILE": os.devnull,
        "DATABASE_URL": "postgresql://ann:s3cret@127.0.0.1:9/name",
    }
    told = os.environ | away
    told.pop("DJANGO_SETTINGS_MODULE", None)
    ended = subprocess.run(
        [sys.executable, "manage.py", "migrate"],
        cwd=settings.BASE_DIR,
        env=told,
        capture_output=True,
        text=True,
    )

    assert ended.returncode == 1
    assert ended.stderr.startswith("The database: connection failed")
    assert ended.stderr.endswith("Is it up, has its disk room, and is DATABASE_URL right?\n")
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


def test_a_value_that_begins_with_a_dollar_sign_is_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ecret", "another variable's")
    monkeypatch.setenv("SECRET_KEY", "$ecret")
    monkeypatch.setenv("EBAY_WEBHOOK_KEY", "$ecret,$2b$other")
    monkeypatch.setenv("DATABASE_URL", "postgresql://user:$ecret@db:5432/name")
    monkeypatch.setenv("SESSION_HOURS", "$ecret")
    monkeypatch.setenv("CHATTERBOT_API_URL", "$ecret")

    assert env.str("SECRET_KEY", "") == "$ecret"
    assert env.list("EBAY_WEBHOOK_KEY", default=[]) == ["$ecret", "$2b$other"]
    assert env.database("DATABASE_URL", Path())["PASSWORD"] == "$ecret"
    with pytest.raises(ImproperlyConfigured, match="SESSION_HOURS can't be read"):
        env.int("SESSION_HOURS", 12)
    with pytest.raises(ImproperlyConfigured, match="CHATTERBOT_API_URL must be an address"):
        env.http_url("CHATTERBOT_API_URL", "http://chatterbot:8000")

    monkeypatch.setenv("DATABASE_URL", "$ecret")
    with pytest.raises(ImproperlyConfigured, match="DATABASE_URL must be postgresql://"):
        env.database("DATABASE_URL", Path())


def test_a_dollar_sign_in_an_env_file_stays_in_single_quotes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / ".env"
    file.write_text("EBAY_API_KEY='$ecret'\n", encoding="utf-8")
    monkeypatch.setattr(Environment, "ENVIRON", {})

    Environment.read_env(str(file))

    assert env.str("EBAY_API_KEY", "") == "$ecret" == values(file.read_text(encoding="utf-8"))["EBAY_API_KEY"]
