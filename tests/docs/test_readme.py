"""The README says what the code does."""

import re
from pathlib import Path

from django.conf import settings

from listings.states import ARROWS
from tests.docs import lifecycle

README = (Path(settings.BASE_DIR) / "README.md").read_text(encoding="utf-8")


def test_its_table_of_arrows_is_the_lifecycle() -> None:
    rows = re.findall(r"^\| ([A-Z]+) \| ([A-Z]+) \| `(\w+)` \|", README, re.MULTILINE)
    assert {(origin, to): verb for origin, to, verb in rows} == ARROWS
    assert len(rows) == len(ARROWS)


def test_it_names_every_variable_that_the_settings_read() -> None:
    source = (Path(settings.BASE_DIR) / "aetos" / "settings.py").read_text(encoding="utf-8")
    read = set(re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', source))
    assert read
    assert {name for name in read if f"`{name}`" not in README} == set()


def test_it_names_no_command_that_does_not_exist() -> None:
    from django.core.management import get_commands

    named = set(re.findall(r"manage\.py (\w+)", README)) | {
        "deliver_outbox",
        "reconcile_scrapes",
        "replay_inbox",
    }
    assert named <= set(get_commands())


def test_the_page_of_the_lifecycle_is_what_the_code_says() -> None:
    assert lifecycle.TARGET.read_text(encoding="utf-8") == lifecycle.written()
