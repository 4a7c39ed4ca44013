"""A server or worker that would leave an endpoint without its guard does not start, and names the variable."""

import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from listings import guards
from tests.aetos.processes import KEYS, ROOT, Process, Web, environment
from tests.throwaway import free_port

pytestmark = pytest.mark.django_db(transaction=True)

SECRET = "whsec_" + "QUJD" * 8
REFUSED: dict[str, tuple[dict[str, str], str]] = {
    "no key of ScraperV2": ({"SCRAPER_WEBHOOK_KEY": ""}, "SCRAPER_WEBHOOK_KEY"),
    "no key of Chatterbot": ({"CHATTERBOT_WEBHOOK_KEY": ""}, "CHATTERBOT_WEBHOOK_KEY"),
    "no key of eBayLister": ({"EBAY_WEBHOOK_KEY": ""}, "EBAY_WEBHOOK_KEY"),
    "only commas for a key": ({"SCRAPER_WEBHOOK_KEY": ", ,"}, "SCRAPER_WEBHOOK_KEY"),
    "a signing secret that is none": ({"SCRAPER_WEBHOOK_SECRET": "secret"}, "SCRAPER_WEBHOOK_SECRET"),
    "a signing secret too short": ({"SCRAPER_WEBHOOK_SECRET": "whsec_QUJD"}, "SCRAPER_WEBHOOK_SECRET"),
    "no secret key": ({"SECRET_KEY": ""}, "SECRET_KEY"),
    "a secret key that ships": ({"SECRET_KEY": "for-collectstatic-alone"}, "SECRET_KEY"),
}


def ends(name: str, folder: Path, **changes: str) -> tuple[int, str]:
    """Start a process of the Procfile, and return its status and what it said."""
    with Process(name, folder, PORT=str(free_port()), **changes) as process:
        return process.status(), process.output


@pytest.mark.parametrize(("changes", "named"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("name", ["web", "worker"])
def test_it_ends_and_names_what_is_missing(
    folder: Path, name: str, changes: dict[str, str], named: str
) -> None:
    status, said = ends(name, folder, **changes)
    assert status != 0
    assert named in said
    for value in changes.values():
        assert not value.strip(", ") or value not in said


def test_all_that_is_missing_is_named_at_once(folder: Path) -> None:
    _, said = ends("worker", folder, SCRAPER_WEBHOOK_KEY="", CHATTERBOT_WEBHOOK_KEY="")
    assert "SCRAPER_WEBHOOK_KEY" in said
    assert "CHATTERBOT_WEBHOOK_KEY" in said


@pytest.mark.parametrize("name", ["web", "worker"])
def test_it_ends_where_the_database_has_lost_a_trigger(folder: Path, name: str) -> None:
    guards.remove(connection)
    try:
        status, said = ends(name, folder)
    finally:
        guards.install(connection)
    assert status != 0
    assert "aetos_arrow" in said
    assert "migrate" in said


def test_a_secret_in_place_of_a_key_is_enough(folder: Path) -> None:
    with Web(folder, SCRAPER_WEBHOOK_KEY="", SCRAPER_WEBHOOK_SECRET=SECRET) as web:
        assert web.post_job({}).status_code == 401


def test_migrate_and_collectstatic_need_no_partner_keys(folder: Path) -> None:
    folder.mkdir()
    names = ("SCRAPER_WEBHOOK_KEY", "CHATTERBOT_WEBHOOK_KEY", "EBAY_WEBHOOK_KEY")
    env = environment(folder, **dict.fromkeys(names, ""))
    for command in (["migrate", "--check"], ["collectstatic", "--noinput", "--dry-run"]):
        done = subprocess.run(
            [sys.executable, "manage.py", *command], cwd=ROOT, env=env, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr


def test_each_partner_has_a_key_in_the_tests() -> None:
    assert {f"{name.upper()}_WEBHOOK_KEY" for name in settings.WEBHOOK_PARTNERS} <= KEYS.keys()
