"""`python -m tests.fuzz [EXAMPLES]`: the hostile tests with many examples (500 unless told), for minutes to hours.

Further arguments go to pytest, e.g. `python -m tests.fuzz 2000 -k webhooks`.
"""

import os
import subprocess
import sys

MANY = 500


def main(given: list[str]) -> int:
    """Take the number of examples and pytest's arguments, return the exit status."""
    count = given.pop(0) if given and given[0].isdigit() else str(MANY)
    command = [sys.executable, "-m", "pytest", "tests/hostile", "tests/listings/test_identity.py", *given]
    return subprocess.run(command, env={**os.environ, "FUZZ_EXAMPLES": count}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
