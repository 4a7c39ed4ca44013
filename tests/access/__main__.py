"""`python -m tests.access`: write the table of who may do what to docs/authorisation.md."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
django.setup()

from tests.access import page  # noqa: E402  the table needs the models

page.PAGE.write_text(page.page(), encoding="utf-8")
