"""`python -m tests.lint_migrations`: would a new migration lock a large table, or break the version that still runs?

The statements are PostgreSQL's own, so one is needed: found or started as for the tests. Nothing is written to it.
Which migrations are not looked at, because they belong to the first release, stands in pyproject.toml.
"""

import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack

from tests import production, services


def main() -> int:
    """Return the linter's status; where no PostgreSQL can be had, say so, and fail in CI alone."""
    with ExitStack() as stack:
        found = services.find_postgres(dict(os.environ), stack)
        if found is None:
            sys.stderr.write("Migrations were not linted: there is no PostgreSQL here, and none to start.\n")
            return 1 if os.environ.get("CI") else 0
        data = stack.enter_context(tempfile.TemporaryDirectory(prefix="aetos-lint-"))
        given = {
            **production.environment(data),
            "DATABASE_URL": services.with_path(found.url, "postgres"),
            "DJANGO_SETTINGS_MODULE": "tests.linting",
        }
        lint = [sys.executable, "manage.py", "lintmigrations", "--project-root-path", "."]
        return subprocess.run(lint, cwd=production.ROOT, env=given).returncode


if __name__ == "__main__":
    sys.exit(main())
