"""The product's settings for a process that the harness breaks: the same, plus the harness's app."""

import os

from aetos.settings import *  # noqa: F403
from aetos.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.faults.apps.Faults"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # the real one is slow on purpose
# In minutes: what the product counts in half hours passes in seconds here.
SCRAPE_DEADLINE_MINUTES = float(os.environ.get("FAULTS_SCRAPE_SECONDS", "2")) / 60
TELEGRAM_SECONDS_BETWEEN = 0.05
