"""Settings of the tests: the product's own, away from the developer's `.env` and data."""

import atexit
import os
import shutil
import tempfile

_folder = tempfile.mkdtemp(prefix="aetos-tests-")
atexit.register(shutil.rmtree, _folder, ignore_errors=True)
for _name, _value in {
    "SECRET_KEY": "for-tests-only-" + "x" * 40,
    "DEBUG": "false",
    "DATA_DIR": _folder,
    "DATABASE_URL": f"sqlite:///{_folder}/tests.sqlite3",
    "RABBITMQ_URL": "",
    "PUBLIC_URL": "http://localhost:8000",
    "ALLOWED_HOSTS": "testserver,localhost,127.0.0.1",
    "CSRF_TRUSTED_ORIGINS": "http://testserver",
    "LOG_LEVEL": "INFO",
    "METRICS_KEY": "",
    "TELEGRAM_BOT_TOKEN": "",
    "CURRENCY": "GBP",
}.items():
    os.environ.setdefault(_name, _value)

from aetos.settings import *  # noqa: E402, F403
from aetos.settings import DATABASES  # noqa: E402

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # the real one is slow on purpose
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # A file, since tests with threads need more than one connection; nothing here must survive a power cut.
    DATABASES["default"]["TEST"] = {"NAME": f"{_folder}/test.sqlite3"}
    DATABASES["default"]["OPTIONS"]["init_command"] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;"
else:
    # Nothing here must survive a power cut; what is killed in the tests is ours, not the database.
    DATABASES["default"]["OPTIONS"]["options"] = "-c synchronous_commit=off"
