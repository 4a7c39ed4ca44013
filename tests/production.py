"""`python -m tests.production COMMAND`: manage.py under the settings of a production machine.

Nothing of the developer's is read or written: keys are drawn, and the data is in a folder that goes away.
"""

import os
import secrets
import subprocess
import sys
import tempfile
from pathlib import Path

from aetos.management.dotenv import NAMES

ROOT = Path(__file__).resolve().parents[1]


def environment(data: str) -> dict[str, str]:
    """Return what a production machine would be given, with its data in that folder."""
    return {
        **{name: secrets.token_urlsafe(48) for name in NAMES},
        "PATH": os.environ.get("PATH", os.defpath),
        "PYTHONWARNINGS": "error",
        "DJANGO_SETTINGS_MODULE": "aetos.settings",
        "DEBUG": "false",
        "DATA_DIR": data,
        "DATABASE_URL": f"sqlite:///{data}/production.sqlite3",
        "RABBITMQ_URL": "",
        "PUBLIC_URL": "https://aetos.example",
        "ALLOWED_HOSTS": "aetos.example",
        "CSRF_TRUSTED_ORIGINS": "https://aetos.example",
        "LOG_LEVEL": "WARNING",
    }


def main(given: list[str]) -> int:
    """Take manage.py's arguments, return its status."""
    with tempfile.TemporaryDirectory(prefix="aetos-production-") as data:
        return subprocess.run(
            [sys.executable, "manage.py", *given], cwd=ROOT, env=environment(data)
        ).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
