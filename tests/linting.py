"""The product's settings, and the migration linter beside it."""

from aetos.settings import *  # noqa: F403
from aetos.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "django_migration_linter"]
