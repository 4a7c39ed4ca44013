"""`python -m tests.access`: write the table of who may do what to docs/authorisation.md."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
django.setup()

from tests.access import authorisation  # noqa: E402  the table needs the models

authorisation.PAGE.write_text(authorisation.page(), encoding="utf-8")
